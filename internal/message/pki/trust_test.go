package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func code(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

func now() time.Time { return day(2026, time.November, 20) }

func hospital(tb testing.TB) *pki.Key { tb.Helper(); return testpki.Key(tb, testpki.Hospital) }

func TestVerify(t *testing.T) {
	tests := []struct {
		name string
		key  func(testing.TB) *pki.Key
		at   time.Time
		want problem.Code
	}{
		{"RSA", hospital, now(), ""},
		{"EC", testpki.ECKey, now(), ""},
		{"expired", testpki.ExpiredKey, now(), problem.CertExpired},
		{"expired, in its time", testpki.ExpiredKey, day(2018, 1, 1), ""},
		{"not yet valid", testpki.NotYetValidKey, now(), problem.CertNotYetValid},
		{"after the authority's time", testpki.ECKey, day(2200, 1, 1), problem.CertExpired},
		{"revoked", testpki.RevokedKey, now(), problem.CertRevoked},
		{"revoked, before the revocation", testpki.RevokedKey, day(2020, 1, 1), problem.CertRevoked},
		{"wrong usage", testpki.WrongUsageKey, now(), problem.CertKeyUsage},
		{"authority", testpki.CAKey, now(), problem.CertIsAuthority},
		{"weak", testpki.WeakKey, now(), problem.CertKeyUnsupported},
		{"untrusted", testpki.UntrustedKey, now(), problem.CertUntrusted},
		{"untrusted, out of its time", testpki.UntrustedKey, day(2200, 1, 1), problem.CertUntrusted},
		{"twin", testpki.SelfSignedKey, now(), problem.CertUntrusted},
		{"twin, out of its time", testpki.SelfSignedKey, day(1990, 1, 1), problem.CertUntrusted},
	}
	trust := testpki.NewTrustStore(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time possibly from the cache
				if err := trust.Verify(tt.key(t).Certificate, tt.at); code(err) != tt.want {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
		})
	}
}

func TestVerifyTellsStrangersNothing(t *testing.T) {
	trust := testpki.NewTrustStore(t)
	var first *problem.Error
	for _, key := range []*pki.Key{testpki.UntrustedKey(t), testpki.SelfSignedKey(t)} {
		for _, at := range []time.Time{now(), day(1990, 1, 1), day(2200, 1, 1)} {
			got := problem.From(trust.Verify(key.Certificate, at))
			if first == nil {
				first = got
			}
			if got.Code != first.Code || got.Detail.String() != first.Detail.String() || got.Path != first.Path {
				t.Errorf("%v differs from %v", got, first)
			}
		}
	}
}

func TestVerifyRefusesTheAuthoritiesThemselves(t *testing.T) {
	trust := testpki.NewTrustStore(t)
	for _, authority := range testpki.AuthorityCertificates(t) {
		if err := trust.Verify(authority, now()); code(err) != problem.CertIsAuthority {
			t.Errorf("%s: %v", authority.Subject.CommonName, err)
		}
	}
}

// A cached path must not outlive the certificate or the authority above it.
func TestVerifyFromTheCacheStillComparesTheInstant(t *testing.T) {
	short := newAuthority(t, now(), now().AddDate(0, 1, 0))
	key := issueKey(t, short, func(o *pki.Order) { o.NotAfter = now().AddDate(1, 0, 0) })
	trust := newTrustStore(short)
	for _, step := range []struct {
		at   time.Time
		want problem.Code
	}{
		{now().AddDate(0, 0, 1), ""},
		{now().AddDate(0, 2, 0), problem.CertUntrusted}, // the authority has expired
		{now().AddDate(2, 0, 0), problem.CertUntrusted},
		{now().AddDate(0, 0, -1), problem.CertNotYetValid},
		{now().AddDate(0, 0, 2), ""},
	} {
		if err := trust.Verify(key.Certificate, step.at); code(err) != step.want {
			t.Errorf("at %s: %v, want %q", step.at, err, step.want)
		}
	}
}

