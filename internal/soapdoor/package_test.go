package soapdoor_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/testpki"
)

const namespaceXOP = "http://www.w3.org/2004/08/xop/include"

// mtomRequest is an MTOM request. Its parts are written by hand, so that they can be invalid.
type mtomRequest struct {
	contentType string
	body        string
}

// packMTOM builds a package of an envelope and attachments with the Content-IDs 1@test, 2@test …
func packMTOM(version soap.Version, envelope string, attachments ...string) mtomRequest {
	media, _, _ := strings.Cut(version.ContentType(), ";")
	var b strings.Builder
	b.WriteString("--b-1\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"" + media + "\"\r\n" +
		"Content-Transfer-Encoding: binary\r\nContent-ID: <root@test>\r\n\r\n" + envelope)
	for i, a := range attachments {
		fmt.Fprintf(&b, "\r\n--b-1\r\nContent-Type: application/ciphervalue\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <%d@test>\r\n\r\n%s", i+1, a)
	}
	return mtomRequest{`multipart/related; type="application/xop+xml"; start="<root@test>"; start-info="` + media + `"; boundary="b-1"`,
		b.String() + "\r\n--b-1--\r\n"}
}

func (d *door) postMTOM(tb testing.TB, version soap.Version, p mtomRequest) reply {
	tb.Helper()
	return d.postMessage(tb, version, p.body, http.Header{"Content-Type": {p.contentType}})
}

// attachToken moves the token of a signed message into an attachment. The prefix is declared at the Include, or at the
// token as CXF does.
func attachToken(tb testing.TB, message string, atToken bool) (envelope, token string) {
	tb.Helper()
	before, rest, found := strings.Cut(message, "<wsse:BinarySecurityToken ")
	attributes, rest, _ := strings.Cut(rest, ">")
	encoded, after, _ := strings.Cut(rest, "<")
	octets, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil {
		tb.Fatal("no token", err)
	}
	declaration := ` xmlns:xop="` + namespaceXOP + `"`
	include := `<xop:Include href="cid:1@test"` + declaration + `/>`
	if atToken {
		attributes += declaration
		include = `<xop:Include href="cid:1@test"/>`
	}
	return before + "<wsse:BinarySecurityToken " + attributes + ">" + include + "<" + after, string(octets)
}

// signWithAttachedToken signs a message and moves its token into an attachment.
func signWithAttachedToken(tb testing.TB, message, key string, version soap.Version, number int, edits ...string) (envelope, token string) {
	tb.Helper()
	return attachToken(tb, signMessage(tb, message, key, version, number, edits...), number%2 == 0)
}

func signMessage(tb testing.TB, message, key string, version soap.Version, number int, edits ...string) string {
	tb.Helper()
	s := &step{send: send{message: message, signer: key, clock: registertest.StartTime(), version: version}}
	for _, line := range edits {
		if err := appendEdit(&s.edits, line); err != nil {
			tb.Fatal(err)
		}
	}
	return s.buildMessage(tb, number)
}

// TestTokenAsAttachment checks that a message with an attached token is verified as if the token were inline.
func TestTokenAsAttachment(t *testing.T) {
	t.Parallel()
	for _, version := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		for _, key := range []string{testpki.Hospital, testpki.Hospital + " (EC)"} {
			for number := range 2 {
				t.Run(fmt.Sprint(version, key, number), func(t *testing.T) {
					t.Parallel()
					d := newDoor(t, settings{strict: true})
					inline := signMessage(t, "NotifyImplant", key, version, number)
					envelope, token := attachToken(t, inline, number == 1)
					a := readAnswer(t, version, d.postMTOM(t, version, packMTOM(version, envelope, token)))
					if a.refusal != nil || valueAt(a.response, "ctrp:Receipt/ctr:NotificationNumber") != firstNumber {
						t.Fatalf("refused: %s", a.body)
					}
					// The inline form is a replay of the packaged one.
					if again := readAnswer(t, version, d.postMessage(t, version, inline, nil)); again.refusal == nil || again.refusal.Violations[0].Code != "MESSAGE_REPLAYED" {
						t.Errorf("the second: %s", again.body)
					}
					wantEvents(t, d, platform.OutcomeAccepted, platform.OutcomeRefused)
				})
			}
		}
	}
}

