package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// RecallStore traces recalls and marks devices recalled.
type RecallStore interface {
	Recall(context.Context, implants.RecallQuery) (*implants.RecallResult, error)
	MarkRecalled(ctx context.Context, code ident.NotificationCode, on ident.Date, e platform.AuditEvent) (bool, error)
}

// RecallTrace traces a recall and exports the result.
type RecallTrace struct {
	Query  implants.RecallQuery
	Reason string // for naming the patients, who stay pseudonymous without it; see CheckRevealReason
	Format string // table, csv or json
}

// The length of a reason to name patients, in characters: the same limits as for an emergency reason.
const (
	minRevealReason = 10
	maxRevealReason = 200
)

// CheckRevealReason rejects a reason for naming patients that is too short, too long or not UTF-8.
func CheckRevealReason(reason string) error {
	if n := utf8.RuneCountInString(strings.TrimSpace(reason)); n < minRevealReason || n > maxRevealReason ||
		!utf8.ValidString(reason) {
		return fmt.Errorf(
			"state the reason to name patients in %d to %d characters: it is kept in the audit trail", minRevealReason,
			maxRevealReason,
		)
	}
	return nil
}

// Trace traces the recall and records the action before it returns the result: nothing unrecorded is disclosed. It
// names patients only when a reason is given, and then records one event about each of them.
func (t RecallTrace) Trace(ctx context.Context, from RecallStore, by Operator) (*implants.RecallResult, error) {
	q := t.Query
	if q.RevealPatients = t.Reason != ""; q.RevealPatients {
		if err := CheckRevealReason(t.Reason); err != nil {
			return nil, err
		}
	}
	recall, err := from.Recall(ctx, q)
	if err != nil {
		return nil, err
	}
	acts := []Action{{Operation: ActionRecall, Detail: describeRecallQuery(&q)}}
	if q.RevealPatients {
		seen := make(map[ident.SSIN]bool)
		for i := range recall.Lines {
			if patient := recall.Lines[i].RevealedPatient.SSIN; !seen[patient] {
				seen[patient] = true
				acts = append(
					acts,
					Action{Operation: ActionReveal, Detail: acts[0].Detail, Reason: strings.TrimSpace(t.Reason), Patient: patient},
				)
			}
		}
	}
	if err = by.RecordActions(ctx, acts...); err != nil {
		return nil, err
	}
	return recall, nil
}

// Write traces the recall and exports the result.
func (t RecallTrace) Write(
	ctx context.Context, from RecallStore, by Operator, to io.Writer,
) (*implants.RecallResult, error) {
	recall, err := t.Trace(ctx, from, by)
	if err != nil {
		return nil, err
	}
	reveal := t.Reason != ""
	switch t.Format {
	case "json":
		err = writeJSON(to, newRecallDocument(recall, reveal))
	case "csv":
		err = writeCSV(to, recallColumns(reveal), recallCells(recall, reveal))
	default:
		err = writeRecallTable(to, recall, reveal)
	}
	if err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return recall, nil
}

