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
type memory struct {
	mu      sync.RWMutex
	mark    string
	answers map[question]any
}

// cacheKey is a statement with its one or two parameters.
type question struct {
	statement     string
	first, second any
}

// maxCacheEntries bounds the cache. It is enough for some thousand professionals and devices, at a few hundred bytes
// each.
const rememberedAnswers = 10_000

func (m *memory) get(epoch string, key question) (any, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.mark != epoch {
		return nil, false
	}
	answer, ok := m.answers[key]
	return answer, ok
}

// putEntry adds a result. It first clears the cache when the entries have another epoch or are too many.
func (m *memory) put(epoch string, key question, answer any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil || m.mark != epoch || len(m.answers) >= rememberedAnswers {
		m.mark, m.answers = epoch, make(map[question]any)
	}
	m.answers[key] = answer
}

const (
	selectMark = `SELECT mark FROM source_mark WHERE id = 1`
	updateMark = `UPDATE source_mark SET mark = ? WHERE id = 1`
)

// fetchCached returns the cached result, or calls query and caches what it found. A writing transaction has no cache,
// because it may read uncommitted rows.
func remembered[T any](tx *session, key question, query func() (answer T, found bool, err error)) (T, error) {
	if tx.memory == nil {
		answer, _, err := query()
		return answer, err
	}
	var none T
	if !tx.marked {
		if _, err := tx.get(&tx.sourceMark, selectMark); err != nil {
			return none, err
		}
		tx.marked = true
	}
	if cached, ok := tx.memory.get(tx.sourceMark, key); ok {
		if answer, ok := cached.(T); ok {
			return answer, nil
		}
	}
	answer, found, err := query()
	if err == nil && found {
		tx.memory.put(tx.sourceMark, key, answer)
	}
	return answer, err
}

// optionalValue is a value that may be absent.
type entry[T any] struct {
	value T
	there bool
}

// cachedQueryOne is queryOne with the source cache.
func rememberedOne[R, T any](tx *session, table string, convert func(R, *reading) T, query string, arg any) (T, bool, error) {
	answer, err := remembered(tx, question{query, arg, nil}, func() (entry[T], bool, error) {
		value, found, err := one(tx, table, convert, query, arg)
		return entry[T]{value, found}, found, err
	})
	return answer.value, answer.there, err
}

// cachedQueryAll is queryAll with the source cache, for one or two parameters. The caller must not modify the slice,
// which is shared.
func rememberedMany[R, T any](tx *session, table string, convert func(R, *reading) T, query string, args ...any) ([]T, error) {
	key := question{statement: query, first: args[0]}
	if len(args) > 1 {
		key.second = args[1]
	}
	return remembered(tx, key, func() ([]T, bool, error) {
		values, err := many(tx, table, convert, query, args...)
		return values, len(values) > 0, err
	})
}
