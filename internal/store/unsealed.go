package store

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/openctr/ctr/internal/store/identity"
)

// unsealedRows counts the rows that gave no right, because their seal was not good, and says so in the log.
type unsealedRows struct {
	count atomic.Uint64
	log   *slog.Logger
}

func newUnsealedRows(log *slog.Logger) *unsealedRows {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &unsealedRows{log: log}
}

// sealFormer seals the rows of a register from before there were seals.
func (u *unsealedRows) sealFormer(ctx context.Context, persons *identity.DB) error {
	unmarked, err := persons.SealRights(ctx)
	if unmarked != nil {
		u.log.WarnContext(ctx, "the rows that give rights are sealed, and the key file could not be told: add "+
			`"rights_sealed": true to each of its keys, or somebody who writes to the database can have unsealed rows sealed`,
			slog.String("error", unmarked.Error()))
	}
	return err
}

// countRow counts a row of a table. It logs the first one, and then ever more rarely: a row may be read often.
func (u *unsealedRows) countRow(table string) {
	if n := u.count.Add(1); n&(n-1) == 0 {
		u.log.ErrorContext(context.Background(), "a row that gives rights was changed or inserted beside the program and "+
			"gives no right: ctrd admin verify names it", slog.String("table", table), slog.Uint64("times", n))
	}
}
