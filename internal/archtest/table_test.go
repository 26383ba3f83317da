package archtest_test

// A pattern names packages by their path inside the module: the path itself, or "path/..." for it and all below it.
// "..." alone is every package.

// layer says which packages of this module the packages of a pattern may import. Of all layers the first match counts;
// a package without one is refused. A package may always import what lies in its own row.
type layer struct {
	packages string
	imports  []string
}

// production is the import table: commands, then doors, then what the doors stand on, down to the refusals.
var production = []layer{
	{"cmd/...", []string{"internal/...", "wsdl", "xsd", "certs-testdata"}},
	{"certs-testdata", []string{"internal/message/pki", "internal/problem"}},
	{"wsdl", []string{"xsd"}},
	{"xsd", nil},

	{"internal/endpoint", []string{
		"internal/wire", "internal/register/...", "internal/message/...", "internal/reqlog", "internal/problem", "wsdl", "xsd"}},
	{"internal/portal", []string{"internal/register/...", "internal/reqlog", "internal/problem"}},
	{"internal/admin", []string{"internal/register", "internal/register/ident", "internal/register/udi", "internal/store",
		"internal/message/xmldoc", // the published list is XML
		"internal/trail",
		"internal/reqlog", "internal/problem"}},
	{"internal/sandbox", []string{"internal/samples", "internal/message/...", "internal/devdata", "internal/problem"}},
	{"internal/batch", []string{"internal/client", "internal/wire", "internal/register", "internal/register/ident",
		"internal/register/udi", "internal/problem"}},
	{"internal/conformance", []string{"internal/samples", "internal/wire", "internal/register", "internal/register/ident", "internal/register/udi", "internal/message/...",
		"internal/problem", "wsdl", "xsd"}},
	{"internal/client", []string{"internal/wire", "internal/register", "internal/register/ident", "internal/register/udi",
		"internal/message/...", "internal/problem", "xsd"}},
	{"internal/samples", []string{"internal/message/...", "internal/problem", "wsdl"}},

	{"internal/wire", []string{"internal/register", "internal/register/ident", "internal/register/udi",
		"internal/message/schema", "internal/message/xmldoc", "internal/problem", "wsdl"}},
	{"internal/store", []string{"internal/register", "internal/register/ident", "internal/register/udi", "internal/trail", "internal/problem"}},
	{"internal/register/card", []string{"internal/register", "internal/register/ident", "internal/register/udi", "internal/problem"}},
	{"internal/register/ident", []string{"internal/problem"}},
	{"internal/register/udi", []string{"internal/register/ident", "internal/problem"}},
	{"internal/register", []string{"internal/register/ident", "internal/register/udi", "internal/problem"}},

	{"internal/message/recorded", []string{"internal/message/check", "internal/message/soap", "internal/message/xmldoc", "internal/problem"}},
	{"internal/message/check", []string{"internal/message/wsse", "internal/message/schema", "internal/message/dsig", "internal/message/pki",
		"internal/message/soap", "internal/message/xmldoc", "internal/problem"}},
	{"internal/message/wsse", []string{"internal/message/dsig", "internal/message/pki", "internal/message/soap",
		"internal/message/xmldoc", "internal/problem"}},
	{"internal/message/schema", []string{"internal/message/xmldoc", "internal/problem"}},
	{"internal/message/soap", []string{"internal/message/xmldoc", "internal/problem"}},
	{"internal/message/dsig", []string{"internal/message/xmldoc", "internal/problem"}},
	{"internal/message/pki", []string{"internal/problem"}},
	{"internal/message/xmldoc", []string{"internal/problem"}},

	{"internal/reqlog", []string{"internal/problem"}},
	{"internal/trail", nil}, // a stranger who verifies the trail needs this package alone
	{"internal/problem", nil},
	{"internal/devdata", nil},
}

// helpers are packages for tests only: production files must not import them, and their own files count as test files.
var helpers = []string{"internal/archtest", "internal/endpointtest", "internal/interop", "internal/message/dsig/dsigtest", "internal/registertest",
	"internal/storetest", "internal/testpki"}

// tests is what test files may import besides what their package may: the lower the package, the less, so that a
// package's tests do not make it lean on those above.
var tests = []layer{
	{"internal/problem", nil},
	{"internal/reqlog", nil},
	{"internal/message/...", []string{"internal/message/...", "internal/testpki", "certs-testdata", "wsdl", "xsd"}},
	{"internal/register/...", []string{"internal/register/...", "internal/registertest", "internal/store", "internal/storetest", "internal/devdata"}},
	{"...", []string{"internal/...", "certs-testdata", "wsdl", "xsd"}},
}

// commands are the packages that may act on the process they run in.
var commands = []string{"cmd/...", "certs-testdata"}

// ban forbids imports to the packages of a pattern. Bans hold over every table above and give their reason.
type ban struct {
	packages []string
	except   []string
	imports  []string
	tests    bool // whether test files are bound too
	reason   string
}

