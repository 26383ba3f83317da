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
// whatever it holds; so the writer takes all jobs that wait, runs them one after another, commits them together, and
// answers them only then. Jobs that come meanwhile are the next batch.
//
// A job that fails must leave the others alone. That is rare, because a refusal is kept as an event and is no failure; and
// a savepoint around each job costs a fifth of all the work, since SQLite copies every page that the job changes. So a
// batch runs without savepoints first, and when a job fails all of it is undone and runs again with them.
type writer struct {
	dialect  *dialect
	persons  *persons
	prepared *statements
	numbers  numbers
	sessions []*session // of the batch's jobs
	jobs     chan *job
	done     chan struct{}

	closing sync.RWMutex // held for reading while a job is handed over
	closed  bool
}

// job is a function that waits to run in a transaction.
type job struct {
	f     func(*session) error
	taken atomic.Bool // by the writer, or by its caller who gave up waiting
	mine  bool        // the writer's, who may run it again
	err   error       // of this job alone
	done  chan error
}

// take makes the job the writer's, unless its caller gave up waiting.
func (j *job) take() bool {
	j.mine = j.mine || j.taken.CompareAndSwap(false, true)
	return j.mine
}

// batchSize bounds how long the first job of a batch waits for the last.
const batchSize = 256

func startWriter(conn *sqlx.Conn, d *dialect, p *persons) *writer {
	w := &writer{
		dialect:  d,
		persons:  p,
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
	failed, err := w.attempt(batch, w.run)
	if failed == nil || err != nil {
		return err
	}
	if len(batch) == 1 {
		return failed
	}
	_, err = w.attempt(batch, w.runApart)
	return err
}

// attempt runs the batch once and commits it. It stops at the first job whose failure is everybody's: failed is of the job,
// err of the transaction, and after both nothing is kept.
func (w *writer) attempt(batch []*job, run func(*job) (failed, err error)) (failed, err error) {
	if err = w.do(`BEGIN IMMEDIATE`); err != nil {
		return nil, err
	}
	w.numbers, w.sessions = numbers{}, w.sessions[:0]
	for _, j := range batch {
		if !j.take() {
			continue
		}
		if failed, err = run(j); failed != nil || err != nil {
			w.abandon()
			return failed, err
		}
	}
	if err = w.numbers.keep(w.session()); err == nil {
		err = w.do(`COMMIT`)
	}
	if err != nil {
		w.abandon()
		return nil, err
	}
	for _, s := range w.sessions {
		w.persons.acquaintances.met(s)
	}
	clear(w.sessions)
	return nil, nil
}

// run runs one job as a part of the transaction.
func (w *writer) run(j *job) (failed, err error) {
	s := w.session()
	failed = s.run(j.f)
	w.sessions = append(w.sessions, s)
	return failed, nil
}

// runApart runs one job in its own savepoint, which alone is undone when the job fails. It fails itself when the
// savepoint does, because then nothing of the batch is sure: on a full disk SQLite rolls the whole transaction back.
func (w *writer) runApart(j *job) (failed, err error) {
	if err = w.do(`SAVEPOINT job`); err != nil {
		return nil, err
	}
	s := w.session()
	if j.err = s.run(j.f); j.err == nil {
		w.sessions = append(w.sessions, s)
	} else {
		if err = w.do(`ROLLBACK TO job`); err != nil {
			return nil, err
		}
	}
	return nil, w.do(`RELEASE job`)
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
	return &session{ctx: context.Background(), on: w.prepared.conn, dialect: w.dialect, prepared: w.prepared,
		numbers: w.numbers, persons: w.persons}
}

// numbers are the running numbers of each day that one transaction gives. The last one is read once and kept once, however
// many jobs ask. A job that is undone leaves its number out.
type numbers map[string]int64

func (n numbers) next(s *session, day string) (int64, error) {
	if _, known := n[day]; !known {
		var last int64
		if _, err := s.get(&last, `SELECT running FROM number_counter WHERE day = ?`, day); err != nil {
			return 0, err
		}
		n[day] = last
	}
	n[day]++
	return n[day], nil
}

func (n numbers) keep(s *session) error {
	for day, last := range n {
		_, err := s.exec(`INSERT INTO number_counter (day, running) VALUES (?, ?)
			ON CONFLICT (day) DO UPDATE SET running = excluded.running`, day, last)
		if err != nil {
			return err
		}
	}
	return nil
}
