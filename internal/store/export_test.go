package store

import (
	"context"

	"github.com/openctr/ctr/internal/implants"
)

// RecordedStatement is a statement as sent to the database.
type RecordedStatement struct {
	Text string
	Args []any
}

// RecordStatements returns the SELECT statements that a function sends to the database, without any cache.
func RecordStatements(ctx context.Context, db *DB, ask func(implants.Reader) error) ([]RecordedStatement, error) {
	recorder := &statementRecorder{}
	err := db.engine.readTx(ctx, func(outer *tx) error {
		recorder.querier = outer.conn
		return ask(txReader{&tx{ctx: outer.ctx, conn: recorder, dialect: outer.dialect, identities: &identities{keyRing: outer.keyRing}}})
	})
	return recorder.statements, err
}

// statementRecorder records the SELECT statements that pass through it.
type statementRecorder struct {
	querier
	statements []RecordedStatement
}

func (r *statementRecorder) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	r.statements = append(r.statements, RecordedStatement{query, args})
	return r.querier.GetContext(ctx, dest, query, args...)
}

func (r *statementRecorder) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	r.statements = append(r.statements, RecordedStatement{query, args})
	return r.querier.SelectContext(ctx, dest, query, args...)
}

// ObserveSealingWait calls waiting once, when the sealing of the audit log looks for the second time whether the
// transactions in flight have ended.
func ObserveSealingWait(db *DB, waiting func()) {
	d := db.engine.(*postgresEngine).dialect
	original := d.waitForInFlightInserts
	d.waitForInFlightInserts = func(inner *tx) (bool, error) {
		observed := &pollObserver{querier: inner.conn, waiting: waiting}
		inner.conn = observed
		defer func() { inner.conn = observed.querier }()
		return original(inner)
	}
}

// pollObserver calls waiting before the second SELECT that passes through it.
type pollObserver struct {
	querier
	statements int
	waiting    func()
}

func (o *pollObserver) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if o.statements++; o.statements == 2 {
		o.waiting()
	}
	return o.querier.SelectContext(ctx, dest, query, args...)
}
