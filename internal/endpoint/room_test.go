package endpoint

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// readBytes reads a body of n bytes and returns the time that took.
func octets(t *testing.T, v *visit, size int) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	got, err := v.read(t.Context(), records{strings.NewReader(strings.Repeat("x", size))}, -1, 1<<20)
	if err == nil && len(got) != min(size, 1<<20) {
		t.Errorf("%d octets of %d", len(got), size)
	}
	return time.Since(began), err
}

// tlsRecordReader returns at most as much as a TLS record at a time.
type records struct{ io.Reader }

func (r records) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 16<<10)]) }

// TestReadBodyOfLargeMessages checks that the large part of a message needs a permit and is throttled, and that
// ordinary messages need neither.
func TestRoomForLarge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(1, 10*time.Nanosecond)
		var visits [3]*visit
		for i := range visits {
			var err error
			if visits[i], err = r.enter(); err != nil {
				t.Fatal(err)
			}
		}
		took, err := octets(t, visits[0], 2<<20)
		if err != nil || took < 9*time.Millisecond || took > 11*time.Millisecond {
			t.Errorf("a large message: %v, %v", took, err)
		}
		if took, err = octets(t, visits[1], largeMessage-1); took != 0 || err != nil {
			t.Errorf("an ordinary message: %v, %v", took, err)
		}
		if took, err = octets(t, visits[2], largeMessage); took != longestWait || problem.From(err).Code != problem.Overloaded {
			t.Errorf("a second large message: %v, %v", took, err)
		}
		time.AfterFunc(time.Second, visits[0].leave)
		if took, err = octets(t, visits[2], largeMessage); took < time.Second || took > 1100*time.Millisecond || err != nil {
			t.Errorf("when the first is gone: %v, %v", took, err)
		}
		visits[1].leave()
		visits[2].leave()
		if len(r.requests)+len(r.large) != 0 {
			t.Error("places are not given back")
		}
	})
}

// TestConcurrencyLimitsAreSeparate checks that unverified connections cannot exhaust the limit of verified ones.
func TestRoomsApart(t *testing.T) {
	t.Parallel()
	s := queues()
	proven := newStanding()
	proven.proven.Store(true)
	for range inFlight {
		if _, err := s.roomOf(newStanding()).enter(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.roomOf(newStanding()).enter(); problem.From(err).Code != problem.Overloaded {
		t.Errorf("one more stranger: %v", err)
	}
	if _, err := s.roomOf(proven).enter(); err != nil {
		t.Errorf("a proven connection: %v", err)
	}
}

var errCut = errors.New("cut")

func TestReadBroken(t *testing.T) {
	t.Parallel()
	r := newRoom(1, 0)
	for _, before := range []int{0, 10, largeMessage, 2 * largeMessage} {
		v, err := r.enter()
		if err != nil {
			t.Fatal(err)
		}
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", before)), broken{})
		got, err := v.read(t.Context(), body, int64(before)+10, 1<<20)
		if problem.From(err).Code != problem.MessageIncomplete || !errors.Is(err, errCut) || len(got) != before {
			t.Errorf("after %d octets: %d, %v", before, len(got), err)
		}
		v.leave()
	}
}

// brokenConnection fails on every read.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }
