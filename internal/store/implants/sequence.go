package implants

import (
	"context"
	"fmt"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	"github.com/openctr/ctr/internal/store/numbers"
)

// NextSequenceNumber returns the next sequence number of a day, starting with 1. There may be gaps, but no number is
// issued twice, even if the database loses what it has stored.
func (w Writer) NextSequenceNumber(day ident.Date) (uint64, error) {
	next := w.nextSQLiteNumber
	if w.tx.Kind() == engine.PostgreSQL {
		next = w.nextPostgresNumber
	}
	number, err := next(day.String())
	if err != nil {
		return 0, err
	}
	if number < 1 {
		return 0, w.tx.RecordError(fmt.Errorf("sequence number %d", number))
	}
	if err = w.Numbers.Give(day.String(), number); err != nil {
		return 0, problem.Wrap(problem.StoreDown, err)
	}
	return uint64(number), nil
}

// HasNumbers reports whether the database has ever given a number.
func (s Register) HasNumbers(ctx context.Context) (has bool, err error) {
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		_, selectErr := tx.SelectRow(&has, `SELECT EXISTS (SELECT 1 FROM number_counter)`)
		return selectErr
	})
	return has, err
}

// sequenceNumbers holds, for each day, the last sequence number that one commit on SQLite has issued. It is read once
// and stored once, however many notifications need numbers. The number of one that is rolled back stays unused.
type sequenceNumbers map[string]int64

func (w Writer) nextSQLiteNumber(day string) (int64, error) {
	type key struct{}
	issued, _ := w.tx.SharedState(key{}, func() engine.CommitState { return sequenceNumbers{} }).(sequenceNumbers)
	if _, known := issued[day]; !known {
		var last int64
		if _, err := w.tx.SelectRow(&last, `SELECT running FROM number_counter WHERE day = ?`, day); err != nil {
			return 0, err
		}
		floor := w.Numbers.Floor(day, last)
		if floor > last {
			w.tx.AfterCommit(func() { w.Numbers.RecordSkip(day, last, floor+1) })
		}
		issued[day] = max(last, floor)
	}
	issued[day]++
	return issued[day], nil
}

type numberCounterRow struct {
	Day     string `db:"day"`
	Running int64  `db:"running"`
}

var numberCounterTable = engine.NewTable[numberCounterRow]("number_counter", engine.DoUpdate("day"))

// SaveState stores the last number of each day.
func (n sequenceNumbers) SaveState(tx *engine.Tx) error {
	for day, last := range n {
		if _, err := numberCounterTable.InsertNow(tx, numberCounterRow{day, last}); err != nil {
			return err
		}
	}
	return nil
}

// currentCluster identifies the PostgreSQL cluster and its timeline, which each promotion and each restore to a point
// in time changes.
const currentCluster = `((SELECT system_identifier FROM pg_control_system()) || ':' || ` +
	`left(pg_walfile_name(pg_current_wal_lsn()), 8))`

// drawnNumber is a number of a day from the sequence of PostgreSQL.
type drawnNumber struct {
	Number      int64 `db:"number"`
	Base        int64 `db:"base"`
	IsElsewhere bool  `db:"is_elsewhere"` // the last numbers of the day were given on another cluster or timeline
}

const (
	drawNumber = `SELECT nextval('running_number') - base AS number, base,
		cluster NOT IN ('', ` + currentCluster + `) AS is_elsewhere FROM number_counter WHERE day = ?`
	// beginDay takes over the cluster of the day before, because the first rows of this day may be what was lost.
	beginDay = `INSERT INTO number_counter (day, base, cluster) VALUES (?, nextval('running_number'),
		COALESCE((SELECT NULLIF(cluster, '') FROM number_counter ORDER BY day DESC LIMIT 1), ` + currentCluster + `))
		ON CONFLICT (day) DO NOTHING`
	skipNumbers = `UPDATE number_counter SET base = base - ?, cluster = ` + currentCluster + ` WHERE day = ? AND base = ?`
)

// maxDraws bounds how often a number is drawn: others may leave out numbers at the same time.
const maxDraws = 8

// nextPostgresNumber counts from the value that the sequence had at its first use on the day, so that only this first
// use waits for another transaction to end. When a transaction fails, its number is lost and never issued again.
//
// A sequence only counts up, so a number that is not above all that this process knew before drawing it comes from a
// database that lost something. Another service may know of numbers that this one does not; they are covered by the
// cluster, which changed if it was lost in a failover or a restore. In both cases the day goes on above.
func (w Writer) nextPostgresNumber(day string) (int64, error) {
	for range maxDraws {
		highest := w.Numbers.Highest(day)
		drawn, err := w.drawNumber(day)
		if err != nil {
			return 0, err
		}
		target := max(highest, w.Numbers.Floor(day, drawn.Number))
		if drawn.IsElsewhere {
			target = max(target, drawn.Number+numbers.Skip)
		}
		if drawn.Number > target {
			return drawn.Number, nil
		}
		target = max(target, w.Numbers.Reserved(day))
		changed, err := w.tx.ExecStatement(skipNumbers, target-drawn.Number, day, drawn.Base)
		if err != nil {
			return 0, err
		}
		if changed > 0 {
			w.tx.AfterCommit(func() { w.Numbers.RecordSkip(day, drawn.Number-1, target+1) })
		}
	}
	return 0, problem.New(problem.StoreDown)
}

// drawNumber draws a number of the day, and begins the day if it is new.
func (w Writer) drawNumber(day string) (drawn drawnNumber, err error) {
	found, err := w.tx.SelectRow(&drawn, drawNumber, day)
	if err != nil || found {
		return drawn, err
	}
	if _, err = w.tx.ExecStatement(beginDay, day); err == nil {
		_, err = w.tx.SelectRow(&drawn, drawNumber, day)
	}
	return drawn, err
}
