package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// maxImplants is the limit of the contract.
const maxImplants = 50

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
		"person", "role",
	} {
		labels[name] = texts.Declare(texts.Key("portal.label_" + strings.ReplaceAll(name, "-", "_")))
	}
	for _, name := range []string{"person", "patient", "date", "udi", "code", "number"} {
		hints[name] = texts.Declare(texts.Key("portal.hint_" + name))
	}
}

// fieldSpec describes a field of the form of an implantation.
type fieldSpec struct {
	name, hint, kind, width string
	isOptional, isNumeric   bool
}

var operationFields = []fieldSpec{
	{name: "specialist", hint: "person", width: "w15", isNumeric: true},
	{name: "operation-date", hint: "date", width: "w10", isNumeric: true},
	{name: "patient", hint: "patient", width: "w15", isNumeric: true},
	{name: "prescriber", hint: "person", width: "w15", isNumeric: true},
	{name: "prescription-date", hint: "date", width: "w10", isNumeric: true},
	{name: "comment", kind: "textarea", isOptional: true},
}

var implantFields = []fieldSpec{
	{name: "code", hint: "code", width: "w15", isNumeric: true, isOptional: true},
	{name: "udi", hint: "udi", isOptional: true},
	{name: "lot", width: "w15", isOptional: true},
	{name: "serial", width: "w15", isOptional: true},
	{name: "expiry", hint: "date", width: "w10", isOptional: true, isNumeric: true},
	{name: "pharmacist", hint: "person", width: "w15", isOptional: true, isNumeric: true},
	{name: "pharmacy", width: "w15", isOptional: true, isNumeric: true},
	{name: "delivery-date", hint: "date", width: "w10", isOptional: true, isNumeric: true},
	{name: "quantity", width: "w5", isNumeric: true},
	{name: "location", isOptional: true},
	{name: "side", kind: "select", width: "w15", isOptional: true},
}

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
	quantityMissing  = texts.Declare("portal.quantity_missing")
	valueMissing     = texts.Declare1[string]("portal.value_missing", "field")
	sides            = map[string]texts.Text{
		"Left": texts.Declare("portal.side_left"), "Right": texts.Declare("portal.side_right"),
		"Bilateral": texts.Declare("portal.side_bilateral"), "None": texts.Declare("portal.side_none"),
	}
)

// implantationForm is a submitted form.
type implantationForm struct {
	values url.Values
	count  int // of implants
}

func readImplantationForm(values url.Values) implantationForm {
	count, _ := strconv.Atoi(values.Get("implants")) // 0 if it is no number
	return implantationForm{values, min(max(count, 1), maxImplants)}
}

func (f implantationForm) trimmedValue(name string) string {
	return strings.TrimSpace(f.values.Get(name))
}

func implantField(index int, name string) string {
	return "implant-" + strconv.Itoa(index+1) + "-" + name
}

// removeImplant removes an implant and moves the later ones forward.
func (f *implantationForm) removeImplant(index int) {
	for i := index; i < f.count-1; i++ {
		for _, spec := range implantFields {
			f.values.Set(implantField(i, spec.name), f.values.Get(implantField(i+1, spec.name)))
		}
	}
	for _, spec := range implantFields {
		f.values.Del(implantField(f.count-1, spec.name))
	}
	f.count = max(f.count-1, 1)
}

// fillFromUDI fills in lot, serial number and expiry date from a UDI, where they are empty.
func (f *implantationForm) fillFromUDI() {
	for i := range f.count {
		read, _ := udi.Parse(f.trimmedValue(implantField(i, "udi"))) // what it does not understand stays empty
		for name, value := range map[string]string{
			"lot": read.Lot, "serial": read.Serial, "expiry": formatDate(read.Expiry.String()),
		} {
			if field := implantField(i, name); f.trimmedValue(field) == "" && value != "" {
				f.values.Set(field, value)
			}
		}
	}
}

// toRequest converts the form to the request of the contract, as a hospital's software would send it.
func (f implantationForm) toRequest(save, key string) *ctr.NotifyImplantRequest {
	content := ctr.Implantation{
		Specialist:    parseProfessional(f.trimmedValue("specialist")),
		OperationDate: parseDate(f.trimmedValue("operation-date")), Patient: stripPunctuation(f.trimmedValue("patient")),
		Prescriber:       parseProfessional(f.trimmedValue("prescriber")),
		PrescriptionDate: parseDate(f.trimmedValue("prescription-date")), Comment: f.trimmedValue("comment"),
	}
	for i := range f.count {
		get := func(name string) string { return f.trimmedValue(implantField(i, name)) }
		quantity, _ := strconv.Atoi(get("quantity")) // 0 is refused
		implant := ctr.NotifiedImplant{
			NotificationCode: stripPunctuation(get("code")), UDI: get("udi"), LotNumber: get("lot"), SerialNumber: get("serial"),
			ExpiryDate: parseDate(get("expiry")), DeliveryDate: parseDate(get("delivery-date")), Quantity: quantity,
			Location: get("location"), Side: get("side"),
		}
		if pharmacist := get("pharmacist"); pharmacist != "" {
			person := parseProfessional(pharmacist)
			implant.Pharmacist = &person
		}
		if pharmacy := stripPunctuation(get("pharmacy")); pharmacy != "" {
			implant.Pharmacy = &ctr.Pharmacy{NIHII: pharmacy}
			if len(pharmacy) == 10 { // the length of a CBE number
				implant.Pharmacy = &ctr.Pharmacy{CBE: pharmacy}
			}
		}
		content.Implant = append(content.Implant, implant)
	}
	return &ctr.NotifyImplantRequest{
		InputReference: key, Save: save, Implantation: content,
	}
}

