// Package forms holds the forms of the portal as data: their fields and what is wrong with them; what people typed,
// read as numbers and dates; and the requests of the contract that it stands for.
//
// It is separate from the portal because it knows no session, no register and no HTTP.
package forms

import (
	"cmp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/texts"
)

// Label returns the label of a field.
func Label(name string, l texts.Lang) string { return labels[name].Translate(l) }

// The labels and hints of the fields, in the manual's terms.
var (
	labels = map[string]texts.Text{}
	hints  = map[string]texts.Text{}
)

func init() { //nolint:gochecknoinits // declares texts
	for _, name := range []string{
		"specialist", "operation-date", "patient", "prescriber", "prescription-date", "comment", "code", "udi", "lot",
		"serial",
		"expiry", "pharmacist", "pharmacy", "delivery-date", "quantity", "location", "side", "number", "from", "to",
		"person", "role", "reason", "successor", "words",
	} {
		labels[name] = texts.Declare(texts.Key("portal.label_" + strings.ReplaceAll(name, "-", "_")))
	}
	for _, name := range []string{"person", "patient", "date", "udi", "code", "number"} {
		hints[name] = texts.Declare(texts.Key("portal.hint_" + name))
	}
}

// Form is a form as data: the templates draw every field in the same, accessible way.
type Form struct {
	Action   string
	Author   string // whose form it is
	Key      string // makes sending it twice harmless
	Sections []Section
	Buttons  []Button
	Hidden   []Hidden
}

// Section is a part of a form, such as an implant.
type Section struct {
	Title  string
	Fields []Field
	Remove *Button // of an implant
	Device *Device
	Finder *Finder
}

// Finder finds the code of an implant by words.
type Finder struct {
	Words       Field
	Index       int // of the implant
	HasSearched bool
	Found       []FoundDevice
	Total       int
}

// FoundDevice is a device that a Finder found.
type FoundDevice struct {
	Device

	Code string
}

// Field is a field with its value.
type Field struct {
	Name, Label, Hint, Value, Error string
	Kind                            string // text, textarea, select
	Width                           string // a class of the style sheet
	Options                         []Option
	IsOptional, IsNumeric           bool
	LookUp                          string // URL that describes the value
}

// Option is an option of a list.
type Option struct {
	Value, Label string
	IsSelected   bool
}

// Button sends the form; its name and value say what for.
type Button struct {
	Name, Value, Label string
	IsSecondary        bool
}

// Hidden is a value that nobody types.
type Hidden struct{ Name, Value string }

// HasHint and the next methods are for the templates.
func (f Field) HasHint() bool { return f.Hint != "" }

// DescribedBy returns the ids of the texts that a screen reader reads with the field.
func (f Field) DescribedBy() string {
	ids := ""
	if f.Hint != "" {
		ids = f.Name + "-hint"
	}
	if f.Error != "" {
		ids += " " + f.Name + "-error"
	}
	return ids
}

// SetMistakes puts the mistakes beside their fields, and those without a field on top only.
func (f *Form) SetMistakes(all []Mistake) {
	for i := range f.Sections {
		for j := range f.Sections[i].Fields {
			one := &f.Sections[i].Fields[j]
			at := slices.IndexFunc(all, func(e Mistake) bool { return e.Field == one.Name })
			if at >= 0 {
				one.Error = all[at].Text
			}
		}
	}
}

// Mistake is a mistake in a form: its text, and the field that it is about.
type Mistake struct{ Field, Text string }

// Spec describes a field.
type Spec struct {
	Name, Hint, Kind, Width string
	IsOptional, IsNumeric   bool
	LookUp                  string // URL that describes the value
	// List returns the options of a select field.
	List func(l texts.Lang, selected string) []Option
}

var (
	valueMissing = texts.Declare1[string]("portal.value_missing", "field")
	sides        = map[string]texts.Text{
		"Left": texts.Declare("portal.side_left"), "Right": texts.Declare("portal.side_right"),
		"Bilateral": texts.Declare("portal.side_bilateral"), "None": texts.Declare("portal.side_none"),
	}
)

// FindMissing returns the fields that must be filled in and are empty.
func FindMissing(specs []Spec, value func(name string) string, l texts.Lang) []Mistake {
	var all []Mistake
	for _, spec := range specs {
		if !spec.IsOptional && strings.TrimSpace(value(spec.Name)) == "" {
			all = append(all, Mistake{spec.Name, valueMissing.With(labels[spec.Name].Translate(l)).Translate(l)})
		}
	}
	return all
}

// NewFields returns fields with their values.
func NewFields(l texts.Lang, specs []Spec, value func(name string) string, prefix string) []Field {
	fields := make([]Field, len(specs))
	for i, spec := range specs {
		fields[i] = Field{
			Name: prefix + spec.Name, Label: labels[spec.Name].Translate(l), Hint: hints[spec.Hint].Translate(l),
			Value: value(prefix + spec.Name), Kind: cmp.Or(spec.Kind, "text"), Width: spec.Width, IsOptional: spec.IsOptional,
			IsNumeric: spec.IsNumeric, LookUp: spec.LookUp,
		}
		if spec.List != nil {
			fields[i].Options = spec.List(l, fields[i].Value)
		}
	}
	return fields
}

// SideName returns the words for a side of the body.
func SideName(side string, l texts.Lang) string { return sides[side].Translate(l) }

func newSideOptions(l texts.Lang, selected string) []Option {
	all := []Option{{}}
	for _, side := range []string{"Left", "Right", "Bilateral", "None"} {
		all = append(all, Option{side, sides[side].Translate(l), side == selected})
	}
	return all
}
