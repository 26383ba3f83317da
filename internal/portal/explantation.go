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
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var explantationFields = []fieldSpec{
	{name: "specialist", hint: "person", width: "w15", isNumeric: true},
	{name: "operation-date", hint: "date", width: "w10", isNumeric: true},
	{name: "patient", hint: "patient", width: "w15", isNumeric: true},
	{name: "comment", kind: "textarea", isOptional: true},
}

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
		chosen := fieldError{Text: nothingChosen.Translate(lang)}
		p.renderExplantation(w, r, r.PostForm, listed, []fieldError{chosen}, false)
		return
	}
	caller, err := signAndIdentify(p, r, "NotifyExplant", &request.Header, request)
	var receipt implants.Receipt
	if err == nil {
		submission, content := request.ToDomain()
		receipt, err = p.Registrar.NotifyExplant(r.Context(), caller, submission, content)
	}
	if errors.Is(err, problem.RuleViolated) {
		p.renderExplantation(w, r, r.PostForm, listed, describeMistakes(problem.From(err), lang), false)
		return
	}
	p.showReceipt(w, r, receipt, err)
}

func newExplantRequest(values url.Values, listed *removalsView, save string) *ctr.NotifyExplantRequest {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	request := &ctr.NotifyExplantRequest{InputReference: get("key"), Save: save, Explantation: ctr.Explantation{
		Specialist: parseProfessional(get("specialist")), OperationDate: parseDate(get("operation-date")),
		Patient: stripPunctuation(get("patient")), Comment: get("comment"),
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
func (p *Portal) listRemovals(r *http.Request) (*removalsView, []fieldError, error) {
	l := p.requestLanguage(r)
	mistakes := findMissing(explantationFields, r.PostFormValue, l)
	if _, err := ident.ParseDate(parseDate(r.PostFormValue("operation-date"))); err != nil && len(mistakes) == 0 {
		mistakes = append(mistakes, fieldError{"operation-date", dateInvalid.Translate(l)})
	}
	patient, err := ident.ParseSSIN(stripPunctuation(r.PostFormValue("patient")))
	if err != nil && len(mistakes) == 0 {
		mistakes = append(mistakes, fieldError{"patient", describeProblem(problem.From(err), l)})
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
	w http.ResponseWriter, r *http.Request, values url.Values, listed *removalsView, mistakes []fieldError, isResumed bool,
) {
	view := p.newPage(r, titleExplant)
	view.Section, view.Errors, view.Resumed = "explantation", mistakes, isResumed
	view.Form = &formView{
		Action: "/portal/explantations/new", Author: p.authorMark(r.Context()), Key: cmp.Or(values.Get("key"), p.NewID()),
		Sections: []formSection{{
			Title: operationSection.Translate(view.Lang), Fields: newFields(view.Lang, explantationFields, values.Get, ""),
		}},
		Buttons: []button{{Name: "action", Value: "list", Label: showImplants.Translate(view.Lang)}},
	}
	view.Form.setErrors(mistakes)
	if listed != nil {
		view.Content = listed
		final := button{Name: "action", Value: "confirm", Label: confirmForm.Translate(view.Lang)}
		if p.sessions.GetString(r.Context(), sessionCapacity) == capacityStaff {
			final = button{Name: "action", Value: "submit", Label: submitForm.Translate(view.Lang)}
		}
		if !listed.IsEmpty {
			draft := button{Name: "action", Value: "draft", Label: saveDraft.Translate(view.Lang), IsSecondary: true}
			view.Form.Buttons[0].IsSecondary = true
			view.Form.Buttons = append([]button{final, draft}, view.Form.Buttons...)
		}
	}
	p.renderForm(w, "explantation.html", view)
}