var never = []ban{
	{packages: []string{"internal/register/..."}, tests: true,
		imports: []string{"internal/message/...", "internal/wire", "internal/endpoint", "encoding/xml", "net/http/..."},
		reason:  "the domain knows nothing of XML or HTTP: it must read, and be tested, without a message"},
	{packages: []string{"internal/register/..."},
		imports: []string{"internal/store", "database/sql/...", "log"},
		reason:  "the domain declares what it needs of a store; the store implements it, never the reverse"},
	{packages: []string{"internal/message/..."}, tests: true,
		imports: []string{"internal/register/...", "internal/wire", "internal/store"},
		reason:  "signed XML knows nothing of implants: one can review the security of messages without the register"},
	{packages: []string{"internal/endpoint", "internal/portal"},
		imports: []string{"internal/store", "database/sql/..."},
		reason:  "a door is given a *register.Registrar; with the store at hand it could go round authorisation and audit"},
	{packages: []string{"internal/store"},
		imports: []string{"internal/message/...", "internal/wire", "encoding/xml", "net/http/..."},
		reason:  "the store keeps domain values; what they looked like on the wire is not its business"},
	{packages: []string{"..."}, except: []string{"internal/store"},
		imports: []string{"database/sql/..."},
		reason:  "all SQL stands in internal/store"},
	{packages: []string{"..."},
		imports: []string{"encoding/xml"},
		reason:  "encoding/xml accepts documents that are not well-formed and loses what C14N needs: read with internal/message/xmldoc"},
	{packages: []string{"..."}, tests: true,
		imports: []string{"cmd/..."},
		reason:  "commands are the top: nothing imports them"},
	{packages: []string{"..."}, tests: true,
		imports: []string{"unsafe", "C"},
		reason:  "one static binary without cgo, and memory safety from the first byte read"},
}

// library says which packages may use a module that is not ours. A module without an entry is refused to everyone.
type library struct {
	module string
	users  []string // in production files
	tests  []string // additionally, in test files
	reason string
}

var libraries = []library{
	{module: "github.com/jmoiron/sqlx", users: []string{"internal/store"}, tests: []string{"internal/storetest"},
		reason: "all SQL stands in internal/store"},
	{module: "github.com/lib/pq", users: []string{"internal/store"}, tests: []string{"internal/storetest"},
		reason: "a driver is chosen in internal/store alone"},
	{module: "modernc.org/sqlite", users: []string{"internal/store"}, reason: "a driver is chosen in internal/store alone"},
	{module: "github.com/pressly/goose/v3", users: []string{"internal/store"}, reason: "migrations belong to internal/store"},
	{module: "codeberg.org/go-pdf/fpdf", users: []string{"internal/register/card"}, reason: "only the card draws PDF"},
	{module: "github.com/boombuler/barcode", users: []string{"internal/register/card"}, reason: "only the card draws symbols"},
	{module: "software.sslmate.com/src/go-pkcs12", users: []string{"internal/message/pki"},
		reason: "a .p12 must pass the bounds of internal/message/pki before it is decoded"},
	{module: "golang.org/x/crypto", users: []string{"internal/message/pki"}, reason: "DER and PKCS #12 are read in internal/message/pki"},
	{module: "github.com/jacoelho/xsd", users: []string{"internal/message/schema"}, tests: []string{"internal/message/schema"},
		reason: "the validator is replaceable behind internal/message/schema"},
	{module: "github.com/beevik/etree", users: []string{"internal/message/wsse", "internal/client"}, tests: []string{"..."},
		reason: "etree builds what we send; what we receive is read by internal/message/xmldoc"},
	{module: "github.com/russellhaering/goxmldsig", users: []string{"internal/message/wsse", "internal/client"}, tests: []string{"..."},
		reason: "goxmldsig signs what we send; what we receive is verified by internal/message/dsig"},
	{module: "github.com/prometheus/client_golang", users: []string{"internal/reqlog", "cmd/..."}, tests: []string{"internal/endpoint", "internal/endpointtest"},
		reason: "metrics hang on the request's event in internal/reqlog"},
	{module: "github.com/alecthomas/kong", users: []string{"cmd/..."}, reason: "command lines belong to the commands"},
	{module: "golang.org/x/tools/txtar", tests: []string{"internal/endpoint"}, reason: "cases as data are for tests"},
}

// reserved forbids names of the standard library outside some packages, in production files.
type reserved struct {
	pkg    string // import path
	names  []string
	users  []string
	reason string
}

var processNames = []reserved{
	{"os", []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Args", "Stdin", "Stdout", "Stderr"}, commands,
		"configuration is read once, in the command, and passed on"},
	{"os", []string{"Exit"}, commands, "return an error; the command decides about the process"},
	{"time", []string{"Now", "Since", "Until"}, commands, "the clock is a field, Now func() time.Time, so that tests own it"},
	{"log/slog", []string{"SetDefault", "Default", "NewJSONHandler", "NewTextHandler", "Debug", "Info", "Warn", "Error", "Log", "LogAttrs"}, commands,
		"the command configures one logger and passes it on"},
	{"log", []string{"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Print", "Printf", "Println", "SetOutput", "SetFlags", "Default"}, nil,
		"there is one logger, of log/slog, and errors are returned"},
	{"math/rand", nil, nil, "randomness that decides anything comes from crypto/rand, injected as an io.Reader"},
	{"math/rand/v2", nil, []string{"internal/store"}, // spreads retries
		"randomness that decides anything comes from crypto/rand, injected as an io.Reader"},
}

// word confines a name of our own to the packages that may write it.
type word struct {
	name   string
	users  []string
	reason string
}

var words = []word{
	{"UnverifiedBody", []string{"internal/message/soap", "internal/message/wsse"},
		"everyone else has Verified.Body(), so that nobody dispatches on what no signature covers"},
	{"FaultFrom", []string{"internal/message/soap", "internal/endpoint"},
		"a refusal becomes a Fault at one place"},
}

// once is the function that exactly one line of one package calls.
var once = struct{ pkg, name, caller, reason string }{
	"internal/message/soap", "FaultFrom", "internal/endpoint", "one line writes faults, so that every refusal is recorded and none is worded twice",
}
