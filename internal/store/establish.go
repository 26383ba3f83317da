package store

import (
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
)

const (
	insertPseudonym = `INSERT INTO subject (id, person, sealed, key_id) VALUES (?, ?, ?, ?)`
	insertLookup    = `INSERT INTO subject_lookup (lookup, subject) VALUES (?, ?)`
)

// findOrCreate returns the current pseudonym of a person, and creates one for an SSIN that the register does not know.
func (w txWriter) findOrCreate(ssin ident.SSIN, remember bool) (*pseudonym, error) {
	for {
		p, err := w.tx.lookUpPerson(ssin, remember)
		if err != nil {
			return nil, err
		}
		if p != nil {
			return p.current, nil
		}
		current := w.tx.currentKeyID
		id, keyID, err := w.tx.dialect.newPseudonymID(w.tx)
		if err != nil {
			return nil, err
		}
		key, err := w.tx.keyRing.findKey(keyID)
		if err != nil {
			return nil, w.tx.recordError(err)
		}
		if keyID != current {
			// The key ring has a new key since the lookup, and another program may have created the same person under it.
			continue
		}
		created := &pseudonym{id: id, personID: id, ssin: ssin, currentSSIN: ssin, dataKey: make([]byte, dataKeySize)}
		_, _ = rand.Read(created.dataKey) // never fails
		if err := w.tx.insertRow(insertPseudonym, created.id, created.personID, key.sealPseudonym(created), key.ID); err != nil {
			return nil, err
		}
		if err := w.tx.insertRow(insertLookup, key.lookupHash(ssin.Digits()), created.id); err != nil {
			return nil, err
		}
		p = &person{current: created, pseudonyms: []*pseudonym{created}}
		w.tx.addPerson(ssin, p)
		if remember {
			w.tx.cacheAfterCommit(p)
		}
		return created, nil
	}
}

// professionalID is the pseudonym id of a professional for a column, or 0 for none.
func (w txWriter) professionalID(ssin ident.SSIN) (int64, error) {
	if ssin.IsZero() {
		return 0, nil
	}
	pseudonym, err := w.findOrCreate(ssin, true)
	return pseudonym.idOrZero(), err
}

// optionalPseudonym returns the pseudonym of a person that a row may name, whose key seals the given texts. Texts
// without a person have a pseudonym of their own, without an SSIN. Without a person and texts it returns nil.
func (w txWriter) optionalPseudonym(patient ident.SSIN, texts ...string) (*pseudonym, error) {
	if patient.IsZero() && strings.Join(texts, "") == "" {
		return nil, nil
	}
	return w.findOrCreate(patient, patient.IsZero())
}

// A signer is the subject of a certificate, TYPE=id[, APPLICATION]. Columns hold the pseudonym id of a signer who is a
// person instead of the SSIN.
const (
	ssinSignerPrefix      = "SSIN="
	pseudonymSignerPrefix = ssinSignerPrefix + "#"
	ssinLength            = 11
)

// parsePersonalSigner returns the SSIN in a signer and the rest behind it; personal is false when there is no SSIN.
func parsePersonalSigner(signer string) (ssin ident.SSIN, rest string, personal bool) {
	digits, personal := strings.CutPrefix(signer, ssinSignerPrefix)
	if !personal || len(digits) < ssinLength {
		return ssin, "", false
	}
	ssin, err := ident.ParseSSIN(digits[:ssinLength])
	return ssin, digits[ssinLength:], err == nil
}

// signerColumn is the value of a signer in a column.
func (w txWriter) signerColumn(signer string) (string, error) {
	ssin, rest, personal := parsePersonalSigner(signer)
	if !personal {
		return signer, nil
	}
	pseudonym, err := w.findOrCreate(ssin, false)
	if err != nil {
		return "", err
	}
	return pseudonymSignerPrefix + strconv.FormatInt(pseudonym.id, 10) + rest, nil
}

// signerColumns returns all values that a signer may have in a column: a person has one for each pseudonym.
func (r txReader) signerColumns(signer string) ([]any, error) {
	ssin, rest, personal := parsePersonalSigner(signer)
	if !personal {
		return []any{signer}, nil
	}
	p, err := r.tx.findPerson(ssin)
	if err != nil || p == nil {
		return nil, err
	}
	columns := make([]any, len(p.pseudonyms))
	for i, pseudonym := range p.pseudonyms {
		columns[i] = pseudonymSignerPrefix + strconv.FormatInt(pseudonym.id, 10) + rest
	}
	return columns, nil
}
