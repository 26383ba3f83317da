package udi

import (
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// TrimNumber returns a lot or serial number as it is stored: without blanks around it, and with single ones inside.
func TrimNumber(s string) string {
	return strings.Join(strings.Fields(replaceCharacters(s)), " ")
}

// MatchKey returns the form in which lots and serial numbers are compared: without blanks, which people type and
// labels have, but no standard allows. What a written separator had joined to the number is not part of it.
func MatchKey(s string) string {
	number, _, _ := strings.Cut(strings.Trim(replaceSeparators(s), " "+separator), separator)
	return strings.ReplaceAll(number, " ", "")
}

// AreDifferentNumbers reports whether two lots or serial numbers are given and differ in more than blanks.
func AreDifferentNumbers(a, b string) bool {
	a, b = MatchKey(a), MatchKey(b)
	return a != "" && b != "" && a != b
}

// ExplainError returns the code of an error of this package, its words in English, and the detail.
func ExplainError(err error) string {
	refusal := problem.From(err)
	entry, _ := problem.Lookup(refusal.Code)
	return strings.TrimSpace(string(refusal.Code) + ": " + entry.Text(texts.English) + " " + refusal.Detail.String())
}
