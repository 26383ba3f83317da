package timestamp_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/timestamp"
	"github.com/openctr/ctr/internal/testing/testtsa"
)

func now() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 250_000_000, time.UTC) }

var hash = sha256.Sum256([]byte("what is stamped"))

func newClient(t *testing.T, url string, roots *x509.CertPool) *timestamp.Client {
	t.Helper()
	client, err := timestamp.NewClient(url, roots)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestTokenIsWhatTheAuthoritySays(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*testtsa.Authority){
		"ECDSA": func(*testtsa.Authority) {},
		"RSA": func(a *testtsa.Authority) {
			a.Reissue(t, testtsa.SignerTemplate(true, x509.ExtKeyUsageTimeStamping), rsaKey)
		},
		"named by SHA-1":             func(a *testtsa.Authority) { a.Edit(func(d *testtsa.Draft) { d.NamesBySHA1 = true }) },
		"granted with modifications": func(a *testtsa.Authority) { a.Edit(func(d *testtsa.Draft) { d.Status = 1 }) },
	} {
		t.Run(name, func(t *testing.T) {
			a := testtsa.New(t, now)
			change(a)
			token, got, err := newClient(t, a.URL, a.Roots).RequestToken(t.Context(), hash)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Time.Equal(now()) || got.Accuracy != 1500*time.Millisecond || !got.Authority.Equal(a.Signer) ||
				got.Serial.Int64() != 7 || got.Policy.String() != "1.2.3" {
				t.Errorf("got %+v", got)
			}
			again, err := timestamp.Verify(token, hash, a.Roots)
			if err != nil || !again.Time.Equal(got.Time) {
				t.Errorf("stored token: %v, %v", again, err)
			}
			if _, err = timestamp.Verify(token, sha256.Sum256(nil), a.Roots); !errors.Is(err, timestamp.ErrInvalid) {
				t.Errorf("another hash: %v", err)
			}
			if _, err = timestamp.Verify(token, hash, x509.NewCertPool()); !errors.Is(err, timestamp.ErrInvalid) {
				t.Errorf("nobody trusted: %v", err)
			}
		})
	}
}

