package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// nextVersion returns the next version of a notification in a state, with the same lines.
func next(n register.Notification, state register.State, change register.Change, reason string) register.Notification {
	n.Version, n.State, n.Change, n.ChangeReason, n.InputReference = n.Version+1, state, change, reason, ""
	n.RegisteredAt = n.RegisteredAt.Add(time.Minute)
	n.Implants, n.Removals = slices.Clone(n.Implants), slices.Clone(n.Removals)
	complete(&n)
	return n
}

// newDraft returns a draft, which has no number yet.
func draft(t testing.TB, running uint64) register.Notification {
	t.Helper()
	n := implantation(t, running)
	n.State, n.Change, n.Number = register.Draft, register.ChangeSaved, ident.NotificationNumber{}
	complete(&n)
	return n
}

// testLife follows a notification from its first draft to its withdrawal. It is found by its reference in every state,
// is in force only while it is final, and its history grows.
func testLife(t *testing.T, b Backend) {
	db := b.Open(t)
	saved := draft(t, 1)
	submitted := next(saved, register.ToValidate, register.ChangeSubmitted, "")
	final := next(submitted, register.Final, register.ChangeNotified, "")
	final.Number, final.Author = number(t, 7), dubois
	complete(&final)
	revised := next(final, register.Final, register.ChangeRevised, "")
	revised.Implants = append(revised.Implants[1:], register.Implant{ID: "added",
		NotifiedImplant: register.NotifiedImplant{Code: mesh, Serial: "S-added", Quantity: 1}})
	complete(&revised)
	withdrawn := next(revised, register.Withdrawn, register.ChangeWithdrawn, "another patient")

	var history []register.VersionSummary
	for _, n := range []register.Notification{saved, submitted, final, revised, withdrawn} {
		keep(t, db, n)
		history = append(history, register.VersionSummary{Version: n.Version, RegisteredAt: n.RegisteredAt, Organisation: n.Organisation,
			Author: n.Author, State: n.State, Change: n.Change, ChangeReason: n.ChangeReason})
		at := fmt.Sprintf("version %d: ", n.Version)
		numbered, counts := !n.Number.IsZero(), n.State == register.Final
		read(t, db, func(r register.Reader) error {
			got, there, err := r.NotificationByReference(n.Reference)
			check(t, at+"by reference", got, n, there, true, err)
			versions, err := r.Versions(n.Reference)
			check(t, at+"versions", versions, history, true, true, err)
			got, there, err = r.NotificationByNumber(final.Number)
			check(t, at+"by number", got.Version, map[bool]int{true: n.Version}[numbered], there, numbered, err)
			found, total, err := r.SearchNotifications(register.NotificationQuery{Patient: leroy, Limit: 10})
			check(t, at+"search", total, map[bool]int{true: 1}[numbered], true, true, err)
			if numbered {
				equal(t, at+"found", found, []register.NotificationSummary{summary(n, false)})
			}
			all, err := r.NotificationsByPatient(leroy)
			check(t, at+"history", len(all), map[bool]int{true: 1}[counts], true, true, err)
			implants, err := r.ImplantsByPatient(leroy, ident.Date{})
			check(t, at+"implants", len(implants), map[bool]int{true: 2}[counts], true, true, err)
			line, there, err := r.Implant(n.Implants[0].ID)
			check(t, at+"implant", line, n.Implants[0], there, true, err)
			in, err := r.IsSerialImplanted("S-added", mesh, "")
			check(t, at+"serial", in, n.Version == revised.Version, true, true, err)
			dropped, there, err := r.Implant(saved.Implants[0].ID)
			check(t, at+"line that a revision dropped", dropped.InForce, n.Version == final.Version, there, true, err)
			return nil
		})
	}
	read(t, db, func(r register.Reader) error {
		_, there, err := r.NotificationByReference("unknown")
		check(t, "unknown reference", nil, nil, there, false, err)
		versions, err := r.Versions("unknown")
		check(t, "versions of an unknown reference", len(versions), 0, true, true, err)
		return nil
	})
}

