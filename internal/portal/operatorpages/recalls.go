package operatorpages

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/portal/forms"
	"github.com/openctr/ctr/internal/texts"
)

// maxRecallLines bounds the lines of a recall in memory, about a kilobyte each. A larger one is a task for the command.
const maxRecallLines = 20_000

var (
	titleRecalls = texts.Declare("portal.operator_recalls")
	titleRecall  = texts.Declare1[string]("portal.operator_recall_title", "started")

	labelCode     = texts.Declare("portal.operator_code")
	labelUDIDI    = texts.Declare("portal.operator_udi_di")
	labelLotFrom  = texts.Declare("portal.operator_lot_from")
	labelLotTo    = texts.Declare("portal.operator_lot_to")
	labelSerial   = texts.Declare("portal.operator_serial_from")
	labelSerialTo = texts.Declare("portal.operator_serial_to")
	hintCode      = texts.Declare("portal.operator_hint_code")
	hintUDIDI     = texts.Declare("portal.operator_hint_udi_di")
	hintRange     = texts.Declare("portal.operator_hint_range")

	criteriaMissing = texts.Declare("portal.operator_criteria_missing")
	codeInvalid     = texts.Declare("portal.operator_code_invalid")
	udiDIInvalid    = texts.Declare("portal.operator_udi_di_invalid")
	rangeInvalid    = texts.Declare("portal.operator_range_invalid")
	recallTooLarge  = texts.Declare1[int]("portal.operator_recall_too_large", "max")
	reasonInvalid   = texts.Declare("portal.operator_reason_invalid")

	noticeTexts = map[platform.NoticeState]texts.Text{
		platform.NoticeOpen:     texts.Declare("portal.operator_notice_open"),
		platform.NoticeInformed: texts.Declare("portal.operator_notice_informed"),
		platform.NoticeAnswered: texts.Declare("portal.operator_notice_answered"),
	}
)

// recallFields are the criteria of a recall, with the names that they are stored under.
var recallFields = slices.Concat([]fieldSpec{
	{name: "code", label: labelCode, hint: hintCode, width: "w15", isNumeric: true},
	{name: "udi-di", label: labelUDIDI, hint: hintUDIDI},
	{name: "lot-from", label: labelLotFrom, hint: hintRange, width: "w15"},
	{name: "lot-to", label: labelLotTo, width: "w15"},
	{name: "serial-from", label: labelSerial, hint: hintRange, width: "w15"},
	{name: "serial-to", label: labelSerialTo, width: "w15"},
}, periodFields)

// readRecall reads the criteria of a recall: the same forms and refusals as those of the command.
func (r *reader) readRecall() implants.RecallQuery {
	q := implants.RecallQuery{
		UDIDI:   r.text("udi-di"),
		Lots:    r.numberRange("lot"),
		Serials: r.numberRange("serial"),
	}
	if code := ident.TrimPunctuation(r.text("code")); code != "" {
		var err error
		if q.Code, err = ident.ParseNotificationCode(code); err != nil {
			r.addMistake("code", codeInvalid)
		}
	}
	if q.UDIDI != "" {
		if _, err := udi.ParseDI(q.UDIDI); err != nil {
			r.addMistake("udi-di", udiDIInvalid)
		}
	}
	q.From, q.To = r.period()
	if len(r.mistakes) == 0 && q.Validate() != nil {
		r.addMistake("code", criteriaMissing)
	}
	return q
}

// numberRange returns a range of lots or serial numbers; one end alone is a single number.
func (r *reader) numberRange(name string) implants.Range {
	first, last := r.text(name+"-from"), r.text(name+"-to")
	if first == "" && last == "" {
		return implants.Range{}
	}
	found := implants.Range{From: first, To: cmp.Or(last, first)}
	if _, err := found.Normalize().SplitByLength(); err != nil {
		r.addMistake(name+"-from", rangeInvalid)
	}
	return found
}

// encodeCriteria returns the criteria that were given, as they are stored.
func encodeCriteria(typed url.Values) string {
	given := url.Values{}
	for _, spec := range recallFields {
		if value := strings.TrimSpace(typed.Get(spec.name)); value != "" {
			given.Set(spec.name, value)
		}
	}
	return given.Encode()
}

