package client

import (
	"fmt"
	"os"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// ReadRequest reads the request of an operation from a file, which contains the element itself or a complete envelope
// around it. A signature in the envelope is ignored: the request is signed again when it is sent.
func ReadRequest[Q any](file, operation string) (*Q, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("the request: %w", err)
	}
	document, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	root := document.Root()
	if root.Local() == "Envelope" {
		if root, _, err = soap.ReadReply(document, ctr.NamespaceCore); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if !root.Is(ctr.NamespaceProtocol, operation+"Request") {
		return nil, fmt.Errorf("%s: the element is not %sRequest of %s", file, operation, ctr.NamespaceProtocol)
	}
	return ctr.Decode[Q](root)
}
