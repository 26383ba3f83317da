package store

import "context"

// RecordRecallStatements returns the statements that a recall sends to the database.
func RecallStatements(ctx context.Context, db *DB, q RecallQuery) ([]Asked, error) {
	recorder := &recorder{}
	err := db.engine.read(ctx, func(outer *session) error {
		recorder.querier = outer.on
		_, err := (&session{ctx: outer.ctx, on: recorder, dialect: outer.dialect, persons: &persons{keys: outer.keys}}).recall(&q)
		return err
	})
	return recorder.asked, err
}

// Contains exports contains for tests, with the error of an invalid range.
func (r Range) Contains(text string) (bool, error) {
	_, err := r.steps()
	return r.contains(text), err
}
