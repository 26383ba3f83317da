package implants_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// This file runs steps against the register and the model, and reports where they differ.

// modelRun is a register and its model.
type modelRun struct {
	*testRegister
	model *model
}

// newModelRun opens a register on a new database. end closes it.
func newModelRun(tb testing.TB, backend storetest.Backend) (h *modelRun, end func()) {
	tb.Helper()
	db, err := store.Open(tb.Context(), backend.Config)
	if err != nil {
		tb.Fatal(err)
	}
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		tb.Fatal(err)
	}
	d := &testRegister{tb: tb, db: db, now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	var ids atomic.Int64
	d.Registrar = implants.New(implants.Config{Store: db, Now: func() time.Time { return d.now }, Location: brussels,
		NewID: func() string { return fmt.Sprintf("id-%d", ids.Add(1)) }})
	d.loadSources(registertest.DevelopmentSources(tb))
	return &modelRun{testRegister: d, model: newModel(d.now, brussels)}, func() {
		if failed := db.Close(); failed != nil {
			tb.Error(failed)
		}
	}
}

func (h *modelRun) callerOf(a actor) platform.Caller {
	if a.organisation.IsZero() {
		return h.callerWithOwnKey(a.person)
	}
	return h.callerInside(a.organisation, a.person)
}

// runStep runs one step. It returns an error when the register and the model differ.
func (h *modelRun) runStep(s step) error {
	switch s.act {
	case waiting:
		if s.until.After(h.now) {
			h.now, h.model.now = s.until, s.until
		}
		return nil
	case notifying:
		return h.runNotify(s)
	case revising, validating, discarding:
		return h.runChange(s)
	case carrying:
		return h.compareImplants(s)
	case searching:
		return h.compareSearch(s)
	case listing:
		return h.compareList(s)
	case describing:
		return h.compareNotification(s, h.model.entryBegunBy(s.of))
	case comparingAll:
		return h.compareAll(s)
	}
	return fmt.Errorf("no such action: %s", s.act)
}

// differ returns an error when two lists of texts differ.
func differ(what string, got, want []string) error {
	if slices.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("%s:\n\tregister %s\n\tmodel    %s", what, strings.Join(got, "\n\t         "), strings.Join(want, "\n\t         "))
}

// contentForStep returns the content of a step, with the line IDs of this run.
func (h *modelRun) contentForStep(s step) content {
	c := s.content
	c.explants = nil
	for _, x := range s.explants {
		id := "none"
		if e := h.model.entryBegunBy(x.of); e != nil && x.line < len(e.ids) {
			id = e.ids[x.line]
		}
		if x.unregistered != nil {
			id = ""
		}
		c.explants = append(c.explants, explant{id: id, unregistered: x.unregistered, quantity: x.quantity, reason: x.reason})
	}
	return c
}

func (c content) implantation() implants.Implantation {
	return implants.Implantation{Specialist: bySSIN(c.specialist), SurgeryDate: c.day, Patient: c.patient, Implants: c.lines}
}

func (c content) explantation() implants.Explantation {
	x := implants.Explantation{Specialist: bySSIN(c.specialist), SurgeryDate: c.day, Patient: c.patient}
	for _, e := range c.explants {
		x.Explants = append(x.Explants, implants.Explant{ImplantID: e.id, Unregistered: e.unregistered, Quantity: e.quantity, Reason: e.reason})
	}
	return x
}

func (h *modelRun) runNotify(s step) error {
	a := actors[s.who]
	c := h.contentForStep(s)
	caller := h.callerOf(a)
	input := s.input
	if input != "" {
		input = a.person.Digits() + " " + input
		if !a.organisation.IsZero() {
			input = a.organisation.Digits() + " " + s.input // the organisation signs
		}
	}
	submit := func() (implants.Receipt, error) {
		how := implants.SubmissionOptions{Save: s.save, InputReference: s.input}
		if c.kind == implants.TypeImplantation {
			return h.NotifyImplant(h.tb.Context(), caller, how, c.implantation())
		}
		return h.NotifyExplant(h.tb.Context(), caller, how, c.explantation())
	}
	v := h.model.expectNotify(a, c, s.save, nil, 0, input)
	receipt, err := submit()
	if failed := h.compareOutcome(s, nil, v, input, receipt, err); failed != nil || !s.twice {
		return failed
	}
	_, err = submit()
	return h.compareOutcome(s, nil, verdict{refused: []string{"MESSAGE_REPLAYED"}, patient: c.patient}, "", implants.Receipt{}, err)
}

// unknownNumber is never assigned: its day is past.
var unknownNumber = people.Must(ident.ParseNotificationNumber, "202001010000123")

// notificationRef returns the reference with which a step identifies its notification.
func (s step) notificationRef(e *entry) implants.NotificationRef {
	switch {
	case e == nil && s.byNumber:
		return implants.NotificationRef{Number: unknownNumber}
	case e == nil:
		return implants.NotificationRef{Reference: "none"}
	case s.byNumber && !e.number.IsZero():
		return implants.NotificationRef{Number: e.number}
	}
	return implants.NotificationRef{Reference: e.reference}
}

