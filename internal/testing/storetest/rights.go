package storetest

import (
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
)

// testCare: the care relation of a surgery follows from the notifications in force, that of the source from its period.
func testCare(t *testing.T, b Backend) {
	db := b.Open(t)
	today := people.MustDate("2026-11-21")
	check := func(what string, patient, professional ident.SSIN, on string, want platform.Care) {
		t.Helper()
		readTx(t, db, func(r implants.Reader) error {
			got, err := r.CareOf(patient, professional, people.MustDate(on))
			checkValue(t, what, got, want, err)
			return nil
		})
	}
	check("nobody known", leroy, claes, "2026-11-21", platform.Care{})
	check("nobody", ident.SSIN{}, ident.SSIN{}, "2026-11-21", platform.Care{})
	old, n := newImplantation(t, 1), newImplantation(t, 2)
	old.SurgeryDate = people.MustDate("2020-01-01")
	completeImplants(&old)
	draft := newDraft(t, 3)
	draft.SurgeryDate = today
	keepAll(t, db, old, n, draft)
	check("the newest", leroy, claes, "2026-11-21", platform.Care{LastSurgery: n.SurgeryDate})
	check("the newest until a day", leroy, claes, "2026-11-19", platform.Care{LastSurgery: old.SurgeryDate})
	check("another specialist", leroy, dubois, "2026-11-21", platform.Care{})
	check("another patient", vanDam, claes, "2026-11-21", platform.Care{})

	moved := nextVersion(n, implants.Final, implants.ChangeRevised, "")
	moved.Patient = vanDam
	completeImplants(&moved)
	keepAll(t, db, moved)
	check("moved away", leroy, claes, "2026-11-21", platform.Care{LastSurgery: old.SurgeryDate})
	check("moved here", vanDam, claes, "2026-11-21", platform.Care{LastSurgery: n.SurgeryDate})
	keepAll(t, db, nextVersion(moved, implants.Withdrawn, implants.ChangeWithdrawn, "entered twice"))
	check("withdrawn", vanDam, claes, "2026-11-21", platform.Care{})

	loadSources(t, db, implants.SourceEntries{Links: []platform.TherapeuticLink{
		{Patient: leroy, Professional: claes, Type: "gmd", Period: newPeriod("2026-01-01", "2026-06-30")},
		{Patient: leroy, Professional: claes, Type: "operation", Period: newPeriod("2026-06-01", "")},
	}})
	check("before", leroy, claes, "2025-12-31", platform.Care{LastSurgery: old.SurgeryDate})
	check("first day", leroy, claes, "2026-01-01", platform.Care{Relation: "gmd", LastSurgery: old.SurgeryDate})
	check("both", leroy, claes, "2026-06-30", platform.Care{Relation: "gmd", LastSurgery: old.SurgeryDate})
	check("an imported relation of this type", leroy, claes, "2026-07-01", platform.Care{Relation: "operation", LastSurgery: old.SurgeryDate})

	const newer = "12451200933"
	for _, former := range []ident.SSIN{leroy, claes} { // the patient gets a new number, then the specialist
		number := people.MustSSIN(newer)
		if former == claes {
			number = people.MustSSIN("05041801691")
		}
		if err := db.ReplaceSSIN(t.Context(), former, number); err != nil {
			t.Fatal(err)
		}
		for _, patient := range []ident.SSIN{leroy, people.MustSSIN(newer)} {
			check("by any number", patient, claes, "2026-07-01", platform.Care{Relation: "operation", LastSurgery: old.SurgeryDate})
		}
	}
	check("by the new number of the specialist", leroy, people.MustSSIN("05041801691"), "2026-07-01", platform.Care{Relation: "operation", LastSurgery: old.SurgeryDate})
}

