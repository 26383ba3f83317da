package interop_test

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/interop"
)

// sealingFolder is a folder with the files of two holders: ca.pem, password, kek, sender.p12, sender.etk, reader.p12,
// reader.etk. The reader's .p12 file holds a former encryption key too.
type sealingFolder string

const kekID = "a2V5IDE=" // in base64

func (f sealingFolder) file(name string) string { return filepath.Join(string(f), name) }

func newSealingFolder(t *testing.T) sealingFolder {
	t.Helper()
	f, now := sealingFolder(t.TempDir()), time.Now()
	from, until := now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)
	a, err := authority.New(authority.Options{Name: "CTR test", NotBefore: from, NotAfter: until, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	depot, err := a.IssueDepotKey(from, until)
	if err != nil {
		t.Fatal(err)
	}
	interop.WriteFile(t, f.file("ca.pem"), x509id.EncodePEM(a.Certificates()...))
	interop.WriteFile(t, f.file("password"), []byte("worthless"))
	interop.WriteFile(t, f.file("kek"), []byte(base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))))
	for name, subject := range map[string]x509id.Subject{
		"sender": {Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"},
		"reader": {Type: "NIHII-HOSPITAL", ID: "71012413", Name: "CLINIQUE DU PARC LEOPOLD"},
	} {
		holder, err := a.Issue(authority.Order{Subject: subject, NotBefore: from, NotAfter: until})
		if err != nil {
			t.Fatal(err)
		}
		keys := []*x509id.Key{holder}
		for range 2 {
			key, keyErr := authority.IssueEncryptionKey(holder, rand.Reader)
			if keyErr != nil {
				t.Fatal(keyErr)
			}
			keys = append(keys, key)
		}
		store, err := p12.EncodeKeys(keys, "worthless", 2048, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		chain := append([]*x509.Certificate{holder.Certificate}, holder.Chain...)
		token, err := cms.SignToken(depot, keys[2].Certificate, chain, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		interop.WriteFile(t, f.file(name+".p12"), store)
		interop.WriteFile(t, f.file(name+".etk"), token)
	}
	return f
}

// runCtr runs the program as a process of its own, with 64 MiB of memory at most.
func (f sealingFolder) runCtr(t *testing.T, who string, arguments ...string) {
	t.Helper()
	flags := []string{"--p12", f.file(who + ".p12"), "--password-file", f.file("password")}
	if who == "" {
		flags = nil
	}
	command := interop.NewCommand(t, interop.ProgramPath(t, "ctr"), nil, slices.Concat(flags, arguments, []string{"--trust", f.file("ca.pem")})...)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("ctr %s: %v\n%s", arguments[0], err, output)
	}
	const limit = 64 << 10 // kilobytes
	if peak := interop.PeakKilobytes(command); peak > limit {
		t.Errorf("ctr %s needed %d kB", arguments[0], peak)
	} else {
		t.Logf("ctr %s needed %d kB", arguments[0], peak)
	}
}

// expectSame compares a file with the one that was sealed. What this process needs counts as that of its children
// before they begin, so it holds no file.
func (f sealingFolder) expectSame(t *testing.T, name string) {
	t.Helper()
	if got, want := f.digest(t, name), f.digest(t, "clear"); got != want {
		t.Errorf("%s: %s, want %s", name, got, want)
	}
}

// digest returns the length and the digest of a file.
func (f sealingFolder) digest(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(f.file(name))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	n, err := io.Copy(hash, file)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d bytes, %x", n, hash.Sum(nil))
}

func (f sealingFolder) writeRandom(t *testing.T, name string, n int64) {
	t.Helper()
	file, err := os.Create(f.file(name))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(file, rand.Reader, n)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestBouncyCastle: Bouncy Castle opens what ctr seals, and ctr what Bouncy Castle seals as a stream of BER: for two
// readers and for a key encryption key, with ten megabytes, in 64 MiB of memory.
func TestBouncyCastle(t *testing.T) {
	selected := strings.Split(os.Getenv("CTR_INTEROP"), ",")
	if !slices.Contains(selected, "all") && !slices.Contains(selected, "bouncycastle") {
		t.Skip("CTR_INTEROP does not name it; make interop does")
	}
	if output, err := typeLines(t, "bouncycastle", "mvn -q -B package"); err != nil {
		t.Fatalf("%v\n%s\nDebian packages needed: default-jdk-headless maven", err, output)
	}
	program, err := filepath.Abs("bouncycastle/target/sealing.jar")
	if err != nil {
		t.Fatal(err)
	}
	f := newSealingFolder(t)
	f.writeRandom(t, "clear", 10<<20)
	runJava := func(t *testing.T, arguments ...string) {
		t.Helper()
		line := append([]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", "-jar", program}, arguments...)
		if output, err := exec.CommandContext(t.Context(), "java", line...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", arguments[0], err, output)
		}
	}
	kek := []string{"--kek", f.file("kek"), "--kek-id", kekID}

	t.Run("ctr seals", func(t *testing.T) {
		f.runCtr(t, "sender", append([]string{"seal", f.file("clear"), "-o", f.file("by-ctr"), "--to", f.file("reader.etk")}, kek...)...)
		for _, who := range []string{"sender", "reader"} {
			runJava(t, "unseal", f.file(who+".p12"), f.file("password"), f.file("by-ctr"), f.file("java-"+who))
			f.expectSame(t, "java-"+who)
		}
		runJava(t, "unseal", f.file("kek"), kekID, f.file("by-ctr"), f.file("java-kek"), "kek")
		f.expectSame(t, "java-kek")
	})
	t.Run("Bouncy Castle seals", func(t *testing.T) {
		runJava(t, "seal", f.file("sender.p12"), f.file("password"), f.file("kek"), kekID, f.file("clear"), f.file("by-java"), f.file("sender.etk"), f.file("reader.etk"))
		for _, who := range []string{"sender", "reader", ""} {
			more := kek
			if who != "" {
				more = nil
			}
			f.runCtr(t, who, append([]string{"unseal", f.file("by-java"), "-o", f.file("ctr-" + who)}, more...)...)
			f.expectSame(t, "ctr-"+who)
		}
	})
}
