package interop_test

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/interop"
	"github.com/openctr/ctr/internal/wire"
)

// This file contains the scenarios. Each one continues with the state that the previous one left.

// newImplantation returns an implantation of one femoral component.
func placing(specialist, patient, day, serial string) wire.Implantation {
	return wire.Implantation{
		Specialist: wire.Professional{SSIN: specialist}, OperationDate: day, Patient: patient,
		Prescriber: wire.Professional{NIHII: "17800389480"}, PrescriptionDate: "2020-01-02", Comment: comment,
		Implant: []wire.NotifiedImplant{{
			NotificationCode: "000071200176", UDI: "(01)05410000001047(17)291231(10)L2201(21)" + serial,
			Quantity: 1, Location: location, Side: "Left",
		}},
	}
}

// notifyImplant reports an implantation.
func (p *play) notify(as who, save string, n wire.Implantation) *wire.NotifyResponse {
	p.t.Helper()
	return ok[wire.NotifyResponse](p, as, &wire.NotifyImplantRequest{Save: save, Implantation: n})
}

func byNumber(n string) wire.NotificationOf    { return wire.NotificationOf{NotificationNumber: n} }
func byReference(r string) wire.NotificationOf { return wire.NotificationOf{Reference: r} }

// formatHistory joins the changes in the history of a notification.
func changes(n *wire.Notification) string {
	var all []string
	for _, h := range n.History {
		all = append(all, h.Change)
	}
	return strings.Join(all, "/")
}

// pendingVersion returns the version of a notification in the caller's list of pending notifications, or 0 if it is not
// listed.
func (p *play) pending(as who, state, reference string) int {
	p.t.Helper()
	list := ok[wire.ListPendingNotificationsResponse](p, as, &wire.ListPendingNotificationsRequest{MaxElements: 100, State: state})
	for _, n := range list.Notification {
		if n.Reference == reference {
			return n.Version
		}
	}
	return 0
}

func (p *play) preparation() {
	clerk, claes, dubois := inside(hospital, woutersSSIN), alone(claesSSIN), alone(duboisSSIN)
	content := placing(claesSSIN, leroySSIN, interop.Day(9), "S-PREPARED")
	refused(p, clerk, &wire.NotifyImplantRequest{Save: "Final", Implantation: content}, "MAY_NOT_NOTIFY")
	draft := &wire.NotifyImplantRequest{InputReference: "SCENE-1", Save: "Draft", Implantation: content}
	first := ok[wire.NotifyResponse](p, clerk, draft).Receipt
	p.want("state", first.State, "Draft")
	p.want("number of a draft", first.NotificationNumber, "")
	p.want("sent again", ok[wire.NotifyResponse](p, clerk, draft).Receipt.Reference, first.Reference)
	other := &wire.NotifyImplantRequest{InputReference: "SCENE-1", Save: "Draft", Implantation: placing(claesSSIN, leroySSIN, interop.Day(8), "S-PREPARED")}
	refused(p, clerk, other, "INPUT_REFERENCE_CONFLICT")

	of := byReference(first.Reference)
	content.Comment += " at all"
	revision := &wire.ReviseNotificationRequest{Of: of, Version: 1, Content: wire.Content{Implantation: &content}}
	p.want("version", ok[wire.ReviseNotificationResponse](p, clerk, revision).Receipt.Version, 2)
	refused(p, clerk, revision, "VERSION_OUTDATED")
	refused(p, claes, revision, "VERSION_OUTDATED")
	refused(p, dubois, revision, "NOTIFICATION_NOT_FOUND")
	revision.Version, revision.Save = 2, "Submit"
	p.want("state", ok[wire.ReviseNotificationResponse](p, clerk, revision).Receipt.State, "ToValidate")
	p.want("waits for Claes", p.pending(claes, "ToValidate", first.Reference), 3)
	p.want("waits for the clerk as a draft", p.pending(clerk, "Draft", first.Reference), 0)
	p.want("waits for Dubois", p.pending(dubois, "", first.Reference), 0)

	validation := &wire.ValidateNotificationRequest{Reference: first.Reference, Version: 3}
	refused(p, dubois, validation, "NOTIFICATION_NOT_FOUND")
	refused(p, clerk, validation, "MAY_NOT_NOTIFY")
	refused(p, claes, &wire.ValidateNotificationRequest{Reference: first.Reference, Version: 2}, "VERSION_OUTDATED")
	final := ok[wire.ValidateNotificationResponse](p, claes, validation).Receipt
	p.want("state", final.State, "Final")
	p.want("digits of the number", len(final.NotificationNumber), 15)
	p.want("waits for Claes", p.pending(claes, "", first.Reference), 0)
	refused(p, claes, validation, "NOTIFICATION_ALREADY_FINAL")

	of = byNumber(final.NotificationNumber)
	content.Comment = comment
	revision = &wire.ReviseNotificationRequest{Of: of, Version: final.Version, Content: wire.Content{Implantation: &content}}
	p.want("version", ok[wire.ReviseNotificationResponse](p, inside(hospital, claesSSIN), revision).Receipt.Version, 5)
	refused(p, claes, revision, "VERSION_OUTDATED")
	seen := ok[wire.GetNotificationResponse](p, claes, &wire.GetNotificationRequest{Of: of}).Notification
	p.want("history", changes(&seen), "Saved/Saved/Submitted/Notified/Revised")
	p.want("comment", seen.Comment, comment)
	p.want("location", seen.Implant[0].Location, location)

	// A discarded draft is in no list, but its history remains.
	unwanted := p.notify(clerk, "Draft", placing(claesSSIN, leroySSIN, interop.Day(9), "S-UNWANTED")).Receipt
	of = byReference(unwanted.Reference)
	refused(p, dubois, &wire.DiscardNotificationRequest{Of: of, Version: 1}, "NOTIFICATION_NOT_FOUND")
	ok[wire.DiscardNotificationResponse](p, clerk, &wire.DiscardNotificationRequest{Of: of, Version: 1})
	p.want("waits", p.pending(clerk, "", unwanted.Reference), 0)
	seen = ok[wire.GetNotificationResponse](p, claes, &wire.GetNotificationRequest{Of: of}).Notification
	p.want("history", changes(&seen), "Saved/Discarded")
}

