package admission

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// maxWait bounds every wait of a request for a slot. After it the request is refused as OVERLOADED: its caller may
	// have given up, and others wait.
	maxWait = 5 * time.Second
	// delayPerByte is the queueing delay added per byte of a message. Among the messages of one owner, an ordinary one
	// overtakes the large ones that arrived in the seconds before it, and no message that arrives much later does.
	delayPerByte = time.Microsecond
	// maxCooldown bounds the cooldown after refusals. No refusal should take a fifth of a second, so it matters only
	// when something else went wrong.
	maxCooldown = time.Second
	// shedInterval and shedTarget are those of CoDel (RFC 8289, section 3): when requests have been waiting without a
	// break for the interval, the queue is no burst but an overload, and only requests that have waited less than the
	// target are served. The others are refused.
	shedInterval = 700 * time.Millisecond
	shedTarget   = 200 * time.Millisecond
	// holdTarget is how long requests should hold a slot of a queue that adapts: what takes longer is busy with too many
	// of them, and would be as fast with fewer. minSlots is the least number of slots of such a queue.
	holdTarget = 250 * time.Millisecond
	minSlots   = 16
	// primaryTurns is how many primary owners in a row have their turn before a secondary one, when both wait.
	primaryTurns = 3
)

// queueLimits are the limits of a fairQueue.
type queueLimits struct {
	slots    int  // requests that hold a slot at once
	perOwner int  // of these, the requests of one owner; 0 for no limit of its own
	waiting  int  // requests that wait at once
	sheds    bool // refuse what waited too long for an overload to be a burst
	adapts   bool // grant fewer slots while they are held for too long
}

// fairQueue grants slots to owners in turn: to one group after another, within a group to one owner after another, and
// to the requests of one owner in the order of their size and arrival. A slot is never held while its holder waits for
// a peer, so that a request waits only for the work of others, and an owner with many requests waits for its own.
//
// Owners are primary, or secondary: those that gave a reason to serve them after the others.
type fairQueue struct {
	now func() time.Time
	queueLimits

	mutex         sync.Mutex
	inUse         int
	allowed       float64 // slots that may be in use now
	flows         map[owner]*flow
	groups        map[owner]*group
	waiting       int
	turn          uint64        // number of slots granted
	primaryGrants int           // slots granted to primary owners in a row while a secondary one waited
	busySince     time.Time     // since when requests have been waiting without a break; zero if none waits
	lastGrant     time.Time     // of a slot to a request that waited
	perGrant      time.Duration // moving average of the time between two such grants
	resumeAt      [2]time.Time  // end of the cooldown, for primary and for secondary owners
	wakeUp        *time.Timer   // set during a cooldown in which requests wait
}

// flow is an owner with requests that wait or hold slots.
type flow struct {
	owner     owner
	group     *group
	secondary bool // served after the others
	inUse     int
	lastTurn  uint64
	waiters   []*waiter // in order of due time
}

// group is a set of owners that share their turns.
type group struct {
	flows    int
	waiting  int
	lastTurn uint64
}

// waiter is a request that waits for a slot.
type waiter struct {
	arrived time.Time
	due     time.Time
	outcome chan error // nil when the slot is granted
}

func newFairQueue(now func() time.Time, limits queueLimits) *fairQueue {
	return &fairQueue{
		now: now, queueLimits: limits, allowed: float64(limits.slots),
		flows: map[owner]*flow{}, groups: map[owner]*group{},
	}
}

// acquire waits until o may hold a slot for a request of size bytes; the caller must release it. It fails with
// OVERLOADED when ctx ends, after maxWait, or when the request is turned away in favour of others.
func (q *fairQueue) acquire(ctx context.Context, o owner, size int, secondary bool) error {
	w, err := q.enqueue(o, size, secondary)
	if w == nil {
		return err
	}
	timeout := time.NewTimer(maxWait)
	defer timeout.Stop()
	select {
	case err = <-w.outcome:
		return err
	case <-ctx.Done():
		return q.abandon(o, w, ctx.Err())
	case <-timeout.C:
		return q.abandon(o, w, context.DeadlineExceeded)
	}
}

