package admission

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// sourceAt returns the source of an address.
func sourceAt(address string) owner { return newSource(netip.MustParseAddr(address)) }

// names is a list that several goroutines append to. That the clock of a test lets one of them run at a time does not
// order what they do.
type names struct {
	mutex sync.Mutex
	list  []string
}

func (n *names) add(name string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.list = append(n.list, name)
}

func (n *names) all() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return slices.Clone(n.list)
}

// acquireAs acquires a slot in a goroutine, adds its name to order, and releases the slot at once.
func acquireAs(t *testing.T, q *fairQueue, o owner, size int, secondary bool, name string, order *names) {
	t.Helper()
	go func() {
		if err := q.acquire(t.Context(), o, size, secondary); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		order.add(name)
		q.release(o)
	}()
	synctest.Wait()
	time.Sleep(time.Millisecond)
}

func mustAcquire(t *testing.T, q *fairQueue, o owner) {
	t.Helper()
	if err := q.acquire(t.Context(), o, 0, false); err != nil {
		t.Fatal(err)
	}
}

func isOverloaded(err error) bool { return err != nil && problem.From(err).Code == problem.Overloaded }

// TestQueueOrder checks who is served first among those that wait.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	type request struct {
		name, address string
		size          int
		secondary     bool
	}
	for _, c := range []struct {
		name     string
		requests []request
		want     []string
	}{
		{"first in, first out for one address", []request{
			{"a", "192.0.2.1", 6 << 10, false}, {"b", "192.0.2.1", 6 << 10, false}, {"c", "192.0.2.1", 6 << 10, false},
		}, []string{"a", "b", "c"}},
		{"small ones of an address before its large ones", []request{
			{"large", "192.0.2.1", 4 << 20, false}, {"medium", "192.0.2.1", 1 << 20, false}, {"small", "192.0.2.1", 6 << 10, false},
		}, []string{"small", "medium", "large"}},
		{"addresses in turn", []request{
			{"a1", "192.0.2.1", 0, false}, {"a2", "192.0.2.1", 0, false}, {"a3", "192.0.2.1", 0, false}, {"b1", "192.0.2.2", 0, false},
		}, []string{"a1", "b1", "a2", "a3"}},
		{"networks in turn, whatever addresses they have", []request{
			{"a1", "192.0.2.1", 0, false}, {"a2", "192.0.2.2", 0, false}, {"a3", "192.0.2.3", 0, false}, {"b1", "198.51.100.1", 0, false},
		}, []string{"a1", "b1", "a2", "a3"}},
		{"IPv6 networks in turn", []request{
			{"a1", "2001:db8::1", 0, false}, {"a2", "2001:db8:0:1::1", 0, false}, {"a3", "2001:db8:0:2::1", 0, false},
			{"b1", "2001:db8:1::1", 0, false},
		}, []string{"a1", "b1", "a2", "a3"}},
		{"primary before secondary", []request{
			{"a1", "192.0.2.1", 0, true}, {"b1", "198.51.100.1", 0, false}, {"b2", "198.51.100.1", 0, false},
		}, []string{"b1", "b2", "a1"}},
		{"but secondary ones now and then", []request{
			{"a1", "192.0.2.1", 0, true}, {"b1", "198.51.100.1", 0, false}, {"b2", "198.51.100.1", 0, false},
			{"b3", "198.51.100.1", 0, false}, {"b4", "198.51.100.1", 0, false},
		}, []string{"b1", "b2", "b3", "a1", "b4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newFairQueue(time.Now, queueLimits{slots: 1, waiting: 100})
				holder := sourceAt("203.0.113.1")
				mustAcquire(t, q, holder)
				var order names
				for _, r := range c.requests {
					acquireAs(t, q, sourceAt(r.address), r.size, r.secondary, r.name, &order)
				}
				q.release(holder)
				synctest.Wait()
				if got := order.all(); !slices.Equal(got, c.want) {
					t.Errorf("%v, want %v", got, c.want)
				}
				wantIdle(t, q)
			})
		})
	}
}

