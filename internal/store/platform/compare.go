package platform

import (
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/identity"
)

// The methods of this file are those of implants.SourceReader.

// CurrentSSIN returns the person's newest SSIN.
func (r Reader) CurrentSSIN(ssin ident.SSIN) (ident.SSIN, error) {
	p, err := r.tx.FindPerson(identity.Patient, ssin)
	if err != nil || p == nil {
		return ssin, err
	}
	return p.Current.SSIN, nil
}

const andNotEnded = ` (valid_to = '' OR valid_to >= ?)`

// UnexpiredAffiliations returns the affiliations with roles that only the authentic source assigns.
func (r Reader) UnexpiredAffiliations(day ident.Date) ([]platform.Affiliation, error) {
	return identity.QueryAll(r.tx, "affiliation", AffiliationRow.toAffiliation, affiliationTable.Select()+`
		WHERE role NOT IN (?, ?) AND`+andNotEnded+` ORDER BY organisation, subject, role, valid_from`,
		string(platform.RoleAdministrative), string(platform.RoleManager), day.String())
}

// UnexpiredMandates returns the mandates that have not ended before the day.
func (r Reader) UnexpiredMandates(day ident.Date) ([]platform.Mandate, error) {
	return identity.QueryAll(r.tx, "mandate", mandateRow.toMandate, mandateTable.Select()+` WHERE`+andNotEnded+
		` ORDER BY grantor, grantee, service, valid_from`, day.String())
}

// UnexpiredLinks returns the therapeutic links that have not ended before the day.
func (r Reader) UnexpiredLinks(day ident.Date) ([]platform.TherapeuticLink, error) {
	return identity.QueryAll(r.tx, "therapeutic_link", TherapeuticLinkRow.toTherapeuticLink,
		therapeuticLinkTable.Select()+` WHERE`+andNotEnded+` ORDER BY patient, professional, type, valid_from`,
		day.String())
}
