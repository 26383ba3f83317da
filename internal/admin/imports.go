package admin

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

	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// The forms of an extract: all that there is, or only what changes.
const (
	FormFull  = "full"
	FormDelta = "delta"
)

// Extract is a file of an authentic source.
type Extract struct {
	Kind string
	Name string // of the file
	// Open opens the file. A commit reads it twice: nothing is written before all of it was read without a fault.
	Open func() (io.ReadCloser, error)
	Form string     // FormFull or FormDelta; of the published list, which says it itself, also none
	Day  ident.Date // from when on what a full extract leaves out has ended, unless the extract says it
}

// Importer brings extracts in.
type Importer struct {
	Database *store.DB
	Operator Operator
}

// SequenceError is the refusal of a published list that does not follow the last one.
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

// Report says what an extract changes.
type Report struct {
	Kind     string
	Form     string
	Sequence int64
	Day      ident.Date
	Rows     int
	New      int
	Changed  int
	// Unchanged are entries of the extract that are there as they are; Ended those that a full one leaves out.
	Unchanged, Ended int
	// Changes are the first of them, a line each.
	Changes []string
	Digest  [sha256.Size]byte
}

// Check finds out what the extract would change, and changes nothing.
func (i Importer) Check(ctx context.Context, e Extract) (Report, error) {
	r, _, err := i.run(ctx, e, nil)
	return r, err
}

// Commit does what Check tells, all of it or nothing.
func (i Importer) Commit(ctx context.Context, e Extract) (Report, error) {
	checked, versions, err := i.run(ctx, e, nil)
	if err != nil {
		return Report{}, err
	}
	events, err := i.Operator.events(Act{Operation: ActImport, Detail: checked.summary()})
	if err != nil {
		return Report{}, err
	}
	entering := store.Import{Act: events[0], SourceVersion: store.SourceVersion{Kind: e.Kind, Name: path.Base(e.Name), Sequence: checked.Sequence,
		Form: checked.Form, Day: checked.Day, Rows: checked.Rows, Digest: checked.Digest[:], LoadedAt: events[0].At}}
	if len(versions) > 0 {
		entering.After = versions[len(versions)-1].ID
	}
	entering.Entries = func(hand func(store.Sources) error) error {
		again, _, err := i.run(ctx, e, hand)
		if err == nil && !slices.Equal([]string{again.summary(), string(again.Digest[:])}, []string{checked.summary(), string(checked.Digest[:])}) {
			err = errors.New("the file or the register changed meanwhile: nothing was changed, run it again")
		}
		return err
	}
	return checked, i.Database.Import(ctx, entering)
}

// run reads the extract and compares it. It hands over what changes, where that is wanted.
func (i Importer) run(ctx context.Context, e Extract, hand func(store.Sources) error) (report Report, versions []store.SourceVersion, err error) {
	k, err := kindNamed(e.Kind)
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
	report = Report{Kind: e.Kind, Form: e.Form, Day: e.Day}
	var found faults
	c := &comparison{seen: map[string]int{}, faults: &found}
	// Each chunk is compared in a view of its own. None is open for long, and the version that is compared with is looked
	// at again when all is kept.
	compare := func(f func(store.SourceReader) error) error {
		failed := i.Database.Sources(ctx, f)
		if changed := c.take(); failed == nil && hand != nil {
			failed = hand(changed)
		}
		return failed
	}
	chunked := func(some *chunk) error {
		report.Rows += len(some.lines)
		if len(found.all) > 0 {
			return nil // nothing comes of it; only further faults are looked for
		}
		return compare(func(r store.SourceReader) error {
			c.known, c.day = r, report.Day
			return k.compare(c, some)
		})
	}
	hash := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(file, hash), 1<<16)
	if isXML(in) {
		err = report.readList(k, in, versions, &found, chunked)
	} else {
		err = report.readCSV(k, in, &found, chunked)
	}
	if err == nil {
		err = found.err()
	}
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	if err != nil {
		return Report{}, nil, err
	}
	copy(report.Digest[:], hash.Sum(nil))
	for more := report.Form == FormFull; more; {
		err = compare(func(r store.SourceReader) (err error) {
			c.known, c.day = r, report.Day
			more, err = k.absent(c)
			return err
		})
		if err != nil {
			return Report{}, nil, err
		}
	}
	report.New, report.Changed, report.Unchanged, report.Ended, report.Changes = c.New, c.Changed, c.Unchanged, c.Ended, c.told
	return report, versions, nil
}

// isXML looks at the first octets.
func isXML(in *bufio.Reader) bool {
	begin, _ := in.Peek(64)
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(begin, []byte("\ufeff"))), []byte("<"))
}

func (r *Report) readCSV(k *kind, in io.Reader, found *faults, hand func(*chunk) error) error {
	if r.Form == "" {
		r.Form = FormDelta
	}
	if r.Form == FormFull && !k.ends {
		return fmt.Errorf("a file of %s is never full: an entry that is not in it has not ended", k.name)
	}
	if err := k.readCSV(in, found, hand); err != nil {
		return err
	}
	return r.notEmpty()
}

func (r *Report) readList(k *kind, in *bufio.Reader, versions []store.SourceVersion, found *faults, hand func(*chunk) error) error {
	if k.name != deviceKind {
		return fmt.Errorf("%s come as CSV: only the list of devices is published as XML", k.name)
	}
	err := readList(in, found, func(h header) error { return r.follow(h, versions) }, hand)
	if err != nil {
		return err
	}
	return r.notEmpty()
}

// notEmpty refuses what would end everything.
func (r *Report) notEmpty() error {
	if r.Form == FormFull && r.Rows == 0 {
		return errors.New("a full extract without an entry would end everything")
	}
	return nil
}

// follow takes over what the list says of itself.
func (r *Report) follow(h header, versions []store.SourceVersion) error {
	form := FormFull
	if h.delta() {
		form = FormDelta
	}
	if r.Form != "" && r.Form != form {
		return fmt.Errorf("the list says that it is %s, not %s", form, r.Form)
	}
	r.Form, r.Sequence = form, h.sequence
	if !h.to.IsZero() {
		r.Day = h.to
	}
	var last int64
	for i := range versions {
		if versions[i].Sequence > 0 {
			last = versions[i].Sequence
		}
	}
	if h.delta() && (last == 0 || h.sequence != last+1) || h.sequence < last {
		return &SequenceError{Given: h.sequence, Last: last, Delta: h.delta()}
	}
	return nil
}

// summary is the report in one line.
func (r *Report) summary() string {
	sequence := ""
	if r.Sequence > 0 {
		sequence = " " + strconv.FormatInt(r.Sequence, 10)
	}
	return fmt.Sprintf("%s, %s%s of %s: %d read, %d new, %d changed, %d unchanged, %d ended", r.Kind, r.Form, sequence, r.Day, r.Rows,
		r.New, r.Changed, r.Unchanged, r.Ended)
}

// Write tells the report: a line of counts, and the first changes.
func (r *Report) Write(to io.Writer) error {
	b := bytes.NewBufferString(r.summary() + "\n")
	for _, change := range r.Changes {
		b.WriteString("  " + change + "\n")
	}
	if len(r.Changes) == shownChanges {
		b.WriteString("  …\n")
	}
	_, err := to.Write(b.Bytes())
	return err
}
