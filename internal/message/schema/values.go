package schema

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// valueRules are the rules of a simple type: its built-in base type and its facets (XML Schema part 2, section 4.3).
type valueRules struct {
	kind     *valueKind
	patterns []pattern
	options  []string
	length   int // unset if negative, as are the next two
	shortest int
	longest  int
	unsure   bool // has a pattern that only the library may decide about
	least    *int64
	greatest *int64
}

// pattern is a pattern facet: its source, and compiled to match a whole value.
type pattern struct {
	source string
	form   *regexp.Regexp
}

// builtinType is a built-in simple type.
type valueKind struct {
	expected   string // for error texts
	unit       string // the unit of its length; "" if it has none
	collapse   bool   // whether surrounding white space is ignored
	identifies bool   // whether a value may occur only once
	// matchPlain is like parse, but accepts only values that belong to the type beyond doubt.
	plain func(v string) (length int, ok bool)
	// parse reports whether the collapsed value belongs to the type, and returns its length in units.
	parse func(v string) (length int, ok bool)
}

// newBuiltinRules returns the rules of a built-in type.
func builtin(local string) (*valueRules, error) {
	kinds := map[string]*valueKind{
		"string":       {"a text", "characters", false, false, characters, characters},
		"anyURI":       {"a URI", "characters", true, false, plainURN, uri},
		"language":     {"a language tag such as nl", "", true, false, plainLanguage, matcher(`([a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*)?`)}, // xml:lang may be empty
		"ID":           {"an XML name that begins with a letter or _ and has no colon", "", true, true, plainName, matcher(`[\pL_][\pL\pN\p{Mn}\p{Mc}_.·-]*`)},
		"boolean":      {"true or false", "", true, false, plainBoolean, matcher(`true|false|0|1`)},
		"int":          {"a whole number", "", true, false, plainInt, func(v string) (int, bool) { _, ok := parseInt(v); return 0, ok }},
		"date":         {"a date as YYYY-MM-DD", "", true, false, plainDate, func(v string) (int, bool) { return 0, isDate(v) }},
		"dateTime":     {"an instant as YYYY-MM-DDThh:mm:ssZ", "", true, false, plainDateTime, func(v string) (int, bool) { return 0, isDateTime(v) }},
		"base64Binary": {"octets in base64", "octets", true, false, plainBase64, base64Length},
	}
	k, ok := kinds[local]
	if !ok {
		return nil, fmt.Errorf("the built-in type %s is outside the part of XML Schema that the contract uses", local)
	}
	return &valueRules{kind: k, length: -1, shortest: -1, longest: -1}, nil
}

// applyRestriction returns the rules of a restriction of r.
func (r *valueRules) restrict(restriction xmldoc.Element) (*valueRules, error) {
	if r == nil {
		return nil, fmt.Errorf("the base has no value")
	}
	narrowed := *r
	narrowed.options = nil    // an enumeration replaces that of the base, which it narrows
	var alternatives []string // patterns of one step are alternatives (section 4.3.4.3)
	for facet := range restriction.Children() {
		v := attribute(facet, "value")
		var err error
		switch facet.Local() {
		case "annotation":
		case "pattern":
			alternatives = append(alternatives, v)
		case "enumeration":
			narrowed.options = append(narrowed.options, v)
		case "length":
			narrowed.length, err = strconv.Atoi(v)
		case "minLength":
			narrowed.shortest, err = strconv.Atoi(v)
		case "maxLength":
			narrowed.longest, err = strconv.Atoi(v)
		case "minInclusive":
			narrowed.least, err = bound(v)
		case "maxInclusive":
			narrowed.greatest, err = bound(v)
		default:
			err = unsupported(facet)
		}
		if err != nil {
			return nil, err
		}
	}
	if narrowed.options == nil {
		narrowed.options = r.options
	}
	if len(alternatives) > 0 {
		source := strings.Join(alternatives, "|")
		form, err := regexp.Compile(`\A(?:` + source + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("pattern: %w", err)
		}
		narrowed.patterns = append(slices.Clone(r.patterns), pattern{source, form})
		narrowed.unsure = narrowed.unsure || !samePattern.MatchString(source)
	}
	return &narrowed, nil
}

