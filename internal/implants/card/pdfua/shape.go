package pdfua

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
)

// unitsPerSize is the unit of measurement of shaped text: thousandths of the font size.
const unitsPerSize = 1000

// replacement is shown for a character that no font has; the text that is read out and copied stays the original.
const replacement = '\ufffd'

// typesetter holds what cannot be shared between documents.
type typesetter struct {
	shaper    shaping.HarfbuzzShaper
	segmenter shaping.Segmenter
	faces     map[*FontFamily]faceList
	files     map[*font.Face]*fontFile
}

var typesetters = sync.Pool{New: func() any {
	return &typesetter{faces: map[*FontFamily]faceList{}, files: map[*font.Face]*fontFile{}}
}}

// faceList is the faces of a family.
type faceList []*font.Face

// findFace returns the first face that has a character, or nil.
func (l faceList) findFace(r rune) *font.Face {
	for _, face := range l {
		if _, ok := face.NominalGlyph(r); ok {
			return face
		}
	}
	return nil
}

// ResolveFace returns the face for a character.
func (l faceList) ResolveFace(r rune) *font.Face {
	if face := l.findFace(r); face != nil {
		return face
	}
	return l[0]
}

func (t *typesetter) facesOf(family *FontFamily) faceList {
	all := t.faces[family]
	if all == nil {
		for _, file := range family.fonts {
			face := font.NewFace(file.font)
			t.files[face] = file
			all = append(all, face)
		}
		t.faces[family] = all
	}
	return all
}

// ShapedText is one line of text as placed glyphs. It is immutable, and independent of the font size.
type ShapedText struct {
	Text     string
	Width    float64   // in thousandths of the font size
	Advances []float64 // by character: the width of the cluster that begins there, 0 inside a cluster
	runs     []glyphRun
}

// glyphRun is a part of a line in one font and one direction. The runs of a line are in visual order.
type glyphRun struct {
	file    *fontFile
	text    string // in reading order
	glyphs  []glyph
	width   float64
	isPlain bool // each glyph stands for its own text, in order
}

// glyph is a placed glyph; lengths are in thousandths of the font size.
type glyph struct {
	id            int
	advance, x, y float64
	text          string // of the whole cluster, on its first glyph
}

type shapeKey struct {
	family   *FontFamily
	language string
	text     string
}

// fixedTexts are the shaped texts of a program itself, which are the same in every document.
type fixedTexts struct{ byKey sync.Map }

// ShapeFixed is Shape for a text of the program: the result is kept for all documents. It must not be called with
// values from outside, which have no bound.
func (d *Document) ShapeFixed(family *FontFamily, lang, text string) *ShapedText {
	key := shapeKey{language: lang, text: text}
	if s, ok := family.fixed.byKey.Load(key); ok {
		shaped, _ := s.(*ShapedText) // the map holds nothing else
		return shaped
	}
	s := d.typesetter.shapeText(family, lang, text)
	family.fixed.byKey.Store(key, s)
	return s
}

// Shape places the glyphs of a text on one line, from left to right, with runs of right-to-left scripts inside. It
// wraps nothing; Advances says where a caller can. A character that no font has becomes U+FFFD.
func (d *Document) Shape(family *FontFamily, lang, text string) *ShapedText {
	key := shapeKey{family, lang, text}
	s := d.shaped[key]
	if s == nil {
		s = d.typesetter.shapeText(family, lang, text)
		d.shaped[key] = s
	}
	return s
}

func (t *typesetter) shapeText(family *FontFamily, lang, text string) *ShapedText {
	faces := t.facesOf(family)
	original := []rune(text)
	shown := make([]rune, len(original))
	for i, r := range original {
		if shown[i] = r; faces.findFace(r) == nil && !isJoiner(r) {
			shown[i] = replacement
		}
	}
	s := &ShapedText{Text: text, Advances: make([]float64, len(original))}
	if len(original) == 0 {
		return s
	}
	runs := t.segmenter.Split(shaping.Input{
		Text: shown, RunEnd: len(shown), Direction: di.DirectionLTR, Size: fixed.I(unitsPerSize),
		Language: language.NewLanguage(lang),
	}, faces)
	for _, input := range runs {
		run := t.newRun(t.shaper.Shape(input), original, s.Advances)
		s.Width += run.width
		s.runs = append(s.runs, run)
	}
	reverseRightToLeft(s.runs, runs)
	return s
}

