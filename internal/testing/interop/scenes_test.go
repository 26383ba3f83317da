package interop_test

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// This file contains the scenarios. Each one continues with the state that the previous one left; its steps are
// subtests, and the first failure ends the run.

// newImplantation returns an implantation of one femoral component.
func newImplantation(specialist, patient, day, serial string) ctr.Implantation {
	return ctr.Implantation{
		Specialist: ctr.Professional{SSIN: specialist}, OperationDate: day, Patient: patient,
		Prescriber: ctr.Professional{NIHII: "17800389480"}, PrescriptionDate: "2020-01-02", Comment: comment,
		Implant: []ctr.NotifiedImplant{{
			NotificationCode: "000071200176", UDI: "(01)05410000001047(17)291231(10)L2201(21)" + serial,
			Quantity: 1, Location: location, Side: "Left",
		}},
	}
}

// notifyImplant reports an implantation.
func (p *scenarioRun) notifyImplant(as identity, save string, n ctr.Implantation) *ctr.NotifyResponse {
	p.t.Helper()
	return mustCall[ctr.NotifyResponse](p, as, &ctr.NotifyImplantRequest{Save: save, Implantation: n})
}

func refByNumber(n string) ctr.NotificationOf    { return ctr.NotificationOf{NotificationNumber: n} }
func refByReference(r string) ctr.NotificationOf { return ctr.NotificationOf{Reference: r} }

// formatHistory joins the changes in the history of a notification.
func formatHistory(n *ctr.Notification) string {
	var all []string
	for _, h := range n.History {
		all = append(all, h.Change)
	}
	return strings.Join(all, "/")
}

// pendingVersion returns the version of a notification in the caller's list of pending notifications, or 0 if it is not
// listed.
func (p *scenarioRun) pendingVersion(as identity, state, reference string) int {
	p.t.Helper()
	list := mustCall[ctr.ListPendingNotificationsResponse](p, as, &ctr.ListPendingNotificationsRequest{MaxElements: 100, State: state})
	for _, n := range list.Notification {
		if n.Reference == reference {
			return n.Version
		}
	}
	return 0
}

func (p *scenarioRun) playPreparation() {
	clerk, claes, dubois := asOrganisation(hospital, woutersSSIN), asPerson(claesSSIN), asPerson(duboisSSIN)
	content := newImplantation(claesSSIN, leroySSIN, interop.FormatDaysAgo(9), "S-PREPARED")
	var first, final ctr.Receipt
	p.play("a clerk saves a draft once", func() {
		mustRefuse(p, clerk, &ctr.NotifyImplantRequest{Save: "Final", Implantation: content}, "MAY_NOT_NOTIFY")
		draft := &ctr.NotifyImplantRequest{InputReference: wordyReference, Save: "Draft", Implantation: content}
		first = mustCall[ctr.NotifyResponse](p, clerk, draft).Receipt
		p.requireEqual("state", first.State, "Draft")
		p.requireEqual("number of a draft", first.NotificationNumber, "")
		p.requireEqual("sent again", mustCall[ctr.NotifyResponse](p, clerk, draft).Receipt.Reference, first.Reference)
		other := &ctr.NotifyImplantRequest{InputReference: wordyReference, Save: "Draft", Implantation: newImplantation(claesSSIN, leroySSIN, interop.FormatDaysAgo(8), "S-PREPARED")}
		mustRefuse(p, clerk, other, "INPUT_REFERENCE_CONFLICT")
	})
	p.play("the clerk revises the draft and submits it", func() {
		of := refByReference(first.Reference)
		content.Comment += " at all"
		revision := &ctr.ReviseNotificationRequest{Of: of, Version: 1, Content: ctr.Content{Implantation: &content}}
		p.requireEqual("version", mustCall[ctr.ReviseNotificationResponse](p, clerk, revision).Receipt.Version, 2)
		mustRefuse(p, clerk, revision, "VERSION_OUTDATED")
		mustRefuse(p, claes, revision, "VERSION_OUTDATED")
		mustRefuse(p, dubois, revision, "NOTIFICATION_NOT_FOUND")
		revision.Version, revision.Save = 2, "Submit"
		p.requireEqual("state", mustCall[ctr.ReviseNotificationResponse](p, clerk, revision).Receipt.State, "ToValidate")
		p.requireEqual("waits for Claes", p.pendingVersion(claes, "ToValidate", first.Reference), 3)
		p.requireEqual("waits for the clerk as a draft", p.pendingVersion(clerk, "Draft", first.Reference), 0)
		p.requireEqual("waits for Dubois", p.pendingVersion(dubois, "", first.Reference), 0)
	})
	p.play("the specialist validates it", func() {
		validation := &ctr.ValidateNotificationRequest{Reference: first.Reference, Version: 3}
		mustRefuse(p, dubois, validation, "NOTIFICATION_NOT_FOUND")
		mustRefuse(p, clerk, validation, "MAY_NOT_NOTIFY")
		mustRefuse(p, claes, &ctr.ValidateNotificationRequest{Reference: first.Reference, Version: 2}, "VERSION_OUTDATED")
		final = mustCall[ctr.ValidateNotificationResponse](p, claes, validation).Receipt
		p.requireEqual("state", final.State, "Final")
		p.requireEqual("digits of the number", len(final.NotificationNumber), 15)
		p.requireEqual("waits for Claes", p.pendingVersion(claes, "", first.Reference), 0)
		mustRefuse(p, claes, validation, "NOTIFICATION_ALREADY_FINAL")
	})
	p.play("a colleague revises the notification", func() {
		of := refByNumber(final.NotificationNumber)
		content.Comment = comment
		revision := &ctr.ReviseNotificationRequest{Of: of, Version: final.Version, Content: ctr.Content{Implantation: &content}}
		p.requireEqual("version", mustCall[ctr.ReviseNotificationResponse](p, asOrganisation(hospital, claesSSIN), revision).Receipt.Version, 5)
		mustRefuse(p, claes, revision, "VERSION_OUTDATED")
		seen := mustCall[ctr.GetNotificationResponse](p, claes, &ctr.GetNotificationRequest{Of: of}).Notification
		p.requireEqual("history", formatHistory(&seen), "Saved/Saved/Submitted/Notified/Revised")
		p.requireEqual("comment", seen.Comment, comment)
		p.requireEqual("location", seen.Implant[0].Location, location)
	})
	p.play("a discarded draft is in no list, but its history remains", func() {
		unwanted := p.notifyImplant(clerk, "Draft", newImplantation(claesSSIN, leroySSIN, interop.FormatDaysAgo(9), "S-UNWANTED")).Receipt
		of := refByReference(unwanted.Reference)
		mustRefuse(p, dubois, &ctr.DiscardNotificationRequest{Of: of, Version: 1}, "NOTIFICATION_NOT_FOUND")
		mustCall[ctr.DiscardNotificationResponse](p, clerk, &ctr.DiscardNotificationRequest{Of: of, Version: 1})
		p.requireEqual("waits", p.pendingVersion(clerk, "", unwanted.Reference), 0)
		seen := mustCall[ctr.GetNotificationResponse](p, claes, &ctr.GetNotificationRequest{Of: of}).Notification
		p.requireEqual("history", formatHistory(&seen), "Saved/Discarded")
	})
}

