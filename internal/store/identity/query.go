package identity

import "github.com/openctr/ctr/internal/platform/ident"

// QueryOne reads and converts one row, and reports whether there was one.
func QueryOne[R, T any](tx *Tx, table string, convert func(R, *Converter) T, query string,
	args ...any) (T, bool, error) {
	var row R
	var none T
	found, err := tx.SelectRow(&row, query, args...)
	if err != nil || !found {
		return none, false, err
	}
	values, err := ConvertRows(tx, []R{row}, table, convert)
	if err != nil || len(values) == 0 {
		return none, false, err
	}
	return values[0], true, nil
}

// QueryAll reads and converts all rows.
func QueryAll[R, T any](tx *Tx, table string, convert func(R, *Converter) T, query string, args ...any) ([]T, error) {
	var rows []R
	if err := tx.SelectRows(&rows, query, args...); err != nil {
		return nil, err
	}
	return ConvertRows(tx, rows, table, convert)
}

// QueryProfessional runs a query with the person's pseudonym id as the first parameter, through the cache. A person
// with rows is a professional, so the cache may hold them too.
func QueryProfessional[R, T any](tx *Tx, ssin ident.SSIN, table string, convert func(R, *Converter) T, query string,
	args ...any) ([]T, error) {
	p, err := tx.FindPerson(Professional, ssin)
	if err != nil || p == nil {
		return nil, err
	}
	found, err := CachedQueryAll(tx, table, convert, query, append([]any{p.Current.ID}, args...)...)
	if err == nil && len(found) > 0 {
		tx.cachePerson(Professional, p)
	}
	return found, err
}

// queryKey is the cache key of a statement with its one or two parameters.
type queryKey struct {
	query               string
	firstArg, secondArg any
}

// fetchCached returns the cached result, or calls query and caches what it found. A writing transaction does not use
// the cache, because it may read uncommitted rows. Empty results are not cached, so that queries for things that do not
// exist cannot fill the cache.
func fetchCached[T any](tx *Tx, key queryKey, query func() (answer T, found bool, err error)) (T, error) {
	if tx.isWriting {
		answer, _, err := query()
		return answer, err
	}
	if err := tx.cache.LoadEpoch(); err != nil {
		var none T
		return none, err
	}
	cached, _ := tx.cache.Get(key)
	if answer, ok := cached.(T); ok {
		return answer, nil
	}
	answer, found, err := query()
	if err == nil && found {
		tx.cache.Put(key, answer)
	}
	return answer, err
}

// optionalValue is a value that may be absent.
type optionalValue[T any] struct {
	value T
	found bool
}

// CachedQueryOne is QueryOne with the cache, for one parameter.
func CachedQueryOne[R, T any](tx *Tx, table string, convert func(R, *Converter) T, query string,
	arg any) (T, bool, error) {
	answer, err := fetchCached(tx, queryKey{query, arg, nil}, func() (optionalValue[T], bool, error) {
		value, found, err := QueryOne(tx, table, convert, query, arg)
		return optionalValue[T]{value, found}, found, err
	})
	return answer.value, answer.found, err
}

// CachedQueryAll is QueryAll with the cache, for one or two parameters. The caller must not modify the slice, which is
// shared.
func CachedQueryAll[R, T any](tx *Tx, table string, convert func(R, *Converter) T, query string,
	args ...any) ([]T, error) {
	key := queryKey{query: query, firstArg: args[0]}
	if len(args) > 1 {
		key.secondArg = args[1]
	}
	return fetchCached(tx, key, func() ([]T, bool, error) {
		values, err := QueryAll(tx, table, convert, query, args...)
		return values, len(values) > 0, err
	})
}
