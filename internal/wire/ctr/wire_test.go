package ctr_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// message is one message of the contract, with both conversions.
type message struct {
	name   string // of the element
	new    func() any
	encode func(any) ([]byte, error)
	decode func(xmldoc.Element) (any, error)
}

func newMessage[M any](name string) message {
	return message{
		name: name,
		new:  func() any { return new(M) },
		encode: func(m any) ([]byte, error) {
			typed, ok := m.(*M)
			if !ok {
				return nil, fmt.Errorf("%T is not %s", m, name)
			}
			return ctr.Encode(name, typed)
		},
		decode: func(e xmldoc.Element) (any, error) { return ctr.Decode[M](e) },
	}
}

var messages = []message{
	newMessage[ctr.NotifyImplantRequest]("NotifyImplantRequest"),
	newMessage[ctr.NotifyExplantRequest]("NotifyExplantRequest"),
	newMessage[ctr.NotifyResponse]("NotifyImplantResponse"),
	newMessage[ctr.NotifyResponse]("NotifyExplantResponse"),
	newMessage[ctr.SearchRequest]("SearchRequest"),
	newMessage[ctr.SearchResponse]("SearchResponse"),
	newMessage[ctr.GetImplantCardRequest]("GetImplantCardRequest"),
	newMessage[ctr.GetImplantCardResponse]("GetImplantCardResponse"),
	newMessage[ctr.GetNotificationRequest]("GetNotificationRequest"),
	newMessage[ctr.GetNotificationResponse]("GetNotificationResponse"),
	newMessage[ctr.ReviseNotificationRequest]("ReviseNotificationRequest"),
	newMessage[ctr.ReviseNotificationResponse]("ReviseNotificationResponse"),
	newMessage[ctr.ValidateNotificationRequest]("ValidateNotificationRequest"),
	newMessage[ctr.ValidateNotificationResponse]("ValidateNotificationResponse"),
	newMessage[ctr.DiscardNotificationRequest]("DiscardNotificationRequest"),
	newMessage[ctr.DiscardNotificationResponse]("DiscardNotificationResponse"),
	newMessage[ctr.ListPendingNotificationsRequest]("ListPendingNotificationsRequest"),
	newMessage[ctr.ListPendingNotificationsResponse]("ListPendingNotificationsResponse"),
	newMessage[ctr.ListPatientImplantsRequest]("ListPatientImplantsRequest"),
	newMessage[ctr.ListPatientImplantsResponse]("ListPatientImplantsResponse"),
	newMessage[ctr.SearchDeviceRequest]("SearchDeviceRequest"),
	newMessage[ctr.SearchDeviceResponse]("SearchDeviceResponse"),
	newMessage[ctr.ManageMandateRequest]("ManageMandateRequest"),
	newMessage[ctr.ManageMandateResponse]("ManageMandateResponse"),
	newMessage[ctr.ListMandatesRequest]("ListMandatesRequest"),
	newMessage[ctr.ListMandatesResponse]("ListMandatesResponse"),
	newMessage[ctr.ManageStaffRequest]("ManageStaffRequest"),
	newMessage[ctr.ManageStaffResponse]("ManageStaffResponse"),
	newMessage[ctr.ListStaffRequest]("ListStaffRequest"),
	newMessage[ctr.ListStaffResponse]("ListStaffResponse"),
}

func findMessage(tb testing.TB, element string) message {
	tb.Helper()
	for _, m := range messages {
		if m.name == element {
			return m
		}
	}
	tb.Fatalf("no message %s", element)
	return message{}
}

func parse(tb testing.TB, data []byte) xmldoc.Element {
	tb.Helper()
	d, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
	if err != nil {
		tb.Fatalf("%v in %s", err, data)
	}
	return d.Root()
}

