package p12

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// spreadBER writes DER as programs write BER when they do not know a length before: with indefinite lengths, and
// strings in segments of at most n bytes.
func spreadBER(der []byte, n int) []byte {
	var out []byte
	rest := cryptobyte.String(der)
	for !rest.Empty() {
		var content cryptobyte.String
		var tag tags.Tag
		if !rest.ReadAnyASN1(&content, &tag) {
			panic("not DER")
		}
		switch {
		case tag&constructed != 0:
			out = append(out, byte(tag), 0x80)
			out = append(append(out, spreadBER(content, n)...), 0, 0)
		case tag == tags.OCTET_STRING:
			out = append(out, byte(tag)|constructed, 0x80)
			for len(content) > 0 {
				size := min(n, len(content))
				out = append(append(out, byte(tag), 0x81, byte(size)), content[:size]...)
				content = content[size:]
			}
			out = append(out, 0, 0)
		default:
			var b cryptobyte.Builder
			b.AddASN1(tag, func(inner *cryptobyte.Builder) { inner.AddBytes(content) })
			out = append(out, b.BytesOrPanic()...)
		}
	}
	return out
}

// TestFieldP12BER: any file is the same file in BER.
func TestFieldP12BER(t *testing.T) {
	files, err := filepath.Glob("testdata/*.p12")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		der, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		password := "worthless"
		if filepath.Base(file) == "openssl-empty.p12" {
			password = ""
		}
		want, wantErr := DecodeSigningKey(der, password, DecodeTime)
		for _, n := range []int{1, 2, 100, 255} {
			ber := spreadBER(der, n)
			if back, ok := toDER(ber); !ok || !bytes.Equal(back, der) {
				t.Errorf("%s in segments of %d: is not what it was", file, n)
			}
			got, err := DecodeSigningKey(ber, password, DecodeTime)
			if codeOf(err) != codeOf(wantErr) || (got == nil) != (want == nil) {
				t.Errorf("%s in segments of %d: %v, want %v", file, n, err, wantErr)
			}
		}
	}
}

func codeOf(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}

// TestFieldP12BERInside: the safes are BER too, and so is a ciphertext in segments below an implicit tag.
func TestFieldP12BERInside(t *testing.T) {
	key := &x509id.Key{Certificate: newThrowawayCertificate(t)}
	s := pbes2Encrypter{password: hostilePassword, iterations: 1, random: rand.Reader}
	plaintext, err := encodeDER(derSequence(newCertificateBag(key.Certificate), newPlaceholderKeyBag()))
	if err != nil {
		t.Fatal(err)
	}
	algorithm, ciphertext, err := s.encryptBytes(spreadBER(plaintext, 7))
	if err != nil {
		t.Fatal(err)
	}
	segments := derSequence(derOID(oidEncryptedData), derExplicit(derSequence(derInteger(0), derSequence(derOID(oidData),
		algorithm, derTagged(tagExplicit0, derOctetString(ciphertext[:16]), derOctetString(ciphertext[16:]))))))
	data := encodeTestStore(t, 1, segments)
	// The key does not fit the certificate, but both are found.
	o, err := ReadOutline(data, hostilePassword)
	if err != nil || o.Keys != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := DecodeSigningKey(data, hostilePassword, DecodeTime); codeOf(err) != KeyMissing {
		t.Errorf("%v", err)
	}
}

func TestFieldP12BadBER(t *testing.T) {
	for name, data := range map[string][]byte{
		"no length":                   {0x30},
		"length beyond the end":       {0x30, 5, 0},
		"indefinite without an end":   {0x30, 0x80, 2, 1, 0},
		"indefinite primitive":        {4, 0x80, 0, 0},
		"segments of another type":    {0x24, 0x80, 2, 1, 0, 0, 0},
		"tag of several bytes":        {0x3f, 0x81, 1, 0},
		"length of length beyond end": {0x30, 0x84, 1},
		"length beyond 32 bits":       {0x30, 0x88, 1, 0, 0, 0, 0, 0, 0, 0},
		"bytes behind":                {0x30, 0, 0},
		"too deep":                    bytes.Repeat([]byte{0x30, 0x80}, 10_000),
	} {
		if out, ok := toDER(data); ok {
			t.Errorf("%s: %x", name, out)
		}
	}
}

// FuzzToDER: what comes out is not longer, does not change again, and holds no indefinite length.
func FuzzToDER(f *testing.F) {
	f.Add([]byte{0x24, 0x80, 4, 1, 1, 0x24, 3, 4, 1, 2, 0, 0})
	f.Add([]byte{0x30, 0x82, 0, 2, 5, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		out, ok := toDER(data)
		if !ok {
			return
		}
		if len(out) > len(data) {
			t.Errorf("%x became %x", data, out)
		}
		if again, ok := toDER(out); !ok || !bytes.Equal(again, out) {
			t.Errorf("%x became %x", out, again)
		}
	})
}
