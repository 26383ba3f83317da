package implants_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
)

// TestFindingH2StaffByForce: an organisation that makes the holder of another doctor's mandate its staff gains nothing
// of that mandate, whatever it lets them do inside it.
func TestFindingH2StaffByForce(t *testing.T) {
	t.Parallel()
	// Wouters has a mandate of Dubois of the clinic; the hospital, which Dubois left, has Wouters as staff.
	d := newTestRegister(t)
	n := implantation()
	n.Specialist, n.Patient = bySSIN(dubois), nguyen
	waits, err := d.saveImplantation(d.callerInside(clinic, dubois), implants.Draft, n)
	if err != nil {
		t.Fatal(err)
	}
	forced := func() platform.Caller { return d.callerInside(hospital, wouters) }
	ref := implants.NotificationRef{Reference: waits.Reference}
	const withheld, personal = "NOTIFICATION_WITHHELD", "PERSONAL_CERTIFICATE_REQUIRED"
	refusal := func(err error) string { return strings.Join(formatRefusals(err), ", ") }
	_, seeErr := d.GetNotification(t.Context(), forced(), implants.NotificationRequest{Notification: ref})
	_, discardErr := d.DiscardNotification(t.Context(), forced(), implants.DiscardRequest{Notification: ref, Version: 1})
	_, reviseErr := d.ReviseNotification(t.Context(), forced(), implants.ReviseRequest{Notification: ref, Version: 1, Implantation: &n, Save: implants.ToValidate})
	_, prepareErr := d.saveImplantation(forced(), implants.Draft, n)
	_, listErr := d.ListMandates(t.Context(), forced(), platform.Page{Limit: 10})
	for _, c := range []struct{ what, got, want string }{
		{"see the draft", refusal(seeErr), withheld},
		{"discard it", refusal(discardErr), withheld},
		{"submit it", refusal(reviseErr), withheld},
		{"prepare one", refusal(prepareErr), "MAY_NOT_PREPARE"},
		{"list what waits", strings.Join(d.listPending(forced(), ""), ", "), ""},
		{"list the mandates", refusal(listErr), personal},
		{"end the mandate", d.manageMandate(forced(), giveBackRequest(dubois)), personal},
		{"accept one", d.manageMandate(forced(), acceptRequest(claes)), personal},
		{"grant one", d.manageMandate(d.callerInside(hospital, claes), grantRequest(wouters, platform.Period{})), personal},
		{"transfer one", d.manageMandate(d.callerInside(clinic, dubois), transferRequest(wouters, smit)), personal},
		{"end one as its grantor", d.manageMandate(d.callerInside(clinic, dubois), endRequest(wouters)), personal},
	} {
		wantText(t, c.what, c.got, c.want)
	}
	if got := d.listPending(d.callerWithOwnKey(wouters), ""); len(got) != 1 {
		t.Errorf("with their own certificate they see %q", got)
	}
}

