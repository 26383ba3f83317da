package cms

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the default of OAEP, where it is safe
	"crypto/sha256"
	"crypto/subtle"
	"encoding/asn1"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/ber"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// envelopedData is an EnvelopedData (RFC 5652 section 6) before decryption.
type envelopedData struct {
	recipients ber.Element
	cipher     contentCipher
	iv         []byte
	ciphertext []byte
}

// contentCipher is AES in CBC mode.
type contentCipher struct {
	id       asn1.ObjectIdentifier
	keyBytes int
}

var contentCiphers = []contentCipher{
	{oidAES128CBC, 16},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}, 24},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, 32},
}

// wrapCiphers are the algorithms of AES key wrap, with the length of the key encryption key.
var wrapCiphers = []contentCipher{
	{oidAES128Wrap, 16},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 25}, 24},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 45}, 32},
}

const envelope = "the encrypted part"

// parseEnvelopedData takes an EnvelopedData apart: SEQUENCE { version, [0] originatorInfo OPTIONAL, recipientInfos,
// encryptedContentInfo, [1] unprotectedAttrs OPTIONAL }. It joins the ciphertext in place.
func parseEnvelopedData(data []byte) (*envelopedData, error) {
	fields, ok := readContentInfo(data, oidEnvelopedData)
	if !ok || len(fields) < 3 || fields[0].Tag != tags.INTEGER {
		return nil, newUnreadableError(envelope)
	}
	fields = fields[1:]
	if fields[0].Tag == tag0Constructed {
		fields = fields[1:]
	}
	if len(fields) < 2 || fields[0].Tag != tags.SET || fields[1].Tag != tags.SEQUENCE {
		return nil, newUnreadableError(envelope)
	}
	e := &envelopedData{recipients: fields[0]}
	info, ok := fields[1].Children(3)
	if !ok || len(info) != 3 || !isOID(info[0], oidData) || info[2].Tag&^0x20 != tag0 {
		return nil, newUnreadableError(envelope)
	}
	if err := e.parseCipher(info[1]); err != nil {
		return nil, err
	}
	if e.ciphertext, ok = info[2].JoinOctets(); !ok || len(e.ciphertext) == 0 || len(e.ciphertext)%aes.BlockSize != 0 {
		return nil, newUnreadableError(envelope)
	}
	return e, nil
}

// parseCipher reads the algorithm of the content.
func (e *envelopedData) parseCipher(from ber.Element) error {
	a, ok := parseAlgorithm(from)
	if !ok {
		return newUnreadableError(envelope)
	}
	for _, known := range contentCiphers {
		if known.id.Equal(a.id) {
			e.cipher = known
		}
	}
	if e.cipher.keyBytes == 0 {
		return newUnsupportedError(envelope + ": cipher " + a.id.String())
	}
	if !a.parameters.ReadASN1Bytes(&e.iv, tags.OCTET_STRING) || len(e.iv) != aes.BlockSize {
		return newUnreadableError(envelope)
	}
	return nil
}

// recipient is the entry of a recipient for whom the reader has the key.
type recipient struct {
	key          *x509id.Key       // of a known recipient
	kek          *KeyEncryptionKey // of an unknown one
	algorithm    algorithm
	encryptedKey []byte
}

// findRecipient returns the first entry for one of the opener's keys. Entries of other kinds and for others are passed
// over.
func (o *Opener) findRecipient(set ber.Element) (recipient, error) {
	rest := set.Content
	for n := 0; len(rest) > 0; n++ {
		e, after, ok := ber.Read(rest)
		if !ok {
			return recipient{}, newUnreadableError(envelope + ": a recipient")
		}
		if n == maxRecipients {
			return recipient{}, problem.New(TooLarge, problem.DetailAtMost.With(maxRecipients))
		}
		rest = after
		var r recipient
		switch e.Tag {
		case tags.SEQUENCE:
			r, ok = o.matchKnown(e)
		case tag2Constructed:
			r, ok = o.matchUnknown(e)
		default: // of another kind
		}
		if !ok {
			return recipient{}, newUnreadableError(envelope + ": a recipient")
		}
		if r.encryptedKey != nil {
			return r, nil
		}
	}
	return recipient{}, problem.New(NotAddressed)
}

// matchKnown reads KeyTransRecipientInfo ::= SEQUENCE { version, rid, keyEncryptionAlgorithm, encryptedKey }. It
// returns an empty recipient if the entry is for somebody else, and false if it cannot be read.
func (o *Opener) matchKnown(e ber.Element) (r recipient, ok bool) {
	der, ok := toDER(e)
	var fields cryptobyte.String
	var version int
	if !ok || !der.ReadASN1(&fields, tags.SEQUENCE) || !fields.ReadASN1Integer(&version) {
		return recipient{}, false
	}
	name, ok := readCertificateName(&fields)
	if !ok {
		return recipient{}, false
	}
	for _, key := range o.Keys {
		if _, isRSA := key.Signer.(*rsa.PrivateKey); isRSA && name.matches(key.Certificate) {
			r.key = key
		}
	}
	if r.key == nil {
		return recipient{}, true
	}
	r.algorithm, ok = readAlgorithm(&fields)
	ok = ok && fields.ReadASN1Bytes(&r.encryptedKey, tags.OCTET_STRING)
	return r, ok
}

