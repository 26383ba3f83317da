package auditlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// AnchorFileName is the name of the anchor file in the service's directory.
const AnchorFileName = "audit-checkpoints.jsonl"

// maxLineBytes bounds a line of the anchor file.
const maxLineBytes = 4096

// Anchor is a file with every checkpoint, one per line, oldest first. It is outside the database, and can be copied out
// of reach of anyone who can change both: truncation of the audit log then shows here.
type Anchor struct {
	path           string
	lastNumber     int64 // the highest checkpoint number in the file
	hasPartialLine bool  // the last line is incomplete, and another process may be writing it
}

// OpenAnchor opens the file for a service, creating it if necessary. It removes an incomplete last line left by a
// crash: that line was never durable, and AppendMissing writes its checkpoint again.
func OpenAnchor(path string) (*Anchor, error) { return openAnchorFile(path, true) }

// OpenSharedAnchor opens the file while a service may be writing to it: it removes nothing, and writes nothing after an
// incomplete line, which the next service start repairs. Both processes may write the same checkpoint, which then has
// two lines.
func OpenSharedAnchor(path string) (*Anchor, error) { return openAnchorFile(path, false) }

func openAnchorFile(path string, repair bool) (_ *Anchor, err error) {
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("anchor file: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("anchor file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	tail, begin, err := readTail(file)
	if err != nil {
		return nil, fmt.Errorf("anchor file: %w", err)
	}
	a := &Anchor{path: path}
	whole := bytes.LastIndexByte(tail, '\n') + 1
	for text := range bytes.Lines(tail[:whole]) {
		if c := parseCheckpointLine(bytes.TrimSuffix(text, []byte("\n"))); c != nil { // Verify reports invalid lines
			a.lastNumber = max(a.lastNumber, c.Number)
		}
	}
	if repair {
		err = file.Truncate(begin + int64(whole))
	} else {
		a.hasPartialLine = whole < len(tail)
	}
	if err != nil {
		return nil, fmt.Errorf("anchor file: %w", err)
	}
	return a, nil
}

// readTail reads the last lines of a file and returns their offset; appending requires no more.
func readTail(file *os.File) ([]byte, int64, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	begin := max(0, info.Size()-16*maxLineBytes)
	tail := make([]byte, info.Size()-begin)
	if _, err := file.ReadAt(tail, begin); err != nil {
		return nil, 0, err
	}
	return tail, begin, nil
}

// forEachLine calls f with each complete line. A line longer than any checkpoint is split into several.
func forEachLine(r io.Reader, f func([]byte) error) error {
	scanner := bufio.NewReaderSize(r, maxLineBytes)
	for {
		text, err := scanner.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			err = f(text)
		case err == nil:
			err = f(bytes.TrimSuffix(text, []byte("\n")))
		}
		if err != nil {
			return err
		}
	}
}

// Append writes checkpoints to the end of the file. They are durable when it returns.
func (a *Anchor) Append(checkpoints ...Checkpoint) (err error) {
	if len(checkpoints) == 0 {
		return nil
	}
	var text bytes.Buffer
	last := a.lastNumber
	for _, c := range checkpoints {
		encoded, marshalErr := json.Marshal(c)
		if marshalErr != nil {
			return fmt.Errorf("anchor file: %w", marshalErr)
		}
		text.Write(encoded)
		text.WriteByte('\n')
		last = max(last, c.Number)
	}
	file, err := os.OpenFile(a.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("anchor file: %w", err)
	}
	_, err = file.Write(text.Bytes())
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("anchor file: %w", err)
	}
	a.lastNumber = last
	return nil
}

// ErrTruncated reports that the database has lost sealed rows, or checkpoints that the anchor file holds.
var ErrTruncated = errors.New("the audit trail was cut off: ctrd admin audit verify tells where")

// ErrNotSigned reports a checkpoint in the database that is not as it was signed.
var ErrNotSigned = errors.New("the checkpoint was changed: ctrd admin audit verify tells more")

// AppendMissing appends the checkpoints that the file lacks: those just made, and those of other processes. It fails
// with ErrTruncated if the file is ahead of the database, but still appends the new ones.
func (a *Anchor) AppendMissing(ctx context.Context, source Reader, newCheckpoints []Checkpoint) error {
	if a.hasPartialLine {
		return nil
	}
	var errTruncated error
	for i, c := range newCheckpoints {
		if c.Number > a.lastNumber {
			break
		}
		errTruncated = ErrTruncated
		if err := a.Append(newCheckpoints[i]); err != nil {
			return err
		}
	}
	for {
		page, err := source.AuditCheckpoints(ctx, a.lastNumber, pageSize)
		if err != nil {
			return err
		}
		for _, c := range page { // the table may hold what somebody else put there
			if !c.hasValidSignature() {
				return fmt.Errorf("checkpoint %d: %w", c.Number, ErrNotSigned)
			}
		}
		if err := a.Append(page...); err != nil {
			return err
		}
		if len(page) < pageSize {
			return errTruncated
		}
	}
}

// CheckAgainst compares the end of the file with the database. It fails with ErrTruncated if the database lacks the
// last checkpoint.
func (a *Anchor) CheckAgainst(ctx context.Context, source Reader) error {
	if a.lastNumber == 0 {
		return nil
	}
	page, err := source.AuditCheckpoints(ctx, a.lastNumber-1, 1)
	if err == nil && (len(page) == 0 || page[0].Number != a.lastNumber) {
		err = ErrTruncated
	}
	return err
}

// AnchorSnapshot is the content of an anchor file at the start of a verification: later lines are ignored, because the
// database is read after it.
type AnchorSnapshot struct {
	file    *os.File
	content io.Reader
	journal map[JournalEntry]bool
}

// OpenAnchorSnapshot opens an anchor file for verification. The error is fs.ErrNotExist if there is none.
func OpenAnchorSnapshot(path string) (*AnchorSnapshot, error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("anchor file: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("anchor file: %w", errors.Join(err, file.Close()))
	}
	return &AnchorSnapshot{file: file, content: io.LimitReader(file, info.Size())}, nil
}

// Close closes the file.
func (a *AnchorSnapshot) Close() error { return a.file.Close() }
