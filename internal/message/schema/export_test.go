package schema

import (
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Explain runs the explainer alone, so that a test can compare it with the library.
func (s *Schema) Explain(e xmldoc.Element) []*problem.Error {
	canonical := xmldoc.C14N{Exclusive: true}.Append(nil, e)
	x := explanation{model: s.model, top: e, stray: strayText(canonical, e)}
	x.root()
	return x.found
}

// IsPlainlyValid reports whether an element is recognised as valid without the library.
func (s *Schema) Plainly(e xmldoc.Element) bool { return s.plainly(e) }

// CheckWithLibrary validates with the library alone.
func (s *Schema) Library(e xmldoc.Element) error {
	_, err := s.check(e)
	return err
}