// describeCriteria writes the criteria for people.
func describeCriteria(criteria string, l texts.Lang) []labelled {
	given, _ := url.ParseQuery(criteria) // what cannot be read is not shown
	var all []labelled
	for _, spec := range recallFields {
		if value := given.Get(spec.name); value != "" {
			all = append(all, labelled{spec.label.Translate(l), value})
		}
	}
	return all
}

// labelled is a value with its label.
type labelled struct{ Label, Value string }

// recallsView is the list of recalls, with the form for a new one.
type recallsView struct {
	Key    string // of the new recall: sending the form twice starts one
	Fields []forms.Field
	Rows   []recallRow
	Paging paging
}

type recallRow struct {
	URL, StartedAt, Name string
	Criteria             []labelled
	Informed, Answered   int
}

func (p *Pages) showRecalls(w http.ResponseWriter, r *http.Request) {
	p.renderRecalls(w, r, &reader{lang: p.frame.Language(r)})
}

func (p *Pages) renderRecalls(w http.ResponseWriter, r *http.Request, form *reader) {
	offset := readOffset(r)
	found, total, err := p.Register.Recalls(r.Context(), platform.Page{Offset: offset, Limit: pageSize})
	if err != nil {
		p.frame.ShowFailure(w, r, err)
		return
	}
	view := recallsView{
		Key: form.typed.Get("key"), Fields: newFields(form.lang, recallFields, form.typed, form.mistakes),
		Paging: newPaging(r, offset, len(found), total),
	}
	if !recallID.MatchString(view.Key) {
		view.Key = p.NewID()
	}
	for i := range found {
		view.Rows = append(view.Rows, newRecallRow(&found[i], form.lang))
	}
	page := Page{Title: titleRecalls, Section: sectionRecalls, Errors: form.mistakes, Content: view}
	if len(form.mistakes) > 0 {
		page.Status = http.StatusUnprocessableEntity
	}
	p.frame.Render(w, r, "operator-recalls.html", page)
}

func newRecallRow(f *platform.Recall, l texts.Lang) recallRow {
	return recallRow{
		URL: Prefix + "recalls/" + url.PathEscape(f.ID), StartedAt: formatInstant(f.StartedAt), Name: f.Name,
		Criteria: describeCriteria(f.Criteria, l), Informed: f.Informed, Answered: f.Answered,
	}
}

// recallID is the form of the key of a recall.
var recallID = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

// startRecall stores a new recall and shows it. Every recall is kept: that nobody carries an implant is worth keeping,
// too.
func (p *Pages) startRecall(w http.ResponseWriter, r *http.Request) {
	form := &reader{typed: readForm(r), lang: p.frame.Language(r)}
	q := form.readRecall()
	key := form.typed.Get("key")
	if len(form.mistakes) > 0 || !recallID.MatchString(key) {
		p.renderRecalls(w, r, form)
		return
	}
	if _, err := p.traceRecall(r.Context(), q); err != nil {
		if errors.Is(err, platform.ErrTooLarge) {
			form.addMistake("code", recallTooLarge.With(maxRecallLines))
			p.renderRecalls(w, r, form)
			return
		}
		p.frame.ShowFailure(w, r, err)
		return
	}
	if err := p.currentOperator(r).StartRecall(r.Context(), p.Register, key, q, encodeCriteria(form.typed)); err != nil {
		p.frame.ShowFailure(w, r, err)
		return
	}
	http.Redirect(w, r, Prefix+"recalls/"+key, http.StatusSeeOther) //nolint:gosec // our own path
}

// readForm returns the fields of a form; those that cannot be read are missing.
func readForm(r *http.Request) url.Values {
	if r.ParseForm() != nil {
		return url.Values{}
	}
	return r.PostForm
}

// traceRecall finds the recalled implants with bounded memory.
func (p *Pages) traceRecall(ctx context.Context, q implants.RecallQuery) (found *implants.RecallResult, err error) {
	err = p.runHeavy(ctx, func() error {
		found, err = p.Register.RecallAtMost(ctx, q, maxRecallLines)
		return err
	})
	return found, err
}

// boundedRecalls traces recalls with bounded memory, for package operator.
type boundedRecalls struct{ *Pages }

