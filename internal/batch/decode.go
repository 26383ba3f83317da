package batch

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// windows1252 maps the bytes 80 to 9F of Windows-1252, with 0 for undefined bytes, as in the tables of WHATWG and
// Microsoft. The bytes A0 to FF are those of ISO 8859-1.
var windows1252 = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// decodeText detects the encoding: UTF-8 if the data is valid UTF-8, which other text hardly ever is by chance, else
// Windows-1252.
func (f *File) decodeText(data []byte) (string, bool) {
	data = bytes.TrimRight(data, "\x00\x1a") // what old programs fill the last block with
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), isUTF16(data):
		f.addError(0, "", `it is UTF-16 ("Unicode text"); save it as "CSV UTF-8"`)
		return "", false
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		f.addError(0, "", `it is a workbook; save it as "CSV UTF-8"`)
		return "", false
	case bytes.IndexByte(data, 0) >= 0:
		row := bytes.Count(data[:bytes.IndexByte(data, 0)], []byte("\n")) + 1
		f.addError(row, "", `it has NUL octets, which no text has; save the file as "CSV UTF-8"`)
		return "", false
	case utf8.Valid(data):
		f.Encoding = "UTF-8"
		return string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), true
	}
	f.Encoding = "Windows-1252"
	var b strings.Builder
	b.Grow(len(data) + len(data)/8)
	for i, c := range data {
		r := rune(c)
		if c >= 0x80 && c < 0xa0 {
			r = windows1252[c-0x80]
		}
		if r == 0 && c != 0 {
			f.addError(
				bytes.Count(data[:i], []byte("\n"))+1, "", "it is neither UTF-8 nor Windows-1252; save the file as \"CSV UTF-8\"",
			)
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// isUTF16 reports whether the text is UTF-16 without a byte order mark: every other octet of its beginning is zero.
func isUTF16(data []byte) bool {
	begin := data[:min(len(data), 64)&^1]
	zeros := [2]int{}
	for i, c := range begin {
		if c == 0 {
			zeros[i%2]++
		}
	}
	return len(begin) >= 8 && max(zeros[0], zeros[1]) > len(begin)*2/5
}
