package card

import "strconv"

// drawMasthead draws the head of the first page: the notifying institution, the title in four languages and the number
// as a QR code.
func (l *layout) masthead() {
	titleWidth := bodyWidth
	if l.code != nil {
		titleWidth -= qrSize + 8
		l.qr(right-qrSize, 12, qrSize, l.code)
		caption := style{size: 6.4, colour: muted}
		l.line(right-qrSize/2-l.width(caption, l.view.number)/2, 12+qrSize+0.9, caption, l.view.number)
	}
	if l.view.letterhead != "" {
		s, all := l.fit(letterheadStyle, l.view.letterhead, titleWidth, 1, 9, 7, 5)
		l.lines(left, 11.2, s, cut(all, 1))
	}
	half := titleWidth / 2
	for i, title := range l.view.title {
		l.line(left+half*float64(i%2), 17.6+8.2*float64(i/2), titleStyle, title)
	}
	l.lines(left, 35.6, smallStyle, l.wrapWords(smallStyle, registerName, titleWidth))
}

// drawRunningHead draws the head of every other page.
func (l *layout) runningHead() {
	l.line(left, 9.5, headingStyle, l.view.title.joined())
	subject := l.view.patient.name
	if l.view.number != "" {
		subject += separator + formatNumber(l.view.number)
	}
	s, all := l.fit(smallStyle, subject, bodyWidth, 1, 7, 5)
	l.lines(left, 15, s, cut(all, 1))
}

// leadBlock returns the block above the table on the first page: the patient and, on the card of one notification, the
// operation.
func (l *layout) lead() block {
	patient := l.patientPanel()
	if l.view.cumulative || len(l.view.operations) != 1 {
		return block{height: patient.height + 5, draw: patient.draw}
	}
	operation := l.operationPanel(&l.view.operations[0])
	return block{height: patient.height + operation.height + 9.5, draw: func(y float64) {
		patient.draw(y)
		operation.draw(y + patient.height + 4.5)
	}}
}

func (l *layout) patientPanel() block {
	const inset, padding = 6.0, 3.6
	p := &l.view.patient
	name, lines := l.fit(nameStyle, orNothing(p.name), 0.56*bodyWidth-inset-gutter, 2, 15, 12, 9, 7)
	number := style{bold: true, size: 10.5, colour: ink}
	fields := l.fields(left+inset, []field{
		{label: patientLabel, style: name, value: lines, width: 0.56*bodyWidth - inset},
		{label: ssinLabel, style: number, value: []string{orNothing(p.number)}, width: 0.23 * bodyWidth},
		{label: birthLabel, style: number, value: []string{orNothing(p.birth)}, width: 0.21 * bodyWidth},
	})
	height := fields.height + 2*padding
	return block{height: height, draw: func(y float64) {
		l.fill(left, y, bodyWidth, height, tint)
		l.fill(left, y, 1.2, height, petrol)
		fields.draw(y + padding)
	}}
}

func (l *layout) operationPanel(o *operationView) block {
	widths := [...]float64{0.22 * bodyWidth, 0.26 * bodyWidth, 0.28 * bodyWidth, 0.24 * bodyWidth}
	value := func(text string, width float64) []string { return l.wrap(fieldStyle, orNothing(text), width-gutter) }
	fields := l.fields(left, []field{
		{label: dateLabel, style: fieldStyle, value: value(o.date, widths[0]), width: widths[0]},
		{label: specialistLabel, style: fieldStyle, value: value(o.specialist, widths[1]), detail: o.specialistID, width: widths[1]},
		{label: hospitalLabel, style: fieldStyle, value: value(o.hospital, widths[2]), width: widths[2]},
		{label: numberLabel, style: fieldStyle, value: value(o.number, widths[3]), width: widths[3]},
	})
	heading := headingStyle
	heading.colour = o.colour()
	room := heading.height(1) + 1.6
	return block{height: room + fields.height, draw: func(y float64) {
		l.line(left, y, heading, o.kind.joined())
		fields.draw(y + room)
	}}
}

