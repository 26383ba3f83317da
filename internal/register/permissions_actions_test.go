package register_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// This file holds the actions of TestPermissions. The result of an action is the number of notifications or implants,
// "card of N" for a card with N surgeries, "yes", "no", or the code of the refusal.

func always(who ident.SSIN) func(ident.SSIN) ident.SSIN {
	return func(ident.SSIN) ident.SSIN { return who }
}

func (s *scene) actions() map[string]deed {
	all := map[string]deed{}
	for _, some := range []map[string]deed{s.reads(), s.emergencies(), s.notifications(), s.prepared(), s.finals(), s.mandateActions(), s.staffActions()} {
		for name, a := range some {
			all[name] = a
		}
	}
	return all
}

func count(n int, err error) string {
	if err != nil {
		return refusals(err)[0]
	}
	return fmt.Sprint(n)
}

func yes(err error) string {
	if err != nil {
		return refusals(err)[0]
	}
	return "yes"
}

func (s *scene) searches(c register.Criteria) func(register.Caller) string {
	c.Page = register.Page{Limit: 100}
	return func(who register.Caller) string {
		found, err := s.Search(s.tb.Context(), who, c)
		if len(found.Notifications) != found.Total {
			s.tb.Errorf("%d of %d on the page", len(found.Notifications), found.Total)
		}
		for _, n := range found.Notifications {
			if n.Own != (n.Specialist.SSIN == who.Person()) {
				s.tb.Error("own is wrong")
			}
		}
		return count(found.Total, err)
	}
}

func (s *scene) card(of register.CardOf) func(register.Caller) string {
	return func(who register.Caller) string {
		content, err := s.Card(s.tb.Context(), who, of)
		if err != nil {
			if len(content.Operations) > 0 || !content.Patient.SSIN.IsZero() {
				s.tb.Error("content beside a refusal")
			}
			return refusals(err)[0]
		}
		return fmt.Sprintf("card of %d", len(content.Operations))
	}
}

func (s *scene) shows(of func() register.Of, emergency string) func(register.Caller) string {
	return func(who register.Caller) string {
		described, err := s.Notification(s.tb.Context(), who, register.NotificationAsked{Of: of(), Emergency: emergency})
		if err != nil && described.Reference != "" {
			s.tb.Error("content beside a refusal")
		}
		return yes(err)
	}
}

func (s *scene) lists(emergency string) func(register.Caller) string {
	return func(who register.Caller) string {
		list, err := s.PatientImplants(s.tb.Context(), who, register.Carried{Page: register.Page{Limit: 100}, Patient: smit, Emergency: emergency})
		return count(list.Total, err)
	}
}

func of(o register.Of) func() register.Of { return func() register.Of { return o } }

func (s *scene) reads() map[string]deed {
	about := always(smit)
	return map[string]deed{
		"search by patient":      {act: s.searches(register.Criteria{Patient: smit}), about: about},
		"list the implants":      {act: s.lists(""), about: about},
		"patient card":           {act: s.card(register.CardOf{Patient: smit}), about: about},
		"card of the first":      {act: s.card(register.CardOf{Number: s.first.Number}), about: about},
		"card of the second":     {act: s.card(register.CardOf{Number: s.second.Number}), about: about},
		"search the first":       {act: s.searches(register.Criteria{Number: s.first.Number}), about: about},
		"search the second":      {act: s.searches(register.Criteria{Number: s.second.Number}), about: about},
		"see the first":          {act: s.shows(of(register.Of{Number: s.first.Number}), ""), about: about},
		"see the second":         {act: s.shows(of(register.Of{Number: s.second.Number}), ""), about: about},
		"the same, by reference": {act: s.shows(of(register.Of{Reference: s.second.Reference}), ""), about: about},
		"search by implant": {about: always(ident.SSIN{}),
			act: s.searches(register.Criteria{Implant: &register.ImplantCriteria{Code: knee}})},
		"search the devices": {about: always(ident.SSIN{}), act: func(who register.Caller) string {
			_, err := s.SearchDevice(s.tb.Context(), who, register.DeviceAsked{Page: register.Page{Limit: 1}})
			return yes(err)
		}},
	}
}

