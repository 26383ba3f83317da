package xmldoc

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// encoding is the character encoding of a document, detected from its first bytes (XML 1.0 appendix F).
type encoding uint8

const (
	encodingUTF8 encoding = iota
	encodingUTF16BOM
	encodingUTF16LE // without byte order mark, so that the XML declaration must name it
	encodingUTF16BE
)

// String names the encoding for a refusal.
func (found encoding) String() string {
	switch found {
	case encodingUTF16BOM:
		return "UTF-16"
	case encodingUTF16LE:
		return "UTF-16LE"
	case encodingUTF16BE:
		return "UTF-16BE"
	case encodingUTF8:
	}
	return "UTF-8"
}

// decodeToUTF8 detects the encoding and returns the document in UTF-8, without byte order mark. For UTF-8 the result is
// a slice of b. The result has at most limit bytes if it had to be converted.
func decodeToUTF8(b []byte, limit int) ([]byte, encoding, error) {
	starts := func(prefix string) bool { return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix }
	switch {
	case starts("\xEF\xBB\xBF"):
		return b[3:], encodingUTF8, nil
	case starts("\xFF\xFE\x00\x00"), starts("\x00\x00\xFE\xFF"), // UTF-32 with byte order mark
		starts("<\x00\x00\x00"), starts("\x00\x00\x00<"), // UTF-32 without byte order mark
		starts("\x00\x00<\x00"), starts("\x00<\x00\x00"), // UCS-4 in an unusual order
		starts("\x4C\x6F\xA7\x94"), // "<?xm" in EBCDIC
		starts("+/v"):              // UTF-7
		return nil, 0, problem.New(XMLEncodingUnsupported, texts.Literal("1:1"))
	case starts("\xFF\xFE"):
		return decodeUTF16(b[2:], binary.LittleEndian, encodingUTF16BOM, limit)
	case starts("\xFE\xFF"):
		return decodeUTF16(b[2:], binary.BigEndian, encodingUTF16BOM, limit)
	case starts("<\x00?\x00"):
		return decodeUTF16(b, binary.LittleEndian, encodingUTF16LE, limit)
	case starts("\x00<\x00?"):
		return decodeUTF16(b, binary.BigEndian, encodingUTF16BE, limit)
	}
	return b, encodingUTF8, nil
}

func decodeUTF16(b []byte, order binary.ByteOrder, found encoding, limit int) ([]byte, encoding, error) {
	text := make([]byte, 0, len(b)/2+len(b)/8)
	for len(b) > 0 {
		if len(b) < 2 {
			return nil, 0, newParseError(XMLEncodingInvalid, text, len(text))
		}
		r := rune(order.Uint16(b))
		b = b[2:]
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if len(b) >= 2 {
				low = rune(order.Uint16(b))
				b = b[2:]
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, 0, newParseError(XMLEncodingInvalid, text, len(text))
			}
		}
		text = utf8.AppendRune(text, r)
	}
	if len(text) > limit {
		return nil, 0, problem.New(XMLTooLarge, problem.DetailLimit.With(limit))
	}
	return text, found, nil
}

// checkDeclaredName returns the error code, or "", for an encoding name in the XML declaration of a document with this
// detected encoding.
func (found encoding) checkDeclaredName(declared string) problem.Code {
	name := strings.ToUpper(declared)
	var is bool
	switch name {
	case "UTF-8", "ASCII", "US-ASCII": // of which the latter two are a part
		is = found == encodingUTF8
	case "UTF-16":
		is = found == encodingUTF16BOM
	case "UTF-16LE":
		is = found == encodingUTF16LE
	case "UTF-16BE":
		is = found == encodingUTF16BE
	default:
		return XMLEncodingUnsupported
	}
	if !is {
		return XMLEncodingMismatch
	}
	return ""
}

// isASCIIName reports whether a declared encoding is US-ASCII, as ElementTree and lxml write it by default.
func isASCIIName(declared string) bool {
	return strings.EqualFold(declared, "ASCII") || strings.EqualFold(declared, "US-ASCII")
}

// newParseError returns the error for an offset. Its detail begins with "line:column", in characters, counted from 1.
func newParseError[T string | []byte](code problem.Code, source T, offset int, detail ...texts.Text) error {
	before := string(source[:offset])
	line := 1 + strings.Count(before, "\n")
	// A carriage return ends a line as well, unless a line feed follows.
	line += strings.Count(before, "\r") - strings.Count(before, "\r\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexAny(before, "\r\n")+1:])
	position := strconv.Itoa(line) + ":" + strconv.Itoa(column)
	return problem.New(code, append([]texts.Text{texts.Literal(position)}, detail...)...)
}
