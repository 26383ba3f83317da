package soap

import "github.com/openctr/ctr/internal/texts"

var (
	parameter                  = texts.Declare1[string]("detail.parameter", "name")
	atMostFields               = texts.Declare1[int]("detail.at_most_fields", "max")
	atMostBytesWithAttachments = texts.Declare1[int]("detail.at_most_bytes_with_attachments", "max")

	noClosingDelimiter   = texts.Declare("multipart.no_closing_delimiter")
	beforeFirstDelimiter = texts.Declare("multipart.before_first_delimiter")
	afterLastDelimiter   = texts.Declare("multipart.after_last_delimiter")
	delimiterWithoutCRLF = texts.Declare("multipart.delimiter_without_crlf")
	likeDelimiter        = texts.Declare("multipart.like_delimiter")
	fieldTwice           = texts.Declare("multipart.field_twice")
)
