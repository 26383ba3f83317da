package store

import (
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

const notificationColumns = `n.reference, n.version, n.state, n.number, n.type, n.specialist_ssin, n.specialist_nihii, ` +
	`n.operation_date, n.patient_ssin, n.prescriber_ssin, n.prescriber_nihii, n.prescription_date, n.comment, ` +
	`n.registered_at, n.digest, n.signer, n.organisation, n.author, n.input_reference, n.content_digest`

// current restricts to the newest version of each notification: versions are only ever appended.
const current = ` AND NOT EXISTS (SELECT 1 FROM notification newer WHERE newer.reference = n.reference AND newer.version > n.version)`

// implantColumns take one parameter: the day up to which removals count.
const implantColumns = `i.reference, i.version, i.id, i.code, i.udi, i.lot, i.serial, i.expiry, i.pharmacist_ssin, ` +
	`i.pharmacist_nihii, i.pharmacy_nihii, i.pharmacy_cbe, i.delivery_date, i.quantity, i.location, i.side, i.udi_di, ` +
	`i.unregistered, n.number, n.patient_ssin, n.operation_date, i.quantity - ` + removed + ` AS remaining, ` +
	`COALESCE(d.code, '') AS "device.code", COALESCE(d.name, '') AS "device.name", ` +
	`COALESCE(d.reference, '') AS "device.reference", COALESCE(d.manufacturer, '') AS "device.manufacturer", ` +
	`COALESCE(d.distributor, '') AS "device.distributor", COALESCE(d.classification, '') AS "device.classification", ` +
	`COALESCE(d.category, '') AS "device.category", COALESCE(d.udi_dis, '') AS "device.udi_dis", ` +
	`COALESCE(d.status, '') AS "device.status", COALESCE(d.valid_from, '') AS "device.valid_from", ` +
	`COALESCE(d.deleted_on, '') AS "device.deleted_on"`

// removed is how many of an implant line explantations took away, up to and including a day.
const removed = `COALESCE((SELECT SUM(r.quantity) FROM removal r WHERE r.implant_id = i.id AND r.operation_date <= ? ` +
	`AND NOT EXISTS (SELECT 1 FROM notification later WHERE later.reference = r.reference AND later.version > r.version)), 0)`

// implantTables join each implant with its notification and with the device list: by code, or else by device identifier.
const implantTables = ` FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version ` +
	`LEFT JOIN device d ON d.code = CASE WHEN i.code <> '' THEN i.code ELSE (` + codeOfDI + `i.udi_di` + firstActive + `) END`

// anyDay is later than every day on which something can have been removed.
const anyDay = "9999-12-31"

// Notification finds the current version by number.
func (v view) Notification(number ident.NotificationNumber) (register.Notification, bool, error) {
	return v.notification(`n.number = ? AND n.number <> ''`+current, number.Digits())
}

// Submission finds what a signer sent under an InputReference, in the version that it became then.
func (v view) Submission(signer, inputReference string) (register.Notification, bool, error) {
	var sent version
	found, err := v.s.get(&sent, `SELECT reference, version FROM submission WHERE signer = ? AND input_reference = ?`,
		signer, inputReference)
	if err != nil || !found {
		return register.Notification{}, false, err
	}
	return v.notification(`n.reference = ? AND n.version = ?`, sent.Reference, sent.Version)
}

func (v view) notification(condition string, args ...any) (register.Notification, bool, error) {
	found, err := v.notifications(condition, args...)
	if err != nil || len(found) == 0 {
		return register.Notification{}, false, err
	}
	return found[0], true, nil
}

// History is a patient's notifications in the order of the operations.
func (v view) History(patient ident.SSIN) ([]register.Notification, error) {
	return v.notifications(`n.patient_ssin = ?`+current, patient.Digits())
}

// notifications reads whole notifications: four statements, however many they are.
func (v view) notifications(condition string, args ...any) ([]register.Notification, error) {
	found, err := many(v.s, "notification", notificationRow.notification, `SELECT `+notificationColumns+
		` FROM notification n WHERE `+condition+` ORDER BY n.operation_date, n.seq`, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	place := make(map[version]*register.Notification, len(found))
	for i := range found {
		place[version{found[i].Reference, found[i].Version}] = &found[i]
	}

	var implants []implantRow
	err = v.s.all(&implants, `SELECT `+implantColumns+implantTables+` WHERE `+condition+` ORDER BY n.seq, i.line`,
		append([]any{anyDay}, args...)...)
	if err != nil {
		return nil, err
	}
	var r reading
	for _, row := range implants {
		n := place[row.version]
		n.Implants = append(n.Implants, row.implant(&r))
	}
	var removals []removalRow
	err = v.s.all(&removals, `SELECT r.reference, r.version, r.implant_id, r.quantity, r.reason, r.remaining
		FROM notification n JOIN removal r ON r.reference = n.reference AND r.version = n.version
		WHERE `+condition+` ORDER BY n.seq, r.line`, args...)
	if err != nil {
		return nil, err
	}
	for _, row := range removals {
		n := place[row.version]
		n.Removals = append(n.Removals, register.Removal{ImplantID: row.ImplantID, Quantity: row.Quantity,
			Reason: row.Reason, Remaining: row.Remaining})
	}
	var warnings []warningRow
	err = v.s.all(&warnings, `SELECT w.reference, w.version, w.code, w.path, w.facts
		FROM notification n JOIN warning w ON w.reference = n.reference AND w.version = n.version
		WHERE `+condition+` ORDER BY n.seq, w.line`, args...)
	if err != nil {
		return nil, err
	}
	for _, row := range warnings {
		n := place[row.version]
		n.Warnings = append(n.Warnings, register.Warning{Code: problem.Code(row.Code), At: row.Path, Public: row.Facts})
	}
	return found, r.failure("implant")
}

// Implant finds an implant, with what remains of it now.
func (v view) Implant(id string) (register.Implant, bool, error) {
	return one(v.s, "implant", implantRow.implant, `SELECT `+implantColumns+implantTables+` WHERE i.id = ?`, anyDay, id)
}

// Implants are the ones that a patient had got by the end of a day, with what remained of them then.
func (v view) Implants(patient ident.SSIN, day ident.Date) ([]register.Implant, error) {
	upTo := day.String()
	if day.IsZero() {
		upTo = anyDay
	}
	return many(v.s, "implant", implantRow.implant, `SELECT `+implantColumns+implantTables+
		` WHERE n.patient_ssin = ? AND n.operation_date <= ? AND NOT i.unregistered`+current+
		` ORDER BY n.operation_date, n.seq, i.line`, upTo, patient.Digits(), upTo)
}

// SerialInPatient reports whether the same serial number of the same product is in a patient now.
func (v view) SerialInPatient(serial string, code ident.NotificationCode, udiDI string) (bool, error) {
	var there int
	return v.s.get(&there, `SELECT 1 FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version
		WHERE i.serial = ? AND i.serial <> '' AND NOT i.unregistered
		AND (i.code = ? AND i.code <> '' OR i.udi_di = ? AND i.udi_di <> '')
		AND i.quantity > `+removed+current+` LIMIT 1`, serial, code.Digits(), udiDI, anyDay)
}
