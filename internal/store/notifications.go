package store

import (
	"slices"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

const notificationColumns = `n.seq, n.reference, n.version, n.state, n.change, n.change_reason, n.number, n.type, n.specialist, n.specialist_nihii, ` +
	`n.operation_date, n.patient, n.prescriber, n.prescriber_nihii, n.prescription_date, n.comment, ` +
	`n.registered_at, n.digest, n.signer, n.organisation, n.author, n.input_reference, n.content_digest`

// Conditions on the versions of a notification. Only the newest version has effect, and only when it is final. Versions
// are appended and never changed.
const (
	isNewestVersion  = `NOT EXISTS (SELECT 1 FROM notification newer WHERE newer.reference = n.reference AND newer.version > n.version)`
	andNewestVersion = ` AND ` + isNewestVersion
	andInForce       = ` AND n.state = 'Final'` + andNewestVersion
)

// implantColumns has one parameter: the last day on which removals count.
const implantColumns = `i.reference, i.version, i.line, i.id, i.code, i.udi, i.lot, i.serial, i.expiry, i.pharmacist, ` +
	`i.pharmacist_nihii, i.pharmacy_nihii, i.pharmacy_cbe, i.delivery_date, i.quantity, i.location, i.side, i.udi_di, ` +
	`i.unregistered, n.number, n.patient, n.operation_date, i.quantity - ` + removedQuantity + ` AS remaining, ` +
	`(n.state = 'Final'` + andNewestVersion + `) AS in_force, ` +
	`COALESCE(d.code, '') AS "device.code", COALESCE(d.name, '') AS "device.name", ` +
	`COALESCE(d.reference, '') AS "device.reference", COALESCE(d.manufacturer, '') AS "device.manufacturer", ` +
	`COALESCE(d.distributor, '') AS "device.distributor", COALESCE(d.classification, '') AS "device.classification", ` +
	`COALESCE(d.category, '') AS "device.category", COALESCE(d.udi_dis, '') AS "device.udi_dis", ` +
	`COALESCE(d.status, '') AS "device.status", COALESCE(d.valid_from, '') AS "device.valid_from", ` +
	`COALESCE(d.deleted_on, '') AS "device.deleted_on"`

// removedQuantity is how many pieces of an implant line explantations removed, up to and including a day.
const removedQuantity = `COALESCE((SELECT SUM(r.quantity) FROM removal r JOIN notification e ON e.reference = r.reference ` +
	`AND e.version = r.version WHERE r.implant_id = i.id AND r.operation_date <= ? AND e.state = 'Final' ` +
	`AND NOT EXISTS (SELECT 1 FROM notification later WHERE later.reference = r.reference AND later.version > r.version)), 0)`

// registrationOrder sorts numbered notifications in the order in which they first became final: by the day of the
// number, then by its sequence number, which has more digits on a busy day. The time of the newest version plays no
// role.
const registrationOrder = `substr(n.number, 1, 8), length(n.number), n.number`

// implantTables joins each implant with its notification and with the device list: by code, or else by device
// identifier.
const implantTables = ` FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version ` +
	`LEFT JOIN device d ON d.code = CASE WHEN i.code <> '' THEN i.code ELSE (` + selectCodeByDI + `i.udi_di` + preferActive + `) END`

// maxDate is later than the day of any removal.
const maxDate = "9999-12-31"

// NotificationByNumber returns the newest version of a notification that is or was final.
func (r txReader) NotificationByNumber(number ident.NotificationNumber) (implants.Notification, bool, error) {
	return r.findNotification(`n.number = ? AND n.number <> ''`+andNewestVersion, number.Digits())
}

// NotificationByInputReference returns the version that a signer's submission with an idempotency key created.
func (r txReader) NotificationByInputReference(signer, inputReference string) (implants.Notification, bool, error) {
	var sent versionKey
	signers, err := r.signerColumns(signer)
	if err != nil {
		return implants.Notification{}, false, err
	}
	for _, column := range signers {
		found, err := r.tx.selectRow(&sent, `SELECT reference, version FROM submission WHERE signer = ? AND input_reference = ?`,
			column, inputReference)
		if err != nil {
			return implants.Notification{}, false, err
		}
		if found {
			return r.findNotification(`n.reference = ? AND n.version = ?`, sent.Reference, sent.Version)
		}
	}
	return implants.Notification{}, false, nil
}

func (r txReader) findNotification(condition string, args ...any) (implants.Notification, bool, error) {
	found, err := r.findNotifications(condition, args...)
	if err != nil || len(found) == 0 {
		return implants.Notification{}, false, err
	}
	return found[0], true, nil
}

// NotificationByReference returns the newest version, in any state.
func (r txReader) NotificationByReference(reference string) (implants.Notification, bool, error) {
	return r.findNotification(`n.reference = ?`+andNewestVersion, reference)
}

// Versions returns the versions of a notification, oldest first.
func (r txReader) Versions(reference string) ([]implants.VersionSummary, error) {
	return queryAll(r.tx, "notification", revisionRow.toRevision, `SELECT reference, version, patient, registered_at, organisation,
		author, state, change, change_reason FROM notification WHERE reference = ? ORDER BY version`, reference)
}

// NotificationsByPatient returns a patient's notifications in force, in the order of the surgery dates.
func (r txReader) NotificationsByPatient(patient ident.SSIN) ([]implants.Notification, error) {
	p, err := r.tx.findPerson(patient)
	if err != nil || p == nil {
		return nil, err
	}
	condition, args := p.columnCondition(`n.patient`)
	return r.findNotifications(condition+andInForce, args...)
}

// findNotifications reads complete notifications with four statements, or more when there are very many. It selects the
// lines by version, not by the condition again: in a writing transaction, another one may have stored a newer version
// in between.
func (r txReader) findNotifications(condition string, args ...any) ([]implants.Notification, error) {
	var rows []notificationRow
	err := r.tx.selectRows(&rows, `SELECT `+notificationColumns+` FROM notification n WHERE `+condition+
		` ORDER BY n.operation_date, `+registrationOrder, args...)
	if err != nil {
		return nil, err
	}
	found, err := convertRows(r.tx, rows, "notification", notificationRow.toNotification)
	if err != nil {
		return nil, err
	}
	byVersion := make(map[versionKey]*implants.Notification, len(found))
	rowNumbers := make([]any, len(found))
	for i := range found {
		byVersion[rows[i].versionKey], rowNumbers[i] = &found[i], rows[i].Seq
	}
	for chunk := range slices.Chunk(rowNumbers, maxListParameters) {
		if err := r.loadLines(byVersion, chunk); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// loadLines reads the implants, removals and warnings of the versions with the given row numbers, and appends each to
// its notification.
func (r txReader) loadLines(byVersion map[versionKey]*implants.Notification, rowNumbers []any) error {
	list, args := paddedInList(rowNumbers)
	var implantList []implantRow
	err := r.tx.selectRows(&implantList, `SELECT `+implantColumns+implantTables+` WHERE n.seq IN `+list+` ORDER BY i.line`,
		append([]any{maxDate}, args...)...)
	if err != nil {
		return err
	}
	converted, err := convertRows(r.tx, implantList, "implant", implantRow.toImplant)
	if err != nil {
		return err
	}
	for i, row := range implantList {
		n := byVersion[row.versionKey]
		n.Implants = append(n.Implants, converted[i])
	}
	var removals []removalRow
	if err = r.tx.selectRows(&removals, removalColumns+` WHERE n.seq IN `+list+` ORDER BY r.line`, args...); err != nil {
		return err
	}
	removed, err := convertRows(r.tx, removals, "removal", removalRow.toRemoval)
	if err != nil {
		return err
	}
	for i, row := range removals {
		n := byVersion[row.versionKey]
		n.Removals = append(n.Removals, removed[i])
	}
	var warnings []warningRow
	err = r.tx.selectRows(&warnings, `SELECT w.reference, w.version, w.code, w.path, w.facts
		FROM notification n JOIN warning w ON w.reference = n.reference AND w.version = n.version
		WHERE n.seq IN `+list+` ORDER BY w.line`, args...)
	if err != nil {
		return err
	}
	for _, row := range warnings {
		n := byVersion[row.versionKey]
		n.Warnings = append(n.Warnings, implants.Warning{Code: problem.Code(row.Code), Path: row.Path, Detail: texts.Decode(row.Facts)})
	}
	return nil
}

// removalColumns includes SELECT and FROM.
const removalColumns = `SELECT r.reference, r.version, r.line, n.patient, r.implant_id, r.quantity, r.reason, r.remaining, r.operation_date ` +
	`FROM notification n JOIN removal r ON r.reference = n.reference AND r.version = n.version`

// Implant returns the newest version of an implant line, with the quantity that remains now.
func (r txReader) Implant(id string) (implants.Implant, bool, error) {
	return queryOne(r.tx, "implant", implantRow.toImplant, `SELECT `+implantColumns+implantTables+` WHERE i.id = ?
		ORDER BY i.version DESC LIMIT 1`, maxDate, id)
}

// RemovalsByImplant returns the removals of an implant that are in force, in the order of the surgery dates.
func (r txReader) RemovalsByImplant(implantID string) ([]implants.Removal, error) {
	return queryAll(r.tx, "removal", removalRow.toRemovalWithNotification, removalColumns+` WHERE r.implant_id = ?`+andInForce+`
		ORDER BY r.operation_date, `+registrationOrder+`, r.line`, implantID)
}

// ImplantsByPatient returns the implants that a patient had received by the end of a day, with the quantities that
// remained then.
func (r txReader) ImplantsByPatient(patient ident.SSIN, day ident.Date) ([]implants.Implant, error) {
	upTo := day.String()
	if day.IsZero() {
		upTo = maxDate
	}
	p, err := r.tx.findPerson(patient)
	if err != nil || p == nil {
		return nil, err
	}
	condition, ids := p.columnCondition(`n.patient`)
	return queryAll(r.tx, "implant", implantRow.toImplant, `SELECT `+implantColumns+implantTables+
		` WHERE `+condition+` AND n.operation_date <= ? AND NOT i.unregistered`+andInForce+
		` ORDER BY n.operation_date, `+registrationOrder+`, i.line`, slices.Concat([]any{upTo}, ids, []any{upTo})...)
}

// IsSerialImplanted reports whether a product with this serial number is in a patient now.
func (r txReader) IsSerialImplanted(serial string, code ident.NotificationCode, udiDI string) (bool, error) {
	var unused int
	return r.tx.selectRow(&unused, `SELECT 1 FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version
		WHERE i.serial = ? AND i.serial <> '' AND NOT i.unregistered
		AND (i.code = ? AND i.code <> '' OR i.udi_di = ? AND i.udi_di <> '')
		AND i.quantity > `+removedQuantity+andInForce+` LIMIT 1`, serial, code.Digits(), udiDI, maxDate)
}
