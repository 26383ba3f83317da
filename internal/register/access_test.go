package register_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

func (d *desk) mandate(c register.Caller, change register.MandateChange) string {
	d.tb.Helper()
	changed, err := d.ManageMandate(d.tb.Context(), c, change)
	if err != nil {
		return strings.Join(refusals(err), ", ")
	}
	var out []string
	for _, m := range changed {
		out = append(out, mandateText(m))
	}
	return strings.Join(out, ", ")
}

func mandateText(m register.StandingMandate) string {
	return fmt.Sprintf("%s %s..%s", m.State, m.From, m.To)
}

func (d *desk) mandates(c register.Caller, page register.Page) (string, int) {
	d.tb.Helper()
	found, err := d.Mandates(d.tb.Context(), c, page)
	if err != nil {
		return strings.Join(refusals(err), ", "), 0
	}
	var out []string
	for _, m := range found.Mandates {
		out = append(out, mandateText(m))
	}
	return strings.Join(out, ", "), found.Total
}

func grant(to ident.SSIN, p register.Period) register.MandateChange {
	return register.MandateChange{Grant: &register.MandateGrant{Grantee: to, Period: p}}
}

func accept(of ident.SSIN) register.MandateChange {
	return register.MandateChange{Accept: &register.MandateAcceptance{Grantor: of}}
}

func endOf(to ident.SSIN) register.MandateChange {
	return register.MandateChange{End: &register.MandateEnd{Grantee: to}}
}

func giveBack(of ident.SSIN) register.MandateChange {
	return register.MandateChange{End: &register.MandateEnd{Grantor: of}}
}

func transfer(from, to ident.SSIN) register.MandateChange {
	return register.MandateChange{Transfer: &register.MandateTransfer{Grantee: from, To: to}}
}

// wantText fails unless got equals wanted.
func want(t *testing.T, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s:\n got %q\nwant %q", what, got, wanted)
	}
}

// TestMandateLife grants, accepts, uses, transfers and ends a mandate; each change is recorded with the other person.
func TestMandateLife(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	open := register.Period{}
	prepare := func(who ident.SSIN) string {
		_, err := d.save(d.person(who), register.Draft, implantation())
		return first(refusals(err))
	}
	want(t, "granted", d.mandate(d.person(claes), grant(smit, open)), "Pending 2026-11-21..")
	want(t, "granted again", d.mandate(d.person(claes), grant(smit, period("2030-01-01", ""))), "MANDATE_EXISTS at Change/Grant/Grantee")
	want(t, "not accepted", prepare(smit), "MAY_NOT_PREPARE")
	d.events()
	want(t, "accepted", d.mandate(d.person(smit), accept(claes)), "Active 2026-11-21..")
	if e := d.event(); e.Person != smit || e.Patient != claes || e.Capacity != register.CapacityPatient || e.Reason != "accept, grantee of the mandate" {
		t.Errorf("recorded %+v", e)
	}
	want(t, "accepted again", d.mandate(d.person(smit), accept(claes)), "MANDATE_NOT_FOUND at Change/Accept/Grantor")
	want(t, "used", prepare(smit), "")

	want(t, "moved to the same", d.mandate(d.person(claes), transfer(smit, smit)), "MANDATE_EXISTS at Change/Transfer/To")
	want(t, "moved to oneself", d.mandate(d.person(claes), transfer(smit, claes)), "MANDATE_TO_SELF at Change/Transfer/To")
	want(t, "moved to a holder", d.mandate(d.person(claes), transfer(smit, vanDam)), "MANDATE_EXISTS at Change/Transfer/To")
	want(t, "moved from nobody", d.mandate(d.person(claes), transfer(leroy, nguyen)), "MANDATE_NOT_FOUND at Change/Transfer/Grantee")
	d.events()
	want(t, "moved", d.mandate(d.person(claes), transfer(smit, nguyen)), "Ended 2026-11-21..2026-11-20, Pending 2026-11-21..")
	events := d.events() // the former grantee is concerned too
	for i, about := range []ident.SSIN{nguyen, smit} {
		if e := events[i]; len(events) != 2 || e.Person != claes || e.Patient != about || e.Reason != "transfer, doctor, grantor of the mandate" {
			t.Errorf("recorded %+v", e)
		}
	}
	want(t, "moved away", prepare(smit), "MAY_NOT_PREPARE")
	want(t, "the new holder has not accepted", prepare(nguyen), "MAY_NOT_PREPARE")
	want(t, "accepted", d.mandate(d.person(nguyen), accept(claes)), "Active 2026-11-21..")
	want(t, "the new holder", prepare(nguyen), "")

	want(t, "ended by its holder", d.mandate(d.person(nguyen), giveBack(claes)), "Ended 2026-11-21..2026-11-20")
	want(t, "holds no longer", prepare(nguyen), "MAY_NOT_PREPARE")
	want(t, "ended twice", d.mandate(d.person(claes), endOf(nguyen)), "MANDATE_NOT_FOUND at Change/End/Grantee")
	want(t, "ended before it was accepted", d.mandate(d.person(claes), endOf(vanDam)), "Ended 2025-01-01..2026-11-20")
	want(t, "by a stranger", d.mandate(d.person(leroy), giveBack(claes)), "MANDATE_NOT_FOUND at Change/End/Grantor")

	want(t, "granted after the end", d.mandate(d.person(claes), grant(nguyen, period("2026-12-01", "2026-12-31"))), "Pending 2026-12-01..2026-12-31")
	want(t, "accepted before it begins", d.mandate(d.person(nguyen), accept(claes)), "Future 2026-12-01..2026-12-31")
	want(t, "before it begins", prepare(nguyen), "MAY_NOT_PREPARE")
	d.now = d.now.AddDate(0, 0, 10)
	want(t, "on its first day", prepare(nguyen), "")
	d.now = d.now.AddDate(0, 0, 30)
	want(t, "on its last day", prepare(nguyen), "")
	d.now = d.now.AddDate(0, 0, 1)
	want(t, "after it", prepare(nguyen), "MAY_NOT_PREPARE")
	want(t, "nothing left to move", d.mandate(d.person(claes), transfer(nguyen, smit)), "MANDATE_NOT_FOUND at Change/Transfer/Grantee")
}

