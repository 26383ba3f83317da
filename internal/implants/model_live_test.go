package implants_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// This file holds what live facts let each person see: plain lists of what the sources say and of what was done, which
// know nothing of the register's decisions. model_live_run_test.go does things at random and reads.

// fact is why somebody may see a notification.
type fact string

const (
	noFact       fact = ""
	isPatient    fact = "is the patient"
	isSpecialist fact = "is the specialist"
	hasCare      fact = "has a care relation of the source"
	hasSurgery   fact = "operated on the patient"
	isUrgent     fact = "claims an emergency"
	isMandated   fact = "has a mandate of the specialist"
	isColleague  fact = "is staff of the specialist's organisation"
)

// liveSurgery is a notification as it is now.
type liveSurgery struct {
	specialist, patient ident.SSIN
	day                 ident.Date
	state               implants.State
	wasFinal            bool
	isExplantation      bool
	reference           string
	number              ident.NotificationNumber
	version             int
	implants            []string
}

type liveMandate struct {
	grantor, grantee ident.SSIN
	isAccepted       bool
	platform.Period
}

type liveRole struct {
	person       ident.SSIN
	organisation ident.NIHII
	role         platform.Role
	platform.Period
}

// liveFacts are the sources' data and the result of what was done.
type liveFacts struct {
	practices []platform.Practice
	links     []platform.TherapeuticLink
	roles     []liveRole
	mandates  []liveMandate
	surgeries []*liveSurgery
}

func newLiveFacts(sources ...implants.SourceEntries) *liveFacts {
	f := &liveFacts{}
	for _, s := range sources {
		f.practices, f.links = append(f.practices, s.Practices...), append(f.links, s.Links...)
		for _, a := range s.Affiliations {
			f.roles = append(f.roles, liveRole{a.SSIN, a.Organisation, a.Role, a.Period})
		}
		for _, m := range s.Mandates {
			f.mandates = append(f.mandates, liveMandate{m.Grantor, m.Grantee, !m.AcceptedOn.IsZero(), m.Period})
		}
	}
	return f
}

// within reports whether a day lies in a period.
func within(p platform.Period, day ident.Date) bool {
	return p.From.Compare(day) <= 0 && (p.To.IsZero() || p.To.Compare(day) >= 0)
}

// isDoctorOn reports whether the sources call the caller a doctor on a day, attached to the organisation if one signs.
func (f *liveFacts) isDoctorOn(a actor, day ident.Date) bool {
	return slices.ContainsFunc(f.practices, func(p platform.Practice) bool {
		return p.SSIN == a.person && (p.Profession == platform.Physician || p.Profession == platform.Dentist) && within(p.Period, day)
	}) && (a.organisation.IsZero() || f.isProfessionalOf(a.organisation, a.person, day))
}

// isProfessionalOf reports whether a person works in an organisation in a role that no organisation can give.
func (f *liveFacts) isProfessionalOf(organisation ident.NIHII, who ident.SSIN, day ident.Date) bool {
	return slices.ContainsFunc(f.roles, func(r liveRole) bool {
		given := r.role == platform.RoleAdministrative || r.role == platform.RoleManager || r.role == platform.RoleChiefManager
		return !given && r.person == who && r.organisation == organisation && within(r.Period, day)
	})
}

func (f *liveFacts) hasOperated(who, patient ident.SSIN, today ident.Date) bool {
	return slices.ContainsFunc(f.surgeries, func(s *liveSurgery) bool {
		ends := time.Date(s.day.Year(), s.day.Month()+15, s.day.Day(), 0, 0, 0, 0, time.UTC)
		return s.state == implants.Final && s.specialist == who && s.patient == patient && s.day.Compare(today) <= 0 &&
			today.Compare(ident.DateOf(ends)) <= 0
	})
}

// mayPrepare returns why a caller may see a notification that was never final.
func (f *liveFacts) mayPrepare(a actor, s *liveSurgery, today ident.Date) fact {
	inside := !a.organisation.IsZero()
	switch {
	case s.specialist == a.person:
		return isSpecialist
	case slices.ContainsFunc(f.mandates, func(m liveMandate) bool {
		return m.isAccepted && m.grantor == s.specialist && m.grantee == a.person && within(m.Period, today)
	}) && (!inside || f.isProfessionalOf(a.organisation, s.specialist, today)):
		return isMandated
	case inside && f.isProfessionalOf(a.organisation, s.specialist, s.day) && slices.ContainsFunc(f.roles, func(r liveRole) bool {
		return r.person == a.person && r.organisation == a.organisation && r.role == platform.RoleAdministrative && within(r.Period, today)
	}):
		return isColleague
	}
	return noFact
}

