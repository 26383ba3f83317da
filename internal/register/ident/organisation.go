package ident

import "github.com/openctr/ctr/internal/problem"

// CBE is the number of an enterprise in the Crossroads Bank for Enterprises (KBO, BCE).
type CBE struct{ digits string }

// ParseCBE reads 10 digits, of which the first is 0 or 1 and the last two check the others modulo 97. A refusal has
// the code CBE_INVALID.
func ParseCBE(s string) (CBE, error) {
	switch {
	case len(s) != 10:
		return CBE{}, problem.New(problem.CBEInvalid, wrongLength(len(s), "10"))
	case !isDigits(s):
		return CBE{}, problem.New(problem.CBEInvalid, notDigits)
	case s[0] > '1':
		return CBE{}, problem.New(problem.CBEInvalid, "Its first digit is neither 0 nor 1.")
	case !endsInCheck(s, 97):
		return CBE{}, problem.New(problem.CBEInvalid, wrongCheck)
	}
	return CBE{s}, nil
}

// IsZero tells whether the number is absent.
func (c CBE) IsZero() bool { return c == CBE{} }

// Digits gives the 10 digits, or nothing when the number is absent.
func (c CBE) Digits() string { return c.digits }

// String gives the same as Digits: an enterprise's number is public.
func (c CBE) String() string { return c.digits }

// MarshalText gives the same as Digits.
func (c CBE) MarshalText() ([]byte, error) { return []byte(c.digits), nil }

// EHP is the number that the eHealth platform gives to a party that has no other.
type EHP struct{ digits string }

// ParseEHP reads 10 digits, of which the last two check the others modulo 97. A refusal has the code EHP_INVALID.
func ParseEHP(s string) (EHP, error) {
	switch {
	case len(s) != 10:
		return EHP{}, problem.New(problem.EHPInvalid, wrongLength(len(s), "10"))
	case !isDigits(s):
		return EHP{}, problem.New(problem.EHPInvalid, notDigits)
	case !endsInCheck(s, 97):
		return EHP{}, problem.New(problem.EHPInvalid, wrongCheck)
	}
	return EHP{s}, nil
}

// IsZero tells whether the number is absent.
func (e EHP) IsZero() bool { return e == EHP{} }

// Digits gives the 10 digits, or nothing when the number is absent.
func (e EHP) Digits() string { return e.digits }

// String gives the same as Digits.
func (e EHP) String() string { return e.digits }

// MarshalText gives the same as Digits.
func (e EHP) MarshalText() ([]byte, error) { return []byte(e.digits), nil }
