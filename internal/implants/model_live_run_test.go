package implants_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
)

// This file does things at random on a register, keeps the live facts, and compares with them what is seen.

type liveRun struct {
	*testRegister
	*rand.Rand
	location *time.Location
	facts    *liveFacts
	used     map[fact]int // why something was seen
	done     []string
	claims   int
	failure  string
}

func pickFrom[T any](r *liveRun, all []T) T { return all[r.IntN(len(all))] }

func (r *liveRun) today() ident.Date { return ident.DateOf(r.now.In(r.location)) }

func (r *liveRun) callerOf(a actor) platform.Caller {
	if a.organisation.IsZero() {
		return r.callerWithOwnKey(a.person)
	}
	return r.callerInside(a.organisation, a.person)
}

// canCall reports whether the register knows a caller: an organisation may have ended the role that attached them.
func (r *liveRun) canCall(a actor) bool {
	if a.organisation.IsZero() {
		return true
	}
	_, err := r.Identify(r.tb.Context(), r.newMessage("NIHII-HOSPITAL="+a.organisation.Digits()),
		platform.Author{{Type: "SSIN", Value: a.person.Digits()}})
	return err == nil
}

// drawActor returns a caller whom the register knows: of some persons, or of all.
func (r *liveRun) drawActor(persons ...ident.SSIN) actor {
	for {
		a := pickFrom(r, liveActors)
		if (len(persons) == 0 || slices.Contains(persons, a.person)) && r.canCall(a) {
			return a
		}
	}
}

// doSomething lets a random caller do something, which the register may refuse, and returns that caller.
func (r *liveRun) doSomething() actor {
	a := r.drawActor()
	switch draw := r.IntN(100); {
	case draw < 30:
		return r.notify(a)
	case draw < 38:
		return r.explant(a)
	case draw < 56:
		return r.revise(a)
	case draw < 66:
		return r.discard(a)
	case draw < 79:
		r.changeMandate(a)
	case draw < 92:
		r.changeStaff(a)
	default:
		days := 1 + r.IntN(r.IntN(60)+1)
		r.now = r.now.AddDate(0, 0, days)
		r.note("%d days pass", days)
	}
	return a
}

func (r *liveRun) note(format string, values ...any) {
	r.done = append(r.done, fmt.Sprintf(format, values...))
}

// fittingActor returns the specialist three times of four, else the caller who was drawn.
func (r *liveRun) fittingActor(a actor, specialist ident.SSIN) actor {
	if r.IntN(4) == 0 {
		return a
	}
	return r.drawActor(specialist)
}

func (r *liveRun) drawSurgery(s *liveSurgery) {
	s.specialist, s.patient = pickFrom(r, liveSpecialists), pickFrom(r, livePatients)
	s.day = r.today().AddDays(-r.IntN(pickFrom(r, []int{3, 30, 600})))
}

func (s *liveSurgery) implantation() *implants.Implantation {
	n := implantation()
	n.Specialist, n.Patient = bySSIN(s.specialist), s.patient
	setSurgeryDate(&n, s.day.String())
	return &n
}

// keep records a notification that the register accepted, with what was sent.
func (r *liveRun) keep(a actor, what string, s *liveSurgery, receipt *implants.Receipt, err error) {
	if err != nil {
		r.note("%s: %s refused", a.name, what)
		return
	}
	s.reference, s.number, s.version = receipt.Reference, receipt.Number, receipt.Version
	s.wasFinal = s.wasFinal || s.state == implants.Final
	s.implants = nil
	for _, i := range receipt.Implants {
		s.implants = append(s.implants, i.ID)
	}
	i := slices.IndexFunc(r.facts.surgeries, func(other *liveSurgery) bool { return other.reference == s.reference })
	if i < 0 {
		r.facts.surgeries = append(r.facts.surgeries, s)
	} else {
		r.facts.surgeries[i] = s
	}
	r.note("%s: %s %s, %s by %s on %s of %s", a.name, what, s.reference, s.state, s.specialist.Digits(), s.day, s.patient.Digits())
}

