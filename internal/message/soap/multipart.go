package soap

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Limits on a package, besides the limit on the whole message.
const (
	maxParts      = 16
	maxPartHeader = 4 << 10 // bytes
	maxPartFields = 16
	maxContentID  = 256 // bytes
	maxBoundary   = 70  // RFC 2046 section 5.1.1
)

// part is one part of a package. Its content aliases the request body.
type part struct {
	contentID   string // without angle brackets, or empty
	contentType string
	content     []byte
}

// partPath is the path of part i in a refusal.
func partPath(i int) string { return fmt.Sprintf("part %d", i+1) }

// readParts splits a multipart body (RFC 2046 section 5.1.1). The reader of the standard library accepts more than the
// grammar allows: bare line feeds, text around the parts, boundaries that only begin like the declared one, headers of
// megabytes. Anything that two parsers could split differently is refused, because a filter in front of this service
// may be the other parser. Nothing is copied.
func readParts(data []byte, boundary string) ([]part, error) {
	rest := data
	for bytes.HasPrefix(rest, []byte("\r\n")) { // some toolkits write a line break before the first delimiter
		rest = rest[2:]
	}
	delimiter := []byte("\n--" + boundary)
	if !bytes.HasPrefix(rest, delimiter[1:]) {
		return nil, newMultipartError(beforeFirstDelimiter)
	}
	rest = rest[len(delimiter)-1:]
	var parts []part
	for {
		if after, closing := bytes.CutPrefix(rest, []byte("--")); closing {
			if len(bytes.Trim(after, " \t\r\n")) > 0 {
				return nil, newMultipartError(afterLastDelimiter)
			}
			return parts, nil
		}
		inside, err := skipDelimiterLine(rest)
		if err != nil {
			return nil, err
		}
		if len(parts) == maxParts {
			return nil, problem.New(PartsTooMany, problem.DetailAtMost.With(maxParts))
		}
		end := bytes.Index(inside, delimiter)
		switch {
		case end < 0:
			return nil, problem.New(problem.MessageIncomplete, noClosingDelimiter)
		case end == 0 || inside[end-1] != '\r':
			return nil, newMultipartError(delimiterWithoutCRLF)
		}
		p, err := readPart(inside[:end-1])
		if err != nil {
			return nil, problem.From(err).WithPath(partPath(len(parts)))
		}
		parts = append(parts, p)
		rest = inside[end+len(delimiter):]
	}
}

func newMultipartError(where texts.Text) error { return problem.New(MultipartMalformed, where) }

// skipDelimiterLine skips the remainder of a line after its delimiter.
func skipDelimiterLine(rest []byte) ([]byte, error) {
	rest = bytes.TrimLeft(rest, " \t")
	if len(rest) < 2 {
		return nil, problem.New(problem.MessageIncomplete, noClosingDelimiter)
	}
	if !bytes.HasPrefix(rest, []byte("\r\n")) {
		return nil, newMultipartError(likeDelimiter)
	}
	return rest[2:], nil
}

// readPart reads a part and its header (RFC 2045 section 3).
func readPart(data []byte) (part, error) {
	const end = "\r\n\r\n"
	headerEnd := bytes.Index(data[:min(len(data), maxPartHeader+len(end))], []byte(end))
	switch {
	case headerEnd < 0 && len(data) > maxPartHeader:
		return part{}, problem.New(PartHeaderTooLarge, problem.DetailAtMostBytes.With(maxPartHeader))
	case headerEnd < 0:
		return part{}, problem.New(PartHeader)
	}
	fields, err := readFields(string(data[:headerEnd]))
	if err != nil {
		return part{}, err
	}
	switch strings.ToLower(fields["content-transfer-encoding"]) {
	case "", "7bit", "8bit", "binary":
	default: // base64 would be a second encoding of the same data; XOP packages are binary
		return part{}, problem.New(PartEncoding, problem.DetailReceivedExpected.With(
			texts.Excerpt(fields["content-transfer-encoding"]), "binary"))
	}
	p := part{contentType: fields["content-type"], content: data[headerEnd+len(end):]}
	if value, ok := fields["content-id"]; ok {
		if p.contentID = parseContentID(value); p.contentID == "" {
			return part{}, problem.New(PartContentID, receivedText(value))
		}
	}
	return p, nil
}

// headerUnfolder joins folded header lines (RFC 5322 section 2.2.3).
var headerUnfolder = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ")

// readFields parses header fields, keyed by lower-case name. A repeated field is refused.
func readFields(header string) (map[string]string, error) {
	fields := map[string]string{}
	for line := range strings.SplitSeq(headerUnfolder.Replace(header), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(name)
		if !ok || name == "" || !hasOnlyCharsOf(name, lowerCaseLetters+"0123456789-_.") ||
			strings.ContainsFunc(value, isControl) {
			return nil, problem.New(PartHeader)
		}
		if _, twice := fields[name]; twice {
			return nil, problem.New(PartHeader, fieldTwice)
		}
		if len(fields) == maxPartFields {
			return nil, problem.New(PartHeaderTooLarge, atMostFields.With(maxPartFields))
		}
		fields[name] = strings.Trim(value, " \t")
	}
	return fields, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }

const lowerCaseLetters = "abcdefghijklmnopqrstuvwxyz"

// hasOnlyCharsOf reports whether text consists of characters of set.
func hasOnlyCharsOf(text, set string) bool { return strings.Trim(text, set) == "" }

// isBoundary reports whether text is a valid boundary (RFC 2046 section 5.1.1).
func isBoundary(text string) bool {
	return text != "" && len(text) <= maxBoundary && !strings.HasSuffix(text, " ") &&
		hasOnlyCharsOf(strings.ToLower(text), lowerCaseLetters+"0123456789'()+_,-./:=? ")
}

// parseContentID strips the angle brackets of a Content-ID, which some toolkits omit. It returns "" for an invalid
// value: white space, control characters, inner brackets, or non-ASCII characters.
func parseContentID(value string) string {
	if inner, ok := strings.CutPrefix(value, "<"); ok {
		if value, ok = strings.CutSuffix(inner, ">"); !ok {
			return ""
		}
	}
	if len(value) > maxContentID ||
		strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7F || r == '<' || r == '>' }) {
		return ""
	}
	return value
}
