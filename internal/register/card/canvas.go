package card

import (
	_ "embed" // the fonts
	"strings"
	"time"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
)

// Noto Sans covers Latin with every diacritic, Greek and Cyrillic; fonts/OFL.txt is its licence. The fonts are
// immutable strings because the PDF library modifies the font bytes that it is given: each card gets its own copy.
//
//go:embed fonts/NotoSans-Regular.ttf
var regularFont string

//go:embed fonts/NotoSans-Bold.ttf
var boldFont string

const (
	family     = "noto"
	millimetre = 25.4 / 72 // a point in millimetres
	leading    = 1.22      // height of a line, as a multiple of the font size
	baseline   = 0.96      // distance of the baseline from the top of the line, as a multiple of the font size
	pageWidth  = 210.0
	pageHeight = 297.0
)

// colour is red, green and blue.
type colour [3]int

var (
	ink    = colour{27, 38, 46}
	muted  = colour{98, 112, 122}
	petrol = colour{11, 84, 102}
	brick  = colour{148, 62, 36}
	rule   = colour{208, 217, 222}
	tint   = colour{241, 245, 247}
)

// style is the appearance of a text.
type style struct {
	bold   bool
	size   float64 // in points
	colour colour
}

// linesHeight returns the height of the given number of lines, in millimetres.
func (s style) height(lines int) float64 { return float64(lines) * s.size * millimetre * leading }

// canvas draws on the pages of one document, in millimetres from the top left corner.
type canvas struct {
	pdf   *fpdf.Fpdf
	style style
	page  int
}

func newCanvas(issued time.Time, title string) *canvas {
	// Without a date the library uses the current time, and the same content would give different bytes.
	if issued.IsZero() {
		issued = time.Unix(0, 0)
	}
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(issued.UTC())
	pdf.SetModificationDate(issued.UTC())
	pdf.SetProducer("OpenCTR", true)
	pdf.SetTitle(title, true)
	pdf.SetMargins(0, 0, 0)
	pdf.SetCellMargin(0)
	pdf.SetAutoPageBreak(false, 0)
	pdf.AddUTF8FontFromBytes(family, "", []byte(regularFont))
	pdf.AddUTF8FontFromBytes(family, "B", []byte(boldFont))
	return &canvas{pdf: pdf}
}

func (c *canvas) use(s style) {
	if s == c.style && c.page == c.pdf.PageNo() {
		return
	}
	c.style, c.page = s, c.pdf.PageNo()
	weight := ""
	if s.bold {
		weight = "B"
	}
	c.pdf.SetFont(family, weight, s.size)
	c.pdf.SetTextColor(s.colour[0], s.colour[1], s.colour[2])
}

func (c *canvas) width(s style, text string) float64 {
	c.use(s)
	return c.pdf.GetStringWidth(text)
}

// drawText draws one line of text with its top at y.
func (c *canvas) line(x, y float64, s style, text string) {
	c.use(s)
	c.pdf.Text(x, y+s.size*millimetre*baseline, text)
}

// drawTextRight draws one line of text that ends at x.
func (c *canvas) lineRight(x, y float64, s style, text string) {
	c.line(x-c.width(s, text), y, s, text)
}

// drawLines draws lines below each other and returns the y position below the last one.
func (c *canvas) lines(x, y float64, s style, all []string) float64 {
	for _, text := range all {
		c.line(x, y, s, text)
		y += s.height(1)
	}
	return y
}

// wrapText breaks a text into lines no wider than width: after a space, a hyphen, a slash or a comma, before an opening
// parenthesis (so that the elements of a UDI stay whole), and inside a word only if the word alone is too wide. It
// truncates the text to maxLines.
func (c *canvas) wrap(s style, text string, width float64) []string {
	c.use(s)
	var (
		out         []string
		start, last int     // offsets of the line's start and of its last possible break
		used        float64 // width of the line so far
		sinceLast   float64 // width of the text after the last possible break
		previous    rune
	)
	for i, r := range text {
		if i > start && (breaksAfter(previous) || r == '(') {
			last, sinceLast = i, 0
		}
		w := c.pdf.GetStringWidth(string(r))
		for r != ' ' && i > start && used+w > width {
			if last <= start {
				last, sinceLast = i, 0
			}
			out = append(out, strings.TrimRight(text[start:last], " "))
			start, used = last, sinceLast
		}
		used += w
		sinceLast += w
		previous = r
	}
	return cut(append(out, text[start:]), mostLines)
}

// maxLines bounds one value, so that a row always fits on a page. Ordinary text of the maximum length in the contract
// needs fewer lines, even in the narrowest column.
const mostLines = 17

// truncateLines returns at limit limit lines, and marks a truncated text with an ellipsis.
func cut(all []string, limit int) []string {
	if len(all) <= limit {
		return all
	}
	last := all[limit-1]
	_, size := utf8.DecodeLastRuneInString(last)
	return append(all[:limit-1:limit-1], last[:len(last)-size]+ellipsis)
}

func breaksAfter(r rune) bool { return r == ' ' || r == '-' || r == '/' || r == ',' }

// wrapTranslations breaks the distinct texts of the four languages into lines, between languages where possible.
func (c *canvas) wrapWords(s style, w words, width float64) []string {
	var out []string
	for _, text := range w.distinct() {
		if n := len(out); n > 0 && c.width(s, out[n-1]+separator+text) <= width {
			out[n-1] += separator + text
			continue
		}
		out = append(out, c.wrap(s, text, width)...)
	}
	return out
}

// fitText wraps the text in the first of the sizes, given from large to small, that needs at limit limit lines;
// otherwise in the last one.
func (c *canvas) fit(s style, text string, width float64, limit int, sizes ...float64) (style, []string) {
	var all []string
	for _, s.size = range sizes {
		if all = c.wrap(s, text, width); len(all) <= limit {
			break
		}
	}
	return s, all
}

func (c *canvas) fill(x, y, width, height float64, with colour) {
	c.pdf.SetFillColor(with[0], with[1], with[2])
	c.pdf.Rect(x, y, width, height, "F")
}

func (c *canvas) horizontal(x, y, width float64) {
	c.pdf.SetDrawColor(rule[0], rule[1], rule[2])
	c.pdf.SetLineWidth(0.2)
	c.pdf.Line(x, y, x+width, y)
}
