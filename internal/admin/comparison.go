package admin

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// maxReportedChanges bounds the changes listed in a report.
const shownChanges = 20

// comparison collects what an extract changes.
type comparison struct {
	known  store.SourceReader // for the current chunk
	day    ident.Date
	seen   map[string]int // line number of each entry of the extract, by key
	faults *faults
	// changedEntries holds the current chunk's new, changed and ended entries.
	changed store.SourceEntries
	after   string // code of the last device checked for absence from a full list

	New, Changed, Unchanged, Ended int

	told []string
}

// entryDescription is an entry in the form used for comparison and reports.
type description struct {
	key    string // unique among the entries of a kind
	shown  string // the key with persons' numbers masked
	fields []detail
	// hidesValues keeps the values out of reports: they are personal data.
	private bool
}

type detail struct{ name, value string }

// compareEntries compares a chunk of entries of one kind with the stored ones. It is a function because methods cannot
// have type parameters.
func entries[T any](c *comparison, all []T, lines []int, describe func(T) description, find func(T) (T, bool, error),
	keep func(*store.SourceEntries, T)) error {
	for i, entry := range all {
		d := describe(entry)
		if before, duplicate := c.seen[d.key]; duplicate {
			c.faults.add(lines[i], fmt.Sprintf(": the same entry stands on line %d", before))
			continue
		}
		c.seen[strings.Clone(d.key)] = lines[i] // a copy, so that the file's buffer can be freed
		former, exists, err := find(entry)
		if err != nil {
			return err
		}
		if !exists {
			c.New++
			c.tell(d.shown, "is new")
			keep(&c.changed, entry)
			continue
		}
		changes := changesOf(describe(former), d)
		if len(changes) == 0 {
			c.Unchanged++
			continue
		}
		c.Changed++
		c.tell(d.shown, changes...)
		keep(&c.changed, entry)
	}
	return nil
}

// endAbsentEntries ends the open entries that a full extract omits.
func endAbsent[T any](c *comparison, open []T, describe func(T) description, end func(T) T, keep func(*store.SourceEntries, T)) {
	for _, former := range open {
		d := describe(former)
		if _, mentioned := c.seen[d.key]; mentioned {
			continue
		}
		ended := end(former)
		c.Ended++
		c.tell(d.shown, changesOf(d, describe(ended))...)
		keep(&c.changed, ended)
	}
}

func changesOf(former, now description) []string {
	var changes []string
	for i, f := range now.fields {
		switch before := former.fields[i].value; {
		case before == f.value:
		case now.private:
			changes = append(changes, f.name+" changes")
		default:
			changes = append(changes, fmt.Sprintf("%s %q → %q", f.name, before, f.value))
		}
	}
	return changes
}

func (c *comparison) tell(key string, changes ...string) {
	for _, change := range changes {
		if len(c.told) < shownChanges {
			c.told = append(c.told, key+": "+change)
		}
	}
}

// takeChangedEntries returns the current chunk's changes and clears them.
func (c *comparison) take() store.SourceEntries {
	changed := c.changed
	c.changed = store.SourceEntries{}
	return changed
}
