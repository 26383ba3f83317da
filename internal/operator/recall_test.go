package operator_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
)

func parseValid[T any](t *testing.T, parse func(string) (T, error), text string) T {
	t.Helper()
	value, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

const (
	surgeonSSIN = "78031412250"
	leroySSIN   = "48022907379"
	vanDamSSIN  = "84061205236"
	kneeCode    = "000071200176"
	injected    = "=cmd|'/c calc'!A1"
)

// recallFixture is a register of two patients with four implants of one product; one lot number is a spreadsheet
// formula.
type recallFixture struct {
	db       *store.DB
	operator operator.Operator
	events   int
}

func newRecallFixture(t *testing.T, b storetest.Backend) *recallFixture {
	t.Helper()
	db := b.Open(t)
	ssin := func(text string) ident.SSIN { return parseValid(t, ident.ParseSSIN, text) }
	hospital, knee := parseValid(t, ident.ParseNIHII, "71000436"), parseValid(t, ident.ParseNotificationCode, kneeCode)
	on := parseValid(t, ident.ParseDate, "2026-11-02")
	err := db.LoadSources(t.Context(), implants.SourceEntries{
		Persons:       []platform.Person{{SSIN: ssin(surgeonSSIN), FirstName: "Anna", LastName: "Claes"}, {SSIN: ssin(leroySSIN), FirstName: "Jean", LastName: "Leroy"}},
		Organisations: []platform.Organisation{{NIHII: hospital, Name: "+Hospital", Type: "Hospital"}},
		Devices:       []implants.Device{{Code: knee, Name: "Knee", Category: "Orthopaedic", Status: implants.DeviceActive}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, lot := range []string{"L1", "L2", injected, "L1"} {
		patient := ssin([]string{leroySSIN, vanDamSSIN}[i/3])
		number, err := ident.NewNotificationNumber(on.AddDays(20*i), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		n := implants.Notification{Reference: fmt.Sprint("reference-", i), Version: 1, State: implants.Final, Type: implants.TypeImplantation, Number: number,
			Specialist: platform.ProfessionalRef{SSIN: ssin(surgeonSSIN), NIHII: parseValid(t, ident.ParseNIHII, "17800389480")}, SurgeryDate: on,
			Patient: patient, Author: ssin(surgeonSSIN), Organisation: hospital, RegisteredAt: time.Now()}
		n.Implants = []implants.Implant{{ID: fmt.Sprint("implant-", i),
			NotifiedImplant: implants.NotifiedImplant{Code: knee, Lot: lot, Serial: fmt.Sprint("-S", i), Quantity: 2}}}
		if err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendVersion(n) }); err != nil {
			t.Fatal(err)
		}
	}
	ids := 0
	return &recallFixture{db: db, operator: operator.Operator{Store: db, Name: "officer", Now: time.Now, NewID: func() string {
		ids++
		return fmt.Sprint("correlation-", ids)
	}}}
}

// newAuditEvents returns the events since the previous call.
func (r *recallFixture) newAuditEvents(t *testing.T) []platform.AuditEvent {
	t.Helper()
	all, _, err := r.db.ReadEvents(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	before := r.events
	r.events = len(all)
	return all[before:]
}

func TestRecall(t *testing.T) {
	run := func(t *testing.T, b storetest.Backend) {
		t.Helper()
		r := newRecallFixture(t, b)
		t.Run("pseudonyms", r.testPseudonyms)
		t.Run("reveal", r.testReveal)
		t.Run("refused", r.testRefused)
		t.Run("mark", r.testMark)
		t.Run("statistics", r.testStatistics)
		t.Run("replaced number", r.testReplacedSSIN)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, storetest.NewPostgresBackends(t)(t)) })
}

func (r *recallFixture) traceRecall(t *testing.T, tracing operator.RecallTrace) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := tracing.Write(t.Context(), r.db, r.operator, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func byCode(t *testing.T) implants.RecallQuery {
	t.Helper()
	return implants.RecallQuery{Code: parseValid(t, ident.ParseNotificationCode, kneeCode)}
}

type document struct {
	Placed, Patients, Notifications, Hospitals, Specialists int
	Lines                                                   []struct {
		Lot, Patient string
		SSIN         string `json:"patient_ssin"`
		Name         string `json:"patient_name"`
	}
}

// Without a reason no format names a patient. Pseudonyms do not depend on the query and survive a key rotation.
func (r *recallFixture) testPseudonyms(t *testing.T) {
	r.newAuditEvents(t)
	for _, format := range []string{"table", "csv", "json"} {
		out := r.traceRecall(t, operator.RecallTrace{Query: byCode(t), Format: format})
		for _, secret := range []string{surgeonSSIN, leroySSIN, vanDamSSIN, "Leroy", "Jean", "patient_ssin", "patient_name"} {
			if strings.Contains(out, secret) {
				t.Errorf("%s tells %s", format, secret)
			}
		}
		for _, want := range []string{"17800389480", "Anna Claes", "71000436", "+Hospital", "2026-11-02", "P-"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s does not tell %s:\n%s", format, want, out)
			}
		}
		events := r.newAuditEvents(t)
		if len(events) != 1 || events[0].Operation != operator.ActionRecall || events[0].Reason != "trace, code "+kneeCode || !events[0].Patient.IsZero() ||
			events[0].Signer != "operator=officer" {
			t.Errorf("%s: recorded %+v", format, events)
		}
	}
	all, lot := r.document(t, byCode(t), ""), r.document(t, implants.RecallQuery{Lots: implants.Range{From: "L1", To: "L1"}}, "")
	if all.Placed != 8 || all.Patients != 2 || all.Notifications != 4 || all.Hospitals != 1 || all.Specialists != 1 || len(all.Lines) != 4 {
		t.Errorf("%+v", all)
	}
	patients := []string{all.Lines[0].Patient, all.Lines[3].Patient}
	if patients[0] == patients[1] || all.Lines[1].Patient != patients[0] || len(patients[0]) != 18 {
		t.Errorf("pseudonyms: %+v", all.Lines)
	}
	if len(lot.Lines) != 2 || lot.Lines[0].Patient != patients[0] || lot.Lines[1].Patient != patients[1] {
		t.Errorf("pseudonyms of a lot: %+v, of all: %v", lot.Lines, patients)
	}
	if _, err := r.db.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.db.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := r.document(t, byCode(t), ""); after.Lines[0].Patient != patients[0] || after.Lines[3].Patient != patients[1] {
		t.Errorf("after the key was changed: %+v", after.Lines)
	}
	table, err := csv.NewReader(strings.NewReader(r.traceRecall(t, operator.RecallTrace{Query: byCode(t), Format: "table"}))).Read()
	if err != nil || !strings.HasPrefix(strings.Join(table, ","), "implants placed: 8, removed: 0, still in place: 8;") {
		t.Errorf("table: %v, %v", table, err)
	}
	lines := csv.NewReader(strings.NewReader(r.traceRecall(t, operator.RecallTrace{Query: byCode(t), Format: "csv"})))
	lines.Comma = ';'
	rows, err := lines.ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
				t.Errorf("%s: %q is a formula", rows[0][i], cell)
			}
		}
	}
	if rows[3][8] != "'"+injected || rows[1][3] != "'+Hospital" || rows[1][9] != "'-S0" {
		t.Errorf("cells: %q", rows)
	}
}

