package implants

import (
	"cmp"
	"context"
	"slices"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// SearchRequest selects notifications by exactly one of patient, number and implant.
type SearchRequest struct {
	platform.Page
	Defects []*problem.Error
	EmergencyClaim
	Patient ident.SSIN
	Number  ident.NotificationNumber
	Implant *ImplantCriteria
	From    ident.Date
	To      ident.Date
	Type    SurgeryType
}

// ImplantCriteria identify an implant by code or UDI, and narrow the search by lot and serial number.
type ImplantCriteria struct {
	Code   ident.NotificationCode
	UDI    string
	Lot    string
	Serial string
}

// SearchResult is a page of notifications.
type SearchResult struct {
	Total         int
	Notifications []NotificationSummary
}

// Search finds notifications. Notifications that the caller may not see are left out, as if they did not exist.
func (r *Registrar) Search(ctx context.Context, c platform.Caller, req SearchRequest) (SearchResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Patient: req.Patient, Number: req.Number}
	claim := req.toEmergency(req.Patient, !req.Number.IsZero())
	return readPatientData(ctx, r, c, claim, req.Defects, &event, func(s Reader, e emergency) (SearchResult, error) {
		q := NotificationQuery{From: req.From, To: req.To, Type: req.Type, Offset: req.Offset, Limit: req.Limit}
		ok, err := r.restrictQuery(s, c, req, e, &q, &event)
		if err != nil || !ok {
			return SearchResult{}, err
		}
		found, total, err := s.SearchNotifications(q)
		if err == nil && total == 0 && req.Implant != nil {
			err = refuseUnreadUDI(req.Implant.UDI)
		}
		for i := range found {
			found[i].Own = found[i].Specialist.SSIN == c.Person()
		}
		return SearchResult{Total: total, Notifications: found}, err
	})
}

// restrictQuery limits the request to what the caller may see. The result is false when the caller may see nothing.
func (r *Registrar) restrictQuery(
	s Reader, c platform.Caller, req SearchRequest, e emergency, q *NotificationQuery, event *platform.AuditEvent,
) (bool, error) {
	today := r.runner.Today()
	if i := req.Implant; i != nil {
		q.Code, q.Lot, q.Serial, q.TreatedBy, q.TreatedOn = i.Code, i.Lot, i.Serial, c.Person(), today
		narrowByUDI(i, q)
		var err error
		event.Reason, err = authorization.MaySearchByImplant(c, today)
		return err == nil, err
	}
	if q.Number = req.Number; !q.Number.IsZero() {
		found, err := r.locate(s, c, NotificationRef{Number: q.Number}, e, event)
		if err == nil && found.exists && !found.isVisible {
			event.Outcome = platform.OutcomeWithheld
		}
		return found.isVisible, err
	}
	q.Patient = req.Patient
	a, err := r.accessPatient(s, c, q.Patient, e, event)
	q.Specialist = onlyBy(c, a)
	return err == nil && !a.SeesNothing(), err
}

// narrowByUDI searches a UDI by what is understood of it, and a UDI without a device identifier by the text as stored.
func narrowByUDI(i *ImplantCriteria, q *NotificationQuery) {
	if i.UDI == "" {
		return
	}
	u, _ := udi.Parse(i.UDI)
	if u.DI == "" {
		q.UDI = i.UDI
		return
	}
	q.UDIDIs = []string{u.DI}
	if readings, err := udi.ParseDI(i.UDI); err == nil {
		q.UDIDIs = readings
	}
	q.Lot, q.Serial = cmp.Or(q.Lot, u.Lot), cmp.Or(q.Serial, u.Serial)
}

// refuseUnreadUDI refuses a search that found nothing by a UDI without a device identifier: an empty result would say
// that no such implant exists.
func refuseUnreadUDI(text string) error {
	if u, _ := udi.Parse(text); text == "" || u.DI != "" {
		return nil
	}
	_, err := udi.ParseDI(text)
	return newUDIRefusal(err, "Implant.UDI")
}

func newUDIRefusal(err error, path platform.Path) error {
	return problem.From(err).WithPath(path.String())
}

// ListImplantsResult is a page of a patient's implants.
type ListImplantsResult struct {
	Total    int
	Implants []Implant
}

// ListImplantsRequest selects the implants that a patient has on a day; the zero date is today.
type ListImplantsRequest struct {
	platform.Page
	Defects []*problem.Error
	EmergencyClaim
	Patient ident.SSIN
	Date    ident.Date
}

// ListPatientImplants lists a patient's implants. Implants that the caller may not see are left out, as if they did
// not exist.
func (r *Registrar) ListPatientImplants(
	ctx context.Context, c platform.Caller, req ListImplantsRequest,
) (ListImplantsResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Patient: req.Patient}
	claim := req.toEmergency(req.Patient, false)
	return readPatientData(ctx, r, c, claim, req.Defects, &event, func(s Reader, e emergency) (ListImplantsResult, error) {
		a, err := r.accessPatient(s, c, req.Patient, e, &event)
		if err != nil || a.SeesNothing() {
			return ListImplantsResult{}, err
		}
		day := req.Date
		if day.IsZero() {
			day = r.runner.Today()
		}
		implants, err := s.ImplantsByPatient(req.Patient, onlyBy(c, a), day)
		implants = slices.DeleteFunc(implants, func(i Implant) bool { return i.Remaining < 1 })
		return ListImplantsResult{Total: len(implants), Implants: platform.SlicePage(implants, req.Page)}, err
	})
}