func TestVerifyWithASmallCache(t *testing.T) {
	authority := newAuthority(t, day(2020, 1, 1), day(2100, 1, 1))
	foreign := newAuthority(t, day(2020, 1, 1), day(2100, 1, 1))
	var good []*pki.Key
	for range 3 {
		good = append(good, issueKey(t, authority, nil))
	}
	stranger := issueKey(t, foreign, nil)
	for _, size := range []int{0, 2, 100} {
		trust := pki.NewTrustStore(authority.Certificates()[1:], authority.Certificates()[:1], size)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for range 3 {
					for _, key := range good {
						if err := trust.Verify(key.Certificate, now()); err != nil {
							t.Error(err)
						}
					}
					if err := trust.Verify(stranger.Certificate, now()); code(err) != problem.CertUntrusted {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	}
}

func TestVerifyKeys(t *testing.T) {
	authority := newAuthority(t, day(2020, 1, 1), day(2100, 1, 1))
	trust := newTrustStore(authority)
	for algorithm, want := range map[pki.KeyAlgorithm]problem.Code{
		pki.KeyECP256: "", pki.KeyECP384: "", pki.KeyRSA2048: "", pki.KeyRSA1024: problem.CertKeyUnsupported,
	} {
		key := issueKey(t, authority, func(o *pki.Order) { o.Algorithm = algorithm })
		if err := trust.Verify(key.Certificate, now()); code(err) != want {
			t.Errorf("%d: %v", algorithm, err)
		}
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		public any
		want   problem.Code
	}{
		{"P-224", p224.Public(), problem.CertKeyUnsupported},
		{"Ed25519", newEd25519Key(t), problem.CertKeyUnsupported},
		{"RSA 2047", newRSAKey(2047), problem.CertKeyUnsupported},
		{"RSA 4096", newRSAKey(4096), ""},
		{"RSA 4097", newRSAKey(4097), problem.CertKeyUnsupported},
		{"RSA 8192", newRSAKey(8192), problem.CertKeyUnsupported},
	}
	signer, chain := newSelfSignedCA(t, x509.SHA256WithRSA)
	trust = pki.NewTrustStore(chain, nil, 10)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := createCertificate(t, &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}, chain[0], tt.public, signer)
			if err := trust.Verify(c, now()); code(err) != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestVerifyKeyUsage(t *testing.T) {
	signer, chain := newSelfSignedCA(t, x509.SHA256WithRSA)
	trust := pki.NewTrustStore(chain, nil, 10)
	empty := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 2, 7, 0}}
	tests := []struct {
		name     string
		template x509.Certificate
		want     problem.Code
	}{
		{"no extension", x509.Certificate{}, ""},
		{"digitalSignature", x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}, ""},
		{"nonRepudiation", x509.Certificate{KeyUsage: x509.KeyUsageContentCommitment}, ""},
		{"keyEncipherment", x509.Certificate{KeyUsage: x509.KeyUsageKeyEncipherment}, problem.CertKeyUsage},
		{"keyAgreement", x509.Certificate{KeyUsage: x509.KeyUsageKeyAgreement}, problem.CertKeyUsage},
		{"keyCertSign", x509.Certificate{KeyUsage: x509.KeyUsageCertSign}, problem.CertKeyUsage},
		{"no bit", x509.Certificate{ExtraExtensions: []pkix.Extension{empty}}, problem.CertKeyUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := createCertificate(t, &tt.template, chain[0], newRSAKey(2048), signer)
			if err := trust.Verify(c, now()); code(err) != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// The refusal of SHA-1 goes to every sender, trusted or not, so it reveals nothing about trust.
func TestVerifyRefusesSHA1(t *testing.T) {
	signer, chain := newSelfSignedCA(t, x509.SHA256WithRSA)
	template := &x509.Certificate{SignatureAlgorithm: x509.SHA1WithRSA, KeyUsage: x509.KeyUsageDigitalSignature}
	c := createCertificate(t, template, chain[0], newRSAKey(2048), signer)
	for name, trust := range map[string]*pki.TrustStore{"trusted": pki.NewTrustStore(chain, nil, 10), "untrusted": testpki.NewTrustStore(t)} {
		if err := trust.Verify(c, now()); code(err) != problem.CertSignatureWeak {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadTrust(t *testing.T) {
	first := newAuthority(t, day(2020, 1, 1), day(2100, 1, 1))
	second := newAuthority(t, day(2020, 1, 1), day(2100, 1, 1))
	one, two := issueKey(t, first, nil), issueKey(t, second, nil)
	issuing, root := first.Certificates()[0], first.Certificates()[1]
	tests := []struct {
		name               string
		files              [][]byte
		wantOne, wantOther problem.Code
	}{
		{"both in one file", [][]byte{pki.EncodePEM(issuing, root)}, "", problem.CertUntrusted},
		{"the other way round, in two", [][]byte{pki.EncodePEM(root), pki.EncodePEM(issuing)}, "", problem.CertUntrusted},
		{"twice", [][]byte{pki.EncodePEM(issuing, root), pki.EncodePEM(issuing, root)}, "", problem.CertUntrusted},
		{"the issuing one alone is an anchor", [][]byte{pki.EncodePEM(issuing)}, "", problem.CertUntrusted},
		{"a root alone lacks the path", [][]byte{pki.EncodePEM(root)}, problem.CertUntrusted, problem.CertUntrusted},
		{"two anchors at once", [][]byte{pki.EncodePEM(issuing, root), pki.EncodePEM(second.Certificates()...)}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trust, err := pki.ParseTrustStore(10, tt.files...)
			if err != nil {
				t.Fatal(err)
			}
			if err := trust.Verify(one.Certificate, now()); code(err) != tt.wantOne {
				t.Errorf("the first's: %v", err)
			}
			if err := trust.Verify(two.Certificate, now()); code(err) != tt.wantOther {
				t.Errorf("the second's: %v", err)
			}
		})
	}
}

func TestReadTrustRefuses(t *testing.T) {
	key := testpki.Key(t, testpki.Hospital)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	for name, tt := range map[string]struct {
		file []byte
		want problem.Code
	}{
		"nothing":         {nil, problem.TrustUnreadable},
		"not PEM":         {key.Certificate.Raw, problem.TrustUnreadable},
		"a key":           {block("PRIVATE KEY", []byte{1}), problem.TrustUnreadable},
		"broken":          {block("CERTIFICATE", key.Certificate.Raw[:100]), problem.TrustUnreadable},
		"a leaf":          {pki.EncodePEM(key.Certificate), problem.TrustNotAuthority},
		"a CA and a leaf": {pki.EncodePEM(key.Chain[0], key.Certificate), problem.TrustNotAuthority},
	} {
		if trust, err := pki.ParseTrustStore(10, tt.file); code(err) != tt.want || trust != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddCRL(t *testing.T) {
	authority := newAuthority(t, day(2020, 1, 1), day(2100, 1, 1))
	first, second := issueKey(t, authority, nil), issueKey(t, authority, nil)
	list := func(number int64, revoked ...*x509.Certificate) []byte {
		der, err := authority.SignCRL(number, now(), now().AddDate(0, 0, 7), revoked...)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	trust := newTrustStore(authority)
	crls := pki.NewCRLStore(trust)
	check := func(step string, wantFirst, wantSecond problem.Code) {
		t.Helper()
		if err := trust.Verify(first.Certificate, now()); code(err) != wantFirst {
			t.Errorf("%s: the first is %v", step, err)
		}
		if err := trust.Verify(second.Certificate, now()); code(err) != wantSecond {
			t.Errorf("%s: the second is %v", step, err)
		}
	}
	add := func(crl []byte) {
		t.Helper()
		if err := crls.AddCRL(crl); err != nil {
			t.Fatal(err)
		}
	}
	check("without a list", "", "")
	add(list(2, first.Certificate))
	check("after the first list", problem.CertRevoked, "")
	add(list(1, second.Certificate))
	check("after an older one", problem.CertRevoked, "")
	add(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list(3, first.Certificate, second.Certificate)}))
	check("after a newer one", problem.CertRevoked, problem.CertRevoked)
}

func TestAddCRLRefuses(t *testing.T) {
	authority, foreign := newAuthority(t, day(2020, 1, 1), day(2100, 1, 1)), newAuthority(t, day(2020, 1, 1), day(2100, 1, 1))
	trust := newTrustStore(authority)
	strange, err := foreign.SignCRL(1, now(), now())
	if err != nil {
		t.Fatal(err)
	}
	signer, chain := newSelfSignedCA(t, x509.SHA256WithRSA)
	own := pki.NewTrustStore(chain, nil, 10)
	crl := func(template *x509.RevocationList) []byte {
		template.Number, template.ThisUpdate, template.NextUpdate = big.NewInt(1), now(), now()
		der, err := x509.CreateRevocationList(rand.Reader, template, chain[0], signer)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	delta := crl(&x509.RevocationList{ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}})
	indirect := crl(&x509.RevocationList{RevokedCertificateEntries: []x509.RevocationListEntry{{
		SerialNumber: big.NewInt(5), RevocationTime: now(),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: []byte{0x30, 0}}},
	}}})
	for name, tt := range map[string]struct {
		trust *pki.TrustStore
		crl   []byte
		want  problem.Code
	}{
		"nothing":           {trust, nil, problem.CRLUnreadable},
		"broken":            {trust, strange[:40], problem.CRLUnreadable},
		"another authority": {trust, strange, problem.CRLUntrusted},
		"delta":             {own, delta, problem.CRLUnreadable},
		"indirect":          {own, indirect, problem.CRLUnreadable},
	} {
		if err := pki.NewCRLStore(tt.trust).AddCRL(tt.crl); code(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Certificates of a revoked issuing authority are not trusted any more.
func TestVerifyUnderARevokedAuthority(t *testing.T) {
	signer, chain := newSelfSignedCA(t, x509.SHA256WithRSA)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	between := createCertificate(t, &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "between"}},
		chain[0], key.Public(), signer)
	leaf := createCertificate(t, &x509.Certificate{}, between, newRSAKey(2048), key)
	trust := pki.NewTrustStore(chain, []*x509.Certificate{between}, 10)
	crls := pki.NewCRLStore(trust)
	if err = trust.Verify(leaf, now()); err != nil {
		t.Fatal(err)
	}
	crl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now(), NextUpdate: now(),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: between.SerialNumber, RevocationTime: now()}},
	}, chain[0], signer)
	if err != nil {
		t.Fatal(err)
	}
	if err = crls.AddCRL(crl); err != nil {
		t.Fatal(err)
	}
	if err = trust.Verify(leaf, now()); code(err) != problem.CertUntrusted || errors.Is(err, problem.Internal) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkTrustHit(b *testing.B) {
	trust, leaf := testpki.NewTrustStore(b), testpki.Key(b, testpki.Hospital).Certificate
	if err := trust.Verify(leaf, now()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := trust.Verify(leaf, now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrustMiss(b *testing.B) {
	trust := pki.NewTrustStore(testpki.AuthorityCertificates(b)[1:], testpki.AuthorityCertificates(b)[:1], 0)
	leaf := testpki.Key(b, testpki.Hospital).Certificate
	b.ReportAllocs()
	for b.Loop() {
		if err := trust.Verify(leaf, now()); err != nil {
			b.Fatal(err)
		}
	}
}
