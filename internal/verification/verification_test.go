package verification_test

import (
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/verification"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// register is a register that a service filled with every kind of version, and that no service uses any more.
type register struct {
	config    store.Config
	directory string
	raw       *sql.Conn // without the triggers
	isSQLite  bool
}

func onBothEngines(t *testing.T, f func(*testing.T, storetest.Backend)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, storetest.NewSQLiteBackend(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, storetest.NewPostgresBackends(t)(t))
	})
}

func fillRegister(t *testing.T, b storetest.Backend) *register {
	t.Helper()
	r := &register{config: b.Config, directory: interop.NewDevelopmentDirectory(t), isSQLite: b.Config.URL == ""}
	if r.isSQLite {
		if err := os.MkdirAll(filepath.Dir(b.Config.Directory), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(r.directory, b.Config.Directory); err != nil {
			t.Fatal(err)
		}
		r.directory = b.Config.Directory
	}
	s, err := service.Start(t.Context(), service.Config{Now: time.Now, DataDirectory: r.directory, DatabaseURL: b.Config.URL,
		KeyFile: b.Config.KeyFile, Development: true, Environment: "Development"})
	if err != nil {
		t.Fatal(err)
	}
	running := &interop.Service{Ready: interop.Ready{URL: s.URL, Data: r.directory, CA: s.TestPKI.CA, P12: s.TestPKI.P12}}
	notifyEverything(t, running.NewClient(t, interop.HospitalKey(t)))
	if err = s.Close(); err != nil {
		t.Fatal(err)
	}
	if r.raw, err = b.OpenRaw(t).Conn(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.raw.Close() })
	r.dropTriggers(t)
	return r
}

func call[Q, R any](t *testing.T, c *client.Client, operation string, request *Q) *R {
	t.Helper()
	answer, err := client.Call[Q, R](t.Context(), c, operation, request)
	if err != nil {
		t.Fatal(operation, err)
	}
	return answer
}

// notifyEverything makes a version of every change, with implants, removals, warnings and waiting notifications.
func notifyEverything(t *testing.T, c *client.Client) {
	t.Helper()
	late := interop.NewImplantation("FIRST", interop.PatientSSIN, "S-1")
	late.Implantation.OperationDate, late.Implantation.PrescriptionDate = interop.FormatDaysAgo(60), interop.FormatDaysAgo(70)
	late.Implantation.Implant = append(late.Implantation.Implant, ctr.NotifiedImplant{NotificationCode: "000071200176", LotNumber: "L9",
		SerialNumber: "S-2", ExpiryDate: "2030-01-31", Quantity: 2, Location: "right knee", Side: "Right"})
	first := interop.MustNotify(t, c, late)
	interop.MustNotify(t, c, late2(late)) // a repetition stores nothing
	draft := interop.NewImplantation("DRAFT", interop.PatientSSIN, "S-3")
	draft.Save = "Draft"
	begun := interop.MustNotify(t, c, draft)
	content := draft.Implantation
	content.Comment = "another comment"
	call[ctr.ReviseNotificationRequest, ctr.ReviseNotificationResponse](t, c, "ReviseNotification", &ctr.ReviseNotificationRequest{
		Header: interop.NewHeader(), Of: ctr.NotificationOf{Reference: begun.Receipt.Reference}, Version: 1, Save: "Submit",
		Content: ctr.Content{Implantation: &content}})
	call[ctr.ValidateNotificationRequest, ctr.ValidateNotificationResponse](t, c, "ValidateNotification",
		&ctr.ValidateNotificationRequest{Header: interop.NewHeader(), Reference: begun.Receipt.Reference, Version: 2})
	content.Implant = append(content.Implant, ctr.NotifiedImplant{NotificationCode: "000071200176", LotNumber: "L8", Quantity: 1})
	call[ctr.ReviseNotificationRequest, ctr.ReviseNotificationResponse](t, c, "ReviseNotification", &ctr.ReviseNotificationRequest{
		Header: interop.NewHeader(), Of: ctr.NotificationOf{Reference: begun.Receipt.Reference}, Version: 3,
		Content: ctr.Content{Implantation: &content}})
	call[ctr.NotifyExplantRequest, ctr.NotifyResponse](t, c, "NotifyExplant", &ctr.NotifyExplantRequest{Header: interop.NewHeader(),
		InputReference: "OUT", Save: "Final", Explantation: ctr.Explantation{
			Specialist: ctr.Professional{SSIN: interop.SurgeonSSIN}, OperationDate: interop.FormatDaysAgo(1), Patient: interop.PatientSSIN,
			Comment: "revision", Explant: []ctr.Explant{
				{ImplantID: first.Implant[1].ImplantID, Quantity: 1, Reason: "infection"},
				{Unregistered: &ctr.NotifiedImplant{LotNumber: "OLD", Quantity: 1, Location: "hip", UDI: "unknown"}, Reason: "worn"},
			}}})
	withdrawn := interop.MustNotify(t, c, interop.NewImplantation("GONE", interop.PatientSSIN, "S-4"))
	call[ctr.DiscardNotificationRequest, ctr.DiscardNotificationResponse](t, c, "DiscardNotification", &ctr.DiscardNotificationRequest{
		Header: interop.NewHeader(), Of: ctr.NotificationOf{NotificationNumber: withdrawn.Receipt.NotificationNumber}, Version: 1, Reason: "wrong patient"})
	waiting := interop.NewImplantation("WAITS", interop.PatientSSIN, "S-5")
	waiting.Save = "Draft"
	interop.MustNotify(t, c, waiting)
}

