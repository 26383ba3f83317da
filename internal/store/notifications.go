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

// Conditions on the versions of a notification. Only the newest version has effect, and only when it is final. Versions
// are appended and never changed.
const (
	newest  = `NOT EXISTS (SELECT 1 FROM notification newer WHERE newer.reference = n.reference AND newer.version > n.version)`
	current = ` AND ` + newest
	inForce = ` AND n.state = 'Final'` + current
)

// implantColumns has one parameter: the last day on which removals count.
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

// removedQuantity is how many pieces of an implant line explantations removed, up to and including a day.
const removed = `COALESCE((SELECT SUM(r.quantity) FROM removal r JOIN notification e ON e.reference = r.reference ` +
	`AND e.version = r.version WHERE r.implant_id = i.id AND r.operation_date <= ? AND e.state = 'Final' ` +
	`AND NOT EXISTS (SELECT 1 FROM notification later WHERE later.reference = r.reference AND later.version > r.version)), 0)`

// registrationOrder sorts numbered notifications in the order in which they first became final: by the day of the
// number, then by its sequence number, which has more digits on a busy day. The time of the newest version plays no
// role.
const registered = `substr(n.number, 1, 8), length(n.number), n.number`

// implantTables joins each implant with its notification and with the device list: by code, or else by device
// identifier.
const implantTables = ` FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version ` +
	`LEFT JOIN device d ON d.code = CASE WHEN i.code <> '' THEN i.code ELSE (` + codeOfDI + `i.udi_di` + firstActive + `) END`

// maxDate is later than the day of any removal.
const anyDay = "9999-12-31"

// NotificationByNumber returns the newest version of a notification that is or was final.
func (r view) NotificationByNumber(number ident.NotificationNumber) (register.Notification, bool, error) {
	return r.notification(`n.number = ? AND n.number <> ''`+current, number.Digits())
}

// NotificationByInputReference returns the version that a signer's submission with an idempotency key created.
func (r view) NotificationByInputReference(signer, inputReference string) (register.Notification, bool, error) {
	var sent version
	signers, err := r.signers(signer)
	if err != nil {
		return register.Notification{}, false, err
	}
	for _, column := range signers {
		found, err := r.s.get(&sent, `SELECT reference, version FROM submission WHERE signer = ? AND input_reference = ?`,
			column, inputReference)
		if err != nil {
			return register.Notification{}, false, err
		}
		if found {
			return r.notification(`n.reference = ? AND n.version = ?`, sent.Reference, sent.Version)
		}
	}
	return register.Notification{}, false, nil
}

func (r view) notification(condition string, args ...any) (register.Notification, bool, error) {
	found, err := r.notifications(condition, args...)
	if err != nil || len(found) == 0 {
		return register.Notification{}, false, err
	}
	return found[0], true, nil
}

// NotificationByReference returns the newest version, in any state.
func (r view) NotificationByReference(reference string) (register.Notification, bool, error) {
	return r.notification(`n.reference = ?`+current, reference)
}

// Versions returns the versions of a notification, oldest first.
func (r view) Versions(reference string) ([]register.VersionSummary, error) {
	return many(r.s, "notification", revisionRow.revision, `SELECT reference, version, patient, registered_at, organisation,
		author, state, change, change_reason FROM notification WHERE reference = ? ORDER BY version`, reference)
}

// NotificationsByPatient returns a patient's notifications in force, in the order of the surgery dates.
func (r view) NotificationsByPatient(patient ident.SSIN) ([]register.Notification, error) {
	p, err := r.s.person(patient)
	if err != nil || p == nil {
		return nil, err
	}
	condition, args := p.in(`n.patient`)
	return r.notifications(condition+inForce, args...)
}

