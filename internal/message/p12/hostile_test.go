package p12

// These tests build stores that no program writes, with the building blocks of EncodeKeys.

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/ber"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/costtest"
)

const hostilePassword = "worthless"

func newPBES2Algorithm(iterations int) derElement {
	return derSequence(derOID(oidPBES2), derSequence(
		derSequence(derOID(oidPBKDF2), derSequence(derOctetString([]byte("salt")), derInteger(iterations))),
		derSequence(derOID(oidAES256CBC), derOctetString(make([]byte, 16)))))
}

func newPKCS12PBEAlgorithm(iterations int) derElement {
	return derSequence(derOID(pkcs12Ciphers[0].id), derSequence(derOctetString([]byte("salt")), derInteger(iterations)))
}

func newShroudedBag(algorithm derElement) derElement {
	return derSequence(derOID(oidShroudedBag), derExplicit(derSequence(algorithm, derOctetString(make([]byte, 32)))))
}

func newEncryptedSafe(algorithm derElement) derElement {
	return derSequence(derOID(oidEncryptedData), derExplicit(derSequence(derInteger(0),
		derSequence(derOID(oidData), algorithm, derTagged(0x80, derRaw(make([]byte, 32)))))))
}

// encodeTestStore encodes contents with a valid MAC, so that decoding does not stop at the MAC.
func encodeTestStore(t *testing.T, iterations int, contents ...derElement) []byte {
	t.Helper()
	secret, _ := encodeBMPPassword(hostilePassword)
	data, err := encodeStore(secret, []byte("salt"), iterations, contents...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// encodeStoreWithMAC encodes a store around an invalid MacData.
func encodeStoreWithMAC(t *testing.T, macData ...derElement) []byte {
	t.Helper()
	data, err := encodeDER(derSequence(derInteger(3), derSequence(derOID(oidData), derExplicit(derOctetString([]byte{0x30, 0}))), derSequence(macData...)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func encryptBags(t *testing.T, bags ...derElement) derElement {
	t.Helper()
	s := pbes2Encrypter{password: hostilePassword, iterations: 1, random: rand.Reader}
	safe, err := s.newEncryptedSafe(bags)
	if err != nil {
		t.Fatal(err)
	}
	return safe
}

func TestReadP12BoundsItsWork(t *testing.T) {
	const huge = math.MaxInt32
	leaf := newThrowawayCertificate(t)
	digest := func(id asn1.ObjectIdentifier) derElement {
		return derSequence(derSequence(derOID(id), derNull), derOctetString(make([]byte, sha256.Size)))
	}
	pbmac1 := func(iterations, keyBytes int, prf, scheme asn1.ObjectIdentifier) []byte {
		return encodeStoreWithMAC(t, derSequence(derSequence(derOID(oidPBMAC1), derSequence(derSequence(derOID(oidPBKDF2),
			derSequence(derOctetString([]byte("salt")), derInteger(iterations), derInteger(keyBytes), derSequence(derOID(prf), derNull))),
			derSequence(derOID(scheme), derNull))), derOctetString(make([]byte, 32))), derOctetString(nil))
	}
	hmac384, hmac512 := asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	nested := derSequence(derOID(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 6}),
		derExplicit(derSequence(newShroudedBag(newPBES2Algorithm(huge)))))
	many := func(n int, p derElement) []derElement {
		var all []derElement
		for range n {
			all = append(all, p)
		}
		return all
	}
	nest := func(depth int) derElement {
		inner := newCertificateBag(leaf)
		for range depth {
			inner = derSequence(derOID(oidSafeContentsBag), derExplicit(derSequence(inner)))
		}
		return inner
	}
	tests := []struct {
		name string
		data []byte
		want problem.Code
	}{
		{"the MAC", encodeStoreWithMAC(t, digest(oidSHA256), derOctetString(nil), derInteger(huge)), TooCostly},
		{"the MAC, just over", encodeStoreWithMAC(t, digest(oidSHA256), derOctetString(nil), derInteger(maxDerivationCost+1)), TooCostly},
		{"the MAC, beyond 64 bits", encodeStoreWithMAC(t, digest(oidSHA256), derOctetString(nil), derTagged(2, derRaw(make16Bytes()))), TooCostly},
		{"the MAC, zero", encodeStoreWithMAC(t, digest(oidSHA256), derOctetString(nil), derInteger(0)), Unreadable},
		{"the MAC, negative", encodeStoreWithMAC(t, digest(oidSHA256), derOctetString(nil), derInteger(-1)), Unreadable},
		{"PBMAC1", pbmac1(huge, 32, oidHMACWithSHA256, oidHMACWithSHA256), TooCostly},
		{"PBMAC1 that does not fit", pbmac1(1, 64, hmac384, hmac512), PasswordWrong},
		{"PBMAC1 with a key that can be guessed", pbmac1(1, 19, oidHMACWithSHA256, oidHMACWithSHA256), Unsupported},
		{"PBMAC1 with a huge key", pbmac1(1, huge, oidHMACWithSHA256, oidHMACWithSHA256), Unsupported},
		{"PBMAC1 with an unknown function", pbmac1(1, 32, oidData, oidHMACWithSHA256), Unsupported},
		{"PBMAC1 with an unknown scheme", pbmac1(1, 32, oidHMACWithSHA256, oidData), Unsupported},
		{"an unknown MAC", encodeStoreWithMAC(t, digest(oidData), derOctetString(nil)), Unsupported},
		{"a key, PBES2", encodeTestStore(t, 1, newClearContent(newShroudedBag(newPBES2Algorithm(huge)))), TooCostly},
		{"a key, old", encodeTestStore(t, 1, newClearContent(newShroudedBag(newPKCS12PBEAlgorithm(huge)))), TooCostly},
		{"a safe, PBES2", encodeTestStore(t, 1, newEncryptedSafe(newPBES2Algorithm(huge))), TooCostly},
		{"a safe, old", encodeTestStore(t, 1, newEncryptedSafe(newPKCS12PBEAlgorithm(huge))), TooCostly},
		{"a hidden key", encodeTestStore(t, 1, encryptBags(t, newCertificateBag(leaf), newShroudedBag(newPBES2Algorithm(huge)))), TooCostly},
		{"a hidden key, old", encodeTestStore(t, 1, encryptBags(t, newShroudedBag(newPKCS12PBEAlgorithm(huge)))), TooCostly},
		{"a key in a nested safe", encodeTestStore(t, 1, newClearContent(newCertificateBag(leaf), nested)), TooCostly},
		{"a key in a hidden nested safe", encodeTestStore(t, 1, encryptBags(t, newCertificateBag(leaf), nested)), TooCostly},
		{"all together", encodeTestStore(t, 1, newClearContent(many(7, newShroudedBag(newPBES2Algorithm(500_000)))...)), TooCostly},
		{"safes within safes", encodeTestStore(t, 1, newClearContent(nest(maxSafeDepth+1))), TooCostly},
		{"elements within elements", encodeTestStore(t, 1, newClearContent(nest(ber.MaxDepth))), Unreadable},
		{"a key in a safe with RC2", encodeTestStore(t, 1, newEncryptedSafe(derSequence(derOID(pkcs12Ciphers[3].id),
			derSequence(derOctetString([]byte("salt")), derInteger(1))))), Unsupported},
		{"a key with scrypt", encodeTestStore(t, 1, newClearContent(newShroudedBag(derSequence(derOID(oidPBES2), derSequence(
			derSequence(derOID(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}), derSequence(derOctetString(nil), derInteger(huge))),
			derSequence(derOID(oidAES256CBC), derOctetString(make([]byte, 16)))))))), Unsupported},
		{"too many entries", encodeTestStore(t, 1, newClearContent(many(maxBags+1, nested)...)), TooCostly},
		{"too many safes", encodeTestStore(t, 1, many(maxSafes+1, newClearContent())...), TooCostly},
		{"a huge key", encodeTestStore(t, 1, newClearContent(derSequence(derOID(oidShroudedBag),
			derExplicit(derSequence(newPBES2Algorithm(1), derOctetString(make([]byte, maxKeyBytes))))))), TooCostly},
		{"an unknown encryption", encodeTestStore(t, 1, newEncryptedSafe(derSequence(derOID(oidData), derSequence(derInteger(huge))))), Unsupported},
		{"an unknown derivation", encodeTestStore(t, 1, newEncryptedSafe(derSequence(derOID(oidPBES2), derSequence(
			derSequence(derOID(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}), derSequence(derOctetString(nil), derInteger(huge))),
			derSequence(derOID(oidAES256CBC), derOctetString(make([]byte, 16))))))), Unsupported},
		{"a safe for a public key", encodeTestStore(t, 1, derSequence(derOID(oidX509), derExplicit(derOctetString(nil)))), Unsupported},
		{"garbage in a safe", encodeTestStore(t, 1, newEncryptedSafe(newPBES2Algorithm(1))), Unsupported},
		{"garbage for a key", encodeTestStore(t, 1, newClearContent(newCertificateBag(leaf), newShroudedBag(newPBES2Algorithm(1)))), Unsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			began := costtest.CPUTime(t)
			key, err := DecodeSigningKey(tt.data, hostilePassword, DecodeTime)
			if key != nil || problem.From(err).Code != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if took := costtest.CPUTime(t) - began; took > costtest.CPULimit(time.Second) {
				t.Errorf("took %s of CPU time", took)
			}
		})
	}
}

// FuzzP12Inside tests the content behind the MAC, which only an author who knows the password can write: a safe, an
// encrypted safe and an encrypted key of any content.
func FuzzP12Inside(f *testing.F) {
	bag, err := encodeDER(derSequence(newCertificateBag(newThrowawayCertificate(f)), newShroudedBag(newPBES2Algorithm(1))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bag)
	for _, p := range []derElement{newPBES2Algorithm(1), newPKCS12PBEAlgorithm(1)} {
		der, err := encodeDER(newEncryptedSafe(p))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	leaf := newCertificateBag(newThrowawayCertificate(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		// No randomness: the same input must take the same path.
		s := pbes2Encrypter{password: hostilePassword, iterations: 1, random: bytes.NewReader(make([]byte, 2*saltBytes))}
		algorithm, ciphertext, err := s.encryptBytes(content)
		if err != nil {
			t.Fatal(err)
		}
		key := derSequence(derOID(oidShroudedBag), derExplicit(derSequence(algorithm, derOctetString(ciphertext))))
		encrypted := derSequence(derOID(oidEncryptedData), derExplicit(derSequence(derInteger(0),
			derSequence(derOID(oidData), algorithm, derTagged(0x80, derRaw(ciphertext))))))
		plain := derSequence(derOID(oidData), derExplicit(derOctetString(content)))
		for _, data := range [][]byte{
			encodeTestStore(t, 1, derRaw(content)), encodeTestStore(t, 1, plain), encodeTestStore(t, 1, encrypted), encodeTestStore(t, 1, newClearContent(leaf, key)),
		} {
			began := costtest.CPUTime(t)
			key, err := DecodeSigningKey(data, hostilePassword, DecodeTime)
			if (err == nil) == (key == nil) {
				t.Errorf("key %v, error %v", key, err)
			}
			if took := costtest.CPUTime(t) - began; took > costtest.CPULimit(5*time.Second) {
				t.Errorf("took %s of CPU time", took)
			}
		}
	})
}

func make16Bytes() []byte {
	b := make([]byte, 16)
	b[0] = 0x7f
	return b
}

func newThrowawayCertificate(t testing.TB) *x509.Certificate {
	t.Helper()
	return newThrowawayKey(t).Certificate
}

func newThrowawayKey(t testing.TB) *x509id.Key {
	t.Helper()
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: at, NotAfter: at.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &x509id.Key{Signer: key, Certificate: c}
}
