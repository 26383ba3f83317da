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

// fetchTask is a periodic request to an authority: for a CRL, or for the OCSP status of a certificate.
type errand struct {
	addresses []string // tried in order
	question  []byte   // body of a POST; nil for GET
	limit     int      // of the response
	// acceptResponse parses and stores the response, and returns its period.
	read func([]byte) (period, error)

	// The fields below are guarded by StatusChecker.mu.
	isQueued bool
	due      time.Time
	failures int
}

// enqueueTask queues a task unless it is queued or running. The queue has capacity for all tasks; if evicted
// certificates left it full, the next sweep queues the task.
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

// runTask runs a task and schedules its next run.
func (r *Revocation) goOn(ctx context.Context, e *errand) {
	holds, err := r.ask(ctx, e)
	now := r.o.Now()
	if err == nil && !holds.covers(now) {
		err = fmt.Errorf("the answer was good from %s to %s", instant(holds.from), instant(holds.until))
	}
	if ctx.Err() != nil {
		return
	}
	switch previousFailures := r.settle(e, holds, now, err); {
	case errors.Is(err, errHostDown):
	case err != nil && previousFailures == 0:
		r.o.Log.WarnContext(ctx, "revocation not known from its authority", slog.String("host", host(e.addresses[0])), slog.String("error", err.Error()))
	case err == nil && previousFailures > 0:
		r.o.Log.InfoContext(ctx, "revocation known again from its authority", slog.String("host", host(e.addresses[0])))
	}
}

// rescheduleTask sets the time of a task's next run. It returns the number of consecutive failures before this run.
func (r *Revocation) settle(e *errand, current period, now time.Time, err error) (previousFailures int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	previousFailures, e.isQueued = e.failures, false
	switch {
	case errors.Is(err, errHostDown):
		e.due = now.Add(pause(1))
	case err != nil:
		e.failures++
		e.due = now.Add(pause(e.failures))
	default:
		e.failures = 0
		e.due = now.Add(min(max(current.until.Sub(now)/2, shortest), longest))
	}
	return previousFailures
}

// A response is refreshed after half of its remaining lifetime, within these bounds, so that the new one arrives before
// the old one ends.
const (
	shortest = time.Minute
	longest  = 6 * time.Hour
)

// backoffDelay is the delay after the given number of failures: 30 s, doubled each time up to 30 minutes.
func pause(failures int) time.Duration {
	return min(30*time.Second<<min(failures-1, 6), 30*time.Minute)
}

// errHostUnavailable marks a task that was not run because the host failed just before.
var errHostDown = errors.New("the host failed before")

// fetchFromAny tries the URLs of a task in order until one gives an acceptable response.
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

// fetchURL sends the request to one URL. isDown reports that the host failed, not only this request.
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

// stripURL removes the URL from an error of net/http, because a URL may hold more than a log should contain.
func withoutAddress(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// newRestrictedClient returns a client that follows at most two redirects, and only within the same host: only the
// certificate decides which host is contacted.
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

// Bounds on the URLs of one certificate.
const (
	maxAddress   = 2048
	maxAddresses = 4
)

// filterHTTPURLs returns the HTTP and HTTPS URLs. Authorities also name LDAP directories, which are no longer in
// service.
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

// circuitBreakers prevent one unavailable host from occupying all workers: while a host fails, only one request at a
// time is sent to it, at growing intervals.
type breakers struct {
	mu    sync.Mutex
	hosts map[string]*breaker // only hosts whose last request failed
}

type breaker struct {
	failures  int
	until     time.Time // no request before
	isProbing bool      // a request is in flight
}

// allowRequest reports whether a request may be sent to the host. The caller must then report the outcome with
// recordFailure or recordSuccess.
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
	case !h.isProbing: // further requests were in flight at the first failure
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

// evictStale drops hosts that have not been contacted for an hour.
func (b *breakers) forget(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.hosts, func(_ string, h *breaker) bool { return !h.isProbing && now.Sub(h.until) > time.Hour })
}