// remainingImplants returns a patient's implants with the remaining quantity of each.
func (p *scenarioRun) remainingImplants(as identity, patient, at string) map[string]int {
	p.t.Helper()
	list := mustCall[ctr.ListPatientImplantsResponse](p, as, &ctr.ListPatientImplantsRequest{MaxElements: 100, Patient: patient, At: at})
	all := map[string]int{}
	for _, i := range list.Implant {
		all[i.ImplantID] = i.Remaining
	}
	p.requireEqual("total", list.Total, len(list.Implant))
	return all
}

func newExplantRequest(patient, day string, explants ...ctr.Explant) *ctr.NotifyExplantRequest {
	return &ctr.NotifyExplantRequest{Explantation: ctr.Explantation{Specialist: ctr.Professional{SSIN: claesSSIN}, OperationDate: day, Patient: patient,
		Comment: comment, Explant: explants}}
}

func (p *scenarioRun) playRemoval() {
	claes, clerk := asPerson(claesSSIN), asOrganisation(hospital, woutersSSIN)
	content := newImplantation(claesSSIN, smitSSIN, interop.FormatDaysAgo(20), "S-REMOVED")
	content.Implant = append(content.Implant, ctr.NotifiedImplant{NotificationCode: "000071200275", LotNumber: "L77", Quantity: 3, Location: location})
	placed := p.notifyImplant(claes, "", content)
	single, triple := placed.Implant[0].ImplantID, placed.Implant[1].ImplantID
	holds := func(what string, want map[string]int) {
		p.t.Helper()
		if got := p.remainingImplants(claes, smitSSIN, ""); !maps.Equal(got, want) {
			p.t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	var part *ctr.NotifyExplantRequest
	var first *ctr.NotifyResponse
	var second ctr.Receipt
	p.play("a part is removed", func() {
		holds("placed", map[string]int{single: 1, triple: 3})
		part = newExplantRequest(smitSSIN, interop.FormatDaysAgo(10), ctr.Explant{ImplantID: triple, Quantity: 1, Reason: loosened})
		first = mustCall[ctr.NotifyResponse](p, claes, part)
		p.requireEqual("remaining", first.Implant[0].Remaining, 2)
		holds("a part removed", map[string]int{single: 1, triple: 2})
		mustRefuse(p, claes, newExplantRequest(smitSSIN, interop.FormatDaysAgo(9), ctr.Explant{ImplantID: triple, Quantity: 3}), "EXPLANT_EXCEEDS_REMAINING")
		mustRefuse(p, claes, newExplantRequest(smitSSIN, interop.FormatDaysAgo(30), ctr.Explant{ImplantID: triple, Quantity: 1}), "EXPLANT_BEFORE_IMPLANT")
		mustRefuse(p, claes, newExplantRequest(kayaSSIN, interop.FormatDaysAgo(9), ctr.Explant{ImplantID: triple, Quantity: 1}), "IMPLANT_NOT_OF_PATIENT")
	})
	p.play("a revision changes the removed quantity", func() {
		// Its own earlier quantity does not count against it.
		part.Explantation.Explant[0].Quantity = 2
		mustCall[ctr.ReviseNotificationResponse](p, claes, &ctr.ReviseNotificationRequest{Of: refByNumber(first.Receipt.NotificationNumber), Version: 1,
			Content: ctr.Content{Explantation: &part.Explantation}})
		holds("the part revised", map[string]int{single: 1, triple: 1})
	})
	p.play("the rest is prepared by the clerk and validated", func() {
		rest := newExplantRequest(smitSSIN, interop.FormatDaysAgo(5), ctr.Explant{ImplantID: triple, Reason: loosened}, ctr.Explant{ImplantID: single})
		rest.Save = "Submit"
		waits := mustCall[ctr.NotifyResponse](p, clerk, rest).Receipt
		late := mustCall[ctr.NotifyResponse](p, clerk, rest).Receipt // submitted twice by mistake
		holds("a removal that waits", map[string]int{single: 1, triple: 1})
		second = mustCall[ctr.ValidateNotificationResponse](p, claes, &ctr.ValidateNotificationRequest{Reference: waits.Reference, Version: 1}).Receipt
		holds("all removed", map[string]int{})
		mustRefuse(p, claes, &ctr.ValidateNotificationRequest{Reference: late.Reference, Version: 1}, "EXPLANT_EXCEEDS_REMAINING")
		mustCall[ctr.DiscardNotificationResponse](p, claes, &ctr.DiscardNotificationRequest{Of: refByReference(late.Reference), Version: 1})
		before := p.remainingImplants(claes, smitSSIN, interop.FormatDaysAgo(6))
		p.requireEqual("on the day before", before[triple]+before[single], 2)
	})
	p.play("a removal is withdrawn", func() {
		// It remains in the history, and its implants count as present again.
		withdrawal := &ctr.DiscardNotificationRequest{Of: refByNumber(second.NotificationNumber), Version: 2}
		mustRefuse(p, claes, withdrawal, "REASON_REQUIRED")
		withdrawal.Reason = mistake
		mustRefuse(p, asPerson(duboisSSIN), withdrawal, "NOTIFICATION_NOT_FOUND")
		p.requireEqual("state", mustCall[ctr.DiscardNotificationResponse](p, claes, withdrawal).Receipt.State, "Withdrawn")
		mustRefuse(p, claes, withdrawal, "NOTIFICATION_WITHDRAWN")
		holds("the removal withdrawn", map[string]int{single: 1, triple: 1})
		seen := mustCall[ctr.GetNotificationResponse](p, claes, &ctr.GetNotificationRequest{Of: refByNumber(second.NotificationNumber)}).Notification
		p.requireEqual("state", seen.State, "Withdrawn")
		p.requireEqual("history", formatHistory(&seen), "Submitted/Notified/Withdrawn")
		p.requireEqual("reason", seen.History[2].Reason, mistake)
		p.requireEqual("reason of a removal", seen.Explant[0].Reason, loosened)
	})
	p.play("the implantation is withdrawn after its removals", func() {
		number := placed.Receipt.NotificationNumber
		mustRefuse(p, claes, &ctr.DiscardNotificationRequest{Of: refByNumber(number), Version: 1, Reason: mistake}, "IMPLANT_REMOVED_SINCE")
		mustCall[ctr.DiscardNotificationResponse](p, claes, &ctr.DiscardNotificationRequest{Of: refByNumber(first.Receipt.NotificationNumber), Version: 2, Reason: mistake})
		holds("both withdrawn", map[string]int{single: 1, triple: 3})
		mustCall[ctr.DiscardNotificationResponse](p, claes, &ctr.DiscardNotificationRequest{Of: refByNumber(number), Version: 1, Reason: mistake})
		holds("the implantation withdrawn", map[string]int{})
		found := mustCall[ctr.SearchResponse](p, claes, newSearch(ctr.SearchCriteria{ByNotification: &ctr.ByNotification{NotificationNumber: number}}))
		p.requireEqual("found", found.Total, 1)
		p.requireEqual("state", found.Notification[0].State, "Withdrawn")
	})
}

func (p *scenarioRun) playUnregisteredRemoval() {
	claes := asPerson(claesSSIN)
	declared := &ctr.NotifiedImplant{LotNumber: "ABROAD-1", SerialNumber: "UNKNOWN-HERE", UDI: "(01)05410000001283(10)ABROAD-1", Quantity: 2, Location: location, Side: "Right"}
	request := newExplantRequest(nguyenSSIN, interop.FormatDaysAgo(7), ctr.Explant{Unregistered: declared, Quantity: 2, Reason: loosened})
	removed := mustCall[ctr.NotifyResponse](p, claes, request)
	p.requireEqual("implants", len(removed.Implant), 1)
	p.requireEqual("marked", removed.Implant[0].Unregistered, true)
	p.requireEqual("remaining", removed.Implant[0].Remaining, 0)
	p.requireEqual("carried", len(p.remainingImplants(claes, nguyenSSIN, "")), 0)
	mustRefuse(p, claes, newExplantRequest(nguyenSSIN, interop.FormatDaysAgo(6), ctr.Explant{ImplantID: removed.Implant[0].ImplantID, Quantity: 1}), "IMPLANT_NOT_OF_PATIENT")
	seen := mustCall[ctr.GetNotificationResponse](p, claes, &ctr.GetNotificationRequest{Of: refByNumber(removed.Receipt.NotificationNumber)}).Notification
	p.requireEqual("location", seen.Explant[0].Implant.Location, location)
	p.requireEqual("marked", seen.Explant[0].Implant.Unregistered, true)
}

// playAffiliation: Dubois is affiliated with the hospital until 31 December 2023, and with the clinic from the next
// day.
func (p *scenarioRun) playAffiliation() {
	const last, first = "2023-12-31", "2024-01-01"
	in := func(organisation string) identity { return asOrganisation(organisation, duboisSSIN) }
	p.play("a doctor acts for the hospital of that day", func() {
		p.notifyImplant(in(hospital), "Final", newImplantation(duboisSSIN, nguyenSSIN, last, "S-2023"))
		p.notifyImplant(in(clinic), "Final", newImplantation(duboisSSIN, nguyenSSIN, first, "S-2024"))
		mustRefuse(p, in(hospital), &ctr.NotifyImplantRequest{Implantation: newImplantation(duboisSSIN, nguyenSSIN, first, "S-NONE")}, "AUTHOR_NOT_ATTACHED")
		mustRefuse(p, in(clinic), &ctr.NotifyImplantRequest{Implantation: newImplantation(duboisSSIN, nguyenSSIN, last, "S-NONE")}, "AUTHOR_NOT_ATTACHED")
		search := newSearch(ctr.SearchCriteria{ByPatient: &ctr.ByPatient{Patient: nguyenSSIN, OperationType: "Implantation"}})
		p.requireEqual("found by Dubois in the clinic", mustCall[ctr.SearchResponse](p, in(clinic), search).Total, 2)
		mustRefuse(p, in(hospital), search, "AUTHOR_NOT_ATTACHED")
	})
	p.play("a clerk prepares for a doctor who left", func() {
		// Jacobs left a year earlier: the clerk may prepare only notifications of surgery until then.
		clerk := asOrganisation(hospital, woutersSSIN)
		waits := p.notifyImplant(clerk, "Submit", newImplantation(jacobsSSIN, nguyenSSIN, "2022-12-31", "S-2022")).Receipt
		mustRefuse(p, clerk, &ctr.NotifyImplantRequest{Save: "Draft", Implantation: newImplantation(jacobsSSIN, nguyenSSIN, "2023-01-01", "S-NONE")}, "MAY_NOT_PREPARE")
		p.requireEqual("waits for a colleague", p.pendingVersion(asOrganisation(hospital, claesSSIN), "", waits.Reference), 0)
		p.requireEqual("waits for the clerk", p.pendingVersion(clerk, "ToValidate", waits.Reference), 1)
	})
}

func newSearch(c ctr.SearchCriteria) *ctr.SearchRequest {
	return &ctr.SearchRequest{MaxElements: 100, Criteria: c}
}

func criteriaByPatient(ssin string) ctr.SearchCriteria {
	return ctr.SearchCriteria{ByPatient: &ctr.ByPatient{Patient: ssin}}
}

// requireReadable tries every way to read data of a patient, with or without an emergency reason. It requires want
// readable notifications; with 0, every read must act as if there were none.
func (p *scenarioRun) requireReadable(as identity, patient, number, emergency string, want int) {
	p.t.Helper()
	search := newSearch(criteriaByPatient(patient))
	search.EmergencyReason = emergency
	p.requireEqual("notifications", mustCall[ctr.SearchResponse](p, as, search).Total, want)
	list := &ctr.ListPatientImplantsRequest{MaxElements: 100, Patient: patient, EmergencyReason: emergency}
	p.requireEqual("some implants", mustCall[ctr.ListPatientImplantsResponse](p, as, list).Total > 0, want > 0)
	one := &ctr.GetNotificationRequest{Of: refByNumber(number), EmergencyReason: emergency}
	cards := []*ctr.GetImplantCardRequest{{Of: ctr.CardOf{NotificationNumber: number}}, {Of: ctr.CardOf{Patient: patient}}}
	cards[0].EmergencyReason, cards[1].EmergencyReason = emergency, emergency
	if emergency != "" {
		one.EmergencyPatient, cards[0].EmergencyPatient = patient, patient
	}
	if want == 0 {
		mustRefuse(p, as, one, "NOTIFICATION_NOT_FOUND")
		mustRefuse(p, as, cards[0], "NOTIFICATION_NOT_FOUND")
		mustRefuse(p, as, cards[1], "CARD_NOT_FOUND")
		return
	}
	p.requireEqual("patient", mustCall[ctr.GetNotificationResponse](p, as, one).Notification.Patient, patient)
	for _, c := range cards {
		if card := mustCall[ctr.GetImplantCardResponse](p, as, c).Card; !bytes.HasPrefix(card.Content, []byte("%PDF-")) || len(card.Digest) == 0 {
			p.t.Errorf("card: %d octets", len(card.Content))
		}
	}
}

func (p *scenarioRun) playReading() {
	leroy, peeters := asPerson(leroySSIN), asPerson(peetersSSIN)
	p.play("a patient and a former doctor read", func() {
		own := mustCall[ctr.SearchResponse](p, leroy, newSearch(criteriaByPatient(leroySSIN)))
		p.requireEqual("own notifications", own.Total, 1)
		number := own.Notification[0].NotificationNumber
		p.requireReadable(leroy, leroySSIN, number, "", 1)
		mustRefuse(p, leroy, newSearch(ctr.SearchCriteria{ByImplant: &ctr.ByImplant{SerialNumber: "S-PREPARED"}}), "MAY_NOT_SEARCH_BY_IMPLANT")
		mustRefuse(p, asOrganisation(hospital, woutersSSIN), newSearch(criteriaByPatient(leroySSIN)), "MAY_NOT_READ")
		p.requireReadable(peeters, leroySSIN, number, "", 0) // their care relation ended in 2022
	})
	p.play("a care relation ends", func() {
		// The general practitioner's care relation with Van Damme lasts until the authentic source no longer contains it.
		other := p.notifyImplant(asPerson(claesSSIN), "", newImplantation(claesSSIN, vanDamSSIN, interop.FormatDaysAgo(12), "S-VD-1")).Receipt.NotificationNumber
		p.notifyImplant(asOrganisation(clinic, duboisSSIN), "", newImplantation(duboisSSIN, vanDamSSIN, interop.FormatDaysAgo(11), "S-VD-2"))
		p.requireReadable(leroy, vanDamSSIN, other, "", 0)
		p.requireReadable(peeters, vanDamSSIN, other, "", 2)
		p.importExtract("therapeutic-links", map[string]string{vanDamSSIN + ";" + peetersSSIN + ";gmd;2021-01-01;\n": ""})
		p.requireReadable(peeters, vanDamSSIN, other, "", 0)
		p.requireReadable(asPerson(duboisSSIN), vanDamSSIN, other, "", 2) // their relation comes from the surgery, not from the authentic source
	})
}

func newStaffAssignment(person, role string) *ctr.ManageStaffRequest {
	return &ctr.ManageStaffRequest{Change: ctr.StaffChange{Assign: &ctr.StaffAssignment{Person: person, Role: role}}}
}

func newStaffEnd(person, role string) *ctr.ManageStaffRequest {
	return &ctr.ManageStaffRequest{Change: ctr.StaffChange{End: &ctr.StaffEnd{Person: person, Role: role}}}
}

// staffStates returns the state of each person and role in the list of an organisation, read page by page.
func (p *scenarioRun) staffStates(as identity) map[string]string {
	p.t.Helper()
	all := map[string]string{}
	for offset, total := 0, 1; offset < total; {
		list := mustCall[ctr.ListStaffResponse](p, as, &ctr.ListStaffRequest{Offset: offset, MaxElements: 4})
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

func (p *scenarioRun) playStaff() {
	const staff, manager = "AdministrativeStaff", "AccessManager"
	chief, second, lambert := asOrganisation(hospital, smitSSIN), asOrganisation(hospital, peetersSSIN), asOrganisation(hospital, lambertSSIN)
	draft := &ctr.NotifyImplantRequest{Save: "Draft", Implantation: newImplantation(claesSSIN, kayaSSIN, interop.FormatDaysAgo(6), "S-STAFF")}
	p.play("a second access manager assigns a clerk", func() {
		mustRefuse(p, lambert, draft, "AUTHOR_NOT_ATTACHED")
		mustRefuse(p, asOrganisation(hospital, woutersSSIN), newStaffAssignment(lambertSSIN, staff), "MAY_NOT_MANAGE_STAFF")
		mustRefuse(p, second, newStaffAssignment(lambertSSIN, staff), "AUTHOR_NOT_ATTACHED")
		p.requireEqual("state", mustCall[ctr.ManageStaffResponse](p, chief, newStaffAssignment(peetersSSIN, manager)).Member[0].State, "Active")
		mustRefuse(p, second, newStaffAssignment(lambertSSIN, "Specialist"), "ROLE_OF_AUTHENTIC_SOURCE")
		mustCall[ctr.ManageStaffResponse](p, second, newStaffAssignment(lambertSSIN, staff))
		mustRefuse(p, second, newStaffAssignment(lambertSSIN, staff), "STAFF_ROLE_EXISTS")
		reference := mustCall[ctr.NotifyResponse](p, lambert, draft).Receipt.Reference
		p.requireEqual("waits for the new clerk", p.pendingVersion(lambert, "Draft", reference), 1)
	})
	p.play("the list shows who works, and who did", func() {
		p.requireEqual("the new clerk", p.staffStates(chief)[lambertSSIN+" "+staff], "Active")
		p.requireEqual("Dubois", p.staffStates(chief)[duboisSSIN+" Specialist"], "Ended")
	})
	p.play("both roles end", func() {
		mustCall[ctr.ManageStaffResponse](p, second, newStaffEnd(lambertSSIN, staff))
		mustRefuse(p, second, newStaffEnd(lambertSSIN, staff), "STAFF_ROLE_NOT_FOUND")
		mustRefuse(p, lambert, draft, "AUTHOR_NOT_ATTACHED")
		mustRefuse(p, lambert, &ctr.ListPendingNotificationsRequest{MaxElements: 10}, "AUTHOR_NOT_ATTACHED")
		mustCall[ctr.ManageStaffResponse](p, chief, newStaffEnd(peetersSSIN, manager))
		mustRefuse(p, second, newStaffAssignment(lambertSSIN, staff), "AUTHOR_NOT_ATTACHED")
		p.requireEqual("the former clerk", p.staffStates(chief)[lambertSSIN+" "+staff], "Ended")
	})
}

// mandateState returns the state of the mandate from Claes to grantee in the caller's list.
func (p *scenarioRun) mandateState(as identity, grantee string) string {
	p.t.Helper()
	state := ""
	for _, m := range mustCall[ctr.ListMandatesResponse](p, as, &ctr.ListMandatesRequest{MaxElements: 100}).Mandate {
		if m.Grantor == claesSSIN && m.Grantee == grantee {
			state = m.State
		}
	}
	return state
}

func (p *scenarioRun) playMandates() {
	claes, lambert, peeters, wouters := asPerson(claesSSIN), asPerson(lambertSSIN), asPerson(peetersSSIN), asPerson(woutersSSIN)
	change := func(c ctr.MandateChange) *ctr.ManageMandateRequest { return &ctr.ManageMandateRequest{Change: c} }
	accept := change(ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: claesSSIN}})
	draft := func(specialist string) *ctr.NotifyImplantRequest {
		return &ctr.NotifyImplantRequest{Save: "Submit", Implantation: newImplantation(specialist, kayaSSIN, interop.FormatDaysAgo(4), "S-MANDATE")}
	}
	last := interop.FormatDaysAgo(-40)
	var waits ctr.Receipt
	var validation *ctr.ValidateNotificationRequest
	p.play("a mandate has expired", func() {
		p.requireEqual("expired", p.mandateState(wouters, woutersSSIN), "Ended")
		mustRefuse(p, wouters, draft(claesSSIN), "MAY_NOT_PREPARE")
		mustCall[ctr.NotifyResponse](p, wouters, draft(duboisSSIN)) // whose mandate for Wouters lasts
	})
	p.play("a mandate is granted and accepted", func() {
		grant := change(ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: lambertSSIN, To: last}})
		mustRefuse(p, asPerson(leroySSIN), grant, "MAY_NOT_MANDATE")
		mustRefuse(p, lambert, grant, "MANDATE_TO_SELF")
		p.requireEqual("granted", mustCall[ctr.ManageMandateResponse](p, claes, grant).Mandate[0].State, "Pending")
		mustRefuse(p, claes, grant, "MANDATE_EXISTS")
		mustRefuse(p, lambert, draft(claesSSIN), "MAY_NOT_PREPARE")
		mustRefuse(p, peeters, accept, "MANDATE_NOT_FOUND")
		p.requireEqual("accepted", mustCall[ctr.ManageMandateResponse](p, lambert, accept).Mandate[0].State, "Active")
		waits = mustCall[ctr.NotifyResponse](p, lambert, draft(claesSSIN)).Receipt
		validation = &ctr.ValidateNotificationRequest{Reference: waits.Reference, Version: 1}
		mustRefuse(p, lambert, validation, "NOT_YOUR_OPERATION")
	})
	p.play("it is transferred", func() {
		transfer := change(ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: lambertSSIN, To: peetersSSIN}})
		mustCall[ctr.ManageMandateResponse](p, claes, transfer)
		p.requireEqual("of the former holder", p.mandateState(claes, lambertSSIN), "Ended")
		p.requireEqual("of the new holder", p.mandateState(peeters, peetersSSIN), "Pending")
		mustRefuse(p, lambert, draft(claesSSIN), "MAY_NOT_PREPARE")
		mustRefuse(p, lambert, validation, "NOTIFICATION_NOT_FOUND")
		mustRefuse(p, peeters, draft(claesSSIN), "MAY_NOT_PREPARE")
		moved := mustCall[ctr.ManageMandateResponse](p, peeters, accept).Mandate[0]
		p.requireEqual("last day", moved.To, last)
		p.requireEqual("waits for the new holder", p.pendingVersion(peeters, "ToValidate", waits.Reference), 1)
		mustCall[ctr.NotifyResponse](p, peeters, draft(claesSSIN))
	})
	p.play("it ends", func() {
		mustCall[ctr.ManageMandateResponse](p, claes, change(ctr.MandateChange{End: &ctr.MandateEnd{Grantee: peetersSSIN}}))
		mustRefuse(p, peeters, draft(claesSSIN), "MAY_NOT_PREPARE")
		mustRefuse(p, peeters, accept, "MANDATE_NOT_FOUND")
		p.requireEqual("ended", p.mandateState(peeters, peetersSSIN), "Ended")
		mustCall[ctr.ValidateNotificationResponse](p, claes, validation)
	})
}

