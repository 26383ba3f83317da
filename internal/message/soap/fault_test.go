package soap_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	_ "github.com/openctr/ctr/internal/catalogue" // every code has a fault
	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/xsd"
)

// Codes of packages that this one may not import. Package catalogue registers them.
const (
	certificateCBE         problem.Code = "CERTIFICATE_CBE_NOT_ACCEPTED"
	notYourOperation       problem.Code = "NOT_YOUR_OPERATION"
	operationInFuture      problem.Code = "OPERATION_IN_FUTURE"
	inputReferenceConflict problem.Code = "INPUT_REFERENCE_CONFLICT"
	cardNotFound           problem.Code = "CARD_NOT_FOUND"
	cardWithheld           problem.Code = "CARD_WITHHELD"
	notificationWithheld   problem.Code = "NOTIFICATION_WITHHELD"
	notificationNotFound   problem.Code = "NOTIFICATION_NOT_FOUND"
	rulesViolated          problem.Code = "RULES_VIOLATED"
)

// contractNamespaces are those of the contract whose schemas these tests use.
var contractNamespaces = soap.ContractNamespaces{
	Core:     soap.Namespace{Prefix: "ctr", URI: "urn:be:fgov:ehealth:ctr:core:v1"},
	Messages: soap.Namespace{Prefix: "ctrp", URI: "urn:be:fgov:ehealth:ctr:protocol:v1"},
}

func readReply(d *xmldoc.Document) (xmldoc.Element, *soap.Refusal, error) {
	return soap.ReadReply(d, contractNamespaces.Core.URI)
}

func faultContext(v soap.Version) soap.FaultContext {
	return soap.FaultContext{Version: v, ID: "c-1", Environment: "Test", Namespaces: contractNamespaces}
}

