package udi

import (
	"regexp"
	"strconv"
	"strings"
)

// applicationIdentifier is a row of the table of GS1 application identifiers (GS1 General Specifications, 3.2), or of
// several that differ only in their last digit, such as 3100 to 3105 with the position of the decimal point.
type applicationIdentifier struct {
	first, last string // of the same length
	// format is that of the value, in the notation of GS1: n digits, x characters of set 82, y of set 39, z of set 64,
	// "..20" at most 20 of them, and brackets around what may be missing.
	format string
	title  string
}

// applicationIdentifiers are all application identifiers in their order.
var applicationIdentifiers = [...]applicationIdentifier{
	{"00", "00", "n18", "serial shipping container code"},
	{"01", "01", "n14", "GTIN: the device identifier"},
	{"02", "02", "n14", "GTIN of contained items"},
	{"03", "03", "n14", "GTIN of an item made to order"},
	{"10", "10", "x..20", "batch or lot number"},
	{"11", "11", "n6", "production date"},
	{"12", "12", "n6", "due date"},
	{"13", "13", "n6", "packaging date"},
	{"15", "15", "n6", "best before date"},
	{"16", "16", "n6", "sell by date"},
	{"17", "17", "n6", "expiration date"},
	{"20", "20", "n2", "internal product variant"},
	{"21", "21", "x..20", "serial number"},
	{"22", "22", "x..20", "consumer product variant"},
	{"235", "235", "x..28", "third-party serialised extension"},
	{"240", "240", "x..30", "additional product identification"},
	{"241", "241", "x..30", "customer part number"},
	{"242", "242", "n..6", "made-to-order variation"},
	{"243", "243", "x..20", "packaging component number"},
	{"250", "250", "x..30", "secondary serial number"},
	{"251", "251", "x..30", "reference to source entity"},
	{"253", "253", "n13[x..17]", "global document type identifier"},
	{"254", "254", "x..20", "extension of a location number"},
	{"255", "255", "n13[n..12]", "global coupon number"},
	{"30", "30", "n..8", "variable count"},
	{"3100", "3169", "n6", "trade measures, metric"},
	{"3200", "3299", "n6", "trade measures, not metric"},
	{"3300", "3379", "n6", "logistic measures, metric"},
	{"3400", "3499", "n6", "logistic measures, not metric"},
	{"3500", "3579", "n6", "trade measures, not metric"},
	{"3600", "3699", "n6", "volumes, not metric"},
	{"37", "37", "n..8", "count of contained items"},
	{"3900", "3909", "n..15", "amount payable"},
	{"3910", "3919", "n3n..15", "amount payable, with currency"},
	{"3920", "3929", "n..15", "price"},
	{"3930", "3939", "n3n..15", "price, with currency"},
	{"3940", "3943", "n4", "percentage discount"},
	{"3950", "3955", "n6", "price per unit of measure"},
	{"400", "400", "x..30", "customer's purchase order number"},
	{"401", "401", "x..30", "consignment number"},
	{"402", "402", "n17", "shipment number"},
	{"403", "403", "x..30", "routing code"},
	{"410", "417", "n13", "location numbers"},
	{"420", "420", "x..20", "postal code"},
	{"421", "421", "n3x..9", "postal code, with country"},
	{"422", "422", "n3", "country of origin"},
	{"423", "423", "n3n..12", "countries of initial processing"},
	{"424", "424", "n3", "country of processing"},
	{"425", "425", "n3n..12", "countries of disassembly"},
	{"426", "426", "n3", "country of full processing"},
	{"427", "427", "x..3", "subdivision of origin"},
	{"4300", "4301", "x..35", "ship to: company, contact"},
	{"4302", "4306", "x..70", "ship to: address"},
	{"4307", "4307", "x2", "ship to: country"},
	{"4308", "4308", "x..30", "ship to: telephone"},
	{"4309", "4309", "n20", "ship to: geographic position"},
	{"4310", "4311", "x..35", "return to: company, contact"},
	{"4312", "4316", "x..70", "return to: address"},
	{"4317", "4317", "x2", "return to: country"},
	{"4318", "4318", "x..20", "return to: postal code"},
	{"4319", "4319", "x..30", "return to: telephone"},
	{"4320", "4320", "x..35", "service code description"},
	{"4321", "4323", "n1", "flags of transport"},
	{"4324", "4325", "n10", "delivery not before, not after"},
	{"4326", "4326", "n6", "release date"},
	{"4330", "4333", "n6[x1]", "transport temperatures"},
	{"7001", "7001", "n13", "NATO stock number"},
	{"7002", "7002", "x..30", "UN/ECE meat cut"},
	{"7003", "7003", "n10", "expiration date and time"},
	{"7004", "7004", "n..4", "active potency"},
	{"7005", "7005", "x..12", "catch area"},
	{"7006", "7006", "n6", "first freeze date"},
	{"7007", "7007", "n6[n6]", "harvest date"},
	{"7008", "7008", "x..3", "aquatic species"},
	{"7009", "7009", "x..10", "fishing gear type"},
	{"7010", "7010", "x..2", "production method"},
	{"7011", "7011", "n6[n4]", "test by date"},
	{"7020", "7022", "x..20", "refurbishment lot, functional status, revision status"},
	{"7023", "7023", "x..30", "asset identifier of an assembly"},
	{"7030", "7039", "n3x..27", "processors"},
	{"7040", "7040", "n1x3", "unique identifier with extensions"},
	{"7041", "7041", "x..4", "UN/CEFACT freight unit type"},
	{"710", "717", "x..20", "national healthcare reimbursement numbers"},
	{"7230", "7239", "x2x..28", "certification references"},
	{"7240", "7240", "x..20", "protocol identifier"},
	{"7241", "7241", "n2", "media type of a data carrier"},
	{"7242", "7242", "x..25", "version control number"},
	{"7250", "7250", "n8", "date of birth"},
	{"7251", "7251", "n12", "date and time of birth"},
	{"7252", "7252", "n1", "biological sex"},
	{"7253", "7254", "x..40", "family name, given name"},
	{"7255", "7255", "x..10", "suffix of a name"},
	{"7256", "7256", "x..90", "full name"},
	{"7257", "7257", "x..70", "address of a person"},
	{"7258", "7258", "n1x1n1", "sequence of births"},
	{"7259", "7259", "x..40", "family name of a baby"},
	{"8001", "8001", "n14", "dimensions of a roll"},
	{"8002", "8002", "x..20", "mobile telephone identifier"},
	{"8003", "8003", "n14[x..16]", "global returnable asset identifier"},
	{"8004", "8004", "x..30", "global individual asset identifier"},
	{"8005", "8005", "n6", "price per unit of measure"},
	{"8006", "8006", "n18", "piece of a trade item"},
	{"8007", "8007", "x..34", "bank account number"},
	{"8008", "8008", "n8[n..4]", "production date and time"},
	{"8009", "8009", "x..50", "optically readable sensor"},
	{"8010", "8010", "y..30", "component or part identifier"},
	{"8011", "8011", "n..12", "serial number of a component or part"},
	{"8012", "8012", "x..20", "software version"},
	{"8013", "8013", "x..25", "global model number (Basic UDI-DI)"},
	{"8014", "8014", "x..25", "master UDI-DI"},
	{"8017", "8018", "n18", "service relation numbers"},
	{"8019", "8019", "n..10", "service relation instance"},
	{"8020", "8020", "x..25", "payment slip reference"},
	{"8026", "8026", "n18", "piece of a contained trade item"},
	{"8030", "8030", "z..90", "digital signature"},
	{"8040", "8041", "n15", "mobile equipment identities"},
	{"8042", "8042", "n32", "embedded SIM number"},
	{"8043", "8043", "n18[n..2]", "physical SIM number"},
	{"8110", "8110", "x..70", "coupon code"},
	{"8111", "8111", "n4", "loyalty points of a coupon"},
	{"8112", "8112", "x..70", "positive offer file coupon code"},
	{"8200", "8200", "x..70", "extended packaging URL"},
	{"90", "90", "x..30", "agreed between trading partners"},
	{"91", "99", "x..90", "internal to a company"},
}

