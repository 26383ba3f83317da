package auditlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Checkpoint is a signed statement of the service about the audit log: at this time, this number of rows up to LastSeq
// had this head of the hash chain. Each checkpoint refers to its predecessor.
type Checkpoint struct {
	Number       int64 // 1, 2, 3 …
	LastSeq      int64 // sequence number of the last row
	RowCount     int64 // number of rows since the first one
	Head         Hash
	SealedAt     time.Time
	KeyID        string // ID, in the key file, of the key that the signing key was derived from
	PublicKey    ed25519.PublicKey
	PreviousLink Hash // Link of the previous checkpoint, zero for the first
	// Handover is the signature by the previous checkpoint's key, if this checkpoint has another key. It is empty
	// otherwise, and if the previous key was no longer available.
	Handover  []byte
	Signature []byte
}

// SigningKey is a signing key with the ID of the key that it was derived from.
type SigningKey struct {
	KeyID      string
	PrivateKey ed25519.PrivateKey
}

// PublicKey is the public key of a signing key, with the id of the key that it is derived from.
type PublicKey struct {
	KeyID string
	Key   ed25519.PublicKey
}

// PublicKey returns the public key.
func (s SigningKey) PublicKey() ed25519.PublicKey {
	public, _ := s.PrivateKey.Public().(ed25519.PublicKey) // always succeeds for an ed25519.PrivateKey
	return public
}

// String returns the key ID only, never the key.
func (s SigningKey) String() string { return "signing key " + s.KeyID }

// GoString is String, for %#v.
func (s SigningKey) GoString() string { return s.String() }

const (
	contentDomain = "ctr audit checkpoint 1"
	linkDomain    = "ctr audit checkpoint link 1"
)

// signedContent returns the input of the signature.
func (c Checkpoint) signedContent() []byte {
	return appendFields(nil, []byte(contentDomain), formatDecimal(c.Number), formatDecimal(c.LastSeq),
		formatDecimal(c.RowCount), c.Head[:], formatTimestamp(c.SealedAt),
		[]byte(c.KeyID), c.PublicKey, c.PreviousLink[:])
}

// Link returns the hash of the whole checkpoint, which the next one contains.
func (c Checkpoint) Link() Hash {
	return sha256.Sum256(appendFields(nil, []byte(linkDomain), formatDecimal(c.Number), formatDecimal(c.LastSeq),
		formatDecimal(c.RowCount), c.Head[:], formatTimestamp(c.SealedAt),
		[]byte(c.KeyID), c.PublicKey, c.PreviousLink[:], c.Handover, c.Signature))
}

// SealCheckpoint returns the checkpoint that follows before, or the first one if before is nil, over the rows up to
// seqTo. Former is the key of the previous checkpoint, or nil if it is the same or no longer available.
func SealCheckpoint(
	before *Checkpoint, seqTo, rows int64, head Hash, at time.Time, current SigningKey, former *SigningKey,
) Checkpoint {
	c := Checkpoint{
		Number:    1,
		LastSeq:   seqTo,
		RowCount:  rows,
		Head:      head,
		SealedAt:  at.UTC().Truncate(time.Microsecond),
		KeyID:     current.KeyID,
		PublicKey: current.PublicKey(),
		Handover:  []byte{},
	}
	if before != nil {
		c.Number, c.PreviousLink = before.Number+1, before.Link()
		if former != nil && !bytes.Equal(before.PublicKey, c.PublicKey) {
			c.Handover = ed25519.Sign(former.PrivateKey, c.signedContent())
		}
	}
	c.Signature = ed25519.Sign(current.PrivateKey, c.signedContent())
	return c
}

// hasValidSignature reports whether the checkpoint is unchanged since its key signed it.
func (c Checkpoint) hasValidSignature() bool {
	return verifyEd25519(c.PublicKey, c.signedContent(), c.Signature)
}

// isHandedOverBy reports whether the owner of the former key authorised this checkpoint's key.
func (c Checkpoint) isHandedOverBy(former ed25519.PublicKey) bool {
	return verifyEd25519(former, c.signedContent(), c.Handover)
}

func verifyEd25519(public ed25519.PublicKey, message, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, message, signature)
}

// checkpointJSON is a checkpoint in the anchor file and in evidence.
type checkpointJSON struct {
	Number       int64  `json:"number"`
	LastSeq      int64  `json:"seq_to"`
	RowCount     int64  `json:"rows"`
	Head         string `json:"head"`
	SealedAt     string `json:"at"`
	KeyID        string `json:"key_id"`
	PublicKey    []byte `json:"public_key"`
	PreviousLink string `json:"previous"`
	Handover     []byte `json:"handover"`
	Signature    []byte `json:"signature"`
}

// MarshalJSON encodes the checkpoint as a line of the anchor file: hashes in hexadecimal, keys and signatures in
// base64.
func (c Checkpoint) MarshalJSON() ([]byte, error) {
	nonNil := func(b []byte) []byte { // never null
		if b == nil {
			return []byte{}
		}
		return b
	}
	return json.Marshal(checkpointJSON{
		Number:       c.Number,
		LastSeq:      c.LastSeq,
		RowCount:     c.RowCount,
		Head:         hex.EncodeToString(c.Head[:]),
		SealedAt:     string(formatTimestamp(c.SealedAt)),
		KeyID:        c.KeyID,
		PublicKey:    nonNil(c.PublicKey),
		PreviousLink: hex.EncodeToString(c.PreviousLink[:]),
		Handover:     nonNil(c.Handover),
		Signature:    nonNil(c.Signature),
	})
}

var errNotCheckpoint = errors.New("not a checkpoint")

// ParseCheckpoint parses a line of the anchor file. A checkpoint has exactly one encoding; any other is refused.
func ParseCheckpoint(data []byte) (Checkpoint, error) {
	c, err := parseCheckpointJSON(data)
	if err != nil {
		return c, err
	}
	reencoded, err := json.Marshal(c)
	if err != nil || !bytes.Equal(reencoded, data) {
		return Checkpoint{}, fmt.Errorf("%w in the one form that it has", errNotCheckpoint)
	}
	return c, nil
}

func parseCheckpointJSON(data []byte) (Checkpoint, error) {
	var l checkpointJSON
	if err := json.Unmarshal(data, &l); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errNotCheckpoint, err)
	}
	c := Checkpoint{
		Number:    l.Number,
		LastSeq:   l.LastSeq,
		RowCount:  l.RowCount,
		KeyID:     l.KeyID,
		PublicKey: l.PublicKey,
		Handover:  l.Handover,
		Signature: l.Signature,
	}
	var err error
	if c.SealedAt, err = time.Parse(TimestampLayout, l.SealedAt); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errNotCheckpoint, err)
	}
	if !parseHash(&c.Head, l.Head) || !parseHash(&c.PreviousLink, l.PreviousLink) {
		return Checkpoint{}, fmt.Errorf("%w: a hash", errNotCheckpoint)
	}
	return c, nil
}

func parseHash(hash *Hash, text string) bool {
	decoded, err := hex.DecodeString(text)
	return err == nil && copy(hash[:], decoded) == len(hash) && len(decoded) == len(hash)
}

// UnmarshalJSON decodes what MarshalJSON encodes.
func (c *Checkpoint) UnmarshalJSON(data []byte) (err error) {
	*c, err = parseCheckpointJSON(data)
	return err
}
