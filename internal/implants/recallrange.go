package implants

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/implants/udi"
)

// Range is an inclusive range of lot or serial numbers; the zero value does not restrict. A single number is a range
// with equal ends.
//
// A range contains what the manufacturer who printed the numbers would expect: texts as long as an end of the range,
// compared character by character. When both ends are the same prefix followed by digits, a contained text has the same
// prefix followed by digits, and a longer number is greater than a shorter one. Thus L98 to L101 contains L98, L99,
// L100 and L101, but neither L9900 nor L99A.
type Range struct{ From, To string }

// IsZero reports whether the range does not restrict.
func (r Range) IsZero() bool { return r == Range{} }

// Normalize returns the range with its ends in the form in which numbers are compared. An end of blanks only stays, and
// SplitByLength refuses it.
func (r Range) Normalize() Range {
	return Range{From: cmp.Or(udi.MatchKey(r.From), r.From), To: cmp.Or(udi.MatchKey(r.To), r.To)}
}

// commonPrefixLength returns the length of the prefix that both ends have before their final digits. It returns false
// when the ends are not a common prefix followed by digits.
func (r Range) commonPrefixLength() (int, bool) {
	n := 0
	for n < min(len(r.From), len(r.To)) && r.From[n] == r.To[n] {
		n++
	}
	for n > 0 && isDigit(r.From[n-1]) {
		n--
	}
	return n, n < len(r.From) && isDigits(r.From[n:]) && isDigits(r.To[n:])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

// maxRangeEndLength bounds an end in characters: no lot number is longer.
const maxRangeEndLength = 100

// SplitByLength splits the range into ranges whose ends have one length each, so that character order is enough.
// Together they contain all texts of the range.
func (r Range) SplitByLength() ([]Range, error) {
	if r.IsZero() {
		return nil, nil
	}
	first, last := utf8.RuneCountInString(r.From), utf8.RuneCountInString(r.To)
	switch {
	case strings.TrimSpace(r.From) == "" || strings.TrimSpace(r.To) == "":
		return nil, errors.New("a range needs both ends, and a number is not only blanks")
	case !utf8.ValidString(r.From) || !utf8.ValidString(r.To) || max(first, last) > maxRangeEndLength:
		return nil, fmt.Errorf("the end of a range is a text of at most %d characters", maxRangeEndLength)
	case first > last || first == last && r.From > r.To:
		return nil, fmt.Errorf("the range ends before it begins: %s, %s", r.From, r.To)
	case first == last:
		return []Range{r}, nil
	}
	head, numbered := r.commonPrefixLength()
	if !numbered || r.To[head] == '0' {
		return nil, fmt.Errorf("between %s and %s there is no order: give ends of the same length, or the same text with a "+
			"number behind it",
			r.From, r.To)
	}
	var steps []Range
	text := r.From[:head]
	for digits := len(r.From) - head; digits <= len(r.To)-head; digits++ {
		step := Range{text + "1" + strings.Repeat("0", digits-1), text + strings.Repeat("9", digits)}
		if len(steps) == 0 {
			step.From = r.From
		}
		if digits == len(r.To)-head {
			step.To = r.To
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// Contains reports whether a text is in the range. The zero Range contains every text.
func (r Range) Contains(text string) bool {
	if r.IsZero() {
		return true
	}
	steps, err := r.SplitByLength()
	if err != nil {
		return false
	}
	head, numbered := r.commonPrefixLength()
	if numbered && (len(text) <= head || !isDigits(text[head:])) {
		return false
	}
	for _, step := range steps {
		if utf8.RuneCountInString(step.From) == utf8.RuneCountInString(text) {
			return step.From <= text && text <= step.To
		}
	}
	return false
}
