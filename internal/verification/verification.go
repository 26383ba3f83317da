// Package verification finds whatever was changed in the register beside the program: it recomputes every stored
// version from the signed message that made it, and compares both with the audit log, which commits to them.
//
// It is separate from the audit log's own verification, which knows no register, and from the store, which knows no
// messages. It reads in pages and in constant memory, so that it can run beside the service. docs/audit.md describes
// what it compares.
package verification

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// Store reads the register as it is stored.
type Store interface {
	// LastVersion and LastEvent return sequence numbers below which nothing can appear any more.
	LastVersion(ctx context.Context) (int64, error)
	LastEvent(ctx context.Context) (int64, error)
	StoredVersions(ctx context.Context, after int64, limit int) ([]implants.StoredVersion, error)
	StoredVersion(ctx context.Context, reference string, version int) (implants.StoredVersion, bool, error)
	AcceptedEvents(ctx context.Context, operations []string, after, last int64) ([]platform.RecordedEvent, error)
	StrayRows(ctx context.Context) ([]implants.StrayRow, error)
	IsSamePerson(ctx context.Context, one, other ident.SSIN) (bool, error)
	// VerifyRights returns what is not as it was written in the tables that give rights, and the number of their rows.
	VerifyRights(ctx context.Context) ([]platform.RightsFinding, int64, error)
	// LastVersionBefore and LastEventBefore return sequence numbers after which is whatever was stored since a time.
	LastVersionBefore(ctx context.Context, at time.Time) (int64, error)
	LastEventBefore(ctx context.Context, at time.Time) (int64, error)
}

// Finding is a row that is not what the register stored.
type Finding struct {
	Table     string
	Column    string // empty if it is not known, or the whole row
	Row       string // of a table that gives rights: the columns that name it
	Reference string // of the notification; empty for a row of the audit log
	Version   int
	Seq       int64 // of the row of the audit log; 0 if the finding is about another table
	Text      string
}

// String returns the place and the text of the finding.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Table)
	if f.Column != "" {
		b.WriteString("." + f.Column)
	}
	if f.Row != "" {
		b.WriteString(", " + f.Row)
	}
	if f.Reference != "" {
		fmt.Fprintf(&b, ", notification %s, version %d", f.Reference, f.Version)
	}
	if f.Seq != 0 {
		fmt.Fprintf(&b, ", row %d", f.Seq)
	}
	return b.String() + ": " + f.Text
}

// Report is the result of a verification.
type Report struct {
	Versions int64
	Events   int64 // of the audit log that stored a version
	// Uncommitted counts events from before the audit log committed to what a request stored: of these versions, only what
	// their messages say is verified.
	Uncommitted int64
	Rights      int64     // rows that give rights
	Since       time.Time // what was registered before was left out; zero for nothing
	Findings    []Finding
	Omitted     int // findings beyond maxFindings
}

const maxFindings = 1000

func (r *Report) add(f Finding) {
	if len(r.Findings) == maxFindings {
		r.Omitted++
		return
	}
	r.Findings = append(r.Findings, f)
}

// Count returns the number of all findings.
func (r *Report) Count() int { return len(r.Findings) + r.Omitted }

// Text returns the report as text for an operator.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "versions: %d, requests in the audit log that stored one: %d, rows that give rights: %d\n", r.Versions,
		r.Events, r.Rights)
	if !r.Since.IsZero() {
		fmt.Fprintf(&b, "since: %s\n", r.Since.UTC().Format(time.RFC3339))
	}
	if r.Uncommitted > 0 {
		fmt.Fprintf(&b, "from before the audit log committed to versions: %d\n", r.Uncommitted)
	}
	for _, finding := range r.Findings {
		fmt.Fprintf(&b, "CHANGED: %s\n", finding)
	}
	switch {
	case r.Omitted > 0:
		fmt.Fprintf(&b, "and %d findings more\n", r.Omitted)
	case len(r.Findings) == 0:
		b.WriteString("every version is what its message says and what the audit log has, and every right is sealed\n")
	}
	return b.String()
}

