package implants_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/storetest"
)

// The length of a history in an ordinary run, and the longest in a long run, which has several.
const (
	shortHistory = 300
	longHistory  = 4000
)

// runOnEngines runs a test on SQLite and, if a server is configured, on PostgreSQL.
func runOnEngines(t *testing.T, run func(*testing.T, func(testing.TB) storetest.Backend)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		run(t, storetest.NewSQLiteBackend)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		if os.Getenv("CTR_TEST_POSTGRES") == "" {
			t.Skip("CTR_TEST_POSTGRES names no server")
		}
		run(t, storetest.NewPostgresBackends(t))
	})
}

// TestModel compares random histories with the model: what is accepted and rejected, what remains, what is found, the
// history and the audit log. CTR_MODEL is the number of steps of a long run.
func TestModel(t *testing.T) {
	t.Parallel()
	steps := shortHistory
	if given := os.Getenv("CTR_MODEL"); given != "" {
		var err error
		if steps, err = strconv.Atoi(given); err != nil {
			t.Fatalf("CTR_MODEL: %v", err)
		}
	}
	runOnEngines(t, func(t *testing.T, backend func(testing.TB) storetest.Backend) {
		t.Helper()
		for seed, left := uint64(1), steps; left > 0 && !t.Failed(); seed, left = seed+1, left-longHistory {
			checkHistory(t, backend, seed, min(left, longHistory))
		}
	})
}

// checkHistory runs a random history. If it differs from the model, it is shrunk as far as possible in a short time,
// and reported.
func checkHistory(t *testing.T, backend func(testing.TB) storetest.Backend, seed uint64, length int) {
	t.Helper()
	taken, err := randomHistory(t, backend(t), seed, length)
	if err == nil {
		return
	}
	short, shortErr := shrinkSteps(taken, err, func(steps []step) error { return replaySteps(t, backend(t), steps) })
	var told strings.Builder
	for _, s := range short {
		fmt.Fprintln(&told, s)
	}
	t.Errorf("seed %d, after %d steps: %v\n\nof which %d suffice:\n%s\n%v", seed, len(taken), err, len(short), &told, shortErr)
}

// randomHistory draws and runs steps until the register and the model differ, and compares everything at the end.
func randomHistory(t *testing.T, backend storetest.Backend, seed uint64, length int) ([]step, error) {
	t.Helper()
	h, end := newModelRun(t, backend)
	defer end()
	g := newGenerator(seed, h.model)
	var taken []step
	for range length {
		s := g.nextStep()
		taken = append(taken, s)
		if err := h.runStep(s); err != nil {
			return taken, err
		}
	}
	last := step{act: comparingAll, page: 50}
	t.Logf("seed %d: %d notifications, %d final ones, %d records, until %s", seed, len(h.model.entries), len(h.model.numbered), h.lastEvent, h.model.today())
	return append(taken, last), h.runStep(last)
}

// replaySteps runs steps again, on a new register.
func replaySteps(t *testing.T, backend storetest.Backend, steps []step) error {
	t.Helper()
	h, end := newModelRun(t, backend)
	defer end()
	for _, s := range steps {
		if err := h.runStep(s); err != nil {
			return err
		}
	}
	return nil
}

// shrinkSteps removes steps, many at a time and then fewer, as long as some failure remains. It stops after a fixed
// number of runs.
func shrinkSteps(steps []step, err error, run func([]step) error) ([]step, error) {
	runs := 200
	for size := len(steps) / 2; size > 0; size /= 2 {
		for from := 0; from < len(steps) && runs > 0; {
			fewer := slices.Concat(steps[:from], steps[min(from+size, len(steps)):])
			runs--
			if failed := run(fewer); failed != nil {
				steps, err = fewer, failed
			} else {
				from += size
			}
		}
	}
	return steps, err
}
