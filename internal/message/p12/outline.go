package p12

import (
	"cmp"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/message/x509id"
)

// algorithmName names an encryption or MAC algorithm of a .p12 file. It is empty for an unknown algorithm.
func algorithmName(id asn1.ObjectIdentifier) string {
	switch id.String() {
	case "1.2.840.113549.1.12.1.3":
		return "SHA1-3DES"
	case "1.2.840.113549.1.12.1.5":
		return "SHA1-RC2-128"
	case "1.2.840.113549.1.12.1.6":
		return "SHA1-RC2-40"
	case "2.16.840.1.101.3.4.1.2":
		return "AES-128"
	case "2.16.840.1.101.3.4.1.22":
		return "AES-192"
	case "2.16.840.1.101.3.4.1.42":
		return "AES-256"
	case "1.3.14.3.2.26":
		return "SHA-1"
	case "2.16.840.1.101.3.4.2.1":
		return "SHA-256"
	case "2.16.840.1.101.3.4.2.2":
		return "SHA-384"
	case "2.16.840.1.101.3.4.2.3":
		return "SHA-512"
	case oidPBMAC1.String():
		return "PBMAC1"
	}
	return ""
}

// isModernAlgorithm reports whether current programs write files with this algorithm.
func isModernAlgorithm(name string) bool {
	return strings.HasPrefix(name, "AES-") || name == "SHA-256" || name == "SHA-384" || name == "SHA-512" ||
		name == "PBMAC1"
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit"`
}

type safeBag struct {
	ID         asn1.ObjectIdentifier
	Value      asn1.RawValue `asn1:"tag:0,explicit"`
	Attributes asn1.RawValue `asn1:"optional"`
}

// Outline is the information that a .p12 file (RFC 7292) reveals without its password.
type Outline struct {
	Keys            int
	HasOtherContent bool     // unencrypted contents other than certificates
	Encryption      []string // the names of the ciphers
	MAC             string
}

var errUnexpectedForm = errors.New("the .p12 file has an unexpected structure; export it again with openssl or keytool")

// ReadOutline reads the outer structure. The file must have passed DecodeKeys, which limits it.
func ReadOutline(file []byte) (*Outline, error) {
	var store struct {
		Version int
		Safe    contentInfo
		MAC     struct {
			Mac struct {
				Algorithm pkix.AlgorithmIdentifier
				Digest    []byte
			}
			Salt       []byte
			Iterations int `asn1:"optional,default:1"`
		}
	}
	var authenticated []byte
	var contents []contentInfo
	if !readDER(file, &store) || !readDER(store.Safe.Content.Bytes, &authenticated) || !readDER(authenticated, &contents) {
		return nil, errUnexpectedForm
	}
	o := &Outline{MAC: cmp.Or(
		algorithmName(store.MAC.Mac.Algorithm.Algorithm), store.MAC.Mac.Algorithm.Algorithm.String(),
	)}
	for _, c := range contents {
		var known bool
		switch {
		case c.Type.Equal(oidEncryptedData):
			known = o.addEncryptedData(c)
		case c.Type.Equal(oidData):
			known = o.addData(c)
		}
		if !known {
			return nil, errUnexpectedForm
		}
	}
	return o, nil
}

func readDER(data []byte, into any) bool {
	rest, err := asn1.Unmarshal(data, into)
	return err == nil && len(rest) == 0
}

// addEncryptedData reads a ContentInfo with EncryptedData, which contains certificates.
func (o *Outline) addEncryptedData(c contentInfo) bool {
	var data struct {
		Version int
		Info    struct {
			Type       asn1.ObjectIdentifier
			Algorithm  pkix.AlgorithmIdentifier
			Ciphertext asn1.RawValue
		}
	}
	if !readDER(c.Content.Bytes, &data) {
		return false
	}
	o.addAlgorithm(data.Info.Algorithm)
	return true
}

// addData reads a ContentInfo that is not encrypted as a whole: encrypted keys and unencrypted certificates.
func (o *Outline) addData(c contentInfo) bool {
	var data []byte
	var bags []asn1.RawValue
	if !readDER(c.Content.Bytes, &data) || !readDER(data, &bags) {
		return false
	}
	certificates := false
	for _, raw := range bags {
		var bag safeBag
		if !readDER(raw.FullBytes, &bag) {
			return false
		}
		switch {
		case bag.ID.Equal(oidCertBag):
			certificates = true
		case bag.ID.Equal(oidShroudedBag):
			var key struct {
				Algorithm pkix.AlgorithmIdentifier
				Encrypted []byte
			}
			if !readDER(bag.Value.Bytes, &key) {
				return false
			}
			o.addAlgorithm(key.Algorithm)
			o.Keys++
		default:
			o.HasOtherContent = true
		}
	}
	if certificates {
		o.addEncryption("none")
	}
	return true
}

func (o *Outline) addEncryption(name string) {
	if !slices.Contains(o.Encryption, name) {
		o.Encryption = append(o.Encryption, name)
	}
}

// addAlgorithm records an encryption algorithm. For PBES2 it is the cipher (RFC 8018 appendix A.4).
func (o *Outline) addAlgorithm(a pkix.AlgorithmIdentifier) {
	id := a.Algorithm
	if id.Equal(oidPBES2) {
		var parameters struct{ Derivation, Cipher pkix.AlgorithmIdentifier }
		if readDER(a.Parameters.FullBytes, &parameters) {
			id = parameters.Cipher.Algorithm
		}
	}
	o.addEncryption(cmp.Or(algorithmName(id), id.String()))
}

// IsLegacy reports whether a current program may refuse the file because of its algorithms.
func (o *Outline) IsLegacy() bool {
	return !isModernAlgorithm(o.MAC) ||
		slices.ContainsFunc(o.Encryption, func(name string) bool { return !isModernAlgorithm(name) })
}

// errWouldLose is returned for a file with contents that cannot be written again.
var errWouldLose = errors.New("the file contains more than encrypted keys with their certificates, and the rest " +
	"would be lost; keep the file, or split it with openssl pkcs12")

// DecodeKeysToRewrite returns all keys of a file, the signing key first, each with a name. It fails if a key has no
// certificate, or if the file contains what EncodeKeys could not write again.
func DecodeKeysToRewrite(file []byte, password string) ([]*x509id.Key, error) {
	keys, err := DecodeKeys(file, password)
	if err != nil {
		return nil, err
	}
	o, err := ReadOutline(file)
	if err != nil {
		return nil, err
	}
	if o.HasOtherContent {
		return nil, errWouldLose
	}
	for i, key := range keys {
		switch { // names as the platform gives them; some programs cannot find an unnamed key
		case key.Name != "":
		case i == 0:
			key.Name = SigningEntryName
		default:
			key.Name = key.Certificate.SerialNumber.String()
		}
	}
	return keys, nil
}
