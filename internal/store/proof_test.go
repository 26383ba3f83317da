package store_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/people"
)

// testProofs checks that each version of a notification comes with its message, with its own row of the audit log among
// others of the same patient and signer, and with the checkpoint that covers the row, once there is one.
func testProofs(t *testing.T, s *auditFixture) {
	t.Helper()
	s.recordEvents(t, 5)
	s.sealAndAnchor(t, 1)
	day := people.MustDate("2026-11-21")
	number, hour := testNumber(day), firstSealing.Add(time.Hour)
	version := func(n int, state implants.State, change implants.Change, operation string) {
		t.Helper()
		kept := implants.Notification{Reference: "reference", Version: n, State: state, Change: change, Type: implants.TypeImplantation,
			Specialist: platform.ProfessionalRef{SSIN: testSSIN(1)}, SurgeryDate: day, Patient: testSSIN(1000), Author: testSSIN(1),
			RegisteredAt: hour.Add(time.Duration(n) * time.Minute), Signer: "SSIN=" + testSSIN(1).Digits(), Digest: sha256.Sum256([]byte{byte(n)})}
		if state != implants.Draft {
			kept.Number = number
		}
		e := platform.AuditEvent{Operation: operation, Outcome: platform.OutcomeAccepted, Signer: kept.Signer, Patient: kept.Patient, Person: testSSIN(1), Number: kept.Number}
		err := s.db.RunWriteTx(t.Context(), func(w implants.Writer) error {
			for i, what := range []string{"Search", operation, operation} { // the third repeats the InputReference
				e.Operation, e.Correlation = what, operation+string(rune('1'+i))
				e.OccurredAt = kept.RegisteredAt.Add(time.Duration(i) * time.Millisecond)
				if err := w.AppendEvent(e); err != nil {
					return err
				}
			}
			if err := w.AppendVersion(kept); err != nil || n == 2 { // without evidence
				return err
			}
			return w.AppendEvidence(implants.Evidence{Reference: kept.Reference, Version: n, Message: []byte("message"), Certificate: []byte("certificate"),
				AcceptedAt: kept.RegisteredAt})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	version(1, implants.Draft, implants.ChangeSaved, "NotifyImplant")
	version(2, implants.Final, implants.ChangeNotified, "ValidateNotification")
	s.sealAndAnchor(t, 1)
	version(3, implants.Withdrawn, implants.ChangeWithdrawn, "DiscardNotification")

	proofs, err := s.db.Proofs(t.Context(), number)
	if err != nil || len(proofs) != 3 {
		t.Fatalf("%d versions, %v", len(proofs), err)
	}
	for i, p := range proofs {
		operation := []string{"NotifyImplant", "ValidateNotification", "DiscardNotification"}[i]
		if p.Version != i+1 || p.Signer != "SSIN="+testSSIN(1).Digits() || p.Digest != sha256.Sum256([]byte{byte(i + 1)}) || (p.Evidence == nil) != (i == 1) {
			t.Errorf("%+v", p)
		}
		if p.Evidence != nil && (string(p.Evidence.Message) != "message" || string(p.Evidence.Certificate) != "certificate") {
			t.Errorf("%+v", p.Evidence)
		}
		r := p.AuditRecord
		if r == nil || r.Correlation != operation+"2" || r.Operation != operation || r.Seq != int64(7+3*i) || !r.OccurredAt.Equal(p.RegisteredAt.Add(time.Millisecond)) {
			t.Fatalf("version %d: %+v", i+1, r)
		}
		if (r.Proof == nil) != (i == 2) || r.Proof != nil && (!r.Proof.IsValid() || r.Proof.Checkpoint.Number != 2 || len(r.Proof.RowHashes) != 6) {
			t.Errorf("version %d: %+v", i+1, r.Proof)
		}
	}
	if none, err := s.db.Proofs(t.Context(), ident.NotificationNumber{}); err != nil || len(none) != 0 {
		t.Errorf("no number: %v, %v", none, err)
	}
	s.tamperWith(t, `UPDATE audit SET reason = 'x' WHERE seq = 10`)
	if _, err := s.db.Proofs(t.Context(), number); err == nil {
		t.Error("a trail that was tampered with proves something")
	}
}
