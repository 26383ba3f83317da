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
	"github.com/openctr/ctr/internal/texts"
)

// valueRules are the rules of a simple type: its built-in base type and its facets (XML Schema part 2, section 4.3).
type valueRules struct {
	builtin      *builtinType
	patterns     []pattern
	enumeration  []string
	length       int // unset if negative, as are the next two
	minLength    int
	maxLength    int
	needsLibrary bool // has a pattern that only the library may decide about
	minInclusive *int64
	maxInclusive *int64
}

// pattern is a pattern facet: its source, and compiled to match a whole value.
type pattern struct {
	source   string
	compiled *regexp.Regexp
}

// builtinType is a built-in simple type.
type builtinType struct {
	description    texts.Text
	unit           *lengthUnit // the unit of its length; nil if it has none
	collapsesSpace bool        // whether surrounding white space is ignored
	isID           bool        // whether a value may occur only once
	// matchPlain is like parse, but accepts only values that belong to the type beyond doubt.
	matchPlain func(v string) (length int, ok bool)
	// parse reports whether the collapsed value belongs to the type, and returns its length in units.
	parse func(v string) (length int, ok bool)
}

// newBuiltinRules returns the rules of a built-in type.
func newBuiltinRules(local string) (*valueRules, error) {
	kinds := map[string]*builtinType{
		"string": {aText, inCharacters, false, false, countCharacters, countCharacters},
		"anyURI": {aURI, inCharacters, true, false, matchPlainURN, parseURI},
		// xml:lang may be empty
		"language": {aLanguage, nil, true, false, matchPlainLanguage, newMatcher(`([a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*)?`)},
		"ID":       {anNCName, nil, true, true, matchPlainName, newMatcher(`[\pL_][\pL\pN\p{Mn}\p{Mc}_.·-]*`)},
		"boolean":  {aBoolean, nil, true, false, matchPlainBoolean, newMatcher(`true|false|0|1`)},
		"int": {
			anInteger, nil, true, false, matchPlainInt, func(v string) (int, bool) { _, ok := parseInt(v); return 0, ok },
		},
		"date": {aDate, nil, true, false, matchPlainDate, func(v string) (int, bool) { return 0, isDate(v) }},
		"dateTime": {
			anInstant, nil, true, false, matchPlainDateTime, func(v string) (int, bool) { return 0, isDateTime(v) },
		},
		"base64Binary": {someBytes, inBytes, true, false, matchPlainBase64, base64Length},
	}
	k, ok := kinds[local]
	if !ok {
		return nil, fmt.Errorf("the built-in type %s is outside the part of XML Schema that the contract uses", local)
	}
	return &valueRules{builtin: k, length: -1, minLength: -1, maxLength: -1}, nil
}

// applyRestriction returns the rules of a restriction of r.
func (r *valueRules) applyRestriction(restriction xmldoc.Element) (*valueRules, error) {
	if r == nil {
		return nil, fmt.Errorf("the base has no value")
	}
	narrowed := *r
	narrowed.enumeration = nil // an enumeration replaces that of the base, which it narrows
	var alternatives []string  // patterns of one step are alternatives (section 4.3.4.3)
	for facet := range restriction.Children() {
		v := attributeValue(facet, "value")
		var err error
		switch facet.Local() {
		case "annotation":
		case "pattern":
			alternatives = append(alternatives, v)
		case "enumeration":
			narrowed.enumeration = append(narrowed.enumeration, v)
		case "length":
			narrowed.length, err = strconv.Atoi(v)
		case "minLength":
			narrowed.minLength, err = strconv.Atoi(v)
		case "maxLength":
			narrowed.maxLength, err = strconv.Atoi(v)
		case "minInclusive":
			narrowed.minInclusive, err = parseBound(v)
		case "maxInclusive":
			narrowed.maxInclusive, err = parseBound(v)
		default:
			err = unsupportedError(facet)
		}
		if err != nil {
			return nil, err
		}
	}
	if narrowed.enumeration == nil {
		narrowed.enumeration = r.enumeration
	}
	if len(alternatives) > 0 {
		source := strings.Join(alternatives, "|")
		form, err := regexp.Compile(`\A(?:` + source + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("pattern: %w", err)
		}
		narrowed.patterns = append(slices.Clone(r.patterns), pattern{source, form})
		narrowed.needsLibrary = narrowed.needsLibrary || !portablePattern.MatchString(source)
	}
	return &narrowed, nil
}

