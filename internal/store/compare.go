package store

import (
	"context"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// SourceReader answers what an import compares its entries with.
type SourceReader interface {
	register.Reader
	// Devices finds those of the codes that are there.
	Devices(codes []ident.NotificationCode) (map[ident.NotificationCode]register.Device, error)
	// Newest is the newest number of the person, or the number itself where none replaced it.
	Newest(ident.SSIN) (ident.SSIN, error)

	// The following have not ended before a day, or on the list. Devices come in the order of their codes, up to limit of
	// them after one. Relations that operations made, and roles that organisations give themselves, are left out: no
	// source knows them.

	ListedDevices(after string, limit int) ([]register.Device, error)
	OpenAffiliations(day ident.Date) ([]register.Affiliation, error)
	OpenMandates(day ident.Date) ([]register.Mandate, error)
	OpenLinks(day ident.Date) ([]register.TherapeuticLink, error)
}

// Sources runs f over one consistent view of the authentic sources.
func (db *DB) Sources(ctx context.Context, f func(SourceReader) error) error {
	return db.read(ctx, func(s *session) error { return f(view{s}) })
}

// Devices finds those of the codes that are there.
func (v view) Devices(codes []ident.NotificationCode) (map[ident.NotificationCode]register.Device, error) {
	found := make(map[ident.NotificationCode]register.Device, len(codes))
	for some := range slices.Chunk(codes, devicesAtOnce) {
		list, args := v.s.dialect.digits(some)
		devices, err := many(v.s, "device", deviceRow.device, `SELECT `+deviceColumns+` FROM device d WHERE d.code `+list, args...)
		if err != nil {
			return nil, err
		}
		for i := range devices {
			found[devices[i].Code] = devices[i]
		}
	}
	return found, nil
}

// digits are a condition that a column is one of some codes. For SQLite the list is filled up, so that the question has one
// form; a server reads one parameter faster than hundreds.
func (d *dialect) digits(codes []ident.NotificationCode) (string, []any) {
	if d.groups {
		texts := make([]string, len(codes))
		for i, code := range codes {
			texts[i] = code.Digits()
		}
		return `= ANY (CAST(? AS text[]))`, []any{pq.Array(texts)}
	}
	args := make([]any, devicesAtOnce)
	for i := range args {
		args[i] = codes[min(i, len(codes)-1)].Digits()
	}
	return `IN (?` + strings.Repeat(`, ?`, len(args)-1) + `)`, args
}

// Newest is the newest number of the person.
func (v view) Newest(number ident.SSIN) (ident.SSIN, error) {
	p, err := v.s.person(number)
	if err != nil || p == nil {
		return number, err
	}
	return p.current.number, nil
}

// ListedDevices are those that the list has not dropped.
func (v view) ListedDevices(after string, limit int) ([]register.Device, error) {
	return many(v.s, "device", deviceRow.device, `SELECT `+deviceColumns+` FROM device d
		WHERE d.code > ? AND (d.status = 'Active' OR d.status = 'Recalled' AND d.deleted_on = '') ORDER BY d.code LIMIT ?`, after, limit)
}

const stillOpen = ` (valid_to = '' OR valid_to >= ?)`

// OpenAffiliations are of the roles that only the source gives.
func (v view) OpenAffiliations(day ident.Date) ([]register.Affiliation, error) {
	return many(v.s, "affiliation", affiliationRow.affiliation, `SELECT organisation, subject, role, valid_from, valid_to FROM affiliation
		WHERE role NOT IN (?, ?) AND`+stillOpen+` ORDER BY organisation, subject, role, valid_from`,
		string(register.RoleAdministrative), string(register.RoleManager), day.String())
}

// OpenMandates are those that have not ended.
func (v view) OpenMandates(day ident.Date) ([]register.Mandate, error) {
	return many(v.s, "mandate", mandateRow.mandate, mandateColumns+` WHERE`+stillOpen+` ORDER BY grantor, grantee, service, valid_from`, day.String())
}

// OpenLinks are those that no operation made.
func (v view) OpenLinks(day ident.Date) ([]register.TherapeuticLink, error) {
	return many(v.s, "therapeutic_link", linkRow.link, `SELECT patient, professional, type, valid_from, valid_to FROM therapeutic_link
		WHERE type <> ? AND`+stillOpen+` ORDER BY patient, professional, type, valid_from`, register.LinkOperation, day.String())
}
