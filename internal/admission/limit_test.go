package admission

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// readBytes reads a body of n bytes and returns the time that took.
func readBytes(t *testing.T, a *Admission, size int) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	got, err := a.ReadBody(t.Context(), tlsRecordReader{strings.NewReader(strings.Repeat("x", size))}, -1, 1<<20)
	if err == nil && len(got) != min(size, 1<<20) {
		t.Errorf("%d octets of %d", len(got), size)
	}
	return time.Since(began), err
}

// tlsRecordReader returns at most as much as a TLS record at a time.
type tlsRecordReader struct{ io.Reader }

func (r tlsRecordReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 16<<10)]) }

// TestReadBodyOfLargeMessages checks that the large part of a message needs a permit and is throttled, and that
// ordinary messages need neither.
func TestReadBodyOfLargeMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewController(time.Now)
		c.unverifiedLimit = newConcurrencyLimit(1, 10*time.Nanosecond)
		var visits [3]*Admission
		for i := range visits {
			visits[i] = mustAdmit(t, c, newConnectionTrust())
		}
		took, err := readBytes(t, visits[0], 2<<20)
		if err != nil || took < 9*time.Millisecond || took > 11*time.Millisecond {
			t.Errorf("a large message: %v, %v", took, err)
		}
		if took, err = readBytes(t, visits[1], largeMessageSize-1); took != 0 || err != nil {
			t.Errorf("an ordinary message: %v, %v", took, err)
		}
		if took, err = readBytes(t, visits[2], largeMessageSize); took != maxAdmissionWait || problem.From(err).Code != problem.Overloaded {
			t.Errorf("a second large message: %v, %v", took, err)
		}
		time.AfterFunc(time.Second, func() { visits[0].Finish(false) })
		if took, err = readBytes(t, visits[2], largeMessageSize); took < time.Second || took > 1100*time.Millisecond || err != nil {
			t.Errorf("when the first is gone: %v, %v", took, err)
		}
		visits[1].Finish(false)
		visits[2].Finish(false)
		if len(c.unverifiedLimit.requestSlots)+len(c.unverifiedLimit.largeSlots) != 0 {
			t.Error("places are not given back")
		}
	})
}

// TestCancelledUploadStopsAtOnce cancels an upload in its pause and another that waits for the first one's pause to end.
// Both stop at that instant, and a third reader pauses no longer than for its own bytes.
func TestCancelledUploadStopsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const recordPause = time.Minute // the pause for one TLS record
		l := newConcurrencyLimit(maxLargeUnverified, recordPause/(16<<10))
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		began := time.Now()
		upload := func(ctx context.Context, want time.Duration) error {
			body := tlsRecordReader{strings.NewReader(strings.Repeat("x", largeMessageSize+2*(16<<10)))}
			var held permits
			defer func() { held.releaseAll() }()
			_, err := l.readBody(ctx, &held, body, -1, 1<<20)
			if took := time.Since(began).Round(time.Second); took != want {
				t.Errorf("stopped after %v, want %v", took, want)
			}
			return err
		}
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				err := upload(gone, time.Second)
				if problem.From(err).Code != problem.MessageIncomplete || !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := upload(t.Context(), time.Second+2*recordPause); err != nil {
			t.Error(err)
		}
		group.Wait()
		if len(l.throttle)+len(l.largeSlots) != 0 {
			t.Error("something is still held")
		}
	})
}

// TestConcurrencyLimitsAreSeparate checks that unverified connections cannot exhaust the limit of verified ones.
func TestConcurrencyLimitsAreSeparate(t *testing.T) {
	t.Parallel()
	c := NewController(time.Now)
	proven := newConnectionTrust()
	proven.verified.Store(true)
	for range maxInFlight {
		mustAdmit(t, c, newConnectionTrust())
	}
	if _, err := c.admitConnection(newConnectionTrust()); problem.From(err).Code != problem.Overloaded {
		t.Errorf("one more stranger: %v", err)
	}
	if _, err := c.admitConnection(proven); err != nil {
		t.Errorf("a proven connection: %v", err)
	}
}

var errCut = errors.New("cut")

func TestReadBodyOfBrokenConnection(t *testing.T) {
	t.Parallel()
	c := NewController(time.Now)
	for _, before := range []int{0, 10, largeMessageSize, 2 * largeMessageSize} {
		a := mustAdmit(t, c, newConnectionTrust())
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", before)), brokenConnection{})
		got, err := a.ReadBody(t.Context(), body, int64(before)+10, 1<<20)
		if problem.From(err).Code != problem.MessageIncomplete || !errors.Is(err, errCut) || len(got) != before {
			t.Errorf("after %d octets: %d, %v", before, len(got), err)
		}
		a.Finish(false)
	}
}

// brokenConnection fails on every read.
type brokenConnection struct{}

func (brokenConnection) Read([]byte) (int, error) { return 0, errCut }
