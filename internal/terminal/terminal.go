// Package terminal prints texts of others so that a terminal shows them and does not obey them.
//
// Comments, names and answers come from other people. A control character in one could move the cursor, colour or
// rename the window, a line end could forge a line of output, and a bidirectional control could show digits in another
// order. It is separate because every command prints such texts, and because one Printf without it is enough: commands
// print through nothing else.
package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// IsControl reports whether a character controls what shows the text instead of being shown: C0 and C1 controls, the
// separators of lines and paragraphs, and the bidirectional controls. Joiners are letters' business and stay.
func IsControl(r rune) bool {
	switch {
	case r < ' ', 0x7f <= r && r <= 0x9f:
		return true
	case r == 0x2028, r == 0x2029:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return false
}

// Clean returns a text as one line, in which the escape of Go and JSON, such as \u009b, stands for each control.
func Clean(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return IsControl(r) || r == utf8.RuneError }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if IsControl(r) {
			_, _ = fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Printf is fmt.Fprintf, but what it prints for an argument is cleaned. The format is the program's own.
func Printf(w io.Writer, format string, args ...any) error {
	cleaned := make([]any, len(args))
	for i, arg := range args {
		if width, ok := arg.(int); ok { // may be a width
			cleaned[i] = width
		} else {
			cleaned[i] = argument{arg}
		}
	}
	_, err := fmt.Fprintf(w, format, cleaned...)
	return err //nolint:wrapcheck // of the writer, as fmt returns it
}

// argument formats a value and cleans the result.
type argument struct{ value any }

// Format implements fmt.Formatter.
func (a argument) Format(state fmt.State, verb rune) {
	_, _ = io.WriteString(state, Clean(fmt.Sprintf(fmt.FormatString(state, verb), a.value)))
}

// Writer replaces the controls in everything that a command prints, except line ends, tabs, and a carriage return at
// the beginning of a Write, which overwrites a line of progress. JSON means the same afterwards.
type Writer struct {
	mu      sync.Mutex
	to      io.Writer
	pending []byte // the beginning of a character whose end has not been written yet
}

// NewWriter returns a Writer that writes to a terminal, or to anything else.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Unwrap returns the writer behind w.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := slices.Concat(w.pending, p)
	w.pending = nil
	shown := make([]byte, 0, len(rest))
	if len(rest) > 0 && rest[0] == '\r' {
		shown, rest = append(shown, '\r'), rest[1:]
	}
	for len(rest) > 0 {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1 && !utf8.FullRune(rest):
			w.pending = append([]byte(nil), rest...)
			size = len(rest)
		case r == utf8.RuneError && size == 1:
			shown = fmt.Appendf(shown, `\x%02x`, rest[0])
		case r != '\n' && r != '\t' && IsControl(r):
			shown = fmt.Appendf(shown, `\u%04x`, r)
		default:
			shown = append(shown, rest[:size]...)
		}
		rest = rest[size:]
	}
	if _, err := w.to.Write(shown); err != nil {
		return 0, err //nolint:wrapcheck // a Writer is transparent
	}
	return len(p), nil
}
