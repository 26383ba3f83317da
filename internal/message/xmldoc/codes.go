package xmldoc

import "github.com/openctr/ctr/internal/problem"

// The codes of this package, for input that is not an accepted document. The detail contains "line:column" and, for an
// exceeded limit, the limit.
const (
	XMLTooLarge             problem.Code = "XML_TOO_LARGE"
	XMLTooDeep              problem.Code = "XML_TOO_DEEP"
	XMLTooManyNodes         problem.Code = "XML_TOO_MANY_NODES"
	XMLTooManyAttributes    problem.Code = "XML_TOO_MANY_ATTRIBUTES"
	XMLTooManyNamespaces    problem.Code = "XML_TOO_MANY_NAMESPACES"
	XMLNamespaceExpansion   problem.Code = "XML_NAMESPACE_EXPANSION"
	XMLNameTooLong          problem.Code = "XML_NAME_TOO_LONG"
	XMLInstruction          problem.Code = "XML_INSTRUCTION"
	XMLEmpty                problem.Code = "XML_EMPTY"
	XMLEncodingUnsupported  problem.Code = "XML_ENCODING_UNSUPPORTED"
	XMLEncodingMismatch     problem.Code = "XML_ENCODING_MISMATCH"
	XMLEncodingInvalid      problem.Code = "XML_ENCODING_INVALID"
	XMLDeclarationMalformed problem.Code = "XML_DECLARATION_MALFORMED"
	XMLVersionUnsupported   problem.Code = "XML_VERSION_UNSUPPORTED"
	XMLDoctype              problem.Code = "XML_DOCTYPE"
	XMLCharacterForbidden   problem.Code = "XML_CHARACTER_FORBIDDEN"
	XMLReferenceMalformed   problem.Code = "XML_REFERENCE_MALFORMED"
	XMLReferenceForbidden   problem.Code = "XML_REFERENCE_FORBIDDEN"
	XMLEntityUnknown        problem.Code = "XML_ENTITY_UNKNOWN"
	XMLNameMalformed        problem.Code = "XML_NAME_MALFORMED"
	XMLTagMalformed         problem.Code = "XML_TAG_MALFORMED"
	XMLMarkupUnknown        problem.Code = "XML_MARKUP_UNKNOWN"
	XMLAttributeMalformed   problem.Code = "XML_ATTRIBUTE_MALFORMED"
	XMLAttributeLessThan    problem.Code = "XML_ATTRIBUTE_LESS_THAN"
	XMLAttributeDuplicate   problem.Code = "XML_ATTRIBUTE_DUPLICATE"
	XMLPrefixUndeclared     problem.Code = "XML_PREFIX_UNDECLARED"
	XMLNamespaceReserved    problem.Code = "XML_NAMESPACE_RESERVED"
	XMLNamespaceEmpty       problem.Code = "XML_NAMESPACE_EMPTY"
	XMLNamespaceNotAbsolute problem.Code = "XML_NAMESPACE_NOT_ABSOLUTE"
	XMLSectionEndInText     problem.Code = "XML_SECTION_END_IN_TEXT"
	XMLCommentMalformed     problem.Code = "XML_COMMENT_MALFORMED"
	XMLInstructionMalformed problem.Code = "XML_INSTRUCTION_MALFORMED"
	XMLInstructionReserved  problem.Code = "XML_INSTRUCTION_RESERVED"
	XMLContentOutsideRoot   problem.Code = "XML_CONTENT_OUTSIDE_ROOT"
	XMLEndTagMismatch       problem.Code = "XML_END_TAG_MISMATCH"
	XMLUnexpectedEnd        problem.Code = "XML_UNEXPECTED_END"
	XMLIdentifierDuplicate  problem.Code = "XML_ID_DUPLICATE"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Malformed}, XMLTooLarge, XMLTooDeep, XMLTooManyNodes,
		XMLTooManyAttributes, XMLTooManyNamespaces, XMLNamespaceExpansion, XMLNameTooLong, XMLInstruction, XMLEmpty,
		XMLEncodingUnsupported, XMLEncodingMismatch, XMLEncodingInvalid, XMLDeclarationMalformed,
		XMLVersionUnsupported, XMLDoctype, XMLCharacterForbidden, XMLReferenceMalformed, XMLReferenceForbidden,
		XMLEntityUnknown, XMLNameMalformed, XMLTagMalformed, XMLMarkupUnknown, XMLAttributeMalformed,
		XMLAttributeLessThan, XMLAttributeDuplicate, XMLPrefixUndeclared, XMLNamespaceReserved, XMLNamespaceEmpty,
		XMLNamespaceNotAbsolute, XMLSectionEndInText, XMLCommentMalformed, XMLInstructionMalformed,
		XMLInstructionReserved, XMLContentOutsideRoot, XMLEndTagMismatch, XMLUnexpectedEnd, XMLIdentifierDuplicate)
}
