package x509id_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func hospital(tb testing.TB) *x509id.Key { tb.Helper(); return testpki.Key(tb, testpki.Hospital) }

func TestVerify(t *testing.T) {
	tests := []struct {
		name string
		key  func(testing.TB) *x509id.Key
		at   time.Time
		want problem.Code
	}{
		{"RSA", hospital, testpki.Now(), ""},
		{"EC", testpki.ECKey, testpki.Now(), ""},
		{"expired", testpki.ExpiredKey, testpki.Now(), x509id.CertExpired},
		{"expired, in its time", testpki.ExpiredKey, testpki.Date(2018, 1, 1), ""},
		{"not yet valid", testpki.NotYetValidKey, testpki.Now(), x509id.CertNotYetValid},
		{"after the authority's time", testpki.ECKey, testpki.Date(2200, 1, 1), x509id.CertExpired},
		{"revoked", testpki.RevokedKey, testpki.Now(), x509id.CertRevoked},
		{"revoked, before the revocation", testpki.RevokedKey, testpki.Date(2020, 1, 1), x509id.CertRevoked},
		{"wrong usage", testpki.WrongUsageKey, testpki.Now(), x509id.CertKeyUsage},
		{"authority", testpki.CAKey, testpki.Now(), x509id.CertIsAuthority},
		{"weak", testpki.WeakKey, testpki.Now(), x509id.CertKeyUnsupported},
		{"untrusted", testpki.UntrustedKey, testpki.Now(), x509id.CertUntrusted},
		{"untrusted, out of its time", testpki.UntrustedKey, testpki.Date(2200, 1, 1), x509id.CertUntrusted},
		{"twin", testpki.SelfSignedKey, testpki.Now(), x509id.CertUntrusted},
		{"twin, out of its time", testpki.SelfSignedKey, testpki.Date(1990, 1, 1), x509id.CertUntrusted},
	}
	trust := testpki.NewTrustStore(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time possibly from the cache
				if err := trust.Verify(tt.key(t).Certificate, tt.at); testpki.Code(err) != tt.want {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
		})
	}
}

