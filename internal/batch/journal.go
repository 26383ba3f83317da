package batch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Outcome is how a notification ended.
type Outcome string

// The outcomes that a journal holds. What has none was not answered, and is to be sent.
const (
	Accepted Outcome = "accepted"
	Refused  Outcome = "refused"
)

// Line is what the journal holds of a notification.
type Line struct {
	InputReference string
	Rows           []int
	Outcome        Outcome
	Number         string // once it is final
	Reference      string // the register's
	Codes          []string
	Message        string
	Content        string // see Notification.Content
}

var journalHeader = []string{"input_reference", "rows", "outcome", "number", "reference", "codes", "message", "content"}

// Journal is the results file: a header and a line per answer, only ever added to. The last line of a notification counts.
type Journal struct {
	file  *os.File
	lines map[string]Line
	// Unreadable lines are those that no run wrote whole. What they told is asked again, which is safe.
	Unreadable int
}

// ReadJournal reads the results of earlier runs, and opens them for no more. There need not be any.
func ReadJournal(name string) (*Journal, error) {
	octets, err := os.ReadFile(name) //nolint:gosec // the caller's own path
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the results of earlier runs: %w", err)
	}
	j := &Journal{lines: map[string]Line{}}
	j.read(octets)
	return j, nil
}

// OpenJournal reads the results of earlier runs and opens them for those of this one. A last line that was not written
// whole is cut off.
func OpenJournal(name string) (*Journal, error) {
	j, err := ReadJournal(name)
	if err != nil {
		return nil, err
	}
	if j.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600); err != nil { //nolint:gosec // the caller's own path
		return nil, fmt.Errorf("the results file: %w", err)
	}
	if err = j.begin(); err != nil {
		_ = j.file.Close() // nothing was written
		return nil, fmt.Errorf("the results file: %w", err)
	}
	return j, nil
}

// begin goes to the end of the last whole line, and writes the header into a new file.
func (j *Journal) begin() error {
	octets, err := os.ReadFile(j.file.Name())
	if err != nil {
		return err
	}
	whole := int64(bytes.LastIndexByte(octets, '\n') + 1)
	if err = j.file.Truncate(whole); err != nil {
		return err
	}
	if _, err = j.file.Seek(whole, 0); err != nil {
		return err
	}
	if whole > 0 {
		return nil
	}
	return j.write(encode([][]string{journalHeader}))
}

func (j *Journal) read(octets []byte) {
	text := string(bytes.TrimPrefix(octets, []byte("\xef\xbb\xbf"))) // of a spreadsheet that saved it
	for record := range strings.Lines(text) {
		whole, ended := strings.CutSuffix(record, "\n")
		line, ok := decodeLine(whole)
		switch {
		case ended && ok:
			j.lines[line.InputReference] = line
		case strings.TrimSpace(whole) != "" && !strings.HasPrefix(whole, journalHeader[0]):
			j.Unreadable++
		}
	}
}

// decodeLine reads a line as encode wrote it, or as a spreadsheet did since.
func decodeLine(text string) (Line, bool) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	r.FieldsPerRecord = len(journalHeader)
	cells, err := r.Read()
	if err != nil {
		return Line{}, false
	}
	for i := range cells {
		cells[i] = strings.TrimPrefix(cells[i], "'")
	}
	line := Line{InputReference: cells[0], Outcome: Outcome(cells[2]), Number: cells[3], Reference: cells[4],
		Codes: strings.Fields(cells[5]), Message: cells[6], Content: cells[7]}
	for field := range strings.FieldsSeq(cells[1]) {
		number, failed := strconv.Atoi(field)
		if failed != nil {
			return Line{}, false
		}
		line.Rows = append(line.Rows, number)
	}
	return line, line.InputReference != "" && (line.Outcome == Accepted || line.Outcome == Refused)
}

// encode writes records one to a line: a reader of a broken file must know where the next begins.
func encode(records [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = ';'
	for _, cells := range records {
		for i, cell := range cells {
			cell = strings.NewReplacer("\r", " ", "\n", " ").Replace(cell)
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@'") {
				cell = "'" + cell // a spreadsheet would compute it
			}
			cells[i] = cell
		}
		_ = w.Write(cells) // into memory
	}
	w.Flush()
	return b.Bytes()
}

// Add puts answers into the journal. When it returns, they stay there.
func (j *Journal) Add(lines []Line) error {
	records := make([][]string, 0, len(lines))
	for _, l := range lines {
		rows := make([]string, 0, len(l.Rows))
		for _, number := range l.Rows {
			rows = append(rows, strconv.Itoa(number))
		}
		records = append(records, []string{l.InputReference, strings.Join(rows, " "), string(l.Outcome), l.Number, l.Reference,
			strings.Join(l.Codes, " "), l.Message, l.Content})
	}
	if err := j.write(encode(records)); err != nil {
		return fmt.Errorf("the results file: %w", err)
	}
	for _, l := range lines {
		j.lines[l.InputReference] = l
	}
	return nil
}

func (j *Journal) write(octets []byte) error {
	if _, err := j.file.Write(octets); err != nil {
		return err
	}
	return j.file.Sync()
}

// Close closes the file.
func (j *Journal) Close() error {
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("the results file: %w", err)
	}
	return nil
}

// Of is what the journal holds of a reference.
func (j *Journal) Of(reference string) (Line, bool) {
	line, found := j.lines[reference]
	return line, found
}

// Earlier counts what earlier runs did with the notifications of a file.
type Earlier struct {
	Accepted int
	Refused  int // and not sent again
}

// Pending are the notifications of the file that are to be sent: those without an answer and, when asked to, those that
// were refused. One that was accepted with other content is a fault of the file: the register would refuse it too.
func (f *File) Pending(j *Journal, again bool) ([]*Notification, Earlier) {
	var pending []*Notification
	var earlier Earlier
	for _, n := range f.Notifications {
		line, answered := j.Of(n.Reference)
		switch {
		case !answered, line.Outcome == Refused && again:
			pending = append(pending, n)
		case line.Outcome == Refused:
			earlier.Refused++
		case line.Content != n.Content():
			f.fault(n.Rows[0], input.name(), "it was accepted before with another content, or another --save: revise that notification instead, or use another reference")
		default:
			earlier.Accepted++
		}
	}
	return pending, earlier
}
