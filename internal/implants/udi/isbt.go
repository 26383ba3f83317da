package udi

import (
	"fmt"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

// The data identifiers of ISBT 128 that make up a UDI. The identifier of the donation number is a prefix of others, so
// it must be matched last.
const (
	isbtProduct      = "=/" // processor product identification code
	isbtBag          = "=)" // manufacturer and catalogue number of a blood bag
	isbtSerial       = "=,"
	isbtExpiry       = "=>"
	isbtManufactured = "=}"
	isbtLot          = "&,1"
	isbtBagLot       = "&)"
	isbtDonation     = "="
)

var isbtStructures = [...]struct {
	identifier string
	length     int
}{
	{isbtProduct, 16}, {isbtBag, 10}, {isbtSerial, 6}, {isbtExpiry, 6}, {isbtManufactured, 6}, {isbtLot, 18},
	{isbtBagLot, 10}, {isbtDonation, 15},
}

// parseISBT parses a sequence of data structures of fixed length; the printed form may have spaces between them.
func parseISBT(s string) (UDI, error) {
	u := UDI{Issuer: ICCBBA}
	for s = strings.TrimRight(s, " "); s != ""; s = strings.TrimLeft(s, " ") {
		identifier, value := findLeadingStructure(s)
		if value == "" || !u.addISBTStructure(identifier, value) {
			return UDI{}, newUnparsableError(isbtStructure)
		}
		s = s[len(identifier)+len(value):]
	}
	return u, nil
}

// findLeadingStructure returns the data identifier at the beginning of s and its data, which are letters and digits.
// The value is empty if there is none.
func findLeadingStructure(s string) (identifier, value string) {
	for _, structure := range isbtStructures {
		rest, found := strings.CutPrefix(s, structure.identifier)
		if found && len(rest) >= structure.length && allBytes(rest[:structure.length], isAlphanumeric) {
			return structure.identifier, rest[:structure.length]
		}
	}
	return "", ""
}

// addISBTStructure stores the data of one structure. It ignores the donation number, which identifies the donated
// tissue, not the device.
func (u *UDI) addISBTStructure(identifier, value string) bool {
	switch identifier {
	case isbtProduct, isbtBag:
		return setOnce(&u.DI, value)
	case isbtSerial:
		return setOnce(&u.Serial, value)
	case isbtLot, isbtBagLot:
		return setOnce(&u.Lot, value)
	case isbtExpiry:
		return setISBTDate(&u.Expiry, value)
	case isbtManufactured:
		return setISBTDate(&u.Manufactured, value)
	}
	return true
}

// setISBTDate parses three digits of the year, the first of which selects the century, and the day within the year.
func setISBTDate(field *ident.Date, value string) bool {
	if !allBytes(value, isDigit) {
		return false
	}
	year := 2000 + parseDigits(value[:3])
	if value[0] == '9' {
		year -= 1000
	}
	day, exists := newOrdinalDay(year, parseDigits(value[3:]))
	return exists && setOnce(field, day)
}

// formatISBT returns the sequence of data structures.
func (u UDI) formatISBT() string {
	product, lot := isbtProduct, isbtLot
	if len(u.DI) == 10 {
		product = isbtBag
	}
	if len(u.Lot) == 10 {
		lot = isbtBagLot
	}
	s := product + u.DI
	if u.Serial != "" {
		s += isbtSerial + u.Serial
	}
	s += formatISBTDate(isbtExpiry, u.Expiry) + formatISBTDate(isbtManufactured, u.Manufactured)
	if u.Lot != "" {
		s += lot + u.Lot
	}
	return s
}

func formatISBTDate(identifier string, d ident.Date) string {
	if d.IsZero() {
		return ""
	}
	ordinal := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, time.UTC).YearDay()
	return fmt.Sprintf("%s%03d%03d", identifier, d.Year()%1000, ordinal)
}
