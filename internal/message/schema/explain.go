package schema

import (
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// explainer finds the violations in a rejected element. Unlike a validator, it continues after a misplaced or missing
// element as if the rest were in the right place, so that one error does not hide the others.
type explanation struct {
	model *model
	top   xmldoc.Element
	stray map[xmldoc.Element]bool // elements that contain text beside child elements
	found []*problem.Error
}

// addViolation adds a violation at an element, or at the path further below it. The cost of a path is proportional to
// the number of the element's siblings, so it is formatted only for reported violations.
func (x *explanation) report(code problem.Code, e xmldoc.Element, further string, facts ...string) {
	if !x.full() {
		x.found = append(x.found, problem.New(code, facts...).In(pathTo(x.top, e)+further))
	}
}

func (x *explanation) full() bool { return len(x.found) >= MaxViolations }

func (x *explanation) root() {
	d, ok := x.model.elements[nameOf(x.top)]
	if !ok {
		x.report(problem.SchemaRoot, x.top, "")
		return
	}
	x.element(x.top, d)
}

// explainElement finds the violations in an element declared with type d.
func (x *explanation) element(e xmldoc.Element, d *definition) {
	if x.full() {
		return
	}
	d = x.actualType(e, d)
	x.attributes(e, d)
	if d.value != nil {
		x.value(e, d.value)
		return
	}
	if x.stray[e] {
		x.report(problem.SchemaText, e, "")
	}
	c := content{explanation: x, parent: e, whole: d.content, next: e.FirstChild()}
	if d.content != nil {
		c.consume(d.content, nil)
	}
	for !c.next.IsZero() && !x.full() {
		c.unexpected()
	}
}

// resolveActualType returns the type that xsi:type names, or else the declared type. Check has verified before that the
// prefix in xsi:type is visible in canonical form.
func (x *explanation) actualType(e xmldoc.Element, declared *definition) *definition {
	v, ok := e.Attr(xsiNamespace, "type")
	if !ok {
		return declared
	}
	n, ok := resolve(e, strings.Trim(v, " \t\r\n"))
	d, modelled := x.model.types[n]
	if ok && modelled && d.derivesFrom(declared) {
		return d
	}
	if n.space == xsdNamespace && !modelled {
		return declared // a built-in type that the contract does not use: the library decides about its derivation
	}
	x.report(problem.SchemaXSIType, e, "/@xsi:type", "expected: no xsi:type, or one that names "+step(declared.name))
	return declared
}

func (x *explanation) attributes(e xmldoc.Element, d *definition) {
	for a := range e.Attrs() {
		n := qname{a.Space, a.Local}
		if a.Space == xsiNamespace && (a.Local == "type" || a.Local == "schemaLocation" || a.Local == "noNamespaceSchemaLocation") {
			if a.Local == "schemaLocation" && len(strings.Fields(a.Value))%2 != 0 {
				x.report(problem.SchemaValue, e, "/@"+step(n), "expected: pairs of a namespace and an address; it is not looked at, better leave it out")
			}
			continue
		}
		use, ok := d.use(n)
		switch {
		case !ok:
			x.report(problem.SchemaAttribute, e, "/@"+step(n), attributesExpected(d))
		case !use.value.accept(a.Value):
			x.report(problem.SchemaValue, e, "/@"+step(n), use.value.expected())
		}
	}
	for _, use := range d.attributes {
		if _, ok := e.Attr(use.name.space, use.name.local); use.required && !ok {
			x.report(problem.SchemaMissing, e, "/@"+step(use.name), use.value.expected())
		}
	}
}

func (d *definition) use(n qname) (attributeUse, bool) {
	for _, u := range d.attributes {
		if u.name == n {
			return u, true
		}
	}
	return attributeUse{}, false
}

func attributesExpected(d *definition) string {
	if len(d.attributes) == 0 {
		return "expected: no attributes"
	}
	all := make([]string, 0, len(d.attributes))
	for _, u := range d.attributes {
		all = append(all, step(u.name))
	}
	return "expected: only " + strings.Join(all, ", ")
}

func (x *explanation) value(e xmldoc.Element, rules *valueRules) {
	for child := range e.Children() {
		if x.full() {
			return
		}
		x.report(problem.SchemaElement, child, "", rules.expected(), "and no elements")
	}
	if v, ok := e.Text(); ok && !rules.accept(v) {
		x.report(problem.SchemaValue, e, "", rules.expected())
	}
}

// contentMatcher matches the children of one element against its content model.
type content struct {
	*explanation
	parent xmldoc.Element
	whole  *particle      // the parent's content model
	next   xmldoc.Element // the first child not yet matched
}

// followingParticles are the particles that may match after the current one: the later ones in its sequence, and in the
// enclosing sequences.
type rest struct {
	parts  []*particle
	around *rest
}

func (r *rest) mentions(e xmldoc.Element) bool {
	for ; r != nil; r = r.around {
		for _, p := range r.parts {
			if p.mentions(e) {
				return true
			}
		}
	}
	return false
}

// mayContain reports whether the particle allows the element anywhere.
func (p *particle) mentions(e xmldoc.Element) bool {
	return p.declaration(e) != nil || p.kind == anyParticle
}

// findDeclaredType returns the type with which the particle declares the element, or nil.
func (p *particle) declaration(e xmldoc.Element) *definition {
	if p.kind == elementParticle {
		if e.Is(p.name.space, p.name.local) {
			return p.typ
		}
		return nil
	}
	for _, part := range p.parts {
		if d := part.declaration(e); d != nil {
			return d
		}
	}
	return nil
}

// matchParticle matches as many children as the particle allows.
func (c *content) consume(p *particle, after *rest) {
	for taken := 0; p.max == unbounded || taken < p.max; taken++ {
		// Report and skip elements that are allowed nowhere from here on.
		for !c.next.IsZero() && !p.mentions(c.next) && !after.mentions(c.next) && !c.full() {
			c.unexpected()
		}
		if c.next.IsZero() || !p.mentions(c.next) {
			if taken < p.min {
				c.missing(p, after)
			}
			return
		}
		before := c.next
		if c.once(p, after); c.next == before {
			return
		}
	}
}

// matchOccurrence matches one occurrence of the particle, which may contain the next child.
func (c *content) once(p *particle, after *rest) {
	switch p.kind {
	case elementParticle:
		c.element(c.next, p.typ)
		c.next = c.next.NextSibling()
	case anyParticle:
		if d, ok := c.model.elements[nameOf(c.next)]; ok {
			c.element(c.next, d)
			c.next = c.next.NextSibling()
			return
		}
		c.unexpected()
	case choiceParticle:
		for _, part := range p.parts {
			if part.mentions(c.next) {
				c.consume(part, after)
				return
			}
		}
	case sequenceParticle:
		for i, part := range p.parts {
			c.consume(part, &rest{parts: p.parts[i+1:], around: after})
		}
	}
}

// reportMissing reports the required elements of a particle that are missing.
func (c *content) missing(p *particle, after *rest) {
	if p.kind == sequenceParticle {
		for i, part := range p.parts {
			c.consume(part, &rest{parts: p.parts[i+1:], around: after})
		}
		return
	}
	further := ""
	if p.kind == elementParticle {
		further = "/" + step(p.name)
	}
	c.report(problem.SchemaMissing, c.parent, further, "missing: "+p.singular()+"; expected content:", grammar(c.whole))
}

// formatSingle formats the particle without its occurrence count.
func (p *particle) singular() string {
	one := *p
	one.min, one.max = 1, 1
	return grammar(&one)
}

// reportUnexpected reports the next child and skips it. If the parent's type allows the child elsewhere, it also
// explains the child's content.
func (c *content) unexpected() {
	if c.whole == nil {
		c.report(problem.SchemaElement, c.next, "", "expected: no content")
	} else {
		c.report(problem.SchemaElement, c.next, "", "expected content:", grammar(c.whole))
		if d := c.whole.declaration(c.next); d != nil {
			c.element(c.next, d)
		}
	}
	c.next = c.next.NextSibling()
}
