// Package conformance judges whether others keep to the contract: a server by what it answers (Server), and a client by the
// messages that it sent (Messages). Each judgement is a list of numbered requirements, each met, not met or not shown.
//
// It is separate from check, which tells the sender of one message everything that is wrong with it: here the question is what
// a whole implementation has shown, with a verdict that somebody else can repeat. It proves nothing about what was not shown.
// The requirements are those of the contract in wsdl/ and xsd/, of SOAP 1.1 and 1.2, and of SOAP Message Security 1.1.1;
// docs/conformance.md lists them.
package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/xsd"
)

// compiled are the schemas of the contract, compiled when they are first needed.
var compiled = sync.OnceValues(func() (*schema.Schema, error) { return schema.Compile(xsd.Files, xsd.Protocol) })

// Outcome is what became of a requirement.
type Outcome string

// The outcomes.
const (
	Pass     Outcome = "pass"
	Fail     Outcome = "fail"
	NotShown Outcome = "not shown" // nothing was seen that it speaks of
)

// Requirement is something that the contract asks for.
type Requirement struct {
	ID       string `json:"id"`
	Sentence string `json:"requirement"`
	Where    string `json:"where"` // it stands
}

// Finding is a requirement with its outcome.
type Finding struct {
	Requirement

	Outcome Outcome  `json:"outcome"`
	Why     []string `json:"why,omitempty"` // one sentence each; for a client one for each message
}

// Report is a judgement.
type Report struct {
	Subject  string    `json:"subject"` // whose
	Findings []Finding `json:"findings"`
	// Shown are the features that messages showed, as "operation NotifyImplant", with how many did.
	Shown   []Feature `json:"shown,omitempty"`
	Passed  int       `json:"passed"`
	Failed  int       `json:"failed"`
	Unshown int       `json:"notShown"`
	Verdict string    `json:"verdict"`
}

// Feature is something that messages showed.
type Feature struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// add adds a finding.
func (r *Report) add(q Requirement, o Outcome, why ...string) {
	r.Findings = append(r.Findings, Finding{q, o, why})
	switch o {
	case Pass:
		r.Passed++
	case Fail:
		r.Failed++
	case NotShown:
		r.Unshown++
	}
}

// conclude writes the verdict.
func (r *Report) conclude() {
	switch {
	case r.Failed > 0:
		r.Verdict = fmt.Sprintf("Does not conform: %s not met, %d met, %d not shown.", requirements(r.Failed), r.Passed, r.Unshown)
	case r.Passed == 0:
		r.Verdict = "Nothing was shown."
	case r.Unshown > 0:
		r.Verdict = fmt.Sprintf("Conforms in all that was shown: %s met, %d not shown.", requirements(r.Passed), r.Unshown)
	default:
		r.Verdict = fmt.Sprintf("Conforms: %s met.", requirements(r.Passed))
	}
}

func requirements(n int) string {
	if n == 1 {
		return "1 requirement is"
	}
	return fmt.Sprintf("%d requirements are", n)
}

// Text is the report for reading.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Subject)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-9s  %-4s %s\n", f.Outcome, f.ID, f.Sentence)
		for _, why := range f.Why {
			fmt.Fprintf(&b, "                -> %s\n", why)
		}
		if f.Outcome == Fail {
			fmt.Fprintf(&b, "                   (%s)\n", f.Where)
		}
	}
	if len(r.Shown) > 0 {
		b.WriteString("\nShown:\n")
		for _, f := range r.Shown {
			fmt.Fprintf(&b, "  %4d  %s\n", f.Count, f.Name)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.Verdict)
	return b.String()
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}
