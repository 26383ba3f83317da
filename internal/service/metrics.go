package service

import (
	"time"

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
			Name: "ctr_number_skips_total",
			Help: "Times that notification numbers were left out, because they may have been given.",
		}, func() float64 { return float64(status().NumberSkips) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ctr_rights_unsealed_total",
			Help: "Times that a row gave no right, because it was changed or inserted beside the program.",
		}, func() float64 { return float64(status().UnsealedRows) }),
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

// newSealingMetrics returns the metrics of the audit log's sealing.
func newSealingMetrics(status func() sealingStatus, now func() time.Time) []prometheus.Collector {
	gauge := func(name, help string, value func(sealingStatus) float64) prometheus.Collector {
		options := prometheus.GaugeOpts{Name: name, Help: help}
		return prometheus.NewGaugeFunc(options, func() float64 { return value(status()) })
	}
	return []prometheus.Collector{
		gauge("ctr_audit_unsealed_seconds", "Seconds for which events of the audit log have waited to be sealed.",
			func(s sealingStatus) float64 { return s.stalledFor(now()).Seconds() }),
		gauge("ctr_audit_unsealed_events", "Events of the audit log that are not sealed yet.",
			func(s sealingStatus) float64 { return float64(s.unsealed) }),
		gauge("ctr_audit_sealed_age_seconds", "Seconds since this process last saw every event sealed.",
			func(s sealingStatus) float64 { return now().Sub(s.lastSealed).Seconds() }),
		gauge("ctr_audit_lost_events", "Events that were committed and are not in the audit log as they were.",
			func(s sealingStatus) float64 { return float64(s.lost) }),
		gauge("ctr_audit_cut_off", "1 when the database lacked sealed events that the anchor file has.",
			func(s sealingStatus) float64 { return oneIf(s.cutOff) }),
	}
}

// sealing returns the status of the audit log's sealing; it is zero while no register is open.
func (b *openRegister) sealing() sealingStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealer == nil {
		return sealingStatus{}
	}
	return b.sealer.readStatus()
}

// newBackupMetric returns the age of the last backup.
func newBackupMetric(directory string, started time.Time, now func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ctr_backup_age_seconds",
		Help: "Seconds since the last backup by ctrd admin backup began, or since the start if none is known.",
	}, func() float64 {
		at, err := ReadInstant(directory, LastBackupFileName)
		if err != nil || at.IsZero() {
			at = started
		}
		return now().Sub(at).Seconds()
	})
}
