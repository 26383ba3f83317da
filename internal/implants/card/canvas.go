package card

import (
	_ "embed" // the fonts
	"strings"
	"sync"

	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/texts"
)

// Noto Sans covers Latin with every diacritic, Greek and Cyrillic; the others add Arabic and Hebrew. fonts/OFL.txt is
// their licence.
var (
	//go:embed fonts/NotoSans-Regular.ttf
	regularFont []byte
	//go:embed fonts/NotoSans-Bold.ttf
	boldFont []byte
	//go:embed fonts/NotoSansArabic-Regular.ttf
	regularArabicFont []byte
	//go:embed fonts/NotoSansArabic-Bold.ttf
	boldArabicFont []byte
	//go:embed fonts/NotoSansHebrew-Regular.ttf
	regularHebrewFont []byte
	//go:embed fonts/NotoSansHebrew-Bold.ttf
	boldHebrewFont []byte
)

// fontFamilies are the two weights of the card.
type fontFamilies struct{ regular, bold *pdfua.FontFamily }

// loadFonts parses the fonts when the first card is made.
var loadFonts = sync.OnceValues(func() (f fontFamilies, err error) {
	f.regular, err = pdfua.NewFontFamily("NotoSans-Regular", regularFont, regularArabicFont, regularHebrewFont)
	if err == nil {
		f.bold, err = pdfua.NewFontFamily("NotoSans-Bold", boldFont, boldArabicFont, boldHebrewFont)
	}
	return f, err
})

const (
	pointInMillimetres = 25.4 / 72 // a point in millimetres
	leading            = 1.22      // height of a line, as a multiple of the font size
	baseline           = 0.96      // distance of the baseline from the top of the line, as a multiple of the font size
	pageWidth          = 210.0
	pageHeight         = 297.0
)

var (
	ink      = pdfua.Colour{27, 38, 46}
	muted    = pdfua.Colour{84, 97, 107}
	petrol   = pdfua.Colour{11, 84, 102}
	brick    = pdfua.Colour{148, 62, 36}
	hairline = pdfua.Colour{208, 217, 222}
	tint     = pdfua.Colour{241, 245, 247}
)

// style is the appearance of a text.
type style struct {
	bold   bool
	size   float64 // in points
	colour pdfua.Colour
}

// linesHeight returns the height of the given number of lines, in millimetres.
func (s style) linesHeight(lines int) float64 {
	return float64(lines) * s.size * pointInMillimetres * leading
}

// canvas draws on the pages of one document, in millimetres from the top left corner. What it draws for no element is
// decoration.
type canvas struct {
	document *pdfua.Document
	pages    []*pdfua.Page
	page     *pdfua.Page // that is drawn on
	fonts    fontFamilies
}

func points(millimetres float64) float64 { return millimetres / pointInMillimetres }

func (c *canvas) addPage() {
	c.page = c.document.AddPage(points(pageWidth), points(pageHeight))
	c.pages = append(c.pages, c.page)
}

// addElement adds an element, or returns nil for a child of decoration.
func addElement(parent *pdfua.Element, role pdfua.Role) *pdfua.Element {
	if parent == nil {
		return nil
	}
	return parent.Add(role)
}

// tagContent draws what belongs to an element.
func (c *canvas) tagContent(e *pdfua.Element, draw func(pdfua.Canvas)) {
	if e == nil {
		c.page.Decorate(draw)
		return
	}
	c.page.Tag(e, draw)
}

// paragraph is text broken into lines.
type paragraph struct {
	style style
	lines [][]span
}

// span is a part of a line in one language. The same text may have spans on several lines.
type span struct {
	text     *pdfua.ShapedText
	language string // BCP 47; empty for a value, whose language is unknown
	group    int    // which of the translations it belongs to
	isSign   bool   // a separator between translations: decoration
}

func (p *paragraph) height() float64 { return p.style.linesHeight(len(p.lines)) }

// width returns the width of the widest line in millimetres.
func (p *paragraph) width() float64 {
	widest := 0.0
	for _, line := range p.lines {
		widest = max(widest, lineWidth(p.style, line))
	}
	return widest
}

func lineWidth(s style, line []span) float64 {
	total := 0.0
	for _, part := range line {
		total += textWidth(s, part.text)
	}
	return total
}

func textWidth(s style, text *pdfua.ShapedText) float64 {
	return text.Width / 1000 * s.size * pointInMillimetres
}

func (c *canvas) fontFamily(s style) *pdfua.FontFamily {
	if s.bold {
		return c.fonts.bold
	}
	return c.fonts.regular
}

// shapeValue shapes a value of the card, shapeLabel a text of the program.
func (c *canvas) shapeValue(s style, text string) *pdfua.ShapedText {
	return c.document.Shape(c.fontFamily(s), "", text)
}

func (c *canvas) shapeLabel(s style, language, text string) *pdfua.ShapedText {
	return c.document.ShapeFixed(c.fontFamily(s), language, text)
}