func (r *liveRun) notify(a actor) actor {
	s := &liveSurgery{state: pickFrom(r, []implants.State{implants.Draft, implants.ToValidate, implants.Final, implants.Final})}
	r.drawSurgery(s)
	a = r.fittingActor(a, s.specialist)
	receipt, err := r.saveImplantation(r.callerOf(a), s.state, *s.implantation())
	r.keep(a, "notify", s, &receipt, err)
	return a
}

// drawKept returns a copy of a notification; nil when there is none.
func (r *liveRun) drawKept() *liveSurgery {
	if len(r.facts.surgeries) == 0 {
		return nil
	}
	s := *pickFrom(r, r.facts.surgeries)
	return &s
}

func (r *liveRun) explant(a actor) actor {
	placed := r.drawKept()
	if placed == nil || len(placed.implants) == 0 {
		return a
	}
	s := &liveSurgery{state: pickFrom(r, []implants.State{implants.Draft, implants.Final}), isExplantation: true}
	r.drawSurgery(s)
	s.patient = placed.patient
	a = r.fittingActor(a, s.specialist)
	receipt, err := r.NotifyExplant(r.tb.Context(), r.callerOf(a), implants.SubmissionOptions{Save: s.state}, implants.Explantation{
		Specialist: bySSIN(s.specialist), SurgeryDate: s.day, Patient: s.patient, Explants: []implants.Explant{{ImplantID: placed.implants[0]}}})
	r.keep(a, "explant", s, &receipt, err)
	return a
}

// revise moves a notification to another patient, date or state.
func (r *liveRun) revise(a actor) actor {
	s := r.drawKept()
	if s == nil || s.isExplantation {
		return a
	}
	a = r.fittingActor(a, s.specialist)
	switch r.IntN(4) {
	case 0, 1:
		s.patient = pickFrom(r, livePatients)
	case 2:
		s.day = s.day.AddDays(-r.IntN(300))
	}
	if s.state != implants.Final {
		s.state = pickFrom(r, []implants.State{implants.Draft, implants.ToValidate, implants.Final})
	}
	receipt, err := r.ReviseNotification(r.tb.Context(), r.callerOf(a), implants.ReviseRequest{
		Notification: implants.NotificationRef{Reference: s.reference}, Version: s.version, Save: s.state, Implantation: s.implantation()})
	r.keep(a, "revise", s, &receipt, err)
	return a
}

func (r *liveRun) discard(a actor) actor {
	s := r.drawKept()
	if s == nil {
		return a
	}
	a = r.fittingActor(a, s.specialist)
	receipt, err := r.DiscardNotification(r.tb.Context(), r.callerOf(a), implants.DiscardRequest{
		Notification: implants.NotificationRef{Reference: s.reference}, Version: s.version, Reason: "entered by mistake"})
	s.state = implants.Withdrawn
	r.keep(a, "withdraw", s, &receipt, err)
	return a
}

// changeMandate grants, accepts, ends or gives back a mandate.
func (r *liveRun) changeMandate(a actor) {
	grantor, grantee := pickFrom(r, liveSpecialists), pickFrom(r, liveHelpers)
	yesterday := r.today().AddDays(-1)
	var change access.ManageMandateRequest
	apply := func(m *liveMandate) { m.To = yesterday }
	by, what := grantor, "end"
	switch r.IntN(5) {
	case 0, 1:
		change, what, apply = grantRequest(grantee, platform.Period{}), "grant", nil
	case 2, 3:
		change, by, what, apply = acceptRequest(grantor), grantee, "accept", func(m *liveMandate) { m.isAccepted = true }
	default:
		if change = endRequest(grantee); r.IntN(2) == 0 {
			change, by = giveBackRequest(grantor), grantee
		}
	}
	if r.IntN(6) != 0 {
		a = actor{name: by.Digits(), person: by}
	}
	_, err := r.ManageMandate(r.tb.Context(), r.callerOf(a), change)
	r.note("%s: %s mandate of %s to %s: %v", a.name, what, grantor.Digits(), grantee.Digits(), formatRefusals(err))
	if err != nil {
		return
	}
	switch { // whoever did it in fact is a party
	case change.Grant != nil:
		r.facts.mandates = append(r.facts.mandates, liveMandate{a.person, grantee, false, platform.Period{From: r.today()}})
		return
	case change.Accept != nil || change.End.Grantee.IsZero():
		grantee = a.person
	default:
		grantor = a.person
	}
	for i := range r.facts.mandates {
		m := &r.facts.mandates[i]
		if m.grantor == grantor && m.grantee == grantee && (m.To.IsZero() || m.To.Compare(r.today()) >= 0) {
			apply(m)
		}
	}
}

