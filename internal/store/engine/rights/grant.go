// Package rights knows which rights the role of the service needs in PostgreSQL: it grants them, finds those that are
// missing, and says how to grant these. It is separate from engine, which runs transactions.
package rights

import (
	"fmt"
	"strings"

	"github.com/lib/pq"
)

// Table is a table or a sequence, with what the current role may do with it.
type Table struct {
	Name         string         `db:"name"`
	IsSequence   bool           `db:"is_sequence"`
	IsAppendOnly bool           `db:"append_only"`
	Held         pq.StringArray `db:"held"`
}

// SelectTables selects the tables and sequences of the register. Tables that are append-only are those with the
// trigger. What belongs to others in the same schema has another owner than the table with the schema version. The
// sequences of identity columns need no right.
const SelectTables = `SELECT CAST(c.relname AS text) AS name, c.relkind = 'S' AS is_sequence,
	EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname LIKE '%append_only') AS append_only,
	ARRAY (SELECT name FROM unnest(CASE WHEN c.relkind = 'S' THEN ARRAY['USAGE']
		ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END) AS privilege (name)
		WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, name) ELSE has_table_privilege(c.oid, name) END)
		AS held
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'S') AND c.relowner = (SELECT v.relowner FROM pg_class v
		WHERE v.relnamespace = n.oid AND v.relname = 'goose_db_version')
	AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE c.relkind = 'S' AND d.objid = c.oid AND d.deptype = 'i')
	ORDER BY c.relname`

// GrantStatements are the statements that give a role what the service needs in a schema, and nothing else: it cannot
// change or delete rows of tables that are append-only, nor their triggers.
func GrantStatements(tables []Table, schema, role string) []string {
	grantee := pq.QuoteIdentifier(role)
	statements := []string{`GRANT USAGE ON SCHEMA ` + pq.QuoteIdentifier(schema) + ` TO ` + grantee}
	for _, table := range tables {
		object := table.kind() + ` ` + pq.QuoteIdentifier(table.Name)
		statements = append(statements, `REVOKE ALL ON `+object+` FROM `+grantee,
			fmt.Sprintf(`GRANT %s ON %s TO %s`, strings.Join(table.privileges(), ", "), object, grantee))
	}
	return statements
}

// kind is the word of SQL for a table or a sequence.
func (t Table) kind() string {
	if t.IsSequence {
		return "SEQUENCE"
	}
	return "TABLE"
}

// privileges are what the service needs.
func (t Table) privileges() []string {
	switch {
	case t.IsSequence:
		return []string{"USAGE"}
	case t.Name == "goose_db_version" || t.Name == "resealing": // the owner migrates, and seals texts anew
		return []string{"SELECT"}
	case t.IsAppendOnly:
		return []string{"SELECT", "INSERT"}
	}
	return []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
}
