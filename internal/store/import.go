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

// SourceVersion is an extract of an authentic source that was brought in.
type SourceVersion struct {
	ID       int64
	Kind     string
	Name     string // of the file
	Sequence int64  // that the source gave it; 0 where it numbers nothing
	Form     string
	Day      ident.Date // of which the extract tells
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

func (row sourceVersionRow) version(r *reading) SourceVersion {
	return SourceVersion{ID: row.ID, Kind: row.Kind, Name: row.Name, Sequence: row.Sequence, Form: row.Form, Day: r.date(row.Day),
		Rows: row.Rows, Digest: row.Digest, LoadedAt: time.Time(row.LoadedAt)}
}

// SourceVersions are the extracts of a kind that were brought in, or of every kind when none is named, oldest first.
func (db *DB) SourceVersions(ctx context.Context, kind string) (found []SourceVersion, err error) {
	err = db.read(ctx, func(s *session) error {
		where := &conditions{}
		where.add(`id > 0`)
		where.addGiven(`kind = ?`, kind)
		found, err = many(s, "source_version", sourceVersionRow.version, `SELECT id, kind, name, sequence, form, day, row_count, digest, loaded_at
			FROM source_version WHERE `+where.String()+` ORDER BY id`, where.args...)
		return err
	})
	return found, err
}

// ErrSourcesChanged is the refusal of an import that was compared with what another import has changed since.
var ErrSourcesChanged = errors.New("another import of this kind came between: nothing was changed, run it again")

// Import is an extract on its way in.
type Import struct {
	SourceVersion
	// After is the id of the newest version of the kind that the entries were compared with; 0 where there is none.
	After int64
	// Act is the event that the audit trail gets in the same transaction.
	Act register.Event
	// Entries hands over the new and changed entries, some at a time.
	Entries func(hand func(Sources) error) error
}

// Import brings an extract in, all or nothing. An entry that is there already takes the new values.
//
// Devices come by the hundred thousand, and SQLite has one writer. They are staged first, a few in each transaction, so that
// notifications pass in between; then one transaction, in which no row leaves the database, moves them where they are
// read. The other kinds have a few thousand entries at most, and are kept in that transaction.
func (db *DB) Import(ctx context.Context, i Import) (err error) {
	s := staging{db: db, token: i.LoadedAt.UTC().Format(instantForm) + " " + rand.Text()}
	if err = s.sweep(ctx, `staging < ?`, i.LoadedAt.Add(-abandonedAfter).UTC().Format(instantForm)); err != nil {
		return err
	}
	defer func() {
		if s.devices > 0 { // the caller may have gone; what he staged goes too
			err = errors.Join(err, s.sweep(context.WithoutCancel(ctx), `staging = ?`, s.token))
		}
	}()
	if err = i.Entries(func(some Sources) error { return s.hand(ctx, some) }); err != nil {
		return err
	}
	mark := rand.Text()
	return db.write(ctx, func(session *session) error {
		u := update{view{session}}
		if err := u.addVersion(&i); err != nil {
			return err
		}
		if err := u.load(&s.others); err != nil {
			return err
		}
		if s.devices > 0 {
			if err := u.moveStaged(&s); err != nil {
				return err
			}
		}
		if err := u.Record(i.Act); err != nil {
			return err
		}
		_, err := session.exec(updateMark, mark)
		return err
	})
}

// addVersion refuses when the comparison is out of date.
func (u update) addVersion(i *Import) error {
	if err := u.s.dialect.hold(u.s, []string{"import"}); err != nil {
		return err
	}
	var last struct {
		OfKind int64 `db:"of_kind"`
		OfAll  int64 `db:"of_all"`
	}
	_, err := u.s.get(&last, `SELECT COALESCE(MAX(CASE WHEN kind = ? THEN id END), 0) AS of_kind, COALESCE(MAX(id), 0) AS of_all
		FROM source_version`, i.Kind)
	if err != nil {
		return err
	}
	if last.OfKind != i.After {
		return ErrSourcesChanged
	}
	_, err = u.s.exec(`INSERT INTO source_version (id, kind, name, sequence, form, day, row_count, digest, loaded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, last.OfAll+1, i.Kind, i.Name, i.Sequence, i.Form, i.Day.String(), i.Rows, i.Digest, instant(i.LoadedAt))
	return err
}

// staging is what an import has handed over so far.
type staging struct {
	db      *DB
	token   string
	devices int64
	others  Sources
}

const (
	// abandonedAfter is how old the rows are that an import has left which was cut off.
	abandonedAfter = 24 * time.Hour
	// sweptAtOnce bounds how long other writes wait, where there is one writer. A server deletes all at once: nobody waits
	// for that, and what is deleted there slows the next search until it is vacuumed.
	sweptAtOnce = 2000
)

func (s *staging) hand(ctx context.Context, some Sources) error {
	devices := some.Devices
	some.Devices = nil
	s.others.Append(&some)
	if len(devices) == 0 {
		return nil
	}
	s.devices += int64(len(devices))
	return s.db.write(ctx, func(session *session) error {
		u := update{view{session}}
		codes := make([]ident.NotificationCode, len(devices))
		for i := range devices {
			codes[i] = devices[i].Code
		}
		former, err := u.Devices(codes)
		if err != nil {
			return err
		}
		if err = u.stage(s.token, devices); err != nil {
			return err
		}
		for i := range devices {
			d := &devices[i]
			identifiers := d.UDIDIs
			if before, there := former[d.Code]; there {
				if slices.Equal(before.UDIDIs, d.UDIDIs) {
					continue
				}
				// The empty identifier says that those which are there go.
				identifiers = append([]string{""}, identifiers...)
			}
			for _, di := range identifiers {
				if err = session.insert(stageDeviceUDI, s.token, di, d.Code.Digits()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// stage keeps devices where nothing else reads them. A server gets a list for each column, which it reads several times
// faster than a parameter for each value.
func (u update) stage(token string, devices []register.Device) error {
	if !u.s.dialect.groups {
		for i := range devices {
			if _, err := u.s.exec(stageDevice, append([]any{token}, deviceValues(&devices[i])...)...); err != nil {
				return err
			}
		}
		return nil
	}
	var columns [13][]string
	for i := range devices {
		for column, value := range deviceValues(&devices[i]) {
			text, _ := value.(string) // all of them are
			columns[column] = append(columns[column], text)
		}
	}
	args := []any{token}
	for _, column := range columns {
		args = append(args, pq.Array(column))
	}
	_, err := u.s.exec(stageDevices, args...)
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
	// Most devices keep their identifiers: only those of the others are staged.
	dropStagedUDI = `DELETE FROM device_udi WHERE code IN (SELECT s.code FROM device_udi_staged s WHERE s.staging = ? AND s.di = '')`
	moveDeviceUDI = `INSERT INTO device_udi (di, code) SELECT di, code FROM device_udi_staged WHERE staging = ? AND di > ''
		ORDER BY di, code ON CONFLICT (di, code) DO NOTHING`
)

func (u update) moveStaged(s *staging) error {
	moved, err := u.s.exec(moveDevices, s.token)
	if err != nil {
		return err
	}
	if moved != s.devices {
		return u.s.fail(fmt.Errorf("%d of %d staged devices are there", moved, s.devices))
	}
	if _, err = u.s.exec(dropStagedUDI, s.token); err != nil {
		return err
	}
	_, err = u.s.exec(moveDeviceUDI, s.token)
	return err
}

// sweep takes staged rows away, a few at a time.
func (s *staging) sweep(ctx context.Context, which string, arg string) error {
	for _, table := range []struct{ name, key string }{{`device_staged`, `staging, code`}, {`device_udi_staged`, `staging, di, code`}} {
		statement := `DELETE FROM ` + table.name + ` WHERE (` + table.key + `) IN (SELECT ` + table.key + ` FROM ` + table.name +
			` WHERE ` + which + ` LIMIT ?)`
		for more := true; more; {
			err := s.db.write(ctx, func(session *session) error {
				limit := int64(sweptAtOnce)
				if session.dialect.groups {
					limit = math.MaxInt32
				}
				n, err := session.exec(statement, arg, limit)
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
