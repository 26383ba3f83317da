package engine

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lib/pq"
	"github.com/xdg-go/stringprep"
)

// The driver waits without limit for the server's answer to BEGIN, COMMIT and ROLLBACK, and for its answer to a
// cancellation. A server whose host is gone, or which is stopped, would keep every caller for ever. So this file ends
// the wait on the socket itself.

const (
	// answerGrace is the time for the server to answer a cancellation. A server that is slow but there answers, and the
	// caller learns what happened; one that is silent does not, and its connection is given up.
	answerGrace = time.Second
	// beginLimit bounds the wait for BEGIN, the first answer that an idle connection has to give. Nothing is lost by
	// giving it up and beginning on another connection.
	beginLimit = 5 * time.Second
	// closeLimit bounds the goodbye of a connection.
	closeLimit = time.Second
)

// keepAlive detects a host that is gone while nothing is sent; userTimeout does while something is.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 2}

// postgresConnector opens connections whose every wait ends.
type postgresConnector struct {
	// configs are tried one after the other, while the server refuses the password.
	configs   []pq.Config
	prepares  bool   // keeps statements prepared
	onSilence func() // called when a server did not answer in time
}

// newPostgresConnector returns a connector. SCRAM compares passwords as SASLprep prepares them (RFC 5802, section 2.2),
// which the driver leaves out. A role whose password PostgreSQL keeps as an MD5 hash, or whom another system
// authenticates, has it as it was written.
func newPostgresConnector(config pq.Config, prepares bool, onSilence func()) *postgresConnector {
	c := &postgresConnector{configs: []pq.Config{config}, prepares: prepares, onSilence: onSilence}
	if prepared := preparePassword(config.Password); prepared != config.Password {
		first := config
		first.Password = prepared
		c.configs = []pq.Config{first, config}
	}
	return c
}

// preparePassword prepares a password as PostgreSQL does: with SASLprep (RFC 4013), or not at all when SASLprep
// prohibits it.
func preparePassword(password string) string {
	// PostgreSQL reads U+200B, which is in both lists of section 2.1, as a space.
	spaced := strings.Map(func(r rune) rune {
		if stringprep.TableC1_2.Contains(r) {
			return ' '
		}
		return r
	}, password)
	prepared, err := stringprep.SASLprep.Prepare(spaced)
	if err != nil || prepared == "" || !utf8.ValidString(password) {
		return password
	}
	return prepared
}

// Connect opens a connection. It tries the hosts one after the other, each for the connect timeout.
func (c *postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.connect(ctx, c.configs[0])
	for _, config := range c.configs[1:] {
		if failure, ok := errors.AsType[*pq.Error](err); ok && failure.Code == invalidPassword {
			conn, err = c.connect(ctx, config)
		}
	}
	return conn, err
}

func (c *postgresConnector) connect(ctx context.Context, config pq.Config) (driver.Conn, error) {
	// The pool may call with a context without a deadline, and the driver bounds only a part of its handshake.
	ctx, cancel := context.WithTimeout(ctx, time.Duration(len(config.Multi)+2)*config.ConnectTimeout)
	defer cancel()
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, err
	}
	d := &wireDialer{net: net.Dialer{KeepAliveConfig: keepAlive, Control: limitUnacknowledged}, onSilence: c.onSilence}
	connector.Dialer(d)
	stop := context.AfterFunc(ctx, d.giveUp)
	defer stop()
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	known, ok := conn.(driverConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver lacks a method that the engine needs"), conn.Close())
	}
	limited := &limitedConn{driverConn: known, wire: d.lastWire()}
	if c.prepares {
		limited.statements = &preparedStatements{known, map[string]preparedStatement{}}
	}
	return limited, nil
}

// Driver returns the driver.
func (*postgresConnector) Driver() driver.Driver { return &pq.Driver{} }

// wireDialer dials for one connection, and later for the cancellations of its statements.
type wireDialer struct {
	net       net.Dialer
	onSilence func()

	mu   sync.Mutex
	last *wire
}

// wire is a socket that reports a silent server.
type wire struct {
	net.Conn
	onSilence func()
}

// Read reads from the server.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.onSilence()
	}
	return n, err
}

// DialContext implements pq.DialerContext.
func (d *wireDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w := &wire{conn, d.onSilence}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = w
	return w, nil
}

