package p12_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

const foreignPassword = "geheim-17"

var foreignNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// foreignEntries are the entries of one holder that a store of another program gets: the key called "authentication"
// has an expired certificate, another is for decryption only, and a third, "nieuw", is the one to sign with. Its key
// also has an older certificate.
type foreignEntries struct {
	directory string
	ca        *x509id.Key
	signer    *x509id.Key
	serial    int64
}

func newForeignEntries(t *testing.T) *foreignEntries {
	t.Helper()
	f := &foreignEntries{directory: t.TempDir()}
	f.ca = f.issue(t, "ca", generateRSAKey(t), -10, 10, x509.KeyUsageCertSign)
	f.signer = f.issue(t, "nieuw", generateRSAKey(t), -1, 2, x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)
	f.issue(t, "oud", f.signer.Signer, -4, -1, x509.KeyUsageDigitalSignature)
	f.issue(t, "authentication", generateRSAKey(t), -5, -2, x509.KeyUsageDigitalSignature)
	f.issue(t, "12345", generateRSAKey(t), -1, 2, x509.KeyUsageKeyAgreement)
	return f
}

func generateRSAKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue issues a certificate that is valid from and until some years from now, and writes NAME.key.pem, NAME.pem and
// NAME.p12.
func (f *foreignEntries) issue(
	t *testing.T, name string, signer crypto.Signer, from, until int, usage x509.KeyUsage,
) *x509id.Key {
	t.Helper()
	f.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(f.serial), Subject: pkix.Name{Country: []string{"BE"}, CommonName: "NIHII-HOSPITAL=71000436"},
		NotBefore: foreignNow.AddDate(from, 0, 0), NotAfter: foreignNow.AddDate(until, 0, 0), KeyUsage: usage,
		BasicConstraintsValid: true,
	}
	issuer, issuerKey := template, signer
	var chain []*x509.Certificate
	if f.ca == nil {
		template.IsCA, template.Subject.CommonName = true, "Proef-CA"
	} else {
		issuer, issuerKey, chain = f.ca.Certificate, f.ca.Signer, []*x509.Certificate{f.ca.Certificate}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, signer.Public(), issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	key := &x509id.Key{Signer: signer, Certificate: certificate, Chain: chain, Name: name}
	data, err := p12.EncodeKeys([]*x509id.Key{key}, foreignPassword, 100, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, f.file(name+".key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	writeFile(t, f.file(name+".pem"), x509id.EncodePEM(certificate))
	writeFile(t, f.file(name+".p12"), data)
	return key
}

func (f *foreignEntries) file(name string) string { return filepath.Join(f.directory, name) }

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// runTool runs a program of another vendor. It skips the test if the program, or one of the files that it needs, is
// missing, except in CI, and names the Debian package.
func runTool(t *testing.T, debianPackage string, arguments ...string) {
	t.Helper()
	missing := func(what string) {
		t.Helper()
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: apt-get install %s", what, debianPackage)
		}
		t.Skipf("%s is missing: apt-get install %s", what, debianPackage)
	}
	program, err := exec.LookPath(arguments[0])
	if err != nil {
		missing(arguments[0])
	}
	for _, argument := range arguments {
		if strings.HasPrefix(argument, "/usr/") {
			if _, err := os.Stat(argument); err != nil {
				missing(argument)
			}
		}
	}
	command := exec.CommandContext(t.Context(), program, arguments[1:]...)
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+t.TempDir())
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", arguments, err, output)
	}
}

// storeMaker makes a store of the entries with another program.
type storeMaker struct {
	name string
	make func(t *testing.T, f *foreignEntries, out string)
	keys int
}

// makeWithOpenSSL makes a store with one key, its certificate and, before or behind it, the older one: the program
// writes only one key.
func makeWithOpenSSL(options ...string) func(*testing.T, *foreignEntries, string) {
	return func(t *testing.T, f *foreignEntries, out string) {
		t.Helper()
		others := f.file("others.pem")
		writeFile(t, others, slices.Concat(mustRead(t, f.file("oud.pem")), mustRead(t, f.file("ca.pem"))))
		runTool(t, "openssl", append([]string{
			"openssl", "pkcs12", "-export", "-inkey", f.file("nieuw.key.pem"), "-in", f.file("nieuw.pem"), "-certfile", others,
			"-passout", "pass:" + foreignPassword, "-out", out,
		}, options...)...)
	}
}

func makeWithKeytool(options ...string) func(*testing.T, *foreignEntries, string) {
	return func(t *testing.T, f *foreignEntries, out string) {
		t.Helper()
		for _, entry := range []string{"authentication", "12345", "nieuw"} {
			runTool(t, "default-jdk-headless", append([]string{
				"keytool", "-importkeystore", "-noprompt",
				"-srckeystore", f.file(entry + ".p12"), "-srcstoretype", "PKCS12", "-srcstorepass", foreignPassword,
				"-destkeystore", out, "-deststoretype", "PKCS12", "-deststorepass", foreignPassword,
			}, options...)...)
		}
	}
}

