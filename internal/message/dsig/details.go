package dsig

import "github.com/openctr/ctr/internal/texts"

var (
	blanksAround     = texts.Declare1[string]("signature.blanks_around", "received")
	prefixesReceived = texts.Declare2[int, int]("signature.prefixes_received", "received", "max")

	absent      = texts.Declare("detail.absent")
	notBase64   = texts.Declare("detail.not_base64")
	hasChildren = texts.Declare("detail.has_children")

	signatureChildren      = texts.Declare("signature.children")
	signedInfoStart        = texts.Declare("signature.signed_info_start")
	referencesOnly         = texts.Declare("signature.references_only")
	referenceChildren      = texts.Declare("signature.reference_children")
	transformsOnly         = texts.Declare("signature.transforms_only")
	oneInclusiveNamespaces = texts.Declare("signature.one_inclusive_namespaces")
	noParameters           = texts.Declare("signature.no_parameters")

	wrongDigestLength = texts.Declare2[int, int]("signature.digest_length", "found", "expected")
	wrongValueLength  = texts.Declare2[int, int]("signature.value_length", "found", "expected")
	keyIsRSA          = texts.Declare1[string]("signature.key_is_rsa", "algorithm")
	keyIsECDSA        = texts.Declare1[string]("signature.key_is_ecdsa", "algorithm")
	otherCurve        = texts.Declare("key.other_curve")

	// The setting of a client that brings about what was found and nothing else.
	keyInfoMissing = texts.Declare4[string, string, string, string](
		"hint.key_info_missing", "wsephp", "instead", "nodesoap", "version",
	)
	wss4jOrder = texts.Declare3[texts.Text, string, string]("hint.wss4j_order", "found", "first", "second")
	cxfMTOM    = texts.Declare2[texts.Text, string]("hint.cxf_mtom", "found", "setting")
)
