package card

import (
	_ "embed" // the fonts
	"strings"
	"time"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"

	"github.com/openctr/ctr/internal/texts"
)

// Noto Sans covers Latin with every diacritic, Greek and Cyrillic; fonts/OFL.txt is its licence. The fonts are
// immutable strings because the PDF library modifies the font bytes that it is given: each card gets its own copy.
//
//go:embed fonts/NotoSans-Regular.ttf
var regularFont string

//go:embed fonts/NotoSans-Bold.ttf
var boldFont string

const (
	fontFamily         = "noto"
	pointInMillimetres = 25.4 / 72 // a point in millimetres
	leading            = 1.22      // height of a line, as a multiple of the font size
	baseline           = 0.96      // distance of the baseline from the top of the line, as a multiple of the font size
	pageWidth          = 210.0
	pageHeight         = 297.0
)

// colour is red, green and blue.
type colour [3]int

var (
	ink      = colour{27, 38, 46}
	muted    = colour{98, 112, 122}
	petrol   = colour{11, 84, 102}
	brick    = colour{148, 62, 36}
	hairline = colour{208, 217, 222}
	tint     = colour{241, 245, 247}
)

// style is the appearance of a text.
type style struct {
	bold   bool
	size   float64 // in points
	colour colour
}

// linesHeight returns the height of the given number of lines, in millimetres.
func (s style) linesHeight(lines int) float64 {
	return float64(lines) * s.size * pointInMillimetres * leading
}

// canvas draws on the pages of one document, in millimetres from the top left corner.
type canvas struct {
	pdf          *fpdf.Fpdf
	currentStyle style
	page         int
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
	pdf.AddUTF8FontFromBytes(fontFamily, "", []byte(regularFont))
	pdf.AddUTF8FontFromBytes(fontFamily, "B", []byte(boldFont))
	return &canvas{pdf: pdf}
}

func (c *canvas) setStyle(s style) {
	if s == c.currentStyle && c.page == c.pdf.PageNo() {
		return
	}
	c.currentStyle, c.page = s, c.pdf.PageNo()
	weight := ""
	if s.bold {
		weight = "B"
	}
	c.pdf.SetFont(fontFamily, weight, s.size)
	c.pdf.SetTextColor(s.colour[0], s.colour[1], s.colour[2])
}

func (c *canvas) textWidth(s style, text string) float64 {
	c.setStyle(s)
	return c.pdf.GetStringWidth(text)
}

// drawText draws one line of text with its top at y.
func (c *canvas) drawText(x, y float64, s style, text string) {
	c.setStyle(s)
	c.pdf.Text(x, y+s.size*pointInMillimetres*baseline, text)
}

// drawTextRight draws one line of text that ends at x.
func (c *canvas) drawTextRight(x, y float64, s style, text string) {
	c.drawText(x-c.textWidth(s, text), y, s, text)
}

// drawLines draws lines below each other and returns the y position below the last one.
func (c *canvas) drawLines(x, y float64, s style, all []string) float64 {
	for _, text := range all {
		c.drawText(x, y, s, text)
		y += s.linesHeight(1)
	}
	return y
}

// wrapText breaks a text into lines no wider than width: after a space, a hyphen, a slash or a comma, before an opening
// parenthesis (so that the elements of a UDI stay whole), and inside a word only if the word alone is too wide. It
// truncates the text to maxLines.
func (c *canvas) wrapText(s style, text string, width float64) []string {
	c.setStyle(s)
	var (
		out         []string
		start, last int     // offsets of the line's start and of its last possible break
		used        float64 // width of the line so far
		sinceLast   float64 // width of the text after the last possible break
		previous    rune
	)
	for i, r := range text {
		if i > start && (isBreakAfter(previous) || r == '(') {
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
	return truncateLines(append(out, text[start:]), maxLines)
}

// maxLines bounds one value, so that a row always fits on a page. Ordinary text of the maximum length in the contract
// needs fewer lines, even in the narrowest column.
const maxLines = 17

// truncateLines returns at limit limit lines, and marks a truncated text with an ellipsis.
func truncateLines(all []string, limit int) []string {
	if len(all) <= limit {
		return all
	}
	last := all[limit-1]
	_, size := utf8.DecodeLastRuneInString(last)
	return append(all[:limit-1:limit-1], last[:len(last)-size]+ellipsis)
}

func isBreakAfter(r rune) bool { return r == ' ' || r == '-' || r == '/' || r == ',' }

// wrapTranslations breaks the distinct texts of the four languages into lines, between languages where possible.
func (c *canvas) wrapTranslations(s style, w texts.Text, width float64) []string {
	var out []string
	for _, text := range distinctTexts(w) {
		if n := len(out); n > 0 && c.textWidth(s, out[n-1]+separator+text) <= width {
			out[n-1] += separator + text
			continue
		}
		out = append(out, c.wrapText(s, text, width)...)
	}
	return out
}

// fitText wraps the text in the first of the sizes, given from large to small, that needs at limit limit lines;
// otherwise in the last one.
func (c *canvas) fitText(s style, text string, width float64, limit int, sizes ...float64) (style, []string) {
	var all []string
	for _, s.size = range sizes {
		if all = c.wrapText(s, text, width); len(all) <= limit {
			break
		}
	}
	return s, all
}

func (c *canvas) fillRect(x, y, width, height float64, with colour) {
	c.pdf.SetFillColor(with[0], with[1], with[2])
	c.pdf.Rect(x, y, width, height, "F")
}

func (c *canvas) drawRule(x, y, width float64) {
	c.pdf.SetDrawColor(hairline[0], hairline[1], hairline[2])
	c.pdf.SetLineWidth(0.2)
	c.pdf.Line(x, y, x+width, y)
}
