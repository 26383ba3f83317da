package ctr_test

import (
	"reflect"
	"testing"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
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
	span := platform.Period{From: mustParseDate(t, "2026-12-01"), To: mustParseDate(t, "2026-12-31")}
	for i, c := range []struct {
		in   ctr.MandateChange
		want access.ManageMandateRequest
	}{
		{ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: wouters, From: "2026-12-01", To: " 2026-12-31 "}},
			access.ManageMandateRequest{Grant: &access.MandateGrant{Grantee: ssin(wouters), Period: span}}},
		{ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: wouters}}, access.ManageMandateRequest{Grant: &access.MandateGrant{Grantee: ssin(wouters)}}},
		{ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: claes}}, access.ManageMandateRequest{Accept: &access.MandateAcceptance{Grantor: ssin(claes)}}},
		{ctr.MandateChange{End: &ctr.MandateEnd{Grantor: claes}}, access.ManageMandateRequest{End: &access.MandateEnd{Grantor: ssin(claes)}}},
		{ctr.MandateChange{End: &ctr.MandateEnd{Grantee: wouters}}, access.ManageMandateRequest{End: &access.MandateEnd{Grantee: ssin(wouters)}}},
		{ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: wouters, To: claes}},
			access.ManageMandateRequest{Transfer: &access.MandateTransfer{Grantee: ssin(wouters), To: ssin(claes)}}},
	} {
		if got := (&ctr.ManageMandateRequest{Change: c.in}).ToDomain(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("mandate %d: %+v", i, got)
		}
	}
	for i, c := range []struct {
		in   ctr.StaffChange
		want access.ManageStaffRequest
	}{
		{ctr.StaffChange{Assign: &ctr.StaffAssignment{Person: wouters, Role: "AccessManager", From: "2026-12-01", To: "2026-12-31"}},
			access.ManageStaffRequest{Assign: &access.StaffAssignment{Person: ssin(wouters), Role: platform.RoleManager, Period: span}}},
		{ctr.StaffChange{End: &ctr.StaffEnd{Person: wouters, Role: "AdministrativeStaff"}},
			access.ManageStaffRequest{End: &access.StaffEnd{Person: ssin(wouters), Role: platform.RoleAdministrative}}},
	} {
		if got := (&ctr.ManageStaffRequest{Change: c.in}).ToDomain(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("staff %d: %+v", i, got)
		}
	}
	mandate := func(c ctr.MandateChange) *ctr.ManageMandateRequest { return &ctr.ManageMandateRequest{Change: c} }
	requireDefects(t, mandate(ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: bad, From: badDate, To: badDate}}),
		"SSIN_INVALID Change/Grant/Grantee", "DATE_INVALID Change/Grant/From", "DATE_INVALID Change/Grant/To")
	requireDefects(t, mandate(ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: bad}}), "SSIN_INVALID Change/Accept/Grantor")
	requireDefects(t, mandate(ctr.MandateChange{End: &ctr.MandateEnd{Grantor: bad}}), "SSIN_INVALID Change/End/Grantor")
	requireDefects(t, mandate(ctr.MandateChange{End: &ctr.MandateEnd{Grantee: bad}}), "SSIN_INVALID Change/End/Grantee")
	requireDefects(t, mandate(ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: bad, To: bad}}),
		"SSIN_INVALID Change/Transfer/Grantee", "SSIN_INVALID Change/Transfer/To")
	requireDefects(t, (&ctr.ManageStaffRequest{Change: ctr.StaffChange{Assign: &ctr.StaffAssignment{Person: bad, To: badDate}}}),
		"SSIN_INVALID Change/Assign/Person", "DATE_INVALID Change/Assign/To")
	requireDefects(t, (&ctr.ManageStaffRequest{Change: ctr.StaffChange{End: &ctr.StaffEnd{Person: bad}}}), "SSIN_INVALID Change/End/Person")

	page := platform.Page{Offset: 3, Limit: 7}
	if got := (&ctr.ListMandatesRequest{Offset: 3, MaxElements: 7}).ToDomain(); got != page {
		t.Errorf("mandates %+v", got)
	}
	if got := (&ctr.ListStaffRequest{Offset: 3, MaxElements: 7}).ToDomain(); got != page {
		t.Errorf("staff %+v", got)
	}

	s := compileContract(t)
	mandates := []access.MandateDetail{
		{Mandate: platform.Mandate{Grantor: ssin(claes), Grantee: ssin(wouters), AcceptedOn: mustParseDate(t, "2026-11-21"), Period: span}, State: platform.MandateFuture},
		{Mandate: platform.Mandate{Grantor: ssin(claes), Grantee: ssin(wouters), Period: platform.Period{From: span.From}}, State: platform.MandatePending},
	}
	members := []access.StaffMember{{Affiliation: platform.Affiliation{SSIN: ssin(wouters), Role: platform.RoleManager, Period: span}, State: access.StaffFuture}}
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
	nothing := ctr.NewListMandatesResponse(responseInfo, page, access.ListMandatesResult{})
	nobody := ctr.NewListStaffResponse(responseInfo, page, access.ListStaffResult{})
	if nothing.Status.Code.Code == nil || nobody.Status.Code.Code == nil || nothing.Offset != 3 || nobody.MaxElements != 7 {
		t.Errorf("nothing %+v, nobody %+v", nothing, nobody)
	}
	requireValid(t, s, "ManageMandateResponse", changed)
	requireValid(t, s, "ManageStaffResponse", named)
	requireValid(t, s, "ListMandatesResponse", ctr.NewListMandatesResponse(responseInfo, page, access.ListMandatesResult{Total: 2, Mandates: mandates}))
	requireValid(t, s, "ListMandatesResponse", nothing)
	requireValid(t, s, "ListStaffResponse", ctr.NewListStaffResponse(responseInfo, page, access.ListStaffResult{Total: 1, Members: members}))
	requireValid(t, s, "ListStaffResponse", nobody)
}
