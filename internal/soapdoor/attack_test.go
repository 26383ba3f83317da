package soapdoor_test

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Maximum cost of a refusal, whatever the message.
const (
	maxRefusalTime   = 200 * time.Millisecond
	maxRefusalMemory = 64 << 20 // bytes allocated beyond the size of the message
)

// TestRefusalsAreCheap measures every case that is refused at its first message, and checks that no outbound connection
// is made. The total allocation bounds the memory held at once. It uses the best of ten runs, because the machine has
// other work.
func TestRefusalsAreCheap(t *testing.T) {
	doors := map[settings]*door{}
	for _, file := range listCaseFiles(t) {
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
		octets := s.buildMessage(t, 1)
		took, allocated := time.Hour, uint64(1<<63)
		for range 10 {
			time1, memory1 := d.measureCost(t, s, octets)
			took, allocated = min(took, time1), min(allocated, memory1)
			if (took <= maxRefusalTime || raceDetector) && allocated <= maxRefusalMemory+uint64(len(octets)) {
				break
			}
		}
		if took > maxRefusalTime && !raceDetector {
			t.Errorf("%s: took %v", filepath.Base(file), took)
		}
		if allocated > maxRefusalMemory+uint64(len(octets)) {
			t.Errorf("%s: allocated %d MiB for %d octets", filepath.Base(file), allocated>>20, len(octets))
		}
	}
	if n := outsideConnections.Load(); n != 0 {
		t.Errorf("%d connections to %s", n, outsideAddress(t))
	}
}

// measureCost sends a message once and returns the time and the bytes allocated.
func (d *door) measureCost(tb testing.TB, s *step, octets string) (time.Duration, uint64) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	d.postMessage(tb, s.version, octets, s.headers)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}
