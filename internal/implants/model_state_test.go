package implants_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// This file models the register as a list in memory, without a database, an index or a transaction: the expected
// result of a random history. It keeps every version, and computes everything from the current versions each time.
// Authorisation is modelled only as far as the people of the scenario need it; the table of package authorization has its own
// test.

// actor is a caller: a person with their own certificate, or acting inside an organisation.
type actor struct {
	name         string
	person       ident.SSIN
	organisation ident.NIHII
}

// The people of the scenario. Peeters is a doctor who operates on no patient; Wouters is staff of the hospital, where
// Claes works, and has a mandate of Dubois until the end of 2027.
var (
	actors = []actor{
		{name: "Claes", person: claes}, {name: "Claes in the hospital", person: claes, organisation: hospital},
		{name: "Dubois", person: dubois}, {name: "Dubois in the clinic", person: dubois, organisation: clinic},
		{name: "Wouters in the hospital", person: wouters, organisation: hospital}, {name: "Wouters", person: wouters},
		{name: "Peeters", person: peeters},
		{name: "Leroy", person: leroy}, {name: "Van Damme", person: vanDam}, {name: "Nguyen", person: nguyen},
	}
	specialists  = []ident.SSIN{claes, dubois}
	patients     = []ident.SSIN{leroy, vanDam, nguyen}
	mandateEnds  = day("2027-12-31")
	deletedStent = day("2021-06-30")
)

func (a actor) isDoctor() bool { return a.person == claes || a.person == dubois || a.person == peeters }
func (a actor) isStaff() bool  { return a.person == wouters && !a.organisation.IsZero() }

// model is the expected state of the register.
type model struct {
	brussels *time.Location
	now      time.Time
	entries  []*entry // in the order in which they were begun
	numbered []*entry // in the order in which they first became final
	lines    map[string]keptLine
	sent     map[string]sent
}

// isMandated reports whether the actor may use the specialist's mandate: inside the hospital not, which Dubois left.
func (m *model) isMandated(a actor, specialist ident.SSIN) bool {
	return a.person == wouters && a.organisation.IsZero() && specialist == dubois && !m.today().After(mandateEnds)
}

// hasRelation reports whether the authentic source names a care relation.
func hasRelation(patient, professional ident.SSIN) bool {
	return patient == leroy && professional == claes || patient == vanDam && professional == peeters
}

// hasOperated reports whether a professional operated on a patient in the last fifteen months, by the notifications in
// force now.
func (m *model) hasOperated(patient, professional ident.SSIN) bool {
	return slices.ContainsFunc(m.entries, func(e *entry) bool {
		c := e.current().content
		y, mo, d := c.day.Year(), c.day.Month()+15, c.day.Day()
		return e.isFinal() && c.patient == patient && c.specialist == professional && !m.today().Before(c.day) &&
			!time.Date(m.today().Year(), m.today().Month(), m.today().Day(), 0, 0, 0, 0, time.UTC).After(time.Date(y, mo, d, 0, 0, 0, 0, time.UTC))
	})
}

// keptLine is a line of implants with its ID.
type keptLine struct {
	id           string
	notified     implants.NotifiedImplant
	di           string
	unregistered bool
}

type removal struct {
	id        string
	quantity  int // zero: all, until the notification is final
	reason    string
	remaining int
}

// version is one version of a notification.
type version struct {
	state        implants.State
	change       implants.Change
	why          string
	at           time.Time
	organisation ident.NIHII
	author       ident.SSIN
	content      content // as submitted
	lines        []keptLine
	removals     []removal
	warned       []string
}

// entry is a notification with all its versions, in order.
type entry struct {
	begun     int // the step that began it
	reference string
	number    ident.NotificationNumber
	firstWith int // the version that got the number
	versions  []version
	ids       []string // of all lines that it ever had, in order of appearance
}

func (e *entry) current() *version { return &e.versions[len(e.versions)-1] }

// isFinal reports whether the current version is final.
func (e *entry) isFinal() bool { return e.current().state == implants.Final }

// numberOf returns the number that a version has.
func (e *entry) numberOf(v int) ident.NotificationNumber {
	if e.firstWith == 0 || v < e.firstWith {
		return ident.NotificationNumber{}
	}
	return e.number
}

// content is the content of a notification.
type content struct {
	kind       implants.SurgeryType
	specialist ident.SSIN
	patient    ident.SSIN
	day        ident.Date
	lines      []implants.NotifiedImplant
	explants   []explant
}

type explant struct {
	id           string
	unregistered *implants.NotifiedImplant
	quantity     int
	reason       string
}

// sent is the result of a submission with an InputReference.
type sent struct {
	save    implants.State
	content string // as text, to compare
	entry   *entry
	version int
}

