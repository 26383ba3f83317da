package store

import (
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// txReader implements register.Reader within a transaction.
type txReader struct{ tx *tx }

// Person returns an entry of the national register.
func (r txReader) Person(ssin ident.SSIN) (implants.Person, bool, error) {
	p, err := r.tx.findPerson(ssin)
	if err != nil || p == nil {
		return implants.Person{}, false, err
	}
	return queryOne(r.tx, "person", personRow.toPerson, `SELECT subject, sealed FROM person WHERE subject = ?`, p.current.id)
}

// Practices returns the practices of a professional, found by SSIN, or else by the first eight digits of the NIHII
// number.
func (r txReader) Practices(p implants.ProfessionalRef) ([]implants.Practice, error) {
	const columns = `SELECT subject, nihii, profession, speciality, valid_from, valid_to FROM practice`
	const order = ` ORDER BY valid_from, nihii, profession`
	if !p.SSIN.IsZero() {
		return queryProfessional(r.tx, p.SSIN, "practice", practiceRow.toPractice, columns+` WHERE subject = ?`+order)
	}
	if p.NIHII.IsZero() {
		return nil, nil
	}
	return cachedQueryAll(r.tx, "practice", practiceRow.toPractice, columns+` WHERE nihii_base = ?`+order, p.NIHII.Base().Digits())
}

// queryProfessional runs a query with the person's pseudonym id as the first parameter. A person with rows is a
// professional, so the identity cache may hold them.
func queryProfessional[R, T any](tx *tx, ssin ident.SSIN, table string, convert func(R, *rowConverter) T, query string, args ...any) ([]T, error) {
	p, err := tx.findPerson(ssin)
	if err != nil || p == nil {
		return nil, err
	}
	found, err := cachedQueryAll(tx, table, convert, query, append([]any{p.current.id}, args...)...)
	if err == nil && len(found) > 0 {
		tx.cacheAfterCommit(p)
	}
	return found, err
}

// Organisation returns an organisation, found by NIHII number, or else by CBE number.
func (r txReader) Organisation(p implants.PharmacyRef) (implants.Organisation, bool, error) {
	const columns = `SELECT nihii, cbe, type, name FROM organisation`
	if !p.NIHII.IsZero() {
		return cachedQueryOne(r.tx, "organisation", organisationRow.toOrganisation, columns+` WHERE id = ?`, p.NIHII.Base().Digits())
	}
	if p.CBE.IsZero() {
		return implants.Organisation{}, false, nil
	}
	return cachedQueryOne(r.tx, "organisation", organisationRow.toOrganisation, columns+` WHERE cbe = ? ORDER BY id LIMIT 1`, p.CBE.Digits())
}

// Affiliations returns a person's affiliations to an organisation, or to all organisations when it is zero.
func (r txReader) Affiliations(organisation ident.NIHII, person ident.SSIN) ([]implants.Affiliation, error) {
	const columns = `SELECT organisation, subject, role, valid_from, valid_to FROM affiliation WHERE subject = ?`
	const order = ` ORDER BY valid_from, organisation, role`
	if organisation.IsZero() {
		return queryProfessional(r.tx, person, "affiliation", affiliationRow.toAffiliation, columns+order)
	}
	return queryProfessional(r.tx, person, "affiliation", affiliationRow.toAffiliation, columns+` AND organisation_base = ?`+order,
		organisation.Base().Digits())
}

// TherapeuticLinks returns the therapeutic links between a patient and a professional, past ones included.
func (r txReader) TherapeuticLinks(patient, professional ident.SSIN) ([]implants.TherapeuticLink, error) {
	patientPerson, err := r.tx.findPerson(patient)
	if err != nil || patientPerson == nil {
		return nil, err
	}
	professionalPerson, err := r.tx.findPerson(professional)
	if err != nil || professionalPerson == nil {
		return nil, err
	}
	return queryAll(r.tx, "therapeutic_link", therapeuticLinkRow.toTherapeuticLink, `SELECT patient, professional, type, valid_from, valid_to
		FROM therapeutic_link WHERE patient = ? AND professional = ? ORDER BY valid_from, type`, patientPerson.current.id, professionalPerson.current.id)
}

const mandateColumns = `SELECT grantor, grantee, service, accepted_on, valid_from, valid_to FROM mandate`

// MandatesByGrantee returns the mandates that a person was given, past ones included.
func (r txReader) MandatesByGrantee(grantee ident.SSIN) ([]implants.Mandate, error) {
	return queryProfessional(r.tx, grantee, "mandate", mandateRow.toMandate, mandateColumns+` WHERE grantee = ?
		ORDER BY valid_from, accepted_on, service`)
}

// MandatesByGrantor returns the mandates that a person gave, past ones included.
func (r txReader) MandatesByGrantor(grantor ident.SSIN) ([]implants.Mandate, error) {
	return queryProfessional(r.tx, grantor, "mandate", mandateRow.toMandate, mandateColumns+` WHERE grantor = ?
		ORDER BY valid_from, accepted_on, service`)
}

const deviceColumns = `d.code, d.name, d.reference, d.manufacturer, d.distributor, d.classification, d.category, d.udi_dis, ` +
	`d.status, d.valid_from, d.deleted_on, d.recalled_on`

// DeviceByCode returns the device with a notification code.
func (r txReader) DeviceByCode(code ident.NotificationCode) (implants.Device, bool, error) {
	return cachedQueryOne(r.tx, "device", deviceRow.toDevice, `SELECT `+deviceColumns+` FROM device d WHERE d.code = ?`, code.Digits())
}

// DeviceByDI returns the device with a device identifier. When a product was notified again under another code, it is
// the device that is still active.
func (r txReader) DeviceByDI(di string) (implants.Device, bool, error) {
	return cachedQueryOne(r.tx, "device", deviceRow.toDevice, `SELECT `+deviceColumns+` FROM device d WHERE d.code = (`+selectCodeByDI+`?`+preferActive+`)`, di)
}

// selectCodeByDI and preferActive, with a device identifier between them, select its notification code.
const (
	selectCodeByDI = `SELECT u.code FROM device_udi u JOIN device c ON c.code = u.code WHERE u.di = `
	preferActive   = ` ORDER BY CASE c.status WHEN 'Active' THEN 0 ELSE 1 END, u.code LIMIT 1`
)

// queryOne reads and converts one row, and reports whether there was one.
func queryOne[R, T any](tx *tx, table string, convert func(R, *rowConverter) T, query string, args ...any) (T, bool, error) {
	var row R
	var none T
	found, err := tx.selectRow(&row, query, args...)
	if err != nil || !found {
		return none, false, err
	}
	values, err := convertRows(tx, []R{row}, table, convert)
	if err != nil {
		return none, false, err
	}
	return values[0], true, nil
}

// queryAll reads and converts all rows.
func queryAll[R, T any](tx *tx, table string, convert func(R, *rowConverter) T, query string, args ...any) ([]T, error) {
	var rows []R
	if err := tx.selectRows(&rows, query, args...); err != nil {
		return nil, err
	}
	return convertRows(tx, rows, table, convert)
}