// enqueue grants a slot at once, and returns no waiter, if nobody else waits for it.
func (q *fairQueue) enqueue(o owner, size int, secondary bool) (*waiter, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	now := q.now()
	f := q.flowOf(o, secondary)
	if q.waiting == 0 && q.inUse < int(q.allowed) && q.mayHold(f) && !now.Before(q.resumeTime(f.secondary)) {
		q.grant(f)
		return nil, nil //nolint:nilnil // granted
	}
	if q.waiting >= q.queueLimits.waiting/2 && !q.makeRoomFor(f) {
		q.forgetIdle(f)
		return nil, problem.New(problem.Overloaded)
	}
	w := &waiter{arrived: now, due: now.Add(time.Duration(size) * delayPerByte), outcome: make(chan error, 1)}
	index, _ := slices.BinarySearchFunc(f.waiters, w.due, func(other *waiter, due time.Time) int {
		if other.due.After(due) {
			return 1
		}
		return -1 // first in, first out
	})
	f.waiters = slices.Insert(f.waiters, index, w)
	f.group.waiting++
	if q.waiting++; q.waiting == 1 {
		q.busySince, q.lastGrant = now, now
	}
	q.grantWaiting()
	return w, nil
}

// abandon removes a request whose caller gives up. If it got the slot at the same moment, it releases the slot.
func (q *fairQueue) abandon(o owner, w *waiter, why error) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if f := q.flows[o]; f != nil {
		if index := slices.Index(f.waiters, w); index >= 0 {
			q.removeWaiter(f, index)
			q.forgetIdle(f)
			return problem.Wrap(problem.Overloaded, why)
		}
	}
	if err := <-w.outcome; err != nil {
		return err
	}
	q.releaseLocked(o)
	return problem.Wrap(problem.Overloaded, why)
}

// release gives a slot of o back.
func (q *fairQueue) release(o owner) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.releaseLocked(o)
}

// adapt follows how long a slot was held: each that was held too long takes a little off the slots that are granted,
// and each other one gives a little back, until about one in ten is held too long.
func (q *fairQueue) adapt(held time.Duration) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	switch {
	case !q.adapts:
	case held > holdTarget:
		q.allowed = max(min(minSlots, float64(q.slots)), q.allowed-q.allowed/64)
	default:
		q.allowed = min(float64(q.slots), q.allowed+1.0/16)
	}
}

func (q *fairQueue) releaseLocked(o owner) {
	q.inUse--
	f := q.flows[o]
	f.inUse--
	q.forgetIdle(f)
	q.grantWaiting()
}

// penalise begins a cooldown in which no slot is granted, and makes o secondary. Cooldowns add up. What a secondary
// owner does delays only secondary ones.
func (q *fairQueue) penalise(o owner, cooldown time.Duration) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	f := q.flows[o]
	wasSecondary := f != nil && f.secondary
	if f != nil {
		f.secondary = true
	}
	now := q.now()
	for class := range q.resumeAt {
		if class == 0 && wasSecondary || cooldown == 0 {
			continue
		}
		from := q.resumeAt[class]
		if from.Before(now) {
			from = now
		}
		q.resumeAt[class] = from.Add(cooldown)
		if latest := now.Add(maxCooldown); q.resumeAt[class].After(latest) {
			q.resumeAt[class] = latest
		}
	}
}

// resumeTime is the end of the cooldown.
func (q *fairQueue) resumeTime(secondary bool) time.Time {
	if secondary {
		return q.resumeAt[1]
	}
	return q.resumeAt[0]
}

// grantWaiting grants the free slots. The caller holds the mutex.
func (q *fairQueue) grantWaiting() {
	for q.inUse < int(q.allowed) && q.waiting > 0 {
		now := q.now()
		q.shed(now)
		f := q.nextFlow(now)
		if f == nil {
			q.wakeAfterCooldown(now)
			return
		}
		w := f.waiters[0]
		q.removeWaiter(f, 0)
		q.perGrant += (now.Sub(q.lastGrant) - q.perGrant) / 16
		q.lastGrant = now
		q.grant(f)
		w.outcome <- nil
	}
}

// shed refuses what has waited longer than the target in an overload.
func (q *fairQueue) shed(now time.Time) {
	if !q.sheds || !q.isOverloaded(now) {
		return
	}
	for _, f := range q.flows {
		for len(f.waiters) > 0 && now.Sub(f.waiters[0].arrived) > shedTarget {
			q.turnAway(f, 0)
		}
	}
}

func (q *fairQueue) isOverloaded(now time.Time) bool {
	return q.waiting > 0 && now.Sub(q.busySince) > shedInterval
}

// nextFlow returns the flow whose turn it is, or nil if none may have a slot now.
func (q *fairQueue) nextFlow(now time.Time) *flow {
	var best [2]*flow
	for _, f := range q.flows {
		class := 0
		if f.secondary {
			class = 1
		}
		if len(f.waiters) > 0 && q.mayHold(f) && !now.Before(q.resumeTime(f.secondary)) &&
			(best[class] == nil || f.isBefore(best[class])) {
			best[class] = f
		}
	}
	switch {
	case best[0] == nil:
		return best[1]
	case best[1] == nil:
		return best[0]
	case q.primaryGrants < primaryTurns:
		q.primaryGrants++
		return best[0]
	}
	q.primaryGrants = 0
	return best[1]
}

