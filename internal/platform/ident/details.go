package ident

import "github.com/openctr/ctr/internal/texts"

// Reasons for rejecting a number, added to the text of the error code. They never contain the number.
var (
	wrongLength        = texts.Declare2[int, int]("number.length", "found", "expected")
	wrongLengthEither  = texts.Declare3[int, int, int]("number.length_either", "found", "first", "second")
	wrongLengthBetween = texts.Declare3[int, int, int]("number.length_between", "found", "min", "max")

	notDigits            = texts.Declare("number.not_digits")
	wrongCheckDigits     = texts.Declare("number.check_digits")
	wrongNIHIICheck      = texts.Declare("number.nihii_check_digits")
	wrongCBEFirstDigit   = texts.Declare("number.cbe_first_digit")
	noDatePrefix         = texts.Declare("number.no_date_prefix")
	paddedRunningNumber  = texts.Declare("number.padded")
	notBirthDate         = texts.Declare("number.not_birth_date")
	noSuchBirthDay       = texts.Declare("number.no_such_day")
	wrongSequenceOfBirth = texts.Declare("number.sequence")
)
