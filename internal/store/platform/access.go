package platform

import (
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/identity"
)

// This file writes those entries of the authentic sources that callers themselves change: mandates, and the roles that
// an organisation gives its own staff.

// SaveMandate adds a mandate, or replaces the one with the same people, service and first day.
func (w Writer) SaveMandate(m platform.Mandate) error {
	if err := w.putMandate(m); err != nil {
		return err
	}
	return w.tx.InvalidateCache()
}

func (w Writer) putMandate(m platform.Mandate) error {
	grantor, err := w.tx.ProfessionalID(m.Grantor)
	if err != nil {
		return err
	}
	grantee, err := w.tx.ProfessionalID(m.Grantee)
	if err != nil {
		return err
	}
	return saveRight(w.tx, mandateTable, mandateRow{
		Grantor:    grantor,
		Grantee:    grantee,
		Service:    m.Service,
		AcceptedOn: m.AcceptedOn.String(),
		EndedOn:    m.EndedOn.String(),
		From:       m.From.String(),
		To:         m.To.String(),
	})
}

// SaveAffiliation adds an affiliation, or replaces the one with the same person, organisation, role and first day.
func (w Writer) SaveAffiliation(a platform.Affiliation) error {
	if err := w.putAffiliation(a); err != nil {
		return err
	}
	return w.tx.InvalidateCache()
}

func (w Writer) putAffiliation(a platform.Affiliation) error {
	id, err := w.tx.ProfessionalID(a.SSIN)
	if err != nil {
		return err
	}
	return saveRight(w.tx, affiliationTable, AffiliationRow{
		OrganisationBase: a.Organisation.Base().Digits(),
		Organisation:     a.Organisation.Digits(),
		Subject:          id,
		Role:             string(a.Role),
		EndedOn:          a.EndedOn.String(),
		From:             a.From.String(),
		To:               a.To.String(),
	})
}

func (w Writer) newTherapeuticLinkRow(l platform.TherapeuticLink) (TherapeuticLinkRow, error) {
	patient, err := w.tx.FindOrCreate(identity.Patient, l.Patient, false)
	if err != nil {
		return TherapeuticLinkRow{}, err
	}
	professional, err := w.tx.ProfessionalID(l.Professional)
	return TherapeuticLinkRow{
		Patient:      patient.ID,
		Professional: professional,
		Type:         l.Type,
		From:         l.From.String(),
		To:           l.To.String(),
	}, err
}

// ListStaff returns a page of an organisation's affiliations, past ones included, and their total number. They are
// ordered by their first days, and not by anything about the persons.
func (r Reader) ListStaff(organisation ident.NIHII, offset, limit int) ([]platform.Affiliation, int, error) {
	const from = ` FROM affiliation WHERE organisation_base = ?`
	base := organisation.Base().Digits()
	var total int
	if _, err := r.tx.SelectRow(&total, `SELECT COUNT(*)`+from, base); err != nil || total == 0 {
		return nil, 0, err
	}
	found, err := identity.QueryAll(r.tx, "affiliation", AffiliationRow.toAffiliation,
		`SELECT `+affiliationTable.Columns("")+from+
			` ORDER BY valid_from, role, subject LIMIT ? OFFSET ?`, base, limit, offset)
	return found, total, err
}
