package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

const p12TestData = "../../internal/message/p12/testdata/"

func writeTempFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func writePasswordFile(t *testing.T, password string) string {
	t.Helper()
	return writeTempFile(t, "password.txt", []byte(password+"\r\n"))
}

// writeTestP12 writes a .p12 file of the test authority, and a file with its password.
func writeTestP12(t *testing.T, key, name string) (file, password string) {
	t.Helper()
	data, secret := testpki.P12File(t, key)
	return writeTempFile(t, name, data), writePasswordFile(t, secret)
}

// issueP12 writes a .p12 file with one certificate of a new authority.
func issueP12(t *testing.T, issuer string, order authority.Order) (file, password string) {
	t.Helper()
	now := time.Now()
	a, err := authority.New(authority.Options{Name: issuer, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	order.Algorithm, order.NotBefore = authority.KeyECP256, now.AddDate(-1, 0, 0)
	if order.NotAfter.IsZero() {
		order.NotAfter = now.AddDate(1, 0, 0)
	}
	if order.Subject.Name == "" {
		order.Subject.Name = "ZIEKENHUIS SINT-ELOOI"
	}
	key, err := a.Issue(order)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p12.EncodeKeys([]*x509id.Key{key}, "worthless", 100, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return writeTempFile(t, "x.p12", data), writePasswordFile(t, "worthless")
}

func showCertificate(t *testing.T, file, password string) certificateReport {
	t.Helper()
	output := runCtr(t, nil, "cert", "show", file, "--password-file", password, "--json").expect(t, exitOK).stdout
	var r certificateReport
	if err := json.Unmarshal([]byte(output), &r); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	return r
}

func TestCertShow(t *testing.T) {
	t.Parallel()
	file, password := writeTestP12(t, testpki.Hospital, "NIHII-HOSPITAL=71000436 20261120-100000.p12")
	for _, args := range [][]string{{"cert", "show", file, "--password-file", password}, {"--p12", file, "--password-file", password, "cert", "show"}} {
		runCtr(t, nil, args...).expect(t, exitOK, "you are      NIHII-HOSPITAL=71000436\n", "name         ZIEKENHUIS SINT-ELOOI\n",
			"taken for    this organisation, for the person", "usable for   a development register", "RSA, 2048 bits", "day(s) left",
			"digitalSignature, nonRepudiation, keyEncipherment", "chain        2 issuer(s) in the file, complete",
			"as the platform names files", "AES-256, MAC SHA-256: current; 2 key(s)", "--author SSIN")
	}
	r := showCertificate(t, file, password)
	leaf := testpki.Key(t, testpki.Hospital).Certificate
	if r.Subject != "NIHII-HOSPITAL=71000436" || r.Type != "NIHII-HOSPITAL" || r.ID != "71000436" || r.IdentifiedAs != "organisation" ||
		r.Serial != leaf.SerialNumber.String() || !r.ValidUntil.Equal(leaf.NotAfter) || len(r.RefusalCodes) != 0 ||
		!slices.Equal(r.Advice, []advice{adviceNameAuthor}) || !r.Store.PlatformName || r.Store.Keys != 2 || r.Store.Entry != "authentication" {
		t.Errorf("%+v", r)
	}
}

func TestCertShowJudges(t *testing.T) {
	t.Parallel()
	fixed := map[string]struct {
		taken  string
		codes  []problem.Code
		advice []advice
	}{
		"SSIN=78031412250":           {"person", nil, nil},
		"NIHII-RETIREMENT=76123422":  {"organisation", nil, []advice{adviceNameAuthor}},
		"CBE=0403227020":             {"nobody", []problem.Code{platform.CertificateCBE}, []advice{adviceRequestNIHIICertificate, adviceSignWithSSIN}},
		authority.EntryExpired:       {"organisation", []problem.Code{x509id.CertExpired}, []advice{adviceNameAuthor, adviceRenew}},
		authority.EntryNotYetValid:   {"organisation", []problem.Code{x509id.CertNotYetValid}, []advice{adviceNameAuthor}},
		authority.EntryWeakKey:       {"organisation", []problem.Code{x509id.CertKeyUnsupported}, []advice{adviceNameAuthor}},
		authority.EntryIsCA:          {"organisation", []problem.Code{x509id.CertIsAuthority}, []advice{adviceNameAuthor}},
		authority.EntryWrongKeyUsage: {"organisation", []problem.Code{x509id.CertKeyUsage}, []advice{adviceNameAuthor}},
	}
	for key, want := range fixed {
		file, password := writeTestP12(t, key, "x.p12")
		r := showCertificate(t, file, password)
		if r.IdentifiedAs != want.taken || !slices.Equal(r.RefusalCodes, want.codes) || !slices.Equal(r.Advice, want.advice) {
			t.Errorf("%s: %s, %v, %v", key, r.IdentifiedAs, r.RefusalCodes, r.Advice)
		}
	}
	cbe, password := writeTestP12(t, "CBE=0403227020", "x.p12")
	runCtr(t, nil, "cert", "show", cbe, "--password-file", password).expect(t, exitOK, "no caller", "CERTIFICATE_CBE_NOT_ACCEPTED", "begins with NIHII-",
		"A doctor, like every person")
	for name, tt := range map[string]struct {
		subject x509id.Subject
		code    problem.Code
		advice  []advice
	}{
		"a doctor's number":      {x509id.Subject{Type: "NIHII11", ID: "17800389480"}, platform.CertificateUnfit, []advice{adviceSignWithSSIN, adviceRequestNIHIICertificate}},
		"NIHII-DOCTOR":           {x509id.Subject{Type: "NIHII-DOCTOR", ID: "17800389"}, x509id.CertSubjectType, []advice{adviceSignWithSSIN, adviceRequestOtherCertificate}},
		"a partner":              {x509id.Subject{Type: "EHP", ID: "1990001916"}, platform.CertificateUnfit, []advice{adviceRequestOtherCertificate}},
		"a person with a typo":   {x509id.Subject{Type: "SSIN", ID: "78031412251"}, platform.CertificateUnfit, []advice{adviceRequestOtherCertificate}},
		"a hospital with a typo": {x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000435"}, platform.CertificateUnfit, []advice{adviceRequestOtherCertificate}},
	} {
		file, secret := issueP12(t, "CTR test", authority.Order{Subject: tt.subject})
		r := showCertificate(t, file, secret)
		if r.IdentifiedAs != "nobody" || !slices.Equal(r.RefusalCodes, []problem.Code{tt.code}) || !slices.Equal(r.Advice, tt.advice) {
			t.Errorf("%s: %s, %v, %v", name, r.IdentifiedAs, r.RefusalCodes, r.Advice)
		}
	}
}

func TestCertShowTellsTheFile(t *testing.T) {
	t.Parallel()
	other, password := writeTestP12(t, testpki.Hospital, "NIHII-HOSPITAL=71012413,APP 20261120-100000.acc-p12")
	if r := showCertificate(t, other, password); !slices.Contains(r.Advice, adviceFileNameMismatch) {
		t.Errorf("another's file name: %v", r.Advice)
	}
	acceptance, secret := issueP12(t, "TEST eHealth acceptance", authority.Order{Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Application: "EPD"}})
	if r := showCertificate(t, acceptance, secret); r.Environment != "acceptance" || r.Application != "EPD" || r.Subject != "NIHII-HOSPITAL=71000436, EPD" ||
		!slices.Contains(r.Advice, adviceNotForProduction) || r.Store.PlatformName {
		t.Errorf("acceptance: %+v", r)
	}
	production, secret := issueP12(t, "Zetes eHealth", authority.Order{Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436"}})
	if r := showCertificate(t, production, secret); r.Environment != "production" {
		t.Errorf("production: %s", r.Environment)
	}
	worthless := writePasswordFile(t, "worthless")
	for name, want := range map[string]struct {
		encryption []string
		mac        string
		legacy     bool
		complete   bool
	}{
		"openssl3.p12":                   {[]string{"AES-256"}, "SHA-256", false, true},
		"openssl-legacy.p12":             {[]string{"SHA1-RC2-40", "SHA1-3DES"}, "SHA-1", true, true},
		"java.p12":                       {[]string{"AES-256"}, "SHA-256", false, true},
		"java-legacy.p12":                {[]string{"SHA1-3DES", "SHA1-RC2-40"}, "SHA-1", true, true},
		"openssl-clear-certificates.p12": {[]string{"none", "AES-256"}, "SHA-512", true, false},
	} {
		r := showCertificate(t, p12TestData+name, worthless)
		slices.Sort(r.Store.Encryption)
		slices.Sort(want.encryption)
		if !slices.Equal(r.Store.Encryption, want.encryption) || r.Store.MAC != want.mac || r.Store.Legacy != want.legacy ||
			r.Store.ChainComplete != want.complete || slices.Contains(r.Advice, adviceConvertFile) != want.legacy || slices.Contains(r.Advice, adviceChainIncomplete) == want.complete {
			t.Errorf("%s: %+v %v", name, r.Store, r.Advice)
		}
	}
}

// TestCertConvert checks that the new file contains the same keys, names and issuers with current encryption, and
// that the old file stays.
func TestCertConvert(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"openssl3.p12", "openssl-legacy.p12", "java.p12", "java-legacy.p12", "openssl-clear-certificates.p12", "openssl-clear-key.p12", "openssl-empty.p12"} {
		password := "worthless"
		if name == "openssl-empty.p12" {
			password = ""
		}
		secret := writePasswordFile(t, password)
		out := filepath.Join(t.TempDir(), "new.p12")
		runCtr(t, nil, "cert", "convert", p12TestData+name, "--password-file", secret, "-o", out).expect(t, exitOK, out+" written")
		expectOwnerOnly(t, out)
		before, after := showCertificate(t, p12TestData+name, secret), showCertificate(t, out, secret)
		if after.Store.Legacy || after.Serial != before.Serial || after.Store.Keys != before.Store.Keys || after.Store.Entry != "authentication" ||
			!slices.Equal(after.Store.Chain, before.Store.Chain) {
			t.Errorf("%s: %+v became %+v", name, before.Store, after.Store)
		}
		runCtr(t, nil, "cert", "convert", out, "--password-file", secret, "-o", out).expect(t, exitUsage, "ctr: the new file: ", "file exists")
	}
}

func expectOwnerOnly(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", file, info, err)
	}
}

// TestCertPassword checks that both keys of a platform file remain, readable only with the new password.
func TestCertPassword(t *testing.T) {
	t.Parallel()
	file, old := writeTestP12(t, testpki.Hospital, "x.p12")
	link := filepath.Join(t.TempDir(), "link.p12")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	data, secret := testpki.P12File(t, testpki.Hospital)
	before, err := p12.DecodeKeysToRewrite(data, secret, time.Now())
	if err != nil || len(before) != 2 {
		t.Fatalf("%d keys, %v", len(before), err)
	}
	fresh := writePasswordFile(t, "nieuw é€")
	output := runCtr(t, nil, "cert", "password", link, "--password-file", old, "--new-password-file", fresh, "--json").expect(t, exitOK).stdout
	var answer writtenFile
	if err = json.Unmarshal([]byte(output), &answer); err != nil || answer.Keys != 2 || answer.File != link {
		t.Errorf("%s, %v", output, err)
	}
	expectOwnerOnly(t, file)
	if target, failed := os.Readlink(link); failed != nil || target != file {
		t.Errorf("the link leads to %s, %v", target, failed)
	}
	runCtr(t, nil, "cert", "show", file, "--password-file", old).expect(t, exitUsage, "P12_PASSWORD")
	if data, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	after, err := p12.DecodeKeysToRewrite(data, "nieuw é€", time.Now())
	if err != nil || !equalKeys(before, after) {
		t.Errorf("%v, %v", after, err)
	}
	for i := range after {
		if public, ok := after[i].Signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(before[i].Signer.Public()) {
			t.Errorf("key %d is another", i)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestCertExtract(t *testing.T) {
	t.Parallel()
	file, password := writeTestP12(t, testpki.Hospital, "x.p12")
	extract := []string{"cert", "extract", file, "--password-file", password}
	key := testpki.Key(t, testpki.Hospital)
	if output := runCtr(t, extract).expect(t, exitOK).stdout; output != string(x509id.EncodePEM(key.Certificate)) {
		t.Errorf("the certificate: %s", output)
	}
	whole := string(x509id.EncodePEM(append([]*x509.Certificate{key.Certificate}, key.Chain...)...))
	if output := runCtr(t, extract, "--chain").expect(t, exitOK).stdout; output != whole {
		t.Errorf("the chain: %s", output)
	}
	var answer struct{ PEM string }
	if err := json.Unmarshal([]byte(runCtr(t, extract, "--json").expect(t, exitOK).stdout), &answer); err != nil || answer.PEM != string(x509id.EncodePEM(key.Certificate)) {
		t.Errorf("%+v, %v", answer, err)
	}
	runCtr(t, extract, "--key").expect(t, exitUsage, "--key needs -o")
	out := filepath.Join(t.TempDir(), "all.pem")
	runCtr(t, extract, "--key", "--chain", "-o", out).expect(t, exitOK, "3 certificate(s)", "private key without a password")
	expectOwnerOnly(t, out)
	if pair, err := tls.LoadX509KeyPair(out, out); err != nil || len(pair.Certificate) != 3 {
		t.Errorf("the pair: %v", err)
	}
	runCtr(t, extract, "-o", out).expect(t, exitUsage, "file exists")
	plain := filepath.Join(t.TempDir(), "plain.pem")
	runCtr(t, extract, "-o", plain).expect(t, exitOK, "1 certificate(s)")
	data, err := os.ReadFile(plain)
	if err != nil || bytes.Contains(data, []byte("PRIVATE")) {
		t.Errorf("%s, %v", data, err)
	}
}

// TestCertRefuses checks that an error is one line with exit code 2, and that the file is unchanged.
func TestCertRefuses(t *testing.T) {
	t.Parallel()
	file, good := writeTestP12(t, testpki.Hospital, "x.p12")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wrong := writePasswordFile(t, "wrong")
	broken := writeTempFile(t, "broken.p12", data[:len(data)/2])
	text := writeTempFile(t, "text.p12", []byte("hello"))
	missing := filepath.Join(t.TempDir(), "missing")
	for name, tt := range map[string]struct {
		args []string
		say  string
	}{
		"no file":               {[]string{"cert", "show", "--password-file", good}, "no .p12 file"},
		"no such file":          {[]string{"cert", "show", missing, "--password-file", good}, "no such file"},
		"no password":           {[]string{"cert", "show", file}, "--password-file=FILE"},
		"a wrong password":      {[]string{"cert", "show", file, "--password-file", wrong}, "x.p12: P12_PASSWORD"},
		"cut short":             {[]string{"cert", "show", broken, "--password-file", good}, "broken.p12: P12_UNREADABLE"},
		"text":                  {[]string{"cert", "show", text, "--password-file", good}, "P12_UNREADABLE"},
		"convert, wrong":        {[]string{"cert", "convert", file, "--password-file", wrong, "-o", missing}, "P12_PASSWORD"},
		"convert to nowhere":    {[]string{"cert", "convert", file, "--password-file", good, "-o", missing + "/new.p12"}, "the new file: "},
		"convert without -o":    {[]string{"cert", "convert", file, "--password-file", good}, "--out=FILE.p12"},
		"extract, wrong":        {[]string{"cert", "extract", file, "--password-file", wrong}, "P12_PASSWORD"},
		"password, wrong":       {[]string{"cert", "password", file, "--password-file", wrong, "--new-password-file", good}, "P12_PASSWORD"},
		"no new password":       {[]string{"cert", "password", file, "--password-file", good}, "--new-password-file=FILE"},
		"an empty new password": {[]string{"cert", "password", file, "--password-file", good, "--new-password-file", writePasswordFile(t, "")}, "is empty"},
		"a new password that cannot be": {[]string{"cert", "password", file, "--password-file", good, "--new-password-file", writePasswordFile(t, "\U0001F511")},
			"Basic Multilingual Plane"},
	} {
		r := runCtr(t, nil, tt.args...).expect(t, exitUsage, tt.say)
		if strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, "ctr: ") {
			t.Errorf("%s: not one line: %q", name, r.stderr)
		}
	}
	if after, failed := os.ReadFile(file); failed != nil || !bytes.Equal(after, data) {
		t.Errorf("the file was changed, %v", failed)
	}
	if _, err = os.Stat(missing); err == nil {
		t.Error("a file was written")
	}
}

// TestReplaceFile checks that the old file stays if it cannot be replaced, and that no temporary file remains.
func TestReplaceFile(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	taken := filepath.Join(directory, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(taken, []byte("x")); err == nil || !strings.Contains(err.Error(), "is unchanged") {
		t.Errorf("%v", err)
	}
	if err := replaceFile(filepath.Join(directory, "missing"), []byte("x")); err == nil {
		t.Error("a missing file was replaced")
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestExpiryWarning(t *testing.T) {
	t.Parallel()
	leaf := testpki.Key(t, testpki.Hospital).Certificate
	const day = 24 * time.Hour
	for _, tt := range []struct {
		before time.Duration
		want   string
	}{
		{91 * day, ""}, {90*day + time.Second, ""}, {90 * day, "in 90 day(s): it can be renewed"}, {31 * day, "it can be renewed"}, {30 * day, "renew it now"},
		{8 * day, "renew it now"}, {7 * day, "in 7 day(s): renew it today"}, {time.Hour, "in 0 day(s): renew it today"}, {-time.Second, ""},
	} {
		got := expiryWarning(leaf, leaf.NotAfter.Add(-tt.before))
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s before: %q", tt.before, got)
		}
	}
}

// TestCommandsWarnOfExpiry checks that the warning is one line on standard error and that standard output does not
// change.
func TestCommandsWarnOfExpiry(t *testing.T) {
	t.Parallel()
	file, password := issueP12(t, "CTR test", authority.Order{Subject: x509id.Subject{Type: "SSIN", ID: "78031412250"}, NotAfter: time.Now().Add(20*24*time.Hour + time.Hour)})
	for _, more := range [][]string{nil, {"--json"}} {
		flags := append([]string{"--p12", file, "--password-file", password, "--url", "https://127.0.0.1:1/ctr/v1"}, more...)
		r := runCtr(t, flags, "search", "--patient", "48022907379").expect(t, exitUnreachable, "ctr: your certificate expires on ", "in 20 day(s): renew it now")
		if strings.Count(r.stderr, "your certificate expires") != 1 || r.stdout != "" {
			t.Errorf("%+v", r)
		}
	}
	if r := showCertificate(t, file, password); r.DaysLeft != 20 || !slices.Contains(r.Advice, adviceRenew) {
		t.Errorf("%+v", r)
	}
}
