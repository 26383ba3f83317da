package batch

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// windows1252 is what the octets 80 to 9F mean to Windows, and 0 where nothing: the WHATWG's and Microsoft's table, of
// which the last two columns are those of ISO 8859-1.
var windows1252 = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// decode finds the encoding: UTF-8 when it is that, which other text hardly ever is by chance, else Windows-1252.
func (f *File) decode(octets []byte) (string, bool) {
	switch {
	case bytes.HasPrefix(octets, []byte("\xff\xfe")), bytes.HasPrefix(octets, []byte("\xfe\xff")):
		f.fault(0, "", `it is UTF-16 ("Unicode text"); save it as "CSV UTF-8"`)
		return "", false
	case bytes.HasPrefix(octets, []byte("PK\x03\x04")):
		f.fault(0, "", `it is a workbook; save it as "CSV UTF-8"`)
		return "", false
	case utf8.Valid(octets):
		f.Encoding = "UTF-8"
		return string(bytes.TrimPrefix(octets, []byte("\xef\xbb\xbf"))), true
	}
	f.Encoding = "Windows-1252"
	var b strings.Builder
	b.Grow(len(octets) + len(octets)/8)
	for i, c := range octets {
		r := rune(c)
		if c >= 0x80 && c < 0xa0 {
			r = windows1252[c-0x80]
		}
		if r == 0 && c != 0 {
			f.fault(bytes.Count(octets[:i], []byte("\n"))+1, "", "it is neither UTF-8 nor Windows-1252; save the file as \"CSV UTF-8\"")
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), true
}
