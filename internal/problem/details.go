package problem

import "github.com/openctr/ctr/internal/texts"

// Details that several packages use. Others are declared beside the code that raises them.
var (
	// DetailReceived says what was received, when the text of the code says what is expected.
	DetailReceived         = texts.Declare1[string]("detail.received", "received")
	DetailReceivedExpected = texts.Declare2[string, string]("detail.received_expected", "received", "expected")

	DetailElement     = texts.Declare1[string]("detail.element", "name")
	DetailAttribute   = texts.Declare1[string]("detail.attribute", "name")
	DetailLimit       = texts.Declare1[int]("detail.limit", "max")
	DetailAtMost      = texts.Declare1[int]("detail.at_most", "max")
	DetailAtMostBytes = texts.Declare1[int]("detail.at_most_bytes", "max")
	DetailLongerThan  = texts.Declare1[int]("detail.longer_than_bytes", "max")
	DetailEmpty       = texts.Declare("detail.empty")
	DetailRSABits     = texts.Declare1[int]("key.rsa_bits", "bits")
)
