package card

import (
	"strconv"

	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/texts"
)

// mastheadBlock returns the head of the first page: the notifying institution, the title in four languages and the QR
// code.
func (l *layout) mastheadBlock() block {
	const top, titleGap, registerGap, below = 11.2, 2.0, 1.6, 4.0
	width := bodyWidth
	if l.qrCode != nil {
		width -= qrSize + 8
	}
	letterhead := paragraph{style: letterheadStyle}
	if l.view.letterhead != "" {
		letterhead = l.fitText(letterheadStyle, l.view.letterhead, width, 1, 9, 7, 5)
	}
	titles := make([]paragraph, len(texts.Langs()))
	for i, language := range texts.Langs() {
		title := l.shapeLabel(titleStyle, string(language), l.view.title.Translate(language))
		titles[i] = paragraph{titleStyle, [][]span{{{text: title, language: string(language)}}}}
	}
	rowHeight := titleStyle.linesHeight(1) + 1.2
	titlesTop := top + max(letterhead.height(), letterheadStyle.linesHeight(1)) + titleGap
	registerTop := titlesTop + rowHeight*float64((len(titles)+1)/2) + registerGap
	register := l.wrapTranslations(smallStyle, registerName, width)
	height := registerTop + register.height() + below
	if l.qrCode != nil {
		height = max(height, 12+qrSize+6)
	}
	return block{height: height, draw: func(parent *pdfua.Element, y float64) {
		if len(letterhead.lines) > 0 {
			l.drawParagraph(parent.Add(pdfua.RoleParagraph), pageLeft, y+top, letterhead)
		}
		heading := parent.Add(pdfua.RoleHeading1)
		for i, title := range titles {
			l.drawParagraph(heading, pageLeft+width/2*float64(i%2), y+titlesTop+rowHeight*float64(i/2), title)
		}
		l.drawParagraph(parent.Add(pdfua.RoleParagraph), pageLeft, y+registerTop, register)
		if l.qrCode != nil {
			l.drawQRCode(parent, pageRight-qrSize, y+12)
		}
	}}
}

// drawQRCode draws the QR code and its number.
func (l *layout) drawQRCode(parent *pdfua.Element, x, y float64) {
	figure := parent.AddIn(pdfua.RoleFigure, "nl")
	figure.Alternative = "QR-code: " + l.view.address
	l.page.SetBox(figure, points(x), points(y), points(qrSize), points(qrSize))
	l.page.Tag(figure, func(to pdfua.Canvas) {
		to.FillModules(points(x), points(y), points(qrSize/float64(l.qrCode.Size)), l.qrCode.Size, ink, l.qrCode.Black)
	})
	caption := l.newLine(style{size: 6.4, colour: muted}, l.view.number)
	l.drawParagraph(parent.Add(pdfua.RoleParagraph), x+(qrSize-caption.width())/2, y+qrSize+0.9, caption)
}

// drawRunningHead draws the head of every other page.
func (l *layout) drawRunningHead() {
	l.drawParagraph(nil, pageLeft, 9.5, l.joinTranslations(headingStyle, l.view.title))
	subject := l.view.patient.name
	if l.view.number != "" {
		subject += separator + formatNotificationNumber(l.view.number)
	}
	head := l.fitText(smallStyle, subject, bodyWidth, 1, 7, 5)
	head.lines = head.lines[:1] // the whole name is on the first page
	l.drawParagraph(nil, pageLeft, 15, head)
}

// leadBlock returns the block above the table on the first page: the patient and, on the card of one notification, the
// operation.
func (l *layout) leadBlock() block {
	patient := l.patientPanel()
	if l.view.cumulative || len(l.view.operations) != 1 {
		return block{height: patient.height + 5, draw: patient.draw}
	}
	operation := l.operationPanel(&l.view.operations[0])
	return block{height: patient.height + operation.height + 9.5, draw: func(parent *pdfua.Element, y float64) {
		patient.draw(parent, y)
		operation.draw(parent, y+patient.height+4.5)
	}}
}

func (l *layout) patientPanel() block {
	const inset, padding = 6.0, 3.6
	p := &l.view.patient
	name := l.fitText(nameStyle, orUnknown(p.name), 0.56*bodyWidth-inset-gutter, 2, 15, 12, 9, 7)
	number := style{bold: true, size: 10.5, colour: ink}
	fields := l.fieldsBlock(pageLeft+inset, []field{
		{label: patientLabel, value: name, width: 0.56*bodyWidth - inset},
		{label: ssinLabel, value: l.newLine(number, orUnknown(p.number)), width: 0.23 * bodyWidth},
		{label: birthLabel, value: l.newLine(number, orUnknown(p.birth)), width: 0.21 * bodyWidth},
	})
	height := fields.height + 2*padding
	return block{height: height, draw: func(parent *pdfua.Element, y float64) {
		l.fillRect(pageLeft, y, bodyWidth, height, tint)
		l.fillRect(pageLeft, y, 1.2, height, petrol)
		fields.draw(parent, y+padding)
	}}
}

