package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// This file contains what the pages of access management share.

// accessView is a list of rights with the form for a new one.
type accessView struct {
	pagingView

	Rows    []rightView
	Saved   bool
	CanGive bool
}

// rightView is a mandate or a role in a list.
type rightView struct {
	Number, Person   string // as messages and as people write it
	Kind             string // of a mandate: whether it was given or received; of staff: the role
	Role             string // as messages write it
	Organisation     string
	OrganisationName string
	From, To, State  string
	EndAction        string // empty if it cannot be ended
	CanAccept        bool
	CanTransfer      bool
}

// noEnd stands in the place of a last day.
var noEnd = texts.Declare("portal.no_end")

func formatLastDay(iso string, l texts.Lang) string {
	if iso == "" {
		return noEnd.Translate(l)
	}
	return forms.FormatDate(iso)
}

// readNumber returns a number that a person typed, without punctuation.
func readNumber(values url.Values, name string) string {
	return forms.StripPunctuation(strings.TrimSpace(values.Get(name)))
}

// findRightMistakes returns what a form about a right lacks, and the values that cannot be read.
func findRightMistakes(values url.Values, defects []*problem.Error, l texts.Lang) []forms.Mistake {
	all := forms.FindMissing(forms.RightFields, values.Get, l)
	for _, e := range defects {
		one := forms.Mistake{Field: fieldOfRight(e.Path), Text: forms.DescribeProblem(e, l)}
		if !slices.ContainsFunc(all, func(known forms.Mistake) bool { return known.Field == one.Field }) {
			all = append(all, one)
		}
	}
	return all
}

// fieldOfRight returns the field of a path such as Grant.Period.From. The buttons of a list have no fields.
func fieldOfRight(path string) string {
	change, rest, _ := strings.Cut(path, ".")
	if change != "Grant" && change != "Assign" {
		return ""
	}
	return map[string]string{
		"Grantee": "person", "Person": "person", "Role": "role", "Period.From": "from", "Period.To": "to",
	}[rest]
}

// finishAccess shows the page again after a change: with what was saved, or with why it was not.
func (p *Portal) finishAccess(w http.ResponseWriter, r *http.Request, err error, review func([]forms.Mistake)) {
	if err == nil {
		http.Redirect(w, r, r.URL.Path+"?saved=1", http.StatusSeeOther) //nolint:gosec // a path of our own
		return
	}
	refusal := problem.From(err)
	if refusal.Kind != problem.RuleViolated && refusal.Kind != problem.Conflict && refusal.Kind != problem.NotFound {
		p.showFailure(w, r, err)
		return
	}
	var mistakes []forms.Mistake
	for _, e := range refusal.All() {
		text := forms.DescribeProblem(e, p.requestLanguage(r))
		mistakes = append(mistakes, forms.Mistake{Field: fieldOfRight(e.Path), Text: text})
	}
	review(mistakes)
}
