package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// loadFormer fills a new database with a register of the former layout, which a program of before there were purposes
// wrote. In it Dubois operated on Claes, Claes on Leroy, and Dubois on VanDam, whose number became Kaya's.
func loadFormer(t *testing.T, b storetest.Backend) {
	t.Helper()
	engine, keyFile := "sqlite", filepath.Join(b.Config.Directory, "keys.json")
	if b.Config.URL != "" {
		engine, keyFile = "postgres", b.Config.KeyFile
	} else if err := os.MkdirAll(b.Config.Directory, 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(filepath.Join("testdata", "layout1", engine+".keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(keyFile, keys, 0o600); err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile(filepath.Join("testdata", "layout1", engine+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	execRaw(t, b.OpenRaw(t), string(dump))
}

// TestFindingM2FormerRegister opens a register of the former layout and checks that it says the same as before, that
// the professionals have ids of their own wherever rows may change, and that the audit log was not touched.
func TestFindingM2FormerRegister(t *testing.T) {
	runOnEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		loadFormer(t, b)
		db, raw := b.Open(t), b.OpenRaw(t)
		checkFormerAnswers(t, b)
		storetest.CheckPurposes(t, raw, b.Config.URL != "")
		for _, query := range []string{
			`SELECT COUNT(*) FROM practice p JOIN notification n ON n.patient = p.subject`,
			`SELECT COUNT(*) FROM mandate m JOIN notification n ON n.patient = m.grantee OR n.patient = m.grantor`,
			`SELECT COUNT(*) FROM affiliation f JOIN notification n ON n.patient = f.subject`,
			`SELECT COUNT(*) FROM therapeutic_link l JOIN notification n ON n.patient = l.professional`,
			`SELECT COUNT(*) FROM pending p JOIN notification n ON n.patient = p.specialist OR n.patient = p.author`,
			`SELECT COUNT(*) FROM submission WHERE input_reference LIKE '%EPD%'`,
			`SELECT COUNT(*) FROM notification WHERE length(content_digest) = 32`,
		} {
			if n := queryNumber(t, raw, query); n != 0 {
				t.Errorf("%d rows: %s", n, query)
			}
		}
		report, err := auditlog.Verify(t.Context(), db, nil, nil)
		if err != nil || report.Rows != 5 {
			t.Fatalf("%v, %+v", err, report)
		}
		for _, finding := range report.Findings {
			if finding.Kind != auditlog.AnchorMissing && finding.Kind != auditlog.CheckpointForeign {
				t.Errorf("%s %s", finding.Kind, finding.Text)
			}
		}
		// New rows of the same doctors have ids that the former rows have not.
		storeVersions(t, db, newVersionOf("new", 10, people.Claes, people.Leroy, people.Claes, "SSIN="+people.Claes.Digits()),
			newVersionOf("new-2", 11, people.Dubois, people.VanDam, people.Dubois, "SSIN="+people.Dubois.Digits()))
		storetest.CheckPurposes(t, raw, b.Config.URL != "")
		if n := queryNumber(t, raw, `SELECT COUNT(*) FROM notification n WHERE n.reference LIKE 'new%'
			AND (n.specialist < 1000 OR n.author < 1000 OR n.signer LIKE 'SSIN=#_')`); n != 0 {
			t.Errorf("%d new rows have former ids", n)
		}
		recall, err := db.Recall(t.Context(), implants.RecallQuery{Code: people.Knee})
		if err != nil || recall.Specialists != 2 || recall.Notifications != 5 || recall.Lines[0].SpecialistName == "" {
			t.Errorf("%d specialists of %d notifications, %v", recall.Specialists, recall.Notifications, err)
		}
		rotateAll(t, db)
		if _, err = db.ResealTexts(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkFormerAnswers(t, b)
	})
}

func checkFormerAnswers(t *testing.T, b storetest.Backend) {
	t.Helper()
	db := b.Open(t)
	said, saidErr := readPersons(t, db)
	if saidErr != nil {
		t.Fatal(saidErr)
	}
	for _, text := range []string{"Claesfixture", "Duboisfixture", "Leroyfixture", "comment of old-1", "comment of old-3",
		"place of old-2", "emergency text", "SSIN=69092234126, EPD"} {
		if !strings.Contains(said, text) {
			t.Errorf("%q is missing in\n%s", text, said)
		}
	}
	readErr := db.RunReadTx(t.Context(), func(r implants.Reader) error {
		for _, test := range []struct {
			ssin                            ident.SSIN
			asPatient, asSpecialist, asking int
		}{{people.Claes, 1, 1, 1}, {people.Dubois, 0, 2, 0}, {people.VanDam, 1, 0, 0}, {people.Kaya, 1, 0, 0}} {
			history, historyErr := r.NotificationsByPatient(test.ssin, ident.SSIN{})
			_, own, searchErr := r.SearchNotifications(implants.NotificationQuery{Specialist: test.ssin,
				To: people.MustDate("2026-11-21"), Limit: 10})
			mandates, mandateErr := r.MandatesByGrantee(test.ssin)
			if err := errors.Join(historyErr, searchErr, mandateErr); err != nil {
				return err
			}
			formerOnly := 0
			for _, n := range history {
				if strings.HasPrefix(n.Reference, "old-") {
					formerOnly++
				}
			}
			if formerOnly != test.asPatient || own < test.asSpecialist || len(mandates) != test.asking {
				t.Errorf("%d, %d, %d instead of %+v", formerOnly, own, len(mandates), test)
			}
		}
		for reference, signer := range map[string]string{"old-1": "SSIN=69092234126", "old-2": "NIHII-HOSPITAL=71000436",
			"old-4": "NIHII-HOSPITAL=71000436"} {
			n, found, err := r.NotificationByInputReference(signer, "EPD 69092234126 "+reference)
			if err != nil || !found || n.Reference != reference || n.ContentDigest == [32]byte{} || n.Signer != signer {
				t.Errorf("%s: %v, %v, %+v", reference, found, err, n)
			}
		}
		pending, total, err := r.ListPending(implants.PendingQuery{Specialists: []ident.SSIN{people.Dubois}, Limit: 10})
		if err != nil || total != 1 || pending[0].Reference != "old-4" {
			t.Errorf("pending: %v, %v", pending, err)
		}
		return nil
	})
	if readErr != nil {
		t.Error(readErr)
	}
	number, err := ident.NewNotificationNumber(people.MustDate("2026-11-21"), 1)
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := db.Proofs(t.Context(), number)
	if err != nil || len(proofs) != 1 || proofs[0].AuditRecord == nil || proofs[0].Evidence == nil ||
		string(proofs[0].Evidence.Message) != "message of old-1" || proofs[0].AuditRecord.Proof == nil {
		t.Errorf("proofs: %+v, %v", proofs, err)
	}
	if made, err := db.SealAuditLog(t.Context(), firstSealing.Add(time.Hour), 0); err != nil {
		t.Errorf("%d checkpoints, %v", len(made), err)
	}
}
