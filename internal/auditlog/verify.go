package auditlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"math"
	"time"
)

// Reader reads rows and checkpoints in order: up to limit after the given number; 0 is before the first.
type Reader interface {
	AuditRows(ctx context.Context, afterSeq int64, limit int) ([]Row, error)
	AuditCheckpoints(ctx context.Context, afterNumber int64, limit int) ([]Checkpoint, error)
}

const pageSize = 2000

// FindingKind is the kind of a finding.
type FindingKind string

// Kinds of findings.
const (
	RowsChanged       FindingKind = "rows changed"
	RowsDeleted       FindingKind = "rows deleted"
	RowsInserted      FindingKind = "rows inserted"
	CheckpointMissing FindingKind = "checkpoint missing"
	CheckpointChanged FindingKind = "checkpoint changed"
	CheckpointForeign FindingKind = "foreign checkpoint"
	TailTruncated     FindingKind = "tail cut off"
	AnchorDiffers     FindingKind = "anchor differs"
	AnchorMissing     FindingKind = "anchor missing"
	RowsBackdated     FindingKind = "row backdated"
	SealingStalled    FindingKind = "sealing stalled"
	RowLost           FindingKind = "row lost"
)

// Finding is one defect, in plain words.
type Finding struct {
	Kind FindingKind
	Text string
}

// Report is the result of a verification.
type Report struct {
	Rows            int64 // all rows
	Checkpoints     int64
	AnchorLines     int64 // lines of the anchor file
	UnsealedRows    int64 // rows after the last checkpoint
	OldestUnsealed  string
	LastCheckpoint  *Checkpoint
	Findings        []Finding
	OmittedFindings int // number of findings beyond maxFindings
}

// maxFindings bounds the findings of a report.
const maxFindings = 100

func (r *Report) addFinding(kind FindingKind, format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.OmittedFindings++
		return
	}
	r.Findings = append(r.Findings, Finding{kind, fmt.Sprintf(format, args...)})
}

// Verify recomputes the whole hash chain from the first row. trusted are the public keys that the verifier knows
// independently; snapshot may be nil, which is a finding if there are checkpoints.
func Verify(
	ctx context.Context, source Reader, trusted []ed25519.PublicKey, snapshot *AnchorSnapshot,
) (*Report, error) {
	v := &verifier{reader: source, trustedKeys: trusted, report: &Report{}, lastSeq: math.MinInt64}
	if snapshot != nil {
		v.journal = snapshot.journal
	}
	if err := v.verifyCheckpoints(ctx); err != nil {
		return nil, err
	}
	if err := v.countUnsealedRows(ctx); err != nil {
		return nil, err
	}
	for entry := range v.journal {
		v.report.addFinding(RowLost, "the service committed a row with the correlation id %s, which is not there as it "+
			"was: it was changed or deleted before a checkpoint covered it, or the database was restored", entry.Correlation)
	}
	switch {
	case snapshot != nil:
		if err := v.verifyAnchor(ctx, snapshot); err != nil {
			return nil, err
		}
	case v.report.Checkpoints > 0:
		v.report.addFinding(
			AnchorMissing,
			"there is no anchor file: name it with --checkpoints, or a tail that was cut off both tables cannot be found",
		)
	}
	return v.report, nil
}

// verifier makes one pass over the audit log.
type verifier struct {
	reader      Reader
	trustedKeys []ed25519.PublicKey
	report      *Report
	journal     map[JournalEntry]bool // rows of the journal that were not read yet

	previous        *Checkpoint // the previous checkpoint in the table
	lastValid       *Checkpoint // the last unchanged checkpoint with an accepted key
	previousIsValid bool        // previous is valid
	// isKeyTrusted means that the key of lastValid is trusted, or was handed over by a trusted key.
	isKeyTrusted bool

	page    []Row // read but not yet consumed
	lastSeq int64 // of the last row read
	isAtEnd bool  // no more rows
	// head and rows cover the rows consumed since the last valid checkpoint.
	head Hash
	rows int64
}

