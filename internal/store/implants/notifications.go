package implants

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// Conditions on the versions of a notification. Only the newest version has effect, and only when it is final. Versions
// are appended and never changed.
const (
	isNewestVersion = `NOT EXISTS (SELECT 1 FROM notification newer WHERE newer.reference = n.reference ` +
		`AND newer.version > n.version)`
	andNewestVersion = ` AND ` + isNewestVersion
	// AndInForce continues a condition on a notification n.
	AndInForce = ` AND n.state = 'Final'` + andNewestVersion
)

// selectImplants has one parameter: the last day on which removals count.
var selectImplants = `SELECT ` + implantTable.Columns("i") + `, n.number, n.patient, n.operation_date, i.quantity - ` +
	RemovedQuantity +
	` AS remaining, (n.state = 'Final'` + andNewestVersion + `) AS in_force, ` + optionalDeviceColumns() + implantTables

// optionalDeviceColumns selects the columns of a device that may be absent, which are then empty.
func optionalDeviceColumns() string {
	var columns []string
	for _, column := range engine.ColumnsOf[deviceRow]() {
		columns = append(columns, `COALESCE(d.`+column+`, '') AS "device.`+column+`"`)
	}
	return strings.Join(columns, ", ")
}

// RemovedQuantity is how many pieces of an implant line explantations removed, up to and including a day.
const RemovedQuantity = `COALESCE((SELECT SUM(r.quantity) FROM removal r JOIN notification e ON ` +
	`e.reference = r.reference AND e.version = r.version WHERE r.implant_id = i.id AND r.operation_date <= ? ` +
	`AND e.state = 'Final' AND NOT EXISTS (SELECT 1 FROM notification later WHERE later.reference = r.reference AND ` +
	`later.version > r.version)), 0)`

// registrationOrder sorts numbered notifications in the order in which they first became final: by the day of the
// number, then by its sequence number, which has more digits on a busy day. The time of the newest version plays no
// role.
const registrationOrder = `substr(n.number, 1, 8), length(n.number), n.number`

// implantTables joins each implant with its notification and with the device list: by code, or else by device
// identifier.
const implantTables = ` FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version ` +
	`LEFT JOIN device d ON d.code = CASE WHEN i.code <> '' THEN i.code ELSE (` + selectCodeByDI + `i.udi_di` +
	preferActive + `) END`

// MaxDate is later than the day of any removal.
const MaxDate = "9999-12-31"

var selectNotifications = `SELECT n.seq, ` + notificationTable.Columns("n") + ` FROM notification n`

// NotificationByNumber returns the newest version of a notification that is or was final.
func (r Reader) NotificationByNumber(number ident.NotificationNumber) (implants.Notification, bool, error) {
	return r.findNotification(`n.number = ? AND n.number <> ''`+andNewestVersion, number.Digits())
}

// NotificationByInputReference returns the version that a signer's submission with an idempotency key created.
func (r Reader) NotificationByInputReference(signer, inputReference string) (implants.Notification, bool, error) {
	var sent versionKey
	signers, err := r.tx.SignerColumns(signer)
	if err != nil {
		return implants.Notification{}, false, err
	}
	if sent, err = submittedVersion(r.tx, signers, inputReference); err != nil || sent == (versionKey{}) {
		return implants.Notification{}, false, err
	}
	return r.findNotification(`n.reference = ? AND n.version = ?`, sent.Reference, sent.Version)
}

// submittedVersion returns the version that the submission of a signer with an idempotency key created, or none.
func submittedVersion(tx *identity.Tx, signers []any, inputReference string) (versionKey, error) {
	var sent versionKey
	hashes, err := tx.HashText(inputReferenceUse, inputReference)
	if err != nil || len(signers) == 0 || len(hashes) == 0 {
		return sent, err
	}
	_, err = tx.SelectRow(&sent, `SELECT reference, version FROM submission WHERE signer IN `+
		engine.InList(len(signers))+` AND input_reference IN `+engine.InList(len(hashes))+` LIMIT 1`,
		append(signers, engine.ToArgs(hashes)...)...)
	return sent, err
}

