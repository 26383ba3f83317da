package store_test

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/store/identity"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// runOnEngines runs a test on a new database of each engine.
func runOnEngines(t *testing.T, run func(*testing.T, storetest.Backend)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { run(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, storetest.NewPostgresBackends(t)(t)) })
}

// newVersionOf returns an implantation by a specialist, signed and written by an author.
func newVersionOf(name string, running uint64, specialist, patient, author ident.SSIN, signer string,
) implants.Notification {
	return implants.Notification{
		Reference: name, Version: 1, State: implants.Final, Change: implants.ChangeNotified,
		Number: people.Must(func(string) (ident.NotificationNumber, error) {
			return ident.NewNotificationNumber(people.MustDate("2026-11-21"), running)
		}, name),
		Type: implants.TypeImplantation, Specialist: platform.ProfessionalRef{SSIN: specialist, NIHII: people.DuboisNIHII},
		SurgeryDate: people.MustDate("2026-11-20"), Patient: patient, Comment: "comment of " + name,
		RegisteredAt: firstSealing, Digest: sha256.Sum256([]byte(name)), Signer: signer, Organisation: people.Hospital,
		Author: author, InputReference: "EPD 69092234126 " + name, ContentDigest: sha256.Sum256([]byte("content " + name)),
		Implants: []implants.Implant{{ID: name + "-1", NotifiedImplant: implants.NotifiedImplant{Code: people.Knee,
			Lot: "L1", Serial: "S-" + name, Quantity: 1, Location: "place of " + name,
			Pharmacist: platform.ProfessionalRef{SSIN: people.Peeters}}}},
		Warnings: []platform.Warning{{Code: "WARN_ONE"}},
	}
}

