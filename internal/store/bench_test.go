package store_test

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/costtest"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

func forEachEngine(b *testing.B, run func(*testing.B, storetest.Backend)) {
	b.Run("sqlite", func(b *testing.B) { run(b, storetest.NewSQLiteBackend(b)) })
	b.Run("postgres", func(b *testing.B) { run(b, storetest.NewPostgresBackends(b)(b)) })
}

// specialists is the number of specialists of the test notifications.
const specialists = 20

// testSSIN returns the n-th of many invented, valid SSINs.
func testSSIN(n int64) ident.SSIN {
	base := (48+n/(28*12*900)%50)*10_000_000 + (1+n/(28*900)%12)*100_000 + (1+n/900%28)*1000 + 1 + n%900
	return people.Must(ident.ParseSSIN, fmt.Sprintf("%09d%02d", base, 97-base%97))
}

func testNumber(day ident.Date) ident.NotificationNumber {
	number, err := ident.NewNotificationNumber(day, 77)
	if err != nil {
		panic(err)
	}
	return number
}

// storeNotification makes the store calls of one signed notification.
func storeNotification(b testing.TB, db *store.DB, n int64) error {
	b.Helper()
	digest := sha256.Sum256(fmt.Append(nil, "message", n))
	day := people.MustDate("2026-11-21")
	specialist, patient := testSSIN(n%specialists), testSSIN(1000+n/3)
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	reference := fmt.Sprintf("6f9619ff-8b86-d011-b42d-%012d", n)
	return db.RunWriteTx(b.Context(), func(w implants.Writer) error {
		if _, err := w.RecordReplayKey(platform.ReplayKey{Hash: digest, ExpiresAt: now}); err != nil {
			return err
		}
		if err := w.Lock("patient "+patient.Digits()+reference, "input "+reference); err != nil {
			return err
		}
		if _, _, err := w.NotificationByInputReference("NIHII-HOSPITAL=71000436", reference); err != nil {
			return err
		}
		serial := fmt.Sprint("S-", n)
		code := people.Knee
		if _, err := w.IsSerialImplanted(serial, code, "05410000001047"); err != nil {
			return err
		}
		running, err := w.NextSequenceNumber(day)
		if err != nil {
			return err
		}
		number, err := ident.NewNotificationNumber(day, running)
		if err != nil {
			return err
		}
		kept := implants.Notification{Reference: reference, Version: 1, State: implants.Final, Number: number,
			Type: implants.TypeImplantation, Specialist: platform.ProfessionalRef{SSIN: specialist}, SurgeryDate: day,
			Patient: patient, Prescriber: platform.ProfessionalRef{SSIN: specialist}, PrescriptionDate: day, RegisteredAt: now,
			Digest: digest, Signer: "NIHII-HOSPITAL=71000436", Author: specialist, InputReference: reference, ContentDigest: digest,
			Implants: []implants.Implant{{ID: reference + "i", UDIDI: "05410000001047", NotifiedImplant: implants.NotifiedImplant{
				Code: code, UDI: "(01)05410000001047(17)291231(10)L2201(21)" + serial, Lot: "L2201", Serial: serial, Quantity: 1}}}}
		if err := w.AppendVersion(kept); err != nil {
			return err
		}
		return w.AppendEvent(platform.AuditEvent{OccurredAt: now, Correlation: reference, Operation: "NotifyImplant", Outcome: platform.OutcomeAccepted,
			Reason: "own operation", Person: specialist, Patient: patient, Number: number})
	})
}

// benchmarkConcurrently runs b.N operations on several goroutines and reports the CPU time per operation, without that
// of a PostgreSQL server.
func benchmarkConcurrently(b *testing.B, goroutines int, operation func(n int64) error) {
	before := costtest.CPUTime(b)
	b.ResetTimer()
	runConcurrently(b, goroutines, int64(b.N), operation)
	b.StopTimer()
	costtest.ReportCPUTime(b, before)
}

