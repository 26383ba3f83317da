package implants_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// This file generates random histories. A step identifies its notification by the step that began it, so a history
// keeps its meaning when steps are removed.

type action string

const (
	notifying    action = "notify"
	revising     action = "revise"
	validating   action = "validate"
	discarding   action = "discard"
	waiting      action = "wait"
	carrying     action = "implants of a patient"
	searching    action = "search"
	listing      action = "pending"
	describing   action = "notification"
	comparingAll action = "compare everything"
)

// step is one operation, or one comparison.
type step struct {
	id       int
	act      action
	who      int // index into actors
	of       int // the step that began the notification; 0: no notification
	byNumber bool
	behind   int // by how many versions the caller's version is outdated
	save     implants.State
	input    string // InputReference
	reason   string
	twice    bool // the same message is sent again
	content  content
	explants []removedLine
	until    time.Time // to wait for

	// For reads.
	patient   ident.SSIN
	on        ident.Date
	emergency bool
	about     ident.SSIN // whom the emergency is about, where the step names a notification
	page      int
	criteria  implants.SearchRequest
}

// removedLine is an explant whose implant is identified by the notification that implanted it.
type removedLine struct {
	of           int
	line         int // of all that the notification ever had
	unregistered *implants.NotifiedImplant
	quantity     int
	reason       string
}

// String formats the step for the message of a failing test.
func (s step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d: %s %s", s.id, actors[s.who].name, s.act)
	note := func(given bool, format string, values ...any) {
		if given {
			fmt.Fprintf(&b, " "+format, values...)
		}
	}
	note(s.of != 0, "of %d", s.of)
	note(s.byNumber, "by number")
	note(s.behind != 0, "%d behind", s.behind)
	note(s.save != "", "as %s", s.save)
	note(s.input != "", "under %s", s.input)
	note(s.reason != "", "because %q", s.reason)
	note(s.twice, "twice")
	note(s.act == waiting, "until %s", s.until.Format(time.RFC3339))
	note(s.emergency, "in an emergency about %s", s.about.Digits())
	note(!s.patient.IsZero(), "patient %s", s.patient.Digits())
	note(!s.on.IsZero(), "on %s", s.on)
	if c := s.criteria; s.act == searching {
		note(true, "%s..%s %s", c.From, c.To, c.Type)
		note(c.Implant != nil, "%+v", c.Implant)
	}
	if c := s.content; c.kind != "" {
		note(true, "%s by %s on %s of %s", c.kind, c.specialist.Digits(), c.day, c.patient.Digits())
		for _, l := range c.lines {
			note(true, "[%s]", lineText(l))
		}
	}
	for _, x := range s.explants {
		if x.unregistered != nil {
			note(true, "[unregistered %s: %d]", lineText(*x.unregistered), x.quantity)
			continue
		}
		note(true, "[line %d of %d: %d]", x.line, x.of, x.quantity)
	}
	return b.String()
}

func lineText(l implants.NotifiedImplant) string {
	return strings.TrimSpace(fmt.Sprint(l.Quantity, " ", l.Code, " ", l.UDI, " ", l.Lot, " ", l.Serial, " ", l.Location))
}

// generator draws steps that make sense in the current state of the model.
type generator struct {
	*rand.Rand
	m    *model
	last int
	kept []step // notifications with an InputReference
}

func newGenerator(seed uint64, m *model) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 4)), m: m}
}

func (g *generator) oneIn(in int) bool { return g.IntN(in) == 0 }

func pick[T any](g *generator, all ...T) T { return all[g.IntN(len(all))] }

