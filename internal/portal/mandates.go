package portal

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var (
	titleMandates    = texts.Declare("portal.mandates")
	mandatesPersonal = texts.Declare("portal.mandates_personal")
	newMandate       = texts.Declare("portal.mandate_new")
	grantMandate     = texts.Declare("portal.mandate_grant")
	mandateGiven     = texts.Declare("portal.mandate_given")
	mandateReceived  = texts.Declare("portal.mandate_received")
	mandateStates    = map[platform.MandateState]texts.Text{
		platform.MandatePending: texts.Declare("portal.right_pending"),
		platform.MandateFuture:  rightFuture,
		platform.MandateActive:  rightActive,
		platform.MandateEnded:   rightEnded,
	}
	rightFuture = texts.Declare("portal.right_future")
	rightActive = texts.Declare("portal.right_active")
	rightEnded  = texts.Declare("portal.right_ended")
)

// whenPersonal wraps a page that people use in their own name only.
func (p *Portal) whenPersonal(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.currentOrganisation(r.Context()).IsZero() {
			p.showError(w, r, http.StatusForbidden, mandatesPersonal)
			return
		}
		next(w, r)
	}
}

// showMandates shows the mandates that the person gave and received.
func (p *Portal) showMandates(w http.ResponseWriter, r *http.Request) {
	values := p.takeKeptForm(r.Context())
	p.renderMandates(w, r, values, nil, values != nil)
}

// changeMandate grants a mandate, or accepts, transfers or ends one of the list.
func (p *Portal) changeMandate(w http.ResponseWriter, r *http.Request) {
	if !p.receiveForm(w, r) {
		return
	}
	request := &ctr.ManageMandateRequest{Change: newMandateChange(r.PostForm)}
	if request.Change == (ctr.MandateChange{}) {
		p.showError(w, r, http.StatusBadRequest, formUnreadable)
		return
	}
	lang := p.requestLanguage(r)
	mistakes := findRightMistakes(r.PostForm, request.ToDomain().Defects, lang)
	if request.Change.Transfer != nil {
		for _, missing := range forms.FindMissing(successorFields, r.PostForm.Get, lang) {
			mistakes = append(mistakes, forms.Mistake{Text: missing.Text}) // each row of the list has this field
		}
	}
	if len(mistakes) > 0 {
		p.renderMandates(w, r, r.PostForm, mistakes, false)
		return
	}
	caller, err := signAndIdentify(p, r, "ManageMandate", &request.Header, request)
	if err == nil {
		_, err = p.Registrar.ManageMandate(r.Context(), caller, request.ToDomain())
	}
	p.finishAccess(w, r, err, func(mistakes []forms.Mistake) { p.renderMandates(w, r, r.PostForm, mistakes, false) })
}

// successorFields are the fields of the form that transfers a mandate.
var successorFields = []forms.Spec{{Name: "successor", Width: "w15", IsNumeric: true}}

// newMandateChange returns the change that a button of the page stands for; zero for none.
func newMandateChange(values url.Values) ctr.MandateChange {
	person := readNumber(values, "person")
	switch values.Get("action") {
	case "grant":
		return ctr.MandateChange{Grant: &ctr.MandateGrant{
			Grantee: person, From: forms.ParseDate(strings.TrimSpace(values.Get("from"))),
			To: forms.ParseDate(strings.TrimSpace(values.Get("to"))),
		}}
	case "accept":
		return ctr.MandateChange{Accept: &ctr.MandateAcceptance{Grantor: person}}
	case "transfer":
		return ctr.MandateChange{Transfer: &ctr.MandateTransfer{Grantee: person, To: readNumber(values, "successor")}}
	case "end-given":
		return ctr.MandateChange{End: &ctr.MandateEnd{Grantee: person}}
	case "end-received":
		return ctr.MandateChange{End: &ctr.MandateEnd{Grantor: person}}
	}
	return ctr.MandateChange{}
}

func (p *Portal) renderMandates(
	w http.ResponseWriter, r *http.Request, values url.Values, mistakes []forms.Mistake, isResumed bool,
) {
	view := p.newPage(r, titleMandates)
	caller, err := p.identifyReader(r.Context(), "ListMandates")
	var found access.ListMandatesResult
	page := readPage(r)
	if err == nil {
		found, err = p.Registrar.ListMandates(r.Context(), caller, page)
	}
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	view.Section, view.Errors, view.Resumed = "mandates", mistakes, isResumed
	content := accessView{
		pagingView: newPaging(r, found.Total, page.Offset, len(found.Mandates)), Saved: r.URL.Query().Get("saved") != "",
		CanGive: caller.CapacityOn(platformToday(p)) == platform.CapacityDoctor,
	}
	for i := range found.Mandates {
		row := newMandateRow(&found.Mandates[i], caller, view.Lang)
		row.CanTransfer = content.CanGive && row.EndAction == "end-given"
		content.Rows = append(content.Rows, row)
	}
	view.Content = content
	if values.Get("action") != "grant" {
		values = nil // what a button of the list sent is not for the form
	}
	view.Form = &forms.Form{
		Action: "/portal/access/mandates", Author: p.authorMark(r.Context()),
		Sections: []forms.Section{{
			Title: newMandate.Translate(view.Lang), Fields: forms.NewFields(view.Lang, forms.RightFields, values.Get, ""),
		}},
		Buttons: []forms.Button{{Name: "action", Value: "grant", Label: grantMandate.Translate(view.Lang)}},
	}
	view.Form.SetMistakes(mistakes)
	p.renderForm(w, "mandates.html", view)
}

func newMandateRow(m *access.MandateDetail, c platform.Caller, l texts.Lang) rightView {
	row := rightView{
		Number: m.Grantee.Digits(), Kind: mandateGiven.Translate(l), EndAction: "end-given",
		From: forms.FormatDate(m.From.String()), To: formatLastDay(m.To.String(), l),
		State: mandateStates[m.State].Translate(l),
	}
	if m.Grantee == c.Person() {
		row.Number, row.Kind, row.EndAction = m.Grantor.Digits(), mandateReceived.Translate(l), "end-received"
		row.CanAccept = m.State == platform.MandatePending
	}
	if m.State == platform.MandateEnded {
		row.EndAction = ""
	}
	row.Person = forms.FormatSSIN(row.Number)
	return row
}
