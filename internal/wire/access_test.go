package wire_test

import (
	"reflect"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/wire"
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
		in   wire.MandateChange
		want implants.ManageMandateRequest
	}{
		{wire.MandateChange{Grant: &wire.MandateGrant{Grantee: wouters, From: "2026-12-01", To: " 2026-12-31 "}},
			implants.ManageMandateRequest{Grant: &implants.MandateGrant{Grantee: ssin(wouters), Period: span}}},
		{wire.MandateChange{Grant: &wire.MandateGrant{Grantee: wouters}}, implants.ManageMandateRequest{Grant: &implants.MandateGrant{Grantee: ssin(wouters)}}},
		{wire.MandateChange{Accept: &wire.MandateAcceptance{Grantor: claes}}, implants.ManageMandateRequest{Accept: &implants.MandateAcceptance{Grantor: ssin(claes)}}},
		{wire.MandateChange{End: &wire.MandateEnd{Grantor: claes}}, implants.ManageMandateRequest{End: &implants.MandateEnd{Grantor: ssin(claes)}}},
		{wire.MandateChange{End: &wire.MandateEnd{Grantee: wouters}}, implants.ManageMandateRequest{End: &implants.MandateEnd{Grantee: ssin(wouters)}}},
		{wire.MandateChange{Transfer: &wire.MandateTransfer{Grantee: wouters, To: claes}},
			implants.ManageMandateRequest{Transfer: &implants.MandateTransfer{Grantee: ssin(wouters), To: ssin(claes)}}},
	} {
		if got := (&wire.ManageMandateRequest{Change: c.in}).ToDomain(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("mandate %d: %+v", i, got)
		}
	}
	for i, c := range []struct {
		in   wire.StaffChange
		want implants.ManageStaffRequest
	}{
		{wire.StaffChange{Assign: &wire.StaffAssignment{Person: wouters, Role: "AccessManager", From: "2026-12-01", To: "2026-12-31"}},
			implants.ManageStaffRequest{Assign: &implants.StaffAssignment{Person: ssin(wouters), Role: implants.RoleManager, Period: span}}},
		{wire.StaffChange{End: &wire.StaffEnd{Person: wouters, Role: "AdministrativeStaff"}},
			implants.ManageStaffRequest{End: &implants.StaffEnd{Person: ssin(wouters), Role: implants.RoleAdministrative}}},
	} {
		if got := (&wire.ManageStaffRequest{Change: c.in}).ToDomain(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("staff %d: %+v", i, got)
		}
	}
	mandate := func(c wire.MandateChange) *wire.ManageMandateRequest { return &wire.ManageMandateRequest{Change: c} }
	requireDefects(t, mandate(wire.MandateChange{Grant: &wire.MandateGrant{Grantee: bad, From: badDate, To: badDate}}).ToDomain().Defects,
		"SSIN_INVALID Change/Grant/Grantee", "DATE_INVALID Change/Grant/From", "DATE_INVALID Change/Grant/To")
	requireDefects(t, mandate(wire.MandateChange{Accept: &wire.MandateAcceptance{Grantor: bad}}).ToDomain().Defects, "SSIN_INVALID Change/Accept/Grantor")
	requireDefects(t, mandate(wire.MandateChange{End: &wire.MandateEnd{Grantor: bad}}).ToDomain().Defects, "SSIN_INVALID Change/End/Grantor")
	requireDefects(t, mandate(wire.MandateChange{End: &wire.MandateEnd{Grantee: bad}}).ToDomain().Defects, "SSIN_INVALID Change/End/Grantee")
	requireDefects(t, mandate(wire.MandateChange{Transfer: &wire.MandateTransfer{Grantee: bad, To: bad}}).ToDomain().Defects,
		"SSIN_INVALID Change/Transfer/Grantee", "SSIN_INVALID Change/Transfer/To")
	requireDefects(t, (&wire.ManageStaffRequest{Change: wire.StaffChange{Assign: &wire.StaffAssignment{Person: bad, To: badDate}}}).ToDomain().Defects,
		"SSIN_INVALID Change/Assign/Person", "DATE_INVALID Change/Assign/To")
	requireDefects(t, (&wire.ManageStaffRequest{Change: wire.StaffChange{End: &wire.StaffEnd{Person: bad}}}).ToDomain().Defects, "SSIN_INVALID Change/End/Person")

	page := implants.Page{Offset: 3, Limit: 7}
	if got := (&wire.ListMandatesRequest{Offset: 3, MaxElements: 7}).ToDomain(); got != page {
		t.Errorf("mandates %+v", got)
	}
	if got := (&wire.ListStaffRequest{Offset: 3, MaxElements: 7}).ToDomain(); got != page {
		t.Errorf("staff %+v", got)
	}

	s := compileContract(t)
	mandates := []implants.MandateDetail{
		{Mandate: implants.Mandate{Grantor: ssin(claes), Grantee: ssin(wouters), AcceptedOn: mustParseDate(t, "2026-11-21"), Period: span}, State: implants.MandateFuture},
		{Mandate: implants.Mandate{Grantor: ssin(claes), Grantee: ssin(wouters), Period: implants.Period{From: span.From}}, State: implants.MandatePending},
	}
	members := []implants.StaffMember{{Affiliation: implants.Affiliation{SSIN: ssin(wouters), Role: implants.RoleManager, Period: span}, State: implants.StaffFuture}}
	changed := wire.NewManageMandateResponse(responseInfo, mandates)
	if m := changed.Mandate[0]; m != (wire.Mandate{Grantor: claes, Grantee: wouters, From: "2026-12-01", To: "2026-12-31", AcceptedOn: "2026-11-21", State: "Future"}) {
		t.Errorf("mandate %+v", m)
	}
	if m := changed.Mandate[1]; m.To != "" || m.AcceptedOn != "" {
		t.Errorf("mandate %+v", m)
	}
	named := wire.NewManageStaffResponse(responseInfo, members)
	if m := named.Member[0]; m != (wire.StaffMember{Person: wouters, Role: "AccessManager", From: "2026-12-01", To: "2026-12-31", State: "Future"}) {
		t.Errorf("member %+v", m)
	}
	nothing := wire.NewListMandatesResponse(responseInfo, page, implants.ListMandatesResult{})
	nobody := wire.NewListStaffResponse(responseInfo, page, implants.ListStaffResult{})
	if nothing.Status.Code.Code == nil || nobody.Status.Code.Code == nil || nothing.Offset != 3 || nobody.MaxElements != 7 {
		t.Errorf("nothing %+v, nobody %+v", nothing, nobody)
	}
	requireValid(t, s, "ManageMandateResponse", changed)
	requireValid(t, s, "ManageStaffResponse", named)
	requireValid(t, s, "ListMandatesResponse", wire.NewListMandatesResponse(responseInfo, page, implants.ListMandatesResult{Total: 2, Mandates: mandates}))
	requireValid(t, s, "ListMandatesResponse", nothing)
	requireValid(t, s, "ListStaffResponse", wire.NewListStaffResponse(responseInfo, page, implants.ListStaffResult{Total: 1, Members: members}))
	requireValid(t, s, "ListStaffResponse", nobody)
}
