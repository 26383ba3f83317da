package portal

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// Texts of the form.
var (
	operationSection = texts.Declare("portal.operation_section")
	implantSection   = texts.Declare1[int]("portal.implant_section", "number")
	addImplant       = texts.Declare("portal.add_implant")
	removeImplant    = texts.Declare("portal.remove")
	saveDraft        = texts.Declare("portal.save_draft")
	submitForm       = texts.Declare("portal.submit")
	continueForm     = texts.Declare("portal.continue")
	confirmForm      = texts.Declare("portal.confirm")
	changeForm       = texts.Declare("portal.change")
)

// newForm returns a form with what the notifications of both kinds have in common. A final notification cannot become a
// draft again, and staff leave the last step to the specialist.
func (p *Portal) newForm(r *http.Request, f forms.Implants, edited *implants.NotificationDetail) *forms.Form {
	l := p.requestLanguage(r)
	form := &forms.Form{
		Action: r.URL.Path, Author: p.authorMark(r.Context()), Key: cmp.Or(f.Get("key"), p.NewID()),
		Hidden:  []forms.Hidden{{Name: "implants", Value: strconv.Itoa(f.Count)}, {Name: "version", Value: f.Get("version")}},
		Buttons: []forms.Button{{Name: "action", Value: "continue", Label: continueForm.Translate(l)}},
	}
	if p.sessions.GetString(r.Context(), sessionCapacity) == capacityStaff {
		form.Buttons[0] = forms.Button{Name: "action", Value: "submit", Label: submitForm.Translate(l)}
	}
	if edited == nil || edited.State != implants.Final {
		form.Buttons = append(form.Buttons,
			forms.Button{Name: "action", Value: "draft", Label: saveDraft.Translate(l), IsSecondary: true})
	}
	return form
}

// newImplantSections returns the sections of the implants.
func (p *Portal) newImplantSections(
	r *http.Request, f forms.Implants, title texts.Text1[int], specs []forms.Spec, canRemove bool,
) []forms.Section {
	l := p.requestLanguage(r)
	var sections []forms.Section
	for i := range f.Count {
		section := forms.Section{
			Title: title.With(i + 1).Translate(l), Fields: forms.NewFields(l, specs, f.Get, forms.ImplantField(i, "")),
			Device: p.describeDevice(r, f.Get(forms.ImplantField(i, "code"))), Finder: p.newFinder(r, f, i),
		}
		if canRemove {
			section.Remove = &forms.Button{
				Name: "remove", Value: strconv.Itoa(i), Label: removeImplant.Translate(l), IsSecondary: true,
			}
		}
		sections = append(sections, section)
	}
	return sections
}

// newImplantationForm returns the form as it is shown.
func (p *Portal) newImplantationForm(
	r *http.Request, f forms.Implantation, edited *implants.NotificationDetail,
) *forms.Form {
	l := p.requestLanguage(r)
	form := p.newForm(r, f.Implants, edited)
	form.Sections = append([]forms.Section{{
		Title: operationSection.Translate(l), Fields: forms.NewFields(l, forms.OperationFields, f.Get, ""),
	}}, p.newImplantSections(r, f.Implants, implantSection, forms.ImplantFields, f.Count > 1)...)
	form.Buttons = append(form.Buttons,
		forms.Button{Name: "action", Value: "add", Label: addImplant.Translate(l), IsSecondary: true})
	return form
}

// showImplantation shows an empty form, or the one that its author sent before they signed in again.
func (p *Portal) showImplantation(w http.ResponseWriter, r *http.Request) {
	values, isResumed := p.newFormValues(r)
	p.renderImplantation(w, r, forms.ReadImplantation(values), nil, nil, isResumed)
}

// newFormValues returns what a form for a new notification contains, and whether its author sent it before.
func (p *Portal) newFormValues(r *http.Request) (url.Values, bool) {
	if values := p.takeKeptForm(r.Context()); values != nil {
		return values, true
	}
	values := url.Values{"implant-1-quantity": {"1"}}
	if p.sessions.GetString(r.Context(), sessionCapacity) == capacityDoctor {
		values.Set("specialist", p.currentPerson(r.Context()).Digits())
	}
	return values, false
}

func (p *Portal) submitImplantation(w http.ResponseWriter, r *http.Request) {
	if p.receiveForm(w, r) {
		p.answerImplantation(w, r, nil)
	}
}

// saves says which buttons of a form save it, and as what.
var saves = map[string]string{"draft": "Draft", "submit": "Submit", "confirm": "Final"}

// answerImplantation handles every button of the form. Without one it fills in what a UDI says and shows the form: a
// hand scanner ends what it types with Enter.
func (p *Portal) answerImplantation(w http.ResponseWriter, r *http.Request, edited *implants.NotificationDetail) {
	f := forms.ReadImplantation(r.PostForm)
	f.FillFromUDI()
	action := changeImplants(r, &f.Implants)
	save := saves[action]
	var mistakes []forms.Mistake
	if action == "continue" || save != "" && save != "Draft" {
		mistakes = f.FindMistakes(platformToday(p), p.requestLanguage(r))
	}
	switch {
	case len(mistakes) > 0:
		p.renderImplantation(w, r, f, edited, mistakes, false)
	case action == "continue":
		p.checkAnswers(w, r, p.newImplantationForm(r, f, edited))
	case save != "":
		content := f.ToContent()
		receipt, err := p.sendNotification(r, save, ctr.Content{Implantation: &content}, edited)
		p.finishSubmission(w, r, submissionResult{receipt, err, edited, f.Implants}, forms.DescribeMistakes,
			func(mistakes []forms.Mistake) { p.renderImplantation(w, r, f, edited, mistakes, false) })
	default: // "change", on the page with the answers, among others
		p.renderImplantation(w, r, f, edited, nil, false)
	}
}

