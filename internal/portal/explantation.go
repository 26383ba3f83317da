package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var (
	showImplants     = texts.Declare("portal.show_implants")
	nothingChosen    = texts.Declare("portal.nothing_chosen")
	titleExplant     = texts.Declare("portal.notify_explantation")
	placedElsewhere  = texts.Declare("portal.placed_elsewhere")
	elsewhereSection = texts.Declare1[int]("portal.elsewhere_section", "number")
	removalSection   = texts.Declare2[string, string]("portal.removal_section", "name", "date")
	removedNumber    = texts.Declare("portal.removed_number")
	deviceNotListed  = texts.Declare("portal.device_not_listed")
)

// removalView is an implant of the patient that can be removed.
type removalView struct {
	implantView
	ID         string // of the implant
	Field      string // prefix of the names of its fields
	IsSelected bool
	Count      string
	Reason     string
}

// removalsView is the second part of the form: the patient's implants.
type removalsView struct {
	Removals []removalView
	IsEmpty  bool
}

func (p *Portal) showExplantation(w http.ResponseWriter, r *http.Request) {
	values, isResumed := p.newFormValues(r)
	p.renderExplantation(w, r, forms.ReadExplantation(values, nil), nil, nil, nil, isResumed)
}

func (p *Portal) submitExplantation(w http.ResponseWriter, r *http.Request) {
	if p.receiveForm(w, r) {
		p.answerExplantation(w, r, nil)
	}
}

// answerExplantation handles every button of the form: the first shows the patient's implants, the others go on.
func (p *Portal) answerExplantation(w http.ResponseWriter, r *http.Request, edited *implants.NotificationDetail) {
	listed, f, mistakes, err := p.listRemovals(r, r.PostForm, edited)
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	f.FillFromUDI()
	lang, action := p.requestLanguage(r), changeImplants(r, &f.Implants)
	save := saves[action]
	if len(mistakes) == 0 && (save != "" || action == "continue") {
		if mistakes = f.FindMistakes(lang); len(f.Removed)+f.Count == 0 {
			mistakes = append(mistakes, forms.Mistake{Text: nothingChosen.Translate(lang)})
		}
	}
	switch {
	case len(mistakes) > 0:
		p.renderExplantation(w, r, f, listed, edited, mistakes, false)
	case action == "continue":
		p.checkAnswers(w, r, p.newExplantationCheck(r, f, listed, edited))
	case save != "":
		content := f.ToContent()
		receipt, err := p.sendNotification(r, save, ctr.Content{Explantation: &content}, edited)
		p.finishSubmission(w, r, submissionResult{receipt, err, edited, f.Implants}, f.DescribeMistakes,
			func(mistakes []forms.Mistake) { p.renderExplantation(w, r, f, listed, edited, mistakes, false) })
	default:
		p.renderExplantation(w, r, f, listed, edited, nil, false)
	}
}

// listRemovals returns the implants of the patient that the form names, and the form with what was chosen.
func (p *Portal) listRemovals(
	r *http.Request, values url.Values, edited *implants.NotificationDetail,
) (*removalsView, forms.Explantation, []forms.Mistake, error) {
	l, f := p.requestLanguage(r), forms.ReadExplantation(values, nil)
	mistakes := forms.FindMissing(forms.ExplantationFields, f.Get, l)
	if _, err := ident.ParseDate(forms.ParseDate(f.Get("operation-date"))); err != nil && len(mistakes) == 0 {
		mistakes = append(mistakes, forms.Mistake{Field: "operation-date", Text: forms.DateInvalid.Translate(l)})
	}
	patient, err := ident.ParseSSIN(forms.StripPunctuation(f.Get("patient")))
	if err != nil && len(mistakes) == 0 {
		mistakes = append(mistakes, forms.Mistake{Field: "patient", Text: forms.DescribeProblem(problem.From(err), l)})
	}
	if len(mistakes) > 0 {
		return nil, f, mistakes, nil
	}
	caller, err := p.identifyReader(r.Context(), "ListPatientImplants")
	if err != nil {
		return nil, f, nil, err
	}
	found, err := p.Registrar.ListPatientImplants(r.Context(), caller, implants.ListImplantsRequest{
		Page: platform.Page{Limit: maxListed}, Patient: patient,
	})
	if err != nil {
		return nil, f, nil, err
	}
	view := &removalsView{}
	var ids []string
	all := appendRemoved(found.Implants, edited)
	for i := range all {
		implant := &all[i]
		field := forms.RemovalField(implant.ID)
		ids = append(ids, implant.ID)
		view.Removals = append(view.Removals, removalView{
			implantView: newImplantView(implant, l), ID: implant.ID, Field: field, IsSelected: f.Get(field) != "",
			Count: cmp.Or(f.Get(field+"-count"), strconv.Itoa(implant.Remaining)), Reason: f.Get(field + "-reason"),
		})
	}
	view.IsEmpty = len(view.Removals) == 0
	return view, forms.ReadExplantation(values, ids), nil, nil
}