// matchUnknown reads KEKRecipientInfo ::= [2] SEQUENCE { version, kekid SEQUENCE { keyIdentifier, ... },
// keyEncryptionAlgorithm, encryptedKey }, like matchKnown.
func (o *Opener) matchUnknown(e ber.Element) (r recipient, ok bool) {
	der, ok := toDER(e)
	var fields, name cryptobyte.String
	var id []byte
	var version int
	if !ok || !der.ReadASN1(&fields, tag2Constructed) || !fields.ReadASN1Integer(&version) ||
		!fields.ReadASN1(&name, tags.SEQUENCE) || !name.ReadASN1Bytes(&id, tags.OCTET_STRING) {
		return recipient{}, false
	}
	for i := range o.KEKs {
		if bytes.Equal(o.KEKs[i].ID, id) {
			r.kek = &o.KEKs[i]
		}
	}
	if r.kek == nil {
		return recipient{}, true
	}
	r.algorithm, ok = readAlgorithm(&fields)
	ok = ok && fields.ReadASN1Bytes(&r.encryptedKey, tags.OCTET_STRING)
	return r, ok
}

// decryptKey decrypts the content key into key, which holds a random one: if something is wrong with the encrypted key,
// the random one stays, and nobody learns that (RFC 3218 section 2.3.2). Its error is about the algorithm only, which
// is public.
func (r recipient) decryptKey(key []byte) error {
	if r.kek != nil {
		for _, known := range wrapCiphers {
			if known.id.Equal(r.algorithm.id) && known.keyBytes == len(r.kek.Key) {
				block, err := aes.NewCipher(r.kek.Key)
				if err != nil {
					return fmt.Errorf("cms: %w", err)
				}
				unwrapKey(block, r.encryptedKey, key)
				return nil
			}
		}
		return newUnsupportedError(envelope + ": key wrap " + r.algorithm.id.String())
	}
	private, ok := r.key.Signer.(*rsa.PrivateKey)
	switch {
	case !ok:
		return newUnsupportedError(envelope + ": a key that is not RSA")
	case r.algorithm.id.Equal(oidRSA):
		//nolint:staticcheck // what the platform writes; see decision 0058
		_ = rsa.DecryptPKCS1v15SessionKey(nil, private, r.encryptedKey, key)
		return nil
	case r.algorithm.id.Equal(oidRSAOAEP):
		return r.decryptOAEP(private, key)
	}
	return newUnsupportedError(envelope + ": key transport " + r.algorithm.id.String())
}

// decryptOAEP reads RSAES-OAEP-params ::= SEQUENCE { [0] hash DEFAULT SHA-1, [1] mask generation, … }, of which the
// hash functions must agree, and decrypts with them.
func (r recipient) decryptOAEP(private *rsa.PrivateKey, key []byte) error {
	var list, hashDER cryptobyte.String
	var isGiven bool
	parameters := r.algorithm.parameters
	if !parameters.ReadASN1(&list, tags.SEQUENCE) || !list.ReadOptionalASN1(&hashDER, &isGiven, tag0Constructed) {
		return newUnsupportedError(envelope + ": the parameters of OAEP")
	}
	newHash := sha1.New
	if isGiven {
		if a, ok := readAlgorithm(&hashDER); !ok || !a.id.Equal(oidSHA256) {
			return newUnsupportedError(envelope + ": the hash function of OAEP")
		}
		newHash = sha256.New
	}
	found, err := rsa.DecryptOAEP(newHash(), nil, private, r.encryptedKey, nil)
	if err == nil && len(found) == len(key) {
		copy(key, found)
	}
	return nil
}

// decrypt decrypts the content in place. Whatever is wrong with a key or the padding, it returns some bytes, and 0
// instead of 1: the caller goes on alike, and refuses at the end.
func (e *envelopedData) decrypt(r recipient, random io.Reader) (content []byte, isRight int, err error) {
	key := make([]byte, e.cipher.keyBytes)
	if _, err = io.ReadFull(random, key); err != nil {
		return nil, 0, fmt.Errorf("cms: randomness: %w", err)
	}
	if err = r.decryptKey(key); err != nil {
		return nil, 0, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, 0, fmt.Errorf("cms: %w", err)
	}
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(e.ciphertext, e.ciphertext)
	padding, isRight := measurePadding(e.ciphertext)
	return e.ciphertext[:len(e.ciphertext)-padding], isRight, nil
}

// measurePadding returns the length of the padding (RFC 5652 section 6.3) and 1, or 0 and 0 if it is wrong, in a time
// that does not depend on the plaintext.
func measurePadding(plaintext []byte) (length, isRight int) {
	last := plaintext[len(plaintext)-1]
	isRight = subtle.ConstantTimeLessOrEq(1, int(last)) & subtle.ConstantTimeLessOrEq(int(last), aes.BlockSize)
	for i := 1; i <= aes.BlockSize; i++ {
		isOutside := 1 ^ subtle.ConstantTimeLessOrEq(i, int(last))
		isRight &= isOutside | subtle.ConstantTimeByteEq(plaintext[len(plaintext)-i], last)
	}
	return subtle.ConstantTimeSelect(isRight, int(last), 0), isRight
}