func wantIdle(t *testing.T, q *fairQueue) {
	t.Helper()
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.inUse != 0 || q.waiting != 0 || len(q.flows) != 0 || len(q.groups) != 0 {
		t.Errorf("not idle: %d slots in use, %d waiting, %d flows, %d groups", q.inUse, q.waiting, len(q.flows), len(q.groups))
	}
}

// TestQueueCooldown checks how long a slot stays free after refusals, and for whom.
func TestQueueCooldown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attacker, other := sourceAt("192.0.2.1"), sourceAt("198.51.100.1")
		q := newFairQueue(time.Now, queueLimits{slots: 1, waiting: 100})
		wait := func(o owner, secondary bool) time.Duration {
			began := time.Now()
			if err := q.acquire(t.Context(), o, 0, secondary); err != nil {
				t.Fatal(err)
			}
			q.release(o)
			return time.Since(began)
		}
		refuse := func(o owner, secondary bool, cooldown time.Duration) {
			if err := q.acquire(t.Context(), o, 0, secondary); err != nil {
				t.Fatal(err)
			}
			q.penalise(o, cooldown)
			q.release(o)
		}
		refuse(attacker, false, 40*time.Millisecond)
		if waited := wait(other, false); waited != 40*time.Millisecond {
			t.Errorf("after the first refusal of a source, others wait %v", waited)
		}
		refuse(attacker, true, 40*time.Millisecond)
		if waited := wait(other, false); waited != 0 {
			t.Errorf("after a further one, they wait %v", waited)
		}
		if waited := wait(attacker, true); waited != 40*time.Millisecond {
			t.Errorf("and the source waits %v", waited)
		}
		refuse(attacker, true, time.Minute)
		if waited := wait(attacker, true); waited != maxCooldown {
			t.Errorf("after a refusal that took very long, %v", waited)
		}
		wantIdle(t, q)
	})
}

// TestQueueWakesForTheFirst begins to wait for a long cooldown, and then for a short one: the second is not late.
func TestQueueWakesForTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attacker, other := sourceAt("192.0.2.1"), sourceAt("198.51.100.1")
		q := newFairQueue(time.Now, queueLimits{slots: 1, waiting: 100})
		mustAcquire(t, q, attacker)
		q.penalise(attacker, 10*time.Millisecond)
		q.penalise(attacker, time.Second)
		q.release(attacker)
		began := time.Now()
		var order names
		acquireAs(t, q, attacker, 0, true, "attacker", &order)
		acquireAs(t, q, other, 0, false, "other", &order)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if got := order.all(); !slices.Equal(got, []string{"other"}) {
			t.Errorf("after %v: %v", time.Since(began), got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantIdle(t, q)
	})
}

// TestQueueTurnsAwayTheLargest fills a queue: the newcomer comes in, and the largest holder's newest goes.
func TestQueueTurnsAwayTheLargest(t *testing.T) {
	t.Parallel()
	const waiting = 10
	for _, c := range []struct {
		name     string
		holders  func(i int) (address string, secondary bool)
		newcomer string
		evicts   bool // else it is turned away itself
	}{
		{"one address", func(int) (string, bool) { return "192.0.2.1", false }, "198.51.100.1", true},
		{"a network", func(i int) (string, bool) { return fmt.Sprintf("192.0.2.%d", i/2), false }, "198.51.100.1", true},
		{"the same network", func(int) (string, bool) { return "192.0.2.1", false }, "192.0.2.2", true},
		{"the holder itself", func(int) (string, bool) { return "192.0.2.1", false }, "192.0.2.1", false},
		{"many suspect networks", func(i int) (string, bool) { return fmt.Sprintf("10.0.%d.1", i), true }, "198.51.100.1", true},
		{"many networks", func(i int) (string, bool) { return fmt.Sprintf("10.0.%d.1", i), false }, "198.51.100.1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newFairQueue(time.Now, queueLimits{slots: 1, waiting: waiting})
				holder := sourceAt("203.0.113.1")
				mustAcquire(t, q, holder)
				var refused atomic.Int32
				for i := range waiting {
					address, secondary := c.holders(i)
					// The whole queue, although more than half of it would be refused to a single holder.
					w := &waiter{arrived: time.Now(), due: time.Now(), outcome: make(chan error, 1)}
					f := q.flowOf(sourceAt(address), secondary)
					f.waiters = append(f.waiters, w)
					f.group.waiting++
					q.waiting++
					go func() {
						if err := <-w.outcome; isOverloaded(err) {
							refused.Add(1)
						} else {
							q.release(sourceAt(address))
						}
					}()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				result := make(chan error, 1)
				go func() { result <- q.acquire(ctx, sourceAt(c.newcomer), 0, false) }()
				synctest.Wait()
				if got := len(result) == 0; got != c.evicts || (refused.Load() == 1) != c.evicts {
					t.Errorf("the newcomer waits: %v; %d others were turned away", got, refused.Load())
				}
				q.release(holder)
				if err := <-result; (err == nil) != c.evicts {
					t.Errorf("the newcomer: %v", err)
				} else if err == nil {
					q.release(sourceAt(c.newcomer))
				}
				synctest.Wait()
				wantIdle(t, q)
			})
		})
	}
}