func makeWithJava(provider, storeType string, options ...string) func(*testing.T, *foreignEntries, string) {
	return func(t *testing.T, f *foreignEntries, out string) {
		t.Helper()
		arguments := append([]string{"java"}, options...)
		runTool(t, "default-jdk-headless libbcprov-java", append(arguments, "-cp", "/usr/share/java/bcprov.jar",
			"testdata/foreign/WriteStore.java", provider, storeType, foreignPassword, out, f.file("authentication.p12"),
			f.file("12345.p12"), f.file("nieuw.p12"))...)
	}
}

const bouncyCastle = "org.bouncycastle.jce.provider.BouncyCastleProvider"

func makeWithNSS(options ...string) func(*testing.T, *foreignEntries, string) {
	return func(t *testing.T, f *foreignEntries, out string) {
		t.Helper()
		database := "sql:" + t.TempDir()
		runTool(t, "libnss3-tools", "certutil", "-N", "-d", database, "--empty-password")
		for _, entry := range []string{"authentication", "nieuw"} {
			runTool(t, "libnss3-tools", "pk12util", "-d", database, "-i", f.file(entry+".p12"), "-W", foreignPassword)
		}
		// NSS gives certificates with the same subject the same nickname: that of the first.
		runTool(t, "libnss3-tools", append([]string{
			"pk12util", "-d", database, "-o", out, "-n", "authentication", "-W", foreignPassword,
		}, options...)...)
	}
}

func makeWithCerttool(options ...string) func(*testing.T, *foreignEntries, string) {
	return func(t *testing.T, f *foreignEntries, out string) {
		t.Helper()
		keys, certificates := f.file("keys.pem"), f.file("certificates.pem")
		writeFile(t, keys, slices.Concat(mustRead(t, f.file("authentication.key.pem")), mustRead(t, f.file("nieuw.key.pem"))))
		writeFile(t, certificates, slices.Concat(mustRead(t, f.file("authentication.pem")), mustRead(t, f.file("oud.pem")),
			mustRead(t, f.file("nieuw.pem"))))
		runTool(t, "gnutls-bin", append([]string{
			"certtool", "--to-p12", "--load-privkey", keys, "--load-certificate", certificates,
			"--load-ca-certificate", f.file("ca.pem"), "--p12-name", "authentication", "--password", foreignPassword, "--outder",
			"--outfile", out,
		}, options...)...)
	}
}

func makeWithPython(scheme, mac string) func(*testing.T, *foreignEntries, string) {
	return func(t *testing.T, f *foreignEntries, out string) {
		t.Helper()
		runTool(t, "python3-cryptography", "/usr/bin/python3", "testdata/foreign/write_store.py", scheme, mac, foreignPassword,
			out, f.file("nieuw.key.pem"), f.file("oud.pem"), f.file("nieuw.pem"), f.file("ca.pem"))
	}
}

