package store

import (
	"context"

	"github.com/openctr/ctr/internal/register"
)

// Asked is a statement as it went to the database.
type Asked struct {
	Text string
	Args []any
}

// Statements returns what a question asks the database. Nothing is answered from memory.
func Statements(ctx context.Context, db *DB, ask func(register.Reader) error) ([]Asked, error) {
	recorder := &recorder{}
	err := db.engine.read(ctx, func(s *session) error {
		recorder.querier = s.on
		return ask(view{&session{ctx: s.ctx, on: recorder, dialect: s.dialect, persons: &persons{keys: s.keys}}})
	})
	return recorder.asked, err
}

// recorder notes the statements that go by.
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
