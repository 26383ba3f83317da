package main_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// TestFindingM5NobodyIsShownAnother exchanges the lookups of persons in the database of a stopped service, two by two,
// and checks that nobody gets the data of another person from the service, and that the log says why at level ERROR.
func TestFindingM5NobodyIsShownAnother(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	service := interop.StartService(t, directory)
	c := service.NewClient(t, interop.HospitalKey(t))
	interop.MustNotify(t, c, interop.NewImplantation("SWAP-1", interop.PatientSSIN, "S-SWAPPED"))
	service.Stop(t)
	raw := interop.OpenEmbedded(t, directory)
	for _, statement := range []string{
		`CREATE TABLE kept AS SELECT l.lookup, l.subject, s.purpose,
			row_number() OVER (PARTITION BY s.purpose ORDER BY l.subject) AS place, COUNT(*) OVER (PARTITION BY s.purpose) AS total
			FROM subject_lookup l JOIN subject s ON s.id = l.subject`,
		`UPDATE subject_lookup SET subject = (SELECT o.subject FROM kept k JOIN kept o ON o.purpose = k.purpose
			AND o.place = k.place % k.total + 1 WHERE k.lookup = subject_lookup.lookup)`,
	} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	service = interop.StartService(t, directory)
	told := map[string]string{}
	for _, signer := range []string{"SSIN=69092234126", "SSIN=91021706490", "SSIN=" + interop.PatientSSIN,
		"SSIN=" + interop.SurgeonSSIN} {
		reader := service.NewClient(t, testpki.Key(t, signer))
		request := &ctr.SearchRequest{Header: ctr.Header{ID: interop.NewID(), IssueInstant: interop.NewHeader().IssueInstant},
			MaxElements: 20, Criteria: interop.CriteriaByPatient(strings.TrimPrefix(signer, "SSIN="))}
		told[signer] = string(interop.PostMessage(t, reader, interop.SignRequest(t, reader, "Search", request)))
	}
	service.Stop(t)
	for signer, answer := range told {
		if !strings.Contains(answer, ">INTERNAL: ") || strings.Contains(answer, "S-SWAPPED") || strings.Contains(answer, "Notification>") {
			t.Errorf("%s: %s", signer, answer)
		}
	}
	logged := 0
	for line := range strings.Lines(service.Stderr()) {
		if strings.Contains(line, `"level":"ERROR"`) && strings.Contains(line, "a row of subject or subject_lookup was changed") {
			logged++
		}
		if strings.Contains(line, interop.PatientSSIN) {
			t.Errorf("the log names a person: %s", line)
		}
	}
	if logged < len(told) {
		t.Errorf("%d of %d are in the log:\n%s", logged, len(told), service.Stderr())
	}
}
