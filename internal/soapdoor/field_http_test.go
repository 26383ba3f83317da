package soapdoor_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/soapdoor/ctrdoor"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

const (
	notifyAction  = "urn:be:fgov:ehealth:ctr:protocol:v1:NotifyImplant"
	explantAction = "urn:be:fgov:ehealth:ctr:protocol:v1:NotifyExplant"
)

// TestFieldHTTPHeaders sends a good message with the header fields that toolkits write.
func TestFieldHTTPHeaders(t *testing.T) {
	t.Parallel()
	type row struct {
		version soap.Version
		header  http.Header
		code    string // of the refusal, or empty
		status  int
		says    []string
	}
	contentType := func(v soap.Version, value, code string, says ...string) row {
		return row{v, http.Header{"Content-Type": {value}}, code, 0, says}
	}
	const refused = "CONTENT_TYPE_NOT_ACCEPTED"
	rows := []row{
		contentType(soap.SOAP11, "text/xml;charset=UTF8", ""),
		contentType(soap.SOAP11, "text/xml; charset=utf_8", ""),
		contentType(soap.SOAP11, `text/xml; charset="utf8"`, ""),
		contentType(soap.SOAP11, "text/xml;charset=us-ascii", ""),
		contentType(soap.SOAP11, "text/xml; charset=ASCII", ""),
		contentType(soap.SOAP11, "text/xml; charset=ANSI_X3.4-1968", ""), // Python in the locale C
		contentType(soap.SOAP11, `text/xml; charset=""`, ""),
		contentType(soap.SOAP11, "text/xml ; charset = utf-8 ;", ""),
		contentType(soap.SOAP11, "TEXT/XML;;charset=UTF-8", ""),
		contentType(soap.SOAP11, "text/xml; charset=utf-8; charset=utf-8", ""),
		contentType(soap.SOAP11, "text/xml;charset=ISO-8859-1", refused, "charset", "received ISO-8859-1", "expected utf-8"),
		contentType(soap.SOAP11, "text/xml;charset=windows-1252", refused, "charset", "received windows-1252"),
		contentType(soap.SOAP11, "text/xml;charset=utf-7", refused, "charset", "received utf-7"),
		contentType(soap.SOAP11, "text/xml; charset='utf-8'", refused, "charset", "'utf-8'", "apostrophes are no quotes"),
		contentType(soap.SOAP11, "text/xml; charset", refused, "received charset", "name=value"),
		contentType(soap.SOAP11, `text/xml; charset="utf-8`, refused, "charset", "does not end"),
		contentType(soap.SOAP11, `text/xml; charset="utf-8"x`, refused, "charset", "comes x"),
		contentType(soap.SOAP11, "text/xml; charset=utf-8, text/xml", refused, "charset", "double quotes"),
		contentType(soap.SOAP11, "text/xml; charset=utf-8; charset=utf-16", refused, "charset", "twice"),
		contentType(soap.SOAP11, "text", refused, "received text", "expected text/xml"),
		contentType(soap.SOAP11, "application/json", refused, "received application/json", "expected text/xml"),
		contentType(soap.SOAP11, "", refused, "received none", "expected text/xml"),
		contentType(soap.SOAP12, "application/soap+xml; charset=UTF-8; action="+notifyAction, ""),
		contentType(soap.SOAP12, "application/soap+xml; action="+notifyAction+"; charset=utf8", ""),
		contentType(soap.SOAP12, `application/soap+xml; action=`+explantAction, "SOAP_ACTION_MISMATCH", explantAction, "expected "+notifyAction),
		contentType(soap.SOAP12, "application/soap+xml; charset=latin1", refused, "charset", "latin1"),
		contentType(soap.SOAP12, `application/soap+xml; action="`+notifyAction, refused, "action", "does not end"),
		contentType(soap.SOAP12, "application/soap+xml; action=a b", refused, "action", "a b"),
		contentType(soap.SOAP12, "application/soap+xml; =x", refused, "name=value"),
		contentType(soap.SOAP12, "APPLICATION/SOAP+XML;charset='utf-8'", refused, "apostrophes"),
	}
	coding := func(value string, code string) row {
		r := row{soap.SOAP11, http.Header{"Content-Encoding": {value}}, code, 0, nil}
		if code != "" {
			r.status, r.says = http.StatusUnsupportedMediaType, []string{"Content-Encoding: received " + value}
		}
		return r
	}
	const coded = "CONTENT_ENCODING_NOT_ACCEPTED"
	rows = append(rows, coding("identity", ""), coding("Identity", ""), coding("", ""), coding("identity, identity", ""),
		coding("gzip", coded), coding("deflate", coded), coding("br", coded), coding("x-gzip", coded), coding("UTF-8", coded),
		coding("aws-chunked", coded))
	actions := func(v soap.Version, header http.Header, code string, says ...string) row {
		return row{v, header, code, 0, says}
	}
	soap12 := `application/soap+xml; charset=utf-8; action="` + explantAction + `"`
	const mismatch = "SOAP_ACTION_MISMATCH"
	rows = append(rows,
		actions(soap.SOAP12, http.Header{"Content-Type": {soap12}, "Soapaction": {`""`}}, mismatch, "Content-Type: received "+explantAction),
		actions(soap.SOAP12, http.Header{"Content-Type": {soap12}, "Soapaction": {notifyAction}}, mismatch, "Content-Type: received "+explantAction),
		actions(soap.SOAP12, http.Header{"Content-Type": {strings.Replace(soap12, explantAction, notifyAction, 1)}, "Soapaction": {explantAction}},
			mismatch, "SOAPAction: received "+explantAction),
		actions(soap.SOAP12, http.Header{"Content-Type": {strings.Replace(soap12, explantAction, "", 1)}, "Soapaction": {`""`}}, ""),
		actions(soap.SOAP11, http.Header{"Soapaction": {`"` + notifyAction + `"`, explantAction}}, mismatch, explantAction),
		actions(soap.SOAP11, http.Header{"Soapaction": {notifyAction}}, ""),
		actions(soap.SOAP11, http.Header{"Content-Type": {"text/xml; action=" + explantAction}, "Soapaction": {notifyAction}}, mismatch, explantAction),
	)
	d := newDoor(t, settings{})
	for i, c := range rows {
		message := signMessage(t, "NotifyImplant", testpki.Hospital, c.version, i+1)
		r := d.postMessage(t, c.version, message, c.header)
		a := readAnswer(t, c.version, r) // fails if the fault is of another version
		name := fmt.Sprintf("%d %v", c.version, c.header)
		switch {
		case c.code == "":
			if a.refusal != nil {
				t.Errorf("%s: %v", name, a.refusal)
			}
			continue
		case a.refusal == nil:
			t.Errorf("%s: accepted", name)
			continue
		}
		text := a.refusal.Violations[0].Messages[texts.English]
		if a.refusal.Violations[0].Code != c.code || c.status != 0 && r.status != c.status {
			t.Errorf("%s: %d, %v", name, r.status, a.refusal.Violations)
		}
		for _, says := range c.says {
			if !strings.Contains(text, says) {
				t.Errorf("%s: does not say %q: %s", name, says, text)
			}
		}
	}
}

