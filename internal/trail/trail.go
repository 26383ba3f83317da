// Package trail makes the audit trail tamper-evident: it says how rows become a chain of hashes, how a checkpoint over the
// chain is signed, and how one finds out whether anything was changed, left out, added or cut off since.
//
// It is separate because a stranger must be able to write another verifier from docs/audit.md alone, and compare it with
// this one: it knows neither the database nor the domain. The store gives it rows and checkpoints, and keeps what it makes.
//
// Specifications: FIPS 180-4 (SHA-256), RFC 8032 (Ed25519). The rest is our own and stands in docs/audit.md.
package trail

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// InstantForm is how an instant is written wherever it is hashed or signed: UTC, in microseconds.
const InstantForm = "2006-01-02T15:04:05.000000Z"

// Row is a row of the table audit as a verifier sees it.
type Row struct {
	Seq  int64
	At   string // only to say when
	Hash Hash
}

// HashRow is the hash of a row: of its columns as they are kept, in the documented order. Numbers are decimal, instants in
// InstantForm.
func HashRow(columns ...[]byte) Hash { return sha256.Sum256(encode(nil, columns...)) }

// Next is the head of the chain after a row. The head before the first row is all zero. The chain is made of the hashes of
// the rows, not of the rows, so that it can be shown for one row without showing the others.
func (head Hash) Next(row Hash) Hash {
	var both [2 * sha256.Size]byte
	copy(both[:], head[:])
	copy(both[sha256.Size:], row[:])
	return sha256.Sum256(both[:])
}

// encode appends every field after its length, four bytes big-endian: no two lists of fields are the same octets.
func encode(dst []byte, fields ...[]byte) []byte {
	for _, field := range fields {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(field))) //nolint:gosec // no column holds four gigabytes
		dst = append(dst, field...)
	}
	return dst
}

func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

func instant(t time.Time) []byte { return t.UTC().AppendFormat(nil, InstantForm) }
