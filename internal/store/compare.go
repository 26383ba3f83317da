package store

import (
	"context"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// SourceReader reads the stored entries that an import compares an extract with.
type SourceReader interface {
	implants.Reader
	// DevicesByCode returns the devices that exist among the given codes.
	DevicesByCode(codes []ident.NotificationCode) (map[ident.NotificationCode]implants.Device, error)
	// CurrentSSIN returns the person's newest SSIN: the given one unless another replaced it.
	CurrentSSIN(ident.SSIN) (ident.SSIN, error)

	// ListedDevices returns up to limit devices that the device list has not deleted, in the order of their codes,
	// starting after the given code.
	ListedDevices(after string, limit int) ([]implants.Device, error)

	// The following methods return the entries that have not ended before the given day. They leave out the therapeutic
	// links that surgery created and the roles that organisations assign, because no extract contains them.

	UnexpiredAffiliations(day ident.Date) ([]implants.Affiliation, error)
	UnexpiredMandates(day ident.Date) ([]implants.Mandate, error)
	UnexpiredLinks(day ident.Date) ([]implants.TherapeuticLink, error)
}

// ReadSources runs f over one consistent view of the authentic sources.
func (db *DB) ReadSources(ctx context.Context, f func(SourceReader) error) error {
	return db.readTx(ctx, func(tx *tx) error { return f(txReader{tx}) })
}

// DevicesByCode returns the devices that exist among the given codes.
func (r txReader) DevicesByCode(codes []ident.NotificationCode) (map[ident.NotificationCode]implants.Device, error) {
	found := make(map[ident.NotificationCode]implants.Device, len(codes))
	for chunk := range slices.Chunk(codes, deviceBatchSize) {
		list, args := r.tx.dialect.codeCondition(chunk)
		devices, err := queryAll(r.tx, "device", deviceRow.toDevice, `SELECT `+deviceColumns+` FROM device d WHERE d.code `+list, args...)
		if err != nil {
			return nil, err
		}
		for i := range devices {
			found[devices[i].Code] = devices[i]
		}
	}
	return found, nil
}

// codeCondition is the end of a condition that a column equals one of the codes. For SQLite it pads the list, so that
// there is one statement to prepare; PostgreSQL reads one array parameter faster than hundreds of parameters.
func (d *dialect) codeCondition(codes []ident.NotificationCode) (string, []any) {
	if d.batchesInserts {
		texts := make([]string, len(codes))
		for i, code := range codes {
			texts[i] = code.Digits()
		}
		return `= ANY (CAST(? AS text[]))`, []any{pq.Array(texts)}
	}
	args := make([]any, deviceBatchSize)
	for i := range args {
		args[i] = codes[min(i, len(codes)-1)].Digits()
	}
	return `IN (?` + strings.Repeat(`, ?`, len(args)-1) + `)`, args
}

// CurrentSSIN returns the person's newest SSIN.
func (r txReader) CurrentSSIN(ssin ident.SSIN) (ident.SSIN, error) {
	p, err := r.tx.findPerson(ssin)
	if err != nil || p == nil {
		return ssin, err
	}
	return p.current.ssin, nil
}

// ListedDevices returns devices that the device list has not deleted.
func (r txReader) ListedDevices(after string, limit int) ([]implants.Device, error) {
	return queryAll(r.tx, "device", deviceRow.toDevice, `SELECT `+deviceColumns+` FROM device d
		WHERE d.code > ? AND (d.status = 'Active' OR d.status = 'Recalled' AND d.deleted_on = '') ORDER BY d.code LIMIT ?`, after, limit)
}

const andNotEnded = ` (valid_to = '' OR valid_to >= ?)`

// UnexpiredAffiliations returns the affiliations with roles that only the authentic source assigns.
func (r txReader) UnexpiredAffiliations(day ident.Date) ([]implants.Affiliation, error) {
	return queryAll(r.tx, "affiliation", affiliationRow.toAffiliation, `SELECT organisation, subject, role, valid_from, valid_to FROM affiliation
		WHERE role NOT IN (?, ?) AND`+andNotEnded+` ORDER BY organisation, subject, role, valid_from`,
		string(implants.RoleAdministrative), string(implants.RoleManager), day.String())
}

// UnexpiredMandates returns the mandates that have not ended before the day.
func (r txReader) UnexpiredMandates(day ident.Date) ([]implants.Mandate, error) {
	return queryAll(r.tx, "mandate", mandateRow.toMandate, mandateColumns+` WHERE`+andNotEnded+` ORDER BY grantor, grantee, service, valid_from`, day.String())
}

// UnexpiredLinks returns the therapeutic links that no surgery created.
func (r txReader) UnexpiredLinks(day ident.Date) ([]implants.TherapeuticLink, error) {
	return queryAll(r.tx, "therapeutic_link", therapeuticLinkRow.toTherapeuticLink, `SELECT patient, professional, type, valid_from, valid_to FROM therapeutic_link
		WHERE type <> ? AND`+andNotEnded+` ORDER BY patient, professional, type, valid_from`, implants.LinkTypeSurgery, day.String())
}
