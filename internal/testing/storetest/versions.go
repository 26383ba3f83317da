package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
)

// nextVersion returns the next version of a notification in a state, with the same lines.
func nextVersion(n implants.Notification, state implants.State, change implants.Change, reason string) implants.Notification {
	n.Version, n.State, n.Change, n.ChangeReason, n.InputReference = n.Version+1, state, change, reason, ""
	n.RegisteredAt = n.RegisteredAt.Add(time.Minute)
	n.Implants, n.Removals = slices.Clone(n.Implants), slices.Clone(n.Removals)
	completeImplants(&n)
	return n
}

// newDraft returns a draft, which has no number yet.
func newDraft(t testing.TB, running uint64) implants.Notification {
	t.Helper()
	n := newImplantation(t, running)
	n.State, n.Change, n.Number = implants.Draft, implants.ChangeSaved, ident.NotificationNumber{}
	completeImplants(&n)
	return n
}

// testLife follows a notification from its first draft to its withdrawal. It is found by its reference in every state,
// is in force only while it is final, and its history grows.
func testLife(t *testing.T, b Backend) {
	db := b.Open(t)
	saved := newDraft(t, 1)
	submitted := nextVersion(saved, implants.ToValidate, implants.ChangeSubmitted, "")
	final := nextVersion(submitted, implants.Final, implants.ChangeNotified, "")
	final.Number, final.Author = newNumber(t, 7), dubois
	completeImplants(&final)
	revised := nextVersion(final, implants.Final, implants.ChangeRevised, "")
	revised.Implants = append(revised.Implants[1:], implants.Implant{ID: "added",
		NotifiedImplant: implants.NotifiedImplant{Code: mesh, Serial: "S-added", Quantity: 1}})
	completeImplants(&revised)
	withdrawn := nextVersion(revised, implants.Withdrawn, implants.ChangeWithdrawn, "another patient")

	var history []implants.VersionSummary
	for _, n := range []implants.Notification{saved, submitted, final, revised, withdrawn} {
		keepAll(t, db, n)
		history = append(history, implants.VersionSummary{Version: n.Version, RegisteredAt: n.RegisteredAt, Organisation: n.Organisation,
			Author: n.Author, State: n.State, Change: n.Change, ChangeReason: n.ChangeReason})
		at := fmt.Sprintf("version %d: ", n.Version)
		numbered, counts := !n.Number.IsZero(), n.State == implants.Final
		readTx(t, db, func(r implants.Reader) error {
			got, there, err := r.NotificationByReference(n.Reference)
			checkFound(t, at+"by reference", got, n, there, err)
			versions, err := r.Versions(n.Reference)
			checkValue(t, at+"versions", versions, history, err)
			got, there, err = r.NotificationByNumber(final.Number)
			checkFound(t, at+"by number", got.Version, map[bool]int{true: n.Version}[numbered], there == numbered, err)
			found, total, err := r.SearchNotifications(implants.NotificationQuery{Patient: leroy, Limit: 10})
			checkValue(t, at+"search", total, map[bool]int{true: 1}[numbered], err)
			if numbered {
				checkEqual(t, at+"found", found, []implants.NotificationSummary{summaryOf(n)})
			}
			all, err := r.NotificationsByPatient(leroy, ident.SSIN{})
			checkValue(t, at+"history", len(all), map[bool]int{true: 1}[counts], err)
			implants, err := r.ImplantsByPatient(leroy, ident.SSIN{}, ident.Date{})
			checkValue(t, at+"implants", len(implants), map[bool]int{true: 2}[counts], err)
			line, there, err := r.Implant(n.Implants[0].ID)
			checkFound(t, at+"implant", line, n.Implants[0], there, err)
			in, err := r.IsSerialImplanted("S-added", mesh, "")
			checkValue(t, at+"serial", in, n.Version == revised.Version, err)
			dropped, there, err := r.Implant(saved.Implants[0].ID)
			checkFound(t, at+"line that a revision dropped", dropped.InForce, n.Version == final.Version, there, err)
			return nil
		})
	}
	readTx(t, db, func(r implants.Reader) error {
		_, there, err := r.NotificationByReference("unknown")
		checkNotFound(t, "unknown reference", nil, there, err)
		versions, err := r.Versions("unknown")
		checkValue(t, "versions of an unknown reference", len(versions), 0, err)
		return nil
	})
}

