package archtest_test

// A pattern matches packages by their path inside the module: the path itself, or "path/..." for it and everything
// below it. "..." matches every package.

// layer lists the packages of this module that packages matching a pattern may import. The first matching layer
// applies; a package without one is a violation. A package may always import packages of its own layer. A layer that may
// import internal/problem may import internal/texts, in which the details of refusals are declared.
type layer struct {
	packages string
	imports  []string
}

// productionImports is the import table, from the commands at the top to internal/texts at the bottom.
var productionImports = []layer{
	{"cmd/internal/...", []string{"internal/platform/ident"}},
	{"cmd/...", []string{"cmd/internal/...", "internal/...", "wsdl", "xsd", "certs-testdata"}},
	{"certs-testdata", []string{"internal/authority"}},
	{"wsdl", []string{"xsd"}},
	{"xsd", nil},

	{"internal/catalogue", []string{"internal/soapdoor/ctrdoor", "internal/portal/...", "internal/devkit/...", "internal/implants/...", "internal/platform/...",
		"internal/message/...", "internal/problem"}}, // for its init functions only; no production package imports it
	{"internal/service", []string{"internal/soapdoor/...", "internal/countersign", "internal/message/timestamp", "internal/durable", // notes the last verification
		"internal/verification", "internal/admission", "internal/operator", "internal/store", "internal/auditlog", "internal/implants",
		"internal/implants/card/issuer",
		"internal/platform/ident", "internal/loopback",
		"internal/devkit/sandbox", "internal/devkit/devdata", "internal/devkit/openid", // only for a development service
		"internal/portal", "internal/portal/cardpage", "internal/portal/operatorpages", "internal/platform", // a signed message of the portal
		"internal/message/soap", "internal/message/xmldoc", // the portal's own messages are verified like any other
		"internal/client",    // signs replies, and what people submit in the portal
		"internal/authority", // only for a development service
		"internal/message/wsse", "internal/message/p12", "internal/message/schema", "internal/message/x509id", "internal/message/revocation", "internal/reqlog", "internal/wire/ctr"}},
	{"internal/portal/operatorpages", []string{"internal/authorization", // how long an operation opens data, for its review
		"internal/portal/forms", "internal/operator", "internal/implants", "internal/implants/udi", "internal/platform",
		"internal/platform/ident", "internal/problem"}},
	{"internal/portal/cardpage", []string{"internal/implants/card/issuer", "internal/problem"}},
	{"internal/portal/keptform", nil},
	{"internal/portal/forms", []string{"internal/implants", "internal/implants/udi", "internal/platform", "internal/platform/access", "internal/platform/ident",
		"internal/wire/ctr", "internal/problem"}},
	{"internal/portal", []string{"internal/portal/forms", "internal/portal/keptform", "internal/portal/operatorpages", "internal/implants", "internal/implants/card", "internal/implants/udi", "internal/platform/...",
		"internal/wire/ctr", "internal/problem"}},
	{"internal/devkit/openid", nil},
	{"internal/soapdoor/ctrdoor", []string{"internal/soapdoor", "internal/wire/ctr", "internal/implants", "internal/implants/card",
		"internal/platform/...", "internal/message/schema", "internal/message/wsse", "internal/message/xmldoc", "internal/problem"}},
	{"internal/soapdoor", []string{"internal/loopback", "internal/implants", "internal/platform/...", "internal/message/...", "internal/reqlog",
		"internal/admission",
		"internal/devkit/diagnosis", // ?check
		"internal/problem", "wsdl"}},
	{"internal/verification", []string{"internal/implants", "internal/platform", "internal/platform/ident",
		"internal/wire/ctr", "internal/message/...", "internal/problem"}},
	{"internal/countersign", []string{"internal/auditlog", "internal/message/timestamp"}},
	{"internal/evidence", []string{"internal/implants", "internal/platform", "internal/platform/ident", "internal/auditlog",
		"internal/message/...", "internal/problem"}}, // not the store: whoever gets evidence has none
	{"internal/operator/xmlrecords", nil},
	{"internal/operator", []string{"internal/operator/xmlrecords", "internal/implants", "internal/platform", "internal/platform/ident", "internal/implants/udi",
		"internal/message/xmldoc", // the published device list is XML
		"internal/auditlog",
		"internal/reqlog", "internal/problem"}},
	{"internal/devkit/sandbox", []string{"internal/loopback", "internal/devkit/testmessages", "internal/devkit/capture", "internal/devkit/diagnosis",
		"internal/devkit/devdata", "internal/authority", "internal/wire/ctr", "internal/message/...", "internal/problem"}},
	{"internal/batch", []string{"internal/client", "internal/message/soap", "internal/durable", "internal/wire/ctr", "internal/implants",
		"internal/implants/udi",
		"internal/platform", // codes of refused callers
		"internal/platform/ident",
		"internal/problem"}},
	{"internal/devkit/conformance", []string{"internal/devkit/testmessages", "internal/devkit/capture", "internal/devkit/diagnosis",
		"internal/wire/ctr", "internal/implants", "internal/platform/ident", "internal/implants/udi", "internal/message/...",
		"internal/problem", "wsdl", "xsd"}},
	{"internal/client", []string{"internal/wire/ctr", "internal/implants", "internal/platform/ident", "internal/implants/udi",
		"internal/message/...", "internal/problem", "xsd"}},
	{"internal/devkit/testmessages", []string{"internal/authority", "internal/wire/ctr", "internal/message/...",
		"internal/implants", "internal/platform", // codes that the mistakes give
		"internal/problem"}},

	{"internal/wire/ctr", []string{"internal/implants", "internal/platform/...", "internal/implants/udi",
		"internal/message/schema", "internal/message/soap", "internal/message/xmldoc", "internal/problem", "wsdl", "xsd"}},
	{"internal/store", []string{"internal/auditlog", "internal/implants", "internal/store/...", "internal/problem"}},
	{"internal/store/postgresurl", nil},
	{"internal/store/backup", []string{"internal/store/engine", "internal/store/postgresurl", "internal/auditlog", "internal/durable"}},
	{"internal/store/tracing", []string{"internal/store/implants", "internal/store/platform", "internal/store/identity",
		"internal/store/engine", "internal/implants", "internal/implants/udi", "internal/platform", "internal/platform/ident"}},
	{"internal/store/implants", []string{"internal/store/platform", "internal/store/identity", "internal/store/engine",
		"internal/store/numbers", "internal/implants",
		"internal/implants/udi", "internal/platform", "internal/platform/ident", "internal/problem"}},
	{"internal/store/platform", []string{"internal/store/identity", "internal/store/engine",
		"internal/implants", // an import holds entries of all authentic sources, the device list among them
		"internal/platform", "internal/platform/ident", "internal/auditlog", "internal/problem"}},
	{"internal/store/identity", []string{"internal/store/cache", "internal/store/engine", "internal/platform/ident", "internal/auditlog",
		"internal/durable", "internal/problem"}},
	{"internal/store/numbers", nil},
	{"internal/store/cache", []string{"internal/store/engine"}},
	{"internal/store/engine", []string{"internal/store/postgresurl", "internal/store/engine/rights", "internal/problem"}},
	{"internal/store/engine/rights", nil},
	{"internal/implants/card/issuer", []string{"internal/implants/card", "internal/implants/card/pdfua", "internal/implants",
		"internal/platform/ident"}},
	{"internal/implants/card", []string{"internal/implants/card/pdfua", "internal/implants", "internal/platform", "internal/platform/ident",
		"internal/implants/udi", "internal/problem"}},
	{"internal/implants/card/pdfua", nil},
	{"internal/implants/udi", []string{"internal/platform/ident", "internal/problem"}},
	{"internal/implants", []string{"internal/authorization", "internal/platform/...", "internal/implants/udi", "internal/problem"}},
	{"internal/platform/access", []string{"internal/authorization", "internal/platform", "internal/platform/ident", "internal/problem"}},
	{"internal/authorization", []string{"internal/platform", "internal/platform/ident", "internal/problem"}},
	{"internal/platform", []string{"internal/platform/ident", "internal/auditlog", "internal/problem"}},
	{"internal/platform/ident", []string{"internal/problem"}},

	// Production code of internal/message never issues a certificate.
	{"internal/authority", []string{"internal/message/x509id", "internal/message/p12", "internal/message/cms"}},
	{"internal/devkit/capture", []string{"internal/devkit/diagnosis", "internal/message/soap", "internal/message/xmldoc", "internal/problem"}},
	{"internal/devkit/diagnosis", []string{"internal/message/wsse", "internal/message/schema", "internal/message/dsig", "internal/message/x509id",
		"internal/message/soap", "internal/message/xmldoc", "internal/problem"}},
	{"internal/message/wsse", []string{"internal/message/dsig", "internal/message/x509id", "internal/message/soap",
		"internal/message/xmldoc", "internal/problem"}},
	{"internal/message/schema", []string{"internal/message/xmldoc", "internal/problem"}},
	{"internal/message/soap", []string{"internal/message/xmldoc", "internal/problem"}},
	{"internal/message/dsig", []string{"internal/message/x509id", "internal/message/xmldoc", "internal/problem"}},
	{"internal/message/p12", []string{"internal/message/ber", "internal/message/x509id", "internal/problem"}},
	{"internal/sealing", []string{"internal/message/cms", "internal/message/p12", "internal/message/revocation", "internal/message/x509id",
		"internal/durable", "internal/problem"}},
	{"internal/message/cms", []string{"internal/message/ber", "internal/message/x509id", "internal/problem"}},
	{"internal/message/ber", nil},
	{"internal/message/revocation", []string{"internal/message/x509id", "internal/durable", "internal/problem"}},
	{"internal/message/x509id", []string{"internal/problem"}},
	{"internal/message/timestamp", nil},
	{"internal/message/xmldoc", []string{"internal/problem"}},

	{"internal/admission", []string{"internal/problem"}},
	{"internal/reqlog", []string{"internal/problem"}},
	{"internal/durable", nil},
	{"internal/loopback", nil},
	{"internal/terminal", nil},
	{"internal/auditlog", nil}, // an external auditor needs only this package to verify the audit log
	{"internal/problem", []string{"internal/texts"}},
	{"internal/texts", nil},
	{"internal/devkit/devdata", nil},
}

