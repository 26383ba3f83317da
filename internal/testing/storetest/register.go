package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
)

// withDevices adds to the implants the devices that the store joins from the device list.
func withDevices(n implants.Notification, devices ...implants.Device) implants.Notification {
	n.Implants = append([]implants.Implant(nil), n.Implants...)
	for i := range n.Implants {
		for _, d := range devices {
			if n.Implants[i].Code == d.Code {
				n.Implants[i].Device = &d
			}
		}
	}
	return n
}

func testNotification(t *testing.T, b Backend) {
	db := b.Open(t)
	loadSources(t, db, implants.SourceEntries{Devices: []implants.Device{newKneeDevice()}})
	n := newImplantation(t, 1)
	byDI := implants.Implant{ID: "by-di", NotifiedImplant: implants.NotifiedImplant{UDI: "(01)05410000001047", Quantity: 2}, UDIDI: "05410000001047"}
	n.Implants = append(n.Implants, byDI)
	completeImplants(&n)
	want := withDevices(n, newKneeDevice())
	device := newKneeDevice()
	want.Implants[2].Device = &device
	writeTx(t, db, func(w implants.Writer) error {
		if err := w.AppendVersion(n); err != nil {
			return err
		}
		got, there, err := w.NotificationByNumber(n.Number)
		checkFound(t, "in the same transaction", got, want, there, err)
		return nil
	})
	readTx(t, db, func(r implants.Reader) error {
		got, there, err := r.NotificationByNumber(n.Number)
		checkFound(t, "by number", got, want, there, err)
		_, there, err = r.NotificationByNumber(newNumber(t, 2))
		checkNotFound(t, "by another number", nil, there, err)
		_, there, err = r.NotificationByNumber(ident.NotificationNumber{})
		checkNotFound(t, "by no number", nil, there, err)
		implant, there, err := r.Implant("by-di")
		checkFound(t, "implant", implant, want.Implants[2], there, err)
		_, there, err = r.Implant("unknown")
		checkNotFound(t, "no implant", nil, there, err)
		return nil
	})
	if err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendVersion(n) }); problem.From(err).Code != problem.InternalError {
		t.Errorf("the same version again: %v", err)
	}
	other := newImplantation(t, 1)
	other.Reference, other.InputReference, other.Implants = "other", "", nil
	if err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendVersion(other) }); problem.From(err).Code != problem.InternalError {
		t.Errorf("the same number again: %v", err)
	}
}

func testExplantation(t *testing.T, b Backend) {
	db := b.Open(t)
	placed := newImplantation(t, 1)
	removed := newExplantation(t, 2, "2026-11-21",
		implants.Removal{ImplantID: placed.Implants[1].ID, Quantity: 2, Reason: "infection", Remaining: 1},
		implants.Removal{ImplantID: "declared", Quantity: 1, Remaining: 0})
	removed.Implants = []implants.Implant{{ID: "declared", NotifiedImplant: implants.NotifiedImplant{Quantity: 1}, Unregistered: true}}
	completeImplants(&removed)
	keepAll(t, db, placed, removed)

	want := removed
	want.Implants = append([]implants.Implant(nil), removed.Implants...)
	want.Implants[0].Remaining = 0
	readTx(t, db, func(r implants.Reader) error {
		got, there, err := r.NotificationByNumber(removed.Number)
		checkFound(t, "explantation", got, want, there, err)
		implant, there, err := r.Implant(placed.Implants[1].ID)
		left := placed.Implants[1]
		left.Remaining = 1
		checkFound(t, "what is left", implant, left, there, err)
		return nil
	})
	readTx(t, db, func(r implants.Reader) error {
		removals, err := r.RemovalsByImplant(placed.Implants[1].ID)
		want := implants.Removal{ImplantID: placed.Implants[1].ID, Quantity: 2, Reason: "infection", Remaining: 1,
			Reference: removed.Reference, SurgeryDate: removed.SurgeryDate}
		checkValue(t, "removals", removals, []implants.Removal{want}, err)
		removals, err = r.RemovalsByImplant(placed.Implants[0].ID)
		checkValue(t, "no removals", len(removals), 0, err)
		return nil
	})
}

