package pdfua

import (
	"encoding/binary"
	"errors"
	"maps"
	"math/bits"
	"slices"
)

// trueType is a font with TrueType outlines, as its tables (OpenType 1.9).
type trueType struct {
	tables       map[string][]byte
	unitsPerEm   int
	longMetrics  int // the number of entries of hmtx; later glyphs have the advance of the last
	hasLongIndex bool
}

var errNotTrueType = errors.New("not a font with TrueType outlines")

// requiredTables are the tables that a subset is made from, with their minimum size in bytes.
var requiredTables = map[string]int{"head": 54, "hhea": 36, "maxp": 32, "hmtx": 4, "loca": 4, "glyf": 1}

func parseTrueType(data []byte) (*trueType, error) {
	if len(data) < 12 || binary.BigEndian.Uint32(data) != 0x00010000 {
		return nil, errNotTrueType
	}
	f := &trueType{tables: map[string][]byte{}}
	for i := range int(binary.BigEndian.Uint16(data[4:])) {
		at := 12 + 16*i
		if at+16 > len(data) {
			return nil, errNotTrueType
		}
		start, size := uint64(binary.BigEndian.Uint32(data[at+8:])), uint64(binary.BigEndian.Uint32(data[at+12:]))
		if start+size > uint64(len(data)) {
			return nil, errNotTrueType
		}
		f.tables[string(data[at:at+4])] = data[start : start+size]
	}
	for name, size := range requiredTables {
		if len(f.tables[name]) < size {
			return nil, errNotTrueType
		}
	}
	f.unitsPerEm = int(binary.BigEndian.Uint16(f.tables["head"][18:]))
	f.hasLongIndex = binary.BigEndian.Uint16(f.tables["head"][50:]) == 1
	f.longMetrics = int(binary.BigEndian.Uint16(f.tables["hhea"][34:]))
	if f.unitsPerEm == 0 || f.longMetrics == 0 || len(f.tables["hmtx"]) < 4*f.longMetrics {
		return nil, errNotTrueType
	}
	return f, nil
}

// advance returns the width of a glyph in font units.
func (f *trueType) advance(glyph int) int {
	return int(binary.BigEndian.Uint16(f.tables["hmtx"][4*min(glyph, f.longMetrics-1):]))
}

// leftSideBearing returns the two bytes of a glyph's left side bearing.
func (f *trueType) leftSideBearing(glyph int) []byte {
	at := 4*glyph + 2
	if glyph >= f.longMetrics {
		at = 4*f.longMetrics + 2*(glyph-f.longMetrics)
	}
	return f.tables["hmtx"][at : at+2]
}

// glyphOutline returns the description of a glyph, empty for a blank one.
func (f *trueType) glyphOutline(glyph int) []byte {
	index, outlines := f.tables["loca"], f.tables["glyf"]
	if f.hasLongIndex {
		return outlines[binary.BigEndian.Uint32(index[4*glyph:]):binary.BigEndian.Uint32(index[4*glyph+4:])]
	}
	return outlines[2*int(binary.BigEndian.Uint16(index[2*glyph:])) : 2*int(binary.BigEndian.Uint16(index[2*glyph+2:]))]
}

// Flags of a component of a composite glyph.
const (
	flagWordArguments   = 0x0001
	flagScale           = 0x0008
	flagMoreComponents  = 0x0020
	flagTwoScales       = 0x0040
	flagMatrix          = 0x0080
	flagHasInstructions = 0x0100
)

func isComposite(outline []byte) bool { return len(outline) >= 10 && outline[0]&0x80 != 0 }

// componentOffsets returns where the components of a composite glyph begin, and where the last one ends. A component
// begins with its flags and the glyph's number, two bytes each.
func componentOffsets(outline []byte) (offsets []int, end int) {
	end = 10
	for {
		offsets = append(offsets, end)
		flags := binary.BigEndian.Uint16(outline[end:])
		end += 6
		if flags&flagWordArguments != 0 {
			end += 2
		}
		switch {
		case flags&flagScale != 0:
			end += 2
		case flags&flagTwoScales != 0:
			end += 4
		case flags&flagMatrix != 0:
			end += 8
		}
		if flags&flagMoreComponents == 0 {
			return offsets, end
		}
	}
}

