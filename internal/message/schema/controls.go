package schema

import (
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// checkControls refuses values with characters that control what shows them. A pattern in the schemas would say the
// same, but would change a contract that callers have generated code from.
func (s *Schema) checkControls(top xmldoc.Element) error {
	start, end := top.Offset()
	if !mayHoldControls(top.Document().Source()[start:end]) {
		return nil
	}
	x := explainer{prefixes: s.prefixes, top: top}
	for e := top; !e.IsZero() && !x.isFull(); e = nextElement(top, e) {
		for attribute := range e.Attrs() {
			if texts.HasControls(attribute.Value) {
				x.addViolation(problem.TextControls, e, "/@"+s.prefixes.formatStep(expandedName{attribute.Space, attribute.Local}))
			}
		}
		if text, isLeaf := e.Text(); isLeaf && texts.HasControls(text) {
			x.addViolation(problem.TextControls, e, "")
		}
	}
	return problem.List(SchemaRefused, x.violations)
}

// mayHoldControls reports whether XML text may hold a control, without decoding it: all but DEL begin with one of two
// octets in UTF-8, and all can be written as a character reference.
func mayHoldControls(source string) bool {
	return strings.IndexByte(source, 0x7f) >= 0 || strings.IndexByte(source, 0xc2) >= 0 ||
		strings.IndexByte(source, 0xe2) >= 0 || strings.Contains(source, "&#")
}