// isBefore reports whether f waits longer for its turn than other. Both have waiters.
func (f *flow) isBefore(other *flow) bool {
	switch {
	case f.group.lastTurn != other.group.lastTurn:
		return f.group.lastTurn < other.group.lastTurn
	case f.lastTurn != other.lastTurn:
		return f.lastTurn < other.lastTurn
	}
	return f.waiters[0].due.Before(other.waiters[0].due)
}

// mayHold reports whether the owner may hold one more slot. Of the slots that are granted now it may hold the same
// share as of all.
func (q *fairQueue) mayHold(f *flow) bool {
	return q.perOwner == 0 || f.inUse < max(1, q.perOwner*int(q.allowed)/q.slots)
}

func (q *fairQueue) grant(f *flow) {
	q.turn++
	f.lastTurn, f.group.lastTurn = q.turn, q.turn
	f.inUse++
	q.inUse++
}

// makeRoomFor makes room for a request of f in a queue that is more than half full: it turns away the newest request of
// the heaviest flow, unless that is f itself. It returns false if the request of f must be turned away.
func (q *fairQueue) makeRoomFor(f *flow) bool {
	heaviest := f
	for _, other := range q.flows {
		if len(other.waiters) > 0 && other.isHeavier(heaviest) {
			heaviest = other
		}
	}
	last := len(heaviest.waiters) - 1
	switch {
	case heaviest == f && last >= 0:
		return false
	case heaviest == f, last == 0 && heaviest.secondary == f.secondary:
		return q.waiting < q.queueLimits.waiting // nobody holds more than a share
	}
	q.turnAway(heaviest, last)
	return true
}

// isHeavier reports whether f is the one of two flows to turn a request away from.
func (f *flow) isHeavier(other *flow) bool {
	switch {
	case f.secondary != other.secondary:
		return f.secondary
	case f.group.waiting != other.group.waiting:
		return f.group.waiting > other.group.waiting
	}
	return len(f.waiters) > len(other.waiters)
}

// turnAway refuses a waiting request.
func (q *fairQueue) turnAway(f *flow, index int) {
	f.waiters[index].outcome <- problem.New(problem.Overloaded)
	q.removeWaiter(f, index)
	q.forgetIdle(f)
}

func (q *fairQueue) removeWaiter(f *flow, index int) {
	f.waiters = slices.Delete(f.waiters, index, index+1)
	f.group.waiting--
	if q.waiting--; q.waiting == 0 {
		q.busySince = time.Time{}
	}
}

// flowOf returns the flow of an owner. A new one has its first turn after those who wait already.
func (q *fairQueue) flowOf(o owner, secondary bool) *flow {
	if f := q.flows[o]; f != nil {
		return f
	}
	g := q.groups[o.group()]
	if g == nil {
		g = &group{lastTurn: q.turn}
		q.groups[o.group()] = g
	}
	f := &flow{owner: o, group: g, secondary: secondary, lastTurn: q.turn}
	g.flows++
	q.flows[o] = f
	return f
}

func (q *fairQueue) forgetIdle(f *flow) {
	if f.inUse > 0 || len(f.waiters) > 0 || q.flows[f.owner] != f {
		return
	}
	delete(q.flows, f.owner)
	if f.group.flows--; f.group.flows == 0 {
		delete(q.groups, f.owner.group())
	}
}

// wakeAfterCooldown grants the free slots again when the first cooldown ends.
func (q *fairQueue) wakeAfterCooldown(now time.Time) {
	var pause time.Duration
	for _, f := range q.flows {
		if left := q.resumeTime(f.secondary).Sub(now); left > 0 && len(f.waiters) > 0 && (pause == 0 || left < pause) {
			pause = left
		}
	}
	if pause == 0 {
		return // they wait for the release of a slot
	}
	if q.wakeUp != nil {
		q.wakeUp.Stop()
	}
	q.wakeUp = time.AfterFunc(pause, func() {
		q.mutex.Lock()
		defer q.mutex.Unlock()
		q.grantWaiting()
	})
}

// estimateWait is the time until all that wait now are served.
func (q *fairQueue) estimateWait() time.Duration {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return min(maxWait, time.Duration(q.waiting)*q.perGrant)
}

// isHopeless reports whether a request of o would wait so long that it is refused: to say so at once saves its work.
func (q *fairQueue) isHopeless(o owner) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	f := q.flows[o]
	if f == nil || !q.sheds || !q.isOverloaded(q.now()) {
		return false
	}
	return time.Duration(len(f.waiters)*len(q.flows))*q.perGrant > shedTarget
}
