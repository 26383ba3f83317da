package store

import (
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// view answers questions within a transaction. It is a register.Reader.
type view struct{ s *session }

const personColumns = `ssin, first_name, last_name, birth_date, death_date`

// Person finds an entry of the national register.
func (v view) Person(ssin ident.SSIN) (register.Person, bool, error) {
	return one(v.s, "person", personRow.person, `SELECT `+personColumns+` FROM person WHERE ssin = ?`, ssin.Digits())
}

// Practices finds by SSIN, or else by the first eight digits of the NIHII number.
func (v view) Practices(p register.ProfessionalRef) ([]register.Practice, error) {
	const columns = `SELECT ssin, nihii, profession, speciality, valid_from, valid_to FROM practice`
	const order = ` ORDER BY valid_from, nihii, profession`
	if !p.SSIN.IsZero() {
		return rememberedMany(v.s, "practice", practiceRow.practice, columns+` WHERE ssin = ?`+order, p.SSIN.Digits())
	}
	if p.NIHII.IsZero() {
		return nil, nil
	}
	return rememberedMany(v.s, "practice", practiceRow.practice, columns+` WHERE nihii_base = ?`+order, p.NIHII.Base().Digits())
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
	const columns = `SELECT organisation, ssin, role, valid_from, valid_to FROM affiliation WHERE ssin = ?`
	const order = ` ORDER BY valid_from, organisation, role`
	if organisation.IsZero() {
		return rememberedMany(v.s, "affiliation", affiliationRow.affiliation, columns+order, person.Digits())
	}
	return rememberedMany(v.s, "affiliation", affiliationRow.affiliation, columns+` AND organisation_base = ?`+order,
		person.Digits(), organisation.Base().Digits())
}

// Links are the therapeutic relations of a patient and a professional, past ones too.
func (v view) Links(patient, professional ident.SSIN) ([]register.TherapeuticLink, error) {
	return many(v.s, "therapeutic_link", linkRow.link, `SELECT patient, professional, type, valid_from, valid_to
		FROM therapeutic_link WHERE patient = ? AND professional = ? ORDER BY valid_from, type`,
		patient.Digits(), professional.Digits())
}

const deviceColumns = `d.code, d.name, d.reference, d.manufacturer, d.distributor, d.classification, d.category, d.udi_dis, ` +
	`d.status, d.valid_from, d.deleted_on`

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
	var r reading
	value := convert(row, &r)
	if err := r.failure(table); err != nil {
		return none, false, err
	}
	return value, true, nil
}

// many reads all values.
func many[R, T any](s *session, table string, convert func(R, *reading) T, query string, args ...any) ([]T, error) {
	var rows []R
	if err := s.all(&rows, query, args...); err != nil {
		return nil, err
	}
	return each(rows, table, convert)
}
