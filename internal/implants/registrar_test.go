package implants_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// TestDayBoundary: days begin in Brussels, both for the number and for today's date.
func TestDayBoundary(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	cases := []struct{ now, number, tomorrow string }{
		{"2026-11-21T22:59:59Z", "2026-11-21", "2026-11-22"}, // 23:59:59 in winter
		{"2026-11-21T23:00:00Z", "2026-11-22", "2026-11-23"},
		{"2026-11-21T23:30:00Z", "2026-11-22", "2026-11-23"},
		{"2027-06-30T21:59:59Z", "2027-06-30", "2027-07-01"}, // 23:59:59 in summer
		{"2027-06-30T22:00:00Z", "2027-07-01", "2027-07-02"},
		{"2027-12-31T23:30:00Z", "2028-01-01", "2028-01-02"},
	}
	for _, c := range cases {
		var err error
		if d.now, err = time.Parse(time.RFC3339, c.now); err != nil {
			t.Fatal(err)
		}
		n := implantation()
		setSurgeryDate(&n, c.number)
		if got := d.mustNotify(n).Number.Day(); got != day(c.number) {
			t.Errorf("%s: number of %s", c.now, got)
		}
		setSurgeryDate(&n, c.tomorrow)
		_, err = d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, n)
		wantStrings(t, c.now, formatRefusals(err), []string{"OPERATION_IN_FUTURE at " + theOperation})
	}
}

// TestNumbers: a refusal uses no number, and no number is given twice.
func TestNumbers(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	seen := map[ident.NotificationNumber]bool{}
	for range 3 {
		for range 3 {
			receipt := d.mustNotify(implantation())
			if seen[receipt.Number] || receipt.Number.Day() != day("2026-11-21").AddDays(len(seen)/3) {
				t.Errorf("number %s after %v", receipt.Number, seen)
			}
			seen[receipt.Number] = true
			n := implantation()
			n.Implants[0].Quantity = 0
			if _, err := d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, n); err == nil {
				t.Fatal("accepted")
			}
		}
		d.now = d.now.AddDate(0, 0, 1)
	}
	if first := mustNumber(t, "2026-11-21", 1); !seen[first] {
		t.Errorf("the first number of a day is not %s: %v", first, seen)
	}
}

// TestReceipt compares the receipt with the stored notification and the audit event.
func TestReceipt(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	d.now = time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC)
	m := d.newMessage("NIHII-HOSPITAL=71000436")
	caller, err := d.Identify(t.Context(), m, platform.Author{{Type: "SSIN", Value: claes.Digits()}})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := d.NotifyImplant(t.Context(), caller, implants.SubmissionOptions{InputReference: "EPD-1"}, implantation())
	if err != nil {
		t.Fatal(err)
	}
	if receipt.State != implants.Final || receipt.Version != 1 || receipt.Reference == "" || receipt.Digest != m.Digest ||
		receipt.Signer != "NIHII-HOSPITAL=71000436" || receipt.Organisation != hospital || receipt.Author != claes ||
		receipt.InputReference != "EPD-1" || receipt.Type != implants.TypeImplantation {
		t.Errorf("receipt %+v", receipt)
	}
	if want := time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC); !receipt.RegisteredAt.Equal(want) {
		t.Errorf("registered at %s", receipt.RegisteredAt)
	}
	kept, ok := d.loadNotification(receipt.Number)
	if !ok || kept.Digest != receipt.Digest || !kept.RegisteredAt.Equal(receipt.RegisteredAt) || kept.Reference != receipt.Reference ||
		kept.Comment != "revision of the left knee" || kept.PrescriptionDate != day("2026-11-02") || len(kept.Implants) != 1 ||
		kept.Implants[0].ID != receipt.AffectedImplants[0].ID || kept.Implants[0].Number != receipt.Number {
		t.Errorf("kept %+v", kept)
	}
	n := implantation()
	if kept.ContentDigest != n.Digest() {
		t.Error("the content digest is not that of what was sent")
	}
	e := d.singleEvent()
	if e.Outcome != platform.OutcomeAccepted || e.Number != receipt.Number || e.Patient != leroy || e.Person != claes || e.Organisation != hospital ||
		e.Reason != "specialist of the operation" || e.Capacity != platform.CapacityDoctor || !e.OccurredAt.Equal(receipt.RegisteredAt) {
		t.Errorf("recorded as %+v", e)
	}
}

