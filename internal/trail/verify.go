package trail

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"math"
)

// Reader reads rows and checkpoints in order: up to limit after the given number; 0 is before the first.
type Source interface {
	AuditRows(ctx context.Context, afterSeq int64, limit int) ([]Row, error)
	AuditCheckpoints(ctx context.Context, afterNumber int64, limit int) ([]Checkpoint, error)
}

const pageSize = 2000

// FindingKind is the kind of a finding.
type Kind string

// Kinds of findings.
const (
	RowsChanged       Kind = "rows changed"
	RowsDeleted       Kind = "rows deleted"
	RowsInserted      Kind = "rows inserted"
	CheckpointMissing Kind = "checkpoint missing"
	CheckpointChanged Kind = "checkpoint changed"
	CheckpointForeign Kind = "foreign checkpoint"
	TailCutOff        Kind = "tail cut off"
	AnchorDiffers     Kind = "anchor differs"
	AnchorMissing     Kind = "anchor missing"
)

// Finding is one defect, in plain words.
type Finding struct {
	Kind Kind
	Text string
}

// Report is the result of a verification.
type Report struct {
	Rows        int64 // all rows
	Checkpoints int64
	Anchored    int64 // lines of the anchor file
	Unsealed    int64 // rows after the last checkpoint
	Oldest      string
	Last        *Checkpoint
	Findings    []Finding
	Unsaid      int // number of findings beyond maxFindings
}

// maxFindings bounds the findings of a report.
const maxFindings = 100

func (r *Report) add(kind Kind, format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.Unsaid++
		return
	}
	r.Findings = append(r.Findings, Finding{kind, fmt.Sprintf(format, args...)})
}

// Verify recomputes the whole hash chain from the first row. trusted are the public keys that the verifier knows
// independently; snapshot may be nil, which is a finding if there are checkpoints.
func Verify(ctx context.Context, source Source, trusted []ed25519.PublicKey, snapshot *AnchorFile) (*Report, error) {
	v := &verifier{source: source, trusted: trusted, report: &Report{}, seq: math.MinInt64}
	if err := v.checkpoints(ctx); err != nil {
		return nil, err
	}
	if err := v.rest(ctx); err != nil {
		return nil, err
	}
	switch {
	case snapshot != nil:
		if err := v.anchor(ctx, snapshot); err != nil {
			return nil, err
		}
	case v.report.Checkpoints > 0:
		v.report.add(AnchorMissing, "there is no anchor file: name it with --checkpoints, or a tail that was cut off both tables cannot be found")
	}
	return v.report, nil
}

// verifier makes one pass over the audit log.
type verifier struct {
	source  Source
	trusted []ed25519.PublicKey
	report  *Report

	before *Checkpoint // the previous checkpoint in the table
	good   *Checkpoint // the last unchanged checkpoint with an accepted key
	sound  bool        // previous is valid
	// isKeyTrusted means that the key of lastValid is trusted, or was handed over by a trusted key.
	vouched bool

	page []Row // read but not yet consumed
	seq  int64 // of the last row read
	end  bool  // no more rows
	// head and rows cover the rows consumed since the last valid checkpoint.
	head Hash
	rows int64
}

func (v *verifier) checkpoints(ctx context.Context) error {
	for {
		after := int64(math.MinInt64) // so that no checkpoint with a lower number can hide
		if v.before != nil {
			after = v.before.Number
		}
		page, err := v.source.AuditCheckpoints(ctx, after, pageSize)
		if err != nil {
			return err
		}
		for i := range page {
			if err := v.checkpoint(ctx, &page[i]); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			break
		}
	}
	if v.good != nil && !v.vouched {
		v.report.add(CheckpointForeign, "%s is signed with a key of its own, which is not in the key file (%s) and which no key of it handed over to", name(v.good), v.good.KeyID)
	}
	v.report.Last = v.good
	return nil
}

func (v *verifier) number() int64 {
	if v.before == nil {
		return 0
	}
	return v.before.Number
}

