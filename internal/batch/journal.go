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

// Outcome is how a notification, and with it each of its rows, ended.
type Outcome string

// The outcomes that a journal holds. What has none was not answered, and is to be sent.
const (
	Accepted Outcome = "accepted"
	Refused  Outcome = "refused"
)

// Line is what the journal holds of a notification.
type Line struct {
	InputReference string
	Content        string // see Notification.Content
	Outcome        Outcome
	Number         string    `json:",omitempty"` // once it is final
	Reference      string    `json:",omitempty"` // the register's
	Implants       []string  `json:",omitempty"` // the register's names for what its rows placed, in their order
	Findings       []Finding `json:",omitempty"`
}

// Finding is something that the register said about a notification: why it refuses it, or what it warns of.
type Finding struct {
	Code    string
	Implant int    `json:",omitempty"` // which one of the notification is concerned, from 1; 0 for all of it
	Message string `json:",omitempty"`
}

// about is the first line of a journal, for whoever opens it.
type about struct {
	About string
}

const aboutJournal = "What the register has answered so far. ctr batch goes on from here: keep this beside the file until you are done with it."

// ErrInUse is wrapped when another process is at work on the same file.
var ErrInUse = errors.New("another ctr is at work on it; wait until that has ended")

// Journal is a file with a line per answer, in JSON, only ever added to. The last line of a notification counts. While it
// is open nobody else opens it, so that two runs never send the same file.
type Journal struct {
	file  *os.File
	lines map[string]Line
	// Unreadable lines are those that no run wrote whole. What they told is asked again, which is safe.
	Unreadable int
}

// ReadJournal reads what earlier runs have written, and opens it for no more. There need not be any.
func ReadJournal(name string) (*Journal, error) {
	octets, err := os.ReadFile(name) //nolint:gosec // the caller's own path
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the journal of earlier runs: %w", err)
	}
	j := &Journal{lines: map[string]Line{}}
	j.read(octets)
	return j, nil
}

// OpenJournal reads what earlier runs have written, and opens it for the answers of this one. A last line that was not
// written whole is cut off. It fails with ErrInUse while another run has it open.
func OpenJournal(name string) (*Journal, error) {
	file, err := openAlone(name)
	if err != nil {
		return nil, fmt.Errorf("the journal %s: %w", name, err)
	}
	j := &Journal{file: file, lines: map[string]Line{}}
	if err = j.begin(); err != nil {
		_ = file.Close() // nothing was written
		return nil, fmt.Errorf("the journal %s: %w", name, err)
	}
	return j, nil
}

// begin reads what is there, goes to the end of the last whole line, and says in a new file what it is. It reads through
// the handle that has the lock, because some systems let no other one read.
func (j *Journal) begin() error {
	octets, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(octets, '\n') + 1
	if err = j.file.Truncate(int64(whole)); err != nil {
		return err
	}
	if _, err = j.file.Seek(int64(whole), io.SeekStart); err != nil {
		return err
	}
	j.read(octets)
	if whole > 0 {
		return nil
	}
	return j.write(encodeLine(nil, about{aboutJournal}))
}

func (j *Journal) read(octets []byte) {
	for record := range strings.Lines(string(octets)) {
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

func encodeLine(octets []byte, line any) []byte {
	// The error is of types that JSON does not know, and there are none.
	encoded, _ := json.Marshal(line)
	return append(append(octets, encoded...), '\n')
}

// Add puts answers into the journal. When it returns, they stay there.
func (j *Journal) Add(lines []Line) error {
	var octets []byte
	for _, l := range lines {
		octets = encodeLine(octets, l)
	}
	if err := j.write(octets); err != nil {
		return fmt.Errorf("the journal: %w", err)
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

// Close closes the file, so that another run may open it.
func (j *Journal) Close() error {
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("the journal: %w", err)
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
