package platform

import (
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/identity"
)

// Person returns an entry of the national register.
func (r Reader) Person(ssin ident.SSIN) (platform.Person, bool, error) {
	p, err := r.tx.FindPerson(identity.Patient, ssin)
	if err != nil || p == nil {
		return platform.Person{}, false, err
	}
	return identity.QueryOne(
		r.tx,
		"person",
		personRow.toPerson,
		personTable.Select()+` WHERE subject = ?`,
		p.Current.ID,
	)
}

// Practices returns the practices of a professional, found by SSIN, or else by the first eight digits of the NIHII
// number.
func (r Reader) Practices(p platform.ProfessionalRef) ([]platform.Practice, error) {
	const order = ` ORDER BY valid_from, nihii, profession`
	if !p.SSIN.IsZero() {
		return identity.QueryProfessional(r.tx, p.SSIN, "practice", practiceRow.toPractice, practiceTable.Select()+
			` WHERE subject = ?`+order)
	}
	if p.NIHII.IsZero() {
		return nil, nil
	}
	return identity.CachedQueryAll(r.tx, "practice", practiceRow.toPractice, practiceTable.Select()+
		` WHERE nihii_base = ?`+order, p.NIHII.Base().Digits())
}

// Organisation returns an organisation, found by NIHII number, or else by CBE number.
func (r Reader) Organisation(p platform.OrganisationRef) (platform.Organisation, bool, error) {
	if !p.NIHII.IsZero() {
		return identity.CachedQueryOne(r.tx, "organisation", organisationRow.toOrganisation, organisationTable.Select()+
			` WHERE id = ?`, p.NIHII.Base().Digits())
	}
	if p.CBE.IsZero() {
		return platform.Organisation{}, false, nil
	}
	return identity.CachedQueryOne(r.tx, "organisation", organisationRow.toOrganisation, organisationTable.Select()+
		` WHERE cbe = ? ORDER BY id LIMIT 1`, p.CBE.Digits())
}

// Affiliations returns a person's affiliations to an organisation, or to all organisations when it is zero.
func (r Reader) Affiliations(organisation ident.NIHII, person ident.SSIN) ([]platform.Affiliation, error) {
	columns := affiliationTable.Select() + ` WHERE subject = ?`
	const order = ` ORDER BY valid_from, organisation, role`
	if organisation.IsZero() {
		return identity.QueryProfessional(r.tx, person, "affiliation", AffiliationRow.toAffiliation, columns+order)
	}
	return identity.QueryProfessional(r.tx, person, "affiliation", AffiliationRow.toAffiliation, columns+
		` AND organisation_base = ?`+order,
		organisation.Base().Digits())
}

// RolesOf returns the affiliations to an organisation of the person with a pseudonym id, without the person's number.
func (r Reader) RolesOf(organisation ident.NIHII, personID int64) ([]platform.Affiliation, error) {
	var rows []AffiliationRow
	err := r.tx.SelectRows(&rows, affiliationTable.Select()+` WHERE subject = ? AND organisation_base = ?
		ORDER BY valid_from, role`, personID, organisation.Base().Digits())
	if err != nil {
		return nil, err
	}
	return identity.ConvertRows(r.tx, rows, "affiliation", AffiliationRow.toRole)
}

// TherapeuticLinks returns the therapeutic links between a patient and a professional, past ones included.
func (r Reader) TherapeuticLinks(patient, professional ident.SSIN) ([]platform.TherapeuticLink, error) {
	patientPerson, err := r.tx.FindPerson(identity.Patient, patient)
	if err != nil || patientPerson == nil {
		return nil, err
	}
	professionalPerson, err := r.tx.FindPerson(identity.Professional, professional)
	if err != nil || professionalPerson == nil {
		return nil, err
	}
	return identity.QueryAll(r.tx, "therapeutic_link", TherapeuticLinkRow.toTherapeuticLink,
		therapeuticLinkTable.Select()+` WHERE patient = ? AND professional = ? ORDER BY valid_from, type`,
		patientPerson.Current.ID, professionalPerson.Current.ID)
}

// MandatesByGrantee returns the mandates that a person was given, past ones included.
func (r Reader) MandatesByGrantee(grantee ident.SSIN) ([]platform.Mandate, error) {
	return identity.QueryProfessional(r.tx, grantee, "mandate", mandateRow.toMandate, mandateTable.Select()+
		` WHERE grantee = ?
		ORDER BY valid_from, accepted_on, service`)
}

// MandatesByGrantor returns the mandates that a person gave, past ones included.
func (r Reader) MandatesByGrantor(grantor ident.SSIN) ([]platform.Mandate, error) {
	return identity.QueryProfessional(r.tx, grantor, "mandate", mandateRow.toMandate, mandateTable.Select()+
		` WHERE grantor = ?
		ORDER BY valid_from, accepted_on, service`)
}
