package store

import "context"

// RecordRecallStatements returns the statements that a recall sends to the database.
func RecordRecallStatements(ctx context.Context, db *DB, q RecallQuery) ([]RecordedStatement, error) {
	recorder := &statementRecorder{}
	err := db.engine.readTx(ctx, func(outer *tx) error {
		recorder.querier = outer.conn
		_, err := (&tx{ctx: outer.ctx, conn: recorder, dialect: outer.dialect, identities: &identities{keyRing: outer.keyRing}}).findRecalled(&q)
		return err
	})
	return recorder.statements, err
}

// Contains exports contains for tests, with the error of an invalid range.
func (r Range) Contains(text string) (bool, error) {
	_, err := r.splitByLength()
	return r.contains(text), err
}
