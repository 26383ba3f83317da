package wsse_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func testOptions(tb testing.TB) wsse.InspectOptions {
	tb.Helper()
	return wsse.InspectOptions{Trust: testpki.NewTrustStore(tb), Time: now}
}

func inspectText(tb testing.TB, text string, o wsse.InspectOptions) *wsse.Report {
	tb.Helper()
	return wsse.Inspect(openEnvelope(tb, text), o)
}

func joinCodes(all []*problem.Error) string {
	var b []string
	for _, e := range all {
		b = append(b, string(e.Code))
	}
	return strings.Join(b, " ")
}

// wantInspected checks that an inspection finds by itself what Verify refuses.
func wantInspected(tb testing.TB, text string, want problem.Code) {
	tb.Helper()
	r := inspectText(tb, text, testOptions(tb))
	if r.FirstRefusal == nil || r.FirstRefusal.Code != want {
		tb.Errorf("Verify answers %v, want %s", r.FirstRefusal, want)
	}
	if !slices.ContainsFunc(r.Findings(), func(e *problem.Error) bool { return e.Code == want }) {
		tb.Errorf("found %s, not %s", joinCodes(r.Findings()), want)
	}
	// Only these are not found by inspecting the parts.
	if len(r.Other) > 0 && want != wsse.SecurityMissing && want != wsse.KeyUnregistered {
		tb.Errorf("%s was not found by inspection: %s", want, joinCodes(r.Findings()))
	}
}

func TestInspectFindsNothingInAGoodMessage(t *testing.T) {
	text := signTemplate(t, testpki.Key(t, testpki.Hospital))
	for name, o := range map[string]wsse.InspectOptions{
		"trusted": {Trust: testpki.NewTrustStore(t), Time: now, Strict: true}, "trust unknown": {Time: now, Strict: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := inspectText(t, text, o)
			if found := r.Findings(); len(found) > 0 || r.FirstRefusal != nil {
				t.Fatalf("found %v, answered %v", joinCodes(found), r.FirstRefusal)
			}
			if !r.Signature.ValueVerified || len(r.Signature.References) != 3 || r.Coverage.Refusals != nil ||
				!r.Coverage.Body || !r.Coverage.Timestamp || !r.Coverage.Certificate {
				t.Errorf("signature %+v, coverage %+v", r.Signature, r.Coverage)
			}
			for _, reference := range r.Signature.References {
				if len(reference.ComputedDigest) != 32 || !bytes.Equal(reference.ComputedDigest, reference.StatedDigest) || reference.Target == "" ||
					!slices.Equal(reference.Transforms, []string{dsig.ExclusiveC14N}) || reference.DigestMethod != dsig.SHA256 {
					t.Errorf("reference %+v", reference)
				}
			}
			c := r.Certificate
			if c.Subject.String() != testpki.Hospital || c.Key != "RSA 2048" || c.TrustChecked != (o.Trust != nil) ||
				r.Key.Form != "Reference to the BinarySecurityToken" {
				t.Errorf("certificate %+v, key %+v", c, r.Key)
			}
			if !r.Timestamp.ValidUntil.Equal(now.Add(30e9)) || !r.Timestamp.Created.Equal(now.Add(-30e9)) {
				t.Errorf("timestamp %+v", r.Timestamp)
			}
		})
	}
}

