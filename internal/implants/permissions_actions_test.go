package implants_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/people"
)

// This file holds the actions of TestPermissions. The result of an action is the number of notifications or implants,
// "card of N" for a card with N surgeries, "yes", "no", or the code of the refusal.

func constantSSIN(who ident.SSIN) func(ident.SSIN) ident.SSIN {
	return func(ident.SSIN) ident.SSIN { return who }
}

func (s *permissionScene) actions() map[string]sceneAction {
	all := map[string]sceneAction{}
	for _, some := range []map[string]sceneAction{s.readActions(), s.emergencyActions(), s.notifyActions(), s.preparedActions(), s.finalActions(), s.mandateActions(), s.staffActions()} {
		for name, a := range some {
			all[name] = a
		}
	}
	return all
}

func countOrCode(n int, err error) string {
	if err != nil {
		return formatRefusals(err)[0]
	}
	return fmt.Sprint(n)
}

func yesOrCode(err error) string {
	if err != nil {
		return formatRefusals(err)[0]
	}
	return "yes"
}

func (s *permissionScene) searchAction(c implants.SearchRequest) func(platform.Caller) string {
	c.Page = platform.Page{Limit: 100}
	return func(who platform.Caller) string {
		found, err := s.Search(s.tb.Context(), who, c)
		if len(found.Notifications) != found.Total {
			s.tb.Errorf("%d of %d on the page", len(found.Notifications), found.Total)
		}
		for _, n := range found.Notifications {
			if n.Own != (n.Specialist.SSIN == who.Person()) {
				s.tb.Error("own is wrong")
			}
		}
		return countOrCode(found.Total, err)
	}
}

func (s *permissionScene) cardAction(of implants.CardRequest) func(platform.Caller) string {
	return func(who platform.Caller) string {
		content, err := s.GetImplantCard(s.tb.Context(), who, of)
		if err != nil {
			if len(content.Surgeries) > 0 || !content.Patient.SSIN.IsZero() {
				s.tb.Error("content beside a refusal")
			}
			return formatRefusals(err)[0]
		}
		return fmt.Sprintf("card of %d", len(content.Surgeries))
	}
}

func (s *permissionScene) notificationAction(of func() implants.NotificationRef, emergency string) func(platform.Caller) string {
	return func(who platform.Caller) string {
		described, err := s.GetNotification(s.tb.Context(), who, implants.NotificationRequest{Notification: of(), EmergencyClaim: claimFor(emergency, smitIf(emergency))})
		if err != nil && described.Reference != "" {
			s.tb.Error("content beside a refusal")
		}
		return yesOrCode(err)
	}
}

func (s *permissionScene) listImplantsAction(emergency string) func(platform.Caller) string {
	return func(who platform.Caller) string {
		list, err := s.ListPatientImplants(s.tb.Context(), who, implants.ListImplantsRequest{Page: platform.Page{Limit: 100}, Patient: smit, EmergencyClaim: claimFor(emergency, ident.SSIN{})})
		return countOrCode(list.Total, err)
	}
}

func constantRef(o implants.NotificationRef) func() implants.NotificationRef {
	return func() implants.NotificationRef { return o }
}

func (s *permissionScene) readActions() map[string]sceneAction {
	about := constantSSIN(smit)
	return map[string]sceneAction{
		"search by patient":      {act: s.searchAction(implants.SearchRequest{Patient: smit}), about: about},
		"list the implants":      {act: s.listImplantsAction(""), about: about},
		"patient card":           {act: s.cardAction(implants.CardRequest{Patient: smit}), about: about},
		"card of the first":      {act: s.cardAction(implants.CardRequest{Number: s.first.Number}), about: about},
		"card of the second":     {act: s.cardAction(implants.CardRequest{Number: s.second.Number}), about: about},
		"search the first":       {act: s.searchAction(implants.SearchRequest{Number: s.first.Number}), about: about},
		"search the second":      {act: s.searchAction(implants.SearchRequest{Number: s.second.Number}), about: about},
		"see the first":          {act: s.notificationAction(constantRef(implants.NotificationRef{Number: s.first.Number}), ""), about: about},
		"see the second":         {act: s.notificationAction(constantRef(implants.NotificationRef{Number: s.second.Number}), ""), about: about},
		"the same, by reference": {act: s.notificationAction(constantRef(implants.NotificationRef{Reference: s.second.Reference}), ""), about: about},
		"search by implant": {about: constantSSIN(ident.SSIN{}),
			act: s.searchAction(implants.SearchRequest{Implant: &implants.ImplantCriteria{Code: knee}})},
		"search the devices": {about: constantSSIN(ident.SSIN{}), act: func(who platform.Caller) string {
			_, err := s.SearchDevice(s.tb.Context(), who, implants.SearchDeviceRequest{Page: platform.Page{Limit: 1}})
			return yesOrCode(err)
		}},
	}
}

