package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// planStep is one access to a table in the plan of a statement.
type planStep struct {
	table   string // alias in the statement
	index   string // empty for a scan of the table
	usesKey bool   // the index is searched by a key
	text    string
}

// TestEveryStatementHasAnIndex checks that no query that a caller can cause scans a whole table, so that its cost does
// not grow with the number of notifications, and that queries about a patient start from that patient's rows. The only
// exception is the search for words in the device list, which this test leaves out.
func TestEveryStatementHasAnIndex(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testPlans(t, storetest.NewSQLiteBackend(t), explainSQLite) })
	t.Run("postgres", func(t *testing.T) { testPlans(t, storetest.NewPostgresBackends(t)(t), explainPostgresWithoutScans) })
}

func testPlans(t *testing.T, backend storetest.Backend, explain func(context.Context, *sql.Conn, store.RecordedStatement) ([]planStep, error)) {
	t.Helper()
	db := backend.Open(t)
	if err := storeNotification(t, db, 1); err != nil { // the store sends no further queries about unknown persons
		t.Fatal(err)
	}
	conn, err := backend.OpenRaw(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for name, ask := range readerCalls() {
		asked, err := store.RecordStatements(t.Context(), backend.Open(t), ask) // a new store, whose cache is empty
		if err != nil || len(asked) == 0 {
			t.Errorf("%s: %d statements, %v", name, len(asked), err)
		}
		for _, statement := range asked {
			steps, err := explain(t.Context(), conn, statement)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, statement.Text)
			}
			for _, s := range steps {
				if !s.usesKey {
					t.Errorf("%s: %s\n%s", name, s.text, statement.Text)
				}
				if strings.HasSuffix(name, "of a patient") && s.table == "n" && s.index != "notification_patient" {
					t.Errorf("%s: does not start from the patient: %s\n%s", name, s.text, statement.Text)
				}
			}
		}
	}
}

// readerCalls returns all queries that a caller can cause, by name.
func readerCalls() map[string]func(r implants.Reader) error {
	day := people.MustDate("2026-11-21")
	ssin, code, number := testSSIN(1), people.Knee, testNumber(day)
	questions := map[string]func(r implants.Reader) error{
		"Notification": func(r implants.Reader) error { _, _, err := r.NotificationByNumber(number); return err },
		"ByReference":  func(r implants.Reader) error { _, _, err := r.NotificationByReference("reference"); return err },
		"Versions":     func(r implants.Reader) error { _, err := r.Versions("reference"); return err },
		"Submission": func(r implants.Reader) error {
			_, _, err := r.NotificationByInputReference("signer", "reference")
			return err
		},
		"Implant":                   func(r implants.Reader) error { _, _, err := r.Implant("id"); return err },
		"RemovalsOf":                func(r implants.Reader) error { _, err := r.RemovalsByImplant("id"); return err },
		"Implants of a patient":     func(r implants.Reader) error { _, err := r.ImplantsByPatient(ssin, ident.SSIN{}, day); return err },
		"History of a patient":      func(r implants.Reader) error { _, err := r.NotificationsByPatient(ssin, ident.SSIN{}); return err },
		"Own implants of a patient": func(r implants.Reader) error { _, err := r.ImplantsByPatient(ssin, ssin, day); return err },
		"Care":                      func(r implants.Reader) error { _, err := r.CareOf(ssin, ssin, day); return err },
		"Facts": func(r implants.Reader) error {
			_, _, err := r.NotificationFacts(implants.NotificationRef{Number: number}, ssin, people.Hospital, day)
			return err
		},
		"Facts by reference": func(r implants.Reader) error {
			_, _, err := r.NotificationFacts(implants.NotificationRef{Reference: "reference"}, ssin, people.Hospital, day)
			return err
		},
		"SerialInPatient": func(r implants.Reader) error { _, err := r.IsSerialImplanted("S-1", code, "1"); return err },
		"Person":          func(r implants.Reader) error { _, _, err := r.Person(ssin); return err },
		"Practices":       func(r implants.Reader) error { _, err := r.Practices(platform.ProfessionalRef{SSIN: ssin}); return err },
		"Affiliations":    func(r implants.Reader) error { _, err := r.Affiliations(ident.NIHII{}, ssin); return err },
		"Staff": func(r implants.Reader) error {
			_, _, err := r.ListStaff(people.Hospital, 0, 10)
			return err
		},
		"Links":               func(r implants.Reader) error { _, err := r.TherapeuticLinks(ssin, ssin); return err },
		"MandatesTo":          func(r implants.Reader) error { _, err := r.MandatesByGrantee(ssin); return err },
		"MandatesFrom":        func(r implants.Reader) error { _, err := r.MandatesByGrantor(ssin); return err },
		"Events of a patient": func(r implants.Reader) error { _, _, err := r.EventsByPatient(ssin, 0, 10); return err },
		"DeviceByCode":        func(r implants.Reader) error { _, _, err := r.DeviceByCode(code); return err },
		"DeviceByDI":          func(r implants.Reader) error { _, _, err := r.DeviceByDI("1"); return err },
		"SearchDevice by code": func(r implants.Reader) error {
			_, _, err := r.SearchDevices(implants.DeviceQuery{Code: code, Text: "knee", Limit: 10})
			return err
		},
		"SearchDevice by DI": func(r implants.Reader) error {
			_, _, err := r.SearchDevices(implants.DeviceQuery{DIs: []string{"1"}, Limit: 10})
			return err
		},
		"Pending": func(r implants.Reader) error {
			_, _, err := r.ListPending(implants.PendingQuery{Specialists: []ident.SSIN{ssin, ssin}, OnlyBy: ssin,
				Organisation: people.Hospital, State: implants.Draft, Limit: 10})
			return err
		},
	}
	for name, q := range map[string]implants.NotificationQuery{
		"of a patient":         {Patient: ssin, From: day},
		"of code of a patient": {Patient: ssin, Code: code},
		"of lot of a patient":  {Patient: ssin, Lot: "L", To: day},
		"by number":            {Number: number},
		"by specialist":        {Specialist: ssin},
		"by serial":            {Serial: "S-1"},
		"by lot":               {Lot: "L"},
		"by code":              {Code: code},
		"by own code":          {Code: code, TreatedBy: ssin, TreatedOn: day},
		"by own serial":        {Serial: "S-1", TreatedBy: ssin, TreatedOn: day},
		"by own patients":      {TreatedBy: ssin, TreatedOn: day},
		"by number of own":     {Number: number, TreatedBy: ssin, TreatedOn: day},
		"by own of a type":     {Specialist: ssin, TreatedBy: ssin, TreatedOn: day, Type: implants.TypeExplantation},
	} {
		q.Limit = 10
		questions["Search "+name] = func(r implants.Reader) error { _, _, err := r.SearchNotifications(q); return err }
	}
	return questions
}