// verifyCheckpoint verifies a checkpoint and, if it is valid, the rows since the last valid one.
func (v *verifier) checkpoint(ctx context.Context, c *Checkpoint) error {
	v.report.Checkpoints++
	expected := v.number() + 1
	isValid := c.isSigned()
	switch {
	case !isValid:
		v.report.add(CheckpointChanged, "%s is not as it was signed: it was changed", name(c))
	case c.Number != expected:
		v.report.add(CheckpointMissing, "%s: deleted from the table", missing(expected, c.Number-1))
	case v.before == nil && c.Previous != (Hash{}):
		v.report.add(CheckpointChanged, "%s says that another one came before", name(c))
	case v.sound && c.Previous != v.before.Link():
		v.report.add(CheckpointChanged, "%s was made after another checkpoint %d than the one that is there: that one was replaced", name(c), v.before.Number)
	}
	if isValid && !v.follows(c) {
		isValid = false
		v.report.add(CheckpointForeign, "%s is signed with a key that is not in the key file (%s), and the key before did not hand over to it: somebody else made it", name(c), c.KeyID)
	}
	v.before, v.sound = c, isValid
	if !isValid {
		return nil
	}
	return v.interval(ctx, c)
}

// hasAcceptedKey reports whether a signed checkpoint's key was entitled to sign it.
func (v *verifier) follows(c *Checkpoint) bool {
	for _, key := range v.trusted {
		if bytes.Equal(key, c.Public) {
			v.vouched = true
			return true
		}
	}
	// A checkpoint of a key that is no longer trusted is vouched for by its successor, which contains its hash.
	return v.good == nil || bytes.Equal(c.Public, v.good.Public) || c.isHandedOver(v.good.Public)
}

// verifyInterval compares the rows since the last valid checkpoint with this one, and continues from this one's head,
// so that one finding does not cause a finding for every later checkpoint.
func (v *verifier) interval(ctx context.Context, c *Checkpoint) error {
	for {
		row, err := v.peek(ctx)
		if err != nil {
			return err
		}
		if row == nil || row.Seq > c.SeqTo {
			break
		}
		v.take(row)
	}
	before := Checkpoint{}
	if v.good != nil {
		before = *v.good
	}
	sealedRows := c.Rows - before.Rows
	switch {
	case v.rows < sealedRows:
		v.report.add(RowsDeleted, "%s: at least %d rows were deleted (%d are there, %d were sealed)", between(v.good, c), sealedRows-v.rows, v.rows, sealedRows)
	case v.rows > sealedRows:
		v.report.add(RowsInserted, "%s: at least %d rows were inserted (%d are there, %d were sealed)", between(v.good, c), v.rows-sealedRows, v.rows, sealedRows)
	case v.head != c.Head:
		v.report.add(RowsChanged, "%s: a row was changed or rows were exchanged (%d are there, as were sealed)", between(v.good, c), v.rows)
	}
	v.good, v.head, v.rows = c, c.Head, 0
	return nil
}

func (v *verifier) peek(ctx context.Context) (*Row, error) {
	if len(v.page) == 0 && !v.end {
		page, err := v.source.AuditRows(ctx, v.seq, pageSize)
		if err != nil {
			return nil, err
		}
		v.page, v.end = page, len(page) == 0
		if !v.end {
			v.seq = page[len(page)-1].Seq
		}
	}
	if len(v.page) == 0 {
		return nil, nil
	}
	return &v.page[0], nil
}

func (v *verifier) take(row *Row) {
	v.head = v.head.Next(row.Hash)
	v.rows++
	v.report.Rows++
	v.page = v.page[1:]
}

// countUnsealedRows counts the rows after the last checkpoint.
func (v *verifier) rest(ctx context.Context) error {
	for {
		row, err := v.peek(ctx)
		if err != nil || row == nil {
			return err
		}
		if v.report.Unsealed == 0 {
			v.report.Oldest = row.At
		}
		v.report.Unsealed++
		v.take(row)
	}
}

