package trail

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
	Number   int64 // 1, 2, 3 …
	SeqTo    int64 // sequence number of the last row
	Rows     int64 // number of rows since the first one
	Head     Hash
	At       time.Time
	KeyID    string // ID, in the key file, of the key that the signing key was derived from
	Public   ed25519.PublicKey
	Previous Hash // Link of the previous checkpoint, zero for the first
	// Handover is the signature by the previous checkpoint's key, if this checkpoint has another key. It is empty
	// otherwise, and if the previous key was no longer available.
	Handover  []byte
	Signature []byte
}

// SigningKey is a signing key with the ID of the key that it was derived from.
type Signer struct {
	KeyID string
	Key   ed25519.PrivateKey
}

// PublicKey returns the public key.
func (s Signer) Public() ed25519.PublicKey {
	public, _ := s.Key.Public().(ed25519.PublicKey) // always succeeds for an ed25519.PrivateKey
	return public
}

// String returns the key ID only, never the key.
func (s Signer) String() string { return "signing key " + s.KeyID }

// GoString is String, for %#v.
func (s Signer) GoString() string { return s.String() }

const (
	contentTag = "ctr audit checkpoint 1"
	linkTag    = "ctr audit checkpoint link 1"
)

// signedContent returns the input of the signature.
func (c Checkpoint) content() []byte {
	return encode(nil, []byte(contentTag), decimal(c.Number), decimal(c.SeqTo), decimal(c.Rows), c.Head[:], instant(c.At),
		[]byte(c.KeyID), c.Public, c.Previous[:])
}

// Link returns the hash of the whole checkpoint, which the next one contains.
func (c Checkpoint) Link() Hash {
	return sha256.Sum256(encode(nil, []byte(linkTag), decimal(c.Number), decimal(c.SeqTo), decimal(c.Rows), c.Head[:], instant(c.At),
		[]byte(c.KeyID), c.Public, c.Previous[:], c.Handover, c.Signature))
}

// SealCheckpoint returns the checkpoint that follows before, or the first one if before is nil, over the rows up to
// seqTo. Former is the key of the previous checkpoint, or nil if it is the same or no longer available.
func Seal(before *Checkpoint, seqTo, rows int64, head Hash, at time.Time, current Signer, former *Signer) Checkpoint {
	c := Checkpoint{Number: 1, SeqTo: seqTo, Rows: rows, Head: head, At: at.UTC().Truncate(time.Microsecond), KeyID: current.KeyID,
		Public: current.Public(), Handover: []byte{}}
	if before != nil {
		c.Number, c.Previous = before.Number+1, before.Link()
		if former != nil && !bytes.Equal(before.Public, c.Public) {
			c.Handover = ed25519.Sign(former.Key, c.content())
		}
	}
	c.Signature = ed25519.Sign(current.Key, c.content())
	return c
}

// hasValidSignature reports whether the checkpoint is unchanged since its key signed it.
func (c Checkpoint) isSigned() bool { return verify(c.Public, c.content(), c.Signature) }

// isHandedOverBy reports whether the owner of the former key authorised this checkpoint's key.
func (c Checkpoint) isHandedOver(former ed25519.PublicKey) bool {
	return verify(former, c.content(), c.Handover)
}

func verify(public ed25519.PublicKey, message, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, message, signature)
}

// checkpointJSON is a checkpoint in the anchor file and in evidence.
type line struct {
	Number    int64  `json:"number"`
	SeqTo     int64  `json:"seq_to"`
	Rows      int64  `json:"rows"`
	Head      string `json:"head"`
	At        string `json:"at"`
	KeyID     string `json:"key_id"`
	Public    []byte `json:"public_key"`
	Previous  string `json:"previous"`
	Handover  []byte `json:"handover"`
	Signature []byte `json:"signature"`
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
	return json.Marshal(line{Number: c.Number, SeqTo: c.SeqTo, Rows: c.Rows, Head: hex.EncodeToString(c.Head[:]), At: string(instant(c.At)),
		KeyID: c.KeyID, Public: nonNil(c.Public), Previous: hex.EncodeToString(c.Previous[:]), Handover: nonNil(c.Handover),
		Signature: nonNil(c.Signature)})
}

var errLine = errors.New("not a checkpoint")

// ParseCheckpoint parses a line of the anchor file. A checkpoint has exactly one encoding; any other is refused.
func ParseCheckpoint(data []byte) (Checkpoint, error) {
	var l line
	if err := json.Unmarshal(data, &l); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errLine, err)
	}
	c := Checkpoint{Number: l.Number, SeqTo: l.SeqTo, Rows: l.Rows, KeyID: l.KeyID, Public: l.Public, Handover: l.Handover, Signature: l.Signature}
	var err error
	if c.At, err = time.Parse(InstantForm, l.At); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", errLine, err)
	}
	if !parseHash(&c.Head, l.Head) || !parseHash(&c.Previous, l.Previous) {
		return Checkpoint{}, fmt.Errorf("%w: a hash", errLine)
	}
	reencoded, err := json.Marshal(c)
	if err != nil || !bytes.Equal(reencoded, data) {
		return Checkpoint{}, fmt.Errorf("%w in the one form that it has", errLine)
	}
	return c, nil
}

func parseHash(hash *Hash, text string) bool {
	decoded, err := hex.DecodeString(text)
	return err == nil && copy(hash[:], decoded) == len(hash) && len(decoded) == len(hash)
}
