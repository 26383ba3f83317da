package p12

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// SigningEntryName is the friendly name under which the platform stores the key for authentication and signing. The
// other entry, for decryption, has a serial number as its name.
const SigningEntryName = "authentication"

// DecodeSigningKey returns the signing key of a PKCS #12 file: the entry called "authentication", otherwise the first
// whose certificate allows signatures. Of several, and of several certificates for the same key, it is the one that is
// valid at the time now: after a renewal people keep the old pair in the same file.
//
// The file itself sets its decoding cost: it contains the iteration counts of its key derivations, up to 2^31−1. The
// library has no limit. Therefore storeParser reads the structure first, safe by safe, and adds up the cost before
// each derivation; the library only ever decodes small stores made here, with a single key whose cost has been counted.
func DecodeSigningKey(data []byte, password string, now time.Time) (*x509id.Key, error) {
	w, keys, err := decodeStore(data, password, now)
	if err != nil {
		return nil, err
	}
	return w.selectSigningKey(keys, now)
}

// DecodeKeys returns every key of a .p12 file, the one that DecodeSigningKey returns first, so that the file can be
// rewritten. It refuses a file with a key that has no certificate or cannot sign, because that key would be lost.
func DecodeKeys(data []byte, password string, now time.Time) ([]*x509id.Key, error) {
	w, keys, err := decodeStore(data, password, now)
	if err != nil {
		return nil, err
	}
	first, err := w.selectSigningKey(keys, now)
	if err != nil {
		return nil, err
	}
	if len(keys) != len(w.store.keyEntries) {
		return nil, problem.New(Unsupported, texts.Literal("a key that cannot be read, or without its certificate"))
	}
	all := []*x509id.Key{first}
	for _, key := range keys {
		if key != first {
			all = append(all, key)
		}
	}
	return all, nil
}

// DecodeReadableKeys returns the keys of a .p12 file that can be read and have a certificate, in no particular order:
// for decryption any of them may be needed, and one that is odd must not keep the others from use.
func DecodeReadableKeys(data []byte, password string, now time.Time) ([]*x509id.Key, error) {
	w, keys, err := decodeStore(data, password, now)
	if err == nil && len(keys) == 0 {
		err = w.newKeyMissingError()
	}
	return keys, err
}

// openStore parses a store and decrypts its safes, but no key.
func openStore(data []byte, password string) (w *storeParser, secret []byte, err error) {
	if w, err = parseStore(data); err != nil {
		return nil, nil, err
	}
	if secret, err = w.store.findPasswordBytes(password); err != nil {
		return nil, nil, err
	}
	for _, safe := range w.store.encryptedSafes {
		if err = w.decryptSafe(safe, secret, password); err != nil {
			return nil, nil, err
		}
	}
	return w, secret, nil
}

// decodeStore returns the keys that have a certificate.
func decodeStore(data []byte, password string, now time.Time) (*storeParser, []*x509id.Key, error) {
	w, secret, err := openStore(data, password)
	if err != nil {
		return nil, nil, err
	}
	if len(w.store.certificates) == 0 || len(w.store.keyEntries) == 0 {
		return nil, nil, w.newKeyMissingError()
	}
	keys, err := w.decryptKeys(secret, password, now)
	return w, keys, err
}