// verifyAnchor compares each line of the anchor file with the table.
func (v *verifier) anchor(ctx context.Context, file *AnchorFile) error {
	a := anchored{source: v.source, report: v.report}
	if err := lines(file.content, func(text []byte) error { return a.line(ctx, text) }); err != nil {
		return fmt.Errorf("anchor file: %w", err)
	}
	if a.cut > 0 {
		v.report.add(TailCutOff, "the anchor file has %d checkpoints that the table has not, from %s to %s: the rows that they seal were cut off, or only the checkpoints",
			a.cut, name(a.firstCut), name(a.lastCut))
	}
	if v.report.Anchored == 0 && v.report.Checkpoints > 0 {
		v.report.add(AnchorMissing, "the anchor file is empty and the table has %d checkpoints", v.report.Checkpoints)
	}
	return nil
}

// anchorVerifier makes one pass over the anchor file.
type anchored struct {
	source Source
	report *Report

	page              []Checkpoint // of the table, read in advance
	last              int64        // the number on the previous line
	cut               int64
	firstCut, lastCut *Checkpoint
}

func (a *anchored) line(ctx context.Context, text []byte) error {
	a.report.Anchored++
	c := parseLine(text)
	if c == nil {
		a.report.add(AnchorDiffers, "line %d of the anchor file is not a checkpoint as the service writes it: it was changed", a.report.Anchored)
		a.last++ // the most likely number of that line
		return nil
	}
	if c.Number > a.last+1 { // a new file starts with the first checkpoint
		a.report.add(AnchorDiffers, "the anchor file has lost the lines of %s", missing(a.last+1, c.Number-1))
	}
	a.last = max(a.last, c.Number)
	stored, err := a.kept(ctx, c.Number)
	switch {
	case err != nil:
		return err
	case stored != nil && stored.Link() != c.Link():
		a.report.add(AnchorDiffers, "%s is not the one that the anchor file has (of %s): it was replaced in the table, or changed in the file", name(stored), instant(c.At))
	case stored == nil && c.isSigned():
		if a.cut++; a.cut == 1 {
			a.firstCut = c
		}
		a.lastCut = c
	case stored == nil:
		a.report.add(AnchorDiffers, "line %d of the anchor file is not as it was signed, and the table does not have %s", a.report.Anchored, name(c))
	}
	return nil
}

// parseCheckpointLine returns nil if the line is not a checkpoint.
func parseLine(text []byte) *Checkpoint {
	if c, err := ParseCheckpoint(text); err == nil {
		return &c
	}
	return nil
}

// findCheckpoint returns the checkpoint with this number in the table, or nil.
func (a *anchored) kept(ctx context.Context, number int64) (*Checkpoint, error) {
	if len(a.page) == 0 || number < a.page[0].Number || number > a.page[len(a.page)-1].Number {
		page, err := a.source.AuditCheckpoints(ctx, number-1, pageSize)
		if err != nil {
			return nil, err
		}
		a.page = page
	}
	for len(a.page) > 0 && a.page[0].Number < number {
		a.page = a.page[1:]
	}
	if len(a.page) > 0 && a.page[0].Number == number {
		return &a.page[0], nil
	}
	return nil, nil
}

func name(c *Checkpoint) string { return fmt.Sprintf("checkpoint %d of %s", c.Number, instant(c.At)) }

func missing(from, to int64) string {
	if from >= to {
		return fmt.Sprintf("checkpoint %d", to)
	}
	return fmt.Sprintf("checkpoints %d to %d", from, to)
}

func between(before, c *Checkpoint) string {
	if before == nil {
		return fmt.Sprintf("up to %s (row %d)", name(c), c.SeqTo)
	}
	return fmt.Sprintf("between %s (row %d) and %s (row %d)", name(before), before.SeqTo, name(c), c.SeqTo)
}
