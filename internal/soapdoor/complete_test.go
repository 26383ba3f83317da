package soapdoor_test

import (
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// coveredElsewhere lists the codes that no case file produces, with the test that does or the reason why this door
// cannot.
var coveredElsewhere = map[problem.Code]string{
	problem.InternalError:     "TestInternal",
	problem.Overloaded:        "TestOverloaded",
	problem.StoreDown:         "TestStoreDown",
	problem.MessageIncomplete: "TestIncomplete",
	problem.CallerGone:        "TestFindingR10CallerGone",
	xmldoc.XMLTooLarge:        "TestTooLarge",

	// TestPackageRefused, in this directory, covers multipart packages.
	soap.MultipartNotXOP: "package", soap.MultipartParameter: "package", soap.MultipartMalformed: "package",
	soap.PartsTooMany: "package", soap.PartHeaderTooLarge: "package", soap.PartHeader: "package",
	soap.PartEncoding: "package", soap.PartContentID: "package", soap.PartDuplicate: "package",
	soap.PartNotIncluded: "package", soap.RootPartMissing: "package", soap.RootPartType: "package",
	soap.IncludeMalformed: "package", soap.IncludeNotAlone: "package", soap.IncludeExternal: "package",
	soap.IncludeUnknown: "package", soap.IncludeRepeated: "package",

	platform.RulesViolated:      "heads the fault of several rules; the case several-rules wants its words",
	schema.SchemaRefused:        "heads the fault of several violations; the case schema-three-at-once wants its words",
	schema.SchemaRoot:           "dispatch has found the operation by its element before; tested in message/schema",
	implants.QuantityOutOfRange: "the schema refuses it before; for the other doors, tested in register",
	ident.EHPInvalid:            "no message of these operations holds an EHP number; tested in register/ident",

	xmldoc.XMLInstructionMalformed: "the first processing instruction is refused, however written; tested in message/xmldoc",
	dsig.SignatureKeyUnsupported:   "such a certificate is refused before; tested in message/dsig",
	x509id.CertSubjectDisagrees:    "no authority of ours issues it; tested in message/x509id",
	x509id.CertSignatureWeak:       "no authority of ours issues it; tested in message/x509id",
	x509id.CertExtendedKeyUsage:    "no frozen certificate has such a purpose; tested in message/x509id",
	x509id.CertRevocationUnknown:   "TestRevocationUnknown",

	// Errors that an operator sees when a service or a client starts, tested in message/p12 and message/revocation.
	x509id.TrustUnreadable: "start-up", x509id.TrustNotAuthority: "start-up", revocation.CRLUnreadable: "start-up",
	revocation.CRLUntrusted: "start-up", revocation.CRLAddress: "start-up", revocation.OCSPUnreadable: "start-up", revocation.OCSPUntrusted: "start-up",
	p12.Unreadable: "start-up", p12.Unsupported: "start-up",
	p12.TooCostly: "start-up", p12.PasswordWrong: "start-up", p12.KeyMissing: "start-up",

	// No message of this contract is sealed; tested in message/cms.
	cms.TooLarge: "sealed", cms.Unreadable: "sealed", cms.Unsupported: "sealed", cms.SignerMissing: "sealed",
	cms.SignatureInvalid: "sealed", cms.NotAddressed: "sealed", cms.NotOpened: "sealed", cms.TimeInFuture: "sealed",
	cms.KeyUnfit: "sealed", cms.TokenInvalid: "sealed", cms.OtherProfile: "sealed", cms.TimeMissing: "sealed",
	cms.ExpiredSince: "sealed",
}

// TestEveryCodeHasACase requires each code of the catalogue either in a case file or above with a reason, but not in
// both.
func TestEveryCodeHasACase(t *testing.T) {
	t.Parallel()
	wanted := map[problem.Code]string{}
	for _, file := range listCaseFiles(t) {
		for _, s := range readCase(t, file).steps {
			for _, p := range append(s.problems, s.warnings...) {
				wanted[p.code] = file
			}
			for _, code := range strings.Fields(s.audit) {
				wanted[problem.Code(code)] = file
			}
		}
	}
	for _, entry := range problem.Registered() {
		file, reason := wanted[entry.Code], coveredElsewhere[entry.Code]
		switch {
		case file == "" && reason == "":
			t.Errorf("%s: no case produces it, and no reason says why", entry.Code)
		case file != "" && reason != "":
			t.Errorf("%s: %s produces it, against the reason %q", entry.Code, file, reason)
		}
	}
	for code := range coveredElsewhere {
		if _, ok := problem.Lookup(code); !ok {
			t.Errorf("%s is no code", code)
		}
	}
}
