package store

import (
	"crypto/rand"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// This file keeps what people themselves change in the tables of the authentic sources: mandates, and the roles that an
// organisation gives its own people.

// KeepMandate adds a mandate, or puts it in the place of the one of the same people and service that begins on the same day.
func (u update) KeepMandate(m register.Mandate) error {
	if err := u.putMandate(m); err != nil {
		return err
	}
	return u.renewMark()
}

func (u update) putMandate(m register.Mandate) error {
	grantor, err := u.colleague(m.Grantor)
	if err != nil {
		return err
	}
	grantee, err := u.colleague(m.Grantee)
	if err != nil {
		return err
	}
	_, err = u.s.exec(upsertMandate, grantor, grantee, m.Service, m.AcceptedOn.String(), m.From.String(), m.To.String())
	return err
}

// KeepAffiliation adds an affiliation, or puts it in the place of the one of the same person, organisation and role that
// begins on the same day.
func (u update) KeepAffiliation(a register.Affiliation) error {
	if err := u.putAffiliation(a); err != nil {
		return err
	}
	return u.renewMark()
}

func (u update) putAffiliation(a register.Affiliation) error {
	id, err := u.colleague(a.SSIN)
	if err != nil {
		return err
	}
	_, err = u.s.exec(upsertAffiliation, a.Organisation.Base().Digits(), a.Organisation.Digits(), id, string(a.Role),
		a.From.String(), a.To.String())
	return err
}

// renewMark tells every program not to take from memory what it read of the sources before.
func (u update) renewMark() error {
	_, err := u.s.exec(updateMark, rand.Text())
	return err
}

// Staff are the affiliations of an organisation, past ones too. The order is that in which the register met the people, so
// that it tells nothing of their numbers.
func (v view) Staff(organisation ident.NIHII, offset, limit int) ([]register.Affiliation, int, error) {
	const from = ` FROM affiliation WHERE organisation_base = ?`
	base := organisation.Base().Digits()
	var total int
	if _, err := v.s.get(&total, `SELECT COUNT(*)`+from, base); err != nil || total == 0 {
		return nil, 0, err
	}
	found, err := many(v.s, "affiliation", affiliationRow.affiliation, `SELECT organisation, subject, role, valid_from, valid_to`+from+
		` ORDER BY subject, role, valid_from LIMIT ? OFFSET ?`, base, limit, offset)
	return found, total, err
}
