package ctr

import (
	"cmp"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// fieldParser parses the texts of a message into values of the domain. An invalid text becomes a defect with its path,
// and its value stays zero.
type fieldParser struct {
	defects []*problem.Error
}

// parseField parses one value; an empty text counts as absent.
func parseField[T any](r *fieldParser, path platform.Path, text string, parse func(string) (T, error)) T {
	var none T
	if text == "" {
		return none
	}
	value, err := parse(text)
	if err != nil {
		// Keep the code only: its text exists in four languages, the detail of the parser in English only.
		r.defects = append(r.defects, problem.New(problem.From(err).Code).WithPath(path.String()))
		return none
	}
	return value
}

func (r *fieldParser) parseDate(path platform.Path, text string) ident.Date {
	return parseField(r, path, strings.Trim(text, " \t\r\n"), ident.ParseDate)
}

// parseEmergency parses the emergency that a request claims, and the patient whom it names beside what it asks for.
func (r *fieldParser) parseEmergency(reason, patient string) implants.EmergencyClaim {
	return implants.EmergencyClaim{
		EmergencyReason:  reason,
		EmergencyPatient: parseField(r, "EmergencyPatient", patient, ident.ParseSSIN),
	}
}

func (r *fieldParser) parseProfessional(path platform.Path, p *Professional) platform.ProfessionalRef {
	if p == nil {
		return platform.ProfessionalRef{}
	}
	return platform.ProfessionalRef{
		SSIN:  parseField(r, path.Field("SSIN"), p.SSIN, ident.ParseSSIN),
		NIHII: parseField(r, path.Field("NIHII"), p.NIHII, ident.ParseNIHII),
	}
}

// AuthorIDs returns the identifiers of the request's author, as the domain's Author.
func (h *Header) AuthorIDs() platform.Author {
	var author platform.Author
	if h.Author == nil {
		return author
	}
	for _, party := range h.Author.HcParty {
		for _, id := range party.ID {
			author = append(author, platform.AuthorID{Type: id.Type, Value: id.Value})
		}
	}
	return author
}

// RequestID returns the request's identifier, which the response repeats.
func (h *Header) RequestID() string { return h.ID }

func (r *fieldParser) parseImplantation(path platform.Path, m *Implantation) implants.Implantation {
	n := implants.Implantation{
		Specialist:       r.parseProfessional(path.Field("Specialist"), &m.Specialist),
		SurgeryDate:      r.parseDate(path.Field("SurgeryDate"), m.OperationDate),
		Patient:          parseField(r, path.Field("Patient"), m.Patient, ident.ParseSSIN),
		Prescriber:       r.parseProfessional(path.Field("Prescriber"), &m.Prescriber),
		PrescriptionDate: r.parseDate(path.Field("PrescriptionDate"), m.PrescriptionDate),
		Comment:          m.Comment,
	}
	for i := range m.Implant {
		n.Implants = append(n.Implants, r.parseImplant(path.Item("Implants", i), &m.Implant[i]))
	}
	return n
}

func (r *fieldParser) parseExplantation(path platform.Path, m *Explantation) implants.Explantation {
	n := implants.Explantation{
		Specialist:  r.parseProfessional(path.Field("Specialist"), &m.Specialist),
		SurgeryDate: r.parseDate(path.Field("SurgeryDate"), m.OperationDate),
		Patient:     parseField(r, path.Field("Patient"), m.Patient, ident.ParseSSIN),
		Comment:     m.Comment,
	}
	for i := range m.Explant {
		x := &m.Explant[i]
		explant := implants.Explant{ImplantID: x.ImplantID, Quantity: x.Quantity, Reason: x.Reason}
		if x.Unregistered != nil {
			implant := r.parseImplant(path.Item("Explants", i).Field("Unregistered"), x.Unregistered)
			explant.Unregistered = &implant
		}
		n.Explants = append(n.Explants, explant)
	}
	return n
}

func (r *fieldParser) parseNotificationRef(m NotificationOf) implants.NotificationRef {
	return implants.NotificationRef{
		Number:    parseField(r, "Notification.Number", m.NotificationNumber, ident.ParseNotificationNumber),
		Reference: m.Reference,
	}
}

// stateFromSave returns the requested state of a notification. The messages write the state ToValidate as "Submit".
func stateFromSave(save string) implants.State {
	if save == "Submit" {
		return implants.ToValidate
	}
	return implants.State(save)
}

// ToDomain converts the request to values of the domain.
func (m *NotifyImplantRequest) ToDomain() (implants.SubmissionOptions, implants.Implantation) {
	var r fieldParser
	n := r.parseImplantation("Implantation", &m.Implantation)
	return implants.SubmissionOptions{
		Save:           cmp.Or(stateFromSave(m.Save), implants.Final),
		InputReference: m.InputReference,
		Defects:        r.defects,
	}, n
}

// ToDomain converts the request to values of the domain.
func (m *NotifyExplantRequest) ToDomain() (implants.SubmissionOptions, implants.Explantation) {
	var r fieldParser
	n := r.parseExplantation("Explantation", &m.Explantation)
	return implants.SubmissionOptions{
		Save:           cmp.Or(stateFromSave(m.Save), implants.Final),
		InputReference: m.InputReference,
		Defects:        r.defects,
	}, n
}

// ToDomain converts the request to values of the domain.
func (m *GetNotificationRequest) ToDomain() implants.NotificationRequest {
	var r fieldParser
	of := r.parseNotificationRef(m.Of)
	claim := r.parseEmergency(m.EmergencyReason, m.EmergencyPatient)
	return implants.NotificationRequest{Notification: of, EmergencyClaim: claim, Defects: r.defects}
}

// ToDomain converts the request to values of the domain.
func (m *ReviseNotificationRequest) ToDomain() implants.ReviseRequest {
	var r fieldParser
	n := implants.ReviseRequest{
		Notification: r.parseNotificationRef(m.Of),
		Version:      m.Version,
		Save:         stateFromSave(m.Save),
	}
	if m.Content.Implantation != nil {
		content := r.parseImplantation("Implantation", m.Content.Implantation)
		n.Implantation = &content
	}
	if m.Content.Explantation != nil {
		content := r.parseExplantation("Explantation", m.Content.Explantation)
		n.Explantation = &content
	}
	n.Defects = r.defects
	return n
}

// ToDomain converts the request to values of the domain.
func (m *ValidateNotificationRequest) ToDomain() implants.ValidateRequest {
	return implants.ValidateRequest{Reference: m.Reference, Version: m.Version}
}

// ToDomain converts the request to values of the domain.
func (m *DiscardNotificationRequest) ToDomain() implants.DiscardRequest {
	var r fieldParser
	of := r.parseNotificationRef(m.Of)
	return implants.DiscardRequest{Notification: of, Version: m.Version, Reason: m.Reason, Defects: r.defects}
}

// ToDomain converts the request to values of the domain.
func (m *ListPendingNotificationsRequest) ToDomain() implants.ListPendingRequest {
	return implants.ListPendingRequest{
		Page:  platform.Page{Offset: m.Offset, Limit: m.MaxElements},
		State: implants.State(m.State),
	}
}

// ToDomain converts the request to values of the domain.
func (m *SearchDeviceRequest) ToDomain() implants.SearchDeviceRequest {
	var r fieldParser
	code := parseField(&r, "Code", m.Criteria.NotificationCode, ident.ParseNotificationCode)
	return implants.SearchDeviceRequest{
		Page:     platform.Page{Offset: m.Offset, Limit: m.MaxElements},
		Text:     m.Criteria.Text,
		Code:     code,
		UDI:      m.Criteria.UDI,
		Category: m.Criteria.Category,
		Defects:  r.defects,
	}
}

// ToDomain converts the request to values of the domain.
func (m *SearchRequest) ToDomain() implants.SearchRequest {
	var r fieldParser
	c := implants.SearchRequest{
		Page:           platform.Page{Offset: m.Offset, Limit: m.MaxElements},
		EmergencyClaim: r.parseEmergency(m.EmergencyReason, m.EmergencyPatient),
	}
	switch by := m.Criteria; {
	case by.ByPatient != nil:
		p := by.ByPatient
		c.Patient = parseField(&r, "Patient", p.Patient, ident.ParseSSIN)
		c.From, c.To, c.Type = r.parseDate("From", p.From), r.parseDate("To", p.To), implants.SurgeryType(p.OperationType)
	case by.ByNotification != nil:
		c.Number = parseField(&r, "Number", by.ByNotification.NotificationNumber, ident.ParseNotificationNumber)
	case by.ByImplant != nil:
		p := by.ByImplant
		c.Implant = &implants.ImplantCriteria{
			Code: parseField(&r, "Implant.Code", p.NotificationCode, ident.ParseNotificationCode),
			UDI:  p.UDI, Lot: p.LotNumber, Serial: p.SerialNumber,
		}
		c.From, c.To, c.Type = r.parseDate("From", p.From), r.parseDate("To", p.To), implants.SurgeryType(p.OperationType)
	}
	c.Defects = r.defects
	return c
}

// ToDomain converts the request to values of the domain.
func (m *GetImplantCardRequest) ToDomain() implants.CardRequest {
	var r fieldParser
	of := implants.CardRequest{
		Number:         parseField(&r, "Number", m.Of.NotificationNumber, ident.ParseNotificationNumber),
		Patient:        parseField(&r, "Patient", m.Of.Patient, ident.ParseSSIN),
		EmergencyClaim: r.parseEmergency(m.EmergencyReason, m.EmergencyPatient),
	}
	of.Defects = r.defects
	return of
}

// ToDomain converts the request to values of the domain.
func (m *ListPatientImplantsRequest) ToDomain() implants.ListImplantsRequest {
	var r fieldParser
	carried := implants.ListImplantsRequest{
		Page:           platform.Page{Offset: m.Offset, Limit: m.MaxElements},
		Patient:        parseField(&r, "Patient", m.Patient, ident.ParseSSIN),
		Date:           r.parseDate("Date", m.At),
		EmergencyClaim: r.parseEmergency(m.EmergencyReason, ""),
	}
	carried.Defects = r.defects
	return carried
}
