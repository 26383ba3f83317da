package service

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/countersign"
	"github.com/openctr/ctr/internal/message/timestamp"
)

// stampInterval is how often the newest checkpoint is stamped; it stands for all before it.
const stampInterval = 10 * time.Minute

// ReadTimestampRoots reads the certificates of time-stamping authorities from a PEM file.
func ReadTimestampRoots(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &SettingError{Setting: "tsa-trust", Err: err}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return nil, &SettingError{Setting: "tsa-trust", File: path, Err: errors.New("no certificate in PEM")}
	}
	return roots, nil
}

// newStamper returns nil if no authority is configured.
func (c *Config) newStamper() (*countersign.Stamper, error) {
	switch {
	case c.TimestampURL == "" && c.TimestampTrustFile == "":
		return nil, nil
	case c.TimestampTrustFile == "":
		return nil, &SettingError{Setting: "tsa-url", Err: errors.New("nobody could verify its tokens without --tsa-trust")}
	}
	roots, err := ReadTimestampRoots(c.TimestampTrustFile)
	if err != nil {
		return nil, err
	}
	client, err := timestamp.NewClient(c.TimestampURL, roots)
	if err != nil {
		return nil, &SettingError{Setting: "tsa-url", Err: err}
	}
	return countersign.NewStamper(filepath.Join(c.DataDirectory, countersign.FileName), client, c.Now), nil
}

// stampPeriodically has the newest checkpoint stamped until ctx ends. It delays no sealing.
func stampPeriodically(ctx context.Context, stamper *countersign.Stamper, log *slog.Logger) {
	ticker := time.NewTicker(stampInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := stamper.StampNewest(ctx); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "audit checkpoint not stamped", slog.String("error", err.Error()))
			}
		}
	}
}

// newStampMetrics returns the metrics of the time stamps.
func newStampMetrics(current func() *countersign.Stamper, now func() time.Time) []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ctr_timestamp_age_seconds",
			Help: "Seconds since a checkpoint was stamped, or since the start; 0 without a time-stamping authority.",
		}, func() float64 {
			if s := current(); s != nil {
				return now().Sub(s.Status().LastStamped).Seconds()
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ctr_timestamp_failures_total", Help: "Time stamps that the authority did not give.",
		}, func() float64 {
			if s := current(); s != nil {
				return float64(s.Status().Failures)
			}
			return 0
		}),
	}
}

// currentStamper returns the stamper of the open register, or nil.
func (b *openRegister) currentStamper() *countersign.Stamper {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stamper
}
