package card

import (
	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/texts"
)

// tableElements are the parts of the table in the structure; all are nil if it has no rows.
type tableElements struct{ head, body *pdfua.Element }

// addTable adds the table, or nothing but the parent of a sentence if there are no operations.
func (l *layout) addTable(parent *pdfua.Element) tableElements {
	if len(l.view.operations) == 0 {
		return tableElements{body: parent}
	}
	table := parent.Add(pdfua.RoleTable)
	return tableElements{head: table.Add(pdfua.RoleTableHead), body: table.Add(pdfua.RoleTableBody)}
}

// tableHeadHeight returns the height of the column heads, with the four languages below each other.
func (l *layout) tableHeadHeight() float64 {
	if len(l.view.operations) == 0 {
		return 0
	}
	return labelStyle.linesHeight(len(texts.Langs())) + 1.6
}

// drawTableHead draws the column heads and returns the y position below them.
func (l *layout) drawTableHead(head *pdfua.Element, y float64) float64 {
	end := y + l.tableHeadHeight()
	if end == y {
		return y
	}
	row := addElement(head, pdfua.RoleRow)
	for _, c := range l.columns {
		cell := addElement(row, pdfua.RoleHeader)
		if cell != nil {
			cell.Scope = pdfua.ScopeColumn
		}
		for i, language := range texts.Langs() {
			text := l.shapeLabel(labelStyle, string(language), c.title.Translate(language))
			p := paragraph{labelStyle, [][]span{{{text: text, language: string(language)}}}}
			top := y + labelStyle.linesHeight(i)
			if c.isCount {
				l.drawRight(cell, c.x+c.width, top, p)
				continue
			}
			l.drawParagraph(cell, c.x, top, p)
		}
	}
	l.fillRect(pageLeft, end-0.3, bodyWidth, 0.3, petrol)
	return end
}

// tableBlocks returns the table: a row per line of implants and, on the cumulative card, a heading per operation. No
// block is higher than limit.
func (l *layout) tableBlocks(limit float64) []block {
	var all []block
	for i := range l.view.operations {
		o := &l.view.operations[i]
		if l.view.cumulative || len(l.view.operations) != 1 {
			all = append(all, l.operationHeading(o))
		}
		for j := range o.lines {
			all = append(all, l.rowBlocks(&o.lines[j], limit)...)
		}
	}
	if len(all) == 0 {
		all = append(all, l.emptyBlock())
	}
	return all
}

func (l *layout) emptyBlock() block {
	text := l.wrapTranslations(valueStyle, noOperations, bodyWidth)
	return block{height: text.height(), draw: func(parent *pdfua.Element, y float64) {
		l.drawParagraph(parent.Add(pdfua.RoleParagraph), pageLeft, y, text)
	}}
}

// operationHeading returns the heading of one operation on the cumulative card: a row of the table that heads the rows
// below it.
func (l *layout) operationHeading(o *operationView) block {
	const inset, padding, gap = 3.0, 1.8, 2.2
	look, number := headingStyle, style{size: 7.5, colour: ink}
	look.size, look.colour = 9, o.kindColour()
	performer := o.specialist
	if o.specialistID != "" {
		performer += " (" + o.specialistID + ")"
	}
	if performer != "" && o.hospital != "" {
		performer += separator
	}
	date, kind := l.newLine(look, orUnknown(o.date)), l.joinTranslations(look, o.kind)
	digits, label := l.newLine(number, o.number), l.joinTranslations(labelStyle, numberLabel)
	performers := l.wrapText(number, orUnknown(performer+o.hospital), bodyWidth-2*inset)
	height := date.height() + performers.height() + 2*padding
	return block{height: height + gap, keepWithNext: len(o.lines) > 0, draw: func(parent *pdfua.Element, y float64) {
		y += gap
		l.fillRect(pageLeft, y, bodyWidth, height, tint)
		l.fillRect(pageLeft, y, 1.2, height, look.colour)
		y += padding
		cell := parent.Add(pdfua.RoleRow).Add(pdfua.RoleHeader)
		cell.Scope, cell.ColumnSpan = pdfua.ScopeRow, len(l.columns)
		l.drawParagraph(cell, pageLeft+inset, y, date)
		l.drawParagraph(cell, pageLeft+inset+date.width()+2.5, y, kind)
		l.drawRight(cell, pageRight-inset-digits.width()-symbolGap, y+(look.size-labelStyle.size)*pointInMillimetres, label)
		l.drawRight(cell, pageRight-inset, y+(look.size-number.size)*pointInMillimetres, digits)
		l.drawParagraph(cell, pageLeft+inset, y+date.height(), performers)
	}}
}