// changeImplants adds or removes an implant, or fills in its code, if a button says so, and returns the action of the
// other buttons.
func changeImplants(r *http.Request, f *forms.Implants) string {
	action := r.PostFormValue("action")
	if remove, err := strconv.Atoi(r.PostFormValue("remove")); err == nil && remove >= 0 && remove < f.Count {
		f.RemoveImplant(remove)
		return ""
	}
	if index, code, isChosen := strings.Cut(r.PostFormValue("choose"), " "); isChosen {
		if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < f.Count {
			f.Values.Set(forms.ImplantField(i, "code"), code)
			f.Values.Del(forms.ImplantField(i, "words"))
		}
		return ""
	}
	if action == "add" {
		f.AddImplant()
	}
	return action
}

var formUnreadable = texts.Declare("portal.form_unreadable")

// renderImplantation shows the form, with mistakes if there are any.
func (p *Portal) renderImplantation(
	w http.ResponseWriter, r *http.Request, f forms.Implantation, edited *implants.NotificationDetail,
	mistakes []forms.Mistake, isResumed bool,
) {
	view := p.newFormPage(r, titleImplantation, "implantation", edited)
	view.Form, view.Errors, view.Resumed = p.newImplantationForm(r, f, edited), mistakes, isResumed
	view.Form.SetMistakes(mistakes)
	p.renderForm(w, "form.html", view)
}

// checkAnswers shows what was typed before it becomes final.
func (p *Portal) checkAnswers(w http.ResponseWriter, r *http.Request, form *forms.Form) {
	view := p.newPage(r, titleCheckAnswers)
	view.Form = form
	view.Form.Buttons = []forms.Button{
		{Name: "action", Value: "confirm", Label: confirmForm.Translate(view.Lang)},
		{Name: "action", Value: "change", Label: changeForm.Translate(view.Lang), IsSecondary: true},
	}
	p.renderPage(w, http.StatusOK, "check.html", view)
}

func platformToday(p *Portal) ident.Date { return ident.DateOf(p.Now().In(p.Location)) }

var (
	deviceDeleted  = texts.Declare("portal.device_deleted")
	deviceRecalled = texts.Declare("portal.device_recalled")
)

// describeDevice looks a code up in the device list; nil for one that is not there.
func (p *Portal) describeDevice(r *http.Request, typed string) *forms.Device {
	code, err := ident.ParseNotificationCode(forms.StripPunctuation(typed))
	if err != nil {
		return nil
	}
	caller, err := p.identifyReader(r.Context(), "SearchDevice")
	if err != nil {
		return nil
	}
	found, err := p.Registrar.SearchDevice(r.Context(), caller, implants.SearchDeviceRequest{
		Page: platform.Page{Limit: 1}, Code: code,
	})
	if err != nil || len(found.Devices) == 0 {
		return nil
	}
	view := newDevice(&found.Devices[0], p.requestLanguage(r))
	return &view
}

func newDevice(d *implants.Device, l texts.Lang) forms.Device {
	view := forms.Device{
		Name: d.Name, Manufacturer: d.Manufacturer, Reference: d.Reference, Distributor: d.Distributor,
		Classification: d.Classification,
	}
	switch d.Status {
	case implants.DeviceDeleted:
		view.Warning = deviceDeleted.Translate(l)
	case implants.DeviceRecalled:
		view.Warning = deviceRecalled.Translate(l)
	case implants.DeviceActive:
	}
	return view
}

// wordsFields are the fields that find the code of an implant.
var wordsFields = []forms.Spec{{Name: "words", IsOptional: true}}

// newFinder returns the search for the code of an implant, with its result if there are words: Enter searches as well.
func (p *Portal) newFinder(r *http.Request, f forms.Implants, index int) *forms.Finder {
	l, words := p.requestLanguage(r), f.Get(forms.ImplantField(index, "words"))
	finder := &forms.Finder{
		Index: index, Words: forms.NewFields(l, wordsFields, f.Get, forms.ImplantField(index, ""))[0],
	}
	if words == "" {
		return finder
	}
	caller, err := p.identifyReader(r.Context(), "SearchDevice")
	var found implants.SearchDeviceResult
	if err == nil {
		found, err = p.Registrar.SearchDevice(r.Context(), caller, implants.SearchDeviceRequest{
			Page: platform.Page{Limit: pageSize}, Text: words,
		})
	}
	if err != nil {
		p.Log.ErrorContext(r.Context(), "search for a device", slog.String("error", err.Error()))
		return finder
	}
	finder.HasSearched, finder.Total = true, found.Total
	for i := range found.Devices {
		finder.Found = append(finder.Found, forms.FoundDevice{
			Device: newDevice(&found.Devices[i], l), Code: found.Devices[i].Code.Digits(),
		})
	}
	return finder
}

// showDevice serves the description of one device, which a script puts below its code.
func (p *Portal) showDevice(w http.ResponseWriter, r *http.Request) {
	view := p.newPage(r, titleImplantation)
	for name, values := range r.URL.Query() {
		if strings.HasSuffix(name, "-code") && len(values) > 0 {
			view.Content = p.describeDevice(r, values[0])
		}
	}
	p.renderPage(w, http.StatusOK, "device", view)
}