func (r *recallFixture) document(t *testing.T, q implants.RecallQuery, reason string) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(r.traceRecall(t, operator.RecallTrace{Query: q, Reason: reason, Format: "json"})), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// With a reason patients are named, and the audit log has an event about each.
func (r *recallFixture) testReveal(t *testing.T) {
	r.newAuditEvents(t)
	const reason = "field safety notice FSN-2026-17"
	d := r.document(t, byCode(t), reason)
	if d.Lines[0].SSIN != leroySSIN || d.Lines[0].Name != "Jean Leroy" || d.Lines[3].SSIN != vanDamSSIN || d.Lines[3].Name != "" {
		t.Errorf("%+v", d.Lines)
	}
	events := r.newAuditEvents(t)
	if len(events) != 3 || events[0].Operation != operator.ActionRecall {
		t.Fatalf("recorded %+v", events)
	}
	for i, patient := range []string{leroySSIN, vanDamSSIN} {
		e := events[i+1]
		if e.Operation != operator.ActionReveal || e.Patient.Digits() != patient || e.EmergencyReason != reason || e.Correlation != events[0].Correlation ||
			e.Reason != "trace, code "+kneeCode {
			t.Errorf("recorded %+v", e)
		}
	}
	for _, format := range []string{"table", "csv"} {
		if out := r.traceRecall(t, operator.RecallTrace{Query: byCode(t), Reason: reason, Format: format}); !strings.Contains(out, leroySSIN) || !strings.Contains(out, "Jean Leroy") {
			t.Errorf("%s:\n%s", format, out)
		}
	}
}

// readOnlyStore is a store whose writes fail.
type readOnlyStore struct{ implants.Store }

func (readOnlyStore) RunWriteTx(context.Context, func(implants.Writer) error) error {
	return errors.New("no disk")
}