func compileContract(tb testing.TB) *schema.Schema {
	tb.Helper()
	s, err := ctr.CompileSchema()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// hostileTexts must survive a round trip unchanged.
var hostileTexts = []string{"plain", " spaces  around ", "a<b>&\"'c", "]]>", "tab\tline\nreturn\r\n", "&amp;&#0;", "é ü ß 漢 \U0001F9B4", "<!-- x -->", "{}$%"}

// fillRandomly sets every field below v to a random value. If valid is set, values follow the simple types of the
// schemas, so that the message is valid; otherwise strings are hostile.
func fillRandomly(r *rand.Rand, v reflect.Value, path string, valid bool) {
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		*value = time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC()
		return
	case *[]byte:
		*value = make([]byte, 32)
		for i := range *value {
			(*value)[i] = byte(r.Uint32())
		}
		return
	case *ctr.SearchCriteria, *ctr.CardOf, *ctr.NotificationOf, *ctr.Content, *ctr.Professional, *ctr.Pharmacy,
		*ctr.MandateChange, *ctr.MandateEnd, *ctr.StaffChange: // one of several
		i := r.IntN(v.NumField())
		fillRandomly(r, v.Field(i), path+"."+v.Type().Field(i).Name, valid)
		return
	case *ctr.ByImplant: // the code or the UDI
		value.NotificationCode, value.From, value.OperationType = "000071200176", "2026-11-20", "Implantation"
		if r.IntN(2) == 0 {
			*value = ctr.ByImplant{UDI: hostileTexts[r.IntN(len(hostileTexts))], LotNumber: "L1", SerialNumber: "S1", To: "2026-11-20"}
		}
		return
	case *ctr.Explant:
		value.Quantity, value.Reason = 1+r.IntN(99), "worn"
		if r.IntN(2) == 0 {
			value.ImplantID = "id"
			return
		}
		value.Unregistered = new(ctr.NotifiedImplant)
		fillRandomly(r, reflect.ValueOf(value.Unregistered).Elem(), path, valid)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostileTexts[r.IntN(len(hostileTexts))])
		if valid {
			v.SetString(randomValidText(r, path))
		}
	case reflect.Int:
		v.SetInt(int64(1 + r.IntN(99)))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillRandomly(r, v.Elem(), path, valid)
	case reflect.Slice:
		n := 1 + r.IntN(3)
		if strings.HasSuffix(path, ".HcParty") || strings.HasSuffix(path, ".FirstName") || strings.HasSuffix(path, ".Message") {
			n = 1
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fillRandomly(r, v.Index(i), path, valid)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillRandomly(r, v.Field(i), path+"."+v.Type().Field(i).Name, valid)
		}
	default:
		panic(path)
	}
}

// randomValidText returns a text that the schemas allow at the given path.
func randomValidText(r *rand.Rand, path string) string {
	field := path[strings.LastIndexByte(path, '.')+1:]
	switch field {
	case "SSIN", "Patient", "EmergencyPatient", "Author", "Person", "Grantor", "Grantee":
		return "48022907379"
	case "NIHII", "Organisation":
		return "71000436"
	case "CBE":
		return "0403227020"
	case "NotificationCode":
		return "000071200176"
	case "NotificationNumber":
		return "202611210000172"
	case "Save":
		return []string{"Draft", "Submit", "Final"}[r.IntN(3)]
	case "EmergencyReason":
		return []string{"ten chars.", strings.Repeat("é", 200)}[r.IntN(2)]
	case "Change":
		return []string{"Saved", "Submitted", "Notified", "Revised", "Discarded", "Withdrawn"}[r.IntN(6)]
	case "IssueInstant":
		return "2026-11-21T10:00:00Z"
	case "State":
		states := []string{"Draft", "ToValidate", "Final", "Withdrawn"}
		switch path {
		case ".State": // of the request for those that wait
			states = states[:2]
		case ".Mandate.State":
			states = []string{"Pending", "Future", "Active", "Ended"}
		case ".Member.State":
			states = []string{"Future", "Active", "Ended"}
		}
		return states[r.IntN(len(states))]
	case "Side":
		return []string{"Left", "Right", "Bilateral", "None"}[r.IntN(4)]
	case "OperationType":
		return []string{"Implantation", "Explantation"}[r.IntN(2)]
	case "Category":
		return "Orthopaedic"
	case "DeviceStatus":
		return "Recalled"
	case "Lang":
		return []string{"nl", "fr", "de", "en"}[r.IntN(4)]
	case "ID", "InResponseTo":
		return fmt.Sprintf("_%d", r.Uint32())
	case "Type":
		return "SSIN"
	case "Value":
		if strings.Contains(path, "Status") {
			return "urn:be:fgov:ehealth:2.0:status:Success"
		}
	case "ContentType":
		return "application/pdf"
	case "OperationDate", "PrescriptionDate", "ExpiryDate", "DeliveryDate", "From", "To", "At", "DeletedOn", "AcceptedOn":
		if strings.HasSuffix(path, "Transfer.To") { // a person
			return "48022907379"
		}
		return "2026-11-20"
	}
	return hostileTexts[r.IntN(len(hostileTexts))]
}

