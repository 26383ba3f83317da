package batch

import (
	"fmt"
	"strings"
)

// fileOutcome summarises the answers to the notifications of a file.
type fileOutcome struct {
	file     *File
	accepted int
	notSent  int
	refused  []refusedNotification
}

type refusedNotification struct {
	notification *Notification
	entry        JournalEntry
}

func (f *File) computeOutcome(j *Journal) *fileOutcome {
	e := &fileOutcome{file: f}
	for _, n := range f.Notifications {
		line, answered := j.Entry(n.Reference)
		switch {
		case !answered:
			e.notSent++
		case line.Outcome == OutcomeRefused:
			e.refused = append(e.refused, refusedNotification{n, line})
		default:
			e.accepted++
		}
	}
	return e
}

// isAllAccepted reports whether every notification of the file was accepted and the file has no error.
func (e *fileOutcome) isAllAccepted() bool {
	return len(e.refused)+e.notSent+len(e.file.RowErrors) == 0
}

// explainFailure explains in plain words why a file failed and what to do.
func (e *fileOutcome) explainFailure(name string) string {
	var b strings.Builder
	if e.accepted+len(e.refused) == 0 {
		fmt.Fprintf(&b, "Nothing of %s was sent, because it has faults.\n", name)
	} else {
		fmt.Fprintf(&b, "Not everything of %s was accepted.\n", name)
		fmt.Fprintf(
			&b, "Notifications accepted: %d, refused: %d, without fault and not sent: %d.\n", e.accepted, len(e.refused),
			e.notSent,
		)
	}
	if len(e.file.RowErrors) > 0 {
		fmt.Fprintf(
			&b, "\nFaults in the file: %d. The rows with them, and other rows of the same notifications, were not sent.\n",
			len(e.file.RowErrors),
		)
		for _, fault := range e.file.RowErrors {
			fmt.Fprintln(&b, "- "+fault.String())
		}
	}
	if len(e.refused) > 0 {
		fmt.Fprintf(&b, "\nRefused by the register: %d.\n", len(e.refused))
		for _, r := range e.refused {
			r.writeFindings(&b)
		}
	}
	if len(e.file.Rows) > 0 {
		fmt.Fprintf(&b, "\nWhat became of each row is in %s%s.\n", name, resultsSuffix)
	}
	b.WriteString(retryInstructions)
	return b.String()
}

const retryInstructions = `
What to do: mend the file and put it into the inbox again, all of it or only the rows that were not accepted. Keep each
input_reference as it is. What was accepted is not registered twice, as long as its rows stay as they are.
`

func (r refusedNotification) writeFindings(b *strings.Builder) {
	for _, finding := range r.entry.Findings {
		rows := r.notification.Rows
		if finding.Implant > 0 && finding.Implant <= len(rows) {
			rows = rows[finding.Implant-1 : finding.Implant]
		}
		fmt.Fprintf(
			b, "- row %s: %s: %s\n", strings.Trim(fmt.Sprint(rows), "[]"), finding.Code, toSingleLine(finding.Message),
		)
	}
}

// explainUnreadable explains that a file could not be read at all.
func explainUnreadable(name, reason string) string {
	return fmt.Sprintf(
		"Nothing of %s was sent, because it could not be read: %s.\n\nWhat to do: put it into the inbox again as a file "+
			"that ctr may read.\n",
		name, reason,
	)
}
