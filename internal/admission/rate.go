package admission

import (
	"net/http"
	"sync"
	"time"
)

// Rates of the pages. A visitor is whoever has not signed in; to sign in takes four requests, so that a hospital whose
// staff share one address signs in four people a second, and all together 25. A person sends forms faster than anybody
// types.
const (
	visitorBurst, visitorInterval         = 240, time.Second / 16
	allVisitorsBurst, allVisitorsInterval = 2000, time.Second / 100
	personBurst, personInterval           = 60, time.Second
	// maxRateOwners bounds those whom a limiter remembers. The others share one rate.
	maxRateOwners = 8192
)

// rateLimiter lets each owner act burst times at once, and then once an interval. It remembers when each will be as if
// they had never acted, and forgets those who are.
type rateLimiter[K comparable] struct {
	now      func() time.Time
	burst    int
	interval time.Duration

	mutex   sync.Mutex
	restAt  map[K]time.Time
	sweepAt time.Time // when those at rest are forgotten again
}

func newRateLimiter[K comparable](now func() time.Time, burst int, interval time.Duration) *rateLimiter[K] {
	return &rateLimiter[K]{now: now, burst: burst, interval: interval, restAt: map[K]time.Time{}}
}

// allow reports whether an owner may act now, and counts it if so.
func (l *rateLimiter[K]) allow(who K) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := l.now()
	restAt, isKnown := l.restAt[who]
	if !isKnown && len(l.restAt) >= maxRateOwners && !l.forgetRested(now) {
		var others K
		who, restAt = others, l.restAt[others]
	}
	if restAt.Before(now) {
		restAt = now
	}
	if restAt.Sub(now) > time.Duration(l.burst-1)*l.interval {
		return false
	}
	l.restAt[who] = restAt.Add(l.interval)
	return true
}

// forgetRested makes room, at most once an interval, and reports whether there is any.
func (l *rateLimiter[K]) forgetRested(now time.Time) bool {
	if now.Before(l.sweepAt) {
		return false
	}
	l.sweepAt = now.Add(l.interval)
	for who, restAt := range l.restAt {
		if !restAt.After(now) {
			delete(l.restAt, who)
		}
	}
	return len(l.restAt) < maxRateOwners
}

// AllowVisitor reports whether a request of somebody who has not signed in is within the rate of its address, and of
// all addresses together.
func (c *Controller) AllowVisitor(r *http.Request) bool {
	source, _ := c.proxies.sourceOf(r)
	return c.visitors.allow(source) && c.allVisitors.allow(struct{}{})
}

// AllowWrite reports whether a form of a person who signed in is within that person's rate.
func (c *Controller) AllowWrite(person string) bool { return c.writers.allow(person) }