func (h *modelRun) runChange(s step) error {
	a, e := actors[s.who], h.model.entryBegunBy(s.of)
	of, has := s.notificationRef(e), 1
	if e != nil {
		has = len(e.versions) - s.behind
	}
	var v verdict
	var receipt implants.Receipt
	var err error
	switch s.act {
	case validating:
		of = step{}.notificationRef(e)
		v = h.model.expectValidate(a, e, has)
		receipt, err = h.ValidateNotification(h.tb.Context(), h.callerOf(a), implants.ValidateRequest{Reference: of.Reference, Version: has})
	case discarding:
		v = h.model.expectDiscard(a, e, of.Number, has, s.reason)
		receipt, err = h.DiscardNotification(h.tb.Context(), h.callerOf(a), implants.DiscardRequest{Notification: of, Version: has, Reason: s.reason})
	default:
		c := h.contentForStep(s)
		v = h.model.expectRevise(a, c, s.save, e, of.Number, has)
		r := implants.ReviseRequest{Notification: of, Version: has, Save: s.save}
		if c.kind == implants.TypeImplantation {
			n := c.implantation()
			r.Implantation = &n
		} else {
			x := c.explantation()
			r.Explantation = &x
		}
		receipt, err = h.ReviseNotification(h.tb.Context(), h.callerOf(a), r)
	}
	return h.compareOutcome(s, e, v, "", receipt, err)
}

// compareOutcome compares the result of an operation with the model's verdict, and stores it in the model.
func (h *modelRun) compareOutcome(s step, e *entry, v verdict, input string, receipt implants.Receipt, err error) error {
	if failed := differ("refusals", formatRefusals(err), v.refused); failed != nil {
		return failed
	}
	if e != nil {
		v.former = e.current().content.patient
	}
	switch {
	case v.next != nil:
		if failed := h.adoptIDs(e, v, receipt); failed != nil {
			return failed
		}
		e = h.model.appendVersion(s.id, e, v, input, receipt)
		if v.number = e.number; receipt.Reference != e.reference {
			return fmt.Errorf("reference %s instead of %s", receipt.Reference, e.reference)
		}
		if failed := h.compareReceipt(s, e, len(e.versions), receipt); failed != nil {
			return failed
		}
	case v.repeated != nil:
		if failed := h.compareReceipt(s, v.repeated.entry, v.repeated.version, receipt); failed != nil {
			return failed
		}
	}
	return h.compareEvents(actors[s.who], v, "")
}

// adoptIDs copies the IDs and the number that the register assigned into the version that the model expects.
func (h *modelRun) adoptIDs(e *entry, v verdict, receipt implants.Receipt) error {
	if len(receipt.Implants) != len(v.next.lines) || len(receipt.Removals) != len(v.next.removals) {
		return fmt.Errorf("%d lines and %d removals instead of %d and %d", len(receipt.Implants), len(receipt.Removals),
			len(v.next.lines), len(v.next.removals))
	}
	given := map[string]bool{}
	for i := range v.next.lines {
		l := &v.next.lines[i]
		if l.id == "" {
			l.id = receipt.Implants[i].ID
			if _, used := h.model.lines[l.id]; used || l.id == "" || given[l.id] {
				return fmt.Errorf("the new line %d has the id %q of another", i+1, l.id)
			}
		}
		given[l.id] = true
	}
	declared := 0
	for i, x := range v.next.declares() {
		if x && declared < len(v.next.lines) {
			v.next.removals[i].id = v.next.lines[declared].id
			declared++
		}
	}
	if v.next.state != implants.Final || e != nil && !e.number.IsZero() {
		return nil
	}
	taken := slices.ContainsFunc(h.model.numbered, func(other *entry) bool { return other.number == receipt.Number })
	if taken || receipt.Number.IsZero() || receipt.Number.Day() != h.model.today() {
		return fmt.Errorf("number %q on %s; given before: %t", receipt.Number, h.model.today(), taken)
	}
	return nil
}

// declares reports, for each removal, whether its explantation declares the implant.
func (v *version) declares() []bool {
	declared := make([]bool, len(v.removals))
	for i := range v.content.explants {
		declared[i] = v.content.explants[i].unregistered != nil
	}
	return declared
}

// compareReceipt compares a receipt with a version of the model.
func (h *modelRun) compareReceipt(s step, e *entry, version int, receipt implants.Receipt) error {
	touched := receipt.AffectedImplants
	if receipt.Type == implants.TypeImplantation && s.act != discarding {
		for i, implant := range touched {
			if implant.ID != receipt.Implants[i].ID || implant.Remaining != implant.Quantity {
				return fmt.Errorf("line %d of the receipt: %s, %d remain", i+1, implant.ID, implant.Remaining)
			}
		}
		if len(touched) != len(receipt.Implants) {
			return fmt.Errorf("%d implants in the receipt of %d", len(touched), len(receipt.Implants))
		}
	}
	return differ("receipt", notificationText(receipt.Notification, touched), h.model.notificationText(e, version, s.act != discarding))
}