func (r Reader) findNotification(condition string, args ...any) (implants.Notification, bool, error) {
	found, err := r.findNotifications(condition, args...)
	if err != nil || len(found) == 0 {
		return implants.Notification{}, false, err
	}
	return found[0], true, nil
}

// NotificationByReference returns the newest version, in any state.
func (r Reader) NotificationByReference(reference string) (implants.Notification, bool, error) {
	return r.findNotification(`n.reference = ?`+andNewestVersion, reference)
}

// Versions returns the versions of a notification, oldest first.
func (r Reader) Versions(reference string) ([]implants.VersionSummary, error) {
	return identity.QueryAll(r.tx, "notification", revisionRow.toRevision,
		`SELECT reference, version, patient, registered_at, organisation,
		author, state, change, change_reason FROM notification WHERE reference = ? ORDER BY version`, reference)
}

// NotificationsByPatient returns a patient's notifications in force, in the order of the surgery dates.
func (r Reader) NotificationsByPatient(patient, specialist ident.SSIN) ([]implants.Notification, error) {
	where, err := r.patientConditions(patient, specialist)
	if err != nil {
		return nil, err
	}
	return r.findNotifications(where.String()+AndInForce, where.Args...)
}

// patientConditions selects the notifications about a patient, by one specialist unless specialist is zero.
func (r Reader) patientConditions(patient, specialist ident.SSIN) (*engine.Conditions, error) {
	where := &engine.Conditions{}
	err := r.addPerson(where, `n.patient`, identity.Patient, patient)
	if err == nil && !specialist.IsZero() {
		err = r.addPerson(where, `n.specialist`, identity.Professional, specialist)
	}
	return where, err
}

// addPerson adds a condition on a column of pseudonym ids.
func (r Reader) addPerson(where *engine.Conditions, column string, of identity.Purpose, ssin ident.SSIN) error {
	ids, err := r.tx.FindIDs(of, ssin)
	where.Add(column+` IN `+engine.InList(len(ids)), engine.ToArgs(ids)...)
	return err
}