// Pause is called after each page of work, with the time that it took. It may wait, so that requests are served.
type Pause func(ctx context.Context, worked time.Duration) error

// PauseFor returns a Pause that waits a multiple of the time that the work took.
func PauseFor(multiple int) Pause {
	return func(ctx context.Context, worked time.Duration) error {
		timer := time.NewTimer(min(time.Duration(multiple)*worked, maxPause))
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // the caller's own
		case <-timer.C:
			return nil
		}
	}
}

const maxPause = 10 * time.Second

// pageSize bounds the versions in memory, and how long requests may have to share the processors before a pause;
// eventRange is the range of the audit log that is read at once.
const (
	pageSize   = 100
	eventRange = 2000
)

// operations are those whose accepted requests store a version.
var operations = []string{"NotifyImplant", "NotifyExplant", "ReviseNotification", "ValidateNotification",
	"DiscardNotification"}

// Options say what a verification verifies, and how fast.
type Options struct {
	Now   func() time.Time
	Pause Pause // nil for none
	// Since leaves out what was registered before; zero for nothing. Rights are always verified.
	Since time.Time
	// Workers is how many messages are verified at once; 1 if zero.
	Workers int
}

// Verify verifies the register as it was at the start. Its own audit log is verified by package auditlog.
func Verify(ctx context.Context, store Store, o Options) (*Report, error) {
	lastVersion, err := store.LastVersion(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // the store says what failed
	}
	lastEvent, err := store.LastEvent(ctx) // after the versions: the event of a version is never later
	if err != nil {
		return nil, err //nolint:wrapcheck // the store says what failed
	}
	v := &verifier{store: store, report: &Report{Since: o.Since}, lastEvent: lastEvent, matcher: newMatcher(o.Since),
		reader: newEvidenceReader(o.Workers)}
	if err = v.skipBefore(ctx, o.Since); err != nil {
		return nil, err
	}
	for begin := o.Now(); ; begin = o.Now() {
		more, err := v.verifyPage(ctx, lastVersion)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if o.Pause != nil {
			if err := o.Pause(ctx, o.Now().Sub(begin)); err != nil {
				return nil, err
			}
		}
	}
	if err := v.finish(ctx); err != nil {
		return nil, err
	}
	return v.report, nil
}

type verifier struct {
	store     Store
	reader    *evidenceReader
	report    *Report
	matcher   *matcher
	lastEvent int64
	// afterVersion and afterEvent are the last sequence numbers read.
	afterVersion, afterEvent int64
}

// skipBefore begins with what was stored since a time. A version is stored up to a minute before its event, so it
// begins a little earlier; what was registered before and finds no counterpart is left out.
func (v *verifier) skipBefore(ctx context.Context, since time.Time) (err error) {
	if since.IsZero() {
		return nil
	}
	if v.afterVersion, err = v.store.LastVersionBefore(ctx, since.Add(-2*maxEventDelay)); err != nil {
		return err //nolint:wrapcheck // the store says what failed
	}
	v.afterEvent, err = v.store.LastEventBefore(ctx, since.Add(-2*maxEventDelay))
	return err //nolint:wrapcheck // the store says what failed
}

// verifyPage verifies the next versions, and reads the audit log up to their time.
func (v *verifier) verifyPage(ctx context.Context, lastVersion int64) (more bool, err error) {
	page, err := v.store.StoredVersions(ctx, v.afterVersion, pageSize)
	if err != nil {
		return false, err //nolint:wrapcheck // the store says what failed
	}
	for i := range page {
		if page[i].Seq > lastVersion {
			page = page[:i]
			break
		}
	}
	read := v.reader.readAll(page)
	for i := range page {
		v.afterVersion = page[i].Seq
		if err = v.verifyVersion(ctx, &page[i], read[i]); err != nil {
			return false, err
		}
	}
	var until time.Time
	if len(page) > 0 {
		until = page[len(page)-1].Notification.RegisteredAt.Add(maxEventDelay)
	}
	return len(page) > 0, v.readEvents(ctx, until)
}

