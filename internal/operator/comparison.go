package operator

import (
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// maxReportedChanges bounds the changes listed in a report.
const maxReportedChanges = 20

// comparison collects what an extract changes.
type comparison struct {
	stored       implants.SourceReader // for the current chunk
	effectiveDay ident.Date
	lineByKey    map[string]int // line number of each entry of the extract, by key
	// ownerByNIHII holds the person of each number of a professional in the extract, newerBySSIN the number that
	// replaces each former one.
	ownerByNIHII map[ident.NIHII]ident.SSIN
	newerBySSIN  map[ident.SSIN]ident.SSIN
	fileErrors   *fileErrors
	// changedEntries holds the current chunk's new, changed and ended entries.
	changedEntries implants.SourceEntries
	lastDevice     string // code of the last device checked for absence from a full list

	New, Changed, Unchanged, Ended int

	changeLines []string
}

func newComparison(errs *fileErrors) *comparison {
	return &comparison{
		lineByKey: map[string]int{}, ownerByNIHII: map[ident.NIHII]ident.SSIN{}, newerBySSIN: map[ident.SSIN]ident.SSIN{},
		fileErrors: errs,
	}
}

// entryDescription is an entry in the form used for comparison and reports.
type entryDescription struct {
	key        string // unique among the entries of a kind
	displayKey string // the key with persons' numbers masked
	fields     []describedField
	// hidesValues keeps the values out of reports: they are personal data.
	hidesValues bool
}

type describedField struct{ name, value string }

// compareEntries compares a chunk of entries of one kind with the stored ones. It is a function because methods cannot
// have type parameters.
func compareEntries[T any](c *comparison, all []T, lines []int, describe func(T) entryDescription,
	find func(T) (T, bool, error),
	keep func(*implants.SourceEntries, T)) error {
	for i, entry := range all {
		d := describe(entry)
		if before, duplicate := c.lineByKey[d.key]; duplicate {
			c.fileErrors.appendError(lines[i], fmt.Sprintf(": the same entry stands on line %d", before))
			continue
		}
		c.lineByKey[strings.Clone(d.key)] = lines[i] // a copy, so that the file's buffer can be freed
		former, exists, err := find(entry)
		if err != nil {
			return err
		}
		if !exists {
			c.New++
			c.appendChanges(d.displayKey, "is new")
			keep(&c.changedEntries, entry)
			continue
		}
		changes := diffDescriptions(describe(former), d)
		if len(changes) == 0 {
			c.Unchanged++
			continue
		}
		c.Changed++
		c.appendChanges(d.displayKey, changes...)
		keep(&c.changedEntries, entry)
	}
	return nil
}

// endAbsentEntries ends the open entries that a full extract omits.
func endAbsentEntries[T any](
	c *comparison, open []T, describe func(T) entryDescription, end func(T) T, keep func(*implants.SourceEntries, T),
) {
	for _, former := range open {
		d := describe(former)
		if _, mentioned := c.lineByKey[d.key]; mentioned {
			continue
		}
		ended := end(former)
		c.Ended++
		c.appendChanges(d.displayKey, diffDescriptions(d, describe(ended))...)
		keep(&c.changedEntries, ended)
	}
}

func diffDescriptions(former, now entryDescription) []string {
	var changes []string
	for i, f := range now.fields {
		switch before := former.fields[i].value; {
		case before == f.value:
		case now.hidesValues:
			changes = append(changes, f.name+" changes")
		default:
			changes = append(changes, fmt.Sprintf("%s %q → %q", f.name, before, f.value))
		}
	}
	return changes
}

func (c *comparison) appendChanges(key string, changes ...string) {
	for _, change := range changes {
		if len(c.changeLines) < maxReportedChanges {
			c.changeLines = append(c.changeLines, key+": "+change)
		}
	}
}

// takeChangedEntries returns the current chunk's changes and clears them.
func (c *comparison) takeChangedEntries() implants.SourceEntries {
	changed := c.changedEntries
	c.changedEntries = implants.SourceEntries{}
	return changed
}