// mayBeSeen returns why a caller may see a notification now. Urgent is the patient about whom an emergency is claimed.
// A search by implant has onlyLasting: what an own surgery or an emergency opens is not part of it.
func (f *liveFacts) mayBeSeen(a actor, s *liveSurgery, today ident.Date, urgent ident.SSIN, onlyLasting bool) fact {
	switch {
	case !s.wasFinal:
		return f.mayPrepare(a, s, today)
	case a.organisation.IsZero() && a.person == s.patient && !onlyLasting:
		return isPatient
	case !f.isDoctorOn(a, today):
		return noFact
	case a.person == s.specialist:
		return isSpecialist
	case slices.ContainsFunc(f.links, func(l platform.TherapeuticLink) bool {
		return l.Patient == s.patient && l.Professional == a.person && within(l.Period, today)
	}):
		return hasCare
	case onlyLasting:
		return noFact
	case f.hasOperated(a.person, s.patient, today):
		return hasSurgery
	case urgent == s.patient:
		return isUrgent
	}
	return noFact
}

// The callers and patients of the random histories. The clinic's chief access manager is Kaya, the hospital's is Smit.
var (
	liveActors = []actor{
		{name: "Claes", person: claes}, {name: "Claes in the hospital", person: claes, organisation: hospital},
		{name: "Dubois", person: dubois}, {name: "Dubois in the clinic", person: dubois, organisation: clinic},
		{name: "Dubois in the hospital", person: dubois, organisation: hospital},
		{name: "Peeters", person: peeters}, {name: "Peeters in the hospital", person: peeters, organisation: hospital},
		{name: "Lambert", person: lambert}, {name: "Maes", person: maes}, {name: "Jacobs", person: jacobs},
		{name: "Wouters", person: wouters}, {name: "Wouters in the hospital", person: wouters, organisation: hospital},
		{name: "Nguyen", person: nguyen}, {name: "Nguyen in the hospital", person: nguyen, organisation: hospital},
		{name: "Nguyen in the clinic", person: nguyen, organisation: clinic},
		{name: "Smit", person: smit}, {name: "Smit in the hospital", person: smit, organisation: hospital},
		{name: "Kaya in the clinic", person: kaya, organisation: clinic},
		{name: "Leroy", person: leroy}, {name: "Van Damme", person: vanDam},
	}
	liveSpecialists = []ident.SSIN{claes, dubois, peeters, lambert}
	livePatients    = []ident.SSIN{leroy, vanDam, nguyen, smit, peeters}
	liveHelpers     = []ident.SSIN{wouters, nguyen, peeters, leroy}
	liveSources     = implants.SourceEntries{
		Affiliations: []platform.Affiliation{
			{Organisation: clinic, SSIN: kaya, Role: platform.RoleChiefManager, Period: period("2020-01-01", "")},
		},
		Links: []platform.TherapeuticLink{
			{Patient: smit, Professional: dubois, Type: "gmd", Period: period("2026-12-05", "2027-02-05")},
			{Patient: nguyen, Professional: peeters, Type: "gmd", Period: period("2020-01-01", "2026-12-20")},
		},
	}
)

// TestSeenIsWithinLiveFacts: whatever was done, by whomever, nobody sees a notification that the facts in force at that
// moment do not open to them. CTR_MODEL is the number of steps of a long run.
func TestSeenIsWithinLiveFacts(t *testing.T) {
	t.Parallel()
	steps := shortHistory
	if given := os.Getenv("CTR_MODEL"); given != "" {
		var err error
		if steps, err = strconv.Atoi(given); err != nil {
			t.Fatalf("CTR_MODEL: %v", err)
		}
	}
	runOnEngines(t, func(t *testing.T, backend func(testing.TB) storetest.Backend) {
		t.Helper()
		used := map[fact]int{}
		for seed, left := uint64(1), steps; left > 0; seed, left = seed+1, left-shortHistory {
			runLiveHistory(t, backend(t), seed, min(left, shortHistory), used)
		}
		for _, why := range []fact{isPatient, isSpecialist, hasCare, hasSurgery, isUrgent, isMandated, isColleague} {
			if used[why] == 0 {
				t.Errorf("nobody saw anything because they are one who %s", why)
			}
		}
		t.Logf("seen because one: %v", used)
	})
}

// runLiveHistory does things at random. After each, its caller looks at some patient; from time to time everybody looks
// at everything.
func runLiveHistory(t *testing.T, backend storetest.Backend, seed uint64, length int, used map[fact]int) {
	t.Helper()
	h, end := newModelRun(t, backend)
	defer end()
	h.loadSources(liveSources)
	r := &liveRun{testRegister: h.testRegister, Rand: rand.New(rand.NewPCG(seed, 11)), location: h.model.brussels, used: used,
		facts: newLiveFacts(registertest.DevelopmentSources(t), liveSources)}
	for step := range length {
		a := r.doSomething()
		if r.canCall(a) { // a role may have ended just now
			r.lookAt(a, pickFrom(r, livePatients), r.IntN(4) == 0)
			r.lookAtPending(a)
		}
		if step == length/2 || step == length-1 {
			for _, a := range liveActors {
				if r.canCall(a) {
					r.lookAtEverything(a)
				}
			}
		}
		if r.failure != "" {
			t.Fatalf("seed %d, step %d, %s: %s\n\nafter\n%s", seed, step, r.today(), r.failure, strings.Join(r.done, "\n"))
		}
	}
	t.Logf("seed %d: %d notifications, until %s, %s", seed, len(r.facts.surgeries), r.today(), fmt.Sprint(len(r.done), " things done"))
}
