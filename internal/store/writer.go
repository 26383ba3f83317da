package store

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"github.com/openctr/ctr/internal/problem"
)

// writer is the one goroutine that changes an SQLite file. A disk takes about a millisecond to make a commit durable,
// whatever it holds; so the writer takes all jobs that wait, runs each in its own savepoint, commits them together, and
// answers them only then. Jobs that come meanwhile are the next batch.
type writer struct {
	dialect  *dialect
	prepared *statements
	jobs     chan *job
	done     chan struct{}

	closing sync.RWMutex // held for reading while a job is handed over
	closed  bool
}

// job is a function that waits to run in a transaction.
type job struct {
	f     func(*session) error
	taken atomic.Bool // by the writer, or by its caller who gave up waiting
	err   error       // of this job alone
	done  chan error
}

// batchSize bounds how long the first job of a batch waits for the last.
const batchSize = 256

func startWriter(conn *sqlx.Conn, d *dialect) *writer {
	w := &writer{
		dialect:  d,
		prepared: &statements{conn: conn, byText: make(map[string]*sqlx.Stmt)},
		jobs:     make(chan *job, batchSize),
		done:     make(chan struct{}),
	}
	go w.loop()
	return w
}

// write hands f to the writer and waits until it is durable. Who gives up waiting before his turn has written nothing.
func (w *writer) write(ctx context.Context, f func(*session) error) error {
	j := &job{f: f, done: make(chan error, 1)}
	if err := w.hand(ctx, j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return w.dialect.problem(ctx.Err())
		}
		return <-j.done
	}
}

func (w *writer) hand(ctx context.Context, j *job) error {
	w.closing.RLock()
	defer w.closing.RUnlock()
	if w.closed {
		return problem.Wrap(problem.StoreDown, errClosed)
	}
	select {
	case w.jobs <- j:
		return nil
	case <-ctx.Done():
		return w.dialect.problem(ctx.Err())
	}
}

// close lets the writer finish what was handed over.
func (w *writer) close() error {
	w.closing.Lock()
	if !w.closed {
		w.closed = true
		close(w.jobs)
	}
	w.closing.Unlock()
	<-w.done
	return w.prepared.close()
}

func (w *writer) loop() {
	defer close(w.done)
	batch := make([]*job, 0, batchSize)
	for first := range w.jobs {
		runtime.Gosched() // those whom the last commit answered may be about to write again
		batch = w.collect(append(batch[:0], first))
		err := w.transact(batch)
		for _, j := range batch {
			if err != nil {
				j.err = err
			}
			j.done <- j.err
		}
		clear(batch)
	}
}

// collect adds the jobs that wait, without waiting for more.
func (w *writer) collect(batch []*job) []*job {
	for len(batch) < batchSize {
		select {
		case j, open := <-w.jobs:
			if !open {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// transact runs the batch in one transaction. It fails for all when the transaction is not durable. The writer's own
// context never ends: no caller's time-out may take the others' work with it.
func (w *writer) transact(batch []*job) error {
	if err := w.do(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	for _, j := range batch {
		if !j.taken.CompareAndSwap(false, true) {
			continue
		}
		if err := w.run(j); err != nil {
			w.abandon()
			return err
		}
	}
	if err := w.do(`COMMIT`); err != nil {
		w.abandon()
		return err
	}
	return nil
}

// run runs one job in its own savepoint. It fails when the savepoint does, because then nothing of the batch is sure:
// on a full disk SQLite rolls the whole transaction back by itself.
func (w *writer) run(j *job) error {
	if err := w.do(`SAVEPOINT job`); err != nil {
		return err
	}
	s := w.session()
	if j.err = s.run(j.f); j.err != nil {
		if err := w.do(`ROLLBACK TO job`); err != nil {
			return err
		}
	}
	return w.do(`RELEASE job`)
}

// abandon ends the transaction. It cannot when SQLite has done so by itself, which is as good.
func (w *writer) abandon() {
	_ = w.do(`ROLLBACK`)
}

func (w *writer) do(statement string) error {
	_, err := w.session().change(statement)
	return err
}

func (w *writer) session() *session {
	return &session{ctx: context.Background(), on: w.prepared.conn, dialect: w.dialect, prepared: w.prepared}
}
