package implants_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

func (d *testRegister) manageMandate(c platform.Caller, change access.ManageMandateRequest) string {
	d.tb.Helper()
	changed, err := d.ManageMandate(d.tb.Context(), c, change)
	if err != nil {
		return strings.Join(formatRefusals(err), ", ")
	}
	var out []string
	for _, m := range changed {
		out = append(out, formatMandate(m))
	}
	return strings.Join(out, ", ")
}

func formatMandate(m access.MandateDetail) string {
	return fmt.Sprintf("%s %s..%s", m.State, m.From, m.To)
}

func (d *testRegister) listMandates(c platform.Caller, page platform.Page) (string, int) {
	d.tb.Helper()
	found, err := d.ListMandates(d.tb.Context(), c, page)
	if err != nil {
		return strings.Join(formatRefusals(err), ", "), 0
	}
	var out []string
	for _, m := range found.Mandates {
		out = append(out, formatMandate(m))
	}
	return strings.Join(out, ", "), found.Total
}

func grantRequest(to ident.SSIN, p platform.Period) access.ManageMandateRequest {
	return access.ManageMandateRequest{Grant: &access.MandateGrant{Grantee: to, Period: p}}
}

func acceptRequest(of ident.SSIN) access.ManageMandateRequest {
	return access.ManageMandateRequest{Accept: &access.MandateAcceptance{Grantor: of}}
}

func endRequest(to ident.SSIN) access.ManageMandateRequest {
	return access.ManageMandateRequest{End: &access.MandateEnd{Grantee: to}}
}

func giveBackRequest(of ident.SSIN) access.ManageMandateRequest {
	return access.ManageMandateRequest{End: &access.MandateEnd{Grantor: of}}
}

func transferRequest(from, to ident.SSIN) access.ManageMandateRequest {
	return access.ManageMandateRequest{Transfer: &access.MandateTransfer{Grantee: from, To: to}}
}

// wantText fails unless got equals wanted.
func wantText(t *testing.T, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s:\n got %q\nwant %q", what, got, wanted)
	}
}