// testWithdrawnExplantation checks that withdrawing an explantation restores the remaining quantities, and so does a
// revision that removes less.
func testWithdrawnExplantation(t *testing.T, b Backend) {
	db := b.Open(t)
	placed := implantation(t, 1)
	mesh := placed.Implants[1].ID
	removed := explantation(t, 2, "2026-11-21", register.Removal{ImplantID: mesh, Quantity: 3})
	less := next(removed, register.Final, register.ChangeRevised, "")
	less.Removals = []register.Removal{{ImplantID: mesh, Quantity: 1, Remaining: 2}}
	gone := next(less, register.Withdrawn, register.ChangeWithdrawn, "mistaken")
	keep(t, db, placed)
	for _, step := range []struct {
		n         register.Notification
		remaining int
		counting  int // removals
	}{{removed, 0, 1}, {less, 2, 1}, {gone, 3, 0}} {
		keep(t, db, step.n)
		at := fmt.Sprintf("version %d: ", step.n.Version)
		read(t, db, func(r register.Reader) error {
			implant, there, err := r.Implant(mesh)
			check(t, at+"implant", implant.Remaining, step.remaining, there, true, err)
			implants, err := r.ImplantsByPatient(leroy, ident.Date{})
			if len(implants) == 2 {
				equal(t, at+"implants", implants[1].Remaining, step.remaining)
			}
			check(t, at+"implants", len(implants), 2, true, true, err)
			removals, err := r.RemovalsByImplant(mesh)
			check(t, at+"removals", len(removals), step.counting, true, true, err)
			return nil
		})
	}
}

// testRemovalNotDecided checks that a draft of an explantation may have no quantities and removes nothing.
func testRemovalNotDecided(t *testing.T, b Backend) {
	db := b.Open(t)
	placed := implantation(t, 1)
	open := explantation(t, 2, "2026-11-21", register.Removal{ImplantID: placed.Implants[1].ID})
	open.State, open.Change, open.Number = register.ToValidate, register.ChangeSubmitted, ident.NotificationNumber{}
	keep(t, db, placed, open)
	read(t, db, func(r register.Reader) error {
		got, there, err := r.NotificationByReference(open.Reference)
		check(t, "draft", got, open, there, true, err)
		implant, there, err := r.Implant(placed.Implants[1].ID)
		check(t, "implant", implant, placed.Implants[1], there, true, err)
		return nil
	})
}

// testStablePages checks that paging through a result returns each notification once, whatever is revised, withdrawn or
// added meanwhile.
func testStablePages(t *testing.T, b Backend) {
	db := b.Open(t)
	const before = 9
	for i := range before {
		keep(t, db, implantation(t, uint64(i+1)))
	}
	var seen []string
	for offset := 0; offset < before; offset += 3 {
		read(t, db, func(r register.Reader) error {
			page, _, err := r.SearchNotifications(register.NotificationQuery{Patient: leroy, Offset: offset, Limit: 3})
			for _, s := range page {
				seen = append(seen, s.Reference)
			}
			return err
		})
		revised := next(implantation(t, 1), register.Final, register.ChangeRevised, "")
		revised.Version += offset / 3
		withdrawn := next(implantation(t, uint64(offset+2)), register.Withdrawn, register.ChangeWithdrawn, "mistaken")
		keep(t, db, revised, withdrawn, implantation(t, uint64(100+offset)))
	}
	var want []string
	for i := range before {
		want = append(want, implantation(t, uint64(i+1)).Reference)
	}
	equal(t, "pages", seen, want)
}

// testRegistrationOrder checks that the order is that of the numbers, also when the sequence numbers of a busy day get
// another digit, or when a draft is validated later than others.
func testRegistrationOrder(t *testing.T, b Backend) {
	db := b.Open(t)
	begun := draft(t, 99_999)
	keep(t, db, begun, implantation(t, 100_000), implantation(t, 99_998))
	final := next(begun, register.Final, register.ChangeNotified, "")
	final.Number = number(t, 99_999)
	keep(t, db, final)
	var want []ident.NotificationNumber
	for _, running := range []uint64{99_998, 99_999, 100_000} {
		want = append(want, number(t, running))
	}
	read(t, db, func(r register.Reader) error {
		page, _, err := r.SearchNotifications(register.NotificationQuery{Patient: leroy, Limit: 10})
		var found, inHistory []ident.NotificationNumber
		for _, s := range page {
			found = append(found, s.Number)
		}
		check(t, "search", found, want, true, true, err)
		all, err := r.NotificationsByPatient(leroy)
		for _, n := range all {
			inHistory = append(inHistory, n.Number)
		}
		check(t, "history", inHistory, want, true, true, err)
		return nil
	})
}