// TestInputReference: the same key with the same content gives the same notification; with other content a conflict.
// Another signer's key is a different key.
func TestInputReference(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	ctx := t.Context()
	submission := implants.SubmissionOptions{InputReference: "EPD-2026-000123"}
	n := implantation()
	n.Implants[0].Code = hipStem // with a warning
	first, err := d.NotifyImplant(ctx, d.callerInside(hospital, claes), submission, n)
	if err != nil {
		t.Fatal(err)
	}
	d.newEvents()
	d.now = d.now.AddDate(0, 2, 0) // late by now; the retry gets no new warning
	again, err := d.NotifyImplant(ctx, d.callerInside(hospital, claes), submission, n)
	if err != nil {
		t.Fatal(err)
	}
	if again.Number != first.Number || again.Reference != first.Reference || !again.RegisteredAt.Equal(first.RegisteredAt) ||
		again.Digest != first.Digest || len(again.AffectedImplants) != 1 || again.AffectedImplants[0].ID != first.AffectedImplants[0].ID || again.AffectedImplants[0].Remaining != 1 {
		t.Errorf("second receipt %+v", again)
	}
	wantStrings(t, "warnings of the retry", formatWarnings(again.Warnings), formatWarnings(first.Warnings))
	if e := d.singleEvent(); e.Outcome != platform.OutcomeAccepted || e.Reason != "repeated InputReference" || e.Number != first.Number {
		t.Errorf("recorded as %+v", e)
	}
	if d.countNotifications(leroy) != 1 {
		t.Error("the retry was stored")
	}

	other := n
	other.Comment = "another"
	_, err = d.NotifyImplant(ctx, d.callerInside(hospital, claes), submission, other)
	wantStrings(t, "other content", formatRefusals(err), []string{"INPUT_REFERENCE_CONFLICT at InputReference"})
	if !errors.Is(err, problem.Conflict) {
		t.Errorf("kind of %v", err)
	}
	if e := d.singleEvent(); e.Outcome != platform.OutcomeRefused || !e.Number.IsZero() {
		t.Errorf("recorded as %+v", e)
	}
	// The key covers both types of notification.
	_, err = d.NotifyExplant(ctx, d.callerInside(hospital, claes), submission, implants.Explantation{Specialist: bySSIN(claes),
		SurgeryDate: day("2026-11-20"), Patient: leroy, Explants: []implants.Explant{{ImplantID: first.AffectedImplants[0].ID}}})
	wantCode(t, err, implants.InputReferenceConflict)
	if d.countNotifications(leroy) != 1 {
		t.Error("a conflict was stored")
	}

	mine, err := d.NotifyImplant(ctx, d.callerWithOwnKey(claes), submission, n)
	if err != nil || mine.Number == first.Number {
		t.Errorf("another signer's key: %v, %v", mine.Number, err)
	}

	// A retry needs authorisation too: another doctor of the hospital learns nothing from it.
	d.loadSources(implants.SourceEntries{Affiliations: []platform.Affiliation{{Organisation: hospital, SSIN: lambert, Role: "Specialist", Period: period("2020-01-01", "")}}})
	_, err = d.NotifyImplant(ctx, d.callerInside(hospital, lambert), submission, n)
	wantCode(t, err, authorization.NotYourOperation)
}

// TestInputReferenceOfExplantation: the receipt of a retry has the quantity that remained then, not now.
func TestInputReferenceOfExplantation(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	n := implantation()
	n.Implants[0].Quantity = 5
	placed := d.mustNotify(n).AffectedImplants[0]
	x := implants.Explantation{Specialist: bySSIN(claes), SurgeryDate: day("2026-11-21"), Patient: leroy, Comment: "loose",
		Explants: []implants.Explant{{ImplantID: placed.ID, Quantity: 2, Reason: "worn"}, {Unregistered: &line{UDI: "(01)05410000001115(10)X", Quantity: 1}}}}
	submission := implants.SubmissionOptions{InputReference: "X-1"}
	first, err := d.NotifyExplant(t.Context(), d.callerWithOwnKey(claes), submission, x)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.notifyExplant(leroy, "2026-11-21", implants.Explant{ImplantID: placed.ID, Quantity: 3}); err != nil {
		t.Fatal(err)
	}
	again, err := d.NotifyExplant(t.Context(), d.callerWithOwnKey(claes), submission, x)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []implants.Receipt{first, again} {
		if r.Number != first.Number || r.Type != implants.TypeExplantation || len(r.AffectedImplants) != 2 || r.AffectedImplants[0].Remaining != 3 ||
			r.AffectedImplants[1].Remaining != 0 || !r.AffectedImplants[1].Unregistered || r.AffectedImplants[1].Lot != "X" || r.Removals[0].Reason != "worn" || r.Comment != "loose" {
			t.Errorf("receipt %+v", r)
		}
	}
	if x.Explants[1].Unregistered.Lot != "" {
		t.Error("the caller's own value was changed")
	}
}

