package identity

import (
	"crypto/rand"
	"encoding/binary"
)

// Purpose is the role in which a pseudonym stands for a person. A person has another pseudonym for each purpose, and
// nothing in the database joins them: else anybody could look up the public number of a doctor, and find the implants
// that the doctor carries.
type Purpose string

// The purposes. A patient's pseudonym also stands for texts without a person.
const (
	Patient      Purpose = "patient"
	Professional Purpose = "professional" // in practices, roles, mandates and relations, and in notifications
	Caller       Purpose = "caller"       // who signed or acted
)

// AllPurposes returns the purposes.
func AllPurposes() []Purpose { return []Purpose{Patient, Professional, Caller} }

// firstRandomID is the lowest random id. Registers that were created before there were purposes also have lower ids,
// which were counted and stood for a person in every role; they now are ids of patients. Ids have at most 53 bits, so
// that every reader of JSON keeps them.
const firstRandomID = int64(1) << 52

// newRandomID returns an id that tells nothing about when it was given: ids that were counted could be joined by their
// order.
func newRandomID() int64 {
	var bits [8]byte
	_, _ = rand.Read(bits[:]) // never fails
	return firstRandomID | int64(binary.BigEndian.Uint64(bits[:])>>12)
}
