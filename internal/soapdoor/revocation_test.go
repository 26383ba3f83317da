package soapdoor_test

import (
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
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
	trust, err := x509id.ParseTrustStore(64, x509id.EncodePEM(testpki.AuthorityCertificates(t)[0])) // whose list there is
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

// askedAuthority is the revocation status of one certificate about which an authority is being asked; all others are
// good.
type askedAuthority struct {
	serial  *big.Int
	asked   chan struct{} // receives when the status is looked up
	learned chan struct{} // closed with the answer "revoked"
}

func (a *askedAuthority) CurrentLists() x509id.RevocationLists { return a }
func (a *askedAuthority) Offline() x509id.RevocationSource     { return a }
func (*askedAuthority) IsRevoked(*x509.Certificate) bool       { return false }
func (a *askedAuthority) NewStatusCheck(path []*x509.Certificate) x509id.StatusCheck {
	if path[0].SerialNumber.Cmp(a.serial) != 0 {
		return func(time.Time) (<-chan struct{}, error) { return nil, nil }
	}
	return func(time.Time) (<-chan struct{}, error) {
		select {
		case <-a.learned:
			return nil, problem.New(x509id.CertRevoked)
		default:
			a.asked <- struct{}{}
			return a.learned, nil
		}
	}
}

// TestFindingM4WaitingHoldsNothing: while messages wait for an authority, messages of other strangers pass the queue in
// which only one is verified at a time.
func TestFindingM4WaitingHoldsNothing(t *testing.T) {
	t.Parallel()
	const waiting = 3
	register := registertest.New(t, registertest.Options{})
	trust, err := x509id.ParseTrustStore(64, testpki.CAFile(t))
	if err != nil {
		t.Fatal(err)
	}
	asked := &askedAuthority{
		serial: testpki.Key(t, testpki.Hospital).Certificate.SerialNumber, asked: make(chan struct{}), learned: make(chan struct{}),
	}
	trust.SetRevocationSource(asked)
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
	answers := make(chan reply, waiting)
	for n := range waiting {
		message := usualNotification(t, n+1)
		go func() { answers <- d.postMessage(t, soap.SOAP11, message, nil) }()
		<-asked.asked
	}
	for n := range 3 {
		if got := postForOutcome(t, d, signMessage(t, "NotifyImplant", authority.EntryEC, soap.SOAP11, waiting+n+1)); got != firstNumber {
			t.Errorf("the message of another stranger: %s", got)
		}
	}
	close(asked.learned)
	for range waiting {
		if answer := readAnswer(t, soap.SOAP11, <-answers); answer.refusal == nil || answer.refusal.Violations[0].Code != string(x509id.CertRevoked) {
			t.Errorf("not waited for: %v", answer.body)
		}
	}
}
