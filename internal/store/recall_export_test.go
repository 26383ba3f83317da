package store

import "context"

// RecallStatements returns what a recall asks the database.
func RecallStatements(ctx context.Context, db *DB, q RecallQuery) ([]Asked, error) {
	recorder := &recorder{}
	err := db.engine.read(ctx, func(s *session) error {
		recorder.querier = s.on
		_, err := (&session{ctx: s.ctx, on: recorder, dialect: s.dialect, persons: &persons{keys: s.keys}}).recall(&q)
		return err
	})
	return recorder.asked, err
}

// Contains reports whether a text lies in a range, for tests.
func (r Range) Contains(text string) (bool, error) {
	_, err := r.steps()
	return r.contains(text), err
}
