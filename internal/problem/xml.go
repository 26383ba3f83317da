package problem

// Codes of package message/xmldoc, for input that is not an accepted document. Detail contains "line:column" and, for
// an exceeded limit, the limit.
const (
	XMLTooLarge             Code = "XML_TOO_LARGE"
	XMLTooDeep              Code = "XML_TOO_DEEP"
	XMLTooManyNodes         Code = "XML_TOO_MANY_NODES"
	XMLTooManyAttributes    Code = "XML_TOO_MANY_ATTRIBUTES"
	XMLTooManyNamespaces    Code = "XML_TOO_MANY_NAMESPACES"
	XMLNamespaceExpansion   Code = "XML_NAMESPACE_EXPANSION"
	XMLNameTooLong          Code = "XML_NAME_TOO_LONG"
	XMLInstruction          Code = "XML_INSTRUCTION"
	XMLEmpty                Code = "XML_EMPTY"
	XMLEncodingUnsupported  Code = "XML_ENCODING_UNSUPPORTED"
	XMLEncodingMismatch     Code = "XML_ENCODING_MISMATCH"
	XMLEncodingInvalid      Code = "XML_ENCODING_INVALID"
	XMLDeclarationMalformed Code = "XML_DECLARATION_MALFORMED"
	XMLVersionUnsupported   Code = "XML_VERSION_UNSUPPORTED"
	XMLDoctype              Code = "XML_DOCTYPE"
	XMLCharacterForbidden   Code = "XML_CHARACTER_FORBIDDEN"
	XMLReferenceMalformed   Code = "XML_REFERENCE_MALFORMED"
	XMLReferenceForbidden   Code = "XML_REFERENCE_FORBIDDEN"
	XMLEntityUnknown        Code = "XML_ENTITY_UNKNOWN"
	XMLNameMalformed        Code = "XML_NAME_MALFORMED"
	XMLTagMalformed         Code = "XML_TAG_MALFORMED"
	XMLMarkupUnknown        Code = "XML_MARKUP_UNKNOWN"
	XMLAttributeMalformed   Code = "XML_ATTRIBUTE_MALFORMED"
	XMLAttributeLessThan    Code = "XML_ATTRIBUTE_LESS_THAN"
	XMLAttributeDuplicate   Code = "XML_ATTRIBUTE_DUPLICATE"
	XMLPrefixUndeclared     Code = "XML_PREFIX_UNDECLARED"
	XMLNamespaceReserved    Code = "XML_NAMESPACE_RESERVED"
	XMLNamespaceEmpty       Code = "XML_NAMESPACE_EMPTY"
	XMLNamespaceNotAbsolute Code = "XML_NAMESPACE_NOT_ABSOLUTE"
	XMLSectionEndInText     Code = "XML_SECTION_END_IN_TEXT"
	XMLCommentMalformed     Code = "XML_COMMENT_MALFORMED"
	XMLInstructionMalformed Code = "XML_INSTRUCTION_MALFORMED"
	XMLInstructionReserved  Code = "XML_INSTRUCTION_RESERVED"
	XMLContentOutsideRoot   Code = "XML_CONTENT_OUTSIDE_ROOT"
	XMLEndTagMismatch       Code = "XML_END_TAG_MISMATCH"
	XMLUnexpectedEnd        Code = "XML_UNEXPECTED_END"
	XMLIdentifierDuplicate  Code = "XML_ID_DUPLICATE"
)

func init() {
	Register(Properties{Kind: Malformed}, XMLTooLarge, XMLTooDeep, XMLTooManyNodes, XMLTooManyAttributes,
		XMLTooManyNamespaces, XMLNamespaceExpansion, XMLNameTooLong, XMLInstruction, XMLEmpty,
		XMLEncodingUnsupported, XMLEncodingMismatch, XMLEncodingInvalid, XMLDeclarationMalformed,
		XMLVersionUnsupported, XMLDoctype, XMLCharacterForbidden, XMLReferenceMalformed, XMLReferenceForbidden,
		XMLEntityUnknown, XMLNameMalformed, XMLTagMalformed, XMLMarkupUnknown, XMLAttributeMalformed,
		XMLAttributeLessThan, XMLAttributeDuplicate, XMLPrefixUndeclared, XMLNamespaceReserved, XMLNamespaceEmpty,
		XMLNamespaceNotAbsolute, XMLSectionEndInText, XMLCommentMalformed, XMLInstructionMalformed,
		XMLInstructionReserved, XMLContentOutsideRoot, XMLEndTagMismatch, XMLUnexpectedEnd, XMLIdentifierDuplicate)
}
