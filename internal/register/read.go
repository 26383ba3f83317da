package register

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/register/udi"
)

// Page says which part of a result is asked for.
type Page struct {
	Offset, Limit int
}

// Criteria say what a search looks for: one of by patient, by notification, by implant.
type Criteria struct {
	Page
	Defects   []*problem.Error
	Emergency string // why a doctor without a relation must see it now
	Patient   ident.SSIN
	Number    ident.NotificationNumber
	Implant   *ImplantCriteria
	From      ident.Date
	To        ident.Date
	Type      OperationType
}

// ImplantCriteria name an implant by its code or its UDI, and narrow by lot and serial number.
type ImplantCriteria struct {
	Code   ident.NotificationCode
	UDI    string
	Lot    string
	Serial string
}

// Found is a page of a search result.
type Found struct {
	Total         int
	Notifications []Summary
}

// Search finds notifications. What the caller may not see is left out, as if it did not exist.
func (r *Registrar) Search(ctx context.Context, c Caller, s Criteria) (Found, error) {
	event := Event{Outcome: Accepted, Patient: s.Patient, Number: s.Number}
	return answer(ctx, r, c, inEmergency(s.Defects, s.Emergency), &event, func(reader Reader) (Found, error) {
		q := Query{From: s.From, To: s.To, Type: s.Type, Offset: s.Offset, Limit: s.Limit}
		seen, err := r.restrict(reader, c, s, &q, &event)
		if err != nil || !seen {
			return Found{}, err
		}
		found, total, err := reader.Search(q)
		if total == 0 && !q.Number.IsZero() {
			event.Outcome = Withheld // it is there, and not the caller's own
		}
		for i := range found {
			found[i].Own = found[i].Specialist.SSIN == c.person
		}
		return Found{Total: total, Notifications: found}, err
	})
}

// restrict turns criteria into what the caller may see of them; seen is false when that is nothing.
func (r *Registrar) restrict(s Reader, c Caller, criteria Criteria, q *Query, event *Event) (bool, error) {
	today := r.day(r.now())
	if i := criteria.Implant; i != nil {
		q.Code, q.Lot, q.Serial, q.PatientsOf, q.On = i.Code, i.Lot, i.Serial, c.person, today
		narrowByUDI(i, q)
		var err error
		event.Reason, err = maySearchByImplant(c, today)
		return err == nil, err
	}
	q.Patient, q.Number = criteria.Patient, criteria.Number
	if !q.Number.IsZero() {
		n, there, err := s.Notification(q.Number)
		if err != nil {
			return false, err
		}
		if !there {
			return false, mayReadNobody(c, today)
		}
		q.Patient, event.Patient = n.Patient, n.Patient
	}
	a, err := accessTo(s, c, q.Patient, today, criteria.Emergency)
	if err != nil {
		return false, err
	}
	event.explain(a, criteria.Emergency)
	if a.own {
		q.Specialist = c.person
	}
	if !a.all && !a.own {
		event.Outcome = Withheld
		return false, nil
	}
	return true, nil
}

// narrowByUDI searches a UDI that can be read by what it says, and any other as it was kept.
func narrowByUDI(i *ImplantCriteria, q *Query) {
	if i.UDI == "" {
		return
	}
	u, err := udi.Parse(i.UDI)
	if err != nil {
		q.UDI = i.UDI
		return
	}
	q.UDIDI = u.DI
	if q.Lot == "" {
		q.Lot = u.Lot
	}
	if q.Serial == "" {
		q.Serial = u.Serial
	}
}

// accessTo asks what the caller may see of a patient.
func accessTo(s Reader, c Caller, patient ident.SSIN, today ident.Date, emergency string) (access, error) {
	links, err := s.Links(patient, c.person)
	if err != nil {
		return access{}, err
	}
	return mayRead(c, patient, links, today, emergency)
}

// mayReadNobody is the refusal of whoever may read no patient's data: he is told so whether or not what he asks for
// exists.
func mayReadNobody(c Caller, today ident.Date) error {
	_, err := mayRead(c, ident.SSIN{}, nil, today, "")
	return err
}

