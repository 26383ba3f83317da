// Package countersign has the checkpoints of the audit log stamped by a time-stamping authority outside, and verifies
// the tokens: who has the keys and the database can sign another log, but not one of an earlier time.
//
// It is separate from the audit log, which an outsider can verify without it, and from the sealing, which it never
// delays. docs/audit.md describes the file of tokens.
package countersign

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/message/timestamp"
)

// FileName is the name of the file of tokens in the service's directory.
const FileName = "audit-timestamps.jsonl"

// maxLineBytes bounds a line: a token in base64 and a number.
const maxLineBytes = timestamp.MaxTokenBytes*2 + 256

// line is a line of the file.
type line struct {
	Number int64  `json:"checkpoint"`
	Token  []byte `json:"token"` // over the checkpoint's link
}

// Stamper has the newest checkpoint stamped at intervals.
type Stamper struct {
	path   string
	client *timestamp.Client
	now    func() time.Time

	mu     sync.Mutex
	newest *auditlog.Checkpoint // not stamped yet
	status Status
}

// Status is what alarms watch.
type Status struct {
	LastStamped time.Time // by the clock of the service; when it started if zero tokens were made
	Failures    uint64
}

// NewStamper returns a stamper that appends to a file.
func NewStamper(path string, client *timestamp.Client, now func() time.Time) *Stamper {
	return &Stamper{path: path, client: client, now: now, status: Status{LastStamped: now()}}
}

// Note takes note of a new checkpoint. It never waits.
func (s *Stamper) Note(c auditlog.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = &c
}

// Status returns the status.
func (s *Stamper) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// StampNewest has the newest checkpoint stamped, and keeps the token. It does nothing if there is no new one. A failure
// leaves it for the next call.
func (s *Stamper) StampNewest(ctx context.Context) error {
	s.mu.Lock()
	newest := s.newest
	s.mu.Unlock()
	if newest == nil {
		return nil
	}
	token, _, err := s.client.RequestToken(ctx, newest.Link())
	if err == nil {
		err = appendLine(s.path, line{newest.Number, token})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.status.Failures++
		return err
	}
	s.status.LastStamped = s.now()
	if s.newest == newest {
		s.newest = nil
	}
	return nil
}

func appendLine(path string, l line) (err error) {
	encoded, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("file of time stamps: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return fmt.Errorf("file of time stamps: %w", err)
	}
	_, err = file.Write(append(encoded, '\n'))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("file of time stamps: %w", err)
	}
	return nil
}

// Report is the result of a verification.
type Report struct {
	Tokens   int
	Last     int64     // the highest checkpoint with a good token
	LastTime time.Time // by the authority
	Findings []string
}

// maxFindings bounds the report.
const maxFindings = 100

func (r *Report) addFinding(format string, args ...any) {
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
	}
}

// Text returns the report as text for an operator.
func (r *Report) Text() string {
	var b bytes.Buffer
	if r.Last > 0 {
		fmt.Fprintf(&b, "time stamps: %d, the last over checkpoint %d of %s\n", r.Tokens, r.Last,
			r.LastTime.UTC().Format(time.RFC3339))
	} else {
		fmt.Fprintf(&b, "time stamps: %d\n", r.Tokens)
	}
	for _, finding := range r.Findings {
		fmt.Fprintf(&b, "TIMESTAMP DIFFERS: %s\n", finding)
	}
	return b.String()
}

// Verify verifies every token of a file: that its authority is trusted, and that the checkpoint that it stamps is in
// the table as it was, and not later than the token.
func Verify(ctx context.Context, source auditlog.Reader, path string, roots *x509.CertPool) (_ *Report, err error) {
	r := &Report{}
	file, err := os.Open(path) //nolint:gosec // the operator's own path
	if errors.Is(err, fs.ErrNotExist) {
		r.addFinding("there is no file %s", path)
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("file of time stamps: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	reader := bufio.NewReaderSize(file, maxLineBytes)
	for number := 1; ; number++ {
		text, readErr := reader.ReadSlice('\n')
		switch {
		case errors.Is(readErr, io.EOF) && len(text) == 0:
			return r, nil
		case readErr != nil: // cut off by a crash, or too long
			r.addFinding("line %d is not complete", number)
			return r, nil
		}
		if err = r.verifyLine(ctx, source, number, text, roots); err != nil {
			return nil, err
		}
	}
}

// maxClockDifference is how much later than its token a checkpoint may say that it was made.
const maxClockDifference = time.Minute

func (r *Report) verifyLine(ctx context.Context, source auditlog.Reader, number int, text []byte,
	roots *x509.CertPool) error {
	var l line
	if json.Unmarshal(text, &l) != nil || l.Number < 1 {
		r.addFinding("line %d cannot be read", number)
		return nil //nolint:nilerr // it is a finding
	}
	r.Tokens++
	page, err := source.AuditCheckpoints(ctx, l.Number-1, 1)
	if err != nil {
		return err //nolint:wrapcheck // the source says what failed
	}
	if len(page) == 0 || page[0].Number != l.Number {
		r.addFinding("checkpoint %d has a time stamp, and is not in the table", l.Number)
		return nil
	}
	token, refusal := timestamp.Verify(l.Token, page[0].Link(), roots)
	switch {
	case refusal != nil:
		r.addFinding("checkpoint %d: %v", l.Number, refusal)
	case page[0].SealedAt.After(token.Time.Add(token.Accuracy + maxClockDifference)):
		r.addFinding("checkpoint %d says that it is of %s, after its time stamp of %s", l.Number,
			page[0].SealedAt.UTC().Format(time.RFC3339), token.Time.UTC().Format(time.RFC3339))
	case l.Number > r.Last:
		r.Last, r.LastTime = l.Number, token.Time
	}
	return nil
}
