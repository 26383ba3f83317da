package xsd_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/xsd"
)

const schemaNamespace = "http://www.w3.org/2001/XMLSchema"

// The names and namespaces that clients depend on.
var namespaces = map[string]string{
	"ctr-protocol-1_0.xsd":             "urn:be:fgov:ehealth:ctr:protocol:v1",
	"ctr-core-1_0.xsd":                 "urn:be:fgov:ehealth:ctr:core:v1",
	"ehealth-commons-protocol-2_0.xsd": "urn:be:fgov:ehealth:commons:protocol:v2",
	"ehealth-commons-core-2_0.xsd":     "urn:be:fgov:ehealth:commons:core:v2",
	"ehealth-errors-soa-1_1.xsd":       "urn:be:fgov:ehealth:errors:soa:v1",
	"ehealth-errors-core-1_1.xsd":      "urn:be:fgov:ehealth:errors:core:v1",
	"xml.xsd":                          "http://www.w3.org/XML/1998/namespace",
}

func load(t *testing.T, name string) xmldoc.Element {
	t.Helper()
	text, err := fs.ReadFile(xsd.Contract("ctr"), name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := xmldoc.Parse(text, xmldoc.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d.Root()
}

func attribute(e xmldoc.Element, local string) string {
	v, _ := e.Attr("", local)
	return v
}

func TestFiles(t *testing.T) {
	names, err := fs.Glob(xsd.Contract("ctr"), "*")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(namespaces) {
		t.Errorf("the files are %v", names)
	}
	for name, namespace := range namespaces {
		root := load(t, name)
		if got := attribute(root, "targetNamespace"); got != namespace {
			t.Errorf("%s declares %s", name, got)
		}
		qualified := name != "ehealth-errors-core-1_1.xsd" && name != "xml.xsd"
		if got := attribute(root, "elementFormDefault") == "qualified"; got != qualified {
			t.Errorf("%s: elements qualified: %v", name, got)
		}
		for e := range root.Children() {
			if e.Local() != "import" {
				continue
			}
			if at := attribute(e, "schemaLocation"); namespaces[at] != attribute(e, "namespace") {
				t.Errorf("%s imports %s from %s", name, attribute(e, "namespace"), at)
			}
		}
	}
}

// TestEveryToolkitCanReadThem checks that the schemas contain no construct that breaks toolkits, and that every type is
// documented.
func TestEveryToolkitCanReadThem(t *testing.T) {
	for name := range namespaces {
		root := load(t, name)
		for e := range root.Children() {
			if !strings.HasSuffix(e.Local(), "Type") {
				continue
			}
			typeName := attribute(e, "name")
			if text, _ := e.Child(schemaNamespace, "annotation").Child(schemaNamespace, "documentation").Text(); text == "" {
				t.Errorf("%s in %s has no documentation", typeName, name)
			}
			walk(e, func(inner xmldoc.Element) {
				switch {
				case inner.Local() == "any" && typeName != "StatusDetailType", inner.Local() == "anyAttribute", inner.Local() == "redefine":
					t.Errorf("xs:%s in %s", inner.Local(), typeName)
				case inner.Local() == "choice" && inner.Parent().Local() == "extension":
					t.Errorf("a choice at the top of %s", typeName)
				case inner.Local() == "pattern" && strings.Contains(attribute(inner, "value"), `\`):
					t.Errorf("a class escape in the pattern of %s", typeName)
				case inner.Local() == "restriction" && slices.Contains([]string{"xs:date", "xs:dateTime"}, attribute(inner, "base")):
					t.Errorf("%s restricts a date", typeName)
				}
			})
		}
	}
}

func walk(e xmldoc.Element, visit func(xmldoc.Element)) {
	visit(e)
	for child := range e.Children() {
		walk(child, visit)
	}
}

// TestMessages checks that every request and response is an element with a type of its own, derived from the
// platform's.
func TestMessages(t *testing.T) {
	root := load(t, "ctr-protocol-1_0.xsd")
	bases := map[string]string{}
	for e := range root.Children() {
		if e.Local() == "complexType" {
			bases[attribute(e, "name")] = attribute(e.Child(schemaNamespace, "complexContent").Child(schemaNamespace, "extension"), "base")
		}
	}
	messages := 0
	for e := range root.Children() {
		if e.Local() != "element" {
			continue
		}
		messages++
		name := attribute(e, "name")
		if attribute(e, "type") != "ctrp:"+name+"Type" {
			t.Errorf("%s is of type %s", name, attribute(e, "type"))
		}
		want := []string{"cp:RequestType"}
		if strings.HasSuffix(name, "Response") {
			want = []string{"cp:StatusResponseType", "cp:PaginationStatusResponseType"}
		}
		if !slices.Contains(want, bases[name+"Type"]) {
			t.Errorf("%s extends %s", name, bases[name+"Type"])
		}
	}
	if messages != 30 {
		t.Errorf("%d messages", messages)
	}
}
