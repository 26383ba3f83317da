package revocation

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
type fetchTask struct {
	urls        []string // tried in order
	ocspRequest []byte   // body of a POST; nil for GET
	maxBytes    int      // of the response
	// acceptResponse parses and stores the response, and returns its period.
	acceptResponse func([]byte) (updatePeriod, error)

	// The fields below are guarded by StatusChecker.mu.
	isQueued bool // or running
	hasRun   bool
	dueAt    time.Time
	failures int
}

// enqueueTask queues a task unless it is queued or running. The queue has capacity for all tasks; if evicted
// certificates left it full, the next sweep queues the task.
func (r *StatusChecker) enqueueTask(e *fetchTask) {
	if e.isQueued {
		return
	}
	select {
	case r.queue <- e:
		e.isQueued = true
	default:
	}
}

func (r *StatusChecker) enqueueIfDue(e *fetchTask, now time.Time) {
	if !now.Before(e.dueAt) {
		r.enqueueTask(e)
	}
}

// runTask runs a task and schedules its next run.
func (r *StatusChecker) runTask(ctx context.Context, e *fetchTask) {
	holds, err := r.fetchFromAny(ctx, e)
	now := r.options.Now()
	if err == nil && !holds.isCurrentAt(now) {
		err = fmt.Errorf(
			"the answer was good from %s to %s", holds.thisUpdate.UTC().Format(time.RFC3339),
			holds.nextUpdate.UTC().Format(time.RFC3339),
		)
	}
	if ctx.Err() != nil {
		return
	}
	switch previousFailures := r.rescheduleTask(e, holds, now, err); {
	case errors.Is(err, errHostUnavailable):
	case err != nil && previousFailures == 0:
		r.options.Log.WarnContext(
			ctx, "revocation not known from its authority", slog.String("host", hostFromURL(e.urls[0])),
			slog.String("error", err.Error()),
		)
	case err == nil && previousFailures > 0:
		r.options.Log.InfoContext(
			ctx, "revocation known again from its authority", slog.String("host", hostFromURL(e.urls[0])),
		)
	}
}

// rescheduleTask sets the time of a task's next run. It returns the number of consecutive failures before this run.
func (r *StatusChecker) rescheduleTask(
	e *fetchTask, current updatePeriod, now time.Time, err error,
) (previousFailures int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.announceLearned()
	previousFailures, e.isQueued, e.hasRun = e.failures, false, true
	switch {
	case errors.Is(err, errHostUnavailable):
		e.dueAt = now.Add(backoffDelay(1))
	case err != nil:
		e.failures++
		e.dueAt = now.Add(backoffDelay(e.failures))
	default:
		e.failures = 0
		e.dueAt = now.Add(min(max(current.nextUpdate.Sub(now)/2, minRefreshInterval), maxRefreshInterval))
	}
	return previousFailures
}

// A response is refreshed after half of its remaining lifetime, within these bounds, so that the new one arrives before
// the old one ends.
const (
	minRefreshInterval = time.Minute
	maxRefreshInterval = 6 * time.Hour
)

// backoffDelay is the delay after the given number of failures: 30 s, doubled each time up to 30 minutes.
func backoffDelay(failures int) time.Duration {
	return min(30*time.Second<<min(failures-1, 6), 30*time.Minute)
}

// errHostUnavailable marks a task that was not run because the host failed just before.
var errHostUnavailable = errors.New("the host failed before")

// fetchFromAny tries the URLs of a task in order until one gives an acceptable response.
func (r *StatusChecker) fetchFromAny(ctx context.Context, e *fetchTask) (updatePeriod, error) {
	err := errHostUnavailable
	for _, address := range e.urls {
		name := hostFromURL(address)
		if !r.breakers.allowRequest(name, r.options.Now()) {
			continue
		}
		var reply []byte
		var isDown bool
		if reply, isDown, err = r.fetchURL(ctx, address, e); isDown {
			r.breakers.recordFailure(name, r.options.Now())
			continue
		}
		r.breakers.recordSuccess(name)
		if err != nil {
			continue
		}
		var holds updatePeriod
		if holds, err = e.acceptResponse(reply); err == nil {
			return holds, nil
		}
	}
	return updatePeriod{}, err
}