// TestFaultTable covers the mapping from refusals to faults: each kind, and each code with a mapping of its own, in
// both SOAP versions.
func TestFaultTable(t *testing.T) {
	const (
		client, server, sender, receiver = "soap:Client", "soap:Server", "soap:Sender", "soap:Receiver"
		must, version                    = "soap:MustUnderstand", "soap:VersionMismatch"
	)
	cases := []struct {
		code               problem.Code
		kind               problem.Kind
		fault11, fault12   string
		status11, status12 int
		soa                string // or the code itself, for a business error
		retry              bool
	}{
		{soap.EnvelopeMalformed, problem.Malformed, client, sender, 500, 400, "SOA-03001", false},
		{soap.ContentTypeUnknown, problem.Malformed, client, sender, 500, 400, "SOA-03001", false},
		{soap.NotSOAP, problem.Malformed, client, sender, 500, 400, "SOA-03002", false},
		{soap.BodyMissing, problem.Malformed, client, sender, 500, 400, "SOA-03003", false},
		{soap.MessageTooLarge, problem.Malformed, client, sender, 413, 413, "SOA-03001", false},
		{soap.SOAPVersion, problem.NotUnderstood, version, version, 500, 400, "SOA-03002", false},
		{soap.HeaderNotUnderstood, problem.NotUnderstood, must, must, 500, 400, "SOA-03005", false},
		{soap.OperationUnknown, problem.NotUnderstood, client, sender, 500, 400, "SOA-03005", false},
		{soap.ActionMismatch, problem.NotUnderstood, client, sender, 500, 400, "SOA-03005", false},
		{wsse.SecurityMissing, problem.Unauthenticated, "wsse:InvalidSecurity", "wsse:InvalidSecurity", 500, 400, "SOA-01001", false},
		{soap.SecurityTwice, problem.Unauthenticated, "wsse:InvalidSecurity", "wsse:InvalidSecurity", 500, 400, "SOA-01001", false},
		{wsse.TimestampExpired, problem.Unauthenticated, "wsse:MessageExpired", "wsse:MessageExpired", 500, 400, "SOA-01001", false},
		{wsse.TokenMissing, problem.Unauthenticated, "wsse:SecurityTokenUnavailable", "wsse:SecurityTokenUnavailable", 500, 400, "SOA-01001", false},
		{wsse.TokenUnsupported, problem.Unauthenticated, "wsse:InvalidSecurityToken", "wsse:InvalidSecurityToken", 500, 400, "SOA-01001", false},
		{x509id.CertUntrusted, problem.Unauthenticated, "wsse:FailedAuthentication", "wsse:FailedAuthentication", 500, 400, "SOA-01001", false},
		{dsig.DigestSHA1, problem.Unauthenticated, "wsse:UnsupportedAlgorithm", "wsse:UnsupportedAlgorithm", 500, 400, "SOA-01001", false},
		{dsig.SignatureInvalid, problem.Unauthenticated, "wsse:FailedCheck", "wsse:FailedCheck", 500, 400, "SOA-01001", false},
		{schema.SchemaRoot, problem.SchemaInvalid, client, sender, 500, 400, "SOA-03006", false},
		{certificateCBE, problem.Forbidden, client, sender, 500, 400, "SOA-01002", false},
		{notYourOperation, problem.Forbidden, client, sender, 500, 400, "SOA-01002", false},
		{operationInFuture, problem.RuleViolated, client, sender, 500, 400, "OPERATION_IN_FUTURE", false},
		{inputReferenceConflict, problem.Conflict, client, sender, 500, 400, "INPUT_REFERENCE_CONFLICT", false},
		{cardNotFound, problem.NotFound, client, sender, 500, 400, "CARD_NOT_FOUND", false},
		{cardWithheld, problem.Withheld, client, sender, 500, 400, "CARD_NOT_FOUND", false},
		{notificationWithheld, problem.Withheld, client, sender, 500, 400, "NOTIFICATION_NOT_FOUND", false},
		{problem.Overloaded, problem.Unavailable, server, receiver, 503, 503, "SOA-02002", true},
		{problem.StoreDown, problem.Unavailable, server, receiver, 503, 503, "SOA-02002", true},
		{problem.InternalError, problem.Internal, server, receiver, 500, 500, "SOA-00001", false},
	}
	kinds := map[problem.Kind]bool{}
	for _, c := range cases {
		kinds[c.kind] = true
		for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			t.Run(fmt.Sprint(c.code, v), func(t *testing.T) {
				refusal := problem.New(c.code).WithPath("/a/b")
				if refusal.Kind != c.kind {
					t.Fatalf("kind %v", refusal.Kind)
				}
				f := soap.FaultFrom(refusal, faultContext(v))
				status, code := c.status11, c.fault11
				if v == soap.SOAP12 {
					status, code = c.status12, c.fault12
				}
				if f.Status != status || f.Retry != c.retry {
					t.Errorf("status %d, Retry %v", f.Status, f.Retry)
				}
				_, r, err := readReply(parseDocument(t, string(f.Body)))
				if err != nil || r == nil {
					t.Fatalf("no fault: %v", err)
				}
				if r.FaultCode != code || r.Code != c.soa || r.ID != "c-1" || r.Business == strings.HasPrefix(c.soa, "SOA-") ||
					r.Retry != (c.kind == problem.Unavailable) {
					t.Errorf("read as %+v", r)
				}
				if len(r.Violations) != 1 || r.Violations[0].Code != string(c.code.PublicCode()) || r.Violations[0].Path != "/a/b" {
					t.Errorf("violations %+v", r.Violations)
				}
				entry, _ := problem.Lookup(c.code)
				for _, l := range texts.Langs() {
					if r.Violations[0].Messages[l] != entry.Text(l) || r.Messages[l] != entry.Text(l) {
						t.Errorf("in %s: %q, %q", l, r.Messages[l], r.Violations[0].Messages[l])
					}
				}
				words := `<faultstring xml:lang="en">`
				if v == soap.SOAP12 {
					words = `<soap:Reason><soap:Text xml:lang="en">`
				}
				_, said, found := strings.Cut(string(f.Body), words+string(c.code.PublicCode())+": ")
				if !found || v == soap.SOAP12 && strings.Count(said, "<soap:Text") != 0 {
					t.Errorf("not one text that begins with the code: %s", f.Body)
				}
				if origin := strings.Contains(string(f.Body), "<Origin>Server</Origin>"); origin != (c.fault11 == server) {
					t.Error("the origin is wrong")
				}
			})
		}
	}
	for k := problem.Malformed; k <= problem.Internal; k++ {
		if !kinds[k] {
			t.Errorf("no case of the kind %v", k)
		}
	}
}

