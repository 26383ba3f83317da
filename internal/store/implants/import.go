package implants

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

// LoadSources stores entries of the authentic sources, all or nothing. It updates entries that exist already and leaves
// all others unchanged.
func (s Register) LoadSources(ctx context.Context, entries implants.SourceEntries) error {
	return s.db.Write(ctx, func(tx *identity.Tx) error {
		if err := NewWriter(tx).loadEntries(&entries); err != nil {
			return err
		}
		return tx.InvalidateCache()
	})
}

func (w Writer) loadEntries(entries *implants.SourceEntries) error {
	if err := w.LoadSources(entries); err != nil {
		return err
	}
	if err := w.loadDevices(entries.Devices); err != nil {
		return err
	}
	for _, r := range entries.Replacements {
		if err := w.replaceSSIN(r.Former, r.Newer); err != nil {
			return err
		}
	}
	return nil
}

// IsEmpty reports whether the register has no entries of authentic sources and no notifications.
func (s Register) IsEmpty(ctx context.Context) (bool, error) {
	empty := false
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		var filled bool
		_, err := tx.SelectRow(&filled, `SELECT EXISTS (SELECT 1 FROM device) OR EXISTS (SELECT 1 FROM notification)`)
		if err == nil && !filled {
			empty, err = platformstore.NewReader(tx).IsEmpty()
		}
		return err
	})
	return empty && err == nil, err
}

// ReplaceSSIN replaces a person's SSIN. From then on all data about the person is found by both SSINs and shows the
// newer one. Registered notifications stay unchanged; the entries of the authentic sources move to the newer SSIN.
func (s Register) ReplaceSSIN(ctx context.Context, former, newer ident.SSIN) error {
	return s.db.Write(ctx, func(tx *identity.Tx) error { return NewWriter(tx).replaceSSIN(former, newer) })
}

// replaceSSIN also moves the pending notifications, which refer to current pseudonyms.
func (w Writer) replaceSSIN(former, newer ident.SSIN) error {
	moved, err := w.ReplaceSSIN(former, newer)
	if err != nil {
		return err
	}
	for _, pending := range []struct {
		purpose   identity.Purpose
		statement string
	}{
		{identity.Professional, `UPDATE pending SET specialist = ? WHERE specialist = ?`},
		{identity.Caller, `UPDATE pending SET author = ? WHERE author = ?`},
	} {
		if m := moved[pending.purpose]; m.From != m.To {
			if _, err = w.tx.ExecStatement(pending.statement, m.To, m.From); err != nil {
				return err
			}
		}
	}
	return nil
}

// Import stores an extract, all or nothing. It updates entries that exist already.
//
// An extract can have hundreds of thousands of devices, and SQLite has one writer. Devices are therefore staged first,
// a few in each transaction, which lets notifications through in between. Then one transaction moves the staged rows
// within the database to the table device. The other kinds have a few thousand entries at most; that same transaction
// stores them.
func (s Register) Import(ctx context.Context, i implants.Import) (err error) {
	staged := stagedImport{db: s.db, token: i.LoadedAt.UTC().Format(engine.TimestampLayout) + " " + rand.Text()}
	if err = staged.deleteStaged(ctx, `staging < ?`,
		i.LoadedAt.Add(-stagedRowsMaxAge).UTC().Format(engine.TimestampLayout)); err != nil {
		return err
	}
	defer func() {
		if staged.devices > 0 { // also when the caller gave up: the staged rows must not stay
			err = errors.Join(err, staged.deleteStaged(context.WithoutCancel(ctx), `staging = ?`, staged.token))
		}
	}()
	if err = i.ForEachBatch(func(batch implants.SourceEntries) error {
		return staged.addEntries(ctx, batch)
	}); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *identity.Tx) error {
		w := NewWriter(tx)
		if err := w.InsertSourceVersion(&i); err != nil {
			return err
		}
		if err := w.loadEntries(&staged.otherEntries); err != nil {
			return err
		}
		if staged.devices > 0 {
			if err := w.moveStagedDevices(&staged); err != nil {
				return err
			}
		}
		if err := w.AppendEvent(i.Event); err != nil {
			return err
		}
		return tx.InvalidateCache()
	})
}

// stagedImport holds the entries of an import so far: devices in the staging tables, all others in memory.
type stagedImport struct {
	db           *identity.DB
	token        string
	devices      int64 // number of staged devices
	otherEntries implants.SourceEntries
}

const (
	// stagedRowsMaxAge is the age at which staged rows count as left over from an interrupted import.
	stagedRowsMaxAge = 24 * time.Hour
	// maxStagedDeletes bounds a transaction that deletes staged rows on SQLite, and so how long other writes wait.
	// PostgreSQL deletes all in one statement: this blocks no other writer, and with batches each scan would get slower
	// by the dead rows of those before, until a vacuum.
	maxStagedDeletes = 2000
)

func (s *stagedImport) addEntries(ctx context.Context, batch implants.SourceEntries) error {
	devices := batch.Devices
	batch.Devices = nil
	s.otherEntries.Append(&batch)
	if len(devices) == 0 {
		return nil
	}
	s.devices += int64(len(devices))
	return s.db.Write(ctx, func(tx *identity.Tx) error { return NewWriter(tx).stageDevices(s.token, devices) })
}

