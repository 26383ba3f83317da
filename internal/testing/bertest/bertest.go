// Package bertest writes BER as other programs do, for the tests of readers. It is for tests only.
package bertest

import (
	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

const constructed = 0x20

// Spread writes DER as programs write BER when they do not know a length before: with indefinite lengths, and
// strings in segments of at most n bytes.
func Spread(der []byte, n int) []byte {
	var out []byte
	rest := cryptobyte.String(der)
	for !rest.Empty() {
		var content cryptobyte.String
		var tag tags.Tag
		if !rest.ReadAnyASN1(&content, &tag) {
			panic("not DER")
		}
		switch {
		case tag&constructed != 0:
			out = append(out, byte(tag), 0x80)
			out = append(append(out, Spread(content, n)...), 0, 0)
		case tag == tags.OCTET_STRING:
			out = append(out, byte(tag)|constructed, 0x80)
			for len(content) > 0 {
				size := min(n, len(content))
				out = append(append(out, byte(tag), 0x81, byte(size)), content[:size]...)
				content = content[size:]
			}
			out = append(out, 0, 0)
		default:
			var b cryptobyte.Builder
			b.AddASN1(tag, func(inner *cryptobyte.Builder) { inner.AddBytes(content) })
			out = append(out, b.BytesOrPanic()...)
		}
	}
	return out
}
