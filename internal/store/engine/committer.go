package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

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
type groupCommitter struct {
	dialect    *dialect
	statements *statementCache
	states     *sharedStates // state that the jobs of one commit share
	txs        []*Tx         // one for each job of the batch that has run
	jobs       chan *job
	// checkpoints holds at most one request to move the write-ahead log into the database file, whose function is
	// called afterwards.
	checkpoints chan func(complete bool)
	done        chan struct{}

	closeMutex sync.RWMutex // held for reading while a job is enqueued
	closed     bool
}

// job is a function to run in a transaction.
type job struct {
	fn           func(*Tx) error
	ownerDecided atomic.Bool // set by the committer, or by the caller when it gives up waiting
	claimed      bool        // the committer owns the job and may run it again
	err          error       // error of this job alone
	done         chan error
	ran          chan struct{} // closed when fn is not called again: the batch is about to be committed
}

// claim makes the committer own the job, and returns false when its caller gave up waiting.
func (j *job) claim() bool {
	j.claimed = j.claimed || j.ownerDecided.CompareAndSwap(false, true)
	return j.claimed
}

// maxBatchSize bounds how long the first job of a batch waits for the last.
const maxBatchSize = 256

func startGroupCommitter(conn *sqlx.Conn, d *dialect) *groupCommitter {
	c := &groupCommitter{
		dialect:     d,
		statements:  &statementCache{conn: conn, byText: make(map[string]*sqlx.Stmt)},
		jobs:        make(chan *job, maxBatchSize),
		checkpoints: make(chan func(bool), 1),
		done:        make(chan struct{}),
	}
	go c.commitBatches()
	return c
}

// submitAndWait enqueues f and waits until its changes are durable. When ctx ends before the job is claimed, nothing is
// written. When it ends later, the caller waits until f has run, because f writes to the caller's variables, but not
// for a disk that does not finish the commit. The outcome is unknown then, and a retry with the same idempotency key
// finds it.
func (c *groupCommitter) submitAndWait(ctx context.Context, f func(*Tx) error) error {
	j := &job{fn: f, done: make(chan error, 1), ran: make(chan struct{})}
	if err := c.enqueue(ctx, j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.ownerDecided.CompareAndSwap(false, true) {
			return c.dialect.toProblem(ctx.Err())
		}
	}
	select {
	case err := <-j.done:
		return err
	case <-j.ran:
	}
	grace := time.NewTimer(answerGrace)
	defer grace.Stop()
	select {
	case err := <-j.done:
		return err
	case <-grace.C:
		return problem.Wrap(problem.StoreDown, fmt.Errorf("the outcome of the transaction is unknown: %w", ctx.Err()))
	}
}

func (c *groupCommitter) enqueue(ctx context.Context, j *job) error {
	c.closeMutex.RLock()
	defer c.closeMutex.RUnlock()
	if c.closed {
		return problem.Wrap(problem.StoreDown, errClosed)
	}
	select {
	case c.jobs <- j:
		return nil
	case <-ctx.Done():
		return c.dialect.toProblem(ctx.Err())
	}
}

// close waits until the enqueued jobs are done.
func (c *groupCommitter) close() error {
	c.closeMutex.Lock()
	if !c.closed {
		c.closed = true
		close(c.jobs)
	}
	c.closeMutex.Unlock()
	<-c.done
	return c.statements.close()
}

func (c *groupCommitter) commitBatches() {
	defer close(c.done)
	batch := make([]*job, 0, maxBatchSize)
	for {
		var first *job
		var open bool
		select {
		case report := <-c.checkpoints:
			report(c.runCheckpoint())
			continue
		case first, open = <-c.jobs:
		}
		if !open {
			return
		}
		runtime.Gosched() // callers that the last commit has just released may be about to write again
		batch = c.collectJobs(append(batch[:0], first))
		err := c.commitBatch(batch)
		for _, j := range batch {
			if err != nil {
				j.err = err
			}
			j.done <- j.err
		}
		clear(batch)
	}
}

// checkpoint asks for a checkpoint between two batches, and does not wait for it.
func (c *groupCommitter) checkpoint(report func(complete bool)) {
	select {
	case c.checkpoints <- report:
	default: // one is asked for already
	}
}