// TestQueueGivesUp checks that a request that is cancelled or waits too long is refused, and delays nobody any more.
func TestQueueGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newFairQueue(time.Now, queueLimits{slots: 1, waiting: 100})
		o := sourceAt("192.0.2.1")
		mustAcquire(t, q, o)
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		for _, c := range []struct {
			ctx  context.Context
			wait time.Duration
		}{{gone, time.Second}, {t.Context(), maxWait}} {
			began := time.Now()
			err := q.acquire(c.ctx, o, 0, false)
			if !isOverloaded(err) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != c.wait {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		q.release(o)
		wantIdle(t, q)
	})
}

// TestQueueGrantedTooLate grants the slot to a waiter that gives up at that moment: the next one gets it.
func TestQueueGrantedTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newFairQueue(time.Now, queueLimits{slots: 1, waiting: 100})
		o := sourceAt("192.0.2.1")
		mustAcquire(t, q, o)
		called, err := q.enqueue(o, 0, false)
		if err != nil {
			t.Fatal(err)
		}
		q.release(o) // granted to called
		next := make(chan error)
		go func() { next <- q.acquire(t.Context(), o, 0, false) }()
		synctest.Wait()
		if err = q.abandon(o, called, context.Canceled); !isOverloaded(err) {
			t.Error(err)
		}
		if err = <-next; err != nil {
			t.Error(err)
		}
		q.release(o)
		wantIdle(t, q)
	})
}

// TestFindingR6OverloadIsAnsweredEarly offers several times what can be served: what is served has waited for a fifth of
// a second at most once the overload lasts, everything else is refused within about that time, and as much is served as
// without an overload.
func TestFindingR6OverloadIsAnsweredEarly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		slots, perOwner int
		service         time.Duration
		owners          int
		factor          int // of what can be served
	}{
		{"SQLite, one signer", 64, 32, 40 * time.Millisecond, 1, 5},
		{"SQLite, many signers", 64, 32, 60 * time.Millisecond, 40, 5},
		{"PostgreSQL, one signer", 64, 32, 120 * time.Millisecond, 1, 5},
		{"PostgreSQL, many signers", 64, 32, 250 * time.Millisecond, 200, 5},
		{"a little too much", 64, 32, 60 * time.Millisecond, 10, 2},
		{"far too much", 64, 32, 60 * time.Millisecond, 400, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newFairQueue(time.Now, queueLimits{slots: c.slots, perOwner: c.perOwner, waiting: maxVerifiedWaiting, sheds: true})
				const lasts, settled = 6 * time.Second, 2 * time.Second
				capacity := min(c.slots, c.owners*c.perOwner) // at once
				interval := c.service / time.Duration(capacity*c.factor)
				began := time.Now()
				var mutex sync.Mutex // of the three figures
				served, longest, longestRefusal := 0, time.Duration(0), time.Duration(0)
				for n := 0; time.Since(began) < lasts; n++ {
					o := newSigner(fmt.Sprint(n % c.owners))
					go func() {
						arrived := time.Now()
						err := q.acquire(t.Context(), o, 0, false)
						waited := time.Since(arrived)
						if arrived.Sub(began) > settled {
							mutex.Lock()
							if err != nil {
								longestRefusal = max(longestRefusal, waited)
							} else {
								served++
								longest = max(longest, waited)
							}
							mutex.Unlock()
						}
						if err != nil {
							return
						}
						time.Sleep(c.service)
						q.release(o)
					}()
					time.Sleep(interval)
				}
				time.Sleep(maxWait + time.Second)
				synctest.Wait()
				most := int((lasts - settled) / c.service * time.Duration(capacity))
				if served < most*4/5 || longest > shedTarget+c.service || longestRefusal > shedTarget+2*c.service {
					t.Errorf("served %d of at most %d, after %v at most; refused after %v at most", served, most, longest, longestRefusal)
				}
				wantIdle(t, q)
			})
		})
	}
}