// elementFormat is the format of the value behind an application identifier.
type elementFormat struct {
	isKnown  bool // false for an identifier that is not assigned
	min, max int  // the length of the value
	digits   int  // how many characters at its beginning are digits; max if all are
	charset  func(byte) bool
	// isPredefined is set if no separator needs to follow, because the first two digits of the identifier determine the
	// length of the value (7.8.5).
	isPredefined bool
}

var formatByIdentifier = compileFormats()

func compileFormats() map[string]elementFormat {
	formats := map[string]elementFormat{}
	for _, row := range applicationIdentifiers {
		first, _ := strconv.Atoi(row.first) // a table of numbers
		last, _ := strconv.Atoi(row.last)
		form := parseFormat(row.format)
		for n := first; n <= last; n++ {
			identifier := strconv.Itoa(n)
			identifier = strings.Repeat("0", len(row.first)-len(identifier)) + identifier
			form.isPredefined = predefinedLength(identifier) > 0
			formats[identifier] = form
		}
	}
	return formats
}

var formatComponent = regexp.MustCompile(`(\[?)([nxyz])(\.\.)?([0-9]+)`)

// parseFormat parses the notation of applicationIdentifier.
func parseFormat(notation string) elementFormat {
	form := elementFormat{isKnown: true, charset: isCharacterSet82}
	onlyDigits := true
	for _, m := range formatComponent.FindAllStringSubmatch(notation, -1) {
		length, _ := strconv.Atoi(m[4]) // the pattern matches digits
		switch {
		case m[1] != "": // may be missing
		case m[3] != "":
			form.min++
		default:
			form.min += length
		}
		form.max += length
		onlyDigits = onlyDigits && m[2] == "n"
		if onlyDigits {
			form.digits = form.max
		}
		if m[2] == "y" {
			form.charset = isCharacterSet39
		}
	}
	return form
}

