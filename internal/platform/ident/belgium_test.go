package ident_test

import (
	"testing"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

func TestBelgianTimeHasSummerTime(t *testing.T) {
	t.Parallel()
	for instant, want := range map[time.Time]string{
		time.Date(2026, 1, 31, 22, 59, 0, 0, time.UTC): "2026-01-31",
		time.Date(2026, 1, 31, 23, 0, 0, 0, time.UTC):  "2026-02-01",
		time.Date(2026, 7, 31, 21, 59, 0, 0, time.UTC): "2026-07-31",
		time.Date(2026, 7, 31, 22, 0, 0, 0, time.UTC):  "2026-08-01",
	} {
		if got := ident.DateOf(instant.In(ident.BelgianTime())); got.String() != want {
			t.Errorf("%s is in %s, not %s", instant, got, want)
		}
	}
}
