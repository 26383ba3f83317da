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

// findOrCreate returns the current pseudonym of a person, and creates one for an SSIN that the register does not know.
func (w update) establish(ssin ident.SSIN, remember bool) (*subject, error) {
	for {
		p, err := w.s.party(ssin, remember)
		if err != nil {
			return nil, err
		}
		if p != nil {
			return p.current, nil
		}
		current := w.s.currentKey
		id, keyID, err := w.s.dialect.newSubject(w.s)
		if err != nil {
			return nil, err
		}
		key, err := w.s.keys.find(keyID)
		if err != nil {
			return nil, w.s.fail(err)
		}
		if keyID != current {
			// The key ring has a new key since the lookup, and another program may have created the same person under it.
			continue
		}
		created := &subject{id: id, person: id, number: ssin, shown: ssin, key: make([]byte, personalKeySize)}
		_, _ = rand.Read(created.key) // never fails
		if err := w.s.insert(insertSubject, created.id, created.person, key.sealSubject(created), key.ID); err != nil {
			return nil, err
		}
		if err := w.s.insert(insertLookup, key.of(ssin.Digits()), created.id); err != nil {
			return nil, err
		}
		p = &party{current: created, all: []*subject{created}}
		w.s.add(ssin, p)
		if remember {
			w.s.remember(p)
		}
		return created, nil
	}
}

// professionalID is the pseudonym id of a professional for a column, or 0 for none.
func (w update) colleague(ssin ident.SSIN) (int64, error) {
	if ssin.IsZero() {
		return 0, nil
	}
	pseudonym, err := w.establish(ssin, true)
	return pseudonym.reference(), err
}

// optionalPseudonym returns the pseudonym of a person that a row may name, whose key seals the given texts. Texts
// without a person have a pseudonym of their own, without an SSIN. Without a person and texts it returns nil.
func (w update) about(patient ident.SSIN, texts ...string) (*subject, error) {
	if patient.IsZero() && strings.Join(texts, "") == "" {
		return nil, nil
	}
	return w.establish(patient, patient.IsZero())
}

// A signer is the subject of a certificate, TYPE=id[, APPLICATION]. Columns hold the pseudonym id of a signer who is a
// person instead of the SSIN.
const (
	personalSigner = "SSIN="
	signerSubject  = personalSigner + "#"
	ssinDigits     = 11
)

// parsePersonalSigner returns the SSIN in a signer and the rest behind it; personal is false when there is no SSIN.
func signerNumber(signer string) (ssin ident.SSIN, rest string, personal bool) {
	digits, personal := strings.CutPrefix(signer, personalSigner)
	if !personal || len(digits) < ssinDigits {
		return ssin, "", false
	}
	ssin, err := ident.ParseSSIN(digits[:ssinDigits])
	return ssin, digits[ssinDigits:], err == nil
}

// signerColumn is the value of a signer in a column.
func (w update) signer(signer string) (string, error) {
	ssin, rest, personal := signerNumber(signer)
	if !personal {
		return signer, nil
	}
	pseudonym, err := w.establish(ssin, false)
	if err != nil {
		return "", err
	}
	return signerSubject + strconv.FormatInt(pseudonym.id, 10) + rest, nil
}

// signerColumns returns all values that a signer may have in a column: a person has one for each pseudonym.
func (r view) signers(signer string) ([]any, error) {
	ssin, rest, personal := signerNumber(signer)
	if !personal {
		return []any{signer}, nil
	}
	p, err := r.s.person(ssin)
	if err != nil || p == nil {
		return nil, err
	}
	columns := make([]any, len(p.all))
	for i, pseudonym := range p.all {
		columns[i] = signerSubject + strconv.FormatInt(pseudonym.id, 10) + rest
	}
	return columns, nil
}