// isJoiner reports whether a character only asks its neighbours to join or not; no glyph is drawn for it.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// reverseRightToLeft puts runs into visual order: runs from right to left that follow each other change places,
// together with the numbers between them (UAX #9, rules N1 and L2).
func reverseRightToLeft(runs []glyphRun, inputs []shaping.Input) {
	for first := 0; first < len(runs); first++ {
		last := first - 1
		for i := first; i < len(runs); i++ {
			if inputs[i].Direction == di.DirectionRTL {
				last = i
			} else if i == first || hasLetter(runs[i].text) {
				break
			}
		}
		if last > first {
			slices.Reverse(runs[first : last+1])
			first = last
		}
	}
}

func hasLetter(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }

// newRun converts a shaped run, and adds its advances by character.
func (t *typesetter) newRun(o shaping.Output, text []rune, advances []float64) glyphRun {
	r := glyphRun{
		file: t.files[o.Face], isPlain: o.Direction == di.DirectionLTR, glyphs: make([]glyph, len(o.Glyphs)),
		text: string(text[o.Runes.Offset : o.Runes.Offset+o.Runes.Count]),
	}
	cluster := -1
	for i, g := range o.Glyphs {
		p := glyph{id: int(g.GlyphID), advance: toFloat(g.Advance), x: toFloat(g.XOffset), y: toFloat(g.YOffset)}
		if g.TextIndex() != cluster {
			cluster = g.TextIndex()
			p.text = string(text[cluster : cluster+g.RunesCount()])
		}
		r.isPlain = r.isPlain && g.GlyphsCount() == 1
		advances[cluster] += p.advance
		r.width += p.advance
		r.glyphs[i] = p
	}
	return r
}

func toFloat(v fixed.Int26_6) float64 { return float64(v) / 64 }

// DrawText draws a line with its baseline at y.
func (c Canvas) DrawText(x, y, size float64, colour Colour, text *ShapedText) {
	if len(text.runs) == 0 {
		return
	}
	p := c.page
	p.content = append(p.content, "BT\n"...)
	c.setColour("rg", colour)
	for i := range text.runs {
		r := &text.runs[i]
		c.drawRun(x, y, size, r)
		x += r.width * size / unitsPerSize
	}
	p.content = append(p.content, "ET\n"...)
}

// drawRun draws a run. Where the glyphs alone would be read wrongly, an ActualText around them says what they mean.
func (c Canvas) drawRun(x, y, size float64, r *glyphRun) {
	p := c.page
	f := p.document.embedFont(r.file)
	numbers := make([]int, len(r.glyphs))
	isPlain := r.isPlain
	for i, g := range r.glyphs {
		var hasMeaning bool
		numbers[i], hasMeaning = f.numberGlyph(g.id, g.text)
		isPlain = isPlain && hasMeaning
	}
	b := append(append(append(p.content, '/'), f.resource...), ' ')
	b = append(appendNumber(b, size), " Tf 1 0 0 1 "...)
	b = append(appendNumbers(b, x, p.height-y), "Tm\n"...)
	if !isPlain {
		b = append(appendText(append(b, "/Span<</ActualText"...), r.text), ">>BDC\n"...)
	}
	b = appendGlyphs(b, f, size, r.glyphs, numbers)
	if !isPlain {
		b = append(b, "EMC\n"...)
	}
	p.content = b
}

// appendGlyphs shows glyphs (9.4.3): TJ moves by the difference between the advance that was shaped and the font's own,
// Ts raises marks.
func appendGlyphs(b []byte, f *embeddedFont, size float64, glyphs []glyph, numbers []int) []byte {
	const visible = 0.01
	b = append(b, "[<"...)
	rise := 0.0
	for i, g := range glyphs {
		if g.y != rise {
			b = appendNumber(append(b, ">]TJ "...), g.y*size/unitsPerSize)
			b = append(b, " Ts [<"...)
			rise = g.y
		}
		if g.x != 0 {
			b = append(appendNumber(append(b, '>'), -g.x), '<')
		}
		b = appendHex16(b, numbers[i])
		own := float64(f.outlines.advance(g.id)) * unitsPerSize / float64(f.outlines.unitsPerEm)
		if move := own + g.x - g.advance; move > visible || move < -visible {
			b = append(appendNumber(append(b, '>'), move), '<')
		}
	}
	b = append(b, ">]TJ\n"...)
	if rise != 0 {
		b = append(b, "0 Ts\n"...)
	}
	return b
}