// testNotificationFacts: what decides who may see a notification, in the same number of statements for one that does
// not exist.
func testNotificationFacts(t *testing.T, b Backend) {
	db := b.Open(t)
	loadSources(t, db, newSourceEntries())
	n, draft := newImplantation(t, 1), newDraft(t, 2)
	keepAll(t, db, n, draft)
	today := people.MustDate("2026-11-21")
	find := func(ref implants.NotificationRef, organisation ident.NIHII) (implants.NotificationFacts, bool) {
		t.Helper()
		var facts implants.NotificationFacts
		var found bool
		readTx(t, db, func(r implants.Reader) (err error) {
			facts, found, err = r.NotificationFacts(ref, claes, organisation, today)
			return err
		})
		return facts, found
	}
	for _, ref := range []implants.NotificationRef{{Number: n.Number}, {Reference: n.Reference}} {
		got, found := find(ref, ident.NIHII{})
		checkFound(t, "facts", got, implants.NotificationFacts{Reference: n.Reference, Number: n.Number, Specialist: claes, Patient: leroy,
			SurgeryDate: n.SurgeryDate, Care: platform.Care{LastSurgery: n.SurgeryDate}}, found, nil)
	}
	got, found := find(implants.NotificationRef{Reference: draft.Reference}, hospital)
	if !found || !got.Number.IsZero() || !platform.HasProfessionalRoleOn(got.SpecialistRoles, draft.SurgeryDate) {
		t.Errorf("draft: %+v", got)
	}
	if got, found = find(implants.NotificationRef{Reference: draft.Reference}, pharmacy); !found || len(got.SpecialistRoles) != 0 {
		t.Errorf("in another organisation: %+v", got)
	}
	for _, ref := range []implants.NotificationRef{{Number: newNumber(t, 99)}, {Reference: "none"}, {}} {
		got, found = find(ref, hospital)
		checkNotFound(t, "no notification", got, found, nil)
	}
}

// testEmergencies: what a professional claimed on a day, on any node and after reopening.
func testEmergencies(t *testing.T, b Backend) {
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	at := registeredAt
	claim := func(patient ident.SSIN, on, reason string) platform.Emergency {
		return platform.Emergency{Professional: peeters, Patient: patient, Day: people.MustDate(on), Reason: reason}
	}
	check := func(what string, c platform.Emergency, want platform.PastEmergencies) {
		t.Helper()
		for _, node := range append(nodes, b.Open(t)) {
			writeTx(t, node, func(w implants.Writer) error {
				got, err := w.PastEmergencies(c)
				checkValue(t, what, got, want, err)
				return nil
			})
		}
	}
	save := func(c platform.Emergency, opensAt time.Time) {
		t.Helper()
		writeTx(t, nodes[0], func(w implants.Writer) error { return w.SaveEmergency(c, opensAt) })
	}
	check("none", claim(leroy, "2026-11-21", "a"), platform.PastEmergencies{})
	save(claim(leroy, "2026-11-21", "a"), at)
	save(claim(leroy, "2026-11-21", "a"), at.Add(time.Hour)) // keeps the first
	save(claim(leroy, "2026-11-21", "b"), at.Add(time.Hour))
	check("the same patient", claim(leroy, "2026-11-21", "a"), platform.PastEmergencies{OpensAt: at})
	check("another patient", claim(vanDam, "2026-11-21", "c"), platform.PastEmergencies{OtherPatients: 1})
	check("with a used reason", claim(vanDam, "2026-11-21", "b"), platform.PastEmergencies{OtherPatients: 1, IsReasonUsed: true})
	other := claim(vanDam, "2026-11-21", "b")
	other.Professional = dubois
	check("of another doctor", other, platform.PastEmergencies{})
	check("on the next day", claim(vanDam, "2026-11-22", "b"), platform.PastEmergencies{})
	save(other, at)
	save(claim(vanDam, "2026-11-22", "b"), at.AddDate(0, 0, 1))
	check("the day before is forgotten", claim(vanDam, "2026-11-21", "b"), platform.PastEmergencies{})
	check("but not another doctor's", other, platform.PastEmergencies{OpensAt: at})
}
