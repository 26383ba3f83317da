package register_test

import (
	"fmt"
	"testing"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// TestPermissions is the table of who may do what, every cell of it, on a real database.
//
// The patient is Smit, with two notifications: the first of Claes, whose relation with him has ended since, and the second
// of Dubois, whose relation lasts. Peeters is his general practitioner, Lambert was his dentist until yesterday.
func TestPermissions(t *testing.T) {
	t.Parallel()
	const today, yesterday = "2026-11-21", "2026-11-20"
	d := openDesk(t, store.Sources{
		Links: []register.TherapeuticLink{
			{Patient: smit, Professional: peeters, Type: "gmd", Period: period("2020-01-01", today)}, // ends with this day
			{Patient: smit, Professional: lambert, Type: "specialistconsultation", Period: period("2020-01-01", yesterday)},
		},
		Affiliations: []register.Affiliation{{Organisation: hospital, SSIN: lambert, Role: "Specialist", Period: period(today, "")}},
	})
	n := implantation()
	n.Patient = smit
	first := d.place(n)
	n.Specialist, n.OperationDate = bySSIN(dubois), day("2026-11-19")
	second := d.place(n)
	d.load(store.Sources{Links: []register.TherapeuticLink{
		{Patient: smit, Professional: claes, Type: register.LinkOperation, Period: period(yesterday, yesterday)}}})

	person := func(who ident.SSIN) func() register.Caller { return func() register.Caller { return d.person(who) } }
	inside := func(where ident.NIHII, who ident.SSIN) func() register.Caller {
		return func() register.Caller { return d.inside(where, who) }
	}
	// A cell is the number of notifications or implants given, "card N" for a card with N operations, "ok", or the code of
	// the refusal.
	type cells struct{ notifyOwn, notifyClaes, search, list, card, cardFirst, cardSecond, first, second, byImplant string }
	all := cells{search: "2", list: "2", card: "card 2", cardFirst: "card 1", cardSecond: "card 1", first: "1", second: "1"}
	nothing := cells{search: "0", list: "0", card: "CARD_WITHHELD", cardFirst: "NOTIFICATION_WITHHELD", cardSecond: "NOTIFICATION_WITHHELD",
		first: "0", second: "0"}
	ownFirst := cells{search: "1", list: "1", card: "card 1", cardFirst: "card 1", cardSecond: "NOTIFICATION_WITHHELD", first: "1", second: "0"}
	refused := func(code string) cells {
		return cells{search: code, list: code, card: code, cardFirst: code, cardSecond: code, first: code, second: code}
	}
	with := func(c cells, notifyOwn, notifyClaes, byImplant string) cells {
		c.notifyOwn, c.notifyClaes, c.byImplant = notifyOwn, notifyClaes, byImplant
		return c
	}
	const mayNotSearch = "MAY_NOT_SEARCH_BY_IMPLANT"
	rows := []struct {
		name     string
		caller   func() register.Caller
		self     ident.SSIN
		capacity register.Capacity
		want     cells
	}{
		{"the specialist, without a relation today", person(claes), claes, register.CapacityDoctor, with(ownFirst, "ok", "ok", "1")},
		{"the same inside the hospital", inside(hospital, claes), claes, register.CapacityDoctor, with(ownFirst, "ok", "ok", "1")},
		{"another specialist, with a relation", person(dubois), dubois, register.CapacityDoctor, with(all, "ok", "NOT_YOUR_OPERATION", "2")},
		{"the same inside the clinic", inside(clinic, dubois), dubois, register.CapacityDoctor, with(all, "ok", "NOT_YOUR_OPERATION", "2")},
		{"the same inside the hospital he left", inside(hospital, dubois), dubois, register.CapacityDoctor,
			with(refused("AUTHOR_NOT_ATTACHED at Author"), "AUTHOR_NOT_ATTACHED at Author", "AUTHOR_NOT_ATTACHED at Author", "AUTHOR_NOT_ATTACHED at Author")},
		{"a doctor on the last day of the relation", person(peeters), peeters, register.CapacityDoctor, with(all, "ok", "NOT_YOUR_OPERATION", "2")},
		{"a dentist the day after the relation", person(lambert), lambert, register.CapacityDoctor, with(nothing, "ok", "NOT_YOUR_OPERATION", "0")},
		{"the same, attached since today", inside(hospital, lambert), lambert, register.CapacityDoctor,
			with(nothing, "AUTHOR_NOT_ATTACHED at Author", "AUTHOR_NOT_ATTACHED at Author", "0")}, // the operation was yesterday
		{"a pharmacist", person(maes), maes, register.CapacityProfessional, with(refused("MAY_NOT_READ"), "MAY_NOT_NOTIFY", "MAY_NOT_NOTIFY", mayNotSearch)},
		{"the same inside the pharmacy", inside(pharmacy, maes), maes, register.CapacityProfessional,
			with(refused("MAY_NOT_READ"), "MAY_NOT_NOTIFY", "MAY_NOT_NOTIFY", mayNotSearch)},
		{"administrative staff", inside(hospital, wouters), wouters, register.CapacityStaff,
			with(refused("MAY_NOT_READ"), "MAY_NOT_NOTIFY", "MAY_NOT_NOTIFY", mayNotSearch)},
		{"staff with the own certificate", person(wouters), wouters, register.CapacityPatient, with(nothing, "MAY_NOT_NOTIFY", "MAY_NOT_NOTIFY", mayNotSearch)},
		{"a retired surgeon", person(jacobs), jacobs, register.CapacityPatient,
			with(nothing, "SPECIALIST_NOT_QUALIFIED at Implantation/Specialist", "NOT_YOUR_OPERATION", mayNotSearch)},
		{"the patient", person(smit), smit, register.CapacityPatient, with(all, "MAY_NOT_NOTIFY", "MAY_NOT_NOTIFY", mayNotSearch)},
		{"another patient", person(leroy), leroy, register.CapacityPatient, with(nothing, "MAY_NOT_NOTIFY", "MAY_NOT_NOTIFY", mayNotSearch)},
	}
	ctx := t.Context()
	page := register.Page{Limit: 100}
	count := func(n int, err error) string {
		if err != nil {
			return refusals(err)[0]
		}
		return fmt.Sprint(n)
	}
	search := func(c register.Criteria) func(register.Caller) string {
		c.Page = page
		return func(who register.Caller) string {
			found, err := d.Search(ctx, who, c)
			if len(found.Notifications) != found.Total {
				t.Errorf("%d of %d on the page", len(found.Notifications), found.Total)
			}
			for _, n := range found.Notifications {
				if n.Own != (n.Specialist.SSIN == who.Person()) {
					t.Error("own is wrong")
				}
			}
			return count(found.Total, err)
		}
	}
	card := func(of register.CardOf) func(register.Caller) string {
		return func(who register.Caller) string {
			content, err := d.Card(ctx, who, of)
			if err != nil {
				if len(content.Operations) > 0 || !content.Patient.SSIN.IsZero() {
					t.Error("content beside a refusal")
				}
				return refusals(err)[0]
			}
			return fmt.Sprintf("card %d", len(content.Operations))
		}
	}
	notify := func(specialist ident.SSIN) func(register.Caller) string {
		return func(who register.Caller) string {
			n := implantation()
			n.Specialist, n.Patient, n.Implants[0].Code = bySSIN(specialist), nguyen, mesh
			if _, err := d.NotifyImplant(ctx, who, register.Submission{}, n); err != nil {
				return refusals(err)[0]
			}
			return "ok"
		}
	}
	for _, row := range rows {
		actions := []struct {
			name    string
			act     func(register.Caller) string
			want    string
			patient ident.SSIN
		}{
			{"notify the own operation", notify(row.self), row.want.notifyOwn, nguyen},
			{"notify Claes's operation", notify(claes), row.want.notifyClaes, nguyen},
			{"search by patient", search(register.Criteria{Patient: smit}), row.want.search, smit},
			{"list", func(who register.Caller) string {
				list, err := d.PatientImplants(ctx, who, register.Carried{Page: page, Patient: smit})
				return count(list.Total, err)
			}, row.want.list, smit},
			{"patient card", card(register.CardOf{Patient: smit}), row.want.card, smit},
			{"card of the first", card(register.CardOf{Number: first.Number}), row.want.cardFirst, smit},
			{"card of the second", card(register.CardOf{Number: second.Number}), row.want.cardSecond, smit},
			{"search the first", search(register.Criteria{Number: first.Number}), row.want.first, smit},
			{"search the second", search(register.Criteria{Number: second.Number}), row.want.second, smit},
			{"search by implant", search(register.Criteria{Implant: &register.ImplantCriteria{Code: knee}}), row.want.byImplant, ident.SSIN{}},
		}
		for _, a := range actions {
			t.Run(row.name+"/"+a.name, func(t *testing.T) {
				who := row.caller()
				d.events()
				if got := a.act(who); got != a.want {
					t.Errorf("got %q, want %q", got, a.want)
				}
				e := d.event()
				if e.Person != row.self || e.Capacity != row.capacity || e.Signer == "" || e.Correlation == "" || e.Operation == "" || e.At.IsZero() {
					t.Errorf("recorded as %+v", e)
				}
				if e.Patient != a.patient && e.Outcome != register.Refused {
					t.Errorf("recorded about %v", e.Patient)
				}
				checkOutcome(t, e, a.want)
			})
		}
	}
}

// checkOutcome holds a record of the audit trail against what the caller got.
func checkOutcome(t *testing.T, e register.Event, got string) {
	t.Helper()
	withheld := got == "0" || got == "CARD_WITHHELD" || got == "NOTIFICATION_WITHHELD"
	switch {
	case e.Outcome == register.Accepted:
		if e.Reason == "" || len(e.Codes) > 0 {
			t.Errorf("accepted without a reason: %+v", e)
		}
	case e.Outcome == register.Withheld:
		if !withheld {
			t.Errorf("withheld is recorded, but %q was given", got)
		}
	case len(e.Codes) != 1:
		t.Errorf("refused with the codes %v", e.Codes)
	}
	if refusedCode := got != "ok" && got[0] >= 'A' && got[0] <= 'Z' && !withheld; refusedCode != (e.Outcome == register.Refused) {
		t.Errorf("outcome %s for %q", e.Outcome, got)
	}
}

// TestAttachedOnTheDay: a notification asks for the day of the operation, both ends of the period included.
func TestAttachedOnTheDay(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	cases := []struct {
		where ident.NIHII
		day   string
		want  []string
	}{
		{hospital, "2012-02-29", []string{"AUTHOR_NOT_ATTACHED at Author"}},
		{hospital, "2012-03-01", nil},
		{hospital, "2023-12-31", nil},
		{hospital, "2024-01-01", []string{"AUTHOR_NOT_ATTACHED at Author"}},
		{clinic, "2023-12-31", []string{"AUTHOR_NOT_ATTACHED at Author"}},
		{clinic, "2024-01-01", nil},
		// Nobody was attached anywhere then, but what is wrong is the day.
		{clinic, "1949-12-31", []string{"OPERATION_BEFORE_1950 at " + theOperation, "SPECIALIST_NOT_QUALIFIED at Implantation/Specialist",
			"PRESCRIBER_NOT_QUALIFIED at Implantation/Prescriber"}},
	}
	for _, c := range cases {
		n := implantation()
		n.Specialist, n.Prescriber, n.Patient = bySSIN(dubois), bySSIN(dubois), goosens
		on(&n, c.day)
		_, err := d.NotifyImplant(t.Context(), d.inside(c.where, dubois), register.Submission{}, n)
		wantStrings(t, c.day, refusals(err), c.want)
	}
}

// TestRequireLink: where the service asks for it, a relation must exist on the day of the operation.
func TestRequireLink(t *testing.T) {
	t.Parallel()
	d := openDeskWith(t, true)
	for operation, want := range map[string][]string{"2019-12-31": {"THERAPEUTIC_RELATION_REQUIRED"}, "2020-01-01": nil} {
		n := implantation()
		on(&n, operation)
		_, err := d.NotifyImplant(t.Context(), d.person(claes), register.Submission{}, n)
		wantStrings(t, operation, refusals(err), want)
	}
	n := implantation()
	n.Patient = nguyen
	_, err := d.NotifyImplant(t.Context(), d.person(claes), register.Submission{}, n)
	wantCode(t, err, problem.LinkRequired)
	if d = openDesk(t); len(d.place(n).Touched) != 1 {
		t.Error("without the setting the operation itself is the relation")
	}
}

// TestWithheldLikeAbsent: from outside, what may not be seen and what is not there are one answer.
func TestWithheldLikeAbsent(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	kept := d.place(implantation())
	absent := mustNumber(t, "2020-09-30", 36330)
	for name, who := range map[string]ident.SSIN{"a doctor": dubois, "a patient": nguyen} {
		for what, of := range map[string][2]register.CardOf{
			"notification": {{Number: kept.Number}, {Number: absent}}, "card": {{Patient: leroy}, {Patient: kaya}}} {
			var said [2]problem.Error
			for i := range of {
				_, err := d.Card(t.Context(), d.person(who), of[i])
				e := problem.From(err)
				entry, _ := problem.Lookup(e.Code)
				said[i] = problem.Error{Code: e.Code.Seen(), Public: e.Public + entry.NL + entry.FR + entry.DE + entry.EN, At: e.At}
			}
			if said[0].Code != said[1].Code || said[0].Public != said[1].Public || said[0].At != said[1].At {
				t.Errorf("%s, %s: %v and %v differ", name, what, said[0], said[1])
			}
		}
		for _, criteria := range []register.Criteria{{Number: kept.Number}, {Number: absent}, {Patient: leroy}, {Patient: kaya}} {
			criteria.Limit = 10
			found, err := d.Search(t.Context(), d.person(who), criteria)
			if err != nil || found.Total != 0 || len(found.Notifications) != 0 {
				t.Errorf("%s: search gives %v, %v", name, found, err)
			}
		}
	}
	// Who may read nobody is refused in the same way for both.
	for _, number := range []ident.NotificationNumber{kept.Number, absent} {
		_, err := d.Card(t.Context(), d.person(maes), register.CardOf{Number: number})
		wantCode(t, err, problem.MayNotRead)
		_, err = d.Search(t.Context(), d.person(maes), register.Criteria{Number: number})
		wantCode(t, err, problem.MayNotRead)
	}
}

func mustNumber(t *testing.T, on string, running uint64) ident.NotificationNumber {
	t.Helper()
	n, err := ident.NewNotificationNumber(day(on), running)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