func late2(m *ctr.NotifyImplantRequest) *ctr.NotifyImplantRequest {
	again := *m
	again.Header = interop.NewHeader()
	return &again
}

func (r *register) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	result, err := r.raw.ExecContext(t.Context(), r.bind(statement), args...)
	if err != nil {
		t.Fatal(statement, err)
	}
	if n, err := result.RowsAffected(); strings.HasPrefix(statement, "UPDATE") && (err != nil || n != 1) {
		t.Fatalf("%s: %d rows, %v", statement, n, err)
	}
}

// bind writes the parameters as the engine does.
func (r *register) bind(statement string) string {
	if r.isSQLite {
		return statement
	}
	parts := strings.Split(statement, "?")
	for i := range parts[:len(parts)-1] {
		parts[i] += fmt.Sprintf("$%d", i+1)
	}
	return strings.Join(parts, "")
}

func (r *register) queryStrings(t *testing.T, query string, args ...any) []string {
	t.Helper()
	rows, err := r.raw.QueryContext(t.Context(), r.bind(query), args...)
	if err != nil {
		t.Fatal(query, err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
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

func (r *register) dropTriggers(t *testing.T) {
	t.Helper()
	if r.isSQLite {
		for _, name := range r.queryStrings(t, `SELECT name FROM sqlite_master WHERE type = 'trigger'`) {
			r.exec(t, `DROP TRIGGER `+name)
		}
		return
	}
	r.exec(t, `SET session_replication_role = replica`)
	for _, table := range []string{"notification", "audit"} {
		r.exec(t, `ALTER TABLE `+table+` ALTER COLUMN seq DROP IDENTITY`)
	}
}

func (r *register) tables(t *testing.T) []string {
	t.Helper()
	if r.isSQLite {
		return r.queryStrings(t, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	}
	return r.queryStrings(t, `SELECT CAST(table_name AS text) FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`)
}

func (r *register) columns(t *testing.T, table string) []string {
	t.Helper()
	if r.isSQLite {
		return r.queryStrings(t, `SELECT name FROM pragma_table_info('`+table+`')`)
	}
	return r.queryStrings(t, `SELECT CAST(column_name AS text) FROM information_schema.columns WHERE table_schema = current_schema()
		AND table_name = '`+table+`' ORDER BY ordinal_position`)
}

// verify runs what "ctrd admin verify" runs, and returns the findings.
func (r *register) verify(t *testing.T) []string {
	t.Helper()
	db, err := store.Open(t.Context(), r.config)
	if err != nil {
		return []string{"the register does not open: " + err.Error()}
	}
	defer func() { _ = db.Close() }()
	keys, err := db.PublicKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	trusted := make([]ed25519.PublicKey, len(keys))
	for i := range keys {
		trusted[i] = keys[i].Key
	}
	anchor, err := auditlog.OpenAnchorSnapshot(filepath.Join(r.directory, auditlog.AnchorFileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = anchor.Close() }()
	sealed, err := auditlog.Verify(t.Context(), db, trusted, anchor)
	if err != nil {
		return []string{"audit: " + err.Error()}
	}
	var all []string
	for _, f := range sealed.Findings {
		all = append(all, "audit: "+string(f.Kind)+": "+f.Text)
	}
	report, err := verification.Verify(t.Context(), db, verification.Options{Now: time.Now, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		all = append(all, f.String())
	}
	return all
}

// row is a row with all its values by column.
type row map[string]any

func (r *register) rows(t *testing.T, table string) []row {
	t.Helper()
	found, err := r.raw.QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	names, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for found.Next() {
		values := make([]any, len(names))
		pointers := make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := found.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		one := row{}
		for i, name := range names {
			if one[name] = values[i]; values[i] == nil { // no column is NULL: an empty blob
				one[name] = []byte{}
			}
		}
		all = append(all, one)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// where returns a condition that selects the row.
func (w row) where() (string, []any) {
	var parts []string
	var args []any
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if octets, ok := w[name].([]byte); ok && len(octets) == 0 { // a driver may send it as NULL
			parts = append(parts, "length("+name+") = 0")
			continue
		}
		parts, args = append(parts, name+" = ?"), append(args, w[name])
	}
	return " WHERE " + strings.Join(parts, " AND "), args
}

func (w row) with(column string, value any) row {
	changed := maps.Clone(w)
	changed[column] = value
	return changed
}

// value is how a statement writes a value, and its argument. A driver may send an empty blob as NULL.
func (r *register) value(v any) (string, []any) {
	if octets, ok := v.([]byte); !ok || len(octets) > 0 {
		return "?", []any{v}
	}
	if r.isSQLite {
		return "x''", nil
	}
	return "CAST('' AS bytea)", nil
}

func (r *register) update(t *testing.T, table string, from, to row) {
	t.Helper()
	var set []string
	var args []any
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if fmt.Sprint(from[name]) != fmt.Sprint(to[name]) {
			text, arg := r.value(to[name])
			set, args = append(set, name+" = "+text), append(args, arg...)
		}
	}
	where, more := from.where()
	r.exec(t, `UPDATE `+table+` SET `+strings.Join(set, ", ")+where, append(args, more...)...)
}

func (r *register) remove(t *testing.T, table string, one row) {
	t.Helper()
	where, args := one.where()
	r.exec(t, `DELETE FROM `+table+where, args...)
}

func (r *register) insert(t *testing.T, table string, one row) {
	t.Helper()
	names := slices.Sorted(maps.Keys(one))
	var args []any
	values := make([]string, len(names))
	for i, name := range names {
		var arg []any
		values[i], arg = r.value(one[name])
		args = append(args, arg...)
	}
	r.exec(t, `INSERT INTO `+table+` (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(values, ", ")+`)`, args...)
}

// changeByte returns a value that differs in one byte, or the nearest to it that the column can hold.
func changeByte(value any) any {
	switch v := value.(type) {
	case int64:
		return v + 1000
	case bool:
		return !v
	case []byte:
		if len(v) == 0 {
			return []byte{1}
		}
		changed := slices.Clone(v)
		changed[len(changed)-1] ^= 1
		return changed
	case time.Time:
		return v.Add(time.Second)
	case string:
		if v == "" {
			return "x"
		}
		last := v[len(v)-1]
		if last >= '0' && last < '9' {
			return v[:len(v)-1] + string(last+1)
		}
		return v[:len(v)-1] + "7"
	}
	return nil
}

// unverified are the tables and columns that mean nothing for what is registered, or that something else protects.
func unverified() map[string]string {
	return map[string]string{
		"goose_db_version": "of the migrations", "resealing": "has rows within a transaction only", "replay": "keys of used messages, which are deleted", "readiness": "counts probes",
		"portal_session": "sealed and bound to its row; deleted at sign-out",
		"number_counter": "numbers are unique by an index, and part of the version", "source_mark": "epoch of the cache",
		"current_key": "the key file decides", "sealing_key": "compared with the key file when the register opens",
		"device": "a public list: compare it with its next import", "device_udi": "a public list", "device_staged": "of an import",
		"device_udi_staged": "of an import", "source_version": "describes imports",
		"person":  "sealed names, for display",
		"subject": "sealed and bound to its row", "subject_lookup": "compared with the sealed number when it is used",
		"notification.seq": "the position only",
		"emergency":        "of one day; what happened is in the audit log",
		"recall":           "starts a search; that it was started is in the audit log", "recall_notice": "each change is in the audit log",
		"audit_review": "points into the audit log",
		"card":         "a signed document, made of a version that is verified; its signature shows a change", "card_token_key": "checked where a token is",
	}
}

func isVerified(table, column string) bool {
	_, isTable := unverified()[table]
	_, isColumn := unverified()[table+"."+column]
	return !isTable && !isColumn
}

// One changed byte in any column that means something is found, and the place is named.
func TestFindingH5EveryColumn(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		r := fillRegister(t, b)
		if found := r.verify(t); len(found) > 0 {
			t.Fatalf("the untouched register: %q", found)
		}
		for _, table := range r.tables(t) {
			for _, column := range r.columns(t, table) {
				if !isVerified(table, column) {
					continue
				}
				rows := r.rows(t, table)
				if len(rows) == 0 {
					t.Errorf("%s has no row to change", table)
					continue
				}
				for _, one := range []row{rows[0], rows[len(rows)-1]} {
					changed := one.with(column, changeByte(one[column]))
					r.update(t, table, one, changed)
					found := r.verify(t)
					if !slices.ContainsFunc(found, func(f string) bool { return namesTable(f, table) }) {
						t.Errorf("%s.%s changed: %q", table, column, found)
					}
					r.update(t, table, changed, one)
				}
			}
		}
		if found := r.verify(t); len(found) > 0 {
			t.Errorf("the register as it was: %q", found)
		}
	})
}

// namesTable reports whether a finding says in which table, or that a version is not what the audit log commits to.
func namesTable(finding, table string) bool {
	return strings.Contains(finding, table) || strings.HasPrefix(table, "audit") && strings.HasPrefix(finding, "audit")
}

// A row that is removed, inserted or exchanged with another one is found, in every table of the register.
func TestFindingH5EveryRow(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		r := fillRegister(t, b)
		for _, table := range r.tables(t) {
			if !isVerified(table, "") {
				continue
			}
			rows := r.rows(t, table)
			for _, one := range []row{rows[0], rows[len(rows)-1], rows[len(rows)/2]} {
				r.remove(t, table, one)
				if found := r.verify(t); len(found) == 0 {
					t.Errorf("%s: a row removed: not found: %v", table, one)
				}
				r.insert(t, table, one)
			}
			r.exchangeRows(t, table, rows)
			r.insertRow(t, table, rows)
			if found := r.verify(t); len(found) > 0 {
				t.Fatalf("%s: the register as it was: %q", table, found)
			}
		}
	})
}

// keys are the columns that name the row of a table; the others are what it says.
func keys(table string) []string {
	return map[string][]string{
		"notification": {"seq", "reference", "version"}, "implant": {"reference", "version", "line"}, "removal": {"reference", "version", "line"},
		"warning": {"reference", "version", "line"}, "evidence": {"reference", "version"}, "submission": {"signer", "input_reference"},
		"pending": {"reference"}, "audit": {"seq"}, "audit_checkpoint": {"number"}, "organisation": {"id"},
		"affiliation": {"subject", "organisation_base", "role", "valid_from"}, "rights_total": {"name"},
		"mandate": {"grantee", "grantor", "service", "valid_from"}, "practice": {"subject", "nihii", "profession", "valid_from"},
		"therapeutic_link": {"patient", "professional", "type", "valid_from"},
	}[table]
}

// exchangeRows exchanges what two rows say.
func (r *register) exchangeRows(t *testing.T, table string, rows []row) {
	t.Helper()
	if len(rows) < 2 {
		return
	}
	one, other := rows[0], rows[len(rows)-1]
	toOne, toOther := maps.Clone(other), maps.Clone(one)
	for _, key := range keys(table) {
		toOne[key], toOther[key] = one[key], other[key]
	}
	if fmt.Sprint(toOne) == fmt.Sprint(one) {
		return
	}
	for _, w := range []row{one, other} {
		r.remove(t, table, w)
	}
	r.insert(t, table, toOne)
	r.insert(t, table, toOther)
	if found := r.verify(t); len(found) == 0 {
		t.Errorf("%s: two rows exchanged: not found", table)
	}
	r.remove(t, table, toOne)
	r.remove(t, table, toOther)
	r.insert(t, table, one)
	r.insert(t, table, other)
}

// insertRow inserts a copy of a row under another key.
func (r *register) insertRow(t *testing.T, table string, rows []row) {
	t.Helper()
	for _, key := range keys(table) {
		added := rows[0].with(key, changeByte(rows[0][key]))
		if table == "notification" {
			if key == "seq" {
				continue
			}
			added = added.with("seq", int64(5000)).with("number", "") // a number is unique
		}
		r.insert(t, table, added)
		if found := r.verify(t); len(found) == 0 {
			t.Errorf("%s: a row inserted under another %s: not found", table, key)
		}
		r.remove(t, table, added)
	}
}