// nextStep draws the next step.
func (g *generator) nextStep() step {
	g.last++
	s := step{id: g.last, page: 1 + g.IntN(7), who: g.IntN(len(actors))}
	draw := g.IntN(100)
	switch {
	case draw < 16:
		g.drawImplantation(&s)
	case draw < 34:
		g.drawExplantation(&s)
	case draw < 37 && len(g.kept) > 0:
		g.repeatSubmission(&s)
	case draw < 53:
		g.drawRevision(&s)
	case draw < 63:
		s.act = validating
		g.pointAt(&s, implants.ToValidate, implants.Draft)
	case draw < 71:
		s.act, s.reason = discarding, pick(g, "", " ", "entered twice", "entered twice", "wrong patient")
		g.pointAt(&s, implants.Draft, implants.Final, implants.Final)
		s.byNumber = g.oneIn(2)
	case draw < 75:
		s.act, s.until = waiting, g.m.now.Add(time.Duration(g.IntN(40*3600))*time.Second)
	case draw < 81:
		s.act, s.patient, s.emergency = carrying, pick(g, patients...), g.oneIn(4)
		if g.oneIn(2) {
			s.on = g.m.today().AddDays(-g.IntN(60))
		}
	case draw < 90:
		g.drawSearch(&s)
	case draw < 94:
		s.act, s.save = listing, pick(g, "", implants.Draft, implants.ToValidate)
	case draw < 99:
		s.act, s.emergency, s.byNumber = describing, g.oneIn(6), g.oneIn(2)
		g.pointAt(&s, implants.Draft, implants.ToValidate, implants.Final, implants.Withdrawn)
	default:
		s.act = comparingAll
	}
	if s.about = pick(g, patients...); s.emergency {
		if e := g.m.entryBegunBy(s.of); e != nil && !g.oneIn(4) {
			s.about = e.current().content.patient
		}
	}
	if s.input != "" {
		g.kept = append(g.kept, s)
	}
	s.twice = s.act == notifying && g.oneIn(15)
	return s
}

// recentDate draws a possible surgery date; rarely a future one.
func (g *generator) recentDate() ident.Date {
	if g.oneIn(25) {
		return g.m.today().AddDays(1 + g.IntN(2))
	}
	return g.m.today().AddDays(-g.IntN(pick(g, 3, 10, 45)))
}

// beginNotification draws the fields that all notifications share.
func (g *generator) beginNotification(s *step, kind implants.SurgeryType) {
	s.act, s.save = notifying, pick(g, implants.Draft, implants.ToValidate, implants.Final, implants.Final)
	s.content = content{kind: kind, specialist: pick(g, specialists...), patient: pick(g, patients...), day: g.recentDate()}
	s.who = g.callerFor(s.content.specialist, s.save)
	if g.oneIn(5) {
		s.input = fmt.Sprintf("input-%d", s.id)
	}
}

// callerFor draws an actor who is authorised, most of the time.
func (g *generator) callerFor(specialist ident.SSIN, save implants.State) int {
	if g.oneIn(8) {
		return g.IntN(len(actors))
	}
	var may []int
	for i, a := range actors {
		if g.m.mayNotify(a, save, specialist) == "" {
			may = append(may, i)
		}
	}
	return pick(g, may...)
}

func (g *generator) drawImplantation(s *step) {
	g.beginNotification(s, implants.TypeImplantation)
	for range 1 + g.IntN(3) {
		s.content.lines = append(s.content.lines, g.randomLine())
	}
}

// randomLine draws an implant from few products, lots and serial numbers, so that some coincide.
func (g *generator) randomLine() implants.NotifiedImplant {
	n := implants.NotifiedImplant{Code: pick(g, mesh, knee, knee, hipStem, stent), Quantity: 1 + g.IntN(4)}
	if g.oneIn(30) {
		n.Code = unlisted
	}
	if g.oneIn(40) {
		n.Quantity = pick(g, 0, 100)
	}
	if g.oneIn(4) {
		n.Serial = fmt.Sprintf("S%d", g.IntN(12))
	}
	if g.oneIn(3) {
		n.Lot = fmt.Sprintf("L%d", g.IntN(6))
	}
	if g.oneIn(5) { // the UDI contains them, so they may be left out
		n = implants.NotifiedImplant{Code: pick(g, ident.NotificationCode{}, knee), Quantity: 1, UDI: knownUDI(fmt.Sprintf("L%d", g.IntN(6)), n.Serial)}
	}
	if g.oneIn(3) {
		n.Location = pick(g, "left knee", "right knee")
	}
	return n
}

