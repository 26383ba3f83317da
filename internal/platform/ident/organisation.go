package ident

import "github.com/openctr/ctr/internal/problem"

// CBE is the number of an enterprise in the Crossroads Bank for Enterprises (KBO, BCE).
type CBE struct{ digits string }

// ParseCBE parses 10 digits; the first is 0 or 1, the last two are the check number of the others modulo 97. An error
// has the code CBE_INVALID.
func ParseCBE(s string) (CBE, error) {
	switch {
	case len(s) != 10:
		return CBE{}, problem.New(CBEInvalid, wrongLength.With(len(s), 10))
	case !isDigits(s):
		return CBE{}, problem.New(CBEInvalid, notDigits)
	case s[0] > '1':
		return CBE{}, problem.New(CBEInvalid, wrongCBEFirstDigit)
	case !hasValidCheckNumber(s, 97):
		return CBE{}, problem.New(CBEInvalid, wrongCheckDigits)
	}
	return CBE{s}, nil
}

// IsZero reports whether the number is absent.
func (c CBE) IsZero() bool { return c == CBE{} }

// Digits returns the 10 digits, or the empty string if the number is absent.
func (c CBE) Digits() string { return c.digits }

// String returns the same text as Digits: an enterprise number is public.
func (c CBE) String() string { return c.digits }

// MarshalText returns the same text as Digits.
func (c CBE) MarshalText() ([]byte, error) { return []byte(c.digits), nil }

// EHP is the number that the eHealth platform assigns to an organisation without another number.
type EHP struct{ digits string }

// ParseEHP parses 10 digits; the last two are the check number of the others modulo 97. An error has the code
// EHP_INVALID.
func ParseEHP(s string) (EHP, error) {
	switch {
	case len(s) != 10:
		return EHP{}, problem.New(EHPInvalid, wrongLength.With(len(s), 10))
	case !isDigits(s):
		return EHP{}, problem.New(EHPInvalid, notDigits)
	case !hasValidCheckNumber(s, 97):
		return EHP{}, problem.New(EHPInvalid, wrongCheckDigits)
	}
	return EHP{s}, nil
}

// IsZero reports whether the number is absent.
func (e EHP) IsZero() bool { return e == EHP{} }

// Digits returns the 10 digits, or the empty string if the number is absent.
func (e EHP) Digits() string { return e.digits }

// String returns the same text as Digits.
func (e EHP) String() string { return e.digits }

// MarshalText returns the same text as Digits.
func (e EHP) MarshalText() ([]byte, error) { return []byte(e.digits), nil }