func newModel(now time.Time, brussels *time.Location) *model {
	return &model{brussels: brussels, now: now, lines: map[string]keptLine{}, sent: map[string]sent{}}
}

func (m *model) today() ident.Date { return ident.DateOf(m.now.In(m.brussels)) }

func (m *model) entryBegunBy(step int) *entry {
	for _, e := range m.entries {
		if e.begun == step {
			return e
		}
	}
	return nil
}

// removedUntil returns the removed quantity of each line up to and including a day.
func (m *model) removedUntil(until ident.Date) map[string]int {
	taken := map[string]int{}
	for _, e := range m.entries {
		if !e.isFinal() || e.current().content.day.After(until) {
			continue
		}
		for _, r := range e.current().removals {
			taken[r.id] += r.quantity
		}
	}
	return taken
}

var endOfTime = day("9999-12-31")

// remaining returns what is left of a line now.
func (m *model) remaining(id string) int {
	return m.lines[id].notified.Quantity - m.removedUntil(endOfTime)[id]
}

// implantIn returns the patient's line with this ID, if its notification is final.
func (m *model) implantIn(patient ident.SSIN, id string) (keptLine, ident.Date, bool) {
	for _, e := range m.entries {
		v := e.current()
		if !e.isFinal() || v.content.kind != implants.TypeImplantation || v.content.patient != patient {
			continue
		}
		for _, l := range v.lines {
			if l.id == id {
				return l, v.content.day, true
			}
		}
	}
	return keptLine{}, ident.Date{}, false
}

// verdict is the expected result of an operation.
type verdict struct {
	refused  []string
	withheld bool
	next     *version
	repeated *sent
	patient  ident.SSIN // of the audit event
	former   ident.SSIN // the patient before a revision, for whom a second event may exist
	number   ident.NotificationNumber
}

func refuse(v verdict, refused ...string) verdict {
	v.refused = refused
	return v
}

// accessOf returns how much of a patient's data an actor may see: everything, their own notifications, or nothing; or
// the refusal.
func (m *model) accessOf(a actor, patient ident.SSIN, emergency bool) (all, own bool, refused string) {
	switch {
	case a.organisation.IsZero() && a.person == patient:
		return true, false, ""
	case a.isDoctor():
		return hasRelation(patient, a.person) || m.hasOperated(patient, a.person) || emergency, true, ""
	case a.organisation.IsZero():
		return false, false, ""
	}
	return false, false, "MAY_NOT_READ"
}

// canSee decides whether an actor may see a notification.
func (m *model) canSee(a actor, e *entry, emergency bool) (bool, string) {
	v := e.current()
	if e.number.IsZero() {
		return m.mayNotify(a, implants.Draft, v.content.specialist) == "", "" // whoever may prepare it
	}
	all, own, refused := m.accessOf(a, v.content.patient, emergency)
	return all || own && v.content.specialist == a.person, refused
}

// mayChange decides whether an actor may change an existing notification, before the change itself is checked.
func (m *model) mayChange(a actor, e *entry, named ident.NotificationNumber) verdict {
	v, _ := m.expectFind(a, e, named, ident.SSIN{})
	switch {
	case len(v.refused) > 0:
		return v
	case e.current().state == implants.Withdrawn:
		return refuse(v, "NOTIFICATION_WITHDRAWN at Notification")
	case e.isFinal() && e.current().content.specialist != a.person:
		return refuse(v, "NOT_YOUR_OPERATION")
	}
	return v
}

// expectFind decides whether an actor can find a notification, and whether an emergency about the claimed patient is
// recorded. A caller who may read no patient data gets that refusal only for a number.
func (m *model) expectFind(a actor, e *entry, named ident.NotificationNumber, claimed ident.SSIN) (v verdict, recorded bool) {
	recorded = !claimed.IsZero() && m.needsEmergency(a, claimed)
	if e == nil {
		v = verdict{number: named, refused: []string{"NOTIFICATION_NOT_FOUND"}}
		if _, _, refused := m.accessOf(a, ident.SSIN{}, false); refused != "" && !named.IsZero() {
			v.refused = []string{refused}
		}
	} else {
		v = verdict{patient: e.current().content.patient, number: e.number}
		seen, refused := m.canSee(a, e, recorded && claimed == v.patient)
		switch {
		case refused != "" && !named.IsZero():
			v.refused = []string{refused}
		case !seen:
			v.withheld, v.refused = true, []string{"NOTIFICATION_WITHHELD"}
		}
	}
	if recorded {
		v.patient = claimed
	}
	return v, recorded
}

// needsEmergency reports whether an emergency shows an actor more of a patient's data.
func (m *model) needsEmergency(a actor, patient ident.SSIN) bool {
	without, _, _ := m.accessOf(a, patient, false)
	with, _, _ := m.accessOf(a, patient, true)
	return with && !without
}

