package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// SourceVersion is an imported extract of an authentic source.
type SourceVersion struct {
	ID       int64
	Kind     string
	Name     string // of the file
	Sequence int64  // assigned by the source; 0 when the source assigns none
	Format   string
	AsOf     ident.Date // the day whose state the extract describes
	Rows     int
	Digest   []byte // SHA-256 of the file
	LoadedAt time.Time
}

type sourceVersionRow struct {
	ID       int64     `db:"id"`
	Kind     string    `db:"kind"`
	Name     string    `db:"name"`
	Sequence int64     `db:"sequence"`
	Format   string    `db:"form"`
	Day      string    `db:"day"`
	Rows     int       `db:"row_count"`
	Digest   []byte    `db:"digest"`
	LoadedAt timestamp `db:"loaded_at"`
}

func (row sourceVersionRow) toSourceVersion(c *rowConverter) SourceVersion {
	return SourceVersion{ID: row.ID, Kind: row.Kind, Name: row.Name, Sequence: row.Sequence, Format: row.Format, AsOf: c.parseDate(row.Day),
		Rows: row.Rows, Digest: row.Digest, LoadedAt: time.Time(row.LoadedAt)}
}

// SourceVersions returns the imported extracts of a kind, or of all kinds when kind is empty, oldest first.
func (db *DB) SourceVersions(ctx context.Context, kind string) (found []SourceVersion, err error) {
	err = db.readTx(ctx, func(tx *tx) error {
		where := &conditions{}
		where.addClause(`id > 0`)
		where.addIfSet(`kind = ?`, kind)
		found, err = queryAll(tx, "source_version", sourceVersionRow.toSourceVersion, `SELECT id, kind, name, sequence, form, day, row_count, digest, loaded_at
			FROM source_version WHERE `+where.String()+` ORDER BY id`, where.args...)
		return err
	})
	return found, err
}

// ErrSourcesChanged reports that another import of the same kind ran after this one was compared.
var ErrSourcesChanged = errors.New("another import of this kind came between: nothing was changed, run it again")

// Import is an extract to import.
type Import struct {
	SourceVersion
	// ComparedWith is the id of the newest version of this kind, with which the entries were compared; 0 when there is
	// none.
	ComparedWith int64
	// Event is recorded in the audit log in the same transaction.
	Event implants.AuditEvent
	// ForEachBatch calls hand with the new and changed entries in batches.
	ForEachBatch func(hand func(SourceEntries) error) error
}

// Import stores an extract, all or nothing. It updates entries that exist already.
//
// An extract can have hundreds of thousands of devices, and SQLite has one writer. Devices are therefore staged first,
// a few in each transaction, which lets notifications through in between. Then one transaction moves the staged rows
// within the database to the table device. The other kinds have a few thousand entries at most; that same transaction
// stores them.
func (db *DB) Import(ctx context.Context, i Import) (err error) {
	s := stagedImport{db: db, token: i.LoadedAt.UTC().Format(timestampLayout) + " " + rand.Text()}
	if err = s.deleteStaged(ctx, `staging < ?`, i.LoadedAt.Add(-stagedRowsMaxAge).UTC().Format(timestampLayout)); err != nil {
		return err
	}
	defer func() {
		if s.stagedDevices > 0 { // also when the caller gave up: the staged rows must not stay
			err = errors.Join(err, s.deleteStaged(context.WithoutCancel(ctx), `staging = ?`, s.token))
		}
	}()
	if err = i.ForEachBatch(func(batch SourceEntries) error { return s.addEntries(ctx, batch) }); err != nil {
		return err
	}
	epoch := rand.Text()
	return db.writeTx(ctx, func(tx *tx) error {
		w := txWriter{txReader{tx}}
		if err := w.insertSourceVersion(&i); err != nil {
			return err
		}
		if err := w.loadEntries(&s.otherEntries); err != nil {
			return err
		}
		if s.stagedDevices > 0 {
			if err := w.moveStagedDevices(&s); err != nil {
				return err
			}
		}
		if err := w.AppendEvent(i.Event); err != nil {
			return err
		}
		_, err := tx.execStatement(updateCacheEpoch, epoch)
		return err
	})
}

