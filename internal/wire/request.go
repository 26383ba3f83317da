package wire

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// reader turns the texts of a message into values of the domain. What is no valid value becomes a defect, with its path,
// and stays zero.
type reader struct {
	defects []*problem.Error
}

// parse reads one value; an empty text is an absent one.
func parse[T any](r *reader, at, text string, parse func(string) (T, error)) T {
	var none T
	if text == "" {
		return none
	}
	value, err := parse(text)
	if err != nil {
		// The words of the code say it in four languages; what the parser adds is for developers, in one.
		r.defects = append(r.defects, problem.New(problem.From(err).Code).In(at))
		return none
	}
	return value
}

func (r *reader) date(at, text string) ident.Date {
	return parse(r, at, strings.Trim(text, " \t\r\n"), ident.ParseDate)
}

func (r *reader) professional(at string, p *Professional) register.ProfessionalRef {
	if p == nil {
		return register.ProfessionalRef{}
	}
	return register.ProfessionalRef{
		SSIN:  parse(r, at+"/SSIN", p.SSIN, ident.ParseSSIN),
		NIHII: parse(r, at+"/NIHII", p.NIHII, ident.ParseNIHII),
	}
}

func (r *reader) implant(at string, n *NotifiedImplant) register.NotifiedImplant {
	implant := register.NotifiedImplant{
		Code:         parse(r, at+"/NotificationCode", n.NotificationCode, ident.ParseNotificationCode),
		UDI:          n.UDI,
		Lot:          n.LotNumber,
		Serial:       n.SerialNumber,
		Expiry:       r.date(at+"/ExpiryDate", n.ExpiryDate),
		Pharmacist:   r.professional(at+"/Pharmacist", n.Pharmacist),
		DeliveryDate: r.date(at+"/DeliveryDate", n.DeliveryDate),
		Quantity:     n.Quantity,
		Location:     n.Location,
		Side:         register.Side(n.Side),
	}
	if n.Pharmacy != nil {
		implant.Pharmacy = register.PharmacyRef{
			NIHII: parse(r, at+"/Pharmacy/NIHII", n.Pharmacy.NIHII, ident.ParseNIHII),
			CBE:   parse(r, at+"/Pharmacy/CBE", n.Pharmacy.CBE, ident.ParseCBE),
		}
	}
	return implant
}

// Who is the author of a request, as the domain reads it.
func (h *Header) Who() register.Author {
	var author register.Author
	if h.Author == nil {
		return author
	}
	for _, party := range h.Author.HcParty {
		for _, id := range party.ID {
			author = append(author, register.PartyID{Type: id.Type, Value: id.Value})
		}
	}
	return author
}

// RequestID is the request's own identifier, which the response repeats.
func (h *Header) RequestID() string { return h.ID }

func (r *reader) implantation(at string, m *Implantation) register.Implantation {
	n := register.Implantation{
		Specialist:       r.professional(at+"/Specialist", &m.Specialist),
		OperationDate:    r.date(at+"/OperationDate", m.OperationDate),
		Patient:          parse(r, at+"/Patient", m.Patient, ident.ParseSSIN),
		Prescriber:       r.professional(at+"/Prescriber", &m.Prescriber),
		PrescriptionDate: r.date(at+"/PrescriptionDate", m.PrescriptionDate),
		Comment:          m.Comment,
	}
	for i := range m.Implant {
		n.Implants = append(n.Implants, r.implant(fmt.Sprintf("%s/Implant[%d]", at, i+1), &m.Implant[i]))
	}
	return n
}

func (r *reader) explantation(at string, m *Explantation) register.Explantation {
	n := register.Explantation{
		Specialist:    r.professional(at+"/Specialist", &m.Specialist),
		OperationDate: r.date(at+"/OperationDate", m.OperationDate),
		Patient:       parse(r, at+"/Patient", m.Patient, ident.ParseSSIN),
		Comment:       m.Comment,
	}
	for i := range m.Explant {
		x := &m.Explant[i]
		explant := register.Explant{ImplantID: x.ImplantID, Quantity: x.Quantity, Reason: x.Reason}
		if x.Unregistered != nil {
			implant := r.implant(fmt.Sprintf("%s/Explant[%d]/Unregistered", at, i+1), x.Unregistered)
			explant.Unregistered = &implant
		}
		n.Explants = append(n.Explants, explant)
	}
	return n
}

func (r *reader) of(m NotificationOf) register.Of {
	return register.Of{Number: parse(r, "Of/NotificationNumber", m.NotificationNumber, ident.ParseNotificationNumber), Reference: m.Reference}
}

// saved is the state that a notification is to reach; the messages have a verb for what waits for its specialist.
func saved(save string) register.State {
	if save == "Submit" {
		return register.ToValidate
	}
	return register.State(save)
}

// Domain turns the request into values of the domain.
func (m *NotifyImplantRequest) Domain() (register.Submission, register.Implantation) {
	var r reader
	n := r.implantation("Implantation", &m.Implantation)
	return register.Submission{Save: cmp.Or(saved(m.Save), register.Final), InputReference: m.InputReference, Defects: r.defects}, n
}

// Domain turns the request into values of the domain.
func (m *NotifyExplantRequest) Domain() (register.Submission, register.Explantation) {
	var r reader
	n := r.explantation("Explantation", &m.Explantation)
	return register.Submission{Save: cmp.Or(saved(m.Save), register.Final), InputReference: m.InputReference, Defects: r.defects}, n
}

