package portal

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/portal/operatorpages"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// pageSize is how many rows a list shows at once.
const pageSize = 20

// rowView is a line of a list of notifications.
type rowView struct {
	URL, Number, Patient, Date, Type, State string
	EditURL                                 string // empty for those who may not change it
	IsOwn                                   bool
	Implants                                int
}

// Name names the notification for those who do not see the table.
func (row rowView) Name() string { return cmp.Or(row.Number, row.Patient+", "+row.Date) }

// listView is a page of a list.
type listView struct {
	pagingView

	Rows        []rowView
	HasSearched bool
	By          string
}

// pagingView says which part of a list a page shows.
type pagingView struct {
	PreviousURL, NextURL string
	First, Last, Total   int
}

// newPaging describes the part of a list that begins at an offset.
func newPaging(r *http.Request, total, offset, count int) pagingView {
	view := pagingView{First: offset + 1, Last: offset + count, Total: total}
	at := func(offset int) string {
		query := r.URL.Query()
		query.Set("offset", strconv.Itoa(max(0, offset)))
		return "?" + query.Encode()
	}
	if offset > 0 {
		view.PreviousURL = at(offset - pageSize)
	}
	if view.Last < total {
		view.NextURL = at(offset + pageSize)
	}
	return view
}

// readPage returns the part of a list that a request asks for.
func readPage(r *http.Request) platform.Page {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset")) // 0 if it is no number
	return platform.Page{Offset: max(0, offset), Limit: pageSize}
}

var (
	surgeryTypes = map[implants.SurgeryType]texts.Text{
		implants.TypeImplantation: texts.Declare("portal.type_implantation"),
		implants.TypeExplantation: texts.Declare("portal.type_explantation"),
	}
	states = map[implants.State]texts.Text{
		implants.Draft: texts.Declare("portal.state_draft"), implants.ToValidate: texts.Declare("portal.state_to_validate"),
		implants.Final: texts.Declare("portal.state_final"), implants.Withdrawn: texts.Declare("portal.state_withdrawn"),
	}
	changes = map[implants.Change]texts.Text{
		implants.ChangeSaved:     texts.Declare("portal.change_saved"),
		implants.ChangeSubmitted: texts.Declare("portal.change_submitted"),
		implants.ChangeNotified:  texts.Declare("portal.change_notified"),
		implants.ChangeRevised:   texts.Declare("portal.change_revised"),
		implants.ChangeDiscarded: texts.Declare("portal.change_discarded"),
		implants.ChangeWithdrawn: texts.Declare("portal.change_withdrawn"),
	}
)

func newRow(n *implants.NotificationSummary, user *userView, l texts.Lang) rowView {
	row := rowView{
		URL: notificationURL(n.Number, n.Reference), Number: n.Number.Digits(), Patient: forms.FormatSSIN(n.Patient.Digits()),
		Date: forms.FormatDate(n.SurgeryDate.String()), Type: surgeryTypes[n.Type].Translate(l),
		State: states[n.State].Translate(l), IsOwn: n.Own, Implants: n.ImplantCount,
	}
	if canEdit(user, n.State, n.Own) {
		row.EditURL = row.URL + "/edit"
	}
	return row
}

// welcomeView holds what waits for the person.
type welcomeView struct{ Drafts, ToValidate *listView }

func (p *Portal) showWelcome(w http.ResponseWriter, r *http.Request) {
	if p.currentPerson(r.Context()).IsZero() {
		p.renderPage(w, http.StatusOK, "about.html", p.newPage(r, titleAbout))
		return
	}
	p.whenSignedIn(func(w http.ResponseWriter, r *http.Request) {
		view := p.newPage(r, titleWelcome)
		view.Section = "welcome"
		if view.User.IsOperator {
			http.Redirect(w, r, operatorpages.Prefix, http.StatusSeeOther)
			return
		}
		if !view.User.Notifies {
			http.Redirect(w, r, "/portal/me", http.StatusSeeOther)
			return
		}
		var content welcomeView
		var err error
		if content.Drafts, err = p.listPending(r, view, implants.Draft); err == nil {
			content.ToValidate, err = p.listPending(r, view, implants.ToValidate)
		}
		if err != nil {
			p.showFailure(w, r, err)
			return
		}
		view.Content = content
		p.renderPage(w, http.StatusOK, "welcome.html", view)
	})(w, r)
}

