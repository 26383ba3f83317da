package operatorpages

import (
	"net/url"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/texts"
)

// fieldSpec describes a field of a form.
type fieldSpec struct {
	name      string
	label     texts.Text
	hint      texts.Text
	width     string
	isNumeric bool
	options   []optionSpec // of a list
}

type optionSpec struct {
	value string
	label texts.Text
}

// newFields returns the fields with what was typed, and the mistakes beside them.
func newFields(l texts.Lang, specs []fieldSpec, typed url.Values, mistakes []forms.Mistake) []forms.Field {
	fields := make([]forms.Field, len(specs))
	for i, spec := range specs {
		fields[i] = forms.Field{
			Name: spec.name, Label: spec.label.Translate(l), Hint: spec.hint.Translate(l), Value: typed.Get(spec.name),
			Kind: "text", Width: spec.width, IsNumeric: spec.isNumeric,
		}
		if len(spec.options) > 0 {
			fields[i].Kind = "select"
		}
		for _, o := range spec.options {
			fields[i].Options = append(fields[i].Options, forms.Option{
				Value: o.value, Label: o.label.Translate(l), IsSelected: o.value == fields[i].Value,
			})
		}
	}
	form := forms.Form{Sections: []forms.Section{{Fields: fields}}}
	form.SetMistakes(mistakes)
	return form.Sections[0].Fields
}

// reader reads what was typed into a form, and collects the mistakes.
type reader struct {
	typed    url.Values
	lang     texts.Lang
	mistakes []forms.Mistake
}

func (r *reader) addMistake(name string, text texts.Text) {
	r.mistakes = append(r.mistakes, forms.Mistake{Field: name, Text: text.Translate(r.lang)})
}

// text returns a value without the blanks around it. What is not UTF-8 is a mistake.
func (r *reader) text(name string) string {
	value := strings.TrimSpace(r.typed.Get(name))
	if clean := strings.ToValidUTF8(value, "\uFFFD"); clean != value {
		r.addMistake(name, valueUnreadable)
	}
	return value
}

// day returns a day as people type it, or zero for none.
func (r *reader) day(name string) ident.Date {
	value := r.text(name)
	if value == "" {
		return ident.Date{}
	}
	day, err := ident.ParseDate(forms.ParseDate(value))
	if err != nil {
		r.addMistake(name, dayInvalid)
	}
	return day
}

// period returns two days, of which the second is not before the first.
func (r *reader) period() (from, to ident.Date) {
	from, to = r.day("from"), r.day("to")
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		r.addMistake("to", periodReversed)
	}
	return from, to
}

var (
	dayInvalid      = texts.Declare("portal.operator_day_invalid")
	periodReversed  = texts.Declare("portal.operator_period_reversed")
	valueUnreadable = texts.Declare("portal.operator_value_unreadable")
	labelFrom       = texts.Declare("portal.operator_from")
	labelTo         = texts.Declare("portal.operator_to")
	hintDay         = texts.Declare("portal.operator_hint_day")
)

// periodFields are the fields of a period.
var periodFields = []fieldSpec{
	{name: "from", label: labelFrom, hint: hintDay, width: "w10", isNumeric: true},
	{name: "to", label: labelTo, hint: hintDay, width: "w10", isNumeric: true},
}
