package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// idColumn is a column of pseudonym ids, with the condition for the rows in which the ids have a purpose.
type idColumn struct{ table, column, purpose, where string }

// ownData is the condition for the rows of the audit log in which a person reads their own data, as a patient.
const ownData = `reason = 'patient''s own data'`

func idColumns() []idColumn {
	return []idColumn{
		{"person", "subject", "patient", ""},
		{"practice", "subject", "professional", ""},
		{"affiliation", "subject", "professional", ""},
		{"mandate", "grantor", "professional", ""}, {"mandate", "grantee", "professional", ""},
		{"therapeutic_link", "patient", "patient", ""}, {"therapeutic_link", "professional", "professional", ""},
		{"notification", "patient", "patient", ""},
		{"notification", "specialist", "professional", ""}, {"notification", "prescriber", "professional", ""},
		{"notification", "author", "caller", ""}, {"notification", "signer", "caller", ""},
		{"pending", "specialist", "professional", ""}, {"pending", "author", "caller", ""},
		{"implant", "pharmacist", "professional", ""},
		{"submission", "signer", "caller", ""},
		{"emergency", "professional", "caller", ""}, {"emergency", "patient", "patient", ""},
		{"audit", "person", "caller", `NOT ` + ownData}, {"audit", "person", "patient", ownData},
		{"audit", "signer", "caller", `NOT ` + ownData}, {"audit", "signer", "patient", ownData},
		{"audit", "patient", "patient", `operation NOT IN ('ManageMandate', 'ManageStaff')`},
		{"audit", "patient", "professional", `operation IN ('ManageMandate', 'ManageStaff')`},
	}
}

// CheckPurposes checks that nobody can join the pseudonyms of a person without the keys: that every column of ids is
// known here, and has only ids of subjects for its purpose. Ids for different purposes then are different ids, and
// subject.person joins none of them. Ids from before there were purposes are left out.
func CheckPurposes(t testing.TB, raw *sql.DB, isPostgres bool) {
	t.Helper()
	const isNew = ` >= 4503599627370496` // 2^52
	purposes := queryTexts(t, raw, `SELECT DISTINCT a.purpose || ' as ' || b.purpose FROM subject a
		JOIN subject b ON a.person = b.person WHERE a.purpose <> b.purpose AND a.id`+isNew)
	if len(purposes) > 0 {
		t.Errorf("the table subject joins %v", purposes)
	}
	known := map[string]bool{"subject.id": true, "subject.person": true, "subject_lookup.subject": true}
	for _, c := range idColumns() {
		known[c.table+"."+c.column] = true
		id := `t.` + c.column
		from := c.table + ` t`
		if c.column == "signer" { // SSIN=#id, or the same with a comma and the name of an application
			from += ` JOIN subject i ON t.signer = 'SSIN=#' || i.id OR t.signer LIKE 'SSIN=#' || i.id || ',%'`
			id = `i.id`
		}
		where := ` WHERE ` + id + isNew
		if c.where != "" {
			where += ` AND ` + c.where
		}
		found := queryTexts(t, raw, `SELECT DISTINCT COALESCE((SELECT s.purpose FROM subject s WHERE s.id = `+id+`), 'nobody')
			FROM `+from+where)
		for _, purpose := range found {
			if purpose != c.purpose {
				t.Errorf("%s.%s has ids of the purpose %s, not %s", c.table, c.column, purpose, c.purpose)
			}
		}
	}
	for _, column := range columnsWithIDs(t, raw, isPostgres, isNew) {
		if !known[column] {
			t.Errorf("%s has ids of persons: say for which purpose, here and in the conversions of its table", column)
		}
	}
}

// columnsWithIDs returns all columns of the database that hold an id of a subject.
func columnsWithIDs(t testing.TB, raw *sql.DB, isPostgres bool, isNew string) (found []string) {
	t.Helper()
	all := `SELECT m.name || ' ' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
	if isPostgres {
		all = `SELECT table_name || ' ' || column_name FROM information_schema.columns WHERE table_schema = current_schema()`
	}
	for _, name := range queryTexts(t, raw, all) {
		table, column, _ := strings.Cut(name, " ")
		value := `CAST(t.` + column + ` AS text)`
		query := fmt.Sprintf(`SELECT '%[1]s.%[2]s' FROM %[1]s t WHERE EXISTS (SELECT 1 FROM subject s WHERE s.id %[3]s
			AND (%[4]s = CAST(s.id AS text) OR %[4]s LIKE '%%#' || s.id || '%%')) LIMIT 1`, table, column, isNew, value)
		found = append(found, queryTexts(t, raw, query)...)
	}
	return found
}

func queryTexts(t testing.TB, raw *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := raw.QueryContext(context.WithoutCancel(t.Context()), query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