// Dial implements pq.Dialer, which has no context.
func (d *wireDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer, which has no context.
func (d *wireDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d *wireDialer) lastWire() *wire {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// giveUp ends a handshake whose caller has no more time.
func (d *wireDialer) giveUp() {
	if w := d.lastWire(); w != nil {
		_ = w.Close()
	}
}

// deadlineAfter returns the deadline of a socket. Sockets have the clock of contexts, not that of the program.
func deadlineAfter(limit time.Duration) time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	return deadline
}

// driverConn is what database/sql uses of a connection.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.QueryerContext
	driver.ExecerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// limitedConn is a connection whose waits end with the context of its transaction.
type limitedConn struct {
	driverConn
	wire       *wire
	statements *preparedStatements // nil if none is kept

	mu      sync.Mutex
	unwatch func() bool // ends the watch of a context; nil without one
	expired bool        // the context ended: the connection is not used again
	stale   bool        // the server has other statements than this connection, which is not used again
	until   time.Time   // the deadline of the watched context; zero without one
}

// watch ends all waits on the socket shortly after ctx has ended.
func (c *limitedConn) watch(ctx context.Context) {
	c.stopWatching()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until, _ = ctx.Deadline()
	c.unwatch = context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.expired = true
		_ = c.wire.SetDeadline(deadlineAfter(answerGrace))
	})
}

func (c *limitedConn) stopWatching() {
	c.mu.Lock()
	unwatch := c.unwatch
	c.unwatch = nil
	c.mu.Unlock()
	if unwatch != nil && !unwatch() {
		c.mu.Lock()
		c.expired = true // the watch has fired, or is about to
		c.mu.Unlock()
	}
}

// limitWait sets the deadline of the socket, unless the end of the context has set it. Zero means none.
func (c *limitedConn) limitWait(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expired {
		return nil
	}
	return c.wire.SetDeadline(deadline)
}

// BeginTx begins a transaction, which must not last longer than ctx.
//
// The driver would also cancel the COMMIT when ctx ends, so it gets a context that does not. Cancelling a COMMIT that
// waits for a synchronous standby makes the server report success before the standby has anything.
func (c *limitedConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.watch(ctx)
	if err := c.limitWait(deadlineAfter(beginLimit)); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	tx, err := c.driverConn.BeginTx(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, err
	}
	if err := c.limitWait(time.Time{}); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return limitedTx{tx, c}, nil
}

// QueryContext runs a query. Outside of a transaction the connection is watched until it is idle again.
func (c *limitedConn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	c.watchUnlessWatched(ctx)
	prepared, err := c.statements.getOrPrepare(ctx, query)
	var rows driver.Rows
	switch {
	case err != nil:
	case prepared != nil:
		rows, err = prepared.QueryContext(ctx, args)
	default:
		rows, err = c.driverConn.QueryContext(ctx, query, args)
	}
	return rows, c.noteLostStatement(err)
}

// ExecContext executes a statement.
func (c *limitedConn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	c.watchUnlessWatched(ctx)
	prepared, err := c.statements.getOrPrepare(ctx, query)
	var result driver.Result
	switch {
	case err != nil:
	case prepared != nil:
		result, err = prepared.ExecContext(ctx, args)
	default:
		result, err = c.driverConn.ExecContext(ctx, query, args)
	}
	return result, c.noteLostStatement(err)
}

// noteLostStatement gives the connection up if the server has other statements than it.
func (c *limitedConn) noteLostStatement(err error) error {
	if isStatementLost(err) || isPlanStale(err) {
		c.mu.Lock()
		c.stale = true
		c.mu.Unlock()
	}
	return err
}

func (c *limitedConn) watchUnlessWatched(ctx context.Context) {
	c.mu.Lock()
	watched := c.unwatch != nil || c.expired
	c.mu.Unlock()
	if !watched {
		c.watch(ctx)
	}
}

// IsValid ends the watch, because database/sql calls it when the connection becomes idle.
func (c *limitedConn) IsValid() bool {
	c.stopWatching()
	c.mu.Lock()
	unusable := c.expired || c.stale
	c.mu.Unlock()
	return !unusable && c.driverConn.IsValid()
}

// Close says goodbye to the server, which may be silent.
func (c *limitedConn) Close() error {
	c.stopWatching()
	_ = c.wire.SetDeadline(deadlineAfter(closeLimit))
	return c.driverConn.Close()
}

// limitedTx is a transaction of a limitedConn.
type limitedTx struct {
	driver.Tx
	conn *limitedConn
}

// Commit commits. A caller that gives up meanwhile does not end the wait, because it would leave the outcome unknown;
// the deadline of the transaction does. The grace after it is for finding out.
func (tx limitedTx) Commit() error {
	tx.conn.stopWatching()
	if err := tx.conn.limitWait(tx.conn.until); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := tx.Tx.Commit(); err != nil {
		return err
	}
	// A failure to lift the limit spoils the next use of the connection, not this commit.
	_ = tx.conn.limitWait(time.Time{})
	return nil
}