// TestFieldP12OfOtherPrograms: stores that other programs make now, with several keys or certificates of which one has
// expired, are opened, and the key that may sign today is chosen.
func TestFieldP12OfOtherPrograms(t *testing.T) {
	f := newForeignEntries(t)
	for _, m := range []storeMaker{
		{"OpenSSL", makeWithOpenSSL(), 1},
		{"OpenSSL, old certificate first", func(t *testing.T, f *foreignEntries, out string) {
			t.Helper()
			makeWithOpenSSL("-in", f.file("oud.pem"), "-certfile", f.file("nieuw.pem"))(t, f, out)
		}, 1},
		{"OpenSSL, legacy", makeWithOpenSSL("-legacy"), 1},
		{"OpenSSL, triple DES", makeWithOpenSSL("-descert", "-legacy"), 1},
		{"OpenSSL, two-key triple DES", makeWithOpenSSL("-legacy", "-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES"), 1},
		{"OpenSSL, RC2 with 128 bits", makeWithOpenSSL("-legacy", "-keypbe", "PBE-SHA1-RC2-128"), 1},
		{"OpenSSL, triple DES in PBES2", makeWithOpenSSL("-keypbe", "DES-EDE3-CBC", "-certpbe", "DES-EDE3-CBC"), 1},
		{"OpenSSL, AES-192, SHA-384", makeWithOpenSSL("-keypbe", "AES-192-CBC", "-certpbe", "AES-128-CBC", "-macalg", "sha384"), 1},
		{"OpenSSL, MAC with SHA-224", makeWithOpenSSL("-macalg", "sha224"), 1},
		{"OpenSSL, MAC with SHA-512/256", makeWithOpenSSL("-macalg", "sha512-256"), 1},
		{"OpenSSL, key in clear", makeWithOpenSSL("-keypbe", "NONE"), 1},
		{"OpenSSL, all in clear", makeWithOpenSSL("-keypbe", "NONE", "-certpbe", "NONE"), 1},
		{"keytool", makeWithKeytool(), 3},
		{"keytool, legacy", makeWithKeytool("-J-Dkeystore.pkcs12.legacy"), 3},
		{"keytool, SHA-384", makeWithKeytool("-J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA384AndAES_256",
			"-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithHmacSHA224AndAES_128", "-J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA384"), 3},
		{"keytool, certificates in clear", makeWithKeytool("-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE"), 3},
		{"Bouncy Castle", makeWithJava(bouncyCastle, "PKCS12"), 3},
		{"Bouncy Castle, triple DES", makeWithJava(bouncyCastle, "PKCS12-3DES-3DES"), 3},
		{"Bouncy Castle, DER", makeWithJava(bouncyCastle, "PKCS12-DEF"), 3},
		{"NSS", makeWithNSS(), 2},
		{"NSS, triple DES", makeWithNSS("-c", "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC"), 2},
		{"NSS, certificates in clear", makeWithNSS("-C", "none"), 2},
		{"certtool", makeWithCerttool(), 2},
		{"certtool, triple DES", makeWithCerttool("--pkcs-cipher", "3des-pkcs12"), 2},
		{"certtool, triple DES in PBES2", makeWithCerttool("--pkcs-cipher", "3des"), 2},
		{"certtool, AES-128", makeWithCerttool("--pkcs-cipher", "aes-128", "--hash", "SHA512"), 2},
		{"Python", makeWithPython("PBESv2SHA256AndAES256CBC", "SHA256"), 1},
		{"Python, triple DES", makeWithPython("PBESv1SHA1And3KeyTripleDESCBC", "SHA1"), 1},
		{"Python, MAC with SHA-384", makeWithPython("PBESv2SHA256AndAES256CBC", "SHA384"), 1},
	} {
		t.Run(m.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "store.p12")
			m.make(t, f, out)
			data := mustRead(t, out)
			key, err := p12.DecodeSigningKey(data, foreignPassword, foreignNow)
			if err != nil {
				t.Fatal(err)
			}
			if !key.Certificate.Equal(f.signer.Certificate) {
				t.Errorf("chose serial %v, until %v", key.Certificate.SerialNumber, key.Certificate.NotAfter)
			}
			outline, err := p12.ReadOutline(data, foreignPassword)
			if err != nil || outline.Keys != m.keys {
				t.Errorf("outline %+v, %v; want %d keys", outline, err, m.keys)
			}
			if _, err = p12.DecodeSigningKey(data, "geheim", foreignNow); err == nil {
				t.Error("a wrong password was taken")
			}
			// Four years ago the certificate that has expired since was the valid one.
			then, err := p12.DecodeSigningKey(data, foreignPassword, foreignNow.AddDate(-3, 0, 0))
			if err != nil || then.Certificate.Equal(f.signer.Certificate) {
				t.Errorf("three years ago: %v", err)
			}
		})
	}
}

// TestFieldP12Elliptic: the same with a key on a curve, which OpenSSL writes without the curve's name on demand.
func TestFieldP12Elliptic(t *testing.T) {
	f := newForeignEntries(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f.signer = f.issue(t, "nieuw", key, -1, 2, x509.KeyUsageDigitalSignature)
	out := f.file("ec.p12")
	makeWithOpenSSL("-keypbe", "DES-EDE3-CBC")(t, f, out)
	got, err := p12.DecodeSigningKey(mustRead(t, out), foreignPassword, foreignNow)
	if err != nil || !got.Certificate.Equal(f.signer.Certificate) {
		t.Errorf("%v", err)
	}
}

// TestFieldP12Brainpool: a key on a curve that is not supported is named, and does not hide another one.
func TestFieldP12Brainpool(t *testing.T) {
	f := newForeignEntries(t)
	key, certificate, out := f.file("bp.key.pem"), f.file("bp.pem"), f.file("bp.p12")
	runTool(t, "openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1", "-nodes",
		"-keyout", key, "-out", certificate, "-subj", "/CN=brainpool", "-days", "10")
	runTool(t, "openssl", "openssl", "pkcs12", "-export", "-inkey", key, "-in", certificate, "-passout", "pass:"+foreignPassword,
		"-out", out)
	_, err := p12.DecodeSigningKey(mustRead(t, out), foreignPassword, foreignNow)
	if refusal := problem.From(err); refusal.Code != p12.KeyMissing || !strings.Contains(refusal.Detail.String(), "curve") {
		t.Errorf("%v", err)
	}
	runTool(t, "openssl", "openssl", "pkcs12", "-export", "-inkey", key, "-in", certificate, "-certfile", f.file("nieuw.pem"),
		"-passout", "pass:"+foreignPassword, "-out", out)
	if _, err = p12.DecodeSigningKey(mustRead(t, out), foreignPassword, foreignNow); problem.From(err).Code != p12.Unsupported {
		t.Errorf("%v", err)
	}
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
