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

// newImplantationForm returns the form as it is shown.
func (p *Portal) newImplantationForm(r *http.Request, f forms.Implantation) *forms.Form {
	l := p.requestLanguage(r)
	form := &forms.Form{
		Action: "/portal/implantations/new", Author: p.authorMark(r.Context()), Key: cmp.Or(f.Get("key"), p.NewID()),
		Hidden: []forms.Hidden{{Name: "implants", Value: strconv.Itoa(f.Count)}},
	}
	form.Sections = append(form.Sections, forms.Section{
		Title: operationSection.Translate(l), Fields: forms.NewFields(l, forms.OperationFields, f.Get, ""),
	})
	for i := range f.Count {
		section := forms.Section{
			Title:  implantSection.With(i + 1).Translate(l),
			Fields: forms.NewFields(l, forms.ImplantFields, f.Get, "implant-"+strconv.Itoa(i+1)+"-"),
			Device: p.describeDevice(r, f.Get(forms.ImplantField(i, "code"))),
		}
		if f.Count > 1 {
			section.Remove = &forms.Button{
				Name: "remove", Value: strconv.Itoa(i), Label: removeImplant.Translate(l), IsSecondary: true,
			}
		}
		form.Sections = append(form.Sections, section)
	}
	form.Buttons = []forms.Button{{Name: "action", Value: "continue", Label: continueForm.Translate(l)}}
	if p.sessions.GetString(r.Context(), sessionCapacity) == capacityStaff {
		form.Buttons[0] = forms.Button{Name: "action", Value: "submit", Label: submitForm.Translate(l)}
	}
	form.Buttons = append(form.Buttons,
		forms.Button{Name: "action", Value: "draft", Label: saveDraft.Translate(l), IsSecondary: true},
		forms.Button{Name: "action", Value: "add", Label: addImplant.Translate(l), IsSecondary: true})
	return form
}

// showImplantation shows an empty form, or the one that its author sent before they signed in again.
func (p *Portal) showImplantation(w http.ResponseWriter, r *http.Request) {
	view := p.newPage(r, titleImplantation)
	view.Section = "implantation"
	values := p.takeKeptForm(r.Context())
	if view.Resumed = values != nil; values == nil {
		values = url.Values{"implant-1-quantity": {"1"}}
		if p.sessions.GetString(r.Context(), sessionCapacity) == capacityDoctor {
			values.Set("specialist", p.currentPerson(r.Context()).Digits())
		}
	}
	view.Form = p.newImplantationForm(r, forms.ReadImplantation(values))
	p.renderPage(w, http.StatusOK, "form.html", view)
}

// submitImplantation handles every button of the form.
func (p *Portal) submitImplantation(w http.ResponseWriter, r *http.Request) {
	if !p.receiveForm(w, r) {
		return
	}
	f := forms.ReadImplantation(r.PostForm)
	f.FillFromUDI()
	if remove, err := strconv.Atoi(r.PostFormValue("remove")); err == nil && remove >= 0 && remove < f.Count {
		f.RemoveImplant(remove)
		p.reviewImplantation(w, r, f, nil)
		return
	}
	switch r.PostFormValue("action") {
	case "add":
		f.Count = min(f.Count+1, forms.MaxImplants)
		f.Values.Set(forms.ImplantField(f.Count-1, "quantity"), "1")
		p.reviewImplantation(w, r, f, nil)
	case "draft":
		p.notifyImplant(w, r, f, "Draft")
	case "submit":
		p.notifyImplant(w, r, f, "Submit")
	case "confirm":
		p.notifyImplant(w, r, f, "Final")
	case "continue":
		p.checkAnswers(w, r, f)
	default: // "change", on the page with the answers
		p.reviewImplantation(w, r, f, nil)
	}
}

var formUnreadable = texts.Declare("portal.form_unreadable")

// reviewImplantation shows the form again, with mistakes if there are any.
func (p *Portal) reviewImplantation(w http.ResponseWriter, r *http.Request, f forms.Implantation, mistakes []forms.Mistake) {
	view := p.newPage(r, titleImplantation)
	view.Section = "implantation"
	view.Form = p.newImplantationForm(r, f)
	view.Form.SetMistakes(mistakes)
	view.Errors = mistakes
	p.renderForm(w, "form.html", view)
}

// checkAnswers shows what was typed before it becomes final.
func (p *Portal) checkAnswers(w http.ResponseWriter, r *http.Request, f forms.Implantation) {
	request := f.ToRequest("Final", f.Get("key"))
	if mistakes := f.FindMistakes(request, platformToday(p), p.requestLanguage(r)); len(mistakes) > 0 {
		p.reviewImplantation(w, r, f, mistakes)
		return
	}
	view := p.newPage(r, titleCheckAnswers)
	view.Section = "implantation"
	view.Form = p.newImplantationForm(r, f)
	view.Form.Buttons = []forms.Button{
		{Name: "action", Value: "confirm", Label: confirmForm.Translate(view.Lang)},
		{Name: "action", Value: "change", Label: changeForm.Translate(view.Lang), IsSecondary: true},
	}
	p.renderPage(w, http.StatusOK, "check.html", view)
}

// notifyImplant signs and submits the notification. Sending the same form twice gives the same notification.
func (p *Portal) notifyImplant(w http.ResponseWriter, r *http.Request, f forms.Implantation, save string) {
	request := f.ToRequest(save, f.Get("key"))
	if mistakes := f.FindMistakes(request, platformToday(p), p.requestLanguage(r)); len(mistakes) > 0 && save != "Draft" {
		p.reviewImplantation(w, r, f, mistakes)
		return
	}
	receipt, err := p.sendImplantation(r, request)
	if err != nil {
		if refusal := problem.From(err); errors.Is(err, problem.RuleViolated) {
			p.reviewImplantation(w, r, f, forms.DescribeMistakes(refusal, p.requestLanguage(r)))
			return
		}
		p.showFailure(w, r, err)
		return
	}
	p.showReceipt(w, r, receipt, nil)
}

func (p *Portal) sendImplantation(r *http.Request, request *ctr.NotifyImplantRequest) (implants.Receipt, error) {
	caller, err := signAndIdentify(p, r, "NotifyImplant", &request.Header, request)
	if err != nil {
		return implants.Receipt{}, err
	}
	submission, content := request.ToDomain()
	return p.Registrar.NotifyImplant(r.Context(), caller, submission, content)
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
	d := found.Devices[0]
	view := &forms.Device{
		Name: d.Name, Manufacturer: d.Manufacturer, Reference: d.Reference, Distributor: d.Distributor,
		Classification: d.Classification,
	}
	switch d.Status {
	case implants.DeviceDeleted:
		view.Warning = deviceDeleted.Translate(p.requestLanguage(r))
	case implants.DeviceRecalled:
		view.Warning = deviceRecalled.Translate(p.requestLanguage(r))
	case implants.DeviceActive:
	}
	return view
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
