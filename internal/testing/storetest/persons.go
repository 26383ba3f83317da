package storetest

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
)

// keyFilePath is the path of the backend's key file.
func (b Backend) keyFilePath() string {
	if b.Config.KeyFile != "" {
		return b.Config.KeyFile
	}
	return filepath.Join(b.Config.Directory, "keys.json")
}

// withKeyFile returns the same database with another key file.
func (b Backend) withKeyFile(file string) Backend {
	b.Config.KeyFile = file
	return b
}

type keyEntry struct {
	ID      string `json:"id"`
	Created string `json:"created"`
	Secret  []byte `json:"secret"`
}

func readKeyFile(t testing.TB, file string) []keyEntry {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var keys []keyEntry
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

func writeKeyFile(t testing.TB, file string, mode os.FileMode, content any) {
	t.Helper()
	text, ok := content.(string)
	if !ok {
		marshalled, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		text = string(marshalled)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

// fillHistory stores data about all test persons, and returns the texts that must not be in the database as plain text.
func fillHistory(t testing.TB, db *store.DB) []string {
	t.Helper()
	all := newSourceEntries()
	loadSources(t, db, all)
	placed := newImplantation(t, 1)
	placed.Implants[0].Location = "near the left patella"
	removed := newExplantation(t, 2, "2026-11-21", implants.Removal{ImplantID: placed.Implants[0].ID, Quantity: 1, Reason: "aseptic loosening"})
	removed.Signer = "SSIN=" + claes.Digits() + ", EPD"
	withdrawn := nextVersion(removed, implants.Withdrawn, implants.ChangeWithdrawn, "mistaken identity")
	begun := newDraft(t, 3)
	begun.Patient, begun.Comment = vanDam, "remains to be seen"
	keepAll(t, db, placed, removed, withdrawn, begun)
	loadSources(t, db, implants.SourceEntries{Links: []platform.TherapeuticLink{
		{Patient: vanDam, Professional: peeters, Type: "gmd", Period: newPeriod("2026-01-01", "")}}})
	writeTx(t, db, func(w implants.Writer) error {
		return errors.Join(
			w.AppendEvent(platform.AuditEvent{OccurredAt: registeredAt, Correlation: "c-1", Outcome: platform.OutcomeAccepted, EmergencyReason: "found unconscious",
				Signer: "SSIN=" + peeters.Digits(), Person: peeters, Patient: vanDam}),
			w.AppendEvent(platform.AuditEvent{OccurredAt: registeredAt, Correlation: "c-2", Outcome: platform.OutcomeRefused, EmergencyReason: "nobody in particular",
				Signer: "SSIN=" + vanDam.Digits() + ", PORTAL"}))
	})
	secrets := []string{placed.Comment, placed.Implants[0].Location, "aseptic loosening", "mistaken identity", "remains to be seen",
		"found unconscious", "nobody in particular"}
	for _, p := range all.Persons {
		secrets = append(secrets, p.FirstName, p.LastName, p.BirthDate.String())
	}
	for _, number := range []ident.SSIN{claes, dubois, peeters, leroy, vanDam} {
		secrets = append(secrets, number.Digits())
	}
	return secrets
}

// readEverything returns all data about persons that the store returns.
func readEverything(t testing.TB, db *store.DB) []any {
	t.Helper()
	var all []any
	readTx(t, db, func(r implants.Reader) error {
		for _, number := range []ident.SSIN{claes, dubois, peeters, leroy, vanDam} {
			person, _, err := r.Person(number)
			history, historyErr := r.NotificationsByPatient(number, ident.SSIN{})
			practices, practiceErr := r.Practices(platform.ProfessionalRef{SSIN: number})
			links, linkErr := r.TherapeuticLinks(number, peeters)
			found, _, searchErr := r.SearchNotifications(implants.NotificationQuery{Patient: number, Limit: 10})
			pending, _, pendingErr := r.ListPending(implants.PendingQuery{Specialists: []ident.SSIN{number}, Limit: 10})
			mandates, mandateErr := r.MandatesByGrantee(number)
			all = append(all, person, history, practices, links, found, pending, mandates)
			if err = errors.Join(err, historyErr, practiceErr, linkErr, searchErr, pendingErr, mandateErr); err != nil {
				return err
			}
		}
		for running := range 3 {
			reference := newImplantation(t, uint64(running+1)).Reference
			n, _, err := r.NotificationByReference(reference)
			versions, versionErr := r.Versions(reference)
			all = append(all, n, versions)
			if err = errors.Join(err, versionErr); err != nil {
				return err
			}
		}
		return nil
	})
	return append(all, readEvents(t, db))
}

// testAtRest checks that data about persons can be read back and is nowhere in plain text: neither in SQLite's files,
// including the WAL and free pages, nor in any table of PostgreSQL.
func testAtRest(t *testing.T, b Backend) {
	db := b.Open(t)
	secrets := fillHistory(t, db)
	trail := readEvents(t, db)
	checkEqual(t, "emergency", trail[0].EmergencyReason, "found unconscious")
	checkEqual(t, "emergency of nobody", trail[1].EmergencyReason, "nobody in particular")
	checkEqual(t, "signer", trail[1].Signer, "SSIN="+vanDam.Digits()+", PORTAL")
	readTx(t, db, func(r implants.Reader) error {
		n, there, err := r.NotificationByReference(newImplantation(t, 2).Reference)
		checkFound(t, "signer of a version", n.Signer, "SSIN="+claes.Digits()+", EPD", there, err)
		sent, there, err := r.NotificationByInputReference(n.Signer, newImplantation(t, 2).InputReference)
		checkFound(t, "submission", sent.Version, 1, there, err)
		return nil
	})
	checkNoPlaintext(t, b, secrets)
	if _, err := db.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkNoPlaintext(t, b, secrets)
}

// checkNoPlaintext searches everything in the database for the texts.
func checkNoPlaintext(t testing.TB, b Backend, secrets []string) {
	t.Helper()
	kept := map[string]string{}
	if b.Config.URL == "" {
		files, err := filepath.Glob(filepath.Join(filepath.Dir(b.Config.Directory), "*", "ctr.sqlite*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files: %v", err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			kept[filepath.Base(file)] = string(data)
		}
	} else {
		kept = dumpTables(t, b.OpenRaw(t))
	}
	size := 0
	for name, content := range kept {
		size += len(content)
		for _, secret := range secrets {
			if strings.Contains(content, secret) || strings.Contains(content, hex.EncodeToString([]byte(secret))) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
	if size < 4096 {
		t.Errorf("looked at %d bytes only", size)
	}
}

// dumpTables returns the tables of a PostgreSQL database as text.
func dumpTables(t testing.TB, raw *sql.DB) map[string]string {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	kept := map[string]string{}
	for _, name := range names {
		var content sql.NullString
		if err := raw.QueryRowContext(t.Context(), `SELECT string_agg(CAST(r AS text), E'\n') FROM `+name+` r`).Scan(&content); err != nil {
			t.Fatal(err)
		}
		kept[name] = content.String
	}
	return kept
}

// testRotation checks that during a key rotation all persons are found, by nodes that have loaded the new key and nodes
// that have not; and that the former key is not needed afterwards.
func testRotation(t *testing.T, b Backend) {
	db, other := b.Open(t), b.Open(t)
	fillHistory(t, db)
	before := readEverything(t, db)
	checkEqual(t, "on another node", readEverything(t, other), before)
	former := readKeyFile(t, b.keyFilePath())
	if err := db.RetireKey(t.Context(), former[0].ID); err == nil || !strings.Contains(err.Error(), former[0].ID) {
		t.Errorf("retired the only key: %v", err)
	}
	added, err := db.AddKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := readKeyFile(t, b.keyFilePath())
	if len(keys) != 2 || keys[0].ID != added || keys[1].ID != former[0].ID {
		t.Fatalf("%d keys in the file", len(keys))
	}
	if info, statErr := os.Stat(b.keyFilePath()); statErr != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, statErr)
	}
	checkEqual(t, "with a new key", readEverything(t, db), before)
	if err = db.RetireKey(t.Context(), former[0].ID); err == nil {
		t.Error("retired the key under which everybody is kept")
	}
	moved, err := db.RotateKeys(t.Context())
	if err != nil || moved < 5 {
		t.Errorf("moved %d, %v", moved, err)
	}
	checkEqual(t, "after the rotation", readEverything(t, db), before)
	checkEqual(t, "after the rotation, on a node that knew nothing of it", readEverything(t, other), before)
	moved, err = db.RotateKeys(t.Context())
	checkValue(t, "moved again", moved, 0, err)
	if err = db.RetireKey(t.Context(), former[0].ID); err != nil {
		t.Error(err)
	}
	if err = db.RetireKey(t.Context(), "unknown"); err == nil {
		t.Error("retired a key that is not there")
	}
	keys = readKeyFile(t, b.keyFilePath())
	if len(keys) != 1 || keys[0].ID != added {
		t.Errorf("%d keys in the file", len(keys))
	}
	checkEqual(t, "without the former key", readEverything(t, b.Open(t)), before)
	_, err = store.Open(t.Context(), b.withKeyFile(writeOldKeyFile(t, former)).Config)
	if err == nil || !strings.Contains(err.Error(), added) {
		t.Errorf("opened with the former key: %v", err)
	}
}

func writeOldKeyFile(t testing.TB, keys []keyEntry) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "old.json")
	writeKeyFile(t, file, 0o600, keys)
	return file
}

// testRotationAtWork checks that an interrupted rotation can be completed, and that concurrent writers do not create a
// person twice.
func testRotationAtWork(t *testing.T, b Backend) {
	db, other := b.Open(t), b.Open(t)
	fillHistory(t, db)
	if _, err := db.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.RotateKeys(ended); err == nil {
		t.Error("rotated for a caller who has gone")
	}
	strangers := []ident.SSIN{people.MustSSIN("05041801691"), people.MustSSIN("12451200933")}
	var kept atomic.Int32
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			if i == 8 {
				if _, err := db.RotateKeys(t.Context()); err != nil {
					t.Errorf("rotation: %v", err)
				}
				return
			}
			n := newImplantation(t, uint64(100+i))
			n.Patient = strangers[i%2]
			err := []*store.DB{db, other}[i%2].RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendVersion(n) })
			if err != nil {
				t.Errorf("write %d: %v", i, err)
				return
			}
			kept.Add(1)
		})
	}
	group.Wait()
	if _, err := db.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, node := range []*store.DB{db, other} {
		readTx(t, node, func(r implants.Reader) error {
			total := 0
			for _, stranger := range strangers {
				_, n, err := r.SearchNotifications(implants.NotificationQuery{Patient: stranger})
				if err != nil {
					return err
				}
				total += n
			}
			checkEqual(t, "found of the strangers", total, int(kept.Load()))
			return nil
		})
	}
	var persons, lookups int
	raw := b.OpenRaw(t)
	err := errors.Join(raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM subject`).Scan(&persons),
		raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM subject_lookup`).Scan(&lookups))
	if err != nil || persons != lookups {
		t.Errorf("%d subjects and %d lookups, %v", persons, lookups, err)
	}
}

