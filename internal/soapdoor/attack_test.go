package soapdoor_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/costtest"
)

// Maximum cost of a refusal, whatever the message.
const (
	maxRefusalCPU    = 200 * time.Millisecond
	maxRefusalMemory = 64 << 20 // bytes allocated beyond the size of the message
)

// TestRefusalsAreCheap measures every case that is refused at its first message, and checks that no outbound connection
// is made. The total allocation bounds the memory held at once.
func TestRefusalsAreCheap(t *testing.T) {
	doors := map[settings]*door{}
	measured := 0
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
		measured++
		d.postCheaply(t, filepath.Base(file), s.version, s.buildMessage(t, 1), s.headers)
	}
	if measured < 500 {
		t.Errorf("only %d refusals were measured", measured)
	}
	if n := outsideConnections.Load(); n != 0 {
		t.Errorf("%d connections to %s", n, outsideAddress(t))
	}
}

// postCheaply posts a message that is refused, checks its cost and returns the response.
func (d *door) postCheaply(t *testing.T, name string, version soap.Version, octets string, headers http.Header) (r reply) {
	t.Helper()
	cost := costtest.Measure(t, func() { r = d.postMessage(t, version, octets, headers) })
	if r.status < http.StatusBadRequest {
		t.Errorf("%s: HTTP %d is no refusal", name, r.status)
	}
	if cost.CPU > costtest.CPULimit(maxRefusalCPU) {
		t.Errorf("%s: took %v of CPU time", name, cost.CPU)
	}
	if cost.Bytes > maxRefusalMemory+uint64(len(octets)) {
		t.Errorf("%s: allocated %d MiB for %d octets", name, cost.Bytes>>20, len(octets))
	}
	return r
}