// TestFieldASCII: a message that says US-ASCII, in the header or in its declaration, has only such bytes.
func TestFieldASCII(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	if a := readAnswer(t, soap.SOAP11, d.postMessage(t, soap.SOAP11, usualNotification(t, 1),
		http.Header{"Content-Type": {"text/xml; charset=us-ascii"}})); a.refusal != nil {
		t.Errorf("%v", a.refusal)
	}
	message := strings.Replace(usualNotification(t, 100), "<ctr", "<!-- é --><ctr", 1)
	a := readAnswer(t, soap.SOAP11, d.postMessage(t, soap.SOAP11, message, http.Header{"Content-Type": {"text/xml; charset=us-ascii"}}))
	if a.refusal == nil || a.refusal.Violations[0].Code != "CONTENT_TYPE_NOT_ACCEPTED" ||
		!strings.Contains(a.refusal.Violations[0].Messages[texts.English], "is no ASCII") {
		t.Errorf("%v", a.refusal)
	}
}

// TestFieldMTOMParameters: parameters of the package and of the root part as toolkits write them.
func TestFieldMTOMParameters(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	for i, c := range []struct{ contentType, boundary, rootType, code, says string }{
		{`multipart/related; type=application/xop+xml; start="<root@test>"; start-info="text/xml"; boundary="b-1"`, "b-1", `application/xop+xml; charset=UTF-8; type="text/xml"`, "", ""},
		{`multipart/related; type="application/xop+xml"; start="<root@test>"; start-info=text/xml; boundary="b-1"`, "b-1", `application/xop+xml; charset=UTF-8; type="text/xml"`, "", ""},
		{`multipart/related; type="application/xop+xml"; start=<root@test>; start-info="text/xml"; boundary=----=_Part_0_12.34`, "----=_Part_0_12.34", `application/xop+xml; charset=UTF-8; type="text/xml"`, "", ""},
		{`multipart/related; type="application/xop+xml"; start="<root@test>"; start-info="text/xml"; boundary=b-1`, "b-1", `application/xop+xml; charset=UTF-8; type=text/xml`, "", ""},
		{`multipart/related;boundary=uuid:1?a(b);type=application/xop+xml;start=<root@test>;start-info=text/xml`, "uuid:1?a(b)", `application/xop+xml;charset=UTF8;type=text/xml`, "", ""},
		{`multipart/related; type="application/xop+xml"; start="<root@test>"; start-info="text/xml"; boundary=b-1`, "b-1", `application/xop+xml; charset=UTF-8; type="application/soap+xml"`, "ROOT_PART_TYPE", `expected application/xop+xml with type="text/xml"`},
		{`multipart/related; type="application/xop+xml"; start="<root@test>"; start-info="text/xml"; boundary=b-1`, "b-1", `text/xml; charset=UTF-8`, "ROOT_PART_TYPE", "received text/xml; charset=UTF-8"},
		{`multipart/related; type="application/xop+xml"; start="<root@test>"; start-info="text/xml"; boundary=b-1`, "b-1", `application/xop+xml; charset=latin1; type="text/xml"`, "ROOT_PART_TYPE", "received latin1"},
		{`multipart/related; type="application/xop+xml"; start="<root@test>"; start-info=text/plain; boundary=b-1`, "b-1", `application/xop+xml`, "MULTIPART_PARAMETER", "start-info: received text/plain"},
		{`multipart/related; type="application/xop+xml"; start="<root@test>"; boundary=b-1`, "b-1", `application/xop+xml`, "MULTIPART_PARAMETER", "start-info is missing"},
		{`multipart/related; type=text/xml; start="<root@test>"; boundary=b-1`, "b-1", `application/xop+xml`, "MULTIPART_NOT_XOP", `received "text/xml"`},
		{`multipart/related; type="application/xop+xml"; start-info="text/xml"; boundary=b 1`, "b-1", `application/xop+xml`, "CONTENT_TYPE_NOT_ACCEPTED", "parameter boundary is b 1; put it in double quotes"},
		{`application/xop+xml; type="text/xml"`, "b-1", `application/xop+xml`, "CONTENT_TYPE_NOT_ACCEPTED", "multipart/related around it"},
	} {
		envelope, token := attachToken(t, signMessage(t, "NotifyImplant", testpki.Hospital, soap.SOAP11, i+1), false)
		body := "--" + c.boundary + "\r\nContent-Type: " + c.rootType + "\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <root@test>\r\n\r\n" + envelope +
			"\r\n--" + c.boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <1@test>\r\n\r\n" + token +
			"\r\n--" + c.boundary + "--\r\n"
		a := readAnswer(t, soap.SOAP11, d.postMessage(t, soap.SOAP11, body, http.Header{"Content-Type": {c.contentType}}))
		switch {
		case c.code == "" && a.refusal != nil:
			t.Errorf("%s: %v", c.contentType, a.refusal)
		case c.code != "" && (a.refusal == nil || a.refusal.Violations[0].Code != c.code ||
			!strings.Contains(a.refusal.Violations[0].Messages[texts.English], c.says)):
			t.Errorf("%s: %v, want %s %q", c.contentType, a.refusal, c.code, c.says)
		}
	}
}