// TestBodyAsAttachment attaches the data of a signed element; the signature is over its base64.
func TestBodyAsAttachment(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	message := usualNotification(t, 1, "set ctrp:InputReference to RVBEMQ==")
	include := `<xop:Include xmlns:xop="` + namespaceXOP + `" href="cid:1@test"/>`
	p := packMTOM(soap.SOAP11, strings.Replace(message, "RVBEMQ==", include, 1), "EPD1")
	if a := readAnswer(t, soap.SOAP11, d.postMTOM(t, soap.SOAP11, p)); a.refusal != nil {
		t.Fatal(a.body)
	}
	// A newly signed message with the same idempotency key finds the notification.
	second := readAnswer(t, soap.SOAP11, d.postMessage(t, soap.SOAP11, usualNotification(t, 2, "set ctrp:InputReference to RVBEMQ=="), nil))
	if got := valueAt(second.response, "ctrp:Receipt/ctr:NotificationNumber"); got != firstNumber {
		t.Errorf("%s", second.body)
	}
	p = packMTOM(soap.SOAP11, strings.Replace(usualNotification(t, 3, "set ctrp:InputReference to RVBEMQ=="), "RVBEMQ==", include, 1), "EPD2")
	if a := readAnswer(t, soap.SOAP11, d.postMTOM(t, soap.SOAP11, p)); a.refusal == nil || a.refusal.Violations[0].Code != "DIGEST_MISMATCH" {
		t.Errorf("another attachment than was signed: %s", a.body)
	}
}

// unpackReply reads a package with the standard library and inlines its attachments, as a client does.
func unpackReply(t *testing.T, version soap.Version, r reply) (whole reply, attachments []string) {
	t.Helper()
	media, parameters, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	wantInfo, _, _ := strings.Cut(version.ContentType(), ";")
	if err != nil || media != "multipart/related" || parameters["type"] != "application/xop+xml" || parameters["start-info"] != wantInfo {
		t.Fatalf("answered as %s", r.header.Get("Content-Type"))
	}
	reader := multipart.NewReader(strings.NewReader(r.body), parameters["boundary"])
	envelope := ""
	for {
		p, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		octets, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		id := p.Header.Get("Content-ID")
		if id == parameters["start"] {
			if partType, inner, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); partType != "application/xop+xml" || inner["type"] != wantInfo {
				t.Errorf("the envelope is %s", p.Header.Get("Content-Type"))
			}
			envelope = string(octets)
			continue
		}
		include := `<xop:Include xmlns:xop="` + namespaceXOP + `" href="cid:` + strings.Trim(id, "<>") + `"/>`
		if strings.Count(envelope, include) != 1 {
			t.Errorf("no Include of %s", id)
		}
		envelope = strings.Replace(envelope, include, base64.StdEncoding.EncodeToString(octets), 1)
		attachments = append(attachments, string(octets))
	}
	header := r.header.Clone()
	header.Set("Content-Type", version.ContentType())
	return reply{r.status, header, envelope}, attachments
}

