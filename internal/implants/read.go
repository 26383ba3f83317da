package implants

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// SearchRequest selects notifications by exactly one of patient, number and implant.
type SearchRequest struct {
	platform.Page
	Defects         []*problem.Error
	EmergencyReason string // why a doctor without a care relation needs access now
	Patient         ident.SSIN
	Number          ident.NotificationNumber
	Implant         *ImplantCriteria
	From            ident.Date
	To              ident.Date
	Type            SurgeryType
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
	return platform.ReadAndRecord(ctx, r.runner, c, checkEmergencyReason(req.Defects, req.EmergencyReason),
		&event, func(reader Reader) (SearchResult, error) {
			q := NotificationQuery{From: req.From, To: req.To, Type: req.Type, Offset: req.Offset, Limit: req.Limit}
			ok, err := r.restrictQuery(reader, c, req, &q, &event)
			if err != nil || !ok {
				return SearchResult{}, err
			}
			found, total, err := reader.SearchNotifications(q)
			if err == nil && total == 0 && req.Implant != nil {
				err = refuseUnreadUDI(req.Implant.UDI)
			}
			if total == 0 && !q.Number.IsZero() {
				event.Outcome = platform.OutcomeWithheld // it exists, but is not the caller's own
			}
			for i := range found {
				found[i].Own = found[i].Specialist.SSIN == c.Person()
			}
			return SearchResult{Total: total, Notifications: found}, err
		})
}

// restrictQuery limits the request to what the caller may see. The result is false when the caller may see nothing.
func (r *Registrar) restrictQuery(
	s Reader, c platform.Caller, req SearchRequest, q *NotificationQuery, event *platform.AuditEvent,
) (bool, error) {
	today := r.runner.Today()
	if i := req.Implant; i != nil {
		q.Code, q.Lot, q.Serial, q.TreatedBy, q.TreatedOn = i.Code, i.Lot, i.Serial, c.Person(), today
		narrowByUDI(i, q)
		var err error
		event.Reason, err = authorization.MaySearchByImplant(c, today)
		return err == nil, err
	}
	q.Patient, q.Number = req.Patient, req.Number
	if !q.Number.IsZero() {
		n, ok, err := s.NotificationByNumber(q.Number)
		if err != nil {
			return false, err
		}
		if !ok {
			return false, authorization.MayReadAnyPatient(c, today)
		}
		q.Patient, event.Patient = n.Patient, n.Patient
	}
	a, err := loadAccess(s, c, q.Patient, today, req.EmergencyReason)
	if err != nil {
		return false, err
	}
	recordAccess(event, a, req.EmergencyReason)
	if a.SeesOwn {
		q.Specialist = c.Person()
	}
	if a.SeesNothing() {
		event.Outcome = platform.OutcomeWithheld
		return false, nil
	}
	return true, nil
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

// loadAccess decides how much of a patient's data the caller may see.
func loadAccess(
	s Reader, c platform.Caller, patient ident.SSIN, today ident.Date, emergency string,
) (authorization.PatientAccess, error) {
	links, err := s.TherapeuticLinks(patient, c.Person())
	if err != nil {
		return authorization.PatientAccess{}, err
	}
	return authorization.MayRead(c, patient, links, today, emergency)
}

// recordAccess records in the audit event why data was shown.
func recordAccess(e *platform.AuditEvent, a authorization.PatientAccess, emergency string) {
	e.Reason = a.Reason
	if a.IsEmergency {
		e.EmergencyReason = emergency
	}
}

// ListImplantsResult is a page of a patient's implants.
type ListImplantsResult struct {
	Total    int
	Implants []Implant
}

// ListImplantsRequest selects the implants that a patient has on a day; the zero date is today.
type ListImplantsRequest struct {
	platform.Page
	Defects         []*problem.Error
	EmergencyReason string // why a doctor without a care relation needs access now
	Patient         ident.SSIN
	Date            ident.Date
}

// ListPatientImplants lists a patient's implants. Implants that the caller may not see are left out, as if they did
// not exist.
func (r *Registrar) ListPatientImplants(
	ctx context.Context, c platform.Caller, req ListImplantsRequest,
) (ListImplantsResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Patient: req.Patient}
	return platform.ReadAndRecord(ctx, r.runner, c, checkEmergencyReason(req.Defects, req.EmergencyReason),
		&event, func(s Reader) (ListImplantsResult, error) {
			implants, err := r.listVisibleImplants(s, c, req, &event)
			return ListImplantsResult{Total: len(implants), Implants: platform.SlicePage(implants, req.Page)}, err
		})
}

