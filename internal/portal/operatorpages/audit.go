package operatorpages

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/texts"
)

// What the audit log is searched for.
const (
	kindEmergencies  = "emergencies"
	kindOwnOperation = "own-operation"
	kindAll          = "all"
)

var (
	titleAudit     = texts.Declare("portal.operator_audit")
	patientInvalid = texts.Declare("portal.operator_patient_invalid")
	revealInvalid  = texts.Declare("portal.operator_reveal_invalid")
	remarkInvalid  = texts.Declare("portal.operator_remark_invalid")
	laterWithdrawn = texts.Declare("portal.operator_later_withdrawn")
	laterMoved     = texts.Declare("portal.operator_later_moved")
	reviewedBy     = texts.Declare2[string, string]("portal.operator_reviewed_by", "name", "at")

	// auditDetails say in the audit log what was read, in the words of the commands.
	auditDetails = map[string]string{
		kindAll: "export", kindEmergencies: "emergencies", kindOwnOperation: "review of own operations",
	}
)

var auditFields = append([]fieldSpec{
	{name: "kind", label: texts.Declare("portal.operator_kind"), width: "w15", options: []optionSpec{
		{kindEmergencies, texts.Declare("portal.operator_kind_emergencies")},
		{kindOwnOperation, texts.Declare("portal.operator_kind_own")},
		{kindAll, texts.Declare("portal.operator_kind_all")},
	}},
	{
		name: "patient", label: texts.Declare("portal.operator_patient"), hint: texts.Declare("portal.operator_hint_patient"),
		width: "w15", isNumeric: true,
	},
}, append(periodFields, fieldSpec{
	name: "reveal", label: texts.Declare("portal.operator_reveal"), hint: texts.Declare("portal.operator_hint_reveal"),
})...)

// auditView is the form of the search, with a part of what it found.
type auditView struct {
	Fields      []forms.Field
	Hidden      []forms.Hidden // the search, for the forms below it
	HasSearched bool
	IsOwn       bool // with what is derived about reads that rest on an own operation
	IsReview    bool // with the marks
	Rows        []auditRow
	NextAfter   int64 // 0 if there is no further row
	Saved       bool
}

type auditRow struct {
	Seq                                      int64
	At, Operation, Outcome, Person, Capacity string
	Patient, Number, Reason, Stated          string
	Minutes, Later                           string
	PatientsThatDay                          int
	Reviewed, Remark                         string
}

func (p *Pages) showAudit(w http.ResponseWriter, r *http.Request) {
	p.renderAudit(w, r, &reader{lang: p.frame.Language(r)}, auditView{})
}

func (p *Pages) renderAudit(w http.ResponseWriter, r *http.Request, form *reader, view auditView) {
	view.Fields = newFields(form.lang, auditFields, form.typed, form.mistakes)
	for _, spec := range auditFields {
		view.Hidden = append(view.Hidden, forms.Hidden{Name: spec.name, Value: form.typed.Get(spec.name)})
	}
	page := Page{Title: titleAudit, Section: sectionAudit, Content: view, Errors: form.mistakes}
	if len(form.mistakes) > 0 {
		page.Status = http.StatusUnprocessableEntity
	}
	p.frame.Render(w, r, "operator-audit.html", page)
}

// readAudit reads what is searched, and what is recorded about it.
func (r *reader) readAudit() (q platform.AuditQuery, act operator.Action) {
	kind := r.typed.Get("kind")
	if auditDetails[kind] == "" {
		kind = kindEmergencies
		r.typed.Set("kind", kind)
	}
	q.OnlyEmergencies, q.OnlyOwnSurgery = kind == kindEmergencies, kind == kindOwnOperation
	if number := ident.TrimPunctuation(r.text("patient")); number != "" {
		var err error
		if q.Patient, err = ident.ParseSSIN(number); err != nil {
			r.addMistake("patient", patientInvalid)
		}
	}
	from, to := r.period()
	q.From, q.To = beginningOf(from), beginningOf(to)
	if !to.IsZero() {
		q.To = beginningOf(to.AddDays(1))
	}
	act = operator.Action{Operation: operator.ActionAudit, Detail: auditDetails[kind], Patient: q.Patient}
	if reason := r.text("reveal"); reason != "" {
		if operator.CheckRevealReason(reason) != nil {
			r.addMistake("reveal", revealInvalid)
		}
		q.RevealPersons, act.Operation, act.Reason = true, operator.ActionReveal, reason
	}
	return q, act
}

// beginningOf returns the first instant of a day in Belgium, or zero for no day.
func beginningOf(d ident.Date) time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, ident.BelgianTime())
}

// searchAudit answers a search. It is a form that is posted, so that no number of a person is in an address.
func (p *Pages) searchAudit(w http.ResponseWriter, r *http.Request) {
	form := &reader{typed: readForm(r), lang: p.frame.Language(r)}
	q, act := form.readAudit()
	if len(form.mistakes) > 0 {
		p.renderAudit(w, r, form, auditView{})
		return
	}
	if form.typed.Get("action") == "export" {
		p.exportAudit(w, r, form, q, act)
		return
	}
	view := auditView{
		HasSearched: true, IsOwn: q.OnlyOwnSurgery, IsReview: q.OnlyEmergencies || q.OnlyOwnSurgery,
	}
	var err error
	if view.Saved, err = p.markReviewed(r, form); err == nil {
		err = p.currentOperator(r).RecordActions(r.Context(), act)
	}
	if err == nil {
		q.AfterSeq, _ = strconv.ParseInt(form.typed.Get("after"), 10, 64) // from the beginning if it is no number
		err = p.fillAudit(r.Context(), &view, q, form.lang)
	}
	switch {
	case errors.Is(err, operator.ErrNotFound):
		p.frame.ShowAbsent(w, r)
	case err != nil:
		p.frame.ShowFailure(w, r, err)
	default:
		p.renderAudit(w, r, form, view)
	}
}

