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
type qname struct{ space, local string }

// model holds the element declarations and types of the schemas, for the fast validator and the explainer. It supports
// only the part of XML Schema that the contract's schemas use; any other construct fails the compilation, so that
// neither works on a partly understood schema. The library compiles the schemas first and rejects invalid ones.
type model struct {
	elements map[qname]*definition
	types    map[qname]*definition
}

// typeDefinition is a simple or complex type.
type definition struct {
	name       qname
	base       *definition // the type it is derived from
	value      *valueRules // of a simple type, or of simple content
	content    *particle   // of complex content; nil if it is empty
	attributes []attributeUse
}

// derivesFrom reports whether d is other or derived from it.
func (d *definition) derivesFrom(other *definition) bool {
	for ; d != nil; d = d.base {
		if d == other {
			return true
		}
	}
	return false
}

type attributeUse struct {
	name     qname
	value    *valueRules
	required bool
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
	kind     particleKind
	min, max int
	name     qname       // of an element
	typ      *definition // of an element
	parts    []*particle // of a sequence or choice
}

// modelBuilder builds a model from schema documents. Types refer to each other in any order and in cycles, so each type
// is added to the model before its content is read.
type builder struct {
	model   model
	sources map[qname]xmldoc.Element // every global component, by componentKey
	targets map[*xmldoc.Document]string
	unready map[*definition]bool // types whose content is being read
}

// componentKey returns the key of a global component: the kind, in place of the namespace, with the name. Simple and
// complex types, elements, attributes and attribute groups have separate symbol spaces.
func component(kind string, n qname) qname { return qname{kind, "{" + n.space + "}" + n.local} }

// newModel builds the model of the entry schema and everything it imports.
func newModel(files fs.FS, entry string) (*model, error) {
	b := &builder{
		model:   model{elements: map[qname]*definition{}, types: map[qname]*definition{}},
		sources: map[qname]xmldoc.Element{},
		targets: map[*xmldoc.Document]string{},
		unready: map[*definition]bool{},
	}
	var globals []qname
	seen := map[string]bool{entry: true}
	for queue := []string{entry}; len(queue) > 0; queue = queue[1:] {
		file := queue[0]
		imports, elements, err := b.load(files, file)
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
		if _, err := b.element(n); err != nil {
			return nil, err
		}
	}
	for key, e := range b.sources {
		if key.space != "complexType" && key.space != "simpleType" {
			continue
		}
		// Include types that no element uses: xsi:type may name them.
		if _, err := b.typeNamed(qname{b.targets[e.Document()], attribute(e, "name")}); err != nil {
			return nil, err
		}
	}
	return &b.model, nil
}

// loadDocument reads one schema document. It returns the locations that it imports and the global elements that it
// declares.
func (b *builder) load(files fs.FS, file string) (imports []string, elements []qname, err error) {
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
	if err := onlyAttributes(root, "targetNamespace", "elementFormDefault", "attributeFormDefault", "version"); err != nil {
		return nil, nil, err
	}
	if attribute(root, "attributeFormDefault") == "qualified" {
		return nil, nil, fmt.Errorf("qualified attributes are outside the part of XML Schema that the contract uses")
	}
	target := attribute(root, "targetNamespace")
	b.targets[d] = target
	for e := range root.Children() {
		switch e.Local() {
		case "annotation":
		case "import":
			imports = append(imports, attribute(e, "schemaLocation"))
		case "element", "complexType", "simpleType", "attribute", "attributeGroup":
			n := qname{target, attribute(e, "name")}
			b.sources[component(e.Local(), n)] = e
			if e.Local() == "element" {
				elements = append(elements, n)
			}
		default:
			return nil, nil, unsupported(e)
		}
	}
	return imports, elements, nil
}

func attribute(e xmldoc.Element, local string) string {
	v, _ := e.Attr("", local)
	return v
}

func unsupported(e xmldoc.Element) error {
	return fmt.Errorf("xs:%s in xs:%s is outside the part of XML Schema that the contract uses", e.Local(), e.Parent().Local())
}

