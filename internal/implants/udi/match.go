package udi

import "strings"

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
