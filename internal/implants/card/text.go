package card

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/openctr/ctr/internal/texts"
)

// translation is a text in one language.
type translation struct{ language, text string }

// distinctTranslations returns a text in all languages without duplicates: the card prints it once if two languages
// share it.
func distinctTranslations(text texts.Text) []translation {
	var out []translation
	for _, l := range texts.Langs() {
		s := text.Translate(l)
		if s != "" && !slices.ContainsFunc(out, func(t translation) bool { return t.text == s }) {
			out = append(out, translation{string(l), s})
		}
	}
	return out
}

// joinDistinct returns the distinct texts on one line.
func joinDistinct(text texts.Text) string {
	var all []string
	for _, t := range distinctTranslations(text) {
		all = append(all, t.text)
	}
	return strings.Join(all, separator)
}

const (
	separator   = " · "
	ellipsis    = "…"
	unknownMark = "–" // replaces an unknown value, so that it is visibly missing and not forgotten
)

// The texts of the card.
var (
	implantCardTitle = texts.Declare("card.implant_card_title")
	patientCardTitle = texts.Declare("card.patient_card_title")
	registerName     = texts.Declare("card.register_name")

	implantationKind = texts.Declare("card.implantation_kind")
	explantationKind = texts.Declare("card.explantation_kind")

	patientLabel    = texts.Declare("card.patient_label")
	ssinLabel       = texts.Declare("card.ssin_label")
	birthLabel      = texts.Declare("card.birth_label")
	dateLabel       = texts.Declare("card.date_label")
	specialistLabel = texts.Declare("card.specialist_label")
	hospitalLabel   = texts.Declare("card.hospital_label")
	numberLabel     = texts.Declare("card.number_label")
	registeredLabel = texts.Declare("card.registered_label")

	signatureLabel = texts.Declare("card.signature_label")

	deviceColumn         = texts.Declare("card.device_column")
	identificationColumn = texts.Declare("card.identification_column")
	siteColumn           = texts.Declare("card.site_column")
	siteAndDateColumn    = texts.Declare("card.site_and_date_column")
	quantityColumn       = texts.Declare("card.quantity_column")
	removedColumn        = texts.Declare("card.removed_column")
	remainingColumn      = texts.Declare("card.remaining_column")

	leftSide      = texts.Declare("card.left_side")
	rightSide     = texts.Declare("card.right_side")
	bilateralSide = texts.Declare("card.bilateral_side")

	deviceNotListed = texts.Declare("card.device_not_listed")
	noOperations    = texts.Declare("card.no_operations")

	manufacturerLegend = texts.Declare("card.manufacturer_legend")
	referenceLegend    = texts.Declare("card.reference_legend")
	codeLegend         = texts.Declare("card.code_legend")
	udiLegend          = texts.Declare("card.udi_legend")
	lotLegend          = texts.Declare("card.lot_legend")
	serialLegend       = texts.Declare("card.serial_legend")
	expiryLegend       = texts.Declare("card.expiry_legend")
)

// disclaimer states that this is not the manufacturer's card of Article 18 of Regulation (EU) 2017/745: the patient
// needs both.
var disclaimer = texts.Declare("card.disclaimer")

// maxValueLength bounds one printed value, in characters. No field of the contract is longer, but names from the
// authentic sources have no limit, and one name must not fill the card.
const maxValueLength = 250

// sanitizeText makes a value safe to print: one line, composed letters (Unicode NFC), no control or invisible
// formatting characters (a bidirectional override could make a number read backwards) but the joiners that Persian
// needs, no invalid UTF-8. A character that no font has is printed as U+FFFD, and copying from the PDF still gives the
// character.
func sanitizeText(s string) string {
	var b strings.Builder
	count, space := 0, false
	for _, r := range norm.NFC.String(s) {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = b.Len() > 0
			continue
		case r == '\u200c' || r == '\u200d': // zero-width non-joiner and joiner
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Variation_Selector, r):
			continue
		case r&0xFFFE == 0xFFFE: // a noncharacter
			r = utf8.RuneError
		}
		if count >= maxValueLength {
			return b.String() + ellipsis
		}
		if space {
			b.WriteByte(' ')
			space = false
			count++
		}
		b.WriteRune(r)
		count++
	}
	return b.String()
}

// orUnknown returns the value, or unknownMark if it is empty.
func orUnknown(s string) string {
	if s == "" {
		return unknownMark
	}
	return s
}

// groupDigits splits digits into groups of the given sizes; the last group has the remaining digits.
func groupDigits(digits, between string, sizes ...int) string {
	var b strings.Builder
	for _, size := range sizes {
		if size <= 0 || len(digits) <= size {
			break
		}
		b.WriteString(digits[:size] + between)
		digits = digits[size:]
	}
	return b.String() + digits
}

// formatSSIN formats a person's number as on identity cards: 48.02.29-073.79.
func formatSSIN(digits string) string {
	if len(digits) != 11 {
		return digits
	}
	return groupDigits(digits[:6], ".", 2, 2) + "-" + groupDigits(digits[6:], ".", 3)
}

// formatNIHII formats a professional's number as on prescriptions: 1-78003-89-480, or 1-78003-89 without qualification.
func formatNIHII(digits string) string { return groupDigits(digits, "-", 1, 5, 2) }

// formatNotificationNumber separates the day, the sequence number and the check digits of a notification number.
func formatNotificationNumber(digits string) string {
	return groupDigits(digits, "\u00a0", 8, len(digits)-10)
}
