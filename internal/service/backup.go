package service

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LastBackupFileName is the file in the data directory in which "ctrd admin backup" notes the time of a backup.
const LastBackupFileName = "last-backup"

// newBackupMetric returns the age of the last backup.
func newBackupMetric(directory string, started time.Time, now func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ctr_backup_age_seconds",
		Help: "Seconds since the last backup by ctrd admin backup began, or since the start if none is known.",
	}, func() float64 {
		at, known := readLastBackup(directory)
		if !known {
			at = started
		}
		return now().Sub(at).Seconds()
	})
}

// readLastBackup returns when the last backup began.
func readLastBackup(directory string) (time.Time, bool) {
	file, err := os.Open(filepath.Join(directory, LastBackupFileName))
	if err != nil {
		return time.Time{}, false
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, int64(len(time.RFC3339)+16)))
	if err != nil {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(data)))
	return at, err == nil
}