// TestMandateRules checks what is rejected before any lookup, and what a transfer leaves of a period.
func TestMandateRules(t *testing.T) {
	t.Parallel()
	d := openDesk(t, store.Sources{Mandates: []register.Mandate{
		{Grantor: dubois, Grantee: kaya, Service: "OTHER", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
		{Grantor: dubois, Grantee: smit, Service: "CTR", AcceptedOn: day("2026-11-25"), Period: period("2026-01-01", "")},
	}})
	for _, c := range []struct{ what, got, want string }{
		{"by a patient", d.mandate(d.person(leroy), grant(smit, register.Period{})), "MAY_NOT_MANDATE"},
		{"by staff", d.mandate(d.inside(hospital, wouters), grant(smit, register.Period{})), "MAY_NOT_MANDATE"},
		{"by a pharmacist", d.mandate(d.inside(pharmacy, maes), transfer(smit, leroy)), "MAY_NOT_MANDATE"},
		{"by a retired surgeon", d.mandate(d.person(jacobs), grant(smit, register.Period{})), "MAY_NOT_MANDATE"},
		{"inside the hospital he left", d.mandate(d.inside(hospital, dubois), grant(smit, register.Period{})), "AUTHOR_NOT_ATTACHED at Author"},
		{"accepted inside it", d.mandate(d.inside(hospital, jacobs), accept(claes)), "AUTHOR_NOT_ATTACHED at Author"},
		{"ended inside it", d.mandate(d.inside(hospital, jacobs), giveBack(claes)), "AUTHOR_NOT_ATTACHED at Author"},
		{"to oneself, in the past", d.mandate(d.person(claes), grant(claes, period("2026-11-20", "2026-11-19"))),
			"MANDATE_TO_SELF at Change/Grant/Grantee, PERIOD_BEGINS_IN_PAST at Change/Grant/From, PERIOD_ENDS_BEFORE_IT_BEGINS at Change/Grant/To"},
		{"ends before today", d.mandate(d.person(claes), grant(smit, period("", "2026-11-20"))), "PERIOD_ENDS_BEFORE_IT_BEGINS at Change/Grant/To"},
		{"for another service", d.mandate(d.person(dubois), endOf(kaya)), "MANDATE_NOT_FOUND at Change/End/Grantee"},
		{"with a defect", d.mandate(d.person(claes), register.MandateChange{Defects: []*problem.Error{problem.New(problem.SSINInvalid)}}), "SSIN_INVALID"},
		{"of nothing", d.mandate(d.person(claes), register.MandateChange{}), "INTERNAL"},
		{"for one day, inside the hospital", d.mandate(d.inside(hospital, claes), grant(smit, period("", "2026-11-21"))), "Pending 2026-11-21..2026-11-21"},
		{"what is left moves", d.mandate(d.person(dubois), transfer(wouters, leroy)), "Ended 2024-01-01..2026-11-20, Pending 2026-11-21..2027-12-31"},
	} {
		want(t, c.what, c.got, c.want)
	}
	got, total := d.mandates(d.person(dubois), register.Page{Limit: 10})
	want(t, "listed", got, "Ended 2024-01-01..2026-11-20, Future 2026-01-01.., Pending 2026-11-21..2027-12-31")
	if total != 3 {
		t.Errorf("%d in all", total)
	}
	got, total = d.mandates(d.person(dubois), register.Page{Offset: 1, Limit: 1})
	want(t, "a page", got, "Future 2026-01-01..")
	if total != 3 {
		t.Errorf("%d in all", total)
	}
	got, _ = d.mandates(d.person(dubois), register.Page{Offset: 4, Limit: 1})
	want(t, "beyond the end", got, "")
	got, _ = d.mandates(d.person(leroy), register.Page{Limit: 10})
	want(t, "what one got", got, "Pending 2026-11-21..2027-12-31")
	got, _ = d.mandates(d.inside(hospital, dubois), register.Page{Limit: 10})
	want(t, "inside the hospital he left", got, "AUTHOR_NOT_ATTACHED at Author")
}

func (d *desk) staff(c register.Caller, change register.StaffChange) string {
	d.tb.Helper()
	changed, err := d.ManageStaff(d.tb.Context(), c, change)
	if err != nil {
		return strings.Join(refusals(err), ", ")
	}
	return members(changed)
}

func members(all []register.StaffMember) string {
	var out []string
	for _, m := range all {
		out = append(out, fmt.Sprintf("%s %s %s..%s", m.State, m.Role, m.From, m.To))
	}
	return strings.Join(out, ", ")
}

func assign(who ident.SSIN, role register.Role, p register.Period) register.StaffChange {
	return register.StaffChange{Assign: &register.StaffAssignment{Person: who, Role: role, Period: p}}
}

func dismiss(who ident.SSIN, role register.Role) register.StaffChange {
	return register.StaffChange{End: &register.StaffEnd{Person: who, Role: role}}
}

// TestStaffLife: the chief access manager assigns a manager, who assigns a clerk, who prepares notifications until
// that role ends. The manager can do nothing after their own role has ended.
func TestStaffLife(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	chief := func() register.Caller { return d.inside(hospital, smit) }
	open := register.Period{}
	want(t, "manager named", d.staff(chief(), assign(vanDam, register.RoleManager, open)), "Active AccessManager 2026-11-21..")
	manager := d.inside(hospital, vanDam)
	d.events()
	want(t, "clerk named", d.staff(manager, assign(leroy, register.RoleAdministrative, period("", "2026-11-30"))), "Active AdministrativeStaff 2026-11-21..2026-11-30")
	if e := d.event(); e.Person != vanDam || e.Patient != leroy || e.Capacity != register.CapacityManager || e.Organisation != hospital ||
		e.Reason != "assign AdministrativeStaff, access manager of the organisation" {
		t.Errorf("recorded %+v", e)
	}
	clerk := func() register.Caller { return d.inside(hospital, leroy) }
	n := implantation()
	n.Patient = nguyen
	if _, err := d.save(clerk(), register.Draft, n); err != nil {
		t.Error(err)
	}
	if got := d.pending(clerk(), ""); len(got) != 1 {
		t.Errorf("the clerk sees %q", got)
	}
	wantStrings(t, "the manager's list", d.pending(d.inside(hospital, vanDam), ""), []string{"MAY_NOT_PREPARE"})
	want(t, "another manager named", d.staff(d.inside(hospital, vanDam), assign(nguyen, register.RoleManager, period("2026-12-01", ""))), "Future AccessManager 2026-12-01..")
	want(t, "who is not one yet", d.staff(d.inside(hospital, nguyen), dismiss(leroy, register.RoleAdministrative)), "AUTHOR_NOT_ATTACHED at Author")
	want(t, "a manager ends no other", d.staff(d.inside(hospital, vanDam), dismiss(nguyen, register.RoleManager)), "MANAGER_NOT_YOURS_TO_END at Change/End/Role")

	late := d.inside(hospital, vanDam) // identified before the role ends
	want(t, "manager dismissed", d.staff(chief(), dismiss(vanDam, register.RoleManager)), "Ended AccessManager 2026-11-21..2026-11-20")
	want(t, "too late", d.staff(late, assign(kaya, register.RoleAdministrative, open)), "AUTHOR_NOT_ATTACHED at Author")
	want(t, "clerk dismissed", d.staff(chief(), dismiss(leroy, register.RoleAdministrative)), "Ended AdministrativeStaff 2026-11-21..2026-11-20")
	_, err := d.save(clerk(), register.Draft, n)
	wantStrings(t, "after it", refusals(err), []string{"AUTHOR_NOT_ATTACHED at Author"})
	want(t, "clerk named again", d.staff(chief(), assign(leroy, register.RoleAdministrative, open)), "Active AdministrativeStaff 2026-11-21..")

	found, err := d.Staff(t.Context(), chief(), register.Page{Limit: 100})
	if err != nil || found.Total != 8 || len(found.Members) != 8 {
		t.Errorf("%d listed, %v", found.Total, err)
	}
	var paged []register.StaffMember
	for offset := 0; offset < 8; offset += 4 {
		page, err := d.Staff(t.Context(), chief(), register.Page{Offset: offset, Limit: 4})
		if err != nil || page.Total != 8 {
			t.Error(page.Total, err)
		}
		paged = append(paged, page.Members...)
	}
	want(t, "pages", members(paged), members(found.Members))
}

// TestNoDoctorOfTheirOwn: an access manager cannot make a doctor of the organisation by assigning a role, and so
// notify, read or grant mandates in that doctor's name.
func TestNoDoctorOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	placed := d.place(implantation())
	for _, role := range []register.Role{register.RoleAdministrative, register.RoleManager} {
		want(t, "named", d.staff(d.inside(hospital, smit), assign(dubois, role, register.Period{})), "Active "+string(role)+" 2026-11-21..")
	}
	d.now = d.now.AddDate(0, 0, 2)
	dressed := func() register.Caller { return d.inside(hospital, dubois) }
	n := implantation()
	n.Specialist, n.OperationDate = bySSIN(dubois), day("2026-11-22")
	_, err := d.NotifyImplant(t.Context(), dressed(), register.Submission{}, n)
	wantCode(t, err, problem.AuthorNotAttached)
	_, err = d.save(d.inside(hospital, wouters), register.Draft, n) // mandate of Dubois
	wantStrings(t, "mandated", refusals(err), nil)
	_, err = d.save(dressed(), register.Draft, n)
	wantStrings(t, "his own draft, as staff", refusals(err), []string{"AUTHOR_NOT_ATTACHED at Author"})
	n.Specialist = bySSIN(peeters)
	want(t, "named", d.staff(d.inside(hospital, smit), assign(peeters, register.RoleAdministrative, register.Period{})), "Active AdministrativeStaff 2026-11-23..")
	_, err = d.save(d.inside(hospital, wouters), register.Draft, n)
	wantStrings(t, "a clerk for a doctor so named", refusals(err), []string{"MAY_NOT_PREPARE"})
	const why = "unconscious after an accident"
	_, err = d.Search(t.Context(), dressed(), register.Criteria{Page: register.Page{Limit: 1}, Patient: leroy, Emergency: why})
	wantCode(t, err, problem.MayNotRead)
	_, err = d.Card(t.Context(), dressed(), register.CardOf{Number: placed.Number, Emergency: why})
	wantCode(t, err, problem.MayNotRead)
	want(t, "mandates", d.mandate(dressed(), grant(smit, register.Period{})), "MAY_NOT_MANDATE")
}

