package x509id

import (
	"sync"
)

// pathCache is an LRU cache of verified paths. Its key is the whole certificate, not a digest of it: the map's own hash
// and one comparison of 1.5 kB cost less than SHA-256, and collisions cannot occur.
type pathCache struct {
	mu       sync.Mutex
	capacity int
	entries  map[string]*pathCacheEntry
	ring     pathCacheEntry // ring.next is the most recently used, ring.previous the least
}

type pathCacheEntry struct {
	raw            string
	path           verifiedPath
	previous, next *pathCacheEntry
}

func newPathCache(size int) *pathCache {
	l := &pathCache{capacity: size, entries: make(map[string]*pathCacheEntry)}
	l.ring.previous, l.ring.next = &l.ring, &l.ring
	return l
}

func (l *pathCache) getPath(raw []byte) (verifiedPath, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[string(raw)] // the compiler avoids the copy in a map lookup
	if !ok {
		return verifiedPath{}, false
	}
	e.removeFromRing()
	l.pushFront(e)
	return e.path, true
}

func (l *pathCache) putPath(raw []byte, p verifiedPath) {
	if l.capacity < 1 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[string(raw)]; ok {
		e.path = p
		e.removeFromRing()
		l.pushFront(e)
		return
	}
	if len(l.entries) >= l.capacity {
		oldest := l.ring.previous
		oldest.removeFromRing()
		delete(l.entries, oldest.raw)
	}
	e := &pathCacheEntry{raw: string(raw), path: p}
	l.entries[e.raw] = e
	l.pushFront(e)
}

func (l *pathCache) pushFront(e *pathCacheEntry) {
	e.previous, e.next = &l.ring, l.ring.next
	e.previous.next, e.next.previous = e, e
}

func (e *pathCacheEntry) removeFromRing() {
	e.previous.next, e.next.previous = e.next, e.previous
}
