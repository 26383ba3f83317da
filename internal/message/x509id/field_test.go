package x509id_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// fieldIssuer is an authority of the tests of unusual certificates.
type fieldIssuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

var fieldSerial int64 = 1000

// issueField issues a certificate with a name given as DER, by an authority under a name given as DER, or self-signed.
func issueField(t *testing.T, by *fieldIssuer, subject, issuerName []byte, change func(*x509.Certificate)) *fieldIssuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	fieldSerial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(fieldSerial), RawSubject: subject, NotBefore: testpki.Now().AddDate(-1, 0, 0), NotAfter: testpki.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, crypto.Signer(key)
	if by != nil {
		copied := *by.certificate
		if issuerName != nil {
			copied.RawSubject = issuerName
		}
		parent, signer = &copied, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &fieldIssuer{c, key}
}

func asAuthority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
}

const (
	tagUTF8, tagPrintable, tagIA5, tagBMP = 12, 19, 22, 30
)

type rdn struct {
	oid   asn1.ObjectIdentifier
	tag   int
	value string
}

var (
	oidC, oidO, oidCN = asn1.ObjectIdentifier{2, 5, 4, 6}, asn1.ObjectIdentifier{2, 5, 4, 10}, asn1.ObjectIdentifier{2, 5, 4, 3}
)

// encodeName encodes a name with the given string types.
func encodeName(t *testing.T, parts ...rdn) []byte {
	t.Helper()
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	type set []attribute
	var all []asn1.RawValue
	for _, p := range parts {
		value := []byte(p.value)
		if p.tag == tagBMP {
			value = nil
			for _, r := range p.value {
				value = append(value, byte(r>>8), byte(r))
			}
		}
		der, err := asn1.MarshalWithParams(set{{p.oid, asn1.RawValue{Tag: p.tag, Bytes: value}}}, "set")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, asn1.RawValue{FullBytes: der})
	}
	der, err := asn1.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestFieldIssuerNames: an issuer's name is compared by RFC 5280 section 7.1, at every level, and a list of revoked
// certificates counts whatever the spelling.
func TestFieldIssuerNames(t *testing.T) {
	utf8 := encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagUTF8, "Worthless  Test SA"}, rdn{oidCN, tagUTF8, "Field CA"})
	leafName := testpki.ECKey(t).Certificate.RawSubject
	for name, c := range map[string]struct {
		issuer []byte
		accept bool
	}{
		"the same bytes":        {utf8, true},
		"PrintableString":       {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagPrintable, "Worthless  Test SA"}, rdn{oidCN, tagPrintable, "Field CA"}), true},
		"one PrintableString":   {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagPrintable, "Worthless  Test SA"}, rdn{oidCN, tagUTF8, "Field CA"}), true},
		"BMPString":             {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagBMP, "Worthless  Test SA"}, rdn{oidCN, tagUTF8, "Field CA"}), true},
		"capitals":              {encodeName(t, rdn{oidC, tagPrintable, "be"}, rdn{oidO, tagUTF8, "WORTHLESS  TEST SA"}, rdn{oidCN, tagUTF8, "field ca"}), true},
		"surplus spaces":        {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagUTF8, " Worthless Test   SA "}, rdn{oidCN, tagUTF8, "Field CA"}), true},
		"another value":         {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagUTF8, "Worthless Test NV"}, rdn{oidCN, tagUTF8, "Field CA"}), false},
		"another order":         {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidCN, tagUTF8, "Field CA"}, rdn{oidO, tagUTF8, "Worthless  Test SA"}), false},
		"one part more":         {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagUTF8, "Worthless  Test SA"}, rdn{oidCN, tagUTF8, "Field CA"}, rdn{oidCN, tagUTF8, "x"}), false},
		"joined words":          {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagUTF8, "WorthlessTest SA"}, rdn{oidCN, tagUTF8, "Field CA"}), false},
		"a letter of elsewhere": {encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagUTF8, "Worthless  Test SA"}, rdn{oidCN, tagUTF8, "Field СA"}), false},
	} {
		t.Run(name, func(t *testing.T) {
			root := issueField(t, nil, utf8, nil, asAuthority)
			leaf := issueField(t, root, leafName, c.issuer, nil)
			trust := x509id.NewTrustStore([]*x509.Certificate{root.certificate}, nil, 16)
			requireAccepted(t, trust.Verify(leaf.certificate, testpki.Now()), c.accept)

			// The same one level higher, with the intermediate in the message.
			middle := issueField(t, root, encodeName(t, rdn{oidCN, tagUTF8, "Middle"}), c.issuer, asAuthority)
			leaf = issueField(t, middle, leafName, encodeName(t, rdn{oidCN, tagPrintable, "MIDDLE"}), nil)
			requireAccepted(t, trust.VerifyWithIssuers([]*x509.Certificate{middle.certificate}, leaf.certificate, testpki.Now()), c.accept)
			if !c.accept {
				return
			}
			// Another key under the name is not the authority's.
			stranger := issueField(t, nil, utf8, nil, asAuthority)
			requireAccepted(t, trust.Verify(issueField(t, stranger, leafName, c.issuer, nil).certificate, testpki.Now()), false)

			revoked := issueField(t, root, leafName, c.issuer, nil)
			list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
				Number: big.NewInt(1), ThisUpdate: testpki.Now(), NextUpdate: testpki.Now().AddDate(0, 0, 1),
				RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: revoked.certificate.SerialNumber, RevocationTime: testpki.Now()}},
			}, root.certificate, root.key)
			if err != nil {
				t.Fatal(err)
			}
			if err = revocation.NewCRLStore(trust).AddCRL(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list})); err != nil {
				t.Fatal(err)
			}
			if err = trust.Verify(revoked.certificate, testpki.Now()); testpki.Code(err) != x509id.CertRevoked {
				t.Errorf("a revoked certificate: %v", err)
			}
		})
	}
}

