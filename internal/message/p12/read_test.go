package p12_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/costtest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func TestReadP12OfOtherPrograms(t *testing.T) {
	want := testpki.ECKey(t)
	tests := []struct {
		file, password string
		name           string
		chain          int
	}{
		{"openssl3.p12", "worthless", "authentication", 2},
		{"openssl-legacy.p12", "worthless", "", 2},
		{"openssl-empty.p12", "", "", 0},
		{"openssl-clear-certificates.p12", "worthless", "", 0},
		{"openssl-clear-key.p12", "worthless", "", 0},
		{"java.p12", "worthless", "authentication", 2},
		{"java-legacy.p12", "worthless", "authentication", 2},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data := readFile(t, tt.file)
			key, err := p12.DecodeSigningKey(data, tt.password, p12.DecodeTime)
			if err != nil {
				t.Fatal(err)
			}
			if !key.Certificate.Equal(want.Certificate) || key.Name != tt.name || len(key.Chain) != tt.chain {
				t.Errorf("certificate %v, name %q, %d above it", key.Certificate.Subject, key.Name, len(key.Chain))
			}
			if public, ok := key.Signer.Public().(*ecdsa.PublicKey); !ok || !public.Equal(want.Certificate.PublicKey) {
				t.Error("not its key")
			}
			for _, wrong := range []string{tt.password + "x", "\U0001F511"} {
				if key, err := p12.DecodeSigningKey(data, wrong, p12.DecodeTime); testpki.Code(err) != p12.PasswordWrong || key != nil {
					t.Errorf("with a wrong password: %v", err)
				}
			}
		})
	}
}

