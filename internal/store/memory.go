package store

import "sync"

// sourceCache caches query results from the authentic sources. Every notification repeats the same few queries: the
// specialist's practices and affiliations, and the device list's entry for a product.
//
// A cached result is never older than the transaction's snapshot. Each change of the sources writes a new random epoch
// in the same transaction. A reading transaction selects the epoch in its own snapshot before its first query, and uses
// a cached result only when it was read under the same epoch. This holds for any number of programs and across a
// failover or a restore, because no epoch is issued twice. It costs one small row per transaction.
//
// Results about patients are not cached: patients seldom come back, and their data should not stay in memory. Empty
// results are not cached either, so that queries for things that do not exist cannot fill the cache.
type sourceCache struct {
	mu      sync.RWMutex
	epoch   string
	entries map[cacheKey]any
}

// cacheKey is a statement with its one or two parameters.
type cacheKey struct {
	query               string
	firstArg, secondArg any
}

// maxCacheEntries bounds the cache. It is enough for some thousand professionals and devices, at a few hundred bytes
// each.
const maxCacheEntries = 10_000

func (m *sourceCache) getEntry(epoch string, key cacheKey) (any, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.epoch != epoch {
		return nil, false
	}
	answer, ok := m.entries[key]
	return answer, ok
}

// putEntry adds a result. It first clears the cache when the entries have another epoch or are too many.
func (m *sourceCache) putEntry(epoch string, key cacheKey, answer any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil || m.epoch != epoch || len(m.entries) >= maxCacheEntries {
		m.epoch, m.entries = epoch, make(map[cacheKey]any)
	}
	m.entries[key] = answer
}

const (
	selectCacheEpoch = `SELECT mark FROM source_mark WHERE id = 1`
	updateCacheEpoch = `UPDATE source_mark SET mark = ? WHERE id = 1`
)

// fetchCached returns the cached result, or calls query and caches what it found. A writing transaction has no cache,
// because it may read uncommitted rows.
func fetchCached[T any](tx *tx, key cacheKey, query func() (answer T, found bool, err error)) (T, error) {
	if tx.sourceCache == nil {
		answer, _, err := query()
		return answer, err
	}
	var none T
	if !tx.cacheEpochLoaded {
		if _, err := tx.selectRow(&tx.cacheEpoch, selectCacheEpoch); err != nil {
			return none, err
		}
		tx.cacheEpochLoaded = true
	}
	if cached, ok := tx.sourceCache.getEntry(tx.cacheEpoch, key); ok {
		if answer, ok := cached.(T); ok {
			return answer, nil
		}
	}
	answer, found, err := query()
	if err == nil && found {
		tx.sourceCache.putEntry(tx.cacheEpoch, key, answer)
	}
	return answer, err
}

// optionalValue is a value that may be absent.
type optionalValue[T any] struct {
	value T
	found bool
}

// cachedQueryOne is queryOne with the source cache.
func cachedQueryOne[R, T any](tx *tx, table string, convert func(R, *rowConverter) T, query string, arg any) (T, bool, error) {
	answer, err := fetchCached(tx, cacheKey{query, arg, nil}, func() (optionalValue[T], bool, error) {
		value, found, err := queryOne(tx, table, convert, query, arg)
		return optionalValue[T]{value, found}, found, err
	})
	return answer.value, answer.found, err
}

// cachedQueryAll is queryAll with the source cache, for one or two parameters. The caller must not modify the slice,
// which is shared.
func cachedQueryAll[R, T any](tx *tx, table string, convert func(R, *rowConverter) T, query string, args ...any) ([]T, error) {
	key := cacheKey{query: query, firstArg: args[0]}
	if len(args) > 1 {
		key.secondArg = args[1]
	}
	return fetchCached(tx, key, func() ([]T, bool, error) {
		values, err := queryAll(tx, table, convert, query, args...)
		return values, len(values) > 0, err
	})
}
