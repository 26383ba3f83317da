package schema

import (
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Explain runs the explainer alone, so that a test can compare it with the library.
func (s *Schema) Explain(e xmldoc.Element) []*problem.Error {
	canonical := xmldoc.C14N{Exclusive: true}.Append(nil, e)
	x := explainer{model: s.model, prefixes: s.prefixes, top: e, withStrayText: findStrayText(canonical, e)}
	x.explainRoot()
	return x.violations
}

// IsPlainlyValid reports whether an element is recognised as valid without the library.
func (s *Schema) IsPlainlyValid(e xmldoc.Element) bool { return s.isPlainlyValid(e) }

// CheckWithLibrary validates with the library alone.
func (s *Schema) CheckWithLibrary(e xmldoc.Element) error { return s.checkWithLibrary(e) }