// changeStaff assigns a role, ends it, or lets its holder refuse it.
func (r *liveRun) changeStaff(a actor) {
	organisation, who := pickFrom(r, []ident.NIHII{hospital, hospital, clinic}), pickFrom(r, liveHelpers)
	role := pickFrom(r, []platform.Role{platform.RoleAdministrative, platform.RoleAdministrative, platform.RoleManager})
	chief := actor{name: "Smit in the hospital", person: smit, organisation: hospital}
	if organisation == clinic {
		chief = actor{name: "Kaya in the clinic", person: kaya, organisation: clinic}
	}
	change, what := assignRequest(who, role, platform.Period{}), "assign"
	if r.IntN(3) == 0 {
		if change, what = dismissRequest(who, role), "end"; r.IntN(2) == 0 {
			change.End.Organisation, chief, what = organisation, actor{name: who.Digits(), person: who}, "refuse"
		}
	}
	if r.IntN(6) != 0 {
		a = chief
	}
	_, err := r.ManageStaff(r.tb.Context(), r.callerOf(a), change)
	if !a.organisation.IsZero() {
		organisation = a.organisation
	}
	r.note("%s: %s %s of %s in %s: %v", a.name, what, role, who.Digits(), organisation.Digits(), formatRefusals(err))
	switch {
	case err != nil:
	case change.Assign != nil:
		r.facts.roles = append(r.facts.roles, liveRole{who, organisation, role, platform.Period{From: r.today()}})
	default:
		for i := range r.facts.roles {
			if f := &r.facts.roles[i]; f.person == who && f.organisation == organisation && f.role == role && within(f.Period, r.today()) {
				f.To = r.today().AddDays(-1)
			}
		}
	}
}

// check fails unless the facts let a caller see a notification.
func (r *liveRun) check(a actor, read string, s *liveSurgery, urgent ident.SSIN, onlyLasting bool) {
	if s == nil {
		r.failure = a.name + " sees in " + read + " what nobody notified"
		return
	}
	why := r.facts.mayBeSeen(a, s, r.today(), urgent, onlyLasting)
	if why == noFact {
		r.failure = fmt.Sprintf("%s sees %s in %s: %s, by %s on %s of %s", a.name, s.reference, read, s.state,
			s.specialist.Digits(), s.day, s.patient.Digits())
	}
	r.used[why]++
}

func (r *liveRun) checkNumber(a actor, read string, n ident.NotificationNumber, urgent ident.SSIN) {
	i := slices.IndexFunc(r.facts.surgeries, func(s *liveSurgery) bool { return s.wasFinal && s.number == n })
	if i < 0 {
		r.check(a, read, nil, urgent, false)
		return
	}
	r.check(a, read, r.facts.surgeries[i], urgent, false)
}

func (r *liveRun) checkList(a actor, read string, found implants.SearchResult, urgent ident.SSIN, onlyLasting bool) {
	if len(found.Notifications) != found.Total {
		r.failure = fmt.Sprintf("%s: %d of %d", read, len(found.Notifications), found.Total)
	}
	for _, n := range found.Notifications {
		i := slices.IndexFunc(r.facts.surgeries, func(s *liveSurgery) bool { return s.reference == n.Reference })
		if i < 0 {
			r.check(a, read, nil, urgent, onlyLasting)
			continue
		}
		r.check(a, read, r.facts.surgeries[i], urgent, onlyLasting)
	}
}