// TestCardAsAttachment checks that a caller that accepts attachments gets the same card, as an attachment.
func TestCardAsAttachment(t *testing.T) {
	t.Parallel()
	d := newDoor(t, settings{})
	if got := postForOutcome(t, d, usualNotification(t, 1)); got != firstNumber {
		t.Fatal(got)
	}
	inline := readAnswer(t, soap.SOAP11, d.postMessage(t, soap.SOAP11, signMessage(t, "GetImplantCard", testpki.Hospital, soap.SOAP11, 2), http.Header{"Accept": {"*/*"}}))
	want, err := base64.StdEncoding.DecodeString(valueAt(inline.response, "ctrp:Card/ctr:Content"))
	if err != nil || !bytes.HasPrefix(want, []byte("%PDF-")) {
		t.Fatal(err, inline.body)
	}
	for i, version := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		envelope, token := signWithAttachedToken(t, "GetImplantCard", testpki.Hospital, version, 3+10*i)
		for name, response := range map[string]reply{
			"asked in a package": d.postMTOM(t, version, packMTOM(version, envelope, token)),
			"asked by Accept": d.postMessage(t, version, signMessage(t, "GetImplantCard", testpki.Hospital, version, 4+10*i),
				http.Header{"Accept": {`text/xml, multipart/related; type="application/xop+xml"`}}),
		} {
			whole, attachments := unpackReply(t, version, response)
			a := readAnswer(t, version, whole) // also validates against the schema
			if a.refusal != nil || len(attachments) != 1 || attachments[0] != string(want) {
				t.Fatalf("%s: %d attachments: %.300s", name, len(attachments), a.body)
			}
			for _, path := range []string{"ctrp:Card/ctr:Content", "ctrp:Card/ctr:Digest", "ctrp:Card/ctr:FileName"} {
				if valueAt(a.response, path) != valueAt(inline.response, path) {
					t.Errorf("%s: another %s", name, path)
				}
			}
		}
	}
	// A refusal and an answer without binary data need no package.
	envelope, token := signWithAttachedToken(t, "GetImplantCard", testpki.Hospital, soap.SOAP11, 30, "set ctrp:NotificationNumber to 202611210000269")
	if a := readAnswer(t, soap.SOAP11, d.postMTOM(t, soap.SOAP11, packMTOM(soap.SOAP11, envelope, token))); a.refusal == nil {
		t.Error("a card of nothing")
	}
	envelope, token = signWithAttachedToken(t, "ListPatientImplants", testpki.Hospital, soap.SOAP11, 31)
	if a := readAnswer(t, soap.SOAP11, d.postMTOM(t, soap.SOAP11, packMTOM(soap.SOAP11, envelope, token))); a.refusal != nil {
		t.Error(a.body)
	}
}

// TestSignedCardAsAttachment checks that the signature of a reply covers the inlined card.
func TestSignedCardAsAttachment(t *testing.T) {
	t.Parallel()
	r := registertest.New(t, registertest.Options{})
	ids := registertest.NewIDCounter("reply-")
	d := openSigningDoor(t, r, settings{}, func(envelope []byte) ([]byte, error) {
		return client.SignEnvelope(envelope, testpki.ECKey(t), wsse.SignOptions{Created: r.Clock.Now(), TTL: time.Minute, NewID: ids, SignToken: true})
	})
	d.postMessage(t, soap.SOAP11, usualNotification(t, 1), nil)
	envelope, token := signWithAttachedToken(t, "GetImplantCard", testpki.Hospital, soap.SOAP11, 2)
	whole, attachments := unpackReply(t, soap.SOAP11, d.postMTOM(t, soap.SOAP11, packMTOM(soap.SOAP11, envelope, token)))
	if len(attachments) != 1 {
		t.Fatalf("%d attachments", len(attachments))
	}
	document, err := xmldoc.Parse([]byte(whole.body), xmldoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	message, err := soap.Open(document)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := (&wsse.Verifier{Trust: testpki.NewTrustStore(t), Now: r.Clock.Now, Strict: true}).Verify(message)
	if err != nil {
		t.Fatal(err)
	}
	if got := valueAt(verified.Body(), "ctrp:Card/ctr:Content"); got != base64.StdEncoding.EncodeToString([]byte(attachments[0])) {
		t.Error("another card was signed")
	}
}

// TestPackageRefused checks that each abuse of a package gives its fault, records and stores nothing, and
// causes no outbound connection, which a listener counts.
func TestPackageRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var visits atomic.Int32
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			_ = connection.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	outside := "http://" + listener.Addr().String() + "/token"
	d := newDoor(t, settings{})
	proved, said := 0, &saidCodes{}
	for _, c := range packageCases(t, outside) {
		version := soap.SOAP11
		status := http.StatusInternalServerError
		if c.soap12 {
			version, status = soap.SOAP12, http.StatusBadRequest
		}
		if c.code == "MESSAGE_TOO_LARGE" {
			status = http.StatusRequestEntityTooLarge
		}
		p := c.make(version)
		a := readAnswer(t, version, d.postCheaply(t, c.name, version, p.body, http.Header{"Content-Type": {p.contentType}}))
		if a.refusal == nil || a.refusal.Violations[0].Code != c.code || a.status != status {
			t.Errorf("%s: HTTP %d, want %d %s\n%.600s", c.name, a.status, status, c.code, a.body)
			continue
		}
		said.add(a.refusal.Violations[0])
		if c.code == string(soap.ActionMismatch) {
			proved++ // the only message of these that verifies
		}
		if events := d.AuditEvents(t, 0); len(events) != proved {
			t.Errorf("%s: audit %v", c.name, events)
		}
	}
	said.check(t)
	if kept := d.CountNotifications(t); kept != 0 {
		t.Errorf("%d notifications", kept)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d connections to %s", n, outside)
	}
}