// remainingImplants returns a patient's implants with the remaining quantity of each.
func (p *play) carried(as who, patient, at string) map[string]int {
	p.t.Helper()
	list := ok[wire.ListPatientImplantsResponse](p, as, &wire.ListPatientImplantsRequest{MaxElements: 100, Patient: patient, At: at})
	all := map[string]int{}
	for _, i := range list.Implant {
		all[i.ImplantID] = i.Remaining
	}
	p.want("total", list.Total, len(list.Implant))
	return all
}

func removing(patient, day string, explants ...wire.Explant) *wire.NotifyExplantRequest {
	return &wire.NotifyExplantRequest{Explantation: wire.Explantation{Specialist: wire.Professional{SSIN: claesSSIN}, OperationDate: day, Patient: patient,
		Comment: comment, Explant: explants}}
}

func (p *play) removal() {
	claes, clerk := alone(claesSSIN), inside(hospital, woutersSSIN)
	content := placing(claesSSIN, smitSSIN, interop.Day(20), "S-REMOVED")
	content.Implant = append(content.Implant, wire.NotifiedImplant{NotificationCode: "000071200275", LotNumber: "L77", Quantity: 3, Location: location})
	placed := p.notify(claes, "", content)
	single, triple := placed.Implant[0].ImplantID, placed.Implant[1].ImplantID
	holds := func(what string, want map[string]int) {
		p.t.Helper()
		if got := p.carried(claes, smitSSIN, ""); !maps.Equal(got, want) {
			p.t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	holds("placed", map[string]int{single: 1, triple: 3})
	part := removing(smitSSIN, interop.Day(10), wire.Explant{ImplantID: triple, Quantity: 1, Reason: loosened})
	first := ok[wire.NotifyResponse](p, claes, part)
	p.want("remaining", first.Implant[0].Remaining, 2)
	holds("a part removed", map[string]int{single: 1, triple: 2})
	refused(p, claes, removing(smitSSIN, interop.Day(9), wire.Explant{ImplantID: triple, Quantity: 3}), "EXPLANT_EXCEEDS_REMAINING")
	refused(p, claes, removing(smitSSIN, interop.Day(30), wire.Explant{ImplantID: triple, Quantity: 1}), "EXPLANT_BEFORE_IMPLANT")
	refused(p, claes, removing(kayaSSIN, interop.Day(9), wire.Explant{ImplantID: triple, Quantity: 1}), "IMPLANT_NOT_OF_PATIENT")

	// A revision changes the removed quantity; its own earlier quantity does not count against it.
	part.Explantation.Explant[0].Quantity = 2
	ok[wire.ReviseNotificationResponse](p, claes, &wire.ReviseNotificationRequest{Of: byNumber(first.Receipt.NotificationNumber), Version: 1,
		Content: wire.Content{Explantation: &part.Explantation}})
	holds("the part revised", map[string]int{single: 1, triple: 1})

	// The rest is prepared by the clerk and validated.
	rest := removing(smitSSIN, interop.Day(5), wire.Explant{ImplantID: triple, Reason: loosened}, wire.Explant{ImplantID: single})
	rest.Save = "Submit"
	waits := ok[wire.NotifyResponse](p, clerk, rest).Receipt
	late := ok[wire.NotifyResponse](p, clerk, rest).Receipt // submitted twice by mistake
	holds("a removal that waits", map[string]int{single: 1, triple: 1})
	second := ok[wire.ValidateNotificationResponse](p, claes, &wire.ValidateNotificationRequest{Reference: waits.Reference, Version: 1}).Receipt
	holds("all removed", map[string]int{})
	refused(p, claes, &wire.ValidateNotificationRequest{Reference: late.Reference, Version: 1}, "EXPLANT_EXCEEDS_REMAINING")
	ok[wire.DiscardNotificationResponse](p, claes, &wire.DiscardNotificationRequest{Of: byReference(late.Reference), Version: 1})
	before := p.carried(claes, smitSSIN, interop.Day(6))
	p.want("on the day before", before[triple]+before[single], 2)

	// A withdrawn removal remains in the history, and its implants count as present again.
	withdrawal := &wire.DiscardNotificationRequest{Of: byNumber(second.NotificationNumber), Version: 2}
	refused(p, claes, withdrawal, "REASON_REQUIRED")
	withdrawal.Reason = mistake
	refused(p, alone(duboisSSIN), withdrawal, "NOTIFICATION_NOT_FOUND")
	p.want("state", ok[wire.DiscardNotificationResponse](p, claes, withdrawal).Receipt.State, "Withdrawn")
	refused(p, claes, withdrawal, "NOTIFICATION_WITHDRAWN")
	holds("the removal withdrawn", map[string]int{single: 1, triple: 1})
	seen := ok[wire.GetNotificationResponse](p, claes, &wire.GetNotificationRequest{Of: byNumber(second.NotificationNumber)}).Notification
	p.want("state", seen.State, "Withdrawn")
	p.want("history", changes(&seen), "Submitted/Notified/Withdrawn")
	p.want("reason", seen.History[2].Reason, mistake)
	p.want("reason of a removal", seen.Explant[0].Reason, loosened)

	number := placed.Receipt.NotificationNumber
	refused(p, claes, &wire.DiscardNotificationRequest{Of: byNumber(number), Version: 1, Reason: mistake}, "IMPLANT_REMOVED_SINCE")
	ok[wire.DiscardNotificationResponse](p, claes, &wire.DiscardNotificationRequest{Of: byNumber(first.Receipt.NotificationNumber), Version: 2, Reason: mistake})
	holds("both withdrawn", map[string]int{single: 1, triple: 3})
	ok[wire.DiscardNotificationResponse](p, claes, &wire.DiscardNotificationRequest{Of: byNumber(number), Version: 1, Reason: mistake})
	holds("the implantation withdrawn", map[string]int{})
	found := ok[wire.SearchResponse](p, claes, searching(wire.SearchCriteria{ByNotification: &wire.ByNotification{NotificationNumber: number}}))
	p.want("found", found.Total, 1)
	p.want("state", found.Notification[0].State, "Withdrawn")
}

func (p *play) abroad() {
	claes := alone(claesSSIN)
	declared := &wire.NotifiedImplant{LotNumber: "ABROAD-1", SerialNumber: "UNKNOWN-HERE", UDI: "(01)05410000001283(10)ABROAD-1", Quantity: 2, Location: location, Side: "Right"}
	request := removing(nguyenSSIN, interop.Day(7), wire.Explant{Unregistered: declared, Quantity: 2, Reason: loosened})
	removed := ok[wire.NotifyResponse](p, claes, request)
	p.want("implants", len(removed.Implant), 1)
	p.want("marked", removed.Implant[0].Unregistered, true)
	p.want("remaining", removed.Implant[0].Remaining, 0)
	p.want("carried", len(p.carried(claes, nguyenSSIN, "")), 0)
	refused(p, claes, removing(nguyenSSIN, interop.Day(6), wire.Explant{ImplantID: removed.Implant[0].ImplantID, Quantity: 1}), "IMPLANT_NOT_OF_PATIENT")
	seen := ok[wire.GetNotificationResponse](p, claes, &wire.GetNotificationRequest{Of: byNumber(removed.Receipt.NotificationNumber)}).Notification
	p.want("location", seen.Explant[0].Implant.Location, location)
	p.want("marked", seen.Explant[0].Implant.Unregistered, true)
}

// playAffiliation: Dubois is affiliated with the hospital until 31 December 2023, and with the clinic from the next
// day.
func (p *play) affiliation() {
	const last, first = "2023-12-31", "2024-01-01"
	in := func(organisation string) who { return inside(organisation, duboisSSIN) }
	p.notify(in(hospital), "Final", placing(duboisSSIN, nguyenSSIN, last, "S-2023"))
	p.notify(in(clinic), "Final", placing(duboisSSIN, nguyenSSIN, first, "S-2024"))
	refused(p, in(hospital), &wire.NotifyImplantRequest{Implantation: placing(duboisSSIN, nguyenSSIN, first, "S-NONE")}, "AUTHOR_NOT_ATTACHED")
	refused(p, in(clinic), &wire.NotifyImplantRequest{Implantation: placing(duboisSSIN, nguyenSSIN, last, "S-NONE")}, "AUTHOR_NOT_ATTACHED")
	search := searching(wire.SearchCriteria{ByPatient: &wire.ByPatient{Patient: nguyenSSIN, OperationType: "Implantation"}})
	p.want("found by Dubois in the clinic", ok[wire.SearchResponse](p, in(clinic), search).Total, 2)
	refused(p, in(hospital), search, "AUTHOR_NOT_ATTACHED")

	// Jacobs left the hospital a year earlier: its clerk may prepare only notifications of surgery until then.
	clerk := inside(hospital, woutersSSIN)
	waits := p.notify(clerk, "Submit", placing(jacobsSSIN, nguyenSSIN, "2022-12-31", "S-2022")).Receipt
	refused(p, clerk, &wire.NotifyImplantRequest{Save: "Draft", Implantation: placing(jacobsSSIN, nguyenSSIN, "2023-01-01", "S-NONE")}, "MAY_NOT_PREPARE")
	p.want("waits for a colleague", p.pending(inside(hospital, claesSSIN), "", waits.Reference), 0)
	p.want("waits for the clerk", p.pending(clerk, "ToValidate", waits.Reference), 1)
}

func searching(c wire.SearchCriteria) *wire.SearchRequest {
	return &wire.SearchRequest{MaxElements: 100, Criteria: c}
}

func ofPatient(ssin string) wire.SearchCriteria {
	return wire.SearchCriteria{ByPatient: &wire.ByPatient{Patient: ssin}}
}

// requireReadable tries every way to read data of a patient, with or without an emergency reason. It requires want
// readable notifications; with 0, every read must act as if there were none.
func (p *play) reads(as who, patient, number, emergency string, want int) {
	p.t.Helper()
	search := searching(ofPatient(patient))
	search.EmergencyReason = emergency
	p.want("notifications", ok[wire.SearchResponse](p, as, search).Total, want)
	list := &wire.ListPatientImplantsRequest{MaxElements: 100, Patient: patient, EmergencyReason: emergency}
	p.want("some implants", ok[wire.ListPatientImplantsResponse](p, as, list).Total > 0, want > 0)
	one := &wire.GetNotificationRequest{Of: byNumber(number), EmergencyReason: emergency}
	cards := []*wire.GetImplantCardRequest{{Of: wire.CardOf{NotificationNumber: number}}, {Of: wire.CardOf{Patient: patient}}}
	cards[0].EmergencyReason, cards[1].EmergencyReason = emergency, emergency
	if want == 0 {
		refused(p, as, one, "NOTIFICATION_NOT_FOUND")
		refused(p, as, cards[0], "NOTIFICATION_NOT_FOUND")
		refused(p, as, cards[1], "CARD_NOT_FOUND")
		return
	}
	p.want("patient", ok[wire.GetNotificationResponse](p, as, one).Notification.Patient, patient)
	for _, c := range cards {
		if card := ok[wire.GetImplantCardResponse](p, as, c).Card; !bytes.HasPrefix(card.Content, []byte("%PDF-")) || len(card.Digest) == 0 {
			p.t.Errorf("card: %d octets", len(card.Content))
		}
	}
}

func (p *play) reading() {
	leroy, peeters := alone(leroySSIN), alone(peetersSSIN)
	own := ok[wire.SearchResponse](p, leroy, searching(ofPatient(leroySSIN)))
	p.want("own notifications", own.Total, 1)
	number := own.Notification[0].NotificationNumber
	p.reads(leroy, leroySSIN, number, "", 1)
	refused(p, leroy, searching(wire.SearchCriteria{ByImplant: &wire.ByImplant{SerialNumber: "S-PREPARED"}}), "MAY_NOT_SEARCH_BY_IMPLANT")
	refused(p, inside(hospital, woutersSSIN), searching(ofPatient(leroySSIN)), "MAY_NOT_READ")
	p.reads(peeters, leroySSIN, number, "", 0) // their care relation ended in 2022

	// The general practitioner's care relation with Van Damme lasts until the authentic source no longer contains it.
	other := p.notify(alone(claesSSIN), "", placing(claesSSIN, vanDamSSIN, interop.Day(12), "S-VD-1")).Receipt.NotificationNumber
	p.notify(inside(clinic, duboisSSIN), "", placing(duboisSSIN, vanDamSSIN, interop.Day(11), "S-VD-2"))
	p.reads(leroy, vanDamSSIN, other, "", 0)
	p.reads(peeters, vanDamSSIN, other, "", 2)
	p.load("therapeutic-links", map[string]string{vanDamSSIN + ";" + peetersSSIN + ";gmd;2021-01-01;\n": ""})
	p.reads(peeters, vanDamSSIN, other, "", 0)
	p.reads(alone(duboisSSIN), vanDamSSIN, other, "", 2) // their relation comes from the surgery, not from the authentic source
}

func assign(person, role string) *wire.ManageStaffRequest {
	return &wire.ManageStaffRequest{Change: wire.StaffChange{Assign: &wire.StaffAssignment{Person: person, Role: role}}}
}

func dismiss(person, role string) *wire.ManageStaffRequest {
	return &wire.ManageStaffRequest{Change: wire.StaffChange{End: &wire.StaffEnd{Person: person, Role: role}}}
}

func (p *play) staff() {
	const staff, manager = "AdministrativeStaff", "AccessManager"
	chief, second, lambert := inside(hospital, smitSSIN), inside(hospital, peetersSSIN), inside(hospital, lambertSSIN)
	draft := &wire.NotifyImplantRequest{Save: "Draft", Implantation: placing(claesSSIN, kayaSSIN, interop.Day(6), "S-STAFF")}
	refused(p, lambert, draft, "AUTHOR_NOT_ATTACHED")
	refused(p, inside(hospital, woutersSSIN), assign(lambertSSIN, staff), "MAY_NOT_MANAGE_STAFF")
	refused(p, second, assign(lambertSSIN, staff), "AUTHOR_NOT_ATTACHED")
	p.want("state", ok[wire.ManageStaffResponse](p, chief, assign(peetersSSIN, manager)).Member[0].State, "Active")
	refused(p, second, assign(lambertSSIN, "Specialist"), "ROLE_OF_AUTHENTIC_SOURCE")
	ok[wire.ManageStaffResponse](p, second, assign(lambertSSIN, staff))
	refused(p, second, assign(lambertSSIN, staff), "STAFF_ROLE_EXISTS")
	reference := ok[wire.NotifyResponse](p, lambert, draft).Receipt.Reference
	p.want("waits for the new clerk", p.pending(lambert, "Draft", reference), 1)
	states := func() map[string]string {
		all := map[string]string{}
		for offset, total := 0, 1; offset < total; {
			list := ok[wire.ListStaffResponse](p, chief, &wire.ListStaffRequest{Offset: offset, MaxElements: 4})
			for _, m := range list.Member {
				all[m.Person+" "+m.Role] = m.State
			}
			if len(list.Member) == 0 {
				p.t.Fatalf("%d of %d listed", offset, list.Total)
			}
			offset, total = offset+len(list.Member), list.Total
		}
		return all
	}
	p.want("the new clerk", states()[lambertSSIN+" "+staff], "Active")
	p.want("Dubois", states()[duboisSSIN+" Specialist"], "Ended")
	ok[wire.ManageStaffResponse](p, second, dismiss(lambertSSIN, staff))
	refused(p, second, dismiss(lambertSSIN, staff), "STAFF_ROLE_NOT_FOUND")
	refused(p, lambert, draft, "AUTHOR_NOT_ATTACHED")
	refused(p, lambert, &wire.ListPendingNotificationsRequest{MaxElements: 10}, "AUTHOR_NOT_ATTACHED")
	ok[wire.ManageStaffResponse](p, chief, dismiss(peetersSSIN, manager))
	refused(p, second, assign(lambertSSIN, staff), "AUTHOR_NOT_ATTACHED")
	p.want("the former clerk", states()[lambertSSIN+" "+staff], "Ended")
}

// mandateState returns the state of the mandate from Claes to grantee in the caller's list.
func (p *play) mandate(as who, grantee string) string {
	p.t.Helper()
	state := ""
	for _, m := range ok[wire.ListMandatesResponse](p, as, &wire.ListMandatesRequest{MaxElements: 100}).Mandate {
		if m.Grantor == claesSSIN && m.Grantee == grantee {
			state = m.State
		}
	}
	return state
}

func (p *play) mandates() {
	claes, lambert, peeters, wouters := alone(claesSSIN), alone(lambertSSIN), alone(peetersSSIN), alone(woutersSSIN)
	change := func(c wire.MandateChange) *wire.ManageMandateRequest { return &wire.ManageMandateRequest{Change: c} }
	accept := change(wire.MandateChange{Accept: &wire.MandateAcceptance{Grantor: claesSSIN}})
	draft := func(specialist string) *wire.NotifyImplantRequest {
		return &wire.NotifyImplantRequest{Save: "Submit", Implantation: placing(specialist, kayaSSIN, interop.Day(4), "S-MANDATE")}
	}
	p.want("expired", p.mandate(wouters, woutersSSIN), "Ended")
	refused(p, wouters, draft(claesSSIN), "MAY_NOT_PREPARE")
	ok[wire.NotifyResponse](p, wouters, draft(duboisSSIN)) // whose mandate for Wouters lasts

	last := interop.Day(-40)
	grant := change(wire.MandateChange{Grant: &wire.MandateGrant{Grantee: lambertSSIN, To: last}})
	refused(p, alone(leroySSIN), grant, "MAY_NOT_MANDATE")
	refused(p, lambert, grant, "MANDATE_TO_SELF")
	p.want("granted", ok[wire.ManageMandateResponse](p, claes, grant).Mandate[0].State, "Pending")
	refused(p, claes, grant, "MANDATE_EXISTS")
	refused(p, lambert, draft(claesSSIN), "MAY_NOT_PREPARE")
	refused(p, peeters, accept, "MANDATE_NOT_FOUND")
	p.want("accepted", ok[wire.ManageMandateResponse](p, lambert, accept).Mandate[0].State, "Active")
	waits := ok[wire.NotifyResponse](p, lambert, draft(claesSSIN)).Receipt
	validation := &wire.ValidateNotificationRequest{Reference: waits.Reference, Version: 1}
	refused(p, lambert, validation, "NOT_YOUR_OPERATION")

	transfer := change(wire.MandateChange{Transfer: &wire.MandateTransfer{Grantee: lambertSSIN, To: peetersSSIN}})
	ok[wire.ManageMandateResponse](p, claes, transfer)
	p.want("of the former holder", p.mandate(claes, lambertSSIN), "Ended")
	p.want("of the new holder", p.mandate(peeters, peetersSSIN), "Pending")
	refused(p, lambert, draft(claesSSIN), "MAY_NOT_PREPARE")
	refused(p, lambert, validation, "NOTIFICATION_NOT_FOUND")
	refused(p, peeters, draft(claesSSIN), "MAY_NOT_PREPARE")
	moved := ok[wire.ManageMandateResponse](p, peeters, accept).Mandate[0]
	p.want("last day", moved.To, last)
	p.want("waits for the new holder", p.pending(peeters, "ToValidate", waits.Reference), 1)
	ok[wire.NotifyResponse](p, peeters, draft(claesSSIN))
	ok[wire.ManageMandateResponse](p, claes, change(wire.MandateChange{End: &wire.MandateEnd{Grantee: peetersSSIN}}))
	refused(p, peeters, draft(claesSSIN), "MAY_NOT_PREPARE")
	refused(p, peeters, accept, "MANDATE_NOT_FOUND")
	p.want("ended", p.mandate(peeters, peetersSSIN), "Ended")
	ok[wire.ValidateNotificationResponse](p, claes, validation)
}

func (p *play) emergency() {
	leroy, peeters := alone(leroySSIN), alone(peetersSSIN)
	number := ok[wire.SearchResponse](p, leroy, searching(ofPatient(leroySSIN))).Notification[0].NotificationNumber
	p.reads(peeters, leroySSIN, number, accident, 1)
	refused(p, inside(hospital, woutersSSIN), &wire.GetNotificationRequest{Of: byNumber(number), EmergencyReason: accident}, "MAY_NOT_READ")
	p.reads(peeters, leroySSIN, number, "", 0) // an emergency gives no lasting access

	count := func(report string) int {
		p.t.Helper()
		operations := map[string]bool{}
		for line := range strings.Lines(report) {
			if !strings.Contains(line, accident) {
				p.t.Errorf("without the reason: %s", line)
			}
			if found := operationOf.FindStringSubmatch(line); found != nil && strings.Contains(line, `"outcome":"accepted"`) {
				operations[found[1]] = true
			}
		}
		return len(operations)
	}
	report := p.operate("audit", "emergencies", "--format", "json")
	p.want("operations reported", count(report), 4)
	p.said.WriteString(strings.ReplaceAll(report, accident, "")) // the report shows the reason on purpose
	revealed := p.operate("audit", "emergencies", "--format", "json", "--reveal", revelation)
	p.want("operations reported", count(revealed), 4)
	p.want("names the doctor", strings.Contains(revealed, `"person":"`+peetersSSIN), true)
	p.want("names the patient", strings.Contains(revealed, `"patient":"`+leroySSIN), true)
}

var operationOf = regexp.MustCompile(`"operation":"([^"]*)"`)

func (p *play) searches() {
	claes := alone(claesSSIN)
	var numbers []string
	for i := range 5 {
		content := placing(claesSSIN, kayaSSIN, interop.Day(30-i), "S-PAGE-"+string(rune('A'+i)))
		content.Implant[0].UDI = "(01)05410000001047(17)291231(10)L-PAGES(21)S-PAGE-" + string(rune('A'+i))
		numbers = append(numbers, p.notify(claes, "Final", content).Receipt.NotificationNumber)
	}
	slices.Sort(numbers)
	from, to := interop.Day(30), interop.Day(26)
	patient := &wire.ByPatient{Patient: kayaSSIN, From: from, To: to, OperationType: "Implantation"}
	for name, c := range map[string]wire.SearchCriteria{
		"patient": {ByPatient: patient},
		"lot":     {ByImplant: &wire.ByImplant{LotNumber: "L-PAGES"}},
		"code":    {ByImplant: &wire.ByImplant{NotificationCode: "000071200176", LotNumber: "L-PAGES", From: from, To: to}},
		"UDI":     {ByImplant: &wire.ByImplant{UDI: "(01)05410000001047", LotNumber: "L-PAGES"}},
	} {
		var found []string
		for offset := 0; offset < 6; offset += 2 {
			page := ok[wire.SearchResponse](p, claes, &wire.SearchRequest{Offset: offset, MaxElements: 2, Criteria: c})
			p.want("total by "+name, page.Total, 5)
			for _, n := range page.Notification {
				found = append(found, n.NotificationNumber)
				p.want("own", n.Own, true)
			}
		}
		slices.Sort(found)
		if !slices.Equal(found, numbers) {
			p.t.Errorf("by %s: %v, want %v", name, found, numbers)
		}
	}
	for name, c := range map[string]wire.SearchCriteria{
		"number": {ByNotification: &wire.ByNotification{NotificationNumber: numbers[0]}},
		"serial": {ByImplant: &wire.ByImplant{SerialNumber: "S-PAGE-B"}},
		"day":    {ByPatient: &wire.ByPatient{Patient: kayaSSIN, From: to, To: to}},
	} {
		p.want("by "+name, ok[wire.SearchResponse](p, claes, searching(c)).Total, 1)
		p.want("by another doctor, by "+name, ok[wire.SearchResponse](p, alone(duboisSSIN), searching(c)).Total, 0)
	}
}

func (p *play) devices() {
	peeters := alone(peetersSSIN)
	for name, test := range map[string]struct {
		criteria wire.DeviceCriteria
		total    int
	}{
		"text":     {wire.DeviceCriteria{Text: "knee ardenne", Category: "Orthopaedic"}, 2},
		"code":     {wire.DeviceCriteria{NotificationCode: "000071211064"}, 1},
		"UDI":      {wire.DeviceCriteria{UDI: "(01)05410000002037(10)X"}, 1},
		"nothing":  {wire.DeviceCriteria{Text: "nobody makes this"}, 0},
		"category": {wire.DeviceCriteria{Category: "Stent"}, 2},
	} {
		p.want("by "+name, ok[wire.SearchDeviceResponse](p, peeters, &wire.SearchDeviceRequest{MaxElements: 20, Criteria: test.criteria}).Total, test.total)
	}
	codes := map[string]bool{}
	for offset := 0; offset < 12; offset += 5 {
		page := ok[wire.SearchDeviceResponse](p, peeters, &wire.SearchDeviceRequest{Offset: offset, MaxElements: 5})
		p.want("total", page.Total, 12)
		for _, d := range page.Device {
			codes[d.NotificationCode+" "+d.DeviceStatus] = true
		}
	}
	p.want("devices", len(codes), 12)
	p.want("the recalled one", codes["000071211064 Recalled"], true)
}

// playMistyped: a number with wrong check digits is refused in every position, and is as private as the correct one.
func (p *play) mistyped() {
	claes, chief := alone(claesSSIN), inside(hospital, smitSSIN)
	const code = "SSIN_INVALID"
	refused(p, claes, searching(ofPatient(mistyped)), code)
	refused(p, claes, &wire.ListPatientImplantsRequest{MaxElements: 10, Patient: mistyped}, code)
	refused(p, claes, &wire.GetImplantCardRequest{Of: wire.CardOf{Patient: mistyped}, EmergencyReason: accident}, code)
	refused(p, claes, &wire.NotifyImplantRequest{Save: "Draft", Implantation: placing(mistyped, leroySSIN, interop.Day(3), "S-NONE")}, code)
	refused(p, claes, removing(mistyped, interop.Day(3), wire.Explant{ImplantID: "none", Reason: loosened}), code)
	refused(p, claes, &wire.ManageMandateRequest{Change: wire.MandateChange{Grant: &wire.MandateGrant{Grantee: mistyped}}}, code)
	refused(p, chief, assign(mistyped, "AdministrativeStaff"), code)
	refused(p, inside(hospital, mistyped), &wire.ListStaffRequest{MaxElements: 10}, code)
}

// playRecall: the operator traces a lot, which identifies no patient, and marks a device; callers see the mark at once.
func (p *play) recall() {
	traced := p.operate("recall", "trace", "--lot", "L-PAGES", "--format", "json")
	p.want("in place", strings.Contains(traced, `"in_place": 5`), true)
	p.want("patients by pseudonyms", strings.Count(traced, `"patient": "P-`), 5)
	p.want("a patient's number", strings.Contains(traced, kayaSSIN), false)

	const stent = "000080145556"
	p.operate("recall", "mark", "--code", stent, "--on", interop.Day(5), "--commit")
	search := &wire.SearchDeviceRequest{MaxElements: 20, Criteria: wire.DeviceCriteria{NotificationCode: stent}}
	p.want("status", ok[wire.SearchDeviceResponse](p, alone(duboisSSIN), search).Device[0].DeviceStatus, "Recalled")
	content := placing(duboisSSIN, kayaSSIN, interop.Day(3), "")
	content.Implant = []wire.NotifiedImplant{{NotificationCode: stent, LotNumber: "L1", SerialNumber: "S-STENT", Quantity: 1, Location: location}}
	var codes []string
	for _, w := range p.notify(alone(duboisSSIN), "Final", content).Warning {
		codes = append(codes, w.Code)
	}
	p.want("warnings", strings.Join(codes, " "), "WARN_DEVICE_RECALLED")
}