func TestReadP12WithPBMAC1(t *testing.T) {
	want := testpki.ECKey(t)
	data, err := pkcs12.Modern2026.Encode(want.Signer, want.Certificate, want.Chain, "worthless")
	if err != nil {
		t.Fatal(err)
	}
	key, err := p12.DecodeSigningKey(data, "worthless", p12.DecodeTime)
	if err != nil || !key.Certificate.Equal(want.Certificate) {
		t.Fatal(err)
	}
	if _, err := p12.DecodeSigningKey(data, "worthles", p12.DecodeTime); testpki.Code(err) != p12.PasswordWrong {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestReadP12Refuses(t *testing.T) {
	whole := readFile(t, "openssl3.p12")
	onlyTrusted, err := pkcs12.Modern2023.EncodeTrustStore(testpki.AuthorityCertificates(t), "worthless")
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, tt := range map[string]struct {
		data []byte
		want problem.Code
	}{
		"nothing":          {nil, p12.Unreadable},
		"text":             {[]byte("-----BEGIN CERTIFICATE-----"), p12.Unreadable},
		"a certificate":    {testpki.ECKey(t).Certificate.Raw, p12.Unreadable},
		"cut short":        {whole[:len(whole)-1], p12.Unreadable},
		"something behind": {append(bytes.Clone(whole), 0), p12.Unreadable},
		"too long":         {make([]byte, 1<<20+1), p12.TooCostly},
		"one bit flipped":  {flipped, p12.PasswordWrong},
		"no MAC":           {readFile(t, "openssl-nomac.p12"), p12.Unsupported},
		"no key":           {onlyTrusted, p12.KeyMissing},
	} {
		if key, err := p12.DecodeSigningKey(tt.data, "worthless", p12.DecodeTime); testpki.Code(err) != tt.want || key != nil {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

func TestReadP12ChoosesTheKeyThatSigns(t *testing.T) {
	issuer := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	signs := testpki.IssueKey(t, issuer, nil)
	decrypts := testpki.IssueKey(t, issuer, func(o *authority.Order) { o.KeyUsage = x509.KeyUsageKeyAgreement })
	named := func(k *x509id.Key, name string) *x509id.Key { c := *k; c.Name = name; return &c }
	tests := []struct {
		name string
		keys []*x509id.Key
		want *x509id.Key
	}{
		{"by name", []*x509id.Key{named(decrypts, "123"), named(signs, "authentication")}, signs},
		{"by name in capitals", []*x509id.Key{named(signs, "123"), named(decrypts, "Authentication")}, decrypts},
		{"by key usage", []*x509id.Key{named(decrypts, "123"), named(signs, "Clé n°1")}, signs},
		{"without names", []*x509id.Key{named(decrypts, ""), named(signs, "")}, signs},
		{"none", []*x509id.Key{named(decrypts, "123")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := p12.EncodeKeys(tt.keys, "wachtwoord é€", 100, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p12.DecodeSigningKey(data, "wachtwoord é€", p12.DecodeTime)
			if tt.want == nil {
				if got != nil || testpki.Code(err) != p12.KeyMissing {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !got.Certificate.Equal(tt.want.Certificate) || len(got.Chain) != 2 {
				t.Errorf("got %v and %d above it", got.Certificate.Subject, len(got.Chain))
			}
		})
	}
}

// The library checks our output independently: both keys, both names.
func TestWriteP12IsReadByTheLibrary(t *testing.T) {
	data, password := testpki.P12File(t, testpki.Hospital)
	blocks, err := pkcs12.ToPEM(data, password) //nolint:staticcheck // the only call that gives every entry with its name
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]int)
	kinds := make(map[string]int)
	for _, block := range blocks {
		names[block.Headers["friendlyName"]]++
		kinds[block.Type]++
	}
	if kinds["PRIVATE KEY"] != 2 || kinds["CERTIFICATE"] != 4 || names["authentication"] != 2 || len(names) != 3 {
		t.Errorf("kinds %v, names %v", kinds, names)
	}
}

func TestWriteP12Refuses(t *testing.T) {
	keys := []*x509id.Key{testpki.ECKey(t)}
	if _, err := p12.EncodeKeys(keys, "\U0001F511", 100, rand.Reader); err == nil {
		t.Error("a password that no program can type was taken")
	}
	if _, err := p12.EncodeKeys(nil, "x", 100, rand.Reader); err == nil {
		t.Error("a store without keys was written")
	}
	for _, iterations := range []int{-1, 0, 600_001} {
		if _, err := p12.EncodeKeys(keys, "x", iterations, rand.Reader); err == nil {
			t.Errorf("%d iterations were taken", iterations)
		}
	}
	for _, n := range []int{0, 20, 40, 60, 70, 79} {
		if _, err := p12.EncodeKeys(keys, "x", 1, bytes.NewReader(make([]byte, n))); err == nil {
			t.Errorf("%d random bytes were enough", n)
		}
	}
}

func FuzzReadP12(f *testing.F) {
	files, err := filepath.Glob("testdata/*.p12")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(readFile(f, filepath.Base(file)), "worthless")
	}
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		began := costtest.CPUTime(t)
		key, err := p12.DecodeSigningKey(data, password, p12.DecodeTime)
		if (err == nil) == (key == nil) {
			t.Errorf("key %v, error %v", key, err)
		}
		if took := costtest.CPUTime(t) - began; took > costtest.CPULimit(5*time.Second) {
			t.Errorf("took %s of CPU time", took)
		}
	})
}

func BenchmarkReadP12(b *testing.B) {
	data, password := testpki.P12File(b, testpki.Hospital)
	for b.Loop() {
		if _, err := p12.DecodeSigningKey(data, password, p12.DecodeTime); err != nil {
			b.Fatal(err)
		}
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestReadP12Keys: every key of a platform store, the signing key first.
func TestReadP12Keys(t *testing.T) {
	t.Parallel()
	octets, password := testpki.P12File(t, testpki.Hospital)
	signing, err := p12.DecodeSigningKey(octets, password, p12.DecodeTime)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := p12.DecodeKeys(octets, password, p12.DecodeTime)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	if !keys[0].Certificate.Equal(signing.Certificate) || keys[1].Certificate.Equal(signing.Certificate) || keys[1].Name == "" {
		t.Errorf("keys %q and %q", keys[0].Name, keys[1].Name)
	}
	if _, err = p12.DecodeKeys(octets, "wrong", p12.DecodeTime); problem.From(err).Code != p12.PasswordWrong {
		t.Errorf("with a wrong password: %v", err)
	}
}