// predefinedLength returns the length of the value behind an identifier that begins with these digits, or 0 if a
// separator ends the value. It holds for identifiers that are not assigned yet too (7.8.5).
func predefinedLength(identifier string) int {
	switch identifier[:2] {
	case "00":
		return 18
	case "01", "02", "03":
		return 14
	case "04":
		return 16
	case "11", "12", "13", "14", "15", "16", "17", "18", "19":
		return 6
	case "20":
		return 2
	case "31", "32", "33", "34", "35", "36":
		return 6
	case "41":
		return 13
	}
	return 0
}

// accepts reports whether a value has the length and the characters of the format.
func (form elementFormat) accepts(value string) bool {
	return form.hasLength(value) && form.hasCharacters(value)
}

func (form elementFormat) hasLength(value string) bool {
	return form.min <= len(value) && len(value) <= form.max
}

func (form elementFormat) hasCharacters(value string) bool {
	digits := min(form.digits, len(value))
	return allBytes(value[:digits], isDigit) && allBytes(value[digits:], form.charset)
}

// isCharacterSet82 reports whether c is in GS1 character set 82 (7.11): the invariant characters of ISO/IEC 646 without
// space.
func isCharacterSet82(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte(`!"%&'()*+,-./:;<=>?_`, c) >= 0
}

// isCharacterSet39 reports whether c is in GS1 character set 39 (7.11).
func isCharacterSet39(c byte) bool {
	return isDigit(c) || isUpper(c) || c == '#' || c == '-' || c == '/'
}

// findLeadingIdentifier returns the application identifier at the beginning of s. No identifier is a prefix of another.
// For digits that are not assigned it returns the two that determine the length, and a format that is not known. The
// identifier is empty if s does not begin with two digits.
func findLeadingIdentifier(s string) (string, elementFormat) {
	for width := 2; width <= min(4, len(s)); width++ {
		if form, known := formatByIdentifier[s[:width]]; known {
			return s[:width], form
		}
	}
	if len(s) < 2 || !allBytes(s[:2], isDigit) {
		return "", elementFormat{}
	}
	length := predefinedLength(s)
	return s[:2], elementFormat{isPredefined: length > 0, min: length, max: length, charset: isCharacterSet82}
}
