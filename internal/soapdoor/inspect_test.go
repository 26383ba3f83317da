package soapdoor_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// TestInspectionAgreesWithTheDoor checks for every message of a case that an inspection finds by itself what Verify
// refuses, and finds nothing in what Verify accepts.
func TestInspectionAgreesWithTheDoor(t *testing.T) {
	t.Parallel()
	for _, file := range listCaseFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			c := readCase(t, file)
			for i, s := range c.steps {
				if s.repeatOf == 0 {
					inspectMessage(t, s.buildMessage(t, i+1), s, c.service)
				}
			}
		})
	}
}

func inspectMessage(t *testing.T, octets string, s *step, service settings) {
	t.Helper()
	document, err := xmldoc.Parse([]byte(octets), xmldoc.DefaultLimits())
	if err != nil {
		return
	}
	envelope, err := soap.Open(document)
	if err != nil {
		return
	}
	verifier := &wsse.Verifier{
		Trust: testTrust(t), Now: func() time.Time { return s.clock }, Strict: service.strict, AllowSHA1Until: service.sha1Until,
	}
	_, refusal := verifier.Verify(envelope)
	report := wsse.Inspect(envelope, wsse.InspectOptions{
		Trust: verifier.Trust, Time: s.clock, Strict: service.strict, AllowSHA1: s.clock.Before(service.sha1Until),
	})
	switch findings := report.Findings(); {
	case (refusal == nil) != (len(findings) == 0):
		t.Errorf("Verify: %v; found %v", refusal, findings)
	case refusal == nil:
	case report.FirstRefusal == nil || report.FirstRefusal.Code != problem.From(refusal).Code:
		t.Errorf("Verify: %v; the report's first is %v", refusal, report.FirstRefusal)
	case len(report.Other) > 0 && report.FirstRefusal.Code != wsse.SecurityMissing && report.FirstRefusal.Code != wsse.KeyUnregistered:
		t.Errorf("%v is not found by looking at the parts: %v", refusal, findings)
	}
}
