package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
)

// testDisclosure checks that audit events about a patient are found by either of the patient's SSINs, and that persons
// appear as pseudonyms unless the query reveals them.
func testDisclosure(t *testing.T, s *auditFixture) {
	t.Helper()
	patient, other, replaced, doctor := testSSIN(1000), testSSIN(1001), testSSIN(1500), testSSIN(1)
	at := func(n int) time.Time { return firstSealing.Add(time.Duration(n) * time.Hour) }
	events := []platform.AuditEvent{
		{OccurredAt: at(0), Correlation: "a", Operation: "Search", Outcome: platform.OutcomeAccepted, Signer: "SSIN=" + doctor.Digits(), Person: doctor, Patient: patient},
		{OccurredAt: at(1), Correlation: "b", Operation: "Search", Outcome: platform.OutcomeAccepted, Reason: platform.ReasonOwnSurgery, Person: doctor, Patient: other},
		{OccurredAt: at(2), Correlation: "c", Operation: "GetImplantCard", Outcome: platform.OutcomeAccepted, Person: doctor, Patient: replaced, EmergencyReason: "unconscious"},
		{OccurredAt: at(3), Correlation: "d", Operation: "AdminReveal", Outcome: platform.OutcomeAccepted, Signer: "operator=anna", Patient: patient, EmergencyReason: "a complaint"},
	}
	for _, e := range events {
		if err := s.db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendEvent(e) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.ReplaceSSIN(t.Context(), patient, replaced); err != nil {
		t.Fatal(err)
	}
	ask := func(q platform.AuditQuery) (found []string, entries []platform.AuditEntry) {
		t.Helper()
		q.Limit = max(q.Limit, 1)
		for {
			page, err := s.db.Audit(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				return found, entries
			}
			for _, e := range page {
				found, entries = append(found, e.Event.Correlation), append(entries, e)
			}
			q.AfterSeq = page[len(page)-1].Seq
		}
	}
	for name, test := range map[string]struct {
		q    platform.AuditQuery
		want []string
	}{
		"everything":       {platform.AuditQuery{Limit: 3}, []string{"a", "b", "c", "d"}},
		"by the old one":   {platform.AuditQuery{Patient: patient}, []string{"a", "c", "d"}},
		"by the new one":   {platform.AuditQuery{Patient: replaced, Limit: 2}, []string{"a", "c", "d"}},
		"another":          {platform.AuditQuery{Patient: other}, []string{"b"}},
		"never heard of":   {platform.AuditQuery{Patient: testSSIN(1700)}, nil},
		"from and to":      {platform.AuditQuery{From: at(1), To: at(3)}, []string{"b", "c"}},
		"emergencies only": {platform.AuditQuery{OnlyEmergencies: true}, []string{"c"}},
		"own operation":    {platform.AuditQuery{OnlyOwnSurgery: true}, []string{"b"}},
	} {
		if found, _ := ask(test.q); !slices.Equal(found, test.want) {
			t.Errorf("%s: %q", name, found)
		}
	}
	_, masked := ask(platform.AuditQuery{})
	for i, e := range masked {
		if !e.Event.Person.IsZero() || !e.Event.Patient.IsZero() || e.Event.EmergencyReason != events[i].EmergencyReason || e.PatientPseudonym == 0 {
			t.Errorf("%+v", e)
		}
	}
	if masked[0].Event.Signer != "SSIN=#"+platform.FormatPseudonym(masked[0].PersonPseudonym)[1:] || masked[0].PersonPseudonym != masked[1].PersonPseudonym || masked[0].PatientPseudonym == masked[1].PatientPseudonym {
		t.Errorf("pseudonyms: %+v", masked)
	}
	_, revealed := ask(platform.AuditQuery{RevealPersons: true})
	if e := revealed[0].Event; e.Person != doctor || e.Patient != replaced || e.Signer != events[0].Signer {
		t.Errorf("%+v", e)
	}
}
