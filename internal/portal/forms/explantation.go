package forms

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// ExplantationFields are the fields of an explantation.
var ExplantationFields = []Spec{
	{Name: "specialist", Hint: "person", Width: "w15", IsNumeric: true},
	{Name: "operation-date", Hint: "date", Width: "w10", IsNumeric: true},
	{Name: "patient", Hint: "patient", Width: "w15", IsNumeric: true},
	{Name: "comment", Kind: "textarea", IsOptional: true},
}

// ElsewhereFields are the fields of a removed implant that the register does not know: it was placed abroad, or before
// the register existed. Nobody may know more than what it is.
var ElsewhereFields = append(slices.DeleteFunc(slices.Clone(ImplantFields), func(spec Spec) bool {
	return spec.Name == "pharmacist" || spec.Name == "pharmacy" || spec.Name == "delivery-date"
}), Spec{Name: "reason", IsOptional: true})

// Explantation is the form of an explantation: the patient's implants that were removed, and those that the register
// does not know.
type Explantation struct {
	Implants

	Removed []string // IDs of the patient's implants
}

// ReadExplantation reads a submitted form; ids are those of the patient's implants.
func ReadExplantation(values url.Values, ids []string) Explantation {
	f := Explantation{Implants: readImplants(values, 0)}
	for _, id := range ids {
		if f.Get(RemovalField(id)) != "" {
			f.Removed = append(f.Removed, id)
		}
	}
	return f
}

// RemovalField returns the name of the field that selects an implant of the patient. Those of the number and the reason
// begin with it.
func RemovalField(implantID string) string { return "removal-" + implantID }

// ToContent converts the form to the content of the contract.
func (f Explantation) ToContent() ctr.Explantation {
	content := ctr.Explantation{
		Specialist: ParseProfessional(f.Get("specialist")), OperationDate: ParseDate(f.Get("operation-date")),
		Patient: StripPunctuation(f.Get("patient")), Comment: f.Get("comment"),
	}
	for _, id := range f.Removed {
		count, _ := strconv.Atoi(f.Get(RemovalField(id) + "-count")) // 0 means all that remain
		content.Explant = append(content.Explant, ctr.Explant{
			ImplantID: id, Quantity: count, Reason: f.Get(RemovalField(id) + "-reason"),
		})
	}
	for i := range f.Count {
		implant := f.toMessage(i)
		content.Explant = append(content.Explant, ctr.Explant{
			Unregistered: &implant, Reason: f.Get(ImplantField(i, "reason")),
		})
	}
	return content
}

var elsewhereUnknown = texts.Declare("portal.elsewhere_unknown")

// FindMistakes returns what the form lacks. An implant that the register does not know needs something that says which
// one it was.
func (f Explantation) FindMistakes(l texts.Lang) []Mistake {
	all := append(FindMissing(ExplantationFields, f.Get, l), f.findQuantityMistakes(l)...)
	for i := range f.Count {
		get := func(name string) string { return f.Get(ImplantField(i, name)) }
		if get("code")+get("udi")+get("lot")+get("serial")+get("location") == "" {
			all = append(all, Mistake{ImplantField(i, "code"), elsewhereUnknown.Translate(l)})
		}
	}
	request := ctr.NotifyExplantRequest{Explantation: f.ToContent()}
	submission, _ := request.ToDomain()
	for _, e := range submission.Defects {
		all = appendMistakes(all, Mistake{f.fieldOfPath(e.Path), DescribeProblem(e, l)})
	}
	return all
}

// DescribeMistakes returns what the register refuses, beside the fields.
func (f Explantation) DescribeMistakes(refusal *problem.Error, l texts.Lang) []Mistake {
	var all []Mistake
	for _, e := range refusal.All() {
		all = append(all, Mistake{f.fieldOfPath(e.Path), DescribeProblem(e, l)})
	}
	return all
}

// fieldOfPath returns the field of a path such as Explantation.Explants[2].Unregistered.Lot: the content has the
// patient's implants first, and then the others.
func (f Explantation) fieldOfPath(path string) string {
	rest, isItem := strings.CutPrefix(path, "Explantation.Explants[")
	if !isItem {
		return fieldOfPath(path)
	}
	number, rest, _ := strings.Cut(rest, "]")
	item, _ := strconv.Atoi(number) // 0 is refused next
	name := domainFields[rest[strings.LastIndexByte(rest, '.')+1:]]
	switch {
	case item < 1 || item > len(f.Removed)+f.Count:
		return ""
	case item > len(f.Removed) && name == "": // an implant without anything that says what it is
		return ImplantField(item-len(f.Removed)-1, "code")
	case item > len(f.Removed):
		return ImplantField(item-len(f.Removed)-1, name)
	}
	return RemovalField(f.Removed[item-1])
}

// setRemoval fills in a removal of a notification.
func setRemoval(values url.Values, n *implants.Notification, removal implants.Removal) {
	at := slices.IndexFunc(n.Implants, func(i implants.Implant) bool { return i.ID == removal.ImplantID })
	if at >= 0 {
		values.Set(ImplantField(at, "reason"), removal.Reason)
		return
	}
	field := RemovalField(removal.ImplantID)
	values.Set(field, "yes")
	values.Set(field+"-count", strconv.Itoa(removal.Quantity))
	values.Set(field+"-reason", removal.Reason)
}
