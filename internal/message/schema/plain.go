package schema

import (
	"regexp"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// fastValidator recognises elements that are valid beyond doubt, as nearly every message is, in a tenth of the
// library's time. It walks the parsed tree with the model's tables.
//
// Its result is "valid" or "let the library decide", never "invalid". It does not accept unusual constructs, even where
// the schemas allow them: xsi attributes, xs:any, comments and CDATA sections in values, white space around a number, a
// five-digit year. The library decides about all of these, so the rules here need only be narrower than the
// specification, not equal to it. Tests compare the two.
type fastValidator struct {
	source  string
	idCount int // values of type xs:ID so far; from the second on, the library checks that they differ
}

// acceptsElement reports whether an element is plainly valid for a type (part 1, section 3.4.4).
func (p *fastValidator) acceptsElement(e xmldoc.Element, d *typeDefinition) bool {
	if !p.acceptsAttributes(e, d) {
		return false
	}
	if d.valueRules != nil {
		return p.acceptsSimpleContent(e, d.valueRules)
	}
	if d.content == nil {
		return isEmptyElement(e)
	}
	next, ok := p.matchParticle(d.content, e.FirstChild())
	return ok && next.IsZero() && p.hasOnlyElements(e)
}

func (p *fastValidator) acceptsAttributes(e xmldoc.Element, d *typeDefinition) bool {
	for a := range e.Attrs() {
		use, ok := d.findAttributeUse(expandedName{a.Space, a.Local})
		if !ok || !p.acceptsValue(use.valueRules, a.Value) {
			return false
		}
	}
	for i := range d.attributes {
		use := &d.attributes[i]
		if use.required {
			if _, ok := e.Attr(use.name.namespace, use.name.local); !ok {
				return false
			}
		}
	}
	return true
}

func (p *fastValidator) acceptsSimpleContent(e xmldoc.Element, rules *valueRules) bool {
	start, end := e.Offset()
	text, ok := e.Text()
	return ok && !strings.Contains(p.source[start:end], "<!") && !strings.Contains(p.source[start:end], "<?") &&
		p.acceptsValue(rules, text)
}

// isEmptyElement reports whether an element has no content at all, not even white space.
func isEmptyElement(e xmldoc.Element) bool {
	start, end := e.ContentOffset()
	return start == end
}

// hasOnlyElements reports whether there is only white space between the children of an element.
func (p *fastValidator) hasOnlyElements(e xmldoc.Element) bool {
	from, end := e.ContentOffset()
	for child := range e.Children() {
		childStart, childEnd := child.Offset()
		if !isWhiteSpace(p.source[from:childStart]) {
			return false
		}
		from = childEnd
	}
	return isWhiteSpace(p.source[from:end])
}

func isWhiteSpace(text string) bool { return strings.Trim(text, " \t\r\n") == "" }

// matchParticle matches as many children as the particle allows, starting at next, and returns the first unmatched one.
// Content models are deterministic (part 1, section 3.8.6), so a child matches one particle only; and once a match is
// found, the element is valid whatever other matches there might be.
func (p *fastValidator) matchParticle(particle *particle, next xmldoc.Element) (xmldoc.Element, bool) {
	for taken := 0; particle.max == unbounded || taken < particle.max; taken++ {
		if !particle.canStartWith(next) {
			return next, taken >= particle.min || particle.isEmptiable()
		}
		following, ok := p.matchOccurrence(particle, next)
		if !ok || following == next {
			return next, false
		}
		next = following
	}
	return next, true
}

// matchOccurrence matches one occurrence of a particle, which can start with next.
func (p *fastValidator) matchOccurrence(particle *particle, next xmldoc.Element) (xmldoc.Element, bool) {
	switch particle.kind {
	case elementParticle:
		return next.NextSibling(), p.acceptsElement(next, particle.elementType)
	case choiceParticle:
		for _, part := range particle.particles {
			if part.canStartWith(next) {
				return p.matchParticle(part, next)
			}
		}
	case sequenceParticle:
		for _, part := range particle.particles {
			following, ok := p.matchParticle(part, next)
			if !ok {
				return next, false
			}
			next = following
		}
		return next, true
	case anyParticle:
	}
	return next, false
}

// canStartWith reports whether the particle can match e as its first element.
func (p *particle) canStartWith(e xmldoc.Element) bool {
	if e.IsZero() || p.max == 0 {
		return false
	}
	if p.kind == elementParticle {
		return e.Is(p.name.namespace, p.name.local)
	}
	for _, part := range p.particles {
		if part.canStartWith(e) {
			return true
		}
		if p.kind == sequenceParticle && !part.isEmptiable() {
			return false
		}
	}
	return false
}

// isEmptiable reports whether the particle matches an empty sequence of elements (part 1, section 3.9.6).
func (p *particle) isEmptiable() bool {
	if p.min == 0 {
		return true
	}
	switch p.kind {
	case choiceParticle:
		for _, part := range p.particles {
			if part.isEmptiable() {
				return true
			}
		}
	case sequenceParticle:
		for _, part := range p.particles {
			if !part.isEmptiable() {
				return false
			}
		}
		return true
	case elementParticle, anyParticle:
	}
	return false
}

// acceptsValue reports whether a value is plainly valid for a simple type: of an unambiguous form, and within the
// facets.
func (p *fastValidator) acceptsValue(r *valueRules, v string) bool {
	length, ok := r.builtin.matchPlain(v)
	if !ok || r.needsLibrary {
		return false
	}
	if r.builtin.isID {
		if p.idCount++; p.idCount > 1 {
			return false
		}
	}
	return r.withinFacets(v, length)
}

// portablePattern matches the patterns that have the same meaning in XML Schema (part 2, appendix F) and in Go: without
// dot, escape, anchor, or any construct that only one of the two has.
var portablePattern = regexp.MustCompile(`^[][0-9A-Za-z{},()?*+|-]*$`)

// matchesDigitForm reports whether a value has a digit wherever form has a 0, and is equal to form elsewhere.
func matchesDigitForm(v, form string) bool {
	if len(v) != len(form) {
		return false
	}
	for i := range len(v) {
		if form[i] == '0' && (v[i] < '0' || v[i] > '9') || form[i] != '0' && v[i] != form[i] {
			return false
		}
	}
	return true
}

func matchPlainDate(v string) (int, bool) {
	if !matchesDigitForm(v, "0000-00-00") || strings.HasPrefix(v, "0000") {
		return 0, false
	}
	_, err := time.Parse(time.DateOnly, v)
	return 0, err == nil
}

// matchPlainDateTime accepts UTC only, with or without a fraction of a second.
func matchPlainDateTime(v string) (int, bool) {
	const seconds = len("0000-00-00T00:00:00")
	if len(v) <= seconds || !matchesDigitForm(v[:seconds], "0000-00-00T00:00:00") {
		return 0, false
	}
	if rest := v[seconds:]; rest != "Z" {
		fraction, ok := strings.CutPrefix(strings.TrimSuffix(rest, "Z"), ".")
		if !ok || !strings.HasSuffix(rest, "Z") || !isDigits(fraction) {
			return 0, false
		}
	}
	hour, minute, second := v[11:13], v[14:16], v[17:19]
	_, ok := matchPlainDate(v[:len(time.DateOnly)])
	return 0, ok && hour < "24" && minute < "60" && second < "60"
}

// matchPlainName accepts an NCName in ASCII.
func matchPlainName(v string) (int, bool) {
	for i := range len(v) {
		c := v[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '.') {
			return 0, false
		}
	}
	return 0, v != ""
}

func matchPlainInt(v string) (int, bool) {
	_, ok := parseInt(v)
	return 0, ok && isDigits(strings.TrimPrefix(v, "-"))
}

func matchPlainBoolean(v string) (int, bool) {
	return 0, v == "true" || v == "false" || v == "1" || v == "0"
}

func matchPlainLanguage(v string) (int, bool) {
	return 0, len(v) == 2 && v[0] >= 'a' && v[0] <= 'z' && v[1] >= 'a' && v[1] <= 'z'
}

// matchPlainBase64 accepts base64 without white space.
func matchPlainBase64(v string) (int, bool) {
	if v == "" || strings.ContainsAny(v, " \t\r\n") {
		return 0, false
	}
	return base64Length(v)
}

func matchPlainURN(v string) (int, bool) {
	const name = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._-"
	rest, ok := strings.CutPrefix(v, "urn:")
	return len(v), ok && rest != "" && strings.Trim(rest, name) == ""
}

func isDigits(v string) bool { return v != "" && strings.Trim(v, "0123456789") == "" }
