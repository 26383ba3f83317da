package operator_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// Sizes of the generated list.
const (
	listedDevices = 200_000
	changedByList = 500
)

// generateList generates a list of n invented products while it is read, so that the test needs no memory for it.
func generateList(head string, n int, name func(int) string) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, err := io.WriteString(w, `<List xmlns="http://www.riziv.fgov.be/xsd/cti/201411"><Header>`+head+"</Header>\n")
		for i := 1; i <= n && err == nil; i++ {
			gtin := fmt.Sprintf("0541%09d", i)
			sum := 0
			for place, digit := range gtin {
				sum += int(digit-'0') * (3 - 2*(place%2))
			}
			_, err = fmt.Fprintf(w, `<Data><NotificationCode>%010d%02d</NotificationCode><ProductName>%s</ProductName><ProductReference>REF-%d</ProductReference>
<Manufacturer>Invented Implants of the %d. Street N.V.</Manufacturer><Distributor>Alma Distribution NV</Distributor>
<ClassificationCode>C.10.02.01.02</ClassificationCode><PublicationDate>2020-01-01</PublicationDate><Category>Orthopaedic</Category><UDIDI>%s%d</UDIDI></Data>
`, i, 97-i%97, name(i), i, i%100, gtin, (10-sum%10)%10)
		}
		if err == nil {
			_, err = io.WriteString(w, "</List>\n")
		}
		_ = w.CloseWithError(err) // never fails
	}()
	return r
}

func productName(i int) string {
	return fmt.Sprintf("Modular stem with a long product name, size %d", i)
}

func (i importFixture) newListExtract(head string, n int, name func(int) string) operator.Extract {
	i.Helper()
	x := i.newExtract("devices", "", "")
	x.Open = func() (io.ReadCloser, error) { return generateList(head, n, name), nil }
	return x
}

// measureImports imports a full list, a delta, and a full list in which every entry changes, while another program
// writes. For each import it returns the duration and the longest wait of the other program, and for all the peak heap
// in bytes.
func measureImports(t *testing.T, b storetest.Backend, devices int) (took, waited [3]time.Duration, peak uint64) {
	t.Helper()
	i, other := newImportFixture(t, b.Open(t)), b.Open(t)
	ended := fmt.Sprintf("delta 2 of 2026-11-15: %d read", min(changedByList, devices))
	for step, c := range []struct {
		extract operator.Extract
		want    string
	}{
		{i.newListExtract(fullHeader(1), devices, productName), fmt.Sprintf("%d read, %d new", devices, devices)},
		{i.newListExtract(deltaHeader(2), min(changedByList, devices), func(n int) string { return "Renamed " + productName(n) }), ended},
		{i.newListExtract(fullHeader(3), devices-1, func(n int) string { return "Again " + productName(n) }), fmt.Sprintf("%d changed, 0 unchanged, 1 ended", devices-1)},
	} {
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond) // the load of the other program
			defer pace.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				began := time.Now()
				err := other.RunWriteTx(context.WithoutCancel(ctx), func(w implants.Writer) error {
					return w.AppendEvent(platform.AuditEvent{OccurredAt: began, Correlation: fmt.Sprint(n), Operation: "Test", Outcome: platform.OutcomeAccepted})
				})
				if err != nil {
					t.Errorf("another program's write: %v", err)
				}
				waited[step] = max(waited[step], time.Since(began))
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
				select {
				case <-pace.C:
				case <-ctx.Done():
				}
			}
		})
		began := time.Now()
		report, err := i.Commit(t.Context(), c.extract)
		took[step] = time.Since(began)
		stop()
		group.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if got := reportText(t, report); !strings.Contains(got, c.want) {
			t.Errorf("%q is not in %q", c.want, got)
		}
	}
	return took, waited, peak
}

func TestAnotherProgramWritesMeanwhile(t *testing.T) {
	t.Parallel()
	forEachEngine(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		measureImports(t, b, 2000)
	})
}

// TestLargeList is the acceptance test with 200,000 devices. It runs with CTR_LOAD=1, on an otherwise idle machine.
func TestLargeList(t *testing.T) {
	if os.Getenv("CTR_LOAD") == "" {
		t.Skip("CTR_LOAD is not set")
	}
	for name, backend := range map[string]func(testing.TB) storetest.Backend{"SQLite": storetest.NewSQLiteBackend,
		"PostgreSQL": func(t testing.TB) storetest.Backend { t.Helper(); return storetest.NewPostgresBackends(t)(t) }} {
		t.Run(name, func(t *testing.T) {
			took, waited, peak := measureImports(t, backend(t), listedDevices)
			t.Logf("full %v, delta %v, full with all changed %v; a write of another program waited at most %v; heap at most %d MiB",
				took[0], took[1], took[2], waited, peak>>20)
			for step, limit := range []time.Duration{60 * time.Second, 2 * time.Second, 60 * time.Second} {
				if took[step] > limit {
					t.Errorf("step %d took %v, limit %v", step, took[step], limit)
				}
				if waited[step] > 10*time.Second {
					t.Errorf("step %d: a write waited %v", step, waited[step])
				}
			}
		})
	}
}
