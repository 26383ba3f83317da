package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

const (
	loadImplants = 1_000_000 // number of implants with CTR_LOAD=1
	planImplants = 20_000
	// lotSize is the number of implants per lot. One implant in rareDIEvery is of the rare product.
	lotSize     = 20
	rareDIEvery = 1000
	rareDI      = "05410000001283"
	commonDI    = "05410000001047"
)

// bulkData fills a register with notifications of one implant each, of a common and a rare product. One in 50 is
// revised, and one in 30 is explanted. Patients and specialist are those of notifications that the store wrote.
type bulkData struct {
	series string // format of a series from 1 to %d, as the relation g (n)
	n      int
}

func (b bulkData) insertAll(ctx context.Context, raw *sql.DB) error {
	number := func(day, running string) string {
		base := `(CAST(` + day + ` AS bigint) * 10000000 + ` + running + `)`
		return base + ` || CASE WHEN 97 - ` + base + ` % 97 < 10 THEN '0' ELSE '' END || (97 - ` + base + ` % 97)`
	}
	notification := func(reference, version, number, kind, where string) string {
		return `INSERT INTO notification (reference, version, number, type, state, change, change_reason, specialist, specialist_nihii,
			operation_date, patient, prescriber, prescriber_nihii, prescription_date, comment, registered_at, digest, signer, organisation,
			author, input_reference, content_digest) ` + b.withClause() + `SELECT ` + reference + ` || g.n, ` + version + `, ` + number + `, '` + kind + `', 'Final', 'Notified', '',
			(SELECT MIN(id) FROM subject), '17800389480', '20' || (14 + g.n % 12) || '-05-' || (10 + g.n % 20),
			(SELECT MIN(id) FROM subject) + 1 + g.n % 9, 0, '', '', '', '2026-11-21T10:00:00.000000Z', '', 'NIHII-HOSPITAL=71000436', '71000436', 0, '', ''
			FROM ` + b.fromClause() + where
	}
	implant := func(version, where string) string {
		return `INSERT INTO implant (id, reference, version, line, code, udi, lot, serial, expiry, pharmacist, pharmacist_nihii, pharmacy_nihii,
			pharmacy_cbe, delivery_date, quantity, location, side, udi_di, unregistered) ` + b.withClause() + `SELECT 'i' || g.n, 'r' || g.n, ` + version + `, 1, '000071200176', '',
			'L' || (1000000 + g.n / ` + fmt.Sprint(lotSize) + `), 'S-' || g.n, '', 0, '', '', '', '', 1, '', '',
			CASE WHEN g.n % ` + fmt.Sprint(rareDIEvery) + ` = 0 THEN '` + rareDI + `' ELSE '` + commonDI + `' END, false FROM ` + b.fromClause() + where
	}
	const revised, taken = ` WHERE g.n % 50 = 0`, ` WHERE g.n % 30 = 0`
	for _, statement := range []string{
		notification(`'r'`, `1`, number(`20261121`, `(1000000 + g.n)`), `Implantation`, ``),
		notification(`'r'`, `2`, number(`20261121`, `(1000000 + g.n)`), `Implantation`, revised),
		notification(`'x'`, `1`, number(`20261122`, `(1000000 + g.n)`), `Explantation`, taken),
		implant(`1`, ``), implant(`2`, revised),
		`INSERT INTO removal (reference, version, line, implant_id, quantity, reason, remaining, operation_date) ` + b.withClause() +
			`SELECT 'x' || g.n, 1, 1, 'i' || g.n, 1, '', 0, '2026-05-01' FROM ` + b.fromClause() + taken,
	} {
		if _, err := raw.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w\n%s", err, statement)
		}
	}
	return nil
}

func (b bulkData) withClause() string {
	if strings.HasPrefix(b.series, "WITH") {
		return fmt.Sprintf(b.series, b.n)
	}
	return ""
}

func (b bulkData) fromClause() string {
	if b.withClause() != "" {
		return `g`
	}
	return fmt.Sprintf(b.series, b.n)
}

const (
	sqliteSeries   = `WITH RECURSIVE g (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM g WHERE n < %d) `
	postgresSeries = `generate_series(CAST(1 AS bigint), %d) AS g (n)`
)

