package card

import (
	"strconv"

	"github.com/openctr/ctr/internal/texts"
)

// drawMasthead draws the head of the first page: the notifying institution, the title in four languages and the number
// as a QR code.
func (l *layout) drawMasthead() {
	titleWidth := bodyWidth
	if l.qrCode != nil {
		titleWidth -= qrSize + 8
		l.drawQRCode(pageRight-qrSize, 12, qrSize, l.qrCode)
		caption := style{size: 6.4, colour: muted}
		l.drawText(pageRight-qrSize/2-l.textWidth(caption, l.view.number)/2, 12+qrSize+0.9, caption, l.view.number)
	}
	if l.view.letterhead != "" {
		s, all := l.fitText(letterheadStyle, l.view.letterhead, titleWidth, 1, 9, 7, 5)
		l.drawLines(pageLeft, 11.2, s, truncateLines(all, 1))
	}
	half := titleWidth / 2
	rowHeight := 16.4 / float64((len(texts.Langs())+1)/2)
	for i, language := range texts.Langs() {
		l.drawText(pageLeft+half*float64(i%2), 17.6+rowHeight*float64(i/2), titleStyle, l.view.title.Translate(language))
	}
	l.drawLines(pageLeft, 35.6, smallStyle, l.wrapTranslations(smallStyle, registerName, titleWidth))
}

// drawRunningHead draws the head of every other page.
func (l *layout) drawRunningHead() {
	l.drawText(pageLeft, 9.5, headingStyle, joinDistinct(l.view.title))
	subject := l.view.patient.name
	if l.view.number != "" {
		subject += separator + formatNotificationNumber(l.view.number)
	}
	s, all := l.fitText(smallStyle, subject, bodyWidth, 1, 7, 5)
	l.drawLines(pageLeft, 15, s, truncateLines(all, 1))
}

// leadBlock returns the block above the table on the first page: the patient and, on the card of one notification, the
// operation.
func (l *layout) leadBlock() block {
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
	name, lines := l.fitText(nameStyle, orUnknown(p.name), 0.56*bodyWidth-inset-gutter, 2, 15, 12, 9, 7)
	number := style{bold: true, size: 10.5, colour: ink}
	fields := l.fieldsBlock(pageLeft+inset, []field{
		{label: patientLabel, style: name, value: lines, width: 0.56*bodyWidth - inset},
		{label: ssinLabel, style: number, value: []string{orUnknown(p.number)}, width: 0.23 * bodyWidth},
		{label: birthLabel, style: number, value: []string{orUnknown(p.birth)}, width: 0.21 * bodyWidth},
	})
	height := fields.height + 2*padding
	return block{height: height, draw: func(y float64) {
		l.fillRect(pageLeft, y, bodyWidth, height, tint)
		l.fillRect(pageLeft, y, 1.2, height, petrol)
		fields.draw(y + padding)
	}}
}

func (l *layout) operationPanel(o *operationView) block {
	widths := [...]float64{0.22 * bodyWidth, 0.26 * bodyWidth, 0.28 * bodyWidth, 0.24 * bodyWidth}
	value := func(text string, width float64) []string {
		return l.wrapText(fieldStyle, orUnknown(text), width-gutter)
	}
	fields := l.fieldsBlock(pageLeft, []field{
		{label: dateLabel, style: fieldStyle, value: value(o.date, widths[0]), width: widths[0]},
		{
			label:  specialistLabel,
			style:  fieldStyle,
			value:  value(o.specialist, widths[1]),
			detail: o.specialistID,
			width:  widths[1],
		},
		{label: hospitalLabel, style: fieldStyle, value: value(o.hospital, widths[2]), width: widths[2]},
		{label: numberLabel, style: fieldStyle, value: value(o.number, widths[3]), width: widths[3]},
	})
	heading := headingStyle
	heading.colour = o.kindColour()
	room := heading.linesHeight(1) + 1.6
	return block{height: room + fields.height, draw: func(y float64) {
		l.drawText(pageLeft, y, heading, joinDistinct(o.kind))
		fields.draw(y + room)
	}}
}

// kindColour returns the colour of the kind of operation: it distinguishes explantations from implantations.
func (o *operationView) kindColour() colour {
	if o.isRemoval {
		return brick
	}
	return petrol
}

