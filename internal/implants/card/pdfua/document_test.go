package pdfua

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"math/big"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-text/typesetting/font"
)

var createdAt = time.Date(2026, 11, 4, 13, 20, 7, 0, time.UTC)

func newFamily(t testing.TB) *FontFamily {
	t.Helper()
	var files [][]byte
	for _, name := range []string{"NotoSans-Regular", "NotoSansArabic-Regular", "NotoSansHebrew-Regular"} {
		data, err := os.ReadFile("../fonts/" + name + ".ttf")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, data)
	}
	family, err := NewFontFamily("Test", files...)
	if err != nil {
		t.Fatal(err)
	}
	return family
}

// newDocument returns a document of one page with a text.
func newDocument(t testing.TB, family *FontFamily, text string) (*Document, *Page) {
	t.Helper()
	d := New(Info{Title: "Title", Language: "en", Producer: "test", CreatedAt: createdAt})
	p := d.AddPage(200, 100)
	p.Tag(d.Root().Add(RoleParagraph), func(c Canvas) { c.DrawText(10, 50, 12, Colour{}, d.Shape(family, "", text)) })
	return d, p
}

func mustEncode(t testing.TB, d *Document) []byte {
	t.Helper()
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSameCallsGiveSameBytes(t *testing.T) {
	family := newFamily(t)
	encode := func() []byte {
		d, _ := newDocument(t, family, "Łódź 12 שלום")
		return mustEncode(t, d)
	}
	if first := encode(); !bytes.Equal(first, encode()) {
		t.Error("two documents with the same content differ")
	}
}

func TestVisualOrder(t *testing.T) {
	family := newFamily(t)
	d, _ := newDocument(t, family, "")
	for text, want := range map[string]string{
		"abc":                "abc",
		"abc אבג":            "abc |אבג",
		"אבג abc דהו":        "אבג| abc |דהו",
		"אבג 12 דהו":         " דהו|12|אבג ",
		"a אבג 12 דהו b":     "a | דהו|12|אבג |b",
		"אבג 12":             "אבג |12",
		"(01)05410000001047": "(01)05410000001047",
	} {
		var runs []string
		for _, r := range d.Shape(family, "", text).runs {
			runs = append(runs, r.text)
		}
		if got := strings.Join(runs, "|"); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%q is drawn as %q, not %q", text, got, want)
		}
	}
}

func TestAdvancesAreThoseOfClusters(t *testing.T) {
	family := newFamily(t)
	d, _ := newDocument(t, family, "")
	s := d.Shape(family, "", "ae\u0301\u0302b")
	total := 0.0
	for _, a := range s.Advances {
		total += a
	}
	if s.Advances[2] != 0 || s.Advances[3] != 0 || total != s.Width {
		t.Errorf("advances %v, width %v", s.Advances, s.Width)
	}
}

func TestUnknownCharactersAreReplacedAndKeepTheirText(t *testing.T) {
	family := newFamily(t)
	d, p := newDocument(t, family, "a山b王")
	if !strings.Contains(string(p.content), "/Span<</ActualText<FEFF00615C710062738B>>>BDC") {
		t.Errorf("the original text is missing:\n%s", p.content)
	}
	for _, f := range d.fontOrder {
		for n, g := range f.glyphs {
			if n > 0 && g == 0 {
				t.Error("glyph 0 is in use")
			}
		}
	}
}

func TestSubsetIsAFont(t *testing.T) {
	family := newFamily(t)
	outlines := family.fonts[0].outlines
	face := font.NewFace(family.fonts[0].font)
	glyphs := []int{0}
	for _, r := range "aéŁ½" {
		g, _ := face.NominalGlyph(r)
		glyphs = append(glyphs, int(g))
	}
	subset := outlines.makeSubset(glyphs)
	parsed, err := parseTrueType(subset)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range glyphs {
		if parsed.advance(i) != outlines.advance(g) {
			t.Errorf("glyph %d has another advance", g)
		}
	}
	if fontChecksum(subset) != 0xB1B0AFBA {
		t.Error("the checksum of the file is wrong")
	}
}

func TestDamagedFontIsRefused(t *testing.T) {
	data, err := os.ReadFile("../fonts/NotoSansHebrew-Regular.ttf")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 11, 12, 100, len(data) / 2} {
		if _, err := NewFontFamily("Test", data[:size]); err == nil {
			t.Errorf("%d bytes of a font are accepted", size)
		}
	}
}

