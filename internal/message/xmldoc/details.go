package xmldoc

import "github.com/openctr/ctr/internal/texts"

var (
	declaredEncoding = texts.Declare2[string, string]("xml.declared_encoding", "declared", "found")
	repeatedID       = texts.Declare1[string]("xml.repeated_id", "value")
)
