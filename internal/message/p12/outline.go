package p12

import (
	"cmp"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/x509id"
)

// algorithmNames names the encryption and MAC algorithms of .p12 files, also those that are refused.
var algorithmNames = map[string]string{
	"1.2.840.113549.1.12.1.1": "SHA1-RC4-128",
	"1.2.840.113549.1.12.1.2": "SHA1-RC4-40",
	"1.2.840.113549.1.12.1.4": "SHA1-2DES",
	"1.2.840.113549.1.5.3":    "MD5-DES",
	"1.2.840.113549.1.5.10":   "SHA1-DES",
	"1.2.840.113549.3.7":      "3DES",
	"1.2.840.113549.3.2":      "RC2",
	"1.3.14.3.2.7":            "DES",
	"1.3.6.1.4.1.11591.4.11":  "scrypt",
	"1.2.840.113549.2.5":      "MD5",
	"2.16.840.1.101.3.4.2.4":  "SHA-224",
	"2.16.840.1.101.3.4.2.6":  "SHA-512/256",
	"1.2.840.113549.1.12.1.3": "SHA1-3DES",
	"1.2.840.113549.1.12.1.5": "SHA1-RC2-128",
	"1.2.840.113549.1.12.1.6": "SHA1-RC2-40",
	"2.16.840.1.101.3.4.1.2":  "AES-128",
	"2.16.840.1.101.3.4.1.22": "AES-192",
	"2.16.840.1.101.3.4.1.42": "AES-256",
	"1.3.14.3.2.26":           "SHA-1",
	"2.16.840.1.101.3.4.2.1":  "SHA-256",
	"2.16.840.1.101.3.4.2.2":  "SHA-384",
	"2.16.840.1.101.3.4.2.3":  "SHA-512",
	oidPBMAC1.String():        "PBMAC1",
}

// nameOrOID names an algorithm, by its object identifier if it is unknown.
func nameOrOID(id asn1.ObjectIdentifier) string {
	return cmp.Or(algorithmNames[id.String()], id.String())
}

// isModernAlgorithm reports whether current programs write files with this algorithm.
func isModernAlgorithm(name string) bool {
	return strings.HasPrefix(name, "AES-") || name == "SHA-256" || name == "SHA-384" || name == "SHA-512" ||
		name == "PBMAC1"
}

// Outline is what a .p12 file (RFC 7292) is made of.
type Outline struct {
	Keys            int
	HasOtherContent bool     // contents other than keys and X.509 certificates
	Encryption      []string // the names of the ciphers
	MAC             string
}

const notEncrypted = "none"

// ReadOutline reads the structure of a file.
func ReadOutline(data []byte, password string) (*Outline, error) {
	w, _, err := openStore(data, password)
	if err != nil {
		return nil, err
	}
	w.store.outline.Keys = len(w.store.keyEntries)
	return &w.store.outline, nil
}

func (o *Outline) addEncryption(name string) {
	if !slices.Contains(o.Encryption, name) {
		o.Encryption = append(o.Encryption, name)
	}
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
func DecodeKeysToRewrite(file []byte, password string, now time.Time) ([]*x509id.Key, error) {
	keys, err := DecodeKeys(file, password, now)
	if err != nil {
		return nil, err
	}
	o, err := ReadOutline(file, password)
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
