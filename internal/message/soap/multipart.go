package soap

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
)

// The bounds of a package, beside that of the whole message.
const (
	maxParts      = 16
	maxPartHeader = 4 << 10 // octets
	maxPartFields = 16
	maxContentID  = 256 // octets
	maxBoundary   = 70  // RFC 2046 section 5.1.1
)

// part is one part of a package. Its content lies in the octets of the request.
type part struct {
	id          string // without angle brackets, empty where there is none
	contentType string
	content     []byte
}

// place names the part with an index in a refusal.
func place(i int) string { return fmt.Sprintf("part %d", i+1) }

// readParts divides octets at a boundary (RFC 2046 section 5.1.1). The standard library's reader takes more than the
// grammar allows: line feeds alone, text around the parts, boundaries that only begin like the one declared, headers of
// megabytes. Whatever two readers could divide in two ways is refused here, because a filter before this service may be
// the other reader; and nothing is copied.
func readParts(octets []byte, boundary string) ([]part, error) {
	rest := octets
	for bytes.HasPrefix(rest, []byte("\r\n")) { // some toolkits write a line end before the first delimiter
		rest = rest[2:]
	}
	delimiter := []byte("\n--" + boundary)
	if !bytes.HasPrefix(rest, delimiter[1:]) {
		return nil, malformed("before the first delimiter")
	}
	rest = rest[len(delimiter)-1:]
	var parts []part
	for {
		if after, closing := bytes.CutPrefix(rest, []byte("--")); closing {
			if len(bytes.Trim(after, " \t\r\n")) > 0 {
				return nil, malformed("after the last delimiter")
			}
			return parts, nil
		}
		inside, err := behindDelimiter(rest)
		if err != nil {
			return nil, err
		}
		if len(parts) == maxParts {
			return nil, problem.New(problem.PartsTooMany, fmt.Sprintf("at most %d", maxParts))
		}
		end := bytes.Index(inside, delimiter)
		switch {
		case end < 0:
			return nil, problem.New(problem.MessageIncomplete, "no closing delimiter")
		case end == 0 || inside[end-1] != '\r':
			return nil, malformed("a delimiter without CRLF before it")
		}
		p, err := readPart(inside[:end-1])
		if err != nil {
			return nil, problem.From(err).In(place(len(parts)))
		}
		parts = append(parts, p)
		rest = inside[end+len(delimiter):]
	}
}

func malformed(where string) error { return problem.New(problem.MultipartMalformed, where) }

// behindDelimiter returns what follows the line of a delimiter, of which only the end is left.
func behindDelimiter(rest []byte) ([]byte, error) {
	rest = bytes.TrimLeft(rest, " \t")
	if len(rest) < 2 {
		return nil, problem.New(problem.MessageIncomplete, "no closing delimiter")
	}
	if !bytes.HasPrefix(rest, []byte("\r\n")) {
		return nil, malformed("a line that only begins like a delimiter")
	}
	return rest[2:], nil
}

// readPart reads the header of a part (RFC 2045 section 3).
func readPart(octets []byte) (part, error) {
	const end = "\r\n\r\n"
	at := bytes.Index(octets[:min(len(octets), maxPartHeader+len(end))], []byte(end))
	switch {
	case at < 0 && len(octets) > maxPartHeader:
		return part{}, problem.New(problem.PartHeaderTooLarge, fmt.Sprintf("at most %d octets", maxPartHeader))
	case at < 0:
		return part{}, problem.New(problem.PartHeader)
	}
	fields, err := readFields(string(octets[:at]))
	if err != nil {
		return part{}, err
	}
	switch strings.ToLower(fields["content-transfer-encoding"]) {
	case "", "7bit", "8bit", "binary":
	default: // base64 would be a second way to write the same octets; XOP packages are binary
		return part{}, problem.New(problem.PartEncoding)
	}
	p := part{contentType: fields["content-type"], content: octets[at+len(end):]}
	if value, ok := fields["content-id"]; ok {
		if p.id = contentID(value); p.id == "" {
			return part{}, problem.New(problem.PartContentID)
		}
	}
	return p, nil
}

// folding is how a field goes on in the next line (RFC 5322 section 2.2.3).
var folding = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ")

// readFields reads the fields of a header by their names in small letters. Each may stand only once.
func readFields(header string) (map[string]string, error) {
	fields := map[string]string{}
	for line := range strings.SplitSeq(folding.Replace(header), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(name)
		if !ok || name == "" || !consistsOf(name, letters+"0123456789-_.") || strings.ContainsFunc(value, isControl) {
			return nil, problem.New(problem.PartHeader)
		}
		if _, twice := fields[name]; twice {
			return nil, problem.New(problem.PartHeader, "a field stands twice")
		}
		if len(fields) == maxPartFields {
			return nil, problem.New(problem.PartHeaderTooLarge, fmt.Sprintf("at most %d fields", maxPartFields))
		}
		fields[name] = strings.Trim(value, " \t")
	}
	return fields, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }

const letters = "abcdefghijklmnopqrstuvwxyz"

// consistsOf tells whether a text has only characters of a set.
func consistsOf(text, set string) bool { return strings.Trim(text, set) == "" }

// isBoundary tells whether a text can be a boundary (RFC 2046 section 5.1.1).
func isBoundary(text string) bool {
	return text != "" && len(text) <= maxBoundary && !strings.HasSuffix(text, " ") &&
		consistsOf(strings.ToLower(text), letters+"0123456789'()+_,-./:=? ")
}

// contentID takes the angle brackets off a Content-ID, which some toolkits leave out. It returns nothing for what is
// none: white space, controls, brackets inside, characters beyond ASCII.
func contentID(value string) string {
	if inner, ok := strings.CutPrefix(value, "<"); ok {
		if value, ok = strings.CutSuffix(inner, ">"); !ok {
			return ""
		}
	}
	if len(value) > maxContentID || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7F || r == '<' || r == '>' }) {
		return ""
	}
	return value
}
