package schema

import (
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// explainer finds the violations in a rejected element. Unlike a validator, it continues after a misplaced or missing
// element as if the rest were in the right place, so that one error does not hide the others.
type explainer struct {
	model         *model
	prefixes      Prefixes
	top           xmldoc.Element
	withStrayText map[xmldoc.Element]bool // elements that contain text beside child elements
	violations    []*problem.Error
	// blamesBuiltins makes a built-in type in xsi:type other than the declared one a violation.
	blamesBuiltins bool
}

// addViolation adds a violation at an element, or at the path further below it. The cost of a path is proportional to
// the number of the element's siblings, so it is formatted only for reported violations.
func (x *explainer) addViolation(code problem.Code, e xmldoc.Element, further string, detail ...texts.Text) {
	if !x.isFull() {
		x.violations = append(x.violations, problem.New(code, detail...).WithPath(x.prefixes.formatPath(x.top, e)+further))
	}
}

func (x *explainer) isFull() bool { return len(x.violations) >= MaxViolations }

func (x *explainer) explainRoot() {
	d, ok := x.model.elements[elementName(x.top)]
	if !ok {
		x.addViolation(SchemaRoot, x.top, "")
		return
	}
	x.explainElement(x.top, d)
}

// explainElement finds the violations in an element declared with type d.
func (x *explainer) explainElement(e xmldoc.Element, d *typeDefinition) {
	if x.isFull() {
		return
	}
	d = x.resolveActualType(e, d)
	x.explainAttributes(e, d)
	if d.valueRules != nil {
		x.explainValue(e, d.valueRules)
		return
	}
	if x.withStrayText[e] {
		x.addViolation(SchemaText, e, "")
	}
	c := contentMatcher{explainer: x, parent: e, contentModel: d.content, nextChild: e.FirstChild()}
	if d.content != nil {
		c.matchParticle(d.content, nil)
	}
	for !c.nextChild.IsZero() && !x.isFull() {
		c.reportUnexpected()
	}
}

// resolveActualType returns the type that xsi:type names, or else the declared type. Check has verified before that the
// name can be resolved.
func (x *explainer) resolveActualType(e xmldoc.Element, declared *typeDefinition) *typeDefinition {
	v, ok := e.Attr(xsiNamespace, "type")
	if !ok {
		return declared
	}
	n, ok := resolveQName(e, strings.Trim(v, " \t\r\n"))
	d, modelled := x.model.types[n]
	if ok && modelled && d.derivesFrom(declared) {
		return d
	}
	if n.namespace == xsdNamespace && declared.name.namespace == xsdNamespace && !x.blamesBuiltins {
		return declared // the model has no derivations of built-in types: first look for what else is wrong
	}
	x.addViolation(SchemaXSIType, e, "/@xsi:type", typeReceived.With(
		texts.Excerpt("{"+n.namespace+"}"+n.local), expected.With(noXSIType.With(x.prefixes.formatStep(declared.name))),
	))
	return declared
}

func (x *explainer) explainAttributes(e xmldoc.Element, d *typeDefinition) {
	for a := range e.Attrs() {
		n := expandedName{a.Space, a.Local}
		if a.Space == xsiNamespace &&
			(a.Local == "type" || a.Local == "schemaLocation" || a.Local == "noNamespaceSchemaLocation") {
			if a.Local == "schemaLocation" && len(strings.Fields(a.Value))%2 != 0 {
				x.addViolation(SchemaValue, e, "/@"+x.prefixes.formatStep(n), expected.With(locationPairs))
			}
			continue
		}
		use, ok := d.findAttributeUse(n)
		switch {
		case !ok:
			x.addViolation(SchemaAttribute, e, "/@"+x.prefixes.formatStep(n), x.prefixes.describeAttributes(d))
		case !use.valueRules.acceptsValue(a.Value):
			x.addViolation(SchemaValue, e, "/@"+x.prefixes.formatStep(n), use.valueRules.describeExpected())
		}
	}
	for _, use := range d.attributes {
		if _, ok := e.Attr(use.name.namespace, use.name.local); use.required && !ok {
			x.addViolation(SchemaMissing, e, "/@"+x.prefixes.formatStep(use.name), use.valueRules.describeExpected())
		}
	}
}

func (d *typeDefinition) findAttributeUse(n expandedName) (attributeUse, bool) {
	for _, u := range d.attributes {
		if u.name == n {
			return u, true
		}
	}
	return attributeUse{}, false
}

func (p Prefixes) describeAttributes(d *typeDefinition) texts.Text {
	if len(d.attributes) == 0 {
		return expected.With(noAttributes)
	}
	all := make([]string, 0, len(d.attributes))
	for _, u := range d.attributes {
		all = append(all, p.formatStep(u.name))
	}
	return expected.With(onlyNames.With(strings.Join(all, ", ")))
}

func (x *explainer) explainValue(e xmldoc.Element, rules *valueRules) {
	for child := range e.Children() {
		if x.isFull() {
			return
		}
		x.addViolation(SchemaElement, child, "", andNoElements.With(rules.describeExpected()))
	}
	if v, ok := e.Text(); ok && !rules.acceptsValue(v) {
		x.addViolation(SchemaValue, e, "", rules.describeExpected())
	}
}

// contentMatcher matches the children of one element against its content model.
type contentMatcher struct {
	*explainer
	parent       xmldoc.Element
	contentModel *particle      // the parent's content model
	nextChild    xmldoc.Element // the first child not yet matched
}

// followingParticles are the particles that may match after the current one: the later ones in its sequence, and in the
// enclosing sequences.
type followingParticles struct {
	particles []*particle
	outer     *followingParticles
}

func (r *followingParticles) mayContain(e xmldoc.Element) bool {
	for ; r != nil; r = r.outer {
		for _, p := range r.particles {
			if p.mayContain(e) {
				return true
			}
		}
	}
	return false
}

// mayContain reports whether the particle allows the element anywhere.
func (p *particle) mayContain(e xmldoc.Element) bool {
	return p.findDeclaredType(e) != nil || p.kind == anyParticle
}

// findDeclaredType returns the type with which the particle declares the element, or nil.
func (p *particle) findDeclaredType(e xmldoc.Element) *typeDefinition {
	if p.kind == elementParticle {
		if e.Is(p.name.namespace, p.name.local) {
			return p.elementType
		}
		return nil
	}
	for _, part := range p.particles {
		if d := part.findDeclaredType(e); d != nil {
			return d
		}
	}
	return nil
}

// matchParticle matches as many children as the particle allows.
func (c *contentMatcher) matchParticle(p *particle, after *followingParticles) {
	for taken := 0; p.max == unbounded || taken < p.max; taken++ {
		// Report and skip elements that are allowed nowhere from here on.
		for !c.nextChild.IsZero() && !p.mayContain(c.nextChild) && !after.mayContain(c.nextChild) && !c.isFull() {
			c.reportUnexpected()
		}
		if c.nextChild.IsZero() || !p.mayContain(c.nextChild) {
			if taken < p.min {
				c.reportMissing(p, after)
			}
			return
		}
		before := c.nextChild
		if c.matchOccurrence(p, after); c.nextChild == before {
			return
		}
	}
}

// matchOccurrence matches one occurrence of the particle, which may contain the next child.
func (c *contentMatcher) matchOccurrence(p *particle, after *followingParticles) {
	switch p.kind {
	case elementParticle:
		c.explainElement(c.nextChild, p.elementType)
		c.nextChild = c.nextChild.NextSibling()
	case anyParticle:
		if d, ok := c.model.elements[elementName(c.nextChild)]; ok {
			c.explainElement(c.nextChild, d)
			c.nextChild = c.nextChild.NextSibling()
			return
		}
		c.reportUnexpected()
	case choiceParticle:
		for _, part := range p.particles {
			if part.mayContain(c.nextChild) {
				c.matchParticle(part, after)
				return
			}
		}
	case sequenceParticle:
		for i, part := range p.particles {
			c.matchParticle(part, &followingParticles{particles: p.particles[i+1:], outer: after})
		}
	}
}

// reportMissing reports the required elements of a particle that are missing.
func (c *contentMatcher) reportMissing(p *particle, after *followingParticles) {
	if p.kind == sequenceParticle {
		for i, part := range p.particles {
			c.matchParticle(part, &followingParticles{particles: p.particles[i+1:], outer: after})
		}
		return
	}
	further := ""
	if p.kind == elementParticle {
		further = "/" + c.prefixes.formatStep(p.name)
	}
	c.addViolation(
		SchemaMissing, c.parent, further,
		missingContent.With(c.prefixes.formatSingle(p), c.prefixes.formatContentModel(c.contentModel)),
	)
}

// formatSingle formats the particle without its occurrence count.
func (p Prefixes) formatSingle(content *particle) string {
	one := *content
	one.min, one.max = 1, 1
	return p.formatContentModel(&one)
}

// reportUnexpected reports the next child and skips it. If the parent's type allows the child elsewhere, it also
// explains the child's content.
func (c *contentMatcher) reportUnexpected() {
	if c.contentModel == nil {
		c.addViolation(SchemaElement, c.nextChild, "", expected.With(noContent))
	} else {
		c.addViolation(SchemaElement, c.nextChild, "", expectedContent.With(c.prefixes.formatContentModel(c.contentModel)))
		if d := c.contentModel.findDeclaredType(c.nextChild); d != nil {
			c.explainElement(c.nextChild, d)
		}
	}
	c.nextChild = c.nextChild.NextSibling()
}