func (g *generator) drawExplantation(s *step) {
	g.beginNotification(s, implants.TypeExplantation)
	g.drawExplants(s)
}

// drawExplants draws removals, mostly of implants that are in the patient.
func (g *generator) drawExplants(s *step) {
	for range 1 + g.IntN(2) {
		x := removedLine{quantity: pick(g, 0, 0, 1, 1, 1, 2, 3), reason: pick(g, "", "infection")}
		if g.oneIn(40) {
			x.quantity = 100
		}
		if g.oneIn(6) {
			n := g.randomLine()
			n.Quantity = max(1, min(n.Quantity, 3))
			x.unregistered = &n
		} else {
			x.of, x.line = g.randomImplant(s.content.patient)
		}
		s.explants = append(s.explants, x)
	}
}

// randomImplant draws a line that is in a patient or, rarely, any line.
func (g *generator) randomImplant(patient ident.SSIN) (of, line int) {
	fits := func(e *entry) bool {
		return e.isFinal() && e.current().content.patient == patient && e.current().content.kind == implants.TypeImplantation
	}
	if g.oneIn(15) {
		fits = func(*entry) bool { return true }
	}
	e := g.randomEntry(fits)
	if e == nil || len(e.ids) == 0 {
		return 0, 0
	}
	line = g.IntN(len(e.ids))
	if lines := e.current().lines; len(lines) > 0 && !g.oneIn(6) {
		line = slices.Index(e.ids, lines[g.IntN(len(lines))].id)
	}
	return e.begun, line
}

// randomEntry draws a notification that fits, half of the time one of the newest.
func (g *generator) randomEntry(fits func(*entry) bool) *entry {
	among := g.m.entries
	if g.oneIn(2) {
		among = among[max(0, len(among)-20):]
	}
	fit := slices.DeleteFunc(slices.Clone(among), func(e *entry) bool { return !fits(e) })
	if len(fit) == 0 {
		return nil
	}
	return pick(g, fit...)
}

// pointAt draws a notification, mostly in one of the states, and an actor who may change it, most of the time.
func (g *generator) pointAt(s *step, states ...implants.State) *entry {
	state := pick(g, states...)
	e := g.randomEntry(func(e *entry) bool { return e.current().state == state || g.oneIn(30) })
	if e == nil || g.oneIn(60) {
		return nil
	}
	s.of, s.behind = e.begun, pick(g, 0, 0, 0, 0, 0, 0, 0, 1, -1)
	if !g.oneIn(5) {
		save := implants.Final
		if s.act == discarding && !e.isFinal() {
			save = implants.Draft
		}
		s.who = g.callerFor(e.current().content.specialist, save)
	}
	return e
}

// repeatSubmission repeats a notification with an InputReference, with the same or other content.
func (g *generator) repeatSubmission(s *step) {
	first := g.kept[g.IntN(len(g.kept))]
	first.id, first.twice = s.id, false
	switch g.IntN(6) {
	case 0:
		first.content.day = first.content.day.AddDays(-1)
	case 1:
		first.save = pick(g, implants.Draft, implants.Final)
	case 2:
		first.who = g.IntN(len(actors))
	}
	*s = first
}

