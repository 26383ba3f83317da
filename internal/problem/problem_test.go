package problem_test

import (
	"errors"
	"regexp"
	"testing"

	"github.com/openctr/ctr/internal/problem"
)

func TestCatalogIsComplete(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)
	seen := map[problem.Code]bool{}
	for _, e := range problem.Catalog() {
		if !form.MatchString(string(e.Code)) {
			t.Errorf("%q is not UPPER_SNAKE", e.Code)
		}
		if seen[e.Code] {
			t.Errorf("%s stands twice", e.Code)
		}
		seen[e.Code] = true
		for _, l := range problem.Langs {
			if e.Text(l) == "" {
				t.Errorf("%s has no text in %s", e.Code, l)
			}
		}
	}
}

func TestUntypedErrorsAreInternalAndKeepTheirCause(t *testing.T) {
	cause := errors.New("disk on fire")
	e := problem.From(cause)
	if e.Code != problem.InternalError || e.Kind != problem.Internal || e.Detail != "" {
		t.Errorf("From gave code %s, kind %v, public %q", e.Code, e.Kind, e.Detail)
	}
	if !errors.Is(e, cause) || !errors.Is(e, problem.Internal) {
		t.Error("the cause or the kind is lost")
	}
}

func TestListKeepsEveryRefusal(t *testing.T) {
	a, b := problem.New(problem.StoreDown), problem.New(problem.Overloaded)
	if err := problem.List(problem.InternalError, nil); err != nil {
		t.Errorf("an empty list is %v", err)
	}
	if err := problem.List(problem.InternalError, []*problem.Error{a}); !errors.Is(err, a) {
		t.Errorf("a list of one is %v", err)
	}
	got := problem.From(problem.List(problem.InternalError, []*problem.Error{a, b})).All()
	if len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("leaves %v", got)
	}
}

func TestPreferred(t *testing.T) {
	for _, c := range []struct {
		named []string
		want  problem.Lang
	}{
		{nil, problem.EN},
		{[]string{"el, xx;q=1"}, problem.EN},
		{[]string{"it, nl-BE;q=0.9, en;q=0.5"}, problem.NL},
		{[]string{"", " FR-be "}, problem.FR},
		{[]string{"de", "fr"}, problem.DE},
		{[]string{"del,english"}, problem.EN},
	} {
		if got := problem.Preferred(c.named...); got != c.want {
			t.Errorf("%q: %s, want %s", c.named, got, c.want)
		}
	}
}
