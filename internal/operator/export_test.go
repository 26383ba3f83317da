package operator

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/openctr/ctr/internal/operator/xmlrecords"
)

// SplitChildren splits a document and returns the children of its root as documents.
func SplitChildren(document []byte) ([][]byte, error) {
	s, err := xmlrecords.NewSplitter(bufio.NewReaderSize(bytes.NewReader(document), 16)) // so small that all markup crosses its end
	if err != nil {
		return nil, err
	}
	var children [][]byte
	for {
		child, _, _, err := s.NextChild()
		if errors.Is(err, io.EOF) {
			return children, nil
		}
		if err != nil {
			return nil, err
		}
		children = append(children, bytes.Clone(child))
	}
}