// testOnlyPackages are for tests only: production files must not import them, and their own files count as test
// files.
var testOnlyPackages = []string{"internal/testing/..."}

// testImports lists the additional imports that test files may have. Lower packages may have fewer, so that their
// tests do not depend on higher layers.
var testImports = []layer{
	{"internal/problem", nil},
	{"internal/texts", nil},
	{"internal/admission", nil},
	{"internal/reqlog", nil},
	{"internal/testing/costtest", nil},
	{"internal/testing/textedit", nil},
	{"internal/testing/people", []string{"internal/platform/ident"}},
	{"internal/message/...", []string{"internal/catalogue", "internal/message/...", "internal/testing/costtest", "internal/testing/testpki", "internal/testing/testtsa", "internal/testing/dsigtest", "internal/testing/bertest",
		"internal/authority", "certs-testdata", "wsdl", "xsd"}},
	{"internal/platform/...", []string{"internal/platform/..."}},
	{"internal/implants/...", []string{"internal/implants/...", "internal/platform/...", "internal/testing/registertest",
		"internal/testing/storetest", "internal/testing/people", "internal/store"}},
	{"...", []string{"internal/...", "certs-testdata", "wsdl", "xsd"}},
}

// commandPackages are the packages that may use process-wide state.
var commandPackages = []string{"cmd/...", "certs-testdata"}