// readEvents reads the audit log up to an instant, or to the end.
func (v *verifier) readEvents(ctx context.Context, until time.Time) error {
	for v.afterEvent < v.lastEvent {
		to := min(v.afterEvent+eventRange, v.lastEvent)
		events, err := v.store.AcceptedEvents(ctx, operations, v.afterEvent, to)
		if err != nil {
			return err //nolint:wrapcheck // the store says what failed
		}
		v.afterEvent = to
		for i := range events {
			v.addEvent(&events[i])
		}
		if n := len(events); n > 0 && !until.IsZero() && events[n-1].OccurredAt.After(until) {
			return nil
		}
	}
	return nil
}

func (v *verifier) addEvent(e *platform.RecordedEvent) {
	if e.Operation == "" {
		v.report.add(Finding{Table: "audit", Seq: e.Seq, Text: "the row cannot be read"})
		return
	}
	if e.Reason == repeatedReason {
		return
	}
	v.report.Events++
	if e.Stored == (platform.StoredDigests{}) {
		v.report.Uncommitted++
	}
	v.matcher.addEvent(e)
}

// repeatedReason is the reason of an accepted request that stored nothing, because it was a repetition.
const repeatedReason = "repeated InputReference"

// finish reports what has no counterpart.
func (v *verifier) finish(ctx context.Context) error {
	// Events may belong to versions that were stored since the start.
	for v.matcher.hasEvents() {
		page, err := v.store.StoredVersions(ctx, v.afterVersion, pageSize)
		if err != nil {
			return err //nolint:wrapcheck // the store says what failed
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			v.afterVersion = page[i].Seq
			v.matcher.addLaterVersion(&page[i])
		}
	}
	v.matcher.reportWaiting(v.report)
	rights, rows, err := v.store.VerifyRights(ctx)
	if err != nil {
		return err //nolint:wrapcheck // the store says what failed
	}
	v.report.Rights = rows
	for _, finding := range rights {
		v.report.add(Finding{Table: finding.Table, Row: finding.Row, Text: finding.Text})
	}
	stray, err := v.store.StrayRows(ctx)
	if err != nil {
		return err //nolint:wrapcheck // the store says what failed
	}
	for _, row := range stray {
		v.report.add(Finding{Table: row.Table, Reference: row.Reference, Version: row.Version,
			Text: "the row belongs to no version"})
	}
	return nil
}

// verifyVersion verifies a version by itself, against the version before it and against its message.
func (v *verifier) verifyVersion(ctx context.Context, s *implants.StoredVersion, read readEvidence) error {
	v.report.Versions++
	before := len(v.report.Findings) + v.report.Omitted
	for _, defect := range s.Defects {
		v.report.add(Finding{Table: defect.Table, Column: defect.Column, Reference: s.Notification.Reference,
			Version: s.Notification.Version, Text: defect.Detail})
	}
	if s.Digest == ([32]byte{}) { // it could not be read
		return nil
	}
	var previous *implants.StoredVersion
	if s.Notification.Version > 1 {
		found, ok, err := v.store.StoredVersion(ctx, s.Notification.Reference, s.Notification.Version-1)
		if err != nil {
			return err //nolint:wrapcheck // the store says what failed
		}
		switch {
		case !ok:
			v.report.add(Finding{Table: "notification", Reference: s.Notification.Reference,
				Version: s.Notification.Version - 1, Text: "the version before another one is missing"})
		case found.Digest == ([32]byte{}): // reported by itself
			v.matcher.addVersion(s, false)
			return nil
		default:
			previous = &found
		}
	}
	c := comparison{store: v.store, report: v.report, stored: s, previous: previous, read: read}
	if err := c.compare(ctx); err != nil {
		return err
	}
	v.matcher.addVersion(s, len(v.report.Findings)+v.report.Omitted > before)
	return nil
}
