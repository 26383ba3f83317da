package schema_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/costtest"
	"github.com/openctr/ctr/xsd"
)

// contractPrefixes are the prefixes of the contract whose schemas these tests use.
var contractPrefixes = schema.Prefixes{
	"urn:be:fgov:ehealth:ctr:protocol:v1": "ctrp", "urn:be:fgov:ehealth:ctr:core:v1": "ctr",
	"urn:be:fgov:ehealth:commons:protocol:v2": "cp", "urn:be:fgov:ehealth:commons:core:v2": "cc",
	"urn:be:fgov:ehealth:errors:soa:v1": "soa", "urn:be:fgov:ehealth:errors:core:v1": "ec",
}

var compileContract = sync.OnceValues(func() (*schema.Schema, error) {
	return schema.Compile(xsd.Contract("ctr"), "ctr-protocol-1_0.xsd", contractPrefixes)
})

func contractSchema(tb testing.TB) *schema.Schema {
	tb.Helper()
	s, err := compileContract()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func mustParse(tb testing.TB, text string) xmldoc.Element {
	tb.Helper()
	d, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
	if err != nil {
		tb.Fatalf("%v in %s", err, text)
	}
	return d.Root()
}

func readGolden(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func findFiles(tb testing.TB, pattern string) []string {
	tb.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		tb.Fatalf("%s: no files, %v", pattern, err)
	}
	return names
}

func TestGoldenMessagesAreValid(t *testing.T) {
	fault, err := schema.Compile(xsd.Contract("ctr"), xsd.Errors, contractPrefixes)
	if err != nil {
		t.Fatal(err)
	}
	for pattern, s := range map[string]*schema.Schema{"testdata/golden/*.xml": contractSchema(t), "testdata/faults/*.xml": fault} {
		for _, name := range findFiles(t, pattern) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			e := mustParse(t, string(text))
			checked, err := s.Check(e)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if checked.Root() != e {
				t.Errorf("%s: what was checked is not what was given", name)
			}
		}
	}
}

