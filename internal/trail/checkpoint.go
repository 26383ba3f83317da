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

// Checkpoint is a signed statement of the service about the audit trail: at this instant, so many rows up to this one had
// this hash. Each one names the one before.
type Checkpoint struct {
	Number   int64 // 1, 2, 3 …
	SeqTo    int64 // the last row
	Rows     int64 // from the first row on
	Head     Hash
	At       time.Time
	KeyID    string // the key of the key file from which the signing key was derived
	Public   ed25519.PublicKey
	Previous Hash // Link of the checkpoint before, zero for the first
	// Handover is the signature of the key that signed the checkpoint before, when this one has another key. It is empty
	// otherwise, and when that key was not there any more.
	Handover  []byte
	Signature []byte
}

// Signer is a signing key, under the name of the key that it was derived from.
type Signer struct {
	KeyID string
	Key   ed25519.PrivateKey
}

// Public is the public key.
func (s Signer) Public() ed25519.PublicKey {
	public, _ := s.Key.Public().(ed25519.PublicKey) // which an ed25519.PrivateKey has
	return public
}

// String tells the name alone.
func (s Signer) String() string { return "signing key " + s.KeyID }

// GoString is String, for %#v.
func (s Signer) GoString() string { return s.String() }

const (
	contentTag = "ctr audit checkpoint 1"
	linkTag    = "ctr audit checkpoint link 1"
)

// content is what is signed.
func (c Checkpoint) content() []byte {
	return encode(nil, []byte(contentTag), decimal(c.Number), decimal(c.SeqTo), decimal(c.Rows), c.Head[:], instant(c.At),
		[]byte(c.KeyID), c.Public, c.Previous[:])
}

// Link is what the next checkpoint says of this one: a hash of all of it.
func (c Checkpoint) Link() Hash {
	return sha256.Sum256(encode(nil, []byte(linkTag), decimal(c.Number), decimal(c.SeqTo), decimal(c.Rows), c.Head[:], instant(c.At),
		[]byte(c.KeyID), c.Public, c.Previous[:], c.Handover, c.Signature))
}

// Seal makes the checkpoint that follows another one, or the first, over the rows up to one of them. Former is the key
// of the checkpoint before, or nil when it is the same or not there any more.
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

// isSigned reports whether the checkpoint is as whoever has its key signed it.
func (c Checkpoint) isSigned() bool { return verify(c.Public, c.content(), c.Signature) }

// isHandedOver reports whether the owner of another key agreed to this one.
func (c Checkpoint) isHandedOver(former ed25519.PublicKey) bool {
	return verify(former, c.content(), c.Handover)
}

func verify(public ed25519.PublicKey, message, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, message, signature)
}

// line is a checkpoint in the anchor file and in evidence.
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

// MarshalJSON writes the checkpoint as a line of the anchor file has it: hashes in hexadecimal, keys and signatures in
// base64.
func (c Checkpoint) MarshalJSON() ([]byte, error) {
	octets := func(b []byte) []byte { // never null
		if b == nil {
			return []byte{}
		}
		return b
	}
	return json.Marshal(line{Number: c.Number, SeqTo: c.SeqTo, Rows: c.Rows, Head: hex.EncodeToString(c.Head[:]), At: string(instant(c.At)),
		KeyID: c.KeyID, Public: octets(c.Public), Previous: hex.EncodeToString(c.Previous[:]), Handover: octets(c.Handover),
		Signature: octets(c.Signature)})
}

var errLine = errors.New("not a checkpoint")

// ParseCheckpoint reads a line of the anchor file. There is one way to write a checkpoint: any other octets are refused.
func ParseCheckpoint(octets []byte) (Checkpoint, error) {
	var l line
	if err := json.Unmarshal(octets, &l); err != nil {
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
	again, err := json.Marshal(c)
	if err != nil || !bytes.Equal(again, octets) {
		return Checkpoint{}, fmt.Errorf("%w in the one form that it has", errLine)
	}
	return c, nil
}

func parseHash(hash *Hash, text string) bool {
	octets, err := hex.DecodeString(text)
	return err == nil && copy(hash[:], octets) == len(hash) && len(octets) == len(hash)
}
