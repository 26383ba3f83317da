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
	for _, table := range []string{"notification", "implant", "removal", "warning", "submission", "evidence", "audit", "audit_checkpoint",
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