// part is a piece of a cell that is never split across pages.
type part struct {
	height float64
	draw   func(cell *pdfua.Element, y float64)
}

// stackHeight returns the height of parts below each other.
func stackHeight(parts []part) float64 {
	total := 0.0
	for _, p := range parts {
		total += p.height
	}
	return total
}

// lineParts returns a paragraph as one part per line.
func (l *layout) lineParts(x float64, p paragraph) []part {
	var owner *pdfua.Element
	parts := make([]part, len(p.lines))
	for i, line := range p.lines {
		parts[i] = part{p.style.linesHeight(1), func(cell *pdfua.Element, y float64) {
			if owner == nil {
				owner = cell.Add(pdfua.RoleParagraph)
			}
			l.drawParagraph(owner, x, y, paragraph{p.style, [][]span{line}})
		}}
	}
	return parts
}

// row is one line of implants on its way to the pages.
type row struct {
	head    part
	columns [3][]part // device, identification, site: what is not yet on a page
	cells   [3]*pdfua.Element
}

// rowBlocks returns one line of implants: the name over the whole width, because readers look for it and copy it, with
// the number of implants beside it, and the columns below. It is one block, or several if it is higher than limit.
func (l *layout) rowBlocks(v *lineView, limit float64) []block {
	first := l.columns[0]
	r := &row{columns: [3][]part{
		l.symbolParts(first, []symbolValue{
			{symbolManufacturer, v.manufacturer}, {symbolReference, v.reference}, {symbolCode, v.code},
		}),
		l.identificationParts(v, l.columns[1]),
		l.siteParts(v, l.columns[2]),
	}}
	l.setRowHead(r, v)
	blocks := []block{l.takeBlock(r, limit, r.head)}
	for r.hasParts() {
		blocks = append(blocks, l.takeBlock(r, limit, part{draw: func(*pdfua.Element, float64) {}}))
	}
	return blocks
}

// setRowHead makes the head of a row: the name, and the counts beside it. Drawing it adds the row to the structure.
func (l *layout) setRowHead(r *row, v *lineView) {
	counts, x := l.columns[3:], l.columns[0].x
	name := l.wrapText(deviceStyle, v.name, counts[0].x-x)
	if v.name == "" {
		name = l.wrapTranslations(unknownStyle, deviceNotListed, counts[0].x-x)
	}
	r.head = part{name.height() + lineSpacing, func(body *pdfua.Element, y float64) {
		e := body.Add(pdfua.RoleRow)
		r.cells = [3]*pdfua.Element{e.Add(pdfua.RoleHeader), e.Add(pdfua.RoleCell), e.Add(pdfua.RoleCell)}
		r.cells[0].Scope = pdfua.ScopeRow
		l.drawParagraph(r.cells[0].Add(pdfua.RoleParagraph), x, y, name)
		l.drawCount(e, v.quantity, counts[0], y)
		if l.view.columns.hasRemaining {
			l.drawCount(e, v.remaining, counts[1], y)
		}
	}}
}

func (r *row) hasParts() bool {
	return len(r.columns[0])+len(r.columns[1])+len(r.columns[2]) > 0
}

// takeBlock takes what fits into limit, below a head, from each column.
func (l *layout) takeBlock(r *row, limit float64, head part) block {
	below := 0.0
	var taken [3][]part
	for i := range r.columns {
		taken[i], r.columns[i] = takeParts(r.columns[i], limit-2*rowPadding-head.height)
		below = max(below, stackHeight(taken[i]))
	}
	height, isLast := head.height+below+2*rowPadding, !r.hasParts()
	return block{height: height, draw: func(body *pdfua.Element, y float64) {
		head.draw(body, y+rowPadding)
		for i, parts := range taken {
			at := y + rowPadding + head.height
			for _, p := range parts {
				p.draw(r.cells[i], at)
				at += p.height
			}
		}
		if isLast {
			l.drawRule(pageLeft, y+height, bodyWidth)
		}
	}}
}

