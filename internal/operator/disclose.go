package operator

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/platform"
)

// AuditExport exports a part of the audit log.
type AuditExport struct {
	Query  platform.AuditQuery
	Format string // csv or json
	// Review adds to each event what the operator reviews about it; nil adds nothing.
	Review func(context.Context, []platform.AuditEntry) ([]platform.OwnSurgeryReview, error)
}

// AuditReader reads the audit log.
type AuditReader interface {
	Audit(context.Context, platform.AuditQuery) ([]platform.AuditEntry, error)
}

// auditPageSize is the number of events read at once; it bounds memory.
const auditPageSize = 1000

// auditRecord is an exported audit event. The JSON names are also the CSV columns.
type auditRecord struct {
	Seq          int64    `json:"seq"`
	At           string   `json:"at"`
	Operation    string   `json:"operation"`
	Outcome      string   `json:"outcome"`
	Codes        []string `json:"codes"`
	Person       string   `json:"person"`
	Capacity     string   `json:"capacity"`
	Organisation string   `json:"organisation"`
	Signer       string   `json:"signer"`
	Patient      string   `json:"patient"`
	Number       string   `json:"number"`
	Reason       string   `json:"reason"`
	StatedReason string   `json:"stated_reason"`
	Correlation  string   `json:"correlation"`
	*reviewRecord
}

// reviewRecord is what is exported of the review of a read that only an own operation opened.
type reviewRecord struct {
	MinutesSince    *int64 `json:"minutes_since_registration"` // nil when no notification is found
	Later           string `json:"later"`
	PatientsThatDay int    `json:"patients_that_day"`
}

func reviewColumns() []string {
	return []string{"minutes_since_registration", "later", "patients_that_day"}
}

func (r *reviewRecord) csvCells() []string {
	minutes := ""
	if r.MinutesSince != nil {
		minutes = strconv.FormatInt(*r.MinutesSince, 10)
	}
	return []string{minutes, r.Later, strconv.Itoa(r.PatientsThatDay)}
}

func newReviewRecord(read *platform.AuditEntry, r platform.OwnSurgeryReview) *reviewRecord {
	d := &reviewRecord{PatientsThatDay: r.PatientsThatDay}
	if !r.OpenSince.IsZero() {
		minutes := int64(read.Event.OccurredAt.Sub(r.OpenSince) / time.Minute)
		d.MinutesSince = &minutes
	}
	var later []string
	if r.IsMovedLater {
		later = append(later, "other patient")
	}
	if r.IsWithdrawnLater {
		later = append(later, "withdrawn")
	}
	d.Later = strings.Join(later, ", ")
	return d
}

func auditColumns() []string {
	return []string{"seq", "at", "operation", "outcome", "codes", "person", "capacity", "organisation",
		"signer", "patient", "number",
		"reason", "stated_reason", "correlation"}
}

func (d *auditRecord) csvCells() []string {
	cells := []string{strconv.FormatInt(d.Seq, 10), d.At, d.Operation, d.Outcome, strings.Join(d.Codes, " "),
		d.Person, d.Capacity, d.Organisation,
		d.Signer, d.Patient, d.Number, d.Reason, d.StatedReason, d.Correlation}
	if d.reviewRecord != nil {
		cells = append(cells, d.reviewRecord.csvCells()...)
	}
	return cells
}

func newAuditRecord(e *platform.AuditEntry) *auditRecord {
	d := &auditRecord{
		Seq:          e.Seq,
		At:           e.Event.OccurredAt.UTC().Format(time.RFC3339Nano),
		Operation:    e.Event.Operation,
		Outcome:      string(e.Event.Outcome),
		Codes:        []string{},
		Person:       platform.FormatPseudonym(e.PersonPseudonym),
		Capacity:     string(e.Event.Capacity),
		Organisation: e.Event.Organisation.Digits(),
		Signer:       e.Event.Signer,
		Patient:      platform.FormatPseudonym(e.PatientPseudonym),
		Number:       e.Event.Number.Digits(),
		Reason:       e.Event.Reason,
		StatedReason: e.Event.EmergencyReason,
		Correlation:  e.Event.Correlation,
	}
	if !e.Event.Person.IsZero() {
		d.Person = e.Event.Person.Digits()
	}
	if !e.Event.Patient.IsZero() {
		d.Patient = e.Event.Patient.Digits()
	}
	for _, code := range e.Event.Codes {
		d.Codes = append(d.Codes, string(code))
	}
	return d
}

// Write exports the events in order and returns their number. CSV has the format of the import files (semicolons, one
// header line); JSON has one object per line.
func (d AuditExport) Write(ctx context.Context, from AuditReader, to io.Writer) (int, error) {
	buffered := bufio.NewWriter(to)
	write, finish := newJSONLinesWriter(buffered)
	if d.Format == "csv" {
		columns := auditColumns()
		if d.Review != nil {
			columns = append(columns, reviewColumns()...)
		}
		write, finish = newCSVWriter(buffered, columns)
	}
	total := 0
	for q := d.Query; ; {
		q.Limit = auditPageSize
		page, err := from.Audit(ctx, q)
		if err != nil {
			return total, err
		}
		records, err := d.newRecords(ctx, page)
		if err != nil {
			return total, err
		}
		for _, record := range records {
			if err := write(record); err != nil {
				return total, fmt.Errorf("write: %w", err)
			}
			total++
		}
		if len(page) < auditPageSize {
			break
		}
		q.AfterSeq = page[len(page)-1].Seq
	}
	err := finish()
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return total, fmt.Errorf("write: %w", err)
	}
	return total, nil
}

// newRecords converts a page of events, with their reviews if any.
func (d AuditExport) newRecords(ctx context.Context, page []platform.AuditEntry) ([]*auditRecord, error) {
	var reviews []platform.OwnSurgeryReview
	if d.Review != nil {
		var err error
		if reviews, err = d.Review(ctx, page); err != nil {
			return nil, err
		}
	}
	records := make([]*auditRecord, len(page))
	for i := range page {
		records[i] = newAuditRecord(&page[i])
		if d.Review != nil {
			records[i].reviewRecord = newReviewRecord(&page[i], reviews[i])
		}
	}
	return records, nil
}

func newJSONLinesWriter(to io.Writer) (write func(*auditRecord) error, finish func() error) {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	return func(d *auditRecord) error { return encoder.Encode(d) }, func() error { return nil }
}

func newCSVWriter(to io.Writer, head []string) (write func(*auditRecord) error, finish func() error) {
	w := csv.NewWriter(to)
	w.Comma = ';'
	write = func(d *auditRecord) error {
		if head != nil {
			if err := w.Write(head); err != nil {
				return err
			}
			head = nil
		}
		cells := d.csvCells()
		for i, cell := range cells {
			cells[i] = escapeFormula(cell)
		}
		return w.Write(cells)
	}
	return write, func() error {
		if head != nil {
			if err := w.Write(head); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	}
}

// escapeFormula prevents a spreadsheet from evaluating text that a caller wrote (CSV injection).
func escapeFormula(cell string) string {
	if first, _ := utf8.DecodeRuneInString(cell); cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + cell // some spreadsheets also take the wide forms
	}
	return cell
}
