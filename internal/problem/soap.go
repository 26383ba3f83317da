package problem

// Codes of the SOAP envelope and of its transport (SOAP 1.1 sections 4 and 6.1.1, SOAP 1.2 part 1 sections 5.1 to 5.4).
const (
	NotSOAP             Code = "NOT_SOAP"
	SOAPVersion         Code = "SOAP_VERSION_MISMATCH"
	EnvelopeMalformed   Code = "ENVELOPE_MALFORMED"
	BodyMissing         Code = "BODY_MISSING"
	BodyNotSingle       Code = "BODY_NOT_SINGLE"
	HeaderNotUnderstood Code = "HEADER_NOT_UNDERSTOOD"
	SecurityTwice       Code = "SECURITY_HEADER_TWICE"
	ContentTypeUnknown  Code = "CONTENT_TYPE_NOT_ACCEPTED"
	MessageTooLarge     Code = "MESSAGE_TOO_LARGE"
	MessageIncomplete   Code = "MESSAGE_INCOMPLETE"
	OperationUnknown    Code = "OPERATION_UNKNOWN"
	ActionMismatch      Code = "SOAP_ACTION_MISMATCH"

	// Attachments: the MIME package (RFC 2046 section 5.1, RFC 2387, XOP section 4) and xop:Include (XOP section 2.1).
	MultipartNotXOP    Code = "MULTIPART_NOT_XOP"
	MultipartParameter Code = "MULTIPART_PARAMETER"
	MultipartMalformed Code = "MULTIPART_MALFORMED"
	PartsTooMany       Code = "PARTS_TOO_MANY"
	PartHeaderTooLarge Code = "PART_HEADER_TOO_LARGE"
	PartHeader         Code = "PART_HEADER_MALFORMED"
	PartEncoding       Code = "PART_TRANSFER_ENCODING"
	PartContentID      Code = "PART_CONTENT_ID"
	PartDuplicate      Code = "PART_CONTENT_ID_DUPLICATE"
	PartNotIncluded    Code = "PART_NOT_INCLUDED"
	RootPartMissing    Code = "ROOT_PART_MISSING"
	RootPartType       Code = "ROOT_PART_TYPE"
	IncludeMalformed   Code = "XOP_INCLUDE_MALFORMED"
	IncludeNotAlone    Code = "XOP_INCLUDE_NOT_ALONE"
	IncludeExternal    Code = "XOP_INCLUDE_EXTERNAL"
	IncludeUnknown     Code = "XOP_INCLUDE_UNKNOWN"
	IncludeRepeated    Code = "XOP_INCLUDE_REPEATED"
)

func init() {
	Register(Properties{Kind: Malformed, PlatformCode: "SOA-03002"}, NotSOAP)
	Register(Properties{Kind: NotUnderstood, PlatformCode: "SOA-03002"}, SOAPVersion)
	Register(Properties{Kind: Malformed}, EnvelopeMalformed, ContentTypeUnknown, MessageTooLarge, MessageIncomplete,
		MultipartNotXOP, MultipartParameter, MultipartMalformed, PartsTooMany, PartHeaderTooLarge, PartHeader,
		PartEncoding, PartContentID, PartDuplicate, PartNotIncluded, RootPartMissing, RootPartType, IncludeMalformed,
		IncludeNotAlone, IncludeExternal, IncludeUnknown, IncludeRepeated)
	Register(Properties{Kind: Malformed, PlatformCode: "SOA-03003"}, BodyMissing)
	Register(Properties{Kind: NotUnderstood}, BodyNotSingle, HeaderNotUnderstood, OperationUnknown, ActionMismatch)
	Register(Properties{Kind: Unauthenticated, WSSFault: "InvalidSecurity"}, SecurityTwice)
}