// A trace that is rejected or cannot be recorded writes nothing.
func (r *recallFixture) testRefused(t *testing.T) {
	r.newAuditEvents(t)
	unrecorded, unnamed := r.operator, r.operator
	unrecorded.Store, unnamed.Name = readOnlyStore{r.db}, " "
	from := parseValid(t, ident.ParseDate, "2026-01-01")
	for name, test := range map[string]struct {
		tracing operator.RecallTrace
		by      operator.Operator
		want    string
	}{
		"nothing asked":     {operator.RecallTrace{}, r.operator, "name what is recalled"},
		"days alone":        {operator.RecallTrace{Query: implants.RecallQuery{From: from}}, r.operator, "name what is recalled"},
		"days backwards":    {operator.RecallTrace{Query: implants.RecallQuery{UDIDI: "1", From: from, To: from.AddDays(-1)}}, r.operator, "the last day is before the first"},
		"lots without end":  {operator.RecallTrace{Query: implants.RecallQuery{Lots: implants.Range{From: "L1"}}}, r.operator, "needs both ends"},
		"a short reason":    {operator.RecallTrace{Query: byCode(t), Reason: "  because  "}, r.operator, "in 10 to 200 characters"},
		"a long reason":     {operator.RecallTrace{Query: byCode(t), Reason: strings.Repeat("é", 201)}, r.operator, "in 10 to 200 characters"},
		"not UTF-8":         {operator.RecallTrace{Query: byCode(t), Reason: "long enough\xff"}, r.operator, "in 10 to 200 characters"},
		"nobody":            {operator.RecallTrace{Query: byCode(t)}, unnamed, "give --by NAME"},
		"not recorded":      {operator.RecallTrace{Query: byCode(t)}, unrecorded, "no disk"},
		"reveal unrecorded": {operator.RecallTrace{Query: byCode(t), Reason: "a good reason, too"}, unrecorded, "no disk"},
	} {
		var out bytes.Buffer
		if _, err := test.tracing.Write(t.Context(), r.db, test.by, &out); err == nil || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, out.Len())
		}
	}
	if err := operator.CheckRevealReason(strings.Repeat("é", 200)); err != nil {
		t.Error(err)
	}
	if events := r.newAuditEvents(t); len(events) != 0 {
		t.Errorf("recorded %+v", events)
	}
}

