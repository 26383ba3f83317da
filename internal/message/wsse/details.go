package wsse

import "github.com/openctr/ctr/internal/texts"

var (
	elementInNamespace = texts.Declare2[string, string]("detail.element_in_namespace", "name", "namespace")
	elementTooLong     = texts.Declare1[string]("detail.element_too_long", "name")
	elementHasChildren = texts.Declare1[string]("detail.element_has_children", "name")

	// The setting of a client that brings about what was found and nothing else.
	withoutGSOAPSetting = texts.Declare2[texts.Text, string]("hint.gsoap_without", "found", "setting")

	serviceTime     = texts.Declare1[string]("clock.service_time", "now")
	withServiceTime = texts.Declare2[texts.Text, string]("clock.with_service_time", "detail", "now")
	createdUntil    = texts.Declare3[string, string, string]("clock.created_until", "created", "until", "now")
	createdExpires  = texts.Declare2[string, string]("clock.created_expires", "created", "expires")
)