func parseBound(v string) (*int64, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// acceptsValue reports whether a value follows the rules.
func (r *valueRules) acceptsValue(v string) bool {
	if r.builtin.collapsesSpace {
		v = strings.Trim(v, " \t\r\n")
	}
	length, ok := r.builtin.parse(v)
	return ok && r.withinFacets(v, length)
}

// withinFacets reports whether a value of the type is within the facets.
func (r *valueRules) withinFacets(v string, length int) bool {
	if len(r.enumeration) > 0 && !slices.Contains(r.enumeration, v) {
		return false
	}
	for _, p := range r.patterns {
		if !p.compiled.MatchString(v) {
			return false
		}
	}
	if r.length >= 0 && length != r.length || length < r.minLength || r.maxLength >= 0 && length > r.maxLength {
		return false
	}
	if r.minInclusive == nil && r.maxInclusive == nil {
		return true
	}
	n, _ := parseInt(v)
	return (r.minInclusive == nil || n >= *r.minInclusive) && (r.maxInclusive == nil || n <= *r.maxInclusive)
}

// describeExpected describes the accepted values in words.
func (r *valueRules) describeExpected() texts.Text {
	if len(r.enumeration) > 0 {
		return expected.With(oneOf.With(strings.Join(r.enumeration, ", ")))
	}
	described := r.builtin.description
	for _, p := range r.patterns {
		described = matchingPattern.With(described, p.source)
	}
	switch {
	case r.minInclusive != nil && r.maxInclusive != nil:
		described = inRange.With(described, *r.minInclusive, *r.maxInclusive)
	case r.minInclusive != nil:
		described = orMore.With(described, *r.minInclusive)
	case r.maxInclusive != nil:
		described = orLess.With(described, *r.maxInclusive)
	}
	switch unit := r.builtin.unit; {
	case unit == nil:
	case r.length >= 0:
		described = unit.exactly.With(described, r.length)
	case r.minLength > 0 && r.maxLength >= 0:
		described = unit.between.With(described, r.minLength, r.maxLength)
	case r.minLength > 0:
		described = unit.min.With(described, r.minLength)
	case r.maxLength >= 0:
		described = unit.max.With(described, r.maxLength)
	}
	return expected.With(described)
}

func newMatcher(pattern string) func(string) (int, bool) {
	form := regexp.MustCompile(`\A(?:` + pattern + `)\z`)
	return func(v string) (int, bool) { return 0, form.MatchString(v) }
}

// parseInt parses an xs:int: 32 bits; a sign and leading zeros are allowed (section 3.3.17).
func parseInt(v string) (int64, bool) {
	n, err := strconv.ParseInt(v, 10, 32)
	return n, err == nil && !strings.Contains(v, "_")
}

var (
	datePattern = regexp.MustCompile(
		`^-?([0-9]{4}|[1-9][0-9]{4,})-([0-9]{2})-([0-9]{2})(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?$`,
	)
	dateTimePattern = regexp.MustCompile(
		`^(.+)T(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|24:00:00(\.0+)?)` +
			`(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?$`,
	)
	zonelessDatePattern = regexp.MustCompile(`^-?[0-9]+-[0-9]{2}-[0-9]{2}$`)
)

// isDate follows section 3.2.9: a year of at least four digits but not 0000, an existing day, and an optional time
// zone.
func isDate(v string) bool {
	m := datePattern.FindStringSubmatch(v)
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
	m := dateTimePattern.FindStringSubmatch(v)
	return m != nil && zonelessDatePattern.MatchString(m[1]) && isDate(m[1])
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

func countCharacters(v string) (int, bool) { return utf8.RuneCountInString(v), true }

// parseURI rejects little: XML Schema (section 3.2.17) first escapes what a URI may not contain, white space included.
func parseURI(v string) (int, bool) {
	_, err := url.Parse(strings.ReplaceAll(v, " ", "%20"))
	return utf8.RuneCountInString(v), err == nil
}