// parseProfessional reads the number of a professional: 11 digits are a national number if its check digits are right,
// and otherwise a NIHII number.
func parseProfessional(typed string) ctr.Professional {
	digits := stripPunctuation(typed)
	if _, err := ident.ParseSSIN(digits); err == nil {
		return ctr.Professional{SSIN: digits}
	}
	return ctr.Professional{NIHII: digits}
}

// stripPunctuation removes what people type between the digits of a number.
func stripPunctuation(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-/\u00a0", r) {
			return -1
		}
		return r
	}, typed)
}

// findMistakes returns what the form lacks, and the rules of the register that its content alone breaks.
func (f implantationForm) findMistakes(request *ctr.NotifyImplantRequest, today ident.Date, l texts.Lang) []fieldError {
	all := findMissing(operationFields, f.trimmedValue, l)
	for i := range f.count {
		if n, err := strconv.Atoi(f.trimmedValue(implantField(i, "quantity"))); err != nil || !implants.IsQuantityInRange(n) {
			all = append(all, fieldError{implantField(i, "quantity"), quantityMissing.Translate(l)})
		}
	}
	submission, content := request.ToDomain()
	for _, e := range append(submission.Defects, implants.CheckContent(content, today)...) {
		name := fieldOfPath(e.Path)
		if !slices.ContainsFunc(all, func(known fieldError) bool { return known.Field == name }) {
			all = append(all, fieldError{name, describeProblem(e, l)})
		}
	}
	return all
}

// domainFields are the fields of the form by the names of the domain.
var domainFields = map[string]string{
	"Specialist": "specialist", "SurgeryDate": "operation-date", "Patient": "patient", "Prescriber": "prescriber",
	"PrescriptionDate": "prescription-date", "Comment": "comment", "Code": "code", "UDI": "udi", "Lot": "lot",
	"Serial": "serial", "Expiry": "expiry", "Pharmacist": "pharmacist", "Pharmacy": "pharmacy",
	"DeliveryDate": "delivery-date", "Quantity": "quantity", "Location": "location", "Side": "side",
}

// fieldOfPath returns the field of a path of the domain, such as Implantation.Implants[2].Lot, or the empty string.
func fieldOfPath(path string) string {
	parts := strings.Split(path, ".")
	if len(parts) < 2 {
		return ""
	}
	list, rest, isItem := strings.Cut(parts[1], "[")
	if !isItem || list != "Implants" || len(parts) < 3 {
		return domainFields[parts[1]]
	}
	name := domainFields[parts[2]]
	if name == "" {
		return ""
	}
	return "implant-" + strings.TrimSuffix(rest, "]") + "-" + name
}

// findMissing returns the fields that must be filled in and are empty.
func findMissing(specs []fieldSpec, value func(name string) string, l texts.Lang) []fieldError {
	var all []fieldError
	for _, spec := range specs {
		if !spec.isOptional && strings.TrimSpace(value(spec.name)) == "" {
			all = append(all, fieldError{spec.name, valueMissing.With(labels[spec.name].Translate(l)).Translate(l)})
		}
	}
	return all
}

// newFields returns fields with their values.
func newFields(l texts.Lang, specs []fieldSpec, value func(name string) string, prefix string) []field {
	fields := make([]field, len(specs))
	for i, spec := range specs {
		fields[i] = field{
			Name: prefix + spec.name, Label: labels[spec.name].Translate(l), Hint: hints[spec.hint].Translate(l),
			Value: value(prefix + spec.name), Kind: cmp.Or(spec.kind, "text"), Width: spec.width, IsOptional: spec.isOptional,
			IsNumeric: spec.isNumeric,
		}
		if spec.name == "side" {
			fields[i].Options = newSideOptions(l, fields[i].Value)
		}
		if spec.name == "role" {
			fields[i].Options = newRoleOptions(l, fields[i].Value)
		}
		if spec.name == "code" {
			fields[i].LookUp = "/portal/devices"
		}
	}
	return fields
}

func newSideOptions(l texts.Lang, selected string) []option {
	all := []option{{}}
	for _, side := range []string{"Left", "Right", "Bilateral", "None"} {
		all = append(all, option{side, sides[side].Translate(l), side == selected})
	}
	return all
}

