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

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// SourceVersion is an imported extract of an authentic source.
type SourceVersion struct {
	ID       int64
	Kind     string
	Name     string // of the file
	Sequence int64  // assigned by the source; 0 when the source assigns none
	Form     string
	Day      ident.Date // the day whose state the extract describes
	Rows     int
	Digest   []byte // SHA-256 of the file
	LoadedAt time.Time
}

type sourceVersionRow struct {
	ID       int64   `db:"id"`
	Kind     string  `db:"kind"`
	Name     string  `db:"name"`
	Sequence int64   `db:"sequence"`
	Form     string  `db:"form"`
	Day      string  `db:"day"`
	Rows     int     `db:"row_count"`
	Digest   []byte  `db:"digest"`
	LoadedAt instant `db:"loaded_at"`
}

func (row sourceVersionRow) version(c *reading) SourceVersion {
	return SourceVersion{ID: row.ID, Kind: row.Kind, Name: row.Name, Sequence: row.Sequence, Form: row.Form, Day: c.date(row.Day),
		Rows: row.Rows, Digest: row.Digest, LoadedAt: time.Time(row.LoadedAt)}
}

// SourceVersions returns the imported extracts of a kind, or of all kinds when kind is empty, oldest first.
func (db *DB) SourceVersions(ctx context.Context, kind string) (found []SourceVersion, err error) {
	err = db.read(ctx, func(tx *session) error {
		where := &conditions{}
		where.add(`id > 0`)
		where.addGiven(`kind = ?`, kind)
		found, err = many(tx, "source_version", sourceVersionRow.version, `SELECT id, kind, name, sequence, form, day, row_count, digest, loaded_at
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
	After int64
	// Event is recorded in the audit log in the same transaction.
	Act register.AuditEvent
	// ForEachBatch calls hand with the new and changed entries in batches.
	Entries func(hand func(Sources) error) error
}

// Import stores an extract, all or nothing. It updates entries that exist already.
//
// An extract can have hundreds of thousands of devices, and SQLite has one writer. Devices are therefore staged first,
// a few in each transaction, which lets notifications through in between. Then one transaction moves the staged rows
// within the database to the table device. The other kinds have a few thousand entries at most; that same transaction
// stores them.
func (db *DB) Import(ctx context.Context, i Import) (err error) {
	s := staging{db: db, token: i.LoadedAt.UTC().Format(instantForm) + " " + rand.Text()}
	if err = s.sweep(ctx, `staging < ?`, i.LoadedAt.Add(-abandonedAfter).UTC().Format(instantForm)); err != nil {
		return err
	}
	defer func() {
		if s.devices > 0 { // also when the caller gave up: the staged rows must not stay
			err = errors.Join(err, s.sweep(context.WithoutCancel(ctx), `staging = ?`, s.token))
		}
	}()
	if err = i.Entries(func(batch Sources) error { return s.hand(ctx, batch) }); err != nil {
		return err
	}
	epoch := rand.Text()
	return db.write(ctx, func(tx *session) error {
		w := update{view{tx}}
		if err := w.addVersion(&i); err != nil {
			return err
		}
		if err := w.load(&s.others); err != nil {
			return err
		}
		if s.devices > 0 {
			if err := w.moveStaged(&s); err != nil {
				return err
			}
		}
		if err := w.AppendEvent(i.Act); err != nil {
			return err
		}
		_, err := tx.exec(updateMark, epoch)
		return err
	})
}

// insertSourceVersion records the extract. It fails with ErrSourcesChanged when the comparison is out of date.
func (w update) addVersion(i *Import) error {
	if err := w.s.dialect.hold(w.s, []string{"import"}); err != nil {
		return err
	}
	var last struct {
		OfKind int64 `db:"of_kind"`
		OfAll  int64 `db:"of_all"`
	}
	_, err := w.s.get(&last, `SELECT COALESCE(MAX(CASE WHEN kind = ? THEN id END), 0) AS of_kind, COALESCE(MAX(id), 0) AS of_all
		FROM source_version`, i.Kind)
	if err != nil {
		return err
	}
	if last.OfKind != i.After {
		return ErrSourcesChanged
	}
	_, err = w.s.exec(`INSERT INTO source_version (id, kind, name, sequence, form, day, row_count, digest, loaded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, last.OfAll+1, i.Kind, i.Name, i.Sequence, i.Form, i.Day.String(), i.Rows, i.Digest, instant(i.LoadedAt))
	return err
}

// stagedImport holds the entries of an import so far: devices in the staging tables, all others in memory.
type staging struct {
	db      *DB
	token   string
	devices int64
	others  Sources
}

const (
	// stagedRowsMaxAge is the age at which staged rows count as left over from an interrupted import.
	abandonedAfter = 24 * time.Hour
	// maxStagedDeletes bounds a transaction that deletes staged rows on SQLite, and so how long other writes wait.
	// PostgreSQL deletes all in one statement: this blocks no other writer, and with batches each scan would get slower
	// by the dead rows of those before, until a vacuum.
	sweptAtOnce = 2000
)

func (s *staging) hand(ctx context.Context, batch Sources) error {
	devices := batch.Devices
	batch.Devices = nil
	s.others.Append(&batch)
	if len(devices) == 0 {
		return nil
	}
	s.devices += int64(len(devices))
	return s.db.write(ctx, func(tx *session) error {
		w := update{view{tx}}
		codes := make([]ident.NotificationCode, len(devices))
		for i := range devices {
			codes[i] = devices[i].Code
		}
		former, err := w.Devices(codes)
		if err != nil {
			return err
		}
		if err = w.stage(s.token, devices); err != nil {
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
				if err = tx.insert(stageDeviceUDI, s.token, di, d.Code.Digits()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// stageDeviceRows stores devices in the staging table. PostgreSQL gets one array for each column, which it reads
// several times faster than one parameter for each value.
func (w update) stage(token string, devices []register.Device) error {
	if !w.s.dialect.groups {
		for i := range devices {
			if _, err := w.s.exec(stageDevice, append([]any{token}, deviceValues(&devices[i])...)...); err != nil {
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
	_, err := w.s.exec(stageDevices, args...)
	return err
}

const (
	stageDevice  = `INSERT INTO device_staged (staging, ` + deviceFields + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	stageDevices = `INSERT INTO device_staged (staging, ` + deviceFields + `) SELECT CAST(? AS text), * FROM unnest(` + textArrays + `)`
	textArrays   = `CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
		CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[])`
	stageDeviceUDI = `INSERT INTO device_udi_staged (staging, di, code) VALUES (?, ?, ?)`
	moveDevices    = `INSERT INTO device (` + deviceFields + `) SELECT ` + deviceFields + ` FROM device_staged WHERE staging = ?
		ORDER BY code` + replaceDevice
	// Only devices whose identifiers change have staged identifiers; most devices do not.
	dropStagedUDI = `DELETE FROM device_udi WHERE code IN (SELECT s.code FROM device_udi_staged s WHERE s.staging = ? AND s.di = '')`
	moveDeviceUDI = `INSERT INTO device_udi (di, code) SELECT di, code FROM device_udi_staged WHERE staging = ? AND di > ''
		ORDER BY di, code ON CONFLICT (di, code) DO NOTHING`
)

func (w update) moveStaged(s *staging) error {
	moved, err := w.s.exec(moveDevices, s.token)
	if err != nil {
		return err
	}
	if moved != s.devices {
		return w.s.fail(fmt.Errorf("%d of %d staged devices are there", moved, s.devices))
	}
	if _, err = w.s.exec(dropStagedUDI, s.token); err != nil {
		return err
	}
	_, err = w.s.exec(moveDeviceUDI, s.token)
	return err
}

// deleteStaged deletes the staged rows that match a condition with one parameter, in small transactions on SQLite.
func (s *staging) sweep(ctx context.Context, which string, arg string) error {
	for _, table := range []struct{ name, key string }{{`device_staged`, `staging, code`}, {`device_udi_staged`, `staging, di, code`}} {
		statement := `DELETE FROM ` + table.name + ` WHERE (` + table.key + `) IN (SELECT ` + table.key + ` FROM ` + table.name +
			` WHERE ` + which + ` LIMIT ?)`
		for more := true; more; {
			err := s.db.write(ctx, func(tx *session) error {
				limit := int64(sweptAtOnce)
				if tx.dialect.groups {
					limit = math.MaxInt32
				}
				n, err := tx.exec(statement, arg, limit)
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