func (s *scene) emergencies() map[string]deed {
	about := always(smit)
	return map[string]deed{
		"emergency: search":    {act: s.searches(register.Criteria{Patient: smit, Emergency: emergencyReason}), about: about},
		"emergency: list":      {act: s.lists(emergencyReason), about: about},
		"emergency: card":      {act: s.card(register.CardOf{Patient: smit, Emergency: emergencyReason}), about: about},
		"emergency: see first": {act: s.shows(of(register.Of{Number: s.first.Number}), emergencyReason), about: about},
	}
}

// told returns a new implantation by the specialist for Nguyen, which no search of the scene finds.
func told(specialist ident.SSIN) register.Implantation {
	n := implantation()
	n.Specialist, n.Patient, n.Implants[0].Code = bySSIN(specialist), nguyen, mesh
	return n
}

func (s *scene) notifications() map[string]deed {
	as := func(specialist func(register.Caller) ident.SSIN, save register.State) deed {
		return deed{about: always(nguyen), act: func(who register.Caller) string {
			_, err := s.save(who, save, told(specialist(who)))
			return yes(err)
		}}
	}
	own := func(who register.Caller) ident.SSIN { return who.Person() }
	ofClaes := func(register.Caller) ident.SSIN { return claes }
	return map[string]deed{
		"notify one's own":      as(own, register.Final),
		"notify Claes's":        as(ofClaes, register.Final),
		"draft of one's own":    as(own, register.Draft),
		"draft of Claes's":      as(ofClaes, register.Draft),
		"submission of Claes's": as(ofClaes, register.ToValidate),
	}
}

// preparedActions act on a notification of Claes that Wouters prepared in the hospital.
func (s *scene) prepared() map[string]deed {
	on := func(state register.State, act func(register.Caller) string) deed {
		return deed{about: always(nguyen), act: act, before: func(ident.SSIN) {
			s.target = s.must(s.save(s.inside(hospital, wouters), state, told(claes)))
		}}
	}
	revise := func(save register.State) func(register.Caller) string {
		return func(who register.Caller) string {
			n := told(claes)
			n.Comment = "seen again"
			_, err := s.Revise(s.tb.Context(), who, register.Replacement{Of: register.Of{Reference: s.target.Reference}, Version: 1, Save: save, Implantation: &n})
			return yes(err)
		}
	}
	pending := on(register.Draft, func(who register.Caller) string {
		found, err := s.Pending(s.tb.Context(), who, register.PendingAsked{Page: register.Page{Limit: 1000}})
		if err != nil {
			return refusals(err)[0]
		}
		if slices.ContainsFunc(found.Notifications, func(n register.Summary) bool { return n.Reference == s.target.Reference }) {
			return "yes"
		}
		return "no"
	})
	pending.about = always(ident.SSIN{})
	return map[string]deed{
		"see a draft":    on(register.Draft, s.shows(func() register.Of { return register.Of{Reference: s.target.Reference} }, "")),
		"find it listed": pending,
		"save it again":  on(register.Draft, revise(register.Draft)),
		"submit it":      on(register.Draft, revise(register.ToValidate)),
		"validate it": on(register.ToValidate, func(who register.Caller) string {
			_, err := s.Validate(s.tb.Context(), who, register.Validation{Reference: s.target.Reference, Version: 1})
			return yes(err)
		}),
		"discard it": on(register.Draft, func(who register.Caller) string {
			_, err := s.Discard(s.tb.Context(), who, register.Discarding{Of: register.Of{Reference: s.target.Reference}, Version: 1})
			return yes(err)
		}),
	}
}

// finalActions act on the first notification about Smit. They name an outdated version, so that it does not change.
func (s *scene) finals() map[string]deed {
	const none = 99
	first := register.Of{Number: s.first.Number}
	return map[string]deed{
		"revise the first": {outdated: true, about: always(smit), act: func(who register.Caller) string {
			n := implantation()
			n.Patient = smit
			_, err := s.Revise(s.tb.Context(), who, register.Replacement{Of: first, Version: none, Implantation: &n})
			return yes(err)
		}},
		"withdraw the first": {outdated: true, about: always(smit), act: func(who register.Caller) string {
			_, err := s.Discard(s.tb.Context(), who, register.Discarding{Of: first, Version: none, Reason: "entered twice"})
			return yes(err)
		}},
	}
}

