package verification_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/verification"
)

// What was registered since a time is verified like everything, and what was registered before is left out: a changed
// row is found if its version is among them, and nothing at the border is a finding.
func TestVerifySince(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, b storetest.Backend) {
		t.Helper()
		r := fillRegister(t, b)
		verify := func(since time.Time) (*verification.Report, []string) {
			t.Helper()
			db, err := store.Open(t.Context(), r.config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			report, err := verification.Verify(t.Context(), db, verification.Options{Now: time.Now, Since: since, Workers: 3})
			if err != nil {
				t.Fatal(err)
			}
			var findings []string
			for _, f := range report.Findings {
				findings = append(findings, f.String())
			}
			return report, findings
		}
		all, findings := verify(time.Time{})
		if len(findings) > 0 || all.Versions == 0 {
			t.Fatalf("%+v, %q", all, findings)
		}
		// The versions are moved apart: only the time in the call matters then, and each is a border.
		var times []time.Time
		for _, one := range r.rows(t, "evidence") {
			times = append(times, parseTime(t, one["accepted"]))
		}
		for _, at := range times {
			if _, findings = verify(at); len(findings) > 0 {
				t.Errorf("since %s: %q", at, findings)
			}
		}
		rows := r.rows(t, "warning")
		changed := rows[0].with("facts", changeByte(rows[0]["facts"]))
		r.update(t, "warning", rows[0], changed)
		if _, findings = verify(times[0].Add(-time.Hour)); !slices.ContainsFunc(findings, func(f string) bool {
			return strings.Contains(f, "commits to other rows of this version")
		}) {
			t.Errorf("a change since then: %q", findings)
		}
		if report, findings := verify(time.Now().Add(time.Hour)); len(findings) > 0 || report.Versions > 1 || report.Rights == 0 {
			t.Errorf("a change before: %q, %+v", findings, report)
		}
	})
}

func parseTime(t *testing.T, value any) time.Time {
	t.Helper()
	switch v := value.(type) {
	case time.Time:
		return v
	case string:
		at, err := time.Parse("2006-01-02T15:04:05.000000Z", v)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	t.Fatalf("%T is no time", value)
	return time.Time{}
}
