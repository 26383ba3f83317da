package texts

import "strings"

// HasControls reports whether a text has a character that controls what shows it: DEL and the C1 controls, the
// separators of lines and paragraphs, and the bidirectional embeddings, overrides and isolates, with which a number or
// a name can be shown as another. Line ends, tabs, joiners, and the marks of direction that a letter needs, are text.
func HasControls(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		switch {
		case 0x7f <= r && r <= 0x9f, r == 0x2028, r == 0x2029, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
			return true
		}
		return false
	})
}
