package store

import (
	"context"

	"github.com/openctr/ctr/internal/register"
)

// RecordedStatement is a statement as sent to the database.
type Asked struct {
	Text string
	Args []any
}

// RecordStatements returns the SELECT statements that a function sends to the database, without any cache.
func Statements(ctx context.Context, db *DB, ask func(register.Reader) error) ([]Asked, error) {
	recorder := &recorder{}
	err := db.engine.read(ctx, func(outer *session) error {
		recorder.querier = outer.on
		return ask(view{&session{ctx: outer.ctx, on: recorder, dialect: outer.dialect, persons: &persons{keys: outer.keys}}})
	})
	return recorder.asked, err
}

// statementRecorder records the SELECT statements that pass through it.
type recorder struct {
	querier
	asked []Asked
}

func (r *recorder) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	r.asked = append(r.asked, Asked{query, args})
	return r.querier.GetContext(ctx, dest, query, args...)
}

func (r *recorder) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	r.asked = append(r.asked, Asked{query, args})
	return r.querier.SelectContext(ctx, dest, query, args...)
}