func (p *Portal) listPending(r *http.Request, view *page, state implants.State) (*listView, error) {
	caller, err := p.identifyReader(r.Context(), "ListPendingNotifications")
	if err != nil {
		return nil, err
	}
	found, err := p.Registrar.ListPendingNotifications(r.Context(), caller, implants.ListPendingRequest{
		Page: platform.Page{Limit: pageSize}, State: state,
	})
	if err != nil {
		return nil, err
	}
	return newList(r, found, 0, view), nil
}

func newList(r *http.Request, found implants.SearchResult, offset int, view *page) *listView {
	list := &listView{
		pagingView: newPaging(r, found.Total, offset, len(found.Notifications)), HasSearched: true,
	}
	for i := range found.Notifications {
		list.Rows = append(list.Rows, newRow(&found.Notifications[i], view.User, view.Lang))
	}
	return list
}

// showSearch serves the three searches of the manual.
func (p *Portal) showSearch(w http.ResponseWriter, r *http.Request) {
	by := r.PathValue("by")
	specs := map[string][]forms.Spec{
		"patient": {
			{Name: "patient", Hint: "patient", Width: "w15", IsNumeric: true},
			{Name: "from", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
			{Name: "to", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
		},
		"notification": {{Name: "number", Hint: "number", Width: "w15", IsNumeric: true}},
		"implant": {
			{Name: "code", Hint: "code", Width: "w15", IsOptional: true, IsNumeric: true, LookUp: "/portal/devices"},
			{Name: "udi", Hint: "udi", IsOptional: true},
			{Name: "lot", Width: "w15", IsOptional: true}, {Name: "serial", Width: "w15", IsOptional: true},
			{Name: "from", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
			{Name: "to", Hint: "date", Width: "w10", IsOptional: true, IsNumeric: true},
		},
	}[by]
	if specs == nil {
		p.showError(w, r, http.StatusNotFound, pageNotFound)
		return
	}
	view := p.newPage(r, searchTitles[by])
	view.Section = "search"
	query := r.URL.Query()
	view.Form = &forms.Form{
		Action:   r.URL.Path,
		Sections: []forms.Section{{Fields: forms.NewFields(view.Lang, specs, query.Get, "")}},
		Buttons:  []forms.Button{{Label: searchButton.Translate(view.Lang), Name: "search", Value: "1"}},
	}
	content := &listView{By: by}
	status := http.StatusOK
	if query.Get("search") != "" {
		var err error
		if content, err = p.runSearch(r, view, by); err != nil {
			content = &listView{By: by}
			view.Errors = forms.DescribeMistakes(problem.From(err), view.Lang)
			status = http.StatusUnprocessableEntity
			if problem.From(err).Kind == problem.Internal {
				p.showFailure(w, r, err)
				return
			}
		}
		content.By = by
		view.Form.SetMistakes(view.Errors)
	}
	view.Content = content
	p.renderPage(w, status, "search.html", view)
}

var searchButton = texts.Declare("portal.search")

func (p *Portal) runSearch(r *http.Request, view *page, by string) (*listView, error) {
	query := r.URL.Query()
	request := implants.SearchRequest{Page: readPage(r)}
	var refused []*problem.Error
	keep := func(path string, err error) {
		if err != nil {
			refused = append(refused, problem.From(err).WithPath(path))
		}
	}
	var err error
	if from := query.Get("from"); from != "" {
		request.From, err = ident.ParseDate(forms.ParseDate(from))
		keep("Search.From", err)
	}
	if to := query.Get("to"); to != "" {
		request.To, err = ident.ParseDate(forms.ParseDate(to))
		keep("Search.To", err)
	}
	switch by {
	case "patient":
		request.Patient, err = ident.ParseSSIN(forms.StripPunctuation(query.Get("patient")))
		keep("Search.Patient", err)
	case "notification":
		request.Number, err = ident.ParseNotificationNumber(forms.StripPunctuation(query.Get("number")))
		keep("Search.Number", err)
	case "implant":
		request.Implant = &implants.ImplantCriteria{
			UDI: query.Get("udi"), Lot: strings.TrimSpace(query.Get("lot")), Serial: strings.TrimSpace(query.Get("serial")),
		}
		if code := forms.StripPunctuation(query.Get("code")); code != "" || request.Implant.UDI == "" {
			request.Implant.Code, err = ident.ParseNotificationCode(code)
			keep("Search.Code", err)
		}
		if request.Implant.UDI != "" {
			_, err = udi.Parse(request.Implant.UDI)
			keep("Search.UDI", err)
		}
	}
	if err = problem.List(platform.RulesViolated, refused); err != nil {
		return nil, err
	}
	caller, err := p.identifyReader(r.Context(), "Search")
	if err != nil {
		return nil, err
	}
	found, err := p.Registrar.Search(r.Context(), caller, request)
	if err != nil {
		return nil, err
	}
	return newList(r, found, request.Offset, view), nil
}

// notificationView is a notification in full.
type notificationView struct {
	Number, Reference, State, Type string
	Pairs                          []pairView
	Implants                       []implantView
	History                        []historyView
	Warnings                       []string
	CardURL                        string
	EditURL                        string // empty for those who may not change it
	Saved                          bool
	IsFinal                        bool
	IsRevised                      bool
	Version                        int
	CanValidate                    bool
	CanDiscard                     bool
	CanWithdraw                    bool
}

type pairView struct{ Label, Value string }

type implantView struct {
	Name, Manufacturer, Code, UDI, Lot, Serial, Expiry, Location, Side, Date string
	Quantity, Remaining                                                      int
	IsRecalled                                                               bool
}

type historyView struct{ Version, Date, Change, By, Reason string }

// showNotification shows the notification that the path names.
func (p *Portal) showNotification(w http.ResponseWriter, r *http.Request) {
	ref, err := readNotificationRef(r)
	if err != nil {
		p.showError(w, r, http.StatusNotFound, pageNotFound)
		return
	}
	n, err := p.loadNotification(r, ref)
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	view := p.newPage(r, titleNotification)
	content := newNotificationView(&n, view.Lang)
	content.Saved = r.URL.Query().Get("saved") != ""
	isOwn := n.Specialist.SSIN == p.currentPerson(r.Context()) && view.User.IsDoctor
	if canEdit(view.User, n.State, isOwn) {
		content.EditURL = notificationURL(n.Number, n.Reference) + "/edit"
	}
	isPending := n.State == implants.Draft || n.State == implants.ToValidate
	content.CanValidate, content.CanWithdraw = isOwn && isPending, isOwn && n.State == implants.Final
	content.CanDiscard = isPending && view.User.Notifies
	if content.Number != "" {
		view.Title += " " + content.Number
	}
	view.Content = content
	p.renderPage(w, http.StatusOK, "notification.html", view)
}

func (p *Portal) loadNotification(r *http.Request, ref implants.NotificationRef) (implants.NotificationDetail, error) {
	caller, err := p.identifyReader(r.Context(), "GetNotification")
	if err != nil {
		return implants.NotificationDetail{}, err
	}
	return p.Registrar.GetNotification(r.Context(), caller, implants.NotificationRequest{Notification: ref})
}

func newNotificationView(n *implants.NotificationDetail, l texts.Lang) *notificationView {
	v := &notificationView{
		Number: n.Number.Digits(), Reference: n.Reference, State: states[n.State].Translate(l),
		Type: surgeryTypes[n.Type].Translate(l), IsFinal: n.State == implants.Final, Version: n.Version,
		IsRevised: n.Change == implants.ChangeRevised,
	}
	add := func(name, value string) {
		if value != "" {
			v.Pairs = append(v.Pairs, pairView{forms.Label(name, l), value})
		}
	}
	add("operation-date", forms.FormatDate(n.SurgeryDate.String()))
	add("patient", forms.FormatSSIN(n.Patient.Digits()))
	add("specialist", forms.FormatProfessional(n.Specialist))
	add("prescriber", forms.FormatProfessional(n.Prescriber))
	add("prescription-date", forms.FormatDate(n.PrescriptionDate.String()))
	add("comment", n.Comment)
	all := n.Implants
	if n.Type == implants.TypeExplantation {
		all = n.AffectedImplants
	}
	for i := range all {
		v.Implants = append(v.Implants, newImplantView(&all[i], l))
	}
	for _, h := range n.History {
		v.History = append(v.History, historyView{
			strconv.Itoa(h.Version), h.RegisteredAt.Format("02/01/2006 15:04"), changes[h.Change].Translate(l),
			forms.FormatSSIN(h.Author.Digits()), h.ChangeReason,
		})
	}
	for _, warning := range n.Warnings {
		v.Warnings = append(v.Warnings, forms.DescribeProblem(problem.New(warning.Code, warning.Detail), l))
	}
	if v.IsFinal {
		v.CardURL = notificationURL(n.Number, n.Reference) + "/card.pdf"
	}
	return v
}

func newImplantView(i *implants.Implant, l texts.Lang) implantView {
	v := implantView{
		Code: i.Code.Digits(), UDI: i.UDI, Lot: i.Lot, Serial: i.Serial, Expiry: forms.FormatDate(i.Expiry.String()),
		Location: i.Location, Side: forms.SideName(string(i.Side), l), Quantity: i.Quantity, Remaining: i.Remaining,
		Date: forms.FormatDate(i.SurgeryDate.String()),
	}
	if i.Device != nil {
		v.Name, v.Manufacturer = i.Device.Name, i.Device.Manufacturer
		v.IsRecalled = i.Device.Status == implants.DeviceRecalled
	}
	return v
}

// serveCard serves the implant card of a notification.
func (p *Portal) serveCard(w http.ResponseWriter, r *http.Request) {
	number, err := ident.ParseNotificationNumber(r.PathValue("number"))
	if err != nil || r.PathValue("pdf") != "card.pdf" {
		p.showError(w, r, http.StatusNotFound, pageNotFound)
		return
	}
	p.writeCard(w, r, implants.CardRequest{Number: number})
}

func (p *Portal) serveOwnCard(w http.ResponseWriter, r *http.Request) {
	p.writeCard(w, r, implants.CardRequest{Patient: p.currentPerson(r.Context())})
}

func (p *Portal) writeCard(w http.ResponseWriter, r *http.Request, request implants.CardRequest) {
	caller, err := p.identifyReader(r.Context(), "GetImplantCard")
	var content implants.CardContent
	if err == nil {
		content, err = p.Registrar.GetImplantCard(r.Context(), caller, request)
	}
	var pdf []byte
	if err == nil {
		pdf, err = p.RenderCard(r.Context(), content)
	}
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", `inline; filename="`+card.FileName(content)+`"`)
	_, _ = w.Write(pdf)
}

// ownView is what a patient carries.
type ownView struct {
	Implants []implantView
	HasCard  bool
}

// showOwnImplants shows people what they carry, in words for patients.
func (p *Portal) showOwnImplants(w http.ResponseWriter, r *http.Request) {
	person := p.currentPerson(r.Context())
	caller, err := p.identifyOwner(r.Context(), "ListPatientImplants")
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	found, err := p.Registrar.ListPatientImplants(r.Context(), caller, implants.ListImplantsRequest{
		Page: platform.Page{Limit: maxListed}, Patient: person,
	})
	if err != nil && !errors.Is(err, problem.NotFound) {
		p.showFailure(w, r, err)
		return
	}
	view := p.newPage(r, titleOwnImplants)
	view.Section = "me"
	content := ownView{HasCard: found.Total > 0}
	for i := range found.Implants {
		if found.Implants[i].Remaining > 0 {
			content.Implants = append(content.Implants, newImplantView(&found.Implants[i], view.Lang))
		}
	}
	view.Content = content
	p.renderPage(w, http.StatusOK, "me.html", view)
}

// maxListed bounds a patient's own list; the contract's pages have at most 100 entries.
const maxListed = 100
