package p12

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/openctr/ctr/internal/message/ber"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/bertest"
)

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
			spread := bertest.Spread(der, n)
			if back, ok := ber.ToDER(spread); !ok || !bytes.Equal(back, der) {
				t.Errorf("%s in segments of %d: is not what it was", file, n)
			}
			got, err := DecodeSigningKey(spread, password, DecodeTime)
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
	algorithm, ciphertext, err := s.encryptBytes(bertest.Spread(plaintext, 7))
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

// TestFieldP12Safes: a key and its certificate are found in whichever safes they stand (RFC 7292 sections 4.1 and 4.2).
func TestFieldP12Safes(t *testing.T) {
	key := newThrowawayKey(t)
	s := pbes2Encrypter{password: hostilePassword, iterations: 1, random: rand.Reader}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	attributes := newEntryAttributes(key)
	shrouded, err := s.newShroudedKeyBag(key, attributes)
	if err != nil {
		t.Fatal(err)
	}
	clearKey := derSequence(derOID(oidKeyBag), derExplicit(derRaw(pkcs8)), attributes)
	certificate := newCertificateBag(key.Certificate, attributes)
	encrypted := func(bags ...derElement) derElement {
		safe, err := s.newEncryptedSafe(bags)
		if err != nil {
			t.Fatal(err)
		}
		return safe
	}
	nested := func(bags ...derElement) derElement {
		return derSequence(derOID(oidSafeContentsBag), derExplicit(derSequence(bags...)))
	}
	for name, safes := range map[string][]derElement{
		"one encrypted safe":                      {encrypted(certificate, shrouded)},
		"one encrypted safe, key first":           {encrypted(shrouded, certificate)},
		"one encrypted safe, key not encrypted":   {encrypted(certificate, clearKey)},
		"one safe in clear":                       {newClearContent(certificate, shrouded)},
		"all in clear":                            {newClearContent(clearKey, certificate)},
		"two encrypted safes":                     {encrypted(shrouded), encrypted(certificate)},
		"key encrypted, certificate in clear":     {encrypted(shrouded), newClearContent(certificate)},
		"a safe within the encrypted safe":        {encrypted(nested(certificate, shrouded))},
		"safes within safes":                      {newClearContent(nested(nested(shrouded)), nested(certificate))},
		"an empty safe before and an empty after": {newClearContent(), encrypted(certificate, shrouded), encrypted()},
	} {
		data := encodeTestStore(t, 1, safes...)
		for form, octets := range map[string][]byte{"DER": data, "BER": bertest.Spread(data, 100)} {
			got, err := DecodeSigningKey(octets, hostilePassword, DecodeTime)
			if err != nil || !got.Certificate.Equal(key.Certificate) {
				t.Errorf("%s, %s: %v", name, form, err)
			}
		}
	}
}
