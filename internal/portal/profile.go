package portal

import (
	"context"
	"net/http"
	"slices"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/portal/operatorpages"
	"github.com/openctr/ctr/internal/texts"
)

// What a person can act as.
const (
	capacityDoctor   = "doctor"
	capacityStaff    = "staff"
	capacityManager  = "manager"
	capacityOperator = "operator"
	capacityPatient  = "patient"
)

// choice is one way in which a person can act.
type choice struct {
	Value        string // of the form
	Label        string
	Hint         string
	capacity     string
	organisation string
}

var (
	asDoctor   = texts.Declare("portal.as_doctor")
	asDentist  = texts.Declare("portal.as_dentist")
	asStaff    = texts.Declare("portal.as_staff")
	asManager  = texts.Declare("portal.as_manager")
	asOperator = texts.Declare("portal.as_operator")
	asPatient  = texts.Declare("portal.as_patient")
)

// listChoices returns the ways in which a person can act. Everybody can act as a patient.
func (p *Portal) listChoices(ctx context.Context, profile access.Profile, l texts.Lang) []choice {
	var all []choice
	today := platformToday(p)
	for _, o := range []struct {
		profession platform.Profession
		label      texts.Text
	}{{platform.Physician, asDoctor}, {platform.Dentist, asDentist}} {
		if platform.HasPracticeOn(profile.Practices, today, o.profession) {
			all = append(all, choice{Value: capacityDoctor, Label: o.label.Translate(l), capacity: capacityDoctor})
		}
	}
	for _, o := range profile.Organisations {
		for _, role := range []struct {
			roles    []platform.Role
			capacity string
			label    texts.Text
		}{
			{[]platform.Role{platform.RoleAdministrative}, capacityStaff, asStaff},
			{[]platform.Role{platform.RoleManager, platform.RoleChiefManager}, capacityManager, asManager},
		} {
			if slices.ContainsFunc(o.Roles, func(r platform.Role) bool { return slices.Contains(role.roles, r) }) {
				all = append(all, choice{
					Value: role.capacity + " " + o.NIHII.Digits(), Label: role.label.Translate(l), Hint: o.Name,
					capacity: role.capacity, organisation: o.NIHII.Digits(),
				})
			}
		}
	}
	if p.isOperator(ctx, p.currentPerson(ctx)) {
		all = append(all, choice{Value: capacityOperator, Label: asOperator.Translate(l), capacity: capacityOperator})
	}
	return append(all, choice{Value: capacityPatient, Label: asPatient.Translate(l), capacity: capacityPatient})
}

func (p *Portal) showProfile(w http.ResponseWriter, r *http.Request) {
	profile, err := p.loadProfile(r.Context())
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	view := p.newPage(r, titleProfile)
	choices := p.listChoices(r.Context(), profile, view.Lang)
	if len(choices) == 1 {
		p.enterProfile(w, r, profile, choices[0])
		return
	}
	view.Content = choices
	p.renderPage(w, http.StatusOK, "profile.html", view)
}

func (p *Portal) chooseProfile(w http.ResponseWriter, r *http.Request) {
	profile, err := p.loadProfile(r.Context())
	if err != nil {
		p.showFailure(w, r, err)
		return
	}
	choices := p.listChoices(r.Context(), profile, p.requestLanguage(r))
	at := slices.IndexFunc(choices, func(c choice) bool { return c.Value == r.PostFormValue("profile") })
	if at < 0 {
		http.Redirect(w, r, "/portal/profile", http.StatusSeeOther)
		return
	}
	p.enterProfile(w, r, profile, choices[at])
}

// enterProfile begins to act in the chosen way, under a new session token.
func (p *Portal) enterProfile(w http.ResponseWriter, r *http.Request, profile access.Profile, c choice) {
	ctx := r.Context()
	if err := p.sessions.RenewToken(ctx); err != nil {
		p.showFailure(w, r, err)
		return
	}
	actsAs := c.Label
	if c.Hint != "" {
		actsAs += ", " + c.Hint
	}
	p.sessions.Put(ctx, sessionCapacity, c.capacity)
	p.sessions.Put(ctx, sessionOrganisation, c.organisation)
	p.sessions.Put(ctx, sessionName, profile.Person.FirstName+" "+profile.Person.LastName)
	p.sessions.Put(ctx, sessionActsAs, actsAs)
	target := p.sessions.PopString(ctx, sessionReturn)
	switch {
	case !isLocalPath(target) && c.capacity == capacityOperator:
		target = operatorpages.Prefix
	case !isLocalPath(target) && c.capacity == capacityPatient:
		target = "/portal/me"
	case !isLocalPath(target):
		target = Prefix
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}