// writeSchemas writes the schemas of the contract into one folder, for another program.
func writeSchemas(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, xsd.Contract("ctr")); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestXmllintAcceptsGoldenMessages(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		skipWithoutXmllint(t)
	}
	schemas := writeSchemas(t)
	for pattern, entry := range map[string]string{"testdata/golden/*.xml": "ctr-protocol-1_0.xsd", "testdata/faults/*.xml": xsd.Errors} {
		args := append([]string{"--noout", "--nonet", "--schema", filepath.Join(schemas, entry)}, findFiles(t, pattern)...)
		if out, err := exec.Command(xmllint, args...).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func skipWithoutXmllint(t *testing.T) {
	t.Helper()
	const message = "xmllint is missing: apt-get install libxml2-utils"
	if os.Getenv("CI") != "" {
		t.Fatal(message)
	}
	t.Skip(message)
}

// TestGoldenMessagesAreComplete checks that every operation of the contract has a golden request and response.
func TestGoldenMessagesAreComplete(t *testing.T) {
	names := findFiles(t, "testdata/golden/*.xml")
	for _, operation := range []string{"notifyImplant", "notifyExplant", "search", "getImplantCard", "getNotification",
		"reviseNotification", "validateNotification", "discardNotification", "listPendingNotifications", "listPatientImplants", "searchDevice",
		"manageMandate", "listMandates", "manageStaff", "listStaff"} {
		for _, kind := range []string{"-request.xml", "-response.xml"} {
			if !slices.ContainsFunc(names, func(n string) bool {
				return strings.HasPrefix(filepath.Base(n), operation) && strings.HasSuffix(n, kind)
			}) {
				t.Errorf("no golden %s%s", operation, kind)
			}
		}
	}
}

const (
	request      = "/ctrp:NotifyImplantRequest"
	implantation = request + "/ctrp:Implantation"
	implant      = implantation + "/ctr:Implant"
)

// violation is one expected violation: its code, its path, and words that its detail contains.
type violation struct {
	code   problem.Code
	at     string
	public string
}

// replaceAll replaces pairs of strings in a text, and fails if one does not occur.
func replaceAll(tb testing.TB, text string, pairs ...string) string {
	tb.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			tb.Fatalf("%q does not stand in the message", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

const xsi = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`

func TestViolations(t *testing.T) {
	const oneImplant = "<ctr:Implant><ctr:Quantity>1</ctr:Quantity></ctr:Implant>"
	tests := []struct {
		name   string
		golden string
		change []string // pairs: old, new
		want   []violation
	}{
		{"pattern", "notifyImplant-request.xml", []string{">48022907379<", ">4802290737<"},
			[]violation{{schema.SchemaValue, implantation + "/ctr:Patient", "matches [0-9]{11}"}}},
		{"pattern is of the whole value", "notifyImplant-request.xml", []string{">48022907379<", ">48022907379&#10;<"},
			[]violation{{schema.SchemaValue, implantation + "/ctr:Patient", "[0-9]{11}"}}},
		{"digits are ASCII", "notifyImplant-request.xml", []string{">48022907379<", ">４８０２２９０７３７９<"},
			[]violation{{schema.SchemaValue, implantation + "/ctr:Patient", "[0-9]{11}"}}},
		{"enumeration", "notifyImplant-request.xml", []string{">Left<", ">left<"},
			[]violation{{schema.SchemaValue, implant + "/ctr:Side", "one of Left, Right, Bilateral, None"}}},
		{"Save is no state", "notifyImplant-request.xml", []string{">Final<", ">ToValidate<"},
			[]violation{{schema.SchemaValue, request + "/ctrp:Save", "one of Draft, Submit, Final"}}},
		{"range", "notifyImplant-request.xml", []string{">1</ctr:Quantity>", ">100</ctr:Quantity>"},
			[]violation{{schema.SchemaValue, implant + "/ctr:Quantity", "a whole number from 1 to 99"}}},
		{"zero", "notifyImplant-request.xml", []string{">1</ctr:Quantity>", ">0</ctr:Quantity>"},
			[]violation{{schema.SchemaValue, implant + "/ctr:Quantity", "from 1 to 99"}}},
		{"not a number", "notifyImplant-request.xml", []string{">1</ctr:Quantity>", ">one</ctr:Quantity>"},
			[]violation{{schema.SchemaValue, implant + "/ctr:Quantity", "a whole number"}}},
		{"length counts characters", "notifyImplant-request.xml", []string{">left knee<", ">" + strings.Repeat("é", 251) + "<"},
			[]violation{{schema.SchemaValue, implant + "/ctr:Location", "at most 250 characters"}}},
		{"empty key", "notifyImplant-request.xml", []string{">EPD-2026-000123<", "><"},
			[]violation{{schema.SchemaValue, request + "/ctrp:InputReference", "of 1 to 64 characters"}}},
		{"date that does not exist", "notifyImplant-request.xml", []string{"2026-11-20", "2026-02-29"},
			[]violation{{schema.SchemaValue, implantation + "/ctr:OperationDate", "a date as YYYY-MM-DD"}}},
		{"instant", "notifyImplant-request.xml", []string{"2026-11-21T10:00:00Z", "2026-11-21"},
			[]violation{{schema.SchemaValue, request + "/@IssueInstant", "an instant as"}}},
		{"Id is a name", "notifyImplant-request.xml", []string{`"_8f0c"`, `"8f0c"`},
			[]violation{{schema.SchemaValue, request + "/@Id", "begins with a letter or _"}}},
		{"missing attribute", "notifyImplant-request.xml", []string{` IssueInstant="2026-11-21T10:00:00Z"`, ""},
			[]violation{{schema.SchemaMissing, request + "/@IssueInstant", "an instant"}}},
		{"missing attribute of an identifier", "notifyImplant-request.xml", []string{` Type="urn:be:fgov:person:ssin"`, ""},
			[]violation{{schema.SchemaMissing, request + "/ctrp:Author/cc:HcParty/cc:Id/@Type", "a URI"}}},
		{"unknown attribute", "notifyImplant-request.xml", []string{"<ctr:UDI>", `<ctr:UDI Scanned="true">`},
			[]violation{{schema.SchemaAttribute, implant + "/ctr:UDI/@Scanned", "no attributes"}}},
		{"missing element", "notifyImplant-request.xml", []string{"<ctr:Patient>48022907379</ctr:Patient>", ""},
			[]violation{{schema.SchemaMissing, implantation + "/ctr:Patient", "missing: ctr:Patient; expected content: ctr:Specialist, ctr:OperationDate, ctr:Patient,"}}},
		{"missing at the end", "notifyImplant-request.xml", []string{"<ctr:Quantity>1</ctr:Quantity>", "", "<ctr:Location>left knee</ctr:Location>", "", "<ctr:Side>Left</ctr:Side>", ""},
			[]violation{{schema.SchemaMissing, implant + "/ctr:Quantity", "missing: ctr:Quantity"}}},
		{"missing choice", "notifyImplant-request.xml", []string{"<ctr:SSIN>78031412250</ctr:SSIN>", ""},
			[]violation{{schema.SchemaMissing, implantation + "/ctr:Specialist", "missing: ctr:SSIN | ctr:NIHII"}}},
		{"both of a choice", "notifyImplant-request.xml", []string{"</ctr:SSIN></ctr:Specialist>", "</ctr:SSIN><ctr:NIHII>17800389480</ctr:NIHII></ctr:Specialist>"},
			[]violation{{schema.SchemaElement, implantation + "/ctr:Specialist/ctr:NIHII", "ctr:SSIN | ctr:NIHII"}}},
		{"unknown element", "notifyImplant-request.xml", []string{"<ctr:Location>", "<ctr:Weight>3</ctr:Weight><ctr:Location>"},
			[]violation{{schema.SchemaElement, implant + "/ctr:Weight", "ctr:Location?"}}},
		{"element of a strange namespace", "notifyImplant-request.xml", []string{"<ctr:Location>", `<x:Location xmlns:x="urn:x"/><ctr:Location>`},
			[]violation{{schema.SchemaElement, implant + "/*[local-name()='Location']", ""}}},
		{"element without namespace", "notifyImplant-request.xml", []string{"<ctr:Location>", "<Location/><ctr:Location>"},
			[]violation{{schema.SchemaElement, implant + "/Location", ""}}},
		{"long strange name", "notifyImplant-request.xml", []string{"<ctr:Location>", "<" + strings.Repeat("n", 65) + "/><ctr:Location>"},
			[]violation{{schema.SchemaElement, implant + "/*[starts-with(local-name(),'" + strings.Repeat("n", 64) + "')]", ""}}},
		{"element of another type's namespace", "notifyImplant-request.xml", []string{"<ctr:Location>left knee</ctr:Location>", "<ctrp:Location>left knee</ctrp:Location>"},
			[]violation{{schema.SchemaElement, implant + "/ctrp:Location", ""}}},
		{"wrong order", "notifyImplant-request.xml", []string{"<ctr:OperationDate>2026-11-20</ctr:OperationDate>", "", "<ctr:Prescriber>", "<ctr:OperationDate>2026-11-20</ctr:OperationDate><ctr:Prescriber>"},
			[]violation{{schema.SchemaMissing, implantation + "/ctr:OperationDate", ""}, {schema.SchemaElement, implantation + "/ctr:OperationDate", ""}}},
		{"one too many", "notifyImplant-request.xml", []string{"</ctrp:Implantation>", strings.Repeat(oneImplant, 50) + "</ctrp:Implantation>"},
			[]violation{{schema.SchemaElement, implant + "[51]", "ctr:Implant{1..50}"}}},
		{"text beside elements", "notifyImplant-request.xml", []string{"<ctr:Implant>", "<ctr:Implant>two of these"},
			[]violation{{schema.SchemaText, implant, ""}}},
		{"text in place of elements", "notifyImplant-request.xml", []string{"<ctr:SSIN>78031412250</ctr:SSIN>", "78031412250"},
			[]violation{{schema.SchemaText, implantation + "/ctr:Specialist", ""}, {schema.SchemaMissing, implantation + "/ctr:Specialist", ""}}},
		{"elements in a text", "notifyImplant-request.xml", []string{"the left", "<b>the</b> left"},
			[]violation{{schema.SchemaElement, implantation + "/ctr:Comment/b", "at most 2000 characters and no elements"}}},
		{"nil", "notifyImplant-request.xml", []string{"<ctr:Location>left knee<", "<ctr:Location " + xsi + ` xsi:nil="true"><`},
			[]violation{{schema.SchemaAttribute, implant + "/ctr:Location/@xsi:nil", "no attributes"}}},
		{"schema location that is none", "notifyImplant-request.xml", []string{"<ctr:Location>", "<ctr:Location " + xsi + ` xsi:schemaLocation="urn:x">`},
			[]violation{{schema.SchemaValue, implant + "/ctr:Location/@xsi:schemaLocation", "pairs"}}},
		{"page too large", "search-byPatient-request.xml", []string{`MaxElements="20"`, `MaxElements="101"`},
			[]violation{{schema.SchemaValue, "/ctrp:SearchRequest/@MaxElements", "from 1 to 100"}}},
		{"page before the first", "listPatientImplants-request.xml", []string{`Offset="0"`, `Offset="-1"`},
			[]violation{{schema.SchemaValue, "/ctrp:ListPatientImplantsRequest/@Offset", "of 0 or more"}}},
		{"page not given", "search-byPatient-request.xml", []string{` Offset="0"`, ""},
			[]violation{{schema.SchemaMissing, "/ctrp:SearchRequest/@Offset", ""}}},
		{"code and UDI", "search-byImplant-request.xml", []string{"<ctrp:LotNumber>", "<ctrp:UDI>x</ctrp:UDI><ctrp:LotNumber>"},
			[]violation{{schema.SchemaElement, "/ctrp:SearchRequest/ctrp:Criteria/ctrp:ByImplant/ctrp:UDI", "(ctrp:NotificationCode | ctrp:UDI)?"}}},
		{"neither implant nor description", "notifyExplant-request.xml", []string{"<ctr:ImplantId>01J9ZK5S7Q0000000000000001</ctr:ImplantId>", ""},
			[]violation{{schema.SchemaMissing, "/ctrp:NotifyExplantRequest/ctrp:Explantation/ctr:Explant[1]", "missing: ctr:ImplantId | ctr:Unregistered"}}},
		{"digest of another length", "notifyImplant-response.xml", []string{"<ctr:Digest>", "<ctr:Digest>AAAA"},
			[]violation{{schema.SchemaValue, "/ctrp:NotifyImplantResponse/ctrp:Receipt/ctr:Digest", "octets in base64 of 32 octets"}}},
		{"strict wildcard", "notifyImplant-response.xml", []string{"</cc:Status>", "<cc:StatusDetail><x/></cc:StatusDetail></cc:Status>"},
			[]violation{{schema.SchemaElement, "/ctrp:NotifyImplantResponse/cc:Status/cc:StatusDetail/x", "any element*"}}},
		{"three at once in different places", "notifyImplant-request.xml",
			[]string{"<ctr:Patient>48022907379</ctr:Patient>", "", ">17800389480<", ">1<", "</ctrp:Implantation>", "<ctr:Implant><ctr:Quantity>100</ctr:Quantity></ctr:Implant></ctrp:Implantation>"},
			[]violation{
				{schema.SchemaMissing, implantation + "/ctr:Patient", ""},
				{schema.SchemaValue, implantation + "/ctr:Prescriber/ctr:NIHII", "[0-9]{8}([0-9]{3})?"},
				{schema.SchemaValue, implant + "[2]/ctr:Quantity", "from 1 to 99"}}},
		{"whatever prefixes the caller uses", "notifyImplant-request.xml",
			[]string{"<ctr:SSIN>78031412250</ctr:SSIN>", `<SSIN xmlns="urn:be:fgov:ehealth:ctr:core:v1">x</SSIN>`},
			[]violation{{schema.SchemaValue, implantation + "/ctr:Specialist/ctr:SSIN", ""}}},
		{"unknown root", "notifyImplant-request.xml", []string{"<ctrp:NotifyImplantRequest", "<ctrp:NotifyRequest", "</ctrp:NotifyImplantRequest", "</ctrp:NotifyRequest"},
			[]violation{{schema.SchemaRoot, "/ctrp:NotifyRequest", ""}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := replaceAll(t, readGolden(t, test.golden), test.change...)
			checked, err := contractSchema(t).Check(mustParse(t, text))
			if checked != nil {
				t.Error("a refusal comes with a result")
			}
			requireViolations(t, err, test.want)
		})
	}
}

func requireViolations(t *testing.T, err error, want []violation) {
	t.Helper()
	e, ok := errors.AsType[*problem.Error](err)
	if !ok {
		t.Fatalf("got %v, want %v", err, want)
	}
	if !errors.Is(err, problem.SchemaInvalid) {
		t.Errorf("kind %v", e.Kind)
	}
	if len(want) > 1 && e.Code != schema.SchemaRefused {
		t.Errorf("the list's code is %s", e.Code)
	}
	got := e.All()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("not reported: %v", want[i])
		case i >= len(want):
			t.Errorf("reported beyond what is expected: %v", got[i])
		case got[i].Code != want[i].code || got[i].Path != want[i].at || !strings.Contains(got[i].Detail.String(), want[i].public):
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}

func TestXSIType(t *testing.T) {
	text := readGolden(t, "notifyImplant-request.xml")
	specialist := implantation + "/ctr:Specialist/@xsi:type"
	tests := []struct {
		name   string
		change []string
		want   []violation // empty if it is accepted
	}{
		{"the declared type", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xsi:type="ctr:ProfessionalType">`}, nil},
		{"another type", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xsi:type="ctr:PharmacyType">`},
			[]violation{{schema.SchemaXSIType, specialist, "one that names ctr:ProfessionalType"}}},
		{"no type at all", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xsi:type="ctr:Nothing">`},
			[]violation{{schema.SchemaXSIType, specialist, ""}}},
		{"a prefix that is declared nowhere", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xsi:type="x:ProfessionalType">`},
			[]violation{{schema.SchemaXSIPrefix, specialist, ""}}},
		{"a prefix that no name uses, declared outside", []string{"<ctrp:Notify", `<ctrp:Notify`, "xmlns:ctr=", `xmlns:x="urn:be:fgov:ehealth:ctr:core:v1" xmlns:ctr=`, "<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xsi:type="x:ProfessionalType">`}, nil},
		{"a prefix that no name uses, declared on the spot", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xmlns:x="urn:be:fgov:ehealth:ctr:core:v1" xsi:type="x:ProfessionalType">`}, nil},
		{"a prefix bound anew where no name uses it", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xmlns:cc="urn:be:fgov:ehealth:ctr:core:v1" xsi:type="cc:ProfessionalType">`}, nil},
		{"a prefix bound anew between its use and its value", []string{
			"<ctr:Specialist><ctr:SSIN>78031412250</ctr:SSIN></ctr:Specialist>",
			`<s:Specialist ` + xsi + ` xmlns:s="urn:be:fgov:ehealth:ctr:core:v1" xmlns:ctr="urn:x" xsi:type="ctr:ProfessionalType"><s:SSIN>78031412250</s:SSIN></s:Specialist>`},
			[]violation{{schema.SchemaXSIType, specialist, "received {urn:x}ProfessionalType, expected: no xsi:type, or one that names ctr:ProfessionalType"}}},
		{"another namespace than when it was signed", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xmlns:x="urn:be:fgov:ehealth:commons:core:v2" xsi:type="x:ProfessionalType">`},
			[]violation{{schema.SchemaXSIType, specialist, "received {urn:be:fgov:ehealth:commons:core:v2}ProfessionalType"}}},
		{"a built-in type that is the declared one", []string{"<cc:FirstName>", "<cc:FirstName " + xsi + ` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xsi:type="xsd:string">`}, nil},
		{"a built-in type derived from the declared one", []string{"<cc:FirstName>", "<cc:FirstName " + xsi + ` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xsi:type="xsd:token">`}, nil},
		{"a built-in type that is not", []string{"<cc:FirstName>", "<cc:FirstName " + xsi + ` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xsi:type="xsd:int">`},
			[]violation{{schema.SchemaXSIType, "/ctrp:NotifyImplantRequest/ctrp:Author/cc:HcParty/cc:FirstName/@xsi:type", "received {http://www.w3.org/2001/XMLSchema}int"}}},
		{"the base of the declared type", []string{"<ctr:Patient>", "<ctr:Patient " + xsi + ` xmlns:xsd="http://www.w3.org/2001/XMLSchema" xsi:type="xsd:string">`},
			[]violation{{schema.SchemaXSIType, implantation + "/ctr:Patient/@xsi:type", "received {http://www.w3.org/2001/XMLSchema}string"}}},
		{"the built-in namespace rebound", []string{"<cc:FirstName>", "<cc:FirstName " + xsi + ` xmlns:xsd="urn:be:fgov:ehealth:ctr:core:v1" xsi:type="xsd:string">`},
			[]violation{{schema.SchemaXSIType, "/ctrp:NotifyImplantRequest/ctrp:Author/cc:HcParty/cc:FirstName/@xsi:type", "received {urn:be:fgov:ehealth:ctr:core:v1}string"}}},
		{"the default namespace, in use", []string{
			"<ctr:Specialist><ctr:SSIN>78031412250</ctr:SSIN></ctr:Specialist>",
			`<Specialist ` + xsi + ` xmlns="urn:be:fgov:ehealth:ctr:core:v1" xsi:type="ProfessionalType"><SSIN>78031412250</SSIN></Specialist>`}, nil},
		{"the default namespace, not in use", []string{"<ctr:Specialist>", `<ctr:Specialist ` + xsi + ` xmlns="urn:be:fgov:ehealth:ctr:core:v1" xsi:type="ProfessionalType">`}, nil},
		{"no namespace", []string{"<ctr:Specialist>", `<ctr:Specialist ` + xsi + ` xsi:type="ProfessionalType">`},
			[]violation{{schema.SchemaXSIType, specialist, ""}}},
		{"several", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xsi:type="x:A">`, "<ctr:UDI>", "<ctr:UDI " + xsi + ` xsi:type="x:B">`},
			[]violation{{schema.SchemaXSIPrefix, specialist, ""}, {schema.SchemaXSIPrefix, implant + "/ctr:UDI/@xsi:type", ""}}},
		{"schema location is ignored", []string{"<ctr:Specialist>", "<ctr:Specialist " + xsi + ` xsi:schemaLocation="urn:x http://host/x.xsd" xsi:noNamespaceSchemaLocation="http://host/y.xsd">`}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := contractSchema(t).Check(mustParse(t, replaceAll(t, text, test.change...)))
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			requireViolations(t, err, test.want)
		})
	}
}