func (p *scenarioRun) playEmergency() {
	leroy, peeters := asPerson(leroySSIN), asPerson(peetersSSIN)
	p.play("a doctor reads in an emergency", func() {
		number := mustCall[ctr.SearchResponse](p, leroy, newSearch(criteriaByPatient(leroySSIN))).Notification[0].NotificationNumber
		p.requireReadable(peeters, leroySSIN, number, accident, 1)
		mustRefuse(p, asOrganisation(hospital, woutersSSIN), &ctr.GetNotificationRequest{
			Of: refByNumber(number), EmergencyReason: accident, EmergencyPatient: leroySSIN,
		}, "MAY_NOT_READ")
		p.requireReadable(peeters, leroySSIN, number, "", 0) // an emergency gives no lasting access
	})
	p.play("the report shows it", func() {
		count := func(report string) int {
			p.t.Helper()
			operations := map[string]bool{}
			for line := range strings.Lines(report) {
				if !strings.Contains(line, accident) {
					p.t.Errorf("without the reason: %s", line)
				}
				if found := operationPattern.FindStringSubmatch(line); found != nil && strings.Contains(line, `"outcome":"accepted"`) {
					operations[found[1]] = true
				}
			}
			return len(operations)
		}
		report := p.runAdmin("audit", "emergencies", "--format", "json")
		p.requireEqual("operations reported", count(report), 4)
		p.operatorOutput.WriteString(strings.ReplaceAll(report, accident, "")) // the report shows the reason on purpose
		revealed := p.runAdmin("audit", "emergencies", "--format", "json", "--reveal", revelation)
		p.requireEqual("operations reported", count(revealed), 4)
		p.requireEqual("names the doctor", strings.Contains(revealed, `"person":"`+peetersSSIN), true)
		p.requireEqual("names the patient", strings.Contains(revealed, `"patient":"`+leroySSIN), true)
	})
}

