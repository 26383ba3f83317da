package check

import (
	"bytes"
	"fmt"
	"strings"
)

// Difference is where the caller's canonical form departs from the service's.
type Difference struct {
	Of     string `json:"of"`
	Same   bool   `json:"same"`
	Offset int    `json:"offset"` // how many octets are the same
	Here   string `json:"here,omitempty"`
	Yours  string `json:"yours,omitempty"`
}

// Compare compares the caller's canonical form of something with that of the service.
func Compare(of string, ours, yours []byte) *Difference {
	d := &Difference{Of: of, Same: bytes.Equal(ours, yours)}
	for d.Offset < min(len(ours), len(yours)) && ours[d.Offset] == yours[d.Offset] {
		d.Offset++
	}
	if !d.Same {
		d.Here, d.Yours = around(ours, d.Offset), around(yours, d.Offset)
	}
	return d
}

// around shows the octets about an offset, with the offset marked.
func around(octets []byte, at int) string {
	const before, after = 40, 40
	return fmt.Sprintf("%q >>> %q", octets[max(0, at-before):at], octets[at:min(len(octets), at+after)])
}

func (d *Difference) write(b *strings.Builder) {
	switch {
	case d == nil:
	case d.Same:
		fmt.Fprintf(b, "The canonical form of %s is the same: %d octets.\n\n", d.Of, d.Offset)
	default:
		fmt.Fprintf(b, "The canonical form of %s differs at byte offset %d, marked >>>:\n  the service  %s\n  yours        %s\n\n", d.Of, d.Offset, d.Here, d.Yours)
	}
}
