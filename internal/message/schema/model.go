package schema

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

const (
	xsdNamespace = "http://www.w3.org/2001/XMLSchema"
	xsiNamespace = "http://www.w3.org/2001/XMLSchema-instance"
)

// expandedName is a namespace name with a local name.
type expandedName struct{ namespace, local string }

// model holds the element declarations and types of the schemas, for the fast validator and the explainer. It supports
// only the part of XML Schema that the contract's schemas use; any other construct fails the compilation, so that
// neither works on a partly understood schema. The library compiles the schemas first and rejects invalid ones.
type model struct {
	elements map[expandedName]*typeDefinition
	types    map[expandedName]*typeDefinition
}

// typeDefinition is a simple or complex type.
type typeDefinition struct {
	name       expandedName
	base       *typeDefinition // the type it is derived from
	valueRules *valueRules     // of a simple type, or of simple content
	content    *particle       // of complex content; nil if it is empty
	attributes []attributeUse
}

// derivesFrom reports whether d is other or derived from it.
func (d *typeDefinition) derivesFrom(other *typeDefinition) bool {
	for ; d != nil; d = d.base {
		if d == other {
			return true
		}
	}
	return false
}

type attributeUse struct {
	name       expandedName
	valueRules *valueRules
	required   bool
}

type particleKind uint8

const (
	elementParticle particleKind = iota
	sequenceParticle
	choiceParticle
	anyParticle
)

// unbounded is the max of a particle without an upper bound.
const unbounded = -1

// particle is a node of a content model (XML Schema part 1, section 3.9).
type particle struct {
	kind        particleKind
	min, max    int
	name        expandedName    // of an element
	elementType *typeDefinition // of an element
	particles   []*particle     // of a sequence or choice
}

// modelBuilder builds a model from schema documents. Types refer to each other in any order and in cycles, so each type
// is added to the model before its content is read.
type modelBuilder struct {
	model            model
	components       map[expandedName]xmldoc.Element // every global component, by componentKey
	targetNamespaces map[*xmldoc.Document]string
	incomplete       map[*typeDefinition]bool // types whose content is being read
}

// componentKey returns the key of a global component: the kind, in place of the namespace, with the name. Simple and
// complex types, elements, attributes and attribute groups have separate symbol spaces.
func componentKey(kind string, n expandedName) expandedName {
	return expandedName{kind, "{" + n.namespace + "}" + n.local}
}

// newModel builds the model of the entry schema and everything it imports.
func newModel(files fs.FS, entry string) (*model, error) {
	b := &modelBuilder{
		model:            model{elements: map[expandedName]*typeDefinition{}, types: map[expandedName]*typeDefinition{}},
		components:       map[expandedName]xmldoc.Element{},
		targetNamespaces: map[*xmldoc.Document]string{},
		incomplete:       map[*typeDefinition]bool{},
	}
	var globals []expandedName
	seen := map[string]bool{entry: true}
	for queue := []string{entry}; len(queue) > 0; queue = queue[1:] {
		file := queue[0]
		imports, elements, err := b.loadDocument(files, file)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", file, err)
		}
		globals = append(globals, elements...)
		for _, i := range imports {
			if !seen[i] {
				seen[i] = true
				queue = append(queue, i)
			}
		}
	}
	for _, n := range globals {
		if _, err := b.buildElement(n); err != nil {
			return nil, err
		}
	}
	for key, e := range b.components {
		if key.namespace != "complexType" && key.namespace != "simpleType" {
			continue
		}
		// Include types that no element uses: xsi:type may name them.
		if _, err := b.buildType(expandedName{b.targetNamespaces[e.Document()], attributeValue(e, "name")}); err != nil {
			return nil, err
		}
	}
	return &b.model, nil
}

// loadDocument reads one schema document. It returns the locations that it imports and the global elements that it
// declares.
func (b *modelBuilder) loadDocument(files fs.FS, file string) (imports []string, elements []expandedName, err error) {
	text, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, nil, err
	}
	d, err := xmldoc.Parse(text, xmldoc.DefaultLimits())
	if err != nil {
		return nil, nil, err
	}
	root := d.Root()
	if !root.Is(xsdNamespace, "schema") {
		return nil, nil, fmt.Errorf("the root is %s, not a schema", root.Local())
	}
	if err := checkAllowedAttributes(
		root, "targetNamespace", "elementFormDefault", "attributeFormDefault", "version",
	); err != nil {
		return nil, nil, err
	}
	if attributeValue(root, "attributeFormDefault") == "qualified" {
		return nil, nil, fmt.Errorf("qualified attributes are outside the part of XML Schema that the contract uses")
	}
	target := attributeValue(root, "targetNamespace")
	b.targetNamespaces[d] = target
	for e := range root.Children() {
		switch e.Local() {
		case "annotation":
		case "import":
			imports = append(imports, attributeValue(e, "schemaLocation"))
		case "element", "complexType", "simpleType", "attribute", "attributeGroup":
			n := expandedName{target, attributeValue(e, "name")}
			b.components[componentKey(e.Local(), n)] = e
			if e.Local() == "element" {
				elements = append(elements, n)
			}
		default:
			return nil, nil, unsupportedError(e)
		}
	}
	return imports, elements, nil
}

