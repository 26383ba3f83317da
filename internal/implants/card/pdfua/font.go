package pdfua

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/go-text/typesetting/font"
)

// FontFamily is a list of fonts, asked in turn for each character. It is safe for concurrent use.
type FontFamily struct {
	fonts []*fontFile
	fixed fixedTexts
}

// fontFile is one font of a family.
type fontFile struct {
	outlines *trueType
	font     *font.Font // safe for concurrent use
	name     string
}

// NewFontFamily parses TrueType files, the preferred one first. The name is that of the first file.
func NewFontFamily(name string, files ...[]byte) (*FontFamily, error) {
	family := &FontFamily{}
	for i, data := range files {
		outlines, err := parseTrueType(data)
		if err != nil {
			return nil, fmt.Errorf("font %d of %s: %w", i, name, err)
		}
		face, err := font.ParseTTF(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("font %d of %s: %w", i, name, err)
		}
		family.fonts = append(family.fonts, &fontFile{
			outlines: outlines, font: face.Font, name: name + strconv.Itoa(i),
		})
	}
	return family, nil
}

// embeddedFont is a font of one document: the glyphs in use, renumbered in the order of their first use.
type embeddedFont struct {
	*fontFile
	ref      reference
	resource string // its name in the resources of a page
	numbers  map[int]int
	glyphs   []int    // by number
	meanings []string // by number: the text that a reader extracts
}

// embedFont returns the font of this document for a font file.
func (d *Document) embedFont(file *fontFile) *embeddedFont {
	f := d.fonts[file]
	if f == nil {
		f = &embeddedFont{
			fontFile: file, ref: d.newReference(), resource: "F" + strconv.Itoa(len(d.fontOrder)),
			numbers: map[int]int{0: 0}, glyphs: []int{0}, meanings: []string{""},
		}
		d.fonts[file] = f
		d.fontOrder = append(d.fontOrder, f)
	}
	return f
}

// maxMeaning bounds the text of one glyph, in bytes: readers limit it to 512 bytes of UTF-16.
const maxMeaning = 64

// numberGlyph returns the number of a glyph in the embedded font, and whether a reader extracts the given text for it:
// a glyph has one meaning in the whole document.
func (f *embeddedFont) numberGlyph(glyph int, meaning string) (number int, hasMeaning bool) {
	if len(meaning) > maxMeaning {
		meaning = ""
	}
	n, ok := f.numbers[glyph]
	if !ok {
		n = len(f.glyphs)
		f.numbers[glyph] = n
		f.glyphs, f.meanings = append(f.glyphs, glyph), append(f.meanings, meaning)
	} else if f.meanings[n] == "" {
		f.meanings[n] = meaning
	}
	return n, meaning != "" && f.meanings[n] == meaning
}

// writeFont writes a Type 0 font with the glyphs in use (9.7).
func (d *Document) writeFont(f *embeddedFont) {
	data := f.outlines.makeSubset(f.glyphs)
	name := subsetTag(data) + "+" + f.name
	descriptor := d.writeFontDescriptor(f, name, data)
	b := []byte("<</Type/Font/Subtype/CIDFontType2/BaseFont/" + name +
		"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/CIDToGIDMap/Identity/DW 0/FontDescriptor ")
	b = append(appendReference(b, descriptor), "/W[0["...)
	for _, g := range f.glyphs {
		b = appendNumbers(b, float64(f.outlines.advance(g))*unitsPerSize/float64(f.outlines.unitsPerEm))
	}
	descendant := d.addObject(append(b, "]]>>"...))
	toUnicode := d.addStream("", f.encodeToUnicode())
	b = []byte("<</Type/Font/Subtype/Type0/Encoding/Identity-H/BaseFont/" + name + "/DescendantFonts[")
	b = appendReference(b, descendant)
	b = appendReference(append(b, "]/ToUnicode "...), toUnicode)
	d.setBody(f.ref, append(b, ">>"...))
}

func (d *Document) writeFontDescriptor(f *embeddedFont, name string, data []byte) reference {
	file := d.addStream("/Length1 "+strconv.Itoa(len(data)), data)
	t := f.outlines
	scale := func(table string, offset int) float64 {
		value := int16(binary.BigEndian.Uint16(t.tables[table][offset:])) //nolint:gosec // a signed number in the file
		return float64(value) * unitsPerSize / float64(t.unitsPerEm)
	}
	ascent := scale("hhea", 4)
	capHeight := ascent
	if os2 := t.tables["OS/2"]; len(os2) >= 90 && binary.BigEndian.Uint16(os2) >= 2 {
		capHeight = scale("OS/2", 88)
	}
	b := []byte("<</Type/FontDescriptor/Flags 4/ItalicAngle 0/StemV 80/FontName/" + name + "/FontBBox[")
	b = appendNumbers(b, scale("head", 36), scale("head", 38), scale("head", 40), scale("head", 42))
	b = appendNumber(append(b, "]/Ascent "...), ascent)
	b = appendNumber(append(b, "/Descent "...), scale("hhea", 6))
	b = appendNumber(append(b, "/CapHeight "...), capHeight)
	b = appendReference(append(b, "/FontFile2 "...), file)
	return d.addObject(append(b, ">>"...))
}

// encodeToUnicode returns the CMap that gives the text of each glyph (9.10.3).
func (f *embeddedFont) encodeToUnicode() []byte {
	const perBlock = 100 // the maximum of the specification
	b := []byte("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n/CMapName/Adobe-Identity-UCS def\n" +
		"/CMapType 2 def\n1 begincodespacerange\n<0000><FFFF>\nendcodespacerange\n")
	for first := 1; first < len(f.glyphs); first += perBlock {
		end := min(first+perBlock, len(f.glyphs))
		b = append(strconv.AppendInt(b, int64(end-first), 10), " beginbfchar\n"...)
		for n := first; n < end; n++ {
			meaning := f.meanings[n]
			if meaning == "" { // a further glyph of a cluster, whose text the ActualText around it gives
				meaning = "\ufffd"
			}
			b = append(appendHex16(append(b, '<'), n), "><"...)
			b = append(appendUTF16(b, meaning), ">\n"...)
		}
		b = append(b, "endbfchar\n"...)
	}
	return append(b, "endcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n"...)
}

// subsetTag names a subset (9.6.4) after its content, so that two subsets of a font have two names.
func subsetTag(data []byte) string {
	sum := crc32.ChecksumIEEE(data)
	var tag [6]byte
	for i := range tag {
		tag[i] = 'A' + byte(sum%26)
		sum /= 26
	}
	return string(tag[:])
}
