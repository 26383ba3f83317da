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

// RevocationPolicy says what becomes of a signer's certificate of which it is not known now whether it is revoked: never
// heard, or heard too long ago. One that is known to be revoked is refused under every policy.
type RevocationPolicy string

// The policies.
const (
	RevocationOff  RevocationPolicy = "off"  // only given files count, and nobody is asked
	RevocationSoft RevocationPolicy = "soft" // accepted, while the authority is asked
	RevocationHard RevocationPolicy = "hard" // refused, while the authority is asked
)

// RevocationOptions are what a Revocation works with.
type RevocationOptions struct {
	Policy RevocationPolicy // soft when empty
	Now    func() time.Time
	HTTP   *http.Client // how authorities are reached; its time-outs, redirects and cookies are replaced by our own
	Log    *slog.Logger // told of what fails and of what works again, never of a certificate's holder; nil for nobody
	// Capacity is for how many certificates the answer is kept: 4096 when zero.
	Capacity int
	// Workers is how many authorities are asked at a time, 1 to 4: 2 when zero.
	Workers int
	// Timeout bounds one question: 20 s when zero.
	Timeout time.Duration
	// Every is how often files and answers are looked at again: 15 s when zero.
	Every time.Duration
}

// Revocation keeps what the authorities say about the certificates that sign: by revocation lists (RFC 5280 §5) and by
// OCSP (RFC 6960), from files that were given and from the addresses that stand in the certificates.
//
// A request never waits for it. Trust looks up what is known in memory; the first sight of a certificate leaves an
// errand, and Run goes on it. Addresses are taken only from certificates of which Trust has verified the path, so a
// stranger cannot make this service call anybody.
//
// Memory is bounded: by Capacity for single certificates, by MaxCRLs and MaxCRL for lists. What is revoked is not
// forgotten before the certificate expires; when nothing but such certificates is left, others remain unknown.
type Revocation struct {
	trust     *Trust
	o         RevocationOptions
	queue     chan *errand
	addresses breakers

	files []*watchedFile // set before Run
	knows *Revocation    // of a Trust that leaves no trace: who is looked up instead

	mu     sync.Mutex
	known  map[certificateID]*certificate
	recent *list.List         // of *certificate, the one used last in front: those that may be forgotten
	lists  map[string]*errand // by address
}

// certificateID names a certificate by its authority and serial number.
type certificateID struct {
	authority authorityID
	serial    string // the big-endian magnitude
}

func identify(issuer *x509.Certificate, serial *big.Int) certificateID {
	return certificateID{authorityOf(issuer), string(serial.Bytes())}
}

// certificate is what is known of one certificate beside the lists.
type certificate struct {
	id      certificateID
	answer  answer
	used    time.Time
	expires time.Time     // zero: not known
	recent  *list.Element // nil: not to be forgotten before it expires
	errand  *errand       // nil: there is nobody to ask
}

// NewRevocation makes the Revocation of a Trust, which asks it from then on: so it must be made before the Trust is used.
func NewRevocation(t *Trust, o RevocationOptions) *Revocation {
	o.Capacity = orElse(o.Capacity, 4096)
	o.Workers = min(orElse(o.Workers, 2), 4)
	o.Timeout = orElse(o.Timeout, 20*time.Second)
	o.Every = orElse(o.Every, 15*time.Second)
	o.HTTP = bounded(o.HTTP)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Revocation{
		trust: t, o: o,
		queue: make(chan *errand, o.Capacity+maxListAddresses),
		known: make(map[certificateID]*certificate), recent: list.New(), lists: make(map[string]*errand),
	}
	t.status = r
	return r
}

func orElse[T int | time.Duration](given, otherwise T) T {
	if given > 0 {
		return given
	}
	return otherwise
}

// judge says whether what is known of a certificate of a verified path allows it to sign. It looks into memory only.
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

// see gives what was answered about a certificate, and leaves errands at its first sight.
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
	if c.expires.IsZero() { // first sight, though perhaps not the first answer
		c.expires = leaf.NotAfter
		r.leaveErrands(c, leaf, p.issuer)
	}
	c.used = at
	if c.recent != nil {
		r.recent.MoveToFront(c.recent)
	}
	return c.answer
}

// admit finds a place for a certificate, or none.
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

// forgetExpired drops those that are refused for their age anyway.
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

// record keeps an answer, if it is worth more than the one that is known.
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

// leaveErrands is called once for each certificate.
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
	if err != nil { // an issuer's key that cannot be named has verified no path
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

// maxListAddresses bounds the addresses of lists.
const maxListAddresses = MaxCRLs

// watchLists fetches the lists at some addresses, now and again and again. The issuer is the authority that gave the
// addresses, or nil.
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
			if sum == last { // reading a large list again costs more than the whole rest
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

// AddAddress fetches the revocation list at an address too, from the start of Run on. It is for lists that no certificate
// names, and for those that must be there before the first request.
func (r *Revocation) AddAddress(address string) error {
	if len(usable([]string{address})) == 0 {
		return problem.New(problem.CRLAddress)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchLists([]string{address}, nil)
	return nil
}

// Run asks the authorities and reads changed files until the context ends.
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

// watchAuthorities fetches the lists on which the authorities themselves would stand.
func (r *Revocation) watchAuthorities() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.trust.authorities {
		r.watchLists(c.CRLDistributionPoints, nil)
	}
}

// unused is after what time without a message of its holder nobody asks about a certificate any more.
const unused = 7 * 24 * time.Hour

// sweep leaves the errands that are due, and drops what nobody needs.
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
