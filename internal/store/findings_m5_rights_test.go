package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

func since(day string) platform.Period { return platform.Period{From: people.MustDate(day)} }

// loadRights loads a practice, a role, a mandate, a relation and an organisation, and two notifications.
func loadRights(t *testing.T, db *store.DB) {
	t.Helper()
	err := db.LoadSources(t.Context(), implants.SourceEntries{
		Practices: []platform.Practice{{SSIN: people.Claes, NIHII: people.ClaesNIHII, Profession: platform.Physician,
			Speciality: "Orthopaedic surgery", Period: since("2005-07-01")}},
		Organisations: []platform.Organisation{{NIHII: people.Hospital, Type: "Hospital", Name: "Sint-Elooi"}},
		Affiliations: []platform.Affiliation{
			{Organisation: people.Hospital, SSIN: people.Claes, Role: "Specialist", Period: since("2010-01-01")}},
		Mandates: []platform.Mandate{{Grantor: people.Dubois, Grantee: people.Nguyen, Service: "CTR",
			AcceptedOn: people.MustDate("2024-01-03"), Period: since("2024-01-01")}},
		Links: []platform.TherapeuticLink{{Patient: people.VanDam, Professional: people.Peeters, Type: "gmd",
			Period: since("2019-01-01")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	waiting := newVersionOf("waiting", 11, people.Claes, people.Leroy, people.Claes, "SSIN="+people.Claes.Digits())
	waiting.State, waiting.Change = implants.Draft, implants.ChangeSaved
	waiting.Number = implants.Notification{}.Number
	storeVersions(t, db,
		newVersionOf("final", 10, people.Dubois, people.VanDam, people.Dubois, "SSIN="+people.Dubois.Digits()), waiting)
}

// readRights returns what the rows give: how many practices, roles, mandates, relations, found and waiting
// notifications, and organisations.
func readRights(t *testing.T, db *store.DB) string {
	t.Helper()
	var text string
	day := people.MustDate("2026-11-21")
	err := db.RunReadTx(t.Context(), func(r implants.Reader) error {
		practices, err := r.Practices(platform.ProfessionalRef{SSIN: people.Claes})
		if err != nil {
			return err
		}
		roles, err := r.Affiliations(people.Hospital, people.Claes)
		if err != nil {
			return err
		}
		mandates, err := r.MandatesByGrantee(people.Nguyen)
		if err != nil {
			return err
		}
		care, err := r.CareOf(people.VanDam, people.Peeters, day)
		if err != nil {
			return err
		}
		found, total, err := r.SearchNotifications(implants.NotificationQuery{Code: people.Knee, TreatedBy: people.Peeters,
			TreatedOn: day, Limit: 10})
		if err != nil {
			return err
		}
		waiting, waitingTotal, err := r.ListPending(implants.PendingQuery{Organisation: people.Hospital, Limit: 10})
		if err != nil {
			return err
		}
		_, isOrganisation, err := r.Organisation(platform.OrganisationRef{NIHII: people.Hospital})
		text = fmt.Sprint(len(practices), " ", len(roles), " ", len(mandates), " ", care.Relation != "", " ", len(found), "/",
			total, " ", len(waiting), "/", waitingTotal, " ", isOrganisation)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// verifyRights returns the tables that findings name.
func verifyRights(t *testing.T, db *store.DB) string {
	t.Helper()
	findings, _, err := db.VerifyRights(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range findings {
		all = append(all, f.Table+": "+f.Text)
	}
	return strings.Join(all, "\n")
}

// TestFindingM5ForgedRightsGiveNone: a row that somebody wrote beside the program gives no right, whatever asks for it.
// It is counted, and verification names it.
func TestFindingM5ForgedRightsGiveNone(t *testing.T) {
	const all = "1 1 1 true 1/1 1/1 true"
	for name, test := range map[string]struct{ statement, want, table string }{
		"practice":     {`UPDATE practice SET speciality = 'Cardiology'`, "0 1 1 true 1/1 1/1 true", "practice"},
		"its end":      {`UPDATE practice SET valid_to = '2030-01-01'`, "0 1 1 true 1/1 1/1 true", "practice"},
		"role":         {`UPDATE affiliation SET role = 'Pharmacist'`, "1 0 1 true 1/1 0/0 true", "affiliation"},
		"first day":    {`UPDATE affiliation SET valid_from = '2000-01-01'`, "1 0 1 true 1/1 0/0 true", "affiliation"},
		"mandate":      {`UPDATE mandate SET accepted_on = '2025-01-01'`, "1 1 0 true 1/1 1/1 true", "mandate"},
		"relation":     {`UPDATE therapeutic_link SET type = 'other'`, "1 1 1 false 0/0 1/1 true", "therapeutic_link"},
		"organisation": {`UPDATE organisation SET type = 'Laboratory'`, "1 1 1 true 1/1 1/1 false", "organisation"},
		"a moved seal": {`UPDATE mandate SET seal = (SELECT seal FROM practice)`, "1 1 0 true 1/1 1/1 true", "mandate"},
		"no seal":      {`UPDATE mandate SET seal = CAST('' AS EMPTY)`, "1 1 0 true 1/1 1/1 true", "mandate"},
		"an own seal": {`UPDATE mandate SET seal = CAST('2026-11-30-abcdefgh01234567890123456789012345678901' AS EMPTY)`,
			"1 1 0 true 1/1 1/1 true", "mandate"},
	} {
		t.Run(name, func(t *testing.T) {
			runOnEngines(t, func(t *testing.T, b storetest.Backend) {
				t.Helper()
				db := b.Open(t)
				loadRights(t, db)
				if got, findings := readRights(t, db), verifyRights(t, db); got != all || findings != "" {
					t.Fatalf("%s, %s", got, findings)
				}
				kind := "blob"
				if b.Config.URL != "" {
					kind = "bytea"
				}
				execRaw(t, b.OpenRaw(t), strings.ReplaceAll(test.statement, "EMPTY", kind))
				again := b.Open(t) // nothing is cached
				if got := readRights(t, again); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
				if again.Status().UnsealedRows == 0 {
					t.Error("nothing was counted")
				}
				if findings := verifyRights(t, again); !strings.HasPrefix(findings, test.table+": a column was changed") {
					t.Errorf("findings: %s", findings)
				}
			})
		})
	}
}

// TestFindingM5InsertedRightsGiveNone: a copy of a good row under another key gives no right to its new holder.
func TestFindingM5InsertedRightsGiveNone(t *testing.T) {
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		db := b.Open(t)
		loadRights(t, db)
		execRaw(t, b.OpenRaw(t), `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to, seal)
			SELECT patient, (SELECT subject FROM practice), type, valid_from, valid_to, seal FROM therapeutic_link`)
		again := b.Open(t)
		err := again.RunReadTx(t.Context(), func(r implants.Reader) error {
			care, err := r.CareOf(people.VanDam, people.Claes, people.MustDate("2026-11-21"))
			if err == nil && care.Relation != "" {
				t.Errorf("the relation counts: %+v", care)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		findings := verifyRights(t, again)
		for _, want := range []string{"a column was changed, or the row was inserted", "there are 2, and 1 were written"} {
			if !strings.Contains(findings, want) {
				t.Errorf("%q is missing in %s", want, findings)
			}
		}
	})
}

// endMandate ends the mandate as a request does, with an event.
func endMandate(t *testing.T, db *store.DB, day string) {
	t.Helper()
	err := db.RunWriteTx(t.Context(), func(w implants.Writer) error {
		stored, err := w.MandatesByGrantee(people.Nguyen)
		if err != nil || len(stored) != 1 {
			return fmt.Errorf("%d mandates: %w", len(stored), err)
		}
		m := stored[0]
		m.To, m.EndedOn = people.MustDate(day), people.MustDate(day)
		if err = w.SaveMandate(m); err != nil {
			return err
		}
		return w.AppendEvent(platform.AuditEvent{OccurredAt: firstSealing, Correlation: "c-" + day, Operation: "ManageMandate",
			Outcome: platform.OutcomeAccepted, Person: people.Dubois, Capacity: platform.CapacityDoctor})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// saveTables copies tables, and returns a function that sets them back.
func saveTables(t *testing.T, raw *sql.DB, tables ...string) func() {
	t.Helper()
	for _, table := range tables {
		execRaw(t, raw, `CREATE TABLE former_`+table+` AS SELECT * FROM `+table)
	}
	return func() {
		for _, table := range tables {
			execRaw(t, raw, `DELETE FROM `+table, `INSERT INTO `+table+` SELECT * FROM former_`+table)
		}
	}
}

// TestFindingM5RightsSetBack: a former state of a row has a good seal. The total of its table tells; if that is set back
// too, the audit log tells, also when rights were changed since.
func TestFindingM5RightsSetBack(t *testing.T) {
	for name, test := range map[string]struct {
		tables []string
		want   string
	}{
		"the row":        {[]string{"mandate"}, "mandate: a row has a former state of itself"},
		"with its total": {[]string{"mandate", "rights_total"}, "rights_total: the tables that give rights have not the state"},
	} {
		t.Run(name, func(t *testing.T) {
			runOnEngines(t, func(t *testing.T, b storetest.Backend) {
				t.Helper()
				db, raw := b.Open(t), b.OpenRaw(t)
				loadRights(t, db)
				endMandate(t, db, "2026-11-20")
				setBack := saveTables(t, raw, test.tables...)
				endMandate(t, db, "2026-11-21")
				if findings := verifyRights(t, db); findings != "" {
					t.Fatal(findings)
				}
				setBack()
				if findings := verifyRights(t, b.Open(t)); !strings.HasPrefix(findings, test.want) {
					t.Errorf("findings: %s", findings)
				}
				if len(test.tables) < 2 {
					return
				}
				endMandate(t, b.Open(t), "2026-11-19") // the number of changes is right again
				if findings := verifyRights(t, b.Open(t)); !strings.Contains(findings, "were set back before row") {
					t.Errorf("after another change: %s", findings)
				}
			})
		})
	}
}

// TestFindingM5RemovedRights: rows that were removed are found, and a row of the totals that was changed or removed.
func TestFindingM5RemovedRights(t *testing.T) {
	for statement, want := range map[string]string{
		`DELETE FROM affiliation`:  "affiliation: rows were removed: there are 0, and 1 were written",
		`DELETE FROM practice`:     "practice: rows were removed",
		`DELETE FROM rights_total`: "its row of rights_total is missing",
		`UPDATE rights_total SET row_count = 0 WHERE name = 'mandate'`:                                    "mandate: its row of rights_total was changed",
		`INSERT INTO rights_total SELECT 'x', 1, 1, total, seal FROM rights_total WHERE name = 'mandate'`: "x: it is no table that gives rights",
	} {
		runOnEngines(t, func(t *testing.T, b storetest.Backend) {
			t.Helper()
			db := b.Open(t)
			loadRights(t, db)
			execRaw(t, b.OpenRaw(t), statement)
			if findings := verifyRights(t, db); !strings.Contains(findings, want) {
				t.Errorf("%s: %s", statement, findings)
			}
		})
	}
}

// TestFindingM5RotationSealsRights: after a rotation the former key is needed for no right, and nothing is a finding.
func TestFindingM5RotationSealsRights(t *testing.T) {
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		db := b.Open(t)
		loadRights(t, db)
		endMandate(t, db, "2026-11-20")
		before := readRights(t, db)
		keys, err := db.PublicKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rotateAll(t, db)
		if err = db.RetireKey(t.Context(), keys[0].KeyID); err != nil {
			t.Fatal(err)
		}
		again := b.Open(t)
		if got, findings := readRights(t, again), verifyRights(t, again); got != before || findings != "" {
			t.Errorf("%s, before %s, %s", got, before, findings)
		}
		endMandate(t, again, "2026-11-21")
		if findings := verifyRights(t, again); findings != "" {
			t.Error(findings)
		}
	})
}

// TestFindingM5NewNumberMovesRights: when a person gets another number, their rights are sealed anew.
func TestFindingM5NewNumberMovesRights(t *testing.T) {
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		db := b.Open(t)
		loadRights(t, db)
		before := readRights(t, db)
		for _, r := range []platform.SSINReplacement{{Former: people.Claes, Newer: people.Goosens}, {Former: people.Nguyen,
			Newer: people.Kaya}, {Former: people.VanDam, Newer: people.Smit}, {Former: people.Peeters, Newer: people.Jacobs}} {
			if err := db.LoadSources(t.Context(), implants.SourceEntries{Replacements: []platform.SSINReplacement{r}}); err != nil {
				t.Fatal(err)
			}
		}
		again := b.Open(t)
		if got, findings := readRights(t, again), verifyRights(t, again); got != before || findings != "" {
			t.Errorf("%s, before %s, %s", got, before, findings)
		}
	})
}

// TestFindingM5FormerRightsAreSealedOnce: the rows of a register from before there were seals are sealed when it opens,
// the key file says so, and from then on no unsealed row is.
func TestFindingM5FormerRightsAreSealedOnce(t *testing.T) {
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		loadFormer(t, b)
		keyFile := b.Config.KeyFile
		if keyFile == "" {
			keyFile = filepath.Join(b.Config.Directory, "keys.json")
		}
		raw := b.OpenRaw(t)
		before := readFile(t, keyFile)
		db := b.Open(t)
		if findings := verifyRights(t, db); findings != "" {
			t.Fatal(findings)
		}
		if n := queryNumber(t, raw, `SELECT COUNT(*) FROM practice WHERE length(seal) > 32`); n == 0 {
			t.Fatal("no practice is sealed")
		}
		if strings.Contains(before, "rights_sealed") || !strings.Contains(readFile(t, keyFile), `"rights_sealed": true`) {
			t.Errorf("the key file does not say so")
		}
		execRaw(t, raw, `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to)
			SELECT MIN(id), MAX(id), 'gmd', '2020-01-01', '' FROM subject`)
		if findings := verifyRights(t, b.Open(t)); !strings.Contains(findings, "therapeutic_link: a column was changed") {
			t.Errorf("an unsealed row: %s", findings)
		}
		execRaw(t, raw, `DELETE FROM rights_total`)
		if _, err := store.Open(t.Context(), b.Config); err == nil || !strings.Contains(err.Error(), "totals of the tables") {
			t.Errorf("without the totals: %v", err)
		}
		execRaw(t, raw, `DELETE FROM current_key`, `DELETE FROM sealing_key`) // as if it were a new register
		if _, err := store.Open(t.Context(), b.Config); err == nil {
			t.Error("rows of a register that looks new were sealed")
		}
		// A backup from before is the operator's to say.
		if err := os.WriteFile(keyFile, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if findings := verifyRights(t, b.Open(t)); findings != "" {
			t.Errorf("after the operator said so: %s", findings)
		}
	})
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestFindingM5ConcurrentRights has two nodes change the same rows at the same time, rows that are there and new ones:
// what is counted is what is there.
func TestFindingM5ConcurrentRights(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testConcurrentRights(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { testConcurrentRights(t, storetest.NewPostgresBackends(t)(t)) })
}

func testConcurrentRights(t *testing.T, b storetest.Backend) {
	t.Helper()
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	save := func(node *store.DB, a platform.Affiliation) error {
		var err error
		for range 20 { // what lost a race more often than the store tries again
			err = node.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.SaveAffiliation(a) })
			if !errors.Is(err, problem.Unavailable) {
				break
			}
		}
		return err
	}
	for round := range 10 {
		var group sync.WaitGroup
		for i := range 8 {
			a := platform.Affiliation{Organisation: people.Hospital, SSIN: people.Nguyen, Role: platform.RoleManager,
				Period: since(fmt.Sprintf("2026-11-%02d", 1+round/2))}
			a.To = people.MustDate(fmt.Sprintf("2026-12-%02d", 1+i+8*(round%2)))
			group.Go(func() {
				if err := save(nodes[i%2], a); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if found := verifyRights(t, nodes[0]); found != "" {
			t.Fatalf("round %d: %s", round, found)
		}
	}
}
