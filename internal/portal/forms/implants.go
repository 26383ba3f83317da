package forms

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// MaxImplants is the limit of the contract.
const MaxImplants = 50

// ImplantFields are the fields of each implant of an implantation.
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

// Implants are the implants that a form describes: those that were placed, or those of an explantation that the
// register does not know.
type Implants struct {
	Values url.Values
	Count  int
	least  int // number of implants that the form always has
}

func readImplants(values url.Values, least int) Implants {
	count, _ := strconv.Atoi(values.Get("implants")) // 0 if it is no number
	return Implants{values, min(max(count, least), MaxImplants), least}
}

// Get returns a value without the blanks around it.
func (f Implants) Get(name string) string { return strings.TrimSpace(f.Values.Get(name)) }

// ImplantField returns the name of a field of an implant, counted from 0.
func ImplantField(index int, name string) string {
	return "implant-" + strconv.Itoa(index+1) + "-" + name
}

// AddImplant adds an empty implant, if there is room.
func (f *Implants) AddImplant() {
	if f.Count < MaxImplants {
		f.Count++
		f.Values.Set(ImplantField(f.Count-1, "quantity"), "1")
	}
}

// RemoveImplant removes an implant and moves the later ones forward.
func (f *Implants) RemoveImplant(index int) {
	names := []string{"reason"}
	for _, spec := range ImplantFields {
		names = append(names, spec.Name)
	}
	for _, name := range names {
		for i := index; i < f.Count-1; i++ {
			f.Values.Set(ImplantField(i, name), f.Values.Get(ImplantField(i+1, name)))
		}
		f.Values.Del(ImplantField(f.Count-1, name))
	}
	f.Count = max(f.Count-1, f.least)
}

// FillFromUDI fills in lot, serial number and expiry date from a UDI, where they are empty.
func (f *Implants) FillFromUDI() {
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

// toMessage converts an implant to what the contract has for it.
func (f Implants) toMessage(index int) ctr.NotifiedImplant {
	get := func(name string) string { return f.Get(ImplantField(index, name)) }
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
	return implant
}

// findQuantityMistakes returns the implants without a usable number of pieces.
func (f Implants) findQuantityMistakes(l texts.Lang) []Mistake {
	var all []Mistake
	for i := range f.Count {
		if n, err := strconv.Atoi(f.Get(ImplantField(i, "quantity"))); err != nil || !implants.IsQuantityInRange(n) {
			all = append(all, Mistake{ImplantField(i, "quantity"), quantityMissing.Translate(l)})
		}
	}
	return all
}

var quantityMissing = texts.Declare("portal.quantity_missing")

// setImplant is the reverse of toMessage.
func setImplant(values url.Values, index int, n *implants.NotifiedImplant) {
	for name, value := range map[string]string{
		"code": n.Code.Digits(), "udi": n.UDI, "lot": n.Lot, "serial": n.Serial, "expiry": FormatDate(n.Expiry.String()),
		"pharmacist": FormatProfessional(n.Pharmacist), "pharmacy": n.Pharmacy.NIHII.Digits() + n.Pharmacy.CBE.Digits(),
		"delivery-date": FormatDate(n.DeliveryDate.String()), "quantity": strconv.Itoa(n.Quantity), "location": n.Location,
		"side": string(n.Side),
	} {
		values.Set(ImplantField(index, name), value)
	}
	values.Set("implants", strconv.Itoa(index+1))
}

// appendMistakes adds the mistakes about fields that have none yet.
func appendMistakes(all []Mistake, more ...Mistake) []Mistake {
	for _, one := range more {
		if !slices.ContainsFunc(all, func(known Mistake) bool { return known.Field == one.Field }) {
			all = append(all, one)
		}
	}
	return all
}
