package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// syncBuffer collects log lines of several goroutines.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// silentStore is a store behind a proxy that can become silent.
type silentStore struct {
	*store.DB
	proxy *storetest.SilentProxy
	log   syncBuffer
}

func openSilentStore(t *testing.T, limit time.Duration) *silentStore {
	t.Helper()
	s := &silentStore{proxy: storetest.StartSilentProxy(t)}
	var err error
	s.DB, err = store.Open(t.Context(), store.Config{
		URL: s.proxy.URL, Directory: t.TempDir(), Limit: limit, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *silentStore) write(ctx context.Context, name string, during func()) error {
	return s.RunWriteTx(ctx, func(w implants.Writer) error {
		key := platform.ReplayKey{Hash: sha256.Sum256([]byte(name)), ExpiresAt: time.Now()}
		if fresh, err := w.RecordReplayKey(key); err != nil || !fresh {
			return err
		}
		if during != nil {
			during()
		}
		return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now(), Correlation: name})
	})
}

func (s *silentStore) read(ctx context.Context, during func()) error {
	return s.RunReadTx(ctx, func(r implants.Reader) error {
		if during != nil {
			during()
		}
		_, _, err := r.Implant("one")
		return err
	})
}

// countEvents counts the events with a correlation.
func (s *silentStore) countEvents(t *testing.T, name string) int {
	t.Helper()
	events, _, err := s.ReadEvents(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range events {
		if events[i].Correlation == name {
			n++
		}
	}
	return n
}

// TestFindingR1SilentDatabase checks that nothing waits for a PostgreSQL that is silent: each caller gets a refusal that
// says to try again, the log and the status say why, and the store works again with the server.
func TestFindingR1SilentDatabase(t *testing.T) {
	t.Parallel()
	const limit = 300 * time.Millisecond
	cases := []struct {
		name string
		act  func(*silentStore, context.Context, func()) error
	}{
		{"write", func(s *silentStore, ctx context.Context, _ func()) error { return s.write(ctx, "silent", nil) }},
		{"read", func(s *silentStore, ctx context.Context, _ func()) error { return s.read(ctx, nil) }},
		{"ready", func(s *silentStore, ctx context.Context, _ func()) error { return s.CheckReady(ctx) }},
		{"seal", func(s *silentStore, ctx context.Context, _ func()) error {
			_, err := s.SealAuditLog(ctx, time.Now(), 0)
			return err
		}},
		{"purge", func(s *silentStore, ctx context.Context, _ func()) error {
			_, err := s.PurgeReplayKeys(ctx, time.Now())
			return err
		}},
		{"write that becomes silent", func(s *silentStore, ctx context.Context, silence func()) error {
			return s.write(ctx, "silent", silence)
		}},
		{"read that becomes silent", func(s *silentStore, ctx context.Context, silence func()) error { return s.read(ctx, silence) }},
		{"many at once", func(s *silentStore, ctx context.Context, _ func()) error {
			var group sync.WaitGroup
			errs := make([]error, 100)
			for i := range errs {
				group.Go(func() { errs[i] = s.write(ctx, "silent", nil) })
			}
			group.Wait()
			for _, err := range errs {
				if !errors.Is(err, problem.Unavailable) {
					return err
				}
			}
			return errs[0]
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openSilentStore(t, limit)
			if err := s.write(t.Context(), "before", nil); err != nil {
				t.Fatal(err)
			}
			silence := func() { s.proxy.SilenceAll(true) }
			if !strings.HasSuffix(c.name, "becomes silent") {
				silence()
			}
			err := c.act(s, t.Context(), silence)
			if !errors.Is(err, problem.Unavailable) || problem.From(err).Code != problem.StoreDown {
				t.Errorf("while the server is silent: %v", err)
			}
			if status := s.Status(); !status.Silent || status.Deadlines == 0 || status.Failure != nil {
				t.Errorf("status %+v", status)
			}
			if text := s.log.String(); !strings.Contains(text, "level=ERROR") || strings.Count(text, "\n") > 8 || !strings.Contains(text, "does not answer in time") {
				t.Errorf("the log says %q", text)
			}
			s.proxy.Speak()
			for attempt := 1; ; attempt++ {
				err := s.write(t.Context(), "after", nil)
				if err == nil {
					break
				}
				if attempt == 3 {
					t.Fatalf("when the server is back: %v", err)
				}
			}
			if status := s.Status(); status.Silent {
				t.Errorf("status %+v when the server is back", status)
			}
			if n := s.countEvents(t, "silent"); n != 0 {
				t.Errorf("%d refused events are stored", n)
			}
		})
	}
}

// TestFindingR1SilentConnections checks that one caller, not each, pays for idle connections that lead to nobody, and
// that it is served on a new one.
func TestFindingR1SilentConnections(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*silentStore) error{
		"write": func(s *silentStore) error { return s.write(t.Context(), "one", nil) },
		"read":  func(s *silentStore) error { return s.read(t.Context(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openSilentStore(t, 10*time.Second)
			var group sync.WaitGroup
			held, release := make(chan struct{}), make(chan struct{})
			for range 20 { // at once, so that there are as many connections
				group.Go(func() {
					if err := s.read(t.Context(), func() { held <- struct{}{}; <-release }); err != nil {
						t.Error(err)
					}
				})
			}
			for range 20 {
				<-held
			}
			close(release)
			group.Wait()
			s.proxy.SilenceOpen(true)
			if err := act(s); err != nil {
				t.Errorf("the first caller: %v", err)
			}
			limited, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than one more silent BEGIN
			defer cancel()
			for range 40 {
				if err := s.read(limited, nil); err != nil {
					t.Fatalf("a caller after it: %v", err)
				}
			}
		})
	}
}

// TestFindingR1SilentCommit checks the outcome of a COMMIT whose answer never comes: what is stored is either
// acknowledged or found by the retry, and nothing is stored twice.
func TestFindingR1SilentCommit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cut    bool // the COMMIT does not arrive
		all    bool // new connections are silent too
		code   problem.Code
		stored int
	}{
		{"it arrives, new connections work", false, false, "", 1},
		{"it arrives, nothing works", false, true, problem.StoreDown, 1},
		{"it is lost, new connections work", true, false, problem.StoreDown, 0},
		{"it is lost, nothing works", true, true, problem.StoreDown, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openSilentStore(t, 400*time.Millisecond)
			runs := 0
			err := s.RunWriteTx(t.Context(), func(w implants.Writer) error {
				runs++
				key := platform.ReplayKey{Hash: sha256.Sum256([]byte("commit")), ExpiresAt: time.Now()}
				if fresh, err := w.RecordReplayKey(key); err != nil || !fresh {
					return err
				}
				if err := w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now(), Correlation: "commit"}); err != nil {
					return err
				}
				// The insert is delayed until the next statement; this one is the last before COMMIT.
				if err := w.Lock("flush"); err != nil {
					return err
				}
				if c.all {
					s.proxy.SilenceAll(c.cut)
				} else {
					s.proxy.SilenceOpen(c.cut)
				}
				return nil
			})
			if c.code == "" && err != nil || c.code != "" && problem.From(err).Code != c.code || runs != 1 {
				t.Errorf("%d runs: %v", runs, err)
			}
			s.proxy.Speak()
			for attempt := 1; s.read(t.Context(), nil) != nil; attempt++ {
				if attempt == 5 {
					t.Fatal("the server is not back")
				}
			}
			if n := s.countEvents(t, "commit"); n != c.stored {
				t.Errorf("stored %d times, not %d", n, c.stored)
			}
		})
	}
}