// TestIdentity checks that encoding and decoding is the identity, for every message and every field.
func TestIdentity(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			for range 100 {
				in := m.new()
				fillRandomly(r, reflect.ValueOf(in).Elem(), "", false)
				data, err := m.encode(in)
				if err != nil {
					t.Fatal(err)
				}
				root := parse(t, data)
				if !root.Is(ctr.NamespaceProtocol, m.name) {
					t.Fatalf("root %s", root.Local())
				}
				out, err := m.decode(root)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(in, out) {
					t.Fatalf("not the same:\n%+v\n%+v\n%s", in, out, data)
				}
			}
			// An empty message contains only what the schema requires.
			in := m.new()
			data, err := m.encode(in)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := m.decode(parse(t, data)); err != nil || !reflect.DeepEqual(in, out) {
				t.Errorf("empty: %+v, %v", out, err)
			}
		})
	}
}

// TestSchemaValid checks that messages encoded from valid values are valid against the schemas of the contract.
func TestSchemaValid(t *testing.T) {
	s := compileContract(t)
	r := rand.New(rand.NewPCG(3, 5))
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			for range 50 {
				in := m.new()
				fillRandomly(r, reflect.ValueOf(in).Elem(), "", true)
				data, err := m.encode(in)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Check(parse(t, data)); err != nil {
					t.Fatalf("%v\n%s", err, data)
				}
			}
		})
	}
}

const goldenFolder = "../../message/schema/testdata/golden"

