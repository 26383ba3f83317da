package store

import (
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/register/ident"
)

const (
	insertSubject = `INSERT INTO subject (id, person, sealed, key_id) VALUES (?, ?, ?, ?)`
	insertLookup  = `INSERT INTO subject_lookup (lookup, subject) VALUES (?, ?)`
)

// establish finds a person, or else makes a subject for the number.
func (u update) establish(number ident.SSIN, remember bool) (*subject, error) {
	for {
		p, err := u.s.party(number, remember)
		if err != nil {
			return nil, err
		}
		if p != nil {
			return p.current, nil
		}
		current := u.s.currentKey
		id, keyID, err := u.s.dialect.newSubject(u.s)
		if err != nil {
			return nil, err
		}
		key, err := u.s.keys.find(keyID)
		if err != nil {
			return nil, u.s.fail(err)
		}
		if keyID != current {
			continue // the ring got a new key since the number was looked up, and maybe another program the same person
		}
		one := &subject{id: id, person: id, number: number, shown: number, key: make([]byte, personalKeySize)}
		_, _ = rand.Read(one.key) // never fails
		if err := u.s.insert(insertSubject, one.id, one.person, key.sealSubject(one), key.ID); err != nil {
			return nil, err
		}
		if err := u.s.insert(insertLookup, key.of(number.Digits()), one.id); err != nil {
			return nil, err
		}
		p = &party{current: one, all: []*subject{one}}
		u.s.add(number, p)
		if remember {
			u.s.remember(p)
		}
		return one, nil
	}
}

// colleague is how a row names a professional.
func (u update) colleague(number ident.SSIN) (int64, error) {
	if number.IsZero() {
		return 0, nil
	}
	one, err := u.establish(number, true)
	return one.reference(), err
}

// about is the subject of texts about a patient. Texts about nobody have a subject without a number; without a text
// nobody needs none.
func (u update) about(patient ident.SSIN, texts ...string) (*subject, error) {
	if patient.IsZero() && strings.Join(texts, "") == "" {
		return nil, nil
	}
	return u.establish(patient, patient.IsZero())
}

// A signer is the subject of a certificate, TYPE=id[, APPLICATION]. Where it is a person, the id gives way to that of the
// person's subject.
const (
	personalSigner = "SSIN="
	signerSubject  = personalSigner + "#"
	ssinDigits     = 11
)

// signerNumber is the number in a signer, and what follows it.
func signerNumber(signer string) (number ident.SSIN, rest string, personal bool) {
	digits, personal := strings.CutPrefix(signer, personalSigner)
	if !personal || len(digits) < ssinDigits {
		return number, "", false
	}
	number, err := ident.ParseSSIN(digits[:ssinDigits])
	return number, digits[ssinDigits:], err == nil
}

// signer is how a row names a signer.
func (u update) signer(signer string) (string, error) {
	number, rest, personal := signerNumber(signer)
	if !personal {
		return signer, nil
	}
	one, err := u.establish(number, false)
	if err != nil {
		return "", err
	}
	return signerSubject + strconv.FormatInt(one.id, 10) + rest, nil
}

// signers are the texts under which a signer can have been kept: one for each of a person's subjects.
func (v view) signers(signer string) ([]any, error) {
	number, rest, personal := signerNumber(signer)
	if !personal {
		return []any{signer}, nil
	}
	p, err := v.s.person(number)
	if err != nil || p == nil {
		return nil, err
	}
	kept := make([]any, len(p.all))
	for i, one := range p.all {
		kept[i] = signerSubject + strconv.FormatInt(one.id, 10) + rest
	}
	return kept, nil
}
