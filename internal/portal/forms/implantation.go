package forms

import (
	"net/url"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// OperationFields are the fields about the surgery of an implantation.
var OperationFields = []Spec{
	{Name: "specialist", Hint: "person", Width: "w15", IsNumeric: true},
	{Name: "operation-date", Hint: "date", Width: "w10", IsNumeric: true},
	{Name: "patient", Hint: "patient", Width: "w15", IsNumeric: true},
	{Name: "prescriber", Hint: "person", Width: "w15", IsNumeric: true},
	{Name: "prescription-date", Hint: "date", Width: "w10", IsNumeric: true},
	{Name: "comment", Kind: "textarea", IsOptional: true},
}

// Implantation is the form of an implantation.
type Implantation struct{ Implants }

// ReadImplantation reads a submitted form. It has one implant at least.
func ReadImplantation(values url.Values) Implantation { return Implantation{readImplants(values, 1)} }

// ToContent converts the form to the content of the contract, as a hospital's software would send it.
func (f Implantation) ToContent() ctr.Implantation {
	content := ctr.Implantation{
		Specialist:    ParseProfessional(f.Get("specialist")),
		OperationDate: ParseDate(f.Get("operation-date")), Patient: StripPunctuation(f.Get("patient")),
		Prescriber:       ParseProfessional(f.Get("prescriber")),
		PrescriptionDate: ParseDate(f.Get("prescription-date")), Comment: f.Get("comment"),
	}
	for i := range f.Count {
		content.Implant = append(content.Implant, f.toMessage(i))
	}
	return content
}

// FindMistakes returns what the form lacks, and the rules of the register that its content alone breaks.
func (f Implantation) FindMistakes(today ident.Date, l texts.Lang) []Mistake {
	all := append(FindMissing(OperationFields, f.Get, l), f.findQuantityMistakes(l)...)
	request := ctr.NotifyImplantRequest{Implantation: f.ToContent()}
	submission, content := request.ToDomain()
	for _, e := range append(submission.Defects, implants.CheckContent(content, today)...) {
		all = appendMistakes(all, Mistake{fieldOfPath(e.Path), DescribeProblem(e, l)})
	}
	return all
}

// ReadNotification returns what a form contains that describes a notification.
func ReadNotification(n *implants.Notification) url.Values {
	values := url.Values{}
	for name, value := range map[string]string{
		"specialist": FormatProfessional(n.Specialist), "operation-date": FormatDate(n.SurgeryDate.String()),
		"patient": FormatSSIN(n.Patient.Digits()), "prescriber": FormatProfessional(n.Prescriber),
		"prescription-date": FormatDate(n.PrescriptionDate.String()), "comment": n.Comment,
	} {
		values.Set(name, value)
	}
	for i := range n.Implants {
		setImplant(values, i, &n.Implants[i].NotifiedImplant)
	}
	for _, removal := range n.Removals {
		setRemoval(values, n, removal)
	}
	return values
}

// domainFields are the fields of the form by the names of the domain.
var domainFields = map[string]string{
	"Specialist": "specialist", "SurgeryDate": "operation-date", "Patient": "patient", "Prescriber": "prescriber",
	"PrescriptionDate": "prescription-date", "Comment": "comment", "Code": "code", "UDI": "udi", "Lot": "lot",
	"Serial": "serial", "Expiry": "expiry", "Pharmacist": "pharmacist", "Pharmacy": "pharmacy",
	"DeliveryDate": "delivery-date", "Quantity": "quantity", "Location": "location", "Side": "side",
}

// fieldOfPath returns the field of a path of the domain, such as Implantation.Implants[2].Lot, or the empty string.
func fieldOfPath(path string) string {
	parts := strings.Split(path, ".")
	if len(parts) < 2 {
		return ""
	}
	list, rest, isItem := strings.Cut(parts[1], "[")
	if !isItem || list != "Implants" || len(parts) < 3 {
		return domainFields[parts[1]]
	}
	name := domainFields[parts[2]]
	if name == "" {
		return ""
	}
	return "implant-" + strings.TrimSuffix(rest, "]") + "-" + name
}

// DescribeMistakes returns what the register refuses, beside the fields.
func DescribeMistakes(refusal *problem.Error, l texts.Lang) []Mistake {
	var all []Mistake
	for _, e := range refusal.All() {
		all = append(all, Mistake{fieldOfPath(e.Path), DescribeProblem(e, l)})
	}
	return all
}

// Device describes a device of the list below its code.
type Device struct {
	Name, Manufacturer, Reference, Distributor, Classification string
	Warning                                                    string
}

// RightFields are the fields of the form for a new mandate.
var RightFields = []Spec{
	{Name: "person", Hint: "patient", Width: "w15", IsNumeric: true},
	{Name: "from", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
	{Name: "to", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
}
