package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing/fstest"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/store/engine"
)

// RecordedStatement is a statement as sent to the database.
type RecordedStatement struct {
	Text string
	Args []any
}

// RecordStatements returns the SELECT statements that a function sends to the database. Those that the cache of this
// store answers are missing, so a test opens a new store for each function.
func RecordStatements(ctx context.Context, db *DB, ask func(implants.Reader) error) (all []RecordedStatement, err error) {
	db.engine.Trace(func(query string, args []any) { all = append(all, RecordedStatement{query, args}) })
	err = db.RunReadTx(ctx, ask)
	return all, err
}

// RecordRecallStatements returns the statements that a recall sends to the database.
func RecordRecallStatements(ctx context.Context, db *DB, q implants.RecallQuery) (all []RecordedStatement, err error) {
	db.engine.Trace(func(query string, args []any) { all = append(all, RecordedStatement{query, args}) })
	_, err = db.Recall(ctx, q)
	return all, err
}

// ObserveSealingWait calls waiting once, when the sealing of the audit log looks for the second time whether the
// transactions in flight have ended.
func ObserveSealingWait(db *DB, waiting func()) {
	var mu sync.Mutex
	looks := 0
	db.engine.Trace(func(query string, _ []any) {
		if !strings.Contains(query, "pg_locks") {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if looks++; looks == 2 {
			waiting()
		}
	})
}

// CountStatements returns how many statements a function sends to the database, in all transactions.
func CountStatements(db *DB, run func() error) (int, error) {
	count := 0
	db.engine.Trace(func(string, []any) { count++ })
	err := run()
	return count, err
}

// MigrateBefore creates a database with the migrations before the one with a number.
func MigrateBefore(ctx context.Context, c Config, number int) error {
	earlier := fstest.MapFS{}
	for _, engineName := range []string{"sqlite", "postgres"} {
		entries, err := migrationFiles.ReadDir("migrations/" + engineName)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			data, err := migrationFiles.ReadFile("migrations/" + engineName + "/" + entry.Name())
			if err != nil {
				return err
			}
			if entry.Name() < fmt.Sprintf("%05d", number) {
				earlier[engineName+"/"+entry.Name()] = &fstest.MapFile{Data: data}
			}
		}
	}
	e, err := engine.Open(ctx, engine.Config{URL: c.URL, Directory: c.Directory, Migrations: earlier})
	if err != nil {
		return err
	}
	return e.Close()
}

// RunStatements runs a function that executes statements of SQL in a writing transaction.
func RunStatements(ctx context.Context, db *DB, run func(exec func(string) error) error) error {
	return db.engine.Write(ctx, func(tx *engine.Tx) error {
		return run(func(statement string) error {
			_, err := tx.ExecStatement(statement)
			return err
		})
	})
}

// SelectTexts runs a query of SQL with one column.
func SelectTexts(ctx context.Context, db *DB, dest *[]string, query string) error {
	return db.engine.Read(ctx, func(tx *engine.Tx) error { return tx.SelectRows(dest, query) })
}
