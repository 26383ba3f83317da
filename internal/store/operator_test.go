package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// newOperator returns an operator who signed in, with ids of their own.
func newOperator(db *store.DB, person ident.SSIN) operator.Operator {
	ids := 0
	return operator.Operator{
		Store: db, Name: "portal", Person: person, Now: func() time.Time { return readAt },
		NewID: func() string { ids++; return "event-" + person.Digits()[:6] + string(rune('a'+ids)) },
	}
}

func TestOperatorsWork(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testOperatorsWork(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { testOperatorsWork(t, storetest.NewPostgresBackends(t)(t)) })
}

func testOperatorsWork(t *testing.T, b storetest.Backend) {
	t.Helper()
	db := b.Open(t)
	if err := db.LoadSources(t.Context(), implants.SourceEntries{
		Persons: []platform.Person{{SSIN: people.Claes, FirstName: "Anna", LastName: "Claes"}},
	}); err != nil {
		t.Fatal(err)
	}
	t.Run("recalls", func(t *testing.T) { testKeptRecalls(t, b, db) })
	t.Run("reviews", func(t *testing.T) { testReviews(t, db) })
}

func testKeptRecalls(t *testing.T, b storetest.Backend, db *store.DB) {
	t.Helper()
	ctx, by := t.Context(), newOperator(db, people.Claes)
	lot := implants.RecallQuery{Lots: implants.Range{From: "L1", To: "L2"}}
	if err := by.StartRecall(ctx, db, "recall-1", implants.RecallQuery{}, ""); err == nil {
		t.Error("a recall of nothing is started")
	}
	for range 2 { // the form was sent twice
		if err := by.StartRecall(ctx, db, "recall-1", lot, "lot-from=L1&lot-to=L2"); err != nil {
			t.Fatal(err)
		}
	}
	first, second := people.MustNIHII("17800389480"), people.MustNIHII("16900269730")
	set := func(recall string, specialist ident.NIHII, state platform.NoticeState) error {
		return by.SetNotice(ctx, db, recall, specialist, state)
	}
	if err := errors.Join(set("recall-1", first, platform.NoticeInformed), set("recall-1", first, platform.NoticeAnswered),
		set("recall-1", second, platform.NoticeInformed)); err != nil {
		t.Fatal(err)
	}
	if err := set("absent", first, platform.NoticeInformed); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("a notice of an absent recall: %v", err)
	}
	other := b.Open(t) // another node
	r, notices, isKnown, err := other.RecallByID(ctx, "recall-1")
	if err != nil || !isKnown || r.Criteria != "lot-from=L1&lot-to=L2" || r.Name != "Anna Claes" || r.Person != people.Claes ||
		!r.StartedAt.Equal(readAt) || r.Informed != 1 || r.Answered != 1 || len(notices) != 2 {
		t.Errorf("%+v, %+v, %t, %v", r, notices, isKnown, err)
	}
	if _, _, isKnown, err = other.RecallByID(ctx, "absent"); isKnown || err != nil {
		t.Errorf("an absent recall: %t, %v", isKnown, err)
	}
	if all, total, listErr := other.Recalls(ctx, platform.Page{Limit: 10}); listErr != nil || total != 1 || len(all) != 1 || all[0].ID != "recall-1" {
		t.Errorf("%+v of %d, %v", all, total, listErr)
	}
	events, _, err := db.ReadEvents(ctx, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, e := range events {
		if e.Operation != operator.ActionRecall || e.Person != people.Claes || e.Signer != "operator=portal" {
			t.Errorf("recorded %+v", e)
		}
		reasons = append(reasons, e.Reason)
	}
	want := []string{
		"start, trace, lot L1 to L2", "recall recall-1, specialist 17800389480 informed",
		"recall recall-1, specialist 17800389480 answered", "recall recall-1, specialist 16900269730 informed",
	}
	if len(reasons) != len(want) {
		t.Fatalf("recorded %q", reasons)
	}
	for i := range want {
		if reasons[i] != want[i] {
			t.Errorf("recorded %q, not %q", reasons[i], want[i])
		}
	}
}

