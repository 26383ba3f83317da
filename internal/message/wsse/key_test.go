package wsse_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/dsigtest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

const tokenProfile = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0"

// encodeBase64 encodes data as in a token.
func encodeBase64(octets []byte) string { return base64.StdEncoding.EncodeToString(octets) }

// tokenReferenceTo wraps content in a SecurityTokenReference.
func tokenReferenceTo(content string) string {
	return `<wsse:SecurityTokenReference wsu:Id="STR-1">` + content + `</wsse:SecurityTokenReference>`
}

func keyIdentifier(valueType, content string) string {
	return tokenReferenceTo(`<wsse:KeyIdentifier EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary" ValueType="` +
		valueType + `">` + content + `</wsse:KeyIdentifier>`)
}

func thumbprintReference(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return keyIdentifier("http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1", encodeBase64(sum[:]))
}

func subjectKeyIdentifierOf(id []byte) string {
	return keyIdentifier(tokenProfile+"#X509SubjectKeyIdentifier", encodeBase64(id))
}

func x509Data(content string) string { return `<ds:X509Data>` + content + `</ds:X509Data>` }

func x509Certificate(content string) string {
	return `<ds:X509Certificate>` + content + `</ds:X509Certificate>`
}

func issuerSerial(name, serial string) string {
	name = strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(name)
	return `<ds:X509IssuerSerial><ds:X509IssuerName>` + name + `</ds:X509IssuerName><ds:X509SerialNumber>` + serial + `</ds:X509SerialNumber></ds:X509IssuerSerial>`
}

func issuerSerialOf(c *x509.Certificate) string {
	return issuerSerial(c.Issuer.String(), c.SerialNumber.String())
}

// subjectText formats a subject RDN by RDN; x509 would join RDNs of one type.
func subjectText(tb testing.TB, c *x509.Certificate) string {
	tb.Helper()
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(c.RawSubject, &name); err != nil {
		tb.Fatal(err)
	}
	return name.String()
}

// dropToken removes the token and the reference to it from the template.
func dropToken() []edit { return []edit{{token, ``}, {referenceToken, ``}} }

// withKeyInfo replaces the key reference of the template.
func withKeyInfo(keyInfo string) edit { return edit{tokenReference, keyInfo} }

// issuedKey is a key with the certificate of its issuer.
type issuedKey struct {
	key    *x509id.Key
	issuer *x509.Certificate
}

// keyWithIdentifier returns a key whose certificate has a subject key identifier, as those of the platform do and those
// of the test authority do not.
func keyWithIdentifier(tb testing.TB) issuedKey {
	tb.Helper()
	i, err := newKeyWithIdentifier()
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

var newKeyWithIdentifier = sync.OnceValues(func() (issuedKey, error) {
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return issuedKey{}, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "wsse root"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), SubjectKeyId: []byte("an identifier"), NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		Subject: pkix.Name{
			Country: []string{"BE"}, Organization: []string{"Federal Government"}, CommonName: testpki.Hospital,
			OrganizationalUnit: []string{"eHealth-platform Belgium", testpki.Hospital, "TEST"},
		},
	}
	var name pkix.RDNSequence
	for _, part := range leaf.Subject.ToRDNSequence() {
		for _, a := range part { // each value of OU in an RDN of its own
			name = append(name, pkix.RelativeDistinguishedNameSET{a})
		}
	}
	if leaf.RawSubject, err = asn1.Marshal(name); err != nil {
		return issuedKey{}, err
	}
	certificate, err := issueCertificate(leaf, root, signer)
	if err != nil {
		return issuedKey{}, err
	}
	authority, err := issueCertificate(root, root, signer)
	return issuedKey{&x509id.Key{Signer: signer, Certificate: certificate}, authority}, err
})

