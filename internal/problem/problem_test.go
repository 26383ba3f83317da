package problem_test

import (
	"errors"
	"testing"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

func TestUntypedErrorsAreInternalAndKeepTheirCause(t *testing.T) {
	cause := errors.New("disk on fire")
	e := problem.From(cause)
	if e.Code != problem.InternalError || e.Kind != problem.Internal || !e.Detail.IsZero() {
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

func TestErrorIsImmutable(t *testing.T) {
	cause := problem.New(problem.StoreDown).WithPath("a")
	e := problem.From(problem.List(problem.InternalError, []*problem.Error{cause, cause})).WithPath("p")
	changed := e.WithPath("q").WithDetail(texts.Literal("d")).MapPaths(func(path string) string { return "x/" + path })
	if changed.Path != "x/q" || changed.Causes[0].Path != "x/a" || changed.Detail.String() != "d" || changed.Code != e.Code {
		t.Errorf("changed is %v", changed)
	}
	if e.Path != "p" || cause.Path != "a" || e.Causes[0] != cause || !e.Detail.IsZero() {
		t.Errorf("the original is now %v", e)
	}
}
