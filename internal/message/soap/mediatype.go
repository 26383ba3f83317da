package soap

import (
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// mediaType is a media type with its parameters (RFC 9110 section 8.3.1), both with names in lower case.
type mediaType struct {
	name       string
	parameters map[string]string
}

// parseMediaType parses a media type as toolkits write it. A value with other characters than those of a token needs
// quotes (RFC 9110 section 5.6.6), which Axis2, JavaMail and others leave out; it is accepted if it can be read in one
// way only: up to the next semicolon. The name is set with an error too.
func parseMediaType(text string) (mediaType, error) {
	name, rest, more := strings.Cut(text, ";")
	m := mediaType{name: strings.ToLower(strings.Trim(name, " \t")), parameters: map[string]string{}}
	if m.name == "" {
		return m, newMediaError(mediaTypeMissing)
	}
	kind, subtype, _ := strings.Cut(m.name, "/")
	if !isToken(kind) || !isToken(subtype) {
		return m, newMediaError(mediaTypeReceived.With(texts.Excerpt(text)))
	}
	for more {
		var parameter mediaParameter
		var err error
		if parameter, rest, more, err = parseMediaParameter(rest); err != nil {
			return m, err
		}
		if parameter.name == "" {
			continue
		}
		if earlier, twice := m.parameters[parameter.name]; twice && earlier != parameter.value {
			return m, newMediaError(parameterTwice.With(parameter.name, texts.Excerpt(earlier), texts.Excerpt(parameter.value)))
		}
		m.parameters[parameter.name] = parameter.value
	}
	return m, nil
}

type mediaParameter struct{ name, value string }

// parseMediaParameter parses up to the next semicolon, and reports whether there is one. Between two semicolons there
// may be nothing.
func parseMediaParameter(text string) (p mediaParameter, rest string, more bool, err error) {
	text = strings.TrimLeft(text, " \t")
	end := strings.IndexAny(text, "=;")
	if end < 0 || text[end] == ';' {
		var word string
		word, rest, more = strings.Cut(text, ";")
		if strings.Trim(word, " \t") != "" {
			return p, "", false, newMediaError(parameterWithoutValue.With(texts.Excerpt(word)))
		}
		return p, rest, more, nil
	}
	p.name = strings.ToLower(strings.TrimRight(text[:end], " \t"))
	value := strings.TrimLeft(text[end+1:], " \t")
	if !isToken(p.name) {
		return p, "", false, newMediaError(parameterWithoutValue.With(texts.Excerpt(text)))
	}
	if quoted, ok := strings.CutPrefix(value, `"`); ok {
		if p.value, rest, ok = readQuotedString(quoted); !ok {
			return p, "", false, newMediaError(parameterQuoteOpen.With(p.name, texts.Excerpt(value)))
		}
		var behind string
		behind, rest, more = strings.Cut(rest, ";")
		if behind = strings.Trim(behind, " \t"); behind != "" {
			return p, "", false, newMediaError(parameterBehindQuote.With(p.name, texts.Excerpt(behind)))
		}
		return p, rest, more, nil
	}
	value, rest, more = strings.Cut(value, ";")
	p.value = strings.TrimRight(value, " \t")
	if strings.ContainsFunc(p.value, isSeparator) {
		return p, "", false, newMediaError(parameterNeedsQuotes.With(p.name, texts.Excerpt(p.value)))
	}
	return p, rest, more, nil
}

// isSeparator reports whether a character in a value without quotes leaves open where the value ends.
func isSeparator(r rune) bool { return r <= ' ' || r >= 0x7F || r == '"' || r == ',' || r == '\\' }

// readQuotedString reads a quoted string behind its opening quote (RFC 9110 section 5.6.4). A backslash before another
// character than a quote or a backslash stands for itself: some programs do not escape those of a path.
func readQuotedString(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// isToken reports whether text is a token (RFC 9110 section 5.6.2).
func isToken(text string) bool {
	return text != "" && hasOnlyCharsOf(strings.ToLower(text), lowerCaseLetters+"0123456789!#$%&'*+-.^_`|~")
}

func newMediaError(detail texts.Text) *problem.Error { return problem.New(ContentTypeUnknown, detail) }

// charset is the value of the parameter charset that package xmldoc reads.
type charset uint8

const (
	charsetUnknown charset = iota
	charsetUnicode         // absent, UTF-8 or UTF-16; the encoding is detected from the data
	charsetASCII
)

// parseCharset recognises the names that toolkits write: with and without a hyphen, and IANA's aliases of US-ASCII.
func parseCharset(name string) charset {
	switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
	case "", "utf-8", "utf8", "utf-16", "utf16", "utf-16le", "utf-16be", "utf16le", "utf16be":
		return charsetUnicode
	case "us-ascii", "ascii", "usascii", "ansi-x3.4-1968", "ansi-x3.4-1986", "iso646-us", "iso-646.irv:1991", "iso-ir-6",
		"us", "ibm367", "cp367", "csascii":
		return charsetASCII
	}
	return charsetUnknown
}

// checkCharset reads the parameter charset.
func (m mediaType) checkCharset() (charset, error) {
	name := m.parameters["charset"]
	found := parseCharset(name)
	switch {
	case found != charsetUnknown:
		return found, nil
	case strings.HasPrefix(name, "'"):
		return found, newMediaError(charsetInApostrophes.With(texts.Excerpt(name)))
	}
	return found, newMediaError(charsetUnsupported.With(texts.Excerpt(name)))
}

// checkData refuses data that is not what the charset says: another reader may take such a byte for another letter.
func (c charset) checkData(data []byte) error {
	if c != charsetASCII {
		return nil
	}
	for i, b := range data {
		if b >= 0x80 {
			return newMediaError(notASCII.With(i + 1))
		}
	}
	return nil
}