// TestMandateLife grants, accepts, uses, transfers and ends a mandate; each change is recorded with the other person.
func TestMandateLife(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	open := platform.Period{}
	prepare := func(who ident.SSIN) string {
		_, err := d.saveImplantation(d.callerWithOwnKey(who), implants.Draft, implantation())
		return first(formatRefusals(err))
	}
	wantText(t, "granted", d.manageMandate(d.callerWithOwnKey(claes), grantRequest(smit, open)), "Pending 2026-11-21..")
	wantText(t, "granted again", d.manageMandate(d.callerWithOwnKey(claes), grantRequest(smit, period("2030-01-01", ""))), "MANDATE_EXISTS at Grant.Grantee")
	wantText(t, "not accepted", prepare(smit), "MAY_NOT_PREPARE")
	d.newEvents()
	wantText(t, "accepted", d.manageMandate(d.callerWithOwnKey(smit), acceptRequest(claes)), "Active 2026-11-21..")
	if e := d.singleEvent(); e.Person != smit || e.Patient != claes || e.Capacity != platform.CapacityPatient || e.Reason != "accept, grantee of the mandate" {
		t.Errorf("recorded %+v", e)
	}
	wantText(t, "accepted again", d.manageMandate(d.callerWithOwnKey(smit), acceptRequest(claes)), "MANDATE_NOT_FOUND at Accept.Grantor")
	wantText(t, "used", prepare(smit), "")

	wantText(t, "moved to the same", d.manageMandate(d.callerWithOwnKey(claes), transferRequest(smit, smit)), "MANDATE_EXISTS at Transfer.To")
	wantText(t, "moved to oneself", d.manageMandate(d.callerWithOwnKey(claes), transferRequest(smit, claes)), "MANDATE_TO_SELF at Transfer.To")
	wantText(t, "moved to a holder", d.manageMandate(d.callerWithOwnKey(claes), transferRequest(smit, vanDam)), "MANDATE_EXISTS at Transfer.To")
	wantText(t, "moved from nobody", d.manageMandate(d.callerWithOwnKey(claes), transferRequest(leroy, nguyen)), "MANDATE_NOT_FOUND at Transfer.Grantee")
	d.newEvents()
	wantText(t, "moved", d.manageMandate(d.callerWithOwnKey(claes), transferRequest(smit, nguyen)), "Ended 2026-11-21..2026-11-20, Pending 2026-11-21..")
	events := d.newEvents() // the former grantee is concerned too
	for i, about := range []ident.SSIN{nguyen, smit} {
		if e := events[i]; len(events) != 2 || e.Person != claes || e.Patient != about || e.Reason != "transfer, doctor, grantor of the mandate" {
			t.Errorf("recorded %+v", e)
		}
	}
	wantText(t, "moved away", prepare(smit), "MAY_NOT_PREPARE")
	wantText(t, "the new holder has not accepted", prepare(nguyen), "MAY_NOT_PREPARE")
	wantText(t, "accepted", d.manageMandate(d.callerWithOwnKey(nguyen), acceptRequest(claes)), "Active 2026-11-21..")
	wantText(t, "the new holder", prepare(nguyen), "")

	wantText(t, "ended by its holder", d.manageMandate(d.callerWithOwnKey(nguyen), giveBackRequest(claes)), "Ended 2026-11-21..2026-11-20")
	wantText(t, "holds no longer", prepare(nguyen), "MAY_NOT_PREPARE")
	wantText(t, "ended twice", d.manageMandate(d.callerWithOwnKey(claes), endRequest(nguyen)), "MANDATE_NOT_FOUND at End.Grantee")
	wantText(t, "ended before it was accepted", d.manageMandate(d.callerWithOwnKey(claes), endRequest(vanDam)), "Ended 2025-01-01..2026-11-20")
	wantText(t, "by a stranger", d.manageMandate(d.callerWithOwnKey(leroy), giveBackRequest(claes)), "MANDATE_NOT_FOUND at End.Grantor")

	wantText(t, "granted after the end", d.manageMandate(d.callerWithOwnKey(claes), grantRequest(nguyen, period("2026-12-01", "2026-12-31"))), "Pending 2026-12-01..2026-12-31")
	wantText(t, "accepted before it begins", d.manageMandate(d.callerWithOwnKey(nguyen), acceptRequest(claes)), "Future 2026-12-01..2026-12-31")
	wantText(t, "before it begins", prepare(nguyen), "MAY_NOT_PREPARE")
	d.now = d.now.AddDate(0, 0, 10)
	wantText(t, "on its first day", prepare(nguyen), "")
	d.now = d.now.AddDate(0, 0, 30)
	wantText(t, "on its last day", prepare(nguyen), "")
	d.now = d.now.AddDate(0, 0, 1)
	wantText(t, "after it", prepare(nguyen), "MAY_NOT_PREPARE")
	wantText(t, "nothing left to move", d.manageMandate(d.callerWithOwnKey(claes), transferRequest(nguyen, smit)), "MANDATE_NOT_FOUND at Transfer.Grantee")
}

