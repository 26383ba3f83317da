package p12

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"  //nolint:gosec // triple DES of files by older programs
	"crypto/sha1" //nolint:gosec // key derivation of files by older programs
	"encoding/asn1"
	"errors"
	"hash"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// encryption is a password-based encryption algorithm with its parameters, whose cost has been counted.
type encryption struct {
	name string
	// inLibrary reports whether the library knows the algorithm. It knows neither PBES2 with triple DES or with some of
	// the hash functions, nor triple DES with two keys.
	inLibrary bool
	// newDecrypter returns a CBC decrypter for the encoded password. It is nil for RC2, which only the library knows.
	newDecrypter func(secret []byte) (cipher.BlockMode, error)
}

var errCiphertext = errors.New("p12: a ciphertext does not end as expected")

// decryptBytes decrypts and takes off the padding (RFC 8018 §6.1.1, step 4).
func (e encryption) decryptBytes(secret, ciphertext []byte) ([]byte, error) {
	mode, err := e.newDecrypter(secret)
	if err != nil {
		return nil, err
	}
	block := mode.BlockSize()
	if len(ciphertext) == 0 || len(ciphertext)%block != 0 {
		return nil, errCiphertext
	}
	plaintext := make([]byte, len(ciphertext))
	mode.CryptBlocks(plaintext, ciphertext)
	last := plaintext[len(plaintext)-1]
	padding := int(last)
	if padding < 1 || padding > block {
		return nil, errCiphertext
	}
	content, tail := plaintext[:len(plaintext)-padding], plaintext[len(plaintext)-padding:]
	if !bytes.Equal(tail, bytes.Repeat([]byte{last}, padding)) {
		return nil, errCiphertext
	}
	return content, nil
}

// parseEncryptionAlgorithm parses an algorithm and counts the cost of its key derivation. It refuses unknown
// algorithms, whose cost cannot be counted, so they never reach the library.
func (w *storeParser) parseEncryptionAlgorithm(algorithm cryptobyte.String) (encryption, error) {
	var id asn1.ObjectIdentifier
	var parameters cryptobyte.String
	if !algorithm.ReadASN1ObjectIdentifier(&id) || !algorithm.ReadASN1(&parameters, tags.SEQUENCE) ||
		!algorithm.Empty() {
		return encryption{}, newUnreadableError("an encryption algorithm")
	}
	if id.Equal(oidPBES2) {
		return w.parsePBES2(parameters)
	}
	for _, known := range pkcs12Ciphers {
		if id.Equal(known.id) {
			return w.parsePKCS12PBE(known, parameters)
		}
	}
	return encryption{}, newUnsupportedError("encryption algorithm " + nameOrOID(id))
}

// pbes2Ciphers are the ciphers of RFC 8018 appendix B.2 that programs write.
var pbes2Ciphers = []struct {
	id        asn1.ObjectIdentifier
	keyBytes  int
	newCipher func([]byte) (cipher.Block, error)
}{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}, 16, aes.NewCipher},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}, 24, aes.NewCipher},
	{oidAES256CBC, 32, aes.NewCipher},
	{oidTripleDESCBC, 24, des.NewTripleDESCipher},
}

// libraryHashBytes are the output sizes, in bytes, of the hash functions that the library knows for PBKDF2.
var libraryHashBytes = []int{20, 32, 64}

// parsePBES2 parses PBES2-params ::= SEQUENCE { keyDerivationFunc, encryptionScheme } (RFC 8018 appendix A.4).
func (w *storeParser) parsePBES2(parameters cryptobyte.String) (encryption, error) {
	var derivation, scheme cryptobyte.String
	var id asn1.ObjectIdentifier
	var iv []byte
	if !parameters.ReadASN1(&derivation, tags.SEQUENCE) || !parameters.ReadASN1(&scheme, tags.SEQUENCE) ||
		!parameters.Empty() || !scheme.ReadASN1ObjectIdentifier(&id) {
		return encryption{}, newUnreadableError("an encryption algorithm")
	}
	for _, known := range pbes2Ciphers {
		if !id.Equal(known.id) {
			continue
		}
		if !scheme.ReadASN1Bytes(&iv, tags.OCTET_STRING) || !scheme.Empty() {
			return encryption{}, newUnreadableError("an encryption algorithm")
		}
		p, err := parsePBKDF2(derivation)
		if err == nil {
			err = w.addCost(p.iterations, p.hashesPerIteration(known.keyBytes))
		}
		if err != nil {
			return encryption{}, err
		}
		return encryption{
			name:      nameOrOID(id),
			inLibrary: !id.Equal(oidTripleDESCBC) && slices.Contains(libraryHashBytes, p.newHash().Size()),
			newDecrypter: func(secret []byte) (cipher.BlockMode, error) {
				key, err := p.deriveKey(decodePassword(secret), known.keyBytes)
				if err != nil {
					return nil, err
				}
				return newCBCDecrypter(known.newCipher, key, iv)
			},
		}, nil
	}
	return encryption{}, newUnsupportedError("encryption with " + nameOrOID(id))
}

