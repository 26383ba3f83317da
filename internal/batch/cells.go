package batch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// column identifies a column of the table.
type column int

const (
	columnInputReference column = iota
	columnSpecialistSSIN
	columnSpecialistNIHII
	columnOperationDate
	columnPatient
	columnPrescriberSSIN
	columnPrescriberNIHII
	columnPrescriptionDate
	columnComment
	columnNotificationCode
	columnUDI
	columnLot
	columnSerial
	columnExpiryDate
	columnPharmacistSSIN
	columnPharmacistNIHII
	columnPharmacyNIHII
	columnPharmacyCBE
	columnDeliveryDate
	columnQuantity
	columnLocation
	columnSide
	columnCount

	columnUnnamed column = -1
)

type cellKind uint8

const (
	kindText cellKind = iota
	kindSSIN
	kindNIHII
	kindCBE
	kindNotificationCode
	kindDate
	kindQuantity
	kindSide
)

// columnSpecs are the names and types of all columns. Lengths are those of the contract's schema, in characters.
var columnSpecs = [columnCount]struct {
	name  string
	kind  cellKind
	max   int
	prose bool // may begin with an apostrophe, as in 's avonds, and contain line ends
}{
	columnInputReference:   {"input_reference", kindText, 64, false},
	columnSpecialistSSIN:   {"specialist_ssin", kindSSIN, 0, false},
	columnSpecialistNIHII:  {"specialist_nihii", kindNIHII, 0, false},
	columnOperationDate:    {"operation_date", kindDate, 0, false},
	columnPatient:          {"patient_ssin", kindSSIN, 0, false},
	columnPrescriberSSIN:   {"prescriber_ssin", kindSSIN, 0, false},
	columnPrescriberNIHII:  {"prescriber_nihii", kindNIHII, 0, false},
	columnPrescriptionDate: {"prescription_date", kindDate, 0, false},
	columnComment:          {"comment", kindText, 2000, true},
	columnNotificationCode: {"notification_code", kindNotificationCode, 0, false},
	columnUDI:              {"udi", kindText, 250, false},
	columnLot:              {"lot", kindText, 100, false},
	columnSerial:           {"serial", kindText, 100, false},
	columnExpiryDate:       {"expiry_date", kindDate, 0, false},
	columnPharmacistSSIN:   {"pharmacist_ssin", kindSSIN, 0, false},
	columnPharmacistNIHII:  {"pharmacist_nihii", kindNIHII, 0, false},
	columnPharmacyNIHII:    {"pharmacy_nihii", kindNIHII, 0, false},
	columnPharmacyCBE:      {"pharmacy_cbe", kindCBE, 0, false},
	columnDeliveryDate:     {"delivery_date", kindDate, 0, false},
	columnQuantity:         {"quantity", kindQuantity, 0, false},
	columnLocation:         {"location", kindText, 250, true},
	columnSide:             {"side", kindSide, 0, false},
}

// requiredColumns must be in the header, one of each group.
var requiredColumns = [...][]column{
	{columnInputReference}, {columnSpecialistSSIN, columnSpecialistNIHII}, {columnOperationDate},
	{columnPatient}, {columnPrescriberSSIN, columnPrescriberNIHII}, {columnPrescriptionDate},
	{columnNotificationCode, columnUDI},
}

// headerName returns the column's name, or an empty string for columnUnnamed.
func (c column) headerName() string {
	if c == columnUnnamed {
		return ""
	}
	return columnSpecs[c].name
}

func findColumn(name string) (column, bool) {
	for c := range columnSpecs {
		if columnSpecs[c].name == name {
			return column(c), true
		}
	}
	return columnUnnamed, false
}

func joinAllColumnNames() string {
	names := make([]string, 0, columnCount)
	for c := range columnSpecs {
		names = append(names, columnSpecs[c].name)
	}
	return strings.Join(names, ", ")
}

func joinColumnNames(list []column) string {
	names := make([]string, 0, len(list))
	for _, c := range list {
		names = append(names, c.headerName())
	}
	return strings.Join(names, " or ")
}

// cleanCell removes what a spreadsheet, or a program that writes for one, adds around a value to preserve it.
func cleanCell(c column, s string) string {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if len(s) >= len(`=""`) && strings.HasPrefix(s, `="`) && strings.HasSuffix(s, `"`) {
		s = strings.TrimSpace(strings.ReplaceAll(s[2:len(s)-1], `""`, `"`))
	}
	// In free text, an apostrophe is the spreadsheet's only in front of what would be a formula.
	if rest, ok := strings.CutPrefix(s, "'"); ok &&
		(!columnSpecs[c].prose || rest != "" && strings.ContainsAny(rest[:1], "=+-@")) {
		s = strings.TrimSpace(rest)
	}
	if columnSpecs[c].prose {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	}
	return s
}