// explainSQLite parses lines such as "SEARCH n USING INDEX notification_patient (patient_ssin=? AND operation_date>?)".
// The parameters stay empty, so that the plan holds for all values.
func explainSQLite(ctx context.Context, conn *sql.Conn, asked store.RecordedStatement) ([]planStep, error) {
	rows, err := conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+asked.Text, make([]any, len(asked.Args))...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var steps []planStep
	for rows.Next() {
		var id, parent, unused int
		var text string
		if err := rows.Scan(&id, &parent, &unused, &text); err != nil {
			return nil, err
		}
		words := strings.Fields(text)
		switch {
		case words[0] == "SEARCH":
			s := planStep{table: words[1], usesKey: strings.Contains(text, "=?"), text: text}
			if _, after, found := strings.Cut(text, " INDEX "); found {
				s.index = strings.Fields(after)[0]
			}
			steps = append(steps, s)
		case words[0] == "SCAN" && !strings.Contains(text, "CONSTANT ROW") && !strings.Contains(text, "SUBQUERY"):
			steps = append(steps, planStep{table: words[1], text: text})
		}
	}
	return steps, rows.Err()
}

// explainPostgresWithoutScans disables sequential scans and hash and merge joins: the tables are empty, and scanning or
// hashing an empty table is always the cheapest plan.
func explainPostgresWithoutScans(ctx context.Context, conn *sql.Conn, asked store.RecordedStatement) ([]planStep, error) {
	if _, err := conn.ExecContext(ctx, `SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off`); err != nil {
		return nil, err
	}
	return explainPostgres(ctx, conn, asked)
}

// explainPostgres returns the plan that PostgreSQL chooses.
func explainPostgres(ctx context.Context, conn *sql.Conn, asked store.RecordedStatement) ([]planStep, error) {
	var data []byte
	if err := conn.QueryRowContext(ctx, "EXPLAIN (FORMAT JSON) "+asked.Text, asked.Args...).Scan(&data); err != nil {
		return nil, err
	}
	type node struct {
		Type  string            `json:"Node Type"`
		Alias string            `json:"Alias"`
		Index string            `json:"Index Name"`
		Key   string            `json:"Index Cond"`
		Plans []json.RawMessage `json:"Plans"`
	}
	var steps []planStep
	var walk func(json.RawMessage, string) error
	walk = func(data json.RawMessage, alias string) error {
		var n node
		if err := json.Unmarshal(data, &n); err != nil {
			return err
		}
		if n.Alias != "" {
			alias = n.Alias // the node of a bitmap index is below the node of its table
		}
		if strings.Contains(n.Type, "Index") || n.Type == "Seq Scan" {
			s := planStep{table: alias, index: n.Index, usesKey: n.Key != ""}
			s.text = fmt.Sprintf("%s of %s by %s: %s", n.Type, alias, n.Index, n.Key)
			steps = append(steps, s)
		}
		for _, below := range n.Plans {
			if err := walk(below, alias); err != nil {
				return err
			}
		}
		return nil
	}
	var plans []struct{ Plan json.RawMessage }
	if err := json.Unmarshal(data, &plans); err != nil {
		return nil, err
	}
	for _, plan := range plans {
		if err := walk(plan.Plan, ""); err != nil {
			return nil, err
		}
	}
	return steps, nil
}