func issueCertificate(template, parent *x509.Certificate, signer crypto.Signer) (*x509.Certificate, error) {
	octets, err := x509.CreateCertificate(rand.Reader, template, parent, signer.Public(), signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(octets)
}

// registeringVerifier returns a verifier that trusts the hospital, its EC key and the key with an identifier, and has
// them and some unusable certificates registered.
func registeringVerifier(t testing.TB) *wsse.Verifier {
	t.Helper()
	own := keyWithIdentifier(t)
	trust, err := x509id.ParseTrustStore(64, testpki.CAFile(t), x509id.EncodePEM(own.issuer))
	if err != nil {
		t.Fatal(err)
	}
	if err = revocation.NewCRLStore(trust).AddCRL(testpki.CRLFile(t)); err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t)
	v.Trust = trust
	v.Registered = x509id.NewDirectory([]*x509.Certificate{testpki.Key(t, testpki.Hospital).Certificate, own.key.Certificate,
		testpki.ExpiredKey(t).Certificate, testpki.UntrustedKey(t).Certificate, testpki.RevokedKey(t).Certificate, testpki.ECKey(t).Certificate})
	return v
}

// encodePKIPath encodes a PkiPath in base64.
func encodePKIPath(tb testing.TB, certs ...*x509.Certificate) string {
	tb.Helper()
	all := make([]asn1.RawValue, 0, len(certs))
	for _, c := range certs {
		all = append(all, asn1.RawValue{FullBytes: c.Raw})
	}
	octets, err := asn1.Marshal(all)
	if err != nil {
		tb.Fatal(err)
	}
	return encodeBase64(octets)
}

// withPathToken turns the token into a PkiPath.
func withPathToken(content string) []edit {
	return []edit{
		{tokenProfile + `#X509v3" wsu:Id`, tokenProfile + `#X509PKIPathv1" wsu:Id`}, {`[certificate]`, content},
		{`URI="#X509-1" ValueType="` + tokenProfile + `#X509v3"`, `URI="#X509-1" ValueType="` + tokenProfile + `#X509PKIPathv1"`},
	}
}