func (r *recallFixture) findDevice(t *testing.T) (d implants.Device) {
	t.Helper()
	err := r.db.RunReadTx(t.Context(), func(reader implants.Reader) (err error) {
		d, _, err = reader.DeviceByCode(parseValid(t, ident.ParseNotificationCode, kneeCode))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (r *recallFixture) testMark(t *testing.T) {
	d := r.findDevice(t) // fills the device cache
	deleted := parseValid(t, ident.ParseDate, "2026-10-01")
	d.Status, d.DeletedOn = implants.DeviceDeleted, deleted
	if err := r.db.LoadSources(t.Context(), implants.SourceEntries{Devices: []implants.Device{d}}); err != nil {
		t.Fatal(err)
	}
	knee, on := parseValid(t, ident.ParseNotificationCode, kneeCode), parseValid(t, ident.ParseDate, "2026-11-21")
	r.newAuditEvents(t)
	for _, step := range []struct {
		code       ident.NotificationCode
		on         ident.Date
		wantErr    string
		status     implants.DeviceStatus
		wantReason string
	}{
		{knee, ident.Date{}, "none that is marked", implants.DeviceDeleted, ""},
		{parseValid(t, ident.ParseNotificationCode, "000060479203"), on, "no such device", implants.DeviceDeleted, ""},
		{knee, on, "", implants.DeviceRecalled, "mark code " + kneeCode + " recalled on 2026-11-21"},
		{knee, ident.Date{}, "", implants.DeviceDeleted, "lift the mark of code " + kneeCode},
	} {
		err := r.operator.MarkDeviceRecalled(t.Context(), r.db, step.code, step.on)
		if (err == nil) != (step.wantErr == "") || err != nil && !strings.Contains(err.Error(), step.wantErr) {
			t.Errorf("%v", err)
		}
		d = r.findDevice(t)
		want := ident.Date{}
		if step.status == implants.DeviceRecalled {
			want = step.on
		}
		if d.Status != step.status || d.RecalledOn != want || d.DeletedOn != deleted {
			t.Errorf("the device is %s, recalled on %s, deleted on %s", d.Status, d.RecalledOn, d.DeletedOn)
		}
		events := r.newAuditEvents(t)
		if wantReason := step.wantReason; wantReason == "" && len(events) != 0 || wantReason != "" && (len(events) != 1 || events[0].Operation != operator.ActionRecall || events[0].Reason != wantReason) {
			t.Errorf("recorded %+v", events)
		}
	}
	if err := (operator.Operator{}).MarkDeviceRecalled(t.Context(), r.db, knee, on); err == nil || !strings.Contains(err.Error(), "--by") {
		t.Errorf("by nobody: %v", err)
	}
}

// Counts below five are hidden unless exact counts are requested, which is recorded.
func (r *recallFixture) testStatistics(t *testing.T) {
	r.newAuditEvents(t)
	write := func(by implants.Grouping, format string, exact bool) string {
		t.Helper()
		var out bytes.Buffer
		s := operator.StatisticsReport{Query: implants.StatisticsQuery{GroupBy: by}, Format: format, Exact: exact}
		if err := s.Write(t.Context(), r.db, r.operator, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	const head = "category;name;implantations;placed;explantations;removed;median_days;p90_days;late_percent\n"
	for _, test := range []struct{ got, want string }{
		{write(implants.ByCategory, "csv", false), head + "Orthopaedic;;<5;8;0;0;<5;<5;<5\ntotal;;<5;8;0;0;<5;<5;<5\n"},
		{write(implants.ByCategory, "csv", true), head + "Orthopaedic;;4;8;0;0;20;60;50\ntotal;;4;8;0;0;20;60;50\n"},
		{write(implants.ByDelay, "csv", true), strings.Replace(head, "category", "delay", 1) +
			"0-1;;1;2;0;0;0;0;0\n8-30;;1;2;0;0;20;20;0\n31-90;;2;4;0;0;40;60;100\ntotal;;4;8;0;0;20;60;50\n"},
		{write(implants.ByHospital, "table", false), "hospital  name       implantations  placed  explantations  removed  median_days  p90_days  late_percent\n" +
			"71000436  +Hospital  <5             8       0              0        <5           <5        <5\n" +
			"total     -          <5             8       0              0        <5           <5        <5\n"},
	} {
		if test.got != test.want {
			t.Errorf("got\n%swant\n%s", test.got, test.want)
		}
	}
	var d struct {
		By     string
		Groups []map[string]any
		Total  map[string]any
	}
	if err := json.Unmarshal([]byte(write(implants.ByCode, "json", false)), &d); err != nil {
		t.Fatal(err)
	}
	if d.By != "code" || len(d.Groups) != 1 || d.Groups[0]["name"] != "Knee" || d.Groups[0]["implantations"] != "<5" || d.Total["placed"] != 8.0 {
		t.Errorf("%+v", d)
	}
	if events := r.newAuditEvents(t); len(events) != 2 || events[0].Operation != operator.ActionStatistics || events[0].Reason != "small numbers, by category" {
		t.Errorf("recorded %+v", events)
	}
}

// A person whose number was replaced is one patient, with the pseudonym of the newest number.
func (r *recallFixture) testReplacedSSIN(t *testing.T) {
	before := r.document(t, byCode(t), "")
	if err := r.db.ReplaceSSIN(t.Context(), parseValid(t, ident.ParseSSIN, leroySSIN), parseValid(t, ident.ParseSSIN, vanDamSSIN)); err != nil {
		t.Fatal(err)
	}
	after := r.document(t, byCode(t), "the same person, we were told")
	if after.Patients != 1 || len(after.Lines) != 4 {
		t.Errorf("%+v", after)
	}
	for _, line := range after.Lines {
		if line.Patient != before.Lines[3].Patient || line.SSIN != vanDamSSIN || line.Name != "Jean Leroy" {
			t.Errorf("%+v", line)
		}
	}
}

// fixedStatistics is a StatisticsStore with a fixed result.
type fixedStatistics struct{ all implants.Statistics }

func (g fixedStatistics) Statistics(context.Context, implants.StatisticsQuery) (*implants.Statistics, error) {
	return &g.all, nil
}

// A hidden count cannot be computed from the others.
func TestSmallNumbersDoNotFollow(t *testing.T) {
	figures := func(group string, n, late int) implants.Figures {
		return implants.Figures{Group: group, Implantations: n, Implanted: n, Notified: n, Late: late}
	}
	for _, test := range []struct {
		groups []implants.Figures
		total  implants.Figures
		want   string
	}{
		{[]implants.Figures{figures("a", 10, 5), figures("b", 3, 0)}, figures("", 13, 5), "a 10 50|b <5 <5|total withheld 38.4|"},
		{[]implants.Figures{figures("a", 2, 0), figures("b", 3, 0), figures("", 5, 5)}, figures("", 10, 5), "a <5 <5|b <5 <5|not known 5 100|total 10 50|"},
		{[]implants.Figures{figures("a", 10, 4), figures("b", 10, 6)}, figures("", 20, 10), "a 10 <5|b 10 <5|total 20 50|"},
		{nil, implants.Figures{}, "total 0 none|"},
	} {
		var out bytes.Buffer
		err := operator.StatisticsReport{Format: "csv"}.Write(t.Context(), fixedStatistics{implants.Statistics{Groups: test.groups, Total: test.total}}, operator.Operator{}, &out)
		got := ""
		for line := range strings.Lines(out.String()) {
			if cells := strings.Split(strings.TrimSpace(line), ";"); cells[1] != "name" {
				got += cells[0] + " " + cells[2] + " " + cells[8] + "|"
			}
		}
		if err != nil || got != test.want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, test.want)
		}
	}
}
