package admission

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// slowBody sends chunks with a pause before each, until it is cut off.
type slowBody struct {
	chunk, chunks int
	pause         time.Duration
	cut           chan struct{}
}

func newSlowBody(chunk, chunks int, pause time.Duration) *slowBody {
	return &slowBody{chunk, chunks, pause, make(chan struct{})}
}

func (s *slowBody) cutOff() { close(s.cut) }

func (s *slowBody) Read(p []byte) (int, error) {
	if s.chunks == 0 {
		return 0, io.EOF
	}
	pause := time.NewTimer(s.pause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-s.cut:
		return 0, os.ErrDeadlineExceeded
	}
	s.chunks--
	return min(s.chunk, len(p)), nil
}

// TestSlowBodies checks which senders are cut off, and when.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		chunk, chunks int
		pause         time.Duration
		ends          time.Duration
		code          problem.Code
	}{
		{"at once", 6 << 10, 1, 0, 0, ""},
		{"a slow network", 1 << 10, 6, 200 * time.Millisecond, 1200 * time.Millisecond, ""},
		{"silence", 1, 1, time.Hour, blockTime, problem.MessageIncomplete},
		{"an octet a second", 1, 600, time.Second, blockTime, problem.MessageIncomplete},
		{"just before the deadline", 1, 60, blockTime - time.Millisecond, blockTime, problem.MessageIncomplete},
		{"large and slow, but not too slow", 4 << 10, 100, time.Second / 8, 100 * time.Second / 8, ""},
		{"large and too slow", 4 << 10, 100, time.Second / 4, blockTime, problem.MessageIncomplete},
		{"slower from block to block", 4 << 10, 20, time.Second * 45 / 16 / 16, time.Second * 45 / 16 / 16 * 20, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newReadingBudget(time.Now, 10<<20, nil)
				body := newSlowBody(c.chunk, c.chunks, c.pause)
				began := time.Now()
				_, err := b.read(t.Context(), sourceAt("192.0.2.1"), body, -1, 1<<20, body.cutOff)
				if took := time.Since(began); took != c.ends {
					t.Errorf("ends after %v, want %v", took, c.ends)
				}
				if c.code == "" && err != nil || c.code != "" && problem.From(err).Code != c.code {
					t.Errorf("%v, want %s", err, c.code)
				}
				wantUnused(t, b)
			})
		})
	}
}

func wantUnused(t *testing.T, b *readingBudget) {
	t.Helper()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.used != 0 || len(b.byOwner) != 0 || len(b.readers) != 0 {
		t.Errorf("still reserved: %d bytes, %d owners, %d readers", b.used, len(b.byOwner), len(b.readers))
	}
}

// TestSlowestIsEvicted fills the memory for bodies: the newcomer is read, and the slowest sender of the largest holder
// is cut off.
func TestSlowestIsEvicted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const readers = 16
		b := newReadingBudget(time.Now, readers*firstChunk, nil)
		results := make(chan string, readers+1)
		start := func(name, address string, body *slowBody) {
			go func() {
				_, err := b.read(t.Context(), sourceAt(address), body, -1, 1<<20, body.cutOff)
				switch {
				case err == nil:
					results <- name + " read"
				case isOverloaded(err):
					results <- name + " evicted"
				default:
					results <- name + " too slow"
				}
			}()
			synctest.Wait()
		}
		for i := range readers / 2 {
			pause := time.Second * 9 / 10
			if i == 3 {
				pause = time.Hour // the slowest
			}
			start(fmt.Sprint("holder ", i), "192.0.2.1", newSlowBody(1<<10, 3, pause))
		}
		for i := range readers / 2 {
			start(fmt.Sprint("other ", i), fmt.Sprintf("198.51.100.%d", i), newSlowBody(1<<10, 3, time.Second*9/10))
		}
		time.Sleep(2 * time.Second)
		start("newcomer", "203.0.113.1", newSlowBody(1<<10, 1, 0))
		first := []string{<-results, <-results}
		if slices.Sort(first); !slices.Equal(first, []string{"holder 3 evicted", "newcomer read"}) {
			t.Errorf("%q", first)
		}
		for range readers - 1 {
			if got := <-results; !strings.HasSuffix(got, " read") {
				t.Error(got)
			}
		}
		wantUnused(t, b)
	})
}

