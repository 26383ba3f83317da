package schema

import "github.com/openctr/ctr/internal/problem"

// The codes of this package. The detail says what was expected.
const (
	SchemaRefused   problem.Code = "SCHEMA_INVALID"
	SchemaRoot      problem.Code = "SCHEMA_ROOT"
	SchemaElement   problem.Code = "SCHEMA_ELEMENT"
	SchemaMissing   problem.Code = "SCHEMA_MISSING"
	SchemaText      problem.Code = "SCHEMA_TEXT"
	SchemaValue     problem.Code = "SCHEMA_VALUE"
	SchemaAttribute problem.Code = "SCHEMA_ATTRIBUTE"
	SchemaXSIType   problem.Code = "SCHEMA_XSI_TYPE"
	SchemaXSIPrefix problem.Code = "SCHEMA_XSI_PREFIX"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.SchemaInvalid}, SchemaRefused, SchemaRoot, SchemaElement,
		SchemaMissing, SchemaText, SchemaValue, SchemaAttribute, SchemaXSIType, SchemaXSIPrefix)
}