// kindColour returns the colour of the kind of operation: it distinguishes explantations from implantations.
func (o *operationView) colour() colour {
	if o.removal {
		return brick
	}
	return petrol
}

// field is a value below its label in four languages.
type field struct {
	label  words
	style  style
	value  []string
	detail string
	width  float64
}

// fieldsBlock places fields beside each other, with the bottoms of the labels and the tops of the values aligned.
func (l *layout) fields(x float64, all []field) block {
	labels := make([][]string, len(all))
	deepest, largest, height := 0, 0.0, 0.0
	for i, f := range all {
		labels[i] = l.wrapWords(labelStyle, f.label, f.width-gutter)
		deepest, largest = max(deepest, len(labels[i])), max(largest, f.style.size)
	}
	for _, f := range all {
		h := (largest-f.style.size)*millimetre + f.style.height(len(f.value))
		if f.detail != "" {
			h += valueStyle.height(1)
		}
		height = max(height, h)
	}
	head := labelStyle.height(deepest) + lineSpacing
	return block{height: head + height, draw: func(y float64) {
		at := x
		for i, f := range all {
			l.lines(at, y+labelStyle.height(deepest-len(labels[i])), labelStyle, labels[i])
			end := l.lines(at, y+head+(largest-f.style.size)*millimetre, f.style, f.value)
			if f.detail != "" {
				l.line(at, end, valueStyle, f.detail)
			}
			at += f.width
		}
	}}
}

// footerBlock returns the footer of every page: the legend, and the disclaimer in four languages.
func (l *layout) footer() block {
	legend := l.legend()
	const width = (bodyWidth - 2*gutter) / 2
	var notes [len(note)][]string
	deepest := 0
	for i, text := range note {
		notes[i] = l.wrap(noteStyle, text, width)
		deepest = max(deepest, len(notes[i]))
	}
	const above, between, below = 2.4, 1.6, 5.0
	row := noteStyle.height(deepest) + between
	height := above + legend.height + between + 2*row + below
	return block{height: height, draw: func(y float64) {
		l.horizontal(left, y, bodyWidth)
		legend.draw(y + above)
		for i := range notes {
			l.lines(left+float64(i%2)*(width+2*gutter), y+above+legend.height+between+float64(i/2)*row, noteStyle, notes[i])
		}
	}}
}

// legendBlock explains the symbols.
func (l *layout) legend() block {
	entries := [...]struct {
		sign symbol
		text words
	}{
		{signManufacturer, manufacturerLegend}, {signReference, referenceLegend}, {signUDI, udiLegend}, {signCode, codeLegend},
		{signLot, lotLegend}, {signSerial, serialLegend}, {signExpiry, expiryLegend},
	}
	const perRow = 2
	const room, indent = bodyWidth/2 + gutter, 8.5
	var lines [len(entries)][]string
	var heights [(len(entries) + perRow - 1) / perRow]float64
	for i, e := range entries {
		lines[i] = l.wrapWords(legendStyle, e.text, bodyWidth-room-indent)
		heights[i/perRow] = max(heights[i/perRow], legendStyle.height(len(lines[i]))+0.5, symbolHeight+0.7)
	}
	total := 0.0
	for _, h := range heights {
		total += h
	}
	return block{height: total, draw: func(y float64) {
		for i, e := range entries {
			x := left + room*float64(i%perRow)
			l.symbol(x, y, e.sign)
			l.lines(x+indent, y+(symbolHeight-legendStyle.height(1))/2, legendStyle, lines[i])
			if i%perRow == perRow-1 {
				y += heights[i/perRow]
			}
		}
	}}
}

// drawPageNumber draws the time of the newest registration and the page number with the number of pages.
func (l *layout) pageNumber(page, of int) {
	y := bottom - smallStyle.height(1)
	if l.view.registered != "" {
		l.line(left, y, labelStyle, registeredLabel.joined()+"  "+l.view.registered)
	}
	l.lineRight(right, y, smallStyle, strconv.Itoa(page)+"/"+strconv.Itoa(of))
}
