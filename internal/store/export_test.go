package store

import (
	"context"
	"strings"
	"sync"

	"github.com/openctr/ctr/internal/implants"
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
