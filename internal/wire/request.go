package wire

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// fieldParser parses the texts of a message into values of the domain. An invalid text becomes a defect with its path,
// and its value stays zero.
type reader struct {
	defects []*problem.Error
}

// parseField parses one value; an empty text counts as absent.
func parse[T any](r *reader, path, text string, parse func(string) (T, error)) T {
	var none T
	if text == "" {
		return none
	}
	value, err := parse(text)
	if err != nil {
		// Keep the code only: its text exists in four languages, the detail of the parser in English only.
		r.defects = append(r.defects, problem.New(problem.From(err).Code).WithPath(path))
		return none
	}
	return value
}

func (r *reader) date(path, text string) ident.Date {
	return parse(r, path, strings.Trim(text, " \t\r\n"), ident.ParseDate)
}

func (r *reader) professional(path string, p *Professional) register.ProfessionalRef {
	if p == nil {
		return register.ProfessionalRef{}
	}
	return register.ProfessionalRef{
		SSIN:  parse(r, path+"/SSIN", p.SSIN, ident.ParseSSIN),
		NIHII: parse(r, path+"/NIHII", p.NIHII, ident.ParseNIHII),
	}
}

func (r *reader) implant(path string, n *NotifiedImplant) register.NotifiedImplant {
	implant := register.NotifiedImplant{
		Code:         parse(r, path+"/NotificationCode", n.NotificationCode, ident.ParseNotificationCode),
		UDI:          n.UDI,
		Lot:          n.LotNumber,
		Serial:       n.SerialNumber,
		Expiry:       r.date(path+"/ExpiryDate", n.ExpiryDate),
		Pharmacist:   r.professional(path+"/Pharmacist", n.Pharmacist),
		DeliveryDate: r.date(path+"/DeliveryDate", n.DeliveryDate),
		Quantity:     n.Quantity,
		Location:     n.Location,
		Side:         register.Side(n.Side),
	}
	if n.Pharmacy != nil {
		implant.Pharmacy = register.PharmacyRef{
			NIHII: parse(r, path+"/Pharmacy/NIHII", n.Pharmacy.NIHII, ident.ParseNIHII),
			CBE:   parse(r, path+"/Pharmacy/CBE", n.Pharmacy.CBE, ident.ParseCBE),
		}
	}
	return implant
}

// AuthorIDs returns the identifiers of the request's author, as the domain's Author.
func (h *Header) Who() register.Author {
	var author register.Author
	if h.Author == nil {
		return author
	}
	for _, party := range h.Author.HcParty {
		for _, id := range party.ID {
			author = append(author, register.AuthorID{Type: id.Type, Value: id.Value})
		}
	}
	return author
}

// RequestID returns the request's identifier, which the response repeats.
func (h *Header) RequestID() string { return h.ID }

func (r *reader) implantation(path string, m *Implantation) register.Implantation {
	n := register.Implantation{
		Specialist:       r.professional(path+"/Specialist", &m.Specialist),
		SurgeryDate:      r.date(path+"/OperationDate", m.OperationDate),
		Patient:          parse(r, path+"/Patient", m.Patient, ident.ParseSSIN),
		Prescriber:       r.professional(path+"/Prescriber", &m.Prescriber),
		PrescriptionDate: r.date(path+"/PrescriptionDate", m.PrescriptionDate),
		Comment:          m.Comment,
	}
	for i := range m.Implant {
		n.Implants = append(n.Implants, r.implant(fmt.Sprintf("%s/Implant[%d]", path, i+1), &m.Implant[i]))
	}
	return n
}

func (r *reader) explantation(path string, m *Explantation) register.Explantation {
	n := register.Explantation{
		Specialist:  r.professional(path+"/Specialist", &m.Specialist),
		SurgeryDate: r.date(path+"/OperationDate", m.OperationDate),
		Patient:     parse(r, path+"/Patient", m.Patient, ident.ParseSSIN),
		Comment:     m.Comment,
	}
	for i := range m.Explant {
		x := &m.Explant[i]
		explant := register.Explant{ImplantID: x.ImplantID, Quantity: x.Quantity, Reason: x.Reason}
		if x.Unregistered != nil {
			implant := r.implant(fmt.Sprintf("%s/Explant[%d]/Unregistered", path, i+1), x.Unregistered)
			explant.Unregistered = &implant
		}
		n.Explants = append(n.Explants, explant)
	}
	return n
}

func (r *reader) of(m NotificationOf) register.NotificationRef {
	return register.NotificationRef{Number: parse(r, "Of/NotificationNumber", m.NotificationNumber, ident.ParseNotificationNumber), Reference: m.Reference}
}

// stateFromSave returns the requested state of a notification. The messages write the state ToValidate as "Submit".
func saved(save string) register.State {
	if save == "Submit" {
		return register.ToValidate
	}
	return register.State(save)
}

// ToDomain converts the request to values of the domain.
func (m *NotifyImplantRequest) Domain() (register.SubmissionOptions, register.Implantation) {
	var r reader
	n := r.implantation("Implantation", &m.Implantation)
	return register.SubmissionOptions{Save: cmp.Or(saved(m.Save), register.Final), InputReference: m.InputReference, Defects: r.defects}, n
}

// ToDomain converts the request to values of the domain.
func (m *NotifyExplantRequest) Domain() (register.SubmissionOptions, register.Explantation) {
	var r reader
	n := r.explantation("Explantation", &m.Explantation)
	return register.SubmissionOptions{Save: cmp.Or(saved(m.Save), register.Final), InputReference: m.InputReference, Defects: r.defects}, n
}