// smitIf returns Smit when an emergency is claimed.
func smitIf(emergency string) ident.SSIN {
	if emergency == "" {
		return ident.SSIN{}
	}
	return smit
}

func (s *permissionScene) emergencyActions() map[string]sceneAction {
	about := constantSSIN(smit)
	return map[string]sceneAction{
		"emergency: search":    {act: s.searchAction(implants.SearchRequest{Patient: smit, EmergencyClaim: claimFor(emergencyReason, ident.SSIN{})}), about: about},
		"emergency: list":      {act: s.listImplantsAction(emergencyReason), about: about},
		"emergency: card":      {act: s.cardAction(implants.CardRequest{Patient: smit, EmergencyClaim: claimFor(emergencyReason, ident.SSIN{})}), about: about},
		"emergency: see first": {act: s.notificationAction(constantRef(implants.NotificationRef{Number: s.first.Number}), emergencyReason), about: about},
	}
}

// told returns a new implantation by the specialist for Nguyen, which no search of the scene finds.
func told(specialist ident.SSIN) implants.Implantation {
	n := implantation()
	n.Specialist, n.Patient, n.Implants[0].Code = bySSIN(specialist), nguyen, mesh
	return n
}

func (s *permissionScene) notifyActions() map[string]sceneAction {
	as := func(specialist func(platform.Caller) ident.SSIN, save implants.State) sceneAction {
		return sceneAction{about: constantSSIN(nguyen), act: func(who platform.Caller) string {
			_, err := s.saveImplantation(who, save, told(specialist(who)))
			return yesOrCode(err)
		}}
	}
	own := func(who platform.Caller) ident.SSIN { return who.Person() }
	ofClaes := func(platform.Caller) ident.SSIN { return claes }
	return map[string]sceneAction{
		"notify one's own":      as(own, implants.Final),
		"notify Claes's":        as(ofClaes, implants.Final),
		"draft of one's own":    as(own, implants.Draft),
		"draft of Claes's":      as(ofClaes, implants.Draft),
		"submission of Claes's": as(ofClaes, implants.ToValidate),
	}
}

// preparedActions act on a notification of Claes that Wouters prepared in the hospital.
func (s *permissionScene) preparedActions() map[string]sceneAction {
	on := func(state implants.State, act func(platform.Caller) string) sceneAction {
		return sceneAction{about: constantSSIN(nguyen), act: act, before: func(ident.SSIN) {
			s.target = s.requireReceipt(s.saveImplantation(s.callerInside(hospital, wouters), state, told(claes)))
		}}
	}
	revise := func(save implants.State) func(platform.Caller) string {
		return func(who platform.Caller) string {
			n := told(claes)
			n.Comment = "seen again"
			_, err := s.ReviseNotification(s.tb.Context(), who, implants.ReviseRequest{Notification: implants.NotificationRef{Reference: s.target.Reference}, Version: 1, Save: save, Implantation: &n})
			return yesOrCode(err)
		}
	}
	pending := on(implants.Draft, func(who platform.Caller) string {
		found, err := s.ListPendingNotifications(s.tb.Context(), who, implants.ListPendingRequest{Page: platform.Page{Limit: 1000}})
		if err != nil {
			return formatRefusals(err)[0]
		}
		if slices.ContainsFunc(found.Notifications, func(n implants.NotificationSummary) bool { return n.Reference == s.target.Reference }) {
			return "yes"
		}
		return "no"
	})
	pending.about = constantSSIN(ident.SSIN{})
	return map[string]sceneAction{
		"see a draft":    on(implants.Draft, s.notificationAction(func() implants.NotificationRef { return implants.NotificationRef{Reference: s.target.Reference} }, "")),
		"find it listed": pending,
		"save it again":  on(implants.Draft, revise(implants.Draft)),
		"submit it":      on(implants.Draft, revise(implants.ToValidate)),
		"validate it": on(implants.ToValidate, func(who platform.Caller) string {
			_, err := s.ValidateNotification(s.tb.Context(), who, implants.ValidateRequest{Reference: s.target.Reference, Version: 1})
			return yesOrCode(err)
		}),
		"discard it": on(implants.Draft, func(who platform.Caller) string {
			_, err := s.DiscardNotification(s.tb.Context(), who, implants.DiscardRequest{Notification: implants.NotificationRef{Reference: s.target.Reference}, Version: 1})
			return yesOrCode(err)
		}),
	}
}