func testNewerVersion(t *testing.T, b Backend) {
	db := b.Open(t)
	first := newImplantation(t, 1)
	second := newImplantation(t, 1)
	second.Version, second.InputReference, second.Comment = 2, "", "revised"
	second.Implants = []implants.Implant{{ID: "second", NotifiedImplant: implants.NotifiedImplant{Code: mesh, Serial: "S-2", Quantity: 1}}}
	completeImplants(&second)
	keepAll(t, db, first)
	keepAll(t, db, second)
	readTx(t, db, func(r implants.Reader) error {
		got, there, err := r.NotificationByNumber(first.Number)
		checkFound(t, "current version", got, second, there, err)
		implantList, err := r.ImplantsByPatient(leroy, ident.SSIN{}, ident.Date{})
		checkValue(t, "implants of the current version", implantList, second.Implants, err)
		history, err := r.NotificationsByPatient(leroy, ident.SSIN{})
		checkValue(t, "history", history, []implants.Notification{second}, err)
		got, there, err = r.NotificationByInputReference(first.Signer, first.InputReference)
		sent := first
		sent.Implants = slices.Clone(first.Implants)
		sent.Implants[0].InForce, sent.Implants[1].InForce = false, false
		checkFound(t, "what was sent", got, sent, there, err)
		line, there, err := r.Implant(first.Implants[0].ID)
		checkFound(t, "line of the former version", line, sent.Implants[0], there, err)
		in, err := r.IsSerialImplanted(first.Implants[0].Serial, knee, "")
		checkValue(t, "serial of the former version", in, false, err)
		_, total, err := r.SearchNotifications(implants.NotificationQuery{Patient: leroy, Limit: 10})
		checkValue(t, "found", total, 1, err)
		return nil
	})
}

func testSubmission(t *testing.T, b Backend) {
	db := b.Open(t)
	n, without := newImplantation(t, 1), newImplantation(t, 2)
	without.InputReference = ""
	keepAll(t, db, n, without)
	readTx(t, db, func(r implants.Reader) error {
		got, there, err := r.NotificationByInputReference(n.Signer, n.InputReference)
		checkFound(t, "submission", got, n, there, err)
		_, there, err = r.NotificationByInputReference("NIHII-HOSPITAL=71012413", n.InputReference)
		checkNotFound(t, "of another signer", nil, there, err)
		_, there, err = r.NotificationByInputReference(n.Signer, strings.ToLower(n.InputReference))
		checkNotFound(t, "another reference", nil, there, err)
		_, there, err = r.NotificationByInputReference(n.Signer, "")
		checkNotFound(t, "no reference", nil, there, err)
		return nil
	})
}

func testImplants(t *testing.T, b Backend) {
	db := b.Open(t)
	// Stored in another order than that of the surgery dates.
	later, earlier := newImplantation(t, 1), newImplantation(t, 2)
	earlier.SurgeryDate = people.MustDate("2020-05-01")
	completeImplants(&earlier)
	abroad := newExplantation(t, 3, "2021-01-01", implants.Removal{ImplantID: "abroad", Quantity: 1})
	abroad.Implants = []implants.Implant{{ID: "abroad", NotifiedImplant: implants.NotifiedImplant{Quantity: 1}, Unregistered: true}}
	mesh := earlier.Implants[1].ID
	once := newExplantation(t, 4, "2022-06-01", implants.Removal{ImplantID: mesh, Quantity: 1, Remaining: 2})
	twice := newExplantation(t, 5, "2023-06-01", implants.Removal{ImplantID: mesh, Quantity: 2, Remaining: 0})
	other := newImplantation(t, 6)
	other.Patient = vanDam
	keepAll(t, db, later, earlier, abroad, once, twice, other)

	tests := []struct {
		day  string
		want []int // remaining quantities of the two implants of the earlier surgery, then of the later one
	}{
		{"2020-04-30", nil},
		{"2020-05-01", []int{1, 3}},
		{"2022-05-31", []int{1, 3}},
		{"2022-06-01", []int{1, 2}},
		{"2023-06-01", []int{1, 0}},
		{"2026-11-20", []int{1, 0, 1, 3}},
		{"", []int{1, 0, 1, 3}},
	}
	all := append(append([]implants.Implant(nil), earlier.Implants...), later.Implants...)
	for _, test := range tests {
		readTx(t, db, func(r implants.Reader) error {
			got, err := r.ImplantsByPatient(leroy, ident.SSIN{}, people.MustDate(test.day))
			want := append([]implants.Implant(nil), all[:len(test.want)]...)
			for i := range want {
				want[i].Remaining = test.want[i]
			}
			if len(want) == 0 {
				want = nil
			}
			checkValue(t, "on "+test.day, got, want, err)
			return nil
		})
	}
}

