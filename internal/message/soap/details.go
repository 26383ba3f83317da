package soap

import "github.com/openctr/ctr/internal/texts"

var (
	mediaTypeReceived     = texts.Declare1[string]("media.type_received", "received")
	mediaTypeMissing      = texts.Declare("media.type_missing")
	xopWithoutPackage     = texts.Declare("media.xop_without_package")
	parameterTwice        = texts.Declare3[string, string, string]("media.parameter_twice", "name", "first", "second")
	parameterWithoutValue = texts.Declare1[string]("media.parameter_without_value", "received")
	parameterQuoteOpen    = texts.Declare2[string, string]("media.parameter_quote_open", "name", "received")
	parameterBehindQuote  = texts.Declare2[string, string]("media.parameter_behind_quote", "name", "received")
	parameterNeedsQuotes  = texts.Declare2[string, string]("media.parameter_needs_quotes", "name", "received")
	parameterMissing      = texts.Declare2[string, string]("media.parameter_missing", "name", "expected")
	parameterReceived     = texts.Declare3[string, string, string](
		"media.parameter_received", "name", "received", "expected",
	)
	typeReceived         = texts.Declare1[string]("media.multipart_type", "received")
	charsetUnsupported   = texts.Declare1[string]("media.charset", "charset")
	charsetInApostrophes = texts.Declare1[string]("media.charset_apostrophes", "charset")
	notASCII             = texts.Declare1[int]("media.not_ascii", "byte")
	rootTypeReceived     = texts.Declare2[string, string]("media.root_type", "received", "expected")

	codingReceived = texts.Declare1[string]("media.coding", "coding")

	namespaceReceived = texts.Declare1[string]("envelope.namespace_received", "namespace")
	rootReceived      = texts.Declare2[string, string]("envelope.root_received", "name", "namespace")
	headerUnknown     = texts.Declare1[string]("envelope.header_unknown", "name")

	atMostFields               = texts.Declare1[int]("detail.at_most_fields", "max")
	atMostBytesWithAttachments = texts.Declare1[int]("detail.at_most_bytes_with_attachments", "max")

	noClosingDelimiter   = texts.Declare("multipart.no_closing_delimiter")
	beforeFirstDelimiter = texts.Declare("multipart.before_first_delimiter")
	afterLastDelimiter   = texts.Declare("multipart.after_last_delimiter")
	delimiterWithoutCRLF = texts.Declare("multipart.delimiter_without_crlf")
	likeDelimiter        = texts.Declare("multipart.like_delimiter")
	fieldTwice           = texts.Declare("multipart.field_twice")
)
