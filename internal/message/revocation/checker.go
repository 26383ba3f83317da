package revocation

import (
	"container/list"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// StatusPolicy decides what happens when the revocation status of a signer's certificate is unknown or stale. A
// certificate known to be revoked is refused under every policy.
type StatusPolicy string

// Policies.
const (
	PolicyOff      StatusPolicy = "off"  // only configured files count; no network requests
	PolicySoftFail StatusPolicy = "soft" // accepted while the status is fetched
	PolicyHardFail StatusPolicy = "hard" // refused while the status is fetched
)

// StatusCheckerOptions configure a StatusChecker.
type StatusCheckerOptions struct {
	Policy     StatusPolicy // PolicySoftFail when empty
	Now        func() time.Time
	HTTPClient *http.Client // only its Transport is used; time-outs, redirects and cookies are our own
	Log        *slog.Logger // logs failures and recoveries, never a certificate's holder; nil discards
	// Capacity is the maximum number of certificates with a known status: 4096 when zero.
	Capacity int
	// Workers is the number of concurrent requests, 1 to 4: 2 when zero.
	Workers int
	// Timeout bounds one request: 20 s when zero.
	Timeout time.Duration
	// Interval is the time between two checks of files and due refreshes: 15 s when zero.
	Interval time.Duration
}

// StatusChecker knows the revocation status of signer certificates: from CRLs (RFC 5280 §5) and OCSP responses (RFC
// 6960), both from configured files and from the URLs in the certificates.
//
// A request never waits for it. TrustStore looks up the status in memory; the first lookup of a certificate enqueues
// fetch tasks, which Run executes. URLs are only taken from certificates whose path TrustStore has verified, so an
// unverified sender cannot make this service contact any host.
//
// Memory is bounded: by Capacity for single certificates, by MaxCRLs and MaxCRLBytes for lists. A revoked certificate
// is not evicted before it expires; when all entries are revoked certificates, further certificates remain unknown.
type StatusChecker struct {
	*CRLStore

	options  StatusCheckerOptions
	queue    chan *fetchTask
	breakers circuitBreakers

	watchedFiles []*watchedFile // immutable after Run starts
	delegate     *StatusChecker // set in an Offline checker: the checker to read from

	mu           sync.Mutex
	certificates map[certificateID]*trackedCertificate
	evictable    *list.List            // of *trackedCertificate, most recently used first
	crlTasks     map[string]*fetchTask // by URL
}

// certificateID identifies a certificate by its issuer and serial number.
type certificateID struct {
	issuer authorityID
	serial string // the big-endian magnitude
}

func newCertificateID(issuer *x509.Certificate, serial *big.Int) certificateID {
	return certificateID{newAuthorityID(issuer), string(serial.Bytes())}
}

// trackedCertificate is what is known of one certificate apart from CRLs.
type trackedCertificate struct {
	id            certificateID
	status        certificateStatus
	lastUsed      time.Time
	notAfter      time.Time     // zero: unknown
	evictionEntry *list.Element // nil: revoked, must not be evicted before it expires
	ocspTask      *fetchTask    // nil: the certificate has no OCSP URL
}

// NewStatusChecker returns a StatusChecker for a TrustStore and connects it, so call it before the TrustStore is used.
func NewStatusChecker(t *x509id.TrustStore, options StatusCheckerOptions) *StatusChecker {
	options.Capacity = valueOrDefault(options.Capacity, 4096)
	options.Workers = min(valueOrDefault(options.Workers, 2), 4)
	options.Timeout = valueOrDefault(options.Timeout, 20*time.Second)
	options.Interval = valueOrDefault(options.Interval, 15*time.Second)
	options.HTTPClient = newRestrictedClient(options.HTTPClient)
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	r := &StatusChecker{
		options:      options,
		queue:        make(chan *fetchTask, options.Capacity+maxCRLURLs),
		certificates: make(map[certificateID]*trackedCertificate),
		evictable:    list.New(),
		crlTasks:     make(map[string]*fetchTask),
	}
	r.CRLStore = newCRLStore(t.Authorities(), r)
	t.SetRevocationSource(r)
	return r
}

func valueOrDefault[T int | time.Duration](value, defaultValue T) T {
	if value > 0 {
		return value
	}
	return defaultValue
}

// Offline returns a source that uses what this StatusChecker has learned up to now, and fetches nothing.
func (r *StatusChecker) Offline() x509id.RevocationSource {
	offline := &StatusChecker{options: StatusCheckerOptions{Policy: r.options.Policy}, delegate: r}
	offline.CRLStore = newCRLStore(r.authorities, offline)
	offline.snapshot.Store(&crlSnapshot{checker: offline, byIssuer: r.snapshot.Load().byIssuer})
	return offline
}

// signerPath is what a StatusChecker needs to know of a verified path.
type signerPath struct {
	checker      *StatusChecker
	issuer       *x509.Certificate
	id           certificateID
	crlClearance updatePeriod // when the CRLs say that the signer's certificate is not revoked
}

// checkStatus returns an error if the known status does not allow a certificate with a verified path to sign. It only
// looks into memory.
func (p signerPath) checkStatus(leaf *x509.Certificate, at time.Time) error {
	switch p.checker.statusAndTrack(leaf, p, at).statusAt(at) {
	case statusRevoked:
		return problem.New(x509id.CertRevoked)
	case statusGood:
		return nil
	case statusUnknown:
	}
	if p.checker.options.Policy == PolicyHardFail && !p.crlClearance.isCurrentAt(at) {
		return problem.New(x509id.CertRevocationUnknown)
	}
	return nil
}

// statusAndTrack returns the known status of a certificate. The first call for a certificate enqueues its fetch tasks.
func (r *StatusChecker) statusAndTrack(leaf *x509.Certificate, p signerPath, at time.Time) certificateStatus {
	if r.delegate != nil {
		return r.delegate.lookUpStatus(p.id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.certificates[p.id]
	if !ok {
		if c = r.trackCertificate(&trackedCertificate{id: p.id}, at); c == nil {
			return certificateStatus{}
		}
	}
	if c.notAfter.IsZero() { // first use, though a status may already be known
		c.notAfter = leaf.NotAfter
		r.scheduleFetches(c, leaf, p.issuer)
	}
	c.lastUsed = at
	if c.evictionEntry != nil {
		r.evictable.MoveToFront(c.evictionEntry)
	}
	return c.status
}

// lookUpStatus returns the known status of a certificate, without side effects.
func (r *StatusChecker) lookUpStatus(id certificateID) certificateStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.certificates[id]; ok {
		return c.status
	}
	return certificateStatus{}
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
	}
	return true
}

// evictExpired drops expired certificates, which are refused for that reason anyway.
func (r *StatusChecker) evictExpired(now time.Time) bool {
	before := len(r.certificates)
	for id, c := range r.certificates {
		if !c.notAfter.IsZero() && now.After(c.notAfter) {
			delete(r.certificates, id)
			if c.evictionEntry != nil {
				r.evictable.Remove(c.evictionEntry)
			}
		}
	}
	return len(r.certificates) < before
}

// recordStatus stores a status unless the known one supersedes it.
func (r *StatusChecker) recordStatus(id certificateID, a certificateStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.certificates[id]
	if !ok {
		if c = r.trackCertificate(&trackedCertificate{id: id}, r.options.Now()); c == nil {
			return
		}
	}
	if !c.status.isReplacedBy(a) {
		return
	}
	c.status = a
	switch isKept := a.status == statusRevoked; {
	case isKept && c.evictionEntry != nil:
		r.evictable.Remove(c.evictionEntry)
		c.evictionEntry = nil
	case !isKept && c.evictionEntry == nil:
		c.evictionEntry = r.evictable.PushFront(c)
	}
}

// scheduleFetches is called once for each certificate.
func (r *StatusChecker) scheduleFetches(c *trackedCertificate, leaf, issuer *x509.Certificate) {
	if r.options.Policy == PolicyOff {
		return
	}
	r.scheduleCRLs(leaf.CRLDistributionPoints, issuer)
	addresses := filterHTTPURLs(leaf.OCSPServer)
	if len(addresses) == 0 {
		return
	}
	serial := new(big.Int).Set(leaf.SerialNumber)
	question, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: serial}, issuer, nil)
	if err != nil { // cannot happen for an issuer key that verified a path
		return
	}
	id := c.id
	c.ocspTask = &fetchTask{
		urls:        addresses,
		ocspRequest: question,
		maxBytes:    MaxOCSPResponseBytes,
		acceptResponse: func(der []byte) (updatePeriod, error) {
			now := r.options.Now()
			_, a, err := parseOCSPResponse(der, serial, issuer, now, r.CurrentLists().IsRevoked)
			if err != nil {
				return updatePeriod{}, err
			}
			r.recordStatus(id, a)
			if a.status == statusUnknown {
				return updatePeriod{}, errors.New("the responder does not know the certificate")
			}
			return a.period, nil
		},
	}
	r.enqueueTask(c.ocspTask)
}

