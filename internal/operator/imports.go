package operator

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// The forms of an extract: every entry, or only the changes.
const (
	FormFull  = "full"
	FormDelta = "delta"
)

// Extract is a file to import from an authentic source.
type Extract struct {
	Kind string
	Name string // file name
	// Open opens the file. A commit reads it twice: nothing is written before the whole file is known to be valid.
	Open func() (io.ReadCloser, error)
	Form string     // FormFull, FormDelta, or "": delta for CSV, stated in the header of the XML form
	Day  ident.Date // the day on which entries missing from a full extract end, unless the extract states it
}

// ImportStore stores extracts of the authentic sources and reads what they are compared with.
type ImportStore interface {
	ReadSources(context.Context, func(implants.SourceReader) error) error
	SourceVersions(ctx context.Context, kind string) ([]platform.SourceVersion, error)
	Import(context.Context, implants.Import) error
}

// Importer imports extracts.
type Importer struct {
	Database ImportStore
	Operator Operator
}

// SequenceError reports an XML list that does not follow the last one imported.
type SequenceError struct {
	Given, Last int64
	Delta       bool
}

func (e *SequenceError) Error() string {
	switch {
	case e.Delta && e.Last == 0:
		return fmt.Sprintf("delta %d cannot be loaded: no full list is there yet that it could follow", e.Given)
	case e.Delta:
		return fmt.Sprintf("delta %d cannot be loaded: the last list is %d, so %d must be next", e.Given, e.Last, e.Last+1)
	}
	return fmt.Sprintf("full list %d cannot be loaded: the newer list %d is there", e.Given, e.Last)
}

// ImportReport states what an extract changes.
type ImportReport struct {
	Kind     string
	Form     string
	Sequence int64
	Day      ident.Date
	Rows     int
	New      int
	Changed  int
	// Unchanged counts entries that are already stored as given; Ended those that a full extract omits.
	Unchanged, Ended int
	// Changes are the first maxReportedChanges changes, one line each.
	Changes []string
	Digest  [sha256.Size]byte
}

// DryRun reports what the extract would change, without changing anything.
func (i Importer) DryRun(ctx context.Context, e Extract) (ImportReport, error) {
	r, _, err := i.compareExtract(ctx, e, nil)
	return r, err
}

// Commit applies the changes that DryRun reports, in one transaction.
func (i Importer) Commit(ctx context.Context, e Extract) (ImportReport, error) {
	checked, versions, err := i.compareExtract(ctx, e, nil)
	if err != nil {
		return ImportReport{}, err
	}
	events, err := i.Operator.newEvents(Action{Operation: ActionImport, Detail: checked.summaryLine()})
	if err != nil {
		return ImportReport{}, err
	}
	imported := implants.Import{
		Event: events[0],
		SourceVersion: platform.SourceVersion{
			Kind:     e.Kind,
			Name:     path.Base(e.Name),
			Sequence: checked.Sequence,
			Format:   checked.Form,
			AsOf:     checked.Day,
			Rows:     checked.Rows,
			Digest:   checked.Digest[:],
			LoadedAt: events[0].OccurredAt,
		},
	}
	if len(versions) > 0 {
		imported.ComparedWith = versions[len(versions)-1].ID
	}
	imported.ForEachBatch = func(handle func(implants.SourceEntries) error) error {
		again, _, err := i.compareExtract(ctx, e, handle)
		if err == nil && !slices.Equal(
			[]string{again.summaryLine(), string(again.Digest[:])}, []string{checked.summaryLine(), string(checked.Digest[:])},
		) {
			err = errors.New("the file or the register changed meanwhile: nothing was changed, run it again")
		}
		return err
	}
	return checked, i.Database.Import(ctx, imported)
}