var livePage = platform.Page{Limit: 100}

// lookAt makes each read of a patient's data, and those of one notification, as a caller. A read that is refused shows
// nothing.
func (r *liveRun) lookAt(a actor, patient ident.SSIN, isEmergency bool) {
	var claim implants.EmergencyClaim
	var urgent ident.SSIN
	if isEmergency {
		r.claims++
		claim, urgent = claimFor(fmt.Sprintf("unconscious after accident %d", r.claims), patient), patient
		r.note("%s: claims an emergency about %s", a.name, patient.Digits())
	}
	ctx := r.tb.Context()
	if found, err := r.Search(ctx, r.callerOf(a), implants.SearchRequest{Page: livePage, Patient: patient, EmergencyClaim: claim}); err == nil {
		r.checkList(a, "the search by patient", found, urgent, false)
	}
	if list, err := r.ListPatientImplants(ctx, r.callerOf(a), implants.ListImplantsRequest{Page: livePage, Patient: patient, EmergencyClaim: claim}); err == nil {
		for _, i := range list.Implants {
			r.checkNumber(a, "the implants", i.Number, urgent)
		}
	}
	if card, err := r.GetImplantCard(ctx, r.callerOf(a), implants.CardRequest{Patient: patient, EmergencyClaim: claim}); err == nil {
		for _, s := range card.Surgeries {
			r.checkNumber(a, "the patient card", s.Number, urgent)
		}
	}
	if s := r.drawKept(); s != nil {
		r.lookAtOne(a, s, claim, urgent)
	}
}

// lookAtOne reads one notification, by reference, by number and as a card.
func (r *liveRun) lookAtOne(a actor, s *liveSurgery, claim implants.EmergencyClaim, urgent ident.SSIN) {
	ctx := r.tb.Context()
	refs := []implants.NotificationRef{{Reference: s.reference}}
	if !s.number.IsZero() {
		refs = append(refs, implants.NotificationRef{Number: s.number})
	}
	for _, ref := range refs {
		if _, err := r.GetNotification(ctx, r.callerOf(a), implants.NotificationRequest{Notification: ref, EmergencyClaim: claim}); err == nil {
			r.check(a, "the notification", s, urgent, false)
		}
	}
	if s.number.IsZero() {
		return
	}
	if found, err := r.Search(ctx, r.callerOf(a), implants.SearchRequest{Page: livePage, Number: s.number, EmergencyClaim: claim}); err == nil {
		r.checkList(a, "the search by number", found, urgent, false)
	}
	if card, err := r.GetImplantCard(ctx, r.callerOf(a), implants.CardRequest{Number: s.number, EmergencyClaim: claim}); err == nil {
		for _, on := range card.Surgeries {
			r.checkNumber(a, "the card", on.Number, urgent)
		}
	}
}

// lookAtEverything makes all reads that a caller can make without an emergency.
func (r *liveRun) lookAtEverything(a actor) {
	for _, patient := range livePatients {
		r.lookAt(a, patient, false)
	}
	r.lookAtPending(a)
	r.lookAtEach(a)
}

func (r *liveRun) lookAtEach(a actor) {
	for _, s := range r.facts.surgeries {
		r.lookAtOne(a, s, implants.EmergencyClaim{}, ident.SSIN{})
	}
}

// lookAtPending lists what waits, and searches by implant.
func (r *liveRun) lookAtPending(a actor) {
	ctx := r.tb.Context()
	if found, err := r.ListPendingNotifications(ctx, r.callerOf(a), implants.ListPendingRequest{Page: livePage}); err == nil {
		r.checkList(a, "the pending notifications", found, ident.SSIN{}, false)
	}
	search := implants.SearchRequest{Page: livePage, Implant: &implants.ImplantCriteria{Code: knee}}
	if found, err := r.Search(ctx, r.callerOf(a), search); err == nil {
		r.checkList(a, "the search by implant", found, ident.SSIN{}, true)
	}
}