var operationPattern = regexp.MustCompile(`"operation":"([^"]*)"`)

func (p *scenarioRun) playSearches() {
	claes := asPerson(claesSSIN)
	var numbers []string
	for i := range 5 {
		content := newImplantation(claesSSIN, kayaSSIN, interop.FormatDaysAgo(30-i), "S-PAGE-"+string(rune('A'+i)))
		content.Implant[0].UDI = "(01)05410000001047(17)291231(10)L-PAGES(21)S-PAGE-" + string(rune('A'+i))
		numbers = append(numbers, p.notifyImplant(claes, "Final", content).Receipt.NotificationNumber)
	}
	slices.Sort(numbers)
	from, to := interop.FormatDaysAgo(30), interop.FormatDaysAgo(26)
	patient := &ctr.ByPatient{Patient: kayaSSIN, From: from, To: to, OperationType: "Implantation"}
	for name, c := range map[string]ctr.SearchCriteria{
		"patient": {ByPatient: patient},
		"lot":     {ByImplant: &ctr.ByImplant{LotNumber: "L-PAGES"}},
		"code":    {ByImplant: &ctr.ByImplant{NotificationCode: "000071200176", LotNumber: "L-PAGES", From: from, To: to}},
		"UDI":     {ByImplant: &ctr.ByImplant{UDI: "(01)05410000001047", LotNumber: "L-PAGES"}},
	} {
		var found []string
		for offset := 0; offset < 6; offset += 2 {
			page := mustCall[ctr.SearchResponse](p, claes, &ctr.SearchRequest{Offset: offset, MaxElements: 2, Criteria: c})
			p.requireEqual("total by "+name, page.Total, 5)
			for _, n := range page.Notification {
				found = append(found, n.NotificationNumber)
				p.requireEqual("own", n.Own, true)
			}
		}
		slices.Sort(found)
		if !slices.Equal(found, numbers) {
			p.t.Errorf("by %s: %v, want %v", name, found, numbers)
		}
	}
	for name, c := range map[string]ctr.SearchCriteria{
		"number": {ByNotification: &ctr.ByNotification{NotificationNumber: numbers[0]}},
		"serial": {ByImplant: &ctr.ByImplant{SerialNumber: "S-PAGE-B"}},
		"day":    {ByPatient: &ctr.ByPatient{Patient: kayaSSIN, From: to, To: to}},
	} {
		p.requireEqual("by "+name, mustCall[ctr.SearchResponse](p, claes, newSearch(c)).Total, 1)
		p.requireEqual("by another doctor, by "+name, mustCall[ctr.SearchResponse](p, asPerson(duboisSSIN), newSearch(c)).Total, 0)
	}
}

