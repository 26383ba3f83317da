package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Outcome is the result of a notification, and so of each of its rows.
type Outcome string

// The outcomes in a journal. A notification without one has no answer yet and must be sent.
const (
	OutcomeAccepted Outcome = "accepted"
	OutcomeRefused  Outcome = "refused"
)

// JournalEntry records the answer to a notification. Its field names are the keys of the JSON document.
type JournalEntry struct {
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
type journalPreamble struct {
	About string
}

const preambleText = "What the register has answered so far. ctr batch goes on from here: keep this beside the file " +
	"until you are done with it."

// ErrInUse is wrapped when another process is working on the same file.
var ErrInUse = errors.New("another ctr is at work on it; wait until that has ended")

// Journal is an append-only file with one JSON line per answer. The last entry of a notification counts. An open
// journal is locked, so that two runs never send the same file.
type Journal struct {
	file    *os.File
	entries map[string]JournalEntry
	// UnreadableLines counts lines that were not written completely. Their notifications are sent again, which is
	// safe.
	UnreadableLines int
}

// ReadJournal reads the entries of earlier runs, without opening the journal for writing. The file may be missing.
func ReadJournal(name string) (*Journal, error) {
	data, err := readRegular(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the journal of earlier runs: %w", err)
	}
	j := &Journal{entries: map[string]JournalEntry{}}
	j.parseEntries(data)
	return j, nil
}

// readRegular reads a regular file with one name, which is not a link.
func readRegular(name string) ([]byte, error) {
	folder, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	file, _, err := openRegular(folder, filepath.Base(name))
	if err = errors.Join(err, folder.Close()); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	return data, errors.Join(err, file.Close())
}

// OpenJournal reads the entries of earlier runs and opens the journal for new ones. It cuts off an incomplete last
// line. It fails with ErrInUse while another run has the journal open.
func OpenJournal(name string) (*Journal, error) {
	file, err := openExclusive(name)
	if err != nil {
		return nil, fmt.Errorf("the journal %s: %w", name, err)
	}
	j := &Journal{file: file, entries: map[string]JournalEntry{}}
	if err = j.loadAndTruncate(); err != nil {
		_ = file.Close() // nothing was written, so the error is harmless
		return nil, fmt.Errorf("the journal %s: %w", name, err)
	}
	return j, nil
}

// loadAndTruncate reads the entries, truncates the file after its last complete line, and writes the preamble of a
// new file. It reads through the locked handle, because some systems do not let another one read.
func (j *Journal) loadAndTruncate() error {
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
	j.parseEntries(data)
	if end > 0 {
		return nil
	}
	return j.writeAndSync(appendJSONLine(nil, journalPreamble{preambleText}))
}

func (j *Journal) parseEntries(data []byte) {
	for record := range strings.Lines(string(data)) {
		var line struct {
			journalPreamble
			JournalEntry
		}
		err := json.Unmarshal([]byte(record), &line)
		switch {
		case !strings.HasSuffix(record, "\n"), err != nil, line.About == "" && !line.isValid():
			j.UnreadableLines++
		case line.About == "":
			j.entries[line.InputReference] = line.JournalEntry
		}
	}
}

func (l *JournalEntry) isValid() bool {
	return l.InputReference != "" && (l.Outcome == OutcomeAccepted || l.Outcome == OutcomeRefused)
}

func appendJSONLine(data []byte, line any) []byte {
	// json.Marshal fails only for types that are not used here.
	encoded, _ := json.Marshal(line)
	return append(append(data, encoded...), '\n')
}

// Append writes entries to the journal. They are on disk when it returns.
func (j *Journal) Append(lines []JournalEntry) error {
	var data []byte
	for _, l := range lines {
		data = appendJSONLine(data, l)
	}
	if err := j.writeAndSync(data); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	for _, l := range lines {
		j.entries[l.InputReference] = l
	}
	return nil
}

func (j *Journal) writeAndSync(data []byte) error {
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
func (j *Journal) Entry(reference string) (JournalEntry, bool) {
	line, found := j.entries[reference]
	return line, found
}

// EarlierResults counts the results of earlier runs for the notifications of a file.
type EarlierResults struct {
	Accepted int
	Refused  int // and not sent again
}

// Pending returns the notifications of the file that must be sent: those without an answer and, if retryRefused,
// those that were refused. A notification that was accepted with other content is an error of the file, because the
// register would refuse it too.
func (f *File) Pending(j *Journal, retryRefused bool) ([]*Notification, EarlierResults) {
	var pending []*Notification
	var earlier EarlierResults
	for _, n := range f.Notifications {
		line, answered := j.Entry(n.Reference)
		switch {
		case !answered, line.Outcome == OutcomeRefused && retryRefused:
			pending = append(pending, n)
		case line.Outcome == OutcomeRefused:
			earlier.Refused++
		case line.Content != n.ContentDigest():
			f.addError(n.Rows[0], columnInputReference.headerName(), "it was accepted before with another content, or another "+
				"--save: revise that notification instead, or use another reference")
		default:
			earlier.Accepted++
		}
	}
	return pending, earlier
}