// Recall implements operator.RecallStore.
func (b boundedRecalls) Recall(ctx context.Context, q implants.RecallQuery) (*implants.RecallResult, error) {
	return b.traceRecall(ctx, q)
}

// MarkRecalled implements operator.RecallStore; the pages mark no device.
func (boundedRecalls) MarkRecalled(
	context.Context, ident.NotificationCode, ident.Date, platform.AuditEvent,
) (bool, error) {
	return false, errors.ErrUnsupported
}

// recallView is one recall: its criteria, its counts and its specialists.
type recallView struct {
	ID          string
	StartedBy   string
	Criteria    []labelled
	Counts      *implants.RecallResult
	States      []stateCount
	Specialists []specialistRow
	Paging      paging
	Offset      int
	Saved       bool
	Reason      forms.Field
}

// stateCount is the number of specialists in a state.
type stateCount struct {
	Label string
	Count int
}

// specialistRow is a responsible specialist of a recall.
type specialistRow struct {
	NIHII, Name, Hospitals    string
	Patients, Notifications   int
	InPlace                   int
	State                     platform.NoticeState
	Options                   []forms.Option
	StateText, ChangedAt      string
	patients, numbers, places map[string]bool
}

// knownRecall is a stored recall that was traced anew.
type knownRecall struct {
	platform.Recall

	query   implants.RecallQuery
	notices map[ident.NIHII]platform.RecallNotice
}

// loadRecall reads a stored recall, or answers the request and returns false.
func (p *Pages) loadRecall(w http.ResponseWriter, r *http.Request) (knownRecall, bool) {
	stored, notices, isKnown, err := p.Register.RecallByID(r.Context(), r.PathValue("id"))
	if err != nil || !isKnown {
		if err == nil {
			p.frame.ShowAbsent(w, r)
		} else {
			p.frame.ShowFailure(w, r, err)
		}
		return knownRecall{}, false
	}
	known := knownRecall{Recall: stored, notices: make(map[ident.NIHII]platform.RecallNotice)}
	for _, n := range notices {
		known.notices[n.Specialist] = n
	}
	typed, _ := url.ParseQuery(stored.Criteria) // refused below if it is no query
	form := reader{typed: typed}
	if known.query = form.readRecall(); len(form.mistakes) > 0 {
		p.frame.ShowFailure(w, r, errors.New("a stored recall has criteria that are not valid"))
		return knownRecall{}, false
	}
	return known, true
}

func (p *Pages) showRecall(w http.ResponseWriter, r *http.Request) {
	if known, isKnown := p.loadRecall(w, r); isKnown {
		p.renderRecall(w, r, known, nil)
	}
}

func (p *Pages) renderRecall(w http.ResponseWriter, r *http.Request, known knownRecall, mistakes []forms.Mistake) {
	found, err := operator.RecallTrace{Query: known.query}.Trace(r.Context(), boundedRecalls{p}, p.currentOperator(r))
	if err != nil {
		p.frame.ShowFailure(w, r, err)
		return
	}
	l := p.frame.Language(r)
	all := groupBySpecialist(found, known.notices, l)
	shown := platform.SlicePage(all, platform.Page{Offset: readOffset(r), Limit: pageSize})
	view := recallView{
		ID: known.ID, StartedBy: known.Name, Criteria: describeCriteria(known.Criteria, l), Counts: found,
		Specialists: shown, Paging: newPaging(r, readOffset(r), len(shown), len(all)),
		Offset: readOffset(r), Saved: r.URL.Query().Has("saved"),
		Reason: newFields(l, reasonFields, url.Values{}, mistakes)[0],
	}
	for _, state := range platform.NoticeStates() {
		count := 0
		for i := range all {
			if all[i].State == state {
				count++
			}
		}
		view.States = append(view.States, stateCount{noticeTexts[state].Translate(l), count})
	}
	page := Page{
		Title: titleRecall.With(formatInstant(known.StartedAt)), Section: sectionRecalls, Content: view, Errors: mistakes,
	}
	if len(mistakes) > 0 {
		page.Status = http.StatusUnprocessableEntity
	}
	p.frame.Render(w, r, "operator-recall.html", page)
}

