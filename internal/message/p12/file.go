package p12

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/message/x509id"
)

var errPasswordText = errors.New("it is not text: save it as UTF-8, UTF-16 or Windows-1252")

// ReadPasswordFile reads a password from a file, without the line end. Editors write it in several encodings: UTF-8 or
// UTF-16, with or without a byte-order mark, or Windows-1252.
func ReadPasswordFile(file string) (string, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the path is the user's own
	if err != nil {
		return "", fmt.Errorf("the password file: %w", err)
	}
	text, ok := decodeText(data)
	if !ok {
		return "", fmt.Errorf("the password file: %w", errPasswordText)
	}
	return strings.TrimRight(text, "\r\n"), nil
}

// decodeText decodes a text in the encoding that its bytes show. It reports false for bytes that are no text.
func decodeText(data []byte) (string, bool) {
	var text string
	rest, marked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case marked:
		text = string(rest)
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		text = decodeUTF16(data[2:], 1)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		text = decodeUTF16(data[2:], 0)
	case len(data) >= 2 && data[0] != 0 && data[1] == 0: // without a mark: a line of Latin letters has every second byte 0
		text = decodeUTF16(data, 1)
	case len(data) >= 2 && data[0] == 0 && data[1] != 0:
		text = decodeUTF16(data, 0)
	case utf8.Valid(data):
		text = string(data)
	default:
		text = decodeWindows1252(data)
	}
	return text, utf8.ValidString(text) && !strings.ContainsAny(text, "\x00\ufffd")
}

// decodeUTF16 decodes UTF-16 whose high bytes stand at the offset high, 0 or 1. An odd byte becomes U+FFFD.
func decodeUTF16(data []byte, high int) string {
	units := make([]uint16, 0, len(data)/2+1)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, uint16(data[high])<<8|uint16(data[1-high]))
	}
	if len(data) > 0 {
		units = append(units, utf8.RuneError)
	}
	return string(utf16.Decode(units))
}

// windows1252 maps the bytes 80 to 9F; the others are those of ISO 8859-1.
var windows1252 = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

func decodeWindows1252(data []byte) string {
	text := make([]rune, len(data))
	for i, c := range data {
		if text[i] = rune(c); c >= 0x80 && c < 0xa0 {
			text[i] = windows1252[c-0x80]
		}
	}
	return string(text)
}

// ReadSigningKey reads the signing key of a .p12 file that holds at a time, with the password from another file.
func ReadSigningKey(file, passwordFile string, now time.Time) (*x509id.Key, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("the .p12 file: %w", err)
	}
	password, err := ReadPasswordFile(passwordFile)
	if err != nil {
		return nil, err
	}
	key, err := DecodeSigningKey(data, password, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}