// Each wrong token is made by an authority that is trusted, so that only the rule in question refuses it.
func TestWrongTokensAreRefused(t *testing.T) {
	another := func() *testtsa.Authority { return testtsa.New(t, now) }
	for name, test := range map[string]struct {
		edit func(a *testtsa.Authority, d *testtsa.Draft)
		want string
	}{
		"another hash":      {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Imprint = make([]byte, 32) }, "about something else"},
		"another algorithm": {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Algorithm = []int{1, 3, 14, 3, 2, 26} }, "about something else"},
		"another nonce":     {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Nonce.Add(d.Nonce, d.Nonce) }, "answers another request"},
		"no nonce":          {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Nonce = nil }, "answers another request"},
		"another version":   {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Version = 2 }, "version 2"},
		"another content":   {func(_ *testtsa.Authority, d *testtsa.Draft) { d.ContentType = []int{1, 2, 840, 113549, 1, 7, 1} }, "not a time stamp"},
		"another digest":    {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Digest = make([]byte, 32) }, "of another content"},
		"no certificate":    {func(a *testtsa.Authority, d *testtsa.Draft) { d.Certificates = []*x509.Certificate{a.Issuer} }, "lacks the certificate"},
		"names another":     {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Named = another().Signer }, "lacks the certificate"},
		"two signers":       {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Signers = 2 }, "2 signers"},
		"no signer":         {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Signers = 0 }, "0 signers"},
		"wrong signature": {func(_ *testtsa.Authority, d *testtsa.Draft) {
			d.Spoil = func(s []byte) []byte { s[len(s)-1] ^= 1; return s }
		}, "signature is wrong"},
		"refusal":        {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Status = 2 }, "status 2"},
		"something more": {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Trailing = []byte{5, 0} }, "cannot be read"},
		"before the certificate": {func(_ *testtsa.Authority, d *testtsa.Draft) { d.Time = d.Time.AddDate(-10, 0, 0) },
			"not trusted"},
	} {
		t.Run(name, func(t *testing.T) {
			a := testtsa.New(t, now)
			a.Edit(func(d *testtsa.Draft) { test.edit(a, d) })
			_, _, err := newClient(t, a.URL, a.Roots).RequestToken(t.Context(), hash)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestAuthorityIsForTimeStampsAlone(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageServerAuth}
	for name, test := range map[string]struct {
		template *x509.Certificate
		want     string
	}{
		"a server's":         {testtsa.SignerTemplate(true, x509.ExtKeyUsageServerAuth), "not for time-stamping alone"},
		"for two purposes":   {testtsa.SignerTemplate(true, both...), "not for time-stamping alone"},
		"without a purpose":  {&x509.Certificate{}, "not for time-stamping alone"},
		"purpose is no must": {testtsa.SignerTemplate(false, x509.ExtKeyUsageTimeStamping), "critical"},
	} {
		t.Run(name, func(t *testing.T) {
			a := testtsa.New(t, now)
			a.Reissue(t, test.template, key)
			_, _, err := newClient(t, a.URL, a.Roots).RequestToken(t.Context(), hash)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestClientIsBounded(t *testing.T) {
	a := testtsa.New(t, now)
	client := newClient(t, a.URL, a.Roots)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "more than 32768 bytes"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "HTTP 307"},
		"down":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "HTTP 503"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			a.Answer(test.answer)
			if _, _, err := client.RequestToken(t.Context(), hash); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for _, address := range []string{"", "tsa.example", "ldap://tsa.example", "file:///etc/passwd", "http://"} {
		if _, err := timestamp.NewClient(address, a.Roots); err == nil {
			t.Errorf("%q was accepted", address)
		}
	}
}

func TestErrorNamesNoAddress(t *testing.T) {
	client := newClient(t, "http://user:secret@127.0.0.1:1/", x509.NewCertPool())
	if _, _, err := client.RequestToken(t.Context(), hash); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// OpenSSL answers our request, and verifies the token of our test authority.
func TestTokensOfOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is missing: install the package openssl")
		}
		t.Skip("openssl is missing: install the package openssl")
	}
	a := testtsa.New(t, time.Now)
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(a.Key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) {
		data := der
		if kind != "" {
			data = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		}
		if writeErr := os.WriteFile(filepath.Join(dir, name), data, 0o600); writeErr != nil {
			t.Fatal(writeErr)
		}
	}
	write("tsa.pem", "CERTIFICATE", a.Signer.Raw)
	write("root.pem", "CERTIFICATE", a.Issuer.Raw)
	write("key.pem", "PRIVATE KEY", key)
	write("data", "", []byte("what is stamped"))
	write("serial", "", []byte("01\n"))
	write("openssl.cnf", "", []byte("[tsa]\ndefault_tsa = own\n[own]\nserial = serial\nsigner_cert = tsa.pem\n"+
		"certs = root.pem\nsigner_key = key.pem\nsigner_digest = sha384\ndefault_policy = 1.2.3.4\ndigests = sha256\n"+
		"accuracy = secs:1, millisecs:5\nordering = yes\ntsa_name = yes\ness_cert_id_chain = yes\ness_cert_id_alg = sha1\n"))
	openssl := func(arguments ...string) []byte {
		t.Helper()
		command := exec.CommandContext(t.Context(), "openssl", arguments...)
		command.Dir = dir
		output, runErr := command.CombinedOutput()
		if runErr != nil {
			t.Fatalf("openssl %v: %v\n%s", arguments, runErr, output)
		}
		return output
	}
	a.Answer(func(w http.ResponseWriter, r *http.Request) {
		query, failure := io.ReadAll(r.Body)
		if failure != nil {
			t.Error(failure)
		}
		write("query.tsq", "", query)
		openssl("ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
		reply, failure := os.ReadFile(filepath.Join(dir, "reply.tsr"))
		if failure != nil {
			t.Error(failure)
		}
		_, _ = w.Write(reply)
	})
	client := newClient(t, a.URL, a.Roots)
	_, got, err := client.RequestToken(t.Context(), hash)
	if err != nil || got.Policy.String() != "1.2.3.4" || got.Accuracy != 1005*time.Millisecond {
		t.Fatalf("token of OpenSSL: %+v, %v", got, err)
	}
	a.Answer(nil)
	token, _, err := client.RequestToken(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	write("token", "", token)
	if output := openssl("ts", "-verify", "-data", "data", "-in", "token", "-token_in", "-CAfile", "root.pem"); !bytes.Contains(
		output, []byte("Verification: OK")) {
		t.Errorf("%s", output)
	}
}

func FuzzVerify(f *testing.F) {
	a := testtsa.New(f, now)
	client, err := timestamp.NewClient(a.URL, a.Roots)
	if err != nil {
		f.Fatal(err)
	}
	token, _, err := client.RequestToken(f.Context(), hash)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Fuzz(func(t *testing.T, changed []byte) {
		got, err := timestamp.Verify(changed, hash, a.Roots)
		if err == nil && !got.Time.Equal(now()) {
			t.Errorf("another time was accepted: %s", got.Time)
		}
	})
}