// parseReference resolves the qualified name in an attribute.
func reference(e xmldoc.Element, local string) (qname, error) {
	v, ok := e.Attr("", local)
	if !ok {
		return qname{}, fmt.Errorf("xs:%s has no %s", e.Local(), local)
	}
	n, ok := resolve(e, v)
	if !ok {
		return qname{}, fmt.Errorf("the prefix of %s is not declared", v)
	}
	return n, nil
}

func (b *builder) element(n qname) (*definition, error) {
	if d, ok := b.model.elements[n]; ok {
		return d, nil
	}
	e, ok := b.sources[component("element", n)]
	if !ok {
		return nil, fmt.Errorf("element %s is not declared", n.local)
	}
	if err := only(e, "name", "type"); err != nil {
		return nil, err
	}
	d, err := b.typeOf(e)
	if err != nil {
		return nil, err
	}
	b.model.elements[n] = d
	return d, nil
}

func (b *builder) typeOf(e xmldoc.Element) (*definition, error) {
	n, err := reference(e, "type")
	if err != nil {
		return nil, err
	}
	return b.typeNamed(n)
}

func (b *builder) typeNamed(n qname) (*definition, error) {
	if d, ok := b.model.types[n]; ok {
		return d, nil
	}
	d := &definition{name: n}
	if n.space == xsdNamespace {
		value, err := builtin(n.local)
		if err != nil {
			return nil, err
		}
		d.value = value
		b.model.types[n] = d
		return d, nil
	}
	b.model.types[n] = d
	b.unready[d] = true
	defer delete(b.unready, d)
	if e, ok := b.sources[component("simpleType", n)]; ok {
		return d, b.simpleType(d, e)
	}
	if e, ok := b.sources[component("complexType", n)]; ok {
		return d, b.complexType(d, e)
	}
	return nil, fmt.Errorf("type %s is not declared", n.local)
}

func (b *builder) simpleType(d *definition, e xmldoc.Element) error {
	for child := range e.Children() {
		switch child.Local() {
		case "annotation":
		case "restriction":
			base, err := b.base(child)
			if err != nil {
				return err
			}
			d.base = base
			if d.value, err = base.value.restrict(child); err != nil {
				return fmt.Errorf("type %s: %w", d.name.local, err)
			}
		default:
			return unsupported(child)
		}
	}
	return nil
}

func (b *builder) base(derivation xmldoc.Element) (*definition, error) {
	n, err := reference(derivation, "base")
	if err != nil {
		return nil, err
	}
	d, err := b.typeNamed(n)
	if b.unready[d] {
		return nil, fmt.Errorf("type %s holds a type that is derived from it: that is outside the part of XML Schema that the contract uses", n.local)
	}
	return d, err
}