// explain notes why something was shown.
func (e *Event) explain(a access, emergency string) {
	e.Reason = a.reason
	if a.emergency {
		e.Emergency = emergency
	}
}

// PatientImplants are a page of what a patient carries.
type PatientImplants struct {
	Total    int
	Implants []Implant
}

// Carried asks which implants a patient carries on a day, today when none is given.
type Carried struct {
	Page
	Defects   []*problem.Error
	Emergency string // why a doctor without a relation must see it now
	Patient   ident.SSIN
	Day       ident.Date
}

// PatientImplants lists what a patient carries. What the caller may not see is left out, as if it did not exist.
func (r *Registrar) PatientImplants(ctx context.Context, c Caller, q Carried) (PatientImplants, error) {
	event := Event{Outcome: Accepted, Patient: q.Patient}
	return answer(ctx, r, c, inEmergency(q.Defects, q.Emergency), &event, func(s Reader) (PatientImplants, error) {
		implants, err := r.carried(s, c, q, &event)
		return PatientImplants{Total: len(implants), Implants: cut(implants, q.Page)}, err
	})
}

// carried returns the patient's implants that the caller may see and of which something remains.
func (r *Registrar) carried(s Reader, c Caller, q Carried, event *Event) ([]Implant, error) {
	today := r.day(r.now())
	patient, day := q.Patient, q.Day
	if day.IsZero() {
		day = today
	}
	a, err := accessTo(s, c, patient, today, q.Emergency)
	if err != nil {
		return nil, err
	}
	event.explain(a, q.Emergency)
	if !a.all && !a.own {
		event.Outcome = Withheld
		return nil, nil
	}
	implants, err := s.Implants(patient, day)
	if err != nil {
		return nil, err
	}
	var own map[ident.NotificationNumber]bool
	if !a.all {
		if own, err = ownNotifications(s, c, patient); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(implants, func(i Implant) bool {
		return i.Remaining < 1 || !a.all && !own[i.Number]
	}), nil
}

// ownNotifications are the numbers of the patient's notifications of which the caller is the specialist.
func ownNotifications(s Reader, c Caller, patient ident.SSIN) (map[ident.NotificationNumber]bool, error) {
	history, err := s.History(patient)
	if err != nil {
		return nil, err
	}
	own := map[ident.NotificationNumber]bool{}
	for _, n := range history {
		if n.Specialist.SSIN == c.person {
			own[n.Number] = true
		}
	}
	return own, nil
}

// CardOf says which card is asked for: of a notification, or, when it has no number, the patient's cumulative one.
type CardOf struct {
	Defects   []*problem.Error
	Emergency string // why a doctor without a relation must see it now
	Number    ident.NotificationNumber
	Patient   ident.SSIN
}

// Card returns what stands on a card. A card that the caller may not see is answered as one that does not exist.
func (r *Registrar) Card(ctx context.Context, c Caller, of CardOf) (CardContent, error) {
	event := Event{Outcome: Accepted, Patient: of.Patient, Number: of.Number}
	return answer(ctx, r, c, inEmergency(of.Defects, of.Emergency), &event, func(s Reader) (CardContent, error) {
		if of.Number.IsZero() {
			return r.patientCard(s, c, of, &event)
		}
		return r.implantCard(s, c, of, &event)
	})
}

// implantCard is the card of one notification that counts.
func (r *Registrar) implantCard(s Reader, c Caller, of CardOf, event *Event) (CardContent, error) {
	n, err := r.find(s, c, Of{Number: of.Number}, of.Emergency, event)
	switch {
	case err != nil:
		return CardContent{}, err
	case n.State != Final:
		return CardContent{}, problem.New(problem.AlreadyWithdrawn)
	}
	content, err := cardOf(s, n.Patient, n.Number, []Notification{n})
	if err == nil {
		content.Organisation = content.Operations[0].Organisation
	}
	return content, err
}

// patientCard is the cumulative card: every placement and removal that the caller may see.
func (r *Registrar) patientCard(s Reader, c Caller, of CardOf, event *Event) (CardContent, error) {
	patient := of.Patient
	a, err := accessTo(s, c, patient, r.day(r.now()), of.Emergency)
	if err != nil {
		return CardContent{}, err
	}
	event.explain(a, of.Emergency)
	history, err := s.History(patient)
	if err != nil {
		return CardContent{}, err
	}
	some := len(history) > 0
	history = slices.DeleteFunc(history, func(n Notification) bool {
		return !a.all && (!a.own || n.Specialist.SSIN != c.person)
	})
	switch {
	case len(history) > 0:
		return cardOf(s, patient, ident.NotificationNumber{}, history)
	case some:
		event.Outcome = Withheld
		return CardContent{}, problem.New(problem.CardWithheld)
	}
	return CardContent{}, problem.New(problem.CardNotFound)
}

// cardOf puts together what stands on a card about some notifications of a patient.
func cardOf(s Reader, patient ident.SSIN, number ident.NotificationNumber, history []Notification) (CardContent, error) {
	content := CardContent{Number: number}
	var err error
	if content.Patient, err = person(s, patient); err != nil {
		return content, err
	}
	for i := range history {
		var operation CardOperation
		if operation, err = cardOperation(s, &history[i]); err != nil {
			return content, err
		}
		content.Operations = append(content.Operations, operation)
		if history[i].RegisteredAt.After(content.IssuedAt) {
			content.IssuedAt = history[i].RegisteredAt
		}
	}
	return content, nil
}

func cardOperation(s Reader, n *Notification) (CardOperation, error) {
	o := CardOperation{Number: n.Number, Type: n.Type, Date: n.OperationDate, SpecialistID: n.Specialist.NIHII}
	var err error
	if o.Specialist, err = person(s, n.Specialist.SSIN); err != nil {
		return o, err
	}
	if !n.Prescriber.SSIN.IsZero() {
		if o.Prescriber, err = person(s, n.Prescriber.SSIN); err != nil {
			return o, err
		}
	}
	if !n.Organisation.IsZero() {
		var organisation Organisation
		if organisation, _, err = s.Organisation(PharmacyRef{NIHII: n.Organisation}); err != nil {
			return o, err
		}
		o.Organisation = organisation.Name
	}
	if n.Type == TypeImplantation {
		for _, i := range n.Implants {
			o.Implants = append(o.Implants, CardImplant{Implant: i, Quantity: i.Quantity})
		}
		return o, nil
	}
	for _, removal := range n.Removals {
		implant, there, err := s.Implant(removal.ImplantID)
		if err != nil {
			return o, err
		}
		if !there {
			return o, problem.New(problem.InternalError)
		}
		implant.Remaining = removal.Remaining
		o.Implants = append(o.Implants, CardImplant{Implant: implant, Quantity: removal.Quantity, Reason: removal.Reason})
	}
	return o, nil
}

// person is what the national register says; at least the number, when it does not know the person.
func person(s Reader, ssin ident.SSIN) (Person, error) {
	p, there, err := s.Person(ssin)
	if err == nil && !there {
		p = Person{SSIN: ssin}
		p.BirthDate, _ = ssin.BirthDate()
	}
	return p, err
}

// shortestReason is how many characters the reason of an emergency has at least.
const shortestReason = 10

// inEmergency adds to the defects of a request that the reason stated says nothing: it is kept to be read by people.
func inEmergency(defects []*problem.Error, reason string) []*problem.Error {
	if reason == "" || utf8.RuneCountInString(strings.TrimSpace(reason)) >= shortestReason {
		return defects
	}
	return append(slices.Clip(defects), problem.New(problem.EmergencyBlank).In("EmergencyReason"))
}

// answer runs a read over one consistent view, records it, and gives its result only when the record is durable. A
// request with defects is refused before anything is read.
func answer[T any](ctx context.Context, r *Registrar, c Caller, defects []*problem.Error, e *Event, read func(Reader) (T, error)) (T, error) {
	var none, result T
	err := problem.List(problem.RulesViolated, defects)
	if err == nil {
		var failed error
		err = r.store.Read(ctx, func(s Reader) error {
			result, failed = read(s)
			return failed
		})
	}
	if err != nil && asRefusal(err) == nil {
		return none, err
	}
	if err = r.conclude(ctx, c, *e, err); err != nil {
		return none, err
	}
	return result, nil
}