// notificationText returns everything the model models of a notification.
func notificationText(n implants.Notification, touched []implants.Implant) []string {
	out := []string{fmt.Sprint(n.Reference, " v", n.Version, " ", n.State, " ", n.Change, " ", n.ChangeReason, " ", n.Number, " ", n.Type, " ",
		n.Specialist.SSIN.Digits(), " ", n.SurgeryDate, " ", n.Patient.Digits(), " ", n.Organisation, " ", n.Author.Digits(), " ",
		n.RegisteredAt, " ", formatWarnings(n.Warnings))}
	for _, i := range n.Implants {
		out = append(out, fmt.Sprint(i.ID, " ", lineText(i.NotifiedImplant), " ", i.UDIDI, " ", i.Unregistered))
	}
	for _, r := range n.Removals {
		out = append(out, fmt.Sprint("removes ", r.Quantity, " of ", r.ImplantID, " for ", r.Reason, ", remain ", r.Remaining))
	}
	if n.Type == implants.TypeExplantation {
		for _, i := range touched {
			out = append(out, fmt.Sprint(i.ID, " remain ", i.Remaining))
		}
	}
	return out
}

// notificationText returns the text that a version must have.
func (m *model) notificationText(e *entry, version int, touched bool) []string {
	v := e.versions[version-1]
	n := implants.Notification{Reference: e.reference, Version: version, State: v.state, Change: v.change, ChangeReason: v.why,
		Number: e.numberOf(version), Type: v.content.kind, Specialist: bySSIN(v.content.specialist), SurgeryDate: v.content.day,
		Patient: v.content.patient, Organisation: v.organisation, Author: v.author, RegisteredAt: v.at}
	for _, w := range v.warned {
		code, where, _ := strings.Cut(w, " at ")
		n.Warnings = append(n.Warnings, platform.Warning{Code: problem.Code(code), Path: platform.Path(where)})
	}
	for _, l := range v.lines {
		n.Implants = append(n.Implants, implants.Implant{ID: l.id, NotifiedImplant: l.notified, UDIDI: l.di, Unregistered: l.unregistered})
	}
	var implantList []implants.Implant
	for _, r := range v.removals {
		n.Removals = append(n.Removals, implants.Removal{ImplantID: r.id, Quantity: r.quantity, Reason: r.reason, Remaining: r.remaining})
		left := r.remaining
		if v.state != implants.Final {
			left = m.remaining(r.id)
		}
		if touched {
			implantList = append(implantList, implants.Implant{ID: r.id, Remaining: left})
		}
	}
	return notificationText(n, implantList)
}

// compareEvents compares the audit events of an operation with the model: one or, when two patients are concerned, the
// same one for each.
func (h *modelRun) compareEvents(a actor, v verdict, emergency string) error {
	events, last, err := h.db.ReadEvents(h.tb.Context(), h.lastEvent, 10)
	if err != nil {
		return err
	}
	h.lastEvent = last
	moved := v.next != nil && v.former != (ident.SSIN{}) && v.former != v.patient
	if len(events) == 2 && events[1].Patient == v.former && events[0].Patient != v.former {
		events, moved = events[:1], false
	}
	if moved {
		return errors.New("the patient before does not see that his data went")
	}
	if len(events) != 1 {
		return fmt.Errorf("%d records of one operation", len(events))
	}
	e := events[0]
	want := platform.AuditEvent{OccurredAt: h.model.now, Correlation: fmt.Sprintf("c-%d", h.lastMessage), Operation: "Operation", Outcome: platform.OutcomeAccepted,
		EmergencyReason: emergency, Organisation: a.organisation, Person: a.person, Patient: v.patient, Number: v.number}
	for _, refused := range v.refused {
		code, _, _ := strings.Cut(refused, " at ")
		want.Codes = append(want.Codes, problem.Code(code))
		want.Outcome = platform.OutcomeRefused
	}
	if v.withheld {
		want.Outcome = platform.OutcomeWithheld
	}
	if e.Reason == "" && (v.next != nil || v.repeated != nil) {
		return errors.New("the record does not say why it was allowed")
	}
	return differ("record", eventText(e), eventText(want))
}

func eventText(e platform.AuditEvent) []string {
	return []string{fmt.Sprint(e.OccurredAt.UTC(), " ", e.Correlation, " ", e.Operation, " ", e.Outcome, " ", e.Codes, " ", e.EmergencyReason, " ",
		e.Organisation, " ", e.Person.Digits(), " ", e.Patient.Digits(), " ", e.Number)}
}
