package service

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/verification"
)

// registerVerifier verifies the register every night, slowly, beside the requests.
type registerVerifier struct {
	db        *store.DB
	log       *slog.Logger
	now       func() time.Time
	directory string

	mu       sync.Mutex
	finished time.Time // when the last verification ended, or when the process started
	findings int
}

const (
	// verificationHour is when the verification starts, in Belgian time.
	verificationHour = 2
	// verificationPause is how many times as long as it works it waits: requests keep nine tenths of a processor.
	verificationPause = 9
	// maxLoggedFindings bounds the log of one verification; "ctrd admin verify" prints all findings.
	maxLoggedFindings = 20
)

func newRegisterVerifier(db *store.DB, c *Config) *registerVerifier {
	return &registerVerifier{db: db, log: c.Log, now: c.Now, directory: c.DataDirectory, finished: c.Now()}
}

// runNightly verifies at each night's hour until ctx ends.
func (v *registerVerifier) runNightly(ctx context.Context) {
	for {
		timer := time.NewTimer(untilHour(v.now(), verificationHour))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			v.verifyOnce(ctx)
		}
	}
}

// untilHour returns the time until the next full hour of this number in Belgium.
func untilHour(now time.Time, hour int) time.Duration {
	local := now.In(ident.BelgianTime())
	next := time.Date(local.Year(), local.Month(), local.Day(), hour, 0, 0, 0, local.Location())
	if !next.After(local) {
		next = time.Date(local.Year(), local.Month(), local.Day()+1, hour, 0, 0, 0, local.Location())
	}
	return next.Sub(now)
}

// verifyOnce verifies the register and logs what it finds.
func (v *registerVerifier) verifyOnce(ctx context.Context) {
	begin := v.now()
	report, err := verification.Verify(ctx, v.db, verification.Options{Now: v.now,
		Pause: verification.PauseFor(verificationPause)})
	if err != nil {
		if ctx.Err() == nil {
			v.log.ErrorContext(ctx, "register not verified", slog.String("error", err.Error()))
		}
		return
	}
	for _, finding := range report.Findings[:min(len(report.Findings), maxLoggedFindings)] {
		v.log.ErrorContext(ctx, "the register was changed beside the program", slog.String("finding", finding.String()))
	}
	if report.Count() == 0 {
		if err = NoteInstant(v.directory, VerifiedFileName, begin); err != nil {
			v.log.ErrorContext(ctx, "verification not noted", slog.String("error", err.Error()))
		}
	}
	v.log.InfoContext(ctx, "register verified", slog.Int64("versions", report.Versions),
		slog.Int("findings", report.Count()))
	v.mu.Lock()
	defer v.mu.Unlock()
	v.finished, v.findings = v.now(), report.Count()
}

// newVerificationMetrics returns the metrics of the nightly verification.
func newVerificationMetrics(current func() *registerVerifier, now func() time.Time) []prometheus.Collector {
	gauge := func(name, help string, value func(*registerVerifier) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			v := current()
			if v == nil {
				return 0
			}
			v.mu.Lock()
			defer v.mu.Unlock()
			return value(v)
		})
	}
	return []prometheus.Collector{
		gauge("ctr_verify_age_seconds", "Seconds since the last verification of the register ended, or since the start.",
			func(v *registerVerifier) float64 { return now().Sub(v.finished).Seconds() }),
		gauge("ctr_verify_findings", "Findings of the last verification of the register.",
			func(v *registerVerifier) float64 { return float64(v.findings) }),
	}
}

// currentVerifier returns the verifier of the open register, or nil.
func (b *openRegister) currentVerifier() *registerVerifier {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.verifier
}
