package batch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// column identifies a column of the table.
type column int

const (
	input column = iota
	specialistSSIN
	specialistNIHII
	operationDate
	patient
	prescriberSSIN
	prescriberNIHII
	prescriptionDate
	comment
	code
	udiColumn
	lot
	serial
	expiry
	pharmacistSSIN
	pharmacistNIHII
	pharmacyNIHII
	pharmacyCBE
	delivery
	quantity
	location
	side
	columnCount

	unnamed column = -1
)

type kind uint8

const (
	ofText kind = iota
	ofSSIN
	ofNIHII
	ofCBE
	ofCode
	ofDate
	ofQuantity
	ofSide
)

// columnSpecs are the names and types of all columns. Lengths are those of the contract's schema, in characters.
var columns = [columnCount]struct {
	name  string
	kind  kind
	max   int
	prose bool // may begin with an apostrophe, as in 's avonds, and contain line ends
}{
	input:            {"input_reference", ofText, 64, false},
	specialistSSIN:   {"specialist_ssin", ofSSIN, 0, false},
	specialistNIHII:  {"specialist_nihii", ofNIHII, 0, false},
	operationDate:    {"operation_date", ofDate, 0, false},
	patient:          {"patient_ssin", ofSSIN, 0, false},
	prescriberSSIN:   {"prescriber_ssin", ofSSIN, 0, false},
	prescriberNIHII:  {"prescriber_nihii", ofNIHII, 0, false},
	prescriptionDate: {"prescription_date", ofDate, 0, false},
	comment:          {"comment", ofText, 2000, true},
	code:             {"notification_code", ofCode, 0, false},
	udiColumn:        {"udi", ofText, 250, false},
	lot:              {"lot", ofText, 100, false},
	serial:           {"serial", ofText, 100, false},
	expiry:           {"expiry_date", ofDate, 0, false},
	pharmacistSSIN:   {"pharmacist_ssin", ofSSIN, 0, false},
	pharmacistNIHII:  {"pharmacist_nihii", ofNIHII, 0, false},
	pharmacyNIHII:    {"pharmacy_nihii", ofNIHII, 0, false},
	pharmacyCBE:      {"pharmacy_cbe", ofCBE, 0, false},
	delivery:         {"delivery_date", ofDate, 0, false},
	quantity:         {"quantity", ofQuantity, 0, false},
	location:         {"location", ofText, 250, true},
	side:             {"side", ofSide, 0, false},
}

// requiredColumns must be in the header, one of each group.
var requiredColumns = [...][]column{
	{input}, {specialistSSIN, specialistNIHII}, {operationDate}, {patient}, {prescriberSSIN, prescriberNIHII}, {prescriptionDate},
	{code, udiColumn},
}

func (c column) name() string { return columns[c].name }

func columnNamed(name string) (column, bool) {
	for c := range columns {
		if columns[c].name == name {
			return column(c), true
		}
	}
	return unnamed, false
}

func columnNames() string {
	names := make([]string, 0, columnCount)
	for c := range columns {
		names = append(names, columns[c].name)
	}
	return strings.Join(names, ", ")
}

func columnList(list []column) string {
	names := make([]string, 0, len(list))
	for _, c := range list {
		names = append(names, c.name())
	}
	return strings.Join(names, " or ")
}

// cleanCell removes what a spreadsheet, or a program that writes for one, adds around a value to preserve it.
func clean(c column, s string) string {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if len(s) >= len(`=""`) && strings.HasPrefix(s, `="`) && strings.HasSuffix(s, `"`) {
		s = strings.TrimSpace(strings.ReplaceAll(s[2:len(s)-1], `""`, `"`))
	}
	// In free text, an apostrophe is the spreadsheet's only in front of what would be a formula.
	if rest, ok := strings.CutPrefix(s, "'"); ok && (!columns[c].prose || rest != "" && strings.ContainsAny(rest[:1], "=+-@")) {
		s = strings.TrimSpace(rest)
	}
	if columns[c].prose {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	}
	return s
}

