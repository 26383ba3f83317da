// Package admission bounds how much of its work a door does at once, and for whom. Nothing that is shared is held while
// waiting for a peer, and every share has an owner with a bound. A request passes in this order:
//
//   - connection.go: a few requests of a connection at a time; listener.go bounds the connections, handshake.go their
//     handshakes.
//   - reading.go: the body is read under a deadline, into memory that is bounded for each address and in total.
//   - queue.go: the message waits for its turn to be verified; unverified callers one at a time, fairly among the
//     networks of owner.go; those whom trust.go knows by their certificate, without waiting for these.
//   - queue.go again: once it is verified it waits for the turn of its signer to use the store.
//   - pages.go: the same for doors of web pages, whose requests carry no signature; rate.go bounds how often a visitor
//     and a person come.
//
// It is a package of its own so that every door has the same limits, and so that the pipeline of a door can be read
// without them. It knows neither the format of messages nor who sends them; the door tells it which messages verified.
package admission

import (
	"context"
	"math/rand/v2"
	"net/http"
	"runtime"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// maxWork bounds the verified requests that use the store at once, and maxWorkPerSigner those of one signer.
	maxWork          = 96
	maxWorkPerSigner = 64
	// maxUnverifiedWaiting and maxVerifiedWaiting bound the requests that wait in a queue.
	maxUnverifiedWaiting = 512
	maxVerifiedWaiting   = 2048
	// penaltyFactor is the length of the cooldown after a refusal, as a multiple of the time that the refusal took.
	// Unverified connections that send only refused messages therefore use at most a fifth of one CPU, whatever they
	// send and however many they are. minRefusalCost counts what a refusal costs outside its slot.
	penaltyFactor  = 4
	minRefusalCost = time.Millisecond / 2
	// minRetryAfter and maxRetryAfter bound what a caller is told to wait beyond the time that the queue needs. They
	// differ so that callers who are refused together do not return together.
	minRetryAfter = 2 * time.Second
	maxRetryAfter = 8 * time.Second
)

// Controller admits the requests of one door. Requests of callers who have proved themselves never wait behind those of
// others.
type Controller struct {
	now               func() time.Time
	proxies           TrustedProxies
	trust             *trustTable
	handshakes        *fairQueue
	unverifiedReading *readingBudget
	verifiedReading   *readingBudget
	unverified        *fairQueue // to verify a message of an unverified caller
	known             *fairQueue // to verify a message of a known caller
	knownLarge        *fairQueue // the same, of large messages
	work              *fairQueue // to use the store
	pages             *fairQueue // to make a page
	signIns           *fairQueue // to ask the provider at which people sign in
	visitors          *rateLimiter[owner]
	allVisitors       *rateLimiter[struct{}]
	writers           *rateLimiter[string]
}

// NewController returns a Controller that believes the forwarding headers of these proxies.
func NewController(now func() time.Time, proxies TrustedProxies) *Controller {
	cpus := runtime.GOMAXPROCS(0)
	return &Controller{
		now:               now,
		proxies:           proxies,
		trust:             newTrustTable(now),
		handshakes:        newFairQueue(now, queueLimits{slots: max(1, cpus/2), waiting: 2 * maxVerifiedWaiting}),
		unverifiedReading: newReadingBudget(now, maxUnverifiedReading, newThrottle(unverifiedByteInterval)),
		verifiedReading:   newReadingBudget(now, maxVerifiedReading, nil),
		unverified:        newFairQueue(now, queueLimits{slots: 1, waiting: maxUnverifiedWaiting}),
		known:             newFairQueue(now, queueLimits{slots: 2 * cpus, waiting: maxVerifiedWaiting, sheds: true}),
		knownLarge:        newFairQueue(now, queueLimits{slots: max(1, cpus/2), waiting: maxVerifiedWaiting}),
		work: newFairQueue(now, queueLimits{
			slots: maxWork, perOwner: maxWorkPerSigner, waiting: maxVerifiedWaiting, sheds: true, adapts: true,
		}),
		pages: newFairQueue(now, queueLimits{
			slots: maxPagesPerCPU * cpus, perOwner: maxPagesPerCPU * cpus / 2, waiting: maxPagesWaiting,
		}),
		signIns:     newFairQueue(now, queueLimits{slots: maxSignIns, perOwner: maxSignIns / 2, waiting: maxSignInsWaiting}),
		visitors:    newRateLimiter[owner](now, visitorBurst, visitorInterval),
		allVisitors: newRateLimiter[struct{}](now, allVisitorsBurst, allVisitorsInterval),
		writers:     newRateLimiter[string](now, personBurst, personInterval),
	}
}

