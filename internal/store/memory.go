package store

import "sync"

// memory keeps what the authentic sources answered. A notification asks them the same few things again and again: what
// its surgeon practises, where he works, what the device list says of a product.
//
// It is never staler than a view is. Each load of the sources leaves a new random mark in the transaction that changes
// them, a view reads the mark in its own snapshot before its first question, and an answer is taken from memory only
// when it was read under that very mark. This holds for any number of programs and across a failover or a restore: a
// mark is never given twice. It costs one small row for each view.
//
// What is asked about patients is not kept: they seldom come back, and their data has no business in memory. Neither is
// an answer that finds nothing, so that nobody can fill the memory with what does not exist.
type memory struct {
	mu      sync.RWMutex
	mark    string
	answers map[question]any
}

// question is one that the sources were asked: the statement and its parameter or parameters.
type question struct {
	statement     string
	first, second any
}

// rememberedAnswers bounds the memory: some thousand professionals and devices, a few hundred bytes each.
const rememberedAnswers = 10_000

func (m *memory) get(mark string, q question) (any, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.mark != mark {
		return nil, false
	}
	answer, ok := m.answers[q]
	return answer, ok
}

// put remembers an answer, and forgets all others when they are older or too many.
func (m *memory) put(mark string, q question, answer any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil || m.mark != mark || len(m.answers) >= rememberedAnswers {
		m.mark, m.answers = mark, make(map[question]any)
	}
	m.answers[q] = answer
}

const (
	selectMark = `SELECT mark FROM source_mark WHERE id = 1`
	updateMark = `UPDATE source_mark SET mark = ? WHERE id = 1`
)

// remembered answers from memory, or asks and, when something was found, remembers. A transaction that writes has no
// memory: it may see what is not committed yet.
func remembered[T any](s *session, q question, ask func() (answer T, found bool, err error)) (T, error) {
	if s.memory == nil {
		answer, _, err := ask()
		return answer, err
	}
	var none T
	if !s.marked {
		if _, err := s.get(&s.sourceMark, selectMark); err != nil {
			return none, err
		}
		s.marked = true
	}
	if kept, ok := s.memory.get(s.sourceMark, q); ok {
		if answer, ok := kept.(T); ok {
			return answer, nil
		}
	}
	answer, found, err := ask()
	if err == nil && found {
		s.memory.put(s.sourceMark, q, answer)
	}
	return answer, err
}

// entry is a value that may not be there.
type entry[T any] struct {
	value T
	there bool
}

// rememberedOne is one, of the authentic sources.
func rememberedOne[R, T any](s *session, table string, convert func(R, *reading) T, query string, arg any) (T, bool, error) {
	answer, err := remembered(s, question{query, arg, nil}, func() (entry[T], bool, error) {
		value, there, err := one(s, table, convert, query, arg)
		return entry[T]{value, there}, there, err
	})
	return answer.value, answer.there, err
}

// rememberedMany is many, of the authentic sources, with one parameter or two. Who asks shares the slice with all others.
func rememberedMany[R, T any](s *session, table string, convert func(R, *reading) T, query string, args ...any) ([]T, error) {
	q := question{statement: query, first: args[0]}
	if len(args) > 1 {
		q.second = args[1]
	}
	return remembered(s, q, func() ([]T, bool, error) {
		values, err := many(s, table, convert, query, args...)
		return values, len(values) > 0, err
	})
}