// testWithdrawnExplantation checks that withdrawing an explantation restores the remaining quantities, and so does a
// revision that removes less.
func testWithdrawnExplantation(t *testing.T, b Backend) {
	db := b.Open(t)
	placed := newImplantation(t, 1)
	mesh := placed.Implants[1].ID
	removed := newExplantation(t, 2, "2026-11-21", implants.Removal{ImplantID: mesh, Quantity: 3})
	less := nextVersion(removed, implants.Final, implants.ChangeRevised, "")
	less.Removals = []implants.Removal{{ImplantID: mesh, Quantity: 1, Remaining: 2}}
	gone := nextVersion(less, implants.Withdrawn, implants.ChangeWithdrawn, "mistaken")
	keepAll(t, db, placed)
	for _, step := range []struct {
		n         implants.Notification
		remaining int
		counting  int // removals
	}{{removed, 0, 1}, {less, 2, 1}, {gone, 3, 0}} {
		keepAll(t, db, step.n)
		at := fmt.Sprintf("version %d: ", step.n.Version)
		readTx(t, db, func(r implants.Reader) error {
			implant, there, err := r.Implant(mesh)
			checkFound(t, at+"implant", implant.Remaining, step.remaining, there, err)
			implants, err := r.ImplantsByPatient(leroy, ident.SSIN{}, ident.Date{})
			if len(implants) == 2 {
				checkEqual(t, at+"implants", implants[1].Remaining, step.remaining)
			}
			checkValue(t, at+"implants", len(implants), 2, err)
			removals, err := r.RemovalsByImplant(mesh)
			checkValue(t, at+"removals", len(removals), step.counting, err)
			return nil
		})
	}
}

// testRemovalNotDecided checks that a draft of an explantation may have no quantities and removes nothing.
func testRemovalNotDecided(t *testing.T, b Backend) {
	db := b.Open(t)
	placed := newImplantation(t, 1)
	open := newExplantation(t, 2, "2026-11-21", implants.Removal{ImplantID: placed.Implants[1].ID})
	open.State, open.Change, open.Number = implants.ToValidate, implants.ChangeSubmitted, ident.NotificationNumber{}
	keepAll(t, db, placed, open)
	readTx(t, db, func(r implants.Reader) error {
		got, there, err := r.NotificationByReference(open.Reference)
		checkFound(t, "draft", got, open, there, err)
		implant, there, err := r.Implant(placed.Implants[1].ID)
		checkFound(t, "implant", implant, placed.Implants[1], there, err)
		return nil
	})
}

// testStablePages checks that paging through a result returns each notification once, whatever is revised, withdrawn or
// added meanwhile.
func testStablePages(t *testing.T, b Backend) {
	db := b.Open(t)
	const before = 9
	for i := range before {
		keepAll(t, db, newImplantation(t, uint64(i+1)))
	}
	var seen []string
	for offset := 0; offset < before; offset += 3 {
		readTx(t, db, func(r implants.Reader) error {
			page, _, err := r.SearchNotifications(implants.NotificationQuery{Patient: leroy, Offset: offset, Limit: 3})
			for _, s := range page {
				seen = append(seen, s.Reference)
			}
			return err
		})
		revised := nextVersion(newImplantation(t, 1), implants.Final, implants.ChangeRevised, "")
		revised.Version += offset / 3
		withdrawn := nextVersion(newImplantation(t, uint64(offset+2)), implants.Withdrawn, implants.ChangeWithdrawn, "mistaken")
		keepAll(t, db, revised, withdrawn, newImplantation(t, uint64(100+offset)))
	}
	var want []string
	for i := range before {
		want = append(want, newImplantation(t, uint64(i+1)).Reference)
	}
	checkEqual(t, "pages", seen, want)
}

// testRegistrationOrder checks that the order is that of the numbers, also when the sequence numbers of a busy day get
// another digit, or when a draft is validated later than others.
func testRegistrationOrder(t *testing.T, b Backend) {
	db := b.Open(t)
	begun := newDraft(t, 99_999)
	keepAll(t, db, begun, newImplantation(t, 100_000), newImplantation(t, 99_998))
	final := nextVersion(begun, implants.Final, implants.ChangeNotified, "")
	final.Number = newNumber(t, 99_999)
	keepAll(t, db, final)
	var want []ident.NotificationNumber
	for _, running := range []uint64{99_998, 99_999, 100_000} {
		want = append(want, newNumber(t, running))
	}
	readTx(t, db, func(r implants.Reader) error {
		page, _, err := r.SearchNotifications(implants.NotificationQuery{Patient: leroy, Limit: 10})
		var found, inHistory []ident.NotificationNumber
		for _, s := range page {
			found = append(found, s.Number)
		}
		checkValue(t, "search", found, want, err)
		all, err := r.NotificationsByPatient(leroy, ident.SSIN{})
		for _, n := range all {
			inHistory = append(inHistory, n.Number)
		}
		checkValue(t, "history", inHistory, want, err)
		return nil
	})
}

