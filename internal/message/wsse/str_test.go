package wsse_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/testpki"
)

const (
	strTransforms = `<ds:Transforms><ds:Transform Algorithm="` + dsig.STRTransform + `"><wsse:TransformationParameters>` +
		`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></wsse:TransformationParameters></ds:Transform></ds:Transforms>`
	plainTransforms = `<ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>`
)

// referenceSTR is a reference with an STR-Transform.
var referenceSTR = strings.Replace(strings.Replace(referenceToken, "#X509-1", "#STR-1", 1), plainTransforms, strTransforms, 1)

// TestSTRTransformCoversTheToken covers strict operation and each form of containing or identifying the certificate.
func TestSTRTransformCoversTheToken(t *testing.T) {
	hospital := testpki.Key(t, testpki.Hospital)
	c := hospital.Certificate
	withID := keyWithIdentifier(t).key
	// For a reference without a certificate, meaning adds an attribute that tells dsigtest which one it identifies.
	meaning := func(key *x509id.Key, keyInfo string) string {
		return strings.Replace(keyInfo, `wsu:Id="STR-1"`, `wsu:Id="STR-1" certificate="`+encodeBase64(key.Certificate.Raw)+`"`, 1)
	}
	signSTR := edit{referenceToken, referenceSTR}
	without := []edit{signSTR, {token, ``}}
	for name, test := range map[string]struct {
		key    *x509id.Key
		before []edit
	}{
		"direct":                         {hospital, []edit{signSTR}},
		"a default namespace in force":   {hospital, []edit{signSTR, {`<soap:Header>`, `<soap:Header xmlns="urn:default">`}}},
		"the token in a default one":     {hospital, []edit{signSTR, {`<wsse:BinarySecurityToken `, `<BinarySecurityToken xmlns="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" `}, {`</wsse:Bin`, `</Bin`}}},
		"a path":                         {hospital, append([]edit{signSTR}, withPathToken(encodePKIPath(t, testpki.AuthorityCertificates(t)[0], c))...)},
		"KeyIdentifier":                  {hospital, append(without, withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", "[certificate]")))},
		"KeyIdentifier, folded":          {hospital, append(without, withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", strings.ReplaceAll(encodeBase64(c.Raw), "A", "\n A"))))},
		"KeyIdentifier without prefix":   {hospital, append(without, withKeyInfo(`<SecurityTokenReference xmlns="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" wsu:Id="STR-1"><KeyIdentifier ValueType="`+tokenProfile+`#X509v3">[certificate]</KeyIdentifier></SecurityTokenReference>`))},
		"X509Data":                       {hospital, append(without, withKeyInfo(tokenReferenceTo(x509Data(x509Certificate("[certificate]")))))},
		"IssuerSerial":                   {hospital, append(without, withKeyInfo(meaning(hospital, tokenReferenceTo(x509Data(issuerSerialOf(c))))))},
		"thumbprint":                     {hospital, append(without, withKeyInfo(meaning(hospital, thumbprintReference(c))))},
		"subject key identifier":         {withID, append(without, withKeyInfo(meaning(withID, subjectKeyIdentifierOf(withID.Certificate.SubjectKeyId))))},
		"thumbprint beside the token":    {hospital, []edit{signSTR, withKeyInfo(meaning(hospital, thumbprintReference(c)))}},
		"the token itself, IssuerSerial": {hospital, []edit{withKeyInfo(tokenReferenceTo(x509Data(issuerSerialOf(c))))}},
		"the token itself, X509Data":     {hospital, []edit{withKeyInfo(x509Data(x509Certificate("[certificate]")))}},
	} {
		t.Run(name, func(t *testing.T) {
			v := registeringVerifier(t)
			v.Strict = true
			text := signTemplate(t, test.key, test.before...)
			verified, err := v.Verify(openEnvelope(t, text))
			if err != nil {
				t.Fatal(err)
			}
			if !verified.Certificate().Equal(test.key.Certificate) {
				t.Errorf("signed with %s", verified.Certificate().SerialNumber)
			}
		})
	}
	for name, before := range map[string][]edit{
		"KeyIdentifier":       append(dropToken(), withKeyInfo(keyIdentifier(tokenProfile+"#X509v3", "[certificate]"))),
		"X509Data in KeyInfo": append(dropToken(), withKeyInfo(x509Data(x509Certificate("[certificate]")))),
		"thumbprint":          append(dropToken(), withKeyInfo(thumbprintReference(c))),
		"the token":           {{referenceToken, ``}},
		"thumbprint, token":   {{referenceToken, ``}, withKeyInfo(thumbprintReference(c))},
	} {
		t.Run("uncovered "+name, func(t *testing.T) {
			v := registeringVerifier(t)
			text := signTemplate(t, hospital, before...)
			if _, err := v.Verify(openEnvelope(t, text)); err != nil {
				t.Error(err)
			}
			v.Strict = true
			verified, err := v.Verify(openEnvelope(t, text))
			wantRefusal(t, verified, err, wsse.TokenUnsigned)
		})
	}
}

// TestSTRTransformThatIsRefused checks that the STR-Transform accepts only the token of this signature.
func TestSTRTransformThatIsRefused(t *testing.T) {
	other := encodeBase64(testpki.Key(t, "NIHII-HOSPITAL=71012413").Certificate.Raw)
	to := func(id string) edit { return edit{referenceToken, strings.Replace(referenceSTR, "#STR-1", id, 1)} }
	second := strings.NewReplacer("STR-1", "STR-2").Replace(tokenReference)
	inHeader := `<w xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">` + second + `</w></soap:Header>`
	asSTR := func(reference string) edit {
		return edit{reference, strings.Replace(reference, plainTransforms, strTransforms, 1)}
	}
	bodyBySTR := `<wsse:SecurityTokenReference wsu:Id="STR-1"><wsse:Reference URI="#id-1"/></wsse:SecurityTokenReference>`
	for _, r := range []refusalCase{
		{name: "the token", before: []edit{to("#X509-1")}, want: wsse.TransformSTRTarget},
		{name: "the Body", before: []edit{asSTR(referenceBody)}, want: wsse.TransformSTRTarget},
		{name: "the Timestamp", before: []edit{asSTR(referenceTimestamp)}, want: wsse.TransformSTRTarget},
		{name: "its own signature", before: []edit{to("#SIG-1")}, want: wsse.TransformSTRTarget},
		{name: "its own KeyInfo", before: []edit{to("#KI-1")}, want: wsse.TransformSTRTarget},
		{name: "its own Reference", before: []edit{{referenceToken, strings.Replace(strings.Replace(referenceSTR, "#STR-1", "#R-1", 1), `<ds:Reference `, `<ds:Reference Id="R-1" `, 1)}}, want: wsse.TransformSTRTarget},
		{name: "nothing", before: []edit{{referenceToken, referenceSTR}}, after: []edit{{`wsu:Id="STR-1"`, ``}}, want: wsse.ReferenceUnknown},
		{name: "another reference in the header", before: []edit{to("#STR-2"), {`</soap:Header>`, inHeader}}, want: wsse.TransformSTRTarget},
		{name: "another reference in the Body", before: []edit{to("#STR-2"), {content, `<m:Request xmlns:m="urn:test" xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">` + second + `</m:Request>`}}, want: wsse.TransformSTRTarget},
		{name: "by a plain Id", before: []edit{{referenceToken, referenceSTR}, {`wsu:Id="STR-1"`, `Id="STR-1"`}}, want: wsse.ReferenceIDKind},
		{name: "the token in both ways", before: []edit{{referenceToken, referenceToken + referenceSTR}}, want: dsig.ReferenceTwice},
		{name: "the reference without the transform", before: []edit{to("#STR-1"), {strTransforms, plainTransforms}}, want: dsig.ReferenceTarget},
		{name: "by way of the key to the Body", before: []edit{{referenceToken, referenceSTR}, withKeyInfo(bodyBySTR)}, want: wsse.KeyReferenceWrong},
		{name: "by way of the key to itself", before: []edit{{referenceToken, referenceSTR}, withKeyInfo(strings.Replace(bodyBySTR, "#id-1", "#STR-1", 1))}, want: wsse.KeyReferenceWrong},
		{name: "the Body by way of the key", before: []edit{asSTR(referenceBody), {`URI="#id-1"`, `URI="#STR-1"`}, {referenceToken, ``}}, want: wsse.BodyUnsigned},
		{name: "another certificate afterwards", before: []edit{{referenceToken, referenceSTR}}, after: []edit{{encodeBase64(testpki.Key(t, testpki.Hospital).Certificate.Raw), other}}, want: dsig.SignatureInvalid},
		{name: "the token changed afterwards", before: []edit{{referenceToken, referenceSTR}}, after: []edit{{`wsu:Id="X509-1"`, `wsu:Id="X509-1" a="b"`}}, want: dsig.DigestMismatch},
		{name: "a namespace slipped in", before: []edit{{referenceToken, referenceSTR}}, after: []edit{{`<soap:Header>`, `<soap:Header xmlns="urn:x">`}}, want: dsig.DigestMismatch},
		{name: "another form of the key afterwards", before: []edit{{referenceToken, referenceSTR}}, after: []edit{withKeyInfo(thumbprintReference(testpki.Key(t, testpki.Hospital).Certificate))}, want: dsig.DigestMismatch},
		{name: "a key that cannot be read", before: []edit{{referenceToken, referenceSTR}, withKeyInfo(subjectKeyIdentifierOf(nil))}, want: x509id.KeyReferenceMalformed},
	} {
		r.runCase(t)
	}
}
