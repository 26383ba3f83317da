package storetest

import (
	"errors"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
)

// testKeepMandate adds and updates a mandate. Another node with a filled cache sees both changes at once, and a failed
// transaction leaves nothing.
func testKeepMandate(t *testing.T, b Backend) {
	one, other := b.Open(t), b.Open(t)
	sees := func(when string, want ...platform.Mandate) {
		t.Helper()
		for _, db := range []*store.DB{one, other, one} {
			readTx(t, db, func(r implants.Reader) error {
				to, err := r.MandatesByGrantee(vanDam)
				checkValue(t, when+", to", to, want, err)
				from, err := r.MandatesByGrantor(claes)
				checkValue(t, when+", from", from, want, err)
				return nil
			})
		}
	}
	sees("at first")
	m := platform.Mandate{Grantor: claes, Grantee: vanDam, Service: platform.MandateService, Period: newPeriod("2026-11-21", "")}
	writeTx(t, one, func(w implants.Writer) error { return w.SaveMandate(m) })
	sees("granted", m)
	m.AcceptedOn = people.MustDate("2026-11-22")
	writeTx(t, other, func(w implants.Writer) error { return w.SaveMandate(m) })
	sees("accepted", m)
	m.To = people.MustDate("2026-11-30")
	writeTx(t, one, func(w implants.Writer) error {
		if err := w.SaveMandate(m); err != nil {
			return err
		}
		within, err := w.MandatesByGrantor(claes)
		checkValue(t, "within", within, []platform.Mandate{m}, err)
		return nil
	})
	sees("ended", m)
	failed := errors.New("undone")
	undone := m
	undone.To = ident.Date{}
	if err := one.RunWriteTx(t.Context(), func(w implants.Writer) error {
		if err := w.SaveMandate(undone); err != nil {
			return err
		}
		return failed
	}); !errors.Is(err, failed) {
		t.Error(err)
	}
	sees("undone", m)
	next := m
	next.AcceptedOn, next.Period = ident.Date{}, newPeriod("2026-12-01", "")
	writeTx(t, other, func(w implants.Writer) error { return w.SaveMandate(next) })
	sees("the next", m, next)
}

// testKeepAffiliation adds and ends a role. All nodes see it, and only new roles change the pages of the list.
func testKeepAffiliation(t *testing.T, b Backend) {
	one, other := b.Open(t), b.Open(t)
	loadSources(t, one, implants.SourceEntries{Affiliations: []platform.Affiliation{
		{Organisation: hospital, SSIN: claes, Role: "Specialist", Period: newPeriod("2010-01-01", "")},
		{Organisation: pharmacy, SSIN: vanDam, Role: platform.RoleAdministrative, Period: newPeriod("2010-01-01", "")},
	}})
	sees := func(when string, want ...platform.Affiliation) {
		t.Helper()
		for _, db := range []*store.DB{one, other, one} {
			readTx(t, db, func(r implants.Reader) error {
				got, err := r.Affiliations(hospital, vanDam)
				checkValue(t, when, got, want, err)
				_, total, err := r.ListStaff(hospital, 0, 10)
				checkValue(t, when+", listed", total, 1+len(want), err)
				return nil
			})
		}
	}
	sees("at first")
	a := platform.Affiliation{Organisation: hospital, SSIN: vanDam, Role: platform.RoleManager, Period: newPeriod("2026-11-21", "")}
	writeTx(t, one, func(w implants.Writer) error { return w.SaveAffiliation(a) })
	sees("named", a)
	a.To = people.MustDate("2026-11-20")
	writeTx(t, other, func(w implants.Writer) error { return w.SaveAffiliation(a) })
	sees("dismissed", a)
	clerk := a
	clerk.Role, clerk.Period = platform.RoleAdministrative, newPeriod("2026-11-22", "")
	writeTx(t, other, func(w implants.Writer) error { return w.SaveAffiliation(clerk) })
	sees("named a clerk", a, clerk)

	readTx(t, one, func(r implants.Reader) error {
		all, _, err := r.ListStaff(hospital, 0, 10)
		checkValue(t, "all", len(all), 3, err)
		for i := range all {
			some, total, failed := r.ListStaff(hospital, i, 1)
			checkFound(t, "a page", some, all[i:i+1], total == 3, failed)
		}
		none, total, err := r.ListStaff(hospital, 3, 1)
		checkFound(t, "beyond the end", len(none), 0, total == 3, err)
		none, total, err = r.ListStaff(people.MustNIHII("71012413"), 0, 10)
		checkFound(t, "nobody's", len(none), 0, total == 0, err)
		return nil
	})
}