// runCheckpoint moves the whole write-ahead log into the database file and empties it. Readers of an older state end
// soon; when one does not, the writers behind this do not wait for it, and it returns false.
func (c *groupCommitter) runCheckpoint() bool {
	_ = c.execControl(`PRAGMA busy_timeout = 200`)
	var result struct {
		Busy         int `db:"busy"`
		Log          int `db:"log"`
		Checkpointed int `db:"checkpointed"`
	}
	_, err := c.newTx().SelectRow(&result, `PRAGMA wal_checkpoint(TRUNCATE)`)
	_ = c.execControl(`PRAGMA busy_timeout = 20000`)
	return err == nil && result.Busy == 0
}

// collectJobs adds the waiting jobs to the batch, without waiting for more.
func (c *groupCommitter) collectJobs(batch []*job) []*job {
	for len(batch) < maxBatchSize {
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
func (c *groupCommitter) commitBatch(batch []*job) error {
	failed, err := c.attemptCommit(batch, c.runJob)
	if failed == nil || err != nil {
		return err
	}
	if len(batch) == 1 {
		return failed
	}
	_, err = c.attemptCommit(batch, c.runInSavepoint)
	return err
}

// attemptCommit runs the batch once and commits it. It stops at the first job that makes it necessary to roll back the
// whole batch. failed is the error of a job and err one of the transaction; after either, nothing is stored.
func (c *groupCommitter) attemptCommit(batch []*job, run func(*job) (failed, err error)) (failed, err error) {
	if err = c.execControl(`BEGIN IMMEDIATE`); err != nil {
		return nil, err
	}
	c.states, c.txs = &sharedStates{}, c.txs[:0]
	for _, j := range batch {
		if !j.claim() {
			continue
		}
		if failed, err = run(j); failed != nil || err != nil {
			c.rollBack()
			return failed, err
		}
	}
	if err = c.states.saveStates(c.newTx()); err == nil {
		for _, j := range batch {
			close(j.ran)
		}
		err = c.execControl(`COMMIT`)
	}
	if err != nil {
		c.rollBack()
		return nil, err
	}
	for _, tx := range c.txs {
		tx.runAfterCommit()
	}
	clear(c.txs)
	return nil, nil
}

// runJob runs one job as a part of the transaction.
func (c *groupCommitter) runJob(j *job) (failed, err error) {
	tx := c.newTx()
	failed = tx.runFunc(j.fn)
	c.txs = append(c.txs, tx)
	return failed, nil
}

// runInSavepoint runs one job in its own savepoint, and rolls back only this savepoint when the job fails. It returns
// err when the savepoint itself fails, because then the state of the batch is unknown: on a full disk, SQLite rolls
// back the whole transaction.
func (c *groupCommitter) runInSavepoint(j *job) (failed, err error) {
	if err = c.execControl(`SAVEPOINT job`); err != nil {
		return nil, err
	}
	tx := c.newTx()
	if j.err = tx.runFunc(j.fn); j.err == nil {
		c.txs = append(c.txs, tx)
	} else {
		if err = c.execControl(`ROLLBACK TO job`); err != nil {
			return nil, err
		}
	}
	return nil, c.execControl(`RELEASE job`)
}

// rollBack ends the transaction. The statement fails when SQLite has already rolled back by itself, which is harmless.
func (c *groupCommitter) rollBack() {
	_ = c.execControl(`ROLLBACK`)
}

func (c *groupCommitter) execControl(statement string) error {
	_, err := c.newTx().execWithoutFlush(statement)
	return err
}

func (c *groupCommitter) newTx() *Tx {
	return &Tx{ctx: context.Background(), conn: c.statements.conn, dialect: c.dialect, statements: c.statements,
		states: c.states}
}

// sharedStates holds the state that the transactions of one commit share.
type sharedStates struct {
	byKey map[any]CommitState
}

// CommitState is state that the transactions of one commit share. It is saved once, however many of them use it.
type CommitState interface {
	// SaveState runs before the commit. The transactions that failed are rolled back then, but their changes to this
	// state are not.
	SaveState(*Tx) error
}

// SharedState returns the state with a key in this commit, made by create at its first use. Only a writing transaction
// has shared states.
func (tx *Tx) SharedState(key any, create func() CommitState) CommitState {
	state, known := tx.states.byKey[key]
	if !known {
		state = create()
		if tx.states.byKey == nil {
			tx.states.byKey = make(map[any]CommitState, 1)
		}
		tx.states.byKey[key] = state
	}
	return state
}

func (s *sharedStates) saveStates(tx *Tx) error {
	for _, state := range s.byKey {
		if err := state.SaveState(tx); err != nil {
			return err
		}
	}
	return nil
}
