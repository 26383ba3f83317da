package store_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// formatStatistics formats statistics as text, sorted by group.
func formatStatistics(s *implants.Statistics) []string {
	var lines []string
	for _, f := range append(slices.Clone(s.Groups), s.Total) {
		lines = append(lines, fmt.Sprint(f.Group, "/", f.Implantations, f.Implanted, f.Explantations, f.Explanted, f.Notified, f.Median, f.Percentile90, f.Late))
	}
	slices.Sort(lines)
	return lines
}

// naiveFigures is a group of the naive count.
type naiveFigures struct {
	implantations, placed, explantations, removed int
	delays                                        []int
}

// expectedStatistics counts one notification after the other.
func (l *expectedRegister) expectedStatistics(q implants.StatisticsQuery) []string {
	groups, total := map[string]*naiveFigures{}, &naiveFigures{}
	for i := range l.versions {
		n := &l.versions[i]
		if n.State != implants.Final || n.SurgeryDate.Before(q.From) || !q.To.IsZero() && n.SurgeryDate.After(q.To) {
			continue
		}
		delay := daysBetween(n.SurgeryDate, n.Number.Day())
		pieces := map[string]int{}
		sum := 0
		for _, line := range n.Implants {
			if n.Type == implants.TypeImplantation {
				pieces[expectedGroup(q.GroupBy, n, &line, delay)] += line.Quantity
				sum += line.Quantity
			}
		}
		for _, r := range n.Removals {
			line := l.findImplant(r.ImplantID)
			pieces[expectedGroup(q.GroupBy, n, &line, delay)] += r.Quantity
			sum += r.Quantity
		}
		total.addNotification(n.Type, sum, delay)
		for group, number := range pieces {
			if groups[group] == nil {
				groups[group] = &naiveFigures{}
			}
			groups[group].addNotification(n.Type, number, delay)
		}
	}
	all := &implants.Statistics{Total: total.toFigures("")}
	for group, c := range groups {
		all.Groups = append(all.Groups, c.toFigures(group))
	}
	return formatStatistics(all)
}

func (l *expectedRegister) findImplant(id string) implants.Implant {
	for i := range l.versions {
		for _, line := range l.versions[i].Implants {
			if line.ID == id {
				return line
			}
		}
	}
	return implants.Implant{}
}

func daysBetween(from, to ident.Date) int {
	at := func(d ident.Date) time.Time { return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, time.UTC) }
	return int(at(to).Sub(at(from)).Hours() / 24)
}

func expectedGroup(by implants.Grouping, n *implants.Notification, line *implants.Implant, delay int) string {
	switch by {
	case implants.ByCode:
		if line.Code.IsZero() {
			return line.UDIDI
		}
		return line.Code.Digits()
	case implants.ByCategory:
		if line.Code.IsZero() {
			return ""
		}
		return "Orthopaedic " + line.Code.Digits()[10:]
	case implants.ByHospital:
		return n.Organisation.Digits()
	case implants.ByDelay:
		return []string{"0-1", "2-7", "8-30", "31-90", "91-"}[slices.IndexFunc([]int{1, 7, 30, 90, 100_000}, func(most int) bool { return delay <= most })]
	case implants.ByMonth:
	}
	return n.SurgeryDate.String()[:7]
}

func (c *naiveFigures) addNotification(of implants.SurgeryType, pieces, delay int) {
	c.delays = append(c.delays, delay)
	if of == implants.TypeImplantation {
		c.implantations++
		c.placed += pieces
		return
	}
	c.explantations++
	c.removed += pieces
}

func (c *naiveFigures) toFigures(group string) implants.Figures {
	f := implants.Figures{Group: group, Implantations: c.implantations, Implanted: c.placed, Explantations: c.explantations, Explanted: c.removed,
		Notified: len(c.delays)}
	if len(c.delays) == 0 {
		return f
	}
	slices.Sort(c.delays)
	f.Median, f.Percentile90 = c.delays[(len(c.delays)+1)/2-1], c.delays[(9*len(c.delays)+9)/10-1]
	for _, delay := range c.delays {
		if delay > implants.LateAfterDays {
			f.Late++
		}
	}
	return f
}