// findNotifications reads complete notifications with four statements, or more when there are very many. It selects the
// lines by version, not by the condition again: in a writing transaction, another one may have stored a newer version
// in between.
func (r view) notifications(condition string, args ...any) ([]register.Notification, error) {
	var rows []notificationRow
	err := r.s.all(&rows, `SELECT `+notificationColumns+` FROM notification n WHERE `+condition+
		` ORDER BY n.operation_date, `+registered, args...)
	if err != nil {
		return nil, err
	}
	found, err := each(r.s, rows, "notification", notificationRow.notification)
	if err != nil {
		return nil, err
	}
	byVersion := make(map[version]*register.Notification, len(found))
	rowNumbers := make([]any, len(found))
	for i := range found {
		byVersion[rows[i].version], rowNumbers[i] = &found[i], rows[i].Seq
	}
	for chunk := range slices.Chunk(rowNumbers, askedAtOnce) {
		if err := r.lines(byVersion, chunk); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// loadLines reads the implants, removals and warnings of the versions with the given row numbers, and appends each to
// its notification.
func (r view) lines(byVersion map[version]*register.Notification, rowNumbers []any) error {
	list, args := filled(rowNumbers)
	var implants []implantRow
	err := r.s.all(&implants, `SELECT `+implantColumns+implantTables+` WHERE n.seq IN `+list+` ORDER BY i.line`,
		append([]any{anyDay}, args...)...)
	if err != nil {
		return err
	}
	converted, err := each(r.s, implants, "implant", implantRow.implant)
	if err != nil {
		return err
	}
	for i, row := range implants {
		n := byVersion[row.version]
		n.Implants = append(n.Implants, converted[i])
	}
	var removals []removalRow
	if err = r.s.all(&removals, removalColumns+` WHERE n.seq IN `+list+` ORDER BY r.line`, args...); err != nil {
		return err
	}
	removed, err := each(r.s, removals, "removal", removalRow.removal)
	if err != nil {
		return err
	}
	for i, row := range removals {
		n := byVersion[row.version]
		n.Removals = append(n.Removals, removed[i])
	}
	var warnings []warningRow
	err = r.s.all(&warnings, `SELECT w.reference, w.version, w.code, w.path, w.facts
		FROM notification n JOIN warning w ON w.reference = n.reference AND w.version = n.version
		WHERE n.seq IN `+list+` ORDER BY w.line`, args...)
	if err != nil {
		return err
	}
	for _, row := range warnings {
		n := byVersion[row.version]
		n.Warnings = append(n.Warnings, register.Warning{Code: problem.Code(row.Code), Path: row.Path, Detail: row.Facts})
	}
	return nil
}

// removalColumns includes SELECT and FROM.
const removalColumns = `SELECT r.reference, r.version, r.line, n.patient, r.implant_id, r.quantity, r.reason, r.remaining, r.operation_date ` +
	`FROM notification n JOIN removal r ON r.reference = n.reference AND r.version = n.version`

// Implant returns the newest version of an implant line, with the quantity that remains now.
func (r view) Implant(id string) (register.Implant, bool, error) {
	return one(r.s, "implant", implantRow.implant, `SELECT `+implantColumns+implantTables+` WHERE i.id = ?
		ORDER BY i.version DESC LIMIT 1`, anyDay, id)
}

// RemovalsByImplant returns the removals of an implant that are in force, in the order of the surgery dates.
func (r view) RemovalsByImplant(implantID string) ([]register.Removal, error) {
	return many(r.s, "removal", removalRow.withOperation, removalColumns+` WHERE r.implant_id = ?`+inForce+`
		ORDER BY r.operation_date, `+registered+`, r.line`, implantID)
}

// ImplantsByPatient returns the implants that a patient had received by the end of a day, with the quantities that
// remained then.
func (r view) ImplantsByPatient(patient ident.SSIN, day ident.Date) ([]register.Implant, error) {
	upTo := day.String()
	if day.IsZero() {
		upTo = anyDay
	}
	p, err := r.s.person(patient)
	if err != nil || p == nil {
		return nil, err
	}
	condition, ids := p.in(`n.patient`)
	return many(r.s, "implant", implantRow.implant, `SELECT `+implantColumns+implantTables+
		` WHERE `+condition+` AND n.operation_date <= ? AND NOT i.unregistered`+inForce+
		` ORDER BY n.operation_date, `+registered+`, i.line`, slices.Concat([]any{upTo}, ids, []any{upTo})...)
}

// IsSerialImplanted reports whether a product with this serial number is in a patient now.
func (r view) IsSerialImplanted(serial string, code ident.NotificationCode, udiDI string) (bool, error) {
	var unused int
	return r.s.get(&unused, `SELECT 1 FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version
		WHERE i.serial = ? AND i.serial <> '' AND NOT i.unregistered
		AND (i.code = ? AND i.code <> '' OR i.udi_di = ? AND i.udi_di <> '')
		AND i.quantity > `+removed+inForce+` LIMIT 1`, serial, code.Digits(), udiDI, anyDay)
}