// removeInstructions returns a copy of an outline without its hinting, which no printer or screen of today needs.
func removeInstructions(outline []byte) []byte {
	if len(outline) < 10 {
		return nil
	}
	if isComposite(outline) {
		offsets, end := componentOffsets(outline)
		out := slices.Clone(outline[:end])
		for _, at := range offsets {
			binary.BigEndian.PutUint16(out[at:], binary.BigEndian.Uint16(out[at:])&^flagHasInstructions)
		}
		return out
	}
	at := 10 + 2*int(binary.BigEndian.Uint16(outline))
	size := int(binary.BigEndian.Uint16(outline[at:]))
	out := append(slices.Clone(outline[:at]), 0, 0)
	return append(out, outline[at+2+size:]...)
}

// makeSubset returns a font with the given glyphs of this one, numbered in their order; the first must be glyph 0, the
// one for missing characters. It appends the parts of composite glyphs.
func (f *trueType) makeSubset(glyphs []int) []byte {
	glyphs = slices.Clone(glyphs)
	numbers := make(map[int]int, len(glyphs))
	for i, g := range glyphs {
		numbers[g] = i
	}
	var outlines, index, metrics []byte
	index = binary.BigEndian.AppendUint32(index, 0)
	for i := 0; i < len(glyphs); i++ {
		outline := removeInstructions(f.glyphOutline(glyphs[i]))
		if isComposite(outline) {
			offsets, _ := componentOffsets(outline)
			for _, at := range offsets {
				part := int(binary.BigEndian.Uint16(outline[at+2:]))
				number, ok := numbers[part]
				if !ok {
					number = len(glyphs)
					numbers[part], glyphs = number, append(glyphs, part)
				}
				binary.BigEndian.PutUint16(outline[at+2:], uint16(number)) //nolint:gosec // a font has at most 65,535 glyphs
			}
		}
		outlines = appendPadding(append(outlines, outline...))
		index = binary.BigEndian.AppendUint32(index, uint32(len(outlines)))            //nolint:gosec // below 4 GiB
		metrics = binary.BigEndian.AppendUint16(metrics, uint16(f.advance(glyphs[i]))) //nolint:gosec // read as 16 bits
		metrics = append(metrics, f.leftSideBearing(glyphs[i])...)
	}
	count := uint16(len(glyphs)) //nolint:gosec // a font has at most 65,535 glyphs
	head := slices.Clone(f.tables["head"])
	clear(head[8:12])                        // the checksum, set by assembleFont
	binary.BigEndian.PutUint16(head[50:], 1) // an index of 32 bits
	hhea := slices.Clone(f.tables["hhea"])
	binary.BigEndian.PutUint16(hhea[34:], count)
	maxp := slices.Clone(f.tables["maxp"])
	binary.BigEndian.PutUint16(maxp[4:], count)
	clear(maxp[14:28]) // what instructions need
	binary.BigEndian.PutUint16(maxp[14:], 1)
	return assembleFont(map[string][]byte{
		"glyf": outlines, "loca": index, "hmtx": metrics, "head": head, "hhea": hhea, "maxp": maxp,
	})
}

func appendPadding(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// assembleFont writes a font file.
func assembleFont(tables map[string][]byte) []byte {
	const headerSize, entrySize = 12, 16
	count := len(tables)
	exponent := bits.Len(uint(count)) - 1
	out := make([]byte, headerSize+entrySize*count)
	binary.BigEndian.PutUint32(out, 0x00010000)
	for i, value := range []int{count, entrySize << exponent, exponent, entrySize*count - entrySize<<exponent} {
		binary.BigEndian.PutUint16(out[4+2*i:], uint16(value)) //nolint:gosec // a handful of tables
	}
	head := 0
	for i, name := range slices.Sorted(maps.Keys(tables)) {
		table := tables[name]
		if name == "head" {
			head = len(out)
		}
		entry := out[headerSize+entrySize*i:]
		copy(entry, name)
		binary.BigEndian.PutUint32(entry[4:], fontChecksum(table))
		binary.BigEndian.PutUint32(entry[8:], uint32(len(out)))    //nolint:gosec // below 4 GiB
		binary.BigEndian.PutUint32(entry[12:], uint32(len(table))) //nolint:gosec // below 4 GiB
		out = appendPadding(append(out, table...))
	}
	binary.BigEndian.PutUint32(out[head+8:], 0xB1B0AFBA-fontChecksum(out))
	return out
}

// fontChecksum sums 32-bit numbers; the last one is padded with zeros.
func fontChecksum(b []byte) (sum uint32) {
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	var last [4]byte
	copy(last[:], b)
	return sum + binary.BigEndian.Uint32(last[:])
}