// countNotifications returns how many notifications a patient has.
func (d *testRegister) countNotifications(patient ident.SSIN) int {
	d.tb.Helper()
	total := 0
	err := d.db.RunReadTx(d.tb.Context(), func(r implants.Reader) error {
		history, err := r.NotificationsByPatient(patient, ident.SSIN{})
		total = len(history)
		return err
	})
	if err != nil {
		d.tb.Fatal(err)
	}
	return total
}

// TestReplay: a signed message is accepted once, whatever it requests and however it ended.
func TestReplay(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	ctx := t.Context()
	number := d.mustNotify(implantation()).Number
	broken := implantation()
	broken.Implants[0].Quantity = 0
	requests := map[string]func(platform.Caller) error{
		"notify": func(c platform.Caller) error {
			_, err := d.NotifyImplant(ctx, c, implants.SubmissionOptions{InputReference: "R"}, implantation())
			return err
		},
		"refused notification": func(c platform.Caller) error {
			_, err := d.NotifyImplant(ctx, c, implants.SubmissionOptions{}, broken)
			return err
		},
		"explant": func(c platform.Caller) error {
			_, err := d.NotifyExplant(ctx, c, implants.SubmissionOptions{}, implants.Explantation{Specialist: bySSIN(claes), SurgeryDate: day("2026-11-20"),
				Patient: leroy, Explants: []implants.Explant{{Unregistered: &line{Quantity: 1}}}})
			return err
		},
		"search": func(c platform.Caller) error {
			found, err := d.Search(ctx, c, implants.SearchRequest{Patient: leroy, Page: platform.Page{Limit: 10}})
			if err != nil && found.Total != 0 {
				t.Error("a result beside the refusal")
			}
			return err
		},
		"list": func(c platform.Caller) error {
			list, err := d.ListPatientImplants(ctx, c, implants.ListImplantsRequest{Patient: leroy, Page: platform.Page{Limit: 10}})
			if err != nil && list.Total != 0 {
				t.Error("a result beside the refusal")
			}
			return err
		},
		"card": func(c platform.Caller) error {
			content, err := d.GetImplantCard(ctx, c, implants.CardRequest{Number: number})
			if err != nil && len(content.Surgeries) != 0 {
				t.Error("a result beside the refusal")
			}
			return err
		},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			c := d.callerWithOwnKey(claes)
			d.newEvents()
			_ = request(c) // its outcome does not matter
			kept := d.countNotifications(leroy)
			wantCode(t, request(c), platform.MessageReplayed)
			if d.countNotifications(leroy) != kept {
				t.Error("the second arrival was stored")
			}
			events := d.newEvents()
			if len(events) != 2 || events[1].Outcome != platform.OutcomeRefused || !slices.Equal(events[1].Codes, []problem.Code{platform.MessageReplayed}) {
				t.Errorf("recorded as %+v", events)
			}
		})
	}
}

// TestCarried lists a patient's implants on a day, page by page.
func TestCarried(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	n := implantation()
	n.Implants = []line{{Code: knee, Quantity: 1}, {Code: mesh, Quantity: 2}, {Code: stent, Quantity: 3}}
	setSurgeryDate(&n, "2026-11-10")
	placed := d.mustNotify(n).AffectedImplants
	if _, err := d.notifyExplant(leroy, "2026-11-15", implants.Explant{ImplantID: placed[0].ID}, implants.Explant{ImplantID: placed[1].ID, Quantity: 1},
		implants.Explant{Unregistered: &line{Quantity: 1}}); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		day           string
		offset, limit int
		total         int
		remaining     []int
	}{
		{"2026-11-09", 0, 10, 0, nil},
		{"2026-11-10", 0, 10, 3, []int{1, 2, 3}},
		{"2026-11-14", 0, 10, 3, []int{1, 2, 3}},
		{"2026-11-15", 0, 10, 2, []int{1, 3}},
		{"", 0, 10, 2, []int{1, 3}},
		{"", 0, 1, 2, []int{1}},
		{"", 1, 1, 2, []int{3}},
		{"", 1, 100, 2, []int{3}},
		{"", 2, 100, 2, nil},
		{"", 1000, 100, 2, nil},
	}
	for _, c := range cases {
		list, err := d.ListPatientImplants(t.Context(), d.callerWithOwnKey(leroy), implants.ListImplantsRequest{Patient: leroy, Date: day(c.day),
			Page: platform.Page{Offset: c.offset, Limit: c.limit}})
		var remaining []int
		for _, i := range list.Implants {
			remaining = append(remaining, i.Remaining)
		}
		if err != nil || list.Total != c.total || !slices.Equal(remaining, c.remaining) {
			t.Errorf("%+v: %d, %v, %v", c, list.Total, remaining, err)
		}
	}
}