// fetchURL sends the request to one URL. isDown reports that the host failed, not only this request.
func (r *StatusChecker) fetchURL(
	ctx context.Context, address string, e *fetchTask,
) (reply []byte, isDown bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	method, body := http.MethodGet, io.Reader(nil)
	if e.ocspRequest != nil {
		method, body = http.MethodPost, bytes.NewReader(e.ocspRequest)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, false, fmt.Errorf("asking: %w", stripURL(err))
	}
	if e.ocspRequest != nil {
		request.Header.Set("Content-Type", "application/ocsp-request")
		request.Header.Set("Accept", "application/ocsp-response")
	}
	response, err := r.options.HTTPClient.Do(request)
	if err != nil {
		return nil, true, fmt.Errorf("asking: %w", stripURL(err))
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, response.StatusCode >= http.StatusInternalServerError ||
				response.StatusCode == http.StatusTooManyRequests,
			fmt.Errorf("the answer is HTTP %d", response.StatusCode)
	}
	if response.ContentLength > int64(e.maxBytes) {
		return nil, false, fmt.Errorf("the answer has %d octets, more than %d", response.ContentLength, e.maxBytes)
	}
	reply, err = io.ReadAll(io.LimitReader(response.Body, int64(e.maxBytes)+1))
	switch {
	case err != nil:
		return nil, true, fmt.Errorf("reading the answer: %w", err)
	case len(reply) > e.maxBytes:
		return nil, false, fmt.Errorf("the answer has more than %d octets", e.maxBytes)
	}
	return reply, false, nil
}

// stripURL removes the URL from an error of net/http, because a URL may hold more than a log should contain.
func stripURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// newRestrictedClient returns a client that follows at most two redirects, and only within the same host: only the
// certificate decides which host is contacted.
func newRestrictedClient(given *http.Client) *http.Client {
	client := &http.Client{}
	if given != nil {
		client.Transport = given.Transport
	}
	client.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		if len(via) > 2 || request.URL.Host != via[0].URL.Host || len(filterHTTPURLs([]string{request.URL.String()})) == 0 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return client
}

// Bounds on the URLs of one certificate.
const (
	maxURLBytes           = 2048
	maxURLsPerCertificate = 4
)

// filterHTTPURLs returns the HTTP and HTTPS URLs. Authorities also name LDAP directories, which are no longer in
// service.
func filterHTTPURLs(addresses []string) []string {
	var found []string
	for _, address := range addresses {
		if len(found) == maxURLsPerCertificate || len(address) > maxURLBytes {
			continue
		}
		u, err := url.Parse(address)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil {
			found = append(found, address)
		}
	}
	return found
}

func hostFromURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// circuitBreakers prevent one unavailable host from occupying all workers: while a host fails, only one request at a
// time is sent to it, at growing intervals.
type circuitBreakers struct {
	mu    sync.Mutex
	hosts map[string]*circuitBreaker // only hosts whose last request failed
}

type circuitBreaker struct {
	failures  int
	retryAt   time.Time // no request before
	isProbing bool      // a request is in flight
}

// allowRequest reports whether a request may be sent to the host. The caller must then report the outcome with
// recordFailure or recordSuccess.
func (b *circuitBreakers) allowRequest(host string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.hosts[host]
	if !ok {
		return true
	}
	if h.isProbing || now.Before(h.retryAt) {
		return false
	}
	h.isProbing = true
	return true
}

func (b *circuitBreakers) recordFailure(host string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, ok := b.hosts[host]
	switch {
	case !ok:
		h = &circuitBreaker{}
		if b.hosts == nil {
			b.hosts = make(map[string]*circuitBreaker)
		}
		b.hosts[host] = h
	case !h.isProbing: // further requests were in flight at the first failure
		return
	}
	h.failures++
	h.retryAt = now.Add(backoffDelay(h.failures))
	h.isProbing = false
}

func (b *circuitBreakers) recordSuccess(host string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.hosts, host)
}

// evictStale drops hosts that have not been contacted for an hour.
func (b *circuitBreakers) evictStale(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(
		b.hosts, func(_ string, h *circuitBreaker) bool { return !h.isProbing && now.Sub(h.retryAt) > time.Hour },
	)
}