// TestFieldSOAP12Faults: whatever is wrong with the parameters, a request of SOAP 1.2 gets a fault of SOAP 1.2.
func TestFieldSOAP12Faults(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{
		"application/soap+xml; charset", "application/soap+xml; charset=latin1", "application/soap+xml; action=a b",
		`application/soap+xml; action="a`, "application/soap+xml;;;=", "Application/SOAP+XML; charset=utf-8; charset=utf-16",
		`multipart/related; type="application/xop+xml"; start-info="application/soap+xml"; boundary=b c`,
		`multipart/related; type="application/xop+xml"; start-info="application/soap+xml"`,
		`multipart/related; type="application/soap+xml"; boundary=b`,
	} {
		if m, err := soap.ParseMedia(contentType); err == nil || m.Version != soap.SOAP12 {
			t.Errorf("%s: version %d, %v", contentType, m.Version, err)
		}
	}
}

// TestFieldNotUnderstood: the fault names the header block, in SOAP 1.2 as a header of its own too.
func TestFieldNotUnderstood(t *testing.T) {
	t.Parallel()
	const addressing = "http://www.w3.org/2005/08/addressing"
	for _, header := range []struct{ space, local string }{
		{addressing, "To"}, {addressing, "Action"}, {"urn:x", "Transaction"}, {"", "Plain"}, {`urn:"&<`, "Quoted"},
	} {
		for _, version := range []soap.Version{soap.SOAP11, soap.SOAP12} {
			escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(header.space)
			block := `<x:` + header.local + ` xmlns:x="` + escaped + `" e:mustUnderstand="1"/>`
			if header.space == "" {
				block = `<` + header.local + ` e:mustUnderstand="1"/>`
			}
			d, err := xmldoc.Parse([]byte(`<e:Envelope xmlns:e="`+version.Namespace()+`"><e:Header>`+block+`</e:Header><e:Body><a/></e:Body></e:Envelope>`),
				xmldoc.DefaultLimits())
			if err != nil {
				if header.space == `urn:"&<` {
					continue // no namespace of the reader
				}
				t.Fatal(err)
			}
			_, err = soap.Open(d)
			fault := soap.FaultFrom(err, soap.FaultContext{Version: version, Namespaces: ctr.FaultNamespaces()})
			if !strings.Contains(string(fault.Body), "{"+escaped+"}"+header.local) {
				t.Errorf("%v is not named: %s", header, fault.Body)
			}
			answer, err := xmldoc.Parse(fault.Body, xmldoc.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			qname, found := answer.Root().Child(soap.Namespace12, "Header").Child(soap.Namespace12, "NotUnderstood").Attr("", "qname")
			if found != (version == soap.SOAP12) || found && !strings.HasSuffix(qname, header.local) {
				t.Errorf("%v: NotUnderstood %q", header, qname)
			}
		}
	}
}

// TestFieldDescriptions: what tools ask for beside ?wsdl, and with a slash behind the address.
func TestFieldDescriptions(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	for query, want := range map[string]int{
		"": 200, "?wsdl": 200, "?WSDL": 200, "?singleWsdl": 200, "?singlewsdl": 200, "?xsd=ctr-core-1_0.xsd": 200,
		"?policy": 404, "?disco": 404, "?mex": 404, "?wadl": 404, "?xsd": 404, "?xsd=nothing": 404, "?foo=bar": 404, "?wsdl=nothing": 404,
	} {
		for _, slash := range []string{"", "/"} {
			status, header, body := d.get(t, ctr.Path+slash+query)
			if status != want {
				t.Errorf("%s%s: %d", slash, query, status)
			}
			if want == http.StatusNotFound && !strings.Contains(body, ctr.Path+"?wsdl") && !strings.Contains(body, "?wsdl=flat") {
				t.Errorf("%s%s does not say where the WSDL is: %s", slash, query, body)
			}
			if strings.EqualFold(query, "?singlewsdl") && (!strings.HasPrefix(header.Get("Content-Type"), "text/xml") || strings.Contains(body, "schemaLocation")) {
				t.Errorf("%s%s: %s", slash, query, header.Get("Content-Type"))
			}
		}
	}
	if status, _, body := d.get(t, ctr.Path+"/v2"); status != http.StatusNotFound || !strings.Contains(body, "The service is at http") {
		t.Errorf("below the service: %d %s", status, body)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, ctr.Path+"/", strings.NewReader(usualNotification(t, 1)))
	r.Header.Set("Content-Type", "text/xml")
	if a := readAnswer(t, soap.SOAP11, d.serveRequest(t, r)); a.refusal != nil {
		t.Errorf("a message to the address with a slash: %v", a.refusal)
	}
}

// TestFieldImportsBehindOtherPaths follows the imports as a tool does that knows only the public URL. The gateway maps
// the public path to the service's.
func TestFieldImportsBehindOtherPaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ public, fetched string }{
		{"https://gw.example.org/hospital/implants", "https://gw.example.org/hospital/implants"},
		{"https://gw.example.org/hospital/implants", "https://gw.example.org/hospital/implants/"},
		{"https://gw.example.org/hospital/implants/", "https://gw.example.org/hospital/implants/"},
		{"https://gw.example.org/", "https://gw.example.org/"},
		{"https://gw.example.org", "https://gw.example.org"},
		{"https://gw.example.org/a%20b/c", "https://gw.example.org/a%20b/c"},
		{"https://gw.example.org/x/ctr:v1", "https://gw.example.org/x/ctr:v1"},
		{"", "http://example.com" + ctr.Path},
	} {
		d := newDoor(t, settings{})
		d.service = newPublicService(t, d, c.public)
		seen := map[string]bool{}
		var follow func(address string)
		follow = func(address string) {
			if seen[address] {
				return
			}
			seen[address] = true
			base, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			path := ctr.Path
			if strings.HasSuffix(base.Path, "/") {
				path += "/"
			}
			if outside := strings.TrimSuffix(c.public, "/"); c.public != "" && strings.TrimSuffix(strings.TrimSuffix(address, "?"+base.RawQuery), "/") != outside {
				t.Fatalf("%s is not below %s", address, c.public)
			}
			status, _, text := d.get(t, path+"?"+base.RawQuery)
			if status != http.StatusOK {
				t.Errorf("%s: HTTP %d", address, status)
			}
			for _, found := range schemaLocation.FindAllStringSubmatch(text, -1) {
				reference, err := url.Parse(found[1])
				if err != nil {
					t.Fatalf("%q: %v", found[1], err)
				}
				follow(base.ResolveReference(reference).String())
			}
		}
		follow(c.fetched + "?wsdl")
		if len(seen) < 6 {
			t.Errorf("%s: only %v", c.public, seen)
		}
	}
}

