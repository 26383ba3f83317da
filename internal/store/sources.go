package store

import (
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// view answers questions within a transaction. It is a register.Reader.
type view struct{ s *session }

// Person finds an entry of the national register.
func (v view) Person(ssin ident.SSIN) (register.Person, bool, error) {
	p, err := v.s.person(ssin)
	if err != nil || p == nil {
		return register.Person{}, false, err
	}
	return one(v.s, "person", personRow.person, `SELECT subject, sealed FROM person WHERE subject = ?`, p.current.id)
}

// Practices finds by SSIN, or else by the first eight digits of the NIHII number.
func (v view) Practices(p register.ProfessionalRef) ([]register.Practice, error) {
	const columns = `SELECT subject, nihii, profession, speciality, valid_from, valid_to FROM practice`
	const order = ` ORDER BY valid_from, nihii, profession`
	if !p.SSIN.IsZero() {
		return ofProfessional(v.s, p.SSIN, "practice", practiceRow.practice, columns+` WHERE subject = ?`+order)
	}
	if p.NIHII.IsZero() {
		return nil, nil
	}
	return rememberedMany(v.s, "practice", practiceRow.practice, columns+` WHERE nihii_base = ?`+order, p.NIHII.Base().Digits())
}

// ofProfessional asks the sources about a person, who is the statement's first parameter. Whoever is found there is no mere
// patient, and may be remembered.
func ofProfessional[R, T any](s *session, number ident.SSIN, table string, convert func(R, *reading) T, query string, args ...any) ([]T, error) {
	p, err := s.person(number)
	if err != nil || p == nil {
		return nil, err
	}
	found, err := rememberedMany(s, table, convert, query, append([]any{p.current.id}, args...)...)
	if err == nil && len(found) > 0 {
		s.remember(p)
	}
	return found, err
}

// Organisation finds by NIHII number, or else by CBE number.
func (v view) Organisation(p register.PharmacyRef) (register.Organisation, bool, error) {
	const columns = `SELECT nihii, cbe, type, name FROM organisation`
	if !p.NIHII.IsZero() {
		return rememberedOne(v.s, "organisation", organisationRow.organisation, columns+` WHERE id = ?`, p.NIHII.Base().Digits())
	}
	if p.CBE.IsZero() {
		return register.Organisation{}, false, nil
	}
	return rememberedOne(v.s, "organisation", organisationRow.organisation, columns+` WHERE cbe = ? ORDER BY id LIMIT 1`, p.CBE.Digits())
}

// Affiliations are those of a person to an organisation, or to any when none is given.
func (v view) Affiliations(organisation ident.NIHII, person ident.SSIN) ([]register.Affiliation, error) {
	const columns = `SELECT organisation, subject, role, valid_from, valid_to FROM affiliation WHERE subject = ?`
	const order = ` ORDER BY valid_from, organisation, role`
	if organisation.IsZero() {
		return ofProfessional(v.s, person, "affiliation", affiliationRow.affiliation, columns+order)
	}
	return ofProfessional(v.s, person, "affiliation", affiliationRow.affiliation, columns+` AND organisation_base = ?`+order,
		organisation.Base().Digits())
}

// Links are the therapeutic relations of a patient and a professional, past ones too.
func (v view) Links(patient, professional ident.SSIN) ([]register.TherapeuticLink, error) {
	of, err := v.s.person(patient)
	if err != nil || of == nil {
		return nil, err
	}
	to, err := v.s.person(professional)
	if err != nil || to == nil {
		return nil, err
	}
	return many(v.s, "therapeutic_link", linkRow.link, `SELECT patient, professional, type, valid_from, valid_to
		FROM therapeutic_link WHERE patient = ? AND professional = ? ORDER BY valid_from, type`, of.current.id, to.current.id)
}

const mandateColumns = `SELECT grantor, grantee, service, accepted_on, valid_from, valid_to FROM mandate`

// MandatesTo are those that somebody was given, past ones too.
func (v view) MandatesTo(grantee ident.SSIN) ([]register.Mandate, error) {
	return ofProfessional(v.s, grantee, "mandate", mandateRow.mandate, mandateColumns+` WHERE grantee = ?
		ORDER BY valid_from, accepted_on, service`)
}

// MandatesFrom are those that somebody gave, past ones too.
func (v view) MandatesFrom(grantor ident.SSIN) ([]register.Mandate, error) {
	return ofProfessional(v.s, grantor, "mandate", mandateRow.mandate, mandateColumns+` WHERE grantor = ?
		ORDER BY valid_from, accepted_on, service`)
}

const deviceColumns = `d.code, d.name, d.reference, d.manufacturer, d.distributor, d.classification, d.category, d.udi_dis, ` +
	`d.status, d.valid_from, d.deleted_on, d.recalled_on`

// DeviceByCode finds a device by its notification code.
func (v view) DeviceByCode(code ident.NotificationCode) (register.Device, bool, error) {
	return rememberedOne(v.s, "device", deviceRow.device, `SELECT `+deviceColumns+` FROM device d WHERE d.code = ?`, code.Digits())
}

// DeviceByDI finds a device by one of its device identifiers. Where a product was notified again under another code,
// it is the one that is still active.
func (v view) DeviceByDI(di string) (register.Device, bool, error) {
	return rememberedOne(v.s, "device", deviceRow.device, `SELECT `+deviceColumns+` FROM device d WHERE d.code = (`+codeOfDI+`?`+firstActive+`)`, di)
}

// codeOfDI and firstActive, with a device identifier between them, select its notification code.
const (
	codeOfDI    = `SELECT u.code FROM device_udi u JOIN device c ON c.code = u.code WHERE u.di = `
	firstActive = ` ORDER BY CASE c.status WHEN 'Active' THEN 0 ELSE 1 END, u.code LIMIT 1`
)

// one reads a value that may not be there.
func one[R, T any](s *session, table string, convert func(R, *reading) T, query string, args ...any) (T, bool, error) {
	var row R
	var none T
	found, err := s.get(&row, query, args...)
	if err != nil || !found {
		return none, false, err
	}
	values, err := each(s, []R{row}, table, convert)
	if err != nil {
		return none, false, err
	}
	return values[0], true, nil
}

// many reads all values.
func many[R, T any](s *session, table string, convert func(R, *reading) T, query string, args ...any) ([]T, error) {
	var rows []R
	if err := s.all(&rows, query, args...); err != nil {
		return nil, err
	}
	return each(s, rows, table, convert)
}
