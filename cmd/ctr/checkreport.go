package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/problem"
)

// checkReport is what a check found, in the order in which a message is looked at.
type checkReport struct {
	File       string       `json:"file"`
	At         time.Time    `json:"at"`
	Refused    int          `json:"refused"`          // how many things would be refused
	Answer     problem.Code `json:"answer,omitempty"` // what the service would say, which is the first thing that it meets
	Checks     []check      `json:"checks"`
	Difference *difference  `json:"difference,omitempty"`

	lang problem.Lang
}

// check is one thing that was looked at.
type check struct {
	Name     string    `json:"name"`
	Status   string    `json:"status"`
	Facts    []fact    `json:"facts,omitempty"`
	Problems []finding `json:"problems,omitempty"`
}

// The results of a check.
const (
	statusOK        = "ok"
	statusRefused   = "refused"
	statusUnchecked = "not checked" // something before it left nothing to look at
)

type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// finding is one thing that would be refused.
type finding struct {
	Code problem.Code `json:"code"`
	At   string       `json:"at,omitempty"`
	More string       `json:"more,omitempty"` // an algorithm, an instant, a bound
	Text string       `json:"text"`           // what to change
}

// add adds a check with what an error says, which may be several things.
func (r *checkReport) add(name string, err error, facts ...fact) {
	if err == nil {
		r.addAll(name, nil, facts...)
		return
	}
	r.addAll(name, problem.From(err).Leaves(), facts...)
}

// addAll adds a check with its refusals. Facts without a value are left out.
func (r *checkReport) addAll(name string, refusals []*problem.Error, facts ...fact) {
	c := check{Name: name, Status: statusOK}
	for _, f := range facts {
		if f.Value != "" {
			c.Facts = append(c.Facts, f)
		}
	}
	for _, e := range refusals {
		entry, _ := problem.Lookup(e.Code)
		c.Status = statusRefused
		c.Problems = append(c.Problems, finding{Code: e.Code, At: e.At, More: e.Public, Text: entry.Text(r.lang)})
		if r.Answer == "" {
			r.Answer = e.Code
		}
	}
	r.Refused += len(c.Problems)
	r.Checks = append(r.Checks, c)
}

func (r *checkReport) skip(names ...string) {
	for _, name := range names {
		r.Checks = append(r.Checks, check{Name: name, Status: statusUnchecked})
	}
}

func (r *checkReport) last() *check { return &r.Checks[len(r.Checks)-1] }

// print writes the report: as JSON, or for reading.
func (r *checkReport) print(t *terminal) error {
	if t.json {
		encoder := json.NewEncoder(t.out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(r)
	}
	_, err := t.out.Write([]byte(r.text()))
	return err
}

// text is the report for reading: a line for each check, its facts, and below what is refused what to change.
func (r *checkReport) text() string {
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-11s  %s\n", c.Status, c.Name)
		for _, f := range c.Facts {
			fmt.Fprintf(&b, "               %-16s %s\n", f.Name, f.Value)
		}
		for _, p := range c.Problems {
			fmt.Fprintf(&b, "          ->   %s%s%s\n", p.Code, before(" at ", p.At), before(": ", p.More))
			for line := range strings.SplitSeq(wrapped(p.Text), "\n") {
				fmt.Fprintf(&b, "               %s\n", line)
			}
		}
	}
	b.WriteString("\n")
	r.Difference.write(&b)
	switch r.Refused {
	case 0:
		b.WriteString("Nothing would be refused of what can be checked without the service: it also looks at replays, at revocation,\n" +
			"at who may do what, and at the rules of the register.\n")
	case 1:
		fmt.Fprintf(&b, "1 thing would be refused: %s.\n", r.Answer)
	default:
		fmt.Fprintf(&b, "%d things would be refused. The service would answer with %s.\n", r.Refused, r.Answer)
	}
	return b.String()
}

func before(mark, text string) string {
	if text == "" {
		return ""
	}
	return mark + text
}

// wrapped breaks a text into lines that fit a terminal.
func wrapped(text string) string {
	const width = 100
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			b.WriteString("\n")
			column = 0
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// difference is where the caller's canonical form departs from the service's.
type difference struct {
	Of     string `json:"of"`
	Same   bool   `json:"same"`
	Offset int    `json:"offset"` // how many octets are the same
	Here   string `json:"here,omitempty"`
	Yours  string `json:"yours,omitempty"`
}

// compare compares the caller's canonical form with that of the service.
func (c *checkCommand) compare(security *wsse.Report) (*difference, error) {
	yours, err := os.ReadFile(c.Canonical)
	if err != nil {
		return nil, fmt.Errorf("--canonical: %w", err)
	}
	if security == nil {
		return nil, nil //nolint:nilnil // nothing to compare with; the report says why
	}
	ours, ok := security.Canonical(c.Of)
	if !ok {
		return nil, fmt.Errorf("--of: the signature has no reference to %q of which the octets can be told", c.Of)
	}
	d := &difference{Of: c.Of, Same: bytes.Equal(ours, yours)}
	for d.Offset < min(len(ours), len(yours)) && ours[d.Offset] == yours[d.Offset] {
		d.Offset++
	}
	if !d.Same {
		d.Here, d.Yours = around(ours, d.Offset), around(yours, d.Offset)
	}
	return d, nil
}

// around shows the octets about an offset, with the offset marked.
func around(octets []byte, at int) string {
	const before, after = 40, 40
	return fmt.Sprintf("%q >>> %q", octets[max(0, at-before):at], octets[at:min(len(octets), at+after)])
}

func (d *difference) write(b *strings.Builder) {
	switch {
	case d == nil:
	case d.Same:
		fmt.Fprintf(b, "The canonical form of %s is the same: %d octets.\n\n", d.Of, d.Offset)
	default:
		fmt.Fprintf(b, "The canonical form of %s differs at byte offset %d, marked >>>:\n  the service  %s\n  yours        %s\n\n", d.Of, d.Offset, d.Here, d.Yours)
	}
}
