// Package ident holds the numbers of the register's world as values that cannot be wrong: persons (SSIN, NIHII),
// organisations (NIHII, CBE, EHP), implants (NotificationCode), notifications (NotificationNumber), and the civil day
// (Date) that goes with them.
//
// It is separate so that everything above it (the rules, the store, the wire and the implant card) only ever meets
// numbers whose check digits hold. A value is made by its Parse function, or by New from values; the zero value means
// "absent". All types are comparable: == is equality, and they serve as keys of maps.
//
// The number itself is given by Digits and by nothing else for the numbers of persons: whatever prints, logs or
// encodes an SSIN or a NIHII gets its mask (see SSIN).
//
// Sources: the national register number (Royal Decree of 3 April 1984) and the bis number (law of 15 January 1990,
// art. 8); the RIZIV/INAMI note I 2012/26 for the modulus 89; the enterprise number (law of 16 January 2003). The two
// check digits of implant codes and notification numbers follow from published samples.
package ident

import "strconv"

// isDigits tells whether s consists of decimal digits only. It is true for the empty string.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// number is the value of at most 18 digits.
func number(digits string) uint64 {
	var n uint64
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
	}
	return n
}

// checkOf gives the check number of n: the modulus less the remainder, so 1 to modulus and never 0.
func checkOf(n, modulus uint64) uint64 { return modulus - n%modulus }

// endsInCheck tells whether the last two of the digits are the check number of those before them.
func endsInCheck(digits string, modulus uint64) bool {
	split := len(digits) - 2
	return number(digits[split:]) == checkOf(number(digits[:split]), modulus)
}

// Why a number is refused, beside the text of its code. Never the number itself.
const (
	notDigits  = "It holds something other than digits."
	wrongCheck = "Its check digits do not match."
)

func wrongLength(got int, want string) string {
	return "It has " + strconv.Itoa(got) + " characters instead of " + want + "."
}