func attributeValue(e xmldoc.Element, local string) string {
	v, _ := e.Attr("", local)
	return v
}

func unsupportedError(e xmldoc.Element) error {
	return fmt.Errorf(
		"xs:%s in xs:%s is outside the part of XML Schema that the contract uses", e.Local(), e.Parent().Local(),
	)
}

// parseReference resolves the qualified name in an attribute.
func parseReference(e xmldoc.Element, local string) (expandedName, error) {
	v, ok := e.Attr("", local)
	if !ok {
		return expandedName{}, fmt.Errorf("xs:%s has no %s", e.Local(), local)
	}
	n, ok := resolveQName(e, v)
	if !ok {
		return expandedName{}, fmt.Errorf("the prefix of %s is not declared", v)
	}
	return n, nil
}

func (b *modelBuilder) buildElement(n expandedName) (*typeDefinition, error) {
	if d, ok := b.model.elements[n]; ok {
		return d, nil
	}
	e, ok := b.components[componentKey("element", n)]
	if !ok {
		return nil, fmt.Errorf("element %s is not declared", n.local)
	}
	if err := checkDeclaration(e, "name", "type"); err != nil {
		return nil, err
	}
	d, err := b.buildDeclaredType(e)
	if err != nil {
		return nil, err
	}
	b.model.elements[n] = d
	return d, nil
}

func (b *modelBuilder) buildDeclaredType(e xmldoc.Element) (*typeDefinition, error) {
	n, err := parseReference(e, "type")
	if err != nil {
		return nil, err
	}
	return b.buildType(n)
}

func (b *modelBuilder) buildType(n expandedName) (*typeDefinition, error) {
	if d, ok := b.model.types[n]; ok {
		return d, nil
	}
	d := &typeDefinition{name: n}
	if n.namespace == xsdNamespace {
		value, err := newBuiltinRules(n.local)
		if err != nil {
			return nil, err
		}
		d.valueRules = value
		b.model.types[n] = d
		return d, nil
	}
	b.model.types[n] = d
	b.incomplete[d] = true
	defer delete(b.incomplete, d)
	if e, ok := b.components[componentKey("simpleType", n)]; ok {
		return d, b.buildSimpleType(d, e)
	}
	if e, ok := b.components[componentKey("complexType", n)]; ok {
		return d, b.buildComplexType(d, e)
	}
	return nil, fmt.Errorf("type %s is not declared", n.local)
}

func (b *modelBuilder) buildSimpleType(d *typeDefinition, e xmldoc.Element) error {
	for child := range e.Children() {
		switch child.Local() {
		case "annotation":
		case "restriction":
			base, err := b.buildBaseType(child)
			if err != nil {
				return err
			}
			d.base = base
			if d.valueRules, err = base.valueRules.applyRestriction(child); err != nil {
				return fmt.Errorf("type %s: %w", d.name.local, err)
			}
		default:
			return unsupportedError(child)
		}
	}
	return nil
}

func (b *modelBuilder) buildBaseType(derivation xmldoc.Element) (*typeDefinition, error) {
	n, err := parseReference(derivation, "base")
	if err != nil {
		return nil, err
	}
	d, err := b.buildType(n)
	if b.incomplete[d] {
		return nil, fmt.Errorf(
			"type %s holds a type that is derived from it: that is outside the part of XML Schema that the contract uses",
			n.local,
		)
	}
	return d, err
}

