package main

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// sealingParty is a holder with a .p12 file that holds the authentication key, an encryption key and a former one.
type sealingParty struct {
	flags             []string
	holder            *x509id.Key
	etk, formerETK    string // files
	encryption, older *x509id.Key
}

// sealingFixture is an authority with a depot, a hospital that sends and a specialist who reads.
type sealingFixture struct {
	authority      *authority.Authority
	depot          *x509id.Key
	trust          string
	sender, reader sealingParty
}

func newSealingFixture(t *testing.T) *sealingFixture {
	t.Helper()
	now := time.Now()
	a, err := authority.New(authority.Options{Name: "CTR test", NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	f := &sealingFixture{authority: a, trust: writeTempFile(t, "ca.pem", x509id.EncodePEM(a.Certificates()...))}
	if f.depot, err = a.IssueDepotKey(now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	f.sender = f.newParty(t, x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"}, authority.KeyRSA2048)
	f.reader = f.newParty(t, x509id.Subject{Type: "SSIN", ID: "78031412250", Name: "ANNA CLAES"}, authority.KeyECP256)
	return f
}

func (f *sealingFixture) newParty(t *testing.T, subject x509id.Subject, algorithm authority.KeyAlgorithm) (p sealingParty) {
	t.Helper()
	now := time.Now()
	var err error
	p.holder, err = f.authority.Issue(authority.Order{Subject: subject, Algorithm: algorithm, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []**x509id.Key{&p.encryption, &p.older} {
		if *key, err = authority.IssueEncryptionKey(p.holder, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	data, err := p12.EncodeKeys([]*x509id.Key{p.holder, p.older, p.encryption}, "worthless", 100, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.flags = []string{"--p12", writeTempFile(t, "keys.p12", data), "--password-file", writePasswordFile(t, "worthless")}
	p.etk, p.formerETK = f.writeToken(t, p.holder, p.encryption), f.writeToken(t, p.holder, p.older)
	return p
}

func (f *sealingFixture) writeToken(t *testing.T, holder, encryption *x509id.Key) string {
	t.Helper()
	token, err := cms.SignToken(f.depot, encryption.Certificate, append([]*x509.Certificate{holder.Certificate}, holder.Chain...), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return writeTempFile(t, "x.etk", token)
}

// seal seals a file and returns the name of the result.
func (f *sealingFixture) seal(t *testing.T, file string, arguments ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "sealed")
	runCtr(t, f.sender.flags, append([]string{"seal", file, "-o", out, "--trust", f.trust}, arguments...)...).expect(t, exitOK, "written")
	return out
}

func readTestFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestSealAndUnseal: each reader opens the file: the recipient with either key of a file that holds several, the
// sender, and whoever has the key encryption key.
func TestSealAndUnseal(t *testing.T) {
	f := newSealingFixture(t)
	letter := writeTempFile(t, "clear", []byte("a letter\x00\xff\n"))
	id := base64.StdEncoding.EncodeToString([]byte("key 1"))
	kek := []string{"--kek", writeTempFile(t, "kek", []byte(base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))+"\n")), "--kek-id", id}
	for name, to := range map[string]string{"present key": f.reader.etk, "former key": f.reader.formerETK} {
		sealed := f.seal(t, letter, append([]string{"--to", to}, kek...)...)
		for who, c := range map[string]struct{ flags, more []string }{
			"recipient": {flags: f.reader.flags}, "sender": {flags: f.sender.flags}, "key server": {more: kek},
		} {
			out := filepath.Join(t.TempDir(), "opened")
			runCtr(t, c.flags, append([]string{"unseal", sealed, "-o", out, "--trust", f.trust}, c.more...)...).expect(
				t, exitOK, "sealed by    NIHII-HOSPITAL=71000436", "written")
			if got := readTestFile(t, out); got != "a letter\x00\xff\n" {
				t.Errorf("%s, %s: %q", name, who, got)
			}
			if info, err := os.Stat(out); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s, %s: %v, %v", name, who, info.Mode(), err)
			}
		}
	}
	answer := runCtr(t, f.sender.flags, "seal", letter, "-o", filepath.Join(t.TempDir(), "x"), "--trust", f.trust, "--to", f.reader.etk, "--json").expect(t, exitOK)
	var got sealedFile
	if err := json.Unmarshal([]byte(answer.stdout), &got); err != nil || !got.ForSender || got.KEK || len(got.Recipients) != 1 || got.Recipients[0] != "SSIN=78031412250" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSealOverwritesNothing: an existing file stays, and nothing is left beside it.
func TestSealOverwritesNothing(t *testing.T) {
	f := newSealingFixture(t)
	letter := writeTempFile(t, "clear", []byte("a letter"))
	sealed := f.seal(t, letter, "--to", f.reader.etk)
	directory := t.TempDir()
	existing := filepath.Join(directory, "existing")
	if err := os.WriteFile(existing, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(directory, "nowhere"), filepath.Join(directory, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"existing", "link"} {
		out := filepath.Join(directory, name)
		runCtr(t, f.sender.flags, "seal", letter, "-o", out, "--trust", f.trust, "--to", f.reader.etk).expect(t, exitUsage, "already exists")
		runCtr(t, f.reader.flags, "unseal", sealed, "-o", out, "--trust", f.trust).expect(t, exitUsage, "already exists")
	}
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != 2 || readTestFile(t, existing) != "mine" {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestUnsealRefuses: what cannot be opened or believed gives exit code 1 and no file.
func TestUnsealRefuses(t *testing.T) {
	f, others := newSealingFixture(t), newSealingFixture(t)
	sealed := f.seal(t, writeTempFile(t, "clear", []byte("a letter")), "--to", f.reader.etk)
	changed := []byte(readTestFile(t, sealed))
	changed[len(changed)/2] ^= 1
	crl, err := f.authority.SignCRL(1, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), f.sender.holder.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file  string
		flags []string
		trust []string
		want  problem.Code
		found bool // as a finding, on standard output
	}{
		"changed":          {writeTempFile(t, "x", changed), f.reader.flags, []string{f.trust}, cms.SignatureInvalid, false},
		"not a message":    {f.trust, f.reader.flags, []string{f.trust}, cms.Unreadable, false},
		"for somebody":     {sealed, others.reader.flags, []string{f.trust}, cms.NotAddressed, false},
		"of a stranger":    {sealed, f.reader.flags, []string{others.trust}, x509id.CertUntrusted, true},
		"of a revoked key": {sealed, f.reader.flags, []string{f.trust, "--crl", writeTempFile(t, "crl", crl)}, x509id.CertRevoked, true},
	} {
		out := filepath.Join(t.TempDir(), "opened")
		arguments := append([]string{"unseal", c.file, "-o", out, "--trust"}, c.trust...)
		r := runCtr(t, c.flags, arguments...)
		words := r.stderr
		if c.found {
			words = r.stdout
		}
		if r.code != exitRefused || !strings.Contains(words, string(c.want)) {
			t.Errorf("%s: %+v", name, r)
		}
		if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) > 0 {
			t.Errorf("%s: files %v, %v", name, entries, err)
		}
		if r = runCtr(t, c.flags, append(arguments, "--accept-untrusted")...); r.code != exitRefused {
			t.Errorf("%s, accepted: %+v", name, r)
		}
		if data, err := os.ReadFile(out); c.found != (err == nil) || c.found && !bytes.Equal(data, []byte("a letter")) {
			t.Errorf("%s, accepted: %q, %v", name, data, err)
		}
	}
}

// TestSealRefuses: nothing is sealed for a token that proves nothing, or with a key that readers refuse.
func TestSealRefuses(t *testing.T) {
	f, others := newSealingFixture(t), newSealingFixture(t)
	letter := writeTempFile(t, "clear", []byte("a letter"))
	kek := writeTempFile(t, "kek", []byte("not base64, but secret"))
	for name, c := range map[string]struct {
		flags, arguments []string
		code             int
		words            string
	}{
		"token of others":     {f.sender.flags, []string{"--to", others.reader.etk}, exitRefused, "CERT_UNTRUSTED"},
		"token of somebody":   {f.sender.flags, []string{"--to", f.writeToken(t, f.sender.holder, f.reader.encryption)}, exitRefused, "ETK_INVALID"},
		"not a token":         {f.sender.flags, []string{"--to", letter}, exitRefused, "SEAL_UNREADABLE"},
		"EC sender":           {f.reader.flags, []string{"--to", f.reader.etk}, exitRefused, "SEAL_KEY_UNFIT"},
		"sender of others":    {others.sender.flags, []string{"--to", f.reader.etk}, exitRefused, "CERT_UNTRUSTED"},
		"nobody":              {f.sender.flags, nil, exitUsage, "no reader"},
		"no key":              {nil, []string{"--to", f.reader.etk}, exitUsage, "a .p12 file"},
		"KEK without ID":      {f.sender.flags, []string{"--kek", kek}, exitUsage, "belong together"},
		"KEK that is none":    {f.sender.flags, []string{"--kek", kek, "--kek-id", "aWQ="}, exitUsage, "does not contain base64"},
		"KEK of wrong length": {f.sender.flags, []string{"--kek", writeTempFile(t, "k", []byte("c2hvcnQ=")), "--kek-id", "aWQ="}, exitRefused, "SEAL_KEY_UNFIT"},
	} {
		out := filepath.Join(t.TempDir(), "sealed")
		r := runCtr(t, c.flags, append([]string{"seal", letter, "-o", out, "--trust", f.trust}, c.arguments...)...).expect(t, c.code, c.words)
		if strings.Contains(r.stderr, "secret") {
			t.Errorf("%s: the key is shown: %s", name, r.stderr)
		}
		if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) > 0 {
			t.Errorf("%s: files %v, %v", name, entries, err)
		}
	}
	runCtr(t, nil, "seal", letter, "-o", "x").expect(t, exitUsage, "--trust")
}
