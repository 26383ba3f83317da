package p12

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
type derElement func(*cryptobyte.Builder)

func encodeDER(p derElement) ([]byte, error) {
	var b cryptobyte.Builder
	p(&b)
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("p12: writing DER: %w", err)
	}
	return out, nil
}

func derTagged(tag tags.Tag, content ...derElement) derElement {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(inner *cryptobyte.Builder) {
			for _, p := range content {
				p(inner)
			}
		})
	}
}

func derSequence(content ...derElement) derElement { return derTagged(tags.SEQUENCE, content...) }

func derExplicit(content derElement) derElement { return derTagged(tagExplicit0, content) }

// derSetOf writes a SET OF; DER requires its elements in sorted order (X.690 §11.6).
func derSetOf(content ...derElement) derElement {
	return func(b *cryptobyte.Builder) {
		elements := make([][]byte, 0, len(content))
		for _, p := range content {
			element, err := encodeDER(p)
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

func derRaw(der []byte) derElement { return func(b *cryptobyte.Builder) { b.AddBytes(der) } }

func derOctetString(content []byte) derElement {
	return func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) }
}

func derInteger(n int) derElement { return func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(n)) } }

func derOID(id asn1.ObjectIdentifier) derElement {
	return func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(id) }
}

func derNull(b *cryptobyte.Builder) { b.AddASN1NULL() }