// finalActions act on the first notification about Smit. They name an outdated version, so that it does not change.
func (s *permissionScene) finalActions() map[string]sceneAction {
	const none = 99
	first := implants.NotificationRef{Number: s.first.Number}
	return map[string]sceneAction{
		"revise the first": {namesOldVersion: true, about: constantSSIN(smit), act: func(who platform.Caller) string {
			n := implantation()
			n.Patient = smit
			_, err := s.ReviseNotification(s.tb.Context(), who, implants.ReviseRequest{Notification: first, Version: none, Implantation: &n})
			return yesOrCode(err)
		}},
		"withdraw the first": {namesOldVersion: true, about: constantSSIN(smit), act: func(who platform.Caller) string {
			_, err := s.DiscardNotification(s.tb.Context(), who, implants.DiscardRequest{Notification: first, Version: none, Reason: "entered twice"})
			return yesOrCode(err)
		}},
	}
}

// mandateActions change mandates between the caller and Kaya, who has no other part in the scene.
func (s *permissionScene) mandateActions() map[string]sceneAction {
	mandates := func(p platform.Period) func(ident.SSIN) {
		return func(self ident.SSIN) {
			s.saveMandates(platform.Mandate{Grantor: kaya, Grantee: self, Service: "CTR", Period: p},
				platform.Mandate{Grantor: self, Grantee: kaya, Service: "CTR", Period: p})
		}
	}
	over := func(self ident.SSIN) {
		mandates(period(today, yesterday))(self)
		s.saveMandates(platform.Mandate{Grantor: self, Grantee: goosens, Service: "CTR", Period: period(today, yesterday)})
	}
	change := func(c access.ManageMandateRequest, about ident.SSIN) sceneAction {
		return sceneAction{before: mandates(period(today, "")), after: over, about: constantSSIN(about), act: func(who platform.Caller) string {
			_, err := s.ManageMandate(s.tb.Context(), who, c)
			return yesOrCode(err)
		}}
	}
	return map[string]sceneAction{
		"grant a mandate":       change(grantRequest(goosens, platform.Period{}), goosens),
		"accept one":            change(acceptRequest(kaya), kaya),
		"transfer one":          change(transferRequest(kaya, goosens), goosens),
		"end one that one gave": change(endRequest(kaya), kaya),
		"end one that one got":  change(giveBackRequest(kaya), kaya),
		"list one's mandates": {about: constantSSIN(ident.SSIN{}), act: func(who platform.Caller) string {
			_, err := s.ListMandates(s.tb.Context(), who, platform.Page{Limit: 10})
			return yesOrCode(err)
		}},
		"list who used one's data": {about: func(self ident.SSIN) ident.SSIN { return self }, act: func(who platform.Caller) string {
			_, err := s.ListDataUses(s.tb.Context(), who, platform.Page{Limit: 10})
			return yesOrCode(err)
		}},
	}
}

// home is an organisation in which nobody of the scene acts.
var home = people.MustNIHII("76123422")