// newKeyMissingError says which half of a key is missing.
func (w *storeParser) newKeyMissingError() error {
	switch {
	case w.badKey != nil:
		return problem.Wrap(Unsupported, w.badKey,
			texts.Literal("a key cannot be decrypted, or its kind is not supported"))
	case len(w.store.keyEntries) == 0:
		return problem.New(KeyMissing, texts.Literal("it has no private key"))
	case w.badCertificate != nil:
		return problem.Wrap(KeyMissing, w.badCertificate, texts.Literal("a certificate cannot be read: "+
			strings.TrimPrefix(w.badCertificate.Error(), "x509: ")))
	case len(w.store.certificates) == 0:
		return problem.New(KeyMissing, texts.Literal("it has no certificate"))
	}
	return problem.New(KeyMissing)
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

// decryptSafe decrypts a safe and parses its entries.
//
// RC2 is in the library only. It gets such a safe behind a plaintext key: it accepts exactly one key per store and
// stops at a second one before it decrypts it, so nothing in the safe can start a derivation of its own. All known
// programs that write RC2 keep the encrypted keys outside.
func (w *storeParser) decryptSafe(safe encryptedSafe, secret []byte, password string) error {
	if safe.algorithm.newDecrypter != nil {
		plaintext, err := safe.algorithm.decryptBytes(secret, safe.ciphertext)
		if err != nil {
			return problem.Wrap(Unsupported, err, texts.Literal("an encrypted part cannot be decrypted"))
		}
		var list cryptobyte.String
		if !readSequence(plaintext, &list) {
			return newUnreadableError("an encrypted part")
		}
		return w.parseBags(list, 0)
	}
	probe, err := encodeStore(secret, nil, 1, newClearContent(newPlaceholderKeyBag()),
		newEncryptedContent(derRaw(safe.algorithmDER), safe.ciphertext))
	if err != nil {
		return err
	}
	_, first, others, err := pkcs12.DecodeChain(probe, password)
	if err != nil {
		return problem.Wrap(Unsupported, err,
			texts.Literal("a part that is encrypted with RC2 holds something else than certificates"))
	}
	for _, certificate := range append([]*x509.Certificate{first}, others...) {
		w.store.certificates = append(w.store.certificates, certificateEntry{certificate: certificate})
	}
	return nil
}

// decryptKeys decrypts the keys and matches them with their certificates. It skips keys that cannot be read, have no
// certificate or cannot sign.
func (w *storeParser) decryptKeys(secret []byte, password string, now time.Time) ([]*x509id.Key, error) {
	var keys []*x509id.Key
	for _, entry := range w.store.keyEntries {
		bag := entry.bag
		if e := entry.encryption; e != nil && !e.algorithm.inLibrary {
			plaintext, err := e.algorithm.decryptBytes(secret, e.ciphertext)
			if err != nil {
				w.badKey = err
				continue
			}
			bag = derSequence(derOID(oidKeyBag), derExplicit(derRaw(plaintext)))
		}
		// The library requires a certificate beside the key; any will do.
		certificate := newCertificateBag(w.store.certificates[0].certificate)
		probe, err := encodeStore(secret, nil, 1, newClearContent(certificate, bag))
		if err != nil {
			return nil, err
		}
		private, _, _, err := pkcs12.DecodeChain(probe, password)
		if err != nil {
			w.badKey = err
			continue
		}
		if key := w.store.newKeyWithCertificate(private, entry.entryAttributes, now); key != nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// newKeyWithCertificate returns a private key with its certificate and issuers, or nil if the key cannot sign or has no
// certificate. The match is by public key: local key IDs are optional and sometimes wrong. They decide only between
// certificates that are equally good.
func (s *keyStore) newKeyWithCertificate(private any, entry entryAttributes, now time.Time) *x509id.Key {
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
	var all []*x509.Certificate
	var best *certificateEntry
	for i := range s.certificates {
		candidate := &s.certificates[i]
		all = append(all, candidate.certificate)
		if !public.Equal(candidate.certificate.PublicKey) {
			continue
		}
		if best == nil || cmp.Or(
			compareValidity(candidate.certificate, best.certificate, now),
			compareBool(candidate.localKeyID == entry.localKeyID, best.localKeyID == entry.localKeyID),
			candidate.certificate.NotBefore.Compare(best.certificate.NotBefore),
		) > 0 {
			best = candidate
		}
	}
	if best == nil {
		return nil
	}
	leaf := best.certificate
	return &x509id.Key{
		Signer: signer, Certificate: leaf, Chain: buildChain(leaf, all),
		Name: cmp.Or(entry.friendlyName, best.friendlyName),
	}
}

// compareValidity orders certificates by whether they are valid at a time.
func compareValidity(a, b *x509.Certificate, now time.Time) int {
	isValid := func(c *x509.Certificate) bool { return !now.Before(c.NotBefore) && !now.After(c.NotAfter) }
	return compareBool(isValid(a), isValid(b))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
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

// selectSigningKey chooses among the keys that are called "authentication" and those that may sign. A valid one comes
// before a better name, but only another key of the same holder takes the place of the one called "authentication":
// nobody shall sign in another name than they believe.
func (w *storeParser) selectSigningKey(keys []*x509id.Key, now time.Time) (*x509id.Key, error) {
	// Java converts aliases to lower case, other programs do not.
	isNamed := func(k *x509id.Key) bool { return strings.EqualFold(k.Name, SigningEntryName) }
	var holder []byte
	if i := slices.IndexFunc(keys, isNamed); i >= 0 {
		holder = keys[i].Certificate.RawSubject
	}
	var best *x509id.Key
	for _, key := range keys {
		if !isNamed(key) && (!x509id.MaySign(key.Certificate) ||
			holder != nil && !bytes.Equal(holder, key.Certificate.RawSubject)) {
			continue
		}
		if best == nil || cmp.Or(
			compareValidity(key.Certificate, best.Certificate, now), compareBool(isNamed(key), isNamed(best)),
			compareExpired(key.Certificate, best.Certificate, now),
		) > 0 {
			best = key
		}
	}
	if best == nil {
		return nil, w.newKeyMissingError()
	}
	return best, nil
}

// compareExpired orders certificates that are both not valid by their end: the last one explains best what is wrong.
func compareExpired(a, b *x509.Certificate, now time.Time) int {
	if now.After(a.NotAfter) && now.After(b.NotAfter) {
		return a.NotAfter.Compare(b.NotAfter)
	}
	return 0
}