// TestFindingR1BlockedWriter checks that no caller of SQLite waits for a write that another program blocks, and that
// nothing of the refused writes is stored when it is done.
func TestFindingR1BlockedWriter(t *testing.T) {
	t.Parallel()
	b := storetest.NewSQLiteBackend(t)
	b.Config.Limit = 200 * time.Millisecond
	db := b.Open(t)
	conn, err := b.OpenRaw(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	appendEvent := func(ctx context.Context) error {
		return db.RunWriteTx(ctx, func(w implants.Writer) error { return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now()}) })
	}
	var group sync.WaitGroup
	others := make([]error, 8)
	for i := range others {
		group.Go(func() { others[i] = appendEvent(t.Context()) })
	}
	if err := appendEvent(t.Context()); problem.From(err).Code != problem.StoreDown {
		t.Errorf("a blocked write: %v", err)
	}
	if err := db.CheckReady(t.Context()); problem.From(err).Code != problem.StoreDown {
		t.Errorf("ready while nothing can be written: %v", err)
	}
	group.Wait()
	for _, err := range others {
		if problem.From(err).Code != problem.StoreDown {
			t.Errorf("another caller: %v", err)
		}
	}
	if _, err := conn.ExecContext(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := appendEvent(t.Context()); err != nil {
		t.Errorf("when the other program is done: %v", err)
	}
	if events, _, err := db.ReadEvents(t.Context(), 0, 100); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
}
