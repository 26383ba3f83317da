package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var (
	showImplants  = texts.Declare("portal.show_implants")
	nothingChosen = texts.Declare("portal.nothing_chosen")
	titleExplant  = texts.Declare("portal.notify_explantation")
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

// removalsView is the second half of the form: the patient's implants.
type removalsView struct {
	Removals []removalView
	IsEmpty  bool
}

func (p *Portal) showExplantation(w http.ResponseWriter, r *http.Request) {
	values := p.takeKeptForm(r.Context())
	isResumed := values != nil
	if !isResumed {
		values = url.Values{}
		if p.sessions.GetString(r.Context(), sessionCapacity) == capacityDoctor {
			values.Set("specialist", p.currentPerson(r.Context()).Digits())
		}
	}
	p.renderExplantation(w, r, values, nil, nil, isResumed)
}

// submitExplantation handles every button of the form: the first shows the patient's implants, the others notify.
func (p *Portal) submitExplantation(w http.ResponseWriter, r *http.Request) {
	if !p.receiveForm(w, r) {
		return
	}
	lang := p.requestLanguage(r)
	listed, mistakes, err := p.listRemovals(r)
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	save := map[string]string{"confirm": "Final", "submit": "Submit", "draft": "Draft"}[r.PostFormValue("action")]
	if save == "" || len(mistakes) > 0 {
		p.renderExplantation(w, r, r.PostForm, listed, mistakes, false)
		return
	}
	request := newExplantRequest(r.PostForm, listed, save)
	if len(request.Explantation.Explant) == 0 {
		chosen := forms.Mistake{Text: nothingChosen.Translate(lang)}
		p.renderExplantation(w, r, r.PostForm, listed, []forms.Mistake{chosen}, false)
		return
	}
	caller, err := signAndIdentify(p, r, "NotifyExplant", &request.Header, request)
	var receipt implants.Receipt
	if err == nil {
		submission, content := request.ToDomain()
		receipt, err = p.Registrar.NotifyExplant(r.Context(), caller, submission, content)
	}
	if errors.Is(err, problem.RuleViolated) {
		p.renderExplantation(w, r, r.PostForm, listed, forms.DescribeMistakes(problem.From(err), lang), false)
		return
	}
	p.showReceipt(w, r, receipt, err)
}

func newExplantRequest(values url.Values, listed *removalsView, save string) *ctr.NotifyExplantRequest {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	request := &ctr.NotifyExplantRequest{InputReference: get("key"), Save: save, Explantation: ctr.Explantation{
		Specialist: forms.ParseProfessional(get("specialist")), OperationDate: forms.ParseDate(get("operation-date")),
		Patient: forms.StripPunctuation(get("patient")), Comment: get("comment"),
	}}
	for _, removal := range listed.Removals {
		if removal.IsSelected {
			count, _ := strconv.Atoi(removal.Count) // 0 means all that remain
			request.Explantation.Explant = append(request.Explantation.Explant, ctr.Explant{
				ImplantID: removal.ID, Quantity: count, Reason: removal.Reason,
			})
		}
	}
	return request
}

// listRemovals returns the implants of the patient that the form names, with what was chosen.
func (p *Portal) listRemovals(r *http.Request) (*removalsView, []forms.Mistake, error) {
	l := p.requestLanguage(r)
	mistakes := forms.FindMissing(forms.ExplantationFields, r.PostFormValue, l)
	if _, err := ident.ParseDate(forms.ParseDate(r.PostFormValue("operation-date"))); err != nil && len(mistakes) == 0 {
		mistakes = append(mistakes, forms.Mistake{Field: "operation-date", Text: forms.DateInvalid.Translate(l)})
	}
	patient, err := ident.ParseSSIN(forms.StripPunctuation(r.PostFormValue("patient")))
	if err != nil && len(mistakes) == 0 {
		mistakes = append(mistakes, forms.Mistake{Field: "patient", Text: forms.DescribeProblem(problem.From(err), l)})
	}
	if len(mistakes) > 0 {
		return nil, mistakes, nil
	}
	caller, err := p.identifyReader(r.Context(), "ListPatientImplants")
	if err != nil {
		return nil, nil, err
	}
	found, err := p.Registrar.ListPatientImplants(r.Context(), caller, implants.ListImplantsRequest{
		Page: platform.Page{Limit: maxListed}, Patient: patient,
	})
	if err != nil {
		return nil, nil, err
	}
	view := &removalsView{}
	for i := range found.Implants {
		implant := &found.Implants[i]
		if implant.Remaining == 0 {
			continue
		}
		field := "removal-" + implant.ID
		view.Removals = append(view.Removals, removalView{
			implantView: newImplantView(implant, l), ID: implant.ID, Field: field,
			IsSelected: r.PostFormValue(field) != "",
			Count:      cmp.Or(strings.TrimSpace(r.PostFormValue(field+"-count")), strconv.Itoa(implant.Remaining)),
			Reason:     strings.TrimSpace(r.PostFormValue(field + "-reason")),
		})
	}
	view.IsEmpty = len(view.Removals) == 0
	return view, nil, nil
}

func (p *Portal) renderExplantation(
	w http.ResponseWriter, r *http.Request, values url.Values, listed *removalsView, mistakes []forms.Mistake, isResumed bool,
) {
	view := p.newPage(r, titleExplant)
	view.Section, view.Errors, view.Resumed = "explantation", mistakes, isResumed
	view.Form = &forms.Form{
		Action: "/portal/explantations/new", Author: p.authorMark(r.Context()), Key: cmp.Or(values.Get("key"), p.NewID()),
		Sections: []forms.Section{{
			Title: operationSection.Translate(view.Lang), Fields: forms.NewFields(view.Lang, forms.ExplantationFields, values.Get, ""),
		}},
		Buttons: []forms.Button{{Name: "action", Value: "list", Label: showImplants.Translate(view.Lang)}},
	}
	view.Form.SetMistakes(mistakes)
	if listed != nil {
		view.Content = listed
		final := forms.Button{Name: "action", Value: "confirm", Label: confirmForm.Translate(view.Lang)}
		if p.sessions.GetString(r.Context(), sessionCapacity) == capacityStaff {
			final = forms.Button{Name: "action", Value: "submit", Label: submitForm.Translate(view.Lang)}
		}
		if !listed.IsEmpty {
			draft := forms.Button{Name: "action", Value: "draft", Label: saveDraft.Translate(view.Lang), IsSecondary: true}
			view.Form.Buttons[0].IsSecondary = true
			view.Form.Buttons = append([]forms.Button{final, draft}, view.Form.Buttons...)
		}
	}
	p.renderForm(w, "explantation.html", view)
}
