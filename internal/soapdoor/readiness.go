package soapdoor

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/openctr/ctr/internal/loopback"
)

// maxProbeTime bounds one probe of all registers.
const maxProbeTime = 2 * time.Second

// readinessProbe holds the result of the last probe of the registers, so that a request for it costs nothing.
type readinessProbe struct{ last atomic.Pointer[readiness] }

// readiness is the result of a probe: nil when every register can accept a request.
type readiness struct{ err error }

// probeReadiness asks every register whether it can accept a request now.
func (s *Service) probeReadiness(ctx context.Context) *readiness {
	ctx, cancel := context.WithTimeout(ctx, maxProbeTime)
	defer cancel()
	result := &readiness{}
	for _, e := range s.endpoints {
		if result.err = e.Register.CheckReady(ctx); result.err != nil {
			break
		}
	}
	s.readiness.last.Store(result)
	return result
}

// serveReadiness reports the result of the last probe.
func (s *Service) serveReadiness(w http.ResponseWriter, r *http.Request) {
	result := s.readiness.last.Load()
	if result == nil { // before Run
		result = s.probeReadiness(r.Context())
	}
	if result.err != nil {
		writeText(w, http.StatusServiceUnavailable, "not ready: the register's store does not answer\n")
		return
	}
	answer := "ok\n"
	// From outside one learns whether the service is ready, and nothing of what its operator has to mend.
	if s.readyRemark != nil && loopback.IsSource(r) {
		if remark := s.readyRemark(); remark != "" {
			answer += remark + "\n"
		}
	}
	writeText(w, http.StatusOK, answer)
}