// drawRevision draws new content: some lines stay, some change; rarely the patient or the date changes.
func (g *generator) drawRevision(s *step) {
	s.act = revising
	e := g.pointAt(s, implants.Draft, implants.ToValidate, implants.Final, implants.Final, implants.Final)
	s.save = pick(g, "", "", implants.Draft, implants.ToValidate, implants.Final, implants.Final)
	s.byNumber = g.oneIn(2)
	if e == nil {
		s.content = content{kind: implants.TypeImplantation, specialist: claes, patient: leroy, day: g.recentDate(),
			lines: []implants.NotifiedImplant{g.randomLine()}}
		return
	}
	now := e.current()
	s.content = content{kind: now.content.kind, specialist: now.content.specialist, patient: now.content.patient, day: now.content.day}
	switch {
	case g.oneIn(8):
		s.content.patient = pick(g, patients...)
	case g.oneIn(20):
		s.content.specialist = pick(g, specialists...)
	}
	if g.oneIn(5) {
		s.content.day = g.recentDate()
	}
	if g.oneIn(30) {
		s.content.kind = pick(g, implants.TypeImplantation, implants.TypeExplantation)
	}
	if !g.oneIn(6) {
		s.who = g.callerFor(s.content.specialist, now.state)
	}
	if s.content.kind == implants.TypeExplantation {
		g.drawRevisedExplants(s, now)
		return
	}
	for _, l := range now.lines {
		switch g.IntN(8) {
		case 0: // left out
		case 1:
			l.notified.Quantity = 1 + g.IntN(4)
			fallthrough
		default:
			s.content.lines = append(s.content.lines, l.notified)
		}
	}
	if len(s.content.lines) == 0 || g.oneIn(4) {
		s.content.lines = append(s.content.lines, g.randomLine())
	}
}

func (g *generator) drawRevisedExplants(s *step, now *version) {
	for _, r := range now.removals {
		x := removedLine{quantity: r.quantity, reason: r.reason}
		if l := g.m.lines[r.id]; l.unregistered {
			n := l.notified
			x.unregistered = &n
		} else {
			x.of, x.line = g.findLine(r.id)
		}
		switch g.IntN(8) {
		case 0: // left out
		case 1, 2:
			x.quantity = g.IntN(4)
			fallthrough
		default:
			s.explants = append(s.explants, x)
		}
	}
	if len(s.explants) == 0 || g.oneIn(4) {
		g.drawExplants(s)
	}
}

// findLine returns the notification and the line with an ID.
func (g *generator) findLine(id string) (of, line int) {
	for _, e := range g.m.entries {
		if i := slices.Index(e.ids, id); i >= 0 {
			return e.begun, i
		}
	}
	return 0, 0
}

func (g *generator) drawSearch(s *step) {
	s.act, s.emergency = searching, g.oneIn(6)
	c := &s.criteria
	switch g.IntN(4) {
	case 0:
		s.patient = pick(g, patients...)
	case 1:
		s.byNumber = true
		if e := g.randomEntry(func(e *entry) bool { return !e.number.IsZero() }); e != nil {
			s.of = e.begun
		}
	default:
		c.Implant = &implants.ImplantCriteria{}
		switch g.IntN(6) {
		case 0:
			c.Implant.UDI = knownUDI(fmt.Sprintf("L%d", g.IntN(6)), pick(g, "", "", fmt.Sprintf("S%d", g.IntN(12))))
		case 1:
			c.Implant.Serial = fmt.Sprintf("S%d", g.IntN(12))
		case 2:
			c.Implant.Lot = fmt.Sprintf("L%d", g.IntN(6))
		default:
			c.Implant.Code = pick(g, mesh, knee, hipStem, stent)
			if g.oneIn(3) {
				c.Implant.Lot = fmt.Sprintf("L%d", g.IntN(6))
			}
		}
	}
	if g.oneIn(3) {
		c.From = g.m.today().AddDays(-g.IntN(40))
	}
	if g.oneIn(3) {
		c.To = g.m.today().AddDays(-g.IntN(20))
	}
	if g.oneIn(4) {
		c.Type = pick(g, implants.TypeImplantation, implants.TypeExplantation)
	}
}
