// Package batch sends the notifications of a file: it reads a table, as CSV or as JSON Lines, finds everything that is
// wrong with it before anything is sent, sends what is right, and keeps a journal from which another run goes on.
//
// It is separate so that the whole of it, reading, resuming and retrying, is tested without a terminal and without a
// network: what sends one request is a function that the command gives. The CSV is that of RFC 4180 with the habits of
// spreadsheets; what a column means is what the element of the contract means that it fills.
//
// Nothing is sent twice and nothing is forgotten, whenever a run ends: an answer counts once its line stands in the
// journal; what has no line is sent again with the same InputReference and the same content, for which the register
// gives the first receipt and stores nothing. The results, a line for each row, are made anew from file and journal at
// every end. A Watcher does so for each file that is put into a folder.
package batch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/wire"
)

// MaxOctets bounds a file, which is held in memory as a whole.
const MaxOctets = 256 << 20

// Options say how a file is to be understood.
type Options struct {
	JSONLines bool
	Save      string     // Draft, Submit or Final; a draft may break the rules of the register that need no number
	Today     ident.Date // no operation is later
}

// File is what was read: how it was written, what it holds, and everything that is wrong with it.
type File struct {
	Encoding      string // UTF-8 or Windows-1252
	Separator     string // of CSV
	Rows          []Row  // with something in them, without the header
	Notifications []*Notification
	Faults        []Fault
}

// Row is a row of the table.
type Row struct {
	Number    int    // as a spreadsheet counts, the header being 1
	Reference string // of its notification; empty when that cannot be read
}

// Notification is one operation: the rows with one input reference.
type Notification struct {
	Reference    string
	Rows         []int
	Save         string
	Implantation wire.Implantation
}

// Request is a new request for the notification, for its header to be filled.
func (n *Notification) Request() *wire.NotifyImplantRequest {
	return &wire.NotifyImplantRequest{InputReference: n.Reference, Save: n.Save, Implantation: n.Implantation}
}

// Content names what is notified, whatever the order of columns or the form of a date in the file: the journal knows by
// it whether a row was changed since it was sent.
func (n *Notification) Content() string {
	// The error is of types that JSON does not know, and there are none.
	octets, _ := json.Marshal(struct {
		Save         string
		Implantation wire.Implantation
	}{n.Save, n.Implantation})
	sum := sha256.Sum256(octets)
	return hex.EncodeToString(sum[:8])
}

// Fault is something that is wrong with the file. It never holds the content of a cell: it may be a person's number.
type Fault struct {
	Row     int          // as a spreadsheet counts, the header being 1; 0 for the whole file
	Column  string       // by its name in the header; empty for the whole row
	Code    problem.Code // of the register, where it would refuse the same
	Message string
}

// String is the fault as a line of text.
func (f Fault) String() string {
	place := "the file"
	if f.Row > 0 {
		place = fmt.Sprintf("row %d", f.Row)
	}
	if f.Column != "" {
		place += ", column " + f.Column
	}
	if f.Code != "" {
		return fmt.Sprintf("%s: %s: %s", place, f.Code, f.Message)
	}
	return place + ": " + f.Message
}

// ReadFile reads the file of a name, which says by its ending whether it is JSON Lines.
func ReadFile(name string, o Options) (*File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("the file: %w", err)
	}
	f := &File{}
	if info.Size() > MaxOctets {
		f.tooLarge()
		return f, nil
	}
	octets, err := os.ReadFile(name) //nolint:gosec // the caller's own path
	if err != nil {
		return nil, fmt.Errorf("the file: %w", err)
	}
	o.JSONLines = strings.EqualFold(filepath.Ext(name), ".jsonl")
	return Read(octets, o), nil
}

// Read reads a file and validates all of it. What is faulty is in Faults and in no notification.
func Read(octets []byte, o Options) *File {
	f := &File{}
	if len(octets) > MaxOctets {
		f.tooLarge()
		return f
	}
	text, ok := f.decode(octets)
	if !ok {
		return f
	}
	var rows []*row
	if o.JSONLines {
		rows = f.readJSONLines(text)
	} else {
		rows = f.readCSV(text)
	}
	for _, r := range rows {
		f.Rows = append(f.Rows, Row{Number: r.number, Reference: r.cells[input]})
	}
	if len(rows) == 0 && len(f.Faults) == 0 {
		f.fault(0, "", "it holds no row to send")
	}
	f.group(rows, o)
	slices.SortStableFunc(f.Faults, func(a, b Fault) int { return cmp.Compare(a.Row, b.Row) })
	return f
}

func (f *File) tooLarge() {
	f.fault(0, "", fmt.Sprintf("it is larger than %d MiB; send it in parts", MaxOctets>>20))
}

func (f *File) fault(row int, column, message string) {
	f.Faults = append(f.Faults, Fault{Row: row, Column: column, Message: message})
}

// refuse tells a fault in the register's own words.
func (f *File) refuse(row int, column string, code problem.Code) {
	entry, _ := problem.Lookup(code)
	f.Faults = append(f.Faults, Fault{Row: row, Column: column, Code: code, Message: entry.EN})
}
