package implants_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// This file holds the rules of the model, as far as the random histories break them. A finding is "NUMBER CODE at
// PATH": the number restores the order in which the rules apply when some violations are downgraded to warnings.

// findingList collects findings in the order in which they are made.
type findingList struct {
	n                         int
	refused, forgiven, warned []string
}

func (f *findingList) addFinding(list *[]string, code problem.Code, where string) {
	f.n++
	*list = append(*list, fmt.Sprintf("%04d %s", f.n, formatCode(code, where)))
}

// mergeFindings combines two lists of findings in order.
func mergeFindings(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return all
}

// stripNumbers removes the numbers.
func stripNumbers(findings []string) []string {
	var out []string
	for _, f := range findings {
		_, text, _ := strings.Cut(f, " ")
		out = append(out, text)
	}
	return out
}

// applyRules decides the lines of the next version. It returns apart what a draft may break.
func (m *model) applyRules(c content, e *entry, next *version) (refused, forgiven []string) {
	f := &findingList{}
	var former []keptLine
	if e != nil {
		former = slices.Clone(e.current().lines)
	}
	m.checkDay(f, c)
	if c.kind == implants.TypeImplantation {
		m.placeLines(f, c, e, former, next)
	} else {
		m.removeLines(f, c, e, former, next)
	}
	next.warned = f.warned
	return f.refused, f.forgiven
}

func (m *model) checkDay(f *findingList, c content) {
	where := string(c.kind) + ".SurgeryDate"
	switch {
	case c.day.After(m.today()):
		f.addFinding(&f.forgiven, implants.OperationInFuture, where)
	case c.day.AddDays(30).Before(m.today()):
		f.addFinding(&f.warned, implants.WarnLate, where)
	}
}

func (m *model) placeLines(f *findingList, c content, e *entry, former []keptLine, next *version) {
	for i, n := range c.lines {
		where := fmt.Sprintf("Implantation.Implants[%d]", i+1)
		checkLine(f, n, where)
		l := toKeptLine(n)
		switch {
		case l.notified.Code == hipStem:
			f.addFinding(&f.warned, implants.WarnDeviceRecalled, where)
		case l.notified.Code == stent && !c.day.Before(deletedStent):
			f.addFinding(&f.warned, implants.WarnDeviceDeleted, where)
		}
		next.lines = append(next.lines, l)
	}
	for i := range next.lines {
		l := &next.lines[i]
		if l.id = reuseLineID(former, *l); l.id == "" && m.isSerialInUse(*l, next.lines[:i], e) {
			f.addFinding(&f.warned, implants.WarnSerialPlaced, fmt.Sprintf("Implantation.Implants[%d]", i+1))
		}
	}
	if e == nil || !e.isFinal() {
		return
	}
	for _, gone := range m.removedFrom(e) {
		stays := slices.ContainsFunc(next.lines, func(l keptLine) bool { return l.id == gone.id })
		switch {
		case !stays || c.patient != e.current().content.patient:
			f.addFinding(&f.refused, implants.ImplantRemovedSince, "Implantation")
		case m.firstRemoval(gone.id).Before(c.day):
			f.addFinding(&f.refused, implants.ExplantBeforeImplant, "Implantation.SurgeryDate")
		}
	}
}

func checkLine(f *findingList, n implants.NotifiedImplant, where string) {
	if n.Quantity < 1 || n.Quantity > 99 {
		f.addFinding(&f.refused, implants.QuantityOutOfRange, where+".Quantity")
	}
	if n.Code == unlisted {
		f.addFinding(&f.forgiven, implants.CodeUnknown, where+".Code")
	}
}

// toKeptLine returns a line as stored, completed from its UDI, which has the form that knownUDI writes.
func toKeptLine(n implants.NotifiedImplant) keptLine {
	l := keptLine{notified: n}
	if n.UDI != "" {
		l.di = kneeDI
		_, rest, _ := strings.Cut(n.UDI, "(10)")
		l.notified.Lot, l.notified.Serial, _ = strings.Cut(rest, "(21)")
		if n.Code.IsZero() {
			l.notified.Code = knee
		}
	}
	return l
}

