package udi

import (
	"fmt"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

// The data identifiers of ISBT 128 that make up a UDI.
const (
	isbtProduct          = "=/" // processor product identification code
	isbtBag              = "=)" // manufacturer and catalogue number of a blood bag
	isbtSerial           = "=,"
	isbtExpiry           = "=>"
	isbtExpiryTime       = "&>"
	isbtExpiryMonth      = "=]"
	isbtManufactured     = "=}"
	isbtManufacturedTime = "&}"
	isbtLot              = "&,1"
	isbtBagLot           = "&)"
	isbtDonation         = "=" // the donation number: its first character is data
)

// isbtStructure is a data structure of ISBT 128 (ICCBBA ST-001, table of data structures).
type isbtStructure struct {
	identifier string
	length     int
	title      string
}

// isbtStructures are the structures of fixed length that stand on labels of products. The identifier of the donation
// number is a prefix of others, so it must be matched last.
var isbtStructures = [...]isbtStructure{
	{isbtProduct, 16, "processor product identification code: the device identifier"},
	{isbtBag, 10, "manufacturer and catalogue number of a container: the device identifier"},
	{isbtSerial, 6, "product divisions: the serial number"},
	{isbtExpiry, 6, "expiration date"},
	{isbtExpiryTime, 10, "expiration date and time"},
	{isbtExpiryMonth, 6, "expiration month"},
	{isbtManufactured, 6, "production date"},
	{isbtManufacturedTime, 10, "production date and time"},
	{isbtLot, 18, "lot number"},
	{isbtBagLot, 10, "lot number of a container"},
	{"=+", 5, "compound message: how many structures follow"},
	{"=<", 8, "product description code"},
	{"=%", 4, "blood groups"},
	{"=*", 6, "collection date"},
	{"&*", 10, "collection date and time"},
	{"&(", 5, "special testing"},
	{"=-", 10, "manufacturer and catalogue number of another item"},
	{"&-", 10, "lot number of another item"},
	{isbtDonation, 15, "donation identification number"},
}

// readISBT reads a sequence of data structures; the printed form may have spaces between them. Behind a structure that
// is unknown or faulty it continues at the next data identifier, which begins with a character that is in no data.
func (r *reading) readISBT(s string) {
	r.udi.Issuer = ICCBBA
	for s = trimISBT(s); s != ""; s = trimISBT(s) {
		structure, value := findLeadingStructure(s)
		if value == "" || !r.addISBTStructure(structure.identifier, value) {
			r.addFault(isbtStructureFault)
		}
		end := len(structure.identifier) + len(value)
		if value == "" {
			end = nextISBTIdentifier(s)
		}
		s = s[end:]
	}
}

// trimISBT removes blanks and separators.
func trimISBT(s string) string { return strings.Trim(s, " "+separator) }

// nextISBTIdentifier returns where the next data identifier begins behind the one at the beginning of s.
func nextISBTIdentifier(s string) int {
	for at := 1; at < len(s); at++ {
		if s[at] == '=' || s[at] == '&' {
			return at
		}
	}
	return len(s)
}

// findLeadingStructure returns the structure at the beginning of s and its data, which are letters and digits. The data
// is empty if there is none.
func findLeadingStructure(s string) (isbtStructure, string) {
	for _, structure := range isbtStructures {
		rest, found := strings.CutPrefix(s, structure.identifier)
		if found && len(rest) >= structure.length && allBytes(rest[:structure.length], isAlphanumeric) {
			return structure, rest[:structure.length]
		}
	}
	return isbtStructure{}, ""
}

// addISBTStructure stores the data of one structure, and reports whether it is valid. It ignores the donation number,
// which identifies the donated tissue, not the device.
func (r *reading) addISBTStructure(identifier, value string) bool {
	switch identifier {
	case isbtProduct, isbtBag:
		return setField(r, &r.udi.DI, value, identifier)
	case isbtSerial:
		return setField(r, &r.udi.Serial, value, identifier)
	case isbtLot, isbtBagLot:
		return setField(r, &r.udi.Lot, value, identifier)
	case isbtExpiry, isbtExpiryTime:
		return r.setISBTDate(&r.udi.Expiry, value)
	case isbtManufactured, isbtManufacturedTime:
		return r.setISBTDate(&r.udi.Manufactured, value)
	case isbtExpiryMonth:
		if !allBytes(value, isDigit) {
			return false
		}
		day, exists := newCalendarDay(parseDigits(value[:4]), parseDigits(value[4:]), 0)
		return exists && setField(r, &r.udi.Expiry, day, identifier)
	}
	return true
}

// setISBTDate parses three digits of the year, the first of which selects the century, and the day within the year. The
// time that may follow is ignored.
func (r *reading) setISBTDate(field *ident.Date, value string) bool {
	if !allBytes(value, isDigit) {
		return false
	}
	year := 2000 + parseDigits(value[:3])
	if value[0] == '9' {
		year -= 1000
	}
	day, exists := newOrdinalDay(year, parseDigits(value[3:6]))
	return exists && setField(r, field, day, isbtExpiry)
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