// Domain turns the request into values of the domain.
func (m *GetNotificationRequest) Domain() register.NotificationAsked {
	var r reader
	of := r.of(m.Of)
	return register.NotificationAsked{Of: of, Emergency: m.EmergencyReason, Defects: r.defects}
}

// Domain turns the request into values of the domain.
func (m *ReviseNotificationRequest) Domain() register.Replacement {
	var r reader
	n := register.Replacement{Of: r.of(m.Of), Version: m.Version, Save: saved(m.Save)}
	if m.Content.Implantation != nil {
		content := r.implantation("Content/Implantation", m.Content.Implantation)
		n.Implantation = &content
	}
	if m.Content.Explantation != nil {
		content := r.explantation("Content/Explantation", m.Content.Explantation)
		n.Explantation = &content
	}
	n.Defects = r.defects
	return n
}

// Domain turns the request into values of the domain.
func (m *ValidateNotificationRequest) Domain() register.Validation {
	return register.Validation{Reference: m.Reference, Version: m.Version}
}

// Domain turns the request into values of the domain.
func (m *DiscardNotificationRequest) Domain() register.Discarding {
	var r reader
	of := r.of(m.Of)
	return register.Discarding{Of: of, Version: m.Version, Reason: m.Reason, Defects: r.defects}
}

// Domain turns the request into values of the domain.
func (m *ListPendingNotificationsRequest) Domain() register.PendingAsked {
	return register.PendingAsked{Page: register.Page{Offset: m.Offset, Limit: m.MaxElements}, State: register.State(m.State)}
}

// Domain turns the request into values of the domain.
func (m *SearchDeviceRequest) Domain() register.DeviceAsked {
	var r reader
	code := parse(&r, "Criteria/NotificationCode", m.Criteria.NotificationCode, ident.ParseNotificationCode)
	return register.DeviceAsked{Page: register.Page{Offset: m.Offset, Limit: m.MaxElements}, Text: m.Criteria.Text, Code: code,
		UDI: m.Criteria.UDI, Category: m.Criteria.Category, Defects: r.defects}
}

// Domain turns the request into values of the domain.
func (m *SearchRequest) Domain() register.Criteria {
	var r reader
	c := register.Criteria{Page: register.Page{Offset: m.Offset, Limit: m.MaxElements}, Emergency: m.EmergencyReason}
	switch by := m.Criteria; {
	case by.ByPatient != nil:
		const at = "Criteria/ByPatient"
		p := by.ByPatient
		c.Patient = parse(&r, at+"/Patient", p.Patient, ident.ParseSSIN)
		c.From, c.To, c.Type = r.date(at+"/From", p.From), r.date(at+"/To", p.To), register.OperationType(p.OperationType)
	case by.ByNotification != nil:
		c.Number = parse(&r, "Criteria/ByNotification/NotificationNumber", by.ByNotification.NotificationNumber, ident.ParseNotificationNumber)
	case by.ByImplant != nil:
		const at = "Criteria/ByImplant"
		p := by.ByImplant
		c.Implant = &register.ImplantCriteria{
			Code: parse(&r, at+"/NotificationCode", p.NotificationCode, ident.ParseNotificationCode),
			UDI:  p.UDI, Lot: p.LotNumber, Serial: p.SerialNumber,
		}
		c.From, c.To, c.Type = r.date(at+"/From", p.From), r.date(at+"/To", p.To), register.OperationType(p.OperationType)
	}
	c.Defects = r.defects
	return c
}

// Domain turns the request into values of the domain.
func (m *GetImplantCardRequest) Domain() register.CardOf {
	var r reader
	of := register.CardOf{
		Number:    parse(&r, "Of/NotificationNumber", m.Of.NotificationNumber, ident.ParseNotificationNumber),
		Patient:   parse(&r, "Of/Patient", m.Of.Patient, ident.ParseSSIN),
		Emergency: m.EmergencyReason,
	}
	of.Defects = r.defects
	return of
}

// Domain turns the request into values of the domain.
func (m *ListPatientImplantsRequest) Domain() register.Carried {
	var r reader
	carried := register.Carried{
		Page:      register.Page{Offset: m.Offset, Limit: m.MaxElements},
		Patient:   parse(&r, "Patient", m.Patient, ident.ParseSSIN),
		Day:       r.date("At", m.At),
		Emergency: m.EmergencyReason,
	}
	carried.Defects = r.defects
	return carried
}

// inCore are the elements below which the contract's elements are in the core namespace: types of ctr-core.
var inCore = map[string]bool{"Implantation": true, "Explantation": true}

// Path turns a place in the domain's words, "Implantation/Implant[2]/UDI", into an XPath into the request.
func Path(request, at string) string {
	var b strings.Builder
	b.WriteString("/ctrp:" + request)
	if at == "" {
		return b.String()
	}
	prefix := "/ctrp:"
	for step := range strings.SplitSeq(at, "/") {
		b.WriteString(prefix + step)
		if inCore[step] {
			prefix = "/ctr:"
		}
	}
	return b.String()
}

// Place rewrites the places of a refusal by the domain as XPaths into the request.
func Place(request string, refusal *problem.Error) *problem.Error {
	placed := *refusal
	placed.Sub = make([]*problem.Error, len(refusal.Sub))
	for i, sub := range refusal.Sub {
		placed.Sub[i] = Place(request, sub)
	}
	if refusal.At != "" {
		placed.At = Path(request, refusal.At)
	}
	return &placed
}
