package main

import (
	"testing"

	"github.com/openctr/ctr/internal/wire/ctr"
)

func TestMandateCommands(t *testing.T) {
	t.Parallel()
	answer := &ctr.ListMandatesResponse{MaxElements: 20, Total: 2, Mandate: []ctr.Mandate{
		{Grantor: "78031412250", Grantee: "91021706490", From: "2026-11-21", To: "2027-11-20", AcceptedOn: "2026-11-22", State: "Active"},
		{Grantor: "78031412250", Grantee: "84061205236", From: "2025-01-01", State: "Pending"},
	}}
	s, listed := newServiceDouble[ctr.ListMandatesRequest](t, "ListMandates", answer)
	runCtr(t, s.surgeonFlags(), "mandates").expect(t, exitOK, "2 found\n  Active of 78031412250 for 91021706490, from 2026-11-21 to 2027-11-20, accepted on 2026-11-22\n"+
		"  Pending of 78031412250 for 84061205236, from 2025-01-01\n")
	expectEqual(t, listed(), &ctr.ListMandatesRequest{MaxElements: 20})
	expectEqual(t, decodeAnswer[ctr.ListMandatesResponse](t, s, "mandates", "--offset", "1", "--max", "2"), answer)
	expectEqual(t, listed(), &ctr.ListMandatesRequest{Offset: 1, MaxElements: 2})

	changed := &ctr.ManageMandateResponse{Mandate: answer.Mandate[1:]}
	s, asked := newServiceDouble[ctr.ManageMandateRequest](t, "ManageMandate", changed)
	for _, c := range []struct {
		args   []string
		change ctr.MandateChange
	}{
		{[]string{"grant", "--grantee", "91021706490"}, ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: "91021706490"}}},
		{[]string{"grant", "--grantee", "91021706490", "--from", "2026-12-01", "--to", "2026-12-31"},
			ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: "91021706490", From: "2026-12-01", To: "2026-12-31"}}},
		{[]string{"accept", "--grantor", "69092234126"}, ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: "69092234126"}}},
		{[]string{"end", "--grantee", "91021706490"}, ctr.MandateChange{End: &ctr.MandateEnd{Grantee: "91021706490"}}},
		{[]string{"end", "--grantor", "69092234126"}, ctr.MandateChange{End: &ctr.MandateEnd{Grantor: "69092234126"}}},
		{[]string{"transfer", "--grantee", "91021706490", "--to", "84061205236"},
			ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: "91021706490", To: "84061205236"}}},
	} {
		args := append([]string{"mandate"}, c.args...)
		runCtr(t, s.surgeonFlags(), args...).expect(t, exitOK, "  Pending of 78031412250 for 84061205236, from 2025-01-01\n")
		expectEqual(t, asked(), &ctr.ManageMandateRequest{Change: c.change})
		expectEqual(t, decodeAnswer[ctr.ManageMandateResponse](t, s, args...), changed)
	}
	runCtr(t, s.surgeonFlags(), "mandate", "end").expect(t, exitUsage)
}

func TestStaffCommands(t *testing.T) {
	t.Parallel()
	answer := &ctr.ListStaffResponse{MaxElements: 20, Total: 1, Member: []ctr.StaffMember{
		{Person: "55230002134", Role: "ChiefAccessManager", From: "2018-01-01", State: "Active"},
	}}
	s, listed := newServiceDouble[ctr.ListStaffRequest](t, "ListStaff", answer)
	const line = "  55230002134  ChiefAccessManager, Active, from 2018-01-01\n"
	runCtr(t, s.surgeonFlags(), "staff").expect(t, exitOK, "1 found\n"+line)
	expectEqual(t, listed(), &ctr.ListStaffRequest{MaxElements: 20})
	expectEqual(t, decodeAnswer[ctr.ListStaffResponse](t, s, "staff", "--offset", "1", "--max", "2"), answer)
	expectEqual(t, listed(), &ctr.ListStaffRequest{Offset: 1, MaxElements: 2})

	s, asked := newServiceDouble[ctr.ManageStaffRequest](t, "ManageStaff", &ctr.ManageStaffResponse{Member: answer.Member})
	for _, c := range []struct {
		args   []string
		change ctr.StaffChange
	}{
		{[]string{"assign", "--person", "84061205236", "--role", "AdministrativeStaff", "--to", "2026-12-31"},
			ctr.StaffChange{Assign: &ctr.StaffAssignment{Person: "84061205236", Role: "AdministrativeStaff", To: "2026-12-31"}}},
		{[]string{"end", "--person", "84061205236", "--role", "AccessManager"},
			ctr.StaffChange{End: &ctr.StaffEnd{Person: "84061205236", Role: "AccessManager"}}},
	} {
		runCtr(t, s.surgeonFlags(), append([]string{"staff"}, c.args...)...).expect(t, exitOK, line)
		expectEqual(t, asked(), &ctr.ManageStaffRequest{Change: c.change})
	}
}

// TestUnregisteredIsSaid checks the display of an implant that the register knows only from its explantation.
func TestUnregisteredIsSaid(t *testing.T) {
	t.Parallel()
	s, _ := newServiceDouble[ctr.ListPatientImplantsRequest](t, "ListPatientImplants", &ctr.ListPatientImplantsResponse{Total: 1,
		Implant: []ctr.RegisteredImplant{{ImplantID: "i1", UDIDI: "05410000001047", Quantity: 1, OperationDate: "2026-11-20", Unregistered: true}}})
	runCtr(t, s.surgeonFlags(), "implants", "--patient", "48022907379").expect(t, exitOK, "placed 2026-11-20, remaining 0 of 1, placed abroad or before the register\n")
}
