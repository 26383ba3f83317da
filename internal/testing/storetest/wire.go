package storetest

import (
	"encoding/binary"
	"io"
)

// ReadPostgresMessage reads one message of PostgreSQL's protocol: a type, which the first message of a client lacks, then
// a length that includes itself, then the content.
func ReadPostgresMessage(r io.Reader, isFirst bool) ([]byte, error) {
	head := make([]byte, 5)
	if isFirst {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	rest := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
	_, err := io.ReadFull(r, rest)
	return append(head, rest...), err
}
