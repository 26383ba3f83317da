package card

import (
	"rsc.io/qr"

	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/texts"
)

// The page, in millimetres: margins, and the columns of the table with their spacing.
const (
	pageLeft    = 18.0
	pageRight   = pageWidth - pageLeft
	bodyWidth   = pageRight - pageLeft
	pageBottom  = pageHeight - 11.0
	gutter      = 4.0
	qrSize      = 23.0
	countWidth  = 14.0 // a column of numbers, aligned right
	nameShare   = 0.45
	lineSpacing = 0.6 // between the parts of one cell
	rowPadding  = 1.7
)

// The styles of the card, from the largest to the smallest.
var (
	titleStyle      = style{bold: true, size: 16, colour: petrol}
	nameStyle       = style{bold: true, size: 15, colour: ink}
	headingStyle    = style{bold: true, size: 10.5, colour: petrol}
	deviceStyle     = style{bold: true, size: 8.8, colour: ink}
	unknownStyle    = style{size: 8, colour: muted}
	countStyle      = style{bold: true, size: 10, colour: ink}
	fieldStyle      = style{bold: true, size: 9.5, colour: ink}
	letterheadStyle = style{bold: true, size: 9, colour: ink}
	valueStyle      = style{size: 7.6, colour: ink}
	smallStyle      = style{size: 7, colour: muted}
	labelStyle      = style{size: 5.8, colour: muted}
	legendStyle     = style{size: 5.8, colour: muted}
	disclaimerStyle = style{size: 5.8, colour: muted}
)

// block is a part of the body that is never split across pages. It draws its elements below a parent.
type block struct {
	height       float64
	draw         func(parent *pdfua.Element, y float64)
	keepWithNext bool // stays on the page of the next block: a heading does not end a page
}

// layout places a view on pages. It measures heights before it draws anything, because each page shows the number of
// pages.
type layout struct {
	*canvas
	view    *view
	columns []column
	qrCode  *qr.Code // nil on the cumulative card
}

const nextPageTop = 22.0 // below the running head

// column is one column of the table of implants.
type column struct {
	x, width float64
	title    texts.Text
	isCount  bool // contains a number, aligned right
}

func newLayout(c *canvas, v *view) (*layout, error) {
	l := &layout{canvas: c, view: v}
	if v.address != "" {
		var err error
		if l.qrCode, err = newQRCode(v.address); err != nil {
			return nil, err
		}
	}
	room := bodyWidth - countWidth
	if v.columns.hasRemaining {
		room -= countWidth
	}
	site := 0.17 * bodyWidth
	room -= site
	name, identification := room*nameShare, room*(1-nameShare)
	l.columns = []column{
		{x: pageLeft, width: name - gutter, title: deviceColumn},
		{x: pageLeft + name, width: identification - gutter, title: identificationColumn},
		{x: pageLeft + name + identification, width: site - gutter/2, title: v.columns.site},
		{x: pageLeft + name + identification + site, width: countWidth, title: v.columns.quantity, isCount: true},
	}
	if v.columns.hasRemaining {
		l.columns = append(
			l.columns, column{x: pageRight - countWidth, width: countWidth, title: remainingColumn, isCount: true},
		)
	}
	return l, nil
}

// drawPages draws every page. The structure follows the reading order; what repeats on further pages is decoration
// there.
func (l *layout) drawPages() {
	root := l.document.Root()
	masthead, lead, footer := l.mastheadBlock(), l.leadBlock(), l.footerBlock()
	room := pageBottom - footer.height
	firstTop, next := masthead.height+lead.height, room-nextPageTop-l.tableHeadHeight()
	pages := splitIntoPages(l.tableBlocks(next), room-firstTop-l.tableHeadHeight(), next)
	var table tableElements
	for i, page := range pages {
		l.addPage()
		l.fillRect(0, 0, pageWidth, 3.2, petrol)
		y := nextPageTop
		if i == 0 {
			masthead.draw(root, 0)
			lead.draw(root, masthead.height)
			y = firstTop
			table = l.addTable(root)
		} else {
			l.drawRunningHead()
			table.head = nil
		}
		if len(page) > 0 {
			y = l.drawTableHead(table.head, y)
		}
		for _, b := range page {
			b.draw(table.body, y)
			y += b.height
		}
	}
	// The footer comes last in the reading order, and once.
	for i := range pages {
		l.page = l.pages[i]
		parent := root
		if i > 0 {
			parent = nil
		}
		footer.draw(parent, room)
		l.drawPageNumber(parent, i+1, len(pages))
	}
}

// splitIntoPages distributes the blocks over pages; first and next are the heights available on the first page and on
// the others. It returns at least one page. A block higher than a page gets a page of its own.
func splitIntoPages(blocks []block, first, next float64) [][]block {
	pages := [][]block{nil}
	room := first
	for i := 0; i < len(blocks); {
		end, height := i+1, blocks[i].height
		if blocks[i].keepWithNext && end < len(blocks) && height+blocks[end].height <= next {
			height += blocks[end].height
			end++
		}
		if height > room && (len(pages[len(pages)-1]) > 0 || room < next) {
			pages = append(pages, nil)
			room = next
		}
		last := len(pages) - 1
		pages[last] = append(pages[last], blocks[i:end]...)
		room -= height
		i = end
	}
	return pages
}
