package pki

import (
	"bytes"
	"encoding/asn1"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// derElement writes one piece of DER. Elements nest like the ASN.1 that they encode, so that the code has the shape of
// the RFC's definitions.
type part func(*cryptobyte.Builder)

func encode(p part) ([]byte, error) {
	var b cryptobyte.Builder
	p(&b)
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("pki: writing DER: %w", err)
	}
	return out, nil
}

func tagged(tag tags.Tag, content ...part) part {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(inner *cryptobyte.Builder) {
			for _, p := range content {
				p(inner)
			}
		})
	}
}

func sequence(content ...part) part { return tagged(tags.SEQUENCE, content...) }

func explicit(content part) part { return tagged(explicit0, content) }

// derSetOf writes a SET OF; DER requires its elements in sorted order (X.690 §11.6).
func setOf(content ...part) part {
	return func(b *cryptobyte.Builder) {
		elements := make([][]byte, 0, len(content))
		for _, p := range content {
			element, err := encode(p)
			if err != nil {
				b.SetError(err)
				return
			}
			elements = append(elements, element)
		}
		slices.SortFunc(elements, bytes.Compare)
		b.AddASN1(tags.SET, func(inner *cryptobyte.Builder) {
			for _, element := range elements {
				inner.AddBytes(element)
			}
		})
	}
}

func raw(der []byte) part { return func(b *cryptobyte.Builder) { b.AddBytes(der) } }

func octets(content []byte) part {
	return func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) }
}

func integer(n int) part { return func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(n)) } }

func oid(id asn1.ObjectIdentifier) part {
	return func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(id) }
}

func null(b *cryptobyte.Builder) { b.AddASN1NULL() }
