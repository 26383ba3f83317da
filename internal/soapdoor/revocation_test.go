package soapdoor_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/reqlog"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestRevocationUnknown checks that a service with hard revocation checking refuses a message while the revocation
// status is unknown, stores nothing, and accepts the next message once the status is known.
func TestRevocationUnknown(t *testing.T) {
	t.Parallel()
	register := registertest.New(t, registertest.Options{})
	trust, err := x509id.ParseTrustStore(64, testpki.CAFile(t))
	if err != nil {
		t.Fatal(err)
	}
	checker := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{Policy: revocation.PolicyHardFail, Now: register.Clock.Now})
	log, err := reqlog.New(slog.New(slog.NewJSONHandler(io.Discard, nil)), register.Clock.Now, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := messageSchema()
	if err != nil {
		t.Fatal(err)
	}
	d := &door{register, soapdoor.New(soapdoor.Config{
		Contracts: []soapdoor.Contract{ctrdoor.NewContract(ctrdoor.Config{
			Registrar: register.Registrar, Schema: compiled,
			Verifier: &wsse.Verifier{Trust: trust, Now: register.Clock.Now},
		})},
		Log: log, Now: register.Clock.Now, NewID: registertest.NewIDCounter("door-"), Environment: "Test",
	})}
	refused := readAnswer(t, soap.SOAP11, d.postMessage(t, soap.SOAP11, usualNotification(t, 1), nil))
	if r := refused.refusal; r == nil || r.FaultCode != "wsse:FailedAuthentication" || r.Violations[0].Code != string(x509id.CertRevocationUnknown) {
		t.Fatalf("%v", refused.body)
	}
	if kept := d.CountNotifications(t); kept != 0 {
		t.Errorf("%d notifications", kept)
	}
	if err = checker.AddCRL(testpki.CRLFile(t)); err != nil {
		t.Fatal(err)
	}
	if got := postForOutcome(t, d, usualNotification(t, 2)); got != firstNumber {
		t.Error(got)
	}
}
