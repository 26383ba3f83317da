package service_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
)

// TestPortalAccessLog: the patient sees who used their data and why, in plain words; nobody else sees any of it.
func TestPortalAccessLog(t *testing.T) {
	t.Parallel()
	s := startService(t, service.Config{Development: true})
	doctor, stranger, patient := newVisitor(t, s), newVisitor(t, s), newVisitor(t, s)
	doctor.signIn(surgeon, "doctor")
	stranger.signIn(otherPhysician, "doctor")
	patient.signIn(interop.PatientSSIN, "patient")
	const log = "/portal/me/access-log"
	if p := patient.open(log + "?lang=en"); p.status != http.StatusOK || !strings.Contains(p.text, "Nobody has looked at your data") {
		t.Errorf("empty: %d\n%s", p.status, p.text)
	}
	number := doctor.register(newImplantationForm(t, doctor, "S-1"))
	doctor.open("/portal/notifications/" + number + "/card.pdf")
	stranger.open("/portal/notifications/" + number)
	patient.open("/portal/me")

	p := patient.open(log)
	for _, want := range []string{
		"Anna Claes", "Registered an operation", "Opened your implant card", "This doctor treats you.",
		"Luc Dubois", "This was not allowed. This person saw and changed nothing.",
	} {
		if !strings.Contains(p.text, want) {
			t.Errorf("the patient is not told %q:\n%s", want, p.text)
		}
	}
	for _, number := range []string{surgeon, "78.03.14-122.50", otherPhysician} {
		if strings.Contains(p.text, number) {
			t.Errorf("the patient is told the number %s", number)
		}
	}
	if own := strings.Count(p.text, `<th scope="row">`); own != 3 {
		t.Errorf("%d uses, want 3:\n%s", own, p.text)
	}
	for name, v := range map[string]*visitor{"the doctor": doctor, "a stranger": stranger} {
		if text := v.open(log + "?lang=en&patient=" + interop.PatientSSIN).text; !strings.Contains(text, "Nobody has looked at your data") {
			t.Errorf("%s sees the uses of the patient's data:\n%s", name, text)
		}
	}
}