// TestEmergencyOfBlanks: a blank emergency reason is rejected for every read, and recorded as a refusal.
func TestEmergencyOfBlanks(t *testing.T) {
	t.Parallel()
	d := openDesk(t)
	placed := d.place(implantation())
	page := register.Page{Limit: 10}
	const reason = " \t   hurry  \u00a0 "
	for what, read := range map[string]func(register.Caller) error{
		"search": func(c register.Caller) error {
			_, err := d.Search(t.Context(), c, register.Criteria{Page: page, Patient: leroy, Emergency: reason})
			return err
		},
		"card": func(c register.Caller) error {
			_, err := d.Card(t.Context(), c, register.CardOf{Number: placed.Number, Emergency: reason})
			return err
		},
		"notification": func(c register.Caller) error {
			_, err := d.Notification(t.Context(), c, register.NotificationAsked{Of: register.Of{Number: placed.Number}, Emergency: reason})
			return err
		},
		"list": func(c register.Caller) error {
			_, err := d.PatientImplants(t.Context(), c, register.Carried{Page: page, Patient: leroy, Emergency: reason})
			return err
		},
	} {
		wantStrings(t, what, refusals(read(d.person(dubois))), []string{"EMERGENCY_REASON_BLANK at EmergencyReason"})
	}
}
