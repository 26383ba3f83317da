package engine

import (
	"reflect"
	"testing"
	"time"
)

type keyRow struct {
	ID   string `db:"id"`
	Line int    `db:"line"`
}

type testRow struct {
	keyRow
	Seq  int64     `db:"seq" insert:"-"`
	Text []byte    `db:"body"`
	At   Timestamp `db:"at"`
	Done bool      `db:"done"`
}

func TestTable(t *testing.T) {
	at := Timestamp(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))
	table := NewTable[testRow]("t", DoUpdate("id", "line"))
	row := testRow{keyRow{"a", 2}, 7, []byte("text"), at, true}
	if got, want := table.Values(&row), []any{"a", int64(2), []byte("text"), at, true}; !reflect.DeepEqual(got, want) {
		t.Errorf("values %v, want %v", got, want)
	}
	const conflict = ` ON CONFLICT (id, line) DO UPDATE SET body = excluded.body, at = excluded.at, done = excluded.done`
	for _, test := range []struct{ name, got, want string }{
		{"columns", table.Columns("x"), `x.id, x.line, x.body, x.at, x.done`},
		{"select", table.Select(), `SELECT id, line, body, at, done FROM t`},
		{"two rows", table.definition.statement(2),
			`INSERT INTO t (id, line, body, at, done) VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?)` + conflict},
	} {
		if test.got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, test.got, test.want)
		}
	}
}

func TestCombineInsertions(t *testing.T) {
	keys := NewTable[keyRow]("k", DoNothing("id")).definition
	lines := NewTable[keyRow]("l", OnConflict{}).definition
	query, args := combineInsertions([]insertion{{keys, 2, []any{"a", 1, "b", 2}}, {lines, 1, []any{"c", 3}}})
	const want = `WITH part0 AS (INSERT INTO k (id, line) VALUES (?, ?), (?, ?) ON CONFLICT (id) DO NOTHING) ` +
		`INSERT INTO l (id, line) VALUES (?, ?)`
	if query != want || !reflect.DeepEqual(args, []any{"a", 1, "b", 2, "c", 3}) {
		t.Errorf("%s\n%v\nwant %s", query, args, want)
	}
}
