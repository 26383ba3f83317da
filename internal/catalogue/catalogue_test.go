package catalogue_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/openctr/ctr/internal/catalogue"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// TestEveryLanguageHasEveryText fails for a key that a language lacks, a key that no code declares, an argument that is
// missing or unknown, and a key that stands twice. The checker's own tests are in package texts.
func TestEveryLanguageHasEveryText(t *testing.T) {
	if err := texts.Check(texts.BuiltIn(), texts.Declared()); err != nil {
		t.Error(err)
	}
}

// TestTheCheckerSeesTheProgram breaks the declarations and the files of the program, and expects a finding.
func TestTheCheckerSeesTheProgram(t *testing.T) {
	english := string(readBuiltIn(t, "en"))
	for _, c := range []struct{ name, file, want string }{
		{"a code without text", strings.Replace(english, `"code.DIGEST_MISMATCH"`, `"code.DIGEST_OTHER"`, 1), "code.DIGEST_MISMATCH is missing"},
		{"a text without a code", strings.Replace(english, `"code.DIGEST_MISMATCH"`, `"code.DIGEST_OTHER"`, 1), "code.DIGEST_OTHER is declared by no code"},
		{"an argument is missing", strings.Replace(english, "limit {max}", "limit", 1), "detail.limit lacks the argument {max}"},
		{"an argument is unknown", strings.Replace(english, "limit {max}", "limit {max} {min}", 1), "detail.limit has {min}"},
		{"a key twice", strings.Replace(english, `"detail.limit"`, `"detail.element"`, 1), "detail.element is there twice"},
	} {
		err := texts.Check(fstest.MapFS{"en.json": {Data: []byte(c.file)}}, texts.Declared())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func readBuiltIn(t *testing.T, l texts.Lang) []byte {
	t.Helper()
	data, err := fs.ReadFile(texts.BuiltIn(), string(l)+".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCodesAreWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	for _, e := range catalogue.All() {
		if !form.MatchString(string(e.Code)) {
			t.Errorf("%q is not UPPER_SNAKE", e.Code)
		}
		for _, l := range texts.Langs() {
			if e.Public != "" && texts.Lookup(l, texts.Key("code."+string(e.Public))) != e.Text(l) {
				t.Errorf("%s: the text in %s differs from that of %s, which the caller must not notice", e.Code, l, e.Public)
			}
		}
	}
}

// TestEverySecurityRefusalHasAFault checks that exactly the refusals of the kind Unauthenticated have a WS-Security fault code.
func TestEverySecurityRefusalHasAFault(t *testing.T) {
	for _, entry := range catalogue.All() {
		if (entry.WSSFault != "") != (entry.Kind == problem.Unauthenticated) {
			t.Errorf("%s is of kind %v and has the fault %q", entry.Code, entry.Kind, entry.WSSFault)
		}
	}
}
