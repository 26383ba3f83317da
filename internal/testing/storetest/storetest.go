// Package storetest tests that a store fulfils the contract of the domain's Store. It has one suite for all engines, and
// starts a PostgreSQL server to run it on.
//
// It is separate from package store so that tests of other packages can open a store, and so that the suite can only
// use the exported API.
package storetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/texts"
)

// Backend is a new database for one test, deleted after the test.
type Backend struct {
	// Config opens the database. Several stores can be open at the same time, like several nodes.
	Config store.Config
	// OpenRaw opens the database with the plain driver, to see what the store does not return and to try what the
	// database must reject.
	OpenRaw func(t testing.TB) *sql.DB
}

// Open opens the database as one more node.
func (b Backend) Open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), b.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// Run runs the suite, each case on a new database.
func Run(t *testing.T, backend func(testing.TB) Backend) {
	cases := []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"sources", testSources},
		{"mandates", testMandates},
		{"mandates kept", testKeepMandate},
		{"events of a patient", testEventsByPatient},
		{"affiliations kept", testKeepAffiliation},
		{"search devices", testSearchDevices},
		{"load replaces", testLoadReplaces},
		{"load is all or nothing", testLoadAllOrNothing},
		{"load on another node", testLoadNodes},
		{"empty", testEmpty},
		{"notification", testNotification},
		{"explantation", testExplantation},
		{"newer version", testNewerVersion},
		{"life", testLife},
		{"withdrawn explantation", testWithdrawnExplantation},
		{"removal not decided", testRemovalNotDecided},
		{"pages while others revise", testStablePages},
		{"order of registration", testRegistrationOrder},
		{"pending", testPending},
		{"same version at once", testVersionRace},
		{"at rest", testAtRest},
		{"rotation", testRotation},
		{"rotation at work", testRotationAtWork},
		{"key file", testKeyFile},
		{"replaced number", testReplaced},
		{"evidence", testEvidence},
		{"exchanged", testExchanged},
		{"submission", testSubmission},
		{"implants", testImplants},
		{"serial", testSerial},
		{"history", testHistory},
		{"search", testSearch},
		{"search by implant", testSearchByImplant},
		{"search of a professional", testSearchPatientsOf},
		{"care", testCare},
		{"facts of a notification", testNotificationFacts},
		{"emergencies", testEmergencies},
		{"audit", testAudit},
		{"unicode and instants", testUnicode},
		{"rollback", testRollback},
		{"failure that is swallowed", testSwallowed},
		{"panic", testPanic},
		{"commit that fails", testFailedCommit},
		{"isolation of concurrent writes", testIsolation},
		{"replay", testReplay},
		{"replay across nodes", testReplayNodes},
		{"purge", testPurge},
		{"sessions", testSessions},
		{"cards", testCards},
		{"cards at the same time", testCardRace},
		{"verification of cards", testCardVerification},
		{"numbers", testNumbers},
		{"hold", testHold},
		{"same submission at once", testSubmissionRace},
		{"consistent view", testConsistentView},
		{"append-only", testAppendOnly},
		{"context", testContext},
		{"overload", testOverload},
		{"ready and closed", testReady},
		{"kept across reopening", testReopen},
		{"newer tables", testNewerTables},
		{"missed migration", testMissedMigration},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, backend(t))
		})
	}
}

// Persons, organisations and devices of the development data.
var (
	claes, dubois, peeters  = people.Claes, people.Dubois, people.Peeters
	leroy, vanDam           = people.Leroy, people.VanDam // patients
	claesNIHII, duboisNIHII = people.ClaesNIHII, people.DuboisNIHII
	hospital, pharmacy      = people.Hospital, people.Pharmacy
	mesh, knee              = people.Mesh, people.Knee
)

func newPeriod(from, to string) platform.Period {
	return platform.Period{From: people.MustDate(from), To: people.MustDate(to)}
}

func newNumber(t testing.TB, running uint64) ident.NotificationNumber {
	t.Helper()
	n, err := ident.NewNotificationNumber(people.MustDate("2026-11-21"), running)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var registeredAt = time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC)

