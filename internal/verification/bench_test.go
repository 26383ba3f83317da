package verification_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/costtest"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/verification"
)

// BenchmarkVerify verifies a register of VERIFY_VERSIONS versions, 500 by default, as "ctrd admin verify --fast" does.
func BenchmarkVerify(b *testing.B) {
	count := 500
	if text := os.Getenv("VERIFY_VERSIONS"); text != "" {
		count, _ = strconv.Atoi(text)
	}
	directory := interop.NewDevelopmentDirectory(b)
	s, err := service.Start(b.Context(), service.Config{Now: time.Now, DataDirectory: directory, Development: true,
		Environment: "Development"})
	if err != nil {
		b.Fatal(err)
	}
	running := &interop.Service{Ready: interop.Ready{URL: s.URL, Data: directory, CA: s.TestPKI.CA, P12: s.TestPKI.P12}}
	client := running.NewClient(b, interop.HospitalKey(b))
	var senders sync.WaitGroup
	const atOnce = 8
	for sender := range atOnce {
		senders.Go(func() {
			for i := sender; i < count; i += atOnce {
				interop.MustNotify(b, client, interop.NewImplantation(fmt.Sprint("N", i), interop.PatientSSIN, fmt.Sprint("S", i)))
			}
		})
	}
	senders.Wait()
	if err = s.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(b.Context(), store.Config{Directory: directory})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	before := costtest.CPUTime(b)
	for b.Loop() {
		report, err := verification.Verify(b.Context(), db, verification.Options{Now: time.Now, Workers: 2})
		if err != nil || report.Count() > 0 || report.Versions < int64(count) {
			b.Fatal(err, report)
		}
	}
	used := costtest.CPUTime(b) - before
	b.ReportMetric(float64(used.Microseconds())/float64(count)/float64(b.N), "cpu-µs/version")
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "versions/s")
}