func (p *scenarioRun) playDevices() {
	peeters := asPerson(peetersSSIN)
	for name, test := range map[string]struct {
		criteria ctr.DeviceCriteria
		total    int
	}{
		"text":     {ctr.DeviceCriteria{Text: "knee ardenne", Category: "Orthopaedic"}, 2},
		"code":     {ctr.DeviceCriteria{NotificationCode: "000071211064"}, 1},
		"UDI":      {ctr.DeviceCriteria{UDI: "(01)05410000002037(10)X"}, 1},
		"nothing":  {ctr.DeviceCriteria{Text: "nobody makes this"}, 0},
		"category": {ctr.DeviceCriteria{Category: "Stent"}, 2},
	} {
		p.requireEqual("by "+name, mustCall[ctr.SearchDeviceResponse](p, peeters, &ctr.SearchDeviceRequest{MaxElements: 20, Criteria: test.criteria}).Total, test.total)
	}
	codes := map[string]bool{}
	for offset := 0; offset < 12; offset += 5 {
		page := mustCall[ctr.SearchDeviceResponse](p, peeters, &ctr.SearchDeviceRequest{Offset: offset, MaxElements: 5})
		p.requireEqual("total", page.Total, 12)
		for _, d := range page.Device {
			codes[d.NotificationCode+" "+d.DeviceStatus] = true
		}
	}
	p.requireEqual("devices", len(codes), 12)
	p.requireEqual("the recalled one", codes["000071211064 Recalled"], true)
}