func (v *verifier) verifyCheckpoints(ctx context.Context) error {
	for {
		after := int64(math.MinInt64) // so that no checkpoint with a lower number can hide
		if v.previous != nil {
			after = v.previous.Number
		}
		page, err := v.reader.AuditCheckpoints(ctx, after, pageSize)
		if err != nil {
			return err
		}
		for i := range page {
			if err := v.verifyCheckpoint(ctx, &page[i]); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			break
		}
	}
	if v.lastValid != nil && !v.isKeyTrusted {
		v.report.addFinding(
			CheckpointForeign,
			"%s is signed with a key of its own, which is not in the key file (%s) and which no key of it handed over to",
			describeCheckpoint(v.lastValid), v.lastValid.KeyID,
		)
	}
	v.report.LastCheckpoint = v.lastValid
	return nil
}

func (v *verifier) previousNumber() int64 {
	if v.previous == nil {
		return 0
	}
	return v.previous.Number
}

// verifyCheckpoint verifies a checkpoint and, if it is valid, the rows since the last valid one.
func (v *verifier) verifyCheckpoint(ctx context.Context, c *Checkpoint) error {
	v.report.Checkpoints++
	expected := v.previousNumber() + 1
	isValid := c.hasValidSignature()
	switch {
	case !isValid:
		v.report.addFinding(CheckpointChanged, "%s is not as it was signed: it was changed", describeCheckpoint(c))
	case c.Number != expected:
		v.report.addFinding(CheckpointMissing, "%s: deleted from the table", describeMissing(expected, c.Number-1))
	case v.previous == nil && c.PreviousLink != (Hash{}):
		v.report.addFinding(CheckpointChanged, "%s says that another one came before", describeCheckpoint(c))
	case v.previousIsValid && c.PreviousLink != v.previous.Link():
		v.report.addFinding(
			CheckpointChanged, "%s was made after another checkpoint %d than the one that is there: that one was replaced",
			describeCheckpoint(c), v.previous.Number,
		)
	}
	if isValid && !v.hasAcceptedKey(c) {
		isValid = false
		v.report.addFinding(
			CheckpointForeign,
			"%s is signed with a key that is not in the key file (%s), and the key before did not hand over to it: somebody "+
				"else made it",
			describeCheckpoint(c), c.KeyID,
		)
	}
	v.previous, v.previousIsValid = c, isValid
	if !isValid {
		return nil
	}
	return v.verifyInterval(ctx, c)
}

// hasAcceptedKey reports whether a signed checkpoint's key was entitled to sign it.
func (v *verifier) hasAcceptedKey(c *Checkpoint) bool {
	for _, key := range v.trustedKeys {
		if bytes.Equal(key, c.PublicKey) {
			v.isKeyTrusted = true
			return true
		}
	}
	// A checkpoint of a key that is no longer trusted is vouched for by its successor, which contains its hash.
	return v.lastValid == nil || bytes.Equal(c.PublicKey, v.lastValid.PublicKey) || c.isHandedOverBy(v.lastValid.PublicKey)
}

// verifyInterval compares the rows since the last valid checkpoint with this one, and continues from this one's head,
// so that one finding does not cause a finding for every later checkpoint.
func (v *verifier) verifyInterval(ctx context.Context, c *Checkpoint) error {
	for {
		row, err := v.peekRow(ctx)
		if err != nil {
			return err
		}
		if row == nil || row.Seq > c.LastSeq {
			break
		}
		v.checkTime(row, c)
		v.consumeRow(row)
	}
	before := Checkpoint{}
	if v.lastValid != nil {
		before = *v.lastValid
	}
	sealedRows := c.RowCount - before.RowCount
	switch {
	case v.rows < sealedRows:
		v.report.addFinding(
			RowsDeleted, "%s: at least %d rows were deleted (%d are there, %d were sealed)", describeInterval(v.lastValid, c),
			sealedRows-v.rows, v.rows, sealedRows,
		)
	case v.rows > sealedRows:
		v.report.addFinding(
			RowsInserted, "%s: at least %d rows were inserted (%d are there, %d were sealed)", describeInterval(v.lastValid, c),
			v.rows-sealedRows, v.rows, sealedRows,
		)
	case v.head != c.Head:
		v.report.addFinding(
			RowsChanged, "%s: a row was changed or rows were exchanged (%d are there, as were sealed)",
			describeInterval(v.lastValid, c), v.rows,
		)
	}
	v.lastValid, v.head, v.rows = c, c.Head, 0
	return nil
}