func requireAccepted(t *testing.T, err error, accepted bool) {
	t.Helper()
	if accepted && err != nil || !accepted && testpki.Code(err) != x509id.CertUntrusted {
		t.Errorf("accepted is to be %v: %v", accepted, err)
	}
}

// nameConstraints encodes the extension with these GeneralNames.
func nameConstraints(t *testing.T, critical bool, permitted, excluded [][]byte) pkix.Extension {
	t.Helper()
	list := func(tag int, names [][]byte) []byte {
		var content []byte
		for _, name := range names {
			content = append(content, wrapTLV(0x30, name)...)
		}
		if len(names) == 0 {
			return nil
		}
		return wrapTLV(byte(0xa0+tag), content)
	}
	return pkix.Extension{
		Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: critical,
		Value: wrapTLV(0x30, append(list(0, permitted), list(1, excluded)...)),
	}
}

func wrapTLV(tag byte, content []byte) []byte {
	if len(content) < 128 {
		return append([]byte{tag, byte(len(content))}, content...)
	}
	if len(content) < 256 {
		return append([]byte{tag, 0x81, byte(len(content))}, content...)
	}
	return append([]byte{tag, 0x82, byte(len(content) >> 8), byte(len(content))}, content...)
}

func directoryName(name []byte) []byte { return wrapTLV(0xa4, name) }

func subjectAltName(critical bool, names ...[]byte) pkix.Extension {
	var content []byte
	for _, name := range names {
		content = append(content, name...)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: critical, Value: wrapTLV(0x30, content)}
}