// testKeyFile checks that a register does not open without its keys, and that no error discloses the content of a key
// file.
func testKeyFile(t *testing.T, b Backend) {
	db := b.Open(t)
	fillHistory(t, db)
	good := readKeyFile(t, b.keyFilePath())
	same := []keyEntry{{ID: good[0].ID, Created: good[0].Created, Secret: make([]byte, 32)}}
	tests := []struct {
		name    string
		content any // nil: no file
		mode    os.FileMode
		want    string
	}{
		{"no file", nil, 0, "the key " + good[0].ID},
		{"others may read it", good, 0o640, "chmod 600"},
		{"everybody may write it", good, 0o602, "chmod 600"},
		{"no JSON", "secret", 0o600, "not a list of keys"},
		{"nothing", "", 0o600, "not a list of keys"},
		{"no keys", []keyEntry{}, 0o600, "not a list of keys"},
		{"more after the list", "[] []", 0o600, "not a list of keys"},
		{"a member that is none", `[{"id":"a","created":"","secret":"","more":1}]`, 0o600, "not a list of keys"},
		{"no id", []keyEntry{{Secret: make([]byte, 32)}}, 0o600, "not a list of keys"},
		{"a short secret", []keyEntry{{ID: "a", Secret: make([]byte, 31)}}, 0o600, "not a list of keys"},
		{"twice the same id", []keyEntry{{ID: "a", Secret: make([]byte, 32)}, {ID: "a", Secret: make([]byte, 32)}}, 0o600, "not a list of keys"},
		{"another key", []keyEntry{{ID: "a", Secret: make([]byte, 32)}}, 0o600, "the key " + good[0].ID},
		{"another key of the same name", same, 0o600, "is not the one"},
	}
	for _, test := range tests {
		file := filepath.Join(t.TempDir(), "keys.json")
		if test.content != nil {
			writeKeyFile(t, file, test.mode, test.content)
		}
		opened, err := store.Open(t.Context(), b.withKeyFile(file).Config)
		if err == nil {
			t.Errorf("%s: opened, %v", test.name, opened.Close())
			continue
		}
		if text := err.Error(); !strings.Contains(text, test.want) || strings.ContainsAny(text, "\n") || strings.Contains(text, "AAAA") {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}

// testReplaced checks that a person whose SSIN was replaced is found by either SSIN and shown with the newest one, also
// when the register had data under both.
func testReplaced(t *testing.T, b Backend) {
	db, other := b.Open(t), b.Open(t)
	all := newSourceEntries()
	loadSources(t, db, all)
	former, newer, third := leroy, vanDam, people.MustSSIN("05041801691")
	first, second := newImplantation(t, 1), newImplantation(t, 2)
	second.Patient, second.SurgeryDate = newer, people.MustDate("2026-11-21")
	completeImplants(&second)
	keepAll(t, db, first, second)
	readEverything(t, other) // fills the caches of the other node
	for step, number := range []ident.SSIN{newer, newer, third} {
		if err := db.ReplaceSSIN(t.Context(), former, number); err != nil {
			t.Fatal(err)
		}
		for _, node := range []*store.DB{db, other} {
			readTx(t, node, func(r implants.Reader) error {
				for _, by := range []ident.SSIN{former, number} {
					at := fmt.Sprintf("step %d: ", step)
					history, err := r.NotificationsByPatient(by, ident.SSIN{})
					checkValue(t, at+"history", len(history), 2, err)
					for _, n := range history {
						checkEqual(t, at+"patient", n.Patient, number)
						checkEqual(t, at+"comment", n.Comment, first.Comment)
					}
					implantList, err := r.ImplantsByPatient(by, ident.SSIN{}, ident.Date{})
					checkValue(t, at+"implants", len(implantList), 4, err)
					_, total, err := r.SearchNotifications(implants.NotificationQuery{Patient: by, Code: knee})
					checkValue(t, at+"search", total, 2, err)
					person, there, err := r.Person(by)
					want := all.Persons[1]
					want.SSIN = number
					checkFound(t, at+"person", person, want, there, err)
					links, err := r.TherapeuticLinks(by, peeters)
					checkValue(t, at+"links", len(links), 2, err)
					_, total, err = r.SearchNotifications(implants.NotificationQuery{TreatedBy: peeters, TreatedOn: people.MustDate("2026-11-21")})
					checkValue(t, at+"search of the general practitioner", total, 2, err)
					_, total, err = r.SearchNotifications(implants.NotificationQuery{TreatedBy: peeters, TreatedOn: people.MustDate("2026-11-21"), Patient: by})
					checkValue(t, at+"search of a patient of the general practitioner", total, 2, err)
				}
				return nil
			})
		}
	}
	// The same for a professional.
	if err := db.ReplaceSSIN(t.Context(), claes, people.MustSSIN("12451200933")); err != nil {
		t.Fatal(err)
	}
	own := newImplantation(t, 3)
	keepAll(t, db, own)
	for _, node := range []*store.DB{db, other} {
		readTx(t, node, func(r implants.Reader) error {
			for _, by := range []ident.SSIN{claes, people.MustSSIN("12451200933")} {
				practices, err := r.Practices(platform.ProfessionalRef{SSIN: by})
				checkValue(t, "practices", len(practices), 1, err)
				affiliations, err := r.Affiliations(hospital, by)
				checkValue(t, "affiliations", len(affiliations), 1, err)
				mandates, err := r.MandatesByGrantee(by)
				checkValue(t, "mandates", len(mandates), 1, err)
				found, total, err := r.SearchNotifications(implants.NotificationQuery{Specialist: by, Limit: 10})
				checkValue(t, "own", total, 3, err)
				for _, s := range found {
					checkEqual(t, "specialist", s.Specialist.SSIN, people.MustSSIN("12451200933"))
				}
			}
			return nil
		})
	}
}

// newEvidence returns evidence for a version.
func newEvidence(n implants.Notification, message string) implants.Evidence {
	return implants.Evidence{Reference: n.Reference, Version: n.Version, Message: []byte(message),
		Certificate: []byte("certificate of " + n.Signer), AcceptedAt: n.RegisteredAt}
}

// testEvidence checks that the evidence of each version can be read back, also when another transaction stored the
// version, and for a draft without a patient.
func testEvidence(t *testing.T, b Backend) {
	db := b.Open(t)
	begun := newDraft(t, 1)
	begun.Patient, begun.Comment, begun.Implants = ident.SSIN{}, "", nil
	final := nextVersion(newImplantation(t, 1), implants.Final, implants.ChangeNotified, "")
	revised := nextVersion(final, implants.Final, implants.ChangeRevised, "")
	other := newImplantation(t, 2)
	long := strings.Repeat("<signed>"+leroy.Digits()+"</signed>", 2000)
	all := []implants.Evidence{newEvidence(begun, "draft"), newEvidence(final, long), newEvidence(revised, "")}
	keepAll(t, db, begun)
	writeTx(t, db, func(w implants.Writer) error {
		return errors.Join(w.AppendEvidence(all[0]), w.AppendVersion(final), w.AppendEvidence(all[1]), w.AppendVersion(revised), w.AppendEvidence(all[2]), w.AppendVersion(other))
	})
	got, err := db.Evidence(t.Context(), final.Number)
	for i := range got {
		if len(got[i].Message) == 0 {
			got[i].Message = []byte{}
		}
	}
	checkValue(t, "evidence", got, all, err)
	got, err = db.Evidence(t.Context(), other.Number)
	checkValue(t, "no evidence", len(got), 0, err)
	got, err = db.Evidence(t.Context(), newNumber(t, 99))
	checkValue(t, "of an unknown notification", len(got), 0, err)
	got, err = db.Evidence(t.Context(), ident.NotificationNumber{})
	checkValue(t, "of no notification", len(got), 0, err)
	if err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvidence(all[0]) }); err == nil {
		t.Error("proved twice")
	}
	unknown := all[0]
	unknown.Reference = "unknown"
	if err := db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvidence(unknown) }); err == nil {
		t.Error("proved what is not there")
	}
	checkNoPlaintext(t, b, []string{leroy.Digits(), "certificate of", "<signed>"})
}

// testExchanged checks that data sealed for one person does not open in another person's row.
func testExchanged(t *testing.T, b Backend) {
	db := b.Open(t)
	loadSources(t, db, newSourceEntries())
	raw := b.OpenRaw(t)
	for _, statement := range []string{ // so that two persons get the same entry, or pseudonym
		`UPDATE person SET sealed = (SELECT sealed FROM person ORDER BY subject LIMIT 1)`,
		`UPDATE subject SET sealed = (SELECT sealed FROM subject ORDER BY id LIMIT 1)`,
	} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		err := db.RunReadTx(t.Context(), func(r implants.Reader) error {
			_, _, err := r.Person(leroy)
			_, _, other := r.Person(claes)
			return errors.Join(err, other)
		})
		if err == nil || problem.From(err).Code != problem.InternalError || strings.Contains(err.Error(), leroy.Digits()) {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
