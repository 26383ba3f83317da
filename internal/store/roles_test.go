package store_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// The role of the service serves, seals and purges, and can change nothing that is append-only.
func TestFindingH5RuntimeRole(t *testing.T) {
	t.Parallel()
	backend := storetest.NewPostgresBackends(t)(t)
	owner := backend.Open(t)
	raw := backend.OpenRaw(t)
	role := "Runtime" + rand.Text() // quoted, because of its capitals
	for _, statement := range []string{`CREATE ROLE "` + role + `" LOGIN PASSWORD 'runtime'`} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _, _ = raw.ExecContext(t.Context(), `DROP OWNED BY "`+role+`"`) })
	if err := owner.GrantTo(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(backend.Config.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(role, "runtime")
	asRuntime := backend.Config
	asRuntime.URL = address.String()
	db, err := store.Open(t.Context(), asRuntime)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	now := time.Now()
	if err = db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		if _, keyErr := w.RecordReplayKey(platform.ReplayKey{Hash: [32]byte{1}, ExpiresAt: now}); keyErr != nil {
			return keyErr
		}
		return w.AppendEvent(newEvent(1))
	}); err != nil {
		t.Fatal(err)
	}
	if err = db.CheckReady(t.Context()); err != nil {
		t.Error(err)
	}
	if made, sealErr := db.SealAuditLog(t.Context(), now, 0); sealErr != nil || len(made) != 1 {
		t.Errorf("%v, %v", made, sealErr)
	}
	if n, purgeErr := db.PurgeReplayKeys(t.Context(), now.Add(time.Hour)); purgeErr != nil || n != 1 {
		t.Errorf("%d, %v", n, purgeErr)
	}
	service, err := sql.Open("postgres", address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Close() })
	for _, table := range []string{"notification", "implant", "removal", "warning", "submission", "evidence", "card", "card_token_key", "audit", "audit_checkpoint",
		"source_version"} {
		for _, statement := range []string{`DELETE FROM ` + table, `TRUNCATE ` + table, `ALTER TABLE ` + table + ` DISABLE TRIGGER USER`,
			`DROP TABLE ` + table, `DROP TRIGGER ` + table + `_append_only ON ` + table, `SELECT * FROM ` + table + ` FOR UPDATE`} {
			refuse(t, service, statement)
		}
	}
	for _, statement := range []string{`UPDATE audit SET reason = ''`, `UPDATE implant SET lot = 'x'`, `UPDATE notification SET state = 'Draft'`,
		`INSERT INTO resealing VALUES (1)`, `SET session_replication_role = replica`, `DELETE FROM goose_db_version`,
		`CREATE TABLE another (id integer)`, `GRANT UPDATE ON audit TO "` + role + `"`, `ALTER TABLE audit OWNER TO "` + role + `"`} {
		refuse(t, service, statement)
	}
	embedded := storetest.NewSQLiteBackend(t).Open(t)
	if err := embedded.GrantTo(t.Context(), role); !errors.Is(err, engine.ErrNoRoles) {
		t.Errorf("%v", err)
	}
}

// TestFieldMissingRights checks that a right that the role of the service lacks is named, with its table, its role and the
// statement that grants it: at the start, and when it is taken away under a running service.
func TestFieldMissingRights(t *testing.T) {
	t.Parallel()
	backend := storetest.NewPostgresBackends(t)(t)
	raw := backend.OpenRaw(t)
	role := "Service" + rand.Text() // quoted, because of its capitals
	exec := func(statement string) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`CREATE ROLE "` + role + `" LOGIN PASSWORD 'runtime'`)
	t.Cleanup(func() { _, _ = raw.ExecContext(t.Context(), `DROP OWNED BY "`+role+`"`) })
	address, err := url.Parse(backend.Config.URL)
	if err != nil {
		t.Fatal(err)
	}
	schema := address.Query().Get("search_path")
	address.User = url.UserPassword(role, "runtime")
	config := backend.Config
	config.URL = address.String()
	refuseStart := func(name string, wants ...string) {
		t.Helper()
		db, startErr := store.Open(t.Context(), config)
		if startErr == nil {
			_ = db.Close()
			t.Fatalf("%s: started", name)
		}
		for _, want := range append(wants, `"`+role+`"`) {
			if !strings.Contains(startErr.Error(), want) {
				t.Errorf("%s: %q is missing in: %v", name, want, startErr)
			}
		}
	}
	refuseStart("no right on the schema", "USAGE on the schema "+schema, `GRANT USAGE ON SCHEMA "`+schema+`" TO "`+role+`"`)
	exec(`GRANT USAGE ON SCHEMA "` + schema + `" TO "` + role + `"`)
	refuseStart("no tables yet", "lacks the right CREATE", `GRANT CREATE ON SCHEMA "`+schema+`" TO "`+role+`"`, "admin migrate")
	owner := backend.Open(t)
	refuseStart("no right on the version", "SELECT on the table goose_db_version", "admin migrate --runtime-role "+role)
	exec(`GRANT SELECT ON goose_db_version TO "` + role + `"`)
	refuseStart("no right on any table", "INSERT on the table audit;", "USAGE on the sequence running_number")
	if err = owner.GrantTo(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	exec(`CREATE ROLE "Other` + role + `"; CREATE TABLE of_others (id integer); ALTER TABLE of_others OWNER TO "Other` + role + `"`)
	db, err := store.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec(`REVOKE INSERT ON audit FROM "` + role + `"`)
	err = db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvent(newEvent(1)) })
	requireDenied(t, err, `GRANT INSERT ON TABLE "`+schema+`"."audit" TO "`+role+`"`, `INSERT on the table audit`)
	exec(`GRANT INSERT ON audit TO "` + role + `"; REVOKE SELECT ON implant FROM "` + role + `"`)
	err = db.RunReadTx(t.Context(), func(r implants.Reader) error { _, _, readErr := r.Implant("one"); return readErr })
	requireDenied(t, err, `GRANT SELECT ON TABLE "`+schema+`"."implant" TO "`+role+`"`)
	refuseStart("a right was taken away", `GRANT SELECT ON TABLE "`+schema+`"."implant" TO "`+role+`"`)
	exec(`GRANT SELECT ON implant TO "` + role + `"`)
	err = db.GrantTo(t.Context(), role)
	requireDenied(t, err, "has all rights of the service", "the role that owns the tables, \"postgres\"")
	err = db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvent(newEvent(2)) })
	if err != nil {
		t.Errorf("with all rights again: %v", err)
	}
}

// requireDenied checks that a missing right is the operator's to repair, not a bug, and that it is named.
func requireDenied(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil || problem.From(err).Code != problem.StoreDown {
		t.Errorf("got %v", err)
		return
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func refuse(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement)
	if err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
		if strings.HasPrefix(statement, "GRANT") && err == nil {
			return // PostgreSQL warns that nothing was granted
		}
		t.Errorf("%s: %v", statement, err)
	}
}