// TestFieldNameConstraints: constraints on directory names hold, critical or not, for subject and subjectAltName.
func TestFieldNameConstraints(t *testing.T) {
	be := encodeName(t, rdn{oidC, tagPrintable, "BE"})
	beUTF8 := encodeName(t, rdn{oidC, tagUTF8, "be"})
	fr := encodeName(t, rdn{oidC, tagPrintable, "FR"})
	federal := encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagPrintable, "federal  government"})
	other := encodeName(t, rdn{oidC, tagPrintable, "BE"}, rdn{oidO, tagPrintable, "Federal"})
	leafName := testpki.ECKey(t).Certificate.RawSubject
	dir := func(names ...[]byte) (all [][]byte) {
		for _, name := range names {
			all = append(all, directoryName(name))
		}
		return all
	}
	email := func(value string) []byte { return wrapTLV(0x81, []byte(value)) }
	otherName := wrapTLV(0xa0, []byte{6, 3, 0x2a, 3, 4, 0xa0, 2, 5, 0})
	for name, c := range map[string]struct {
		permitted, excluded [][]byte
		san                 [][]byte
		accept              bool
	}{
		"permitted":                       {dir(be), nil, nil, true},
		"permitted, spelled otherwise":    {dir(beUTF8), nil, nil, true},
		"permitted, two parts":            {dir(federal), nil, nil, true},
		"one of several permitted":        {dir(fr, be), nil, nil, true},
		"everything permitted":            {dir(encodeName(t)), nil, nil, true},
		"another country permitted":       {dir(fr), nil, nil, false},
		"another organisation permitted":  {dir(other), nil, nil, false},
		"excluded":                        {nil, dir(be), nil, false},
		"excluded, spelled otherwise":     {nil, dir(beUTF8), nil, false},
		"another excluded":                {nil, dir(fr), nil, true},
		"everything excluded":             {nil, dir(encodeName(t)), nil, false},
		"permitted, and a part excluded":  {dir(be), dir(federal), nil, false},
		"permitted in both names":         {dir(be), nil, dir(federal), true},
		"alternative name not permitted":  {dir(be), nil, dir(fr), false},
		"alternative name excluded":       {nil, dir(fr), dir(fr), false},
		"constraint of another form":      {[][]byte{email("example.org")}, nil, dir(be), true},
		"mail permitted":                  {[][]byte{email("example.org")}, nil, [][]byte{email("a@example.org")}, true},
		"mail not permitted":              {[][]byte{email("example.org")}, nil, [][]byte{email("a@example.net")}, false},
		"a form that nobody knows":        {[][]byte{otherName}, nil, [][]byte{otherName}, false},
		"a form that nobody knows, alone": {[][]byte{otherName}, nil, nil, true},
	} {
		for _, critical := range []bool{false, true} {
			constraints := nameConstraints(t, critical, c.permitted, c.excluded)
			withConstraints := func(a *x509.Certificate) { asAuthority(a); a.ExtraExtensions = append(a.ExtraExtensions, constraints) }
			root := issueField(t, nil, encodeName(t, rdn{oidCN, tagUTF8, "Constraint root"}), nil, asAuthority)
			middle := issueField(t, root, encodeName(t, rdn{oidCN, tagUTF8, "Constraint middle"}), nil, withConstraints)
			leaf := issueField(t, middle, leafName, nil, func(l *x509.Certificate) {
				if c.san != nil {
					l.ExtraExtensions = append(l.ExtraExtensions, subjectAltName(false, c.san...))
				}
			})
			trust := x509id.NewTrustStore([]*x509.Certificate{root.certificate}, nil, 16)
			err := trust.VerifyWithIssuers([]*x509.Certificate{middle.certificate}, leaf.certificate, testpki.Now())
			if accepted := err == nil; accepted != c.accept {
				t.Errorf("%s, critical %v: %v", name, critical, err)
			}
			configured := x509id.NewTrustStore([]*x509.Certificate{root.certificate}, []*x509.Certificate{middle.certificate}, 16)
			if accepted := configured.Verify(leaf.certificate, testpki.Now()) == nil; accepted != c.accept {
				t.Errorf("%s, critical %v, the middle is configured", name, critical)
			}
		}
	}
}

