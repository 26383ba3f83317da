package store

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"github.com/openctr/ctr/internal/problem"
)

// groupCommitter runs all writes to an SQLite file in one goroutine, as a group commit. A disk takes about a
// millisecond to make a commit durable, whatever its size. So the committer takes all waiting jobs, runs them one after
// another, commits them together, and only then reports their results. Jobs that arrive meanwhile are the next batch.
//
// A failing job must not affect the others. Failures are rare, because a refusal is stored as an event and is no
// failure. A savepoint around each job would cost a fifth of all the work, because SQLite copies every page that the
// job changes. So a batch first runs without savepoints; when a job fails, the whole batch is rolled back and runs
// again with them.
type writer struct {
	dialect  *dialect
	persons  *persons
	prepared *statements
	numbers  numbers
	sessions []*session // one for each job of the batch that has run
	jobs     chan *job
	done     chan struct{}

	closing sync.RWMutex // held for reading while a job is enqueued
	closed  bool
}

// job is a function to run in a transaction.
type job struct {
	f     func(*session) error
	taken atomic.Bool // set by the committer, or by the caller when it gives up waiting
	mine  bool        // the committer owns the job and may run it again
	err   error       // error of this job alone
	done  chan error
}

// claim makes the committer own the job, and returns false when its caller gave up waiting.
func (j *job) take() bool {
	j.mine = j.mine || j.taken.CompareAndSwap(false, true)
	return j.mine
}

// maxBatchSize bounds how long the first job of a batch waits for the last.
const batchSize = 256

func startWriter(conn *sqlx.Conn, d *dialect, p *persons) *writer {
	c := &writer{
		dialect:  d,
		persons:  p,
		prepared: &statements{conn: conn, byText: make(map[string]*sqlx.Stmt)},
		jobs:     make(chan *job, batchSize),
		done:     make(chan struct{}),
	}
	go c.loop()
	return c
}

// submitAndWait enqueues f and waits until its changes are durable. When ctx ends before the job is claimed, nothing is
// written.
func (c *writer) write(ctx context.Context, f func(*session) error) error {
	j := &job{f: f, done: make(chan error, 1)}
	if err := c.hand(ctx, j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return c.dialect.problem(ctx.Err())
		}
		return <-j.done
	}
}

func (c *writer) hand(ctx context.Context, j *job) error {
	c.closing.RLock()
	defer c.closing.RUnlock()
	if c.closed {
		return problem.Wrap(problem.StoreDown, errClosed)
	}
	select {
	case c.jobs <- j:
		return nil
	case <-ctx.Done():
		return c.dialect.problem(ctx.Err())
	}
}

// close waits until the enqueued jobs are done.
func (c *writer) close() error {
	c.closing.Lock()
	if !c.closed {
		c.closed = true
		close(c.jobs)
	}
	c.closing.Unlock()
	<-c.done
	return c.prepared.close()
}

func (c *writer) loop() {
	defer close(c.done)
	batch := make([]*job, 0, batchSize)
	for first := range c.jobs {
		runtime.Gosched() // callers that the last commit has just released may be about to write again
		batch = c.collect(append(batch[:0], first))
		err := c.transact(batch)
		for _, j := range batch {
			if err != nil {
				j.err = err
			}
			j.done <- j.err
		}
		clear(batch)
	}
}

// collectJobs adds the waiting jobs to the batch, without waiting for more.
func (c *writer) collect(batch []*job) []*job {
	for len(batch) < batchSize {
		select {
		case j, open := <-c.jobs:
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

// commitBatch runs the batch in one transaction. It returns an error, which applies to all jobs, when the transaction
// is not durable. Transactions of the committer use a context that never ends: one caller's timeout must not abort the
// other jobs.
func (c *writer) transact(batch []*job) error {
	failed, err := c.attempt(batch, c.run)
	if failed == nil || err != nil {
		return err
	}
	if len(batch) == 1 {
		return failed
	}
	_, err = c.attempt(batch, c.runApart)
	return err
}

// attemptCommit runs the batch once and commits it. It stops at the first job that makes it necessary to roll back the
// whole batch. failed is the error of a job and err one of the transaction; after either, nothing is stored.
func (c *writer) attempt(batch []*job, run func(*job) (failed, err error)) (failed, err error) {
	if err = c.do(`BEGIN IMMEDIATE`); err != nil {
		return nil, err
	}
	c.numbers, c.sessions = numbers{}, c.sessions[:0]
	for _, j := range batch {
		if !j.take() {
			continue
		}
		if failed, err = run(j); failed != nil || err != nil {
			c.abandon()
			return failed, err
		}
	}
	if err = c.numbers.keep(c.session()); err == nil {
		err = c.do(`COMMIT`)
	}
	if err != nil {
		c.abandon()
		return nil, err
	}
	for _, s := range c.sessions {
		c.persons.acquaintances.met(s)
	}
	clear(c.sessions)
	return nil, nil
}

// runJob runs one job as a part of the transaction.
func (c *writer) run(j *job) (failed, err error) {
	s := c.session()
	failed = s.run(j.f)
	c.sessions = append(c.sessions, s)
	return failed, nil
}

// runInSavepoint runs one job in its own savepoint, and rolls back only this savepoint when the job fails. It returns
// err when the savepoint itself fails, because then the state of the batch is unknown: on a full disk, SQLite rolls
// back the whole transaction.
func (c *writer) runApart(j *job) (failed, err error) {
	if err = c.do(`SAVEPOINT job`); err != nil {
		return nil, err
	}
	s := c.session()
	if j.err = s.run(j.f); j.err == nil {
		c.sessions = append(c.sessions, s)
	} else {
		if err = c.do(`ROLLBACK TO job`); err != nil {
			return nil, err
		}
	}
	return nil, c.do(`RELEASE job`)
}

// rollBack ends the transaction. The statement fails when SQLite has already rolled back by itself, which is harmless.
func (c *writer) abandon() {
	_ = c.do(`ROLLBACK`)
}

func (c *writer) do(statement string) error {
	_, err := c.session().change(statement)
	return err
}

func (c *writer) session() *session {
	return &session{ctx: context.Background(), on: c.prepared.conn, dialect: c.dialect, prepared: c.prepared,
		numbers: c.numbers, persons: c.persons}
}

// sequenceNumbers holds, for each day, the last sequence number that one transaction of the committer has issued. It is
// read once and stored once, however many jobs need numbers. The number of a job that is rolled back stays unused.
type numbers map[string]int64

func (n numbers) next(tx *session, day string) (int64, error) {
	if _, known := n[day]; !known {
		var last int64
		if _, err := tx.get(&last, `SELECT running FROM number_counter WHERE day = ?`, day); err != nil {
			return 0, err
		}
		n[day] = last
	}
	n[day]++
	return n[day], nil
}

func (n numbers) keep(tx *session) error {
	for day, last := range n {
		_, err := tx.exec(`INSERT INTO number_counter (day, running) VALUES (?, ?)
			ON CONFLICT (day) DO UPDATE SET running = excluded.running`, day, last)
		if err != nil {
			return err
		}
	}
	return nil
}