// TestKeyReferences covers each form of containing or identifying the certificate.
func TestKeyReferences(t *testing.T) {
	hospital := testpki.Key(t, testpki.Hospital)
	c := hospital.Certificate
	withID := keyWithIdentifier(t).key
	authorities := testpki.AuthorityCertificates(t)
	folded := strings.ReplaceAll(encodeBase64(c.Raw), "A", "A\r\n\t ")
	for name, test := range map[string]struct {
		key    *x509id.Key
		before []edit
	}{
		"KeyIdentifier with the certificate":      {hospital, append(dropToken(), withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", "[certificate]")))},
		"folded":                                  {hospital, append(dropToken(), withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", folded)))},
		"without EncodingType":                    {hospital, append(dropToken(), withKeyInfo(tokenReferenceTo(`<wsse:KeyIdentifier ValueType="`+tokenProfile+`#X509v3">[certificate]</wsse:KeyIdentifier>`)))},
		"X509Data":                                {hospital, append(dropToken(), withKeyInfo(x509Data(x509Certificate("[certificate]"))))},
		"X509Data, folded":                        {hospital, append(dropToken(), withKeyInfo(x509Data(x509Certificate(folded))))},
		"X509Data in a SecurityTokenReference":    {hospital, append(dropToken(), withKeyInfo(tokenReferenceTo(x509Data(x509Certificate("[certificate]")))))},
		"X509Data with everything":                {hospital, append(dropToken(), withKeyInfo(x509Data(`<ds:X509SubjectName>`+subjectText(t, c)+`</ds:X509SubjectName>`+issuerSerialOf(c)+x509Certificate("[certificate]"))))},
		"X509Data with an identifier":             {withID, append(dropToken(), withKeyInfo(x509Data(x509Certificate("[certificate]")+`<ds:X509SKI>`+encodeBase64(withID.Certificate.SubjectKeyId)+`</ds:X509SKI>`)))},
		"X509Data beside the token":               {hospital, []edit{withKeyInfo(x509Data(x509Certificate("[certificate]")))}},
		"KeyIdentifier beside the token":          {hospital, []edit{withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", "[certificate]"))}},
		"IssuerSerial beside the token":           {hospital, []edit{withKeyInfo(tokenReferenceTo(x509Data(issuerSerialOf(c))))}},
		"thumbprint beside the token":             {hospital, []edit{withKeyInfo(thumbprintReference(c))}},
		"subject key identifier beside the token": {withID, []edit{withKeyInfo(subjectKeyIdentifierOf(withID.Certificate.SubjectKeyId))}},
		"registered, IssuerSerial":                {hospital, append(dropToken(), withKeyInfo(tokenReferenceTo(x509Data(issuerSerialOf(c)))))},
		"registered, IssuerSerial in KeyInfo":     {hospital, append(dropToken(), withKeyInfo(x509Data(issuerSerialOf(c))))},
		"registered, IssuerSerial with spaces":    {hospital, append(dropToken(), withKeyInfo(x509Data(issuerSerial("\n "+strings.ReplaceAll(c.Issuer.String(), ",", " ,  ")+"\n", "\t"+c.SerialNumber.String()+" "))))},
		"registered, subject too":                 {hospital, append(dropToken(), withKeyInfo(x509Data(issuerSerialOf(c)+`<ds:X509SubjectName>`+subjectText(t, c)+`</ds:X509SubjectName>`)))},
		"registered, thumbprint":                  {hospital, append(dropToken(), withKeyInfo(thumbprintReference(c)))},
		"registered, subject key identifier":      {withID, append(dropToken(), withKeyInfo(subjectKeyIdentifierOf(withID.Certificate.SubjectKeyId)))},
		"registered, X509SKI":                     {withID, append(dropToken(), withKeyInfo(x509Data(`<ds:X509SKI>`+encodeBase64(withID.Certificate.SubjectKeyId)+`</ds:X509SKI>`)))},
		"path of one":                             {hospital, withPathToken(encodePKIPath(t, c))},
		"path with the issuer":                    {hospital, withPathToken(encodePKIPath(t, authorities[0], c))},
		"path from the root":                      {hospital, withPathToken(encodePKIPath(t, authorities[1], authorities[0], c))},
		"path without ValueType in the reference": {hospital, append(withPathToken(encodePKIPath(t, authorities[0], c)), edit{`URI="#X509-1" ValueType="` + tokenProfile + `#X509PKIPathv1"`, `URI="#X509-1"`})},
		"path with a thumbprint":                  {hospital, append(withPathToken(encodePKIPath(t, authorities[0], c))[:2], withKeyInfo(thumbprintReference(c)))},
	} {
		t.Run(name, func(t *testing.T) {
			v := registeringVerifier(t)
			for range 2 { // the second time the signer is cached
				verified, err := v.Verify(openEnvelope(t, signTemplate(t, test.key, test.before...)))
				if err != nil {
					t.Fatal(err)
				}
				if !verified.Certificate().Equal(test.key.Certificate) || verified.Signer().String() != testpki.Hospital {
					t.Errorf("signed by %s with %s", verified.Signer(), verified.Certificate().SerialNumber)
				}
			}
			if text := signTemplate(t, test.key, test.before...); strings.Contains(text, content) {
				verified, err := v.Verify(openEnvelope(t, strings.Replace(text, content, forgedContent, 1)))
				wantRefusal(t, verified, err, dsig.DigestMismatch)
			}
		})
	}
}

// TestKeyReferencesThatAreRefused covers references to no key, to several, or to the wrong one.
func TestKeyReferencesThatAreRefused(t *testing.T) {
	c := testpki.Key(t, testpki.Hospital).Certificate
	other := testpki.Key(t, "NIHII-HOSPITAL=71012413").Certificate
	withID := keyWithIdentifier(t).key
	certificate := x509Certificate("[certificate]")
	alone := func(keyInfo string) []edit { return append(dropToken(), withKeyInfo(keyInfo)) }
	for _, r := range []refusalCase{
		{name: "KeyValue", before: alone(`<ds:KeyValue><ds:RSAKeyValue/></ds:KeyValue>`), want: wsse.KeyReferenceUnsupported},
		{name: "KeyValue in the reference", before: alone(tokenReferenceTo(`<ds:KeyValue/>`)), want: wsse.KeyReferenceUnsupported},
		{name: "KeyValue beside X509Data", before: alone(`<ds:KeyValue/>` + x509Data(certificate)), want: wsse.KeyReferenceAmbiguous},
		{name: "KeyName", before: alone(`<ds:KeyName>authentication</ds:KeyName>`), want: wsse.KeyReferenceUnsupported},
		{name: "RetrievalMethod", before: alone(`<ds:RetrievalMethod URI="http://127.0.0.1:1/"/>`), want: wsse.KeyReferenceUnsupported},
		{name: "Embedded", before: alone(tokenReferenceTo(`<wsse:Embedded>` + token + `</wsse:Embedded>`)), want: wsse.KeyReferenceUnsupported},
		{name: "X509Data of another namespace", before: alone(`<X509Data>` + certificate + `</X509Data>`), want: wsse.KeyReferenceUnsupported},
		{name: "two X509Data", before: alone(x509Data(certificate) + x509Data(certificate)), want: wsse.KeyReferenceAmbiguous},
		{name: "empty X509Data", before: alone(x509Data(``)), want: wsse.KeyReferenceMissing},
		{name: "two certificates", before: alone(x509Data(certificate + x509Certificate(encodeBase64(other.Raw)))), want: wsse.KeyReferenceAmbiguous},
		{name: "two issuers", before: alone(x509Data(issuerSerialOf(c) + issuerSerialOf(other))), want: wsse.KeyReferenceAmbiguous},
		{name: "X509CRL", before: alone(x509Data(certificate + `<ds:X509CRL>AAAA</ds:X509CRL>`)), want: wsse.KeyReferenceUnsupported},
		{name: "subject alone", before: alone(x509Data(`<ds:X509SubjectName>` + subjectText(t, c) + `</ds:X509SubjectName>`)), want: wsse.KeyReferenceUnsupported},
		{name: "thumbprint with SHA-256", before: alone(keyIdentifier("http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA256", "AAAA")), want: wsse.KeyReferenceUnsupported},
		{name: "EncryptedKey", before: alone(keyIdentifier("http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKeySHA1", "AAAA")), want: wsse.KeyReferenceUnsupported},
		{name: "assertion", before: alone(keyIdentifier("http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.0#SAMLAssertionID", "AAAA")), want: wsse.KeyReferenceUnsupported},
		{name: "no ValueType", before: alone(tokenReferenceTo(`<wsse:KeyIdentifier>[certificate]</wsse:KeyIdentifier>`)), want: wsse.KeyReferenceUnsupported},
		{name: "hexadecimal KeyIdentifier", before: append(alone(keyIdentifier(tokenProfile+"#X509v3", "[certificate]")), edit{`#Base64Binary`, `#HexBinary`}), want: wsse.TokenEncoding},
		{name: "KeyIdentifier that is no base64", before: alone(keyIdentifier(tokenProfile+"#X509v3", "*")), want: wsse.TokenMalformed},
		{name: "KeyIdentifier that is no certificate", before: alone(keyIdentifier(tokenProfile+"#X509v3", "AAAA")), want: x509id.TokenUnreadable},
		{name: "KeyIdentifier that is too long", before: alone(keyIdentifier(tokenProfile+"#X509v3", encodeBase64(make([]byte, wsse.MaxToken+1)))), want: wsse.TokenMalformed},
		{name: "thumbprint that is no base64", before: alone(keyIdentifier("http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1", "*")), want: x509id.KeyReferenceMalformed},
		{name: "thumbprint that is too long", before: alone(keyIdentifier("http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1", encodeBase64(make([]byte, 21)))), want: x509id.KeyReferenceMalformed},
		{name: "identifier that is too long", before: alone(subjectKeyIdentifierOf(make([]byte, 65))), want: x509id.KeyReferenceMalformed},
		{name: "X509SKI that is no base64", before: alone(x509Data(`<ds:X509SKI>*</ds:X509SKI>`)), want: x509id.KeyReferenceMalformed},
		{name: "TokenType", before: append(alone(thumbprintReference(c)), edit{`<wsse:SecurityTokenReference `, `<wsse:SecurityTokenReference xmlns:w="http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd" w:TokenType="urn:saml" `}), want: wsse.KeyReferenceWrong},

		{name: "IssuerSerial without name", before: alone(x509Data(`<ds:X509IssuerSerial><ds:X509SerialNumber>1</ds:X509SerialNumber></ds:X509IssuerSerial>`)), want: x509id.KeyReferenceMalformed},
		{name: "IssuerSerial in another order", before: alone(x509Data(`<ds:X509IssuerSerial><ds:X509SerialNumber>1</ds:X509SerialNumber><ds:X509IssuerName>CN=a</ds:X509IssuerName></ds:X509IssuerSerial>`)), want: x509id.KeyReferenceMalformed},
		{name: "IssuerSerial with more", before: alone(x509Data(strings.Replace(issuerSerialOf(c), `</ds:X509IssuerSerial>`, `<x/></ds:X509IssuerSerial>`, 1))), want: x509id.KeyReferenceMalformed},
		{name: "element in a name", before: alone(x509Data(issuerSerial("CN=a", "1<x/>"))), want: x509id.KeyReferenceMalformed},
		{name: "name with an element", before: alone(x509Data(strings.Replace(issuerSerial("CN=a", "1"), "CN=a", "CN=a<x/>", 1))), want: x509id.KeyReferenceMalformed},
		{name: "name in slashes", before: alone(x509Data(issuerSerial("/C=BE/CN=a", "1"))), want: x509id.KeyReferenceMalformed},
		{name: "endless name", before: alone(x509Data(issuerSerial("CN="+strings.Repeat("a", 20000), "1"))), want: x509id.KeyReferenceMalformed},
		{name: "subject that is no name", before: alone(x509Data(certificate + `<ds:X509SubjectName>a</ds:X509SubjectName>`)), want: x509id.KeyReferenceMalformed},
		{name: "subject with an element", before: alone(x509Data(certificate + `<ds:X509SubjectName><x/></ds:X509SubjectName>`)), want: x509id.KeyReferenceMalformed},

		{name: "KeyIdentifier and another token", before: []edit{withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", encodeBase64(other.Raw)))}, want: wsse.KeyReferenceDisagrees},
		{name: "another token and the KeyIdentifier", before: []edit{{`[certificate]`, encodeBase64(other.Raw)}, withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", "[certificate]"))}, want: wsse.KeyReferenceDisagrees},
		{name: "X509Data and another token", before: []edit{withKeyInfo(x509Data(x509Certificate(encodeBase64(other.Raw))))}, want: wsse.KeyReferenceDisagrees},
		{name: "thumbprint and another token", before: []edit{withKeyInfo(thumbprintReference(other))}, want: wsse.KeyReferenceDisagrees},
		{name: "identifier and another token", before: []edit{withKeyInfo(subjectKeyIdentifierOf(withID.Certificate.SubjectKeyId))}, want: wsse.KeyReferenceDisagrees},
		{name: "IssuerSerial and another token", before: []edit{withKeyInfo(x509Data(issuerSerialOf(other)))}, want: wsse.KeyReferenceDisagrees},
		{name: "IssuerSerial and another certificate", before: alone(x509Data(certificate + issuerSerialOf(other))), want: wsse.KeyReferenceDisagrees},
		{name: "subject of another", before: alone(x509Data(certificate + `<ds:X509SubjectName>` + subjectText(t, other) + `</ds:X509SubjectName>`)), want: wsse.KeyReferenceDisagrees},
		{name: "issuer by another case of its serial", before: []edit{withKeyInfo(x509Data(issuerSerial(c.Issuer.String(), c.SerialNumber.String()+"0")))}, want: wsse.KeyReferenceDisagrees},
		{name: "issuer whose parts are one value", before: []edit{withKeyInfo(x509Data(issuerSerial(strings.ReplaceAll(c.Issuer.String(), ",", `\,`), c.SerialNumber.String())))}, want: wsse.KeyReferenceDisagrees},
		{name: "issuer in quotation marks", before: []edit{withKeyInfo(x509Data(issuerSerial(strings.Replace(c.Issuer.String(), "=", `="`, 1)+`"`, c.SerialNumber.String())))}, want: wsse.KeyReferenceDisagrees},
		{name: "issuer from the other end", before: []edit{withKeyInfo(x509Data(issuerSerial(reverseRDNs(c.Issuer.String()), c.SerialNumber.String())))}, want: wsse.KeyReferenceDisagrees},
		{name: "ValueType of a path", before: []edit{{`URI="#X509-1" ValueType="` + tokenProfile + `#X509v3"`, `URI="#X509-1" ValueType="` + tokenProfile + `#X509PKIPathv1"`}}, want: wsse.KeyReferenceWrong},

		{name: "nobody registered this", before: alone(x509Data(issuerSerialOf(other))), want: wsse.KeyUnregistered},
		{name: "the certificate of another", before: alone(x509Data(x509Certificate(encodeBase64(other.Raw)))), want: dsig.SignatureInvalid},
		{name: "stranger in X509Data", before: alone(x509Data(x509Certificate(encodeBase64(testpki.UntrustedKey(t).Certificate.Raw)))), want: x509id.CertUntrusted},
	} {
		r.runCase(t)
	}
}

func reverseRDNs(name string) string {
	parts := strings.Split(name, ",")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ",")
}

// TestPathsThatAreRefused checks that the last certificate signs, and that the others are bounded and not trusted.
func TestPathsThatAreRefused(t *testing.T) {
	c := testpki.Key(t, testpki.Hospital).Certificate
	authorities := testpki.AuthorityCertificates(t)
	many := make([]*x509.Certificate, 100)
	for i := range many {
		many[i] = authorities[1]
	}
	for _, r := range []refusalCase{
		{name: "leaf first", before: withPathToken(encodePKIPath(t, c, authorities[0])), want: x509id.TokenPathOrder},
		{name: "leaf first, with another of ours last", before: withPathToken(encodePKIPath(t, c, testpki.Key(t, "NIHII-HOSPITAL=71012413").Certificate)), want: x509id.TokenPathOrder},
		{name: "the authorities alone", before: withPathToken(encodePKIPath(t, authorities[1], authorities[0])), want: x509id.CertIsAuthority},
		{name: "the certificate of another last", before: withPathToken(encodePKIPath(t, authorities[0], testpki.Key(t, "NIHII-HOSPITAL=71012413").Certificate)), want: dsig.SignatureInvalid},
		{name: "a hundred", before: withPathToken(encodePKIPath(t, many[:20]...)), want: x509id.TokenPathTooLong},
		{name: "huge", before: withPathToken(encodePKIPath(t, many...)), want: wsse.TokenMalformed},
		{name: "a bare certificate", before: withPathToken("[certificate]"), want: x509id.TokenUnreadable},
		{name: "a path that says to be a certificate", before: []edit{{`[certificate]`, encodePKIPath(t, c)}}, want: x509id.TokenUnreadable},
		{name: "a stranger's authority", before: withPathToken(encodePKIPath(t, testAuthority(t).Certificates()[1], testAuthority(t).Certificates()[0], issueKey(t, authority.KeyRSA2048).Certificate)), want: x509id.CertUntrusted},
	} {
		r.runCase(t)
	}
	t.Run("a gap that the path fills", func(t *testing.T) {
		key := issueKey(t, authority.KeyRSA2048)
		v := newVerifier(t)
		v.Trust = x509id.NewTrustStore(testAuthority(t).Certificates()[1:], nil, 10)
		verified, err := v.Verify(openEnvelope(t, signTemplate(t, key)))
		wantRefusal(t, verified, err, x509id.CertUntrusted)
		if _, err = v.Verify(openEnvelope(t, signTemplate(t, key, withPathToken(encodePKIPath(t, testAuthority(t).Certificates()[0], key.Certificate))...))); err != nil {
			t.Error(err)
		}
		verified, err = v.Verify(openEnvelope(t, signTemplate(t, key)))
		wantRefusal(t, verified, err, x509id.CertUntrusted)
	})
}

// TestRegisteredCertificatesAreNotRevealed checks that a sender without the key learns nothing from the answer, and
// that a holder of the key learns what is wrong.
func TestRegisteredCertificatesAreNotRevealed(t *testing.T) {
	v := registeringVerifier(t)
	stranger := testpki.SelfSignedKey(t)
	named := func(c *x509.Certificate) []edit { return append(dropToken(), withKeyInfo(thumbprintReference(c))) }
	answers := map[string]bool{}
	for name, c := range map[string]*x509.Certificate{
		"registered": testpki.Key(t, testpki.Hospital).Certificate, "not registered": stranger.Certificate,
		"registered, expired": testpki.ExpiredKey(t).Certificate, "registered, untrusted": testpki.UntrustedKey(t).Certificate,
		"registered, of another kind": testpki.ECKey(t).Certificate,
	} {
		verified, err := v.Verify(openEnvelope(t, signTemplate(t, stranger, named(c)...)))
		t.Log(name)
		wantRefusal(t, verified, err, wsse.KeyUnregistered)
		e := problem.From(err)
		answers[e.Path+"|"+e.Detail.String()] = true
		verified, err = v.Verify(openEnvelope(t, strings.Replace(signTemplate(t, stranger, named(c)...), content, forgedContent, 1)))
		wantRefusal(t, verified, err, wsse.KeyUnregistered)
	}
	if len(answers) != 1 {
		t.Errorf("they get different answers: %v", answers)
	}
	for _, c := range []struct {
		key  *x509id.Key
		want problem.Code
	}{{testpki.ExpiredKey(t), x509id.CertExpired}, {testpki.UntrustedKey(t), x509id.CertUntrusted}, {testpki.RevokedKey(t), x509id.CertRevoked}} {
		verified, err := v.Verify(openEnvelope(t, signTemplate(t, c.key, named(c.key.Certificate)...)))
		wantRefusal(t, verified, err, c.want)
	}
	v.Registered = nil
	verified, err := v.Verify(openEnvelope(t, signTemplate(t, testpki.Key(t, testpki.Hospital), named(testpki.Key(t, testpki.Hospital).Certificate)...)))
	wantRefusal(t, verified, err, wsse.KeyUnregistered)
}

// TestTwoPrefixesForOneNamespace checks that expanded names count, not prefixes.
func TestTwoPrefixesForOneNamespace(t *testing.T) {
	text := applyEdits(t, template, []edit{
		{`xmlns:wsse="`, `xmlns:w2="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsse="`},
		{`soap:mustUnderstand`, `S:mustUnderstand`}, {`<wsse:BinarySecurityToken`, `<w2:BinarySecurityToken`}, {`</wsse:BinarySecurityToken`, `</w2:BinarySecurityToken`},
		{`<ds:SignedInfo>`, `<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#">`}, {`</ds:SignedInfo>`, `</SignedInfo>`},
		{`<wsse:Reference `, `<w2:Reference `},
	})
	key := testpki.Key(t, testpki.Hospital)
	text = dsigtest.FillSignatures(t, strings.Replace(text, "[certificate]", encodeBase64(key.Certificate.Raw), 1), key.Signer)
	if _, err := newVerifier(t).Verify(openEnvelope(t, text)); err != nil {
		t.Error(err)
	}
}

// TestUTF16 checks that the signature is over UTF-8, whatever the encoding of the message.
func TestUTF16(t *testing.T) {
	text := signTemplate(t, testpki.Key(t, testpki.Hospital), edit{"48022907379", "Zoë 🙂"})
	for name, order := range map[string]func(unit uint16) []byte{
		"little endian": func(unit uint16) []byte { return []byte{byte(unit), byte(unit >> 8)} },
		"big endian":    func(unit uint16) []byte { return []byte{byte(unit >> 8), byte(unit)} },
	} {
		var octets bytes.Buffer
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			octets.Write(order(unit))
		}
		verified, err := newVerifier(t).Verify(openEnvelope(t, octets.String()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, _ := verified.Body().FirstChild().Text(); got != "Zoë 🙂" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
