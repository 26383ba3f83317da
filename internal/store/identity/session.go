package identity

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// deriveSessionAEAD derives the key that seals the sessions of the portal.
func (k *ringKey) deriveSessionAEAD() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.Secret, nil, "ctr portal session", keySecretSize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return newAEAD(key)
}

// SealSession seals a session of the portal with the current key, and binds it to its place in the database.
func (tx *Tx) SealSession(data []byte, place string) (keyID string, sealed []byte, err error) {
	if keyID, err = CurrentKeyID(tx.Tx); err != nil {
		return "", nil, err
	}
	key, err := tx.ring.findKey(keyID)
	if err != nil {
		return "", nil, tx.RecordError(err)
	}
	aead, err := key.deriveSessionAEAD()
	if err != nil {
		return "", nil, tx.RecordError(err)
	}
	return keyID, sealBytes(aead, data, place), nil
}

// OpenSession opens what SealSession sealed. It returns false when the key was retired since, which ends the session.
func (tx *Tx) OpenSession(keyID string, sealed []byte, place string) ([]byte, bool, error) {
	key := tx.ring.cachedKey(keyID)
	if key == nil { // another node may have added it
		if err := tx.ring.loadFile(); err != nil {
			return nil, false, tx.RecordError(err)
		}
		if key = tx.ring.cachedKey(keyID); key == nil {
			return nil, false, nil
		}
	}
	aead, err := key.deriveSessionAEAD()
	if err != nil {
		return nil, false, tx.RecordError(err)
	}
	data, err := openBytes(aead, sealed, place)
	if err != nil {
		return nil, false, tx.RecordError(fmt.Errorf("a session of the portal does not open: %w", err))
	}
	return data, true, nil
}
