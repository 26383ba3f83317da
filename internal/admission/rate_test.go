package admission

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRateLimiter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	l := newRateLimiter[string](func() time.Time { return now }, 5, time.Second)
	allowed := func(who string, times int) (n int) {
		for range times {
			if l.allow(who) {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		who         string
		later       time.Duration
		times, want int
	}{
		{"a", 0, 10, 5}, {"b", 0, 10, 5}, {"a", time.Second, 10, 1}, {"a", 3 * time.Second, 10, 3},
		{"a", time.Hour, 10, 5}, {"a", time.Second / 2, 1, 0}, {"a", time.Second / 2, 1, 1},
	} {
		now = now.Add(step.later)
		if n := allowed(step.who, step.times); n != step.want {
			t.Errorf("%s after %v: %d of %d, want %d", step.who, step.later, n, step.times, step.want)
		}
	}
}

// TestRateLimiterForgets checks that many owners cost no more memory than some, and gain nothing.
func TestRateLimiterForgets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	l := newRateLimiter[int](func() time.Time { return now }, 5, time.Second)
	for i := range maxRateOwners {
		if !l.allow(i + 1) {
			t.Fatalf("owner %d is refused", i)
		}
	}
	allowed := 0
	for i := range maxRateOwners {
		if l.allow(-1 - i) {
			allowed++
		}
	}
	if allowed != 5 || len(l.restAt) > maxRateOwners+1 {
		t.Errorf("%d owners too many are allowed, %d are remembered", allowed, len(l.restAt))
	}
	now = now.Add(time.Hour)
	if !l.allow(-1) || len(l.restAt) != 1 {
		t.Errorf("%d are remembered after an hour", len(l.restAt))
	}
}

func TestVisitorsAndWriters(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	c := NewController(func() time.Time { return now }, nil)
	from := func(address string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/portal/", nil)
		r.RemoteAddr = address + ":1"
		return r
	}
	allowed := func(address string, times int) (n int) {
		for range times {
			if c.AllowVisitor(from(address)) {
				n++
			}
		}
		return n
	}
	if n := allowed("192.0.2.1", 1000); n != visitorBurst {
		t.Errorf("%d requests of one address", n)
	}
	if n := allowed("192.0.2.2", 1); n != 1 {
		t.Error("another address is refused")
	}
	total := visitorBurst + 1
	for i := range 20 {
		total += allowed("198.51.100."+string(rune('0'+i%10))+string(rune('0'+i/10)), 1000)
	}
	if total != allVisitorsBurst {
		t.Errorf("%d requests of all addresses", total)
	}
	written := 0
	for range 1000 {
		if c.AllowWrite("a") {
			written++
		}
	}
	if written != personBurst || !c.AllowWrite("b") {
		t.Errorf("%d forms of one person", written)
	}
}
