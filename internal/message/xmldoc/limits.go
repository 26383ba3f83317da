package xmldoc

// Limits bounds what Parse accepts. A zero field allows nothing of its kind. Together the bounds keep time and memory
// proportional to the input, whatever its shape.
type Limits struct {
	// Bytes bounds the input, and its UTF-8 form when it came as UTF-16.
	Bytes int
	// Depth bounds the nesting of elements; the root stands at depth 1.
	Depth int
	// Nodes bounds elements, attributes, namespace declarations, comments, CDATA sections and processing instructions
	// of the whole document, counted together.
	Nodes int
	// Attributes bounds the attributes of one element, without its namespace declarations.
	Attributes int
	// Declarations bounds the namespace declarations of one element.
	Declarations int
	// Namespaces bounds the namespace declarations that are in force at any point.
	Namespaces int
	// Name bounds a qualified name and a namespace name, in octets.
	Name int
	// Expansion bounds the octets of prefixes and namespace names that exclusive canonical form can add: it declares a
	// namespace wherever it comes into use, so that a short prefix can stand for a long name thousands of times.
	Expansion int
	// Instructions bounds the processing instructions of the document.
	Instructions int
}

// The representation's own bounds: offsets are 31 bits wide, with room for UTF-16 that grows by half when converted;
// lengths of names and counts per element are 16 bits wide.
const (
	maxBytes = 1 << 30
	maxShort = 1<<16 - 1
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

// within returns the limits cut to what the representation can hold.
func (l Limits) within() Limits {
	l.Bytes = min(l.Bytes, maxBytes)
	l.Attributes = min(l.Attributes, maxShort)
	l.Declarations = min(l.Declarations, maxShort)
	l.Name = min(l.Name, maxShort)
	return l
}
