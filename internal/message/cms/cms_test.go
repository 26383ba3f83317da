package cms_test

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/bertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// Holders of the tests. The hospital sends; the nursing home and the specialist receive.
const (
	sender     = testpki.Hospital
	reader     = "NIHII-RETIREMENT=76123422"
	specialist = "SSIN=78031412250"
)

var encryptionKeys sync.Map // by holder: making an RSA key is slow

// encryptionKey returns the decryption key of a holder.
func encryptionKey(tb testing.TB, holder string) *x509id.Key {
	tb.Helper()
	if key, ok := encryptionKeys.Load(holder); ok {
		return key.(*x509id.Key) //nolint:errcheck,forcetypeassert // it holds nothing else
	}
	key, err := authority.IssueEncryptionKey(testpki.Key(tb, holder), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	encryptionKeys.Store(holder, key)
	return key
}

var testKEK = cms.KeyEncryptionKey{ID: []byte("key 1"), Key: []byte("0123456789abcdef")}

func newSealer(tb testing.TB) *cms.Sealer {
	tb.Helper()
	return &cms.Sealer{
		Key: testpki.Key(tb, sender), KEKs: []cms.KeyEncryptionKey{testKEK}, Random: rand.Reader,
		Recipients: []*x509.Certificate{encryptionKey(tb, sender).Certificate, encryptionKey(tb, reader).Certificate},
	}
}

func seal(tb testing.TB, s *cms.Sealer, content string) []byte {
	tb.Helper()
	return sealAt(tb, s, content, testpki.Now())
}

func sealAt(tb testing.TB, s *cms.Sealer, content string, at time.Time) []byte {
	tb.Helper()
	var sealed bytes.Buffer
	if err := s.SealMessage(&sealed, strings.NewReader(content), int64(len(content)), at); err != nil {
		tb.Fatal(err)
	}
	return sealed.Bytes()
}

func newOpener(tb testing.TB, holders ...string) *cms.Opener {
	tb.Helper()
	o := &cms.Opener{Trust: testpki.NewTrustStore(tb), Random: rand.Reader}
	for _, holder := range holders {
		o.Keys = append(o.Keys, encryptionKey(tb, holder))
	}
	return o
}

// open opens a copy of a sealed message.
func open(o *cms.Opener, sealed []byte) (*cms.Opened, error) {
	return o.OpenMessage(bytes.Clone(sealed), testpki.Now())
}

func findingCodes(o *cms.Opened) (codes []problem.Code) {
	for _, f := range o.Findings {
		codes = append(codes, f.Code)
	}
	return codes
}

// TestSealAndOpen: each recipient opens the message, whatever its length, and nothing is wrong with it.
func TestSealAndOpen(t *testing.T) {
	withKEK := newOpener(t)
	withKEK.KEKs = []cms.KeyEncryptionKey{{ID: []byte("other"), Key: testKEK.Key}, testKEK}
	openers := map[string]*cms.Opener{"reader": newOpener(t, reader), "sender": newOpener(t, specialist, sender), "KEK": withKEK}
	for _, n := range []int{0, 1, 15, 16, 17, 127, 128, 32<<10 - 200, 32 << 10, 200_000} {
		content := strings.Repeat("x", n)
		sealed := seal(t, newSealer(t), content)
		for name, opener := range openers {
			opened, err := open(opener, sealed)
			if err != nil {
				t.Fatalf("%d bytes, %s: %v", n, name, err)
			}
			if string(opened.Content) != content || len(opened.Findings) > 0 || !opened.IsTrusted() ||
				!opened.SigningTime.Equal(testpki.Now()) || !opened.Signer.Equal(testpki.Key(t, sender).Certificate) {
				t.Errorf("%d bytes, %s: %d bytes, %v", n, name, len(opened.Content), opened.Findings)
			}
		}
		if _, err := open(newOpener(t, specialist), sealed); testpki.Code(err) != cms.NotAddressed {
			t.Errorf("%d bytes: somebody else: %v", n, err)
		}
	}
}

// TestOpenBER: the same message in BER, in segments of any length, is the same message.
func TestOpenBER(t *testing.T) {
	sealed := seal(t, newSealer(t), "nothing but the truth")
	for _, n := range []int{1, 7, 100} {
		opened, err := open(newOpener(t, reader), bertest.Spread(sealed, n))
		if err != nil || string(opened.Content) != "nothing but the truth" || len(opened.Findings) > 0 {
			t.Errorf("segments of %d: %v, %v", n, opened, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	recipients := []*x509.Certificate{encryptionKey(t, reader).Certificate}
	short := cms.KeyEncryptionKey{ID: []byte("1"), Key: make([]byte, 24)}
	for name, s := range map[string]*cms.Sealer{
		"EC sender":       {Key: testpki.ECKey(t), Recipients: recipients},
		"weak sender":     {Key: testpki.WeakKey(t), Recipients: recipients},
		"EC recipient":    {Key: testpki.Key(t, sender), Recipients: []*x509.Certificate{testpki.ECKey(t).Certificate}},
		"weak recipient":  {Key: testpki.Key(t, sender), Recipients: []*x509.Certificate{testpki.WeakKey(t).Certificate}},
		"no recipient":    {Key: testpki.Key(t, sender)},
		"AES-192 KEK":     {Key: testpki.Key(t, sender), KEKs: []cms.KeyEncryptionKey{short}},
		"too many":        {Key: testpki.Key(t, sender), Recipients: make([]*x509.Certificate, cms.MaxRecipients+1)},
		"KEK without ID":  {Key: testpki.Key(t, sender), KEKs: []cms.KeyEncryptionKey{{Key: testKEK.Key}}},
		"KEK without key": {Key: testpki.Key(t, sender), KEKs: []cms.KeyEncryptionKey{{ID: []byte("1")}}},
	} {
		s.Random = rand.Reader
		if err := s.SealMessage(io.Discard, strings.NewReader(""), 0, testpki.Now()); testpki.Code(err) != cms.KeyUnfit {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []int64{3, 5} {
		if err := newSealer(t).SealMessage(io.Discard, strings.NewReader("four"), n, testpki.Now()); err == nil {
			t.Errorf("a content of four bytes as one of %d", n)
		}
	}
}

// TestFindings: the content is returned with what is wrong about its sender.
func TestFindings(t *testing.T) {
	now := testpki.Now()
	other := newSealer(t)
	other.Key = testpki.UntrustedKey(t)
	sealWith := func(key *x509id.Key, at time.Time) []byte {
		s := newSealer(t)
		s.Key = key
		return sealAt(t, s, "content", at)
	}
	good, valid := testpki.Key(t, sender), newSealer(t)
	plain := cms.SignLayerWithoutAttributes(good, false, []byte("content"), rand.Reader)
	expiring := testpki.Key(t, sender).Certificate.NotAfter
	for name, c := range map[string]struct {
		sealed  []byte
		now     time.Time
		want    []problem.Code
		trusted bool
	}{
		"expired now":       {sealWith(testpki.ExpiredKey(t), now), now, []problem.Code{x509id.CertExpired}, false},
		"not valid yet":     {sealWith(testpki.NotYetValidKey(t), now), now, []problem.Code{x509id.CertNotYetValid}, false},
		"revoked":           {sealWith(testpki.RevokedKey(t), now), now, []problem.Code{x509id.CertRevoked}, false},
		"untrusted":         {sealWith(testpki.UntrustedKey(t), now), now, []problem.Code{x509id.CertUntrusted}, false},
		"self-signed":       {sealWith(testpki.SelfSignedKey(t), now), now, []problem.Code{x509id.CertUntrusted}, false},
		"not for signing":   {sealWith(testpki.WrongUsageKey(t), now), now, []problem.Code{x509id.CertKeyUsage}, false},
		"an authority":      {sealWith(testpki.CAKey(t), now), now, []problem.Code{x509id.CertIsAuthority}, false},
		"from the future":   {sealWith(good, now.Add(time.Hour)), now, []problem.Code{cms.TimeInFuture}, false},
		"clock ahead":       {sealWith(good, now.Add(4*time.Minute)), now, nil, true},
		"long ago":          {sealWith(good, now.Add(-24*time.Hour)), now, nil, true},
		"expired meanwhile": {sealWith(good, now), expiring.AddDate(0, 0, 1), []problem.Code{cms.ExpiredSince}, true},
		"no signing time": {
			cms.SignLayerWithoutAttributes(good, true, valid.EncryptLayer(plain), rand.Reader), now,
			[]problem.Code{cms.TimeMissing}, true,
		},
	} {
		opened, err := newOpener(t, reader).OpenMessage(c.sealed, c.now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if string(opened.Content) != "content" || !slices.Equal(findingCodes(opened), c.want) || opened.IsTrusted() != c.trusted {
			t.Errorf("%s: %q, %v, trusted %v", name, opened.Content, opened.Findings, opened.IsTrusted())
		}
	}
}

// TestUniformRefusal: after decryption there is one refusal. The attacker signs, with a good certificate of their own or
// of the sender, an encrypted part that is not what it was.
func TestUniformRefusal(t *testing.T) {
	now, good, other := testpki.Now(), testpki.Key(t, sender), testpki.Key(t, specialist)
	s := newSealer(t)
	encrypted := cms.OuterContent(seal(t, s, "the content of a message"))
	inner := cms.SignLayer(good, false, []byte("content"), now, rand.Reader)
	wrongKEK := *newSealer(t)
	wrongKEK.Recipients, wrongKEK.KEKs = nil, []cms.KeyEncryptionKey{{ID: testKEK.ID, Key: []byte("fedcba9876543210")}}
	wrongTag := bytes.Clone(inner)
	wrongTag[0] = 5
	flipped := func(i int) []byte {
		b := bytes.Clone(encrypted)
		b[i] ^= 1
		return b
	}
	wrongSignature := bytes.Clone(inner)
	wrongSignature[len(wrongSignature)-1] ^= 1
	// The last byte of the block before the last one changes the padding, every other byte of it the end of the
	// signature: the padding stays right, and the structure too.
	padding, signature := flipped(len(encrypted)-17), flipped(len(encrypted)-32)
	key := flipped(bytes.Index(encrypted, encryptionKey(t, reader).Certificate.SerialNumber.Bytes()) + 100)
	for name, c := range map[string]struct {
		content []byte
		signer  *x509id.Key
	}{
		"padding":                   {padding, good},
		"inner signature":           {signature, good},
		"content key":               {key, good},
		"first block":               {flipped(len(encrypted) - 300), good},
		"key encryption key":        {wrongKEK.EncryptLayer(inner), good},
		"another signer around it":  {encrypted, other},
		"no SignedData":             {s.EncryptLayer([]byte("a text")), good},
		"nothing":                   {s.EncryptLayer(nil), good},
		"another structure":         {s.EncryptLayer(wrongTag), good},
		"inner signature, straight": {s.EncryptLayer(wrongSignature), good},
		"bytes behind":              {s.EncryptLayer(append(bytes.Clone(inner), 0)), good},
		"attributes as a content": {
			s.EncryptLayer(cms.SignLayerWithoutAttributes(good, false, []byte{0x31, 0}, rand.Reader)), good,
		},
	} {
		opener := newOpener(t, reader)
		opener.KEKs = []cms.KeyEncryptionKey{testKEK}
		opened, err := open(opener, cms.SignLayer(c.signer, true, c.content, now, rand.Reader))
		if testpki.Code(err) != cms.NotOpened {
			t.Errorf("%s: %v, %v", name, opened, err)
			continue
		}
		if p := problem.From(err); p.Error() != problem.New(cms.NotOpened).Error() || p.Err != nil || !p.Detail.IsZero() {
			t.Errorf("%s: the refusal tells more: %+v", name, p)
		}
	}
	if _, err := open(newOpener(t, reader), cms.SignLayer(good, true, s.EncryptLayer(inner), now, rand.Reader)); err != nil {
		t.Errorf("the same without a change: %v", err)
	}
}

// TestOuterSignatureFirst: without a right outer signature nothing is decrypted, and nothing is said about a key.
func TestOuterSignatureFirst(t *testing.T) {
	sealed := seal(t, newSealer(t), strings.Repeat("content ", 100))
	encrypted := cms.OuterContent(sealed)
	at := bytes.Index(sealed, encrypted)
	for _, i := range []int{at, at + 200, at + len(encrypted)/2, at + len(encrypted) - 1} {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		for name, opener := range map[string]*cms.Opener{"reader": newOpener(t, reader), "somebody": newOpener(t)} {
			if _, err := open(opener, changed); testpki.Code(err) != cms.SignatureInvalid {
				t.Errorf("byte %d, %s: %v", i, name, err)
			}
		}
	}
	unsigned := cms.SignLayer(testpki.Key(t, sender), false, encrypted, testpki.Now(), rand.Reader)
	if _, err := open(newOpener(t, reader), unsigned); testpki.Code(err) != cms.SignerMissing {
		t.Errorf("without a certificate: %v", err)
	}
}

// TestBytesChanged: no change of a byte makes another content, whatever else it does, and no part is a message.
func TestBytesChanged(t *testing.T) {
	sealed := seal(t, newSealer(t), "content")
	opener := newOpener(t, reader)
	for i := 0; i < len(sealed); i += 5 { // each costs a signature
		changed := bytes.Clone(sealed)
		changed[i] ^= 1 << (i % 8)
		if opened, err := open(opener, changed); err == nil && string(opened.Content) != "content" {
			t.Fatalf("byte %d: %q", i, opened.Content)
		}
		if _, err := open(opener, sealed[:i]); err == nil {
			t.Fatalf("the first %d bytes are a message", i)
		}
	}
}

// TestMemory: ten megabytes are sealed and opened without memory in proportion to them.
func TestMemory(t *testing.T) {
	const size, limit = 10 << 20, 2 << 20
	content := strings.Repeat("0123456789abcdef", size/16)
	s, opener := newSealer(t), newOpener(t, reader)
	sealed := make([]byte, 0, size+100_000)
	count := func(what string, act func()) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		act()
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > limit {
			t.Errorf("%s allocates %d bytes", what, n)
		}
	}
	count("sealing", func() {
		out := bytes.NewBuffer(sealed)
		if err := s.SealMessage(out, strings.NewReader(content), size, testpki.Now()); err != nil {
			t.Fatal(err)
		}
		sealed = out.Bytes()
	})
	count("opening", func() {
		opened, err := opener.OpenMessage(sealed, testpki.Now())
		if err != nil || string(opened.Content) != content {
			t.Errorf("opened: %v", err)
		}
	})
	if _, err := opener.OpenMessage(make([]byte, cms.MaxBytes+1), testpki.Now()); testpki.Code(err) != cms.TooLarge {
		t.Errorf("one byte too many: %v", err)
	}
}

// TestKeyWrap has the examples of RFC 3394 section 4.
func TestKeyWrap(t *testing.T) {
	for _, v := range []struct{ kek, key, wrapped string }{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{"000102030405060708090A0B0C0D0E0F1011121314151617", "00112233445566778899AABBCCDDEEFF0001020304050607", "031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2"},
		{
			"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
			"00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
			"28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
		},
	} {
		kek, key, wrapped := unhex(t, v.kek), unhex(t, v.key), unhex(t, v.wrapped)
		block, err := aes.NewCipher(kek)
		if err != nil {
			t.Fatal(err)
		}
		if got := cms.WrapKey(block, key); !bytes.Equal(got, wrapped) {
			t.Errorf("%X", got)
		}
		got := make([]byte, len(key))
		if cms.UnwrapKey(block, wrapped, got) != 1 || !bytes.Equal(got, key) {
			t.Errorf("%X", got)
		}
		wrapped[3] ^= 1
		untouched := bytes.Repeat([]byte{7}, len(key))
		for _, wrong := range [][]byte{wrapped, wrapped[8:], nil} {
			if cms.UnwrapKey(block, wrong, untouched) != 0 || !bytes.Equal(untouched, bytes.Repeat([]byte{7}, len(key))) {
				t.Errorf("a wrong key gives %X", untouched)
			}
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzReadLayers: no layer of a message makes the reader panic or read beyond it. Nothing is verified, so that the fuzzer
// gets deep.
func FuzzReadLayers(f *testing.F) {
	s, opener := newSealer(f), newOpener(f, reader)
	opener.KEKs = []cms.KeyEncryptionKey{testKEK}
	encrypted := s.EncryptLayer([]byte("content"))
	signed := cms.SignLayerWithoutAttributes(testpki.Key(f, sender), false, []byte("content"), rand.Reader)
	for _, layer := range [][]byte{encrypted, signed, cms.SignLayer(testpki.Key(f, sender), false, []byte("1"), testpki.Now(), rand.Reader)} {
		f.Add(layer)
		f.Add(bertest.Spread(layer, 20))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if content := opener.ReadLayers(bytes.Clone(data)); len(content) > len(data) {
			t.Errorf("%d bytes in %d", len(content), len(data))
		}
	})
}