// stagedDeviceRow and stagedDeviceUDIRow are rows of the staging tables.
type stagedDeviceRow struct {
	Staging string `db:"staging"`
	storedDeviceRow
}

type stagedDeviceUDIRow struct {
	Staging string `db:"staging"`
	deviceUDIRow
}

var (
	stagedDeviceTable    = engine.NewTable[stagedDeviceRow]("device_staged", engine.OnConflict{})
	stagedDeviceUDITable = engine.NewTable[stagedDeviceUDIRow]("device_udi_staged", engine.OnConflict{})
)

func (w Writer) stageDevices(token string, devices []implants.Device) error {
	codes := make([]ident.NotificationCode, len(devices))
	for i := range devices {
		codes[i] = devices[i].Code
	}
	former, err := w.DevicesByCode(codes)
	if err != nil {
		return err
	}
	stage := w.stageRows
	if w.tx.Kind() == engine.PostgreSQL {
		stage = w.stageArrays
	}
	if err = stage(token, devices); err != nil {
		return err
	}
	for i := range devices {
		if err = w.stageIdentifiers(token, &devices[i], former); err != nil {
			return err
		}
	}
	return nil
}

// stageIdentifiers stages the device identifiers of a device whose identifiers change; most do not.
func (w Writer) stageIdentifiers(token string, d *implants.Device,
	former map[ident.NotificationCode]implants.Device) error {
	identifiers := d.UDIDIs
	if before, exists := former[d.Code]; exists {
		if slices.Equal(before.UDIDIs, d.UDIDIs) {
			return nil
		}
		// The empty identifier marks that the existing identifiers are to be deleted.
		identifiers = append([]string{""}, identifiers...)
	}
	for _, di := range identifiers {
		if err := stagedDeviceUDITable.Insert(w.tx.Tx, stagedDeviceUDIRow{token,
			deviceUDIRow{di, d.Code.Digits()}}); err != nil {
			return err
		}
	}
	return nil
}

func (w Writer) stageRows(token string, devices []implants.Device) error {
	for i := range devices {
		if err := stagedDeviceTable.Insert(w.tx.Tx, stagedDeviceRow{token, newDeviceRow(&devices[i])}); err != nil {
			return err
		}
	}
	return nil
}

// stageArrays stages devices on PostgreSQL, with one array for each column.
func (w Writer) stageArrays(token string, devices []implants.Device) error {
	columns := make([][]string, len(deviceTable.Values(&storedDeviceRow{})))
	for i := range devices {
		row := newDeviceRow(&devices[i])
		for column, value := range deviceTable.Values(&row) {
			text, _ := value.(string) // all columns are texts
			columns[column] = append(columns[column], text)
		}
	}
	from, args := engine.UnnestTexts(columns)
	_, err := w.tx.ExecStatement(`INSERT INTO device_staged (staging, `+deviceTable.Columns("")+
		`) SELECT CAST(? AS text), * FROM `+from,
		append([]any{token}, args...)...)
	return err
}

var insertDevicesFromStaged = `INSERT INTO device (` + deviceTable.Columns("") + `) SELECT ` + deviceTable.Columns("") +
	` FROM device_staged WHERE staging = ? ORDER BY code` + deviceTable.Conflict()

// Only devices whose identifiers change have staged identifiers.
const (
	deleteReplacedDeviceUDI = `DELETE FROM device_udi WHERE code IN (SELECT s.code FROM device_udi_staged s
		WHERE s.staging = ? AND s.di = '')`
	insertDeviceUDIFromStaged = `INSERT INTO device_udi (di, code) SELECT di, code FROM device_udi_staged
		WHERE staging = ? AND di > ''
		ORDER BY di, code ON CONFLICT (di, code) DO NOTHING`
)

func (w Writer) moveStagedDevices(s *stagedImport) error {
	moved, err := w.tx.ExecStatement(insertDevicesFromStaged, s.token)
	if err != nil {
		return err
	}
	if moved != s.devices {
		return w.tx.RecordError(fmt.Errorf("%d of %d staged devices were moved", moved, s.devices))
	}
	if _, err = w.tx.ExecStatement(deleteReplacedDeviceUDI, s.token); err != nil {
		return err
	}
	_, err = w.tx.ExecStatement(insertDeviceUDIFromStaged, s.token)
	return err
}

// deleteStaged deletes the staged rows that match a condition with one parameter, in small transactions on SQLite.
func (s *stagedImport) deleteStaged(ctx context.Context, which string, arg string) error {
	for _, table := range []struct{ name, key string }{{`device_staged`, `staging, code`},
		{`device_udi_staged`, `staging, di, code`}} {
		statement := `DELETE FROM ` + table.name + ` WHERE (` + table.key + `) IN (SELECT ` + table.key + ` FROM ` +
			table.name +
			` WHERE ` + which + ` LIMIT ?)`
		for more := true; more; {
			err := s.db.Write(ctx, func(tx *identity.Tx) error {
				limit := int64(maxStagedDeletes)
				if tx.Kind() == engine.PostgreSQL {
					limit = math.MaxInt32
				}
				n, err := tx.ExecStatement(statement, arg, limit)
				more = n == limit
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
