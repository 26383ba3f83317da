package udi_test

import (
	"fmt"

	"github.com/openctr/ctr/internal/implants/udi"
)

// A code copied from a label has its application identifiers in parentheses; a scanner returns the same data without
// them, with a group separator after a value of variable length. Both give the same identifier.
func ExampleParse() {
	label, err := udi.Parse("(01)05410000001047(17)291231(10)L2201(21)S-000917")
	fmt.Println(label.Issuer, label.DI, label.Lot, label.Serial, label.Expiry, err)

	scan, _ := udi.Parse("01054100000010471729123110L2201\x1d21S-000917")
	fmt.Println(label == scan)

	_, err = udi.Parse("(01)05410000001048")
	fmt.Println(err)
	// Output:
	// GS1 05410000001047 L2201 S-000917 2029-12-31 <nil>
	// true
	// UDI_GTIN_CHECK
}
