// Package schema checks one element of a document against the XSD files of the contract.
//
// It is separate so that the library behind it can be replaced: nobody else knows how a schema is compiled. What is
// checked is the exclusive canonical form of the element, the very octets that a signature over it covers, so that
// nothing outside the signed element (a namespace declaration, an entity, a comment) can change what is accepted.
//
// A small model of the same schemas stands beside the library. Before it, the model recognises what is valid beyond doubt,
// much faster; all else is the library's to decide. After it, when it says no, the model says what is wrong in every
// place at once, with a path in the prefixes of the contract and in words that repeat nothing of what the message holds.
//
// Specifications: XML Schema 1.0 parts 1 and 2 (second edition); of xsi:type, section 2.6.1, with the restriction that
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

// MaxViolations is the greatest number of violations that one refusal lists.
const MaxViolations = 100

// Schema is a compiled set of schemas. Many goroutines may use it at once.
type Schema struct {
	engine  *xsd.Engine
	model   *model
	workers sync.Pool
}

// worker is what one check needs and the next can use again.
type worker struct {
	session   *xsd.Session
	canonical []byte
	reader    bytes.Reader
}

// Checked is an element that follows the schemas. Only Check makes one.
type Checked struct {
	root xmldoc.Element
}

// Root returns the element that was checked.
func (c *Checked) Root() xmldoc.Element { return c.root }

// Compile reads the entry schema and what it imports, all by file name from files and from nowhere else.
func Compile(files fs.FS, entry string) (*Schema, error) {
	var resolver xsd.ResolverFunc = func(_ context.Context, base, location string) (xsd.SchemaSource, error) {
		return source(files, path.Join(path.Dir(base), location))
	}
	first, err := source(files, entry)
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
	return &Schema{engine: engine, model: m}, nil
}

func source(files fs.FS, name string) (xsd.SchemaSource, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return xsd.SchemaSource{}, fmt.Errorf("%w: %w", xsderrors.ErrSchemaNotFound, err)
	}
	return xsd.Bytes(name, text), nil
}

// Check tells whether an element is one of the global elements of the schemas and follows them. The error is a
// *problem.Error of kind SchemaInvalid: a single violation, or a SCHEMA_INVALID that lists up to MaxViolations.
func (s *Schema) Check(e xmldoc.Element) (*Checked, error) {
	if e.IsZero() {
		return nil, problem.New(problem.SchemaRoot)
	}
	if s.plainly(e) {
		return &Checked{root: e}, nil
	}
	return s.check(e)
}

// plainly tells whether the element is valid beyond doubt.
func (s *Schema) plainly(e xmldoc.Element) bool {
	p := plain{source: e.Document().Source()}
	d, ok := s.model.elements[nameOf(e)]
	return ok && p.element(e, d)
}

// check asks the library.
func (s *Schema) check(e xmldoc.Element) (*Checked, error) {
	w, err := s.worker()
	if err != nil {
		return nil, err
	}
	defer s.release(w)

	w.canonical = xmldoc.C14N{Exclusive: true}.Append(w.canonical[:0], e)
	if bytes.Contains(w.canonical, []byte(xsiNamespace)) {
		if err := checkXSITypes(e); err != nil {
			return nil, err
		}
	}
	w.reader.Reset(w.canonical)
	if err := w.session.Validate(context.Background(), &w.reader); err != nil {
		return nil, s.explain(e, w.canonical, err)
	}
	return &Checked{root: e}, nil
}

func (s *Schema) worker() (*worker, error) {
	if w, ok := s.workers.Get().(*worker); ok {
		return w, nil
	}
	// One error is enough to refuse; the explanation finds them all.
	session, err := s.engine.NewSession(xsd.ValidateOptions{MaxErrors: 1})
	if err != nil {
		return nil, problem.Wrap(problem.InternalError, err)
	}
	return &worker{session: session}, nil
}

// largestKept is how large a buffer may be for the next check to use it again.
const largestKept = 1 << 20

func (s *Schema) release(w *worker) {
	if cap(w.canonical) > largestKept {
		w.canonical = nil
	}
	w.reader.Reset(nil)
	s.workers.Put(w)
}

// explain turns the library's refusal into ours.
func (s *Schema) explain(top xmldoc.Element, canonical []byte, refusal error) error {
	// The library's own text may repeat a value, so only its code goes further, and that only into the log.
	cause := errors.New("refused by the schema library")
	if x, ok := errors.AsType[*xsderrors.Error](refusal); ok {
		if x.Category == xsderrors.CategoryInternal {
			return problem.Wrap(problem.InternalError, refusal)
		}
		cause = fmt.Errorf("%w: %s at %d:%d of the canonical form", cause, x.Code, x.Line, x.Column)
	}
	x := explanation{model: s.model, top: top, stray: strayText(canonical, top)}
	x.root()
	if len(x.found) == 0 {
		return problem.Wrap(problem.SchemaRefused, cause).In(pathTo(top, top))
	}
	return problem.List(problem.SchemaRefused, x.found)
}