func (l *layout) operationPanel(o *operationView) block {
	widths := [...]float64{0.22 * bodyWidth, 0.26 * bodyWidth, 0.28 * bodyWidth, 0.24 * bodyWidth}
	value := func(text string, width float64) paragraph {
		return l.fitText(fieldStyle, orUnknown(text), width-gutter, 4, 9.5, 7.6, 6, 4.5)
	}
	fields := l.fieldsBlock(pageLeft, []field{
		{label: dateLabel, value: value(o.date, widths[0]), width: widths[0]},
		{label: specialistLabel, value: value(o.specialist, widths[1]), detail: o.specialistID, width: widths[1]},
		{label: hospitalLabel, value: value(o.hospital, widths[2]), width: widths[2]},
		{label: numberLabel, value: value(o.number, widths[3]), width: widths[3]},
	})
	look := headingStyle
	look.colour = o.kindColour()
	heading := l.joinTranslations(look, o.kind)
	room := heading.height() + 1.6
	return block{height: room + fields.height, draw: func(parent *pdfua.Element, y float64) {
		l.drawParagraph(parent.Add(pdfua.RoleHeading2), pageLeft, y, heading)
		fields.draw(parent, y+room)
	}}
}

// kindColour returns the colour of the kind of operation: it distinguishes explantations from implantations.
func (o *operationView) kindColour() pdfua.Colour {
	if o.isRemoval {
		return brick
	}
	return petrol
}

// field is a value below its label in four languages.
type field struct {
	label  texts.Text
	value  paragraph
	detail string
	width  float64
}

// fieldsBlock places fields beside each other, with the bottoms of the labels and the tops of the values aligned.
func (l *layout) fieldsBlock(x float64, all []field) block {
	labels := make([]paragraph, len(all))
	deepest, largest, height := 0, 0.0, 0.0
	for i, f := range all {
		labels[i] = l.wrapTranslations(labelStyle, f.label, f.width-gutter)
		deepest, largest = max(deepest, len(labels[i].lines)), max(largest, f.value.style.size)
	}
	for _, f := range all {
		h := (largest-f.value.style.size)*pointInMillimetres + f.value.height()
		if f.detail != "" {
			h += valueStyle.linesHeight(1)
		}
		height = max(height, h)
	}
	head := labelStyle.linesHeight(deepest) + lineSpacing
	return block{height: head + height, draw: func(parent *pdfua.Element, y float64) {
		at := x
		for i, f := range all {
			text := parent.Add(pdfua.RoleParagraph)
			l.drawParagraph(text, at, y+labelStyle.linesHeight(deepest-len(labels[i].lines)), labels[i])
			end := l.drawParagraph(text, at, y+head+(largest-f.value.style.size)*pointInMillimetres, f.value)
			if f.detail != "" {
				l.drawParagraph(text, at, end, l.newLine(valueStyle, f.detail))
			}
			at += f.width
		}
	}}
}

// footerBlock returns the footer of every page: the legend, and the disclaimer in all languages.
func (l *layout) footerBlock() block {
	legend := l.legendBlock()
	const width = (bodyWidth - 2*gutter) / 2
	notes := make([]paragraph, len(texts.Langs()))
	deepest := 0
	for i, language := range texts.Langs() {
		notes[i].style = disclaimerStyle
		note := l.shapeLabel(disclaimerStyle, string(language), disclaimer.Translate(language))
		for _, line := range breakLines(note, width/(disclaimerStyle.size*pointInMillimetres)*1000) {
			shaped := l.shapeLabel(disclaimerStyle, string(language), line)
			notes[i].lines = append(notes[i].lines, []span{{text: shaped, language: string(language)}})
		}
		deepest = max(deepest, len(notes[i].lines))
	}
	const above, between, below = 2.4, 1.6, 5.0
	row := disclaimerStyle.linesHeight(deepest) + between
	height := above + legend.height + between + float64((len(notes)+1)/2)*row + below
	return block{height: height, draw: func(parent *pdfua.Element, y float64) {
		l.drawRule(pageLeft, y, bodyWidth)
		legend.draw(parent, y+above)
		for i := range notes {
			x := pageLeft + float64(i%2)*(width+2*gutter)
			top := y + above + legend.height + between + float64(i/2)*row
			l.drawParagraph(addElement(parent, pdfua.RoleParagraph), x, top, notes[i])
		}
	}}
}

// legendBlock explains the symbols.
func (l *layout) legendBlock() block {
	const perRow = 2
	const room, indent = bodyWidth/2 + gutter, 8.5
	explanations := make([]paragraph, len(legend))
	heights := make([]float64, (len(legend)+perRow-1)/perRow)
	for i, e := range legend {
		explanations[i] = l.wrapTranslations(legendStyle, e.text, bodyWidth-room-indent)
		heights[i/perRow] = max(heights[i/perRow], explanations[i].height()+0.5, symbolHeight+0.7)
	}
	total := 0.0
	for _, h := range heights {
		total += h
	}
	return block{height: total, draw: func(parent *pdfua.Element, y float64) {
		for i, e := range legend {
			x := pageLeft + room*float64(i%perRow)
			entry := addElement(parent, pdfua.RoleParagraph)
			l.drawSymbol(entry, x, y, e.sign)
			l.drawParagraph(entry, x+indent, y+(symbolHeight-legendStyle.linesHeight(1))/2, explanations[i])
			if i%perRow == perRow-1 {
				y += heights[i/perRow]
			}
		}
	}}
}

// drawPageNumber draws the time of the newest registration and the page number with the number of pages.
func (l *layout) drawPageNumber(parent *pdfua.Element, page, of int) {
	y := pageBottom - smallStyle.linesHeight(1)
	if l.view.registeredAt != "" {
		text := addElement(parent, pdfua.RoleParagraph)
		label := l.joinTranslations(labelStyle, registeredLabel)
		l.drawParagraph(text, pageLeft, y, label)
		l.drawParagraph(text, pageLeft+label.width()+1.5, y, l.newLine(labelStyle, l.view.registeredAt))
	}
	l.drawRight(nil, pageRight, y, l.newLine(smallStyle, strconv.Itoa(page)+"/"+strconv.Itoa(of)))
}
