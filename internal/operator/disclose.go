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

	"github.com/openctr/ctr/internal/platform"
)

// AuditExport exports a part of the audit log.
type AuditExport struct {
	Query  platform.AuditQuery
	Format string // csv or json
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
}

func auditColumns() []string {
	return []string{"seq", "at", "operation", "outcome", "codes", "person", "capacity", "organisation",
		"signer", "patient", "number",
		"reason", "stated_reason", "correlation"}
}

func (d *auditRecord) csvCells() []string {
	return []string{strconv.FormatInt(d.Seq, 10), d.At, d.Operation, d.Outcome, strings.Join(d.Codes, " "),
		d.Person, d.Capacity, d.Organisation,
		d.Signer, d.Patient, d.Number, d.Reason, d.StatedReason, d.Correlation}
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
		write, finish = newCSVWriter(buffered)
	}
	total := 0
	for q := d.Query; ; {
		q.Limit = auditPageSize
		page, err := from.Audit(ctx, q)
		if err != nil {
			return total, err
		}
		for i := range page {
			if err := write(newAuditRecord(&page[i])); err != nil {
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

func newJSONLinesWriter(to io.Writer) (write func(*auditRecord) error, finish func() error) {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	return func(d *auditRecord) error { return encoder.Encode(d) }, func() error { return nil }
}

func newCSVWriter(to io.Writer) (write func(*auditRecord) error, finish func() error) {
	w := csv.NewWriter(to)
	w.Comma = ';'
	head := auditColumns()
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
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