// TestGolden checks that the golden messages of the contract can be decoded, and encoded again with the same outline.
func TestGolden(t *testing.T) {
	s := compileContract(t)
	files, err := filepath.Glob(goldenFolder + "/*.xml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d golden messages, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root := parse(t, data)
		if root.Local() == "Violations" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			m := findMessage(t, root.Local())
			in, err := m.decode(root)
			if err != nil {
				t.Fatal(err)
			}
			again, err := m.encode(in)
			if err != nil {
				t.Fatal(err)
			}
			written := parse(t, again)
			if _, err := s.Check(written); err != nil {
				t.Error(err)
			}
			if got, want := outlineElement(written), outlineElement(root); got != want {
				t.Errorf("written again:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// outlineElement returns the names, attributes and texts of an element, without prefixes or white space between
// elements.
func outlineElement(e xmldoc.Element) string {
	var b strings.Builder
	var write func(e xmldoc.Element, depth int)
	write = func(e xmldoc.Element, depth int) {
		fmt.Fprintf(&b, "%s{%s}%s", strings.Repeat(" ", depth), e.Space(), e.Local())
		for _, name := range []string{"Id", "IssueInstant", "InResponseTo", "Offset", "MaxElements", "Type", "Value", "Code", "Path"} {
			if value, ok := e.Attr("", name); ok {
				fmt.Fprintf(&b, " %s=%q", name, value)
			}
		}
		if text, ok := e.Text(); ok {
			fmt.Fprintf(&b, " %q", text)
		}
		b.WriteByte('\n')
		for child := range e.Children() {
			write(child, depth+1)
		}
	}
	write(e, 0)
	return b.String()
}

// TestNotXMLText checks that text that XML cannot represent is an error.
func TestNotXMLText(t *testing.T) {
	for _, text := range []string{"\x1d", "0105410000001047\x1d10L1", "\x00", "\x7f\x01", "\xff", "\xc3", "\xed\xa0\x80", "\uFFFE", "\uFFFF"} {
		for name, m := range map[string]any{
			"element":   &ctr.NotifyImplantRequest{InputReference: text},
			"attribute": &ctr.NotifyImplantRequest{Header: ctr.Header{ID: text}},
			"nested":    &ctr.NotifyImplantRequest{Implantation: ctr.Implantation{Implant: []ctr.NotifiedImplant{{UDI: text}}}},
		} {
			if data, err := messages[0].encode(m); err == nil || data != nil {
				t.Errorf("%s with %q: %s", name, text, data)
			}
		}
	}
	if _, err := messages[0].encode(&ctr.NotifyImplantRequest{InputReference: "\t\n\r\x7f\u0085\uFFFD"}); err != nil {
		t.Errorf("allowed characters: %v", err)
	}
}

// TestLexicalForms covers every lexical form of XML Schema for numbers, booleans, times and base64.
func TestLexicalForms(t *testing.T) {
	response := func(attributes, content string) string {
		return `<p:SearchResponse xmlns:p="` + ctr.NamespaceProtocol + `" xmlns:c="` + ctr.NamespaceCore + `" ` + attributes + `>` + content + `</p:SearchResponse>`
	}
	m, err := ctr.Decode[ctr.SearchResponse](parse(t, []byte(response(
		`Offset=" 3 " MaxElements="+20" IssueInstant=" 2026-11-21T11:00:00.5+01:00 "`,
		`<!-- a --><p:Total> 00042 </p:Total><p:Notification><c:Own>1</c:Own></p:Notification><p:Notification><c:Own> true </c:Own></p:Notification>`+
			`<p:Notification><c:Own>0</c:Own></p:Notification><p:Unknown>of a newer service</p:Unknown>`))))
	if err != nil {
		t.Fatal(err)
	}
	if m.Offset != 3 || m.MaxElements != 20 || m.Total != 42 || !m.IssueInstant.Equal(time.Date(2026, 11, 21, 10, 0, 0, 5e8, time.UTC)) {
		t.Errorf("read %+v", m)
	}
	if len(m.Notification) != 3 || !m.Notification[0].Own || !m.Notification[1].Own || m.Notification[2].Own {
		t.Errorf("truth values %+v", m.Notification)
	}
	data := []byte("some octets, and some more of them")
	text := base64.StdEncoding.EncodeToString(data)
	card, err := ctr.Decode[ctr.GetImplantCardResponse](parse(t, []byte(`<p:GetImplantCardResponse xmlns:p="`+ctr.NamespaceProtocol+`" xmlns:c="`+
		ctr.NamespaceCore+`"><p:Card><c:Content>`+"\n "+text[:8]+"\r\n\t"+text[8:]+` </c:Content></p:Card></p:GetImplantCardResponse>`)))
	if err != nil || !bytes.Equal(card.Card.Content, data) {
		t.Errorf("octets %v, %v", card, err)
	}
	for name, wrong := range map[string]string{
		"number":   response(`Offset="x"`, ""),
		"huge":     response(`Offset="99999999999999999999"`, ""),
		"instant":  response(`IssueInstant="yesterday"`, ""),
		"element":  response("", `<p:Total>x</p:Total>`),
		"children": response("", `<p:Total><p:More/></p:Total>`),
		"nested":   response("", `<p:Notification><c:ImplantCount>-</c:ImplantCount></p:Notification>`),
	} {
		if m, err := ctr.Decode[ctr.SearchResponse](parse(t, []byte(wrong))); err == nil || m != nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
	if m, err := ctr.Decode[ctr.GetImplantCardResponse](parse(t, []byte(`<p:R xmlns:p="`+ctr.NamespaceProtocol+`" xmlns:c="`+ctr.NamespaceCore+
		`"><p:Card><c:Digest>!</c:Digest></p:Card></p:R>`))); err == nil || m != nil {
		t.Errorf("base64: read as %+v", m)
	}
}

func TestNoMessage(t *testing.T) {
	if _, err := ctr.Encode("X", &struct{}{}); err == nil {
		t.Error("encoded")
	}
	if _, err := ctr.Decode[struct{}](parse(t, []byte("<a/>"))); err == nil {
		t.Error("decoded")
	}
}

func TestCardDigest(t *testing.T) {
	pdf := []byte("%PDF-1.7 …")
	m := ctr.NewCardResponse(responseInfo, "card.pdf", pdf)
	if want := sha256.Sum256(pdf); !bytes.Equal(m.Card.Digest, want[:]) || m.Card.ContentType != "application/pdf" || m.Card.FileName != "card.pdf" {
		t.Errorf("card %+v", m.Card)
	}
}

// FuzzDecode checks that decoding never panics, and that a decoded message can be encoded and decoded again.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(goldenFolder + "/*.xml")
	if err != nil || len(files) < 10 {
		f.Fatalf("%d golden messages, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
		if err != nil {
			return
		}
		for _, m := range messages {
			in, err := m.decode(d.Root())
			if err != nil {
				continue
			}
			again, err := m.encode(in)
			if err != nil {
				t.Fatalf("%s: %v", m.name, err)
			}
			out, err := m.decode(parse(t, again))
			if err != nil {
				t.Fatalf("%s: %v", m.name, err)
			}
			third, err := m.encode(out)
			if err != nil || !bytes.Equal(again, third) {
				t.Fatalf("%s: %v\n%s\n%s", m.name, err, again, third)
			}
		}
	})
}

func exampleRequest(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile(goldenFolder + "/notifyImplant-request.xml")
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func BenchmarkDecode(b *testing.B) {
	data := exampleRequest(b)
	root := parse(b, data)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ctr.Decode[ctr.NotifyImplantRequest](root); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m, err := ctr.Decode[ctr.NotifyImplantRequest](parse(b, exampleRequest(b)))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ctr.Encode("NotifyImplantRequest", m); err != nil {
			b.Fatal(err)
		}
	}
}
