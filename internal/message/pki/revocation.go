package pki

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

	"github.com/openctr/ctr/internal/problem"
)

// StatusPolicy decides what happens when the revocation status of a signer's certificate is unknown or stale. A
// certificate known to be revoked is refused under every policy.
type RevocationPolicy string

// Policies.
const (
	RevocationOff  RevocationPolicy = "off"  // only configured files count; no network requests
	RevocationSoft RevocationPolicy = "soft" // accepted while the status is fetched
	RevocationHard RevocationPolicy = "hard" // refused while the status is fetched
)

// StatusCheckerOptions configure a StatusChecker.
type RevocationOptions struct {
	Policy RevocationPolicy // PolicySoftFail when empty
	Now    func() time.Time
	HTTP   *http.Client // only its Transport is used; time-outs, redirects and cookies are our own
	Log    *slog.Logger // logs failures and recoveries, never a certificate's holder; nil discards
	// Capacity is the maximum number of certificates with a known status: 4096 when zero.
	Capacity int
	// Workers is the number of concurrent requests, 1 to 4: 2 when zero.
	Workers int
	// Timeout bounds one request: 20 s when zero.
	Timeout time.Duration
	// Interval is the time between two checks of files and due refreshes: 15 s when zero.
	Every time.Duration
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
type Revocation struct {
	trust     *Trust
	o         RevocationOptions
	queue     chan *errand
	addresses breakers

	files []*watchedFile // immutable after Run starts
	knows *Revocation    // set in an Offline store: the checker to read from

	mu     sync.Mutex
	known  map[certificateID]*certificate
	recent *list.List         // of *trackedCertificate, most recently used first
	lists  map[string]*errand // by URL
}

// certificateID identifies a certificate by its issuer and serial number.
type certificateID struct {
	authority authorityID
	serial    string // the big-endian magnitude
}

func identify(issuer *x509.Certificate, serial *big.Int) certificateID {
	return certificateID{authorityOf(issuer), string(serial.Bytes())}
}

// trackedCertificate is what is known of one certificate apart from CRLs.
type certificate struct {
	id      certificateID
	answer  answer
	used    time.Time
	expires time.Time     // zero: unknown
	recent  *list.Element // nil: revoked, must not be evicted before it expires
	errand  *errand       // nil: the certificate has no OCSP URL
}

// NewStatusChecker returns a StatusChecker for a TrustStore and connects it, so call it before the TrustStore is used.
func NewRevocation(t *Trust, options RevocationOptions) *Revocation {
	options.Capacity = orElse(options.Capacity, 4096)
	options.Workers = min(orElse(options.Workers, 2), 4)
	options.Timeout = orElse(options.Timeout, 20*time.Second)
	options.Every = orElse(options.Every, 15*time.Second)
	options.HTTP = bounded(options.HTTP)
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	r := &Revocation{
		trust: t, o: options,
		queue: make(chan *errand, options.Capacity+maxListAddresses),
		known: make(map[certificateID]*certificate), recent: list.New(), lists: make(map[string]*errand),
	}
	t.status = r
	return r
}

func orElse[T int | time.Duration](value, defaultValue T) T {
	if value > 0 {
		return value
	}
	return defaultValue
}

// checkStatus returns an error if the known status does not allow a certificate with a verified path to sign. It only
// looks into memory.
func (r *Revocation) judge(leaf *x509.Certificate, p path, at time.Time) error {
	if r == nil {
		return nil
	}
	switch r.see(leaf, p, at).at(at) {
	case isRevoked:
		return problem.New(problem.CertRevoked)
	case isGood:
		return nil
	case isUnknown:
	}
	if r.o.Policy == RevocationHard && !p.listed.covers(at) {
		return problem.New(problem.CertRevocationUnknown)
	}
	return nil
}

// statusAndTrack returns the known status of a certificate. The first call for a certificate enqueues its fetch tasks.
func (r *Revocation) see(leaf *x509.Certificate, p path, at time.Time) answer {
	if r.knows != nil {
		return r.knows.look(p.id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.known[p.id]
	if !ok {
		if c = r.admit(&certificate{id: p.id}, at); c == nil {
			return answer{}
		}
	}
	if c.expires.IsZero() { // first use, though a status may already be known
		c.expires = leaf.NotAfter
		r.leaveErrands(c, leaf, p.issuer)
	}
	c.used = at
	if c.recent != nil {
		r.recent.MoveToFront(c.recent)
	}
	return c.answer
}

// trackCertificate adds a certificate, evicting another if necessary. It returns nil if there is no room.
func (r *Revocation) admit(c *certificate, at time.Time) *certificate {
	if len(r.known) >= r.o.Capacity && !r.forgetOne() && !r.forgetExpired(at) {
		return nil
	}
	c.recent = r.recent.PushFront(c)
	r.known[c.id] = c
	return c
}

func (r *Revocation) forgetOne() bool {
	oldest := r.recent.Back()
	if oldest == nil {
		return false
	}
	if c, ok := r.recent.Remove(oldest).(*certificate); ok {
		delete(r.known, c.id)
	}
	return true
}

// evictExpired drops expired certificates, which are refused for that reason anyway.
func (r *Revocation) forgetExpired(now time.Time) bool {
	before := len(r.known)
	for id, c := range r.known {
		if !c.expires.IsZero() && now.After(c.expires) {
			delete(r.known, id)
			if c.recent != nil {
				r.recent.Remove(c.recent)
			}
		}
	}
	return len(r.known) < before
}

// recordStatus stores a status unless the known one supersedes it.
func (r *Revocation) record(id certificateID, a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.known[id]
	if !ok {
		if c = r.admit(&certificate{id: id}, r.o.Now()); c == nil {
			return
		}
	}
	if !c.answer.replacedBy(a) {
		return
	}
	c.answer = a
	switch isKept := a.standing == isRevoked; {
	case isKept && c.recent != nil:
		r.recent.Remove(c.recent)
		c.recent = nil
	case !isKept && c.recent == nil:
		c.recent = r.recent.PushFront(c)
	}
}

// scheduleFetches is called once for each certificate.
func (r *Revocation) leaveErrands(c *certificate, leaf, issuer *x509.Certificate) {
	if r.o.Policy == RevocationOff {
		return
	}
	r.watchLists(leaf.CRLDistributionPoints, issuer)
	addresses := usable(leaf.OCSPServer)
	if len(addresses) == 0 {
		return
	}
	serial := new(big.Int).Set(leaf.SerialNumber)
	question, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: serial}, issuer, nil)
	if err != nil { // cannot happen for an issuer key that verified a path
		return
	}
	id := c.id
	c.errand = &errand{addresses: addresses, question: question, limit: MaxOCSP, read: func(der []byte) (period, error) {
		now := r.o.Now()
		_, a, err := readOCSP(der, serial, issuer, now, r.trust.revoked.Load().holds)
		if err != nil {
			return period{}, err
		}
		r.record(id, a)
		if a.standing == isUnknown {
			return period{}, errors.New("the responder does not know the certificate")
		}
		return a.period, nil
	}}
	r.send(c.errand)
}

// maxCRLURLs bounds the URLs of CRLs.
const maxListAddresses = MaxCRLs

// scheduleCRLs fetches the CRLs at the given URLs periodically, from now on. The issuer is the authority whose
// certificates contain the URLs, or nil.
func (r *Revocation) watchLists(addresses []string, issuer *x509.Certificate) {
	for _, address := range usable(addresses) {
		if r.lists[address] != nil {
			continue
		}
		if len(r.lists) >= maxListAddresses {
			return
		}
		var last [sha256.Size]byte
		var holds period
		e := &errand{addresses: []string{address}, limit: MaxCRL, read: func(data []byte) (period, error) {
			sum := sha256.Sum256(data)
			if sum == last { // parsing a large list again costs more than everything else
				return holds, nil
			}
			read, err := r.trust.addCRL(data, issuer)
			if err == nil {
				last, holds = sum, read
			}
			return read, err
		}}
		r.lists[address] = e
		r.send(e)
	}
}

// AddCRLURL also fetches the CRL at the given URL, as soon as Run starts. It is for CRLs that no certificate names, and
// for those that must be present before the first request.
func (r *Revocation) AddAddress(address string) error {
	if len(usable([]string{address})) == 0 {
		return problem.New(problem.CRLAddress)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchLists([]string{address}, nil)
	return nil
}

// Run fetches CRLs and OCSP responses and reloads changed files until ctx ends.
func (r *Revocation) Run(ctx context.Context) {
	if r.o.Policy != RevocationOff {
		r.watchAuthorities()
	}
	var group sync.WaitGroup
	for range r.o.Workers {
		group.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case e := <-r.queue:
					r.goOn(ctx, e)
				}
			}
		})
	}
	ticker := time.NewTicker(r.o.Every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		r.rereadFiles(ctx)
		r.sweep()
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	group.Wait()
}

// scheduleAuthorityCRLs fetches the CRLs that would list the authorities themselves.
func (r *Revocation) watchAuthorities() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.trust.authorities {
		r.watchLists(c.CRLDistributionPoints, nil)
	}
}

// maxIdleTime is the time without a message from its holder after which a certificate's status is no longer refreshed.
const unused = 7 * 24 * time.Hour

// enqueueDueTasks enqueues the tasks that are due and evicts expired entries.
func (r *Revocation) sweep() {
	now := r.o.Now()
	r.addresses.forget(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetExpired(now)
	for _, e := range r.lists {
		r.sendDue(e, now)
	}
	for _, c := range r.known {
		if c.errand != nil && !c.answer.isFinal() && now.Sub(c.used) < unused {
			r.sendDue(c.errand, now)
		}
	}
}
