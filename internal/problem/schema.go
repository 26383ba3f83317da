package problem

// Codes of schema validation. Detail says what was expected.
const (
	SchemaRefused   Code = "SCHEMA_INVALID"
	SchemaRoot      Code = "SCHEMA_ROOT"
	SchemaElement   Code = "SCHEMA_ELEMENT"
	SchemaMissing   Code = "SCHEMA_MISSING"
	SchemaText      Code = "SCHEMA_TEXT"
	SchemaValue     Code = "SCHEMA_VALUE"
	SchemaAttribute Code = "SCHEMA_ATTRIBUTE"
	SchemaXSIType   Code = "SCHEMA_XSI_TYPE"
	SchemaXSIPrefix Code = "SCHEMA_XSI_PREFIX"
)

func init() {
	Register(Properties{Kind: SchemaInvalid}, SchemaRefused, SchemaRoot, SchemaElement, SchemaMissing, SchemaText,
		SchemaValue, SchemaAttribute, SchemaXSIType, SchemaXSIPrefix)
}
