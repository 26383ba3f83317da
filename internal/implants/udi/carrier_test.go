package udi_test

import (
	"testing"

	"github.com/openctr/ctr/internal/implants/udi"
)

func TestCarrier(t *testing.T) {
	t.Parallel()
	const gs = "\x1d"
	for identifier, want := range map[string]string{
		"(01)05410000001047(17)291231(10)L2201(21)S-000917": gs + "010541000000104717291231" + "10L2201" + gs + "21S-000917",
		"(01)05410000001047(10)L2201(17)291231":             gs + "0105410000001047" + "10L2201" + gs + "17291231",
		"(01)05410000001047":                                gs + "0105410000001047",
		"]d2010541000000104710L2201" + gs + "21S-000917":    gs + "010541000000104710L2201" + gs + "21S-000917",
		gs + "010541000000104710L2201":                      gs + "010541000000104710L2201",
		"+H123ABC01234567890D":                              "+H123ABC01234567890D",
		"(01)05410000001048":                                "", // a wrong check digit
		"no identifier":                                     "",
		"":                                                  "",
	} {
		if got := udi.Carrier(identifier); got != want {
			t.Errorf("%q is carried as %q, not %q", identifier, got, want)
		}
	}
}
