package storetest

import (
	"strconv"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// testEventsByPatient checks which events a patient is told: those about them as a patient, but not their own reads,
// nor what concerns the same person as a colleague.
func testEventsByPatient(t *testing.T, backend Backend) {
	db := backend.Open(t)
	about := func(correlation string, patient ident.SSIN, e platform.AuditEvent) platform.AuditEvent {
		e.OccurredAt, e.Correlation, e.Operation, e.Patient = registeredAt, correlation, "GetNotification", patient
		if e.Outcome == "" {
			e.Outcome = platform.OutcomeAccepted
		}
		return e
	}
	writeTx(t, db, func(w implants.Writer) error {
		for _, e := range []platform.AuditEvent{
			about("first", leroy, platform.AuditEvent{Person: claes, Reason: "own notifications"}),
			about("another patient", vanDam, platform.AuditEvent{Person: claes, Reason: "own notifications"}),
			about("own", leroy, platform.AuditEvent{Person: leroy, Reason: platform.ReasonOwnData}),
			about("colleague", leroy, platform.AuditEvent{Person: claes, ConcernsColleague: true}),
			about("nobody", ident.SSIN{}, platform.AuditEvent{Person: claes}),
			about("emergency", leroy, platform.AuditEvent{Person: dubois, Reason: "emergency", EmergencyReason: "unconscious"}),
			about("refused", leroy, platform.AuditEvent{Person: dubois, Outcome: platform.OutcomeWithheld}),
		} {
			if err := w.AppendEvent(e); err != nil {
				return err
			}
		}
		return nil
	})
	list := func(patient ident.SSIN, offset, limit int) string {
		t.Helper()
		seen := ""
		readTx(t, db, func(r implants.Reader) error {
			events, total, err := r.EventsByPatient(patient, offset, limit)
			seen = strconv.Itoa(total)
			for _, e := range events {
				seen += "; " + e.Correlation + " " + e.Person.Digits() + " " + e.EmergencyReason
			}
			return err
		})
		return seen
	}
	for _, c := range []struct {
		name, want    string
		patient       ident.SSIN
		offset, limit int
	}{
		{"all", "3; refused " + dubois.Digits() + " ; emergency " + dubois.Digits() + " unconscious; first " + claes.Digits() + " ", leroy, 0, 10},
		{"a page", "3; emergency " + dubois.Digits() + " unconscious", leroy, 1, 1},
		{"after the end", "3", leroy, 3, 10},
		{"another patient", "1; another patient " + claes.Digits() + " ", vanDam, 0, 10},
		{"no patient", "0", peeters, 0, 10},
	} {
		if got := list(c.patient, c.offset, c.limit); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
