package batch

import (
	"fmt"
	"strings"
)

// fileOutcome summarises the answers to the notifications of a file.
type ending struct {
	file     *File
	accepted int
	notSent  int
	refused  []refusal
}

type refusal struct {
	notification *Notification
	line         Line
}

func (f *File) ending(j *Journal) *ending {
	e := &ending{file: f}
	for _, n := range f.Notifications {
		line, answered := j.Of(n.Reference)
		switch {
		case !answered:
			e.notSent++
		case line.Outcome == Refused:
			e.refused = append(e.refused, refusal{n, line})
		default:
			e.accepted++
		}
	}
	return e
}

// isAllAccepted reports whether every notification of the file was accepted and the file has no error.
func (e *ending) good() bool { return len(e.refused)+e.notSent+len(e.file.Faults) == 0 }

// explainFailure explains in plain words why a file failed and what to do.
func (e *ending) explain(name string) string {
	var b strings.Builder
	if e.accepted+len(e.refused) == 0 {
		fmt.Fprintf(&b, "Nothing of %s was sent, because it has faults.\n", name)
	} else {
		fmt.Fprintf(&b, "Not everything of %s was accepted.\n", name)
		fmt.Fprintf(&b, "Notifications accepted: %d, refused: %d, without fault and not sent: %d.\n", e.accepted, len(e.refused), e.notSent)
	}
	if len(e.file.Faults) > 0 {
		fmt.Fprintf(&b, "\nFaults in the file: %d. The rows with them, and other rows of the same notifications, were not sent.\n", len(e.file.Faults))
		for _, fault := range e.file.Faults {
			fmt.Fprintln(&b, "- "+fault.String())
		}
	}
	if len(e.refused) > 0 {
		fmt.Fprintf(&b, "\nRefused by the register: %d.\n", len(e.refused))
		for _, r := range e.refused {
			r.explain(&b)
		}
	}
	if len(e.file.Rows) > 0 {
		fmt.Fprintf(&b, "\nWhat became of each row is in %s%s.\n", name, resultsEnding)
	}
	b.WriteString(again)
	return b.String()
}

const again = `
What to do: mend the file and put it into the inbox again, all of it or only the rows that were not accepted. Keep each
input_reference as it is. What was accepted is not registered twice, as long as its rows stay as they are.
`

func (r refusal) explain(b *strings.Builder) {
	for _, finding := range r.line.Findings {
		rows := r.notification.Rows
		if finding.Implant > 0 && finding.Implant <= len(rows) {
			rows = rows[finding.Implant-1 : finding.Implant]
		}
		fmt.Fprintf(b, "- row %s: %s: %s\n", strings.Trim(fmt.Sprint(rows), "[]"), finding.Code, onOneLine(finding.Message))
	}
}

// explainUnreadable explains that a file could not be read at all.
func explainUnread(name, reason string) string {
	return fmt.Sprintf("Nothing of %s was sent, because it could not be read: %s.\n\nWhat to do: put it into the inbox again as a file that ctr may read.\n", name, reason)
}
