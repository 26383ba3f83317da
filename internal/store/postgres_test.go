package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// The moments when the proxy loses a connection, as seen by the client.
const (
	never int32 = iota
	inTransaction
	beforeCommit
	afterCommit
	always // no connection gets through
)

// proxy forwards connections from the store to PostgreSQL, parses what the store sends, and loses connections.
type proxy struct {
	server          string
	loseAt          atomic.Int32 // when to lose the next connection
	namedStatements atomic.Int32 // number of prepared statements with a name
	refused         atomic.Int32 // number of connections while none gets through
	group           sync.WaitGroup
}

// startProxy returns the proxy and the URL of a new database behind it.
func startProxy(t *testing.T) (*proxy, string) {
	t.Helper()
	address, err := url.Parse(storetest.NewPostgresDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: address.Host}
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.group.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.group.Go(func() { p.serveClient(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.group.Wait()
	})
	address.Host = listener.Addr().String()
	query := address.Query()
	query.Set("sslmode", "disable")
	address.RawQuery = query.Encode()
	return p, address.String()
}

func (p *proxy) serveClient(client net.Conn) {
	defer func() { _ = client.Close() }()
	if p.loseAt.Load() == always {
		p.refused.Add(1)
		return
	}
	server, err := (&net.Dialer{}).Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var silent atomic.Bool
	answered := make(chan struct{}, 1)
	p.group.Go(func() {
		defer func() { _ = client.Close() }()
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			if silent.Load() {
				answered <- struct{}{}
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	for first := true; ; first = false {
		message, err := storetest.ReadPostgresMessage(client, first)
		if err != nil || p.loseAt.Load() == always {
			return
		}
		commit := bytes.Equal(message[1:], append([]byte{0, 0, 0, 11}, "COMMIT\x00"...))
		switch {
		case message[0] == 'P' && !first && message[5] != 0:
			p.namedStatements.Add(1)
		case message[0] == 'B' && !first && p.loseAt.CompareAndSwap(inTransaction, never):
			return
		case commit && p.loseAt.CompareAndSwap(beforeCommit, never):
			return
		case commit && p.loseAt.CompareAndSwap(afterCommit, never):
			silent.Store(true)
			if _, err := server.Write(message); err == nil {
				<-answered
			}
			return
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

func TestLostConnections(t *testing.T) {
	t.Run("prepared statements", func(t *testing.T) {
		if named := testLostConnections(t, ""); named == 0 {
			t.Error("no statement was prepared")
		}
	})
	t.Run("none", func(t *testing.T) {
		if named := testLostConnections(t, "&prepared_statements=off"); named != 0 {
			t.Errorf("%d statements have a name, which an old pooler would lose", named)
		}
	})
}

// testLostConnections returns how many statements were prepared.
func testLostConnections(t *testing.T, parameter string) int32 {
	t.Helper()
	p, address := startProxy(t)
	address += parameter
	db, err := store.Open(t.Context(), store.Config{URL: address, Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	tests := []struct {
		name  string
		lose  int32
		spend bool
		runs  int
		code  problem.Code // of the error, empty when the write succeeds
		kept  bool
	}{
		{"never", never, true, 1, "", true},
		{"in the transaction", inTransaction, true, 2, "", true},
		{"in the transaction, without a message", inTransaction, false, 2, "", true},
		{"before the commit arrives", beforeCommit, true, 2, "", true},
		{"before the answer to the commit arrives", afterCommit, true, 1, "", true},
		{"before the commit arrives, without a message", beforeCommit, false, 1, problem.StoreDown, false},
		{"before the answer to the commit arrives, without a message", afterCommit, false, 1, problem.StoreDown, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p.loseAt.Store(test.lose)
			runs, fresh := 0, true
			err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
				runs++
				if test.spend {
					var err error
					if fresh, err = w.RecordReplayKey(platform.ReplayKey{Hash: sha256.Sum256([]byte(test.name)), ExpiresAt: time.Now()}); err != nil {
						return err
					}
				}
				return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now(), Correlation: test.name})
			})
			if test.code == "" && err != nil || test.code != "" && problem.From(err).Code != test.code {
				t.Errorf("got %v", err)
			}
			if runs != test.runs || !fresh {
				t.Errorf("%d runs, fresh %v", runs, fresh)
			}
			if p.loseAt.Load() != never {
				t.Error("the connection was not lost")
			}
			kept := 0
			events, _, err := db.ReadEvents(t.Context(), 0, 100)
			for _, e := range events {
				if e.Correlation == test.name {
					kept++
				}
			}
			if err != nil || kept != map[bool]int{true: 1}[test.kept] {
				t.Errorf("kept %d times, %v", kept, err)
			}
		})
	}
	p.loseAt.Store(always)
	for name, err := range map[string]error{
		"write": db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now()}) }),
		"read":  db.RunReadTx(t.Context(), func(r implants.Reader) error { _, _, err := r.Implant("one"); return err }),
		"ready": db.CheckReady(t.Context()),
	} {
		if !errors.Is(err, problem.Unavailable) {
			t.Errorf("%s while the server is gone: %v", name, err)
		}
	}
	if n := p.refused.Load(); n == 0 || n > 12 {
		t.Errorf("%d connections for three calls", n)
	}
	p.loseAt.Store(never)
	if err := db.CheckReady(t.Context()); err != nil {
		t.Errorf("ready when the server is back: %v", err)
	}
	return p.namedStatements.Load()
}

func TestOpenPostgresRefuses(t *testing.T) {
	for name, address := range map[string]string{
		"not a URL":      "postgres://user:secret@host:port/x",
		"nobody listens": "postgres://user:secret@127.0.0.1:1/x?sslmode=disable",
	} {
		_, err := store.Open(t.Context(), store.Config{URL: address, Directory: t.TempDir()})
		if err == nil || bytes.Contains([]byte(err.Error()), []byte("secret")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