// setCell stores the value of a cell in its normal form, or adds an error.
func (f *File) fill(r *row, c column, value string) {
	if value == "" {
		return
	}
	normal, code, message := parse(c, value)
	switch {
	case message != "":
		f.fault(r.number, c.name(), message)
	case code != "":
		f.refuse(r.number, c.name(), code)
		f.hint(value)
	default:
		r.cells[c] = normal
		return
	}
	r.faulty = true
}

var power = regexp.MustCompile(`^[0-9][.,]?[0-9]*[eE]\+?[0-9]+$`)

// addSpreadsheetHint appends to the last error how a spreadsheet probably damaged a number.
func (f *File) hint(value string) {
	last := &f.Faults[len(f.Faults)-1]
	switch {
	case power.MatchString(value):
		last.Message += " A spreadsheet made a power of ten of it and dropped digits: make the column text, and fill it again."
	case isDigits(value) && (last.Code == problem.SSINInvalid && len(value) < 11 || last.Code == problem.NIHIIInvalid && len(value) < 8):
		last.Message += fmt.Sprintf(" It has %d digits: a spreadsheet drops zeros in front.", len(value))
	}
}

// parseCell returns the normal form of a value, or else the code of the register's refusal, or else a message.
func parse(c column, value string) (normal string, refusal problem.Code, message string) {
	switch columns[c].kind {
	case ofSSIN:
		return checked(value, ident.ParseSSIN)
	case ofNIHII:
		return checked(value, ident.ParseNIHII)
	case ofCBE:
		return checked(zeros(value, 10), ident.ParseCBE)
	case ofCode:
		return checked(zeros(value, 12), ident.ParseNotificationCode)
	case ofDate:
		if day, ok := readDate(value); ok {
			return day.String(), "", ""
		}
		return "", "", "this is not a date as 2026-11-20 or 20/11/2026"
	case ofQuantity:
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 99 {
			return "", problem.QuantityOutOfRange, ""
		}
		return value, "", ""
	case ofSide:
		for _, known := range []string{"Left", "Right", "Bilateral", "None"} {
			if strings.EqualFold(known, value) {
				return known, "", ""
			}
		}
		return "", "", "this is not Left, Right, Bilateral or None"
	default:
		return value, "", textFault(c, value)
	}
}

// checkIdentifier validates an identifier with its parser.
func checked[T any](value string, parser func(string) (T, error)) (normal string, refusal problem.Code, message string) {
	if _, err := parser(value); err != nil {
		return "", problem.From(err).Code, ""
	}
	return value, "", ""
}

// restoreLeadingZeros restores the leading zeros that a spreadsheet dropped from a number of fixed length. It is not
// used for numbers of persons: a missing digit there is more likely a typing mistake, and one in 97 of the results
// would be another person's valid number.
func zeros(value string, length int) string {
	if isDigits(value) && len(value) < length {
		return strings.Repeat("0", length-len(value)) + value
	}
	return value
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

var (
	midnight = regexp.MustCompile(`[ T]0?0:00(:00)?(\.0+)?$`)
	dayFirst = regexp.MustCompile(`^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})$`)
)

// parseDate parses 2026-11-20 and 20/11/2026, also followed by the midnight that exports add. The day comes first, as
// in Belgium.
func readDate(s string) (ident.Date, bool) {
	s = midnight.ReplaceAllString(s, "")
	if m := dayFirst.FindStringSubmatch(s); m != nil {
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
func textFault(c column, s string) string {
	if n := utf8.RuneCountInString(s); n > columns[c].max {
		return fmt.Sprintf("it has %d characters, and %d are the most", n, columns[c].max)
	}
	for _, r := range s {
		switch {
		case columns[c].prose && (r == '\n' || r == '\t'):
		case r == '\x1d':
			return "it holds the separator that a scanner gives (GS, octet 1D), which no message can carry: let the scanner write the form with parentheses, (01)…(10)…"
		case unicode.IsControl(r), r == '\uFFFE', r == '\uFFFF', r == utf8.RuneError:
			return "it holds a control character or a line end"
		}
	}
	return ""
}