func newCBCDecrypter(newCipher func([]byte) (cipher.Block, error), key, iv []byte) (cipher.BlockMode, error) {
	block, err := newCipher(key)
	if err != nil || len(iv) != block.BlockSize() {
		return nil, cmp.Or(err, errCiphertext)
	}
	return cipher.NewCBCDecrypter(block, iv), nil
}

// pkcs12Cipher is an encryption algorithm of PKCS #12 itself (RFC 7292 appendix C), all with SHA-1.
type pkcs12Cipher struct {
	id       asn1.ObjectIdentifier
	keyBytes int
	des      bool
}

var pkcs12Ciphers = []pkcs12Cipher{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}, 24, true},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 4}, 16, true},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 5}, 16, false},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}, 5, false},
}

// parsePKCS12PBE parses pkcs-12PbeParams ::= SEQUENCE { salt, iterations }. The key and the initialisation vector are
// derived separately, each block of 20 bytes with all iterations.
func (w *storeParser) parsePKCS12PBE(known pkcs12Cipher, parameters cryptobyte.String) (encryption, error) {
	var salt []byte
	if !parameters.ReadASN1Bytes(&salt, tags.OCTET_STRING) {
		return encryption{}, newUnreadableError("an encryption algorithm")
	}
	iterations, err := parseIterationCount(&parameters)
	if err == nil {
		err = w.addCost(iterations, (known.keyBytes+sha1.Size-1)/sha1.Size+1)
	}
	if err != nil {
		return encryption{}, err
	}
	e := encryption{name: nameOrOID(known.id), inLibrary: known.keyBytes != 16 || !known.des}
	if known.des {
		e.newDecrypter = func(secret []byte) (cipher.BlockMode, error) {
			key := deriveBytes(sha1.New, diversifierKey, secret, salt, iterations, known.keyBytes)
			iv := deriveBytes(sha1.New, diversifierIV, secret, salt, iterations, des.BlockSize)
			key = append(key, key...)[:24] // two keys: the first is also the third
			return newCBCDecrypter(des.NewTripleDESCipher, key, iv)
		}
	}
	return e, nil
}

// The diversifiers of RFC 7292 appendix B.3.
const (
	diversifierKey byte = iota + 1
	diversifierIV
	diversifierMAC
)

// deriveBytes is the key derivation of RFC 7292 appendix B.2.
func deriveBytes(newHash func() hash.Hash, diversifier byte, secret, salt []byte, iterations, n int) []byte {
	h := newHash()
	block := h.BlockSize()
	input := append(fillBlocks(salt, block), fillBlocks(secret, block)...)
	var out []byte
	for {
		h.Reset()
		h.Write(bytes.Repeat([]byte{diversifier}, block))
		h.Write(input)
		sum := h.Sum(nil)
		for range iterations - 1 {
			h.Reset()
			h.Write(sum)
			sum = h.Sum(sum[:0])
		}
		if out = append(out, sum...); len(out) >= n {
			return out[:n]
		}
		// Each block of the input grows by the hash, as a number, and one.
		increment := new(big.Int).SetBytes(fillBlocks(sum, block)[:block])
		increment.Add(increment, big.NewInt(1))
		modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*block))
		for part := range slices.Chunk(input, block) {
			next := new(big.Int).SetBytes(part)
			next.Add(next, increment).Mod(next, modulus).FillBytes(part)
		}
	}
}

// fillBlocks repeats a pattern to whole blocks.
func fillBlocks(pattern []byte, block int) []byte {
	if len(pattern) == 0 {
		return nil
	}
	length := (len(pattern) + block - 1) / block * block
	return bytes.Repeat(pattern, length/len(pattern)+1)[:length]
}