func knownUDI(lot, serial string) string {
	udi := "(01)" + kneeDI + "(10)" + lot
	if serial != "" {
		udi += "(21)" + serial
	}
	return udi
}

// reuseLineID returns the ID of an identical line of the previous version. Each old line is used once.
func reuseLineID(former []keptLine, l keptLine) string {
	for i, old := range former {
		if old.id != "" && old.notified == l.notified && old.di == l.di && old.unregistered == l.unregistered {
			former[i].id = ""
			return old.id
		}
	}
	return ""
}

func sameSerial(a, b keptLine) bool {
	return a.notified.Serial == b.notified.Serial &&
		(a.notified.Code == b.notified.Code && !a.notified.Code.IsZero() || a.di == b.di && a.di != "")
}

// isSerialInUse reports whether a serial number is already in a patient, or twice in the message.
func (m *model) isSerialInUse(l keptLine, earlier []keptLine, e *entry) bool {
	same := func(other keptLine) bool { return sameSerial(l, other) }
	switch {
	case l.notified.Serial == "":
		return false
	case slices.ContainsFunc(earlier, same):
		return true
	case e != nil && e.isFinal() && slices.ContainsFunc(e.current().lines, same):
		return false
	}
	taken := m.removedUntil(endOfTime)
	return slices.ContainsFunc(m.numbered, func(other *entry) bool {
		return other.isFinal() && slices.ContainsFunc(other.current().lines, func(placed keptLine) bool {
			return !placed.unregistered && same(placed) && placed.notified.Quantity > taken[placed.id]
		})
	})
}

// firstRemoval returns the first date on which part of a line was removed.
func (m *model) firstRemoval(id string) ident.Date {
	first := endOfTime
	for _, e := range m.entries {
		for _, r := range e.current().removals {
			if e.isFinal() && r.id == id && e.current().content.day.Before(first) {
				first = e.current().content.day
			}
		}
	}
	return first
}

func (m *model) removeLines(f *findingList, c content, e *entry, former []keptLine, next *version) {
	taken := m.removedUntil(endOfTime)
	if e != nil && e.isFinal() {
		for _, r := range e.current().removals { // what the previous version removed may be removed again
			taken[r.id] -= r.quantity
		}
	}
	for i, x := range c.explants {
		where := fmt.Sprintf("Explantation.Explants[%d]", i+1)
		r := removal{id: x.id, quantity: x.quantity, reason: x.reason}
		left := 0
		if x.unregistered != nil {
			l := toKeptLine(*x.unregistered)
			l.unregistered = true
			l.id = reuseLineID(former, l)
			next.lines = append(next.lines, l)
			r.id, left = l.id, l.notified.Quantity
		}
		if x.quantity > 99 {
			f.addFinding(&f.refused, implants.QuantityOutOfRange, where+".Quantity")
			next.removals = append(next.removals, r)
			continue
		}
		if x.unregistered != nil {
			checkLine(f, *x.unregistered, where+".Unregistered")
		} else {
			l, placed, ok := m.implantIn(c.patient, x.id)
			if !ok {
				f.addFinding(&f.refused, implants.ImplantNotOfPatient, where+".ImplantID")
				continue
			}
			if c.day.Before(placed) {
				f.addFinding(&f.forgiven, implants.ExplantBeforeImplant, "Explantation.SurgeryDate")
			}
			left = l.notified.Quantity - taken[l.id]
		}
		quantity := r.quantity
		if quantity == 0 {
			quantity = left
		} else {
			where += ".Quantity"
		}
		if quantity > left || quantity == 0 {
			f.addFinding(&f.forgiven, implants.ExplantExceedsRemaining, where)
		} else {
			taken[r.id] += quantity
			if next.state == implants.Final {
				r.quantity, r.remaining = quantity, left-quantity
			}
		}
		next.removals = append(next.removals, r)
	}
}
