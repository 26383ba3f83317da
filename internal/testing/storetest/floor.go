package storetest

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
)

// NewInsertFloor returns a workload that measures the minimum cost of storing a notification on SQLite: a function that
// inserts four rows, of the sizes of a notification, an implant, a submission and an event, with the driver's prepared
// statements alone and one durable commit for 64 calls. One goroutine must call it with 0, 1, 2 …
func NewInsertFloor(b *testing.B) func(n int) error {
	b.Helper()
	file := url.URL{Scheme: "file", Path: filepath.Join(b.TempDir(), "floor.sqlite"),
		RawQuery: "_journal_mode=WAL&_synchronous=FULL"}
	db := openRaw(b, "sqlite", file.String())
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	run := func(statement string) error {
		_, err := conn.ExecContext(b.Context(), statement)
		return err
	}
	var inserts []*sql.Stmt
	for i := range 4 {
		table := fmt.Sprint("t", i)
		if err := run("CREATE TABLE " + table + " (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID"); err != nil {
			b.Fatal(err)
		}
		insert, err := conn.PrepareContext(b.Context(), "INSERT INTO "+table+" (id, body) VALUES (?, ?)")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = insert.Close() })
		inserts = append(inserts, insert)
	}
	body := fmt.Sprintf("%0300d", 1)
	return func(n int) error {
		if n%64 == 0 {
			if err := run("BEGIN IMMEDIATE"); err != nil {
				return err
			}
		}
		for _, insert := range inserts {
			if _, err := insert.ExecContext(b.Context(), fmt.Sprintf("6f9619ff-8b86-d011-b42d-%012d", n), body); err != nil {
				return err
			}
		}
		if n%64 == 63 {
			return run("COMMIT")
		}
		return nil
	}
}
