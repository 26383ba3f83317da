package card_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/implants/udi"
)

// requireCardCheck skips a test that needs Java, or a page of 300 dpi, unless make card-check runs it.
func requireCardCheck(t *testing.T) {
	t.Helper()
	if os.Getenv("CTR_CARD_CHECK") == "" {
		t.Skip("make card-check runs this test")
	}
}

// runTool runs a command and returns its standard output.
func runTool(t *testing.T, dir, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = dir
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, complaints.String())
	}
	return string(out)
}

// hostileCard returns a card whose values are as hard to set as possible.
func hostileCard() implants.CardContent {
	c := withoutNumber(implantationWithLines(3))
	c.Surgeries = append(c.Surgeries, explantationCard().Surgeries...)
	fillFreeTexts(&c, "Nguye\u0302\u0303n Łódź Ωμέγα Щербакова محمد بن سلمان שלום 12 (ב) 山 𝒳 \u202e fi <&> "+
		strings.Repeat("e\u0301\u0323", 40)+strings.Repeat("W", 120))
	return c
}

// writeCards writes cards with 1, 2 and 50 implants, other cards, and hostile texts, and returns the files.
func writeCards(t *testing.T, dir string, o card.Options) (files []string) {
	t.Helper()
	for name, c := range map[string]implants.CardContent{
		"one": implantationWithLines(1), "two": implantationCard(), "fifty": implantationWithLines(50), "patient": patientCard(),
		"explantation": explantationCard(), "nothing": {Patient: leroy}, "hostile": hostileCard(),
	} {
		data, err := card.Render(c, o)
		if err != nil {
			t.Fatal(err)
		}
		if o.Signature != nil {
			name += "-signed"
		}
		files = append(files, writeFile(t, dir, name+".pdf", data))
	}
	return files
}

func writeFile(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// runJava runs the only class of a project below testdata with its dependencies.
func runJava(t *testing.T, project, class string, arguments ...string) string {
	t.Helper()
	project = filepath.Join("testdata", project)
	classpath := filepath.Join(t.TempDir(), "classpath")
	runTool(t, project, "mvn", "-q", "-B", "dependency:build-classpath", "-Dmdep.outputFile="+classpath)
	jars, err := os.ReadFile(classpath)
	if err != nil {
		t.Fatal(err)
	}
	return runTool(t, project, "java", append([]string{"-XX:+UseSerialGC", "-cp", string(jars), class}, arguments...)...)
}

// TestVeraPDF has the reference validator judge the cards: archival (PDF/A-2a) and accessible (PDF/UA-1).
func TestVeraPDF(t *testing.T) {
	requireCardCheck(t)
	dir := t.TempDir()
	files := append(writeCards(t, dir, card.Options{}), writeCards(t, dir, card.Options{Signature: newSignature(t)})...)
	out := runJava(t, "verapdf", "Validate.java", append([]string{"2a,ua1"}, files...)...)
	if got := strings.Count(out, "PASS "); got != 2*len(files) {
		t.Errorf("%d of %d validations pass:\n%s", got, 2*len(files), out)
	}
	t.Log(out)
}

// TestSignaturesVerify has programs that are not ours verify the signed cards: the service of the European Commission,
// which also names the profile, pyHanko, and pdfsig.
func TestSignaturesVerify(t *testing.T) {
	requireCardCheck(t)
	dir := t.TempDir()
	signature, authority, list := newIssuedSignature(t)
	files := writeCards(t, dir, card.Options{Signature: signature})
	ca := writeFile(t, dir, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority}))

	out := runJava(t, "dss", "Verify.java", append([]string{ca, writeFile(t, dir, "ca.crl", list)}, files...)...)
	if got := strings.Count(out, "PAdES-BASELINE-B TOTAL_PASSED/"); got != len(files) {
		t.Errorf("EU DSS: %d of %d signatures:\n%s", got, len(files), out)
	}
	t.Log(out)

	environment := filepath.Join(dir, "python")
	runTool(t, dir, "python3", "-m", "venv", environment)
	runTool(t, dir, filepath.Join(environment, "bin", "pip"), "--quiet", "--disable-pip-version-check", "install", "pyhanko==0.38.0")
	out = runTool(t, filepath.Join("testdata", "pyhanko"), filepath.Join(environment, "bin", "python"),
		append([]string{"verify.py", ca}, files...)...)
	if got := strings.Count(out, "ENTIRE_FILE VALID "); got != len(files) {
		t.Errorf("pyHanko: %d of %d signatures:\n%s", got, len(files), out)
	}
	t.Log(out)

	database := "sql:" + dir
	runTool(t, dir, "certutil", "-N", "-d", database, "--empty-password")
	runTool(t, dir, "certutil", "-A", "-d", database, "-n", "authority", "-t", "CT,C,C", "-i", ca)
	for _, file := range files {
		out = runTool(t, dir, "pdfsig", "-nssdir", database, file)
		for _, words := range []string{"Signature is Valid.", "Certificate is Trusted.", "Total document signed", "ETSI.CAdES.detached"} {
			if !strings.Contains(out, words) {
				t.Errorf("pdfsig does not say %q:\n%s", words, out)
			}
		}
	}
}