func newSignature(t *testing.T, key crypto.Signer) *Signature {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Cards"}, NotBefore: createdAt, NotAfter: createdAt.AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Signature{Key: key, Chain: []*x509.Certificate{certificate}, Name: "Register", Reason: "Card", SignedAt: createdAt}
}

func newKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"RSA": rsaKey, "P-256": ecKey}
}

func encodeSigned(t *testing.T, family *FontFamily, s *Signature) ([]byte, error) {
	t.Helper()
	d, p := newDocument(t, family, "signed")
	d.Sign(p, d.Root().Add(RoleForm), s, "Signature of the register")
	return d.Encode()
}

var byteRanges = regexp.MustCompile(`/ByteRange\[0 (\d{10}) (\d{10}) (\d{10})\]`)

// TestSignatureCoversTheFile checks the signature as a verifier does: everything but the space of the signature is
// hashed, the hash is signed, and a changed byte is found.
func TestSignatureCoversTheFile(t *testing.T) {
	family := newFamily(t)
	for name, key := range newKeys(t) {
		t.Run(name, func(t *testing.T) {
			s := newSignature(t, key)
			file, err := encodeSigned(t, family, s)
			if err != nil {
				t.Fatal(err)
			}
			again, err := encodeSigned(t, family, s)
			if err != nil || !bytes.Equal(file, again) {
				t.Errorf("a second signature of the same content differs (%v)", err)
			}
			if err = verify(file, s.Chain[0]); err != nil {
				t.Fatal(err)
			}
			for _, at := range []int{20, len(file) - 1000, len(file) - 10} {
				changed := bytes.Clone(file)
				changed[at] ^= 1
				if verify(changed, s.Chain[0]) == nil {
					t.Errorf("a changed byte at %d is not found", at)
				}
			}
		})
	}
}

// verify checks the signature of a file.
func verify(file []byte, signer *x509.Certificate) error {
	m := byteRanges.FindSubmatch(file)
	if m == nil {
		return errors.New("no byte range")
	}
	var numbers [3]int
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(string(m[i+1]))
	}
	if numbers[1]+numbers[2] != len(file) || file[numbers[0]] != '<' || file[numbers[1]-1] != '>' {
		return errors.New("the range is not the whole file")
	}
	hash := sha256.New()
	hash.Write(file[:numbers[0]])
	hash.Write(file[numbers[1]:])
	cms, err := hex.DecodeString(string(file[numbers[0]+1 : numbers[1]-1]))
	if err != nil {
		return err
	}
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	}
	if _, err = asn1.Unmarshal(cms, &outer); err != nil {
		return err
	}
	info := outer.Content.SignerInfos[0]
	if !bytes.Contains(info.SignedAttributes.Bytes, hash.Sum(nil)) {
		return errors.New("another digest was signed")
	}
	set, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: info.SignedAttributes.Bytes})
	if err != nil {
		return err
	}
	algorithm := x509.SHA256WithRSA
	if info.SignatureAlgorithm.Algorithm.Equal(oidECDSAWithSHA256) {
		algorithm = x509.ECDSAWithSHA256
	}
	return signer.CheckSignature(algorithm, set, info.Signature)
}

func TestSignatureThatCannotBeMade(t *testing.T) {
	family := newFamily(t)
	key := newKeys(t)["P-256"]
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := encodeSigned(t, family, newSignature(t, other)); !errors.Is(err, errKeyUnsupported) {
		t.Errorf("P-384: %v", err)
	}
	long := newSignature(t, key)
	for range 20 {
		long.Chain = append(long.Chain, long.Chain[0])
	}
	if _, err := encodeSigned(t, family, long); !errors.Is(err, errSignatureTooLarge) {
		t.Errorf("a chain of 21: %v", err)
	}
	refused := errors.New("refused")
	stamped := newSignature(t, key)
	stamped.Timestamp = func([]byte) ([]byte, error) { return nil, refused }
	if _, err := encodeSigned(t, family, stamped); !errors.Is(err, refused) {
		t.Errorf("no time-stamp: %v", err)
	}
}

func TestValidationDataIsASecondRevision(t *testing.T) {
	family := newFamily(t)
	s := newSignature(t, newKeys(t)["P-256"])
	plain, err := encodeSigned(t, family, s)
	if err != nil {
		t.Fatal(err)
	}
	s.Certificates, s.RevocationLists = [][]byte{s.Chain[0].Raw}, [][]byte{{0x30, 0}}
	file, err := encodeSigned(t, family, s)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(file, plain) || !bytes.Contains(file[len(plain):], []byte("/DSS<</Certs[")) {
		t.Error("the first revision was changed, or the second lacks the data")
	}
}