// setCell stores the value of a cell in its normal form, or adds an error.
func (f *File) setCell(r *tableRow, c column, value string) {
	if value == "" {
		return
	}
	if c == columnUDI { // no message can carry the separator of a scanner, but its picture
		value = strings.ReplaceAll(value, "\x1d", "␝")
	}
	normal, code, message := parseCell(c, value)
	damage := explainDamage(c, value)
	if damage != "" && code == "" {
		message = damage
	}
	switch {
	case message != "":
		f.addError(r.number, c.headerName(), message)
	case code != "":
		f.addErrorWithCode(r.number, c.headerName(), code)
		f.addSpreadsheetHint(value, damage)
	default:
		r.cells[c] = normal
		return
	}
	r.invalid = true
}

// addSpreadsheetHint appends to the last error how a spreadsheet damaged a number, or probably did.
func (f *File) addSpreadsheetHint(value, damage string) {
	last := &f.RowErrors[len(f.RowErrors)-1]
	if damage != "" {
		last.Message += " " + strings.ToUpper(damage[:1]) + damage[1:] + "."
	}
	if isDigits(value) &&
		(last.Code == ident.SSINInvalid && len(value) < 11 || last.Code == ident.NIHIIInvalid && len(value) < 8) {
		last.Message += fmt.Sprintf(" It has %d digits: a spreadsheet drops zeros in front.", len(value))
	}
}

// parseCell returns the normal form of a value, or else the code of the register's refusal, or else a message.
func parseCell(c column, value string) (normal string, refusal problem.Code, message string) {
	switch columnSpecs[c].kind {
	case kindSSIN:
		return checkIdentifier(value, ident.ParseSSIN)
	case kindNIHII:
		return checkIdentifier(value, ident.ParseNIHII)
	case kindCBE:
		return checkIdentifier(restoreLeadingZeros(value, 9, 10), ident.ParseCBE)
	case kindNotificationCode:
		return checkIdentifier(restoreLeadingZeros(value, 6, 12), ident.ParseNotificationCode)
	case kindDate:
		if day, ok := parseDate(value); ok {
			return day.String(), "", ""
		}
		return "", "", "this is not a date as 2026-11-20 or 20/11/2026"
	case kindQuantity:
		if n, err := strconv.Atoi(value); err != nil || !implants.IsQuantityInRange(n) {
			return "", implants.QuantityOutOfRange, ""
		}
		return value, "", ""
	case kindSide:
		for _, known := range []string{"Left", "Right", "Bilateral", "None"} {
			if strings.EqualFold(known, value) {
				return known, "", ""
			}
		}
		return "", "", "this is not Left, Right, Bilateral or None"
	default:
		return value, "", checkText(c, value)
	}
}

// checkIdentifier validates an identifier with its parser.
func checkIdentifier[T any](
	value string, parser func(string) (T, error),
) (normal string, refusal problem.Code, message string) {
	digits := ident.TrimPunctuation(value)
	if _, err := parser(digits); err != nil {
		return "", problem.From(err).Code, ""
	}
	return digits, "", ""
}

// restoreLeadingZeros restores the leading zeros that a spreadsheet dropped from a number of fixed length, of which at
// least shortest digits must be left: an enterprise number has one zero in front, and a short number is more likely
// another one. It is not used for numbers of persons: a missing digit there is more likely a typing mistake, and one in
// 97 of the results would be another person's valid number.
func restoreLeadingZeros(value string, shortest, length int) string {
	value = ident.TrimPunctuation(value)
	if isDigits(value) && shortest <= len(value) && len(value) < length {
		return strings.Repeat("0", length-len(value)) + value
	}
	return value
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

var (
	midnightSuffix = regexp.MustCompile(`[ T]0?0:00(:00)?(\.0+)?$`)
	dayFirstDate   = regexp.MustCompile(`^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})$`)
)

// parseDate parses 2026-11-20 and 20/11/2026, also followed by the midnight that exports add. The day comes first, as
// in Belgium.
func parseDate(s string) (ident.Date, bool) {
	s = midnightSuffix.ReplaceAllString(s, "")
	if m := dayFirstDate.FindStringSubmatch(s); m != nil {
		numbers := [3]int{}
		for i := range numbers {
			numbers[i], _ = strconv.Atoi(m[i+1]) // at most four digits, so no error
		}
		day, err := ident.NewDate(numbers[2], time.Month(numbers[1]), numbers[0])
		return day, err == nil
	}
	if len(s) != len(time.DateOnly) { // a time zone has no meaning in a table
		return ident.Date{}, false
	}
	day, err := ident.ParseDate(s)
	return day, err == nil
}

// checkText returns why a text cannot be sent, or an empty string.
func checkText(c column, s string) string {
	if n := utf8.RuneCountInString(s); n > columnSpecs[c].max {
		return fmt.Sprintf("it has %d characters, and %d are the most", n, columnSpecs[c].max)
	}
	for _, r := range s {
		switch {
		case columnSpecs[c].prose && (r == '\n' || r == '\t'):
		case unicode.IsControl(r), r == '\uFFFE', r == '\uFFFF', r == utf8.RuneError:
			return "it holds a control character or a line end"
		}
	}
	return ""
}