func testSerial(t *testing.T, b Backend) {
	db := b.Open(t)
	n := newImplantation(t, 1)
	n.Implants[0].Serial, n.Implants[0].Quantity = "S-1", 2
	keepAll(t, db, n)
	in := func(name, serial string, code ident.NotificationCode, di string, want bool) {
		t.Helper()
		readTx(t, db, func(r implants.Reader) error {
			got, err := r.IsSerialImplanted(serial, code, di)
			checkValue(t, name, got, want, err)
			return nil
		})
	}
	in("same code", "S-1", knee, "", true)
	in("same device identifier", "S-1", ident.NotificationCode{}, "05410000001047", true)
	in("other code and device identifier", "S-1", mesh, "05410000000125", false)
	in("neither", "S-1", ident.NotificationCode{}, "", false)
	in("other serial number", "s-1", knee, "05410000001047", false)
	in("no serial number", "", mesh, "", false)
	keepAll(t, db, newExplantation(t, 2, "2026-11-21", implants.Removal{ImplantID: n.Implants[0].ID, Quantity: 1, Remaining: 1}))
	in("one of two removed", "S-1", knee, "", true)
	keepAll(t, db, newExplantation(t, 3, "2026-11-21", implants.Removal{ImplantID: n.Implants[0].ID, Quantity: 1}))
	in("both removed", "S-1", knee, "", false)
}

func testHistory(t *testing.T, b Backend) {
	db := b.Open(t)
	second, first, other := newImplantation(t, 1), newImplantation(t, 2), newImplantation(t, 3)
	first.SurgeryDate = people.MustDate("2020-01-01")
	completeImplants(&first)
	other.Patient = vanDam
	removal := newExplantation(t, 4, "2026-11-20", implants.Removal{ImplantID: second.Implants[0].ID, Quantity: 1})
	keepAll(t, db, second, first, other, removal)
	second.Implants = append([]implants.Implant(nil), second.Implants...)
	second.Implants[0].Remaining = 0
	readTx(t, db, func(r implants.Reader) error {
		got, err := r.NotificationsByPatient(leroy, ident.SSIN{})
		checkValue(t, "history", got, []implants.Notification{first, second, removal}, err)
		got, err = r.NotificationsByPatient(peeters, ident.SSIN{})
		checkValue(t, "no history", len(got), 0, err)
		return nil
	})
}

// summaryOf returns the search result for a notification.
func summaryOf(n implants.Notification) implants.NotificationSummary {
	return implants.NotificationSummary{Reference: n.Reference, Version: n.Version, Number: n.Number, Type: n.Type, SurgeryDate: n.SurgeryDate, Patient: n.Patient,
		Specialist: n.Specialist, State: n.State, ImplantCount: len(n.Implants) + len(n.Removals)}
}

