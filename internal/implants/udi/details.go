package udi

import "github.com/openctr/ctr/internal/texts"

// Reasons for rejecting a UDI, added to the text of the error code. They never contain the UDI.
var (
	tooLong            = texts.Declare1[int]("udi.too_long", "max")
	empty              = texts.Declare("udi.empty")
	noIssuer           = texts.Declare("udi.no_issuer")
	noDeviceIdentifier = texts.Declare("udi.no_device_identifier")

	unknownIdentifier            = texts.Declare("udi.unknown_identifier")
	unknownIdentifierOrSeparator = texts.Declare("udi.unknown_identifier_or_separator")
	twoValues                    = texts.Declare1[string]("udi.two_values", "identifier")
	wrongLength                  = texts.Declare1[string]("udi.length", "identifier")
	wrongCharacter               = texts.Declare1[string]("udi.character", "identifier")
	noSuchDay                    = texts.Declare1[string]("udi.no_such_day", "identifier")

	hibcStart         = texts.Declare("udi.hibc_start")
	hibcCheck         = texts.Declare("udi.hibc_check")
	hibcSecondary     = texts.Declare("udi.hibc_secondary")
	hibcPrimary       = texts.Declare("udi.hibc_primary")
	hibcSecondaryData = texts.Declare("udi.hibc_secondary_data")

	isbtStructureFault = texts.Declare("udi.isbt_structure")
)
