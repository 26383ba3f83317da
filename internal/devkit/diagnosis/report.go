package diagnosis

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Report lists the results of the checks, in the order in which a service makes them.
type Report struct {
	File        string    `json:"file,omitempty"`
	Service     string    `json:"service,omitempty"` // the environment of the service that inspected the message
	InspectedAt time.Time `json:"at"`
	Refused     int       `json:"refused"` // number of findings
	// the code that the service would answer with: that of the first finding
	AnswerCode problem.Code `json:"answer,omitempty"`
	Checks     []Check      `json:"checks"`
	Difference *Difference  `json:"difference,omitempty"`

	lang texts.Lang
}

// Check is the result of one step.
type Check struct {
	Name     string    `json:"name"`
	Status   string    `json:"status"`
	Facts    []Fact    `json:"facts,omitempty"`
	Problems []Finding `json:"problems,omitempty"`
}

// The values of Check.Status.
const (
	StatusOK        = "ok"
	StatusRefused   = "refused"
	StatusUnchecked = "not checked" // an earlier error left no input for it
)

// Fact is a value observed in the message.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Finding is an error for which a service would refuse the message.
type Finding struct {
	Code problem.Code `json:"code"`
	At   string       `json:"at,omitempty"`
	More string       `json:"more,omitempty"` // details, such as an algorithm, a time or a limit
	Text string       `json:"text"`           // how to correct it
}

// addError adds a check with the findings of err, which may have several causes; nil means the check passed.
func (r *Report) addError(name string, err error, facts ...Fact) {
	if err == nil {
		r.addCheck(name, nil, facts...)
		return
	}
	if r.AnswerCode == "" {
		r.AnswerCode = problem.From(err).Code // the code of the whole refusal
	}
	r.addCheck(name, problem.From(err).All(), facts...)
}

// addCheck adds a check with a finding for each refusal. It omits facts with an empty value.
func (r *Report) addCheck(name string, refusals []*problem.Error, facts ...Fact) {
	c := Check{Name: name, Status: StatusOK}
	for _, f := range facts {
		if f.Value != "" {
			c.Facts = append(c.Facts, f)
		}
	}
	for _, e := range refusals {
		entry, _ := problem.Lookup(e.Code)
		c.Status = StatusRefused
		c.Problems = append(
			c.Problems, Finding{Code: e.Code, At: e.Path, More: e.Detail.Translate(r.lang), Text: entry.Text(r.lang)},
		)
		if r.AnswerCode == "" {
			r.AnswerCode = e.Code
		}
	}
	r.Refused += len(c.Problems)
	r.Checks = append(r.Checks, c)
}

func (r *Report) addUnchecked(names ...string) {
	for _, name := range names {
		r.Checks = append(r.Checks, Check{Name: name, Status: StatusUnchecked})
	}
}

func (r *Report) lastCheck() *Check { return &r.Checks[len(r.Checks)-1] }

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// ReadJSON parses a report written by a service. Text then formats it in language l.
func ReadJSON(data []byte, l texts.Lang) (*Report, error) {
	r := &Report{lang: l}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("the report: %w", err)
	}
	return r, nil
}

// Text formats the report for people: a line for each check, then its facts and findings.
func (r *Report) Text() string {
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-11s  %s\n", c.Status, c.Name)
		for _, f := range c.Facts {
			fmt.Fprintf(&b, "               %-16s %s\n", f.Name, f.Value)
		}
		for _, p := range c.Problems {
			fmt.Fprintf(&b, "          ->   %s%s%s\n", p.Code, prefixNonEmpty(" at ", p.At), prefixNonEmpty(": ", p.More))
			for line := range strings.SplitSeq(wrapText(p.Text), "\n") {
				fmt.Fprintf(&b, "               %s\n", line)
			}
		}
	}
	b.WriteString("\n")
	r.Difference.writeText(&b)
	b.WriteString(r.formatConclusion())
	return b.String()
}

// formatConclusion summarises the report in its language.
func (r *Report) formatConclusion() string {
	conclusion := manyRefused.With(r.Refused, string(r.AnswerCode))
	switch {
	case r.Refused == 0 && r.Service == "":
		conclusion = nothingRefusedOffline
	case r.Refused == 0:
		conclusion = nothingRefused
	case r.Refused == 1:
		conclusion = oneRefused.With(string(r.AnswerCode))
	}
	return conclusion.Translate(r.lang) + "\n"
}

// The possible last lines of a report.
var (
	nothingRefusedOffline = texts.Declare("check.nothing_offline")
	nothingRefused        = texts.Declare("check.nothing")
	oneRefused            = texts.Declare1[string]("check.one", "code")
	manyRefused           = texts.Declare2[int, string]("check.many", "count", "code")
)

func prefixNonEmpty(mark, text string) string {
	if text == "" {
		return ""
	}
	return mark + text
}

// wrapText breaks a text into lines of at most 100 bytes.
func wrapText(text string) string {
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
