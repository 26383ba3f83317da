package implants_test

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/people"
)

// completeImplant returns an implant with a value in every field.
func completeImplant() implants.NotifiedImplant {
	return implants.NotifiedImplant{Code: knee, UDI: "(01)05410000001047(10)L1", Lot: "L1", Serial: "S1", Expiry: day("2029-12-31"),
		Pharmacist: platform.ProfessionalRef{SSIN: maes, NIHII: maesNIHII}, Pharmacy: platform.OrganisationRef{NIHII: pharmacy, CBE: pharmacyCBE},
		DeliveryDate: day("2026-11-10"), Quantity: 2, Location: "left knee", Side: "Left"}
}

func completeImplantation() *implants.Implantation {
	return &implants.Implantation{Specialist: platform.ProfessionalRef{SSIN: claes, NIHII: claesNIHII}, SurgeryDate: day("2026-11-20"),
		Patient: leroy, Prescriber: platform.ProfessionalRef{SSIN: dubois, NIHII: duboisNIHII}, PrescriptionDate: day("2026-11-02"),
		Comment: "revision", Implants: []implants.NotifiedImplant{completeImplant(), completeImplant()}}
}

func completeExplantation() *implants.Explantation {
	declared := completeImplant()
	return &implants.Explantation{Specialist: platform.ProfessionalRef{SSIN: claes, NIHII: claesNIHII}, SurgeryDate: day("2026-11-20"),
		Patient: leroy, Comment: "removal", Explants: []implants.Explant{
			{ImplantID: "id-1", Quantity: 1, Reason: "worn"}, {Unregistered: &declared, Quantity: 2, Reason: "loose"}}}
}

// visitVariants changes each leaf field below v once, calls visit with the field's path, and restores the field. It
// fails on a field type it has no other value for: a new field must be added here and to the digest.
func visitVariants(t *testing.T, path string, v reflect.Value, visit func(path string)) {
	t.Helper()
	with := func(path string, other any) {
		kept := reflect.ValueOf(v.Interface())
		v.Set(reflect.ValueOf(other).Convert(v.Type()))
		visit(path)
		v.Set(kept)
	}
	switch value := v.Interface().(type) {
	case ident.SSIN:
		with(path, goosens)
		with(path+" absent", ident.SSIN{})
	case ident.NIHII:
		with(path, clinic)
		with(path+" absent", ident.NIHII{})
	case ident.CBE:
		with(path, people.Must(ident.ParseCBE, "0403227020"))
		with(path+" absent", ident.CBE{})
	case ident.NotificationCode:
		with(path, mesh)
		with(path+" absent", ident.NotificationCode{})
	case ident.Date:
		with(path, day("2001-02-03"))
		with(path+" absent", ident.Date{})
	case int:
		with(path, value+7)
		with(path+" absent", 0)
	default:
		switch v.Kind() {
		case reflect.String:
			with(path, v.String()+" and more")
			if v.Len() > 0 {
				with(path+" absent", "")
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if !v.Type().Field(i).IsExported() {
					t.Fatalf("%s holds the unexported field %s", path, v.Type().Field(i).Name)
				}
				visitVariants(t, path+"."+v.Type().Field(i).Name, v.Field(i), visit)
			}
		case reflect.Pointer:
			if !v.IsNil() {
				visitVariants(t, path, v.Elem(), visit)
				with(path+" absent", reflect.Zero(v.Type()).Interface())
			}
		case reflect.Slice:
			for i := range v.Len() {
				visitVariants(t, fmt.Sprintf("%s[%d]", path, i), v.Index(i), visit)
			}
			with(path+" fewer", v.Slice(0, v.Len()-1).Interface())
			with(path+" more", reflect.Append(v, v.Index(v.Len()-1)).Interface())
		default:
			t.Fatalf("%s: no other value for a %s; does the digest hold it?", path, v.Type())
		}
	}
}

// TestDigestHoldsEveryField checks that every change of a field changes the content digest, and that no two changes
// give the same one.
func TestDigestHoldsEveryField(t *testing.T) {
	i, x := completeImplantation(), completeExplantation()
	cases := []struct {
		name   string
		value  reflect.Value
		digest func() [32]byte
		leaves int // minimum
	}{
		{"Implantation", reflect.ValueOf(i).Elem(), i.Digest, 40},
		{"Explantation", reflect.ValueOf(x).Elem(), x.Digest, 30},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			seen := map[[32]byte]string{c.digest(): "unchanged"}
			before := len(seen)
			visitVariants(t, c.name, c.value, func(path string) {
				digest := c.digest()
				if other, ok := seen[digest]; ok {
					t.Errorf("%s has the digest of %s", path, other)
				}
				seen[digest] = path
			})
			if n := len(seen) - before; n < c.leaves {
				t.Errorf("only %d variants tried", n)
			}
			if seen[c.digest()] != "unchanged" {
				t.Error("the test did not put a field back")
			}
		})
	}
}

// TestDigestMovesNothing: the digest changes when a value moves to the next field, or when one line is split in two.
func TestDigestMovesNothing(t *testing.T) {
	a, b := completeImplantation(), completeImplantation()
	a.Implants[0].Lot, a.Implants[0].Serial = "AB", "C"
	b.Implants[0].Lot, b.Implants[0].Serial = "A", "BC"
	if a.Digest() == b.Digest() {
		t.Error("lot and serial number run into one another")
	}
	a, b = completeImplantation(), completeImplantation()
	a.Implants[0].Lot, b.Implants[1].Lot = "other", "other"
	if a.Digest() == b.Digest() {
		t.Error("the order of the lines does not count")
	}
	x, y := completeExplantation(), completeExplantation()
	x.Explants[0], x.Explants[1] = y.Explants[1], y.Explants[0]
	if x.Digest() == y.Digest() {
		t.Error("the order of the removals does not count")
	}
}

// TestDigestOfTheSameMeaning: equal contents that were made independently have equal digests.
func TestDigestOfTheSameMeaning(t *testing.T) {
	i, j := completeImplantation(), completeImplantation()
	if i.Digest() != j.Digest() {
		t.Error("implantations")
	}
	x, y := completeExplantation(), completeExplantation()
	if x.Digest() != y.Digest() {
		t.Error("explantations")
	}
	none, empty := completeImplantation(), completeImplantation()
	none.Implants, empty.Implants = nil, []implants.NotifiedImplant{}
	if none.Digest() != empty.Digest() {
		t.Error("no lines and none at all")
	}
}

// TestDigestPinned: stored digests are compared with new ones for as long as the register exists. When this test
// fails, do not change the expected values: a retry of an old submission would be rejected as a conflict.
func TestDigestPinned(t *testing.T) {
	i, x := completeImplantation().Digest(), completeExplantation().Digest()
	if got, want := hex.EncodeToString(i[:]), "6bd6a8e6792c03f35bbfb838e1a1baff1bb17e7f04a7dd561719fddd2ae1e61d"; got != want {
		t.Errorf("implantation: %s", got)
	}
	if got, want := hex.EncodeToString(x[:]), "80f72b36ebfd3da2d0d2089833d045a818d183ad1f6606d374838e6bd06d4b7e"; got != want {
		t.Errorf("explantation: %s", got)
	}
}
