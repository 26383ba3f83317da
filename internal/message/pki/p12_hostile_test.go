package pki

// These tests build stores that no program writes, with the building blocks of EncodeKeys.

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"math"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const hostilePassword = "worthless"

func pbes2With(iterations int) part {
	return sequence(oid(oidPBES2), sequence(
		sequence(oid(oidPBKDF2), sequence(octets([]byte("salt")), integer(iterations))),
		sequence(oid(oidAES256CBC), octets(make([]byte, 16)))))
}

func oldPBEWith(iterations int) part {
	return sequence(oid(oidsOldPBE[0]), sequence(octets([]byte("salt")), integer(iterations)))
}

func shroudedWith(algorithm part) part {
	return sequence(oid(oidShroudedBag), explicit(sequence(algorithm, octets(make([]byte, 32)))))
}

func encryptedWith(algorithm part) part {
	return sequence(oid(oidEncryptedData), explicit(sequence(integer(0),
		sequence(oid(oidData), algorithm, tagged(0x80, raw(make([]byte, 32)))))))
}

// encodeTestStore encodes contents with a valid MAC, so that decoding does not stop at the MAC.
func storeOf(t *testing.T, iterations int, contents ...part) []byte {
	t.Helper()
	secret, _ := bmpPassword(hostilePassword)
	data, err := sealStore(secret, []byte("salt"), iterations, contents...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// encodeStoreWithMAC encodes a store around an invalid MacData.
func storeWithMAC(t *testing.T, macData ...part) []byte {
	t.Helper()
	data, err := encode(sequence(integer(3), sequence(oid(oidData), explicit(octets([]byte{0x30, 0}))), sequence(macData...)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func hiddenIn(t *testing.T, bags ...part) part {
	t.Helper()
	s := sealer{password: hostilePassword, iterations: 1, random: rand.Reader}
	safe, err := s.encryptedContent(bags)
	if err != nil {
		t.Fatal(err)
	}
	return safe
}

func TestReadP12BoundsItsWork(t *testing.T) {
	const huge = math.MaxInt32
	leaf := throwaway(t)
	digest := func(id asn1.ObjectIdentifier) part {
		return sequence(sequence(oid(id), null), octets(make([]byte, sha256.Size)))
	}
	pbmac1 := func(iterations, keyBytes int, prf, scheme asn1.ObjectIdentifier) []byte {
		return storeWithMAC(t, sequence(sequence(oid(oidPBMAC1), sequence(sequence(oid(oidPBKDF2),
			sequence(octets([]byte("salt")), integer(iterations), integer(keyBytes), sequence(oid(prf), null))),
			sequence(oid(scheme), null))), octets(make([]byte, 32))), octets(nil))
	}
	hmac384, hmac512 := asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	nested := sequence(oid(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 6}),
		explicit(sequence(shroudedWith(pbes2With(huge)))))
	many := func(n int, p part) []part {
		var all []part
		for range n {
			all = append(all, p)
		}
		return all
	}
	tests := []struct {
		name string
		data []byte
		want problem.Code
	}{
		{"the MAC", storeWithMAC(t, digest(oidSHA256), octets(nil), integer(huge)), problem.P12TooCostly},
		{"the MAC, just over", storeWithMAC(t, digest(oidSHA256), octets(nil), integer(maxIterations+1)), problem.P12TooCostly},
		{"the MAC, beyond 64 bits", storeWithMAC(t, digest(oidSHA256), octets(nil), tagged(2, raw(make16Bytes()))), problem.P12TooCostly},
		{"the MAC, zero", storeWithMAC(t, digest(oidSHA256), octets(nil), integer(0)), problem.P12Unreadable},
		{"the MAC, negative", storeWithMAC(t, digest(oidSHA256), octets(nil), integer(-1)), problem.P12Unreadable},
		{"PBMAC1", pbmac1(huge, 32, oidHMACWithSHA256, oidHMACWithSHA256), problem.P12TooCostly},
		{"PBMAC1 that does not fit", pbmac1(1, 64, hmac384, hmac512), problem.P12Password},
		{"PBMAC1 with a key that can be guessed", pbmac1(1, 19, oidHMACWithSHA256, oidHMACWithSHA256), problem.P12Unsupported},
		{"PBMAC1 with a huge key", pbmac1(1, huge, oidHMACWithSHA256, oidHMACWithSHA256), problem.P12Unsupported},
		{"PBMAC1 with an unknown function", pbmac1(1, 32, oidData, oidHMACWithSHA256), problem.P12Unsupported},
		{"PBMAC1 with an unknown scheme", pbmac1(1, 32, oidHMACWithSHA256, oidData), problem.P12Unsupported},
		{"an unknown MAC", storeWithMAC(t, digest(oidData), octets(nil)), problem.P12Unsupported},
		{"a key, PBES2", storeOf(t, 1, clearContent(shroudedWith(pbes2With(huge)))), problem.P12TooCostly},
		{"a key, old", storeOf(t, 1, clearContent(shroudedWith(oldPBEWith(huge)))), problem.P12TooCostly},
		{"a safe, PBES2", storeOf(t, 1, encryptedWith(pbes2With(huge))), problem.P12TooCostly},
		{"a safe, old", storeOf(t, 1, encryptedWith(oldPBEWith(huge))), problem.P12TooCostly},
		{"a hidden key", storeOf(t, 1, hiddenIn(t, certificateBag(leaf), shroudedWith(pbes2With(huge)))), problem.P12Unsupported},
		{"a hidden key, old", storeOf(t, 1, hiddenIn(t, shroudedWith(oldPBEWith(huge)))), problem.P12Unsupported},
		{"a key in a nested safe", storeOf(t, 1, clearContent(certificateBag(leaf), nested)), problem.P12NoKey},
		{"a key in a hidden nested safe", storeOf(t, 1, hiddenIn(t, certificateBag(leaf), nested)), problem.P12NoKey},
		{"all together", storeOf(t, 1, clearContent(many(5, shroudedWith(pbes2With(500_000)))...)), problem.P12TooCostly},
		{"too many entries", storeOf(t, 1, clearContent(many(maxBags+1, nested)...)), problem.P12TooCostly},
		{"too many safes", storeOf(t, 1, many(maxSafes+1, clearContent())...), problem.P12TooCostly},
		{"a huge key", storeOf(t, 1, clearContent(sequence(oid(oidShroudedBag),
			explicit(sequence(pbes2With(1), octets(make([]byte, maxKeyBytes))))))), problem.P12TooCostly},
		{"an unknown encryption", storeOf(t, 1, encryptedWith(sequence(oid(oidData), sequence(integer(huge))))), problem.P12Unsupported},
		{"an unknown derivation", storeOf(t, 1, encryptedWith(sequence(oid(oidPBES2), sequence(
			sequence(oid(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}), sequence(octets(nil), integer(huge))),
			sequence(oid(oidAES256CBC), octets(make([]byte, 16))))))), problem.P12Unsupported},
		{"a safe for a public key", storeOf(t, 1, sequence(oid(oidX509), explicit(octets(nil)))), problem.P12Unsupported},
		{"garbage in a safe", storeOf(t, 1, encryptedWith(pbes2With(1))), problem.P12Unsupported},
		{"garbage for a key", storeOf(t, 1, clearContent(certificateBag(leaf), shroudedWith(pbes2With(1)))), problem.P12Unsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			key, err := ReadP12(tt.data, hostilePassword)
			if key != nil || problem.From(err).Code != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// FuzzP12Inside tests the content behind the MAC, which only an author who knows the password can write: a safe, an
// encrypted safe and an encrypted key of any content.
func FuzzP12Inside(f *testing.F) {
	bag, err := encode(sequence(certificateBag(throwaway(f)), shroudedWith(pbes2With(1))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bag)
	for _, p := range []part{pbes2With(1), oldPBEWith(1)} {
		der, err := encode(encryptedWith(p))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	leaf := certificateBag(throwaway(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		// No randomness: the same input must take the same path.
		s := sealer{password: hostilePassword, iterations: 1, random: bytes.NewReader(make([]byte, 2*saltBytes))}
		algorithm, ciphertext, err := s.encrypt(content)
		if err != nil {
			t.Fatal(err)
		}
		key := sequence(oid(oidShroudedBag), explicit(sequence(algorithm, octets(ciphertext))))
		encrypted := sequence(oid(oidEncryptedData), explicit(sequence(integer(0),
			sequence(oid(oidData), algorithm, tagged(0x80, raw(ciphertext))))))
		plain := sequence(oid(oidData), explicit(octets(content)))
		for _, data := range [][]byte{
			storeOf(t, 1, raw(content)), storeOf(t, 1, plain), storeOf(t, 1, encrypted), storeOf(t, 1, clearContent(leaf, key)),
		} {
			start := time.Now()
			key, err := ReadP12(data, hostilePassword)
			if (err == nil) == (key == nil) {
				t.Errorf("key %v, error %v", key, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		}
	})
}

func make16Bytes() []byte {
	b := make([]byte, 16)
	b[0] = 0x7f
	return b
}

func throwaway(t testing.TB) *x509.Certificate {
	t.Helper()
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	a, err := NewAuthority(AuthorityOptions{Name: "throwaway", From: at, Until: at.AddDate(1, 0, 0), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return a.Certificates()[0]
}
