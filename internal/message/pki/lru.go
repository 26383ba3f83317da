package pki

import "sync"

// pathCache is an LRU cache of verified paths. Its key is the whole certificate, not a digest of it: the map's own hash
// and one comparison of 1.5 kB cost less than SHA-256, and collisions cannot occur.
type lru struct {
	mu      sync.Mutex
	size    int
	entries map[string]*lruEntry
	ring    lruEntry // ring.next is the most recently used, ring.previous the least
}

type lruEntry struct {
	raw            string
	path           path
	previous, next *lruEntry
}

func newLRU(size int) *lru {
	l := &lru{size: size, entries: make(map[string]*lruEntry)}
	l.ring.previous, l.ring.next = &l.ring, &l.ring
	return l
}

func (l *lru) get(raw []byte) (path, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[string(raw)] // the compiler avoids the copy in a map lookup
	if !ok {
		return path{}, false
	}
	e.unlink()
	l.pushFront(e)
	return e.path, true
}

func (l *lru) put(raw []byte, p path) {
	if l.size < 1 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[string(raw)]; ok {
		e.path = p
		e.unlink()
		l.pushFront(e)
		return
	}
	if len(l.entries) >= l.size {
		oldest := l.ring.previous
		oldest.unlink()
		delete(l.entries, oldest.raw)
	}
	e := &lruEntry{raw: string(raw), path: p}
	l.entries[e.raw] = e
	l.pushFront(e)
}

func (l *lru) pushFront(e *lruEntry) {
	e.previous, e.next = &l.ring, l.ring.next
	e.previous.next, e.next.previous = e, e
}

func (e *lruEntry) unlink() {
	e.previous.next, e.next.previous = e.next, e.previous
}