// importBan forbids imports for packages matching a pattern. Bans take precedence over the tables above and give
// their reason.
type importBan struct {
	packages []string
	except   []string
	imports  []string
	tests    bool // whether the ban includes test files
	reason   string
}

var importBans = []importBan{
	{packages: []string{"internal/implants/...", "internal/platform/...", "internal/authorization"}, tests: true,
		imports: []string{"internal/message/...", "internal/wire/...", "internal/soapdoor/...", "encoding/xml", "net/http/..."},
		reason:  "the domain does not depend on XML or HTTP, so that it can be read and tested without messages"},
	{packages: []string{"internal/platform/...", "internal/authorization"}, tests: true,
		imports: []string{"internal/implants/..."},
		reason:  "the platform knows no register, so that a second one stands beside the first"},
	{packages: []string{"internal/implants/...", "internal/platform/...", "internal/authorization"},
		imports: []string{"internal/store/...", "database/sql/...", "log"},
		reason:  "the domain declares the interface of the store, and the store implements it, never the reverse"},
	{packages: []string{"internal/message/..."}, tests: true,
		imports: []string{"internal/implants/...", "internal/platform/...", "internal/wire/...", "internal/store/..."},
		reason:  "message security does not depend on the domain, so that it can be reviewed without the register"},
	{packages: []string{"internal/soapdoor/..."},
		imports: []string{"internal/store/...", "database/sql/..."},
		reason:  "an entry point reaches a register through its Registrar; with the store it could bypass authorisation and audit"},
	{packages: []string{"internal/store/..."},
		imports: []string{"internal/message/...", "internal/wire/...", "encoding/xml", "net/http/..."},
		reason:  "the store persists domain values and does not depend on the format of messages"},
	{packages: []string{"..."}, except: []string{"internal/store/..."},
		imports: []string{"database/sql/..."},
		reason:  "all SQL is in internal/store"},
	{packages: []string{"..."},
		imports: []string{"encoding/xml"},
		reason:  "encoding/xml accepts documents that are not well-formed and loses information that C14N needs: parse with internal/message/xmldoc"},
	{packages: []string{"..."}, tests: true,
		imports: []string{"cmd/ctr", "cmd/ctrd"},
		reason:  "commands are the top layer: no package imports them"},
	{packages: []string{"..."}, tests: true,
		imports: []string{"unsafe", "C"},
		reason:  "the binary is static, without cgo, and memory-safe"},
}