// takeParts splits off the first parts that fit, at least one.
func takeParts(parts []part, room float64) (taken, rest []part) {
	for n, p := range parts {
		if room -= p.height; room < 0 && n > 0 {
			return parts[:n], parts[n:]
		}
	}
	return parts, nil
}

// identificationParts returns the identification of the implants, with the UDI as a DataMatrix beside it.
func (l *layout) identificationParts(v *lineView, c column) []part {
	matrix := newDataMatrix(v.carrier)
	values := c
	if matrix != nil {
		values.x += matrix.size() + 2.5
		values.width -= matrix.size() + 2.5
	}
	parts := l.symbolParts(
		values, []symbolValue{{symbolUDI, v.udi}, {symbolLot, v.lot}, {symbolSerial, v.serial}, {symbolExpiry, v.expiry}},
	)
	if matrix == nil {
		return parts
	}
	// The DataMatrix is beside the first parts, which stay on its page.
	n := 0
	for n < len(parts) && stackHeight(parts[:n]) < matrix.size() {
		n++
	}
	beside, rest := parts[:n], parts[n:]
	return append([]part{{max(stackHeight(beside), matrix.size()+0.5), func(cell *pdfua.Element, y float64) {
		at := y
		for _, p := range beside {
			p.draw(cell, at)
			at += p.height
		}
		l.drawDataMatrix(cell, c.x, y+0.4, matrix, v.udi)
	}}}, rest...)
}

func (l *layout) siteParts(v *lineView, c column) []part {
	look := valueStyle
	look.bold = true
	parts := l.lineParts(c.x, l.wrapTranslations(look, v.side, c.width))
	if v.location != "" {
		parts = append(parts, l.lineParts(c.x, l.wrapText(valueStyle, v.location, c.width))...)
	}
	if v.placedOn != "" {
		parts = append(parts, l.lineParts(c.x, l.newLine(valueStyle, v.placedOn))...)
	}
	if len(parts) == 0 {
		parts = l.lineParts(c.x, l.newLine(valueStyle, unknownMark))
	}
	return parts
}

func (l *layout) drawCount(row *pdfua.Element, text string, c column, y float64) {
	look := countStyle
	if text == "0" { // all implants of the line were removed
		look.bold, look.colour = false, muted
	}
	l.drawRight(row.Add(pdfua.RoleCell), c.x+c.width, y-0.4, l.newLine(look, text))
}

// symbolValue is a value with the symbol before it.
type symbolValue struct {
	symbol symbol
	value  string
}

// symbolParts places values after their symbols, beside each other where they fit, and omits unknown values.
func (l *layout) symbolParts(c column, all []symbolValue) []part {
	const spacing, lineGap = 3.0, 0.3
	step := valueStyle.linesHeight(1) + lineGap
	var parts []part
	used := 0.0 // of the last line
	for _, s := range all {
		if s.value == "" {
			continue
		}
		indent := l.symbolWidth(s.symbol) + symbolGap
		text := l.wrapText(valueStyle, s.value, c.width-indent)
		width := indent + text.width()
		isBeside := used > 0 && len(text.lines) == 1 && used+width <= c.width
		if !isBeside {
			used = 0
		}
		x := c.x + used
		var entry *pdfua.Element
		draw := func(cell *pdfua.Element, y float64) {
			entry = cell.Add(pdfua.RoleParagraph)
			l.drawSymbol(entry, x, y+(valueStyle.linesHeight(1)-symbolHeight)/2+0.15, s.symbol)
			l.drawParagraph(entry, x+indent, y, paragraph{text.style, text.lines[:1]})
		}
		if isBeside {
			before := parts[len(parts)-1].draw
			parts[len(parts)-1].draw = func(cell *pdfua.Element, y float64) {
				before(cell, y)
				draw(cell, y)
			}
		} else {
			parts = append(parts, part{step, draw})
		}
		for _, line := range text.lines[1:] {
			parts[len(parts)-1].height = valueStyle.linesHeight(1)
			parts = append(parts, part{step, func(_ *pdfua.Element, y float64) {
				l.drawParagraph(entry, x+indent, y, paragraph{text.style, [][]span{line}})
			}})
		}
		if used += width + spacing; len(text.lines) > 1 {
			used = 0
		}
	}
	return parts
}
