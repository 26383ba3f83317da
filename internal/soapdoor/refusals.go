package soapdoor

import (
	"context"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/problem"
)

// refusalCounts counts the refusals of messages that did not verify, by code, since they were last recorded.
type refusalCounts struct {
	mutex  sync.Mutex
	byCode map[problem.Code]int
}

func (c *refusalCounts) count(code problem.Code) { c.add(map[problem.Code]int{code: 1}) }

func (c *refusalCounts) add(counts map[problem.Code]int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.byCode == nil {
		c.byCode = map[problem.Code]int{}
	}
	for code, n := range counts {
		c.byCode[code] += n
	}
}

// takeCounts returns the counts, and begins anew.
func (c *refusalCounts) takeCounts() map[problem.Code]int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	counts := c.byCode
	c.byCode = nil
	return counts
}

// recordRefusals records the counts in the audit log, if there are any. If that fails they are kept for the next time.
func (s *Service) recordRefusals(ctx context.Context) {
	const maxRecordTime = 5 * time.Second
	counts := s.refusals.takeCounts()
	if len(counts) == 0 || len(s.endpoints) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, maxRecordTime)
	defer cancel()
	if err := s.endpoints[0].Register.RecordRefusalCounts(ctx, s.newID(), counts); err != nil {
		s.refusals.add(counts)
	}
}