// TestFindingR6SlotsAdapt has a store that becomes slow: fewer requests use it at once, so that none takes much longer than
// the target, until it is fast again.
func TestFindingR6SlotsAdapt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		rate     int // requests a second, whatever their number
		min, max int // slots that are granted
	}{
		{"fast", 1000, 96, 96},
		{"an ordinary PostgreSQL", 400, 90, 96},
		{"a slow one", 100, 20, 32},
		{"one that hangs", 1, minSlots, minSlots},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newFairQueue(time.Now, queueLimits{slots: 96, perOwner: 64, adapts: true})
				served := 0
				for began := time.Now(); time.Since(began) < time.Minute || served < 200; served++ {
					held := time.Duration(q.allowed) * time.Second / time.Duration(c.rate) // Little's law
					time.Sleep(time.Second / time.Duration(c.rate))
					q.adapt(held)
				}
				if got := int(q.allowed); got < c.min || got > c.max {
					t.Errorf("%d slots", got)
				}
				for range 3000 {
					q.adapt(time.Millisecond)
				}
				if q.allowed != 96 {
					t.Errorf("%v slots when it is fast again", q.allowed)
				}
				f := q.flowOf(newSigner("one"), false)
				for q.allowed = 96; q.allowed > minSlots; q.adapt(time.Second) {
					if f.inUse = 64 * int(q.allowed) / 96; q.mayHold(f) {
						t.Fatalf("one signer may hold more than %d of %v", f.inUse, q.allowed)
					}
				}
			})
		})
	}
}

// TestBurstIsNoOverload serves a burst to its end that does not last longer than the interval.
func TestBurstIsNoOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newFairQueue(time.Now, queueLimits{slots: 10, waiting: maxVerifiedWaiting, sheds: true})
		refused := 0
		for n := range 60 {
			o := newSigner(fmt.Sprint(n))
			go func() {
				if q.acquire(t.Context(), o, 0, false) != nil {
					refused++
					return
				}
				time.Sleep(shedInterval / 7)
				q.release(o)
			}()
		}
		time.Sleep(time.Minute)
		if refused != 0 {
			t.Errorf("%d refused", refused)
		}
	})
}

// TestRetryAfterFollowsTheQueue checks that a caller is told to wait for those that wait already, and a random time.
func TestRetryAfterFollowsTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewController(time.Now, nil)
		seen := map[time.Duration]bool{}
		for range 100 {
			wait := c.RetryAfter()
			if seen[wait.Truncate(time.Second)] = true; wait < minRetryAfter || wait > maxRetryAfter {
				t.Fatalf("%v without a queue", wait)
			}
		}
		if len(seen) < 4 {
			t.Errorf("all return at once: %v", seen)
		}
		c.work.waiting, c.work.perGrant = 100, 20*time.Millisecond
		if wait := c.RetryAfter(); wait < 2*time.Second+minRetryAfter || wait > 2*time.Second+maxRetryAfter {
			t.Errorf("%v behind a queue of two seconds", wait)
		}
	})
}
