package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

var (
	titleStaff = texts.Declare("portal.roles")
	newRole    = texts.Declare("portal.role_new")
	assignRole = texts.Declare("portal.role_assign")
	roleNames  = map[platform.Role]texts.Text{
		platform.RoleAdministrative:    asStaff,
		platform.RoleManager:           asManager,
		platform.RoleSpecialist:        texts.Declare("portal.role_specialist"),
		platform.RoleTitularPharmacist: texts.Declare("portal.role_pharmacist"),
		platform.RoleChiefManager:      texts.Declare("portal.role_chief_manager"),
	}
	staffStates = map[access.StaffState]texts.Text{
		access.StaffFuture: rightFuture, access.StaffActive: rightActive, access.StaffEnded: rightEnded,
	}
)

// roleFields are the fields of the form for a new role.
var roleFields = slices.Insert(
	slices.Clone(forms.RightFields), 1, forms.Spec{Name: "role", Kind: "select", Width: "w15", List: newRoleOptions},
)

// staffView holds the person's own roles, and for an access manager those of the organisation.
type staffView struct {
	Own     accessView
	Staff   *accessView // nil for others
	IsSaved bool
}

// showStaff shows the roles of the person, and to an access manager those of the organisation.
func (p *Portal) showStaff(w http.ResponseWriter, r *http.Request) {
	values := p.takeKeptForm(r.Context())
	p.renderStaff(w, r, values, nil, values != nil)
}

// changeStaff assigns or ends a role in the organisation, or refuses one that the person was given.
func (p *Portal) changeStaff(w http.ResponseWriter, r *http.Request) {
	if !p.receiveForm(w, r) {
		return
	}
	organisation := p.currentOrganisation(r.Context())
	if r.PostFormValue("action") == "refuse" {
		organisation = ident.NIHII{} // people refuse for themselves, whatever they act for otherwise
		r.PostForm.Set("person", p.currentPerson(r.Context()).Digits())
	}
	request := &ctr.ManageStaffRequest{Change: newStaffChange(r.PostForm)}
	if request.Change == (ctr.StaffChange{}) {
		p.showError(w, r, http.StatusBadRequest, formUnreadable)
		return
	}
	mistakes := findRightMistakes(r.PostForm, request.ToDomain().Defects, p.requestLanguage(r))
	if len(mistakes) > 0 {
		p.renderStaff(w, r, r.PostForm, mistakes, false)
		return
	}
	caller, err := signAndIdentifyFor(p, r, "ManageStaff", &request.Header, request, organisation)
	if err == nil {
		_, err = p.Registrar.ManageStaff(r.Context(), caller, request.ToDomain())
	}
	if end := request.Change.End; err == nil && end != nil && end.Person == caller.Person().Digits() {
		p.leaveProfile(r)
	}
	p.finishAccess(w, r, err, func(mistakes []forms.Mistake) { p.renderStaff(w, r, r.PostForm, mistakes, false) })
}

// leaveProfile makes the person choose a profile again, because the role that they ended may be the one of theirs; then
// they come back to the page.
func (p *Portal) leaveProfile(r *http.Request) {
	p.sessions.Remove(r.Context(), sessionCapacity)
	p.sessions.Remove(r.Context(), sessionOrganisation)
	p.sessions.Put(r.Context(), sessionReturn, r.URL.Path+"?saved=1")
}

// newStaffChange returns the change that a button of the page stands for; zero for none.
func newStaffChange(values url.Values) ctr.StaffChange {
	person, role := readNumber(values, "person"), values.Get("role")
	switch values.Get("action") {
	case "assign":
		return ctr.StaffChange{Assign: &ctr.StaffAssignment{
			Person: person, Role: role, From: forms.ParseDate(strings.TrimSpace(values.Get("from"))),
			To: forms.ParseDate(strings.TrimSpace(values.Get("to"))),
		}}
	case "end":
		return ctr.StaffChange{End: &ctr.StaffEnd{Person: person, Role: role}}
	case "refuse":
		return ctr.StaffChange{End: &ctr.StaffEnd{
			Person: person, Role: role, Organisation: readNumber(values, "organisation"),
		}}
	}
	return ctr.StaffChange{}
}