// TestFaultCodeIsQualified checks that the prefix of a fault code is declared in scope, in both SOAP versions.
func TestFaultCodeIsQualified(t *testing.T) {
	refusal := problem.New(dsig.SignatureInvalid)
	for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		fault := parseDocument(t, string(soap.FaultFrom(refusal, faultContext(v)).Body)).Root().Child(v.Namespace(), "Body").Child(v.Namespace(), "Fault")
		code := fault.Child("", "faultcode")
		if v == soap.SOAP12 {
			outer := fault.Child(v.Namespace(), "Code")
			if text, _ := outer.Child(v.Namespace(), "Value").Text(); text != "soap:Sender" {
				t.Errorf("code %q", text)
			}
			code = outer.Child(v.Namespace(), "Subcode").Child(v.Namespace(), "Value")
		}
		if ns, ok := code.LookupNamespace("wsse"); !ok || ns != soap.NamespaceSecurity {
			t.Errorf("SOAP version %d: wsse is %q", v, ns)
		}
		if text, _ := code.Text(); text != "wsse:FailedCheck" {
			t.Errorf("code %q", text)
		}
	}
}

func compileSchemas(t *testing.T) (errorsSchema, core *schema.Schema) {
	t.Helper()
	var err error
	if errorsSchema, err = schema.Compile(xsd.Contract("ctr"), xsd.Errors, nil); err != nil {
		t.Fatal(err)
	}
	if core, err = schema.Compile(xsd.Contract("ctr"), "ctr-protocol-1_0.xsd", nil); err != nil {
		t.Fatal(err)
	}
	return errorsSchema, core
}

// TestFaultsAreSchemaValid validates the detail of a fault against the schemas, for every code of the catalogue.
func TestFaultsAreSchemaValid(t *testing.T) {
	errorsSchema, core := compileSchemas(t)
	for _, entry := range problem.Registered() {
		if entry.Kind == 0 {
			continue // a warning
		}
		for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			f := soap.FaultFrom(problem.New(entry.Code, problem.DetailAtMost.With(5)), faultContext(v))
			details := detail(t, v, f.Body)
			if len(details) != 2 {
				t.Fatalf("%s: %d details", entry.Code, len(details))
			}
			if _, err := errorsSchema.Check(details[0]); err != nil {
				t.Errorf("%s: %v", entry.Code, err)
			}
			if _, err := core.Check(details[1]); err != nil {
				t.Errorf("%s: %v", entry.Code, err)
			}
		}
	}
}

// detail returns the child elements of a fault's detail.
func detail(t *testing.T, v soap.Version, octets []byte) []xmldoc.Element {
	t.Helper()
	fault := parseDocument(t, string(octets)).Root().Child(v.Namespace(), "Body").Child(v.Namespace(), "Fault")
	d := fault.Child("", "detail")
	if v == soap.SOAP12 {
		d = fault.Child(v.Namespace(), "Detail")
	}
	return slices.Collect(d.Children())
}

// TestEveryViolation checks that a refusal with several causes lists them all in order, each with its path and texts.
func TestEveryViolation(t *testing.T) {
	leaves := []*problem.Error{problem.New(operationInFuture).WithPath("/x/a"), problem.New(problem.Code("SSIN_INVALID"), texts.Literal("It has 10 characters.")),
		problem.New(operationInFuture).WithPath("/x/b"), problem.New(cardWithheld)}
	whole := problem.List(rulesViolated, leaves)
	for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		_, r, err := readReply(parseDocument(t, string(soap.FaultFrom(whole, faultContext(v)).Body)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Code != "RULES_VIOLATED" || !r.Business || len(r.Violations) != len(leaves) {
			t.Fatalf("read as %+v", r)
		}
		for i, leaf := range leaves {
			entry, _ := problem.Lookup(leaf.Code)
			want := entry.Text("nl")
			if leaf.Detail.String() != "" {
				want += " (" + leaf.Detail.String() + ")"
			}
			if got := r.Violations[i]; got.Code != string(leaf.Code.PublicCode()) || got.Path != leaf.Path || got.Messages["nl"] != want || len(got.Messages) != 4 {
				t.Errorf("violation %d: %+v", i, got)
			}
		}
	}
}

// TestWithheldIsNotFound compares the faults byte for byte.
func TestWithheldIsNotFound(t *testing.T) {
	for withheld, absent := range map[problem.Code]problem.Code{
		notificationWithheld: notificationNotFound, cardWithheld: cardNotFound} {
		for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			a, b := soap.FaultFrom(problem.Wrap(withheld, errors.New("of another")), faultContext(v)), soap.FaultFrom(problem.New(absent), faultContext(v))
			if a.Status != b.Status || a.Retry != b.Retry || !bytes.Equal(a.Body, b.Body) {
				t.Errorf("they differ:\n%s\n%s", a.Body, b.Body)
			}
			if bytes.Contains(bytes.ToUpper(a.Body), []byte("WITHHELD")) {
				t.Errorf("it tells: %s", a.Body)
			}
		}
	}
	for _, entry := range problem.Registered() {
		if entry.Kind == problem.Withheld && entry.Code.PublicCode() == entry.Code {
			t.Errorf("%s is seen", entry.Code)
		}
	}
}

