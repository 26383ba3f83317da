package implants_test

import (
	"testing"

	"github.com/openctr/ctr/internal/implants"
)

// TestDayOfRecall: a recall takes effect on its day.
func TestDayOfRecall(t *testing.T) {
	t.Parallel()
	for recalled, want := range map[string][]string{"2026-11-20": {"WARN_DEVICE_RECALLED at " + theLine}, "2026-11-21": nil} {
		device := implants.Device{Code: knee, Name: "Knee", Status: implants.DeviceRecalled, RecalledOn: day(recalled)}
		d := newTestRegister(t, implants.SourceEntries{Devices: []implants.Device{device}})
		receipt := d.mustNotify(implantation())
		wantStrings(t, "recalled "+recalled, formatWarnings(receipt.Warnings), want)
	}
}