func (p *Portal) renderStaff(
	w http.ResponseWriter, r *http.Request, values url.Values, mistakes []forms.Mistake, isResumed bool,
) {
	view := p.newPage(r, titleStaff)
	content := staffView{IsSaved: r.URL.Query().Get("saved") != "" && len(mistakes) == 0}
	var err error
	if content.Own, err = p.listOwnRoles(r, view.Lang); err == nil && view.User != nil && view.User.ManagesStaff {
		content.Staff, err = p.listStaff(r, view.Lang)
	}
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	view.Section, view.Errors, view.Resumed, view.Content = "staff", mistakes, isResumed, content
	if values.Get("action") != "assign" {
		values = nil // what a button of the list sent is not for the form
	}
	view.Form = &forms.Form{
		Action: "/portal/access/staff", Author: p.authorMark(r.Context()),
		Sections: []forms.Section{{
			Title: newRole.Translate(view.Lang), Fields: forms.NewFields(view.Lang, roleFields, values.Get, ""),
		}},
		Buttons: []forms.Button{{Name: "action", Value: "assign", Label: assignRole.Translate(view.Lang)}},
	}
	view.Form.SetMistakes(mistakes)
	p.renderForm(w, "staff.html", view)
}

// listOwnRoles lists the person's roles in all organisations.
func (p *Portal) listOwnRoles(r *http.Request, l texts.Lang) (accessView, error) {
	caller, err := p.identifyOwner(r.Context(), "ListStaff")
	if err != nil {
		return accessView{}, err
	}
	found, err := p.Registrar.ListStaff(r.Context(), caller, platform.Page{Limit: maxListed})
	if err != nil {
		return accessView{}, err
	}
	profile, err := p.loadProfile(r.Context())
	if err != nil {
		return accessView{}, err
	}
	var list accessView
	for i := range found.Members {
		row := newRoleRow(&found.Members[i], l)
		for _, o := range profile.Organisations {
			if o.NIHII.Base() == found.Members[i].Organisation.Base() {
				row.OrganisationName = o.Name
			}
		}
		list.Rows = append(list.Rows, row)
	}
	return list, nil
}

// listStaff lists the roles in the organisation for which the person acts.
func (p *Portal) listStaff(r *http.Request, l texts.Lang) (*accessView, error) {
	caller, err := p.identifyReader(r.Context(), "ListStaff")
	if err != nil {
		return nil, err
	}
	page := readPage(r)
	found, err := p.Registrar.ListStaff(r.Context(), caller, page)
	if err != nil {
		return nil, err
	}
	list := &accessView{pagingView: newPaging(r, found.Total, page.Offset, len(found.Members))}
	for i := range found.Members {
		list.Rows = append(list.Rows, newRoleRow(&found.Members[i], l))
	}
	return list, nil
}

func newRoleRow(m *access.StaffMember, l texts.Lang) rightView {
	row := rightView{
		Number: m.SSIN.Digits(), Person: forms.FormatSSIN(m.SSIN.Digits()), Role: string(m.Role),
		Kind: cmp.Or(roleNames[m.Role].Translate(l), string(m.Role)), Organisation: m.Organisation.Digits(),
		OrganisationName: m.Organisation.Digits(),
		From:             forms.FormatDate(m.From.String()), To: formatLastDay(m.To.String(), l),
		State: staffStates[m.State].Translate(l),
	}
	if m.State != access.StaffEnded && m.Role.IsAssignable() {
		row.EndAction = "end"
	}
	return row
}

// newRoleOptions returns the roles that an access manager can assign.
func newRoleOptions(l texts.Lang, selected string) []forms.Option {
	var all []forms.Option
	for _, role := range []platform.Role{platform.RoleAdministrative, platform.RoleManager} {
		all = append(all, forms.Option{
			Value: string(role), Label: roleNames[role].Translate(l), IsSelected: string(role) == selected,
		})
	}
	return all
}