// newLine returns a value as a paragraph of one line.
func (c *canvas) newLine(s style, text string) paragraph {
	return paragraph{s, [][]span{{{text: c.shapeValue(s, text)}}}}
}

// drawParagraph draws a paragraph with its top at y for an element and returns the y position below it. Each
// translation becomes a Span in its language.
func (c *canvas) drawParagraph(e *pdfua.Element, x, y float64, p paragraph) float64 {
	spans := map[int]*pdfua.Element{}
	for _, line := range p.lines {
		at := x
		for _, part := range line {
			owner := e
			switch {
			case part.isSign:
				owner = nil
			case part.language != "" && e != nil:
				if owner = spans[part.group]; owner == nil {
					owner = e.AddIn(pdfua.RoleSpan, part.language)
					spans[part.group] = owner
				}
			}
			c.tagContent(owner, func(to pdfua.Canvas) {
				bottom := y + p.style.size*pointInMillimetres*baseline
				to.DrawText(points(at), points(bottom), p.style.size, p.style.colour, part.text)
			})
			at += textWidth(p.style, part.text)
		}
		y += p.style.linesHeight(1)
	}
	return y
}

// drawRight draws a paragraph of one line that ends at x.
func (c *canvas) drawRight(e *pdfua.Element, x, y float64, p paragraph) {
	c.drawParagraph(e, x-p.width(), y, p)
}

// wrapText breaks a value into lines no wider than width: after a space, a hyphen, a slash or a comma, before an
// opening parenthesis (so that the elements of a UDI stay whole), and inside a word only if the word alone is too wide.
// It never separates a mark from its letter.
func (c *canvas) wrapText(s style, text string, width float64) paragraph {
	p := paragraph{style: s}
	for _, line := range breakLines(c.shapeValue(s, text), width/(s.size*pointInMillimetres)*1000) {
		p.lines = append(p.lines, []span{{text: c.shapeValue(s, line)}})
	}
	return p
}

// breakLines breaks a text into lines no wider than width, in thousandths of the font size.
func breakLines(text *pdfua.ShapedText, width float64) []string {
	if text.Width <= width {
		return []string{text.Text}
	}
	var (
		lines       []string
		all         = []rune(text.Text)
		start, last int     // of the line, and of its last possible break
		used        float64 // width of the line so far
		sinceLast   float64 // width of the text after the last possible break
	)
	for i, r := range all {
		if i > start && (isBreakAfter(all[i-1]) || r == '(') {
			last, sinceLast = i, 0
		}
		w := text.Advances[i]
		for r != ' ' && i > start && w > 0 && used+w > width {
			if last <= start {
				last, sinceLast = i, 0
			}
			lines = append(lines, strings.TrimRight(string(all[start:last]), " "))
			start, used = last, sinceLast
		}
		used += w
		sinceLast += w
	}
	return append(lines, string(all[start:]))
}

func isBreakAfter(r rune) bool { return r == ' ' || r == '-' || r == '/' || r == ',' }

// wrapTranslations breaks the distinct texts of the four languages into lines, between languages where possible.
func (c *canvas) wrapTranslations(s style, text texts.Text, width float64) paragraph {
	p := paragraph{style: s}
	for i, t := range distinctTranslations(text) {
		shaped := c.shapeLabel(s, t.language, t.text)
		if n := len(p.lines); n > 0 {
			sign := c.shapeLabel(s, "", separator)
			if lineWidth(s, p.lines[n-1])+textWidth(s, sign)+textWidth(s, shaped) <= width {
				p.lines[n-1] = append(
					p.lines[n-1], span{text: sign, isSign: true}, span{text: shaped, language: t.language, group: i},
				)
				continue
			}
		}
		for _, line := range breakLines(shaped, width/(s.size*pointInMillimetres)*1000) {
			p.lines = append(p.lines, []span{{text: c.shapeLabel(s, t.language, line), language: t.language, group: i}})
		}
	}
	return p
}

// joinTranslations puts the distinct texts on one line.
func (c *canvas) joinTranslations(s style, text texts.Text) paragraph {
	return c.wrapTranslations(s, text, pageWidth)
}

// fitText wraps the text in the first of the sizes, given from large to small, that needs at most limit lines;
// otherwise in the last one.
func (c *canvas) fitText(s style, text string, width float64, limit int, sizes ...float64) paragraph {
	var p paragraph
	for _, s.size = range sizes {
		if p = c.wrapText(s, text, width); len(p.lines) <= limit {
			break
		}
	}
	return p
}

func (c *canvas) fillRect(x, y, width, height float64, colour pdfua.Colour) {
	c.page.Decorate(func(to pdfua.Canvas) {
		to.FillRect(points(x), points(y), points(width), points(height), colour)
	})
}

func (c *canvas) drawRule(x, y, width float64) { c.fillRect(x, y-0.1, width, 0.2, hairline) }
