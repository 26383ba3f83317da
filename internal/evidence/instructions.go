package evidence

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// xmlsecIDAttributes declares the elements with an Id attribute: xmlsec1 reads no schema.
const xmlsecIDAttributes = "--id-attr:Id http://schemas.xmlsoap.org/soap/envelope/:Body " +
	"--id-attr:Id http://www.w3.org/2003/05/soap-envelope:Body " +
	"--id-attr:Id " + utilityNamespace + ":Timestamp --id-attr:Id " + securityNamespace + ":BinarySecurityToken"

const (
	securityNamespace  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	utilityNamespace   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	signatureNamespace = "http://www.w3.org/2000/09/xmldsig#"
	exclusiveC14N      = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// XPath expressions for tools that know no namespace prefixes. They say what xmlsec1 does not: that the signature is
// the only one and stands in Security, and that the elements which it covers are the Body and the Timestamp that count.
var (
	xpathSecurity  = "/*/*[1]" + xpathElement(securityNamespace, "Security")
	xpathSignature = xpathSecurity + xpathElement(signatureNamespace, "Signature")
	xpathReference = xpathSignature + xpathElement(signatureNamespace, "SignedInfo") +
		xpathElement(signatureNamespace, "Reference")
	xpathTimestamp = xpathSecurity + xpathElement(utilityNamespace, "Timestamp")
	xpathBody      = "/*/*[2]"

	xpathChecks = []string{
		// The Envelope has a Header and a Body, in this order, and nothing else.
		"/*[local-name()='Envelope'] and count(/*/*)=2 and /*/*[1][local-name()='Header' and " +
			"namespace-uri()=namespace-uri(/*)] and " + xpathBody + "[local-name()='Body' and " +
			"namespace-uri()=namespace-uri(/*)]",
		// The only signature outside the Body is a child of Security.
		"count(/*/*[1]//*[local-name()='Signature' and namespace-uri()='" + signatureNamespace + "'])=1 and count(" +
			xpathSignature + ")=1",
		xpathIsSigned(xpathBody),
		"count(" + xpathTimestamp + ")=1 and " + xpathIsSigned(xpathTimestamp),
		// The signature refers to nothing else than elements of this message, and changes none of them.
		"not(" + xpathReference + "[not(starts-with(@URI,'#')) or starts-with(@URI,'#xpointer')]) and not(" +
			xpathSignature + "/descendant::*[local-name()='Transform'][@Algorithm!='" + exclusiveC14N + "' and " +
			"@Algorithm!='" + signatureNamespace + "enveloped-signature'])",
	}
)

func xpathElement(namespace, local string) string {
	return "/*[local-name()='" + local + "' and namespace-uri()='" + namespace + "']"
}

// xpathIsSigned returns the condition that an element has one identifier, by whatever attribute, that no other element
// has it, and that the signature refers to it.
func xpathIsSigned(element string) string {
	const isID = "[translate(local-name(),'ID','id')='id']"
	id := element + "/@*" + isID
	return "count(" + id + ")=1 and count(//@*" + isID + "[normalize-space()=normalize-space(" + id + ")])=1 and " +
		"count(" + xpathReference + "[@URI=concat('#'," + id + ")])=1"
}

const readmeIntroduction = "" +
	"NL  Dit bestand bewijst wie welke melding ondertekende en wanneer het register ze aanvaardde. " +
	"Voer de opdrachten hieronder\n" +
	"    uit in deze map: elke opdracht moet slagen. Vergelijk de sleutel van de dienst met die welke u van de " +
	"dienst zelf hebt.\n" +
	"FR  Ce fichier prouve qui a signé quelle notification et quand le registre l'a acceptée. " +
	"Exécutez dans ce dossier les lignes\n" +
	"    ci-dessous : chacune doit réussir. Comparez la clé du service avec celle que vous tenez du service " +
	"lui-même.\n" +
	"DE  Diese Datei beweist, wer welche Meldung unterschrieben hat und wann das Register sie angenommen hat. " +
	"Führen Sie die Befehle\n" +
	"    unten in diesem Ordner aus: jeder muss gelingen. Vergleichen Sie den Schlüssel des Dienstes mit dem, den " +
	"Sie von ihm haben.\n" +
	"EN  This file proves who signed which notification, and when the register accepted it. " +
	"Run the commands below in this folder:\n" +
	"    each must succeed. Compare the service's key with the one that you have from the service itself.\n"

// plainName is a name that is safe in a shell command between single quotes, and in a line of the README.
var plainName = regexp.MustCompile(`^[A-Za-z0-9:/._#?=&%~+-]+$`)

// headerIDAttributes declares the header blocks with an identifier, which the signature may cover too.
func headerIDAttributes(message []byte) string {
	document, err := xmldoc.Parse(message, xmldoc.DefaultLimits())
	if err != nil {
		return ""
	}
	var b strings.Builder
	for block := range document.Root().FirstChild().Children() {
		name := block.Space() + ":" + block.Local()
		if _, hasID := block.Attr(utilityNamespace, "Id"); hasID && plainName.MatchString(name) {
			b.WriteString(" --id-attr:Id '" + name + "'")
		}
	}
	return b.String()
}

// buildReadme returns the instructions for verifying the archive. Each line that begins with "$ " is a command.
func buildReadme(messages []signedMessage) string {
	var b strings.Builder
	b.WriteString(readmeIntroduction)
	b.WriteString(`
1. The statement of the service (what, who, when) is as the service signed it. OpenSSL 3 or newer:

$ openssl pkeyutl -verify -pubin -inkey service-key.pem -rawin -in statement.json -sigfile statement.sig
$ openssl pkey -pubin -in service-key.pem -text -noout
`)
	for _, m := range messages {
		message, certificate := messageFileName(m.version), certificateFileName(m.version)
		fmt.Fprintf(&b, `
2. Version %[1]d: the message and the certificate are those of the statement.

$ openssl dgst -sha256 -r %[2]s | grep -q '^%[3]s '
$ grep -q '"sha256": "%[3]s"' statement.json
$ grep -q "\"sha256\": \"$(openssl x509 -in %[4]s -outform DER | openssl dgst -sha256 -r | cut -c1-64)\"" statement.json

3. Version %[1]d: the message has no document type, one signature in Security, and this signature covers the Timestamp
and the Body of the message, not elements elsewhere.

$ xmllint --nonet --noout %[2]s && ! xmllint --nonet --debug %[2]s | grep '^ *DTD('
`, m.version, message, m.sha256, certificate)
		for _, check := range xpathChecks {
			fmt.Fprintf(&b, "$ test \"$(xmllint --nonet --xpath \"boolean(%s)\" %s)\" = true\n", check, message)
		}
		fmt.Fprintf(&b, `
4. Version %[1]d: whoever has the key of this certificate made this signature. With xmlsec1 1.3 or newer, add `+
			`--lax-key-search.

$ xmlsec1 --verify --enabled-key-data key-name --pubkey-cert-pem %[3]s --node-xpath "%[4]s" %[5]s %[2]s
$ openssl x509 -in %[3]s -noout -subject -issuer -dates
`, m.version, message, certificate, xpathSignature, xmlsecIDAttributes+m.headerIDAttributes)
		if m.hasIssuer {
			fmt.Fprintf(&b, `
5. Version %d: the certificate was issued by these authorities, and good when the message was accepted. Compare the `+
				`authorities
with those that you have from elsewhere.

$ openssl verify -partial_chain -attime %d -CAfile %s %s
`, m.version, m.acceptedAt.Unix(), issuersFileName, certificate)
		}
	}
	b.WriteString(`
The program ctr checks all of this and the proof of the audit log at once: ctr evidence verify FILE.zip --trust CA.pem

In the statement, "verdict" is how the audit trail of the service tells of the request; "sealed" proves that the signed
checkpoint covers that row, and the service's document on its audit trail says how to follow it.
`)
	return b.String()
}
