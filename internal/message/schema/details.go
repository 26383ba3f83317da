package schema

import "github.com/openctr/ctr/internal/texts"

// What the schema expects, in words. Names, values and content models are the same in every language.
var (
	expected         = texts.Declare1[texts.Text]("schema.expected", "expected")
	andNoElements    = texts.Declare1[texts.Text]("schema.and_no_elements", "expected")
	expectedContent  = texts.Declare1[string]("schema.expected_content", "content")
	missingContent   = texts.Declare2[string, string]("schema.missing", "missing", "content")
	oneOf            = texts.Declare1[string]("schema.one_of", "values")
	onlyNames        = texts.Declare1[string]("schema.only", "names")
	noAttributes     = texts.Declare("schema.no_attributes")
	noContent        = texts.Declare("schema.no_content")
	noXSIType        = texts.Declare1[string]("schema.no_xsi_type", "type")
	prefixUndeclared = texts.Declare2[string, string]("schema.prefix_undeclared", "received", "prefix")
	prefixUncovered  = texts.Declare2[string, string]("schema.prefix_uncovered", "received", "prefix")
	typeReceived     = texts.Declare2[string, texts.Text]("schema.xsi_type_received", "received", "expected")
	locationPairs    = texts.Declare("schema.schema_location")
)

// Descriptions of the built-in types.
var (
	aText     = texts.Declare("schema.text")
	aURI      = texts.Declare("schema.uri")
	aLanguage = texts.Declare("schema.language")
	anNCName  = texts.Declare("schema.ncname")
	aBoolean  = texts.Declare("schema.boolean")
	anInteger = texts.Declare("schema.integer")
	aDate     = texts.Declare("schema.date")
	anInstant = texts.Declare("schema.date_time")
	someBytes = texts.Declare("schema.base64")
)

// Restrictions of a type, each around the description of what it restricts.
var (
	matchingPattern = texts.Declare2[texts.Text, string]("schema.pattern", "type", "pattern")
	inRange         = texts.Declare3[texts.Text, int64, int64]("schema.range", "type", "min", "max")
	orMore          = texts.Declare2[texts.Text, int64]("schema.or_more", "type", "min")
	orLess          = texts.Declare2[texts.Text, int64]("schema.or_less", "type", "max")
)

// lengthUnit is the unit in which the length of a type is counted, with the words for restrictions of it.
type lengthUnit struct {
	exactly, min, max texts.Text2[texts.Text, int]
	between           texts.Text3[texts.Text, int, int]
}

var (
	inCharacters = &lengthUnit{
		exactly: texts.Declare2[texts.Text, int]("schema.characters_exactly", "type", "count"),
		min:     texts.Declare2[texts.Text, int]("schema.characters_min", "type", "min"),
		max:     texts.Declare2[texts.Text, int]("schema.characters_max", "type", "max"),
		between: texts.Declare3[texts.Text, int, int]("schema.characters_between", "type", "min", "max"),
	}
	inBytes = &lengthUnit{
		exactly: texts.Declare2[texts.Text, int]("schema.bytes_exactly", "type", "count"),
		min:     texts.Declare2[texts.Text, int]("schema.bytes_min", "type", "min"),
		max:     texts.Declare2[texts.Text, int]("schema.bytes_max", "type", "max"),
		between: texts.Declare3[texts.Text, int, int]("schema.bytes_between", "type", "min", "max"),
	}
)
