package forms

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
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

// ImplantFields are the fields of each implant.
var ImplantFields = []Spec{
	{Name: "code", Hint: "code", Width: "w15", IsNumeric: true, IsOptional: true, LookUp: "/portal/devices"},
	{Name: "udi", Hint: "udi", IsOptional: true},
	{Name: "lot", Width: "w15", IsOptional: true},
	{Name: "serial", Width: "w15", IsOptional: true},
	{Name: "expiry", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
	{Name: "pharmacist", Hint: "person", Width: "w15", IsOptional: true, IsNumeric: true},
	{Name: "pharmacy", Width: "w15", IsOptional: true, IsNumeric: true},
	{Name: "delivery-date", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
	{Name: "quantity", Width: "w5", IsNumeric: true},
	{Name: "location", IsOptional: true},
	{Name: "side", Kind: "select", Width: "w15", IsOptional: true, List: newSideOptions},
}

// Implantation is a submitted form.
type Implantation struct {
	Values url.Values
	Count  int // of implants
}

// ReadImplantation reads a submitted form. It has one implant at least.
func ReadImplantation(values url.Values) Implantation {
	count, _ := strconv.Atoi(values.Get("implants")) // 0 if it is no number
	return Implantation{values, min(max(count, 1), MaxImplants)}
}

// Get returns a value without the blanks around it.
func (f Implantation) Get(name string) string {
	return strings.TrimSpace(f.Values.Get(name))
}

// ImplantField returns the name of a field of an implant, counted from 0.
func ImplantField(index int, name string) string {
	return "implant-" + strconv.Itoa(index+1) + "-" + name
}

// removeImplant removes an implant and moves the later ones forward.
func (f *Implantation) RemoveImplant(index int) {
	for i := index; i < f.Count-1; i++ {
		for _, spec := range ImplantFields {
			f.Values.Set(ImplantField(i, spec.Name), f.Values.Get(ImplantField(i+1, spec.Name)))
		}
	}
	for _, spec := range ImplantFields {
		f.Values.Del(ImplantField(f.Count-1, spec.Name))
	}
	f.Count = max(f.Count-1, 1)
}

// FillFromUDI fills in lot, serial number and expiry date from a UDI, where they are empty.
func (f *Implantation) FillFromUDI() {
	for i := range f.Count {
		read, _ := udi.Parse(f.Get(ImplantField(i, "udi"))) // what it does not understand stays empty
		for name, value := range map[string]string{
			"lot": read.Lot, "serial": read.Serial, "expiry": FormatDate(read.Expiry.String()),
		} {
			if field := ImplantField(i, name); f.Get(field) == "" && value != "" {
				f.Values.Set(field, value)
			}
		}
	}
}

// ToRequest converts the form to the request of the contract, as a hospital's software would send it.
func (f Implantation) ToRequest(save, key string) *ctr.NotifyImplantRequest {
	content := ctr.Implantation{
		Specialist:    ParseProfessional(f.Get("specialist")),
		OperationDate: ParseDate(f.Get("operation-date")), Patient: StripPunctuation(f.Get("patient")),
		Prescriber:       ParseProfessional(f.Get("prescriber")),
		PrescriptionDate: ParseDate(f.Get("prescription-date")), Comment: f.Get("comment"),
	}
	for i := range f.Count {
		get := func(name string) string { return f.Get(ImplantField(i, name)) }
		quantity, _ := strconv.Atoi(get("quantity")) // 0 is refused
		implant := ctr.NotifiedImplant{
			NotificationCode: StripPunctuation(get("code")), UDI: get("udi"), LotNumber: get("lot"), SerialNumber: get("serial"),
			ExpiryDate: ParseDate(get("expiry")), DeliveryDate: ParseDate(get("delivery-date")), Quantity: quantity,
			Location: get("location"), Side: get("side"),
		}
		if pharmacist := get("pharmacist"); pharmacist != "" {
			person := ParseProfessional(pharmacist)
			implant.Pharmacist = &person
		}
		if pharmacy := StripPunctuation(get("pharmacy")); pharmacy != "" {
			implant.Pharmacy = &ctr.Pharmacy{NIHII: pharmacy}
			if len(pharmacy) == 10 { // the length of a CBE number
				implant.Pharmacy = &ctr.Pharmacy{CBE: pharmacy}
			}
		}
		content.Implant = append(content.Implant, implant)
	}
	return &ctr.NotifyImplantRequest{
		InputReference: key, Save: save, Implantation: content,
	}
}

// FindMistakes returns what the form lacks, and the rules of the register that its content alone breaks.
func (f Implantation) FindMistakes(request *ctr.NotifyImplantRequest, today ident.Date, l texts.Lang) []Mistake {
	all := FindMissing(OperationFields, f.Get, l)
	for i := range f.Count {
		if n, err := strconv.Atoi(f.Get(ImplantField(i, "quantity"))); err != nil || !implants.IsQuantityInRange(n) {
			all = append(all, Mistake{ImplantField(i, "quantity"), quantityMissing.Translate(l)})
		}
	}
	submission, content := request.ToDomain()
	for _, e := range append(submission.Defects, implants.CheckContent(content, today)...) {
		name := fieldOfPath(e.Path)
		if !slices.ContainsFunc(all, func(known Mistake) bool { return known.Field == name }) {
			all = append(all, Mistake{name, DescribeProblem(e, l)})
		}
	}
	return all
}

var quantityMissing = texts.Declare("portal.quantity_missing")

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

// ExplantationFields are the fields of an explantation.
var ExplantationFields = []Spec{
	{Name: "specialist", Hint: "person", Width: "w15", IsNumeric: true},
	{Name: "operation-date", Hint: "date", Width: "w10", IsNumeric: true},
	{Name: "patient", Hint: "patient", Width: "w15", IsNumeric: true},
	{Name: "comment", Kind: "textarea", IsOptional: true},
}

// RightFields are the fields of the form for a new mandate.
var RightFields = []Spec{
	{Name: "person", Hint: "patient", Width: "w15", IsNumeric: true},
	{Name: "from", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
	{Name: "to", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
}
