// Package batch sends the notifications of a file. It reads a CSV or JSON Lines table, reports every error in it
// before anything is sent, sends the valid notifications, and keeps a journal from which a later run resumes.
//
// It is separate from the command so that reading, resuming and retrying are tested without a terminal or a network:
// the command supplies the function that sends one request. The CSV format is RFC 4180, with the variations that
// spreadsheets produce. A column has the meaning of the contract element that it fills.
//
// No notification is registered twice or lost, whenever a run ends. An answer counts once its entry is in the
// journal. A notification without an entry is sent again with the same idempotency key (InputReference) and the same
// content; the register then returns the first receipt and stores nothing. The results file, one line per row, is
// rebuilt from the file and the journal at the end of every run. A Watcher does the same for each file that is put
// into a folder.
package batch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// MaxFileBytes limits the size of a file, because it is held in memory.
const MaxFileBytes = 256 << 20

// Options are the settings for reading a file.
type Options struct {
	JSONLines bool
	Save      string     // Draft, Submit or Final; a draft may break the register's rules that need no number
	Today     ident.Date // no operation date is later
}

// File is the parsed file: its format, its contents and all its errors.
type File struct {
	Encoding      string // UTF-8 or Windows-1252
	Separator     string // of a CSV file
	Rows          []Row  // the non-empty rows, without the header
	Notifications []*Notification
	RowErrors     []RowError
}

// Row is a non-empty row of the table.
type Row struct {
	Number    int    // as a spreadsheet counts: the header is 1
	Reference string // of its notification; empty if it cannot be read
}

// Notification is one implantation: the rows with the same input reference.
type Notification struct {
	Reference    string
	Rows         []int
	Save         string
	Implantation ctr.Implantation
}

// NewRequest returns a new request for the notification. The caller fills its header.
func (n *Notification) NewRequest() *ctr.NotifyImplantRequest {
	return &ctr.NotifyImplantRequest{InputReference: n.Reference, Save: n.Save, Implantation: n.Implantation}
}

// ContentDigest returns a short digest of the content. It does not depend on the order of columns or the format of a
// date in the file. The journal stores it to detect a row that changed after it was sent.
func (n *Notification) ContentDigest() string {
	// json.Marshal fails only for types that this struct does not contain.
	data, _ := json.Marshal(struct {
		Save         string
		Implantation ctr.Implantation
	}{n.Save, n.Implantation})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// RowError is an error in the file. It never contains the content of a cell, which may identify a person.
type RowError struct {
	Row     int          // as a spreadsheet counts: the header is 1; 0 for the whole file
	Column  string       // the name in the header; empty for the whole row
	Code    problem.Code // the code with which the register would refuse the row, if there is one
	Message string
}

// String formats the error as one line of text.
func (f RowError) String() string {
	location := "the file"
	if f.Row > 0 {
		location = fmt.Sprintf("row %d", f.Row)
	}
	if f.Column != "" {
		location += ", column " + f.Column
	}
	if f.Code != "" {
		return fmt.Sprintf("%s: %s: %s", location, f.Code, f.Message)
	}
	return location + ": " + f.Message
}

// ReadFile reads the named file. A name that ends in .jsonl denotes JSON Lines.
func ReadFile(name string, o Options) (*File, error) {
	file, err := os.Open(name) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("the file: %w", err)
	}
	f, err := readOpened(file, name, o)
	return f, errors.Join(err, file.Close())
}

// readOpened is ReadFile for an open file.
func readOpened(file *os.File, name string, o Options) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(file, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("the file: %w", err)
	}
	o.JSONLines = strings.EqualFold(filepath.Ext(name), ".jsonl")
	return Read(data, o), nil
}

// Read parses and validates a whole file. Rows with errors are in RowErrors and in no notification.
func Read(data []byte, o Options) *File {
	f := &File{}
	if len(data) > MaxFileBytes {
		f.addTooLargeError()
		return f
	}
	text, ok := f.decodeText(data)
	if !ok {
		return f
	}
	var rows []*tableRow
	if o.JSONLines {
		rows = f.readJSONLines(text)
	} else {
		rows = f.readCSV(text)
	}
	for _, r := range rows {
		f.Rows = append(f.Rows, Row{Number: r.number, Reference: r.cells[columnInputReference]})
	}
	if len(rows) == 0 && len(f.RowErrors) == 0 {
		f.addError(0, "", "it holds no row to send")
	}
	f.groupRows(rows, o)
	slices.SortStableFunc(f.RowErrors, func(a, b RowError) int { return cmp.Compare(a.Row, b.Row) })
	return f
}

func (f *File) addTooLargeError() {
	f.addError(0, "", fmt.Sprintf("it is larger than %d MiB; send it in parts", MaxFileBytes>>20))
}

func (f *File) addError(row int, column, message string) {
	f.RowErrors = append(f.RowErrors, RowError{Row: row, Column: column, Message: message})
}

// addErrorWithCode adds an error with the register's code and message.
func (f *File) addErrorWithCode(row int, column string, code problem.Code) {
	entry, _ := problem.Lookup(code)
	f.RowErrors = append(
		f.RowErrors,
		RowError{Row: row, Column: column, Code: code, Message: entry.Text(texts.English)},
	)
}
