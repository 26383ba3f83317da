// Package conformance judges whether an implementation conforms to the contract: a server by its responses
// (Server.Judge), a client by the messages that it sent (JudgeMessages). A Report lists numbered requirements, each
// met, not met or not shown.
//
// It is separate from diagnose, which explains to the sender everything that is wrong with one message. This package
// judges a whole implementation, with a verdict that others can reproduce; it proves nothing about a requirement that
// is not shown. The requirements come from the contract in wsdl/ and xsd/, SOAP 1.1 and 1.2, and SOAP Message
// Security 1.1.1; docs/conformance.md lists them.
package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/openctr/ctr/internal/wire/ctr"
)

// compileSchemas compiles the schemas of the contract on its first call.
var compileSchemas = sync.OnceValues(ctr.CompileSchema)

// Outcome is the result of judging a requirement.
type Outcome string

// The possible outcomes.
const (
	Pass     Outcome = "pass"
	Fail     Outcome = "fail"
	NotShown Outcome = "not shown" // nothing seen concerns the requirement
)

// Requirement is a requirement of the contract.
type Requirement struct {
	ID       string `json:"id"`
	Sentence string `json:"requirement"`
	Source   string `json:"where"` // the document and section that states it
}

// Finding is a requirement with its outcome.
type Finding struct {
	Requirement

	Outcome Outcome  `json:"outcome"`
	Why     []string `json:"why,omitempty"` // one sentence each; for a client one per failing message
}

// Report is the judgement of one client or server.
type Report struct {
	Subject  string    `json:"subject"` // the client or server that was judged
	Findings []Finding `json:"findings"`
	// Features lists the features that a client's messages showed, such as "operation NotifyImplant".
	Features []Feature `json:"shown,omitempty"`
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	NotShown int       `json:"notShown"`
	Verdict  string    `json:"verdict"`
}

// Feature is a feature with the number of messages that showed it.
type Feature struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// addFinding adds a finding and counts its outcome.
func (r *Report) addFinding(q Requirement, o Outcome, why ...string) {
	r.Findings = append(r.Findings, Finding{q, o, why})
	switch o {
	case Pass:
		r.Passed++
	case Fail:
		r.Failed++
	case NotShown:
		r.NotShown++
	}
}

// setVerdict sets the verdict from the counts.
func (r *Report) setVerdict() {
	switch {
	case r.Failed > 0:
		r.Verdict = fmt.Sprintf(
			"Does not conform: %s not met, %d met, %d not shown.", formatRequirementCount(r.Failed), r.Passed, r.NotShown,
		)
	case r.Passed == 0:
		r.Verdict = "Nothing was shown."
	case r.NotShown > 0:
		r.Verdict = fmt.Sprintf(
			"Conforms in all that was shown: %s met, %d not shown.", formatRequirementCount(r.Passed), r.NotShown,
		)
	default:
		r.Verdict = fmt.Sprintf("Conforms: %s met.", formatRequirementCount(r.Passed))
	}
}

func formatRequirementCount(n int) string {
	if n == 1 {
		return "1 requirement is"
	}
	return fmt.Sprintf("%d requirements are", n)
}

// Text formats the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Subject)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%-9s  %-4s %s\n", f.Outcome, f.ID, f.Sentence)
		for _, why := range f.Why {
			fmt.Fprintf(&b, "                -> %s\n", why)
		}
		if f.Outcome == Fail {
			fmt.Fprintf(&b, "                   (%s)\n", f.Source)
		}
	}
	if len(r.Features) > 0 {
		b.WriteString("\nShown:\n")
		for _, f := range r.Features {
			fmt.Fprintf(&b, "  %4d  %s\n", f.Count, f.Name)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.Verdict)
	return b.String()
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}
