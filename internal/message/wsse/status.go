package wsse

import (
	"context"
	"crypto/x509"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// MaxStatusWait is how long a message waits for the revocation status of a certificate that was not seen before.
const MaxStatusWait = 2 * time.Second

// Bounds on the messages that wait for a status. Beyond them a message is refused and can be sent again: to accept it
// would let a revoked certificate in whenever many wait.
const (
	maxWaiters               = 256
	maxWaitersPerCertificate = 8
)

// openStatus is what is not decided yet about the certificates of a signer.
type openStatus struct {
	issuers     []*x509.Certificate
	certificate *x509.Certificate
	path        string          // of the certificate in the message
	pending     <-chan struct{} // closed when another judgement may be different; nil: it is decided
	refusal     error           // the judgement with what is known now
}

// JudgeCertificate returns the refusal of a certificate that signed no message, such as that of a TLS connection, or
// nil: its path, its times and the revocation status of the whole path are judged like those of a signer.
func (v *Verifier) JudgeCertificate(
	ctx context.Context, certificate *x509.Certificate, issuers []*x509.Certificate,
) error {
	open := &openStatus{issuers: issuers, certificate: certificate}
	v.judgeStatus(open, v.Now().UTC())
	if open.pending == nil {
		return open.refusal
	}
	return v.awaitStatus(ctx, open)
}

// judgeStatus sets pending and refusal.
func (v *Verifier) judgeStatus(open *openStatus, now time.Time) {
	if open.pending, open.refusal = v.Trust.JudgeSigner(open.issuers, open.certificate, now); open.refusal != nil {
		open.refusal = withCertificatePath(open.refusal, open.path, now)
	}
}

// awaitStatus waits until the status is decided, and returns the refusal if it does not allow the signer to sign. After
// MaxStatusWait the policy decides with what is known.
func (v *Verifier) awaitStatus(ctx context.Context, open *openStatus) error {
	raw := string(open.certificate.Raw)
	if !v.waiters.enter(raw) {
		return withCertificatePath(problem.New(x509id.CertRevocationUnknown), open.path, v.Now().UTC())
	}
	defer v.waiters.leave(raw)
	timer := time.NewTimer(MaxStatusWait)
	defer timer.Stop()
	for open.pending != nil {
		select {
		case <-open.pending:
		case <-timer.C:
			return open.refusal
		case <-ctx.Done(): // the caller is gone: not to be accepted unasked for having hung up
			return problem.Wrap(x509id.CertRevocationUnknown, ctx.Err()).WithPath(open.path)
		}
		v.judgeStatus(open, v.Now().UTC())
	}
	return open.refusal
}

// statusWaiters counts the messages that wait.
type statusWaiters struct {
	mu             sync.Mutex
	total          int
	perCertificate map[string]int
}

func (w *statusWaiters) enter(certificate string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.total >= maxWaiters || w.perCertificate[certificate] >= maxWaitersPerCertificate {
		return false
	}
	if w.perCertificate == nil {
		w.perCertificate = make(map[string]int)
	}
	w.total++
	w.perCertificate[certificate]++
	return true
}

func (w *statusWaiters) leave(certificate string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total--
	if w.perCertificate[certificate]--; w.perCertificate[certificate] == 0 {
		delete(w.perCertificate, certificate)
	}
}