// listVisibleImplants returns the patient's remaining implants that the caller may see.
func (r *Registrar) listVisibleImplants(
	s Reader, c platform.Caller, req ListImplantsRequest, event *platform.AuditEvent,
) ([]Implant, error) {
	today := r.runner.Today()
	patient, day := req.Patient, req.Date
	if day.IsZero() {
		day = today
	}
	a, err := loadAccess(s, c, patient, today, req.EmergencyReason)
	if err != nil {
		return nil, err
	}
	recordAccess(event, a, req.EmergencyReason)
	if a.SeesNothing() {
		event.Outcome = platform.OutcomeWithheld
		return nil, nil
	}
	implants, err := s.ImplantsByPatient(patient, day)
	if err != nil {
		return nil, err
	}
	var own map[ident.NotificationNumber]bool
	if !a.SeesAll {
		if own, err = loadOwnNumbers(s, c, patient); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(implants, func(i Implant) bool {
		return i.Remaining < 1 || !a.Sees(own[i.Number])
	}), nil
}

// loadOwnNumbers returns the numbers of the patient's notifications whose specialist is the caller.
func loadOwnNumbers(s Reader, c platform.Caller, patient ident.SSIN) (map[ident.NotificationNumber]bool, error) {
	history, err := s.NotificationsByPatient(patient)
	if err != nil {
		return nil, err
	}
	own := map[ident.NotificationNumber]bool{}
	for _, n := range history {
		if n.Specialist.SSIN == c.Person() {
			own[n.Number] = true
		}
	}
	return own, nil
}

// CardRequest selects a card: the implant card of a notification or, without a number, the patient's cumulative card.
type CardRequest struct {
	Defects         []*problem.Error
	EmergencyReason string // why a doctor without a care relation needs access now
	Number          ident.NotificationNumber
	Patient         ident.SSIN
}

// GetImplantCard returns the content of a card. A card that the caller may not see gives the same answer as one that
// does not exist.
func (r *Registrar) GetImplantCard(ctx context.Context, c platform.Caller, req CardRequest) (CardContent, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Patient: req.Patient, Number: req.Number}
	return platform.ReadAndRecord(ctx, r.runner, c, checkEmergencyReason(req.Defects, req.EmergencyReason),
		&event, func(s Reader) (CardContent, error) {
			if req.Number.IsZero() {
				return r.buildPatientCard(s, c, req, &event)
			}
			return r.buildImplantCard(s, c, req, &event)
		})
}

// buildImplantCard returns the card of one final notification.
func (r *Registrar) buildImplantCard(
	s Reader, c platform.Caller, req CardRequest, event *platform.AuditEvent,
) (CardContent, error) {
	n, err := r.findVisible(s, c, NotificationRef{Number: req.Number}, req.EmergencyReason, event)
	switch {
	case err != nil:
		return CardContent{}, err
	case n.State != Final:
		return CardContent{}, problem.New(AlreadyWithdrawn)
	}
	content, err := buildCard(s, n.Patient, n.Number, []Notification{n})
	if err == nil {
		content.Organisation = content.Surgeries[0].Organisation
	}
	return content, err
}

// buildPatientCard returns the cumulative card: all implantations and explantations that the caller may see.
func (r *Registrar) buildPatientCard(
	s Reader, c platform.Caller, req CardRequest, event *platform.AuditEvent,
) (CardContent, error) {
	patient := req.Patient
	a, err := loadAccess(s, c, patient, r.runner.Today(), req.EmergencyReason)
	if err != nil {
		return CardContent{}, err
	}
	recordAccess(event, a, req.EmergencyReason)
	history, err := s.NotificationsByPatient(patient)
	if err != nil {
		return CardContent{}, err
	}
	exist := len(history) > 0
	history = slices.DeleteFunc(history, func(n Notification) bool {
		return !a.Sees(n.Specialist.SSIN == c.Person())
	})
	switch {
	case len(history) > 0:
		return buildCard(s, patient, ident.NotificationNumber{}, history)
	case exist:
		event.Outcome = platform.OutcomeWithheld
		return CardContent{}, problem.New(CardWithheld)
	}
	return CardContent{}, problem.New(CardNotFound)
}

// buildCard returns the card of some of a patient's notifications.
func buildCard(
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
			content.IssuedAt = history[i].RegisteredAt
		}
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

// minEmergencyReasonLength is the minimum length of an emergency reason, in characters.
const minEmergencyReasonLength = 10

// checkEmergencyReason adds a defect when the emergency reason is too short: people must be able to judge it later.
func checkEmergencyReason(defects []*problem.Error, reason string) []*problem.Error {
	if reason == "" || utf8.RuneCountInString(strings.TrimSpace(reason)) >= minEmergencyReasonLength {
		return defects
	}
	return append(slices.Clip(defects), problem.New(EmergencyBlank).WithPath("EmergencyReason"))
}