// field is a value below its label in four languages.
type field struct {
	label  texts.Text
	style  style
	value  []string
	detail string
	width  float64
}

// fieldsBlock places fields beside each other, with the bottoms of the labels and the tops of the values aligned.
func (l *layout) fieldsBlock(x float64, all []field) block {
	labels := make([][]string, len(all))
	deepest, largest, height := 0, 0.0, 0.0
	for i, f := range all {
		labels[i] = l.wrapTranslations(labelStyle, f.label, f.width-gutter)
		deepest, largest = max(deepest, len(labels[i])), max(largest, f.style.size)
	}
	for _, f := range all {
		h := (largest-f.style.size)*pointInMillimetres + f.style.linesHeight(len(f.value))
		if f.detail != "" {
			h += valueStyle.linesHeight(1)
		}
		height = max(height, h)
	}
	head := labelStyle.linesHeight(deepest) + lineSpacing
	return block{height: head + height, draw: func(y float64) {
		at := x
		for i, f := range all {
			l.drawLines(at, y+labelStyle.linesHeight(deepest-len(labels[i])), labelStyle, labels[i])
			end := l.drawLines(at, y+head+(largest-f.style.size)*pointInMillimetres, f.style, f.value)
			if f.detail != "" {
				l.drawText(at, end, valueStyle, f.detail)
			}
			at += f.width
		}
	}}
}

// footerBlock returns the footer of every page: the legend, and the disclaimer in all languages.
func (l *layout) footerBlock() block {
	legend := l.legendBlock()
	const width = (bodyWidth - 2*gutter) / 2
	notes := make([][]string, len(texts.Langs()))
	deepest := 0
	for i, language := range texts.Langs() {
		notes[i] = l.wrapText(disclaimerStyle, disclaimer.Translate(language), width)
		deepest = max(deepest, len(notes[i]))
	}
	const above, between, below = 2.4, 1.6, 5.0
	row := disclaimerStyle.linesHeight(deepest) + between
	height := above + legend.height + between + float64((len(notes)+1)/2)*row + below
	return block{height: height, draw: func(y float64) {
		l.drawRule(pageLeft, y, bodyWidth)
		legend.draw(y + above)
		for i := range notes {
			l.drawLines(
				pageLeft+float64(i%2)*(width+2*gutter), y+above+legend.height+between+float64(i/2)*row, disclaimerStyle, notes[i],
			)
		}
	}}
}

// legendBlock explains the symbols.
func (l *layout) legendBlock() block {
	entries := [...]struct {
		sign symbol
		text texts.Text
	}{
		{symbolManufacturer, manufacturerLegend}, {symbolReference, referenceLegend}, {symbolUDI, udiLegend},
		{symbolCode, codeLegend},
		{symbolLot, lotLegend}, {symbolSerial, serialLegend}, {symbolExpiry, expiryLegend},
	}
	const perRow = 2
	const room, indent = bodyWidth/2 + gutter, 8.5
	var lines [len(entries)][]string
	var heights [(len(entries) + perRow - 1) / perRow]float64
	for i, e := range entries {
		lines[i] = l.wrapTranslations(legendStyle, e.text, bodyWidth-room-indent)
		heights[i/perRow] = max(heights[i/perRow], legendStyle.linesHeight(len(lines[i]))+0.5, symbolHeight+0.7)
	}
	total := 0.0
	for _, h := range heights {
		total += h
	}
	return block{height: total, draw: func(y float64) {
		for i, e := range entries {
			x := pageLeft + room*float64(i%perRow)
			l.drawSymbol(x, y, e.sign)
			l.drawLines(x+indent, y+(symbolHeight-legendStyle.linesHeight(1))/2, legendStyle, lines[i])
			if i%perRow == perRow-1 {
				y += heights[i/perRow]
			}
		}
	}}
}

// drawPageNumber draws the time of the newest registration and the page number with the number of pages.
func (l *layout) drawPageNumber(page, of int) {
	y := pageBottom - smallStyle.linesHeight(1)
	if l.view.registeredAt != "" {
		l.drawText(pageLeft, y, labelStyle, joinDistinct(registeredLabel)+"  "+l.view.registeredAt)
	}
	l.drawTextRight(pageRight, y, smallStyle, strconv.Itoa(page)+"/"+strconv.Itoa(of))
}
