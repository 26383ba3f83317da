package revocation

import (
	"container/list"
	"context"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/message/x509id"
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
	// Workers is the number of concurrent requests, 1 to 4: 4 when zero.
	Workers int
	// Timeout bounds one request: 20 s when zero.
	Timeout time.Duration
	// Interval is the time between two checks of files and due refreshes: 15 s when zero.
	Interval time.Duration
	// Directory keeps fetched lists and responses across restarts; they are lost with the process when empty.
	Directory string
	// OnSkippedLists receives, for each authority by its name, how many more addresses of lists are not fetched because
	// the authority has too many; nil ignores them.
	OnSkippedLists func(authority string, count int)
}

// StatusChecker knows the revocation status of the certificates of signers and of the authorities above them: from CRLs
// (RFC 5280 §5) and OCSP responses (RFC 6960), both from configured files and from the URLs in the certificates.
//
// TrustStore looks up the status in memory and never waits; the first lookup of a certificate enqueues fetch tasks,
// which Run executes. A caller who can wait gets a channel that tells when to look again. URLs are only taken from
// certificates whose path TrustStore has verified, so an unverified sender cannot make this service contact any host.
//
// Memory is bounded: by Capacity for single certificates, by MaxCRLs of each trusted authority and MaxCRLBytes for
// lists. A revoked certificate is not evicted before it expires; when all entries are revoked certificates, further
// certificates remain unknown. Directory is bounded by the same limits.
type StatusChecker struct {
	*CRLStore

	trust    *x509id.TrustStore
	options  StatusCheckerOptions
	queue    chan *fetchTask
	breakers circuitBreakers

	watchedFiles []*watchedFile // immutable after Run starts
	delegate     *StatusChecker // set in an Offline checker: the checker to read from

	mu           sync.Mutex
	certificates map[certificateID]*trackedCertificate
	evictable    *list.List            // of *trackedCertificate, most recently used first
	crlTasks     map[string]*fetchTask // by URL
	crlQuotas    map[authorityID]*crlQuota
	learned      chan struct{} // closed and replaced whenever a task has ended

	kept keptFiles
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
	isScheduled   bool          // its fetch tasks exist
	ocspTask      *fetchTask    // nil: the certificate has no OCSP URL
}

// NewStatusChecker returns a StatusChecker for a TrustStore and connects it, so call it before the TrustStore is used.
func NewStatusChecker(t *x509id.TrustStore, options StatusCheckerOptions) *StatusChecker {
	options.Capacity = valueOrDefault(options.Capacity, 4096)
	options.Workers = min(valueOrDefault(options.Workers, 4), 4)
	options.Timeout = valueOrDefault(options.Timeout, 20*time.Second)
	options.Interval = valueOrDefault(options.Interval, 15*time.Second)
	options.HTTPClient = newRestrictedClient(options.HTTPClient)
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	r := &StatusChecker{
		trust:        t,
		options:      options,
		queue:        make(chan *fetchTask, options.Capacity+MaxCRLs*(len(t.Authorities())+1)),
		certificates: make(map[certificateID]*trackedCertificate),
		evictable:    list.New(),
		crlTasks:     make(map[string]*fetchTask),
		crlQuotas:    make(map[authorityID]*crlQuota),
		learned:      make(chan struct{}),
		kept:         keptFiles{directory: options.Directory},
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
		r.reportSkippedLists(ctx)
		r.removeDiscardedFiles(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	group.Wait()
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
