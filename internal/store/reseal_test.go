package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestFindingM1ResealingChangesSealsOnly tries to change each column of the append-only tables, in a transaction that is
// marked as one that seals texts anew, and without the mark. Only sealed columns may change, and only with the mark.
func TestFindingM1ResealingChangesSealsOnly(t *testing.T) {
	sealed := []string{"notification.change_reason", "notification.comment", "notification.input_reference",
		"notification.content_digest", "implant.location", "removal.reason", "evidence.message", "evidence.certificate",
		"submission.input_reference", "card.document"}
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		db, raw := b.Open(t), b.OpenRaw(t)
		fillPersons(t, db)
		storeNewTexts(t, db, 0)
		try := func(isMarked bool, statement string) error {
			tx, err := raw.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if isMarked {
				if _, err = tx.ExecContext(t.Context(), `INSERT INTO resealing (id) VALUES (1)`); err != nil {
					t.Fatal(err)
				}
			}
			_, err = tx.ExecContext(t.Context(), statement)
			return err
		}
		tried := 0
		for _, table := range []string{"notification", "implant", "removal", "warning", "submission", "evidence", "card", "audit",
			"audit_checkpoint", "source_version"} {
			for _, isMarked := range []bool{false, true} {
				if err := try(isMarked, `DELETE FROM `+table); err == nil && table != "audit_checkpoint" &&
					table != "source_version" {
					t.Errorf("deleted from %s, marked %v", table, isMarked)
				}
			}
			columns := `SELECT name FROM pragma_table_info('` + table + `')`
			if b.Config.URL != "" {
				columns = `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema()
					AND table_name = '` + table + `'`
			}
			for _, column := range queryTexts(t, raw, columns) {
				if table == "audit_checkpoint" || table == "source_version" {
					continue // has no rows
				}
				statement := fmt.Sprintf(`UPDATE %[1]s SET %[2]s = %[2]s`, table, column)
				if b.Config.URL != "" && column == "seq" {
					statement = fmt.Sprintf(`UPDATE %s SET seq = DEFAULT`, table)
				}
				if err := try(false, statement); err == nil || !strings.Contains(err.Error(), "append-only") {
					t.Errorf("%s: %v", statement, err)
				}
				mayChange := slices.Contains(sealed, table+"."+column)
				if err := try(true, statement); mayChange != (err == nil) {
					t.Errorf("resealing, %s: %v", statement, err)
				}
				tried++
			}
		}
		if tried < 70 {
			t.Errorf("tried %d columns only", tried)
		}
	})
}
