package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// ownSurgeryFixture stores versions of notifications, and reads that only the reader's own surgery opened.
type ownSurgeryFixture struct {
	t       *testing.T
	db      *store.DB
	reads   int
	numbers map[string]ident.NotificationNumber
	version map[string]int
}

var (
	readAt                     = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	recentSurgery, oldSurgery  = people.MustDate("2026-11-20"), people.MustDate("2025-08-01")
	ownSurgeon, anotherSurgeon = testSSIN(1), testSSIN(2)
)

// put stores a version that was registered some minutes before the read; negative means after it.
func (f *ownSurgeryFixture) put(reference string, minutesBefore int, state implants.State, surgery ident.Date, specialist, patient ident.SSIN) {
	f.t.Helper()
	f.version[reference]++
	if _, given := f.numbers[reference]; !given && state == implants.Final {
		number, err := ident.NewNotificationNumber(people.MustDate("2026-11-21"), uint64(len(f.numbers)+1))
		if err != nil {
			f.t.Fatal(err)
		}
		f.numbers[reference] = number
	}
	at := readAt.Add(-time.Duration(minutesBefore) * time.Minute)
	err := f.db.RunWriteTx(f.t.Context(), func(w implants.Writer) error {
		return w.AppendVersion(implants.Notification{Reference: reference, Version: f.version[reference], State: state,
			Number: f.numbers[reference], Type: implants.TypeImplantation, Specialist: platform.ProfessionalRef{SSIN: specialist},
			SurgeryDate: surgery, Patient: patient, RegisteredAt: at, Signer: "SSIN=" + specialist.Digits(), Author: specialist})
	})
	if err != nil {
		f.t.Fatalf("%s: %v", reference, err)
	}
}

