package wsse_test

import (
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// refusalCase is a message that must be refused: the template is edited before signing, and the result after signing.
type refusalCase struct {
	name          string
	before, after []edit
	want          problem.Code
}

func (r refusalCase) runCase(t *testing.T) {
	t.Helper()
	t.Run(r.name, func(t *testing.T) {
		text := applyEdits(t, signTemplate(t, testpki.Key(t, testpki.Hospital), r.before...), r.after)
		verified, err := newVerifier(t).Verify(openEnvelope(t, text))
		wantRefusal(t, verified, err, r.want)
		wantInspected(t, text, r.want)
	})
}

const (
	signatureStart = `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="SIG-1">`
	signatureEnd   = `</ds:KeyInfo></ds:Signature>`
	bodyStart      = `<soap:Body xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" wsu:Id="id-1">`
	body           = bodyStart + content + `</soap:Body>`
	algorithmRSA   = `http://www.w3.org/2001/04/xmldsig-more#rsa-sha256`
)

func TestHeaderStructure(t *testing.T) {
	other := func(element string) []edit { return []edit{{signatureEnd, signatureEnd + element}} }
	for _, r := range []refusalCase{
		{name: "for another actor", after: []edit{{`soap:mustUnderstand="1"`, `soap:actor="urn:other"`}}, want: wsse.SecurityMissing},
		{name: "no Timestamp", after: []edit{{timestamp, ``}}, want: wsse.TimestampMissing},
		{name: "no token", before: []edit{{token, ``}, {referenceToken, ``}}, want: wsse.TokenMissing},
		{name: "two Timestamps", after: []edit{{timestamp, timestamp + strings.Replace(timestamp, "TS-1", "TS-2", 1)}}, want: wsse.SecurityRepeated},
		{name: "two tokens", before: []edit{{token, token + strings.Replace(token, "X509-1", "X509-2", 1)}}, want: wsse.SecurityRepeated},
		{name: "two signatures", before: []edit{{signatureStart, `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>` + signatureStart}}, want: wsse.SecurityRepeated},
		{name: "UsernameToken", after: other(`<wsse:UsernameToken/>`), want: wsse.TokenUnsupported},
		{name: "SAML assertion", after: other(`<Assertion xmlns="urn:oasis:names:tc:SAML:1.0:assertion"/>`), want: wsse.TokenUnsupported},
		{name: "EncryptedKey", after: other(`<EncryptedKey xmlns="http://www.w3.org/2001/04/xmlenc#"/>`), want: wsse.TokenUnsupported},
		{name: "something else", after: other(`<x/>`), want: wsse.SecurityUnexpected},
		{name: "Timestamp of another namespace", after: []edit{{`<wsu:Timestamp `, `<wsu:Timestamp xmlns:wsu="urn:other" `}}, want: wsse.SecurityUnexpected},
	} {
		r.runCase(t)
	}
	t.Run("no Security header", func(t *testing.T) {
		text := regexp.MustCompile(`<soap:Header>.*</soap:Header>`).ReplaceAllString(template, "")
		verified, err := newVerifier(t).Verify(openEnvelope(t, text))
		wantRefusal(t, verified, err, wsse.SecurityMissing)
	})
	t.Run("no signature", func(t *testing.T) {
		text := regexp.MustCompile(`<ds:Signature .*</ds:Signature>`).ReplaceAllString(template, "")
		verified, err := newVerifier(t).Verify(openEnvelope(t, text))
		wantRefusal(t, verified, err, wsse.SignatureMissing)
	})
}

func TestTokenAndKeyReference(t *testing.T) {
	const reference = `<wsse:Reference URI="#X509-1" ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"/>`
	keyInfo := func(content string) []edit { return []edit{{tokenReference, content}} }
	inside := func(content string) []edit { return []edit{{reference, content}} }
	for _, r := range []refusalCase{
		{name: "PKCS #7", before: []edit{{`#X509v3" wsu:Id="X509-1"`, `#PKCS7" wsu:Id="X509-1"`}}, want: wsse.TokenUnsupported},
		{name: "no ValueType", before: []edit{{` ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3" wsu:Id`, ` wsu:Id`}}, want: wsse.TokenUnsupported},
		{name: "hexadecimal", before: []edit{{`#Base64Binary`, `#HexBinary`}}, want: wsse.TokenEncoding},
		{name: "empty", before: []edit{{`[certificate]`, ``}}, want: wsse.TokenMalformed},
		{name: "PEM", before: []edit{{`[certificate]`, `-----BEGIN CERTIFICATE-----[certificate]-----END CERTIFICATE-----`}}, want: wsse.TokenMalformed},
		{name: "an element inside", before: []edit{{`[certificate]`, `[certificate]<x/>`}}, want: wsse.TokenMalformed},
		{name: "too long", before: []edit{{`[certificate]`, base64.StdEncoding.EncodeToString(make([]byte, wsse.MaxToken+1))}}, want: wsse.TokenMalformed},
		{name: "far too long", before: []edit{{`[certificate]`, strings.Repeat("A", 20*wsse.MaxToken)}}, want: wsse.TokenMalformed},
		{name: "no certificate", before: []edit{{`[certificate]`, base64.StdEncoding.EncodeToString([]byte("hello"))}}, want: x509id.TokenUnreadable},
		{name: "no reference", after: keyInfo(``), want: wsse.KeyReferenceMissing},
		{name: "two references", after: keyInfo(tokenReference + `<wsse:SecurityTokenReference/>`), want: wsse.KeyReferenceAmbiguous},
		{name: "nothing in the reference", after: inside(``), want: wsse.KeyReferenceMissing},
		{name: "two things in the reference", after: inside(reference + reference), want: wsse.KeyReferenceAmbiguous},
		{name: "URI without #", after: []edit{{`URI="#X509-1" V`, `URI="X509-1" V`}}, want: wsse.KeyReferenceWrong},
		{name: "URI of nothing", after: []edit{{`URI="#X509-1" V`, `URI="#X509-9" V`}}, want: wsse.KeyReferenceWrong},
		{name: "URI of the Timestamp", after: []edit{{`URI="#X509-1" V`, `URI="#TS-1" V`}}, want: wsse.KeyReferenceWrong},
		{name: "other ValueType", after: []edit{{`#X509v3"/></wsse:Sec`, `#X509v1"/></wsse:Sec`}}, want: wsse.KeyReferenceWrong},
		{name: "other TokenType", after: []edit{{`<wsse:SecurityTokenReference `, `<wsse:SecurityTokenReference xmlns:w="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd" w:TokenType="urn:saml" `}}, want: wsse.KeyReferenceWrong},
	} {
		r.runCase(t)
	}
}

func TestWrapping(t *testing.T) {
	forgedBody := `<soap:Body>` + forgedContent + `</soap:Body>`
	for _, r := range []refusalCase{
		{name: "Body moved to a wrapper in the header", after: []edit{{body, forgedBody}, {`</soap:Header>`, `<w>` + body + `</w></soap:Header>`}}, want: dsig.ReferenceTarget},
		{name: "Body moved to a header block", after: []edit{{body, forgedBody}, {`</soap:Header>`, body + `</soap:Header>`}}, want: wsse.BodyUnsigned},
		{name: "Body moved into the Security header", after: []edit{{body, forgedBody}, {`</wsse:Security>`, body + `</wsse:Security>`}}, want: wsse.SecurityUnexpected},
		{name: "Body moved into the KeyInfo", after: []edit{{body, forgedBody}, {signatureEnd, body + signatureEnd}}, want: dsig.ReferenceTarget},
		{name: "Body moved into the forged one", after: []edit{{body, `<soap:Body><m:Request xmlns:m="urn:test">` + body + `</m:Request></soap:Body>`}}, want: dsig.ReferenceTarget},
		{name: "Body moved into an Object", after: []edit{{body, forgedBody}, {signatureEnd, `</ds:KeyInfo><ds:Object>` + body + `</ds:Object></ds:Signature>`}}, want: dsig.SignatureStructure},
		{name: "only the content signed", before: []edit{{` wsu:Id="id-1">` + content, `><m:Request xmlns:m="urn:test" wsu:Id="id-1"/>`}}, want: dsig.ReferenceTarget},
		{name: "the whole envelope signed", before: []edit{{`<soap:Envelope `, `<soap:Envelope Id="E" `}, {`#id-1"`, `#E"`}}, want: dsig.ReferenceTarget},
		{name: "the header signed", before: []edit{{`<soap:Header>`, `<soap:Header Id="H">`}, {`#id-1"`, `#H"`}}, want: dsig.ReferenceTarget},
		{name: "the Security header signed", before: []edit{{`soap:mustUnderstand="1"`, `wsu:Id="S"`}, {`#TS-1"`, `#S"`}}, want: dsig.ReferenceTarget},
		{name: "the signature itself", before: []edit{{`#TS-1"`, `#SIG-1"`}}, want: dsig.ReferenceTarget},
		{name: "the key reference", before: []edit{{`#X509-1">`, `#STR-1">`}}, want: dsig.ReferenceTarget},
		{name: "Body not signed", before: []edit{{referenceBody, ``}}, want: wsse.BodyUnsigned},
		{name: "Timestamp not signed", before: []edit{{referenceTimestamp, ``}}, want: wsse.TimestampUnsigned},
		{name: "another Timestamp signed", before: []edit{{`#TS-1"`, `#TS-2"`}, {`</soap:Header>`, strings.Replace(timestamp, `<wsu:Timestamp wsu:Id="TS-1"`, `<wsu:Timestamp xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" wsu:Id="TS-2"`, 1) + `</soap:Header>`}}, want: wsse.TimestampUnsigned},
		{name: "Body referred to twice", before: []edit{{referenceBody, referenceBody + referenceBody}}, want: dsig.ReferenceTwice},
		{name: "Body twice, by its two ids", before: []edit{{`wsu:Id="id-1"`, `wsu:Id="id-1" Id="id-2"`}, {referenceBody, referenceBody + strings.Replace(referenceBody, "id-1", "id-2", 1)}}, want: dsig.ReferenceTwice},
		{name: "reference to nothing", after: []edit{{`wsu:Id="id-1"`, ``}}, want: wsse.ReferenceUnknown},
		{name: "Body by xml:id", before: []edit{{`wsu:Id="id-1"`, `xml:id="id-1"`}}, want: wsse.ReferenceIDKind},
		{name: "Body by ID", before: []edit{{`wsu:Id="id-1"`, `ID="id-1"`}}, want: wsse.ReferenceIDKind},
		{name: "header block by Id", before: []edit{{`</soap:Header>`, `<x Id="x-1"/></soap:Header>`}, {`#X509-1">`, `#x-1">`}}, want: wsse.ReferenceIDKind},
		{name: "empty URI", before: []edit{{`URI="#id-1"`, `URI=""`}}, want: dsig.ReferenceEmpty},
		{name: "no URI", before: []edit{{` URI="#id-1"`, ``}}, want: dsig.ReferenceEmpty},
		{name: "external URI", before: []edit{{`URI="#id-1"`, `URI="http://127.0.0.1:1/"`}}, want: dsig.ReferenceExternal},
		{name: "attachment", before: []edit{{`URI="#id-1"`, `URI="cid:1"`}}, want: dsig.ReferenceExternal},
		{name: "XPointer", before: []edit{{`URI="#id-1"`, `URI="#xpointer(id('id-1'))"`}}, want: dsig.ReferencePointer},
		{name: "bare #", before: []edit{{`URI="#id-1"`, `URI="#"`}}, want: dsig.ReferencePointer},
	} {
		r.runCase(t)
	}
}

func TestTampering(t *testing.T) {
	for _, r := range []refusalCase{
		{name: "content", after: []edit{{"48022907379", "48022907378"}}, want: dsig.DigestMismatch},
		{name: "attribute of Body", after: []edit{{`wsu:Id="id-1"`, `wsu:Id="id-1" a="b"`}}, want: dsig.DigestMismatch},
		{name: "Expires", after: []edit{{"10:01:00Z", "10:02:00Z"}}, want: dsig.DigestMismatch},
		{name: "indentation", after: []edit{{bodyStart, bodyStart + "\n  "}}, want: dsig.DigestMismatch},
		{name: "an element around text", after: []edit{{"48022907379", "<x>48022907379</x>"}}, want: dsig.DigestMismatch},
		{name: "SignedInfo", after: []edit{{`<ds:SignedInfo>`, `<ds:SignedInfo Id="x">`}}, want: dsig.SignatureInvalid},
		{name: "a reference dropped", before: []edit{{`</ds:SignedInfo>`, referenceNote + `</ds:SignedInfo>`}, {`</soap:Header>`, note + `</soap:Header>`}}, after: []edit{{`URI="#N-1"`, `URI="#N-1" Id="x"`}}, want: dsig.SignatureInvalid},
		{name: "another RSA algorithm", after: []edit{{algorithmRSA, `http://www.w3.org/2001/04/xmldsig-more#rsa-sha512`}}, want: dsig.SignatureInvalid},
		{name: "an EC algorithm", after: []edit{{algorithmRSA, `http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256`}}, want: dsig.SignatureKeyMismatch},
		{name: "an HMAC", after: []edit{{algorithmRSA, `http://www.w3.org/2001/04/xmldsig-more#hmac-sha256`}}, want: dsig.SignatureHMAC},
	} {
		r.runCase(t)
	}
}

const (
	note          = `<n xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" u:Id="N-1"/>`
	referenceNote = `<ds:Reference URI="#N-1">` + referenceRest
)

func TestCertificates(t *testing.T) {
	hospital := testpki.Key(t, testpki.Hospital)
	for name, c := range map[string]struct {
		key  *x509id.Key
		want problem.Code
	}{
		"another authority with the same name": {testpki.UntrustedKey(t), x509id.CertUntrusted},
		"self-signed twin":                     {testpki.SelfSignedKey(t), x509id.CertUntrusted},
		"unknown authority":                    {issueKey(t, authority.KeyRSA2048), x509id.CertUntrusted},
		"expired":                              {testpki.ExpiredKey(t), x509id.CertExpired},
		"not yet valid":                        {testpki.NotYetValidKey(t), x509id.CertNotYetValid},
		"revoked":                              {testpki.RevokedKey(t), x509id.CertRevoked},
		"not for signing":                      {testpki.WrongUsageKey(t), x509id.CertKeyUsage},
		"an authority":                         {testpki.CAKey(t), x509id.CertIsAuthority},
		"weak":                                 {testpki.WeakKey(t), x509id.CertKeyUnsupported},
		"the certificate of another":           {&x509id.Key{Signer: hospital.Signer, Certificate: testpki.Key(t, "NIHII-HOSPITAL=71012413").Certificate}, dsig.SignatureInvalid},
		"the EC certificate of the same":       {&x509id.Key{Signer: hospital.Signer, Certificate: testpki.ECKey(t).Certificate}, dsig.SignatureKeyMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			verified, err := newVerifier(t).Verify(openEnvelope(t, signTemplate(t, c.key)))
			wantRefusal(t, verified, err, c.want)
			if e := problem.From(err); e.Code == x509id.CertExpired && !strings.Contains(e.Detail.String(), "service time 2026-11-21T10:00:30Z") {
				t.Errorf("no service time in %q", e.Detail.String())
			}
		})
	}
}

