package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/store/engine"
)

// CurrentKeyID returns the id of the key that seals persons and signs the audit log.
func CurrentKeyID(tx *engine.Tx) (string, error) {
	var id string
	found, err := tx.SelectRow(&id, `SELECT key_id FROM current_key WHERE id = 1`)
	if err == nil && !found {
		err = tx.RecordError(errNoCurrentKey)
	}
	return id, err
}

// SigningKeys returns the current signing key and, when the last checkpoint has another one, that one unless it was
// retired.
func (tx *Tx) SigningKeys(last *auditlog.Checkpoint) (current auditlog.SigningKey, former *auditlog.SigningKey,
	err error) {
	id, err := CurrentKeyID(tx.Tx)
	if err != nil {
		return current, nil, err
	}
	key, err := tx.ring.findKey(id)
	if err != nil {
		return current, nil, tx.RecordError(err)
	}
	if current, err = key.deriveSigner(); err != nil || last == nil || last.KeyID == id {
		return current, nil, err
	}
	if key = tx.ring.cachedKey(last.KeyID); key == nil { // retired
		return current, nil, nil
	}
	signer, err := key.deriveSigner()
	return current, &signer, err
}

// deriveSigner derives the signing key from a key of the ring.
func (k *ringKey) deriveSigner() (auditlog.SigningKey, error) {
	seed, err := hkdf.Key(sha256.New, k.Secret, nil, "ctr service signature", ed25519.SeedSize)
	if err != nil {
		return auditlog.SigningKey{}, fmt.Errorf("derive a key: %w", err)
	}
	return auditlog.SigningKey{KeyID: k.ID, PrivateKey: ed25519.NewKeyFromSeed(seed)}, nil
}

// PublicKeys returns the public keys for all keys of the key file: first the one that signs now, then the others,
// newest first.
func (k Keys) PublicKeys(ctx context.Context) ([]auditlog.PublicKey, error) {
	var current auditlog.SigningKey
	err := k.db.Read(ctx, func(tx *Tx) (err error) {
		current, _, err = tx.SigningKeys(nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := []auditlog.PublicKey{{KeyID: current.KeyID, Key: current.PublicKey()}}
	for _, key := range k.db.ring.allKeys() {
		signer, err := key.deriveSigner()
		if err != nil {
			return nil, err
		}
		if key.ID != current.KeyID {
			all = append(all, auditlog.PublicKey{KeyID: key.ID, Key: signer.PublicKey()})
		}
	}
	return all, nil
}

// Sign signs a statement by the service with the current signing key.
func (k Keys) Sign(ctx context.Context, statement []byte) ([]byte, auditlog.PublicKey, error) {
	var current auditlog.SigningKey
	err := k.db.Read(ctx, func(tx *Tx) (err error) {
		current, _, err = tx.SigningKeys(nil)
		return err
	})
	if err != nil {
		return nil, auditlog.PublicKey{}, err
	}
	return ed25519.Sign(current.PrivateKey, statement), auditlog.PublicKey{KeyID: current.KeyID,
		Key: current.PublicKey()}, nil
}