// buildComplexType fills d from a complexType element or, recursively, from the extension in it.
func (b *modelBuilder) buildComplexType(d *typeDefinition, e xmldoc.Element) error {
	if err := checkAllowedAttributes(e, "name", "base"); err != nil {
		return err
	}
	for child := range e.Children() {
		switch child.Local() {
		case "simpleContent", "complexContent":
			if err := checkAllowedAttributes(child); err != nil {
				return err
			}
			extension := child.Child(xsdNamespace, "extension")
			if extension.IsZero() {
				return unsupportedError(child)
			}
			base, err := b.buildBaseType(extension)
			if err != nil {
				return err
			}
			d.base, d.valueRules, d.content = base, base.valueRules, base.content
			d.attributes = append(d.attributes, base.attributes...)
			if err := b.buildComplexType(d, extension); err != nil {
				return err
			}
		default:
			if err := b.buildContentOrAttribute(d, child); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *modelBuilder) buildContentOrAttribute(d *typeDefinition, e xmldoc.Element) error {
	switch e.Local() {
	case "annotation":
	case "sequence", "choice":
		p, err := b.buildParticle(e)
		if err != nil {
			return err
		}
		if d.content != nil { // section 3.4.2: the content of an extension follows that of its base
			p = &particle{kind: sequenceParticle, min: 1, max: 1, particles: []*particle{d.content, p}}
		}
		d.content = p
	case "attribute", "attributeGroup":
		uses, err := b.buildAttributes(e)
		if err != nil {
			return err
		}
		d.attributes = append(d.attributes, uses...)
	default:
		return unsupportedError(e)
	}
	return nil
}

func (b *modelBuilder) buildAttributes(e xmldoc.Element) ([]attributeUse, error) {
	if e.Local() == "attribute" {
		use, err := b.buildAttribute(e)
		return []attributeUse{use}, err
	}
	n, err := parseReference(e, "ref")
	if err != nil {
		return nil, err
	}
	group, ok := b.components[componentKey("attributeGroup", n)]
	if !ok {
		return nil, fmt.Errorf("attribute group %s is not declared", n.local)
	}
	var uses []attributeUse
	for child := range group.Children() {
		switch child.Local() {
		case "annotation":
		case "attribute":
			use, err := b.buildAttribute(child)
			if err != nil {
				return nil, err
			}
			uses = append(uses, use)
		default:
			return nil, unsupportedError(child)
		}
	}
	return uses, nil
}

// checkDeclaration rejects a declaration with more than the allowed attributes: a default, a fixed value, nillability,
// an anonymous type or an identity constraint.
func checkDeclaration(e xmldoc.Element, allowed ...string) error {
	if err := checkAllowedAttributes(e, allowed...); err != nil {
		return err
	}
	for child := range e.Children() {
		if child.Local() != "annotation" {
			return unsupportedError(child)
		}
	}
	return nil
}

func checkAllowedAttributes(e xmldoc.Element, allowed ...string) error {
	for a := range e.Attrs() {
		if !slices.Contains(allowed, a.Local) {
			return fmt.Errorf("%s of xs:%s is outside the part of XML Schema that the contract uses", a.Local, e.Local())
		}
	}
	return nil
}

func (b *modelBuilder) buildAttribute(e xmldoc.Element) (attributeUse, error) {
	if err := checkDeclaration(e, "name", "ref", "type", "use"); err != nil {
		return attributeUse{}, err
	}
	if attributeValue(e, "use") == "prohibited" {
		return attributeUse{}, fmt.Errorf("a prohibited attribute is outside the part of XML Schema that the contract uses")
	}
	use := attributeUse{
		name:     expandedName{local: attributeValue(e, "name")},
		required: attributeValue(e, "use") == "required",
	}
	if _, ok := e.Attr("", "ref"); ok {
		n, err := parseReference(e, "ref")
		if err != nil {
			return use, err
		}
		source, ok := b.components[componentKey("attribute", n)]
		if !ok {
			return use, fmt.Errorf("attribute %s is not declared", n.local)
		}
		use.name, e = n, source
	}
	d, err := b.buildDeclaredType(e)
	if err != nil {
		return use, err
	}
	use.valueRules = d.valueRules
	return use, nil
}

func (b *modelBuilder) buildParticle(e xmldoc.Element) (*particle, error) {
	p := &particle{}
	var err error
	if p.min, err = parseOccurs(e, "minOccurs"); err != nil {
		return nil, err
	}
	if p.max, err = parseOccurs(e, "maxOccurs"); err != nil {
		return nil, err
	}
	switch e.Local() {
	case "any":
		p.kind = anyParticle
		return p, nil
	case "element":
		return p, b.buildElementParticle(p, e)
	case "sequence":
		p.kind = sequenceParticle
	case "choice":
		p.kind = choiceParticle
	default:
		return nil, unsupportedError(e)
	}
	for child := range e.Children() {
		if child.Local() == "annotation" {
			continue
		}
		part, err := b.buildParticle(child)
		if err != nil {
			return nil, err
		}
		p.particles = append(p.particles, part)
	}
	return p, nil
}

func (b *modelBuilder) buildElementParticle(p *particle, e xmldoc.Element) error {
	if err := checkDeclaration(e, "name", "ref", "type", "minOccurs", "maxOccurs"); err != nil {
		return err
	}
	if _, ok := e.Attr("", "ref"); ok {
		n, err := parseReference(e, "ref")
		if err != nil {
			return err
		}
		p.name = n
		p.elementType, err = b.buildElement(n)
		return err
	}
	schema := e.Document().Root()
	p.name.local = attributeValue(e, "name")
	if attributeValue(schema, "elementFormDefault") == "qualified" {
		p.name.namespace = b.targetNamespaces[e.Document()]
	}
	var err error
	p.elementType, err = b.buildDeclaredType(e)
	return err
}

func parseOccurs(e xmldoc.Element, local string) (int, error) {
	v, ok := e.Attr("", local)
	switch {
	case !ok:
		return 1, nil
	case v == "unbounded":
		return unbounded, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0, fmt.Errorf("%s of xs:%s: %w", local, e.Local(), err)
	}
	return n, nil
}