// markReviewed marks the event that the form names, if it names one.
func (p *Pages) markReviewed(r *http.Request, form *reader) (bool, error) {
	if !form.typed.Has("review") {
		return false, nil
	}
	seq, _ := strconv.ParseInt(form.typed.Get("review"), 10, 64) // 0, which no event has, if it is no number
	remark := form.text("remark")
	if remark != "" && operator.CheckReason(remark) != nil {
		form.addMistake("", remarkInvalid)
		return false, nil //nolint:nilerr // the page says what is wrong
	}
	err := p.currentOperator(r).MarkReviewed(r.Context(), p.Register, seq, remark)
	return err == nil, err
}

// fillAudit reads one part of the events.
func (p *Pages) fillAudit(ctx context.Context, view *auditView, q platform.AuditQuery, l texts.Lang) error {
	return p.runHeavy(ctx, func() error {
		q.Limit = pageSize + 1
		found, err := p.Register.Audit(ctx, q)
		if err != nil {
			return err
		}
		if len(found) > pageSize {
			found = found[:pageSize]
			view.NextAfter = found[pageSize-1].Seq
		}
		seqs := make([]int64, len(found))
		for i := range found {
			view.Rows = append(view.Rows, newAuditRow(&found[i]))
			seqs[i] = found[i].Seq
		}
		if view.IsOwn {
			if err = p.addOwnOperations(ctx, view.Rows, found, l); err != nil {
				return err
			}
		}
		marks, err := p.Register.Reviews(ctx, seqs)
		for _, mark := range marks {
			for i := range view.Rows {
				if view.Rows[i].Seq == mark.Seq {
					view.Rows[i].Remark = mark.Remark
					view.Rows[i].Reviewed = reviewedBy.With(mark.Name, formatInstant(mark.ReviewedAt)).Translate(l)
				}
			}
		}
		return err
	})
}

func newAuditRow(e *platform.AuditEntry) auditRow {
	row := auditRow{
		Seq: e.Seq, At: formatInstant(e.Event.OccurredAt), Operation: e.Event.Operation, Outcome: string(e.Event.Outcome),
		Person: platform.FormatPseudonym(e.PersonPseudonym), Capacity: string(e.Event.Capacity),
		Patient: platform.FormatPseudonym(e.PatientPseudonym), Number: e.Event.Number.Digits(), Reason: e.Event.Reason,
		Stated: e.Event.EmergencyReason,
	}
	if !e.Event.Person.IsZero() {
		row.Person = forms.FormatSSIN(e.Event.Person.Digits())
	}
	if !e.Event.Patient.IsZero() {
		row.Patient = forms.FormatSSIN(e.Event.Patient.Digits())
	}
	return row
}

// addOwnOperations adds what is derived about reads that rest on the reader's own operation alone.
func (p *Pages) addOwnOperations(
	ctx context.Context, rows []auditRow, reads []platform.AuditEntry, l texts.Lang,
) error {
	reviews, err := p.Register.ReviewOwnSurgeries(ctx, reads, authorization.SurgeryCare)
	if err != nil {
		return err
	}
	for i, review := range reviews {
		rows[i].PatientsThatDay = review.PatientsThatDay
		if !review.OpenSince.IsZero() {
			minutes := int64(reads[i].Event.OccurredAt.Sub(review.OpenSince) / time.Minute)
			rows[i].Minutes = strconv.FormatInt(minutes, 10)
		}
		var later []string
		if review.IsMovedLater {
			later = append(later, laterMoved.Translate(l))
		}
		if review.IsWithdrawnLater {
			later = append(later, laterWithdrawn.Translate(l))
		}
		rows[i].Later = strings.Join(later, ", ")
	}
	return nil
}

// maxExport bounds an exported file in memory, in bytes.
const maxExport = 32 << 20

// exportAudit hands out the events as the command does.
func (p *Pages) exportAudit(
	w http.ResponseWriter, r *http.Request, form *reader, q platform.AuditQuery, act operator.Action,
) {
	if err := p.currentOperator(r).RecordActions(r.Context(), act); err != nil {
		p.frame.ShowFailure(w, r, err)
		return
	}
	export := operator.AuditExport{Query: q, Format: "csv"}
	if q.OnlyOwnSurgery {
		export.Review = func(
			ctx context.Context, reads []platform.AuditEntry,
		) ([]platform.OwnSurgeryReview, error) {
			return p.Register.ReviewOwnSurgeries(ctx, reads, authorization.SurgeryCare)
		}
	}
	var file boundedBuffer
	ctx := r.Context()
	err := p.runHeavy(ctx, func() error {
		_, exportErr := export.Write(ctx, p.Register, &file)
		return exportErr
	})
	switch {
	case errors.Is(err, platform.ErrTooLarge):
		form.addMistake("from", exportTooLarge)
		p.renderAudit(w, r, form, auditView{})
	case err != nil:
		p.frame.ShowFailure(w, r, err)
	default:
		serveFile(w, "audit-"+p.Now().In(ident.BelgianTime()).Format("20060102-1504")+".csv", file.Bytes())
	}
}

var exportTooLarge = texts.Declare("portal.operator_export_too_large")

// boundedBuffer is a buffer that refuses to grow beyond maxExport.
type boundedBuffer struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *boundedBuffer) Write(data []byte) (int, error) {
	if b.Len()+len(data) > maxExport {
		return 0, platform.ErrTooLarge
	}
	return b.Buffer.Write(data)
}
