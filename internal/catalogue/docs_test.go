package catalogue_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/catalogue"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

var update = flag.Bool("update", false, "rewrite docs/faults.md")

// chapters are the kinds in the order of the document, each with advice for the caller.
var chapters = []struct {
	kind          problem.Kind
	title, advice string
}{
	{problem.Malformed, "Malformed", "The message is not XML, not SOAP, or beyond a limit. Mend the client; sending it again changes nothing."},
	{problem.NotUnderstood, "Not understood", "The message is well-formed, and not one that this service knows. Compare it with the WSDL."},
	{problem.Unauthenticated, "Not authenticated", "WS-Security does not prove who signed what. The fault names the failing step and the client setting that usually causes it."},
	{problem.SchemaInvalid, "Against the schema", "The signed element does not follow the XSD. Every violation is listed with its path."},
	{problem.RuleViolated, "Against a rule of the register", "Nothing was stored. Every broken rule is listed with its path."},
	{problem.Forbidden, "Not allowed", "The caller may not do this, whatever the data."},
	{problem.NotFound, "Not found", "There is no such thing, or not for this caller: the two cannot be told apart."},
	{problem.Withheld, "Withheld", "Seen in the log only. The caller receives the fault of the thing that does not exist, byte for byte."},
	{problem.Conflict, "Conflict", "The request contradicts what is already kept. Read the present state before sending again."},
	{problem.Unavailable, "Not available now", "Nothing was stored. Sign the same request again and send it with the same InputReference."},
	{problem.Internal, "Our fault", "The correlation id of the fault is in the service's log beside the cause."},
	{0, "Warnings", "Not refusals: the request succeeded, and the warning is kept with the notification."},
}

func TestFaultsDocument(t *testing.T) {
	const path = "../../docs/faults.md"
	want := faultsDocument()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/faults.md is out of step with the catalogue: go test ./internal/catalogue -run TestFaultsDocument -update")
	}
}

// TestFaultsDocumentHoldsEveryCode fails if a kind has no chapter.
func TestFaultsDocumentHoldsEveryCode(t *testing.T) {
	text := faultsDocument()
	for _, e := range catalogue.All() {
		if n := strings.Count(text, "### "+string(e.Code)+"\n"); n != 1 {
			t.Errorf("%s stands %d times in the document", e.Code, n)
		}
	}
}

func faultsDocument() string {
	var b strings.Builder
	b.WriteString(`# Refusals and warnings

<!-- Made from the catalogue in internal/catalogue by its test: go test ./internal/catalogue -run TestFaultsDocument -update -->

Every refusal and every warning has a code that never changes its meaning and is never used again for another. The code
is in the fault's detail beside the words below, the place in the request and, where they help, facts such as the
algorithm, the limit or the service's clock.
`)
	for _, c := range chapters {
		var entries []problem.Entry
		for _, e := range catalogue.All() {
			if e.Kind == c.kind {
				entries = append(entries, e)
			}
		}
		if len(entries) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.title, c.advice)
		for _, e := range entries {
			fmt.Fprintf(&b, "\n### %s\n\n", e.Code)
			for _, l := range texts.Langs() {
				fmt.Fprintf(&b, "- %s: %s\n", l, e.Text(l))
			}
		}
	}
	return b.String()
}
