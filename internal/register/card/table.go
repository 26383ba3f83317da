package card

// tableHeadHeight returns the height of the column heads, with the four languages below each other.
func (l *layout) tableHeadHeight() float64 {
	if len(l.view.operations) == 0 {
		return 0
	}
	return labelStyle.height(len(words{})) + 1.6
}

// drawTableHead draws the column heads and returns the y position below them.
func (l *layout) tableHead(y float64) float64 {
	end := y + l.tableHeadHeight()
	if end == y {
		return y
	}
	for _, c := range l.columns {
		for i, text := range c.title {
			top := y + labelStyle.height(i)
			if c.counts {
				l.lineRight(c.x+c.width, top, labelStyle, text)
				continue
			}
			l.line(c.x, top, labelStyle, text)
		}
	}
	l.fill(left, end-0.3, bodyWidth, 0.3, petrol)
	return end
}

// tableBlocks returns the table: a row per line of implants and, on the cumulative card, a heading per operation.
func (l *layout) body() []block {
	var all []block
	for i := range l.view.operations {
		o := &l.view.operations[i]
		if l.view.cumulative || len(l.view.operations) != 1 {
			all = append(all, l.strip(o))
		}
		for j := range o.lines {
			all = append(all, l.row(&o.lines[j]))
		}
	}
	if len(all) == 0 {
		all = append(all, l.empty())
	}
	return all
}

func (l *layout) empty() block {
	lines := l.wrapWords(valueStyle, noOperations, bodyWidth)
	return block{height: valueStyle.height(len(lines)), draw: func(y float64) { l.lines(left, y, valueStyle, lines) }}
}

// operationHeading returns the heading of one operation on the cumulative card.
func (l *layout) strip(o *operationView) block {
	const inset, padding, gap = 3.0, 1.8, 2.2
	kind, number := headingStyle, style{size: 7.5, colour: ink}
	kind.size, kind.colour = 9, o.colour()
	performer := o.specialist
	if o.specialistID != "" {
		performer += " (" + o.specialistID + ")"
	}
	if performer != "" && o.hospital != "" {
		performer += separator
	}
	lines := l.wrap(number, orNothing(performer+o.hospital), bodyWidth-2*inset)
	height := kind.height(1) + number.height(len(lines)) + 2*padding
	return block{height: height + gap, joined: len(o.lines) > 0, draw: func(y float64) {
		y += gap
		l.fill(left, y, bodyWidth, height, tint)
		l.fill(left, y, 1.2, height, kind.colour)
		y += padding
		l.line(left+inset, y, kind, orNothing(o.date)+"   "+o.kind.joined())
		digits := o.number
		l.lineRight(right-inset, y+(kind.size-number.size)*millimetre, number, digits)
		l.lineRight(right-inset-l.width(number, digits)-symbolGap, y+(kind.size-labelStyle.size)*millimetre, labelStyle, numberLabel.joined())
		l.lines(left+inset, y+kind.height(1), number, lines)
	}}
}

// rowBlock returns one line of implants: the name over the whole width, because readers look for it and copy it, with
// the number of implants beside it, and the columns below.
func (l *layout) row(v *lineView) block {
	first, counts := l.columns[0], l.columns[3:]
	name := l.nameCell(v, column{x: first.x, width: counts[0].x - first.x})
	numbers := []block{l.countCell(v.quantity, counts[0])}
	if l.view.columns.remaining {
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
		l.horizontal(left, y+height, bodyWidth)
	}}
}

func (l *layout) nameCell(v *lineView, c column) block {
	const nameLines = 3
	look, lines := deviceStyle, cut(l.wrap(deviceStyle, v.name, c.width), nameLines)
	if v.name == "" {
		look, lines = unknownStyle, l.wrapWords(unknownStyle, notOnTheList, c.width)
	}
	return block{height: look.height(len(lines)), draw: func(y float64) { l.lines(c.x, y, look, lines) }}
}

func (l *layout) deviceCell(v *lineView, c column) block {
	return l.signs(c, []signed{{signManufacturer, v.manufacturer}, {signReference, v.reference}, {signCode, v.code}})
}

func (l *layout) identificationCell(v *lineView, c column) block {
	return l.signs(c, []signed{{signUDI, v.udi}, {signLot, v.lot}, {signSerial, v.serial}, {signExpiry, v.expiry}})
}

func (l *layout) siteCell(v *lineView, c column) block {
	side := valueStyle
	side.bold = true
	first := l.wrapWords(side, v.side, c.width)
	var rest []string
	if v.location != "" {
		rest = l.wrap(valueStyle, v.location, c.width)
	}
	if v.placed != "" {
		rest = append(rest, v.placed)
	}
	if len(first)+len(rest) == 0 {
		rest = []string{nothing}
	}
	return block{height: side.height(len(first)) + valueStyle.height(len(rest)), draw: func(y float64) {
		l.lines(c.x, l.lines(c.x, y, side, first), valueStyle, rest)
	}}
}

func (l *layout) countCell(text string, c column) block {
	look := countStyle
	if text == "0" { // all implants of the line were removed
		look.bold, look.colour = false, muted
	}
	return block{height: look.height(1), draw: func(y float64) { l.lineRight(c.x+c.width, y-0.4, look, text) }}
}

// symbolValue is a value with the symbol before it.
type signed struct {
	sign  symbol
	value string
}

// symbolsBlock places values after their symbols, beside each other where they fit, and omits unknown values.
func (l *layout) signs(c column, all []signed) block {
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
	step := valueStyle.height(1) + 0.3
	for _, s := range all {
		if s.value == "" {
			continue
		}
		indent := l.symbolWidth(s.sign) + symbolGap
		width := indent + l.width(valueStyle, s.value)
		if x > 0 && x+width > c.width {
			x, y = 0, y+step
		}
		lines := l.wrap(valueStyle, s.value, c.width-indent)
		out = append(out, placed{x, y, s.sign, lines})
		if len(lines) > 1 {
			x, y = 0, y+step+valueStyle.height(len(lines)-1)
			continue
		}
		x += width + spacing
	}
	if x > 0 {
		y += step
	}
	return block{height: y, draw: func(top float64) {
		for _, p := range out {
			l.symbol(c.x+p.x, top+p.y+(valueStyle.height(1)-symbolHeight)/2+0.15, p.sign)
			l.lines(c.x+p.x+l.symbolWidth(p.sign)+symbolGap, top+p.y, valueStyle, p.lines)
		}
	}}
}