// maxClockDifference bounds how much the clocks that stamped a row and its checkpoints may differ.
const maxClockDifference = time.Minute

// checkTime checks that a row is from the time between the checkpoints before and after it: a row that somebody inserts
// later, with an earlier time, is sealed like any other. next is nil while there is none.
func (v *verifier) checkTime(row *Row, next *Checkpoint) {
	at, err := time.Parse(TimestampLayout, row.Timestamp)
	switch {
	case err != nil: // the hash shows it
	case v.lastValid != nil && at.Before(v.lastValid.SealedAt.Add(-maxClockDifference)):
		v.report.addFinding(RowsBackdated, "row %d says that it is of %s, and came after %s: it was inserted later, or the "+
			"clock was set back", row.Seq, row.Timestamp, describeCheckpoint(v.lastValid))
	case next != nil && at.After(next.SealedAt.Add(maxClockDifference)):
		v.report.addFinding(RowsBackdated, "row %d says that it is of %s, and was there before %s: its time is in the future",
			row.Seq, row.Timestamp, describeCheckpoint(next))
	}
}

// maxSealingDelay is the time within which a running service seals a row.
const maxSealingDelay = 5 * time.Second

// CheckSealing adds a finding if rows have waited too long to be sealed. Nobody would notice a change of such rows.
func (r *Report) CheckSealing(now time.Time) {
	oldest, err := time.Parse(TimestampLayout, r.OldestUnsealed)
	if r.UnsealedRows == 0 || err == nil && now.Sub(oldest) <= maxSealingDelay {
		return
	}
	r.addFinding(SealingStalled, "%d rows are not sealed, the oldest of %s: no service runs, or a transaction that stays "+
		"open keeps it from sealing; who changes these rows leaves no trace", r.UnsealedRows, r.OldestUnsealed)
}

func (v *verifier) peekRow(ctx context.Context) (*Row, error) {
	if len(v.page) == 0 && !v.isAtEnd {
		page, err := v.reader.AuditRows(ctx, v.lastSeq, pageSize)
		if err != nil {
			return nil, err
		}
		v.page, v.isAtEnd = page, len(page) == 0
		if !v.isAtEnd {
			v.lastSeq = page[len(page)-1].Seq
		}
	}
	if len(v.page) == 0 {
		return nil, nil
	}
	return &v.page[0], nil
}

func (v *verifier) consumeRow(row *Row) {
	delete(v.journal, row.journalEntry())
	v.head = v.head.Next(row.Hash)
	v.rows++
	v.report.Rows++
	v.page = v.page[1:]
}

// countUnsealedRows counts the rows after the last checkpoint.
func (v *verifier) countUnsealedRows(ctx context.Context) error {
	for {
		row, err := v.peekRow(ctx)
		if err != nil || row == nil {
			return err
		}
		if v.report.UnsealedRows == 0 {
			v.report.OldestUnsealed = row.Timestamp
		}
		v.report.UnsealedRows++
		v.checkTime(row, nil)
		v.consumeRow(row)
	}
}