// openFilled opens a register with n implants.
func openFilled(t *testing.T, b storetest.Backend, series string, n int) *store.DB {
	t.Helper()
	db := b.Open(t)
	device := implants.Device{Code: people.Knee, UDIDIs: []string{commonDI, rareDI}, Status: implants.DeviceActive}
	if err := db.LoadSources(t.Context(), implants.SourceEntries{Devices: []implants.Device{device}}); err != nil {
		t.Fatal(err)
	}
	for i := range int64(10) {
		if err := storeNotification(t, db, specialists*3*i); err != nil {
			t.Fatal(err)
		}
	}
	raw := b.OpenRaw(t)
	if err := (bulkData{series: series, n: n}).insertAll(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	if series == postgresSeries { // the autovacuum would do so only later
		if _, err := raw.ExecContext(t.Context(), `ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// rareRecalls returns recalls of few implants, each with the index that must find them.
func rareRecalls() map[string]struct {
	query implants.RecallQuery
	index string
} {
	code := people.Knee
	type rare = struct {
		query implants.RecallQuery
		index string
	}
	lot, lots := implants.Range{From: "L1000100", To: "L1000100"}, implants.Range{From: "L1000100", To: "L1000104"}
	return map[string]rare{
		"lot":                  {implants.RecallQuery{Lots: lot}, "implant_lot"},
		"lot of a code":        {implants.RecallQuery{Lots: lot, Code: code}, "implant_lot"},
		"lot of an identifier": {implants.RecallQuery{Lots: lot, UDIDI: commonDI, From: dayAfterStart(-9999)}, "implant_lot"},
		"lots":                 {implants.RecallQuery{Lots: lots, Code: code}, "implant_lot"},
		"serial":               {implants.RecallQuery{Serials: implants.Range{From: "S-2001", To: "S-2001"}, Lots: lot}, "implant_serial"},
		"serials":              {implants.RecallQuery{Serials: implants.Range{From: "S-2001", To: "S-2009"}, Code: code}, "implant_serial"},
		"identifier":           {implants.RecallQuery{UDIDI: rareDI}, "implant_udi_di"},
	}
}

// TestRecallPlans checks that recalls of few implants start from an index of implants and read no other notifications.
func TestRecallPlans(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testRecallPlans(t, storetest.NewSQLiteBackend(t), sqliteSeries, explainSQLite) })
	t.Run("postgres", func(t *testing.T) {
		testRecallPlans(t, storetest.NewPostgresBackends(t)(t), postgresSeries, explainPostgres)
	})
}

func testRecallPlans(t *testing.T, b storetest.Backend, series string, explain func(context.Context, *sql.Conn, store.RecordedStatement) ([]planStep, error)) {
	t.Helper()
	db := openFilled(t, b, series, planImplants)
	conn, err := b.OpenRaw(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for name, rare := range rareRecalls() {
		asked, err := store.RecordRecallStatements(t.Context(), db, rare.query)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		started := false
		for _, statement := range asked {
			steps, err := explain(t.Context(), conn, statement)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, statement.Text)
			}
			for _, s := range steps {
				if s.index == rare.index {
					started = true
					continue
				}
				if strings.Contains(s.text, "implant_unread") { // the whole index is read: it has few lines
					continue
				}
				of := map[string]bool{"i": true, "n": true, "newer": true, "r": true, "e": true, "later": true}[s.table]
				listed := strings.Contains(statement.Text, "i.udi_di = ''") && s.index == "implant_code" // lines without an identifier
				if of && !s.usesKey || s.table == "i" && !listed {
					t.Errorf("%s: %s\n%s", name, s.text, statement.Text)
				}
			}
		}
		if !started {
			t.Errorf("%s does not start from %s", name, rare.index)
		}
	}
}

// TestRecallOfAMillion checks that each recall of few implants takes at most a second. It runs only with CTR_LOAD=1.
func TestRecallOfAMillion(t *testing.T) {
	if os.Getenv("CTR_LOAD") == "" {
		t.Skip("with CTR_LOAD=1")
	}
	t.Run("sqlite", func(t *testing.T) { testRecallOfAMillion(t, storetest.NewSQLiteBackend(t), sqliteSeries) })
	t.Run("postgres", func(t *testing.T) { testRecallOfAMillion(t, storetest.NewPostgresBackends(t)(t), postgresSeries) })
}

func testRecallOfAMillion(t *testing.T, b storetest.Backend, series string) {
	t.Helper()
	begin := time.Now()
	db := openFilled(t, b, series, loadImplants)
	t.Logf("%d implants loaded in %s", loadImplants, time.Since(begin).Round(time.Second))
	for name, rare := range rareRecalls() {
		begin = time.Now()
		recall, err := db.Recall(t.Context(), rare.query)
		took := time.Since(begin)
		if err != nil || name != "serial" && len(recall.Lines) == 0 {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%s: %d lines in %s", name, len(recall.Lines), took.Round(time.Microsecond))
		if took > time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
	for _, by := range implants.AllGroupings() {
		begin = time.Now()
		if _, err := db.Statistics(t.Context(), implants.StatisticsQuery{GroupBy: by}); err != nil {
			t.Fatal(err)
		}
		t.Logf("statistics by %s in %s", by, time.Since(begin).Round(time.Millisecond))
	}
}
