package store

import (
	"slices"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

const notificationColumns = `n.seq, n.reference, n.version, n.state, n.change, n.change_reason, n.number, n.type, n.specialist, n.specialist_nihii, ` +
	`n.operation_date, n.patient, n.prescriber, n.prescriber_nihii, n.prescription_date, n.comment, ` +
	`n.registered_at, n.digest, n.signer, n.organisation, n.author, n.input_reference, n.content_digest`

// Only the newest version of a notification counts, and only when it is final. Versions are only ever appended.
const (
	newest  = `NOT EXISTS (SELECT 1 FROM notification newer WHERE newer.reference = n.reference AND newer.version > n.version)`
	current = ` AND ` + newest
	inForce = ` AND n.state = 'Final'` + current
)

// implantColumns take one parameter: the day up to which removals count.
const implantColumns = `i.reference, i.version, i.line, i.id, i.code, i.udi, i.lot, i.serial, i.expiry, i.pharmacist, ` +
	`i.pharmacist_nihii, i.pharmacy_nihii, i.pharmacy_cbe, i.delivery_date, i.quantity, i.location, i.side, i.udi_di, ` +
	`i.unregistered, n.number, n.patient, n.operation_date, i.quantity - ` + removed + ` AS remaining, ` +
	`(n.state = 'Final'` + current + `) AS in_force, ` +
	`COALESCE(d.code, '') AS "device.code", COALESCE(d.name, '') AS "device.name", ` +
	`COALESCE(d.reference, '') AS "device.reference", COALESCE(d.manufacturer, '') AS "device.manufacturer", ` +
	`COALESCE(d.distributor, '') AS "device.distributor", COALESCE(d.classification, '') AS "device.classification", ` +
	`COALESCE(d.category, '') AS "device.category", COALESCE(d.udi_dis, '') AS "device.udi_dis", ` +
	`COALESCE(d.status, '') AS "device.status", COALESCE(d.valid_from, '') AS "device.valid_from", ` +
	`COALESCE(d.deleted_on, '') AS "device.deleted_on"`

// removed is how many of an implant line explantations took away, up to and including a day.
const removed = `COALESCE((SELECT SUM(r.quantity) FROM removal r JOIN notification e ON e.reference = r.reference ` +
	`AND e.version = r.version WHERE r.implant_id = i.id AND r.operation_date <= ? AND e.state = 'Final' ` +
	`AND NOT EXISTS (SELECT 1 FROM notification later WHERE later.reference = r.reference AND later.version > r.version)), 0)`

// registered puts notifications with a number in the order in which they first became final: by the day of the number,
// and on the day by the running number, which may be wider than those before it. The newest version may be much younger.
const registered = `substr(n.number, 1, 8), length(n.number), n.number`

// implantTables join each implant with its notification and with the device list: by code, or else by device identifier.
const implantTables = ` FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version ` +
	`LEFT JOIN device d ON d.code = CASE WHEN i.code <> '' THEN i.code ELSE (` + codeOfDI + `i.udi_di` + firstActive + `) END`

// anyDay is later than every day on which something can have been removed.
const anyDay = "9999-12-31"

// Notification finds the current version of one that has been final.
func (v view) Notification(number ident.NotificationNumber) (register.Notification, bool, error) {
	return v.notification(`n.number = ? AND n.number <> ''`+current, number.Digits())
}

// Submission finds what a signer sent under an InputReference, in the version that it became then.
func (v view) Submission(signer, inputReference string) (register.Notification, bool, error) {
	var sent version
	signers, err := v.signers(signer)
	if err != nil {
		return register.Notification{}, false, err
	}
	for _, kept := range signers {
		found, err := v.s.get(&sent, `SELECT reference, version FROM submission WHERE signer = ? AND input_reference = ?`,
			kept, inputReference)
		if err != nil {
			return register.Notification{}, false, err
		}
		if found {
			return v.notification(`n.reference = ? AND n.version = ?`, sent.Reference, sent.Version)
		}
	}
	return register.Notification{}, false, nil
}

func (v view) notification(condition string, args ...any) (register.Notification, bool, error) {
	found, err := v.notifications(condition, args...)
	if err != nil || len(found) == 0 {
		return register.Notification{}, false, err
	}
	return found[0], true, nil
}

// ByReference finds the current version, in whatever state.
func (v view) ByReference(reference string) (register.Notification, bool, error) {
	return v.notification(`n.reference = ?`+current, reference)
}

// Versions is a notification's history, oldest first.
func (v view) Versions(reference string) ([]register.Revision, error) {
	return many(v.s, "notification", revisionRow.revision, `SELECT reference, version, patient, registered_at, organisation,
		author, state, change, change_reason FROM notification WHERE reference = ? ORDER BY version`, reference)
}

// History is a patient's notifications that count, in the order of the operations.
func (v view) History(patient ident.SSIN) ([]register.Notification, error) {
	p, err := v.s.person(patient)
	if err != nil || p == nil {
		return nil, err
	}
	of, args := p.in(`n.patient`)
	return v.notifications(of+inForce, args...)
}

// notifications reads whole notifications: four statements, unless they are very many. The lines are asked for by version,
// not once more by the condition: in a transaction that writes, another one may have kept a newer version meanwhile.
func (v view) notifications(condition string, args ...any) ([]register.Notification, error) {
	var rows []notificationRow
	err := v.s.all(&rows, `SELECT `+notificationColumns+` FROM notification n WHERE `+condition+
		` ORDER BY n.operation_date, `+registered, args...)
	if err != nil {
		return nil, err
	}
	found, err := each(v.s, rows, "notification", notificationRow.notification)
	if err != nil {
		return nil, err
	}
	place := make(map[version]*register.Notification, len(found))
	places := make([]any, len(found))
	for i := range found {
		place[rows[i].version], places[i] = &found[i], rows[i].Seq
	}
	for some := range slices.Chunk(places, askedAtOnce) {
		if err := v.lines(place, some); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lines reads the implants, removals and warnings of some versions, each into its place.
func (v view) lines(place map[version]*register.Notification, places []any) error {
	list, args := filled(places)
	var implants []implantRow
	err := v.s.all(&implants, `SELECT `+implantColumns+implantTables+` WHERE n.seq IN `+list+` ORDER BY i.line`,
		append([]any{anyDay}, args...)...)
	if err != nil {
		return err
	}
	placed, err := each(v.s, implants, "implant", implantRow.implant)
	if err != nil {
		return err
	}
	for i, row := range implants {
		n := place[row.version]
		n.Implants = append(n.Implants, placed[i])
	}
	var removals []removalRow
	if err = v.s.all(&removals, removalColumns+` WHERE n.seq IN `+list+` ORDER BY r.line`, args...); err != nil {
		return err
	}
	removed, err := each(v.s, removals, "removal", removalRow.removal)
	if err != nil {
		return err
	}
	for i, row := range removals {
		n := place[row.version]
		n.Removals = append(n.Removals, removed[i])
	}
	var warnings []warningRow
	err = v.s.all(&warnings, `SELECT w.reference, w.version, w.code, w.path, w.facts
		FROM notification n JOIN warning w ON w.reference = n.reference AND w.version = n.version
		WHERE n.seq IN `+list+` ORDER BY w.line`, args...)
	if err != nil {
		return err
	}
	for _, row := range warnings {
		n := place[row.version]
		n.Warnings = append(n.Warnings, register.Warning{Code: problem.Code(row.Code), At: row.Path, Public: row.Facts})
	}
	return nil
}

// removalColumns is a whole list of columns and tables.
const removalColumns = `SELECT r.reference, r.version, r.line, n.patient, r.implant_id, r.quantity, r.reason, r.remaining, r.operation_date ` +
	`FROM notification n JOIN removal r ON r.reference = n.reference AND r.version = n.version`

// Implant finds an implant, with what remains of it now.
func (v view) Implant(id string) (register.Implant, bool, error) {
	return one(v.s, "implant", implantRow.implant, `SELECT `+implantColumns+implantTables+` WHERE i.id = ?
		ORDER BY i.version DESC LIMIT 1`, anyDay, id)
}

// RemovalsOf are the removals of an implant that count, in the order of the operations.
func (v view) RemovalsOf(implantID string) ([]register.Removal, error) {
	return many(v.s, "removal", removalRow.withOperation, removalColumns+` WHERE r.implant_id = ?`+inForce+`
		ORDER BY r.operation_date, `+registered+`, r.line`, implantID)
}

// Implants are the ones that a patient had got by the end of a day, with what remained of them then.
func (v view) Implants(patient ident.SSIN, day ident.Date) ([]register.Implant, error) {
	upTo := day.String()
	if day.IsZero() {
		upTo = anyDay
	}
	p, err := v.s.person(patient)
	if err != nil || p == nil {
		return nil, err
	}
	of, ids := p.in(`n.patient`)
	return many(v.s, "implant", implantRow.implant, `SELECT `+implantColumns+implantTables+
		` WHERE `+of+` AND n.operation_date <= ? AND NOT i.unregistered`+inForce+
		` ORDER BY n.operation_date, `+registered+`, i.line`, slices.Concat([]any{upTo}, ids, []any{upTo})...)
}

// SerialInPatient reports whether the same serial number of the same product is in a patient now.
func (v view) SerialInPatient(serial string, code ident.NotificationCode, udiDI string) (bool, error) {
	var there int
	return v.s.get(&there, `SELECT 1 FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version
		WHERE i.serial = ? AND i.serial <> '' AND NOT i.unregistered
		AND (i.code = ? AND i.code <> '' OR i.udi_di = ? AND i.udi_di <> '')
		AND i.quantity > `+removed+inForce+` LIMIT 1`, serial, code.Digits(), udiDI, anyDay)
}
