package soap

import "github.com/openctr/ctr/internal/problem"

// The codes of the SOAP envelope and of its transport (SOAP 1.1 sections 4 and 6.1.1, SOAP 1.2 part 1 sections 5.1 to
// 5.4).
const (
	NotSOAP             problem.Code = "NOT_SOAP"
	SOAPVersion         problem.Code = "SOAP_VERSION_MISMATCH"
	EnvelopeMalformed   problem.Code = "ENVELOPE_MALFORMED"
	BodyMissing         problem.Code = "BODY_MISSING"
	BodyNotSingle       problem.Code = "BODY_NOT_SINGLE"
	HeaderNotUnderstood problem.Code = "HEADER_NOT_UNDERSTOOD"
	SecurityTwice       problem.Code = "SECURITY_HEADER_TWICE"
	ContentTypeUnknown  problem.Code = "CONTENT_TYPE_NOT_ACCEPTED"
	CodingUnknown       problem.Code = "CONTENT_ENCODING_NOT_ACCEPTED"
	MessageTooLarge     problem.Code = "MESSAGE_TOO_LARGE"
	OperationUnknown    problem.Code = "OPERATION_UNKNOWN"
	ActionMismatch      problem.Code = "SOAP_ACTION_MISMATCH"

	// Attachments: the MIME package (RFC 2046 section 5.1, RFC 2387, XOP section 4) and xop:Include (XOP section 2.1).
	MultipartNotXOP    problem.Code = "MULTIPART_NOT_XOP"
	MultipartParameter problem.Code = "MULTIPART_PARAMETER"
	MultipartMalformed problem.Code = "MULTIPART_MALFORMED"
	PartsTooMany       problem.Code = "PARTS_TOO_MANY"
	PartHeaderTooLarge problem.Code = "PART_HEADER_TOO_LARGE"
	PartHeader         problem.Code = "PART_HEADER_MALFORMED"
	PartEncoding       problem.Code = "PART_TRANSFER_ENCODING"
	PartContentID      problem.Code = "PART_CONTENT_ID"
	PartDuplicate      problem.Code = "PART_CONTENT_ID_DUPLICATE"
	PartNotIncluded    problem.Code = "PART_NOT_INCLUDED"
	RootPartMissing    problem.Code = "ROOT_PART_MISSING"
	RootPartType       problem.Code = "ROOT_PART_TYPE"
	IncludeMalformed   problem.Code = "XOP_INCLUDE_MALFORMED"
	IncludeNotAlone    problem.Code = "XOP_INCLUDE_NOT_ALONE"
	IncludeExternal    problem.Code = "XOP_INCLUDE_EXTERNAL"
	IncludeUnknown     problem.Code = "XOP_INCLUDE_UNKNOWN"
	IncludeRepeated    problem.Code = "XOP_INCLUDE_REPEATED"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Malformed, PlatformCode: "SOA-03002"}, NotSOAP)
	problem.Register(problem.Properties{Kind: problem.NotUnderstood, PlatformCode: "SOA-03002"}, SOAPVersion)
	problem.Register(problem.Properties{Kind: problem.Malformed}, EnvelopeMalformed, ContentTypeUnknown, CodingUnknown,
		MessageTooLarge, MultipartNotXOP, MultipartParameter, MultipartMalformed, PartsTooMany, PartHeaderTooLarge,
		PartHeader, PartEncoding, PartContentID, PartDuplicate, PartNotIncluded, RootPartMissing, RootPartType,
		IncludeMalformed, IncludeNotAlone, IncludeExternal, IncludeUnknown, IncludeRepeated)
	problem.Register(problem.Properties{Kind: problem.Malformed, PlatformCode: "SOA-03003"}, BodyMissing)
	problem.Register(problem.Properties{Kind: problem.NotUnderstood}, BodyNotSingle, HeaderNotUnderstood,
		OperationUnknown, ActionMismatch)
	problem.Register(problem.Properties{Kind: problem.Unauthenticated, WSSFault: "InvalidSecurity"}, SecurityTwice)
}