// TestInspectFindsEverything checks that all refusals are found, not only the first.
func TestInspectFindsEverything(t *testing.T) {
	text := signTemplate(t, testpki.WrongUsageKey(t),
		edit{"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"}, // of the Body
		edit{algorithmRSA, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
		edit{referenceToken, ""}, edit{`URI="#TS-1"`, `URI="#TS-9"`}, edit{"T10:00:00Z", "T09:00:00Z"}, edit{"10:01:00Z", "09:01:00Z"})
	text = applyEdits(t, text, []edit{{"48022907379", "48022907378"}, {signatureEnd, signatureEnd + `<Other/><wsse:UsernameToken/>`}})
	r := inspectText(t, text, wsse.InspectOptions{Trust: testpki.NewTrustStore(t), Time: now, Strict: true})
	const want = "SECURITY_PART_UNEXPECTED SECURITY_TOKEN_UNSUPPORTED SIGNATURE_SHA1_REFUSED DIGEST_SHA1_REFUSED DIGEST_MISMATCH DIGEST_VALUE_MALFORMED " +
		"REFERENCE_NOT_FOUND TIMESTAMP_NOT_SIGNED SECURITY_TOKEN_NOT_SIGNED CERT_KEY_USAGE TIMESTAMP_EXPIRED"
	if got := joinCodes(r.Findings()); got != want {
		t.Errorf("found\n%s, want\n%s", got, want)
	}
	if r.FirstRefusal.Code != wsse.SecurityUnexpected || !r.Signature.ValueVerified || len(r.Signature.ValueRefusals) > 0 {
		t.Errorf("first %v, signature value %v %v", r.FirstRefusal, r.Signature.ValueVerified, r.Signature.ValueRefusals)
	}
}

// TestInspectChecksUntrustedCertificates checks that an inspection reports further problems of an untrusted
// certificate, which the service does not reveal.
func TestInspectChecksUntrustedCertificates(t *testing.T) {
	weak := inspectText(t, signTemplate(t, testpki.WeakKey(t)), wsse.InspectOptions{Time: now})
	if got := joinCodes(weak.Findings()); !strings.Contains(got, "CERT_KEY_UNSUPPORTED") || strings.Contains(got, "UNTRUSTED") {
		t.Errorf("weak: %s", got)
	}
	untrusted := inspectText(t, signTemplate(t, testpki.UntrustedKey(t)), testOptions(t))
	if got := joinCodes(untrusted.Findings()); got != "CERT_UNTRUSTED" {
		t.Errorf("untrusted: %s", got)
	}
	key, err := testAuthority(t).Issue(authority.Order{
		Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "1", Name: "TEST"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, -1),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := inspectText(t, signTemplate(t, key), testOptions(t))
	if got := joinCodes(r.Findings()); got != "CERT_UNTRUSTED CERT_EXPIRED CERT_SUBJECT_NUMBER" {
		t.Errorf("expired stranger: %s", got)
	}
	if r.FirstRefusal.Code != x509id.CertUntrusted {
		t.Errorf("the service answers %v", r.FirstRefusal)
	}
}

func TestInspectGivesTheCanonicalOctets(t *testing.T) {
	text := signTemplate(t, testpki.Key(t, testpki.Hospital))
	envelope := openEnvelope(t, text)
	r := wsse.Inspect(envelope, testOptions(t))
	want := string(xmldoc.C14N{Exclusive: true}.Append(nil, envelope.UnverifiedBody()))
	for _, of := range []string{"Body", "id-1", "#id-1"} {
		if got, ok := r.Canonical(of); !ok || string(got) != want {
			t.Errorf("%s: %v %q", of, ok, got)
		}
	}
	if got, ok := r.Canonical("SignedInfo"); !ok || !strings.HasPrefix(string(got), `<ds:SignedInfo xmlns:ds=`) {
		t.Errorf("SignedInfo: %v %.40q", ok, got)
	}
	if got, ok := r.Canonical("Header"); ok {
		t.Errorf("Header: %q", got)
	}
}

// TestInspectBounds checks that references beyond the limit are not processed.
func TestInspectBounds(t *testing.T) {
	text := signTemplate(t, testpki.Key(t, testpki.Hospital), edit{referenceBody, strings.Repeat(referenceBody, 100)})
	r := inspectText(t, text, testOptions(t))
	if got := joinCodes(r.Findings()); !strings.Contains(got, "REFERENCES_TOO_MANY") || !strings.Contains(got, "REFERENCE_REPEATED") ||
		len(r.Signature.References) != dsig.MaxReferences {
		t.Errorf("%d references, %s", len(r.Signature.References), got)
	}
}

// FuzzInspect checks that an inspection finds something exactly if Verify refuses.
func FuzzInspect(f *testing.F) {
	good := signTemplate(f, testpki.Key(f, testpki.Hospital))
	f.Add("48022907379", "1")
	f.Add("<ds:Transforms>", "")
	f.Add("<ds:SignedInfo>", "<ds:SignedInfo><x/>")
	f.Add("<ds:KeyInfo Id=\"KI-1\">", "<ds:KeyInfo><ds:KeyInfo>")
	trust := testpki.NewTrustStore(f)
	f.Fuzz(func(t *testing.T, old, changed string) {
		text := strings.Replace(good, old, changed, 1)
		d, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
		if err != nil {
			return
		}
		checkConsistent(t, d, trust)
	})
}

func checkConsistent(t *testing.T, d *xmldoc.Document, trust *x509id.TrustStore) {
	t.Helper()
	envelope, err := soap.Open(d)
	if err != nil {
		return
	}
	r := wsse.Inspect(envelope, wsse.InspectOptions{Trust: trust, Time: now})
	v := newVerifier(t)
	_, err = v.Verify(envelope)
	if (err == nil) != (len(r.Findings()) == 0) {
		t.Fatalf("Verify: %v, found %s", err, joinCodes(r.Findings()))
	}
	if err != nil && len(r.Other) > 0 && r.FirstRefusal.Code != wsse.SecurityMissing && r.FirstRefusal.Code != wsse.KeyUnregistered {
		t.Errorf("%v was not found by inspection", r.FirstRefusal)
	}
}

// TestInspectRegisteredCertificates checks that a certificate that is only identified is inspected like a contained
// one.
func TestInspectRegisteredCertificates(t *testing.T) {
	v := registeringVerifier(t)
	o := wsse.InspectOptions{Trust: v.Trust, Registered: v.Registered, Time: now}
	for want, key := range map[string]*x509id.Key{
		"": testpki.Key(t, testpki.Hospital), "CERT_EXPIRED": testpki.ExpiredKey(t), "CERT_UNTRUSTED": testpki.UntrustedKey(t),
	} {
		text := signTemplate(t, key, append(dropToken(), withKeyInfo(thumbprintReference(key.Certificate)))...)
		r := inspectText(t, text, o)
		if got := joinCodes(r.Findings()); got != want || r.Key.Form != "ThumbprintSHA1" || r.Certificate == nil || !r.Signature.ValueVerified {
			t.Errorf("found %q, want %q; key %+v", got, want, r.Key)
		}
		unknown := inspectText(t, text, testOptions(t))
		if got := joinCodes(unknown.Findings()); got != "KEY_NOT_REGISTERED" || unknown.Certificate != nil || unknown.Signature.ValueVerified {
			t.Errorf("found %q of one that is not registered", got)
		}
	}
	// The service does not reveal that the certificate is registered; the report shows what is wrong anyway.
	forged := signTemplate(t, testpki.SelfSignedKey(t), append(dropToken(), withKeyInfo(thumbprintReference(testpki.Key(t, testpki.Hospital).Certificate)))...)
	r := inspectText(t, forged, o)
	if got := joinCodes(r.Findings()); got != "SIGNATURE_INVALID KEY_NOT_REGISTERED" || r.FirstRefusal.Code != wsse.KeyUnregistered {
		t.Errorf("found %q, answered %v", got, r.FirstRefusal)
	}
}
