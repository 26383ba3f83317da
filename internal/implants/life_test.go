package implants_test

import (
	"slices"
	"testing"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

func (d *testRegister) saveImplantation(c platform.Caller, save implants.State, n implants.Implantation) (implants.Receipt, error) {
	d.tb.Helper()
	return d.NotifyImplant(d.tb.Context(), c, implants.SubmissionOptions{Save: save}, n)
}

// requireReceipt returns the receipt of a submission that must be accepted.
func (d *testRegister) requireReceipt(receipt implants.Receipt, err error) implants.Receipt {
	d.tb.Helper()
	if err != nil {
		d.tb.Fatal(err)
	}
	return receipt
}

// remainingByImplant returns the remaining quantity of each implant, as the patient sees it.
func (d *testRegister) remainingByImplant(patient ident.SSIN) map[string]int {
	d.tb.Helper()
	list, err := d.ListPatientImplants(d.tb.Context(), d.callerWithOwnKey(patient), implants.ListImplantsRequest{Page: platform.Page{Limit: 100}, Patient: patient})
	if err != nil {
		d.tb.Fatal(err)
	}
	remaining := map[string]int{}
	for _, i := range list.Implants {
		remaining[i.ID] = i.Remaining
	}
	return remaining
}

func (d *testRegister) listPending(c platform.Caller, state implants.State) []string {
	d.tb.Helper()
	found, err := d.ListPendingNotifications(d.tb.Context(), c, implants.ListPendingRequest{Page: platform.Page{Limit: 100}, State: state})
	if err != nil {
		return formatRefusals(err)
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
	d := newTestRegister(t)
	clerk := func() platform.Caller { return d.callerInside(hospital, wouters) }
	n := implantation()
	n.Implants[0].Code = unlisted // a draft may break rules
	draft := d.requireReceipt(d.saveImplantation(clerk(), implants.Draft, n))
	if draft.State != implants.Draft || !draft.Number.IsZero() || draft.Version != 1 || draft.Change != implants.ChangeSaved {
		t.Errorf("draft: %v %v %v %v", draft.State, draft.Number, draft.Version, draft.Change)
	}
	wantStrings(t, "warnings of a draft", formatWarnings(draft.Warnings), []string{"IMPLANT_CODE_UNKNOWN at Implantation.Implants[1].Code"})
	if len(d.remainingByImplant(leroy)) != 0 {
		t.Error("a draft counts")
	}
	d.newEvents()

	revise := func(c platform.Caller, version int, save implants.State, n implants.Implantation) (implants.Receipt, error) {
		return d.ReviseNotification(t.Context(), c, implants.ReviseRequest{Notification: implants.NotificationRef{Reference: draft.Reference}, Version: version, Save: save, Implantation: &n})
	}
	_, err := revise(clerk(), 1, implants.ToValidate, n)
	wantStrings(t, "submitted with a broken rule", formatRefusals(err), []string{"IMPLANT_CODE_UNKNOWN at Implantation.Implants[1].Code"})
	n.Implants[0].Code = knee
	n.Implants = append(n.Implants, implants.NotifiedImplant{Code: mesh, Quantity: 2})
	submitted := d.requireReceipt(revise(clerk(), 1, implants.ToValidate, n))
	if submitted.State != implants.ToValidate || submitted.Version != 2 || submitted.Change != implants.ChangeSubmitted {
		t.Errorf("submitted: %v %v %v", submitted.State, submitted.Version, submitted.Change)
	}
	_, err = revise(clerk(), 1, implants.ToValidate, n)
	wantStrings(t, "an old version", formatRefusals(err), []string{"VERSION_OUTDATED at Version"})

	wantStrings(t, "the clerk's list", d.listPending(clerk(), implants.ToValidate), []string{draft.Reference})
	wantStrings(t, "the specialist's list", d.listPending(d.callerWithOwnKey(claes), ""), []string{draft.Reference})
	wantStrings(t, "the list of drafts", d.listPending(d.callerWithOwnKey(claes), implants.Draft), nil)
	wantStrings(t, "another specialist's list", d.listPending(d.callerWithOwnKey(dubois), ""), nil)
	wantStrings(t, "the patient's list", d.listPending(d.callerWithOwnKey(leroy), ""), []string{"MAY_NOT_PREPARE"})
	wantStrings(t, "a pharmacist's list", d.listPending(d.callerInside(pharmacy, maes), ""), []string{"MAY_NOT_PREPARE"})

	validate := func(c platform.Caller, version int) (implants.Receipt, error) {
		return d.ValidateNotification(t.Context(), c, implants.ValidateRequest{Reference: draft.Reference, Version: version})
	}
	d.newEvents()
	_, err = validate(d.callerWithOwnKey(dubois), 2)
	wantCode(t, err, authorization.NotificationWithheld)
	if e := d.newEvents(); e[len(e)-1].Outcome != platform.OutcomeWithheld || e[len(e)-1].Patient != leroy {
		t.Errorf("recorded as %+v", e)
	}
	_, err = validate(clerk(), 2)
	wantCode(t, err, authorization.MayNotNotify)
	_, err = validate(d.callerWithOwnKey(claes), 1)
	wantCode(t, err, implants.VersionOutdated)
	final := d.requireReceipt(validate(d.callerWithOwnKey(claes), 2))
	if final.State != implants.Final || final.Number.IsZero() || final.Version != 3 || final.Change != implants.ChangeNotified || final.Author != claes {
		t.Errorf("final: %v %v %v %v", final.State, final.Number, final.Version, final.Change)
	}
	for i, implant := range final.AffectedImplants {
		if implant.ID != submitted.AffectedImplants[i].ID {
			t.Error("a line that stayed has another id")
		}
	}
	if got := d.remainingByImplant(leroy); len(got) != 2 || got[final.AffectedImplants[1].ID] != 2 {
		t.Errorf("carried: %v", got)
	}
	_, err = validate(d.callerWithOwnKey(claes), 3)
	wantStrings(t, "validated twice", formatRefusals(err), []string{"NOTIFICATION_ALREADY_FINAL at Reference"})
	wantStrings(t, "nothing waits", d.listPending(d.callerWithOwnKey(claes), ""), nil)

	described, err := d.GetNotification(t.Context(), d.callerWithOwnKey(leroy), implants.NotificationRequest{Notification: implants.NotificationRef{Number: final.Number}})
	if err != nil {
		t.Fatal(err)
	}
	var history []string
	for _, h := range described.History {
		history = append(history, string(h.Change)+" by "+h.Author.Digits())
	}
	wantStrings(t, "history", history, []string{"Saved by 91021706490", "Submitted by 91021706490", "Notified by 78031412250"})
}

// TestValidatedAnew: a submitted notification is checked again when it becomes final. Violations then have paths into the
// stored content, because the request does not contain it.
func TestValidatedAnew(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	placed := d.mustNotify(implantation())
	x := implants.Explantation{Specialist: bySSIN(claes), SurgeryDate: day("2026-11-20"), Patient: leroy,
		Explants: []implants.Explant{{ImplantID: placed.AffectedImplants[0].ID}}}
	submit := func() implants.Receipt {
		return d.requireReceipt(d.NotifyExplant(t.Context(), d.callerInside(hospital, wouters), implants.SubmissionOptions{Save: implants.ToValidate}, x))
	}
	first, second := submit(), submit() // neither removes anything yet
	if d.remainingByImplant(leroy)[placed.AffectedImplants[0].ID] != 1 {
		t.Error("what is not final counts")
	}
	d.requireReceipt(d.ValidateNotification(t.Context(), d.callerWithOwnKey(claes), implants.ValidateRequest{Reference: first.Reference, Version: 1}))
	_, err := d.ValidateNotification(t.Context(), d.callerWithOwnKey(claes), implants.ValidateRequest{Reference: second.Reference, Version: 1})
	wantStrings(t, "nothing remains", formatRefusals(err), []string{"EXPLANT_EXCEEDS_REMAINING at Explantation.Explants[1]"})
	if got := problem.From(err).Detail.String(); got != "1 > 0" {
		t.Errorf("facts: %q", got)
	}
}

// TestRevised: only its specialist can revise a final notification. It keeps its number, and implants removed since
// must stay on it.
func TestRevised(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	n := implantation()
	n.Implants = append(n.Implants, implants.NotifiedImplant{Code: mesh, Quantity: 3})
	first := d.mustNotify(n)
	revise := func(c platform.Caller, version int, n implants.Implantation) (implants.Receipt, error) {
		return d.ReviseNotification(t.Context(), c, implants.ReviseRequest{Notification: implants.NotificationRef{Number: first.Number}, Version: version, Implantation: &n})
	}
	n.Implants[0].Location = "right knee"
	_, err := revise(d.callerWithOwnKey(dubois), 1, n)
	wantCode(t, err, authorization.NotificationWithheld)
	_, err = revise(d.callerInside(hospital, wouters), 1, n)
	wantCode(t, err, authorization.MayNotRead)
	second := d.requireReceipt(revise(d.callerWithOwnKey(claes), 1, n))
	if second.Number != first.Number || second.Version != 2 || second.Change != implants.ChangeRevised {
		t.Errorf("revised: %v %v %v", second.Number, second.Version, second.Change)
	}
	if second.AffectedImplants[0].ID == first.AffectedImplants[0].ID || second.AffectedImplants[1].ID != first.AffectedImplants[1].ID {
		t.Error("ids of lines")
	}
	got := d.remainingByImplant(leroy)
	if len(got) != 2 || got[second.AffectedImplants[0].ID] != 1 || got[first.AffectedImplants[1].ID] != 3 {
		t.Errorf("carried: %v", got)
	}
	x := implants.Explantation{Specialist: bySSIN(claes), SurgeryDate: day("2026-11-21"), Patient: leroy,
		Explants: []implants.Explant{{ImplantID: first.AffectedImplants[1].ID, Quantity: 2}}}
	_, err = d.NotifyExplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, implants.Explantation{Specialist: bySSIN(claes),
		SurgeryDate: day("2026-11-21"), Patient: leroy, Explants: []implants.Explant{{ImplantID: first.AffectedImplants[0].ID}}})
	wantStrings(t, "a line that went", formatRefusals(err), []string{"IMPLANT_NOT_OF_PATIENT at Explantation.Explants[1].ImplantID"})
	removed := d.requireReceipt(d.NotifyExplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, x))

	gone := n
	gone.Implants = n.Implants[:1]
	_, err = revise(d.callerWithOwnKey(claes), 2, gone)
	wantStrings(t, "a line that was removed from", formatRefusals(err), []string{"IMPLANT_REMOVED_SINCE at Implantation"})
	other := n
	other.Patient = nguyen
	_, err = revise(d.callerWithOwnKey(claes), 2, other)
	wantStrings(t, "another patient", formatRefusals(err), []string{"IMPLANT_REMOVED_SINCE at Implantation"})
	x.Explants[0].Quantity = 3
	x.Explants = append(x.Explants, implants.Explant{ImplantID: second.AffectedImplants[0].ID})
	more := d.requireReceipt(d.ReviseNotification(t.Context(), d.callerWithOwnKey(claes), implants.ReviseRequest{Notification: implants.NotificationRef{Number: removed.Number}, Version: 1, Explantation: &x}))
	if more.AffectedImplants[0].Remaining != 0 || more.AffectedImplants[1].Remaining != 0 || len(d.remainingByImplant(leroy)) != 0 {
		t.Errorf("after the revision remain %v", d.remainingByImplant(leroy))
	}
	x.Explants[0].Quantity = 4
	_, err = d.ReviseNotification(t.Context(), d.callerWithOwnKey(claes), implants.ReviseRequest{Notification: implants.NotificationRef{Number: removed.Number}, Version: 2, Explantation: &x})
	wantStrings(t, "more than was placed", formatRefusals(err), []string{"EXPLANT_EXCEEDS_REMAINING at Explantation.Explants[1].Quantity"})
	_, err = d.ReviseNotification(t.Context(), d.callerWithOwnKey(claes), implants.ReviseRequest{Notification: implants.NotificationRef{Number: removed.Number}, Version: 2, Implantation: &n})
	wantStrings(t, "another kind", formatRefusals(err), []string{"OTHER_OPERATION_TYPE at Content"})
	_, err = d.ReviseNotification(t.Context(), d.callerWithOwnKey(claes), implants.ReviseRequest{Notification: implants.NotificationRef{Number: removed.Number}, Version: 2, Save: implants.Draft, Explantation: &x})
	wantStrings(t, "back to a draft", formatRefusals(err), []string{"NOTIFICATION_ALREADY_FINAL at Save"})
}