// TestSearchByImplant searches by code, by the parts of a UDI, and by an unreadable UDI as stored.
func TestSearchByImplant(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	n := implantation()
	n.Implants = []line{{UDI: "(01)05410000001047(10)L1(21)S1", Quantity: 1}, {Code: mesh, UDI: "unreadable", Quantity: 1}}
	number := d.mustNotify(n).Number
	d.newEvents()
	cases := []struct {
		name     string
		criteria implants.SearchRequest
		found    int
	}{
		{"code", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: mesh}}, 1},
		{"code known by its UDI", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee}}, 1},
		{"another code", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: stent}}, 0},
		{"UDI, device only", implants.SearchRequest{Implant: &implants.ImplantCriteria{UDI: "0105410000001047"}}, 1},
		{"UDI with the lot", implants.SearchRequest{Implant: &implants.ImplantCriteria{UDI: "(01)05410000001047(10)L1"}}, 1},
		{"UDI with another lot", implants.SearchRequest{Implant: &implants.ImplantCriteria{UDI: "(01)05410000001047(10)L2"}}, 0},
		{"UDI with another serial", implants.SearchRequest{Implant: &implants.ImplantCriteria{UDI: "(01)05410000001047(21)S2"}}, 0},
		{"the lot asked for counts", implants.SearchRequest{Implant: &implants.ImplantCriteria{UDI: "(01)05410000001047(10)L2", Lot: "L1"}}, 1},
		{"lot and serial", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee, Lot: "L1", Serial: "S1"}}, 1},
		{"as kept", implants.SearchRequest{Implant: &implants.ImplantCriteria{UDI: "unreadable"}}, 1},
		{"another lot of a UDI with blanks", implants.SearchRequest{Implant: &implants.ImplantCriteria{UDI: "(01) 5410000001047 (10) L1"}}, 1},
		{"lot with blanks", implants.SearchRequest{Implant: &implants.ImplantCriteria{Lot: " L 1\u00a0"}}, 1},
		{"from that day", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee}, From: day("2026-11-20"), To: day("2026-11-20")}, 1},
		{"from the next day", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee}, From: day("2026-11-21")}, 0},
		{"until the day before", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee}, To: day("2026-11-19")}, 0},
		{"of the other type", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee}, Type: implants.TypeExplantation}, 0},
		{"page beyond", implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee}, Page: platform.Page{Offset: 1, Limit: 1}}, 1},
	}
	for _, c := range cases {
		if c.criteria.Limit == 0 {
			c.criteria.Limit = 10
		}
		found, err := d.Search(t.Context(), d.callerWithOwnKey(claes), c.criteria)
		if err != nil || found.Total != c.found {
			t.Errorf("%s: found %d, %v", c.name, found.Total, err)
		}
		for _, s := range found.Notifications {
			if s.Number != number || !s.Own || s.ImplantCount != 2 || s.State != implants.Final || s.Patient != leroy {
				t.Errorf("%s: summary %+v", c.name, s)
			}
		}
		if e := d.singleEvent(); e.Reason != "own patients" {
			t.Errorf("%s: recorded as %+v", c.name, e)
		}
	}
}

// TestDefectsOfReads: a read with an unreadable number is rejected, and recorded, before any lookup.
func TestDefectsOfReads(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	defects := []*problem.Error{problem.New(ident.SSINInvalid).WithPath("Patient")}
	_, search := d.Search(t.Context(), d.callerWithOwnKey(claes), implants.SearchRequest{Defects: defects})
	_, list := d.ListPatientImplants(t.Context(), d.callerWithOwnKey(claes), implants.ListImplantsRequest{Defects: defects})
	_, card := d.GetImplantCard(t.Context(), d.callerWithOwnKey(claes), implants.CardRequest{Defects: defects})
	for _, err := range []error{search, list, card} {
		wantStrings(t, "refused", formatRefusals(err), []string{"SSIN_INVALID at Patient"})
	}
	for _, e := range d.newEvents() {
		if e.Outcome != platform.OutcomeRefused || e.Person != claes || !slices.Equal(e.Codes, []problem.Code{ident.SSINInvalid}) {
			t.Errorf("recorded as %+v", e)
		}
	}
}

