package x509id

import (
	"github.com/openctr/ctr/internal/texts"
)

// Details of refusals that concern a message. What concerns the files of an operator (keys in PKCS #12, lists of
// revoked certificates, trusted certificates) is in English only, as are the commands that read them.
var (
	invalidName        = texts.Declare1[texts.Text]("name.invalid", "reason")
	wrongPartCount     = texts.Declare1[int]("name.part_count", "max")
	valueNotShortText  = texts.Declare("name.value_not_short_text")
	notParts           = texts.Declare("name.not_parts")
	valueNotText       = texts.Declare("name.value_not_text")
	unknownPartType    = texts.Declare("name.unknown_type")
	openQuotation      = texts.Declare("name.open_quotation")
	trailingText       = texts.Declare("name.trailing_text")
	unescapedCharacter = texts.Declare("name.unescaped")
	unknownEscape      = texts.Declare("name.unknown_escape")
	notHexadecimal     = texts.Declare("name.not_hexadecimal")
	notDERText         = texts.Declare("name.not_der_text")
	serialNotDecimal   = texts.Declare1[int]("name.serial_not_decimal", "max")

	tooManyParts     = texts.Declare("subject.too_many_parts")
	multiValuedPart  = texts.Declare("subject.multi_valued_part")
	partNotShortText = texts.Declare1[string]("subject.not_short_text", "part")
	partRepeated     = texts.Declare1[string]("subject.repeated", "part")
	otherPlatform    = texts.Declare("subject.other_platform")
	wrongCN          = texts.Declare("subject.cn_form")
	wrongApplication = texts.Declare("subject.application_form")
	noPlatformUnit   = texts.Declare("subject.no_platform_ou")
	wrongHolderUnit  = texts.Declare("subject.holder_ou")
	unitDiffersCN    = texts.Declare("subject.cn_ou_differ")
	unitRepeatsNotCN = texts.Declare("subject.cn_not_repeated")

	digitCount = texts.Declare3[string, int, int]("subject.digits", "type", "received", "expected")

	notSequence       = texts.Declare("der.not_sequence")
	notCertificates   = texts.Declare("der.not_certificates")
	keyAlgorithm      = texts.Declare1[string]("key.algorithm", "algorithm")
	serialNegative    = texts.Declare1[string]("certificate.serial_negative", "serial")
	keyCurve          = texts.Declare1[string]("key.curve", "curve")
	certificateStarts = texts.Declare1[string]("clock.valid_from", "from")
	certificateEnds   = texts.Declare1[string]("clock.valid_until", "until")
)