// TestMandateRules checks what is rejected before any lookup, and what a transfer leaves of a period.
func TestMandateRules(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t, implants.SourceEntries{Mandates: []platform.Mandate{
		{Grantor: dubois, Grantee: kaya, Service: "OTHER", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
		{Grantor: dubois, Grantee: smit, Service: "CTR", AcceptedOn: day("2026-11-25"), Period: period("2026-01-01", "")},
	}})
	for _, c := range []struct{ what, got, want string }{
		{"by a patient", d.manageMandate(d.callerWithOwnKey(leroy), grantRequest(smit, platform.Period{})), "MAY_NOT_MANDATE"},
		{"by staff", d.manageMandate(d.callerWithOwnKey(wouters), grantRequest(smit, platform.Period{})), "MAY_NOT_MANDATE"},
		{"by a pharmacist", d.manageMandate(d.callerWithOwnKey(maes), transferRequest(smit, leroy)), "MAY_NOT_MANDATE"},
		{"by a retired surgeon", d.manageMandate(d.callerWithOwnKey(jacobs), grantRequest(smit, platform.Period{})), "MAY_NOT_MANDATE"},
		{"inside the hospital he left", d.manageMandate(d.callerInside(hospital, dubois), grantRequest(smit, platform.Period{})), "PERSONAL_CERTIFICATE_REQUIRED"},
		{"accepted inside it", d.manageMandate(d.callerInside(hospital, jacobs), acceptRequest(claes)), "PERSONAL_CERTIFICATE_REQUIRED"},
		{"ended inside it", d.manageMandate(d.callerInside(hospital, jacobs), giveBackRequest(claes)), "PERSONAL_CERTIFICATE_REQUIRED"},
		{"to oneself, in the past", d.manageMandate(d.callerWithOwnKey(claes), grantRequest(claes, period("2026-11-20", "2026-11-19"))),
			"MANDATE_TO_SELF at Grant.Grantee, PERIOD_BEGINS_IN_PAST at Grant.Period.From, PERIOD_ENDS_BEFORE_IT_BEGINS at Grant.Period.To"},
		{"ends before today", d.manageMandate(d.callerWithOwnKey(claes), grantRequest(smit, period("", "2026-11-20"))), "PERIOD_ENDS_BEFORE_IT_BEGINS at Grant.Period.To"},
		{"for another service", d.manageMandate(d.callerWithOwnKey(dubois), endRequest(kaya)), "MANDATE_NOT_FOUND at End.Grantee"},
		{"with a defect", d.manageMandate(d.callerWithOwnKey(claes), access.ManageMandateRequest{Defects: []*problem.Error{problem.New(ident.SSINInvalid)}}), "SSIN_INVALID"},
		{"of nothing", d.manageMandate(d.callerWithOwnKey(claes), access.ManageMandateRequest{}), "INTERNAL"},
		{"for one day", d.manageMandate(d.callerWithOwnKey(claes), grantRequest(smit, period("", "2026-11-21"))), "Pending 2026-11-21..2026-11-21"},
		{"what is left moves", d.manageMandate(d.callerWithOwnKey(dubois), transferRequest(wouters, leroy)), "Ended 2024-01-01..2026-11-20, Pending 2026-11-21..2027-12-31"},
	} {
		wantText(t, c.what, c.got, c.want)
	}
	got, total := d.listMandates(d.callerWithOwnKey(dubois), platform.Page{Limit: 10})
	wantText(t, "listed", got, "Ended 2024-01-01..2026-11-20, Future 2026-01-01.., Pending 2026-11-21..2027-12-31")
	if total != 3 {
		t.Errorf("%d in all", total)
	}
	got, total = d.listMandates(d.callerWithOwnKey(dubois), platform.Page{Offset: 1, Limit: 1})
	wantText(t, "a page", got, "Future 2026-01-01..")
	if total != 3 {
		t.Errorf("%d in all", total)
	}
	got, _ = d.listMandates(d.callerWithOwnKey(dubois), platform.Page{Offset: 4, Limit: 1})
	wantText(t, "beyond the end", got, "")
	got, _ = d.listMandates(d.callerWithOwnKey(leroy), platform.Page{Limit: 10})
	wantText(t, "what one got", got, "Pending 2026-11-21..2027-12-31")
	got, _ = d.listMandates(d.callerInside(hospital, dubois), platform.Page{Limit: 10})
	wantText(t, "inside the hospital he left", got, "PERSONAL_CERTIFICATE_REQUIRED")
}

func (d *testRegister) manageStaff(c platform.Caller, change access.ManageStaffRequest) string {
	d.tb.Helper()
	changed, err := d.ManageStaff(d.tb.Context(), c, change)
	if err != nil {
		return strings.Join(formatRefusals(err), ", ")
	}
	return formatMembers(changed)
}

func formatMembers(all []access.StaffMember) string {
	var out []string
	for _, m := range all {
		out = append(out, fmt.Sprintf("%s %s %s..%s", m.State, m.Role, m.From, m.To))
	}
	return strings.Join(out, ", ")
}

func assignRequest(who ident.SSIN, role platform.Role, p platform.Period) access.ManageStaffRequest {
	return access.ManageStaffRequest{Assign: &access.StaffAssignment{Person: who, Role: role, Period: p}}
}