// runConcurrently runs a number of operations on several goroutines.
func runConcurrently(b *testing.B, goroutines int, operations int64, operation func(n int64) error) {
	b.Helper()
	var next atomic.Int64
	done := make(chan error, goroutines)
	for range goroutines {
		go func() {
			for {
				n := next.Add(1)
				if n > operations {
					done <- nil
					return
				}
				if err := operation(n); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range goroutines {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

func BenchmarkWriteNotification(b *testing.B) {
	forEachEngine(b, func(b *testing.B, backend storetest.Backend) {
		db := backend.Open(b)
		var base int64
		for _, goroutines := range []int{1, 64} {
			b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
				start := base
				benchmarkConcurrently(b, goroutines, func(n int64) error { return storeNotification(b, db, start+n) })
				base += int64(b.N)
			})
		}
	})
}

// BenchmarkFloor measures the minimum cost of a notification: see storetest.NewInsertFloor.
func BenchmarkFloor(b *testing.B) {
	insert := storetest.NewInsertFloor(b)
	before := costtest.CPUTime(b)
	b.ResetTimer()
	for n := range b.N {
		if err := insert(n); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	costtest.ReportCPUTime(b, before)
}

func BenchmarkSearch(b *testing.B) {
	const notifications = 10_000
	forEachEngine(b, func(b *testing.B, backend storetest.Backend) {
		db := backend.Open(b)
		runConcurrently(b, 64, notifications, func(n int64) error { return storeNotification(b, db, n) })
		specialist, patient := testSSIN(77%specialists), testSSIN(1000+77/3)
		day := people.MustDate("2026-11-21")
		for _, search := range []struct {
			name string
			q    implants.NotificationQuery
		}{
			{"patient", implants.NotificationQuery{Patient: patient}},
			{"number", implants.NotificationQuery{Number: testNumber(day)}},
			{"serial", implants.NotificationQuery{Serial: "S-77", TreatedBy: specialist, TreatedOn: day}},
			{"code", implants.NotificationQuery{Code: people.Knee, TreatedBy: specialist, TreatedOn: day}},
		} {
			search.q.Limit = 20
			b.Run(search.name, func(b *testing.B) {
				for b.Loop() {
					err := db.RunReadTx(b.Context(), func(r implants.Reader) error {
						_, _, err := r.SearchNotifications(search.q)
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// BenchmarkSearchDevice searches for words in a device list with 200,000 entries.
func BenchmarkSearchDevice(b *testing.B) {
	const devices = 200_000
	forEachEngine(b, func(b *testing.B, backend storetest.Backend) {
		db := backend.Open(b)
		load := implants.SourceEntries{Devices: make([]implants.Device, devices)}
		for i := range load.Devices {
			base := int64(i + 1000)
			load.Devices[i] = implants.Device{Code: people.MustCode(fmt.Sprintf("%010d%02d", base, 97-base%97)),
				Name: fmt.Sprintf("Invented total knee prosthesis, size %d", i%40), Reference: fmt.Sprintf("TKP-%07d/%d", i, i%7),
				Manufacturer: fmt.Sprintf("Maker of Joints %d", i%400), Distributor: fmt.Sprintf("Distribution %d", i%90),
				Classification: "III", Category: "Knee", UDIDIs: []string{fmt.Sprintf("0541%010d", i)},
				Status: implants.DeviceActive, ValidFrom: people.MustDate("2014-05-01")}
		}
		if err := db.LoadSources(b.Context(), load); err != nil {
			b.Fatal(err)
		}
		for name, text := range map[string]string{"many": "knee joints", "one": "TKP-0123456", "none": "hip"} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					err := db.RunReadTx(b.Context(), func(r implants.Reader) error {
						_, _, err := r.SearchDevices(implants.DeviceQuery{Text: text, Limit: 20})
						return err
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
