package texts

import (
	"regexp"
	"strings"
)

const (
	maxExcerpt      = 100  // characters of a received value that a text repeats
	maxExcerptInput = 4096 // bytes of which they are taken
)

// numberOfPerson matches what can be a national number or that of a professional.
var numberOfPerson = regexp.MustCompile(`\d{11}|\d{2}\.\d{2}\.\d{2}-\d{3}[.-]\d{2}|\d-\d{5}-\d{2}-\d{3}`)

// Excerpt returns a value of a message for a text that tells what was received: not too long, with control characters
// and outer blanks made visible, and without numbers of persons, because refusals are logged and sent on by mail.
func Excerpt(received string) string {
	received = strings.ToValidUTF8(received[:min(len(received), maxExcerptInput)], "\uFFFD")
	received = numberOfPerson.ReplaceAllString(received, "…")
	inner := strings.Trim(received, " ")
	left := len(received) - len(strings.TrimLeft(received, " "))
	received = strings.Repeat("␣", left) + inner + strings.Repeat("␣", len(received)-len(inner)-left)
	characters := []rune(received)
	if len(characters) > maxExcerpt {
		characters = append(characters[:maxExcerpt], '…')
	}
	for i, r := range characters {
		switch {
		case r < ' ':
			characters[i] = '\u2400' + r // its picture: ␊ for a line feed, ␉ for a tab
		case r == 0x7F:
			characters[i] = '\u2421'
		}
	}
	return string(characters)
}
