package implants

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Grouping is the criterion by which statistics are grouped.
type Grouping string

// The groupings.
const (
	ByCode     Grouping = "code"     // the UDI-DI for implants without a code
	ByCategory Grouping = "category" // of the device list; empty for implants that are not in it
	ByMonth    Grouping = "month"    // of the surgery
	ByHospital Grouping = "hospital" // the notifying hospital
	ByDelay    Grouping = "delay"    // days between surgery and notification
)

// StatisticsQuery selects notifications by surgery date, and a grouping.
type StatisticsQuery struct {
	GroupBy  Grouping
	From, To ident.Date
}

// Figures are the counts of a group. A notification with lines in several groups counts in each of them.
type Figures struct {
	Group                string
	Name                 string      // of the hospital or device
	Implantations        int         // notifications
	Implanted            int         // pieces
	Explantations        int         // notifications
	Explanted            int         // pieces
	Notified             int         // notifications of both types
	Median, Percentile90 int         // percentiles 50 and 90 of the delay, in days
	Late                 int         // notifications more than LateAfterDays days after the surgery
	delayCounts          map[int]int // notifications by delay in days
}

// LateAfterDays is the number of days after which a notification counts as late. It is a basis for comparison, not a
// legal limit.
const LateAfterDays = 30

// Statistics counts the current versions of final notifications. The day of notification is the day of the number, on
// which the notification first became final.
type Statistics struct {
	Groups []Figures
	Total  Figures // counts each notification once
}

// AllGroupings returns all groupings.
func AllGroupings() []Grouping {
	return []Grouping{ByCode, ByCategory, ByMonth, ByHospital, ByDelay}
}

// DelayGroups returns the names of the groups of ByDelay, ranges of days.
func DelayGroups() []string { return []string{"0-1", "2-7", "8-30", "31-90", "91-"} }

// AddDelay counts notifications that were made so many days after the surgery.
func (f *Figures) AddDelay(days, notifications int) {
	if f.delayCounts == nil {
		f.delayCounts = make(map[int]int)
	}
	f.delayCounts[days] += notifications
}

// NewStatistics computes the figures that follow from the delays, and sorts the groups. The total is the sum of
// disjoint groups, which have no notification in common.
func NewStatistics(groups, disjoint []Figures) *Statistics {
	for i := range groups {
		groups[i].computeDelays()
	}
	slices.SortFunc(groups, func(a, b Figures) int {
		return cmp.Or(cmp.Compare(slices.Index(DelayGroups(), a.Group), slices.Index(DelayGroups(), b.Group)),
			cmp.Compare(a.Group, b.Group))
	})
	return &Statistics{Groups: groups, Total: sumFigures(disjoint)}
}

// Validate reports an unknown grouping.
func (q StatisticsQuery) Validate() error {
	if !slices.Contains(AllGroupings(), q.GroupBy) {
		return fmt.Errorf("there are no figures by %q", q.GroupBy)
	}
	return nil
}

// sumFigures adds up groups that have no notification in common.
func sumFigures(groups []Figures) Figures {
	total := Figures{delayCounts: make(map[int]int)}
	for i := range groups {
		f := &groups[i]
		total.Implantations += f.Implantations
		total.Implanted += f.Implanted
		total.Explantations += f.Explantations
		total.Explanted += f.Explanted
		for delay, n := range f.delayCounts {
			total.delayCounts[delay] += n
		}
	}
	total.computeDelays()
	return total
}

// computeDelays computes the fields that follow from the delays. A percentile is the smallest delay within which at
// least that share of the notifications was made.
func (f *Figures) computeDelays() {
	f.Notified = f.Implantations + f.Explantations
	seen := 0
	medianFound, ninetyFound := false, false
	for _, delay := range slices.Sorted(maps.Keys(f.delayCounts)) {
		seen += f.delayCounts[delay]
		if !medianFound && 2*seen >= f.Notified {
			f.Median, medianFound = delay, true
		}
		if !ninetyFound && 10*seen >= 9*f.Notified {
			f.Percentile90, ninetyFound = delay, true
		}
		if delay > LateAfterDays {
			f.Late += f.delayCounts[delay]
		}
	}
}