// TestWithdrawn: withdrawing an explantation restores its implants; an implantation with removed implants cannot be
// withdrawn.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	placed := d.mustNotify(implantation())
	id := placed.AffectedImplants[0].ID
	removed := d.requireReceipt(d.NotifyExplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, implants.Explantation{Specialist: bySSIN(claes),
		SurgeryDate: day("2026-11-20"), Patient: leroy, Explants: []implants.Explant{{ImplantID: id}}}))
	discard := func(c platform.Caller, number ident.NotificationNumber, version int, reason string) (implants.Receipt, error) {
		return d.DiscardNotification(t.Context(), c, implants.DiscardRequest{Notification: implants.NotificationRef{Number: number}, Version: version, Reason: reason})
	}
	_, err := discard(d.callerWithOwnKey(claes), placed.Number, 1, "entered twice")
	wantStrings(t, "an implantation that was removed from", formatRefusals(err), []string{"IMPLANT_REMOVED_SINCE at Notification"})
	_, err = discard(d.callerWithOwnKey(claes), removed.Number, 1, " ")
	wantStrings(t, "without a reason", formatRefusals(err), []string{"REASON_REQUIRED at Reason"})
	_, err = discard(d.callerWithOwnKey(leroy), removed.Number, 1, "mine")
	wantStrings(t, "by the patient", formatRefusals(err), []string{"NOT_YOUR_OPERATION"})
	_, err = discard(d.callerWithOwnKey(claes), removed.Number, 2, "entered twice")
	wantStrings(t, "a version that is not", formatRefusals(err), []string{"VERSION_OUTDATED at Version"})
	gone := d.requireReceipt(discard(d.callerWithOwnKey(claes), removed.Number, 1, "entered twice"))
	if gone.State != implants.Withdrawn || gone.Version != 2 || gone.Number != removed.Number {
		t.Errorf("withdrawn: %v %v", gone.State, gone.Version)
	}
	if got := d.remainingByImplant(leroy); got[id] != 1 {
		t.Errorf("not given back: %v", got)
	}
	_, err = discard(d.callerWithOwnKey(claes), removed.Number, 2, "again")
	wantStrings(t, "withdrawn twice", formatRefusals(err), []string{"NOTIFICATION_WITHDRAWN at Notification"})
	_, err = d.GetImplantCard(t.Context(), d.callerWithOwnKey(leroy), implants.CardRequest{Number: removed.Number})
	wantCode(t, err, implants.AlreadyWithdrawn)
	described, err := d.GetNotification(t.Context(), d.callerWithOwnKey(leroy), implants.NotificationRequest{Notification: implants.NotificationRef{Number: removed.Number}})
	if err != nil {
		t.Fatal(err)
	}
	if last := described.History[1]; last.Change != implants.ChangeWithdrawn || last.ChangeReason != "entered twice" || len(described.AffectedImplants) != 1 {
		t.Errorf("history: %+v", described.History)
	}
	d.requireReceipt(discard(d.callerWithOwnKey(claes), placed.Number, 1, "wrong patient"))
	if got := d.remainingByImplant(leroy); len(got) != 0 {
		t.Errorf("still carried: %v", got)
	}
	found, err := d.Search(t.Context(), d.callerWithOwnKey(leroy), implants.SearchRequest{Page: platform.Page{Limit: 10}, Patient: leroy})
	if err != nil || found.Total != 2 || found.Notifications[0].State != implants.Withdrawn {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestDiscardedDraft: a discarded draft leaves the lists but not the history; only callers who may prepare it see
// either.
func TestDiscardedDraft(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	draft := d.requireReceipt(d.saveImplantation(d.callerInside(hospital, wouters), implants.Draft, implantation()))
	of := implants.NotificationRef{Reference: draft.Reference}
	for name, who := range map[string]func() platform.Caller{
		"the patient":                    func() platform.Caller { return d.callerWithOwnKey(leroy) },
		"another doctor":                 func() platform.Caller { return d.callerWithOwnKey(dubois) },
		"the clerk outside the hospital": func() platform.Caller { return d.callerWithOwnKey(wouters) },
	} {
		_, err := d.DiscardNotification(t.Context(), who(), implants.DiscardRequest{Notification: of, Version: 1})
		if problem.From(err).Code != authorization.NotificationWithheld {
			t.Errorf("%s: %v", name, err)
		}
		_, err = d.GetNotification(t.Context(), who(), implants.NotificationRequest{Notification: of})
		if problem.From(err).Code != authorization.NotificationWithheld {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.requireReceipt(d.DiscardNotification(t.Context(), d.callerInside(hospital, wouters), implants.DiscardRequest{Notification: of, Version: 1}))
	wantStrings(t, "the list", d.listPending(d.callerWithOwnKey(claes), ""), nil)
	described, err := d.GetNotification(t.Context(), d.callerWithOwnKey(claes), implants.NotificationRequest{Notification: of})
	if err != nil || described.State != implants.Withdrawn || described.History[1].Change != implants.ChangeDiscarded {
		t.Errorf("%+v, %v", described.History, err)
	}
	_, err = d.GetNotification(t.Context(), d.callerWithOwnKey(claes), implants.NotificationRequest{Notification: implants.NotificationRef{Reference: "none"}})
	wantCode(t, err, authorization.NotificationNotFound)
}

// TestMandates: accepted, not accepted, expired, not begun, and for another service; also affiliations around 1
// January 2024, when Dubois moved from the hospital to the clinic.
func TestMandates(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t, implants.SourceEntries{Mandates: []platform.Mandate{
		{Grantor: dubois, Grantee: smit, Service: "CTR", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "2026-11-20")},
		{Grantor: dubois, Grantee: kaya, Service: "CTR", AcceptedOn: day("2026-11-01"), Period: period("2026-11-22", "")},
		{Grantor: dubois, Grantee: nguyen, Service: "OTHER", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
		{Grantor: dubois, Grantee: lambert, Service: "CTR", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
	}})
	prepare := func(c platform.Caller, specialist ident.SSIN, operation string) string {
		n := implantation()
		n.Specialist = bySSIN(specialist)
		setSurgeryDate(&n, operation)
		_, err := d.saveImplantation(c, implants.ToValidate, n)
		return first(formatRefusals(err))
	}
	clerk := func() platform.Caller { return d.callerInside(hospital, wouters) }
	const no = "MAY_NOT_PREPARE"
	for _, c := range []struct {
		name, got, want string
	}{
		{"colleague", prepare(clerk(), claes, "2026-11-20"), ""},
		{"the doctor was at the hospital", prepare(clerk(), dubois, "2023-12-31"), ""},
		{"mandate accepted, inside the hospital that he left", prepare(clerk(), dubois, "2024-01-01"), no},
		{"mandate accepted, with the own certificate", prepare(d.callerWithOwnKey(wouters), dubois, "2026-11-20"), ""},
		{"clerk with the own certificate, no mandate", prepare(d.callerWithOwnKey(wouters), claes, "2026-11-20"), no},
		{"mandate not accepted", prepare(d.callerWithOwnKey(vanDam), claes, "2026-11-20"), no},
		{"mandate expired", prepare(d.callerWithOwnKey(smit), dubois, "2026-11-20"), no},
		{"mandate not begun", prepare(d.callerWithOwnKey(kaya), dubois, "2026-11-20"), no},
		{"mandate for another service", prepare(d.callerWithOwnKey(nguyen), dubois, "2026-11-20"), no},
		{"another doctor, mandated", prepare(d.callerWithOwnKey(lambert), dubois, "2026-11-20"), ""},
		{"another doctor", prepare(d.callerWithOwnKey(peeters), dubois, "2026-11-20"), no},
		{"pharmacist", prepare(d.callerInside(pharmacy, maes), claes, "2026-11-20"), no},
		{"the specialist", prepare(d.callerWithOwnKey(claes), claes, "2026-11-20"), ""},
		{"the specialist, not yet there on the day", prepare(d.callerInside(clinic, dubois), dubois, "2023-12-31"), "AUTHOR_NOT_ATTACHED at Author"},
		{"the specialist, there on the day", prepare(d.callerInside(clinic, dubois), dubois, "2024-01-01"), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
	if n := len(d.listPending(d.callerWithOwnKey(wouters), "")); n != 4 {
		t.Errorf("the mandate shows %d", n) // all of Dubois's, however they were prepared
	}
	if got := d.listPending(d.callerWithOwnKey(smit), ""); !slices.Equal(got, []string{no}) {
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
	d := newTestRegister(t)
	placed := d.mustNotify(implantation())
	const why = "unconscious after an accident"
	page := platform.Page{Limit: 10}
	d.newEvents()
	found, err := d.Search(t.Context(), d.callerWithOwnKey(dubois), implants.SearchRequest{Page: page, Patient: leroy, EmergencyClaim: claimFor(why, ident.SSIN{})})
	if err != nil || found.Total != 1 {
		t.Errorf("found %d, %v", found.Total, err)
	}
	if e := d.singleEvent(); e.EmergencyReason != why || e.Reason != "emergency" || e.Patient != leroy || e.Person != dubois {
		t.Errorf("recorded %+v", e)
	}
	if _, err = d.GetImplantCard(t.Context(), d.callerWithOwnKey(dubois), implants.CardRequest{Number: placed.Number, EmergencyClaim: claimFor(why, leroy)}); err != nil {
		t.Error(err)
	}
	if _, err = d.GetNotification(t.Context(), d.callerWithOwnKey(dubois), implants.NotificationRequest{Notification: implants.NotificationRef{Number: placed.Number}, EmergencyClaim: claimFor(why, leroy)}); err != nil {
		t.Error(err)
	}
	list, err := d.ListPatientImplants(t.Context(), d.callerWithOwnKey(dubois), implants.ListImplantsRequest{Page: page, Patient: leroy, EmergencyClaim: claimFor(why, ident.SSIN{})})
	if err != nil || list.Total != 1 {
		t.Errorf("listed %d, %v", list.Total, err)
	}
	for _, e := range d.newEvents() {
		if e.EmergencyReason != why {
			t.Errorf("recorded %+v", e)
		}
	}
	// With a care relation no emergency is recorded; without the right to read, an emergency does not help.
	if _, err = d.Search(t.Context(), d.callerWithOwnKey(claes), implants.SearchRequest{Page: page, Patient: leroy, EmergencyClaim: claimFor(why, ident.SSIN{})}); err != nil {
		t.Error(err)
	}
	if e := d.singleEvent(); e.EmergencyReason != "" {
		t.Errorf("recorded %+v", e)
	}
	found, err = d.Search(t.Context(), d.callerWithOwnKey(nguyen), implants.SearchRequest{Page: page, Patient: leroy, EmergencyClaim: claimFor(why, ident.SSIN{})})
	if err != nil || found.Total != 0 {
		t.Errorf("a patient found %d, %v", found.Total, err)
	}
	_, err = d.Search(t.Context(), d.callerInside(pharmacy, maes), implants.SearchRequest{Page: page, Patient: leroy, EmergencyClaim: claimFor(why, ident.SSIN{})})
	wantCode(t, err, authorization.MayNotRead)
}

// TestSearchDevice searches by words, by code, and by identifier as scanned.
func TestSearchDevice(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	search := func(asked implants.SearchDeviceRequest) []string {
		asked.Limit = 100
		found, err := d.SearchDevice(t.Context(), d.callerWithOwnKey(nguyen), asked)
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, device := range found.Devices {
			codes = append(codes, device.Code.Digits())
		}
		return codes
	}
	wantStrings(t, "words", search(implants.SearchDeviceRequest{Text: "knee ARDENNE"}), []string{"000071200176", "000071200275"})
	wantStrings(t, "code", search(implants.SearchDeviceRequest{Code: mesh}), []string{"000060479203"})
	wantStrings(t, "UDI", search(implants.SearchDeviceRequest{UDI: "(01)05410000001047(10)L1"}), []string{"000071200176"})
	wantStrings(t, "device identifier", search(implants.SearchDeviceRequest{UDI: kneeDI}), []string{"000071200176"})
	wantStrings(t, "category", search(implants.SearchDeviceRequest{Category: "Ophthalmic"}), []string{"000090041140"})
	wantStrings(t, "nothing", search(implants.SearchDeviceRequest{Text: "%"}), nil)
	if e := d.newEvents(); e[0].Person != nguyen || !e[0].Patient.IsZero() {
		t.Errorf("recorded %+v", e[0])
	}
}
