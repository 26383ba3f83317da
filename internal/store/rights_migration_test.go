package store_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestFindingH1MigrationForgetsOwnRelations: the migration deletes the care relations that final notifications stored
// before, also those of versions that were replaced since, and no relation of the authentic source.
func TestFindingH1MigrationForgetsOwnRelations(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testRelationsForgotten(t, storetest.NewSQLiteBackend(t), `x''`) })
	t.Run("postgres", func(t *testing.T) { testRelationsForgotten(t, storetest.NewPostgresBackends(t)(t), `''`) })
}

func testRelationsForgotten(t *testing.T, b storetest.Backend, empty string) {
	t.Helper()
	if err := store.MigrateBefore(t.Context(), b.Config, 4); err != nil {
		t.Fatal(err)
	}
	raw := b.OpenRaw(t)
	exec := func(query string) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	// Persons 1 to 4; 5 is the former number of person 1.
	for id, person := range []int{1, 2, 3, 4, 1} {
		exec(fmt.Sprintf(`INSERT INTO subject (id, person, sealed, key_id) VALUES (%d, %d, %s, 'k')`, id+1, person, empty))
	}
	for i, n := range []struct {
		patient, specialist int
		state, day          string
	}{
		{1, 3, "Final", "2026-01-01"}, {2, 3, "Final", "2026-02-01"}, {1, 3, "Draft", "2026-03-01"}, {5, 4, "Final", "2026-04-01"},
	} {
		exec(fmt.Sprintf(`INSERT INTO notification (reference, version, number, type, state, change, change_reason, specialist,
			specialist_nihii, operation_date, patient, prescriber, prescriber_nihii, prescription_date, comment, registered_at, digest,
			signer, organisation, author, input_reference, content_digest) VALUES ('r%d', 1, '', 'Implantation', '%s', 'Notified', %s,
			%d, '', '%s', %d, 0, '', '', %s, '2026-11-21T10:00:00.000000Z', %s, '', '', 0, '', %s)`,
			i+1, n.state, empty, n.specialist, n.day, n.patient, empty, empty, empty))
	}
	for _, link := range []string{
		"1, 3, 'operation', '2026-01-01', ''",           // made by a notification
		"2, 3, 'operation', '2026-02-01', '2026-06-30'", // also when it was ended since
		"1, 4, 'operation', '2026-04-01', ''",           // about the former number of the patient
		"1, 3, 'operation', '2026-03-01', ''",           // a draft made none: it is imported
		"2, 4, 'operation', '2026-01-01', ''",           // no such notification: it is imported
		"1, 3, 'gmd', '2026-01-01', ''",                 // of the authentic source
	} {
		exec(`INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to) VALUES (` + link + `)`)
	}
	writeFormerKeyFile(t, b)
	b.Open(t)
	rows, err := raw.QueryContext(t.Context(), `SELECT patient, professional, type, valid_from FROM therapeutic_link ORDER BY 1, 2, 3, 4`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var left []string
	for rows.Next() {
		var patient, professional int
		var kind, from string
		if err := rows.Scan(&patient, &professional, &kind, &from); err != nil {
			t.Fatal(err)
		}
		left = append(left, fmt.Sprint(patient, " ", professional, " ", kind, " ", from))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	const want = "1 3 gmd 2026-01-01, 1 3 operation 2026-03-01, 2 4 operation 2026-01-01"
	if got := strings.Join(left, ", "); got != want {
		t.Errorf("left are %s, want %s", got, want)
	}
}

// writeFormerKeyFile writes a key file from before rows that give rights were sealed.
func writeFormerKeyFile(t *testing.T, b storetest.Backend) {
	t.Helper()
	key := `[{"id": "k", "created": "2026-01-01", "secret": "` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}]`
	if err := os.WriteFile(keyFileOf(b), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
}
