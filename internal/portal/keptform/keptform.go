// Package keptform decides which forms the portal keeps for people whose session ended while they typed.
//
// It is separate because a form that arrives without a session comes from anybody: what may be stored for such a
// request is decided here, in one place, before anything is stored. New is the entry point.
package keptform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

const (
	// MaxTime bounds how long a form waits for its author to sign in again.
	MaxTime = 15 * time.Minute
	// MaxBytes bounds a form that is kept, encoded: fifty implants with every field filled.
	MaxBytes = 128 << 10
	// maxFormsOfAuthor bounds the forms of one author that wait, and maxTotalBytes those of all authors together.
	maxFormsOfAuthor = 4
	maxTotalBytes    = 32 << 20
	// maxForms bounds the forms that wait, however small they are.
	maxForms = 4096
	// maxMarkAge bounds how long after it was shown a form is kept: a page may stay open over a weekend.
	maxMarkAge = 7 * 24 * time.Hour
)

// author is whose form it is, without the person's number.
type author [16]byte

// waitingForm is a form that was kept, until it is too old to be shown.
type waitingForm struct {
	author    author
	size      int
	expiresAt time.Time
}

// Keeper marks the forms of the people who signed in, and decides which of them are kept.
type Keeper struct {
	secret []byte
	now    func() time.Time

	mutex    sync.Mutex
	waiting  []waitingForm // the oldest first
	byAuthor map[author]int
	bytes    int
}

// New returns a Keeper. Services with the same secret accept the marks of each other.
func New(secret string, now func() time.Time) *Keeper {
	return &Keeper{secret: []byte(secret), now: now, byAuthor: map[author]int{}}
}

func (k *Keeper) hash(purpose string, data []byte) (sum author) {
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte(purpose + "\x00"))
	h.Write(data)
	copy(sum[:], h.Sum(nil))
	return sum
}

func (k *Keeper) authorOf(person string) author { return k.hash("author", []byte(person)) }

// days returns the day of the mark of a form that is shown now.
func (k *Keeper) days() uint32 {
	return uint32(k.now().Unix() / (24 * 60 * 60)) //nolint:gosec // until the year 11 million
}

// Mark returns the mark of a form that is shown to a person: whose it is, the day, and a proof that the portal made it.
func (k *Keeper) Mark(person string) string {
	who := k.authorOf(person)
	mark := binary.BigEndian.AppendUint32(who[:], k.days())
	proof := k.hash("mark", mark)
	return base64.RawURLEncoding.EncodeToString(append(mark, proof[:]...))
}

// parse returns the author of a mark that the portal made lately.
func (k *Keeper) parse(mark string) (who author, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(mark)
	if err != nil || len(data) != 2*len(who)+4 {
		return who, false
	}
	signed, proof := data[:len(who)+4], data[len(who)+4:]
	want := k.hash("mark", signed)
	if !hmac.Equal(proof, want[:]) {
		return who, false
	}
	const maxDays = uint32(maxMarkAge / (24 * time.Hour))
	shown := binary.BigEndian.Uint32(signed[len(who):])
	copy(who[:], signed)
	return who, shown <= k.days() && k.days()-shown <= maxDays
}

// IsOurs reports whether a form with this mark was shown, to whoever had signed in.
func (k *Keeper) IsOurs(mark string) bool {
	_, ok := k.parse(mark)
	return ok
}

// IsOf reports whether a form with this mark was shown to the person.
func (k *Keeper) IsOf(mark, person string) bool {
	who, ok := k.parse(mark)
	return ok && who == k.authorOf(person)
}

// Admit reports whether a form that came without a session may be kept, and counts it until it is too old. It may not
// if the portal never showed it to somebody who had signed in, if it is too large, or if too much waits already.
func (k *Keeper) Admit(mark string, size int) bool {
	who, ok := k.parse(mark)
	if !ok || size > MaxBytes {
		return false
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.forgetOld()
	if k.byAuthor[who] >= maxFormsOfAuthor || k.bytes+size > maxTotalBytes || len(k.waiting) >= maxForms {
		return false
	}
	k.waiting = append(k.waiting, waitingForm{who, size, k.now().Add(MaxTime)})
	k.byAuthor[who]++
	k.bytes += size
	return true
}

func (k *Keeper) forgetOld() {
	now, old := k.now(), 0
	for _, form := range k.waiting {
		if form.expiresAt.After(now) {
			break
		}
		old++
		k.bytes -= form.size
		if k.byAuthor[form.author]--; k.byAuthor[form.author] == 0 {
			delete(k.byAuthor, form.author)
		}
	}
	k.waiting = slices.Delete(k.waiting, 0, old)
}