// verifyAnchor compares each line of the anchor file with the table.
func (v *verifier) verifyAnchor(ctx context.Context, file *AnchorSnapshot) error {
	a := anchorVerifier{reader: v.reader, report: v.report}
	if err := forEachLine(file.content, func(text []byte) error { return a.verifyLine(ctx, text) }); err != nil {
		return fmt.Errorf("anchor file: %w", err)
	}
	if a.missingCount > 0 {
		v.report.addFinding(TailTruncated, "the anchor file has %d checkpoints that the table has not, from %s to %s: the "+
			"rows that they seal were cut off, or only the checkpoints",
			a.missingCount, describeCheckpoint(a.firstMissing), describeCheckpoint(a.lastMissing))
	}
	if v.report.AnchorLines == 0 && v.report.Checkpoints > 0 {
		v.report.addFinding(AnchorMissing, "the anchor file is empty and the table has %d checkpoints", v.report.Checkpoints)
	}
	return nil
}

// anchorVerifier makes one pass over the anchor file.
type anchorVerifier struct {
	reader Reader
	report *Report

	page                      []Checkpoint // of the table, read in advance
	lastNumber                int64        // the number on the previous line
	missingCount              int64
	firstMissing, lastMissing *Checkpoint
}

func (a *anchorVerifier) verifyLine(ctx context.Context, text []byte) error {
	a.report.AnchorLines++
	c := parseCheckpointLine(text)
	if c == nil {
		a.report.addFinding(
			AnchorDiffers, "line %d of the anchor file is not a checkpoint as the service writes it: it was changed",
			a.report.AnchorLines,
		)
		a.lastNumber++ // the most likely number of that line
		return nil
	}
	if c.Number > a.lastNumber+1 { // a new file starts with the first checkpoint
		a.report.addFinding(
			AnchorDiffers, "the anchor file has lost the lines of %s", describeMissing(a.lastNumber+1, c.Number-1),
		)
	}
	a.lastNumber = max(a.lastNumber, c.Number)
	stored, err := a.findCheckpoint(ctx, c.Number)
	switch {
	case err != nil:
		return err
	case stored != nil && stored.Link() != c.Link():
		a.report.addFinding(
			AnchorDiffers,
			"%s is not the one that the anchor file has (of %s): it was replaced in the table, or changed in the file",
			describeCheckpoint(stored), formatTimestamp(c.SealedAt),
		)
	case stored == nil && c.hasValidSignature():
		if a.missingCount++; a.missingCount == 1 {
			a.firstMissing = c
		}
		a.lastMissing = c
	case stored == nil:
		a.report.addFinding(
			AnchorDiffers, "line %d of the anchor file is not as it was signed, and the table does not have %s",
			a.report.AnchorLines, describeCheckpoint(c),
		)
	}
	return nil
}

// parseCheckpointLine returns nil if the line is not a checkpoint.
func parseCheckpointLine(text []byte) *Checkpoint {
	if c, err := ParseCheckpoint(text); err == nil {
		return &c
	}
	return nil
}

// findCheckpoint returns the checkpoint with this number in the table, or nil.
func (a *anchorVerifier) findCheckpoint(ctx context.Context, number int64) (*Checkpoint, error) {
	if len(a.page) == 0 || number < a.page[0].Number || number > a.page[len(a.page)-1].Number {
		page, err := a.reader.AuditCheckpoints(ctx, number-1, pageSize)
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

func describeCheckpoint(c *Checkpoint) string {
	return fmt.Sprintf("checkpoint %d of %s", c.Number, formatTimestamp(c.SealedAt))
}

func describeMissing(from, to int64) string {
	if from >= to {
		return fmt.Sprintf("checkpoint %d", to)
	}
	return fmt.Sprintf("checkpoints %d to %d", from, to)
}

func describeInterval(before, c *Checkpoint) string {
	if before == nil {
		return fmt.Sprintf("up to %s (row %d)", describeCheckpoint(c), c.LastSeq)
	}
	return fmt.Sprintf(
		"between %s (row %d) and %s (row %d)", describeCheckpoint(before), before.LastSeq, describeCheckpoint(c), c.LastSeq,
	)
}
