package soapdoor

import "github.com/openctr/ctr/internal/texts"

var (
	versionReceived = texts.Declare2[string, string]("door.version_received", "envelope", "header")
	actionReceived  = texts.Declare4[string, string, string, string](
		"door.action_received", "received", "field", "element", "expected",
	)
	elementReceived = texts.Declare3[string, string, string]("door.element_received", "name", "namespace", "expected")
)
