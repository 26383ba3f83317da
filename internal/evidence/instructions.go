package evidence

import (
	"fmt"
	"strings"
)

// xmlsecIDAttributes declares the elements with an Id attribute: xmlsec1 reads no schema.
const xmlsecIDAttributes = "--id-attr:Id http://schemas.xmlsoap.org/soap/envelope/:Body " +
	"--id-attr:Id http://www.w3.org/2003/05/soap-envelope:Body " +
	"--id-attr:Id http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd:Timestamp " +
	"--id-attr:Id http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd:BinarySecurityToken"

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

3. Version %[1]d: whoever has the key of this certificate signed the message. With xmlsec1 1.3 or newer, add `+
			`--lax-key-search.

$ xmlsec1 --verify --pubkey-cert-pem %[4]s %[5]s %[2]s
$ openssl x509 -in %[4]s -noout -subject -issuer -dates
`, m.version, message, m.sha256, certificate, xmlsecIDAttributes)
		if m.hasIssuer {
			fmt.Fprintf(&b, `
4. Version %d: the certificate was issued by these authorities, and good when the message was accepted. Compare the `+
				`authorities
with those that you have from elsewhere.

$ openssl verify -partial_chain -attime %d -CAfile %s %s
`, m.version, m.acceptedAt.Unix(), issuersFileName, certificate)
		}
	}
	b.WriteString(`
In the statement, "verdict" is how the audit trail of the service tells of the request; "sealed" proves that the signed
checkpoint covers that row, and the service's document on its audit trail says how to follow it.
`)
	return b.String()
}