// playMistyped: a number with wrong check digits is refused in every position, and is as private as the correct one.
func (p *scenarioRun) playMistyped() {
	claes, chief := asPerson(claesSSIN), asOrganisation(hospital, smitSSIN)
	const code = "SSIN_INVALID"
	mustRefuse(p, claes, newSearch(criteriaByPatient(mistyped)), code)
	mustRefuse(p, claes, &ctr.ListPatientImplantsRequest{MaxElements: 10, Patient: mistyped}, code)
	mustRefuse(p, claes, &ctr.GetImplantCardRequest{Of: ctr.CardOf{Patient: mistyped}, EmergencyReason: accident}, code)
	mustRefuse(p, claes, &ctr.NotifyImplantRequest{Save: "Draft", Implantation: newImplantation(mistyped, leroySSIN, interop.FormatDaysAgo(3), "S-NONE")}, code)
	mustRefuse(p, claes, newExplantRequest(mistyped, interop.FormatDaysAgo(3), ctr.Explant{ImplantID: "none", Reason: loosened}), code)
	mustRefuse(p, claes, &ctr.ManageMandateRequest{Change: ctr.MandateChange{Grant: &ctr.MandateGrant{Grantee: mistyped}}}, code)
	mustRefuse(p, chief, newStaffAssignment(mistyped, "AdministrativeStaff"), code)
	mustRefuse(p, asOrganisation(hospital, mistyped), &ctr.ListStaffRequest{MaxElements: 10}, code)
}

