package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/openctr/ctr/internal/problem"
)

// Status is what the operator of an open database should know.
type Status struct {
	// Deadlines counts the operations that had no answer in time.
	Deadlines uint64
	// Silent means that nothing was answered since the last of them.
	Silent bool
	// Failure is why this process writes no more, nil while it does: its files are damaged or gone.
	Failure error
	// Checks counts the checks of all pages that found no damage.
	Checks uint64
}

// statusKeeper keeps the status and tells changes to the log.
type statusKeeper struct {
	log *slog.Logger

	mu     sync.Mutex
	status Status
	struck uint64 // deadlines since the last answer
}

func newStatusKeeper(log *slog.Logger) *statusKeeper {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &statusKeeper{log: log}
}

// get returns the status.
func (k *statusKeeper) get() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

// failure returns the refusal of writes, nil without a reason for it.
func (k *statusKeeper) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.status.Failure == nil {
		return nil
	}
	return problem.Wrap(problem.StoreDown, k.status.Failure)
}

// record takes note of the outcome of an operation whose context is ctx.
func (k *statusKeeper) record(ctx context.Context, err error, isDamage func(error) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		if k.status.Silent {
			k.status.Silent, k.struck = false, 0
			k.log.InfoContext(ctx, "the database answers again")
		}
	case isDamage(err):
		k.fail(ctx, err)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		k.status.Silent = true
		k.status.Deadlines++
		k.struck++
		if k.struck&(k.struck-1) == 0 { // the first, and then ever more rarely: a silence strikes many
			k.log.ErrorContext(ctx, "the database does not answer in time",
				slog.Uint64("times", k.struck), slog.String("error", err.Error()))
		}
	}
}

// latch refuses all writes from now on, because of a failure that no waiting mends.
func (k *statusKeeper) latch(ctx context.Context, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail(ctx, err)
}

// recordCheck takes note of a check of all pages that found no damage.
func (k *statusKeeper) recordCheck(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status.Checks++
	k.log.DebugContext(ctx, "the pages of the database are not damaged")
}

func (k *statusKeeper) fail(ctx context.Context, err error) {
	if k.status.Failure != nil {
		return
	}
	k.status.Failure = err
	k.log.ErrorContext(ctx, "the database is damaged: this service writes no more; stop it and restore from backup",
		slog.String("error", err.Error()))
}
