package pki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// errand is one thing to ask of an authority, again and again: a list, or how a certificate stands.
type errand struct {
	addresses []string // tried in their order
	question  []byte   // an OCSP request to POST; nil for GET
	limit     int      // octets of the reply
	// read takes the reply in and gives the period for which it holds.
	read func([]byte) (period, error)

	// The rest is guarded by Revocation.mu.
	isQueued bool
	due      time.Time
	failures int
}

// send queues an errand, unless it is queued or somebody is on it. The queue has room for all that exist; one that does not
// fit because of forgotten certificates goes with the next sweep.
func (r *Revocation) send(e *errand) {
	if e.isQueued {
		return
	}
	select {
	case r.queue <- e:
		e.isQueued = true
	default:
	}
}

func (r *Revocation) sendDue(e *errand, now time.Time) {
	if !now.Before(e.due) {
		r.send(e)
	}
}

// goOn does an errand and says when it is due again.
func (r *Revocation) goOn(ctx context.Context, e *errand) {
	holds, err := r.ask(ctx, e)
	now := r.o.Now()
	if err == nil && !holds.covers(now) {
		err = fmt.Errorf("the answer was good from %s to %s", instant(holds.from), instant(holds.until))
	}
	if ctx.Err() != nil {
		return
	}
	switch before := r.settle(e, holds, now, err); {
	case errors.Is(err, errHostDown):
	case err != nil && before == 0:
		r.o.Log.WarnContext(ctx, "revocation not known from its authority", slog.String("host", host(e.addresses[0])), slog.String("error", err.Error()))
	case err == nil && before > 0:
		r.o.Log.InfoContext(ctx, "revocation known again from its authority", slog.String("host", host(e.addresses[0])))
	}
}

// settle says when an errand is due again. It gives the number of failures before.
func (r *Revocation) settle(e *errand, holds period, now time.Time, err error) (before int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, e.isQueued = e.failures, false
	switch {
	case errors.Is(err, errHostDown):
		e.due = now.Add(pause(1))
	case err != nil:
		e.failures++
		e.due = now.Add(pause(e.failures))
	default:
		e.failures = 0
		e.due = now.Add(min(max(holds.until.Sub(now)/2, shortest), longest))
	}
	return before
}

// An answer is asked for anew when half of the time is over that remains to it, within these bounds, so that it is there
// before the old one ends.
const (
	shortest = time.Minute
	longest  = 6 * time.Hour
)

// pause is how long nothing is asked after so many failures: half a minute, doubled each time up to half an hour.
func pause(failures int) time.Duration {
	return min(30*time.Second<<min(failures-1, 6), 30*time.Minute)
}

// errHostDown is for an errand on which nobody went, because its host failed just before.
var errHostDown = errors.New("the host failed before")

// ask tries the addresses of an errand.
func (r *Revocation) ask(ctx context.Context, e *errand) (period, error) {
	err := errHostDown
	for _, address := range e.addresses {
		name := host(address)
		if !r.addresses.admit(name, r.o.Now()) {
			continue
		}
		var reply []byte
		var isDown bool
		if reply, isDown, err = r.fetch(ctx, address, e); isDown {
			r.addresses.failed(name, r.o.Now())
			continue
		}
		r.addresses.worked(name)
		if err != nil {
			continue
		}
		var holds period
		if holds, err = e.read(reply); err == nil {
			return holds, nil
		}
	}
	return period{}, err
}

// fetch asks one address. isDown says that the host, and not only this question, failed.
func (r *Revocation) fetch(ctx context.Context, address string, e *errand) (reply []byte, isDown bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	method, body := http.MethodGet, io.Reader(nil)
	if e.question != nil {
		method, body = http.MethodPost, bytes.NewReader(e.question)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, false, fmt.Errorf("asking: %w", withoutAddress(err))
	}
	if e.question != nil {
		request.Header.Set("Content-Type", "application/ocsp-request")
		request.Header.Set("Accept", "application/ocsp-response")
	}
	response, err := r.o.HTTP.Do(request)
	if err != nil {
		return nil, true, fmt.Errorf("asking: %w", withoutAddress(err))
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTooManyRequests,
			fmt.Errorf("the answer is HTTP %d", response.StatusCode)
	}
	if response.ContentLength > int64(e.limit) {
		return nil, false, fmt.Errorf("the answer has %d octets, more than %d", response.ContentLength, e.limit)
	}
	reply, err = io.ReadAll(io.LimitReader(response.Body, int64(e.limit)+1))
	switch {
	case err != nil:
		return nil, true, fmt.Errorf("reading the answer: %w", err)
	case len(reply) > e.limit:
		return nil, false, fmt.Errorf("the answer has more than %d octets", e.limit)
	}
	return reply, false, nil
}

// withoutAddress takes the address out of an error of net/http, for it may hold more than a log should.
func withoutAddress(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// bounded is a client that follows a redirect only within the host, and only twice: a certificate names whom to ask, and
// nobody else does.
func bounded(given *http.Client) *http.Client {
	client := &http.Client{}
	if given != nil {
		client.Transport = given.Transport
	}
	client.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		if len(via) > 2 || request.URL.Host != via[0].URL.Host || len(usable([]string{request.URL.String()})) == 0 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return client
}

// Bounds of the addresses of one certificate.
const (
	maxAddress   = 2048 // octets
	maxAddresses = 4
)

// usable picks the addresses that are of HTTP. Authorities also name LDAP directories, which nobody runs any more.
func usable(addresses []string) []string {
	var found []string
	for _, address := range addresses {
		if len(found) == maxAddresses || len(address) > maxAddress {
			continue
		}
		u, err := url.Parse(address)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil {
			found = append(found, address)
		}
	}
	return found
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// breakers keep one host that is down from holding all workers: while it fails, it is asked once in a while only, with one
// question.
type breakers struct {
	mu    sync.Mutex
	hosts map[string]*breaker // those that failed last
}

type breaker struct {
	failures  int
	until     time.Time // nobody asks before
	isProbing bool      // somebody is asking
}

// admit reports whether the host may be asked. Whoever asks says afterwards how it went, by failed or worked.
func (b *breakers) admit(host string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.hosts[host]
	if !ok {
		return true
	}
	if h.isProbing || now.Before(h.until) {
		return false
	}
	h.isProbing = true
	return true
}

func (b *breakers) failed(host string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.hosts[host]
	switch {
	case !ok:
		h = &breaker{}
		if b.hosts == nil {
			b.hosts = make(map[string]*breaker)
		}
		b.hosts[host] = h
	case !h.isProbing: // several were asking when it failed first
		return
	}
	h.failures++
	h.until = now.Add(pause(h.failures))
	h.isProbing = false
}

func (b *breakers) worked(host string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.hosts, host)
}

// forget drops hosts that nobody has asked for long.
func (b *breakers) forget(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.hosts, func(_ string, h *breaker) bool { return !h.isProbing && now.Sub(h.until) > time.Hour })
}