// newPublicService returns a service for the register of d with a public URL.
func newPublicService(t *testing.T, d *door, public string) *soapdoor.Service {
	t.Helper()
	compiled, err := messageSchema()
	if err != nil {
		t.Fatal(err)
	}
	contract := ctrdoor.NewContract(ctrdoor.Config{
		Registrar: d.Registrar, Schema: compiled, Verifier: &wsse.Verifier{Trust: testTrust(t), Now: d.Clock.Now},
	})
	contract.PublicURL = public
	return soapdoor.New(soapdoor.Config{
		Contracts: []soapdoor.Contract{contract}, Now: d.Clock.Now, NewID: registertest.NewIDCounter("door-"), Environment: "Test",
	})
}

// TestFieldRefusalReachesWriters: a client that writes its whole message before it reads gets the refusal.
func TestFieldRefusalReachesWriters(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	server := httptest.NewServer(d.service)
	t.Cleanup(server.Close)
	for _, c := range []struct {
		name, header string
		bytes        int
		chunked      bool
		status       string
	}{
		{"5 MB of another type", "Content-Type: application/json", 5 << 20, false, " 500 "},
		{"5 MB of another charset", "Content-Type: text/xml; charset=latin1", 5 << 20, false, " 500 "},
		{"5 MB of gzip", "Content-Type: text/xml\r\nContent-Encoding: gzip", 5 << 20, false, " 415 "},
		{"11 MB", "Content-Type: text/xml", 11 << 20, false, " 413 "},
		{"11 MB in chunks", "Content-Type: text/xml", 11 << 20, true, " 413 "},
		{"15 MB", "Content-Type: text/xml", 15 << 20, false, " 413 "},
		{"another type in chunks", "Content-Type: application/json", 5 << 20, true, " 500 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = connection.Close() }()
			length := fmt.Sprintf("Content-Length: %d", c.bytes)
			body := strings.Repeat(" ", c.bytes)
			if c.chunked {
				length, body = "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", c.bytes, body)
			}
			if _, err = io.WriteString(connection, "POST "+ctr.Path+" HTTP/1.1\r\nHost: x\r\n"+c.header+"\r\n"+length+"\r\n\r\n"+body); err != nil {
				t.Fatalf("writing: %v", err)
			}
			line, err := bufio.NewReader(connection).ReadString('\n')
			if err != nil || !strings.Contains(line, c.status) {
				t.Errorf("read %q, %v", line, err)
			}
		})
	}
}

// TestFieldDrainIsBounded: a client that never ends does not keep the service reading.
func TestFieldDrainIsBounded(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	server := httptest.NewServer(d.service)
	t.Cleanup(server.Close)
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_, _ = io.WriteString(connection, "POST "+ctr.Path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n")
	block := []byte(strings.Repeat(" ", 1<<20))
	written := 0
	for ; written < 200<<20; written += len(block) {
		if _, err = connection.Write(block); err != nil {
			break
		}
	}
	if err == nil {
		t.Errorf("%d bytes were taken", written)
	}
}