func testSearch(t *testing.T, b Backend) {
	db := b.Open(t)
	all := make([]implants.Notification, 5)
	for i := range all {
		all[i] = newImplantation(t, uint64(i+1))
		all[i].SurgeryDate = people.MustDate(fmt.Sprintf("2026-11-%02d", 20-i))
	}
	all[1].Specialist = platform.ProfessionalRef{SSIN: dubois, NIHII: duboisNIHII}
	all[2].Patient = vanDam
	all[4] = newExplantation(t, 5, "2026-11-16", implants.Removal{ImplantID: all[0].Implants[0].ID, Quantity: 1})
	keepAll(t, db, all...)

	tests := []struct {
		name  string
		q     implants.NotificationQuery
		want  []int
		total int
	}{
		{"everything", implants.NotificationQuery{Limit: 10}, []int{0, 1, 2, 3, 4}, 5},
		{"first page", implants.NotificationQuery{Limit: 2}, []int{0, 1}, 5},
		{"last page", implants.NotificationQuery{Limit: 2, Offset: 4}, []int{4}, 5},
		{"beyond the last page", implants.NotificationQuery{Limit: 2, Offset: 5}, nil, 5},
		{"only counted", implants.NotificationQuery{}, nil, 5},
		{"by number", implants.NotificationQuery{Number: all[3].Number, Limit: 10}, []int{3}, 1},
		{"by unknown number", implants.NotificationQuery{Number: newNumber(t, 99), Limit: 10}, nil, 0},
		{"by patient", implants.NotificationQuery{Patient: leroy, Limit: 10}, []int{0, 1, 3, 4}, 4},
		{"by patient and type", implants.NotificationQuery{Patient: leroy, Type: implants.TypeExplantation, Limit: 10}, []int{4}, 1},
		{"from", implants.NotificationQuery{From: people.MustDate("2026-11-19"), Limit: 10}, []int{0, 1}, 2},
		{"to", implants.NotificationQuery{To: people.MustDate("2026-11-17"), Limit: 10}, []int{3, 4}, 2},
		{"from and to", implants.NotificationQuery{From: people.MustDate("2026-11-17"), To: people.MustDate("2026-11-17"), Limit: 10}, []int{3}, 1},
		{"by specialist", implants.NotificationQuery{Specialist: dubois, Limit: 10}, []int{1}, 1},
	}
	for _, test := range tests {
		checkSearch(t, db, test.name, test.q, all, test.want, test.total)
	}
}

// checkSearch compares the result of a search with the notifications that it should find.
func checkSearch(t *testing.T, db *store.DB, name string, q implants.NotificationQuery, all []implants.Notification, want []int, total int) {
	t.Helper()
	var summaries []implants.NotificationSummary
	for _, i := range want {
		summaries = append(summaries, summaryOf(all[i]))
	}
	readTx(t, db, func(r implants.Reader) error {
		got, n, err := r.SearchNotifications(q)
		checkValue(t, name, got, summaries, err)
		if n != total {
			t.Errorf("%s: %d in all, want %d", name, n, total)
		}
		return nil
	})
}

func testSearchByImplant(t *testing.T, b Backend) {
	db := b.Open(t)
	placed, elsewhere := newImplantation(t, 1), newImplantation(t, 2)
	elsewhere.Implants = elsewhere.Implants[1:]
	removed := newExplantation(t, 3, "2026-11-21", implants.Removal{ImplantID: placed.Implants[0].ID, Quantity: 1})
	all := []implants.Notification{placed, elsewhere, removed}
	keepAll(t, db, all...)
	implant := placed.Implants[0]
	tests := []struct {
		name string
		q    implants.NotificationQuery
		want []int
	}{
		{"code", implants.NotificationQuery{Code: knee}, []int{0, 2}},
		{"code of two", implants.NotificationQuery{Code: mesh}, []int{0, 1}},
		{"UDI", implants.NotificationQuery{UDI: implant.UDI}, []int{0, 2}},
		{"device identifier", implants.NotificationQuery{UDIDIs: []string{implant.UDIDI}}, []int{0, 2}},
		{"lot", implants.NotificationQuery{Lot: implant.Lot}, []int{0, 2}},
		{"serial number", implants.NotificationQuery{Serial: implant.Serial}, []int{0, 2}},
		{"all of them", implants.NotificationQuery{Code: knee, UDI: implant.UDI, UDIDIs: []string{implant.UDIDI}, Lot: implant.Lot, Serial: implant.Serial}, []int{0, 2}},
		{"two lines do not match together", implants.NotificationQuery{Code: mesh, Lot: implant.Lot}, nil},
		{"and type", implants.NotificationQuery{Code: knee, Type: implants.TypeExplantation}, []int{2}},
		{"unknown", implants.NotificationQuery{Serial: "unknown"}, nil},
	}
	for _, test := range tests {
		test.q.Limit = 10
		checkSearch(t, db, test.name, test.q, all, test.want, len(test.want))
		test.q.Patient = leroy
		checkSearch(t, db, test.name+" of a patient", test.q, all, test.want, len(test.want))
		test.q.Patient = ident.SSIN{}
		test.q.TreatedBy, test.q.TreatedOn = claes, people.MustDate("2026-11-21")
		checkSearch(t, db, test.name+" of a professional", test.q, all, test.want, len(test.want))
		test.q.TreatedBy = dubois
		checkSearch(t, db, test.name+" of another professional", test.q, all, nil, 0)
	}
}