type packageCase struct {
	name   string
	code   string
	soap12 bool
	make   func(soap.Version) mtomRequest
}

// packageCases returns abuses of an otherwise valid message.
func packageCases(t *testing.T, outside string) []packageCase {
	t.Helper()
	number := 0
	good := func(v soap.Version) (envelope, token string) {
		number += 2
		return signWithAttachedToken(t, "NotifyImplant", testpki.Hospital, v, number)
	}
	// changed replaces text in the Content-Type or else in the body.
	changed := func(before, after string) func(soap.Version) mtomRequest {
		return func(v soap.Version) mtomRequest {
			envelope, token := good(v)
			p := packMTOM(v, envelope, token)
			if !strings.Contains(p.contentType+p.body, before) {
				t.Fatalf("the message does not hold %q", before)
			}
			if strings.Contains(p.contentType, before) {
				return mtomRequest{strings.Replace(p.contentType, before, after, 1), p.body}
			}
			return mtomRequest{p.contentType, strings.Replace(p.body, before, after, 1)}
		}
	}
	with := func(attachments ...string) func(soap.Version) mtomRequest {
		return func(v soap.Version) mtomRequest {
			envelope, token := good(v)
			return packMTOM(v, envelope, append([]string{token}, attachments...)...)
		}
	}
	const include, again = `<xop:Include href="cid:1@test"/>`, `<xop:Include href="cid:1@test" xmlns:xop="` + namespaceXOP + `"/>`
	return []packageCase{
		{"SOAP with Attachments", "MULTIPART_NOT_XOP", false, changed(`type="application/xop+xml"`, `type="text/xml"`)},
		{"SOAP with Attachments, 1.2", "MULTIPART_NOT_XOP", true, changed(`type="application/xop+xml"`, `type="application/soap+xml"`)},
		{"no start-info", "MULTIPART_PARAMETER", false, changed(` start-info="text/xml";`, ``)},
		{"no boundary", "MULTIPART_PARAMETER", true, changed(`; boundary="b-1"`, ``)},
		{"another boundary", "MULTIPART_MALFORMED", false, changed(`boundary="b-1"`, `boundary="b"`)},
		{"two boundaries", "CONTENT_TYPE_NOT_ACCEPTED", false, changed(`boundary="b-1"`, `boundary="b-2"; boundary="b-1"`)},
		{"a preamble", "MULTIPART_MALFORMED", false, changed("--b-1\r\n", "preamble\r\n--b-1\r\n")},
		{"an epilogue", "MULTIPART_MALFORMED", false, changed("--b-1--\r\n", "--b-1--\r\nepilogue")},
		{"truncated", "MESSAGE_INCOMPLETE", true, changed("\r\n--b-1--\r\n", "")},
		{"truncated in the delimiter", "MESSAGE_INCOMPLETE", false, changed("--b-1--\r\n", "--b-1")},
		{"a hidden delimiter in the envelope", "MULTIPART_MALFORMED", false, changed("<soap:Header>", "<soap:Header><!--\n--b-1-->")},
		{"10,000 parts", "PARTS_TOO_MANY", false, with(make([]string, 10_000)...)},
		{"a large header", "PART_HEADER_TOO_LARGE", false, changed("Content-ID: <1@test>", strings.Repeat("X-Bomb: x\r\n", 500_000)+"Content-ID: <1@test>")},
		{"a long field", "PART_HEADER_TOO_LARGE", true, changed("Content-ID: <1@test>", "X: "+strings.Repeat("x", 5<<20)+"\r\nContent-ID: <1@test>")},
		{"a field twice", "PART_HEADER_MALFORMED", false, changed("Content-ID: <1@test>", "Content-ID: <1@test>\r\nContent-ID: <2@test>")},
		{"base64", "PART_TRANSFER_ENCODING", false, changed("ciphervalue\r\nContent-Transfer-Encoding: binary", "ciphervalue\r\nContent-Transfer-Encoding: base64")},
		{"no Content-ID", "PART_CONTENT_ID", false, changed("\r\nContent-ID: <1@test>", "")},
		{"the same Content-ID", "PART_CONTENT_ID_DUPLICATE", false, changed("\r\n--b-1--", "\r\n--b-1\r\nContent-ID: <1@test>\r\n\r\nother\r\n--b-1--")},
		{"a part that nobody includes", "PART_NOT_INCLUDED", false, with("more")},
		{"no root", "ROOT_PART_MISSING", true, changed(`start="<root@test>"`, `start="<other@test>"`)},
		{"the token as the root", "ROOT_PART_TYPE", false, changed(`start="<root@test>"`, `start="<1@test>"`)},
		{"a root of SOAP 1.2 in 1.1", "ROOT_PART_TYPE", false, changed(`UTF-8; type="text/xml"`, `UTF-8; type="application/soap+xml"`)},
		{"a version that it is not", "SOAP_VERSION_MISMATCH", false, changed(soap.Namespace11, soap.Namespace12)},
		{"an Include with text inside", "XOP_INCLUDE_MALFORMED", false, changed(include, `<xop:Include href="cid:1@test">x</xop:Include>`)},
		{"a nested Include", "XOP_INCLUDE_MALFORMED", false, changed(include, `<xop:Include href="cid:1@test">`+include+`</xop:Include>`)},
		{"an Include beside text", "XOP_INCLUDE_NOT_ALONE", false, changed(include, include+"MIIC")},
		{"an Include in the signed text of the Body", "XOP_INCLUDE_NOT_ALONE", true, changed("EPD-2026-000123", "EPD-2026-000123"+again)},
		{"an Include elsewhere", "XOP_INCLUDE_EXTERNAL", false, changed(`href="cid:1@test"`, `href="`+outside+`"`)},
		{"an Include of a file", "XOP_INCLUDE_EXTERNAL", false, changed(`href="cid:1@test"`, `href="file:///etc/hostname"`)},
		{"an Include of nothing", "XOP_INCLUDE_UNKNOWN", false, changed(`href="cid:1@test"`, `href="cid:2@test"`)},
		{"an Include of the envelope", "XOP_INCLUDE_UNKNOWN", false, changed(`href="cid:1@test"`, `href="cid:root@test"`)},
		{"an attachment twice", "XOP_INCLUDE_REPEATED", true, changed(">EPD-2026-000123<", ">"+again+"<")},
		{"too large when put together", "MESSAGE_TOO_LARGE", false, func(v soap.Version) mtomRequest {
			envelope, _ := good(v)
			return packMTOM(v, envelope, strings.Repeat("x", 8<<20))
		}},
		{"too large", "MESSAGE_TOO_LARGE", true, with(strings.Repeat("x", 10<<20))},
		{"a token of another", "SIGNATURE_INVALID", false, func(v soap.Version) mtomRequest {
			envelope, _ := good(v)
			return packMTOM(v, envelope, string(testpki.Key(t, "NIHII-HOSPITAL=71012413").Certificate.Raw))
		}},
		{"another action", "SOAP_ACTION_MISMATCH", true, changed(`start-info="application/soap+xml"`, `start-info="application/soap+xml; action=\"urn:be:fgov:ehealth:ctr:protocol:v1:Search\""`)},
		{"an Include without a package", "SECURITY_TOKEN_MALFORMED", false, func(v soap.Version) mtomRequest {
			envelope, _ := good(v)
			return mtomRequest{v.ContentType(), envelope}
		}},
	}
}