// maxCRLURLs bounds the URLs of CRLs.
const maxCRLURLs = MaxCRLs

// scheduleCRLs fetches the CRLs at the given URLs periodically, from now on. The issuer is the authority whose
// certificates contain the URLs, or nil.
func (r *StatusChecker) scheduleCRLs(addresses []string, issuer *x509.Certificate) {
	for _, address := range filterHTTPURLs(addresses) {
		if r.crlTasks[address] != nil {
			continue
		}
		if len(r.crlTasks) >= maxCRLURLs {
			return
		}
		var last [sha256.Size]byte
		var holds updatePeriod
		e := &fetchTask{
			urls:     []string{address},
			maxBytes: MaxCRLBytes,
			acceptResponse: func(data []byte) (updatePeriod, error) {
				sum := sha256.Sum256(data)
				if sum == last { // parsing a large list again costs more than everything else
					return holds, nil
				}
				read, err := r.addCRLOfIssuer(data, issuer)
				if err == nil {
					last, holds = sum, read
				}
				return read, err
			},
		}
		r.crlTasks[address] = e
		r.enqueueTask(e)
	}
}

// AddCRLURL also fetches the CRL at the given URL, as soon as Run starts. It is for CRLs that no certificate names, and
// for those that must be present before the first request.
func (r *StatusChecker) AddCRLURL(address string) error {
	if len(filterHTTPURLs([]string{address})) == 0 {
		return problem.New(CRLAddress)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scheduleCRLs([]string{address}, nil)
	return nil
}

// Run fetches CRLs and OCSP responses and reloads changed files until ctx ends.
func (r *StatusChecker) Run(ctx context.Context) {
	if r.options.Policy != PolicyOff {
		r.scheduleAuthorityCRLs()
	}
	var group sync.WaitGroup
	for range r.options.Workers {
		group.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-r.queue:
					r.runTask(ctx, e)
				}
			}
		})
	}
	ticker := time.NewTicker(r.options.Interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		r.reloadChangedFiles(ctx)
		r.enqueueDueTasks()
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	group.Wait()
}

// scheduleAuthorityCRLs fetches the CRLs that would list the authorities themselves.
func (r *StatusChecker) scheduleAuthorityCRLs() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.authorities {
		r.scheduleCRLs(c.CRLDistributionPoints, nil)
	}
}

// maxIdleTime is the time without a message from its holder after which a certificate's status is no longer refreshed.
const maxIdleTime = 7 * 24 * time.Hour

// enqueueDueTasks enqueues the tasks that are due and evicts expired entries.
func (r *StatusChecker) enqueueDueTasks() {
	now := r.options.Now()
	r.breakers.evictStale(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.evictExpired(now)
	for _, e := range r.crlTasks {
		r.enqueueIfDue(e, now)
	}
	for _, c := range r.certificates {
		if c.ocspTask != nil && !c.status.isFinal() && now.Sub(c.lastUsed) < maxIdleTime {
			r.enqueueIfDue(c.ocspTask, now)
		}
	}
}