// read records a read that only the reader's own surgery opened.
func (f *ownSurgeryFixture) read(reader, patient ident.SSIN, at time.Time) {
	f.t.Helper()
	f.reads++
	err := f.db.RunWriteTx(f.t.Context(), func(w implants.Writer) error {
		return w.AppendEvent(platform.AuditEvent{OccurredAt: at, Correlation: fmt.Sprint("read ", f.reads), Operation: "Search",
			Outcome: platform.OutcomeAccepted, Reason: platform.ReasonOwnSurgery, Signer: "SSIN=" + reader.Digits(), Person: reader, Patient: patient})
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// reviews returns the reviews of all reads, as "time withdrawn/moved patients".
func (f *ownSurgeryFixture) reviews() (texts []string) {
	f.t.Helper()
	reads, err := f.db.Audit(f.t.Context(), platform.AuditQuery{OnlyOwnSurgery: true, Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	care := func(surgery ident.Date) platform.Period {
		return platform.Period{From: surgery, To: surgery.AddMonths(15)}
	}
	reviews, err := f.db.ReviewOwnSurgeries(f.t.Context(), reads, care)
	if err != nil || len(reviews) != f.reads {
		f.t.Fatalf("%d reviews of %d reads, %v", len(reviews), f.reads, err)
	}
	for i, r := range reviews {
		since := "none"
		if !r.OpenSince.IsZero() {
			since = reads[i].Event.OccurredAt.Sub(r.OpenSince).String()
		}
		texts = append(texts, fmt.Sprint(since, " ", r.IsWithdrawnLater, "/", r.IsMovedLater, " ", r.PatientsThatDay))
	}
	return texts
}

// TestFindingH1OwnOperationReview: a read that only the reader's own surgery opened is listed with the age of the
// notification, what became of it, and the number of patients of that day.
func TestFindingH1OwnOperationReview(t *testing.T) {
	t.Parallel()
	patient, other := testSSIN(1000), testSSIN(1001)
	const final, withdrawn, draft = implants.Final, implants.Withdrawn, implants.Draft
	cases := map[string]struct {
		set  func(*ownSurgeryFixture)
		want string
	}{
		"registered ten minutes before": {func(f *ownSurgeryFixture) {
			f.put("a", 10, final, recentSurgery, ownSurgeon, patient)
		}, "10m0s false/false 1"},
		"withdrawn later": {func(f *ownSurgeryFixture) {
			f.put("a", 10, final, recentSurgery, ownSurgeon, patient)
			f.put("a", -5, withdrawn, recentSurgery, ownSurgeon, patient)
		}, "10m0s true/false 1"},
		"moved later": {func(f *ownSurgeryFixture) {
			f.put("a", 3, final, recentSurgery, ownSurgeon, patient)
			f.put("a", -5, final, recentSurgery, ownSurgeon, other)
		}, "3m0s false/true 1"},
		"moved, then withdrawn": {func(f *ownSurgeryFixture) {
			f.put("a", 3, final, recentSurgery, ownSurgeon, patient)
			f.put("a", -5, final, recentSurgery, ownSurgeon, other)
			f.put("a", -6, withdrawn, recentSurgery, ownSurgeon, other)
		}, "3m0s true/true 1"},
		"revised before and after": {func(f *ownSurgeryFixture) {
			f.put("a", 600, draft, recentSurgery, ownSurgeon, patient)
			f.put("a", 500, final, recentSurgery, ownSurgeon, patient)
			f.put("a", 1, final, recentSurgery, ownSurgeon, patient)
			f.put("a", -9, final, recentSurgery, ownSurgeon, patient)
		}, "8h20m0s false/false 1"},
		"of another patient in between": {func(f *ownSurgeryFixture) {
			f.put("a", 500, final, recentSurgery, ownSurgeon, patient)
			f.put("a", 400, final, recentSurgery, ownSurgeon, other)
			f.put("a", 2, final, recentSurgery, ownSurgeon, patient)
		}, "2m0s false/false 1"},
		"an older one too": {func(f *ownSurgeryFixture) {
			f.put("a", 2, final, recentSurgery, ownSurgeon, patient)
			f.put("b", 7000, final, recentSurgery, ownSurgeon, patient)
		}, "116h40m0s false/false 1"},
		"an older one, of more than fifteen months ago": {func(f *ownSurgeryFixture) {
			f.put("a", 2, final, recentSurgery, ownSurgeon, patient)
			f.put("b", 7000, final, oldSurgery, ownSurgeon, patient)
		}, "2m0s false/false 1"},
		"dated forward": {func(f *ownSurgeryFixture) {
			f.put("a", 7000, final, oldSurgery, ownSurgeon, patient)
			f.put("a", 4, final, recentSurgery, ownSurgeon, patient)
		}, "4m0s false/false 1"},
		"of others": {func(f *ownSurgeryFixture) {
			f.put("a", 9000, final, recentSurgery, anotherSurgeon, patient)
			f.put("b", 9000, final, recentSurgery, ownSurgeon, other)
			f.put("c", 9000, draft, recentSurgery, ownSurgeon, patient)
			f.put("d", 8, final, recentSurgery, ownSurgeon, patient)
		}, "8m0s false/false 1"},
		"withdrawn before": {func(f *ownSurgeryFixture) {
			f.put("a", 10, final, recentSurgery, ownSurgeon, patient)
			f.put("a", 5, withdrawn, recentSurgery, ownSurgeon, patient)
		}, "none false/false 1"},
	}
	run := func(t *testing.T, backend func(testing.TB) storetest.Backend) {
		t.Helper()
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := newOwnSurgeryFixture(t, backend(t))
				c.set(f)
				f.read(ownSurgeon, patient, readAt)
				if got := f.reviews(); got[0] != c.want {
					t.Errorf("got %q, want %q", got[0], c.want)
				}
			})
		}
		t.Run("patients of a day", func(t *testing.T) {
			t.Parallel()
			testPatientsOfADay(t, newOwnSurgeryFixture(t, backend(t)))
		})
	}
	t.Run("sqlite", func(t *testing.T) { run(t, storetest.NewSQLiteBackend) })
	t.Run("postgres", func(t *testing.T) { run(t, storetest.NewPostgresBackends(t)) })
}

func newOwnSurgeryFixture(t *testing.T, b storetest.Backend) *ownSurgeryFixture {
	t.Helper()
	return &ownSurgeryFixture{t: t, db: b.Open(t), numbers: map[string]ident.NotificationNumber{}, version: map[string]int{}}
}

// testPatientsOfADay: a patient counts once a day in Belgian time, under all their numbers.
func testPatientsOfADay(t *testing.T, f *ownSurgeryFixture) {
	t.Helper()
	patient, newer, second := testSSIN(1000), testSSIN(1500), testSSIN(1001)
	f.put("a", 10, implants.Final, recentSurgery, ownSurgeon, patient)
	f.read(ownSurgeon, patient, readAt)
	f.read(ownSurgeon, patient, readAt.Add(time.Minute))
	f.read(ownSurgeon, second, readAt.Add(2*time.Minute))
	f.read(anotherSurgeon, patient, readAt.Add(3*time.Minute))
	f.read(ownSurgeon, second, time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)) // the next day in Belgium
	if err := f.db.ReplaceSSIN(t.Context(), patient, newer); err != nil {
		t.Fatal(err)
	}
	f.read(ownSurgeon, newer, time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	want := []string{"10m0s false/false 2", "11m0s false/false 2", "none false/false 2", "none false/false 1",
		"none false/false 2", "23h10m0s false/false 2"}
	for i, got := range f.reviews() {
		if got != want[i] {
			t.Errorf("read %d: got %q, want %q", i+1, got, want[i])
		}
	}
}
