package engine_test

import (
	"context"
	"database/sql"
	"io"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// oneTable migrates a database to one table with a number.
var oneTable = fstest.MapFS{"postgres/00001_one.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE one (value integer NOT NULL);\nINSERT INTO one VALUES (7);\n")}}

func openPostgres(t *testing.T, url string) *engine.DB {
	t.Helper()
	db, err := engine.Open(t.Context(), engine.Config{URL: url, Migrations: oneTable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func readValue(t *testing.T, db *engine.DB) string {
	t.Helper()
	var value string
	if err := db.Read(t.Context(), func(tx *engine.Tx) error {
		_, err := tx.SelectRow(&value, `SELECT value FROM one`)
		return err
	}); err != nil {
		t.Error(err)
	}
	return value
}

// TestPreparedStatementsThatAreLost takes the prepared statements away, and changes the type of a column under them: no
// caller notices.
func TestPreparedStatementsThatAreLost(t *testing.T) {
	t.Parallel()
	url := storetest.NewPostgresDatabase(t)
	db := openPostgres(t, url)
	raw, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if got := readValue(t, db); got != "7" {
		t.Error(got)
	}
	if _, err = raw.ExecContext(t.Context(), `ALTER TABLE one ALTER COLUMN value TYPE text USING 'eight'`); err != nil {
		t.Fatal(err)
	}
	if got := readValue(t, db); got != "eight" {
		t.Error(got)
	}
	for range 2 {
		runs := 0
		err = db.Write(t.Context(), func(tx *engine.Tx) error {
			runs++
			_, writeErr := tx.ExecStatement(`UPDATE one SET value = CAST(? AS text)`, "nine")
			return writeErr
		})
		if err != nil || runs > 2 {
			t.Errorf("%d runs, %v", runs, err)
		}
		if got := readValue(t, db); got != "nine" {
			t.Error(got)
		}
		if err = db.Write(t.Context(), func(tx *engine.Tx) error {
			_, deallocateErr := tx.ExecStatement(`DEALLOCATE ALL`)
			return deallocateErr
		}); err != nil {
			t.Error(err)
		}
	}
}

// TestManyStatements runs more statements than a connection keeps.
func TestManyStatements(t *testing.T) {
	t.Parallel()
	db := openPostgres(t, storetest.NewPostgresDatabase(t))
	var prepared int
	if err := db.Read(t.Context(), func(tx *engine.Tx) error {
		for n := range 300 {
			var got int
			if _, err := tx.SelectRow(&got, `SELECT value `+strings.Repeat(" ", n)+`FROM one`); err != nil || got != 7 {
				t.Error(got, err)
				return err
			}
		}
		_, err := tx.SelectRow(&prepared, `SELECT count(*) FROM pg_prepared_statements`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if prepared != 200 {
		t.Errorf("%d statements are prepared", prepared)
	}
}

// TestOldPooler opens the database behind a pooler that gives two connections the same one of the server, as PgBouncer
// before version 1.21 does in transaction mode.
func TestOldPooler(t *testing.T) {
	t.Parallel()
	url := storetest.NewPostgresDatabase(t)
	pooled := startOldPooler(t, url)
	_, err := engine.Open(t.Context(), engine.Config{URL: pooled, Migrations: oneTable})
	if err == nil || !strings.Contains(err.Error(), "prepared_statements=off") {
		t.Fatalf("opened with prepared statements: %v", err)
	}
	db := openPostgres(t, pooled+"&prepared_statements=off")
	if got := readValue(t, db); got != "7" {
		t.Error(got)
	}
	_, err = engine.Open(t.Context(), engine.Config{URL: url + "&prepared_statements=maybe", Migrations: oneTable})
	if err == nil || err.Error() != "prepared_statements in the database URL is on or off" {
		t.Error(err)
	}
}

// oldPooler sends the transactions of all clients to one connection of the server, and knows nothing of statements.
type oldPooler struct {
	server string
	shared chan net.Conn // holds the connection while nobody uses it
}

func startOldPooler(t *testing.T, url string) string {
	t.Helper()
	host := url[strings.Index(url, "@")+1 : strings.LastIndex(url, "/")]
	p := &oldPooler{server: host, shared: make(chan net.Conn, 1)}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for n := 0; ; n++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client, n == 0)
		}
	}()
	return strings.Replace(url, host, listener.Addr().String(), 1)
}

// serve answers a client. Each gets the welcome of a connection of its own; that of the first one is shared.
func (p *oldPooler) serve(client net.Conn, isFirst bool) {
	defer func() { _ = client.Close() }()
	own, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.server)
	if err != nil {
		return
	}
	startup, err := storetest.ReadPostgresMessage(client, true)
	if err == nil {
		_, err = own.Write(startup)
	}
	if _, ended := relayAnswer(client, own); err != nil || !ended {
		return
	}
	if isFirst {
		p.shared <- own
	} else {
		_ = own.Close()
	}
	for {
		message, err := storetest.ReadPostgresMessage(client, false)
		if err != nil || message[0] == 'X' {
			return
		}
		server := <-p.shared
		isIdle, ended := false, true
		for !isIdle && ended {
			if _, err = server.Write(message); err != nil {
				break
			}
			if message[0] == 'Q' || message[0] == 'S' {
				isIdle, ended = relayAnswer(client, server)
			}
			if !isIdle && ended {
				if message, err = storetest.ReadPostgresMessage(client, false); err != nil {
					break
				}
			}
		}
		p.shared <- server
	}
}

// relayAnswer sends the client what the server answers, until it is ready for the next query.
func relayAnswer(client io.Writer, server io.Reader) (isIdle, ended bool) {
	for {
		message, err := storetest.ReadPostgresMessage(server, false)
		if err != nil {
			return false, false
		}
		if _, err = client.Write(message); err != nil {
			return false, false
		}
		if message[0] == 'Z' {
			return message[5] == 'I', true
		}
	}
}