// mandateActions change mandates between the caller and Kaya, who has no other part in the scene.
func (s *scene) mandateActions() map[string]deed {
	mandates := func(p register.Period) func(ident.SSIN) {
		return func(self ident.SSIN) {
			s.load(store.Sources{Mandates: []register.Mandate{
				{Grantor: kaya, Grantee: self, Service: "CTR", Period: p}, {Grantor: self, Grantee: kaya, Service: "CTR", Period: p},
			}})
		}
	}
	over := func(self ident.SSIN) {
		mandates(period(today, yesterday))(self)
		s.load(store.Sources{Mandates: []register.Mandate{{Grantor: self, Grantee: goosens, Service: "CTR", Period: period(today, yesterday)}}})
	}
	change := func(c register.MandateChange, about ident.SSIN) deed {
		return deed{before: mandates(period(today, "")), after: over, about: always(about), act: func(who register.Caller) string {
			_, err := s.ManageMandate(s.tb.Context(), who, c)
			return yes(err)
		}}
	}
	return map[string]deed{
		"grant a mandate":       change(grant(goosens, register.Period{}), goosens),
		"accept one":            change(accept(kaya), kaya),
		"transfer one":          change(transfer(kaya, goosens), goosens),
		"end one that one gave": change(endOf(kaya), kaya),
		"end one that one got":  change(giveBack(kaya), kaya),
		"list one's mandates": {about: always(ident.SSIN{}), act: func(who register.Caller) string {
			_, err := s.Mandates(s.tb.Context(), who, register.Page{Limit: 10})
			return yes(err)
		}},
	}
}

// staffActions change roles of Kaya, who is clerk and access manager of every organisation, and of Goossens.
func (s *scene) staffActions() map[string]deed {
	roles := func(p register.Period, people ...ident.SSIN) {
		var all []register.Affiliation
		for _, where := range []ident.NIHII{hospital, clinic, pharmacy} {
			for _, who := range people {
				for _, role := range []register.Role{register.RoleAdministrative, register.RoleManager} {
					all = append(all, register.Affiliation{Organisation: where, SSIN: who, Role: role, Period: p})
				}
			}
		}
		s.load(store.Sources{Affiliations: all})
	}
	change := func(c register.StaffChange, about ident.SSIN) deed {
		return deed{about: always(about),
			before: func(ident.SSIN) { roles(period(today, ""), kaya) },
			after:  func(ident.SSIN) { roles(period(today, yesterday), kaya, goosens) },
			act: func(who register.Caller) string {
				_, err := s.ManageStaff(s.tb.Context(), who, c)
				return yes(err)
			}}
	}
	return map[string]deed{
		"name staff":             change(assign(goosens, register.RoleAdministrative, register.Period{}), goosens),
		"name a manager":         change(assign(goosens, register.RoleManager, register.Period{}), goosens),
		"name a chief":           change(assign(goosens, register.RoleChiefManager, register.Period{}), goosens),
		"name a specialist":      change(assign(goosens, "Specialist", register.Period{}), goosens),
		"dismiss staff":          change(dismiss(kaya, register.RoleAdministrative), kaya),
		"dismiss a manager":      change(dismiss(kaya, register.RoleManager), kaya),
		"dismiss the chief":      change(dismiss(smit, register.RoleChiefManager), smit),
		"dismiss the specialist": change(dismiss(claes, "Specialist"), claes),
		"list the roles": {about: always(ident.SSIN{}), act: func(who register.Caller) string {
			_, err := s.Staff(s.tb.Context(), who, register.Page{Limit: 10})
			return yes(err)
		}},
	}
}

// TestManagerStepsDown: access managers may end their own role.
func TestManagerStepsDown(t *testing.T) {
	t.Parallel()
	s := setScene(t)
	want(t, "the manager's own", s.staff(s.inside(hospital, leroy), dismiss(leroy, register.RoleManager)), "Ended AccessManager 2020-01-01..2026-11-20")
	want(t, "and no more", s.staff(s.inside(hospital, leroy), dismiss(leroy, register.RoleManager)), "AUTHOR_NOT_ATTACHED at Author")
}