// libraryRule lists the packages that may use a third-party module. A module without an entry is forbidden to all.
type libraryRule struct {
	module string
	users  []string // in production files
	tests  []string // additionally, in test files
	reason string
}

var libraryRules = []libraryRule{
	{module: "github.com/jmoiron/sqlx", users: []string{"internal/store/engine"}, tests: []string{"internal/testing/storetest"},
		reason: "only internal/store/engine talks to a database"},
	{module: "github.com/lib/pq", users: []string{"internal/store/engine", "internal/store/postgresurl", "internal/store/engine/rights"}, tests: []string{"internal/testing/storetest"},
		reason: "only internal/store/engine selects a database driver"},
	{module: "github.com/xdg-go/stringprep", users: []string{"internal/store/engine"}, reason: "SASLprep for passwords of PostgreSQL"},
	{module: "modernc.org/sqlite", users: []string{"internal/store/engine"}, reason: "only internal/store/engine selects a database driver"},
	{module: "github.com/pressly/goose/v3", users: []string{"internal/store/engine"}, reason: "internal/store/engine runs the migrations"},
	{module: "github.com/go-text/typesetting", users: []string{"internal/implants/card/pdfua"}, tests: []string{"internal/implants/card/pdfua"},
		reason: "only internal/implants/card/pdfua sets text"},
	{module: "golang.org/x/image", users: []string{"internal/implants/card/pdfua"}, reason: "the numbers of go-text/typesetting"},
	{module: "golang.org/x/text", users: []string{"internal/implants/card"}, reason: "the card composes letters (Unicode NFC)"},
	{module: "github.com/boombuler/barcode", users: []string{"internal/implants/card"}, reason: "only the card package draws symbols"},
	{module: "rsc.io/qr", users: []string{"internal/implants/card"}, reason: "only the card package draws symbols"},
	{module: "software.sslmate.com/src/go-pkcs12", users: []string{"internal/message/p12"},
		reason: "a .p12 file must pass the limits of internal/message/p12 before it is decoded"},
	{module: "golang.org/x/crypto", users: []string{"internal/message/x509id", "internal/message/p12", "internal/message/revocation", "internal/message/ber", "internal/message/cms", "internal/testing/bertest"},
		reason: "DER is parsed where certificates, key stores and revocation lists are"},
	{module: "github.com/jacoelho/xsd", users: []string{"internal/message/schema"}, tests: []string{"internal/message/schema"},
		reason: "internal/message/schema hides the validator, so that it can be replaced"},
	{module: "github.com/beevik/etree", users: []string{"internal/message/wsse", "internal/client"}, tests: []string{"..."},
		reason: "etree builds outgoing messages; internal/message/xmldoc parses incoming ones"},
	{module: "github.com/russellhaering/goxmldsig", users: []string{"internal/message/wsse", "internal/client"}, tests: []string{"..."},
		reason: "goxmldsig signs outgoing messages; internal/message/dsig verifies incoming ones"},
	{module: "github.com/prometheus/client_golang", users: []string{"internal/reqlog", "internal/service"}, tests: []string{"internal/soapdoor", "internal/testing/doortest"},
		reason: "metrics are derived from the request event in internal/reqlog"},
	{module: "github.com/alexedwards/scs/v2", users: []string{"internal/portal", "internal/service"}, reason: "only the portal has sessions"},
	{module: "github.com/coreos/go-oidc/v3", users: []string{"internal/portal"}, reason: "people sign in to the portal only"},
	{module: "golang.org/x/oauth2", users: []string{"internal/portal"}, reason: "people sign in to the portal only"},
	{module: "github.com/go-jose/go-jose/v4", users: []string{"internal/devkit/openid"}, reason: "only the development provider signs ID tokens"},
	{module: "github.com/chromedp/cdproto", users: []string{"internal/testing/browser"}, reason: "only browser tests drive a browser"},
	{module: "github.com/chromedp/chromedp", users: []string{"internal/testing/browser"}, tests: []string{"internal/testing/browser"}, reason: "only browser tests drive a browser"},
	{module: "github.com/alecthomas/kong", users: []string{"cmd/..."}, reason: "only commands parse command lines"},
	{module: "golang.org/x/tools/txtar", tests: []string{"internal/soapdoor", "internal/testing/interop"}, reason: "case files are for tests"},
}

