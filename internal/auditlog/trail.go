// Package auditlog makes the audit log tamper-evident: it defines how rows form a hash chain, how a checkpoint over the
// chain is signed, and how a verifier detects whether anything was changed, omitted, inserted or truncated since.
//
// It is a package of its own so that an outsider can write another verifier from docs/audit.md alone and compare it
// with this one: it depends neither on the database nor on the domain. The store supplies rows and checkpoints, and
// stores the new checkpoints.
//
// Specifications: FIPS 180-4 (SHA-256), RFC 8032 (Ed25519). The rest is defined in docs/audit.md.
package auditlog

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// TimestampLayout is the format of times wherever they are hashed or signed: UTC, in microseconds.
const TimestampLayout = "2006-01-02T15:04:05.000000Z"

// Row is a row of the table audit, reduced to what a verifier needs.
type Row struct {
	Seq       int64
	Timestamp string // when it was written, in TimestampLayout
	Hash      Hash
	// Correlation and Content identify the row in a journal: Content is the hash of the columns after seq.
	Correlation string
	Content     Hash
}

// HashRow returns the hash of a row: of its stored columns, in the documented order. Numbers are decimal, times in
// TimestampLayout.
func HashRow(columns ...[]byte) Hash { return sha256.Sum256(appendFields(nil, columns...)) }

// Next returns the head of the chain after a row. The head before the first row is zero. The chain links the hashes of
// the rows, not the rows themselves, so that one row can be proved without disclosing the others.
func (head Hash) Next(row Hash) Hash {
	var both [2 * sha256.Size]byte
	copy(both[:], head[:])
	copy(both[sha256.Size:], row[:])
	return sha256.Sum256(both[:])
}

// appendFields appends every field after its length, four bytes big-endian, so that different lists of fields have
// different encodings.
func appendFields(dst []byte, fields ...[]byte) []byte {
	for _, field := range fields {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(field))) //nolint:gosec // no column holds four gigabytes
		dst = append(dst, field...)
	}
	return dst
}

func formatDecimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

func formatTimestamp(t time.Time) []byte { return t.UTC().AppendFormat(nil, TimestampLayout) }