// newImplantation returns a complete notification. Its number and all its unique values derive from running.
func newImplantation(t testing.TB, running uint64) implants.Notification {
	t.Helper()
	reference := fmt.Sprintf("reference-%05d", running)
	n := implants.Notification{
		Reference: reference, Version: 1, State: implants.Final, Change: implants.ChangeNotified, Number: newNumber(t, running),
		Type:        implants.TypeImplantation,
		Specialist:  platform.ProfessionalRef{SSIN: claes, NIHII: claesNIHII},
		SurgeryDate: people.MustDate("2026-11-20"), Patient: leroy,
		Prescriber:       platform.ProfessionalRef{SSIN: dubois, NIHII: duboisNIHII},
		PrescriptionDate: people.MustDate("2026-11-02"), Comment: "revision of the left knee",
		Warnings:     []platform.Warning{{Code: "WARN_ONE", Path: "Implantation.Implants[1]", Detail: texts.Literal("facts")}, {Code: "WARN_TWO"}},
		RegisteredAt: registeredAt, Digest: sha256.Sum256([]byte("body " + reference)), Signer: "NIHII-HOSPITAL=71000436",
		Organisation: hospital, Author: claes, InputReference: "EPD-" + reference,
		ContentDigest: sha256.Sum256([]byte("content " + reference)),
	}
	first := implants.Implant{
		ID: reference + "-1",
		NotifiedImplant: implants.NotifiedImplant{
			Code: knee, UDI: "(01)05410000001047(17)291231(10)L2201(21)S-" + reference, Lot: "L2201", Serial: "S-" + reference,
			Expiry: people.MustDate("2029-12-31"), Pharmacist: platform.ProfessionalRef{SSIN: peeters},
			Pharmacy: platform.OrganisationRef{NIHII: pharmacy, CBE: people.PharmacyCBE}, DeliveryDate: people.MustDate("2026-11-19"),
			Quantity: 1, Location: "left knee", Side: "Left",
		},
		UDIDI: "05410000001047",
	}
	second := implants.Implant{ID: reference + "-2", NotifiedImplant: implants.NotifiedImplant{Code: mesh, Quantity: 3}}
	n.Implants = []implants.Implant{first, second}
	completeImplants(&n)
	return n
}

// completeImplants sets the fields of implants that repeat the notification's, and those that the store computes.
func completeImplants(n *implants.Notification) {
	for i := range n.Implants {
		n.Implants[i].Number, n.Implants[i].Patient, n.Implants[i].SurgeryDate = n.Number, n.Patient, n.SurgeryDate
		n.Implants[i].Remaining, n.Implants[i].InForce = n.Implants[i].Quantity, n.State == implants.Final
	}
}

// newExplantation returns an explantation with the given removals.
func newExplantation(t testing.TB, running uint64, on string, removals ...implants.Removal) implants.Notification {
	t.Helper()
	n := newImplantation(t, running)
	n.Type, n.SurgeryDate, n.Implants, n.Removals = implants.TypeExplantation, people.MustDate(on), nil, removals
	n.Prescriber, n.PrescriptionDate = platform.ProfessionalRef{}, ident.Date{}
	return n
}

func writeTx(t testing.TB, s implants.Store, f func(implants.Writer) error) {
	t.Helper()
	if err := s.RunWriteTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func readTx(t testing.TB, s implants.Store, f func(implants.Reader) error) {
	t.Helper()
	if err := s.RunReadTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func keepAll(t testing.TB, s implants.Store, all ...implants.Notification) {
	t.Helper()
	writeTx(t, s, func(w implants.Writer) error {
		for _, n := range all {
			if err := w.AppendVersion(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// readEvents returns the whole audit log.
func readEvents(t testing.TB, db *store.DB) []platform.AuditEvent {
	t.Helper()
	all, _, err := db.ReadEvents(context.Background(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func replayKeyOf(text string) platform.ReplayKey {
	return platform.ReplayKey{Hash: sha256.Sum256([]byte(text)), ExpiresAt: registeredAt.Add(5 * time.Minute)}
}
