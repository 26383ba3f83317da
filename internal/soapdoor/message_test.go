package soapdoor_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/dsigtest"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/testing/textedit"
)

// buildMessage builds the message of a step: filled in, edited, signed, and tampered with.
func (s *step) buildMessage(tb testing.TB, number int) string {
	tb.Helper()
	if s.message == "" {
		return encodeText(tb, expandMacros(tb, s.raw), s.encode)
	}
	key := signingKey(tb, s.signer)
	algorithm := dsig.RSASHA256
	if _, ok := key.Signer.Public().(*ecdsa.PublicKey); ok {
		algorithm = dsig.ECDSASHA256
	}
	request := readTemplate(tb, s.message)
	text := strings.NewReplacer(
		"[soap]", s.version.Namespace(), "[message]", request, "[algorithm]", algorithm, "[step]", strconv.Itoa(number),
		"[created]", s.clock.UTC().Format(time.RFC3339), "[expires]", s.clock.Add(time.Minute).UTC().Format(time.RFC3339),
		"[certificate]", base64.StdEncoding.EncodeToString(key.Certificate.Raw),
	).Replace(readTemplate(tb, "envelope"))
	text = applyEdits(tb, text, request, s.edits)
	text = dsigtest.FillSignatures(tb, text, key.Signer)
	return encodeText(tb, applyEdits(tb, text, request, s.tamper), s.encode)
}

func readTemplate(tb testing.TB, name string) string {
	tb.Helper()
	octets, err := os.ReadFile(filepath.Join("testdata", "messages", name+".xml"))
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(octets))
}

func applyEdits(tb testing.TB, text, request string, edits []textedit.Edit) string {
	tb.Helper()
	content := strings.NewReplacer("[message]", request, "[forged]", strings.Replace(request, `Id="`, `Id="forged`, 1))
	for _, e := range edits {
		changed, err := e.Expand(func(what string) string { return content.Replace(expandMacros(tb, what)) }).Apply(text)
		if err != nil {
			tb.Fatalf("%v: %v", e, err)
		}
		text = changed
	}
	return text
}

// encodeText encodes a text in the given way.
func encodeText(tb testing.TB, text, how string) string {
	tb.Helper()
	switch how {
	case "":
		return text
	case "utf-8 with byte order mark":
		return "\ufeff" + text
	case "utf-16":
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			b.WriteByte(byte(unit))
			b.WriteByte(byte(unit >> 8))
		}
		return b.String()
	case "go": // a Go string literal, for bytes that a text file cannot contain
		unquoted, err := strconv.Unquote(text)
		if err != nil {
			tb.Fatal(err)
		}
		return unquoted
	case "11 MB":
		return text + strings.Repeat(" ", 11_000_000-len(text))
	}
	if times, ok := strings.CutPrefix(how, "repeat "); ok {
		return repeatMarked(tb, text, times)
	}
	tb.Fatalf("unknown encoding %q", how)
	return ""
}

// repeatMarked repeats a text, or only its part between two number signs; a percent sign becomes the index.
func repeatMarked(tb testing.TB, text, times string) string {
	tb.Helper()
	n, err := strconv.Atoi(times)
	if err != nil {
		tb.Fatal(err)
	}
	parts := strings.Split(text, "#")
	if len(parts) != 3 {
		parts = []string{"", text, ""}
	}
	return parts[0] + textedit.Repeat(parts[1], n) + parts[2]
}

// signingKey returns a frozen key, or a new one from an authority that the services of the cases trust as well. A case
// can thus be signed by any subject.
func signingKey(tb testing.TB, name string) *x509id.Key {
	tb.Helper()
	issuedKeys.Lock()
	defer issuedKeys.Unlock()
	if key, ok := issuedKeys.keys[name]; ok {
		return key
	}
	key := specialKey(tb, name)
	if key == nil {
		identifierType, id, ok := strings.Cut(name, "=")
		if !ok {
			return testpki.Key(tb, name)
		}
		if frozenSubjects[name] {
			return testpki.Key(tb, name)
		}
		key = issueKey(tb, authority.Order{Subject: x509id.Subject{Type: identifierType, ID: id, Name: "TEST"}})
	}
	issuedKeys.keys[name] = key
	return key
}

// frozenSubjects are the ordinary subjects with frozen keys.
var frozenSubjects = map[string]bool{
	testpki.Hospital: true, "NIHII-HOSPITAL=71012413": true, "NIHII-RETIREMENT=76123422": true,
	"CBE=0403227020": true, "SSIN=78031412250": true, "SSIN=69092234126": true, "SSIN=85073003328": true,
	"SSIN=81050511813": true, "SSIN=91021706490": true, "SSIN=48022907379": true, testpki.Hospital + " (EC)": true,
}

// specialKey issues the keys that have no frozen counterpart.
func specialKey(tb testing.TB, name string) *x509id.Key {
	tb.Helper()
	switch name {
	case "P-384":
		return issueKey(tb, authority.Order{Subject: hospitalSubject(), Algorithm: authority.KeyECP384})
	case "an application of the hospital":
		s := hospitalSubject()
		s.Application = "EPD-1"
		return issueKey(tb, authority.Order{Subject: s})
	}
	return nil
}

func hospitalSubject() x509id.Subject {
	return x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"}
}

// issuedKeys caches the issued keys for all cases.
var issuedKeys = struct {
	sync.Mutex
	keys map[string]*x509id.Key
}{keys: map[string]*x509id.Key{}}

var newAuthority = sync.OnceValues(func() (*authority.Authority, error) {
	return authority.New(authority.Options{Name: "endpoint test", NotBefore: registertest.StartTime().AddDate(-20, 0, 0),
		NotAfter: registertest.StartTime().AddDate(20, 0, 0), Random: rand.Reader})
})

func testAuthority(tb testing.TB) *authority.Authority {
	tb.Helper()
	a, err := newAuthority()
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func issueKey(tb testing.TB, o authority.Order) *x509id.Key {
	tb.Helper()
	o.NotBefore, o.NotAfter = registertest.StartTime().AddDate(-10, 0, 0), registertest.StartTime().AddDate(10, 0, 0)
	if o.Algorithm == authority.KeyRSA2048 {
		o.Algorithm = authority.KeyECP256 // faster to generate
	}
	key, err := testAuthority(tb).Issue(o)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// testTrust trusts the frozen authority and the issuing one.
func testTrust(tb testing.TB) *x509id.TrustStore {
	tb.Helper()
	t, err := x509id.ParseTrustStore(64, testpki.CAFile(tb), x509id.EncodePEM(testAuthority(tb).Certificates()...))
	if err == nil {
		err = revocation.NewCRLStore(t).AddCRL(testpki.CRLFile(tb))
	}
	if err != nil {
		tb.Fatal(err)
	}
	return t
}