// TestNothingInternal checks that a fault exposes neither an error without a code nor the cause of a refusal.
func TestNothingInternal(t *testing.T) {
	const secret = "password hunter2"
	plain := soap.FaultFrom(errors.New(secret), faultContext(soap.SOAP11))
	for _, f := range []soap.Fault{plain, soap.FaultFrom(fmt.Errorf("wrapped: %w", problem.Wrap(problem.StoreDown, errors.New(secret))), faultContext(soap.SOAP12))} {
		if bytes.Contains(f.Body, []byte(secret)) || bytes.Contains(f.Body, []byte("wrapped")) {
			t.Errorf("it tells: %s", f.Body)
		}
	}
	if want := soap.FaultFrom(problem.New(problem.InternalError), faultContext(soap.SOAP11)); !bytes.Equal(plain.Body, want.Body) || plain.Status != 500 {
		t.Errorf("an error of any type: %s", plain.Body)
	}
}

// TestNoVersion checks that the fault is SOAP 1.1 while the version of the message is unknown.
func TestNoVersion(t *testing.T) {
	c := faultContext(soap.SOAP11)
	want := soap.FaultFrom(problem.New(soap.NotSOAP), c)
	c.Version = 0
	if got := soap.FaultFrom(problem.New(soap.NotSOAP), c); !bytes.Equal(got.Body, want.Body) || got.Status != want.Status {
		t.Errorf("%s", got.Body)
	}
}

