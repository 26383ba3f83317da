package implants_test

import (
	"fmt"
	"slices"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// This file makes the same reads on the register and on the model, as every actor who may read.

const emergencyReason = "unconscious after an accident"

// claim returns the emergency that a step claims about a patient. No two patients have the same reason.
func (s step) claim(patient ident.SSIN) implants.EmergencyClaim {
	if !s.emergency {
		return implants.EmergencyClaim{}
	}
	return claimFor(emergencyReason+" "+patient.Digits(), patient)
}

// recordedReason returns the emergency reason that is recorded: only when less would have been shown without it.
func (s step) recordedReason(m *model, patient ident.SSIN) string {
	if !s.emergency || patient.IsZero() || !m.needsEmergency(actors[s.who], patient) {
		return ""
	}
	return s.claim(patient).EmergencyReason
}

// claimed returns the patient about whom a step that names a notification claims an emergency; zero without one.
func (s step) claimed() ident.SSIN {
	if !s.emergency {
		return ident.SSIN{}
	}
	return s.about
}

// comparePages reads a whole list page by page and compares it with the expected one. Each page is recorded.
func (h *modelRun) comparePages(s step, v verdict, emergency string, want []string, read func(platform.Caller, platform.Page) (int, []string, error)) error {
	a := actors[s.who]
	var got []string
	limit := max(s.page, len(want)/6)
	for offset := 0; offset == 0 || offset < len(want); offset += limit {
		total, rows, err := read(h.callerOf(a), platform.Page{Offset: offset, Limit: limit})
		if failed := differ("refusals", formatRefusals(err), v.refused); failed != nil {
			return failed
		}
		if failed := h.compareEvents(a, v, emergency); failed != nil {
			return failed
		}
		if total != len(want) {
			return fmt.Errorf("%d in all instead of %d", total, len(want))
		}
		if len(rows) > limit {
			return fmt.Errorf("%d on a page of %d", len(rows), limit)
		}
		got = append(got, rows...)
	}
	return differ("list", got, want)
}

func (h *modelRun) compareImplants(s step) error {
	a, on := actors[s.who], s.on
	if on.IsZero() {
		on = h.model.today()
	}
	all, own, refused := h.model.accessOf(a, s.patient, s.emergency)
	v := verdict{patient: s.patient, withheld: refused == "" && !all && !own}
	if refused != "" {
		v.refused = []string{refused}
	}
	want := h.model.expectImplants(a, s.patient, on, s.emergency)
	return h.comparePages(s, v, s.recordedReason(h.model, s.patient), want, func(c platform.Caller, p platform.Page) (int, []string, error) {
		list, err := h.ListPatientImplants(h.tb.Context(), c, implants.ListImplantsRequest{Page: p, Patient: s.patient, Date: s.on, EmergencyClaim: s.claim(s.patient)})
		var rows []string
		for _, i := range list.Implants {
			rows = append(rows, fmt.Sprint(i.ID, " ", i.Remaining, " of ", i.Quantity, " ", i.Number, " ", i.SurgeryDate))
		}
		return list.Total, rows, err
	})
}

func (h *modelRun) compareList(s step) error {
	a := actors[s.who]
	want, refused := h.model.expectPending(a, s.save)
	var v verdict
	if refused != "" {
		v.refused = []string{refused}
	}
	return h.comparePages(s, v, "", want, func(c platform.Caller, p platform.Page) (int, []string, error) {
		found, err := h.ListPendingNotifications(h.tb.Context(), c, implants.ListPendingRequest{Page: p, State: s.save})
		return found.Total, rowsOf(found), err
	})
}

func rowsOf(found implants.SearchResult) []string {
	var out []string
	for _, n := range found.Notifications {
		out = append(out, listRow(n))
	}
	return out
}

func (h *modelRun) compareSearch(s step) error {
	a := actors[s.who]
	c := s.criteria
	c.Patient, c.EmergencyClaim = s.patient, s.claim(s.patient)
	if s.byNumber {
		c.EmergencyClaim = s.claim(s.about)
		if c.Number = unknownNumber; h.model.entryBegunBy(s.of) != nil && !h.model.entryBegunBy(s.of).number.IsZero() {
			c.Number = h.model.entryBegunBy(s.of).number
		}
	}
	want, v, emergency := h.model.expectSearch(a, c, s)
	return h.comparePages(s, v, emergency, want, func(caller platform.Caller, p platform.Page) (int, []string, error) {
		c.Page = p
		found, err := h.Search(h.tb.Context(), caller, c)
		return found.Total, rowsOf(found), err
	})
}

// expectSearch returns the expected result of a search, and how it is recorded.
func (m *model) expectSearch(a actor, c implants.SearchRequest, s step) (want []string, v verdict, emergency string) {
	v = verdict{patient: c.Patient, number: c.Number}
	among := slices.DeleteFunc(slices.Clone(m.numbered), func(e *entry) bool {
		now := e.current().content
		return !c.Number.IsZero() && e.number != c.Number || !c.From.IsZero() && now.day.Before(c.From) ||
			!c.To.IsZero() && now.day.After(c.To) || c.Type != "" && now.kind != c.Type
	})
	rows := func(seen func(*entry) bool) (found []string) {
		for _, e := range among {
			if seen(e) {
				found = append(found, rowFor(a, e))
			}
		}
		return found
	}
	if c.Implant != nil {
		if !a.isDoctor() {
			return nil, refuse(v, "MAY_NOT_SEARCH_BY_IMPLANT"), ""
		}
		return rows(func(e *entry) bool {
			now := e.current().content
			mine := now.specialist == a.person || hasRelation(now.patient, a.person)
			return mine && m.matchesImplant(e, *c.Implant)
		}), v, ""
	}
	if !c.Number.IsZero() {
		want, v, emergency = m.expectSearchByNumber(a, c.Number, s)
		if len(among) == 0 { // of another day or type
			want = nil
		}
		return want, v, emergency
	}
	all, own, refused := m.accessOf(a, v.patient, s.emergency)
	if refused != "" {
		return nil, refuse(v, refused), ""
	}
	emergency = s.recordedReason(m, v.patient)
	want = rows(func(e *entry) bool {
		now := e.current().content
		return now.patient == v.patient && (all || own && now.specialist == a.person)
	})
	v.withheld = !all && !own
	return want, v, emergency
}

// expectSearchByNumber returns the expected result of a search by number: that of finding the notification, except that
// nothing is refused that is withheld or does not exist.
func (m *model) expectSearchByNumber(a actor, number ident.NotificationNumber, s step) (want []string, v verdict, emergency string) {
	var e *entry
	if i := slices.IndexFunc(m.numbered, func(e *entry) bool { return e.number == number }); i >= 0 {
		e = m.numbered[i]
	}
	v, recorded := m.expectFind(a, e, number, s.claimed())
	if recorded {
		emergency = s.claim(s.about).EmergencyReason
	}
	switch {
	case len(v.refused) == 0:
		return []string{rowFor(a, e)}, v, emergency
	case v.withheld || v.refused[0] == "NOTIFICATION_NOT_FOUND":
		v.refused = nil
	}
	return nil, v, emergency
}

// matchesImplant reports whether one implant that the notification implanted or removed meets all criteria.
func (m *model) matchesImplant(e *entry, asked implants.ImplantCriteria) bool {
	di := ""
	if asked.UDI != "" {
		l := toKeptLine(implants.NotifiedImplant{UDI: asked.UDI})
		di, asked.Lot, asked.Serial = l.di, l.notified.Lot, l.notified.Serial
	}
	fits := func(id string) bool {
		l := m.lines[id]
		return (asked.Code.IsZero() || l.notified.Code == asked.Code) && (di == "" || l.di == di) &&
			(asked.Lot == "" || l.notified.Lot == asked.Lot) && (asked.Serial == "" || l.notified.Serial == asked.Serial)
	}
	return slices.ContainsFunc(e.current().lines, func(l keptLine) bool { return fits(l.id) }) ||
		slices.ContainsFunc(e.current().removals, func(r removal) bool { return fits(r.id) })
}

// compareNotification compares one notification in full.
func (h *modelRun) compareNotification(s step, e *entry) error {
	a, of := actors[s.who], s.notificationRef(e)
	v, recorded := h.model.expectFind(a, e, of.Number, s.claimed())
	emergency := ""
	if recorded {
		emergency = s.claim(s.about).EmergencyReason
	}
	got, err := h.GetNotification(h.tb.Context(), h.callerOf(a), implants.NotificationRequest{Notification: of, EmergencyClaim: s.claim(s.about)})
	if failed := differ("refusals", formatRefusals(err), v.refused); failed != nil {
		return failed
	}
	if failed := h.compareEvents(a, v, emergency); failed != nil || len(v.refused) > 0 {
		return failed
	}
	if failed := differ("notification", notificationText(got.Notification, got.AffectedImplants), h.model.notificationText(e, len(e.versions), true)); failed != nil {
		return failed
	}
	var revisions []implants.VersionSummary
	for i, past := range e.versions {
		revisions = append(revisions, implants.VersionSummary{Version: i + 1, RegisteredAt: past.at, Organisation: past.organisation, Author: past.author,
			State: past.state, Change: past.change, ChangeReason: past.why})
	}
	return differ("history", revisionTexts(got.History), revisionTexts(revisions))
}

func revisionTexts(all []implants.VersionSummary) []string {
	var out []string
	for _, r := range all {
		out = append(out, fmt.Sprint(r.Version, " ", r.RegisteredAt, " ", r.Organisation, " ", r.Author.Digits(), " ", r.State, " ", r.Change, " ", r.ChangeReason))
	}
	return out
}

// compareAll compares everything: the implants of each patient today and on other days, every list, and the newest
// notifications in full; after the last step, all of them.
func (h *modelRun) compareAll(s step) error {
	for who, a := range actors {
		if err := h.compareList(step{who: who, page: s.page}); err != nil {
			return fmt.Errorf("pending of %s: %w", a.name, err)
		}
		if !slices.Contains(patients, a.person) {
			continue
		}
		for _, on := range []ident.Date{{}, h.model.today().AddDays(-1 - s.id%40), h.model.today().AddDays(1)} {
			if err := h.compareImplants(step{who: who, patient: a.person, on: on, page: s.page}); err != nil {
				return fmt.Errorf("carried by %s on %s: %w", a.name, on, err)
			}
		}
		if err := h.compareSearch(step{who: who, patient: a.person, page: s.page}); err != nil {
			return fmt.Errorf("search by %s: %w", a.name, err)
		}
	}
	among := h.model.entries
	if s.id != 0 {
		among = among[max(0, len(among)-8):]
	}
	for _, e := range among {
		specialist := slices.IndexFunc(actors, func(a actor) bool { return a.person == e.current().content.specialist })
		if err := h.compareNotification(step{who: specialist}, e); err != nil {
			return fmt.Errorf("notification of step %d: %w", e.begun, err)
		}
	}
	return nil
}
