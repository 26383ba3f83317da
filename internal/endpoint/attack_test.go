package endpoint_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/soap"
)

// What a refusal may cost, whatever the message.
const (
	longestRefusal = 200 * time.Millisecond
	mostMemory     = 64 << 20 // octets allocated beyond the size of the message
)

// TestRefusalsAreCheap measures every case that ends in a refusal at its first message, and wants nobody called. What is
// allocated in all bounds what is held at once. The best of ten counts: the machine does other things too.
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

// cost sends octets once, and returns what that took.
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

// exhausting are the cases that attackers send in TestOneMessageAmongAttackers.
var exhausting = regexp.MustCompile(`attack-.*(flood|huge|depth|colliding|quadratic|canonical-form|rebound|laughs)`)

// TestOneMessageAmongAttackers sends one signed message after the other, first in quiet, then while fifty attackers send
// what is made to exhaust the service. It says what the slowest hundredth took; a loaded machine proves nothing, so it
// runs only where CTR_LOAD is set.
func TestOneMessageAmongAttackers(t *testing.T) {
	if os.Getenv("CTR_LOAD") == "" {
		t.Skip("CTR_LOAD is not set")
	}
	d := newDoor(t, settings{})
	var attacks []string
	for _, file := range caseFiles(t) {
		if c := readCase(t, file); exhausting.MatchString(file) && len(c.steps) == 1 {
			attacks = append(attacks, c.steps[0].build(t, 1))
		}
	}
	const messages, attackers = 100, 50
	signed := signedMessages(t, d, 2*messages)
	quiet := d.slowest(t, signed[:messages])
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range attackers {
		group.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
					d.post(t, soap.SOAP11, attacks[n%len(attacks)], nil)
				}
			}
		})
	}
	attacked := d.slowest(t, signed[messages:])
	close(stop)
	group.Wait()
	t.Logf("p99 %v quiet, %v among %d attackers with %d attacks: %.1f times", quiet, attacked, attackers, len(attacks), float64(attacked)/float64(quiet))
}

// slowest sends messages one after the other, for five seconds at most, and returns the 99th percentile of what they took.
func (d *door) slowest(t *testing.T, messages [][]byte) time.Duration {
	t.Helper()
	var all []time.Duration
	for end := time.Now().Add(5 * time.Second); len(messages) > 0 && time.Now().Before(end); messages = messages[1:] {
		began := time.Now()
		if r := d.post(t, soap.SOAP11, string(messages[0]), nil); r.status != http.StatusOK {
			t.Fatalf("HTTP %d: %s", r.status, r.octets)
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// TestSecurityDocument: the case files that docs/security.md names exist.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	octets, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	named := documented.FindAllStringSubmatch(string(octets), -1)
	for _, found := range named {
		if _, err := os.Stat(filepath.Join("testdata", "cases", found[1]+".txtar")); err != nil {
			t.Error(err)
		}
	}
	if len(named) < 50 {
		t.Errorf("only %d cases are named", len(named))
	}
}

var documented = regexp.MustCompile("`([a-z0-9-]+)\\.txtar`")
