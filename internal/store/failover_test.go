package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// TestFieldStandby checks that a store whose address leads to a standby refuses with STORE_UNAVAILABLE, and that it
// leaves the standby for the primary as soon as the address leads there, while the standby is alive.
func TestFieldStandby(t *testing.T) {
	t.Parallel()
	servers := storetest.StartFailover(t)
	config := store.Config{URL: servers.URL, Directory: t.TempDir()}
	db, err := store.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if closeErr := db.Close(); closeErr != nil {
			t.Error(closeErr)
		}
	}()
	write := func() error {
		return db.RunWriteTx(t.Context(), func(w implants.Writer) error {
			return w.AppendEvent(platform.AuditEvent{OccurredAt: time.Now()})
		})
	}
	read := func() error {
		return db.RunReadTx(t.Context(), func(r implants.Reader) error { _, _, readErr := r.Implant("one"); return readErr })
	}
	ready := func() error { return db.CheckReady(t.Context()) }
	all := map[string]func() error{"write": write, "ready": ready}
	servers.LeadToStandby(t)
	servers.CloseConnections()
	for name, act := range all {
		if err = act(); problem.From(err).Code != problem.StoreDown || !errors.Is(err, problem.Unavailable) ||
			!strings.Contains(err.Error(), "standby") {
			t.Errorf("%s on the standby: %v", name, err)
		}
	}
	if err = read(); err != nil {
		t.Errorf("read on the standby: %v", err) // this fills the pool with connections to the standby
	}
	if _, err = store.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), "is a standby") {
		t.Errorf("start on the standby: %v", err)
	}
	servers.LeadToPrimary(t)
	for name, act := range all {
		if err = act(); err != nil {
			t.Errorf("%s when the address leads to the primary: %v", name, err)
		}
	}
	several := config
	several.URL = servers.Hosts(t)
	another, err := store.Open(t.Context(), several)
	if err != nil {
		t.Fatalf("a URL with the standby first: %v", err)
	}
	if err = another.Close(); err != nil {
		t.Error(err)
	}
	servers.LeadToStandby(t)
	servers.CloseConnections()
	servers.Promote(t)
	if err = write(); err != nil {
		t.Errorf("write on the promoted standby: %v", err)
	}
}

// TestFieldReadOnlyServer checks that a server that refuses writes with 25006 is left in the same way.
func TestFieldReadOnlyServer(t *testing.T) {
	t.Parallel()
	backend := storetest.NewPostgresBackends(t)(t)
	db := backend.Open(t)
	calls := 0
	err := store.RunStatements(t.Context(), db, func(exec func(string) error) error {
		if calls++; calls == 1 {
			if err := exec(`SET TRANSACTION READ ONLY`); err != nil {
				return err
			}
		}
		return exec(`UPDATE person SET sealed = sealed`)
	})
	if err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	err = store.RunStatements(t.Context(), db, func(exec func(string) error) error {
		return errors.Join(exec(`SET TRANSACTION READ ONLY`), exec(`UPDATE person SET sealed = sealed`))
	})
	if problem.From(err).Code != problem.StoreDown {
		t.Errorf("a server that stays read-only: %v", err)
	}
}

// TestFieldEncoding checks that a database that cannot store every text is refused at the start, in words, and that any
// collation will do.
func TestFieldEncoding(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{
		`ENCODING 'LATIN1' LOCALE 'C'`:                                      `has the encoding LATIN1`,
		`ENCODING 'SQL_ASCII' LOCALE 'C'`:                                   `has the encoding SQL_ASCII`,
		`ENCODING 'LATIN9' LOCALE 'C'`:                                      `has the encoding LATIN9`,
		`ENCODING 'WIN1252' LOCALE 'C'`:                                     `has the encoding WIN1252`,
		`ENCODING 'EUC_JP' LOCALE 'C'`:                                      `has the encoding EUC_JP`,
		`ENCODING 'UTF8' LOCALE 'C.UTF-8'`:                                  "",
		`ENCODING 'UTF8' LOCALE 'C'`:                                        "",
		`ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' LOCALE 'C'`: "",
	} {
		address := storetest.NewPostgresDatabaseWith(t, options)
		db, err := store.Open(t.Context(), store.Config{URL: address, Directory: t.TempDir()})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "ENCODING 'UTF8'")) {
			t.Errorf("%s: %v", options, err)
		}
		if err != nil {
			continue
		}
		var other []string
		if err = store.SelectTexts(t.Context(), db, &other, `SELECT c.relname || '.' || a.attname FROM pg_attribute a
			JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = current_schema() AND a.attcollation <> 0 AND a.attcollation <> CAST('"C"' AS regcollation)`); err != nil ||
			len(other) > 0 {
			t.Errorf("%s: columns that follow the locale of the database: %v, %v", options, other, err)
		}
		if err = db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFieldPasswords signs in with passwords that PostgreSQL prepares with SASLprep (RFC 4013) and compares over SCRAM,
// and with the same ones as MD5 hashes, for which nothing prepares them.
func TestFieldPasswords(t *testing.T) {
	t.Parallel()
	server := storetest.StartPasswordServer(t)
	open := func(address string) string {
		db, err := store.Open(t.Context(), store.Config{URL: address, Directory: t.TempDir()})
		if err == nil {
			_ = db.Close()
			return "opened"
		}
		return err.Error()
	}
	for name, password := range map[string]string{
		"ASCII":                        "p@ss word'",
		"hard space":                   "p\u00a0w",
		"decomposed":                   "cafe\u0301",
		"composed":                     "caf\u00e9",
		"soft hyphen":                  "pass\u00adword",
		"ligature":                     "\ufb01n",
		"full width":                   "\uff50\uff57",
		"ideographic space":            "\u3000x",
		"zero width":                   "a\u200bb",
		"Roman numeral":                "\u2168",
		"prohibited: right to left":    "\u0627\u0031\u00a0",
		"prohibited: private use":      "\ue000\u00a0",
		"unassigned in Unicode 3.2":    "e\u0301\U0001f600",
		"nothing left":                 "\u00ad",
		"control character":            "a\u0007\u00a0",
		"Hangul in parts":              "\u1112\u1161\u11ab",
		"two marks in the other order": "a\u0323\u0302\u0302\u0323",
	} {
		for _, encryption := range []string{"scram-sha-256", "md5"} {
			role := server.CreateRole(t, encryption, password)
			// The role may sign in, and may not make the tables.
			if got := open(server.URLOf(t, role, password)); !strings.Contains(got, "lacks the right CREATE") {
				t.Errorf("%s, %s: %s", name, encryption, got)
			}
			got := open(server.URLOf(t, role, password+"x"))
			if !strings.Contains(got, "password authentication failed") || strings.Contains(got, password) {
				t.Errorf("%s, %s, another password: %s", name, encryption, got)
			}
		}
	}
}