// onlyBy returns the specialist to whose notifications the access is limited; zero when it is not.
func onlyBy(c platform.Caller, a authorization.PatientAccess) ident.SSIN {
	if a.SeesAll {
		return ident.SSIN{}
	}
	return c.Person()
}

// CardRequest selects a card: the implant card of a notification or, without a number, the patient's cumulative card.
type CardRequest struct {
	Defects []*problem.Error
	EmergencyClaim
	Number  ident.NotificationNumber
	Patient ident.SSIN
}

// GetImplantCard returns the content of a card. A card that the caller may not see gives the same answer as one that
// does not exist.
func (r *Registrar) GetImplantCard(ctx context.Context, c platform.Caller, req CardRequest) (CardContent, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Patient: req.Patient, Number: req.Number}
	claim := req.toEmergency(req.Patient, !req.Number.IsZero())
	return readPatientData(ctx, r, c, claim, req.Defects, &event, func(s Reader, e emergency) (CardContent, error) {
		if req.Number.IsZero() {
			return r.buildPatientCard(s, c, req.Patient, e, &event)
		}
		return r.buildImplantCard(s, c, req.Number, e, &event)
	})
}

// buildImplantCard returns the card of one final notification.
func (r *Registrar) buildImplantCard(
	s Reader, c platform.Caller, number ident.NotificationNumber, e emergency, event *platform.AuditEvent,
) (CardContent, error) {
	n, err := r.findVisible(s, c, NotificationRef{Number: number}, e, event)
	switch {
	case err != nil:
		return CardContent{}, err
	case n.State != Final:
		return CardContent{}, problem.New(AlreadyWithdrawn)
	}
	return BuildCard(s, n.Patient, n.Number, []Notification{n})
}

// buildPatientCard returns the cumulative card: all implantations and explantations that the caller may see. For a
// caller who may not see all, an empty card counts as withheld: whether there is more is not even read.
func (r *Registrar) buildPatientCard(
	s Reader, c platform.Caller, patient ident.SSIN, e emergency, event *platform.AuditEvent,
) (CardContent, error) {
	a, err := r.accessPatient(s, c, patient, e, event)
	if err != nil {
		return CardContent{}, err
	}
	var history []Notification
	if !a.SeesNothing() {
		if history, err = s.NotificationsByPatient(patient, onlyBy(c, a)); err != nil {
			return CardContent{}, err
		}
	}
	switch {
	case len(history) > 0:
		return BuildCard(s, patient, ident.NotificationNumber{}, history)
	case a.SeesAll:
		return CardContent{}, problem.New(CardNotFound)
	}
	event.Outcome = platform.OutcomeWithheld
	return CardContent{}, problem.New(CardWithheld)
}

// BuildCard returns the card of some of a patient's notifications, for whoever may read them.
func BuildCard(
	s Reader, patient ident.SSIN, number ident.NotificationNumber, history []Notification,
) (CardContent, error) {
	content := CardContent{Number: number}
	var err error
	if content.Patient, err = loadPerson(s, patient); err != nil {
		return content, err
	}
	for i := range history {
		var surgery CardSurgery
		if surgery, err = buildCardSurgery(s, &history[i]); err != nil {
			return content, err
		}
		content.Surgeries = append(content.Surgeries, surgery)
		if history[i].RegisteredAt.After(content.IssuedAt) {
			content.IssuedAt, content.Reference, content.Version = history[i].RegisteredAt, history[i].Reference,
				history[i].Version
		}
	}
	if !number.IsZero() {
		content.Organisation = content.Surgeries[0].Organisation
	}
	return content, nil
}

func buildCardSurgery(s Reader, n *Notification) (CardSurgery, error) {
	surgery := CardSurgery{Number: n.Number, Type: n.Type, Date: n.SurgeryDate, SpecialistID: n.Specialist.NIHII}
	var err error
	if surgery.Specialist, err = loadPerson(s, n.Specialist.SSIN); err != nil {
		return surgery, err
	}
	if !n.Prescriber.SSIN.IsZero() {
		if surgery.Prescriber, err = loadPerson(s, n.Prescriber.SSIN); err != nil {
			return surgery, err
		}
	}
	if !n.Organisation.IsZero() {
		var organisation platform.Organisation
		if organisation, _, err = s.Organisation(platform.OrganisationRef{NIHII: n.Organisation}); err != nil {
			return surgery, err
		}
		surgery.Organisation = organisation.Name
	}
	if n.Type == TypeImplantation {
		for _, i := range n.Implants {
			surgery.Implants = append(surgery.Implants, CardImplant{Implant: i, Quantity: i.Quantity})
		}
		return surgery, nil
	}
	for _, removal := range n.Removals {
		implant, ok, err := s.Implant(removal.ImplantID)
		if err != nil {
			return surgery, err
		}
		if !ok {
			return surgery, problem.New(problem.InternalError)
		}
		implant.Remaining = removal.Remaining
		surgery.Implants = append(
			surgery.Implants, CardImplant{Implant: implant, Quantity: removal.Quantity, Reason: removal.Reason},
		)
	}
	return surgery, nil
}

// loadPerson returns the national register's entry or, for an unknown person, the number and the birth date it
// contains.
func loadPerson(s Reader, ssin ident.SSIN) (platform.Person, error) {
	p, ok, err := s.Person(ssin)
	if err == nil && !ok {
		p = platform.Person{SSIN: ssin}
		p.BirthDate, _ = ssin.BirthDate()
	}
	return p, err
}