func testPending(t *testing.T, b Backend) {
	db := b.Open(t)
	loadSources(t, db, implants.SourceEntries{Affiliations: []platform.Affiliation{
		{Organisation: hospital, SSIN: claes, Role: "Specialist", Period: newPeriod("2010-01-01", "")},
		{Organisation: hospital, SSIN: dubois, Role: "Specialist", Period: newPeriod("2012-03-01", "2023-12-31")},
		{Organisation: hospital, SSIN: dubois, Role: platform.RoleAdministrative, Period: newPeriod("2024-01-01", "")},
	}})
	mine, submitted, others, elsewhere := newDraft(t, 1), newDraft(t, 2), newDraft(t, 3), newDraft(t, 4)
	submitted.State = implants.ToValidate
	others.Specialist, others.Author = platform.ProfessionalRef{SSIN: dubois, NIHII: duboisNIHII}, peeters
	elsewhere.Specialist, elsewhere.Author, elsewhere.Organisation = others.Specialist, dubois, people.MustNIHII("71012413")
	discarded, validated := newDraft(t, 5), newDraft(t, 6)
	keepAll(t, db, mine, submitted, others, elsewhere, discarded, validated, newImplantation(t, 7))
	mine = nextVersion(mine, implants.Draft, implants.ChangeSaved, "") // saved again, but still the first by its first version
	validated = nextVersion(validated, implants.Final, implants.ChangeNotified, "")
	validated.Number = newNumber(t, 6)
	keepAll(t, db, mine, nextVersion(discarded, implants.Withdrawn, implants.ChangeDiscarded, ""), validated)
	all := []implants.Notification{mine, submitted, others, elsewhere}

	tests := []struct {
		name  string
		q     implants.PendingQuery
		want  []int
		total int
	}{
		{"nobody's", implants.PendingQuery{Limit: 10}, nil, 0},
		{"of a specialist", implants.PendingQuery{Specialists: []ident.SSIN{claes}, Limit: 10}, []int{0, 1}, 2},
		{"of specialists", implants.PendingQuery{Specialists: []ident.SSIN{claes, dubois}, Limit: 10}, []int{0, 1, 2, 3}, 4},
		{"of an organisation, whose Dubois had left", implants.PendingQuery{Organisation: hospital, Limit: 10}, []int{0, 1}, 2},
		{"of any", implants.PendingQuery{Specialists: []ident.SSIN{dubois}, Organisation: hospital, Limit: 10}, []int{0, 1, 2, 3}, 4},
		{"of one in an organisation", implants.PendingQuery{Organisation: hospital, OnlyBy: claes, Limit: 10}, []int{0, 1}, 2},
		{"of one who had left it", implants.PendingQuery{Organisation: hospital, OnlyBy: dubois, Limit: 10}, nil, 0},
		{"of others", implants.PendingQuery{Specialists: []ident.SSIN{peeters}, Limit: 10}, nil, 0},
		{"drafts", implants.PendingQuery{Specialists: []ident.SSIN{claes}, State: implants.Draft, Limit: 10}, []int{0}, 1},
		{"to validate", implants.PendingQuery{Specialists: []ident.SSIN{claes}, State: implants.ToValidate, Limit: 10}, []int{1}, 1},
		{"first page", implants.PendingQuery{Organisation: hospital, Limit: 1}, []int{0}, 2},
		{"last page", implants.PendingQuery{Organisation: hospital, Offset: 1, Limit: 1}, []int{1}, 2},
		{"beyond the last page", implants.PendingQuery{Organisation: hospital, Offset: 2, Limit: 1}, nil, 2},
	}
	for _, test := range tests {
		var want []implants.NotificationSummary
		for _, i := range test.want {
			want = append(want, summaryOf(all[i]))
		}
		readTx(t, db, func(r implants.Reader) error {
			got, total, err := r.ListPending(test.q)
			checkValue(t, test.name, got, want, err)
			checkEqual(t, test.name+", in all", total, test.total)
			return nil
		})
	}
}

// testVersionRace revises the same version concurrently without locking it: one transaction succeeds, and all others
// find a newer version.
func testVersionRace(t *testing.T, b Backend) {
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	first := newImplantation(t, 1)
	keepAll(t, nodes[0], first)
	errLate := errors.New("no longer the current version")
	var kept, late atomic.Int32
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			err := nodes[i%2].RunWriteTx(t.Context(), func(w implants.Writer) error {
				current, _, err := w.NotificationByReference(first.Reference)
				if err != nil {
					return err
				}
				if current.Version != first.Version {
					return errLate
				}
				return w.AppendVersion(nextVersion(first, implants.Final, implants.ChangeRevised, ""))
			})
			switch {
			case err == nil:
				kept.Add(1)
			case errors.Is(err, errLate):
				late.Add(1)
			default:
				t.Errorf("revision %d: %v", i, err)
			}
		})
	}
	group.Wait()
	checkEqual(t, "kept and late", []int32{kept.Load(), late.Load()}, []int32{1, 15})
}