func dismissRequest(who ident.SSIN, role platform.Role) access.ManageStaffRequest {
	return access.ManageStaffRequest{End: &access.StaffEnd{Person: who, Role: role}}
}

// TestStaffLife: the chief access manager assigns a manager, who assigns a clerk, who prepares notifications until
// that role ends. The manager can do nothing after their own role has ended.
func TestStaffLife(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	chief := func() platform.Caller { return d.callerInside(hospital, smit) }
	open := platform.Period{}
	wantText(t, "manager named", d.manageStaff(chief(), assignRequest(vanDam, platform.RoleManager, open)), "Active AccessManager 2026-11-21..")
	manager := d.callerInside(hospital, vanDam)
	d.newEvents()
	wantText(t, "clerk named", d.manageStaff(manager, assignRequest(leroy, platform.RoleAdministrative, period("", "2026-11-30"))), "Active AdministrativeStaff 2026-11-21..2026-11-30")
	if e := d.singleEvent(); e.Person != vanDam || e.Patient != leroy || e.Capacity != platform.CapacityManager || e.Organisation != hospital ||
		e.Reason != "assign AdministrativeStaff, access manager of the organisation" {
		t.Errorf("recorded %+v", e)
	}
	clerk := func() platform.Caller { return d.callerInside(hospital, leroy) }
	n := implantation()
	n.Patient = nguyen
	if _, err := d.saveImplantation(clerk(), implants.Draft, n); err != nil {
		t.Error(err)
	}
	if got := d.listPending(clerk(), ""); len(got) != 1 {
		t.Errorf("the clerk sees %q", got)
	}
	wantStrings(t, "the manager's list", d.listPending(d.callerInside(hospital, vanDam), ""), []string{"MAY_NOT_PREPARE"})
	wantText(t, "another manager named", d.manageStaff(d.callerInside(hospital, vanDam), assignRequest(nguyen, platform.RoleManager, period("2026-12-01", ""))), "Future AccessManager 2026-12-01..")
	wantText(t, "who is not one yet", d.manageStaff(d.callerInside(hospital, nguyen), dismissRequest(leroy, platform.RoleAdministrative)), "AUTHOR_NOT_ATTACHED at Author")
	wantText(t, "a manager ends no other", d.manageStaff(d.callerInside(hospital, vanDam), dismissRequest(nguyen, platform.RoleManager)), "MANAGER_NOT_YOURS_TO_END at End.Role")

	late := d.callerInside(hospital, vanDam) // identified before the role ends
	wantText(t, "manager dismissed", d.manageStaff(chief(), dismissRequest(vanDam, platform.RoleManager)), "Ended AccessManager 2026-11-21..2026-11-20")
	wantText(t, "too late", d.manageStaff(late, assignRequest(kaya, platform.RoleAdministrative, open)), "AUTHOR_NOT_ATTACHED at Author")
	wantText(t, "clerk dismissed", d.manageStaff(chief(), dismissRequest(leroy, platform.RoleAdministrative)), "Ended AdministrativeStaff 2026-11-21..2026-11-20")
	_, err := d.saveImplantation(clerk(), implants.Draft, n)
	wantStrings(t, "after it", formatRefusals(err), []string{"AUTHOR_NOT_ATTACHED at Author"})
	wantText(t, "clerk named again", d.manageStaff(chief(), assignRequest(leroy, platform.RoleAdministrative, open)), "Active AdministrativeStaff 2026-11-21..")

	found, err := d.ListStaff(t.Context(), chief(), platform.Page{Limit: 100})
	if err != nil || found.Total != 8 || len(found.Members) != 8 {
		t.Errorf("%d listed, %v", found.Total, err)
	}
	var paged []access.StaffMember
	for offset := 0; offset < 8; offset += 4 {
		page, err := d.ListStaff(t.Context(), chief(), platform.Page{Offset: offset, Limit: 4})
		if err != nil || page.Total != 8 {
			t.Error(page.Total, err)
		}
		paged = append(paged, page.Members...)
	}
	wantText(t, "pages", formatMembers(paged), formatMembers(found.Members))
}

