package pdfua

import "strconv"

// Role is a standard structure type (ISO 32000-1, 14.8.4).
type Role string

// The structure types in use.
const (
	RoleDocument  Role = "Document"
	RoleSection   Role = "Sect"
	RoleHeading1  Role = "H1"
	RoleHeading2  Role = "H2"
	RoleHeading3  Role = "H3"
	RoleParagraph Role = "P"
	RoleSpan      Role = "Span"
	RoleFigure    Role = "Figure"
	RoleLink      Role = "Link"
	RoleForm      Role = "Form"
	RoleTable     Role = "Table"
	RoleTableHead Role = "THead"
	RoleTableBody Role = "TBody"
	RoleRow       Role = "TR"
	RoleHeader    Role = "TH"
	RoleCell      Role = "TD"
)

// Scope says what a table header describes (14.8.5.7).
type Scope string

// The scopes of a RoleHeader.
const (
	ScopeColumn Scope = "Column"
	ScopeRow    Scope = "Row"
)

// Element is a node of the structure tree. Its children are elements, marked content and annotations in reading order.
type Element struct {
	Role     Role
	Language string // BCP 47; that of the parent if empty
	// Alternative describes a RoleFigure in words. It is required there.
	Alternative string
	// ActualText replaces the content when it is read out or copied.
	ActualText string
	Scope      Scope // required for a RoleHeader
	ColumnSpan int   // of a cell; 1 if zero

	box      [4]float64 // of a figure: left, bottom, right, top
	children []child
	ref      reference
}

// child is one of: an element, marked content of a page, or an annotation of a page.
type child struct {
	element    *Element
	page       *Page
	markID     int
	annotation reference
}

// Add appends an element and returns it.
func (e *Element) Add(role Role) *Element {
	c := &Element{Role: role}
	e.children = append(e.children, child{element: c})
	return c
}

// AddIn is Add for an element in a language.
func (e *Element) AddIn(role Role, language string) *Element {
	c := e.Add(role)
	c.Language = language
	return c
}

// firstAnnotationKey is where the keys of annotations begin in the parent tree, above those of all pages.
const firstAnnotationKey = 10_000

// writeStructure writes the structure tree and the parent tree, which leads from content back to its element
// (14.7.4.4).
func (d *Document) writeStructure() reference {
	root := d.newReference()
	owners := make(map[*Page][]reference, len(d.pages))
	d.writeElement(d.root, root, owners)
	b := appendReference([]byte("<</Type/StructTreeRoot/K "), d.root.ref)
	b = append(b, "/ParentTree<</Nums["...)
	for i, p := range d.pages {
		b = appendReferences(strconv.AppendInt(b, int64(i), 10), owners[p])
	}
	for i, e := range d.annotationParents {
		b = append(strconv.AppendInt(append(b, ' '), int64(firstAnnotationKey+i), 10), ' ')
		b = appendReference(b, e.ref)
	}
	b = strconv.AppendInt(append(b, "]>>/ParentTreeNextKey "...), int64(firstAnnotationKey+len(d.annotationParents)), 10)
	d.setBody(root, append(b, ">>"...))
	return root
}

// writeElement writes an element after its children, and records who owns each piece of marked content.
func (d *Document) writeElement(e *Element, parent reference, owners map[*Page][]reference) {
	e.ref = d.newReference()
	b := appendReference(append(append([]byte("<</S/"), e.Role...), "/P "...), parent)
	b = e.appendAttributes(b)
	page := e.firstPage()
	if page != nil {
		b = appendReference(append(b, "/Pg "...), page.ref)
	}
	if len(e.children) > 0 {
		b = append(b, "/K["...)
		for i := range e.children {
			b = append(d.appendChild(b, &e.children[i], e, page, owners), ' ')
		}
		b = append(b, ']')
	}
	d.setBody(e.ref, append(b, ">>"...))
}

// firstPage returns the page of the first marked content, which need not be named again for each.
func (e *Element) firstPage() *Page {
	for i := range e.children {
		if c := &e.children[i]; c.element == nil && c.annotation == 0 {
			return c.page
		}
	}
	return nil
}

func (d *Document) appendChild(b []byte, c *child, e *Element, page *Page, owners map[*Page][]reference) []byte {
	switch {
	case c.element != nil:
		d.writeElement(c.element, e.ref, owners)
		return appendReference(b, c.element.ref)
	case c.annotation != 0:
		b = appendReference(append(b, "<</Type/OBJR/Pg "...), c.page.ref)
		b = appendReference(append(b, "/Obj "...), c.annotation)
		return append(b, ">>"...)
	}
	marks := owners[c.page]
	for len(marks) <= c.markID {
		marks = append(marks, 0)
	}
	marks[c.markID] = e.ref
	owners[c.page] = marks
	if c.page == page {
		return strconv.AppendInt(b, int64(c.markID), 10)
	}
	b = appendReference(append(b, "<</Type/MCR/Pg "...), c.page.ref)
	b = strconv.AppendInt(append(b, "/MCID "...), int64(c.markID), 10)
	return append(b, ">>"...)
}

func (e *Element) appendAttributes(b []byte) []byte {
	for _, text := range [...]struct{ key, value string }{
		{"/Lang", e.Language}, {"/Alt", e.Alternative}, {"/ActualText", e.ActualText},
	} {
		if text.value != "" {
			b = appendText(append(b, text.key...), text.value)
		}
	}
	switch {
	case e.Role == RoleFigure:
		b = append(appendNumbers(append(b, "/A<</O/Layout/BBox["...), e.box[:]...), "]>>"...)
	case e.Scope != "" || e.ColumnSpan > 1:
		b = append(b, "/A<</O/Table"...)
		if e.Scope != "" {
			b = append(append(b, "/Scope/"...), e.Scope...)
		}
		if e.ColumnSpan > 1 {
			b = strconv.AppendInt(append(b, "/ColSpan "...), int64(e.ColumnSpan), 10)
		}
		b = append(b, ">>"...)
	}
	return b
}
