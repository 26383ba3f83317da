package batch

import (
	"regexp"
	"strings"

	"github.com/openctr/ctr/internal/implants/udi"
)

// A spreadsheet or a program changed these cells: what stood there is lost.
var (
	// powerOfTen is a number in scientific notation as spreadsheets and programs write it. A lot such as 12E5 is none: it
	// has neither decimals nor the sign of an exponent.
	powerOfTen = regexp.MustCompile(`^[+-]?[0-9](?:[.,][0-9]+[eE][+-]?|[eE][+-])[0-9]+$`)
	// formulaError is the result of a formula that failed, in Dutch, French, German and English, or of LibreOffice.
	formulaError = regexp.MustCompile(`^(?i:#\p{L}[\p{L}_/0-9 ]*[!?]|#N/?[ABDV]|#NB|#GETTING_DATA|Err:[0-9]{3})$`)
	// narrowColumn is a number that did not fit into its column.
	narrowColumn = regexp.MustCompile(`^#{3,}$`)
)

// explainDamage returns what a spreadsheet did to a value, or an empty string.
func explainDamage(c column, value string) string {
	switch {
	case powerOfTen.MatchString(value):
		return "a spreadsheet made a power of ten of it and dropped digits: make the column text, and fill it again"
	case formulaError.MatchString(value):
		return "it is the error of a spreadsheet's formula, not a value"
	case narrowColumn.MatchString(value):
		return "the spreadsheet's column was too narrow for it: widen the column, and save the file again"
	case c == columnUDI && isDigits(value) && lacksZero(value):
		return "a spreadsheet dropped the zero in front: make the column text, and fill it again"
	}
	return ""
}

// lacksZero reports whether digits are a UDI only with a zero in front of them.
func lacksZero(digits string) bool {
	without, _ := udi.Parse(digits)
	with, err := udi.Parse("0" + digits)
	return without.DI == "" && with.DI != "" && err == nil && !strings.HasPrefix(digits, "0")
}
