package register_test

import (
	"slices"
	"testing"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

func (d *desk) save(c register.Caller, save register.State, n register.Implantation) (register.Receipt, error) {
	d.tb.Helper()
	return d.NotifyImplant(d.tb.Context(), c, register.Submission{Save: save}, n)
}

// requireReceipt returns the receipt of a submission that must be accepted.
func (d *desk) must(receipt register.Receipt, err error) register.Receipt {
	d.tb.Helper()
	if err != nil {
		d.tb.Fatal(err)
	}
	return receipt
}

// remainingByImplant returns the remaining quantity of each implant, as the patient sees it.
func (d *desk) carried(patient ident.SSIN) map[string]int {
	d.tb.Helper()
	list, err := d.PatientImplants(d.tb.Context(), d.person(patient), register.Carried{Page: register.Page{Limit: 100}, Patient: patient})
	if err != nil {
		d.tb.Fatal(err)
	}
	remaining := map[string]int{}
	for _, i := range list.Implants {
		remaining[i.ID] = i.Remaining
	}
	return remaining
}

func (d *desk) pending(c register.Caller, state register.State) []string {
	d.tb.Helper()
	found, err := d.Pending(d.tb.Context(), c, register.PendingAsked{Page: register.Page{Limit: 100}, State: state})
	if err != nil {
		return refusals(err)
	}
	var references []string
	for _, n := range found.Notifications {
		references = append(references, n.Reference)
	}
	return references
}

// TestPreparedAndValidated: a clerk prepares; another specialist cannot validate; the right one can, once.
func TestPreparedAndValidated(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	clerk := func() register.Caller { return d.inside(hospital, wouters) }
	n := implantation()
	n.Implants[0].Code = unlisted // a draft may break rules
	draft := d.must(d.save(clerk(), register.Draft, n))
	if draft.State != register.Draft || !draft.Number.IsZero() || draft.Version != 1 || draft.Change != register.Saved {
		t.Errorf("draft: %v %v %v %v", draft.State, draft.Number, draft.Version, draft.Change)
	}
	wantStrings(t, "warnings of a draft", warnings(draft.Warnings), []string{"IMPLANT_CODE_UNKNOWN at Implantation/Implant[1]/NotificationCode"})
	if len(d.carried(leroy)) != 0 {
		t.Error("a draft counts")
	}
	d.events()

	revise := func(c register.Caller, version int, save register.State, n register.Implantation) (register.Receipt, error) {
		return d.Revise(t.Context(), c, register.Replacement{Of: register.Of{Reference: draft.Reference}, Version: version, Save: save, Implantation: &n})
	}
	_, err := revise(clerk(), 1, register.ToValidate, n)
	wantStrings(t, "submitted with a broken rule", refusals(err), []string{"IMPLANT_CODE_UNKNOWN at Content/Implantation/Implant[1]/NotificationCode"})
	n.Implants[0].Code = knee
	n.Implants = append(n.Implants, register.NotifiedImplant{Code: mesh, Quantity: 2})
	submitted := d.must(revise(clerk(), 1, register.ToValidate, n))
	if submitted.State != register.ToValidate || submitted.Version != 2 || submitted.Change != register.Submitted {
		t.Errorf("submitted: %v %v %v", submitted.State, submitted.Version, submitted.Change)
	}
	_, err = revise(clerk(), 1, register.ToValidate, n)
	wantStrings(t, "an old version", refusals(err), []string{"VERSION_OUTDATED at Version"})

	wantStrings(t, "the clerk's list", d.pending(clerk(), register.ToValidate), []string{draft.Reference})
	wantStrings(t, "the specialist's list", d.pending(d.person(claes), ""), []string{draft.Reference})
	wantStrings(t, "the list of drafts", d.pending(d.person(claes), register.Draft), nil)
	wantStrings(t, "another specialist's list", d.pending(d.person(dubois), ""), nil)
	wantStrings(t, "the patient's list", d.pending(d.person(leroy), ""), []string{"MAY_NOT_PREPARE"})
	wantStrings(t, "a pharmacist's list", d.pending(d.inside(pharmacy, maes), ""), []string{"MAY_NOT_PREPARE"})

	validate := func(c register.Caller, version int) (register.Receipt, error) {
		return d.Validate(t.Context(), c, register.Validation{Reference: draft.Reference, Version: version})
	}
	d.events()
	_, err = validate(d.person(dubois), 2)
	wantCode(t, err, problem.NotificationWithheld)
	if e := d.events(); e[len(e)-1].Outcome != register.Withheld || e[len(e)-1].Patient != leroy {
		t.Errorf("recorded as %+v", e)
	}
	_, err = validate(clerk(), 2)
	wantCode(t, err, problem.MayNotNotify)
	_, err = validate(d.person(claes), 1)
	wantCode(t, err, problem.VersionOutdated)
	final := d.must(validate(d.person(claes), 2))
	if final.State != register.Final || final.Number.IsZero() || final.Version != 3 || final.Change != register.Notified || final.Author != claes {
		t.Errorf("final: %v %v %v %v", final.State, final.Number, final.Version, final.Change)
	}
	for i, implant := range final.Touched {
		if implant.ID != submitted.Touched[i].ID {
			t.Error("a line that stayed has another id")
		}
	}
	if got := d.carried(leroy); len(got) != 2 || got[final.Touched[1].ID] != 2 {
		t.Errorf("carried: %v", got)
	}
	_, err = validate(d.person(claes), 3)
	wantStrings(t, "validated twice", refusals(err), []string{"NOTIFICATION_ALREADY_FINAL at Reference"})
	wantStrings(t, "nothing waits", d.pending(d.person(claes), ""), nil)

	described, err := d.Notification(t.Context(), d.person(leroy), register.NotificationAsked{Of: register.Of{Number: final.Number}})
	if err != nil {
		t.Fatal(err)
	}
	var history []string
	for _, h := range described.History {
		history = append(history, string(h.Change)+" by "+h.Author.Digits())
	}
	wantStrings(t, "history", history, []string{"Saved by 91021706490", "Submitted by 91021706490", "Notified by 78031412250"})
}

// TestValidatedAnew: a submitted notification is checked again when it becomes final. Violations then have the path of
// the reference, because the request does not contain the content.
func TestValidatedAnew(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	placed := d.place(implantation())
	x := register.Explantation{Specialist: bySSIN(claes), OperationDate: day("2026-11-20"), Patient: leroy,
		Explants: []register.Explant{{ImplantID: placed.Touched[0].ID}}}
	submit := func() register.Receipt {
		return d.must(d.NotifyExplant(t.Context(), d.inside(hospital, wouters), register.Submission{Save: register.ToValidate}, x))
	}
	first, second := submit(), submit() // neither removes anything yet
	if d.carried(leroy)[placed.Touched[0].ID] != 1 {
		t.Error("what is not final counts")
	}
	d.must(d.Validate(t.Context(), d.person(claes), register.Validation{Reference: first.Reference, Version: 1}))
	_, err := d.Validate(t.Context(), d.person(claes), register.Validation{Reference: second.Reference, Version: 1})
	wantStrings(t, "nothing remains", refusals(err), []string{"EXPLANT_EXCEEDS_REMAINING at Reference"})
	if got := problem.From(err).Detail; got != "Explantation/Explant[1] 1 > 0" {
		t.Errorf("facts: %q", got)
	}
}

// TestRevised: only its specialist can revise a final notification. It keeps its number, and implants removed since
// must stay on it.
func TestRevised(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	n := implantation()
	n.Implants = append(n.Implants, register.NotifiedImplant{Code: mesh, Quantity: 3})
	first := d.place(n)
	revise := func(c register.Caller, version int, n register.Implantation) (register.Receipt, error) {
		return d.Revise(t.Context(), c, register.Replacement{Of: register.Of{Number: first.Number}, Version: version, Implantation: &n})
	}
	n.Implants[0].Location = "right knee"
	_, err := revise(d.person(dubois), 1, n)
	wantCode(t, err, problem.NotificationWithheld)
	_, err = revise(d.inside(hospital, wouters), 1, n)
	wantCode(t, err, problem.MayNotRead)
	second := d.must(revise(d.person(claes), 1, n))
	if second.Number != first.Number || second.Version != 2 || second.Change != register.Revised {
		t.Errorf("revised: %v %v %v", second.Number, second.Version, second.Change)
	}
	if second.Touched[0].ID == first.Touched[0].ID || second.Touched[1].ID != first.Touched[1].ID {
		t.Error("ids of lines")
	}
	got := d.carried(leroy)
	if len(got) != 2 || got[second.Touched[0].ID] != 1 || got[first.Touched[1].ID] != 3 {
		t.Errorf("carried: %v", got)
	}
	x := register.Explantation{Specialist: bySSIN(claes), OperationDate: day("2026-11-21"), Patient: leroy,
		Explants: []register.Explant{{ImplantID: first.Touched[1].ID, Quantity: 2}}}
	_, err = d.NotifyExplant(t.Context(), d.person(claes), register.Submission{}, register.Explantation{Specialist: bySSIN(claes),
		OperationDate: day("2026-11-21"), Patient: leroy, Explants: []register.Explant{{ImplantID: first.Touched[0].ID}}})
	wantStrings(t, "a line that went", refusals(err), []string{"IMPLANT_NOT_OF_PATIENT at Explantation/Explant[1]/ImplantId"})
	removed := d.must(d.NotifyExplant(t.Context(), d.person(claes), register.Submission{}, x))

	gone := n
	gone.Implants = n.Implants[:1]
	_, err = revise(d.person(claes), 2, gone)
	wantStrings(t, "a line that was removed from", refusals(err), []string{"IMPLANT_REMOVED_SINCE at Content/Implantation"})
	other := n
	other.Patient = nguyen
	_, err = revise(d.person(claes), 2, other)
	wantStrings(t, "another patient", refusals(err), []string{"IMPLANT_REMOVED_SINCE at Content/Implantation"})
	x.Explants[0].Quantity = 3
	x.Explants = append(x.Explants, register.Explant{ImplantID: second.Touched[0].ID})
	more := d.must(d.Revise(t.Context(), d.person(claes), register.Replacement{Of: register.Of{Number: removed.Number}, Version: 1, Explantation: &x}))
	if more.Touched[0].Remaining != 0 || more.Touched[1].Remaining != 0 || len(d.carried(leroy)) != 0 {
		t.Errorf("after the revision remain %v", d.carried(leroy))
	}
	x.Explants[0].Quantity = 4
	_, err = d.Revise(t.Context(), d.person(claes), register.Replacement{Of: register.Of{Number: removed.Number}, Version: 2, Explantation: &x})
	wantStrings(t, "more than was placed", refusals(err), []string{"EXPLANT_EXCEEDS_REMAINING at Content/Explantation/Explant[1]/Quantity"})
	_, err = d.Revise(t.Context(), d.person(claes), register.Replacement{Of: register.Of{Number: removed.Number}, Version: 2, Implantation: &n})
	wantStrings(t, "another kind", refusals(err), []string{"OTHER_OPERATION_TYPE at Content"})
	_, err = d.Revise(t.Context(), d.person(claes), register.Replacement{Of: register.Of{Number: removed.Number}, Version: 2, Save: register.Draft, Explantation: &x})
	wantStrings(t, "back to a draft", refusals(err), []string{"NOTIFICATION_ALREADY_FINAL at Save"})
}

// TestWithdrawn: withdrawing an explantation restores its implants; an implantation with removed implants cannot be
// withdrawn.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	placed := d.place(implantation())
	id := placed.Touched[0].ID
	removed := d.must(d.NotifyExplant(t.Context(), d.person(claes), register.Submission{}, register.Explantation{Specialist: bySSIN(claes),
		OperationDate: day("2026-11-20"), Patient: leroy, Explants: []register.Explant{{ImplantID: id}}}))
	discard := func(c register.Caller, number ident.NotificationNumber, version int, reason string) (register.Receipt, error) {
		return d.Discard(t.Context(), c, register.Discarding{Of: register.Of{Number: number}, Version: version, Reason: reason})
	}
	_, err := discard(d.person(claes), placed.Number, 1, "entered twice")
	wantStrings(t, "an implantation that was removed from", refusals(err), []string{"IMPLANT_REMOVED_SINCE at Of"})
	_, err = discard(d.person(claes), removed.Number, 1, " ")
	wantStrings(t, "without a reason", refusals(err), []string{"REASON_REQUIRED at Reason"})
	_, err = discard(d.person(leroy), removed.Number, 1, "mine")
	wantStrings(t, "by the patient", refusals(err), []string{"NOT_YOUR_OPERATION"})
	_, err = discard(d.person(claes), removed.Number, 2, "entered twice")
	wantStrings(t, "a version that is not", refusals(err), []string{"VERSION_OUTDATED at Version"})
	gone := d.must(discard(d.person(claes), removed.Number, 1, "entered twice"))
	if gone.State != register.Withdrawn || gone.Version != 2 || gone.Number != removed.Number {
		t.Errorf("withdrawn: %v %v", gone.State, gone.Version)
	}
	if got := d.carried(leroy); got[id] != 1 {
		t.Errorf("not given back: %v", got)
	}
	_, err = discard(d.person(claes), removed.Number, 2, "again")
	wantStrings(t, "withdrawn twice", refusals(err), []string{"NOTIFICATION_WITHDRAWN at Of"})
	_, err = d.Card(t.Context(), d.person(leroy), register.CardOf{Number: removed.Number})
	wantCode(t, err, problem.AlreadyWithdrawn)
	described, err := d.Notification(t.Context(), d.person(leroy), register.NotificationAsked{Of: register.Of{Number: removed.Number}})
	if err != nil {
		t.Fatal(err)
	}
	if last := described.History[1]; last.Change != register.Recanted || last.ChangeReason != "entered twice" || len(described.Touched) != 1 {
		t.Errorf("history: %+v", described.History)
	}
	d.must(discard(d.person(claes), placed.Number, 1, "wrong patient"))
	if got := d.carried(leroy); len(got) != 0 {
		t.Errorf("still carried: %v", got)
	}
	found, err := d.Search(t.Context(), d.person(leroy), register.Criteria{Page: register.Page{Limit: 10}, Patient: leroy})
	if err != nil || found.Total != 2 || found.Notifications[0].State != register.Withdrawn {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestDiscardedDraft: a discarded draft leaves the lists but not the history; only callers who may prepare it see
// either.
func TestDiscardedDraft(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	draft := d.must(d.save(d.inside(hospital, wouters), register.Draft, implantation()))
	of := register.Of{Reference: draft.Reference}
	for name, who := range map[string]func() register.Caller{
		"the patient":                    func() register.Caller { return d.person(leroy) },
		"another doctor":                 func() register.Caller { return d.person(dubois) },
		"the clerk outside the hospital": func() register.Caller { return d.person(wouters) },
	} {
		_, err := d.Discard(t.Context(), who(), register.Discarding{Of: of, Version: 1})
		if problem.From(err).Code != problem.NotificationWithheld {
			t.Errorf("%s: %v", name, err)
		}
		_, err = d.Notification(t.Context(), who(), register.NotificationAsked{Of: of})
		if problem.From(err).Code != problem.NotificationWithheld {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.must(d.Discard(t.Context(), d.inside(hospital, wouters), register.Discarding{Of: of, Version: 1}))
	wantStrings(t, "the list", d.pending(d.person(claes), ""), nil)
	described, err := d.Notification(t.Context(), d.person(claes), register.NotificationAsked{Of: of})
	if err != nil || described.State != register.Withdrawn || described.History[1].Change != register.Discarded {
		t.Errorf("%+v, %v", described.History, err)
	}
	_, err = d.Notification(t.Context(), d.person(claes), register.NotificationAsked{Of: register.Of{Reference: "none"}})
	wantCode(t, err, problem.NotificationNotFound)
}

// TestMandates: accepted, not accepted, expired, not begun, and for another service; also affiliations around 1
// January 2024, when Dubois moved from the hospital to the clinic.
func TestMandates(t *testing.T) {
	t.Parallel()
	d := openDesk(t, store.Sources{Mandates: []register.Mandate{
		{Grantor: dubois, Grantee: smit, Service: "CTR", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "2026-11-20")},
		{Grantor: dubois, Grantee: kaya, Service: "CTR", AcceptedOn: day("2026-11-01"), Period: period("2026-11-22", "")},
		{Grantor: dubois, Grantee: nguyen, Service: "OTHER", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
		{Grantor: dubois, Grantee: lambert, Service: "CTR", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
	}})
	prepare := func(c register.Caller, specialist ident.SSIN, operation string) string {
		n := implantation()
		n.Specialist = bySSIN(specialist)
		on(&n, operation)
		_, err := d.save(c, register.ToValidate, n)
		return first(refusals(err))
	}
	clerk := func() register.Caller { return d.inside(hospital, wouters) }
	const no = "MAY_NOT_PREPARE"
	for _, c := range []struct {
		name, got, want string
	}{
		{"colleague", prepare(clerk(), claes, "2026-11-20"), ""},
		{"the doctor was at the hospital", prepare(clerk(), dubois, "2023-12-31"), ""},
		{"mandate accepted, inside the hospital", prepare(clerk(), dubois, "2024-01-01"), ""},
		{"mandate accepted, with the own certificate", prepare(d.person(wouters), dubois, "2026-11-20"), ""},
		{"clerk with the own certificate, no mandate", prepare(d.person(wouters), claes, "2026-11-20"), no},
		{"mandate not accepted", prepare(d.person(vanDam), claes, "2026-11-20"), no},
		{"mandate expired", prepare(d.person(smit), dubois, "2026-11-20"), no},
		{"mandate not begun", prepare(d.person(kaya), dubois, "2026-11-20"), no},
		{"mandate for another service", prepare(d.person(nguyen), dubois, "2026-11-20"), no},
		{"another doctor, mandated", prepare(d.person(lambert), dubois, "2026-11-20"), ""},
		{"another doctor", prepare(d.person(peeters), dubois, "2026-11-20"), no},
		{"pharmacist", prepare(d.inside(pharmacy, maes), claes, "2026-11-20"), no},
		{"the specialist", prepare(d.person(claes), claes, "2026-11-20"), ""},
		{"the specialist, not yet there on the day", prepare(d.inside(clinic, dubois), dubois, "2023-12-31"), "AUTHOR_NOT_ATTACHED at Author"},
		{"the specialist, there on the day", prepare(d.inside(clinic, dubois), dubois, "2024-01-01"), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
	if n := len(d.pending(d.person(wouters), "")); n != 5 {
		t.Errorf("the mandate shows %d", n) // all of Dubois's, however they were prepared
	}
	if got := d.pending(d.person(smit), ""); !slices.Equal(got, []string{no}) {
		t.Errorf("an expired mandate shows %q", got)
	}
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// TestEmergency: only a doctor without a care relation who gives a reason sees everything, and the reason is recorded.
func TestEmergency(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	placed := d.place(implantation())
	const why = "unconscious after an accident"
	page := register.Page{Limit: 10}
	d.events()
	found, err := d.Search(t.Context(), d.person(dubois), register.Criteria{Page: page, Patient: leroy, Emergency: why})
	if err != nil || found.Total != 1 {
		t.Errorf("found %d, %v", found.Total, err)
	}
	if e := d.event(); e.Emergency != why || e.Reason != "emergency" || e.Patient != leroy || e.Person != dubois {
		t.Errorf("recorded %+v", e)
	}
	if _, err = d.Card(t.Context(), d.person(dubois), register.CardOf{Number: placed.Number, Emergency: why}); err != nil {
		t.Error(err)
	}
	if _, err = d.Notification(t.Context(), d.person(dubois), register.NotificationAsked{Of: register.Of{Number: placed.Number}, Emergency: why}); err != nil {
		t.Error(err)
	}
	list, err := d.PatientImplants(t.Context(), d.person(dubois), register.Carried{Page: page, Patient: leroy, Emergency: why})
	if err != nil || list.Total != 1 {
		t.Errorf("listed %d, %v", list.Total, err)
	}
	for _, e := range d.events() {
		if e.Emergency != why {
			t.Errorf("recorded %+v", e)
		}
	}
	// With a care relation no emergency is recorded; without the right to read, an emergency does not help.
	if _, err = d.Search(t.Context(), d.person(claes), register.Criteria{Page: page, Patient: leroy, Emergency: why}); err != nil {
		t.Error(err)
	}
	if e := d.event(); e.Emergency != "" {
		t.Errorf("recorded %+v", e)
	}
	found, err = d.Search(t.Context(), d.person(nguyen), register.Criteria{Page: page, Patient: leroy, Emergency: why})
	if err != nil || found.Total != 0 {
		t.Errorf("a patient found %d, %v", found.Total, err)
	}
	_, err = d.Search(t.Context(), d.inside(pharmacy, maes), register.Criteria{Page: page, Patient: leroy, Emergency: why})
	wantCode(t, err, problem.MayNotRead)
}

// TestSearchDevice searches by words, by code, and by identifier as scanned.
func TestSearchDevice(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	search := func(asked register.DeviceAsked) []string {
		asked.Limit = 100
		found, err := d.SearchDevice(t.Context(), d.person(nguyen), asked)
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, device := range found.Devices {
			codes = append(codes, device.Code.Digits())
		}
		return codes
	}
	wantStrings(t, "words", search(register.DeviceAsked{Text: "knee ARDENNE"}), []string{"000071200176", "000071200275"})
	wantStrings(t, "code", search(register.DeviceAsked{Code: mesh}), []string{"000060479203"})
	wantStrings(t, "UDI", search(register.DeviceAsked{UDI: "(01)05410000001047(10)L1"}), []string{"000071200176"})
	wantStrings(t, "device identifier", search(register.DeviceAsked{UDI: kneeDI}), []string{"000071200176"})
	wantStrings(t, "category", search(register.DeviceAsked{Category: "Ophthalmic"}), []string{"000090041140"})
	wantStrings(t, "nothing", search(register.DeviceAsked{Text: "%"}), nil)
	if e := d.events(); e[0].Person != nguyen || !e[0].Patient.IsZero() {
		t.Errorf("recorded %+v", e[0])
	}
}
