package implants_test

import (
	"errors"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
)

// TestFindingOneNormalForm places one implant under every spelling of its identifiers, and searches for it by every
// spelling.
func TestFindingOneNormalForm(t *testing.T) {
	t.Parallel()
	spellings := []line{
		{UDI: "(01)05410000001047(10)L2201(21)S-000917"},
		{UDI: "]d2010541000000104710L2201^21S-000917"},
		{UDI: "5410000001047", Lot: " L2201", Serial: "S-000917\u00a0"},
		{UDI: "(01) 0541 0000 001047", Lot: "L 2201", Serial: "S- 000917"},
		{UDI: "https://id.example/01/05410000001047/10/L2201/21/S-000917"},
	}
	for i, placed := range spellings {
		d := newTestRegister(t, longPractice)
		n := implantation()
		placed.Quantity = 1
		n.Implants = []line{placed}
		number := d.mustNotify(n).Number
		for j, asked := range spellings {
			found, err := d.Search(t.Context(), d.callerWithOwnKey(claes), implants.SearchRequest{
				Page:    platform.Page{Limit: 10},
				Implant: &implants.ImplantCriteria{UDI: asked.UDI, Lot: asked.Lot, Serial: asked.Serial}})
			if err != nil || found.Total != 1 || found.Notifications[0].Number != number {
				t.Errorf("placed as %d, asked as %d: %d found, %v", i, j, found.Total, err)
			}
		}
	}
}

// TestSearchRefusesWhatItCannotRead refuses queries without a device identifier instead of finding nothing.
func TestSearchRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t, longPractice)
	for _, c := range []struct {
		text string
		code problem.Code
	}{
		{"(01)05410000001048", udi.UDIGTINCheck}, {"05410000001048", udi.UDIGTINCheck}, {"knee", udi.UDIUnparsable},
		{"(10)L1", udi.UDIUnparsable}, {"+A123BJC5D6E71H", udi.UDIUnparsable}, {" ", udi.UDIUnparsable},
	} {
		_, byImplant := d.Search(t.Context(), d.callerWithOwnKey(claes),
			implants.SearchRequest{Page: platform.Page{Limit: 10}, Implant: &implants.ImplantCriteria{UDI: c.text}})
		_, byDevice := d.SearchDevice(t.Context(), d.callerWithOwnKey(claes),
			implants.SearchDeviceRequest{Page: platform.Page{Limit: 10}, UDI: c.text})
		for path, err := range map[string]error{"Implant.UDI": byImplant, "UDI": byDevice} {
			refusal, typed := errors.AsType[*problem.Error](err)
			if !typed || refusal.Code != c.code || refusal.Path != path {
				t.Errorf("%q at %s: %v", c.text, path, err)
			}
		}
	}
}