// mayNotify decides whether an actor may submit a notification of a specialist's surgery.
func (m *model) mayNotify(a actor, save implants.State, specialist ident.SSIN) string {
	own := a.isDoctor() && a.person == specialist
	switch {
	case own:
		return ""
	case save != implants.Final:
		if m.isMandated(a, specialist) || a.isStaff() && specialist == claes { // Dubois has left the hospital
			return ""
		}
		return "MAY_NOT_PREPARE"
	case !a.isDoctor():
		return "MAY_NOT_NOTIFY"
	}
	return "NOT_YOUR_OPERATION"
}

// expectNotify decides about a version with new content: of a new notification, or of e, of which the caller has read
// a version.
func (m *model) expectNotify(a actor, c content, save implants.State, e *entry, has int, input string) verdict {
	v := verdict{patient: c.patient}
	if e != nil {
		v.number = e.number
	}
	if refused := m.mayNotify(a, save, c.specialist); refused != "" {
		return refuse(v, refused)
	}
	if first, repeated := m.sent[input]; input != "" && repeated {
		if first.save != save || first.content != c.text() {
			return refuse(v, "INPUT_REFERENCE_CONFLICT at InputReference")
		}
		v.repeated, v.number = &first, first.entry.numberOf(first.version)
		return v
	}
	if e != nil && has != len(e.versions) {
		return refuse(v, "VERSION_OUTDATED at Version")
	}
	next := &version{state: save, change: changeOf(save, e), at: m.now, organisation: a.organisation, author: a.person, content: c}
	refused, forgiven := m.applyRules(c, e, next)
	if save == implants.Draft {
		next.warned = append(next.warned, forgiven...)
	} else {
		refused = mergeFindings(refused, forgiven)
	}
	if len(refused) > 0 {
		return refuse(v, stripNumbers(refused)...)
	}
	next.warned = stripNumbers(next.warned)
	v.next = next
	return v
}

func changeOf(save implants.State, e *entry) implants.Change {
	switch {
	case save == implants.Draft:
		return implants.ChangeSaved
	case save == implants.ToValidate:
		return implants.ChangeSubmitted
	case e != nil && e.isFinal():
		return implants.ChangeRevised
	}
	return implants.ChangeNotified
}

// text formats the content; different contents have different texts.
func (c content) text() string {
	var b strings.Builder
	fmt.Fprint(&b, c.kind, c.specialist.Digits(), c.patient.Digits(), c.day, c.lines)
	for _, x := range c.explants {
		fmt.Fprint(&b, "\n", x.id, x.quantity, x.reason)
		if x.unregistered != nil {
			fmt.Fprint(&b, *x.unregistered)
		}
	}
	return b.String()
}

// expectDiscard decides about withdrawing a notification.
func (m *model) expectDiscard(a actor, e *entry, named ident.NotificationNumber, has int, reason string) verdict {
	v := m.mayChange(a, e, named)
	if len(v.refused) > 0 {
		return v
	}
	if has != len(e.versions) {
		return refuse(v, "VERSION_OUTDATED at Version")
	}
	next := *e.current()
	next.change = implants.ChangeDiscarded
	if e.isFinal() {
		next.change = implants.ChangeWithdrawn
		if strings.TrimSpace(reason) == "" {
			v.refused = append(v.refused, "REASON_REQUIRED at Reason")
		}
		for range m.removedFrom(e) {
			v.refused = append(v.refused, "IMPLANT_REMOVED_SINCE at Notification")
		}
		if len(v.refused) > 0 {
			return v
		}
	}
	next.state, next.why, next.at, next.organisation, next.author = implants.Withdrawn, reason, m.now, a.organisation, a.person
	v.next = &next
	return v
}

// removedFrom returns the lines of an implantation that have removals by final explantations.
func (m *model) removedFrom(e *entry) []keptLine {
	if e.current().content.kind != implants.TypeImplantation {
		return nil
	}
	taken := m.removedUntil(endOfTime)
	return slices.DeleteFunc(slices.Clone(e.current().lines), func(l keptLine) bool { return taken[l.id] == 0 })
}

// appendVersion appends the decided version, with the IDs and the number that the register assigned.
func (m *model) appendVersion(step int, e *entry, v verdict, input string, receipt implants.Receipt) *entry {
	if e == nil {
		e = &entry{begun: step, reference: receipt.Reference}
		m.entries = append(m.entries, e)
	}
	e.versions = append(e.versions, *v.next)
	if e.isFinal() {
		if e.number.IsZero() {
			e.number, e.firstWith = receipt.Number, len(e.versions)
			m.numbered = append(m.numbered, e)
		}
	}
	for _, l := range v.next.lines {
		if _, known := m.lines[l.id]; !known {
			m.lines[l.id] = l
			e.ids = append(e.ids, l.id)
		}
	}
	if input != "" {
		m.sent[input] = sent{save: v.next.state, content: v.next.content.text(), entry: e, version: len(e.versions)}
	}
	return e
}

