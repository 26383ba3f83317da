package xmldoc

// Limits bounds what Parse accepts; a zero field allows none. Together the limits keep time and memory proportional to
// the input, whatever its shape.
type Limits struct {
	// Bytes bounds the input, and also its UTF-8 form if the input is UTF-16.
	Bytes int
	// Depth bounds the nesting of elements; the root is at depth 1.
	Depth int
	// Nodes bounds elements, attributes, namespace declarations, comments, CDATA sections and processing instructions
	// of the whole document, taken together.
	Nodes int
	// Attributes bounds the attributes of one element, without its namespace declarations.
	Attributes int
	// Declarations bounds the namespace declarations of one element.
	Declarations int
	// Namespaces bounds the namespace declarations in scope at any point.
	Namespaces int
	// Name bounds a qualified name and a namespace name, in bytes.
	Name int
	// Expansion bounds the bytes of prefixes and namespace names that exclusive canonical form can add: it declares a
	// namespace wherever it comes into use, so a short prefix can expand to a long name thousands of times.
	Expansion int
	// Instructions bounds the processing instructions of the document.
	Instructions int
}

// The limits of the representation: offsets have 31 bits, which leaves space for UTF-16, which grows by half when it is
// converted; lengths of names and counts per element have 16 bits.
const (
	maxBytes  = 1 << 30
	maxUint16 = 1<<16 - 1
)

// DefaultLimits suits signed SOAP messages with base64 payloads. It allows no processing instruction: SOAP forbids
// them in a message (SOAP 1.1 section 3, SOAP 1.2 part 1 section 5).
func DefaultLimits() Limits {
	return Limits{
		Bytes:        10 << 20,
		Depth:        100,
		Nodes:        250_000,
		Attributes:   256,
		Declarations: 64,
		Namespaces:   256,
		Name:         1024,
		Expansion:    16 << 20,
		Instructions: 0,
	}
}

// clampToRepresentation returns the limits, reduced to what the representation can hold.
func (l Limits) clampToRepresentation() Limits {
	l.Bytes = min(l.Bytes, maxBytes)
	l.Attributes = min(l.Attributes, maxUint16)
	l.Declarations = min(l.Declarations, maxUint16)
	l.Name = min(l.Name, maxUint16)
	return l
}