func testPending(t *testing.T, b Backend) {
	db := b.Open(t)
	mine, submitted, others, elsewhere := draft(t, 1), draft(t, 2), draft(t, 3), draft(t, 4)
	submitted.State = register.ToValidate
	others.Specialist, others.Author = register.ProfessionalRef{SSIN: dubois, NIHII: duboisNIHII}, peeters
	elsewhere.Specialist, elsewhere.Author, elsewhere.Organisation = others.Specialist, dubois, nihii("71012413")
	discarded, validated := draft(t, 5), draft(t, 6)
	keep(t, db, mine, submitted, others, elsewhere, discarded, validated, implantation(t, 7))
	mine = next(mine, register.Draft, register.ChangeSaved, "") // saved again, but still the first by its first version
	validated = next(validated, register.Final, register.ChangeNotified, "")
	validated.Number = number(t, 6)
	keep(t, db, mine, next(discarded, register.Withdrawn, register.ChangeDiscarded, ""), validated)
	all := []register.Notification{mine, submitted, others, elsewhere}

	tests := []struct {
		name  string
		q     register.PendingQuery
		want  []int
		total int
	}{
		{"nobody's", register.PendingQuery{Limit: 10}, nil, 0},
		{"of a specialist", register.PendingQuery{Specialist: claes, Limit: 10}, []int{0, 1}, 2},
		{"of specialists", register.PendingQuery{MandateGrantors: []ident.SSIN{claes, dubois}, Limit: 10}, []int{0, 1, 2, 3}, 4},
		{"of an author", register.PendingQuery{Author: peeters, Limit: 10}, []int{2}, 1},
		{"of an organisation", register.PendingQuery{Organisation: hospital, Limit: 10}, []int{0, 1, 2}, 3},
		{"of any", register.PendingQuery{Specialist: claes, Author: dubois, Organisation: hospital, Limit: 10}, []int{0, 1, 2, 3}, 4},
		{"of others", register.PendingQuery{Specialist: peeters, Author: leroy, Limit: 10}, nil, 0},
		{"drafts", register.PendingQuery{Specialist: claes, State: register.Draft, Limit: 10}, []int{0}, 1},
		{"to validate", register.PendingQuery{Specialist: claes, State: register.ToValidate, Limit: 10}, []int{1}, 1},
		{"first page", register.PendingQuery{Organisation: hospital, Limit: 2}, []int{0, 1}, 3},
		{"last page", register.PendingQuery{Organisation: hospital, Offset: 2, Limit: 2}, []int{2}, 3},
		{"beyond the last page", register.PendingQuery{Organisation: hospital, Offset: 3, Limit: 2}, nil, 3},
	}
	for _, test := range tests {
		var want []register.NotificationSummary
		for _, i := range test.want {
			want = append(want, summary(all[i], all[i].Specialist.SSIN == test.q.Specialist))
		}
		read(t, db, func(r register.Reader) error {
			got, total, err := r.ListPending(test.q)
			check(t, test.name, got, want, true, true, err)
			equal(t, test.name+", in all", total, test.total)
			return nil
		})
	}
}

// testVersionRace revises the same version concurrently without locking it: one transaction succeeds, and all others
// find a newer version.
func testVersionRace(t *testing.T, b Backend) {
	nodes := []*store.DB{b.Open(t), b.Open(t)}
	first := implantation(t, 1)
	keep(t, nodes[0], first)
	errLate := errors.New("no longer the current version")
	var kept, late atomic.Int32
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			err := nodes[i%2].RunWriteTx(t.Context(), func(w register.Writer) error {
				current, _, err := w.NotificationByReference(first.Reference)
				if err != nil {
					return err
				}
				if current.Version != first.Version {
					return errLate
				}
				return w.AppendVersion(next(first, register.Final, register.ChangeRevised, ""))
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
	equal(t, "kept and late", []int32{kept.Load(), late.Load()}, []int32{1, 15})
}