// TestNoDoctorOfTheirOwn: an access manager cannot make a doctor of the organisation by assigning a role, and so
// notify, read or grant mandates in that doctor's name.
func TestNoDoctorOfTheirOwn(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	placed := d.mustNotify(implantation())
	for _, role := range []platform.Role{platform.RoleAdministrative, platform.RoleManager} {
		wantText(t, "named", d.manageStaff(d.callerInside(hospital, smit), assignRequest(dubois, role, platform.Period{})), "Active "+string(role)+" 2026-11-21..")
	}
	d.now = d.now.AddDate(0, 0, 2)
	dressed := func() platform.Caller { return d.callerInside(hospital, dubois) }
	n := implantation()
	n.Specialist, n.SurgeryDate = bySSIN(dubois), day("2026-11-22")
	_, err := d.NotifyImplant(t.Context(), dressed(), implants.SubmissionOptions{}, n)
	wantCode(t, err, authorization.AuthorNotAttached)
	_, err = d.saveImplantation(d.callerInside(hospital, wouters), implants.Draft, n) // mandate of Dubois
	wantStrings(t, "mandated, inside a hospital that he left", formatRefusals(err), []string{"MAY_NOT_PREPARE"})
	_, err = d.saveImplantation(d.callerWithOwnKey(wouters), implants.Draft, n)
	wantStrings(t, "mandated", formatRefusals(err), nil)
	_, err = d.saveImplantation(dressed(), implants.Draft, n)
	wantStrings(t, "his own draft, as staff", formatRefusals(err), []string{"AUTHOR_NOT_ATTACHED at Author"})
	n.Specialist = bySSIN(peeters)
	wantText(t, "named", d.manageStaff(d.callerInside(hospital, smit), assignRequest(peeters, platform.RoleAdministrative, platform.Period{})), "Active AdministrativeStaff 2026-11-23..")
	_, err = d.saveImplantation(d.callerInside(hospital, wouters), implants.Draft, n)
	wantStrings(t, "a clerk for a doctor so named", formatRefusals(err), []string{"MAY_NOT_PREPARE"})
	const why = "unconscious after an accident"
	_, err = d.Search(t.Context(), dressed(), implants.SearchRequest{Page: platform.Page{Limit: 1}, Patient: leroy, EmergencyClaim: claimFor(why, ident.SSIN{})})
	wantCode(t, err, authorization.MayNotRead)
	_, err = d.GetImplantCard(t.Context(), dressed(), implants.CardRequest{Number: placed.Number, EmergencyClaim: claimFor(why, leroy)})
	wantCode(t, err, authorization.MayNotRead)
	wantText(t, "mandates", d.manageMandate(dressed(), grantRequest(smit, platform.Period{})), "PERSONAL_CERTIFICATE_REQUIRED")
}

// TestEmergencyOfBlanks: a blank emergency reason is rejected for every read, and recorded as a refusal.
func TestEmergencyOfBlanks(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	placed := d.mustNotify(implantation())
	page := platform.Page{Limit: 10}
	const reason = " \t   hurry  \u00a0 "
	for what, read := range map[string]func(platform.Caller) error{
		"search": func(c platform.Caller) error {
			_, err := d.Search(t.Context(), c, implants.SearchRequest{Page: page, Patient: leroy, EmergencyClaim: claimFor(reason, leroy)})
			return err
		},
		"card": func(c platform.Caller) error {
			_, err := d.GetImplantCard(t.Context(), c, implants.CardRequest{Number: placed.Number, EmergencyClaim: claimFor(reason, leroy)})
			return err
		},
		"notification": func(c platform.Caller) error {
			_, err := d.GetNotification(t.Context(), c, implants.NotificationRequest{Notification: implants.NotificationRef{Number: placed.Number}, EmergencyClaim: claimFor(reason, leroy)})
			return err
		},
		"list": func(c platform.Caller) error {
			_, err := d.ListPatientImplants(t.Context(), c, implants.ListImplantsRequest{Page: page, Patient: leroy, EmergencyClaim: claimFor(reason, leroy)})
			return err
		},
	} {
		wantStrings(t, what, formatRefusals(read(d.callerWithOwnKey(dubois))), []string{"EMERGENCY_REASON_BLANK at EmergencyReason"})
	}
}