// compareExtract reads the extract and compares it with the stored entries. It passes the changed entries to handle
// unless that is nil.
func (i Importer) compareExtract(
	ctx context.Context, e Extract, handle func(implants.SourceEntries) error,
) (report ImportReport, versions []platform.SourceVersion, err error) {
	k, err := fileKindByName(e.Kind)
	if err != nil {
		return report, nil, err
	}
	file, err := e.Open()
	if err != nil {
		return report, nil, fmt.Errorf("the file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if versions, err = i.Database.SourceVersions(ctx, e.Kind); err != nil {
		return report, nil, err
	}
	report = ImportReport{Kind: e.Kind, Form: e.Form, Day: e.Day}
	var errs fileErrors
	c := newComparison(&errs)
	// Each chunk is compared in its own short read transaction. The import transaction checks again that the source
	// version compared with is still the current one.
	compare := func(f func(implants.SourceReader) error) error {
		readErr := i.Database.ReadSources(ctx, f)
		if changed := c.takeChangedEntries(); readErr == nil && handle != nil {
			readErr = handle(changed)
		}
		return readErr
	}
	handleChunk := func(batch *chunk) error {
		report.Rows += len(batch.lineNumbers)
		if len(errs.errs) > 0 {
			return nil // the import fails anyway; continue only to report further errors
		}
		return compare(func(r implants.SourceReader) error {
			c.stored, c.effectiveDay = r, report.Day
			return k.compare(c, batch)
		})
	}
	hash := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(file, hash), 1<<16)
	if isXML(in) {
		err = report.readDeviceList(k, in, versions, &errs, handleChunk)
	} else {
		err = report.readCSV(k, in, &errs, handleChunk)
	}
	if err == nil {
		err = errs.joinErrors()
	}
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	if err != nil {
		return ImportReport{}, nil, err
	}
	copy(report.Digest[:], hash.Sum(nil))
	for more := report.Form == FormFull; more; {
		err = compare(func(r implants.SourceReader) (err error) {
			c.stored, c.effectiveDay = r, report.Day
			more, err = k.endAbsent(c)
			return err
		})
		if err != nil {
			return ImportReport{}, nil, err
		}
	}
	report.New, report.Changed, report.Unchanged, report.Ended = c.New, c.Changed, c.Unchanged, c.Ended
	report.Changes = c.changeLines
	return report, versions, nil
}

// isXML reports whether the file begins with markup, after a byte order mark and space.
func isXML(in *bufio.Reader) bool {
	begin, _ := in.Peek(64)
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(begin, []byte("\ufeff"))), []byte("<"))
}

func (r *ImportReport) readCSV(k *fileKind, in io.Reader, errs *fileErrors, handle func(*chunk) error) error {
	if r.Form == "" {
		r.Form = FormDelta
	}
	if r.Form == FormFull && !k.canBeFull {
		return fmt.Errorf("a file of %s is never full: an entry that is not in it has not ended", k.name)
	}
	if err := k.readCSV(in, errs, handle); err != nil {
		return err
	}
	return r.rejectEmptyFull()
}

func (r *ImportReport) readDeviceList(
	k *fileKind, in *bufio.Reader, versions []platform.SourceVersion, errs *fileErrors, handle func(*chunk) error,
) error {
	if k.name != deviceKind {
		return fmt.Errorf("%s come as CSV: only devices come in the XML form of the reimbursement list", k.name)
	}
	err := readDeviceList(in, errs, func(h listHeader) error { return r.applyHeader(h, versions) }, handle)
	if err != nil {
		return err
	}
	return r.rejectEmptyFull()
}

// rejectEmptyFull rejects a full extract without entries, which would end every stored entry.
func (r *ImportReport) rejectEmptyFull() error {
	if r.Form == FormFull && r.Rows == 0 {
		return errors.New("a full extract without an entry would end everything")
	}
	return nil
}

// applyHeader takes form, sequence number and day from the list's header, and rejects a list out of sequence.
func (r *ImportReport) applyHeader(h listHeader, versions []platform.SourceVersion) error {
	form := FormFull
	if h.isDelta() {
		form = FormDelta
	}
	if r.Form != "" && r.Form != form {
		return fmt.Errorf("the list says that it is %s, not %s", form, r.Form)
	}
	r.Form, r.Sequence = form, h.sequence
	if !h.modifiedTo.IsZero() {
		r.Day = h.modifiedTo
	}
	var last int64
	for i := range versions {
		if versions[i].Sequence > 0 {
			last = versions[i].Sequence
		}
	}
	if h.isDelta() && (last == 0 || h.sequence != last+1) || h.sequence < last {
		return &SequenceError{Given: h.sequence, Last: last, Delta: h.isDelta()}
	}
	return nil
}

// summaryLine returns the counts as one line of text.
func (r *ImportReport) summaryLine() string {
	sequence := ""
	if r.Sequence > 0 {
		sequence = " " + strconv.FormatInt(r.Sequence, 10)
	}
	return fmt.Sprintf("%s, %s%s of %s: %d read, %d new, %d changed, %d unchanged, %d ended", r.Kind,
		r.Form, sequence, r.Day, r.Rows,
		r.New, r.Changed, r.Unchanged, r.Ended)
}

// Write writes the report as text: a line of counts, then the first changes.
func (r *ImportReport) Write(to io.Writer) error {
	b := bytes.NewBufferString(r.summaryLine() + "\n")
	for _, change := range r.Changes {
		b.WriteString("  " + change + "\n")
	}
	if len(r.Changes) == maxReportedChanges {
		b.WriteString("  …\n")
	}
	_, err := to.Write(b.Bytes())
	return err
}
