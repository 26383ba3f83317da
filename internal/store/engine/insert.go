package engine

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Table describes how rows of the type R are inserted into a table. The columns are the `db` tags of R's fields, those
// of embedded structs included; a field with the tag `insert:"-"` is only read, because the database assigns it.
type Table[R any] struct {
	definition *insertDefinition
	fields     []field // one for each column
}

// field is the field of a column in its row type.
type field struct {
	index []int // for reflect.Value.FieldByIndex
	// kind is that of a value that can be passed as a plain one, which costs no allocation when it is empty or small.
	// It is Invalid for a type that converts itself.
	kind reflect.Kind
}

// insertDefinition is an INSERT statement without its values. There is one for each Table, so its address identifies
// it.
type insertDefinition struct {
	table    string
	columns  []string
	key      []string
	conflict string // ON CONFLICT … or empty
	single   string // the statement for one row
}

// OnConflict says what happens to a row whose key exists already. The zero value makes it an error.
type OnConflict struct {
	key    []string
	update bool
}

// DoNothing keeps the existing row with the same key.
func DoNothing(key ...string) OnConflict { return OnConflict{key: key} }

// DoUpdate replaces all other columns of the existing row with the same key.
func DoUpdate(key ...string) OnConflict { return OnConflict{key: key, update: true} }

// NewTable returns the description of a table. It reads the tags once, so that a row costs no search for them.
func NewTable[R any](table string, conflict OnConflict) Table[R] {
	columns, fields := columnsOf[R]()
	d := &insertDefinition{table: table, columns: columns, key: conflict.key, conflict: conflict.clause(columns)}
	d.single = d.statement(1)
	return Table[R]{d, fields}
}

// ColumnsOf returns the columns that NewTable would insert, for a row type that is only read.
func ColumnsOf[R any]() []string { columns, _ := columnsOf[R](); return columns }

func columnsOf[R any]() (columns []string, fields []field) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[R]()) {
		column := f.Tag.Get("db")
		if column == "" || f.Tag.Get("insert") == "-" {
			continue
		}
		kind := f.Type.Kind()
		if f.Type.Implements(reflect.TypeFor[driver.Valuer]()) {
			kind = reflect.Invalid
		}
		columns, fields = append(columns, column), append(fields, field{f.Index, kind})
	}
	return columns, fields
}

func (c OnConflict) clause(columns []string) string {
	clause := ` ON CONFLICT (` + strings.Join(c.key, ", ") + `) DO `
	switch {
	case c.key == nil:
		return ""
	case !c.update:
		return clause + `NOTHING`
	}
	var assignments []string
	for _, column := range columns {
		if !slices.Contains(c.key, column) {
			assignments = append(assignments, column+` = excluded.`+column)
		}
	}
	return clause + `UPDATE SET ` + strings.Join(assignments, ", ")
}

// statement is the INSERT statement for a number of rows.
func (d *insertDefinition) statement(rows int) string {
	values := ` (` + placeholders(len(d.columns)) + `)`
	return `INSERT INTO ` + d.table + ` (` + strings.Join(d.columns, ", ") + `) VALUES` + values +
		strings.Repeat(`,`+values, rows-1) + d.conflict
}

// Columns returns the inserted columns, each behind the alias of the table when there is one.
func (t Table[R]) Columns(alias string) string {
	if alias == "" {
		return strings.Join(t.definition.columns, ", ")
	}
	return alias + "." + strings.Join(t.definition.columns, ", "+alias+".")
}

// Select returns a SELECT of the columns from the table.
func (t Table[R]) Select() string {
	return `SELECT ` + t.Columns("") + ` FROM ` + t.definition.table
}

// Definition returns the name, the inserted columns, and those of the key that OnConflict named.
func (t Table[R]) Definition() (name string, columns, key []string) {
	return t.definition.table, t.definition.columns, t.definition.key
}

// Conflict returns the ON CONFLICT clause, for a statement that inserts the result of a SELECT.
func (t Table[R]) Conflict() string { return t.definition.conflict }

// Values returns the values of a row, in the order of the columns.
func (t Table[R]) Values(row *R) []any {
	v := reflect.ValueOf(row).Elem()
	values := make([]any, len(t.fields))
	for i, f := range t.fields {
		value := v.FieldByIndex(f.index)
		switch f.kind {
		case reflect.String:
			values[i] = value.String()
		case reflect.Int, reflect.Int64:
			values[i] = value.Int()
		case reflect.Bool:
			values[i] = value.Bool()
		default:
			values[i] = value.Interface()
		}
	}
	return values
}

// Insert inserts a row, possibly later in the transaction and together with others.
func (t Table[R]) Insert(tx *Tx, row R) error {
	values := t.Values(&row)
	if !tx.dialect.batchesInserts {
		_, err := tx.execWithoutFlush(t.definition.single, values...)
		return err
	}
	return tx.delayInsert(t.definition, values)
}

// InsertNow inserts a row and returns the number of changed rows, 0 when DoNothing kept the existing one.
func (t Table[R]) InsertNow(tx *Tx, row R) (int64, error) {
	return tx.ExecStatement(t.definition.single, t.Values(&row)...)
}

// insertion holds the delayed rows of one table.
type insertion struct {
	*insertDefinition
	rows   int
	values []any
}

// maxInsertRows bounds the rows of one statement. A notification has far fewer; only the import of a list reaches it.
const maxInsertRows = 500

func (tx *Tx) delayInsert(d *insertDefinition, values []any) error {
	i := slices.IndexFunc(tx.insertions, func(known insertion) bool { return known.insertDefinition == d })
	if i < 0 {
		i = len(tx.insertions)
		tx.insertions = append(tx.insertions, insertion{insertDefinition: d})
	}
	tx.insertions[i].rows++
	tx.insertions[i].values = append(tx.insertions[i].values, values...)
	if tx.delayedRows++; tx.delayedRows < maxInsertRows {
		return nil
	}
	return tx.FlushInserts()
}

// FlushInserts inserts the delayed rows in one statement. Every other statement does so first; a caller needs it only
// before it inserts a key again, because one statement cannot change the same row twice.
func (tx *Tx) FlushInserts() error {
	if tx.delayedRows == 0 {
		return nil
	}
	query, args := combineInsertions(tx.insertions)
	tx.insertions, tx.delayedRows = tx.insertions[:0], 0
	_, err := tx.execWithoutFlush(query, args...)
	return err
}

// combineInsertions combines insertions into one statement, with a common table expression for each but the last.
// PostgreSQL checks foreign keys at the end of the whole statement.
func combineInsertions(insertions []insertion) (string, []any) {
	last := len(insertions) - 1
	var parts []string
	var args []any
	for i, part := range insertions {
		args = append(args, part.values...)
		if i < last {
			parts = append(parts, fmt.Sprintf("part%d AS (%s)", i, part.statement(part.rows)))
		}
	}
	query := insertions[last].statement(insertions[last].rows)
	if last > 0 {
		query = "WITH " + strings.Join(parts, ", ") + " " + query
	}
	return query, args
}
