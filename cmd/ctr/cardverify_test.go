package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestVerifyCard verifies a card that the first hospital signed, and cards with which something is wrong.
func TestVerifyCard(t *testing.T) {
	dir := t.TempDir()
	key := testpki.Key(t, authority.EntryEC)
	write := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sign := func(key *x509id.Key, at time.Time) []byte {
		t.Helper()
		data, err := card.Render(implants.CardContent{}, card.Options{Signature: &pdfua.Signature{
			Key: key.Signer, Chain: append([]*x509.Certificate{key.Certificate}, key.Chain...), Name: "Register", SignedAt: at,
		}})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	trust := write("ca.pem", testpki.CAFile(t))
	stranger := write("stranger.pem", x509id.EncodePEM(testpki.UntrustedKey(t).Chain...))
	good := sign(key, testpki.Now())
	changed := append([]byte(nil), good...)
	changed[len(changed)-20] ^= 1
	unsigned, err := card.Render(implants.CardContent{}, card.Options{})
	if err != nil {
		t.Fatal(err)
	}
	signer := "NIHII-HOSPITAL=71000436"
	for _, c := range []struct {
		name string
		file []byte
		args []string
		code int
		says string
	}{
		{"genuine", good, []string{"--trust", trust}, exitOK, "it was signed\n" + "  signed by " + signer + " at " + testpki.Now().UTC().Format(time.RFC3339)},
		{"by the operator", good, []string{"--trust", trust, "--signer", signer}, exitOK, "genuine"},
		{"as JSON", good, []string{"--trust", trust, "--json"}, exitOK, `"Genuine": true`},
		{"by another", good, []string{"--trust", trust, "--signer", "CBE=0403227020"}, exitRefused, "it was not signed by CBE=0403227020"},
		{"by nobody we trust", good, []string{"--trust", stranger}, exitRefused, "the signer's certificate is not trusted for that time: CERT_UNTRUSTED"},
		{"by an untrusted key", sign(testpki.UntrustedKey(t), testpki.Now()), []string{"--trust", trust}, exitRefused, "CERT_UNTRUSTED"},
		{"before its certificate was valid", sign(key, testpki.Now().AddDate(-20, 0, 0)), []string{"--trust", trust}, exitRefused, "not trusted for that time"},
		{"after its certificate was valid", sign(key, testpki.Now().AddDate(500, 0, 0)), []string{"--trust", trust}, exitRefused, "not trusted for that time"},
		{"in the future", sign(key, time.Now().Add(time.Hour)), []string{"--trust", trust}, exitRefused, "it was signed in the future"},
		{"changed", changed, []string{"--trust", trust}, exitRefused, "not verified: the file was changed after it was signed"},
		{"added to", append(append([]byte(nil), good...), " "...), []string{"--trust", trust}, exitRefused, "something was added to the file"},
		{"unsigned", unsigned, []string{"--trust", trust}, exitRefused, "the file has no signature of a register"},
		{"no PDF", []byte("card"), []string{"--trust", trust}, exitRefused, "the file has no signature of a register"},
		{"too large", make([]byte, maxCardBytes+1), []string{"--trust", trust}, exitUsage, "larger than any card"},
		{"no authority", good, []string{"--trust", write("none.pem", nil)}, exitUsage, "--trust: "},
		{"trusting nobody", good, nil, exitUsage, "--trust"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write("card.pdf", c.file)
			got := runCtr(t, nil, append([]string{"card", "verify", file}, c.args...)...)
			if output := got.stdout + got.stderr; got.code != c.code || !strings.Contains(output, c.says) {
				t.Errorf("exit code %d, not %d, and not %q:\n%s", got.code, c.code, c.says, output)
			}
		})
	}
}