// TestChecksTheElementNotItsDocument checks that the context of the element does not matter: only the element is
// signed.
func TestChecksTheElementNotItsDocument(t *testing.T) {
	body := `<soap:Body xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="urn:x"> noise ` + readGolden(t, "search-byPatient-request.xml") + `</soap:Body>`
	root := mustParse(t, body)
	if _, err := contractSchema(t).Check(root.FirstChild()); err != nil {
		t.Error(err)
	}
	_, err := contractSchema(t).Check(root)
	requireViolations(t, err, []violation{{schema.SchemaRoot, "/*[local-name()='Body']", ""}})
	_, err = contractSchema(t).Check(xmldoc.Element{})
	requireViolations(t, err, []violation{{schema.SchemaRoot, "", ""}})
}

func TestViolationsAreBounded(t *testing.T) {
	text := replaceAll(t, readGolden(t, "notifyImplant-request.xml"), "<ctr:Implant>", strings.Repeat("<ctr:Implant/>", 3*schema.MaxViolations)+"<ctr:Implant>")
	_, err := contractSchema(t).Check(mustParse(t, text))
	if got := len(problem.From(err).All()); got != schema.MaxViolations {
		t.Errorf("%d violations are reported", got)
	}
}

// TestManyViolationsAreCheap checks that the cost of an explanation is linear in the size of the message.
func TestManyViolationsAreCheap(t *testing.T) {
	const many = 60_000
	base := readGolden(t, "notifyImplant-request.xml")
	for name, text := range map[string]string{
		"unknown children": replaceAll(t, base, "<ctr:Implant>", strings.Repeat("<x/>", many)+"<ctr:Implant>"),
		"right children":   replaceAll(t, base, "</cc:Id>", "</cc:Id>"+strings.Repeat(`<cc:Id Type="a">1</cc:Id>`, many), ">Left<", "><"),
		"wrong attributes": replaceAll(t, base, "</cc:Id>", "</cc:Id>"+strings.Repeat(`<cc:Id/>`, many)),
		"wrong types":      replaceAll(t, base, "</cc:Id>", "</cc:Id>"+strings.Repeat("<cc:Id "+xsi+` xsi:type="x:y"/>`, many)),
		"in a text":        replaceAll(t, base, "the left", strings.Repeat("<b/>", many)),
	} {
		e := mustParse(t, text)
		cost := costtest.Measure(t, func() {
			if _, err := contractSchema(t).Check(e); !errors.Is(err, problem.SchemaInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		})
		if cost.CPU > costtest.CPULimit(5*time.Second) {
			t.Errorf("%s took %v of CPU time", name, cost.CPU)
		}
	}
}

// TestNothingOfTheMessageIsRepeated checks that error texts do not repeat content of the message.
func TestNothingOfTheMessageIsRepeated(t *testing.T) {
	const secret = "SECRET48022907379"
	for _, change := range [][]string{
		{">48022907379<", ">" + secret + "<"}, {">1</ctr:Quantity>", ">" + secret + "</ctr:Quantity>"}, {"2026-11-20", secret}, {`"_8f0c"`, `"8` + secret + `"`},
		{"<ctr:Implant>", "<ctr:Implant>" + secret}, {"<ctr:UDI>", "<ctr:UDI A=\"" + secret + "\">"}, {"<ctr:UDI>", "<ctr:UDI " + xsi + ` xsi:type="ctr:` + secret + `">`},
		{"<ctr:UDI>", "<ctr:UDI " + xsi + ` xsi:nil="` + secret + `">`}, {"<ctr:UDI>", "<ctr:UDI " + xsi + ` xsi:schemaLocation="` + secret + `">`}, {"person:ssin\"", "%" + secret + "\""},
	} {
		_, err := contractSchema(t).Check(mustParse(t, replaceAll(t, readGolden(t, "notifyImplant-request.xml"), change...)))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%v: %v", change, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	const head = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t">`
	tests := map[string]string{
		"not XML":            `<xs:schema`,
		"not a schema":       `<schema/>`,
		"missing import":     head + `<xs:import namespace="urn:u" schemaLocation="none.xsd"/></xs:schema>`,
		"unknown type":       head + `<xs:element name="a" type="none"/></xs:schema>`,
		"group":              head + `<xs:group name="g"><xs:sequence/></xs:group></xs:schema>`,
		"all":                head + `<xs:complexType name="t"><xs:all/></xs:complexType></xs:schema>`,
		"union":              head + `<xs:simpleType name="t"><xs:union memberTypes="xs:int xs:date"/></xs:simpleType></xs:schema>`,
		"restricted content": head + `<xs:complexType name="b"/><xs:complexType name="t"><xs:complexContent><xs:restriction base="b"/></xs:complexContent></xs:complexType></xs:schema>`,
		"other facet":        head + `<xs:simpleType name="t"><xs:restriction base="xs:int"><xs:totalDigits value="3"/></xs:restriction></xs:simpleType></xs:schema>`,
		"other type":         head + `<xs:element name="a" type="xs:duration"/></xs:schema>`,
		"unnamed type":       head + `<xs:element name="a"><xs:complexType/></xs:element></xs:schema>`,
		"nillable":           head + `<xs:element name="a" type="xs:int" nillable="true"/></xs:schema>`,
		"fixed attribute":    head + `<xs:complexType name="t"><xs:attribute name="a" type="xs:int" fixed="1"/></xs:complexType></xs:schema>`,
		"key":                head + `<xs:complexType name="t"/><xs:element name="a" type="t"><xs:key name="k"><xs:selector xpath="*"/><xs:field xpath="@a"/></xs:key></xs:element></xs:schema>`,
		"nested group":       head + `<xs:attributeGroup name="g"/><xs:attributeGroup name="h"><xs:attributeGroup ref="g"/></xs:attributeGroup><xs:complexType name="t"><xs:attributeGroup ref="h"/></xs:complexType></xs:schema>`,
		"any attribute":      head + `<xs:complexType name="t"><xs:anyAttribute/></xs:complexType></xs:schema>`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if s, err := schema.Compile(fstest.MapFS{"t.xsd": {Data: []byte(text)}}, "t.xsd", nil); err == nil || s != nil {
				t.Errorf("compiled: %v", s)
			}
		})
	}
	if s, err := schema.Compile(xsd.Contract("ctr"), "none.xsd", nil); err == nil || s != nil {
		t.Errorf("compiled what is not there")
	}
}

func TestManyAtOnce(t *testing.T) {
	right, wrong := mustParse(t, readGolden(t, "notifyImplant-request.xml")), mustParse(t, replaceAll(t, readGolden(t, "notifyImplant-request.xml"), ">Left<", ">left<"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if _, err := contractSchema(t).Check(right); err != nil {
					t.Error(err)
				}
				if _, err := contractSchema(t).Check(wrong); !errors.Is(err, problem.SchemaInvalid) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func FuzzCheck(f *testing.F) {
	for _, name := range findFiles(f, "testdata/golden/*.xml") {
		f.Add(readGolden(f, filepath.Base(name)))
	}
	f.Add(`<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="b:c"/>`)
	s := contractSchema(f)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
		if err != nil {
			return
		}
		checked, err := s.Check(d.Root())
		if err == nil {
			if checked.Root() != d.Root() {
				t.Error("another element was checked")
			}
			return
		}
		if checked != nil || !errors.Is(err, problem.SchemaInvalid) {
			t.Errorf("result %v with %v", checked, err)
		}
		if n := len(problem.From(err).All()); n > schema.MaxViolations {
			t.Errorf("%d violations", n)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s, text := contractSchema(b), readGolden(b, "notifyImplant-request.xml")
	for name, message := range map[string]string{"valid": text, "refused": replaceAll(b, text, ">Left<", ">left<")} {
		b.Run(name, func(b *testing.B) {
			e := mustParse(b, message)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := s.Check(e)
				if (err == nil) != (name == "valid") {
					b.Fatal(err)
				}
			}
		})
	}
}