// insertSourceVersion records the extract. It fails with ErrSourcesChanged when the comparison is out of date.
func (w txWriter) insertSourceVersion(i *Import) error {
	if err := w.tx.dialect.lockKeys(w.tx, []string{"import"}); err != nil {
		return err
	}
	var last struct {
		OfKind int64 `db:"of_kind"`
		OfAll  int64 `db:"of_all"`
	}
	_, err := w.tx.selectRow(&last, `SELECT COALESCE(MAX(CASE WHEN kind = ? THEN id END), 0) AS of_kind, COALESCE(MAX(id), 0) AS of_all
		FROM source_version`, i.Kind)
	if err != nil {
		return err
	}
	if last.OfKind != i.ComparedWith {
		return ErrSourcesChanged
	}
	_, err = w.tx.execStatement(`INSERT INTO source_version (id, kind, name, sequence, form, day, row_count, digest, loaded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, last.OfAll+1, i.Kind, i.Name, i.Sequence, i.Format, i.AsOf.String(), i.Rows, i.Digest, timestamp(i.LoadedAt))
	return err
}

// stagedImport holds the entries of an import so far: devices in the staging tables, all others in memory.
type stagedImport struct {
	db            *DB
	token         string
	stagedDevices int64
	otherEntries  SourceEntries
}

const (
	// stagedRowsMaxAge is the age at which staged rows count as left over from an interrupted import.
	stagedRowsMaxAge = 24 * time.Hour
	// maxStagedDeletes bounds a transaction that deletes staged rows on SQLite, and so how long other writes wait.
	// PostgreSQL deletes all in one statement: this blocks no other writer, and with batches each scan would get slower
	// by the dead rows of those before, until a vacuum.
	maxStagedDeletes = 2000
)

func (s *stagedImport) addEntries(ctx context.Context, batch SourceEntries) error {
	devices := batch.Devices
	batch.Devices = nil
	s.otherEntries.Append(&batch)
	if len(devices) == 0 {
		return nil
	}
	s.stagedDevices += int64(len(devices))
	return s.db.writeTx(ctx, func(tx *tx) error {
		w := txWriter{txReader{tx}}
		codes := make([]ident.NotificationCode, len(devices))
		for i := range devices {
			codes[i] = devices[i].Code
		}
		former, err := w.DevicesByCode(codes)
		if err != nil {
			return err
		}
		if err = w.stageDeviceRows(s.token, devices); err != nil {
			return err
		}
		for i := range devices {
			d := &devices[i]
			identifiers := d.UDIDIs
			if before, exists := former[d.Code]; exists {
				if slices.Equal(before.UDIDIs, d.UDIDIs) {
					continue
				}
				// The empty identifier marks that the existing identifiers are to be deleted.
				identifiers = append([]string{""}, identifiers...)
			}
			for _, di := range identifiers {
				if err = tx.insertRow(insertStagedDeviceUDI, s.token, di, d.Code.Digits()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// stageDeviceRows stores devices in the staging table. PostgreSQL gets one array for each column, which it reads
// several times faster than one parameter for each value.
func (w txWriter) stageDeviceRows(token string, devices []implants.Device) error {
	if !w.tx.dialect.batchesInserts {
		for i := range devices {
			if _, err := w.tx.execStatement(insertStagedDevice, append([]any{token}, deviceValues(&devices[i])...)...); err != nil {
				return err
			}
		}
		return nil
	}
	var columns [13][]string
	for i := range devices {
		for column, value := range deviceValues(&devices[i]) {
			text, _ := value.(string) // all values are strings
			columns[column] = append(columns[column], text)
		}
	}
	args := []any{token}
	for _, column := range columns {
		args = append(args, pq.Array(column))
	}
	_, err := w.tx.execStatement(insertStagedDevices, args...)
	return err
}

const (
	insertStagedDevice    = `INSERT INTO device_staged (staging, ` + deviceInsertColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertStagedDevices   = `INSERT INTO device_staged (staging, ` + deviceInsertColumns + `) SELECT CAST(? AS text), * FROM unnest(` + deviceArrayParameters + `)`
	deviceArrayParameters = `CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
		CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[])`
	insertStagedDeviceUDI   = `INSERT INTO device_udi_staged (staging, di, code) VALUES (?, ?, ?)`
	insertDevicesFromStaged = `INSERT INTO device (` + deviceInsertColumns + `) SELECT ` + deviceInsertColumns + ` FROM device_staged WHERE staging = ?
		ORDER BY code` + onDeviceConflict
	// Only devices whose identifiers change have staged identifiers; most devices do not.
	deleteReplacedDeviceUDI   = `DELETE FROM device_udi WHERE code IN (SELECT s.code FROM device_udi_staged s WHERE s.staging = ? AND s.di = '')`
	insertDeviceUDIFromStaged = `INSERT INTO device_udi (di, code) SELECT di, code FROM device_udi_staged WHERE staging = ? AND di > ''
		ORDER BY di, code ON CONFLICT (di, code) DO NOTHING`
)

func (w txWriter) moveStagedDevices(s *stagedImport) error {
	moved, err := w.tx.execStatement(insertDevicesFromStaged, s.token)
	if err != nil {
		return err
	}
	if moved != s.stagedDevices {
		return w.tx.recordError(fmt.Errorf("%d of %d staged devices are there", moved, s.stagedDevices))
	}
	if _, err = w.tx.execStatement(deleteReplacedDeviceUDI, s.token); err != nil {
		return err
	}
	_, err = w.tx.execStatement(insertDeviceUDIFromStaged, s.token)
	return err
}

// deleteStaged deletes the staged rows that match a condition with one parameter, in small transactions on SQLite.
func (s *stagedImport) deleteStaged(ctx context.Context, which string, arg string) error {
	for _, table := range []struct{ name, key string }{{`device_staged`, `staging, code`}, {`device_udi_staged`, `staging, di, code`}} {
		statement := `DELETE FROM ` + table.name + ` WHERE (` + table.key + `) IN (SELECT ` + table.key + ` FROM ` + table.name +
			` WHERE ` + which + ` LIMIT ?)`
		for more := true; more; {
			err := s.db.writeTx(ctx, func(tx *tx) error {
				limit := int64(maxStagedDeletes)
				if tx.dialect.batchesInserts {
					limit = math.MaxInt32
				}
				n, err := tx.execStatement(statement, arg, limit)
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