func testReviews(t *testing.T, db *store.DB) {
	t.Helper()
	ctx, by := t.Context(), newOperator(db, people.Leroy)
	writeEvent := func(correlation string) {
		t.Helper()
		if err := db.RunWriteTx(ctx, func(w implants.Writer) error {
			return w.AppendEvent(platform.AuditEvent{
				OccurredAt: readAt, Correlation: correlation, Operation: "Search", Outcome: platform.OutcomeAccepted,
				EmergencyReason: "unconscious after an accident", Person: people.Claes, Patient: people.Leroy,
			})
		}); err != nil {
			t.Fatal(err)
		}
	}
	writeEvent("read-1")
	seq, err := db.LastEvent(ctx)
	if err != nil {
		t.Fatal(err)
	}
	writeEvent("read-2")
	for _, remark := range []string{"", "asked the doctor; it is in order"} {
		if err = by.MarkReviewed(ctx, db, seq, remark); err != nil {
			t.Fatal(err)
		}
	}
	if err = by.MarkReviewed(ctx, db, 999_999, "absent"); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("the review of an absent event: %v", err)
	}
	reviews, err := db.Reviews(ctx, []int64{seq, seq + 1})
	if err != nil || len(reviews) != 1 || reviews[0].Seq != seq || reviews[0].Remark != "asked the doctor; it is in order" ||
		!reviews[0].ReviewedAt.Equal(readAt) {
		t.Errorf("%+v, %v", reviews, err)
	}
	// The mark itself is no emergency.
	emergencies, err := db.Audit(ctx, platform.AuditQuery{OnlyEmergencies: true, Limit: 10})
	if err != nil || len(emergencies) != 2 {
		t.Errorf("%d emergencies, %v", len(emergencies), err)
	}
}

// TestRecallAtMost: a recall with more lines than its reader takes is refused, whole.
func TestRecallAtMost(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testRecallAtMost(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { testRecallAtMost(t, storetest.NewPostgresBackends(t)(t)) })
}

func testRecallAtMost(t *testing.T, b storetest.Backend) {
	t.Helper()
	db := b.Open(t)
	for i := range 3 {
		number, err := ident.NewNotificationNumber(people.MustDate("2026-11-21"), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		n := implants.Notification{
			Reference: "reference-" + number.Digits(), Version: 1, State: implants.Final, Type: implants.TypeImplantation, Number: number,
			Specialist: platform.ProfessionalRef{SSIN: people.Claes, NIHII: people.MustNIHII("17800389480")}, SurgeryDate: recentSurgery,
			Patient: people.Leroy, Author: people.Claes, RegisteredAt: readAt,
			Implants: []implants.Implant{{ID: "implant-" + number.Digits(), NotifiedImplant: implants.NotifiedImplant{
				Code: people.MustCode("000071200176"), Lot: "L1", Quantity: 1,
			}}},
		}
		if err = db.RunWriteTx(t.Context(), func(w implants.Writer) error { return w.AppendVersion(n) }); err != nil {
			t.Fatal(err)
		}
	}
	q := implants.RecallQuery{Lots: implants.Range{From: "L1", To: "L1"}}
	if found, err := db.RecallAtMost(t.Context(), q, 2); !errors.Is(err, platform.ErrTooLarge) || found != nil {
		t.Errorf("3 lines, at most 2: %+v, %v", found, err)
	}
	if found, err := db.RecallAtMost(t.Context(), q, 3); err != nil || len(found.Lines) != 3 {
		t.Errorf("3 lines, at most 3: %+v, %v", found, err)
	}
}

// TestMigrationOutOfOrder: a database that a program without migration 9 brought to a higher version gets it.
func TestMigrationOutOfOrder(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testMigrationOutOfOrder(t, storetest.NewSQLiteBackend(t)) })
	t.Run("postgres", func(t *testing.T) { testMigrationOutOfOrder(t, storetest.NewPostgresBackends(t)(t)) })
}

func testMigrationOutOfOrder(t *testing.T, b storetest.Backend) {
	t.Helper()
	db, err := store.Open(t.Context(), b.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err = db.Close(); err != nil {
		t.Fatal(err)
	}
	execRaw(t, b.OpenRaw(t), `DROP TABLE recall_notice`, `DROP TABLE recall`, `DROP TABLE audit_review`,
		`DELETE FROM goose_db_version WHERE version_id = 9`)
	if _, total, err := b.Open(t).Recalls(t.Context(), platform.Page{Limit: 1}); err != nil || total != 0 {
		t.Errorf("%d recalls, %v", total, err)
	}
}
