package store

import (
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// txReader implements register.Reader within a transaction.
type view struct{ s *session }

// Person returns an entry of the national register.
func (r view) Person(ssin ident.SSIN) (register.Person, bool, error) {
	p, err := r.s.person(ssin)
	if err != nil || p == nil {
		return register.Person{}, false, err
	}
	return one(r.s, "person", personRow.person, `SELECT subject, sealed FROM person WHERE subject = ?`, p.current.id)
}

// Practices returns the practices of a professional, found by SSIN, or else by the first eight digits of the NIHII
// number.
func (r view) Practices(p register.ProfessionalRef) ([]register.Practice, error) {
	const columns = `SELECT subject, nihii, profession, speciality, valid_from, valid_to FROM practice`
	const order = ` ORDER BY valid_from, nihii, profession`
	if !p.SSIN.IsZero() {
		return ofProfessional(r.s, p.SSIN, "practice", practiceRow.practice, columns+` WHERE subject = ?`+order)
	}
	if p.NIHII.IsZero() {
		return nil, nil
	}
	return rememberedMany(r.s, "practice", practiceRow.practice, columns+` WHERE nihii_base = ?`+order, p.NIHII.Base().Digits())
}

// queryProfessional runs a query with the person's pseudonym id as the first parameter. A person with rows is a
// professional, so the identity cache may hold them.
func ofProfessional[R, T any](tx *session, ssin ident.SSIN, table string, convert func(R, *reading) T, query string, args ...any) ([]T, error) {
	p, err := tx.person(ssin)
	if err != nil || p == nil {
		return nil, err
	}
	found, err := rememberedMany(tx, table, convert, query, append([]any{p.current.id}, args...)...)
	if err == nil && len(found) > 0 {
		tx.remember(p)
	}
	return found, err
}

// Organisation returns an organisation, found by NIHII number, or else by CBE number.
func (r view) Organisation(p register.PharmacyRef) (register.Organisation, bool, error) {
	const columns = `SELECT nihii, cbe, type, name FROM organisation`
	if !p.NIHII.IsZero() {
		return rememberedOne(r.s, "organisation", organisationRow.organisation, columns+` WHERE id = ?`, p.NIHII.Base().Digits())
	}
	if p.CBE.IsZero() {
		return register.Organisation{}, false, nil
	}
	return rememberedOne(r.s, "organisation", organisationRow.organisation, columns+` WHERE cbe = ? ORDER BY id LIMIT 1`, p.CBE.Digits())
}

// Affiliations returns a person's affiliations to an organisation, or to all organisations when it is zero.
func (r view) Affiliations(organisation ident.NIHII, person ident.SSIN) ([]register.Affiliation, error) {
	const columns = `SELECT organisation, subject, role, valid_from, valid_to FROM affiliation WHERE subject = ?`
	const order = ` ORDER BY valid_from, organisation, role`
	if organisation.IsZero() {
		return ofProfessional(r.s, person, "affiliation", affiliationRow.affiliation, columns+order)
	}
	return ofProfessional(r.s, person, "affiliation", affiliationRow.affiliation, columns+` AND organisation_base = ?`+order,
		organisation.Base().Digits())
}

// TherapeuticLinks returns the therapeutic links between a patient and a professional, past ones included.
func (r view) TherapeuticLinks(patient, professional ident.SSIN) ([]register.TherapeuticLink, error) {
	patientPerson, err := r.s.person(patient)
	if err != nil || patientPerson == nil {
		return nil, err
	}
	professionalPerson, err := r.s.person(professional)
	if err != nil || professionalPerson == nil {
		return nil, err
	}
	return many(r.s, "therapeutic_link", linkRow.link, `SELECT patient, professional, type, valid_from, valid_to
		FROM therapeutic_link WHERE patient = ? AND professional = ? ORDER BY valid_from, type`, patientPerson.current.id, professionalPerson.current.id)
}

const mandateColumns = `SELECT grantor, grantee, service, accepted_on, valid_from, valid_to FROM mandate`

// MandatesByGrantee returns the mandates that a person was given, past ones included.
func (r view) MandatesByGrantee(grantee ident.SSIN) ([]register.Mandate, error) {
	return ofProfessional(r.s, grantee, "mandate", mandateRow.mandate, mandateColumns+` WHERE grantee = ?
		ORDER BY valid_from, accepted_on, service`)
}

// MandatesByGrantor returns the mandates that a person gave, past ones included.
func (r view) MandatesByGrantor(grantor ident.SSIN) ([]register.Mandate, error) {
	return ofProfessional(r.s, grantor, "mandate", mandateRow.mandate, mandateColumns+` WHERE grantor = ?
		ORDER BY valid_from, accepted_on, service`)
}

const deviceColumns = `d.code, d.name, d.reference, d.manufacturer, d.distributor, d.classification, d.category, d.udi_dis, ` +
	`d.status, d.valid_from, d.deleted_on, d.recalled_on`

// DeviceByCode returns the device with a notification code.
func (r view) DeviceByCode(code ident.NotificationCode) (register.Device, bool, error) {
	return rememberedOne(r.s, "device", deviceRow.device, `SELECT `+deviceColumns+` FROM device d WHERE d.code = ?`, code.Digits())
}

// DeviceByDI returns the device with a device identifier. When a product was notified again under another code, it is
// the device that is still active.
func (r view) DeviceByDI(di string) (register.Device, bool, error) {
	return rememberedOne(r.s, "device", deviceRow.device, `SELECT `+deviceColumns+` FROM device d WHERE d.code = (`+codeOfDI+`?`+firstActive+`)`, di)
}

// selectCodeByDI and preferActive, with a device identifier between them, select its notification code.
const (
	codeOfDI    = `SELECT u.code FROM device_udi u JOIN device c ON c.code = u.code WHERE u.di = `
	firstActive = ` ORDER BY CASE c.status WHEN 'Active' THEN 0 ELSE 1 END, u.code LIMIT 1`
)

// queryOne reads and converts one row, and reports whether there was one.
func one[R, T any](tx *session, table string, convert func(R, *reading) T, query string, args ...any) (T, bool, error) {
	var row R
	var none T
	found, err := tx.get(&row, query, args...)
	if err != nil || !found {
		return none, false, err
	}
	values, err := each(tx, []R{row}, table, convert)
	if err != nil {
		return none, false, err
	}
	return values[0], true, nil
}

// queryAll reads and converts all rows.
func many[R, T any](tx *session, table string, convert func(R, *reading) T, query string, args ...any) ([]T, error) {
	var rows []R
	if err := tx.all(&rows, query, args...); err != nil {
		return nil, err
	}
	return each(tx, rows, table, convert)
}
