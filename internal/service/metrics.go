package service

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/store"
)

// newStoreMetrics returns the metrics of the database, which alarms watch.
func newStoreMetrics(status func() store.Status) []prometheus.Collector {
	gauge := func(name, help string, value func(store.Status) float64) prometheus.Collector {
		options := prometheus.GaugeOpts{Name: name, Help: help}
		return prometheus.NewGaugeFunc(options, func() float64 { return value(status()) })
	}
	return []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ctr_database_deadlines_total", Help: "Operations that the database did not answer in time.",
		}, func() float64 { return float64(status().Deadlines) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ctr_database_checks_total", Help: "Checks of all pages of the database that found no damage.",
		}, func() float64 { return float64(status().Checks) }),
		gauge("ctr_database_silent", "1 while nothing was answered since the last such operation.",
			func(s store.Status) float64 { return oneIf(s.Silent) }),
		gauge("ctr_database_failed", "1 when the database is damaged or its files are gone, and nothing is written any more.",
			func(s store.Status) float64 { return oneIf(s.Failure != nil) }),
	}
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}

// status returns the status of the open store; it is zero while there is none.
func (b *openRegister) status() store.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store == nil {
		return store.Status{}
	}
	return b.store.Status()
}