// TestHostileText checks that a fault is well-formed and unchanged in meaning, whatever its paths, details and IDs
// contain.
func TestHostileText(t *testing.T) {
	errorsSchema, core := compileSchemas(t)
	for text, carried := range map[string]string{
		`</Message><x>&"'>`: "", "]]><!--": "", "tab\tline\nreturn\r": "", "é 漢 \U0001F9B4": "", "<?pi?>&#0;": "",
		"a\x00b\x1dc\x0bd": "a\uFFFDb\uFFFDc\uFFFDd", "\xff\xc3(": "\uFFFD\uFFFD(", "\uFFFE\uFFFF": "\uFFFD\uFFFD", "\xed\xa0\x80": "\uFFFD\uFFFD\uFFFD",
	} {
		if carried == "" {
			carried = text
		}
		for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			c := faultContext(v)
			c.ID = text
			f := soap.FaultFrom(problem.New(problem.Code("SSIN_INVALID"), texts.Literal(text)).WithPath(text), c)
			_, r, err := readReply(parseDocument(t, string(f.Body)))
			if err != nil || r == nil {
				t.Fatalf("%q: %v in %s", text, err, f.Body)
			}
			entry, _ := problem.Lookup(problem.Code("SSIN_INVALID"))
			if r.ID != carried || r.Violations[0].Path != carried || r.Messages["de"] != entry.Text("de")+" ("+carried+")" {
				t.Errorf("%q read as %+v", text, r)
			}
			details := detail(t, v, f.Body)
			if _, err := errorsSchema.Check(details[0]); err != nil {
				t.Errorf("%q: %v", text, err)
			}
			if _, err := core.Check(details[1]); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

func TestReadReply(t *testing.T) {
	for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		content, refusal, err := readReply(parseDocument(t, envelope(v, `<s:Header><x s:mustUnderstand="1"/></s:Header><s:Body><a/></s:Body>`)))
		if err != nil || refusal != nil || content.Local() != "a" {
			t.Errorf("SOAP version %d: %v, %v, %v", v, content, refusal, err)
		}
		content, refusal, err = readReply(parseDocument(t, envelope(v, `<s:Body/>`)))
		if problem.From(err).Code != soap.BodyMissing || refusal != nil || !content.IsZero() {
			t.Errorf("SOAP version %d: %v, %v, %v", v, content, refusal, err)
		}
		// A fault of an intermediary, without our detail.
		_, refusal, err = readReply(parseDocument(t, envelope(v, `<s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>proxy</faultstring>`+
			`<s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang="en">proxy</s:Text></s:Reason></s:Fault></s:Body>`)))
		if err != nil || refusal == nil || refusal.Messages[texts.English] != "proxy" || refusal.Code != "" || len(refusal.Violations) != 0 ||
			!strings.HasPrefix(refusal.FaultCode, "s:") || !strings.Contains(refusal.Error(), "proxy") {
			t.Errorf("SOAP version %d: %+v, %v", v, refusal, err)
		}
	}
	if _, _, err := readReply(parseDocument(t, `<html/>`)); problem.From(err).Code != soap.NotSOAP {
		t.Errorf("a page: %v", err)
	}
	// A Fault of the other SOAP version is content, not a refusal.
	content, refusal, err := readReply(parseDocument(t, envelope(soap.SOAP11, `<s:Body><f:Fault xmlns:f="`+soap.Namespace12+`"/></s:Body>`)))
	if err != nil || refusal != nil || content.Local() != "Fault" {
		t.Errorf("%v, %v, %v", content, refusal, err)
	}
}

// TestRefusalLanguages checks that the platform error is read in all languages.
func TestRefusalLanguages(t *testing.T) {
	_, r, err := readReply(parseDocument(t, string(soap.FaultFrom(problem.New(problem.Overloaded), faultContext(soap.SOAP11)).Body)))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(r.Messages)); !slices.Equal(got, []texts.Lang{"de", texts.English, "fr", "nl"}) {
		t.Errorf("languages %v", got)
	}
}

// TestRetryWhereAnAnswerIsUnderWay checks that Retry is true while a revocation status is being fetched: the same
// message, signed again, may be accepted a minute later.
func TestRetryWhereAnAnswerIsUnderWay(t *testing.T) {
	t.Parallel()
	for code, want := range map[problem.Code]string{x509id.CertRevocationUnknown: "true", x509id.CertRevoked: "false", problem.Overloaded: "true"} {
		f := soap.FaultFrom(problem.New(code), soap.FaultContext{Version: soap.SOAP11, ID: "1", Environment: "Test", Namespaces: contractNamespaces})
		if !bytes.Contains(f.Body, []byte("<Retry>"+want+"</Retry>")) {
			t.Errorf("%s: no <Retry>%s</Retry> in %s", code, want, f.Body)
		}
	}
}

// TestFindingR7InternalIsRepeatable: Retry of a fault of the service is true exactly for messages that can be sent again
// without effect, as the words of the fault say.
func TestFindingR7InternalIsRepeatable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err        error
		repeatable bool
		want       string
	}{
		{problem.New(problem.InternalError), true, "true"},
		{problem.New(problem.InternalError), false, "false"},
		{errors.New("anything"), true, "true"},
		{errors.New("anything"), false, "false"},
		{problem.New(problem.StoreDown), false, "true"},
		{problem.New(x509id.CertRevoked), true, "false"},
		{problem.New(soap.MessageTooLarge), true, "false"},
	} {
		for _, version := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			f := soap.FaultFrom(tt.err, soap.FaultContext{
				Version: version, ID: "1", Environment: "Test", Namespaces: contractNamespaces, IsRepeatable: tt.repeatable,
			})
			if !bytes.Contains(f.Body, []byte("<Retry>"+tt.want+"</Retry>")) {
				t.Errorf("%v, repeatable %v: no <Retry>%s</Retry>", tt.err, tt.repeatable, tt.want)
			}
		}
	}
}
