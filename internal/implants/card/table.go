package card

import "github.com/openctr/ctr/internal/texts"

// tableHeadHeight returns the height of the column heads, with the four languages below each other.
func (l *layout) tableHeadHeight() float64 {
	if len(l.view.operations) == 0 {
		return 0
	}
	return labelStyle.linesHeight(len(texts.Langs())) + 1.6
}

// drawTableHead draws the column heads and returns the y position below them.
func (l *layout) drawTableHead(y float64) float64 {
	end := y + l.tableHeadHeight()
	if end == y {
		return y
	}
	for _, c := range l.columns {
		for i, language := range texts.Langs() {
			text := c.title.Translate(language)
			top := y + labelStyle.linesHeight(i)
			if c.isCount {
				l.drawTextRight(c.x+c.width, top, labelStyle, text)
				continue
			}
			l.drawText(c.x, top, labelStyle, text)
		}
	}
	l.fillRect(pageLeft, end-0.3, bodyWidth, 0.3, petrol)
	return end
}

// tableBlocks returns the table: a row per line of implants and, on the cumulative card, a heading per operation.
func (l *layout) tableBlocks() []block {
	var all []block
	for i := range l.view.operations {
		o := &l.view.operations[i]
		if l.view.cumulative || len(l.view.operations) != 1 {
			all = append(all, l.operationHeading(o))
		}
		for j := range o.lines {
			all = append(all, l.rowBlock(&o.lines[j]))
		}
	}
	if len(all) == 0 {
		all = append(all, l.emptyBlock())
	}
	return all
}

func (l *layout) emptyBlock() block {
	lines := l.wrapTranslations(valueStyle, noOperations, bodyWidth)
	return block{
		height: valueStyle.linesHeight(len(lines)),
		draw:   func(y float64) { l.drawLines(pageLeft, y, valueStyle, lines) },
	}
}

// operationHeading returns the heading of one operation on the cumulative card.
func (l *layout) operationHeading(o *operationView) block {
	const inset, padding, gap = 3.0, 1.8, 2.2
	kind, number := headingStyle, style{size: 7.5, colour: ink}
	kind.size, kind.colour = 9, o.kindColour()
	performer := o.specialist
	if o.specialistID != "" {
		performer += " (" + o.specialistID + ")"
	}
	if performer != "" && o.hospital != "" {
		performer += separator
	}
	lines := l.wrapText(number, orUnknown(performer+o.hospital), bodyWidth-2*inset)
	height := kind.linesHeight(1) + number.linesHeight(len(lines)) + 2*padding
	return block{height: height + gap, keepWithNext: len(o.lines) > 0, draw: func(y float64) {
		y += gap
		l.fillRect(pageLeft, y, bodyWidth, height, tint)
		l.fillRect(pageLeft, y, 1.2, height, kind.colour)
		y += padding
		l.drawText(pageLeft+inset, y, kind, orUnknown(o.date)+"   "+joinDistinct(o.kind))
		digits := o.number
		l.drawTextRight(pageRight-inset, y+(kind.size-number.size)*pointInMillimetres, number, digits)
		l.drawTextRight(
			pageRight-inset-l.textWidth(number, digits)-symbolGap, y+(kind.size-labelStyle.size)*pointInMillimetres, labelStyle,
			joinDistinct(numberLabel),
		)
		l.drawLines(pageLeft+inset, y+kind.linesHeight(1), number, lines)
	}}
}

// rowBlock returns one line of implants: the name over the whole width, because readers look for it and copy it, with
// the number of implants beside it, and the columns below.
func (l *layout) rowBlock(v *lineView) block {
	first, counts := l.columns[0], l.columns[3:]
	name := l.nameCell(v, column{x: first.x, width: counts[0].x - first.x})
	numbers := []block{l.countCell(v.quantity, counts[0])}
	if l.view.columns.hasRemaining {
		numbers = append(numbers, l.countCell(v.remaining, counts[1]))
	}
	cells := []block{l.deviceCell(v, first), l.identificationCell(v, l.columns[1]), l.siteCell(v, l.columns[2])}
	below := 0.0
	for _, c := range cells {
		below = max(below, c.height)
	}
	height := name.height + lineSpacing + below + 2*rowPadding
	return block{height: height, draw: func(y float64) {
		for _, c := range append(numbers, name) {
			c.draw(y + rowPadding)
		}
		for _, c := range cells {
			c.draw(y + rowPadding + name.height + lineSpacing)
		}
		l.drawRule(pageLeft, y+height, bodyWidth)
	}}
}