func testSearchPatientsOf(t *testing.T, b Backend) {
	db := b.Open(t)
	own, linked, former, strange := newImplantation(t, 1), newImplantation(t, 2), newImplantation(t, 3), newImplantation(t, 4)
	by := platform.ProfessionalRef{SSIN: dubois, NIHII: duboisNIHII}
	linked.Specialist, linked.Patient = by, vanDam
	former.Specialist, former.Patient = by, people.MustSSIN("05041801691")
	strange.Specialist, strange.Patient = by, people.MustSSIN("12451200933")
	all := []implants.Notification{own, linked, former, strange}
	keepAll(t, db, all...)
	loadSources(t, db, implants.SourceEntries{Links: []platform.TherapeuticLink{
		{Patient: vanDam, Professional: claes, Type: "specialistconsultation", Period: newPeriod("2026-01-01", "")},
		{Patient: vanDam, Professional: claes, Type: "gmd", Period: newPeriod("2026-01-01", "")},
		{Patient: former.Patient, Professional: claes, Type: "gmd", Period: newPeriod("2020-01-01", "2026-06-30")},
		{Patient: strange.Patient, Professional: peeters, Type: "gmd", Period: newPeriod("2020-01-01", "")},
	}})
	for _, test := range []struct {
		on   string
		want []int
	}{
		{"2025-12-31", []int{0, 2}}, {"2026-01-01", []int{0, 1, 2}}, {"2026-06-30", []int{0, 1, 2}}, {"2026-07-01", []int{0, 1}},
	} {
		q := implants.NotificationQuery{TreatedBy: claes, TreatedOn: people.MustDate(test.on), Limit: 10}
		checkSearch(t, db, "on "+test.on, q, all, test.want, len(test.want))
		q.Code = mesh
		checkSearch(t, db, "code on "+test.on, q, all, test.want, len(test.want))
	}
}

func testAudit(t *testing.T, b Backend) {
	db := b.Open(t)
	all := []platform.AuditEvent{
		{OccurredAt: registeredAt, Correlation: "c-1", Operation: "NotifyImplant", Outcome: platform.OutcomeAccepted, Reason: "own operation",
			EmergencyReason: "found unconscious", Signer: "NIHII-HOSPITAL=71000436", Organisation: hospital, Person: claes, Capacity: platform.CapacityDoctor,
			Patient: leroy, Number: newNumber(t, 1)},
		{OccurredAt: registeredAt.Add(time.Second), Correlation: "c-2", Outcome: platform.OutcomeRefused, Codes: []problem.Code{"ONE", "TWO"}},
	}
	writeTx(t, db, func(w implants.Writer) error {
		for _, e := range all {
			if err := w.AppendEvent(e); err != nil {
				return err
			}
		}
		return nil
	})
	checkEqual(t, "audit trail", readEvents(t, db), all)
	first, place, err := db.ReadEvents(t.Context(), 0, 1)
	checkValue(t, "first", first, all[:1], err)
	second, place, err := db.ReadEvents(t.Context(), place, 1)
	checkValue(t, "second", second, all[1:], err)
	none, last, err := db.ReadEvents(t.Context(), place, 1)
	checkValue(t, "no more", len(none), 0, err)
	checkEqual(t, "place", last, place)
}

func testUnicode(t *testing.T, b Backend) {
	db := b.Open(t)
	n := newImplantation(t, 1)
	n.Comment = "genou gauche « prothèse » – Ω 漢字 \U0001F9BF ' \" \\ ? $1 :x %s\nsecond line\ttab"
	n.Implants[0].Location = "linker knie, naast 'het litteken'"
	// Timestamps are read back in UTC, truncated to microseconds.
	n.RegisteredAt = time.Date(2026, 7, 1, 0, 30, 0, 999999999, time.FixedZone("CEST", 2*60*60))
	keepAll(t, db, n)
	want := n
	want.RegisteredAt = time.Date(2026, 6, 30, 22, 30, 0, 999999000, time.UTC)
	readTx(t, db, func(r implants.Reader) error {
		got, there, err := r.NotificationByNumber(n.Number)
		checkFound(t, "notification", got, want, there, err)
		return nil
	})
}
