package soapdoor_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestEvidence checks that each version is stored with the signed bytes and the signing certificate, and that nothing
// is stored of a refused message.
func TestEvidence(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	notified := usualNotification(t, 1)
	if got := postForOutcome(t, d, notified); got != firstNumber {
		t.Fatal(got)
	}
	send := func(operation string, edits ...string) string {
		t.Helper()
		s := &step{send: send{message: operation, signer: testpki.Hospital, clock: d.Clock.Now(), version: soap.SOAP11}}
		for _, line := range edits {
			if err := appendEdit(&s.edits, line); err != nil {
				t.Fatal(err)
			}
		}
		octets := s.buildMessage(t, 1)
		d.postMessage(t, soap.SOAP11, octets, http.Header{})
		return octets
	}
	revised := send("ReviseNotification")
	send("ReviseNotification", "set ctrp:Version to 7") // refused
	withdrawn := send("DiscardNotification", "set ctrp:Version to 2")
	kept := d.Evidence(t, firstNumber)
	want := []string{notified, revised, withdrawn}
	if len(kept) != len(want) {
		t.Fatalf("%d messages are kept", len(kept))
	}
	certificate := testpki.Key(t, testpki.Hospital).Certificate.Raw
	for i, e := range kept {
		if string(e.Message) != want[i] || e.Version != i+1 || !e.AcceptedAt.Equal(d.Clock.Now()) || !bytes.Equal(e.Certificate, certificate) {
			t.Errorf("version %d: %d octets of %d, accepted %v", e.Version, len(e.Message), len(want[i]), e.AcceptedAt)
		}
	}
}