// expectImplants returns the lines that remain in a patient on a day, as "id remaining", as far as the actor may see
// them.
func (m *model) expectImplants(a actor, patient ident.SSIN, on ident.Date, emergency bool) []string {
	all, own, _ := m.accessOf(a, patient, emergency)
	taken := m.removedUntil(on)
	var found []string
	for _, e := range m.inOrderOfOperations() {
		v := e.current()
		if !e.isFinal() || v.content.patient != patient || v.content.day.After(on) || v.content.kind != implants.TypeImplantation ||
			!all && (!own || v.content.specialist != a.person) {
			continue
		}
		for _, l := range v.lines {
			if left := l.notified.Quantity - taken[l.id]; left > 0 {
				found = append(found, fmt.Sprint(l.id, " ", left, " of ", l.notified.Quantity, " ", e.number, " ", v.content.day))
			}
		}
	}
	return found
}

func (m *model) inOrderOfOperations() []*entry {
	ordered := slices.Clone(m.numbered)
	slices.SortStableFunc(ordered, func(a, b *entry) int { return a.current().content.day.Compare(b.current().content.day) })
	return ordered
}

// rowFor returns a line of a list as the actor sees it.
func rowFor(a actor, e *entry) string {
	v := e.current()
	return listRow(implants.NotificationSummary{Reference: e.reference, Version: len(e.versions), Number: e.number, Type: v.content.kind,
		SurgeryDate: v.content.day, Patient: v.content.patient, Specialist: bySSIN(v.content.specialist), State: v.state,
		Own: v.content.specialist == a.person, ImplantCount: cmp.Or(len(v.removals), len(v.lines))})
}

func listRow(s implants.NotificationSummary) string {
	return fmt.Sprint(s.Reference, " v", s.Version, " ", s.Number, " ", s.Type, " ", s.SurgeryDate, " ", s.Patient.Digits(), " ",
		s.Specialist.SSIN.Digits(), " ", s.State, " ", s.Own, " ", s.ImplantCount)
}

// expectPending returns the pending notifications that an actor may list.
func (m *model) expectPending(a actor, state implants.State) ([]string, string) {
	if !a.isDoctor() && !a.isStaff() && !m.isMandated(a, dubois) {
		return nil, "MAY_NOT_PREPARE"
	}
	var found []string
	for _, e := range m.entries {
		v := e.current()
		waits := v.state == implants.Draft || v.state == implants.ToValidate
		seen, _ := m.canSee(a, e, false)
		if waits && seen && (state == "" || v.state == state) {
			found = append(found, rowFor(a, e))
		}
	}
	return found, ""
}

// expectRevise decides about new content for a notification.
func (m *model) expectRevise(a actor, c content, save implants.State, e *entry, named ident.NotificationNumber, has int) verdict {
	v := m.mayChange(a, e, named)
	switch {
	case len(v.refused) > 0:
		return v
	case e.current().content.kind != c.kind:
		return refuse(v, "OTHER_OPERATION_TYPE at Content")
	case save == "":
		save = e.current().state
	case e.isFinal() && save != implants.Final:
		return refuse(v, "NOTIFICATION_ALREADY_FINAL at Save")
	}
	return m.expectNotify(a, c, save, e, has, "")
}

// expectValidate decides about making a prepared notification final.
func (m *model) expectValidate(a actor, e *entry, has int) verdict {
	v := m.mayChange(a, e, ident.NotificationNumber{})
	switch {
	case len(v.refused) > 0:
		return v
	case e.isFinal():
		return refuse(v, "NOTIFICATION_ALREADY_FINAL at Reference")
	}
	c := e.current().sentContent()
	return m.expectNotify(a, c, implants.Final, e, has, "")
}

// sentContent returns the content of a version, with its lines completed.
func (v *version) sentContent() content {
	c := v.content
	c.lines, c.explants = nil, nil
	if c.kind == implants.TypeImplantation {
		for _, l := range v.lines {
			c.lines = append(c.lines, l.notified)
		}
		return c
	}
	for _, r := range v.removals {
		x := explant{id: r.id, quantity: r.quantity, reason: r.reason}
		if i := slices.IndexFunc(v.lines, func(l keptLine) bool { return l.id == r.id }); i >= 0 {
			x.id, x.unregistered = "", &v.lines[i].notified
		}
		c.explants = append(c.explants, x)
	}
	return c
}