// TestDefectsOfDrafts: a malformed specialist number is reported as such, not as MAY_NOT_PREPARE.
func TestDefectsOfDrafts(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	const at = "Implantation.Specialist.SSIN"
	n := implantation()
	n.Specialist = platform.ProfessionalRef{}
	for _, c := range []platform.Caller{d.callerWithOwnKey(claes), d.callerInside(hospital, wouters), d.callerWithOwnKey(smit)} {
		_, err := d.NotifyImplant(t.Context(), c, implants.SubmissionOptions{Save: implants.Draft, Defects: []*problem.Error{problem.New(ident.SSINInvalid).WithPath(at)}}, n)
		wantStrings(t, "refused", formatRefusals(err), []string{"SSIN_INVALID at " + at})
		if got := d.singleEvent(); got.Outcome != platform.OutcomeRefused || !slices.Equal(got.Codes, []problem.Code{ident.SSINInvalid}) {
			t.Errorf("recorded as %+v", got)
		}
	}
	n.Specialist = bySSIN(nguyen) // not a doctor
	_, err := d.NotifyImplant(t.Context(), d.callerInside(hospital, wouters), implants.SubmissionOptions{Save: implants.Draft}, n)
	wantStrings(t, "refused", formatRefusals(err), []string{"MAY_NOT_PREPARE"})
}

// TestCards checks the content of an implant card and of a patient card.
func TestCards(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	receipt, err := d.NotifyImplant(t.Context(), d.callerInside(hospital, claes), implants.SubmissionOptions{}, implantation())
	if err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Hour)
	removal, err := d.notifyExplant(leroy, "2026-11-21", implants.Explant{ImplantID: receipt.AffectedImplants[0].ID, Reason: "worn"})
	if err != nil {
		t.Fatal(err)
	}
	card, err := d.GetImplantCard(t.Context(), d.callerWithOwnKey(leroy), implants.CardRequest{Number: receipt.Number})
	if err != nil {
		t.Fatal(err)
	}
	o := card.Surgeries[0]
	if card.Number != receipt.Number || card.Patient.LastName != "Leroy" || !card.IssuedAt.Equal(receipt.RegisteredAt) ||
		card.Organisation != "Ziekenhuis Sint-Elooi" || o.Organisation != card.Organisation || o.Specialist.LastName != "Claes" ||
		o.SpecialistID != claesNIHII || o.Prescriber.LastName != "Claes" || o.Implants[0].Quantity != 1 || o.Date != day("2026-11-20") {
		t.Errorf("card %+v", card)
	}
	card, err = d.GetImplantCard(t.Context(), d.callerWithOwnKey(leroy), implants.CardRequest{Number: removal.Number})
	if err != nil || card.Organisation != "" || card.Surgeries[0].Type != implants.TypeExplantation {
		t.Errorf("card of the removal %+v, %v", card, err)
	}
	card, err = d.GetImplantCard(t.Context(), d.callerWithOwnKey(leroy), implants.CardRequest{Patient: leroy})
	if err != nil || !card.Number.IsZero() || len(card.Surgeries) != 2 || !card.IssuedAt.Equal(removal.RegisteredAt) ||
		card.Surgeries[1].Implants[0].Reason != "worn" || card.Surgeries[1].Implants[0].Remaining != 0 {
		t.Errorf("patient card %+v, %v", card, err)
	}
	_, err = d.GetImplantCard(t.Context(), d.callerWithOwnKey(kaya), implants.CardRequest{Patient: kaya})
	wantCode(t, err, implants.CardNotFound)
}

// TestUnavailable: a failure of the store is not a refusal, and there is no answer.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	caller := d.callerWithOwnKey(claes)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	receipt, err := d.NotifyImplant(ctx, caller, implants.SubmissionOptions{}, implantation())
	wantCode(t, err, problem.StoreDown)
	if !receipt.Number.IsZero() {
		t.Error("a number was given")
	}
	_, err = d.Search(ctx, caller, implants.SearchRequest{Patient: leroy})
	wantCode(t, err, problem.StoreDown)
	_, err = d.Identify(ctx, d.newMessage("SSIN="+claes.Digits()), nil)
	wantCode(t, err, problem.StoreDown)
	wantCode(t, d.CheckReady(ctx), problem.StoreDown)
	if err := d.CheckReady(t.Context()); err != nil {
		t.Errorf("not ready: %v", err)
	}
	if n := len(d.newEvents()); n != 0 {
		t.Errorf("%d events recorded", n)
	}
}