// TestFieldAlternativeNames: a critical subjectAltName is recognised; an unknown critical extension is not.
func TestFieldAlternativeNames(t *testing.T) {
	root := issueField(t, nil, encodeName(t, rdn{oidCN, tagUTF8, "SAN root"}), nil, asAuthority)
	trust := x509id.NewTrustStore([]*x509.Certificate{root.certificate}, nil, 16)
	leafName := testpki.ECKey(t).Certificate.RawSubject
	for name, c := range map[string]struct {
		extension pkix.Extension
		accept    bool
	}{
		"a directory name":        {subjectAltName(true, directoryName(leafName)), true},
		"a registered identifier": {subjectAltName(true, []byte{0x88, 3, 0x2a, 3, 4}), true},
		"another name":            {subjectAltName(true, wrapTLV(0xa0, []byte{6, 3, 0x2a, 3, 4, 0xa0, 2, 5, 0})), true},
		"a mail address":          {subjectAltName(true, wrapTLV(0x81, []byte("a@example.org"))), true},
		"several":                 {subjectAltName(true, directoryName(leafName), wrapTLV(0x81, []byte("a@example.org"))), true},
		"not critical":            {subjectAltName(false, directoryName(leafName)), true},
		"unknown and critical":    {pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}, false},
	} {
		leaf := issueField(t, root, leafName, nil, func(l *x509.Certificate) { l.ExtraExtensions = append(l.ExtraExtensions, c.extension) })
		if err := trust.Verify(leaf.certificate, testpki.Now()); (err == nil) != c.accept {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFieldUnusualCertificates: what Go does not read, or reads as key 0, is named.
func TestFieldUnusualCertificates(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("openssl is missing: apt-get install openssl")
		}
		t.Skip("openssl is missing: apt-get install openssl")
	}
	directory := t.TempDir()
	for name, c := range map[string]struct {
		arguments []string
		code      problem.Code
		says      string
	}{
		"brainpoolP256r1": {[]string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"}, x509id.CertKeyUnsupported, "brainpoolP256r1"},
		"brainpoolP384r1": {[]string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP384r1"}, x509id.CertKeyUnsupported, "brainpoolP384r1"},
		"brainpoolP512t1": {[]string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP512t1"}, x509id.CertKeyUnsupported, "brainpoolP512t1"},
		"secp256k1":       {[]string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"}, x509id.CertKeyUnsupported, "secp256k1"},
		"secp224r1":       {[]string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"}, x509id.CertKeyUnsupported, "P-224"},
		"explicit":        {[]string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"}, x509id.CertKeyUnsupported, "explicit parameters"},
		"RSASSA-PSS":      {[]string{"-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"}, x509id.CertKeyUnsupported, "RSASSA-PSS"},
		"Ed25519":         {[]string{"-newkey", "ed25519"}, x509id.CertKeyUnsupported, "Ed25519"},
		"Ed448":           {[]string{"-newkey", "ed448"}, x509id.CertKeyUnsupported, "Ed448"},
		"negative serial": {[]string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-set_serial", "-123456789"}, x509id.TokenUnreadable, "serial number is negative, -123456789"},
		"RSA of 1024":     {[]string{"-newkey", "rsa:1024"}, x509id.CertKeyUnsupported, "1024"},
	} {
		file := filepath.Join(directory, "c.pem")
		arguments := append([]string{"req", "-x509", "-nodes", "-keyout", filepath.Join(directory, "k.pem"), "-out", file, "-subj", "/C=BE/CN=x", "-days", "3650"},
			c.arguments...)
		if output, err := exec.CommandContext(t.Context(), "openssl", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, output)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		certificate, err := x509id.ParseCertificate(block.Bytes)
		if err == nil { // the chain is verified before the key: take the certificate for its own anchor
			certificate.IsCA = false
			err = x509id.NewTrustStore([]*x509.Certificate{certificate}, nil, 0).Verify(certificate, time.Now())
		}
		if e := problem.From(err); e == nil || e.Code != c.code || !strings.Contains(e.Detail.String(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, damaged := range [][]byte{nil, {0x30, 0}, []byte("text"), testpki.ECKey(t).Certificate.Raw[:100]} {
		if _, err := x509id.ParseCertificate(damaged); testpki.Code(err) != x509id.TokenUnreadable {
			t.Errorf("%x: %v", damaged, err)
		}
	}
	if _, ok := testpki.Key(t, testpki.Hospital).Certificate.PublicKey.(*rsa.PublicKey); !ok {
		t.Error("the hospital's key is not RSA")
	}
}
