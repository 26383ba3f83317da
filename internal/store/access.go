package store

import (
	"crypto/rand"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// This file writes those entries of the authentic sources that callers themselves change: mandates, and the roles that
// an organisation gives its own staff.

// SaveMandate adds a mandate, or replaces the one with the same people, service and first day.
func (w txWriter) SaveMandate(m implants.Mandate) error {
	if err := w.putMandate(m); err != nil {
		return err
	}
	return w.renewCacheEpoch()
}

func (w txWriter) putMandate(m implants.Mandate) error {
	grantor, err := w.professionalID(m.Grantor)
	if err != nil {
		return err
	}
	grantee, err := w.professionalID(m.Grantee)
	if err != nil {
		return err
	}
	_, err = w.tx.execStatement(upsertMandate, grantor, grantee, m.Service, m.AcceptedOn.String(), m.From.String(), m.To.String())
	return err
}

// SaveAffiliation adds an affiliation, or replaces the one with the same person, organisation, role and first day.
func (w txWriter) SaveAffiliation(a implants.Affiliation) error {
	if err := w.putAffiliation(a); err != nil {
		return err
	}
	return w.renewCacheEpoch()
}

func (w txWriter) putAffiliation(a implants.Affiliation) error {
	id, err := w.professionalID(a.SSIN)
	if err != nil {
		return err
	}
	_, err = w.tx.execStatement(upsertAffiliation, a.Organisation.Base().Digits(), a.Organisation.Digits(), id, string(a.Role),
		a.From.String(), a.To.String())
	return err
}

// renewCacheEpoch invalidates the source cache of every program that uses this database.
func (w txWriter) renewCacheEpoch() error {
	_, err := w.tx.execStatement(updateCacheEpoch, rand.Text())
	return err
}

// ListStaff returns a page of an organisation's affiliations, past ones included, and their total number. They are
// ordered by pseudonym, which discloses nothing about the persons' SSINs.
func (r txReader) ListStaff(organisation ident.NIHII, offset, limit int) ([]implants.Affiliation, int, error) {
	const from = ` FROM affiliation WHERE organisation_base = ?`
	base := organisation.Base().Digits()
	var total int
	if _, err := r.tx.selectRow(&total, `SELECT COUNT(*)`+from, base); err != nil || total == 0 {
		return nil, 0, err
	}
	found, err := queryAll(r.tx, "affiliation", affiliationRow.toAffiliation, `SELECT organisation, subject, role, valid_from, valid_to`+from+
		` ORDER BY subject, role, valid_from LIMIT ? OFFSET ?`, base, limit, offset)
	return found, total, err
}
