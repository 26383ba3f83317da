package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Outcome is the result of a notification, and so of each of its rows.
type Outcome string

// The outcomes in a journal. A notification without one has no answer yet and must be sent.
const (
	Accepted Outcome = "accepted"
	Refused  Outcome = "refused"
)

// JournalEntry records the answer to a notification. Its field names are the keys of the JSON document.
type Line struct {
	InputReference string
	Content        string // see Notification.ContentDigest
	Outcome        Outcome
	Number         string    `json:",omitempty"` // the notification number, once it is final
	Reference      string    `json:",omitempty"` // assigned by the register
	Implants       []string  `json:",omitempty"` // the register's implant IDs, in the order of the rows
	Findings       []Finding `json:",omitempty"`
}

// Finding is a reason for a refusal, or a warning, from the register.
type Finding struct {
	Code    string
	Implant int    `json:",omitempty"` // the implant concerned, from 1; 0 for the whole notification
	Message string `json:",omitempty"`
}

// journalPreamble is the first line of a journal. It explains the file to its reader.
type about struct {
	About string
}

const aboutJournal = "What the register has answered so far. ctr batch goes on from here: keep this beside the file until you are done with it."

// ErrInUse is wrapped when another process is working on the same file.
var ErrInUse = errors.New("another ctr is at work on it; wait until that has ended")

// Journal is an append-only file with one JSON line per answer. The last entry of a notification counts. An open
// journal is locked, so that two runs never send the same file.
type Journal struct {
	file  *os.File
	lines map[string]Line
	// UnreadableLines counts lines that were not written completely. Their notifications are sent again, which is
	// safe.
	Unreadable int
}

// ReadJournal reads the entries of earlier runs, without opening the journal for writing. The file may be missing.
func ReadJournal(name string) (*Journal, error) {
	data, err := os.ReadFile(name) //nolint:gosec // the path is the user's own
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the journal of earlier runs: %w", err)
	}
	j := &Journal{lines: map[string]Line{}}
	j.read(data)
	return j, nil
}

// OpenJournal reads the entries of earlier runs and opens the journal for new ones. It cuts off an incomplete last
// line. It fails with ErrInUse while another run has the journal open.
func OpenJournal(name string) (*Journal, error) {
	file, err := openAlone(name)
	if err != nil {
		return nil, fmt.Errorf("the journal %s: %w", name, err)
	}
	j := &Journal{file: file, lines: map[string]Line{}}
	if err = j.begin(); err != nil {
		_ = file.Close() // nothing was written, so the error is harmless
		return nil, fmt.Errorf("the journal %s: %w", name, err)
	}
	return j, nil
}

// loadAndTruncate reads the entries, truncates the file after its last complete line, and writes the preamble of a
// new file. It reads through the locked handle, because some systems do not let another one read.
func (j *Journal) begin() error {
	data, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	end := bytes.LastIndexByte(data, '\n') + 1
	if err = j.file.Truncate(int64(end)); err != nil {
		return err
	}
	if _, err = j.file.Seek(int64(end), io.SeekStart); err != nil {
		return err
	}
	j.read(data)
	if end > 0 {
		return nil
	}
	return j.write(encodeLine(nil, about{aboutJournal}))
}

func (j *Journal) read(data []byte) {
	for record := range strings.Lines(string(data)) {
		var line struct {
			about
			Line
		}
		err := json.Unmarshal([]byte(record), &line)
		switch {
		case !strings.HasSuffix(record, "\n"), err != nil, line.About == "" && !line.whole():
			j.Unreadable++
		case line.About == "":
			j.lines[line.InputReference] = line.Line
		}
	}
}

func (l *Line) whole() bool {
	return l.InputReference != "" && (l.Outcome == Accepted || l.Outcome == Refused)
}

func encodeLine(data []byte, line any) []byte {
	// json.Marshal fails only for types that are not used here.
	encoded, _ := json.Marshal(line)
	return append(append(data, encoded...), '\n')
}

// Append writes entries to the journal. They are on disk when it returns.
func (j *Journal) Add(lines []Line) error {
	var data []byte
	for _, l := range lines {
		data = encodeLine(data, l)
	}
	if err := j.write(data); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	for _, l := range lines {
		j.lines[l.InputReference] = l
	}
	return nil
}

func (j *Journal) write(data []byte) error {
	if _, err := j.file.Write(data); err != nil {
		return err
	}
	return j.file.Sync()
}

// Close closes the file and so unlocks it for another run.
func (j *Journal) Close() error {
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return nil
}

// Entry returns the entry of a reference.
func (j *Journal) Of(reference string) (Line, bool) {
	line, found := j.lines[reference]
	return line, found
}

// EarlierResults counts the results of earlier runs for the notifications of a file.
type Earlier struct {
	Accepted int
	Refused  int // and not sent again
}

// Pending returns the notifications of the file that must be sent: those without an answer and, if retryRefused,
// those that were refused. A notification that was accepted with other content is an error of the file, because the
// register would refuse it too.
func (f *File) Pending(j *Journal, retryRefused bool) ([]*Notification, Earlier) {
	var pending []*Notification
	var earlier Earlier
	for _, n := range f.Notifications {
		line, answered := j.Of(n.Reference)
		switch {
		case !answered, line.Outcome == Refused && retryRefused:
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
