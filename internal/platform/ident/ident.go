// Package ident defines the identifiers of the register as types that hold valid values only: persons (SSIN, NIHII),
// organisations (NIHII, CBE, EHP), implants (NotificationCode), notifications (NotificationNumber), and the calendar
// day (Date).
//
// It is separate so that all other packages (rules, store, wire messages, implant card) only handle numbers with valid
// check digits. The Parse and New functions are the only constructors; the zero value means "absent". All types are
// comparable with == and can be map keys.
//
// For the numbers of persons only Digits returns the number: printing, logging or encoding an SSIN or a NIHII gives its
// mask (see SSIN).
//
// Sources: the national register number (Royal Decree of 3 April 1984) and the bis number (law of 15 January 1990,
// art. 8); the RIZIV/INAMI note I 2012/26 for the modulus 89; the enterprise number (law of 16 January 2003). The two
// check digits of implant codes and notification numbers follow from published samples.
package ident

// isDigits reports whether s consists of decimal digits only. It is true for the empty string.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// parseDigits returns the value of at most 18 decimal digits.
func parseDigits(digits string) uint64 {
	var n uint64
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
	}
	return n
}

// checkNumber returns the check number of n: the modulus minus the remainder, so from 1 to modulus and never 0.
func checkNumber(n, modulus uint64) uint64 { return modulus - n%modulus }

// hasValidCheckNumber reports whether the last two digits are the check number of the preceding ones. Zeros alone are
// no number, although 97 is their check number.
func hasValidCheckNumber(digits string, modulus uint64) bool {
	split := len(digits) - 2
	base := parseDigits(digits[:split])
	return base != 0 && parseDigits(digits[split:]) == checkNumber(base, modulus)
}