// storeVersions stores versions as requests do: with evidence and an event.
func storeVersions(t testing.TB, db *store.DB, all ...implants.Notification) {
	t.Helper()
	err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		for _, n := range all {
			err := w.AppendVersion(n)
			if err == nil {
				err = w.AppendEvidence(implants.Evidence{Reference: n.Reference, Version: n.Version,
					Message: []byte("message of " + n.Reference), Certificate: []byte("certificate"), AcceptedAt: n.RegisteredAt})
			}
			if err == nil {
				err = w.AppendEvent(platform.AuditEvent{OccurredAt: n.RegisteredAt, Correlation: "c-" + n.Reference,
					Operation: "NotifyImplant", Outcome: platform.OutcomeAccepted, Reason: "specialist of the operation",
					EmergencyReason: "emergency of " + n.Reference, Signer: n.Signer, Organisation: n.Organisation,
					Person: n.Author, Capacity: platform.CapacityDoctor, Patient: n.Patient, Number: n.Number})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		if _, err = db.KeepCard(t.Context(), n.Reference, n.Version, "", []byte("card of "+n.Reference)); err != nil {
			t.Fatal(err)
		}
	}
}

// fillPersons stores doctors, Claes and Dubois, who are patients of each other, and a patient, Leroy.
func fillPersons(t testing.TB, db *store.DB) {
	t.Helper()
	period := platform.Period{From: people.MustDate("2020-01-01")}
	err := db.LoadSources(t.Context(), implants.SourceEntries{
		Persons: []platform.Person{
			{SSIN: people.Claes, FirstName: "Koen", LastName: "Claesfixture", BirthDate: people.MustDate("1975-01-01")},
			{SSIN: people.Dubois, FirstName: "Luc", LastName: "Duboisfixture"},
			{SSIN: people.Leroy, FirstName: "Jeanne", LastName: "Leroyfixture"},
		},
		Practices: []platform.Practice{
			{SSIN: people.Claes, NIHII: people.ClaesNIHII, Profession: platform.Physician, Period: period},
			{SSIN: people.Dubois, NIHII: people.DuboisNIHII, Profession: platform.Physician, Period: period},
		},
		Affiliations: []platform.Affiliation{
			{Organisation: people.Hospital, SSIN: people.Claes, Role: platform.RoleAdministrative, Period: period}},
		Mandates: []platform.Mandate{{Grantor: people.Dubois, Grantee: people.Claes, Service: "CTR", Period: period}},
		Links: []platform.TherapeuticLink{
			{Patient: people.Claes, Professional: people.Dubois, Type: "gp", Period: period}},
	})
	if err != nil {
		t.Fatal(err)
	}
	draft := newVersionOf("draft", 9, people.Dubois, ident.SSIN{}, people.Claes, "NIHII-HOSPITAL=71000436")
	draft.Number, draft.State, draft.Comment, draft.Implants = ident.NotificationNumber{}, implants.Draft, "", nil
	storeVersions(t, db,
		newVersionOf("first", 1, people.Dubois, people.Claes, people.Dubois, "SSIN="+people.Dubois.Digits()),
		newVersionOf("second", 2, people.Claes, people.Leroy, people.Claes, "NIHII-HOSPITAL=71000436"),
		newVersionOf("third", 3, people.Claes, people.Dubois, people.Claes, "SSIN="+people.Claes.Digits()+", EPD"), draft)
	err = db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		return errors.Join(
			w.AppendEvent(platform.AuditEvent{OccurredAt: firstSealing, Correlation: "c-own", Operation: "ListPatientImplants",
				Outcome: platform.OutcomeAccepted, Reason: platform.ReasonOwnData, Signer: "SSIN=" + people.Claes.Digits(),
				Person: people.Claes, Capacity: platform.CapacityPatient, Patient: people.Claes}),
			w.AppendEvent(platform.AuditEvent{OccurredAt: firstSealing, Correlation: "c-staff", Operation: "ManageStaff",
				Outcome: platform.OutcomeAccepted, Reason: "access manager", Signer: "NIHII-HOSPITAL=71000436",
				Organisation: people.Hospital, Person: people.Dubois, Capacity: platform.CapacityManager,
				Patient: people.Claes, ConcernsColleague: true}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readPersons returns what the store says about the persons, and an error for what it refuses.
func readPersons(t testing.TB, db *store.DB) (string, error) {
	t.Helper()
	all := ""
	readErr := db.RunReadTx(t.Context(), func(r implants.Reader) error {
		for _, ssin := range []ident.SSIN{people.Claes, people.Dubois, people.Leroy, people.VanDam, people.Kaya} {
			person, _, personErr := r.Person(ssin)
			history, historyErr := r.NotificationsByPatient(ssin, ident.SSIN{})
			lines, linesErr := r.ImplantsByPatient(ssin, ident.SSIN{}, ident.Date{})
			practices, practiceErr := r.Practices(platform.ProfessionalRef{SSIN: ssin})
			roles, rolesErr := r.Affiliations(ident.NIHII{}, ssin)
			mandates, mandateErr := r.MandatesByGrantee(ssin)
			links, linkErr := r.TherapeuticLinks(ssin, people.Dubois)
			own, total, ownErr := r.SearchNotifications(implants.NotificationQuery{Specialist: ssin, Limit: 10})
			treated, _, treatedErr := r.SearchNotifications(implants.NotificationQuery{TreatedBy: ssin,
				TreatedOn: people.MustDate("2026-11-21"), Limit: 10})
			pending, _, pendingErr := r.ListPending(implants.PendingQuery{Specialists: []ident.SSIN{ssin}, Limit: 10})
			if err := errors.Join(personErr, historyErr, linesErr, practiceErr, rolesErr, mandateErr, linkErr, ownErr, treatedErr,
				pendingErr); err != nil {
				return err
			}
			all += fmt.Sprintf("%v\n", []any{person, history, lines, practices, roles, mandates, links, own, total, treated,
				pending})
		}
		return nil
	})
	if readErr != nil {
		return "", readErr
	}
	events, _, err := db.ReadEvents(t.Context(), 0, 100)
	for _, e := range events {
		e.ConcernsColleague = false // is not stored
		all += fmt.Sprintf("%v\n", e)
	}
	return all, err
}

// TestFindingM5ChangedSubjectIsNoticed changes the rows that say who a person is, as somebody who may write to the
// database can, and checks that nobody is given the data of another person.
func TestFindingM5ChangedSubjectIsNoticed(t *testing.T) {
	const patient, another = `(SELECT p.subject FROM person p ORDER BY p.subject LIMIT 1)`,
		`(SELECT p.subject FROM person p ORDER BY p.subject DESC LIMIT 1)`
	const doctor = `(SELECT p.subject FROM practice p ORDER BY p.subject LIMIT 1)`
	swapLookups := func(a, b string) []string {
		return []string{
			`CREATE TABLE kept AS SELECT lookup, subject FROM subject_lookup`,
			`UPDATE subject_lookup SET subject = ` + b + ` WHERE lookup = (SELECT k.lookup FROM kept k WHERE k.subject = ` + a + `)`,
			`UPDATE subject_lookup SET subject = ` + a + ` WHERE lookup = (SELECT k.lookup FROM kept k WHERE k.subject = ` + b + `)`,
		}
	}
	tests := map[string][]string{
		"two lookups swapped":              swapLookups(patient, another),
		"a lookup given to another person": {`UPDATE subject_lookup SET subject = ` + another + ` WHERE subject = ` + patient},
		"a professional's lookup given to a patient": {
			`UPDATE subject_lookup SET subject = ` + patient + ` WHERE subject = ` + doctor},
		"the lookups of a professional and a patient swapped": swapLookups(doctor, patient),
		"made another person":          {`UPDATE subject SET person = ` + another + ` WHERE id = ` + patient},
		"another person made this one": {`UPDATE subject SET person = ` + patient + ` WHERE id = ` + another},
		"another purpose":              {`UPDATE subject SET purpose = 'caller' WHERE id = ` + patient},
		"the number of another": {`UPDATE subject SET sealed = (SELECT s.sealed FROM subject s WHERE s.id = ` + another +
			`) WHERE id = ` + patient},
		"another key": {`UPDATE subject SET key_id = 'another' WHERE id = ` + patient},
		"the number of nobody": {`UPDATE subject SET sealed = (SELECT s.sealed FROM subject s
			WHERE s.id NOT IN (SELECT subject FROM person) AND s.purpose = 'patient') WHERE id = ` + patient},
		"the entry of another": {`UPDATE person SET sealed = (SELECT p.sealed FROM person p WHERE p.subject = ` + another +
			`) WHERE subject = ` + patient},
	}
	runOnEngines(t, func(t *testing.T, _ storetest.Backend) {
		t.Helper()
		backends := storetest.NewSQLiteBackend
		if strings.HasSuffix(t.Name(), "postgres") {
			backends = storetest.NewPostgresBackends(t)
		}
		for name, statements := range tests {
			t.Run(name, func(t *testing.T) {
				b := backends(t)
				fillPersons(t, b.Open(t))
				execRaw(t, b.OpenRaw(t), statements...)
				said, err := readPersons(t, b.Open(t))
				if err == nil || problem.From(err).Code != problem.InternalError {
					t.Fatalf("%v, read %s", err, said)
				}
				isTyped := errors.Is(err, identity.ErrChangedSubject)
				if isTyped == (name == "another key" || name == "the entry of another") {
					t.Errorf("%v", err)
				}
				for _, ssin := range []ident.SSIN{people.Claes, people.Dubois, people.Leroy} {
					if strings.Contains(err.Error(), ssin.Digits()) {
						t.Errorf("names a person: %v", err)
					}
				}
			})
		}
	})
}

func execRaw(t testing.TB, raw *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
}

// TestFindingM2NoJoinTellsWhoCarriesWhat checks that no join tells which doctor carries an implant, although numbers of
// doctors are public: neither of the tables, nor of an export of the audit log without persons.
func TestFindingM2NoJoinTellsWhoCarriesWhat(t *testing.T) {
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		db, raw := b.Open(t), b.OpenRaw(t)
		fillPersons(t, db)
		storetest.CheckPurposes(t, raw, b.Config.URL != "")
		checkNoJoin(t, db, raw)
		t.Run("after a number was replaced", func(t *testing.T) {
			before, err := readPersons(t, db)
			if err != nil {
				t.Fatal(err)
			}
			if err = db.ReplaceSSIN(t.Context(), people.Claes, people.Kaya); err != nil {
				t.Fatal(err)
			}
			storeVersions(t, db, newVersionOf("fourth", 4, people.Claes, people.Leroy, people.Kaya, "SSIN="+people.Kaya.Digits()),
				newVersionOf("fifth", 5, people.Dubois, people.Kaya, people.Dubois, "SSIN="+people.Dubois.Digits()))
			storetest.CheckPurposes(t, raw, b.Config.URL != "")
			checkNoJoin(t, db, raw)
			after, err := readPersons(t, b.Open(t))
			if err != nil || after == before {
				t.Errorf("%v\n%s", err, after)
			}
			checkRenewedPerson(t, db)
		})
		t.Run("after a rotation", func(t *testing.T) {
			before, err := readPersons(t, db)
			if err != nil {
				t.Fatal(err)
			}
			rotateAll(t, db)
			storetest.CheckPurposes(t, raw, b.Config.URL != "")
			if after, err := readPersons(t, db); err != nil || after != before {
				t.Errorf("%v\n%s\n%s", err, before, after)
			}
		})
		t.Run("what callers write is hashed", func(t *testing.T) {
			for _, query := range []string{`SELECT COUNT(*) FROM submission WHERE input_reference LIKE '%EPD%'`,
				`SELECT COUNT(*) FROM notification WHERE length(content_digest) = 32`,
				`SELECT COUNT(*) FROM notification WHERE length(input_reference) > 0 AND length(input_reference) < 40`} {
				if n := queryNumber(t, raw, query); n != 0 {
					t.Errorf("%s: %d", query, n)
				}
			}
		})
	})
}

// checkNoJoin looks with the keys for ids of one person that stand in one row, and for ids of a doctor among those of
// patients.
func checkNoJoin(t testing.TB, db *store.DB, raw *sql.DB) {
	t.Helper()
	for _, query := range []string{
		`SELECT COUNT(*) FROM practice p JOIN notification n ON n.patient = p.subject`,
		`SELECT COUNT(*) FROM practice p JOIN audit a ON a.patient = p.subject WHERE a.operation <> 'ManageStaff'`,
		`SELECT COUNT(*) FROM practice p JOIN person e ON e.subject = p.subject`,
		`SELECT COUNT(*) FROM practice p JOIN subject s ON s.id = p.subject JOIN subject o ON o.person = s.person
			JOIN notification n ON n.patient = o.id`,
		`SELECT COUNT(*) FROM notification a JOIN notification b ON a.specialist = b.patient OR a.author = b.patient
			OR a.prescriber = b.patient OR a.signer = 'SSIN=#' || b.patient`,
		`SELECT COUNT(*) FROM audit a JOIN notification n ON a.person = n.patient OR a.signer LIKE 'SSIN=#' || n.patient || '%'
			WHERE a.correlation <> 'c-own'`,
		`SELECT COUNT(*) FROM audit a JOIN notification n ON n.specialist = a.patient OR n.author = a.patient
			WHERE a.operation <> 'ManageStaff'`,
		`SELECT COUNT(*) FROM affiliation f JOIN audit a ON a.patient = f.subject WHERE a.operation <> 'ManageStaff'`,
		`SELECT COUNT(*) FROM mandate m JOIN notification n ON n.patient = m.grantee OR n.patient = m.grantor`,
		`SELECT COUNT(*) FROM therapeutic_link l JOIN notification n ON n.patient = l.professional`,
		`SELECT COUNT(*) FROM implant i JOIN notification n ON n.patient = i.pharmacist`,
		`SELECT COUNT(*) FROM audit WHERE capacity <> 'patient' AND person = patient`,
	} {
		if n := queryNumber(t, raw, query); n != 0 {
			t.Errorf("%d rows: %s", n, query)
		}
	}
	entries, err := db.Audit(t.Context(), platform.AuditQuery{Limit: 100})
	if err != nil || len(entries) < 5 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	callers, patients := map[int64]bool{}, map[int64]bool{}
	for _, e := range entries {
		if e.Event.Reason != platform.ReasonOwnData {
			callers[e.PersonPseudonym] = true
		}
		if e.Event.Operation != "ManageStaff" {
			patients[e.PatientPseudonym] = true
		}
	}
	for id := range callers {
		if id != 0 && patients[id] {
			t.Errorf("the export has %d as caller and as patient", id)
		}
	}
}

// checkRenewedPerson checks that Claes, whose number is now Kaya's, is found by both numbers for each purpose.
func checkRenewedPerson(t testing.TB, db *store.DB) {
	t.Helper()
	err := db.RunReadTx(t.Context(), func(r implants.Reader) error {
		for _, ssin := range []ident.SSIN{people.Claes, people.Kaya} {
			history, err := r.NotificationsByPatient(ssin, ident.SSIN{})
			practices, practiceErr := r.Practices(platform.ProfessionalRef{SSIN: ssin})
			own, total, ownErr := r.SearchNotifications(implants.NotificationQuery{Specialist: ssin, Limit: 10})
			sent, found, sentErr := r.NotificationByInputReference("SSIN="+ssin.Digits()+", EPD", "EPD 69092234126 third")
			if err = errors.Join(err, practiceErr, ownErr, sentErr); err != nil {
				return err
			}
			if len(history) != 2 || len(practices) != 1 || practices[0].SSIN != people.Kaya || total != 3 || own[0].Specialist.SSIN != people.Kaya ||
				!found || sent.Reference != "third" || sent.InputReference != "EPD 69092234126 third" {
				t.Errorf("%d notifications as patient, %v, %d as specialist, %v", len(history), practices, total, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func rotateAll(t testing.TB, db *store.DB) {
	t.Helper()
	if _, err := db.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := db.RotateKeys(t.Context()); err != nil || n == 0 {
		t.Fatalf("%d rotated, %v", n, err)
	}
}

func queryNumber(t testing.TB, raw *sql.DB, query string) (n int) {
	t.Helper()
	if err := raw.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return n
}