// nameRule restricts names of the standard library to some packages, in production files.
type nameRule struct {
	pkg    string // import path
	names  []string
	users  []string
	reason string
}

var nameRules = []nameRule{
	{"os", []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Args", "Stdin", "Stdout", "Stderr"}, commandPackages,
		"configuration is read once, in the command, and passed on"},
	{"os", []string{"Exit"}, commandPackages, "return an error; the command decides whether the process exits"},
	{"time", []string{"Now", "Since", "Until"}, commandPackages, "the clock is a field, Now func() time.Time, so that tests can set it"},
	{"log/slog", []string{"SetDefault", "Default", "NewJSONHandler", "NewTextHandler", "Debug", "Info", "Warn", "Error", "Log", "LogAttrs"}, commandPackages,
		"the command configures one logger and passes it on"},
	{"log", []string{"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Print", "Printf", "Println", "SetOutput", "SetFlags", "Default"}, nil,
		"there is one logger, from log/slog, and errors are returned"},
	{"fmt", []string{"Fprint", "Fprintf", "Fprintln", "Print", "Printf", "Println"}, []string{"internal/...", "cmd/internal/...", "certs-testdata", "wsdl", "xsd"},
		"commands print with internal/terminal, so that a terminal obeys no text of others"},
	{"math/rand", nil, nil, "randomness comes from crypto/rand, injected as an io.Reader, except for retry jitter"},
	{"math/rand/v2", nil, []string{"internal/store/engine", "internal/admission"}, // jitter of retries
		"randomness comes from crypto/rand, injected as an io.Reader, except for retry jitter"},
}

// pauseRule lists the names that a test file may use only if it imports testing/synctest, where they wait on a virtual
// clock.
var pauseRule = struct {
	pkg    string
	names  []string
	unless string   // the file imports this
	users  []string // packages whose files need not
	reason string
}{
	"time", []string{"Sleep", "After", "Tick"}, "testing/synctest", []string{"internal/testing/interop"}, // its deadlines for other processes
	"a pause proves nothing on a busy machine: wait for an event, or use testing/synctest, or interop.Await for another process",
}

// identifierRule restricts an identifier of this module to the packages that may use it.
type identifierRule struct {
	name   string
	users  []string
	reason string
}

var identifierRules = []identifierRule{
	{"UnverifiedBody", []string{"internal/message/soap", "internal/message/wsse"},
		"all other packages use Verified.Body(), so that content without a signature never selects the operation"},
	{"NewCaller", []string{"internal/platform/..."},
		"only the identification of a verified message creates a caller"},
	{"FaultFrom", []string{"internal/message/soap", "internal/soapdoor"},
		"refusals are converted to faults in one place"},
}

// singleCallRule names the function that must be called exactly once, in one package.
var singleCallRule = struct{ pkg, name, caller, reason string }{
	"internal/message/soap", "FaultFrom", "internal/soapdoor", "faults are written by one line, so that every refusal is recorded and has one wording",
}