// describeRecallQuery describes the query for the audit log. It omits serial numbers, which identify one patient's
// implant.
func describeRecallQuery(q *implants.RecallQuery) string {
	readings, _ := q.DeviceIdentifiers() // the query is valid; a whole UDI would hold a serial number
	parts := []string{"trace"}
	for _, part := range []struct{ name, value string }{
		{"code", q.Code.Digits()}, {"udi-di", strings.Join(readings, " ")}, {"lot", formatRange(q.Lots)},
		{"from", q.From.String()}, {"to", q.To.String()},
	} {
		if part.value != "" {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	if q.Serials != (implants.Range{}) {
		parts = append(parts, "by serial number")
	}
	return strings.Join(parts, ", ")
}

func formatRange(r implants.Range) string {
	if r.From == r.To {
		return r.From
	}
	return r.From + " to " + r.To
}

// MarkDeviceRecalled marks a device recalled from the given day on. The zero day removes the mark.
func (o Operator) MarkDeviceRecalled(
	ctx context.Context, in RecallStore, code ident.NotificationCode, on ident.Date,
) error {
	detail := "mark code " + code.Digits() + " recalled on " + on.String()
	if on.IsZero() {
		detail = "lift the mark of code " + code.Digits()
	}
	events, err := o.newEvents(Action{Operation: ActionRecall, Detail: detail})
	if err != nil {
		return err
	}
	changed, err := in.MarkRecalled(ctx, code, on, events[0])
	if err == nil && !changed {
		return errors.New("the device list has no such device, or none that is marked recalled")
	}
	return err
}

// recallLine is an exported line. The JSON names are also the CSV columns.
type recallLine struct {
	SpecialistNIHII string `json:"specialist_nihii"`
	Specialist      string `json:"specialist"`
	HospitalNIHII   string `json:"hospital_nihii"`
	Hospital        string `json:"hospital"`
	Number          string `json:"number"`
	OperationDate   string `json:"operation_date"`
	Code            string `json:"code"`
	UDIDI           string `json:"udi_di"`
	Lot             string `json:"lot"`
	Serial          string `json:"serial"`
	Quantity        int    `json:"quantity"`
	Remaining       int    `json:"remaining"`
	Unregistered    bool   `json:"unregistered"`
	Listed          bool   `json:"listed"`
	Patient         string `json:"patient"`
	PatientSSIN     string `json:"patient_ssin,omitempty"`
	PatientName     string `json:"patient_name,omitempty"`
}

type recallDocument struct {
	Placed        int           `json:"placed"`
	Removed       int           `json:"removed"`
	InPlace       int           `json:"in_place"`
	Unregistered  int           `json:"unregistered"`
	Patients      int           `json:"patients"`
	Notifications int           `json:"notifications"`
	Hospitals     int           `json:"hospitals"`
	Specialists   int           `json:"specialists"`
	Lines         []*recallLine `json:"lines"`
}

func newRecallDocument(r *implants.RecallResult, reveal bool) *recallDocument {
	d := &recallDocument{
		Placed:        r.Implanted,
		Removed:       r.Explanted,
		InPlace:       r.StillImplanted,
		Unregistered:  r.Unregistered,
		Patients:      r.Patients,
		Notifications: r.Notifications,
		Hospitals:     r.Hospitals,
		Specialists:   r.Specialists,
		Lines:         make([]*recallLine, len(r.Lines)),
	}
	for i := range r.Lines {
		d.Lines[i] = newRecallLine(&r.Lines[i], reveal)
	}
	return d
}

func newRecallLine(l *implants.RecalledLine, reveal bool) *recallLine {
	line := &recallLine{
		SpecialistNIHII: l.Specialist.Digits(),
		Specialist:      l.SpecialistName,
		HospitalNIHII:   l.Hospital.Digits(),
		Hospital:        l.HospitalName,
		Number:          l.Number.Digits(),
		OperationDate:   l.SurgeryDate.String(),
		Code:            l.Code.Digits(),
		UDIDI:           l.UDIDI,
		Lot:             l.Lot,
		Serial:          l.Serial,
		Quantity:        l.Quantity,
		Remaining:       l.Remaining,
		Unregistered:    l.Unregistered,
		Listed:          l.MatchedByDeviceList,
		Patient:         l.Patient,
	}
	if reveal {
		line.PatientSSIN = l.RevealedPatient.SSIN.Digits()
		line.PatientName = strings.TrimSpace(l.RevealedPatient.FirstName + " " + l.RevealedPatient.LastName)
	}
	return line
}

func recallColumns(reveal bool) []string {
	columns := []string{"specialist_nihii", "specialist", "hospital_nihii", "hospital", "number",
		"operation_date", "code", "udi_di", "lot",
		"serial", "quantity", "remaining", "unregistered", "listed", "patient"}
	if reveal {
		columns = append(columns, "patient_ssin", "patient_name")
	}
	return columns
}

func recallCells(r *implants.RecallResult, reveal bool) [][]string {
	rows := make([][]string, len(r.Lines))
	for i := range r.Lines {
		l := newRecallLine(&r.Lines[i], reveal)
		rows[i] = []string{l.SpecialistNIHII, l.Specialist, l.HospitalNIHII, l.Hospital, l.Number,
			l.OperationDate, l.Code, l.UDIDI, l.Lot,
			l.Serial, strconv.Itoa(l.Quantity), strconv.Itoa(l.Remaining), formatFlag(l.Unregistered),
			formatFlag(l.Listed), l.Patient}
		if reveal {
			rows[i] = append(rows[i], l.PatientSSIN, l.PatientName)
		}
	}
	return rows
}

func formatFlag(flag bool) string {
	if flag {
		return "yes"
	}
	return ""
}

func writeRecallTable(to io.Writer, r *implants.RecallResult, reveal bool) error {
	_, err := fmt.Fprintf(to, "implants placed: %d, removed: %d, still in place: %d; placed elsewhere and removed: %d\n"+
		"patients: %d, notifications: %d, hospitals: %d, specialists: %d\n\n", r.Implanted, r.Explanted,
		r.StillImplanted, r.Unregistered,
		r.Patients, r.Notifications, r.Hospitals, r.Specialists)
	if err != nil || len(r.Lines) == 0 {
		return err
	}
	return writeTable(to, recallColumns(reveal), recallCells(r, reveal))
}

// writeTable writes a table with aligned columns.
func writeTable(to io.Writer, columns []string, rows [][]string) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, strings.Join(columns, "\t")); err != nil {
		return err
	}
	for _, row := range rows {
		for i, cell := range row {
			if row[i] = strings.Map(replaceUnprintable, cell); row[i] == "" {
				row[i] = "-"
			}
		}
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// replaceUnprintable prevents text that a caller wrote from controlling the reader's terminal.
func replaceUnprintable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

func writeJSON(to io.Writer, document any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