func (l *layout) nameCell(v *lineView, c column) block {
	const nameLines = 3
	look, lines := deviceStyle, truncateLines(l.wrapText(deviceStyle, v.name, c.width), nameLines)
	if v.name == "" {
		look, lines = unknownStyle, l.wrapTranslations(unknownStyle, deviceNotListed, c.width)
	}
	return block{height: look.linesHeight(len(lines)), draw: func(y float64) { l.drawLines(c.x, y, look, lines) }}
}

func (l *layout) deviceCell(v *lineView, c column) block {
	return l.symbolsBlock(
		c, []symbolValue{{symbolManufacturer, v.manufacturer}, {symbolReference, v.reference}, {symbolCode, v.code}},
	)
}

func (l *layout) identificationCell(v *lineView, c column) block {
	return l.symbolsBlock(
		c, []symbolValue{{symbolUDI, v.udi}, {symbolLot, v.lot}, {symbolSerial, v.serial}, {symbolExpiry, v.expiry}},
	)
}

func (l *layout) siteCell(v *lineView, c column) block {
	side := valueStyle
	side.bold = true
	first := l.wrapTranslations(side, v.side, c.width)
	var rest []string
	if v.location != "" {
		rest = l.wrapText(valueStyle, v.location, c.width)
	}
	if v.placedOn != "" {
		rest = append(rest, v.placedOn)
	}
	if len(first)+len(rest) == 0 {
		rest = []string{unknownMark}
	}
	return block{height: side.linesHeight(len(first)) + valueStyle.linesHeight(len(rest)), draw: func(y float64) {
		l.drawLines(c.x, l.drawLines(c.x, y, side, first), valueStyle, rest)
	}}
}

func (l *layout) countCell(text string, c column) block {
	look := countStyle
	if text == "0" { // all implants of the line were removed
		look.bold, look.colour = false, muted
	}
	return block{height: look.linesHeight(1), draw: func(y float64) { l.drawTextRight(c.x+c.width, y-0.4, look, text) }}
}

// symbolValue is a value with the symbol before it.
type symbolValue struct {
	symbol symbol
	value  string
}

// symbolsBlock places values after their symbols, beside each other where they fit, and omits unknown values.
func (l *layout) symbolsBlock(c column, all []symbolValue) block {
	type placed struct {
		x, y  float64
		sign  symbol
		lines []string
	}
	const spacing = 3.0
	var (
		out  []placed
		x, y float64
	)
	step := valueStyle.linesHeight(1) + 0.3
	for _, s := range all {
		if s.value == "" {
			continue
		}
		indent := l.symbolWidth(s.symbol) + symbolGap
		width := indent + l.textWidth(valueStyle, s.value)
		if x > 0 && x+width > c.width {
			x, y = 0, y+step
		}
		lines := l.wrapText(valueStyle, s.value, c.width-indent)
		out = append(out, placed{x, y, s.symbol, lines})
		if len(lines) > 1 {
			x, y = 0, y+step+valueStyle.linesHeight(len(lines)-1)
			continue
		}
		x += width + spacing
	}
	if x > 0 {
		y += step
	}
	return block{height: y, draw: func(top float64) {
		for _, p := range out {
			l.drawSymbol(c.x+p.x, top+p.y+(valueStyle.linesHeight(1)-symbolHeight)/2+0.15, p.sign)
			l.drawLines(c.x+p.x+l.symbolWidth(p.sign)+symbolGap, top+p.y, valueStyle, p.lines)
		}
	}}
}
