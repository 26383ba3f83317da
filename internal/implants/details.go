package implants

import "github.com/openctr/ctr/internal/texts"

var unknownIDType = texts.Declare2[string, string]("detail.id_type_unknown", "found", "known")
