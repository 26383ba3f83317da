package admin

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// shownChanges bounds how many changes are told.
const shownChanges = 20

// comparison finds out what an extract changes.
type comparison struct {
	known  store.SourceReader // of the chunk at hand
	day    ident.Date
	seen   map[string]int // the entries of the extract, with their lines
	faults *faults
	// changed are the entries of the chunk at hand that are new, that changed, or that have ended.
	changed store.Sources
	after   string // the last device that was looked at whether the list leaves it out

	New, Changed, Unchanged, Ended int

	told []string
}

// description is an entry as it is told.
type description struct {
	key    string // tells it from every other entry
	shown  string // the same, without a person's number
	fields []detail
	// private says that no value is told: they are of a person.
	private bool
}

type detail struct{ name, value string }

// entries compares some of one kind. It is a function because a method has no type parameter.
func entries[T any](c *comparison, all []T, lines []int, describe func(T) description, find func(T) (T, bool, error),
	keep func(*store.Sources, T)) error {
	for i, entry := range all {
		d := describe(entry)
		if before, twice := c.seen[d.key]; twice {
			c.faults.add(lines[i], fmt.Sprintf(": the same entry stands on line %d", before))
			continue
		}
		c.seen[strings.Clone(d.key)] = lines[i] // what the key was cut from may go
		former, there, err := find(entry)
		if err != nil {
			return err
		}
		if !there {
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

// endAbsent ends what a full extract leaves out.
func endAbsent[T any](c *comparison, open []T, describe func(T) description, end func(T) T, keep func(*store.Sources, T)) {
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

// take gives what changed in the chunk at hand.
func (c *comparison) take() store.Sources {
	changed := c.changed
	c.changed = store.Sources{}
	return changed
}