func bound(v string) (*int64, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// acceptsValue reports whether a value follows the rules.
func (r *valueRules) accept(v string) bool {
	if r.kind.collapse {
		v = strings.Trim(v, " \t\r\n")
	}
	length, ok := r.kind.parse(v)
	return ok && r.within(v, length)
}

// withinFacets reports whether a value of the type is within the facets.
func (r *valueRules) within(v string, length int) bool {
	if len(r.options) > 0 && !slices.Contains(r.options, v) {
		return false
	}
	for _, p := range r.patterns {
		if !p.form.MatchString(v) {
			return false
		}
	}
	if r.length >= 0 && length != r.length || length < r.shortest || r.longest >= 0 && length > r.longest {
		return false
	}
	if r.least == nil && r.greatest == nil {
		return true
	}
	n, _ := parseInt(v)
	return (r.least == nil || n >= *r.least) && (r.greatest == nil || n <= *r.greatest)
}

// describeExpected describes the accepted values in words.
func (r *valueRules) expected() string {
	var phrases []string
	if len(r.options) > 0 {
		return "expected: one of " + strings.Join(r.options, ", ")
	}
	for _, p := range r.patterns {
		phrases = append(phrases, "that matches "+p.source)
	}
	switch {
	case r.least != nil && r.greatest != nil:
		phrases = append(phrases, fmt.Sprintf("from %d to %d", *r.least, *r.greatest))
	case r.least != nil:
		phrases = append(phrases, fmt.Sprintf("of %d or more", *r.least))
	case r.greatest != nil:
		phrases = append(phrases, fmt.Sprintf("of %d or less", *r.greatest))
	}
	switch unit := r.kind.unit; {
	case r.length >= 0:
		phrases = append(phrases, fmt.Sprintf("of %d %s", r.length, unit))
	case r.shortest > 0 && r.longest >= 0:
		phrases = append(phrases, fmt.Sprintf("of %d to %d %s", r.shortest, r.longest, unit))
	case r.shortest > 0:
		phrases = append(phrases, fmt.Sprintf("of at least %d %s", r.shortest, unit))
	case r.longest >= 0:
		phrases = append(phrases, fmt.Sprintf("of at most %d %s", r.longest, unit))
	}
	return strings.Join(append([]string{"expected: " + r.kind.expected}, phrases...), " ")
}

func matcher(pattern string) func(string) (int, bool) {
	form := regexp.MustCompile(`\A(?:` + pattern + `)\z`)
	return func(v string) (int, bool) { return 0, form.MatchString(v) }
}

// parseInt parses an xs:int: 32 bits; a sign and leading zeros are allowed (section 3.3.17).
func parseInt(v string) (int64, bool) {
	n, err := strconv.ParseInt(v, 10, 32)
	return n, err == nil && !strings.Contains(v, "_")
}

var (
	dateForm     = regexp.MustCompile(`^-?([0-9]{4}|[1-9][0-9]{4,})-([0-9]{2})-([0-9]{2})(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?$`)
	dateTimeForm = regexp.MustCompile(`^(.+)T(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|24:00:00(\.0+)?)(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?$`)
	onlyDay      = regexp.MustCompile(`^-?[0-9]+-[0-9]{2}-[0-9]{2}$`)
)

// isDate follows section 3.2.9: a year of at least four digits but not 0000, an existing day, and an optional time
// zone.
func isDate(v string) bool {
	m := dateForm.FindStringSubmatch(v)
	if m == nil || m[1] == "0000" {
		return false
	}
	// The calendar repeats every 400 years; the last four digits suffice, and a long year must not overflow.
	year, err := strconv.Atoi(m[1][max(0, len(m[1])-4):])
	if err != nil {
		return false
	}
	if strings.HasPrefix(v, "-") {
		year = 400 - year%400
	}
	_, err = time.Parse(time.DateOnly, fmt.Sprintf("%04d-%s-%s", year%400+2000, m[2], m[3]))
	return err == nil
}

// isDateTime follows section 3.2.7.
func isDateTime(v string) bool {
	m := dateTimeForm.FindStringSubmatch(v)
	return m != nil && onlyDay.MatchString(m[1]) && isDate(m[1])
}

// base64Length returns the decoded length of a value in bytes. Section 3.2.16 allows single spaces between characters.
func base64Length(v string) (int, bool) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, v))
	return len(decoded), err == nil
}

func characters(v string) (int, bool) { return utf8.RuneCountInString(v), true }

// parseURI rejects little: XML Schema (section 3.2.17) first escapes what a URI may not contain, white space included.
func uri(v string) (int, bool) {
	_, err := url.Parse(strings.ReplaceAll(v, " ", "%20"))
	return utf8.RuneCountInString(v), err == nil
}
