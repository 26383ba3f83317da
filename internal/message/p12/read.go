package p12

import (
	"crypto"
	"crypto/x509"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// SigningEntryName is the friendly name under which the platform stores the key for authentication and signing. The
// other entry, for decryption, has a serial number as its name.
const SigningEntryName = "authentication"

// DecodeSigningKey returns the signing key of a PKCS #12 file: the entry called "authentication", otherwise the first
// whose certificate allows signatures.
//
// The file itself sets its decoding cost: it contains the iteration counts of its key derivations, up to 2^31−1. The
// library has no limit. Therefore parseStore checks the outer structure first, and the library only ever decodes small
// stores made here, with a single encrypted item whose count has been checked. The iteration counts of keys inside an
// encrypted safe are not visible from outside; the library refuses such keys before it derives anything: see
// decryptCertificates.
func DecodeSigningKey(data []byte, password string) (*x509id.Key, error) {
	keys, _, err := decodeStore(data, password)
	if err != nil {
		return nil, err
	}
	return selectSigningKey(keys)
}

// DecodeKeys returns every key of a .p12 file, the one that DecodeSigningKey returns first, so that the file can be
// rewritten. It refuses a file with a key that has no certificate or cannot sign, because that key would be lost.
func DecodeKeys(data []byte, password string) ([]*x509id.Key, error) {
	keys, entries, err := decodeStore(data, password)
	if err != nil {
		return nil, err
	}
	first, err := selectSigningKey(keys)
	if err != nil {
		return nil, err
	}
	if len(keys) != entries {
		return nil, problem.New(Unsupported, texts.Literal("a key without its certificate"))
	}
	all := []*x509id.Key{first}
	for _, key := range keys {
		if key != first {
			all = append(all, key)
		}
	}
	return all, nil
}

// decodeStore returns the keys that have a certificate, and the number of all keys.
func decodeStore(data []byte, password string) ([]*x509id.Key, int, error) {
	store, err := parseStore(data)
	if err != nil {
		return nil, 0, err
	}
	secret, err := store.findPasswordBytes(password)
	if err != nil {
		return nil, 0, err
	}
	certificates, err := store.decryptCertificates(secret, password)
	if err != nil {
		return nil, 0, err
	}
	keys, err := store.decryptKeys(certificates, secret, password)
	return keys, len(store.keyEntries), err
}

// findPasswordBytes returns the encoding of the password that yields the store's MAC. Some programs encode an empty
// password as no bytes at all instead of a lone terminator.
func (s *keyStore) findPasswordBytes(password string) ([]byte, error) {
	secret, ok := encodeBMPPassword(password)
	if !ok {
		return nil, problem.New(PasswordWrong, texts.Literal("it has a character outside the Basic Multilingual Plane"))
	}
	if s.mac.matchesMAC(secret, s.authenticatedSafe) {
		return secret, nil
	}
	if password == "" && s.mac.matchesMAC(nil, s.authenticatedSafe) {
		return nil, nil
	}
	return nil, problem.New(PasswordWrong)
}

// decryptCertificates decrypts the safes and returns their certificates.
//
// Each safe is passed to the library behind a plaintext key. The library accepts exactly one key per store and stops at
// a second one before it decrypts it, so nothing in the safe can start a derivation of its own. All known programs keep
// the encrypted keys outside.
func (s *keyStore) decryptCertificates(secret []byte, password string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, safe := range s.certificateSafes {
		probe, err := encodeStore(secret, nil, 1, newClearContent(newPlaceholderKeyBag()), safe)
		if err != nil {
			return nil, err
		}
		_, first, others, err := pkcs12.DecodeChain(probe, password)
		if err != nil {
			return nil, problem.Wrap(Unsupported, err, texts.Literal("an encrypted part holds something else than certificates"))
		}
		all = append(append(all, first), others...)
	}
	return all, nil
}

// decryptKeys decrypts the keys and matches them with their certificates. It skips keys without a certificate and keys
// that cannot sign. The match is by public key: local key IDs are optional and sometimes wrong.
func (s *keyStore) decryptKeys(
	certificates []*x509.Certificate, secret []byte, password string,
) ([]*x509id.Key, error) {
	if len(certificates) == 0 {
		return nil, problem.New(KeyMissing)
	}
	var keys []*x509id.Key
	for _, entry := range s.keyEntries {
		// The library requires a certificate beside the key; any will do.
		probe, err := encodeStore(secret, nil, 1, newClearContent(newCertificateBag(certificates[0]), entry.bag))
		if err != nil {
			return nil, err
		}
		private, _, _, err := pkcs12.DecodeChain(probe, password)
		if err != nil {
			return nil, problem.Wrap(Unsupported, err, texts.Literal("a key cannot be decrypted"))
		}
		if key := newKeyWithCertificate(private, entry.friendlyName, certificates); key != nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// newKeyWithCertificate returns a private key with its certificate and issuers, or nil if the key cannot sign or has no
// certificate.
func newKeyWithCertificate(private any, name string, certificates []*x509.Certificate) *x509id.Key {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil
	}
	public, ok := signer.Public().(interface {
		Equal(other crypto.PublicKey) bool
	})
	if !ok {
		return nil
	}
	index := slices.IndexFunc(certificates, func(c *x509.Certificate) bool { return public.Equal(c.PublicKey) })
	if index < 0 {
		return nil
	}
	leaf := certificates[index]
	return &x509id.Key{Signer: signer, Certificate: leaf, Chain: buildChain(leaf, certificates), Name: name}
}

// buildChain follows the issuers of leaf among the given certificates.
func buildChain(leaf *x509.Certificate, certificates []*x509.Certificate) []*x509.Certificate {
	var chain []*x509.Certificate
	for c := leaf; !x509id.HasIssued(c, c) && len(chain) < maxBags; {
		next := slices.IndexFunc(certificates, func(issuer *x509.Certificate) bool { return x509id.HasIssued(issuer, c) })
		if next < 0 || slices.Contains(chain, certificates[next]) {
			break
		}
		c = certificates[next]
		chain = append(chain, c)
	}
	return chain
}

func selectSigningKey(keys []*x509id.Key) (*x509id.Key, error) {
	// Java converts aliases to lower case, other programs do not.
	named := func(k *x509id.Key) bool { return strings.EqualFold(k.Name, SigningEntryName) }
	if i := slices.IndexFunc(keys, named); i >= 0 {
		return keys[i], nil
	}
	if i := slices.IndexFunc(keys, func(k *x509id.Key) bool { return x509id.MaySign(k.Certificate) }); i >= 0 {
		return keys[i], nil
	}
	return nil, problem.New(KeyMissing)
}