// Admission is an admitted request with what it holds. It belongs to one goroutine.
type Admission struct {
	controller *Controller
	connection *connection
	source     owner
	forwarded  bool    // by a trusted proxy: its connection belongs to many callers, and is not trusted itself
	held       permits // of the connection
	claim      claim
	claims     bool
	signer     owner // the expected, then the verified one; zero if neither

	slot       *fairQueue // the queue of the slot for verification; nil when there is none
	slotOwner  owner
	acquiredAt time.Time     // when it was acquired; zero if it never was
	cost       time.Duration // what it was held for, if it was given back; else it counts until Finish
	verified   bool
	worksSince time.Time // since when it has a slot to use the store; zero if it has none
	forAnybody bool
	turnedAway bool
}

// Outcome is how an admitted request ended.
type Outcome int

// The outcomes.
const (
	// Undecided means that it is not known whether the message is a new one: it was not verified, or not recorded.
	Undecided Outcome = iota
	// Proved means that the message verified, and was not used before.
	Proved
	// Replayed means that the message is a copy. It verifies, but anyone who obtains a caller's message could send it.
	Replayed
)

// Admit admits a request, when its connection may have one more in progress. The caller must call Finish.
func (c *Controller) Admit(r *http.Request) (*Admission, error) {
	a := &Admission{controller: c, connection: connectionFromContext(r.Context())}
	a.source, a.forwarded = c.proxies.sourceOf(r)
	if a.forwarded {
		return a, nil
	}
	if signer := a.connection.signer.Load(); signer != nil {
		a.signer = *signer
	}
	var err error
	if a.held, err = a.connection.begin(r.Context(), c.now()); err != nil {
		return nil, err
	}
	return a, nil
}

// ReadBody reads at most maxBytes of the body. A sender who is too slow is cut off: MESSAGE_INCOMPLETE. It costs the
// service a connection, so its source is served after the others for a while.
func (a *Admission) ReadBody(w http.ResponseWriter, r *http.Request, maxBytes int) ([]byte, error) {
	budget := a.controller.unverifiedReading
	if a.signer != (owner{}) {
		budget = a.controller.verifiedReading
	}
	data, err := budget.read(r.Context(), a.source, r.Body, r.ContentLength, maxBytes, newCutOff(w))
	a.noteRefusal(err)
	if err != nil && a.signer == (owner{}) {
		a.controller.trust.recordFailure(a.source)
	}
	return data, err
}

// AcquireSlot waits for the turn of a message to be verified: among those of known callers, or of unverified ones.
func (a *Admission) AcquireSlot(ctx context.Context, message []byte) error {
	c := a.controller
	a.findSigner(message)
	if a.signer == (owner{}) {
		return a.acquire(ctx, c.unverified, a.source, len(message), c.trust.isSuspect(a.source))
	}
	if c.work.isHopeless(a.signer) {
		a.turnedAway = true
		return problem.New(problem.Overloaded)
	}
	if len(message) >= largeMessageSize {
		return a.acquire(ctx, c.knownLarge, a.signer, len(message), false)
	}
	return a.acquire(ctx, c.known, a.signer, len(message), false)
}

// findSigner finds the expected signer again: it may have changed while the body was read.
func (a *Admission) findSigner(message []byte) {
	a.signer = owner{}
	if signer := a.connection.signer.Load(); signer != nil && !a.forwarded {
		a.signer = *signer
		return
	}
	if a.claim, a.claims = findClaim(message); a.claims {
		if signer, ok := a.controller.trust.signerOf(a.source, a.claim); ok {
			a.signer = newSigner(signer)
		}
	}
}