// buildComplexType fills d from a complexType element or, recursively, from the extension in it.
func (b *builder) complexType(d *definition, e xmldoc.Element) error {
	if err := onlyAttributes(e, "name", "base"); err != nil {
		return err
	}
	for child := range e.Children() {
		switch child.Local() {
		case "simpleContent", "complexContent":
			if err := onlyAttributes(child); err != nil {
				return err
			}
			extension := child.Child(xsdNamespace, "extension")
			if extension.IsZero() {
				return unsupported(child)
			}
			base, err := b.base(extension)
			if err != nil {
				return err
			}
			d.base, d.value, d.content = base, base.value, base.content
			d.attributes = append(d.attributes, base.attributes...)
			if err := b.complexType(d, extension); err != nil {
				return err
			}
		default:
			if err := b.contentOrAttribute(d, child); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) contentOrAttribute(d *definition, e xmldoc.Element) error {
	switch e.Local() {
	case "annotation":
	case "sequence", "choice":
		p, err := b.particle(e)
		if err != nil {
			return err
		}
		if d.content != nil { // section 3.4.2: the content of an extension follows that of its base
			p = &particle{kind: sequenceParticle, min: 1, max: 1, parts: []*particle{d.content, p}}
		}
		d.content = p
	case "attribute", "attributeGroup":
		uses, err := b.attributes(e)
		if err != nil {
			return err
		}
		d.attributes = append(d.attributes, uses...)
	default:
		return unsupported(e)
	}
	return nil
}

func (b *builder) attributes(e xmldoc.Element) ([]attributeUse, error) {
	if e.Local() == "attribute" {
		use, err := b.attribute(e)
		return []attributeUse{use}, err
	}
	n, err := reference(e, "ref")
	if err != nil {
		return nil, err
	}
	group, ok := b.sources[component("attributeGroup", n)]
	if !ok {
		return nil, fmt.Errorf("attribute group %s is not declared", n.local)
	}
	var uses []attributeUse
	for child := range group.Children() {
		switch child.Local() {
		case "annotation":
		case "attribute":
			use, err := b.attribute(child)
			if err != nil {
				return nil, err
			}
			uses = append(uses, use)
		default:
			return nil, unsupported(child)
		}
	}
	return uses, nil
}

// checkDeclaration rejects a declaration with more than the allowed attributes: a default, a fixed value, nillability,
// an anonymous type or an identity constraint.
func only(e xmldoc.Element, allowed ...string) error {
	if err := onlyAttributes(e, allowed...); err != nil {
		return err
	}
	for child := range e.Children() {
		if child.Local() != "annotation" {
			return unsupported(child)
		}
	}
	return nil
}

func onlyAttributes(e xmldoc.Element, allowed ...string) error {
	for a := range e.Attrs() {
		if !slices.Contains(allowed, a.Local) {
			return fmt.Errorf("%s of xs:%s is outside the part of XML Schema that the contract uses", a.Local, e.Local())
		}
	}
	return nil
}

func (b *builder) attribute(e xmldoc.Element) (attributeUse, error) {
	if err := only(e, "name", "ref", "type", "use"); err != nil {
		return attributeUse{}, err
	}
	if attribute(e, "use") == "prohibited" {
		return attributeUse{}, fmt.Errorf("a prohibited attribute is outside the part of XML Schema that the contract uses")
	}
	use := attributeUse{name: qname{local: attribute(e, "name")}, required: attribute(e, "use") == "required"}
	if _, ok := e.Attr("", "ref"); ok {
		n, err := reference(e, "ref")
		if err != nil {
			return use, err
		}
		source, ok := b.sources[component("attribute", n)]
		if !ok {
			return use, fmt.Errorf("attribute %s is not declared", n.local)
		}
		use.name, e = n, source
	}
	d, err := b.typeOf(e)
	if err != nil {
		return use, err
	}
	use.value = d.value
	return use, nil
}

func (b *builder) particle(e xmldoc.Element) (*particle, error) {
	p := &particle{}
	var err error
	if p.min, err = occurs(e, "minOccurs"); err != nil {
		return nil, err
	}
	if p.max, err = occurs(e, "maxOccurs"); err != nil {
		return nil, err
	}
	switch e.Local() {
	case "any":
		p.kind = anyParticle
		return p, nil
	case "element":
		return p, b.elementParticle(p, e)
	case "sequence":
		p.kind = sequenceParticle
	case "choice":
		p.kind = choiceParticle
	default:
		return nil, unsupported(e)
	}
	for child := range e.Children() {
		if child.Local() == "annotation" {
			continue
		}
		part, err := b.particle(child)
		if err != nil {
			return nil, err
		}
		p.parts = append(p.parts, part)
	}
	return p, nil
}

func (b *builder) elementParticle(p *particle, e xmldoc.Element) error {
	if err := only(e, "name", "ref", "type", "minOccurs", "maxOccurs"); err != nil {
		return err
	}
	if _, ok := e.Attr("", "ref"); ok {
		n, err := reference(e, "ref")
		if err != nil {
			return err
		}
		p.name = n
		p.typ, err = b.element(n)
		return err
	}
	schema := e.Document().Root()
	p.name.local = attribute(e, "name")
	if attribute(schema, "elementFormDefault") == "qualified" {
		p.name.space = b.targets[e.Document()]
	}
	var err error
	p.typ, err = b.typeOf(e)
	return err
}

func occurs(e xmldoc.Element, local string) (int, error) {
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
