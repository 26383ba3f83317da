package capture

import "github.com/openctr/ctr/internal/texts"

var noEmptyLine = texts.Declare("multipart.no_empty_line")