// saveMandates and saveAffiliations store entries as if a person had made them here.
func (s *permissionScene) saveMandates(all ...platform.Mandate) {
	s.save(func(w implants.Writer) error {
		for _, m := range all {
			if err := w.SaveMandate(m); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *permissionScene) saveAffiliations(all ...platform.Affiliation) {
	s.save(func(w implants.Writer) error {
		for _, a := range all {
			if err := w.SaveAffiliation(a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *permissionScene) save(store func(implants.Writer) error) {
	s.tb.Helper()
	if err := s.db.RunWriteTx(s.tb.Context(), store); err != nil {
		s.tb.Fatal(err)
	}
}

// staffActions change roles of Kaya, who is clerk and access manager of every organisation, and of Goossens.
func (s *permissionScene) staffActions() map[string]sceneAction {
	roles := func(p platform.Period, people ...ident.SSIN) {
		var all []platform.Affiliation
		for _, where := range []ident.NIHII{hospital, clinic, pharmacy} {
			for _, who := range people {
				for _, role := range []platform.Role{platform.RoleAdministrative, platform.RoleManager} {
					all = append(all, platform.Affiliation{Organisation: where, SSIN: who, Role: role, Period: p})
				}
			}
		}
		s.saveAffiliations(all...)
	}
	change := func(c access.ManageStaffRequest, about ident.SSIN) sceneAction {
		return sceneAction{about: constantSSIN(about),
			before: func(ident.SSIN) { roles(period(today, ""), kaya) },
			after:  func(ident.SSIN) { roles(period(today, yesterday), kaya, goosens) },
			act: func(who platform.Caller) string {
				_, err := s.ManageStaff(s.tb.Context(), who, c)
				return yesOrCode(err)
			}}
	}
	return map[string]sceneAction{
		"name staff":             change(assignRequest(goosens, platform.RoleAdministrative, platform.Period{}), goosens),
		"name a manager":         change(assignRequest(goosens, platform.RoleManager, platform.Period{}), goosens),
		"name a chief":           change(assignRequest(goosens, platform.RoleChiefManager, platform.Period{}), goosens),
		"name a specialist":      change(assignRequest(goosens, "Specialist", platform.Period{}), goosens),
		"dismiss staff":          change(dismissRequest(kaya, platform.RoleAdministrative), kaya),
		"dismiss a manager":      change(dismissRequest(kaya, platform.RoleManager), kaya),
		"dismiss the chief":      change(dismissRequest(smit, platform.RoleChiefManager), smit),
		"dismiss the specialist": change(dismissRequest(claes, "Specialist"), claes),
		"refuse a role of one's own": {about: func(self ident.SSIN) ident.SSIN { return self },
			before: func(self ident.SSIN) {
				s.saveAffiliations(platform.Affiliation{Organisation: home, SSIN: self, Role: platform.RoleManager, Period: period(today, "")})
			},
			after: func(self ident.SSIN) {
				s.saveAffiliations(platform.Affiliation{Organisation: home, SSIN: self, Role: platform.RoleManager, Period: period(today, yesterday)})
			},
			act: func(who platform.Caller) string {
				refuse := dismissRequest(who.Person(), platform.RoleManager)
				refuse.End.Organisation = home
				_, err := s.ManageStaff(s.tb.Context(), who, refuse)
				return yesOrCode(err)
			}},
		"list the roles": {about: constantSSIN(ident.SSIN{}), act: func(who platform.Caller) string {
			_, err := s.ListStaff(s.tb.Context(), who, platform.Page{Limit: 10})
			return yesOrCode(err)
		}},
	}
}

// TestManagerStepsDown: access managers may end their own role.
func TestManagerStepsDown(t *testing.T) {
	t.Parallel()
	s := newPermissionScene(t)
	wantText(t, "the manager's own", s.manageStaff(s.callerInside(hospital, leroy), dismissRequest(leroy, platform.RoleManager)), "Ended AccessManager 2020-01-01..2026-11-20")
	wantText(t, "and no more", s.manageStaff(s.callerInside(hospital, leroy), dismissRequest(leroy, platform.RoleManager)), "AUTHOR_NOT_ATTACHED at Author")
}