// findNotifications reads complete notifications with four statements, or more when there are very many. It selects the
// lines by version, not by the condition again: in a writing transaction, another one may have stored a newer version
// in between.
func (r Reader) findNotifications(condition string, args ...any) ([]implants.Notification, error) {
	var rows []notificationRow
	err := r.tx.SelectRows(&rows, selectNotifications+` WHERE `+condition+
		` ORDER BY n.operation_date, `+registrationOrder, args...)
	if err != nil {
		return nil, err
	}
	found, err := identity.ConvertRows(r.tx, rows, "notification", notificationRow.toNotification)
	if err != nil {
		return nil, err
	}
	byVersion := make(map[versionKey]*implants.Notification, len(found))
	rowNumbers := make([]any, len(found))
	for i := range found {
		byVersion[rows[i].versionKey], rowNumbers[i] = &found[i], rows[i].Seq
	}
	for chunk := range slices.Chunk(rowNumbers, engine.MaxListParameters) {
		if err := r.loadLines(byVersion, chunk); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// loadLines reads the implants, removals and warnings of the versions with the given row numbers, and appends each to
// its notification.
func (r Reader) loadLines(byVersion map[versionKey]*implants.Notification, rowNumbers []any) error {
	list, args := engine.PaddedInList(rowNumbers)
	var implantList []foundImplantRow
	err := r.tx.SelectRows(&implantList, selectImplants+` WHERE n.seq IN `+list+` ORDER BY i.line`,
		append([]any{MaxDate}, args...)...)
	if err != nil {
		return err
	}
	converted, err := identity.ConvertRows(r.tx, implantList, "implant", foundImplantRow.toImplant)
	if err != nil {
		return err
	}
	for i, row := range implantList {
		n := byVersion[row.versionKey]
		n.Implants = append(n.Implants, converted[i])
	}
	var removals []foundRemovalRow
	if err = r.tx.SelectRows(
		&removals,
		selectRemovals+` WHERE n.seq IN `+list+` ORDER BY r.line`,
		args...); err != nil {
		return err
	}
	removed, err := identity.ConvertRows(r.tx, removals, "removal", foundRemovalRow.toRemoval)
	if err != nil {
		return err
	}
	for i, row := range removals {
		n := byVersion[row.versionKey]
		n.Removals = append(n.Removals, removed[i])
	}
	var warnings []warningRow
	err = r.tx.SelectRows(&warnings, `SELECT `+warningTable.Columns("w")+`
		FROM notification n JOIN warning w ON w.reference = n.reference AND w.version = n.version
		WHERE n.seq IN `+list+` ORDER BY w.line`, args...)
	if err != nil {
		return err
	}
	for _, row := range warnings {
		n := byVersion[row.versionKey]
		n.Warnings = append(n.Warnings, row.toWarning())
	}
	return nil
}

var selectRemovals = `SELECT ` + removalTable.Columns("r") + `, n.patient FROM notification n JOIN removal r ` +
	`ON r.reference = n.reference AND r.version = n.version`

// Implant returns the newest version of an implant line, with the quantity that remains now.
func (r Reader) Implant(id string) (implants.Implant, bool, error) {
	return identity.QueryOne(r.tx, "implant", foundImplantRow.toImplant, selectImplants+` WHERE i.id = ?
		ORDER BY i.version DESC LIMIT 1`, MaxDate, id)
}

// RemovalsByImplant returns the removals of an implant that are in force, in the order of the surgery dates.
func (r Reader) RemovalsByImplant(implantID string) ([]implants.Removal, error) {
	return identity.QueryAll(r.tx, "removal", foundRemovalRow.toRemovalWithNotification, selectRemovals+
		` WHERE r.implant_id = ?`+AndInForce+`
		ORDER BY r.operation_date, `+registrationOrder+`, r.line`, implantID)
}

// ImplantsByPatient returns the implants that a patient had received by the end of a day, with the quantities that
// remained then.
func (r Reader) ImplantsByPatient(patient, specialist ident.SSIN, day ident.Date) ([]implants.Implant, error) {
	upTo := day.String()
	if day.IsZero() {
		upTo = MaxDate
	}
	where, err := r.patientConditions(patient, specialist)
	if err != nil {
		return nil, err
	}
	return identity.QueryAll(r.tx, "implant", foundImplantRow.toImplant, selectImplants+
		` WHERE `+where.String()+` AND n.operation_date <= ? AND NOT i.unregistered`+AndInForce+
		` ORDER BY n.operation_date, `+registrationOrder+`, i.line`,
		slices.Concat([]any{upTo}, where.Args, []any{upTo})...)
}

// LotKey and SerialKey are the columns in the form of udi.MatchKey, also of rows that were stored with blanks. The
// indexes of both are on the same expressions.
const (
	LotKey    = "replace(replace(i.lot, ' ', ''), '\u00a0', '')"
	SerialKey = "replace(replace(i.serial, ' ', ''), '\u00a0', '')"
)

// IsSerialImplanted reports whether a product with this serial number is in a patient now.
//
// SQLite compares a bare parameter with the condition of a partial index, and then prepares the statement again for
// each value, at twenty times the cost of running it. A CAST keeps the plan.
func (r Reader) IsSerialImplanted(serial string, code ident.NotificationCode, udiDI string) (bool, error) {
	var unused int
	return r.tx.SelectRow(&unused,
		`SELECT 1 FROM notification n JOIN implant i ON i.reference = n.reference AND i.version = n.version
		WHERE `+SerialKey+` = ? AND i.serial <> '' AND NOT i.unregistered
		AND (i.code = CAST(? AS text) AND i.code <> '' OR i.udi_di = CAST(? AS text) AND i.udi_di <> '')
		AND i.quantity > `+RemovedQuantity+AndInForce+` LIMIT 1`, udi.MatchKey(serial), code.Digits(), udiDI, MaxDate)
}
