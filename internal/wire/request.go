package wire

import (
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

// Domain turns the request into values of the domain.
func (m *NotifyImplantRequest) Domain() (register.Submission, register.Implantation) {
	const at = "Implantation"
	var r reader
	n := register.Implantation{
		Specialist:       r.professional(at+"/Specialist", &m.Implantation.Specialist),
		OperationDate:    r.date(at+"/OperationDate", m.Implantation.OperationDate),
		Patient:          parse(&r, at+"/Patient", m.Implantation.Patient, ident.ParseSSIN),
		Prescriber:       r.professional(at+"/Prescriber", &m.Implantation.Prescriber),
		PrescriptionDate: r.date(at+"/PrescriptionDate", m.Implantation.PrescriptionDate),
		Comment:          m.Implantation.Comment,
	}
	for i := range m.Implantation.Implant {
		n.Implants = append(n.Implants, r.implant(fmt.Sprintf("%s/Implant[%d]", at, i+1), &m.Implantation.Implant[i]))
	}
	return register.Submission{InputReference: m.InputReference, Defects: r.defects}, n
}

// Domain turns the request into values of the domain.
func (m *NotifyExplantRequest) Domain() (register.Submission, register.Explantation) {
	const at = "Explantation"
	var r reader
	n := register.Explantation{
		Specialist:    r.professional(at+"/Specialist", &m.Explantation.Specialist),
		OperationDate: r.date(at+"/OperationDate", m.Explantation.OperationDate),
		Patient:       parse(&r, at+"/Patient", m.Explantation.Patient, ident.ParseSSIN),
		Comment:       m.Explantation.Comment,
	}
	for i := range m.Explantation.Explant {
		x := &m.Explantation.Explant[i]
		explant := register.Explant{ImplantID: x.ImplantID, Quantity: x.Quantity, Reason: x.Reason}
		if x.Unregistered != nil {
			implant := r.implant(fmt.Sprintf("%s/Explant[%d]/Unregistered", at, i+1), x.Unregistered)
			explant.Unregistered = &implant
		}
		n.Explants = append(n.Explants, explant)
	}
	return register.Submission{InputReference: m.InputReference, Defects: r.defects}, n
}

// Domain turns the request into values of the domain.
func (m *SearchRequest) Domain() register.Criteria {
	var r reader
	c := register.Criteria{Page: register.Page{Offset: m.Offset, Limit: m.MaxElements}}
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
	return register.CardOf{
		Number:  parse(&r, "Of/NotificationNumber", m.Of.NotificationNumber, ident.ParseNotificationNumber),
		Patient: parse(&r, "Of/Patient", m.Of.Patient, ident.ParseSSIN),
		Defects: r.defects,
	}
}

// Domain turns the request into values of the domain.
func (m *ListPatientImplantsRequest) Domain() register.Carried {
	var r reader
	return register.Carried{
		Page:    register.Page{Offset: m.Offset, Limit: m.MaxElements},
		Patient: parse(&r, "Patient", m.Patient, ident.ParseSSIN),
		Day:     r.date("At", m.At),
		Defects: r.defects,
	}
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