// TestFindingH2MandateInsideOrganisation: inside an organisation a mandate counts on the days on which its grantor is a
// professional there by the authentic source.
func TestFindingH2MandateInsideOrganisation(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t, implants.SourceEntries{
		Affiliations: []platform.Affiliation{
			{Organisation: clinic, SSIN: kaya, Role: platform.RoleManager, Period: period("2020-01-01", "")},
			{Organisation: clinic, SSIN: claes, Role: platform.RoleAdministrative, Period: period("2020-01-01", "")},
			{Organisation: clinic, SSIN: peeters, Role: "Specialist", Period: period("2026-11-22", "2026-11-23")},
		},
		Mandates: []platform.Mandate{
			{Grantor: dubois, Grantee: kaya, Service: "CTR", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
			{Grantor: claes, Grantee: kaya, Service: "CTR", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
			{Grantor: peeters, Grantee: kaya, Service: "CTR", AcceptedOn: day("2020-01-01"), Period: period("2020-01-01", "")},
		},
	})
	prepare := func(by platform.Caller, specialist ident.SSIN) string {
		n := implantation()
		n.Specialist, n.Patient = bySSIN(specialist), nguyen
		_, err := d.saveImplantation(by, implants.Draft, n)
		return first(formatRefusals(err))
	}
	inside := func() platform.Caller { return d.callerInside(clinic, kaya) }
	wantText(t, "of a professional of the clinic", prepare(inside(), dubois), "")
	wantText(t, "of a doctor whom the clinic named its staff", prepare(inside(), claes), "MAY_NOT_PREPARE")
	wantText(t, "of one who is not there yet", prepare(inside(), peeters), "MAY_NOT_PREPARE")
	for _, specialist := range []ident.SSIN{dubois, claes, peeters} {
		wantText(t, "with the own certificate", prepare(d.callerWithOwnKey(kaya), specialist), "")
	}
	for _, c := range []struct {
		days int
		want string
		seen int
	}{{1, "", 5}, {2, "", 6}, {3, "MAY_NOT_PREPARE", 2}} {
		d.now = d.now.AddDate(0, 0, 1)
		wantText(t, "on a later day", prepare(inside(), peeters), c.want)
		if got := d.listPending(inside(), ""); c.days > 2 && len(got) != c.seen {
			t.Errorf("day %d: sees %q", c.days, got)
		}
	}
}

// TestFindingH2RefuseRole: a person sees the roles that organisations gave them, and refuses one.
func TestFindingH2RefuseRole(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	own := func() platform.Caller { return d.callerWithOwnKey(nguyen) }
	refuse := func(who ident.SSIN, role platform.Role, organisation ident.NIHII) access.ManageStaffRequest {
		r := dismissRequest(who, role)
		r.End.Organisation = organisation
		return r
	}
	named := d.manageStaff(d.callerInside(hospital, smit), assignRequest(nguyen, platform.RoleAdministrative, platform.Period{}))
	wantText(t, "named", named, "Active AdministrativeStaff 2026-11-21..")
	list, err := d.ListStaff(t.Context(), own(), platform.Page{Limit: 10})
	if err != nil || list.Total != 1 || list.Members[0].Organisation != hospital || list.Members[0].SSIN != nguyen {
		t.Errorf("listed %+v, %v", list, err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"of somebody else", d.manageStaff(own(), refuse(wouters, platform.RoleAdministrative, hospital)), "MAY_NOT_MANAGE_STAFF"},
		{"in no organisation", d.manageStaff(own(), dismissRequest(nguyen, platform.RoleAdministrative)), "STAFF_ROLE_NOT_FOUND at End.Role"},
		{"in another organisation", d.manageStaff(own(), refuse(nguyen, platform.RoleAdministrative, clinic)), "STAFF_ROLE_NOT_FOUND at End.Role"},
		{"another role", d.manageStaff(own(), refuse(nguyen, platform.RoleManager, hospital)), "STAFF_ROLE_NOT_FOUND at End.Role"},
		{"one of the source", d.manageStaff(d.callerWithOwnKey(claes), refuse(claes, "Specialist", hospital)), "ROLE_OF_AUTHENTIC_SOURCE at End.Role"},
		{"for the organisation", d.manageStaff(d.callerInside(hospital, smit), refuse(nguyen, platform.RoleAdministrative, clinic)), "MAY_NOT_MANAGE_STAFF"},
		{"refused", d.manageStaff(own(), refuse(nguyen, platform.RoleAdministrative, hospital)), "Ended AdministrativeStaff 2026-11-21..2026-11-20"},
		{"refused again", d.manageStaff(own(), refuse(nguyen, platform.RoleAdministrative, hospital)), "STAFF_ROLE_NOT_FOUND at End.Role"},
	} {
		wantText(t, c.what, c.got, c.want)
	}
	_, err = d.saveImplantation(d.callerInside(hospital, nguyen), implants.Draft, implantation())
	wantStrings(t, "after it", formatRefusals(err), []string{"AUTHOR_NOT_ATTACHED at Author"})
}

// TestFindingH2EndedStaysEnded: what was ended here stays ended when an extract of the authentic source still has it
// open, unless the period of the source begins later.
func TestFindingH2EndedStaysEnded(t *testing.T) {
	t.Parallel()
	runOnRegisters(t, func(t *testing.T, nodes []*testRegister) {
		t.Helper()
		d := nodes[0]
		wantText(t, "mandate ended", d.manageMandate(d.callerWithOwnKey(wouters), giveBackRequest(dubois)), "Ended 2024-01-01..2026-11-20")
		wantText(t, "role ended", d.manageStaff(d.callerInside(hospital, smit), dismissRequest(wouters, platform.RoleAdministrative)),
			"Ended AdministrativeStaff 2019-06-01..2026-11-20")
		for _, c := range []struct {
			what, from string
			isOpen     bool
		}{
			{"the same entry", "", false}, {"an earlier one", "2018-01-01", false}, {"a later one, before the end", "2026-06-01", false},
			{"from the day of the end", "2026-11-21", false}, {"from the day after it", "2026-11-22", true},
		} {
			role := platform.Affiliation{Organisation: hospital, SSIN: wouters, Role: platform.RoleAdministrative, Period: period("2019-06-01", "")}
			mandate := platform.Mandate{Grantor: dubois, Grantee: wouters, Service: "CTR", AcceptedOn: day("2024-01-03"), Period: period("2024-01-01", "")}
			if c.from != "" {
				role.From, mandate.From = day(c.from), day(c.from)
			}
			d.loadSources(implants.SourceEntries{Affiliations: []platform.Affiliation{role}, Mandates: []platform.Mandate{mandate}})
			for _, node := range nodes {
				err := node.db.RunReadTx(t.Context(), func(r implants.Reader) error {
					roles, err := r.Affiliations(hospital, wouters)
					if err != nil {
						return err
					}
					mandates, err := r.MandatesByGrantee(wouters)
					later := day("2026-12-01")
					isStaff, isMandated := false, false
					for _, a := range roles {
						isStaff = isStaff || a.Contains(later)
					}
					for _, m := range mandates {
						isMandated = isMandated || m.IsInForceOn(later)
					}
					if isStaff != c.isOpen || isMandated != c.isOpen {
						t.Errorf("%s: role %t, mandate %t", c.what, isStaff, isMandated)
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestFindingL7CertificateType: a certificate whose type is not that of the organisation is not the organisation's.
func TestFindingL7CertificateType(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	for signer, isRefused := range map[string]bool{
		"NIHII-HOSPITAL=71000436": false, "NIHII-PHARMACY=71000436": true, "NIHII-RETIREMENT=71000436": true, "NIHII-LABO=71000436": true,
		"NIHII-OTD_PHARMACY=71000436": true, "NIHII-PSYCH_HOUSE=71000436": true, "NIHII-HOSPITAL=21500346": true, "NIHII-HOSPITAL=76123422": true,
	} {
		author := claes
		if strings.HasSuffix(signer, "21500346") {
			author = maes
		}
		_, err := d.Identify(t.Context(), d.newMessage(signer), platform.Author{{Type: "SSIN", Value: author.Digits()}})
		want := []string(nil)
		if isRefused {
			want = []string{"CERTIFICATE_TYPE_NOT_ACCEPTED"}
		}
		wantStrings(t, signer, formatRefusals(err), want)
	}
	for _, signer := range []string{"NIHII-PHARMACY=21500346", "NIHII-RETIREMENT=76123422"} { // of the right type
		_, err := d.Identify(t.Context(), d.newMessage(signer), platform.Author{{Type: "SSIN", Value: maes.Digits()}})
		if got := formatRefusals(err); len(got) > 0 && got[0] == "CERTIFICATE_TYPE_NOT_ACCEPTED" {
			t.Errorf("%s: %q", signer, got)
		}
	}
}
