// Package schema validates one element of a document against the XSD files of the contract. Compile reads the schemas;
// Schema.Check validates an element.
//
// It is separate so that the validation library can be replaced: no other package uses it. The library validates the
// exclusive canonical form of the element, which is exactly what a signature over it covers, so that nothing outside
// the signed element (a namespace declaration, an entity, a comment) can change the result.
//
// A small model of the same schemas complements the library. Before it, a fast validator recognises elements that are
// valid beyond doubt, and leaves all others to the library. After the library rejects an element, the explainer reports
// every violation at once, with a path in the prefixes of the contract and without repeating any content of the
// message.
//
// Specifications: XML Schema 1.0 parts 1 and 2 (second edition). For xsi:type, section 2.6.1, with the restriction that
// its prefix must be visible in the canonical form (Exclusive XML Canonicalization 1.0, section 1.3 on QNames in
// content). xsi:schemaLocation is ignored, as section 4.3.2 allows.
package schema

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"

	"github.com/jacoelho/xsd"
	"github.com/jacoelho/xsd/xsderrors"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// MaxViolations is the maximum number of violations in one error.
const MaxViolations = 100

// Schema is a compiled set of schemas. It is safe for concurrent use.
type Schema struct {
	engine   *xsd.Engine
	model    *model
	prefixes Prefixes
	checkers sync.Pool
}

// checker holds the state of one validation, for reuse by later ones.
type checker struct {
	session   *xsd.Session
	canonical []byte
	reader    bytes.Reader
}

// Checked is an element that is valid against the schemas. Only Check creates one.
type Checked struct {
	root xmldoc.Element
}

// Root returns the validated element.
func (c *Checked) Root() xmldoc.Element { return c.root }

// Compile reads the entry schema and its imports, by file name. It reads from files only, never from the network.
// Violations name elements with the given prefixes.
func Compile(files fs.FS, entry string, prefixes Prefixes) (*Schema, error) {
	var resolver xsd.ResolverFunc = func(_ context.Context, base, location string) (xsd.SchemaSource, error) {
		return readSchemaSource(files, path.Join(path.Dir(base), location))
	}
	first, err := readSchemaSource(files, entry)
	if err != nil {
		return nil, err
	}
	engine, err := xsd.Compile(context.Background(), first.WithResolver(resolver))
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", entry, err)
	}
	m, err := newModel(files, entry)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", entry, err)
	}
	return &Schema{engine: engine, model: m, prefixes: prefixes}, nil
}

func readSchemaSource(files fs.FS, name string) (xsd.SchemaSource, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return xsd.SchemaSource{}, fmt.Errorf("%w: %w", xsderrors.ErrSchemaNotFound, err)
	}
	return xsd.Bytes(name, text), nil
}

// Check validates an element, which must be one of the global elements of the schemas. The error is a *problem.Error of
// kind SchemaInvalid: a single violation, or SCHEMA_INVALID with up to MaxViolations causes.
func (s *Schema) Check(e xmldoc.Element) (*Checked, error) {
	if e.IsZero() {
		return nil, problem.New(SchemaRoot)
	}
	if !s.isPlainlyValid(e) {
		if err := s.checkWithLibrary(e); err != nil {
			return nil, err
		}
	}
	if err := s.checkControls(e); err != nil {
		return nil, err
	}
	return &Checked{root: e}, nil
}

// isPlainlyValid reports whether the element is valid beyond doubt.
func (s *Schema) isPlainlyValid(e xmldoc.Element) bool {
	p := fastValidator{source: e.Document().Source()}
	d, ok := s.model.elements[elementName(e)]
	return ok && p.acceptsElement(e, d)
}

// checkWithLibrary validates an element with the library alone.
func (s *Schema) checkWithLibrary(e xmldoc.Element) error {
	w, err := s.acquireChecker()
	if err != nil {
		return err
	}
	defer s.releaseChecker(w)

	w.canonical = xmldoc.C14N{Exclusive: true}.Append(w.canonical[:0], e)
	if bytes.Contains(w.canonical, []byte(xsiNamespace)) {
		used, err := s.resolveXSITypes(e)
		if err != nil {
			return err
		}
		w.canonical = xmldoc.C14N{Exclusive: true, PrefixList: used}.Append(w.canonical[:0], e)
	}
	w.reader.Reset(w.canonical)
	if err := w.session.Validate(context.Background(), &w.reader); err != nil {
		return s.explainRefusal(e, w.canonical, err)
	}
	return nil
}

func (s *Schema) acquireChecker() (*checker, error) {
	if w, ok := s.checkers.Get().(*checker); ok {
		return w, nil
	}
	// One error is enough to reject the element; the explainer finds them all.
	session, err := s.engine.NewSession(xsd.ValidateOptions{MaxErrors: 1})
	if err != nil {
		return nil, problem.Wrap(problem.InternalError, err)
	}
	return &checker{session: session}, nil
}

// maxRetainedBytes is the maximum capacity of a buffer that is kept for reuse.
const maxRetainedBytes = 1 << 20

func (s *Schema) releaseChecker(w *checker) {
	if cap(w.canonical) > maxRetainedBytes {
		w.canonical = nil
	}
	w.reader.Reset(nil)
	s.checkers.Put(w)
}

// explainRefusal turns an error of the library into a *problem.Error.
func (s *Schema) explainRefusal(top xmldoc.Element, canonical []byte, refusal error) error {
	// The library's text may repeat a value, so only its code and position are kept, for the log.
	cause := errors.New("refused by the schema library")
	if x, ok := errors.AsType[*xsderrors.Error](refusal); ok {
		if x.Category == xsderrors.CategoryInternal {
			return problem.Wrap(problem.InternalError, refusal)
		}
		cause = fmt.Errorf("%w: %s at %d:%d of the canonical form", cause, x.Code, x.Line, x.Column)
	}
	x := explainer{model: s.model, prefixes: s.prefixes, top: top, withStrayText: findStrayText(canonical, top)}
	x.explainRoot()
	if len(x.violations) == 0 {
		x.blamesBuiltins = true
		x.explainRoot()
	}
	if len(x.violations) == 0 {
		return problem.Wrap(SchemaRefused, cause).WithPath(s.prefixes.formatPath(top, top))
	}
	return problem.List(SchemaRefused, x.violations)
}
