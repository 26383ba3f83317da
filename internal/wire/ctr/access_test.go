package ctr_test

import (
	"reflect"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// TestChanges checks that each kind of change of mandates and staff roles reaches the domain, with a defect for every
// invalid number and date.
func TestChanges(t *testing.T) {
	const claes, wouters, bad, badDate = "78031412250", "91021706490", "78031412251", "2026-02-30"
	ssin := func(text string) ident.SSIN {
		parsed, err := ident.ParseSSIN(text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	span := implants.Period{From: mustParseDate(t, "2026-12-01"), To: mustParseDate(t, "2026-12-31")}
	for i, c := range []struct {
		in   ctr.MandateChange
		want implants.ManageMandateRequest
	}{
		{ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: wouters, From: "2026-12-01", To: " 2026-12-31 "}},
			implants.ManageMandateRequest{Grant: &implants.MandateGrant{Grantee: ssin(wouters), Period: span}}},
		{ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: wouters}}, implants.ManageMandateRequest{Grant: &implants.MandateGrant{Grantee: ssin(wouters)}}},
		{ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: claes}}, implants.ManageMandateRequest{Accept: &implants.MandateAcceptance{Grantor: ssin(claes)}}},
		{ctr.MandateChange{End: &ctr.MandateEnd{Grantor: claes}}, implants.ManageMandateRequest{End: &implants.MandateEnd{Grantor: ssin(claes)}}},
		{ctr.MandateChange{End: &ctr.MandateEnd{Grantee: wouters}}, implants.ManageMandateRequest{End: &implants.MandateEnd{Grantee: ssin(wouters)}}},
		{ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: wouters, To: claes}},
			implants.ManageMandateRequest{Transfer: &implants.MandateTransfer{Grantee: ssin(wouters), To: ssin(claes)}}},
	} {
		if got := (&ctr.ManageMandateRequest{Change: c.in}).ToDomain(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("mandate %d: %+v", i, got)
		}
	}
	for i, c := range []struct {
		in   ctr.StaffChange
		want implants.ManageStaffRequest
	}{
		{ctr.StaffChange{Assign: &ctr.StaffAssignment{Person: wouters, Role: "AccessManager", From: "2026-12-01", To: "2026-12-31"}},
			implants.ManageStaffRequest{Assign: &implants.StaffAssignment{Person: ssin(wouters), Role: implants.RoleManager, Period: span}}},
		{ctr.StaffChange{End: &ctr.StaffEnd{Person: wouters, Role: "AdministrativeStaff"}},
			implants.ManageStaffRequest{End: &implants.StaffEnd{Person: ssin(wouters), Role: implants.RoleAdministrative}}},
	} {
		if got := (&ctr.ManageStaffRequest{Change: c.in}).ToDomain(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("staff %d: %+v", i, got)
		}
	}
	mandate := func(c ctr.MandateChange) *ctr.ManageMandateRequest { return &ctr.ManageMandateRequest{Change: c} }
	requireDefects(t, mandate(ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: bad, From: badDate, To: badDate}}).ToDomain().Defects,
		"SSIN_INVALID Change/Grant/Grantee", "DATE_INVALID Change/Grant/From", "DATE_INVALID Change/Grant/To")
	requireDefects(t, mandate(ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: bad}}).ToDomain().Defects, "SSIN_INVALID Change/Accept/Grantor")
	requireDefects(t, mandate(ctr.MandateChange{End: &ctr.MandateEnd{Grantor: bad}}).ToDomain().Defects, "SSIN_INVALID Change/End/Grantor")
	requireDefects(t, mandate(ctr.MandateChange{End: &ctr.MandateEnd{Grantee: bad}}).ToDomain().Defects, "SSIN_INVALID Change/End/Grantee")
	requireDefects(t, mandate(ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: bad, To: bad}}).ToDomain().Defects,
		"SSIN_INVALID Change/Transfer/Grantee", "SSIN_INVALID Change/Transfer/To")
	requireDefects(t, (&ctr.ManageStaffRequest{Change: ctr.StaffChange{Assign: &ctr.StaffAssignment{Person: bad, To: badDate}}}).ToDomain().Defects,
		"SSIN_INVALID Change/Assign/Person", "DATE_INVALID Change/Assign/To")
	requireDefects(t, (&ctr.ManageStaffRequest{Change: ctr.StaffChange{End: &ctr.StaffEnd{Person: bad}}}).ToDomain().Defects, "SSIN_INVALID Change/End/Person")

	page := implants.Page{Offset: 3, Limit: 7}
	if got := (&ctr.ListMandatesRequest{Offset: 3, MaxElements: 7}).ToDomain(); got != page {
		t.Errorf("mandates %+v", got)
	}
	if got := (&ctr.ListStaffRequest{Offset: 3, MaxElements: 7}).ToDomain(); got != page {
		t.Errorf("staff %+v", got)
	}

	s := compileContract(t)
	mandates := []implants.MandateDetail{
		{Mandate: implants.Mandate{Grantor: ssin(claes), Grantee: ssin(wouters), AcceptedOn: mustParseDate(t, "2026-11-21"), Period: span}, State: implants.MandateFuture},
		{Mandate: implants.Mandate{Grantor: ssin(claes), Grantee: ssin(wouters), Period: implants.Period{From: span.From}}, State: implants.MandatePending},
	}
	members := []implants.StaffMember{{Affiliation: implants.Affiliation{SSIN: ssin(wouters), Role: implants.RoleManager, Period: span}, State: implants.StaffFuture}}
	changed := ctr.NewManageMandateResponse(responseInfo, mandates)
	if m := changed.Mandate[0]; m != (ctr.Mandate{Grantor: claes, Grantee: wouters, From: "2026-12-01", To: "2026-12-31", AcceptedOn: "2026-11-21", State: "Future"}) {
		t.Errorf("mandate %+v", m)
	}
	if m := changed.Mandate[1]; m.To != "" || m.AcceptedOn != "" {
		t.Errorf("mandate %+v", m)
	}
	named := ctr.NewManageStaffResponse(responseInfo, members)
	if m := named.Member[0]; m != (ctr.StaffMember{Person: wouters, Role: "AccessManager", From: "2026-12-01", To: "2026-12-31", State: "Future"}) {
		t.Errorf("member %+v", m)
	}
	nothing := ctr.NewListMandatesResponse(responseInfo, page, implants.ListMandatesResult{})
	nobody := ctr.NewListStaffResponse(responseInfo, page, implants.ListStaffResult{})
	if nothing.Status.Code.Code == nil || nobody.Status.Code.Code == nil || nothing.Offset != 3 || nobody.MaxElements != 7 {
		t.Errorf("nothing %+v, nobody %+v", nothing, nobody)
	}
	requireValid(t, s, "ManageMandateResponse", changed)
	requireValid(t, s, "ManageStaffResponse", named)
	requireValid(t, s, "ListMandatesResponse", ctr.NewListMandatesResponse(responseInfo, page, implants.ListMandatesResult{Total: 2, Mandates: mandates}))
	requireValid(t, s, "ListMandatesResponse", nothing)
	requireValid(t, s, "ListStaffResponse", ctr.NewListStaffResponse(responseInfo, page, implants.ListStaffResult{Total: 1, Members: members}))
	requireValid(t, s, "ListStaffResponse", nobody)
}
