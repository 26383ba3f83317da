package auditlog

import (
	"fmt"
	"strings"
	"time"
)

// Text returns the report as text for an operator.
func (r *Report) Text(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rows: %d, checkpoints: %d, lines of the anchor file: %d\n", r.Rows, r.Checkpoints, r.AnchorLines)
	if r.LastCheckpoint != nil {
		fmt.Fprintf(
			&b, "sealed up to row %d by %s, with the key %s\n", r.LastCheckpoint.LastSeq, describeCheckpoint(r.LastCheckpoint),
			r.LastCheckpoint.KeyID,
		)
	}
	if r.UnsealedRows > 0 {
		fmt.Fprintf(&b, "not sealed yet: %d, the oldest of %s\n", r.UnsealedRows, r.OldestUnsealed)
	}
	if seconds := took.Seconds(); seconds > 0 {
		fmt.Fprintf(&b, "rows per second: %.0f\n", float64(r.Rows)/seconds)
	}
	for _, finding := range r.Findings {
		fmt.Fprintf(&b, "%s: %s\n", strings.ToUpper(string(finding.Kind)), finding.Text)
	}
	switch {
	case r.OmittedFindings > 0:
		fmt.Fprintf(&b, "and %d findings more\n", r.OmittedFindings)
	case len(r.Findings) == 0:
		b.WriteString("nothing was changed, left out, added or cut off\n")
	}
	return b.String()
}
