package trail

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

// AnchorName is the name of the anchor file in the folder of the service.
const AnchorName = "audit-checkpoints.jsonl"

// lineLimit bounds a line of the anchor file.
const lineLimit = 4096

// Anchor is a file with every checkpoint, one on each line, oldest first. It lies outside the database, and can be copied
// out of the reach of whoever may change both: the end of the trail cannot be cut off without its showing here.
type Anchor struct {
	path string
	last int64 // the highest number in it
	torn bool  // its last line has no end, and is not ours to mend
}

// OpenAnchor opens the file for a service, and makes it when it is not there. What a crash left of a last line goes: it was
// never durable, and Follow writes that checkpoint again.
func OpenAnchor(path string) (*Anchor, error) { return openAnchor(path, true) }

// JoinAnchor opens the file beside a service that may be writing to it: nothing goes, and after half a line nothing is
// written, which the next service does. Both may write the same checkpoint, which then has two lines.
func JoinAnchor(path string) (*Anchor, error) { return openAnchor(path, false) }

func openAnchor(path string, mend bool) (_ *Anchor, err error) {
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
		if c := parseLine(bytes.TrimSuffix(text, []byte("\n"))); c != nil { // Verify complains of others
			a.last = max(a.last, c.Number)
		}
	}
	if mend {
		err = file.Truncate(begin + int64(whole))
	} else {
		a.torn = whole < len(tail)
	}
	if err != nil {
		return nil, fmt.Errorf("anchor file: %w", err)
	}
	return a, nil
}

// readTail reads the last lines of a file, and says where they begin: more than its end need not be read to go on.
func readTail(file *os.File) ([]byte, int64, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	begin := max(0, info.Size()-16*lineLimit)
	tail := make([]byte, info.Size()-begin)
	if _, err := file.ReadAt(tail, begin); err != nil {
		return nil, 0, err
	}
	return tail, begin, nil
}

// lines calls f with each line that was written to its end. A line longer than any checkpoint is cut into several.
func lines(r io.Reader, f func([]byte) error) error {
	scanner := bufio.NewReaderSize(r, lineLimit)
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
	last := a.last
	for _, c := range checkpoints {
		octets, marshalErr := json.Marshal(c)
		if marshalErr != nil {
			return fmt.Errorf("anchor file: %w", marshalErr)
		}
		text.Write(octets)
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
	a.last = last
	return nil
}

// ErrCutOff says that the database has lost what was sealed: rows, or checkpoints that the anchor file holds.
var ErrCutOff = errors.New("the audit trail was cut off: ctrd admin audit verify tells where")

// Follow appends what the file does not have yet: the checkpoints just made, and those that other programs made. It fails with
// ErrCutOff when the file is ahead of the database, and appends what was made all the same.
func (a *Anchor) Follow(ctx context.Context, source Source, made []Checkpoint) error {
	if a.torn {
		return nil
	}
	var cut error
	for i, c := range made {
		if c.Number > a.last {
			break
		}
		cut = ErrCutOff
		if err := a.Append(made[i]); err != nil {
			return err
		}
	}
	for {
		page, err := source.AuditCheckpoints(ctx, a.last, pageSize)
		if err != nil {
			return err
		}
		if err := a.Append(page...); err != nil {
			return err
		}
		if len(page) < pageSize {
			return cut
		}
	}
}

// Check compares the end of the file with the database. It fails with ErrCutOff when the database does not have it.
func (a *Anchor) Check(ctx context.Context, source Source) error {
	if a.last == 0 {
		return nil
	}
	page, err := source.AuditCheckpoints(ctx, a.last-1, 1)
	if err == nil && (len(page) == 0 || page[0].Number != a.last) {
		err = ErrCutOff
	}
	return err
}

// AnchorFile is an anchor file as it is when a verification begins: what is appended meanwhile is not looked at, because
// the database is read later.
type AnchorFile struct {
	file    *os.File
	content io.Reader
}

// ReadAnchor opens an anchor file to verify. One that is not there is fs.ErrNotExist.
func ReadAnchor(path string) (*AnchorFile, error) {
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
	return &AnchorFile{file: file, content: io.LimitReader(file, info.Size())}, nil
}

// Close closes the file.
func (a *AnchorFile) Close() error { return a.file.Close() }