// playRecall: the operator traces a lot, which identifies no patient, and marks a device; callers see the mark at once.
func (p *scenarioRun) playRecall() {
	traced := p.runAdmin("recall", "trace", "--lot", "L-PAGES", "--format", "json")
	p.requireEqual("in place", strings.Contains(traced, `"in_place": 5`), true)
	p.requireEqual("patients by pseudonyms", strings.Count(traced, `"patient": "P-`), 5)
	p.requireEqual("a patient's number", strings.Contains(traced, kayaSSIN), false)

	const stent = "000080145556"
	p.runAdmin("recall", "mark", "--code", stent, "--on", interop.FormatDaysAgo(5), "--commit")
	search := &ctr.SearchDeviceRequest{MaxElements: 20, Criteria: ctr.DeviceCriteria{NotificationCode: stent}}
	p.requireEqual("status", mustCall[ctr.SearchDeviceResponse](p, asPerson(duboisSSIN), search).Device[0].DeviceStatus, "Recalled")
	content := newImplantation(duboisSSIN, kayaSSIN, interop.FormatDaysAgo(3), "")
	content.Implant = []ctr.NotifiedImplant{{NotificationCode: stent, LotNumber: "L1", SerialNumber: "S-STENT", Quantity: 1, Location: location}}
	var codes []string
	for _, w := range p.notifyImplant(asPerson(duboisSSIN), "Final", content).Warning {
		codes = append(codes, w.Code)
	}
	p.requireEqual("warnings", strings.Join(codes, " "), "WARN_DEVICE_RECALLED")
}
