package authority_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// keyFilePattern matches the platform's file names.
var keyFilePattern = regexp.MustCompile(`^[A-Z_-]+=[0-9]+ [0-9]{8}-[0-9]{6}\.p12$`)

func TestDevelopment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	if _, err := authority.ReadDevelopmentFiles(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("before anything is written: %v", err)
	}
	files, err := authority.DevelopmentPKI{Password: "secret", IssuedAt: testpki.Now(), NotAfter: testpki.Now().AddDate(3, 0, 0), Random: rand.Reader}.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := authority.ReadDevelopmentFiles(dir)
	if err != nil || !reflect.DeepEqual(again, files) {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if got := readFileOrFail(t, files.Password); string(got) != "secret" {
		t.Errorf("the password file holds %q", got)
	}
	checkModes(t, dir)
	trust, err := x509id.ParseTrustStore(10, readFileOrFail(t, files.CA))
	if err != nil {
		t.Fatal(err)
	}
	if err = revocation.NewCRLStore(trust).AddCRL(readFileOrFail(t, files.CRL)); err != nil {
		t.Fatal(err)
	}
	want := map[string]problem.Code{
		"NIHII-HOSPITAL=71000436": "", "NIHII-HOSPITAL=71012413": "", "NIHII-RETIREMENT=76123422": "", "CBE=0403227020": "",
		"SSIN=78031412250": "", "SSIN=69092234126": "", "SSIN=85073003328": "", "SSIN=81050511813": "", "SSIN=91021706490": "",
		"SSIN=48022907379": "", authority.EntryEC: "", authority.EntryExpired: x509id.CertExpired, authority.EntryRevoked: x509id.CertRevoked,
	}
	if got := slices.Sorted(maps.Keys(files.P12)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("entries %q", got)
	}
	for name, path := range files.P12 {
		key, err := p12.DecodeSigningKey(readFileOrFail(t, path), "secret", testpki.Now())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err = trust.Verify(key.Certificate, testpki.Now()); testpki.Code(err) != want[name] {
			t.Errorf("%s: %v", name, err)
		}
		subject, err := x509id.SubjectFromCertificate(key.Certificate)
		if err != nil || strings.Contains(name, "=") && !strings.HasPrefix(name, subject.String()) {
			t.Errorf("%s is the key of %s, %v", name, subject, err)
		}
		if !keyFilePattern.MatchString(filepath.Base(path)) || key.Name != "authentication" || len(key.Chain) != 2 {
			t.Errorf("%s: file %q, entry %q, %d above it", name, path, key.Name, len(key.Chain))
		}
	}
	checkTLSHandshake(t, files)
}

// checkModes fails for files that others could read.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

// checkTLSHandshake performs a handshake with the server key, as a client that trusts ca.pem.
func checkTLSHandshake(t *testing.T, files authority.DevelopmentFiles) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(files.TLSCertificate, files.TLSKey)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(readFileOrFail(t, files.CA))
	for _, name := range []string{"127.0.0.1", "::1", "localhost"} {
		client, server := net.Pipe()
		go func() {
			s := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{pair}, Time: testpki.Now})
			_ = s.HandshakeContext(t.Context()) // the client reports errors
		}()
		c := tls.Client(client, &tls.Config{RootCAs: roots, ServerName: name, Time: testpki.Now})
		if err = c.HandshakeContext(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = client.Close()
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509id.SubjectFromCertificate(leaf); testpki.Code(err) != x509id.CertSubjectForm {
		t.Errorf("the server's certificate could speak in messages: %v", err)
	}
}

func TestDevelopmentNeedsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (authority.DevelopmentPKI{IssuedAt: testpki.Now(), NotAfter: testpki.Now(), Random: strings.NewReader("")}).Write(file); err == nil {
		t.Error("written without randomness")
	}
	if err := os.Mkdir(file+"s", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(file+"s", "index.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.ReadDevelopmentFiles(file + "s"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a broken index: %v", err)
	}
}

func readFileOrFail(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
