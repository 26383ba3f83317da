package diagnosis

import (
	"bytes"
	"fmt"
	"strings"
)

// Difference is the first difference between the caller's canonical form and the service's.
type Difference struct {
	Part   string `json:"of"`
	Same   bool   `json:"same"`
	Offset int    `json:"offset"` // number of leading bytes that are equal
	Ours   string `json:"here,omitempty"`
	Yours  string `json:"yours,omitempty"`
}

// CompareCanonicalForms compares the service's canonical form of a part of the message with the caller's.
func CompareCanonicalForms(of string, ours, yours []byte) *Difference {
	d := &Difference{Part: of, Same: bytes.Equal(ours, yours)}
	for d.Offset < min(len(ours), len(yours)) && ours[d.Offset] == yours[d.Offset] {
		d.Offset++
	}
	if !d.Same {
		d.Ours, d.Yours = formatContext(ours, d.Offset), formatContext(yours, d.Offset)
	}
	return d
}

// formatContext quotes the bytes around an offset and marks the offset.
func formatContext(data []byte, at int) string {
	const before, after = 40, 40
	return fmt.Sprintf("%q >>> %q", data[max(0, at-before):at], data[at:min(len(data), at+after)])
}

func (d *Difference) writeText(b *strings.Builder) {
	switch {
	case d == nil:
	case d.Same:
		fmt.Fprintf(b, "The canonical form of %s is the same: %d octets.\n\n", d.Part, d.Offset)
	default:
		fmt.Fprintf(
			b, "The canonical form of %s differs at byte offset %d, marked >>>:\n  the service  %s\n  yours        %s\n\n",
			d.Part, d.Offset, d.Ours, d.Yours,
		)
	}
}