// newIssuedSignature returns a signature of now with a P-256 key below an authority, the authority, and its revocation
// list.
func newIssuedSignature(t *testing.T) (s *pdfua.Signature, authority, list []byte) {
	t.Helper()
	now := time.Now()
	newKey := func() *ecdsa.PrivateKey {
		t.Helper()
		return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	root, leaf := newKey(), newKey()
	rootTemplate := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, NotBefore: now.AddDate(-1, 0, 0),
		NotAfter: now.AddDate(9, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId: []byte{1, 2, 3, 4},
	}
	authority = must(x509.CreateCertificate(rand.Reader, rootTemplate, rootTemplate, root.Public(), root))
	issuer := must(x509.ParseCertificate(authority))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Register of the test"}, NotBefore: now.AddDate(0, 0, -1),
		NotAfter: now.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}
	certificate := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, issuer, leaf.Public(), root))))
	list = must(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now.Add(-time.Minute), NextUpdate: now.AddDate(0, 0, 7),
	}, issuer, root))
	return &pdfua.Signature{
		Key: leaf, Chain: []*x509.Certificate{certificate, issuer}, Name: "Register of the test", Reason: "test", SignedAt: now,
	}, authority, list
}

// TestSymbolsDecode reads the symbols of printed cards, with 1, 2 and 50 implants, with programs that are not ours.
func TestSymbolsDecode(t *testing.T) {
	requireCardCheck(t)
	const address = "https://ctr.example/verify/202611040001239-1-ABCDEFGHIJKLMNOP"
	for _, lines := range []int{1, 2, 50} {
		c := implantationWithLines(lines)
		dir := t.TempDir()
		data, err := card.Render(c, card.Options{Address: address})
		if err != nil {
			t.Fatal(err)
		}
		file := writeFile(t, dir, "card.pdf", data)
		runTool(t, dir, "pdftoppm", "-r", "300", "-png", file, "card")
		pages, err := filepath.Glob(filepath.Join(dir, "card-*.png")) // in the order of the pages
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(runTool(t, dir, "zbarimg", "-q", "--raw", pages[0])); got != address {
			t.Errorf("%d lines: the QR code contains %q", lines, got)
		}
		var got, want []string
		for i, page := range pages {
			number := strconv.Itoa(i + 1)
			symbols := strings.Count(runTool(t, dir, "pdftotext", "-f", number, "-l", number, file, "-"), "Total Knee System")
			if symbols == 0 {
				t.Fatalf("no line on page %s", number)
			}
			// It stops at the last symbol, and prints the separator FNC1 as the character that -G names.
			read := runTool(t, dir, "dmtxread", "-n", "-N", strconv.Itoa(symbols), "-G", "29", page)
			got = append(got, strings.Fields(read)...)
		}
		for _, i := range c.Surgeries[0].Implants {
			want = append(want, udi.Carrier(i.UDI))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d lines: the DataMatrix symbols contain %q, not %q", lines, got, want)
		}
	}
}
