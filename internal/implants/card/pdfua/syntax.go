package pdfua

import (
	"math"
	"strconv"
	"unicode/utf16"
)

// reference is the number of an indirect object; generation numbers are always 0.
type reference int

const hexDigits = "0123456789ABCDEF"

func appendReference(b []byte, r reference) []byte {
	return append(strconv.AppendInt(b, int64(r), 10), " 0 R"...)
}

// appendReferences appends an array of references.
func appendReferences(b []byte, all []reference) []byte {
	b = append(b, '[')
	for i, r := range all {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendReference(b, r)
	}
	return append(b, ']')
}

// appendNumber appends a number with at most three decimals: a thousandth of a point is invisible.
func appendNumber(b []byte, value float64) []byte {
	n := int64(math.Round(value * 1000))
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/1000, 10)
	if n %= 1000; n == 0 {
		return b
	}
	const decimals = "0123456789"
	b = append(b, '.')
	for place := int64(100); n > 0; place /= 10 {
		b = append(b, decimals[n/place])
		n %= place
	}
	return b
}

// appendNumbers appends numbers, each followed by a space.
func appendNumbers(b []byte, values ...float64) []byte {
	for _, v := range values {
		b = append(appendNumber(b, v), ' ')
	}
	return b
}

// appendText appends a text string (7.9.2.2): literal if it is printable ASCII, otherwise UTF-16 in hexadecimal.
func appendText(b []byte, s string) []byte {
	if !isPrintableASCII(s) {
		b = append(b, "<FEFF"...)
		return append(appendUTF16(b, s), '>')
	}
	b = append(b, '(')
	for i := range len(s) {
		if c := s[i]; c == '(' || c == ')' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, ')')
}

// appendUTF16 appends a text as UTF-16, big-endian, in hexadecimal.
func appendUTF16(b []byte, s string) []byte {
	var units [2]uint16
	for _, r := range s {
		for _, u := range utf16.AppendRune(units[:0], r) {
			b = appendHex16(b, int(u))
		}
	}
	return b
}

func appendHex16(b []byte, n int) []byte {
	return append(b, hexDigits[n>>12&15], hexDigits[n>>8&15], hexDigits[n>>4&15], hexDigits[n&15])
}

func isPrintableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
