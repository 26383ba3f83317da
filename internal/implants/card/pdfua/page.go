package pdfua

import "strconv"

// Page is drawn on in points from its top left corner.
type Page struct {
	document      *Document
	ref           reference
	width, height float64
	content       []byte
	marks         int
	annotations   []reference
}

// Colour is red, green and blue in sRGB.
type Colour [3]uint8

// Point is a place on a page.
type Point struct{ X, Y float64 }

// AddPage begins a page of the given size in points.
func (d *Document) AddPage(width, height float64) *Page {
	p := &Page{document: d, ref: d.newReference(), width: width, height: height}
	d.pages = append(d.pages, p)
	return p
}

// Canvas draws on a page. Everything that it draws belongs to one element, or is decoration.
type Canvas struct{ page *Page }

// Tag draws content that belongs to an element.
func (p *Page) Tag(e *Element, draw func(Canvas)) {
	p.content = append(append(append(p.content, '/'), e.Role...), "<</MCID "...)
	p.content = append(strconv.AppendInt(p.content, int64(p.marks), 10), ">>BDC\n"...)
	e.children = append(e.children, child{page: p, markID: p.marks})
	p.marks++
	draw(Canvas{p})
	p.content = append(p.content, "EMC\n"...)
}

// Decorate draws what carries no information: it is never read out.
func (p *Page) Decorate(draw func(Canvas)) {
	p.content = append(p.content, "/Artifact BMC\n"...)
	draw(Canvas{p})
	p.content = append(p.content, "EMC\n"...)
}

// SetBox records where a RoleFigure is, for programs that show only this part of a page.
func (p *Page) SetBox(e *Element, x, y, width, height float64) {
	e.box = [4]float64{x, p.height - y - height, x + width, p.height - y}
}

// AddLink makes an area lead to a URL; contents describes the link in words.
func (p *Page) AddLink(e *Element, x, y, width, height float64, url, contents string) {
	b := append([]byte("<</Type/Annot/Subtype/Link/Rect["), p.appendRect(nil, x, y, width, height)...)
	b = appendText(append(b, "]/Border[0 0 0]/F 4/Contents"...), contents)
	b = appendText(append(b, "/A<</S/URI/URI"...), url)
	p.addAnnotation(e, append(b, ">>"...))
}

// addAnnotation adds an annotation, given without its end, to the page and to the structure.
func (p *Page) addAnnotation(e *Element, b []byte) reference {
	key := firstAnnotationKey + len(p.document.annotationParents)
	b = strconv.AppendInt(append(b, "/StructParent "...), int64(key), 10)
	ref := p.document.addObject(append(b, ">>"...))
	p.document.annotationParents = append(p.document.annotationParents, e)
	p.annotations = append(p.annotations, ref)
	e.children = append(e.children, child{page: p, annotation: ref})
	return ref
}

// appendRect appends a rectangle as two corners.
func (p *Page) appendRect(b []byte, x, y, width, height float64) []byte {
	return appendNumbers(b, x, p.height-y-height, x+width, p.height-y)
}

func (c Canvas) emitOperator(operator string, operands ...float64) {
	c.page.content = append(append(appendNumbers(c.page.content, operands...), operator...), '\n')
}

func (c Canvas) setColour(operator string, colour Colour) {
	c.emitOperator(operator, float64(colour[0])/255, float64(colour[1])/255, float64(colour[2])/255)
}

// FillRect fills a rectangle.
func (c Canvas) FillRect(x, y, width, height float64, colour Colour) {
	c.setColour("rg", colour)
	c.emitOperator("re f", x, c.page.height-y-height, width, height)
}

// FillPolygon fills a polygon.
func (c Canvas) FillPolygon(colour Colour, points ...Point) {
	c.setColour("rg", colour)
	c.emitPath(points)
	c.emitOperator("f")
}

// StrokePolygon draws the outline of a polygon.
func (c Canvas) StrokePolygon(lineWidth float64, colour Colour, points ...Point) {
	c.setColour("RG", colour)
	c.emitOperator("w", lineWidth)
	c.emitPath(points)
	c.emitOperator("s")
}

func (c Canvas) emitPath(points []Point) {
	operator := "m"
	for _, p := range points {
		c.emitOperator(operator, p.X, c.page.height-p.Y)
		operator = "l"
	}
}

// StrokeRoundedRect draws the outline of a rectangle with rounded corners.
func (c Canvas) StrokeRoundedRect(x, y, width, height, radius, lineWidth float64, colour Colour) {
	const circle = 0.5523 // how far the control points of a quarter of a circle are from its ends, in radii
	c.setColour("RG", colour)
	c.emitOperator("w", lineWidth)
	left, right, bottom, top := x, x+width, c.page.height-y-height, c.page.height-y
	k := radius * (1 - circle)
	c.emitOperator("m", left+radius, bottom)
	c.emitOperator("l", right-radius, bottom)
	c.emitOperator("c", right-k, bottom, right, bottom+k, right, bottom+radius)
	c.emitOperator("l", right, top-radius)
	c.emitOperator("c", right, top-k, right-k, top, right-radius, top)
	c.emitOperator("l", left+radius, top)
	c.emitOperator("c", left+k, top, left, top-k, left, top-radius)
	c.emitOperator("l", left, bottom+radius)
	c.emitOperator("c", left, bottom+k, left+k, bottom, left+radius, bottom)
	c.emitOperator("s")
}

// FillModules draws a matrix symbol, such as a QR code, of modules × modules squares of the given size: one rectangle
// per run of dark modules in a row, slightly too high so that viewers show no seams.
func (c Canvas) FillModules(x, y, size float64, modules int, colour Colour, isDark func(column, row int) bool) {
	c.setColour("rg", colour)
	for row := range modules {
		for column := 0; column < modules; column++ {
			first := column
			for column < modules && isDark(column, row) {
				column++
			}
			if column > first {
				bottom := c.page.height - y - float64(row+1)*size
				c.emitOperator("re", x+float64(first)*size, bottom, float64(column-first)*size, size*1.01)
			}
		}
	}
	c.emitOperator("f")
}
