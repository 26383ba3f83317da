package cms

import (
	"bytes"
	"encoding/binary"
)

// DER is written here by hand, not with a builder: the length of an element stands before its content, and a message is
// written while its content is read.

// encodeHeader encodes the tag and the length of an element.
func encodeHeader(tag byte, length int64) []byte {
	octets := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, uint64(length)), "\x00") //nolint:gosec // not negative
	switch {
	case length == 0:
		return []byte{tag, 0}
	case length < 0x80:
		return []byte{tag, octets[0]}
	}
	return append([]byte{tag, 0x80 | byte(len(octets))}, octets...) //nolint:gosec // at most eight
}

// encodeTLV encodes an element.
func encodeTLV(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	return append(encodeHeader(tag, int64(len(content))), content...)
}
