package revocation

import (
	"crypto/x509"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// pathStatus is what a StatusChecker needs to know of a verified path to judge its certificates again and again.
type pathStatus struct {
	checker      *StatusChecker
	lists        *crlSnapshot
	certificates []pathCertificate // from the signer's to the last below the anchor
}

// pathCertificate is a certificate of a path. It does not refer to the parsed certificate, because a TrustStore keeps
// thousands of paths.
type pathCertificate struct {
	id           certificateID
	serial       *big.Int
	notAfter     time.Time
	issuer       *x509.Certificate
	owner        *x509.Certificate // the nearest authority of the TrustStore above it
	responders   []string
	lists        []string
	crlClearance updatePeriod // when the CRLs say that the certificate is not revoked
}

// newPathStatus returns the pathStatus of a verified path with the CRLs of a snapshot. RFC 5280 §6.1.3 (a)(3) asks for
// the status of every certificate; the anchor is none of a path (§6.1.1 d).
func (r *StatusChecker) newPathStatus(lists *crlSnapshot, path []*x509.Certificate) pathStatus {
	p := pathStatus{checker: r, lists: lists}
	for i, c := range path[:max(1, len(path)-1)] {
		issuer := path[min(i+1, len(path)-1)]
		p.certificates = append(p.certificates, pathCertificate{
			id:           newCertificateID(issuer, c.SerialNumber),
			serial:       c.SerialNumber,
			notAfter:     c.NotAfter,
			issuer:       issuer,
			owner:        r.findOwner(path[min(i+1, len(path)-1):]),
			responders:   filterHTTPURLs(c.OCSPServer),
			lists:        filterHTTPURLs(c.CRLDistributionPoints),
			crlClearance: lists.findClearance(c, issuer),
		})
	}
	return p
}

// findOwner returns the first authority of the TrustStore in a path, whose share of the lists a certificate below it
// uses.
func (s *CRLStore) findOwner(path []*x509.Certificate) *x509.Certificate {
	for _, c := range path {
		if s.isOwnAuthority(c) {
			return c
		}
	}
	return path[len(path)-1]
}

// checkStatus returns an error if the known status of a certificate of the path does not allow the signer to sign. It
// only looks into memory, and enqueues the questions whose answers are missing.
func (p pathStatus) checkStatus(at time.Time) (pending <-chan struct{}, err error) {
	r := p.checker
	if r.delegate != nil {
		r = r.delegate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	isUnknown, isAsked := false, false
	for i := range p.certificates {
		c := &p.certificates[i]
		switch p.findStatus(r, c, at).statusAt(at) {
		case statusRevoked:
			return nil, newRevokedError(i)
		case statusUnknown:
			if !c.crlClearance.isCurrentAt(at) {
				isUnknown = true
				isAsked = p.checker.delegate == nil && r.isBeingAsked(c) || isAsked
			}
		case statusGood:
		}
	}
	switch {
	case !isUnknown:
		return nil, nil
	case p.checker.delegate == nil && r.snapshot.Load() != p.lists: // a list has come since the path was verified
		pending = alreadyLearned
	case isAsked:
		pending = r.learned
	}
	if p.checker.options.Policy == PolicyHardFail {
		err = problem.New(x509id.CertRevocationUnknown)
	}
	return pending, err
}

// alreadyLearned is a channel for callers who can look again at once.
var alreadyLearned = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// newRevokedError returns the refusal of a path by the index of its revoked certificate.
func newRevokedError(index int) error {
	if index == 0 {
		return problem.New(x509id.CertRevoked)
	}
	return problem.Wrap(x509id.CertUntrusted, x509id.ErrIssuerRevoked)
}

// findStatus returns the known status of a certificate. Unless this is an Offline checker, the first call for a
// certificate enqueues its fetch tasks. The caller holds r.mu.
func (p pathStatus) findStatus(r *StatusChecker, c *pathCertificate, at time.Time) certificateStatus {
	known, ok := r.certificates[c.id]
	if p.checker.delegate != nil {
		if !ok {
			return certificateStatus{}
		}
		return known.status
	}
	if !ok {
		if known = r.trackCertificate(&trackedCertificate{id: c.id}, at); known == nil {
			return certificateStatus{}
		}
	}
	if !known.isScheduled { // first use, though a status may already be known
		known.isScheduled, known.notAfter = true, c.notAfter
		r.scheduleFetches(known, c)
	}
	known.lastUsed = at
	if known.evictionEntry != nil {
		r.evictable.MoveToFront(known.evictionEntry)
	}
	return known.status
}

// isBeingAsked reports whether an answer about a certificate of unknown status is on its way, after asking again if
// that is due: the answer about a certificate that was not used for long is not refreshed. The caller holds r.mu.
func (r *StatusChecker) isBeingAsked(c *pathCertificate) bool {
	now, asked := r.options.Now(), false
	ask := func(task *fetchTask) {
		if task != nil {
			r.enqueueIfDue(task, now)
			asked = asked || task.isQueued
		}
	}
	if known, ok := r.certificates[c.id]; ok {
		ask(known.ocspTask)
	}
	for _, address := range c.lists {
		ask(r.crlTasks[address])
	}
	return asked
}

// announceLearned wakes those who wait for a status. The caller holds r.mu.
func (r *StatusChecker) announceLearned() {
	close(r.learned)
	r.learned = make(chan struct{})
}

// trackCertificate adds a certificate, evicting another if necessary. It returns nil if there is no room.
func (r *StatusChecker) trackCertificate(c *trackedCertificate, at time.Time) *trackedCertificate {
	if len(r.certificates) >= r.options.Capacity && !r.evictLeastRecent() && !r.evictExpired(at) {
		return nil
	}
	c.evictionEntry = r.evictable.PushFront(c)
	r.certificates[c.id] = c
	return c
}

func (r *StatusChecker) evictLeastRecent() bool {
	oldest := r.evictable.Back()
	if oldest == nil {
		return false
	}
	if c, ok := r.evictable.Remove(oldest).(*trackedCertificate); ok {
		delete(r.certificates, c.id)
		r.kept.discardResponse(c.id)
	}
	return true
}

// evictExpired drops expired certificates, which are refused for that reason anyway.
func (r *StatusChecker) evictExpired(now time.Time) bool {
	before := len(r.certificates)
	for id, c := range r.certificates {
		if !c.notAfter.IsZero() && now.After(c.notAfter) {
			delete(r.certificates, id)
			r.kept.discardResponse(id)
			if c.evictionEntry != nil {
				r.evictable.Remove(c.evictionEntry)
			}
		}
	}
	return len(r.certificates) < before
}

// recordStatus stores a status unless the known one supersedes it. The certificate's end of validity may be unknown.
func (r *StatusChecker) recordStatus(id certificateID, a certificateStatus, notAfter time.Time) (isNew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.certificates[id]
	if !ok {
		if c = r.trackCertificate(&trackedCertificate{id: id}, r.options.Now()); c == nil {
			return false
		}
	}
	if !c.status.isReplacedBy(a) {
		return false
	}
	c.status = a
	if c.notAfter.IsZero() {
		c.notAfter = notAfter
	}
	switch isKept := a.status == statusRevoked; {
	case isKept && c.evictionEntry != nil:
		r.evictable.Remove(c.evictionEntry)
		c.evictionEntry = nil
	case !isKept && c.evictionEntry == nil:
		c.evictionEntry = r.evictable.PushFront(c)
	}
	return true
}

// scheduleFetches is called once for each certificate. The caller holds r.mu.
func (r *StatusChecker) scheduleFetches(known *trackedCertificate, c *pathCertificate) {
	if r.options.Policy == PolicyOff {
		return
	}
	r.scheduleCRLs(c.lists, c.issuer, c.owner)
	if len(c.responders) == 0 {
		return
	}
	question, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: c.serial}, c.issuer, nil)
	if err != nil { // cannot happen for an issuer key that verified a path
		return
	}
	id, serial, issuer, notAfter := c.id, c.serial, c.issuer, c.notAfter
	known.ocspTask = &fetchTask{
		urls:        c.responders,
		ocspRequest: question,
		maxBytes:    MaxOCSPResponseBytes,
		acceptResponse: func(der []byte) (updatePeriod, error) {
			now := r.options.Now()
			_, a, err := parseOCSPResponse(der, serial, issuer, now, r.CurrentLists().IsRevoked)
			if err != nil {
				return updatePeriod{}, err
			}
			if r.recordStatus(id, a, notAfter) {
				r.keepResponse(id, issuer, notAfter, der)
			}
			if a.status == statusUnknown {
				return updatePeriod{}, errors.New("the responder does not know the certificate")
			}
			return a.period, nil
		},
	}
	r.enqueueTask(known.ocspTask)
}
