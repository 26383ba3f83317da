package endpoint_test

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Maximum cost of a refusal, whatever the message.
const (
	longestRefusal = 200 * time.Millisecond
	mostMemory     = 64 << 20 // bytes allocated beyond the size of the message
)

// TestRefusalsAreCheap measures every case that is refused at its first message, and checks that no outbound connection
// is made. The total allocation bounds the memory held at once. It uses the best of ten runs, because the machine has
// other work.
func TestRefusalsAreCheap(t *testing.T) {
	doors := map[settings]*door{}
	for _, file := range caseFiles(t) {
		c := readCase(t, file)
		s := c.steps[0]
		if len(c.steps) > 1 || s.fault == "" {
			continue
		}
		d := doors[c.service]
		if d == nil {
			d = newDoor(t, c.service)
			doors[c.service] = d
		}
		d.Clock.Set(s.clock)
		octets := s.build(t, 1)
		took, allocated := time.Hour, uint64(1<<63)
		for range 10 {
			time1, memory1 := d.cost(t, s, octets)
			took, allocated = min(took, time1), min(allocated, memory1)
			if (took <= longestRefusal || raceDetector) && allocated <= mostMemory+uint64(len(octets)) {
				break
			}
		}
		if took > longestRefusal && !raceDetector {
			t.Errorf("%s: took %v", filepath.Base(file), took)
		}
		if allocated > mostMemory+uint64(len(octets)) {
			t.Errorf("%s: allocated %d MiB for %d octets", filepath.Base(file), allocated>>20, len(octets))
		}
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d connections to %s", n, outside(t))
	}
}

// measureCost sends a message once and returns the time and the bytes allocated.
func (d *door) cost(tb testing.TB, s *step, octets string) (time.Duration, uint64) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	d.post(tb, s.version, octets, s.headers)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}