// TestAddressHasHalf checks that one address cannot take more than half of the memory: it gives way to itself.
func TestAddressHasHalf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newReadingBudget(time.Now, 16*firstChunk, nil)
		var evicted atomic.Int32
		for range 40 {
			body := newSlowBody(1, 1, time.Hour)
			go func() {
				if _, err := b.read(t.Context(), sourceAt("192.0.2.1"), body, -1, 1<<20, body.cutOff); isOverloaded(err) {
					evicted.Add(1)
				}
			}()
			synctest.Wait()
			b.mutex.Lock()
			used := b.used
			b.mutex.Unlock()
			if used > 8*firstChunk {
				t.Fatalf("%d bytes are used", used)
			}
		}
		if got := evicted.Load(); got != 32 {
			t.Errorf("%d evicted", got)
		}
		time.Sleep(blockTime)
		synctest.Wait()
		wantUnused(t, b)
	})
}

// TestLargeBodiesAreThrottled checks that large bodies share a rate, and ordinary ones do not.
func TestLargeBodiesAreThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newReadingBudget(time.Now, 100<<20, newThrottle(10*time.Nanosecond))
		began := time.Now()
		done := make(chan time.Duration)
		read := func(size int) {
			body := tlsRecordReader{strings.NewReader(strings.Repeat("x", size))}
			got, err := b.read(t.Context(), sourceAt("192.0.2.1"), body, int64(size), 10<<20, func() {})
			if err != nil || len(got) != size {
				t.Errorf("%d bytes of %d: %v", len(got), size, err)
			}
			done <- time.Since(began)
		}
		go read(largeMessageSize - 1)
		if took := <-done; took != 0 {
			t.Errorf("an ordinary message took %v", took)
		}
		for range 4 {
			go read(1 << 20)
		}
		var last time.Duration
		for range 4 {
			last = <-done
		}
		if last < 38*time.Millisecond || last > 44*time.Millisecond {
			t.Errorf("4 MiB took %v", last)
		}
	})
}

// tlsRecordReader returns at most as much as a TLS record at a time.
type tlsRecordReader struct{ io.Reader }

func (r tlsRecordReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 16<<10)]) }

var errCut = errors.New("cut")

// TestReadBody checks that every body is read whole, whatever length was declared, and no further than its maximum.
func TestReadBody(t *testing.T) {
	t.Parallel()
	const maxBytes = 1 << 20
	for _, size := range []int{0, 1, firstChunk - 1, firstChunk, firstChunk + 1, largeMessageSize, maxBytes - 1, maxBytes, 2 * maxBytes} {
		for _, declared := range []int64{-1, 0, int64(size), int64(size) + 10} {
			b := newReadingBudget(time.Now, 10<<20, nil)
			want := bytes.Repeat([]byte("x"), size)
			got, err := b.read(t.Context(), sourceAt("192.0.2.1"), bytes.NewReader(want), declared, maxBytes, func() {})
			if err != nil || !bytes.Equal(got, want[:min(size, maxBytes)]) {
				t.Errorf("%d bytes, %d declared: %d bytes, %v", size, declared, len(got), err)
			}
			broken := io.MultiReader(bytes.NewReader(want[:min(size, maxBytes-1)]), brokenConnection{})
			got, err = b.read(t.Context(), sourceAt("192.0.2.1"), broken, declared, maxBytes, func() {})
			if problem.From(err).Code != problem.MessageIncomplete || !errors.Is(err, errCut) || len(got) != min(size, maxBytes-1) {
				t.Errorf("%d bytes, then broken: %d bytes, %v", size, len(got), err)
			}
			wantUnused(t, b)
		}
	}
}

// brokenConnection fails on every read.
type brokenConnection struct{}

func (brokenConnection) Read([]byte) (int, error) { return 0, errCut }
