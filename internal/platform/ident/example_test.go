package ident_test

import (
	"fmt"

	"github.com/openctr/ctr/internal/platform/ident"
)

// A number that parsed has valid check digits, and prints masked: only Digits reveals it.
func ExampleParseSSIN() {
	patient, err := ident.ParseSSIN("48022907379")
	fmt.Println(patient, err)
	fmt.Println(patient.Digits())

	_, err = ident.ParseSSIN("48022907378")
	fmt.Println("refused:", err != nil)
	// Output:
	// SSIN(*79) <nil>
	// 48022907379
	// refused: true
}

// Two numbers of one professional differ in the qualification and have the same holder.
func ExampleNIHII_SameHolder() {
	surgeon, _ := ident.ParseNIHII("17800389480")
	other, _ := ident.ParseNIHII("17800389")
	fmt.Println(surgeon == other, surgeon.SameHolder(other))
	// Output: false true
}

// A day of XML Schema may have a time zone, which has no meaning for a day of the calendar.
func ExampleParseDate() {
	day, err := ident.ParseDate("2024-02-29+01:00")
	fmt.Println(day, err)
	fmt.Println(day.AddDays(1))

	_, err = ident.ParseDate("2023-02-29")
	fmt.Println("refused:", err != nil)
	// Output:
	// 2024-02-29 <nil>
	// 2024-03-01
	// refused: true
}
