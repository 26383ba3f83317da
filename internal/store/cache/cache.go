// Package cache caches values that are read from rows that seldom change: entries of the authentic sources and the
// persons in them. Every notification repeats the same few queries: the specialist's practices and affiliations, and
// the device list's entry for a product.
//
// A cached value is never older than the snapshot of the transaction that uses it. Each change of those rows writes a
// new random epoch in the same transaction. A transaction reads the epoch in its own snapshot, and uses a value only
// when it was read under the same epoch. This holds for any number of programs and across a failover or a restore,
// because no epoch is issued twice. It costs one small row per transaction.
//
// Patients are not cached: they seldom come back, and their data should not stay in memory.
package cache

import (
	"crypto/rand"
	"sync"

	"github.com/openctr/ctr/internal/store/engine"
)

// Cache holds the values of one epoch. A process has one.
type Cache struct {
	mu      sync.RWMutex
	epoch   string
	entries map[any]any
}

// maxEntries bounds the cache. It is enough for some thousand professionals and devices, at a few hundred bytes each.
const maxEntries = 20_000

func (c *Cache) get(epoch string, key any) (any, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.epoch != epoch {
		return nil, false
	}
	value, found := c.entries[key]
	return value, found
}

// put adds values. It first clears the cache when the entries have another epoch or are too many.
func (c *Cache) put(epoch string, added ...entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || c.epoch != epoch || len(c.entries) >= maxEntries {
		c.epoch, c.entries = epoch, make(map[any]any)
	}
	for _, e := range added {
		c.entries[e.key] = e.value
	}
}

type entry struct{ key, value any }

// View is the cache as one transaction sees it.
type View struct {
	cache   *Cache
	tx      *engine.Tx
	epoch   string
	loaded  bool // the transaction has read the epoch
	renewed bool // the transaction changed rows, so no cached value applies to it
	pending []entry
}

// NewView returns the view of a transaction.
func (c *Cache) NewView(tx *engine.Tx) *View { return &View{cache: c, tx: tx} }

const (
	selectEpoch = `SELECT mark FROM source_mark WHERE id = 1`
	updateEpoch = `UPDATE source_mark SET mark = ? WHERE id = 1`
)

// LoadEpoch reads the epoch, once per transaction.
func (v *View) LoadEpoch() error {
	if v.loaded {
		return nil
	}
	_, err := v.tx.SelectRow(&v.epoch, selectEpoch)
	v.loaded = err == nil
	return err
}

// SetEpoch sets the epoch that the transaction has read together with other columns.
func (v *View) SetEpoch(epoch string) { v.epoch, v.loaded = epoch, true }

// RenewEpoch invalidates the cache of every program that uses this database when the transaction is committed, and the
// view at once.
func (v *View) RenewEpoch() error {
	v.renewed = true
	_, err := v.tx.ExecStatement(updateEpoch, rand.Text())
	return err
}

// Get returns the value with a key. It finds none until the transaction has read the epoch.
func (v *View) Get(key any) (any, bool) {
	if !v.loaded || v.renewed {
		return nil, false
	}
	return v.cache.get(v.epoch, key)
}

// Put adds a value that a reading transaction has read under the epoch.
func (v *View) Put(key, value any) {
	if v.loaded {
		v.cache.put(v.epoch, entry{key, value})
	}
}

// PutAfterCommit adds a value when the transaction has ended without an error, because until then it may be rolled back
// with the rows that it created.
func (v *View) PutAfterCommit(key, value any) {
	if len(v.pending) == 0 {
		v.tx.AfterCommit(v.putPending)
	}
	v.pending = append(v.pending, entry{key, value})
}

func (v *View) putPending() {
	if v.loaded && !v.renewed {
		v.cache.put(v.epoch, v.pending...)
	}
}
