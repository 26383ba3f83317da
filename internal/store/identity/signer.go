package identity

import (
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
)

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

// SignerColumn is the value of a signer in a column, with the pseudonym for a purpose.
func (tx *Tx) SignerColumn(purpose Purpose, signer string) (string, error) {
	ssin, rest, personal := parsePersonalSigner(signer)
	if !personal {
		return signer, nil
	}
	pseudonym, err := tx.FindOrCreate(purpose, ssin, false)
	if err != nil {
		return "", err
	}
	return pseudonymSignerPrefix + strconv.FormatInt(pseudonym.ID, 10) + rest, nil
}

// SignerColumns returns all values that a signer may have in a column: a person has one for each pseudonym.
func (tx *Tx) SignerColumns(signer string) ([]any, error) {
	ssin, rest, personal := parsePersonalSigner(signer)
	if !personal {
		return []any{signer}, nil
	}
	p, err := tx.FindPerson(Caller, ssin)
	if err != nil || p == nil {
		return nil, err
	}
	columns := make([]any, len(p.pseudonyms))
	for i, pseudonym := range p.pseudonyms {
		columns[i] = pseudonymSignerPrefix + strconv.FormatInt(pseudonym.ID, 10) + rest
	}
	return columns, nil
}