// newImplantationForm returns the form as it is shown.
func (p *Portal) newImplantationForm(r *http.Request, f implantationForm) *formView {
	l := p.requestLanguage(r)
	form := &formView{
		Action: "/portal/implantations/new", Author: p.authorMark(r.Context()), Key: cmp.Or(f.trimmedValue("key"), p.NewID()),
		Hidden: []hiddenField{{"implants", strconv.Itoa(f.count)}},
	}
	form.Sections = append(form.Sections, formSection{
		Title: operationSection.Translate(l), Fields: newFields(l, operationFields, f.trimmedValue, ""),
	})
	for i := range f.count {
		section := formSection{
			Title:  implantSection.With(i + 1).Translate(l),
			Fields: newFields(l, implantFields, f.trimmedValue, "implant-"+strconv.Itoa(i+1)+"-"),
			Device: p.describeDevice(r, f.trimmedValue(implantField(i, "code"))),
		}
		if f.count > 1 {
			section.Remove = &button{
				Name: "remove", Value: strconv.Itoa(i), Label: removeImplant.Translate(l), IsSecondary: true,
			}
		}
		form.Sections = append(form.Sections, section)
	}
	form.Buttons = []button{{Name: "action", Value: "continue", Label: continueForm.Translate(l)}}
	if p.sessions.GetString(r.Context(), sessionCapacity) == capacityStaff {
		form.Buttons[0] = button{Name: "action", Value: "submit", Label: submitForm.Translate(l)}
	}
	form.Buttons = append(form.Buttons,
		button{Name: "action", Value: "draft", Label: saveDraft.Translate(l), IsSecondary: true},
		button{Name: "action", Value: "add", Label: addImplant.Translate(l), IsSecondary: true})
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
	view.Form = p.newImplantationForm(r, readImplantationForm(values))
	p.renderPage(w, http.StatusOK, "form.html", view)
}

// submitImplantation handles every button of the form.
func (p *Portal) submitImplantation(w http.ResponseWriter, r *http.Request) {
	if !p.receiveForm(w, r) {
		return
	}
	f := readImplantationForm(r.PostForm)
	f.fillFromUDI()
	if remove, err := strconv.Atoi(r.PostFormValue("remove")); err == nil && remove >= 0 && remove < f.count {
		f.removeImplant(remove)
		p.reviewImplantation(w, r, f, nil)
		return
	}
	switch r.PostFormValue("action") {
	case "add":
		f.count = min(f.count+1, maxImplants)
		f.values.Set(implantField(f.count-1, "quantity"), "1")
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
func (p *Portal) reviewImplantation(w http.ResponseWriter, r *http.Request, f implantationForm, mistakes []fieldError) {
	view := p.newPage(r, titleImplantation)
	view.Section = "implantation"
	view.Form = p.newImplantationForm(r, f)
	view.Form.setErrors(mistakes)
	view.Errors = mistakes
	p.renderForm(w, "form.html", view)
}

// checkAnswers shows what was typed before it becomes final.
func (p *Portal) checkAnswers(w http.ResponseWriter, r *http.Request, f implantationForm) {
	request := f.toRequest("Final", f.trimmedValue("key"))
	if mistakes := f.findMistakes(request, platformToday(p), p.requestLanguage(r)); len(mistakes) > 0 {
		p.reviewImplantation(w, r, f, mistakes)
		return
	}
	view := p.newPage(r, titleCheckAnswers)
	view.Section = "implantation"
	view.Form = p.newImplantationForm(r, f)
	view.Form.Buttons = []button{
		{Name: "action", Value: "confirm", Label: confirmForm.Translate(view.Lang)},
		{Name: "action", Value: "change", Label: changeForm.Translate(view.Lang), IsSecondary: true},
	}
	p.renderPage(w, http.StatusOK, "check.html", view)
}

// notifyImplant signs and submits the notification. Sending the same form twice gives the same notification.
func (p *Portal) notifyImplant(w http.ResponseWriter, r *http.Request, f implantationForm, save string) {
	request := f.toRequest(save, f.trimmedValue("key"))
	if mistakes := f.findMistakes(request, platformToday(p), p.requestLanguage(r)); len(mistakes) > 0 && save != "Draft" {
		p.reviewImplantation(w, r, f, mistakes)
		return
	}
	receipt, err := p.sendImplantation(r, request)
	if err != nil {
		if refusal := problem.From(err); errors.Is(err, problem.RuleViolated) {
			p.reviewImplantation(w, r, f, describeMistakes(refusal, p.requestLanguage(r)))
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

func describeMistakes(refusal *problem.Error, l texts.Lang) []fieldError {
	var all []fieldError
	for _, e := range refusal.All() {
		all = append(all, fieldError{fieldOfPath(e.Path), describeProblem(e, l)})
	}
	return all
}

func platformToday(p *Portal) ident.Date { return ident.DateOf(p.Now().In(p.Location)) }

// deviceView describes a device of the list below its code.
type deviceView struct {
	Name, Manufacturer, Reference, Distributor, Classification string
	Warning                                                    string
}

var (
	deviceDeleted  = texts.Declare("portal.device_deleted")
	deviceRecalled = texts.Declare("portal.device_recalled")
)

// describeDevice looks a code up in the device list; nil for one that is not there.
func (p *Portal) describeDevice(r *http.Request, typed string) *deviceView {
	code, err := ident.ParseNotificationCode(stripPunctuation(typed))
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
	view := &deviceView{
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