// AcquireUnverifiedSlot waits for the turn of work that anybody may ask for, among the unverified messages.
func (a *Admission) AcquireUnverifiedSlot(ctx context.Context, size int) error {
	a.forAnybody = true
	return a.acquire(ctx, a.controller.unverified, a.source, size, a.controller.trust.isSuspect(a.source))
}

func (a *Admission) acquire(ctx context.Context, q *fairQueue, o owner, size int, secondary bool) error {
	if err := q.acquire(ctx, o, size, secondary); err != nil {
		a.noteRefusal(err)
		return err
	}
	a.slot, a.slotOwner, a.acquiredAt = q, o, a.controller.now()
	return nil
}

// AcquireWork says that the message verified, gives its slot back, and waits for the turn of its signer to use the
// store.
func (a *Admission) AcquireWork(ctx context.Context, signer string) error {
	a.verified = true
	a.releaseSlot()
	a.signer = newSigner(signer)
	err := a.controller.work.acquire(ctx, a.signer, 0, false)
	a.noteRefusal(err)
	if err == nil {
		a.worksSince = a.controller.now()
	}
	return err
}

// noteRefusal remembers that the request was turned away.
func (a *Admission) noteRefusal(err error) {
	if err != nil && problem.From(err).Code == problem.Overloaded {
		a.turnedAway = true
	}
}

// Finish releases everything that the request holds. Call it once the response is ready, before anything is sent: a
// client that reads its response slowly must not delay other requests. It penalises a message that failed before
// verification, and a replay: by a cooldown, and by the loss of trust.
func (a *Admission) Finish(outcome Outcome) {
	if a == nil {
		return // never admitted
	}
	c := a.controller
	if !a.acquiredAt.IsZero() {
		switch {
		case a.forAnybody:
			c.unverified.penalise(a.source, a.penalty())
		case !a.verified || outcome == Replayed:
			a.recordFailure()
		case outcome == Proved:
			a.recordProof()
		}
	}
	a.releaseSlot()
	if !a.worksSince.IsZero() {
		c.work.adapt(c.now().Sub(a.worksSince))
		c.work.release(a.signer)
	}
	if a.forwarded {
		return
	}
	if a.turnedAway {
		a.connection.restFrom(c.now())
	}
	a.connection.end(a.held)
}

func (a *Admission) recordFailure() {
	c := a.controller
	a.connection.signer.Store(nil)
	if a.claims && a.slotOwner != a.source {
		c.trust.recordFailedClaim(a.source, a.claim)
	} else {
		c.trust.recordFailure(a.source)
	}
	c.unverified.penalise(a.source, a.penalty())
}

// penalty returns the cooldown for a refusal.
func (a *Admission) penalty() time.Duration {
	cost := a.cost
	if cost == 0 {
		cost = a.controller.now().Sub(a.acquiredAt)
	}
	if cost <= 0 {
		return 0 // a clock that stands still, in tests
	}
	return penaltyFactor * max(cost, minRefusalCost)
}

// GiveBack gives the slot back while the request waits for somebody else, such as an authority that is asked about the
// caller's certificate. It is not needed again: what follows costs a known caller's own work. The wait itself is not
// held against the caller.
func (a *Admission) GiveBack() {
	a.cost = max(a.controller.now().Sub(a.acquiredAt), 1)
	a.releaseSlot()
}

func (a *Admission) recordProof() {
	if !a.forwarded {
		a.connection.signer.Store(&a.signer)
	}
	if a.claims {
		a.controller.trust.recordProof(a.source, a.claim, a.signer.signer)
	}
}

func (a *Admission) releaseSlot() {
	if a.slot != nil {
		a.slot.release(a.slotOwner)
		a.slot = nil
	}
}

// RetryAfter is how long a caller who is turned away now should wait: until those who wait are served, and a random
// time more.
func (c *Controller) RetryAfter() time.Duration {
	wait := max(c.work.estimateWait(), c.known.estimateWait())
	jitter := rand.N(maxRetryAfter - minRetryAfter) //nolint:gosec // the jitter is no secret
	return wait + minRetryAfter + jitter
}