// appendRemoved gives the patient back what the edited explantation has removed: it may do so again.
func appendRemoved(all []implants.Implant, edited *implants.NotificationDetail) []implants.Implant {
	if edited == nil || edited.State != implants.Final {
		return all
	}
	for i, removal := range edited.Removals {
		at := slices.IndexFunc(all, func(known implants.Implant) bool { return known.ID == removal.ImplantID })
		switch {
		case at >= 0:
			all[at].Remaining += removal.Quantity
		case !edited.AffectedImplants[i].Unregistered: // others are fields of the form
			all = append(all, edited.AffectedImplants[i])
			all[len(all)-1].Remaining = removal.Quantity
		}
	}
	return all
}

func (p *Portal) newExplantationForm(
	r *http.Request, f forms.Explantation, edited *implants.NotificationDetail,
) *forms.Form {
	l := p.requestLanguage(r)
	form := p.newForm(r, f.Implants, edited)
	form.Sections = append([]forms.Section{{
		Title: operationSection.Translate(l), Fields: forms.NewFields(l, forms.ExplantationFields, f.Get, ""),
	}}, p.newImplantSections(r, f.Implants, elsewhereSection, forms.ElsewhereFields, true)...)
	return form
}

// newExplantationCheck returns the form with the chosen implants as sections.
func (p *Portal) newExplantationCheck(
	r *http.Request, f forms.Explantation, listed *removalsView, edited *implants.NotificationDetail,
) *forms.Form {
	l, form := p.requestLanguage(r), p.newExplantationForm(r, f, edited)
	var chosen []forms.Section
	for i := range listed.Removals {
		removal := &listed.Removals[i]
		if !removal.IsSelected {
			continue
		}
		name := cmp.Or(removal.Name, deviceNotListed.Translate(l))
		form.Hidden = append(form.Hidden, forms.Hidden{Name: removal.Field, Value: "yes"})
		chosen = append(chosen, forms.Section{
			Title: removalSection.With(name, removal.Date).Translate(l), Fields: []forms.Field{
				{Name: removal.Field + "-count", Label: removedNumber.Translate(l), Value: removal.Count},
				{Name: removal.Field + "-reason", Label: forms.Label("reason", l), Value: removal.Reason},
			},
		})
	}
	form.Sections = slices.Insert(form.Sections, 1, chosen...)
	return form
}

func (p *Portal) renderExplantation(
	w http.ResponseWriter, r *http.Request, f forms.Explantation, listed *removalsView,
	edited *implants.NotificationDetail, mistakes []forms.Mistake, isResumed bool,
) {
	view := p.newFormPage(r, titleExplant, "explantation", edited)
	view.Form, view.Errors, view.Resumed = p.newExplantationForm(r, f, edited), mistakes, isResumed
	view.Form.SetMistakes(mistakes)
	list := forms.Button{Name: "action", Value: "list", Label: showImplants.Translate(view.Lang)}
	if listed == nil {
		view.Form.Buttons = []forms.Button{list}
	} else {
		view.Content = listed
		list.IsSecondary = true
		view.Form.Buttons = append(view.Form.Buttons, list,
			forms.Button{Name: "action", Value: "add", Label: placedElsewhere.Translate(view.Lang), IsSecondary: true})
	}
	p.renderForm(w, "explantation.html", view)
}