func TestVerifyTellsStrangersNothing(t *testing.T) {
	trust := testpki.NewTrustStore(t)
	var first *problem.Error
	for _, key := range []*x509id.Key{testpki.UntrustedKey(t), testpki.SelfSignedKey(t)} {
		for _, at := range []time.Time{testpki.Now(), testpki.Date(1990, 1, 1), testpki.Date(2200, 1, 1)} {
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
		if err := trust.Verify(authority, testpki.Now()); testpki.Code(err) != x509id.CertIsAuthority {
			t.Errorf("%s: %v", authority.Subject.CommonName, err)
		}
	}
}

// A cached path must not outlive the certificate or the authority above it.
func TestVerifyFromTheCacheStillComparesTheInstant(t *testing.T) {
	short := testpki.NewAuthority(t, testpki.Now(), testpki.Now().AddDate(0, 1, 0))
	key := testpki.IssueKey(t, short, func(o *authority.Order) { o.NotAfter = testpki.Now().AddDate(1, 0, 0) })
	trust := testpki.TrustAuthority(short)
	for _, step := range []struct {
		at   time.Time
		want problem.Code
	}{
		{testpki.Now().AddDate(0, 0, 1), ""},
		{testpki.Now().AddDate(0, 2, 0), x509id.CertUntrusted}, // the authority has expired
		{testpki.Now().AddDate(2, 0, 0), x509id.CertUntrusted},
		{testpki.Now().AddDate(0, 0, -1), x509id.CertNotYetValid},
		{testpki.Now().AddDate(0, 0, 2), ""},
	} {
		if err := trust.Verify(key.Certificate, step.at); testpki.Code(err) != step.want {
			t.Errorf("at %s: %v, want %q", step.at, err, step.want)
		}
	}
}

func TestVerifyWithASmallCache(t *testing.T) {
	authority := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	foreign := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	var good []*x509id.Key
	for range 3 {
		good = append(good, testpki.IssueKey(t, authority, nil))
	}
	stranger := testpki.IssueKey(t, foreign, nil)
	for _, size := range []int{0, 2, 100} {
		trust := x509id.NewTrustStore(authority.Certificates()[1:], authority.Certificates()[:1], size)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for range 3 {
					for _, key := range good {
						if err := trust.Verify(key.Certificate, testpki.Now()); err != nil {
							t.Error(err)
						}
					}
					if err := trust.Verify(stranger.Certificate, testpki.Now()); testpki.Code(err) != x509id.CertUntrusted {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	}
}

func TestVerifyKeys(t *testing.T) {
	issuer := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	trust := testpki.TrustAuthority(issuer)
	for algorithm, want := range map[authority.KeyAlgorithm]problem.Code{
		authority.KeyECP256: "", authority.KeyECP384: "", authority.KeyRSA2048: "", authority.KeyRSA1024: x509id.CertKeyUnsupported,
	} {
		key := testpki.IssueKey(t, issuer, func(o *authority.Order) { o.Algorithm = algorithm })
		if err := trust.Verify(key.Certificate, testpki.Now()); testpki.Code(err) != want {
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
		{"P-224", p224.Public(), x509id.CertKeyUnsupported},
		{"Ed25519", newEd25519Key(t), x509id.CertKeyUnsupported},
		{"RSA 2047", testpki.NewRSAKey(2047), x509id.CertKeyUnsupported},
		{"RSA 4096", testpki.NewRSAKey(4096), ""},
		{"RSA 4097", testpki.NewRSAKey(4097), x509id.CertKeyUnsupported},
		{"RSA 8192", testpki.NewRSAKey(8192), x509id.CertKeyUnsupported},
	}
	signer, chain := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	trust = x509id.NewTrustStore(chain, nil, 10)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := testpki.CreateCertificate(t, &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}, chain[0], tt.public, signer)
			if err := trust.Verify(c, testpki.Now()); testpki.Code(err) != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestVerifyKeyUsage(t *testing.T) {
	signer, chain := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	trust := x509id.NewTrustStore(chain, nil, 10)
	empty := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 2, 7, 0}}
	tests := []struct {
		name     string
		template x509.Certificate
		want     problem.Code
	}{
		{"no extension", x509.Certificate{}, ""},
		{"digitalSignature", x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}, ""},
		{"nonRepudiation", x509.Certificate{KeyUsage: x509.KeyUsageContentCommitment}, ""},
		{"keyEncipherment", x509.Certificate{KeyUsage: x509.KeyUsageKeyEncipherment}, x509id.CertKeyUsage},
		{"keyAgreement", x509.Certificate{KeyUsage: x509.KeyUsageKeyAgreement}, x509id.CertKeyUsage},
		{"keyCertSign", x509.Certificate{KeyUsage: x509.KeyUsageCertSign}, x509id.CertKeyUsage},
		{"no bit", x509.Certificate{ExtraExtensions: []pkix.Extension{empty}}, x509id.CertKeyUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := testpki.CreateCertificate(t, &tt.template, chain[0], testpki.NewRSAKey(2048), signer)
			if err := trust.Verify(c, testpki.Now()); testpki.Code(err) != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestFindingL5OnlySigningPurposes: a certificate that an authority issued for another purpose than a caller's may not
// sign, whatever its key usage allows.
func TestFindingL5OnlySigningPurposes(t *testing.T) {
	signer, chain := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	const refused = x509id.CertExtendedKeyUsage
	uses := func(all ...x509.ExtKeyUsage) x509.Certificate { return x509.Certificate{ExtKeyUsage: all} }
	for name, tt := range map[string]struct {
		template x509.Certificate
		want     problem.Code
	}{
		"none":                      {uses(), ""},
		"the platform's":            {uses(x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection), ""},
		"client":                    {uses(x509.ExtKeyUsageClientAuth), ""},
		"e-mail":                    {uses(x509.ExtKeyUsageEmailProtection), ""},
		"client and server":         {uses(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth), ""},
		"client and any":            {uses(x509.ExtKeyUsageAny, x509.ExtKeyUsageClientAuth), ""},
		"any":                       {uses(x509.ExtKeyUsageAny), refused},
		"any and server":            {uses(x509.ExtKeyUsageAny, x509.ExtKeyUsageServerAuth), refused},
		"server":                    {uses(x509.ExtKeyUsageServerAuth), refused},
		"program":                   {uses(x509.ExtKeyUsageCodeSigning), refused},
		"responder":                 {uses(x509.ExtKeyUsageOCSPSigning), refused},
		"time stamps":               {uses(x509.ExtKeyUsageTimeStamping), refused},
		"server and program":        {uses(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageCodeSigning), refused},
		"a tunnel":                  {uses(x509.ExtKeyUsageIPSECEndSystem), refused},
		"one that nobody knows":     {x509.Certificate{UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 2, 3}}}, refused},
		"an unknown one and client": {x509.Certificate{UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 2, 3}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.template.KeyUsage = x509.KeyUsageDigitalSignature
			trust := x509id.NewTrustStore(chain, nil, 10)
			c := testpki.CreateCertificate(t, &tt.template, chain[0], testpki.NewRSAKey(2048), signer)
			for range 2 { // the second time from the cache
				if err := trust.Verify(c, testpki.Now()); testpki.Code(err) != tt.want {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
			if err := testpki.NewTrustStore(t).Verify(c, testpki.Now()); testpki.Code(err) != x509id.CertUntrusted {
				t.Errorf("of a stranger: %v", err)
			}
		})
	}
}

// The refusal of SHA-1 goes to every sender, trusted or not, so it reveals nothing about trust.
func TestVerifyRefusesSHA1(t *testing.T) {
	signer, chain := testpki.NewSelfSignedCA(t, x509.SHA256WithRSA)
	template := &x509.Certificate{SignatureAlgorithm: x509.SHA1WithRSA, KeyUsage: x509.KeyUsageDigitalSignature}
	c := testpki.CreateCertificate(t, template, chain[0], testpki.NewRSAKey(2048), signer)
	for name, trust := range map[string]*x509id.TrustStore{"trusted": x509id.NewTrustStore(chain, nil, 10), "untrusted": testpki.NewTrustStore(t)} {
		if err := trust.Verify(c, testpki.Now()); testpki.Code(err) != x509id.CertSignatureWeak {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadTrust(t *testing.T) {
	first := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	second := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	one, two := testpki.IssueKey(t, first, nil), testpki.IssueKey(t, second, nil)
	issuing, root := first.Certificates()[0], first.Certificates()[1]
	tests := []struct {
		name               string
		files              [][]byte
		wantOne, wantOther problem.Code
	}{
		{"both in one file", [][]byte{x509id.EncodePEM(issuing, root)}, "", x509id.CertUntrusted},
		{"the other way round, in two", [][]byte{x509id.EncodePEM(root), x509id.EncodePEM(issuing)}, "", x509id.CertUntrusted},
		{"twice", [][]byte{x509id.EncodePEM(issuing, root), x509id.EncodePEM(issuing, root)}, "", x509id.CertUntrusted},
		{"the issuing one alone is an anchor", [][]byte{x509id.EncodePEM(issuing)}, "", x509id.CertUntrusted},
		{"a root alone lacks the path", [][]byte{x509id.EncodePEM(root)}, x509id.CertUntrusted, x509id.CertUntrusted},
		{"two anchors at once", [][]byte{x509id.EncodePEM(issuing, root), x509id.EncodePEM(second.Certificates()...)}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trust, err := x509id.ParseTrustStore(10, tt.files...)
			if err != nil {
				t.Fatal(err)
			}
			if err := trust.Verify(one.Certificate, testpki.Now()); testpki.Code(err) != tt.wantOne {
				t.Errorf("the first's: %v", err)
			}
			if err := trust.Verify(two.Certificate, testpki.Now()); testpki.Code(err) != tt.wantOther {
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
		"nothing":         {nil, x509id.TrustUnreadable},
		"not PEM":         {key.Certificate.Raw, x509id.TrustUnreadable},
		"a key":           {block("PRIVATE KEY", []byte{1}), x509id.TrustUnreadable},
		"broken":          {block("CERTIFICATE", key.Certificate.Raw[:100]), x509id.TrustUnreadable},
		"a leaf":          {x509id.EncodePEM(key.Certificate), x509id.TrustNotAuthority},
		"a CA and a leaf": {x509id.EncodePEM(key.Chain[0], key.Certificate), x509id.TrustNotAuthority},
	} {
		if trust, err := x509id.ParseTrustStore(10, tt.file); testpki.Code(err) != tt.want || trust != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkTrustHit(b *testing.B) {
	trust, leaf := testpki.NewTrustStore(b), testpki.Key(b, testpki.Hospital).Certificate
	if err := trust.Verify(leaf, testpki.Now()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := trust.Verify(leaf, testpki.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrustMiss(b *testing.B) {
	trust := x509id.NewTrustStore(testpki.AuthorityCertificates(b)[1:], testpki.AuthorityCertificates(b)[:1], 0)
	leaf := testpki.Key(b, testpki.Hospital).Certificate
	b.ReportAllocs()
	for b.Loop() {
		if err := trust.Verify(leaf, testpki.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func newEd25519Key(tb testing.TB) ed25519.PublicKey {
	tb.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return public
}
