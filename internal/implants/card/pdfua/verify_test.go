package pdfua

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func signFile(t *testing.T, name string) ([]byte, *Signature) {
	t.Helper()
	s := newSignature(t, newKeys(t)[name])
	file, err := encodeSigned(t, newFamily(t), s)
	if err != nil {
		t.Fatal(err)
	}
	return file, s
}

// TestVerifySignature verifies a file as it is, and with one bit of each byte around the signature, and of every
// hundredth elsewhere, changed: none of those verifies.
func TestVerifySignature(t *testing.T) {
	for _, name := range []string{"RSA", "P-256"} {
		t.Run(name, func(t *testing.T) {
			file, s := signFile(t, name)
			verified, err := VerifySignature(file)
			if err != nil {
				t.Fatal(err)
			}
			if !verified.Certificate.Equal(s.Chain[0]) || len(verified.Others) != 0 || !verified.SignedAt.Equal(createdAt) {
				t.Errorf("verified %+v", verified)
			}
			start := bytes.Index(file, []byte(contents)) + len(contents)
			end := start + bytes.IndexByte(file[start:], '>')
			used := start + len(bytes.TrimRight(file[start:end], "0"))
			for at := range file {
				if isNear := at > start-200 && at < used || at >= end && at < end+200; !isNear && at%100 != 0 {
					continue
				}
				changed := bytes.Clone(file)
				changed[at] ^= 1
				if bytes.EqualFold(changed, file) {
					continue // another way to write the same digit
				}
				if _, err := VerifySignature(changed); err == nil {
					t.Errorf("verified with byte %d changed: %q", at, changed[max(at-20, 0):min(at+20, len(file))])
				}
			}
		})
	}
}

func TestVerifySignatureRefuses(t *testing.T) {
	file, s := signFile(t, "P-256")
	s.SignedAt = s.SignedAt.Add(time.Hour)
	other, err := encodeSigned(t, newFamily(t), s)
	if err != nil {
		t.Fatal(err)
	}
	text := string(file)
	start := strings.Index(text, contents) + len(contents)
	end := start + strings.IndexByte(text[start:], '>')
	unsigned := mustEncode(t, func() *Document { d, _ := newDocument(t, newFamily(t), "unsigned"); return d }())
	for _, c := range []struct {
		name, file string
		want       error
	}{
		{"empty", "", ErrUnsigned},
		{"unsigned", string(unsigned), ErrUnsigned},
		{"two signatures", text + text, ErrUnsigned},
		{"something added", text + "\n", ErrAppended},
		{"a second revision", text + "1 0 obj<</Type/Catalog>>endobj", ErrAppended},
		{"cut off", text[:len(text)-1], ErrDamaged},
		{"cut off at the range", text[:strings.Index(text, signatureStart)+len(signatureStart)+5], ErrDamaged},
		{"the signature of another file", text[:start] + string(other)[start:end] + text[end:], ErrChanged},
		{"no signature in its space", text[:start] + strings.Repeat("0", end-start) + text[end:], ErrDamaged},
		{"something behind the signature", text[:end-2] + "FF" + text[end:], ErrDamaged},
		{"no hexadecimal digits", text[:start] + "zz" + text[start+2:], ErrDamaged},
		{"another range", strings.Replace(text, "/ByteRange[0 0", "/ByteRange[0 9", 1), ErrDamaged},
		{"a negative number", strings.Replace(text, "/ByteRange[0 0", "/ByteRange[0 -", 1), ErrDamaged},
	} {
		if _, err := VerifySignature([]byte(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
}

// FuzzVerifySignature checks that no file panics, and that only a signed one verifies.
func FuzzVerifySignature(f *testing.F) {
	form := signatureStart + "0000000074 0000000080 0000000030]" + contents + "3000>/M(D:20261104132007Z)"
	f.Add([]byte("%PDF-1.7\n" + form))
	f.Add([]byte(signatureStart))
	f.Add([]byte(form + form))
	f.Fuzz(func(t *testing.T, file []byte) {
		if verified, err := VerifySignature(file); (verified == nil) == (err == nil) {
			t.Errorf("%+v, %v", verified, err)
		}
	})
}

// FuzzVerifyCMS checks that no signature panics, and that none verifies a digest that its attributes do not have.
func FuzzVerifyCMS(f *testing.F) {
	f.Add([]byte{0x30, 0})
	f.Add([]byte("\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x02\x30\x00"))
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, err := verifyCMS(der, make([]byte, 32)); err == nil {
			t.Errorf("verified %x", der)
		}
	})
}