// groupBySpecialist returns the specialists of the lines, which are sorted by specialist.
func groupBySpecialist(
	found *implants.RecallResult, notices map[ident.NIHII]platform.RecallNotice, l texts.Lang,
) []specialistRow {
	var rows []specialistRow
	key := int64(0)
	for i := range found.Lines {
		line := &found.Lines[i]
		if i == 0 || line.SpecialistKey != key {
			key = line.SpecialistKey
			rows = append(rows, newSpecialistRow(line, notices[line.Specialist], l))
		}
		row := &rows[len(rows)-1]
		row.InPlace += line.Remaining
		row.patients[line.Patient], row.numbers[line.Number.Digits()] = true, true
		row.places[cmp.Or(line.HospitalName, line.Hospital.Digits())] = true
	}
	for i := range rows {
		row := &rows[i]
		row.Patients, row.Notifications = len(row.patients), len(row.numbers)
		delete(row.places, "")
		places := make([]string, 0, len(row.places))
		for name := range row.places {
			places = append(places, name)
		}
		slices.Sort(places)
		row.Hospitals = strings.Join(places, ", ")
	}
	return rows
}

func newSpecialistRow(line *implants.RecalledLine, n platform.RecallNotice, l texts.Lang) specialistRow {
	state := cmp.Or(n.State, platform.NoticeOpen)
	row := specialistRow{
		NIHII: line.Specialist.Digits(), Name: line.SpecialistName, State: state, StateText: noticeTexts[state].Translate(l),
		patients: map[string]bool{}, numbers: map[string]bool{}, places: map[string]bool{},
	}
	if !n.ChangedAt.IsZero() {
		row.ChangedAt = formatInstant(n.ChangedAt)
	}
	for _, other := range platform.NoticeStates() {
		row.Options = append(row.Options, forms.Option{
			Value: string(other), Label: noticeTexts[other].Translate(l), IsSelected: other == state,
		})
	}
	return row
}

// setNotice records how far a specialist is informed.
func (p *Pages) setNotice(w http.ResponseWriter, r *http.Request) {
	typed := readForm(r)
	state := platform.NoticeState(typed.Get("state"))
	specialist, err := ident.ParseNIHII(typed.Get("specialist"))
	if err != nil || !slices.Contains(platform.NoticeStates(), state) {
		p.frame.ShowAbsent(w, r)
		return
	}
	err = p.currentOperator(r).SetNotice(r.Context(), p.Register, r.PathValue("id"), specialist, state)
	switch {
	case errors.Is(err, operator.ErrNotFound):
		p.frame.ShowAbsent(w, r)
	case err != nil:
		p.frame.ShowFailure(w, r, err)
	default:
		http.Redirect(w, r, r.URL.Path+"?saved=1&offset="+url.QueryEscape(typed.Get("offset")), //nolint:gosec // our own path
			http.StatusSeeOther)
	}
}

var reasonFields = []fieldSpec{{
	name: "reason", label: texts.Declare("portal.operator_reason"), hint: texts.Declare("portal.operator_hint_reason"),
}}

// exportRecall hands out the lines as CSV, with the columns of the command; with a reason they name the patients.
func (p *Pages) exportRecall(w http.ResponseWriter, r *http.Request) {
	known, isKnown := p.loadRecall(w, r)
	if !isKnown {
		return
	}
	form := &reader{typed: readForm(r), lang: p.frame.Language(r)}
	reason := form.text("reason")
	if reason != "" && operator.CheckRevealReason(reason) != nil {
		form.addMistake("reason", reasonInvalid)
	}
	if len(form.mistakes) > 0 {
		p.renderRecall(w, r, known, form.mistakes)
		return
	}
	var file bytes.Buffer
	trace := operator.RecallTrace{Query: known.query, Reason: reason, Format: "csv"}
	if _, err := trace.Write(r.Context(), boundedRecalls{p}, p.currentOperator(r), &file); err != nil {
		p.frame.ShowFailure(w, r, err)
		return
	}
	serveFile(w, "recall-"+known.StartedAt.In(ident.BelgianTime()).Format("20060102-1504")+".csv", file.Bytes())
}

// serveFile hands out a CSV file.
func serveFile(w http.ResponseWriter, name string, data []byte) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(data)
}