// TestCachedSignersAreCheckedAgain revokes a certificate that was accepted before.
func TestCachedSignersAreCheckedAgain(t *testing.T) {
	key := issueKey(t, authority.KeyECP256)
	text := signTemplate(t, key, edit{algorithmRSA, `http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256`})
	v := newVerifier(t)
	v.Trust = trustBoth(t)
	for range 2 {
		if _, err := v.Verify(openEnvelope(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := testAuthority(t).SignCRL(1, now, now.AddDate(0, 0, 1), key.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if err = revocation.NewCRLStore(v.Trust).AddCRL(list); err != nil {
		t.Fatal(err)
	}
	verified, err := v.Verify(openEnvelope(t, text))
	wantRefusal(t, verified, err, x509id.CertRevoked)
}

func TestSubjectsThatNameNobody(t *testing.T) {
	key, err := testAuthority(t).Issue(authority.Order{
		Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "1", Name: "TEST"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t)
	verified, err := v.Verify(openEnvelope(t, signTemplate(t, key)))
	wantRefusal(t, verified, err, x509id.CertUntrusted) // the subject of an untrusted certificate is not checked
	v.Trust = trustBoth(t)
	verified, err = v.Verify(openEnvelope(t, signTemplate(t, key)))
	wantRefusal(t, verified, err, x509id.CertSubjectNumber)
}

// TestUntrustedSignersLearnNothing compares the refusals of untrusted signers, as a caller sees them.
func TestUntrustedSignersLearnNothing(t *testing.T) {
	v := newVerifier(t)
	seen := map[string]bool{}
	for _, key := range []*x509id.Key{testpki.UntrustedKey(t), testpki.SelfSignedKey(t), issueKey(t, authority.KeyRSA2048)} {
		_, err := v.Verify(openEnvelope(t, signTemplate(t, key)))
		e := problem.From(err)
		seen[string(e.Code)+"|"+e.Detail.String()+"|"+e.Path] = true
	}
	if len(seen) != 1 {
		t.Errorf("they get different answers: %v", seen)
	}
}

func TestStrictDemandsASignedToken(t *testing.T) {
	text := signTemplate(t, testpki.Key(t, testpki.Hospital), edit{referenceToken, ""})
	v := newVerifier(t)
	if _, err := v.Verify(openEnvelope(t, text)); err != nil {
		t.Fatal(err)
	}
	v.Strict = true
	verified, err := v.Verify(openEnvelope(t, text))
	wantRefusal(t, verified, err, wsse.TokenUnsigned)
}

// TestECDSAIsNotDER checks that the ASN.1 value, the default of most libraries, is refused with a code of its own.
func TestECDSAIsNotDER(t *testing.T) {
	text := signTemplate(t, testpki.ECKey(t), edit{algorithmRSA, `http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256`})
	value := regexp.MustCompile(`<ds:SignatureValue>(.*)</ds:SignatureValue>`).FindStringSubmatch(text)[1]
	pair, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(pair) != 64 {
		t.Fatal(err, len(pair))
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(pair[:32]), new(big.Int).SetBytes(pair[32:])})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = newVerifier(t).Verify(openEnvelope(t, text)); err != nil {
		t.Fatal(err)
	}
	verified, err := newVerifier(t).Verify(openEnvelope(t, strings.Replace(text, value, base64.StdEncoding.EncodeToString(der), 1)))
	wantRefusal(t, verified, err, dsig.SignatureValueMalformed)
}

// TestRefusalsSayWhere checks the texts that a caller sees.
func TestRefusalsSayWhere(t *testing.T) {
	for want, r := range map[string]refusalCase{
		"REFERENCE_TARGET_REFUSED at ds:Reference[2]: element SecurityTokenReference URI #STR-1": {before: []edit{{`#TS-1"`, `#STR-1"`}}},
		"REFERENCE_NOT_FOUND at ds:Reference[1]: URI #id-1":                                      {after: []edit{{`wsu:Id="id-1"`, ``}}},
		"SECURITY_PART_UNEXPECTED at wsse:Security: element Other":                               {after: []edit{{signatureEnd, signatureEnd + `<Other/>`}}},
		"DIGEST_MISMATCH at ds:Reference[1]: element Body":                                       {after: []edit{{"48022907379", "48022907378"}}},
		"TIMESTAMP_EXPIRED at wsu:Timestamp: Created 2026-11-21T09:00:00Z - good until 2026-11-21T09:05:00Z - service time 2026-11-21T10:00:30Z": {
			before: []edit{{"T10:00:00Z", "T09:00:00Z"}}},
		"DIGEST_SHA1_REFUSED at ds:Reference[1]/ds:DigestMethod: http://www.w3.org/2000/09/xmldsig#sha1": {
			before: []edit{{"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"}}},
	} {
		text := applyEdits(t, signTemplate(t, testpki.Key(t, testpki.Hospital), r.before...), r.after)
		if _, err := newVerifier(t).Verify(openEnvelope(t, text)); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
