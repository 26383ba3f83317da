package access

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Service identifies callers and runs the operations on mandates and staff. Every entry point shares one.
type Service struct {
	runner platform.Runner[platform.Reader, platform.Writer]
}

// Config holds the dependencies of an Service.
type Config struct {
	Store platform.Store[platform.Reader, platform.Writer]
	Now   func() time.Time
	// Location is the time zone in which a day begins: Europe/Brussels for the Belgian register.
	Location *time.Location
}

// New creates an Service.
func New(c Config) *Service {
	return &Service{runner: platform.Runner[platform.Reader, platform.Writer]{
		Store:    c.Store,
		Now:      c.Now,
		Location: c.Location,
	}}
}

// CheckReady returns an error when the store cannot accept a write now.
func (s *Service) CheckReady(ctx context.Context) error { return s.runner.Store.CheckReady(ctx) }

// RecordRefusal records a message that was rejected before any operation ran. It returns the refusal that the caller
// must see: the given one, or MESSAGE_REPLAYED when the message was used before. An internal failure is not a refusal;
// it is returned unchanged and not recorded.
func (s *Service) RecordRefusal(ctx context.Context, m platform.SignedMessage, refusal error) error {
	return s.runner.RecordRefusal(ctx, m, refusal)
}

// RecordRefusalCounts records how many messages were refused before they verified, by code.
func (s *Service) RecordRefusalCounts(ctx context.Context, correlation string, counts map[problem.Code]int) error {
	return s.runner.RecordRefusalCounts(ctx, correlation, counts)
}

// checkPeriod rejects a period that begins in the past, because it would change past rights, and one that ends before
// it begins.
func checkPeriod(results *platform.RuleResults, path platform.Path, p platform.Period, today ident.Date) {
	if p.From.Before(today) {
		results.AddViolation(PeriodBeginsInPast, path.Field("From"))
	}
	if !p.To.IsZero() && p.To.Before(p.From) {
		results.AddViolation(PeriodReversed, path.Field("To"))
	}
}