// ToDomain converts the request to values of the domain.
func (m *GetNotificationRequest) Domain() register.NotificationRequest {
	var r reader
	of := r.of(m.Of)
	return register.NotificationRequest{Notification: of, EmergencyReason: m.EmergencyReason, Defects: r.defects}
}

// ToDomain converts the request to values of the domain.
func (m *ReviseNotificationRequest) Domain() register.ReviseRequest {
	var r reader
	n := register.ReviseRequest{Notification: r.of(m.Of), Version: m.Version, Save: saved(m.Save)}
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

// ToDomain converts the request to values of the domain.
func (m *ValidateNotificationRequest) Domain() register.ValidateRequest {
	return register.ValidateRequest{Reference: m.Reference, Version: m.Version}
}

// ToDomain converts the request to values of the domain.
func (m *DiscardNotificationRequest) Domain() register.DiscardRequest {
	var r reader
	of := r.of(m.Of)
	return register.DiscardRequest{Notification: of, Version: m.Version, Reason: m.Reason, Defects: r.defects}
}

// ToDomain converts the request to values of the domain.
func (m *ListPendingNotificationsRequest) Domain() register.ListPendingRequest {
	return register.ListPendingRequest{Page: register.Page{Offset: m.Offset, Limit: m.MaxElements}, State: register.State(m.State)}
}

// ToDomain converts the request to values of the domain.
func (m *SearchDeviceRequest) Domain() register.SearchDeviceRequest {
	var r reader
	code := parse(&r, "Criteria/NotificationCode", m.Criteria.NotificationCode, ident.ParseNotificationCode)
	return register.SearchDeviceRequest{Page: register.Page{Offset: m.Offset, Limit: m.MaxElements}, Text: m.Criteria.Text, Code: code,
		UDI: m.Criteria.UDI, Category: m.Criteria.Category, Defects: r.defects}
}

// ToDomain converts the request to values of the domain.
func (m *SearchRequest) Domain() register.SearchRequest {
	var r reader
	c := register.SearchRequest{Page: register.Page{Offset: m.Offset, Limit: m.MaxElements}, EmergencyReason: m.EmergencyReason}
	switch by := m.Criteria; {
	case by.ByPatient != nil:
		const path = "Criteria/ByPatient"
		p := by.ByPatient
		c.Patient = parse(&r, path+"/Patient", p.Patient, ident.ParseSSIN)
		c.From, c.To, c.Type = r.date(path+"/From", p.From), r.date(path+"/To", p.To), register.SurgeryType(p.OperationType)
	case by.ByNotification != nil:
		c.Number = parse(&r, "Criteria/ByNotification/NotificationNumber", by.ByNotification.NotificationNumber, ident.ParseNotificationNumber)
	case by.ByImplant != nil:
		const path = "Criteria/ByImplant"
		p := by.ByImplant
		c.Implant = &register.ImplantCriteria{
			Code: parse(&r, path+"/NotificationCode", p.NotificationCode, ident.ParseNotificationCode),
			UDI:  p.UDI, Lot: p.LotNumber, Serial: p.SerialNumber,
		}
		c.From, c.To, c.Type = r.date(path+"/From", p.From), r.date(path+"/To", p.To), register.SurgeryType(p.OperationType)
	}
	c.Defects = r.defects
	return c
}

// ToDomain converts the request to values of the domain.
func (m *GetImplantCardRequest) Domain() register.CardRequest {
	var r reader
	of := register.CardRequest{
		Number:          parse(&r, "Of/NotificationNumber", m.Of.NotificationNumber, ident.ParseNotificationNumber),
		Patient:         parse(&r, "Of/Patient", m.Of.Patient, ident.ParseSSIN),
		EmergencyReason: m.EmergencyReason,
	}
	of.Defects = r.defects
	return of
}

// ToDomain converts the request to values of the domain.
func (m *ListPatientImplantsRequest) Domain() register.ListImplantsRequest {
	var r reader
	carried := register.ListImplantsRequest{
		Page:            register.Page{Offset: m.Offset, Limit: m.MaxElements},
		Patient:         parse(&r, "Patient", m.Patient, ident.ParseSSIN),
		Date:            r.date("At", m.At),
		EmergencyReason: m.EmergencyReason,
	}
	carried.Defects = r.defects
	return carried
}

// coreParents are the elements whose descendants are in the core namespace: their types are in ctr-core.
var inCore = map[string]bool{"Implantation": true, "Explantation": true}

// RequestPath converts a path of the domain, such as "Implantation/Implant[2]/UDI", to an XPath into the request with
// the given element name.
func Path(request, path string) string {
	var b strings.Builder
	b.WriteString("/ctrp:" + request)
	if path == "" {
		return b.String()
	}
	prefix := "/ctrp:"
	for step := range strings.SplitSeq(path, "/") {
		b.WriteString(prefix + step)
		if inCore[step] {
			prefix = "/ctr:"
		}
	}
	return b.String()
}

// WithRequestPaths returns a copy of a refusal by the domain in which every path is an XPath into the request.
func Place(request string, refusal *problem.Error) *problem.Error {
	copied := *refusal
	copied.Causes = make([]*problem.Error, len(refusal.Causes))
	for i, sub := range refusal.Causes {
		copied.Causes[i] = Place(request, sub)
	}
	if refusal.Path != "" {
		copied.Path = Path(request, refusal.Path)
	}
	return &copied
}
