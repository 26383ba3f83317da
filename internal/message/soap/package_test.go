package soap_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/costtest"
)

const (
	packageType         = `multipart/related; type="application/xop+xml"; start="<root@test>"; start-info="text/xml"; boundary="b-1"`
	rootHeader          = "--b-1\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <root@test>\r\n\r\n"
	firstHeader         = "\r\n--b-1\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <1@test>\r\n\r\n"
	nextHeader          = "\r\n--b-1\r\nContent-ID: <2@test>\r\n\r\n"
	closingDelimiter    = "\r\n--b-1--\r\n"
	includeElement      = `<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:1@test"/>`
	secondInclude       = `<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:2@test"/>`
	envelopeWithInclude = `<e><a>` + includeElement + `</a></e>`
	octets              = "\x00\x01\r\n--b\r\n\xff>"
	usualPackage        = rootHeader + envelopeWithInclude + firstHeader + octets + closingDelimiter
)

func unpackMessage(contentType, message string) (string, error) {
	m, err := soap.ParseMedia(contentType)
	if err != nil {
		return "", err
	}
	envelope, err := m.UnpackEnvelope([]byte(message), xmldoc.DefaultLimits())
	return string(envelope), err
}

func encodeBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestUnpackEnvelope covers the output of the usual toolkits.
func TestUnpackEnvelope(t *testing.T) {
	want := `<e><a>` + encodeBase64(octets) + `</a></e>`
	replaced := func(edits ...string) string { return strings.NewReplacer(edits...).Replace(usualPackage) }
	for name, c := range map[string]struct{ contentType, message, want string }{
		"as it should be":             {packageType, usualPackage, want},
		"a line end before (CXF)":     {packageType, "\r\n" + usualPackage, want},
		"no line end behind":          {packageType, strings.TrimSuffix(usualPackage, "\r\n"), want},
		"blanks behind a delimiter":   {packageType, replaced("--b-1\r\n", "--b-1 \t\r\n", "--b-1--", "--b-1-- "), want},
		"no start":                    {strings.Replace(packageType, ` start="<root@test>";`, "", 1), usualPackage, want},
		"start without brackets":      {strings.Replace(packageType, `<root@test>`, "root@test", 1), usualPackage, want},
		"Content-ID without brackets": {packageType, replaced("<1@test>", "1@test"), want},
		"no type inside":              {packageType, replaced(`; type="text/xml"`, ""), want},
		"root last":                   {packageType, strings.TrimPrefix(firstHeader, "\r\n") + octets + "\r\n" + rootHeader + envelopeWithInclude + closingDelimiter, want},
		"first part without Content-ID": {strings.Replace(packageType, ` start="<root@test>";`, "", 1),
			replaced("\r\nContent-ID: <root@test>", ""), want},
		"a folded field (JavaMail)": {packageType, replaced(`; charset=UTF-8; type=`, ";\r\n charset=UTF-8;\r\n\ttype="), want},
		"names in capitals":         {packageType, replaced("Content-ID", "CONTENT-ID", "Content-Type", "content-type"), want},
		"8bit":                      {packageType, replaced("binary", "8bit"), want},
		"7bit":                      {packageType, replaced("binary", "7BIT"), want},
		"escaped (WCF)":             {packageType, replaced("cid:1@test", "cid:http%3A%2F%2Ftempuri.org%2F1", "<1@test>", "<http://tempuri.org/1>"), want},
		"escaped twice (CXF)":       {packageType, replaced("cid:1@test", "cid:1@http%3A%2F%2Fcxf.apache.org%2F", "<1@test>", "<1@http%3A%2F%2Fcxf.apache.org%2F>"), want},
		"scheme in capitals":        {packageType, replaced("cid:1", "CID:1"), want},
		"another prefix":            {packageType, replaced("xop:", "inc:", "xmlns:xop", "xmlns:inc"), want},
		"an end tag":                {packageType, replaced(`"/></a>`, `"></xop:Include ></a >`), strings.Replace(want, "</a>", "</a >", 1)},
		"a > in an attribute":       {packageType, replaced("<a>", `<a b='>"' c=">">`), strings.Replace(want, "<a>", `<a b='>"' c=">">`, 1)},
		"an empty attachment":       {packageType, rootHeader + envelopeWithInclude + firstHeader + closingDelimiter, `<e><a></a></e>`},
		"no attachment":             {packageType, rootHeader + "<e/>" + closingDelimiter, "<e/>"},
		"two, the other way round":  {packageType, rootHeader + `<e><a>` + secondInclude + `</a><b>` + includeElement + `</b></e>` + firstHeader + "one" + nextHeader + "two" + closingDelimiter, `<e><a>dHdv</a><b>b25l</b></e>`},
		"a prolog":                  {packageType, replaced("<e>", "<?xml version='1.0' encoding='UTF-8'?>\n<!-- c --><e>", "</e>", "</e>\n"), want},
		"UTF-16":                    {packageType, replaced(envelopeWithInclude, encodeUTF16(`<?xml version="1.0" encoding="UTF-16"?>`+envelopeWithInclude), "UTF-8", "UTF-16"), want},
		"SOAP 1.2": {`Multipart/Related; type="APPLICATION/xop+xml"; start-info="application/soap+xml; action=\"urn:a\""; boundary=b-1`,
			replaced("text/xml", "application/soap+xml"), want},
		"an envelope alone":            {"text/xml; charset=utf-8", "<e/>", "<e/>"},
		"an envelope alone, SOAP 1.2":  {"application/soap+xml", "<e/>", "<e/>"},
		"an Include without a package": {"text/xml", envelopeWithInclude, envelopeWithInclude},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := unpackMessage(c.contentType, c.message); err != nil || got != c.want {
				t.Errorf("%v, %q, want %q", err, got, c.want)
			}
		})
	}
}

// encodeUTF16 encodes ASCII as UTF-16 with a byte order mark.
func encodeUTF16(s string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for i := range len(s) {
		b.WriteString(s[i:i+1] + "\x00")
	}
	return b.String()
}

func TestParseMedia(t *testing.T) {
	for contentType, want := range map[string]soap.Media{
		`text/xml`:                {Version: soap.SOAP11},
		`TEXT/XML; charset=UTF-8`: {Version: soap.SOAP11},
		`application/soap+xml; action="urn:a"; charset=utf-16`: {Version: soap.SOAP12, Action: "urn:a"},
	} {
		if m, err := soap.ParseMedia(contentType); err != nil || m.Version != want.Version || m.Action != want.Action || m.MTOM {
			t.Errorf("%s: %+v, %v", contentType, m, err)
		}
	}
	for contentType, action := range map[string]string{
		`multipart/related; type="application/xop+xml"; boundary=b; start-info="application/soap+xml; action=\"urn:a\""`:           "urn:a",
		`multipart/related; type="application/xop+xml"; boundary=b; start-info="application/soap+xml"; action="urn:b"`:             "urn:b",
		`multipart/related; type="application/xop+xml"; boundary="uuid:0f+id=1"; start-info="application/soap+xml"; start="<a@b>"`: "",
	} {
		if m, err := soap.ParseMedia(contentType); err != nil || !m.MTOM || m.Version != soap.SOAP12 || m.Action != action {
			t.Errorf("%s: %+v, %v", contentType, m, err)
		}
	}
}

func TestParseMediaRefuses(t *testing.T) {
	for _, c := range []struct {
		contentType string
		version     soap.Version
		code        problem.Code
		public      string
	}{
		{``, soap.SOAP11, soap.ContentTypeUnknown, ""},
		{`application/json`, soap.SOAP11, soap.ContentTypeUnknown, ""},
		{`application/xop+xml`, soap.SOAP11, soap.ContentTypeUnknown, ""},
		{`multipart/mixed; boundary=b`, soap.SOAP11, soap.ContentTypeUnknown, ""},
		{`text/xml; charset=iso-8859-1`, soap.SOAP11, soap.ContentTypeUnknown, ""},
		{`application/soap+xml; charset=latin1`, soap.SOAP12, soap.ContentTypeUnknown, ""},
		{strings.Replace(packageType, `boundary="b-1"`, `boundary="b-1"; boundary="c"`, 1), soap.SOAP11, soap.ContentTypeUnknown, ""},
		{`multipart/related; boundary=b`, soap.SOAP11, soap.MultipartNotXOP, ""},
		{`multipart/related; type="text/xml"; start="<a@b>"; boundary=b`, soap.SOAP11, soap.MultipartNotXOP, ""},
		{`multipart/related; type="application/soap+xml"; start-info="application/soap+xml"; boundary=b`, soap.SOAP12, soap.MultipartNotXOP, ""},
		{`multipart/related; type="application/xop+xml"; boundary=b`, soap.SOAP11, soap.MultipartParameter, "parameter start-info is missing"},
		{strings.Replace(packageType, `text/xml`, `text/plain`, 1), soap.SOAP11, soap.MultipartParameter, "parameter start-info"},
		{strings.Replace(packageType, `text/xml`, `text/xml; x`, 1), soap.SOAP11, soap.MultipartParameter, "parameter start-info"},
		{strings.Replace(packageType, `; boundary="b-1"`, ``, 1), soap.SOAP11, soap.MultipartParameter, "parameter boundary"},
		{strings.Replace(packageType, `b-1`, strings.Repeat("b", 71), 1), soap.SOAP11, soap.MultipartParameter, "parameter boundary"},
		{strings.Replace(packageType, `b-1`, `b `, 1), soap.SOAP11, soap.MultipartParameter, "parameter boundary"},
		{strings.Replace(packageType, `b-1`, `b;1`, 1), soap.SOAP11, soap.MultipartParameter, "parameter boundary"},
		{strings.Replace(packageType, `b-1`, `bé`, 1), soap.SOAP11, soap.MultipartParameter, "parameter boundary"},
		{strings.Replace(packageType, `<root@test>`, ``, 1), soap.SOAP11, soap.MultipartParameter, "parameter start"},
		{strings.Replace(packageType, `<root@test>`, `<root@test`, 1), soap.SOAP11, soap.MultipartParameter, "parameter start"},
		{strings.Replace(packageType, `root@test`, strings.Repeat("r", 257), 1), soap.SOAP11, soap.MultipartParameter, "parameter start"},
	} {
		m, err := soap.ParseMedia(c.contentType)
		if e := problem.From(err); err == nil || e.Code != c.code || !strings.Contains(e.Detail.String(), c.public) || m.Version != c.version {
			t.Errorf("%.90s: version %d, %v", c.contentType, m.Version, err)
		}
	}
}

// manyParts returns a message with n attachments, each included once.
func manyParts(n int) string {
	var root, parts strings.Builder
	for i := range n {
		id := strconv.Itoa(i)
		root.WriteString(strings.Replace(`<a>`+includeElement+`</a>`, "1@test", id+"@test", 1))
		parts.WriteString("\r\n--b-1\r\nContent-ID: <" + id + "@test>\r\n\r\n" + id)
	}
	return rootHeader + "<e>" + root.String() + "</e>" + parts.String() + closingDelimiter
}

func TestUnpackEnvelopeRefuses(t *testing.T) {
	replaced := func(before, after string) string {
		if !strings.Contains(usualPackage, before) {
			t.Fatalf("the message does not hold %q", before)
		}
		return strings.Replace(usualPackage, before, after, 1)
	}
	root := func(envelope string) string { return rootHeader + envelope + firstHeader + octets + closingDelimiter }
	for _, c := range []struct {
		name, message string
		code          problem.Code
		at            string
	}{
		{"nothing", "", soap.MultipartMalformed, ""},
		{"an envelope", envelopeWithInclude, soap.MultipartMalformed, ""},
		{"a preamble", "This is a message of several parts.\r\n" + usualPackage, soap.MultipartMalformed, ""},
		{"another boundary", strings.ReplaceAll(usualPackage, "--b-1", "--c-1"), soap.MultipartMalformed, ""},
		{"a boundary in capitals", strings.ReplaceAll(usualPackage, "--b-1", "--B-1"), soap.MultipartMalformed, ""},
		{"an epilogue", usualPackage + "more", soap.MultipartMalformed, ""},
		{"a message behind", usualPackage + usualPackage, soap.MultipartMalformed, ""},
		{"text on the last line", replaced("--b-1--", "--b-1--x"), soap.MultipartMalformed, ""},
		{"a line that begins like a delimiter", root(`<e><a>` + includeElement + "</a>\r\n--b-12\r\n</e>"), soap.MultipartMalformed, ""},
		{"a delimiter after a line feed", root(`<e><a>` + includeElement + "</a><!--\n--b-1\r\n --></e>"), soap.MultipartMalformed, ""},
		{"a delimiter before a line feed", replaced("--b-1\r\n", "--b-1\n"), soap.MultipartMalformed, ""},
		{"line feeds alone", strings.ReplaceAll(usualPackage, "\r\n", "\n"), soap.MultipartMalformed, ""},
		{"only the end", "--b-1--\r\n", soap.RootPartMissing, "Content-Type"},
		{"cut in the first line", "--b-1", problem.MessageIncomplete, ""},
		{"cut in the header", rootHeader[:60], problem.MessageIncomplete, ""},
		{"cut in the envelope", rootHeader + envelopeWithInclude[:10], problem.MessageIncomplete, ""},
		{"cut in the attachment", strings.TrimSuffix(usualPackage, closingDelimiter), problem.MessageIncomplete, ""},
		{"cut in the last line", strings.TrimSuffix(usualPackage, "--\r\n"), problem.MessageIncomplete, ""},
		{"no last delimiter", strings.TrimSuffix(usualPackage, "--\r\n") + "\r\n", problem.MessageIncomplete, ""},
		{"17 parts", manyParts(16), soap.PartsTooMany, ""},
		{"10,000 parts", manyParts(10_000), soap.PartsTooMany, ""},
		{"10,000 parts of nothing", strings.Repeat("--b-1\r\nA: b\r\n\r\n\r\n", 10_000) + "--b-1--", soap.PartsTooMany, ""},
		{"a header of 4 KiB and one", replaced("Content-ID: <1@test>", "X: "+strings.Repeat("x", 4097)), soap.PartHeaderTooLarge, "part 2"},
		{"a header of 5 MB", replaced("Content-ID: <1@test>", strings.Repeat("X: x\r\n", 1<<20)), soap.PartHeaderTooLarge, "part 2"},
		{"17 fields", replaced("Content-ID: <1@test>", manyFields(15)), soap.PartHeaderTooLarge, "part 2"},
		{"a header without end", "--b-1\r\nContent-ID: <root@test>\r\n--b-1--\r\n", soap.PartHeader, "part 1"},
		{"no header", "--b-1\r\n\r\n<e/>" + closingDelimiter, soap.PartHeader, "part 1"},
		{"an empty part", "--b-1\r\n\r\n--b-1--\r\n", soap.PartHeader, "part 1"},
		{"a delimiter at once", "--b-1\r\n--b-1--\r\n", problem.MessageIncomplete, ""},
		{"a line without colon", replaced("Content-ID: <1@test>", "Content-ID"), soap.PartHeader, "part 2"},
		{"a blank before the colon", replaced("Content-ID: <1@test>", "Content-ID : <1@test>"), soap.PartHeader, "part 2"},
		{"no name", replaced("Content-ID: <1@test>", ": x"), soap.PartHeader, "part 2"},
		{"a folded first line", replaced("\r\nContent-ID: <root@test>", "\r\n\x0bContent-ID: <root@test>"), soap.PartHeader, "part 1"},
		{"a bare line feed in a field", replaced("<1@test>", "<1@test>\nContent-ID: <2@test>"), soap.PartHeader, "part 2"},
		{"a zero in a field", replaced("octet-stream", "octet\x00stream"), soap.PartHeader, "part 2"},
		{"a field twice", replaced("Content-ID: <1@test>", "Content-ID: <1@test>\r\ncontent-id: <2@test>"), soap.PartHeader, "part 2"},
		{"base64", replaced("binary\r\nContent-ID: <1", "base64\r\nContent-ID: <1"), soap.PartEncoding, "part 2"},
		{"quoted-printable", replaced("binary", "quoted-printable"), soap.PartEncoding, "part 1"},
		{"an encoding of no name", replaced("binary", "x-own"), soap.PartEncoding, "part 1"},
		{"an attachment without Content-ID", replaced("\r\nContent-ID: <1@test>", ""), soap.PartContentID, "part 2"},
		{"an empty Content-ID", replaced("<1@test>", "<>"), soap.PartContentID, "part 2"},
		{"half a Content-ID", replaced("<1@test>", "<1@test"), soap.PartContentID, "part 2"},
		{"two Content-IDs", replaced("<1@test>", "<1@test> <2@test>"), soap.PartContentID, "part 2"},
		{"a long Content-ID", replaced("<1@test>", "<"+strings.Repeat("1", 257)+">"), soap.PartContentID, "part 2"},
		{"the same Content-ID", root(envelopeWithInclude)[:len(root(envelopeWithInclude))-len(closingDelimiter)] + firstHeader + "two" + closingDelimiter, soap.PartDuplicate, "part 3"},
		{"the Content-ID of the root", replaced("<1@test>", "<root@test>"), soap.PartDuplicate, "part 2"},
		{"the root is missing", replaced("<root@test>", "<0@test>"), soap.RootPartMissing, "Content-Type"},
		{"the root of another type", replaced("application/xop+xml", "text/xml"), soap.RootPartType, "part 1"},
		{"the root of no type", replaced("Content-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\r\n", ""), soap.RootPartType, "part 1"},
		{"the root in Latin-1", replaced("UTF-8", "iso-8859-1"), soap.RootPartType, "part 1"},
		{"the root for the other version", replaced("text/xml", "application/soap+xml"), soap.RootPartType, "part 1"},
		{"the root is no XML", root("no"), xmldoc.XMLContentOutsideRoot, ""},
		{"an entity", root("<!DOCTYPE e [<!ENTITY x SYSTEM 'cid:1@test'>]><e>&x;</e>"), xmldoc.XMLDoctype, ""},
		{"a part that nobody includes", root("<e/>"), soap.PartNotIncluded, ""},
		{"an Include in a comment", root("<e><!--" + includeElement + "--></e>"), soap.PartNotIncluded, ""},
		{"an Include in a section", root("<e><![CDATA[" + includeElement + "]]></e>"), soap.PartNotIncluded, ""},
		{"an Include of another namespace", root(strings.Replace(envelopeWithInclude, "2004/08", "2003/12", 1)), soap.PartNotIncluded, ""},
		{"a part that is missing", replaced("cid:1@test", "cid:3@test"), soap.IncludeUnknown, "xop:Include"},
		{"the root inside itself", replaced("cid:1@test", "cid:root@test"), soap.IncludeUnknown, "xop:Include"},
		{"an empty reference", replaced("cid:1@test", "cid:"), soap.IncludeUnknown, "xop:Include"},
		{"escaped twice", replaced("cid:1@test", "cid:1%2540test"), soap.IncludeUnknown, "xop:Include"},
		{"escaped wrongly", replaced("cid:1@test", "cid:1%4test"), soap.IncludeUnknown, "xop:Include"},
		{"two readings", rootHeader + `<e><a>` + strings.Replace(includeElement, "1@test", "1%40test", 1) + `</a></e>` + firstHeader + octets +
			strings.Replace(nextHeader, "2@test", "1%40test", 1) + octets + closingDelimiter, soap.IncludeUnknown, "xop:Include"},
		{"the same part twice", root(`<e><a>` + includeElement + `</a><a>` + includeElement + `</a></e>`), soap.IncludeRepeated, "xop:Include"},
		{"HTTP", replaced("cid:1@test", "http://127.0.0.1/1@test"), soap.IncludeExternal, "xop:Include"},
		{"a file", replaced("cid:1@test", "file:///etc/passwd"), soap.IncludeExternal, "xop:Include"},
		{"a relative reference", replaced("cid:1@test", "1@test"), soap.IncludeExternal, "xop:Include"},
		{"a fragment", replaced("cid:1@test", "#1"), soap.IncludeExternal, "xop:Include"},
		{"no reference", replaced(` href="cid:1@test"`, ""), soap.IncludeMalformed, "xop:Include"},
		{"a reference in a namespace", replaced(` href=`, " xop:href="), soap.IncludeMalformed, "xop:Include"},
		{"one more attribute", replaced(` href=`, ` id="x" href=`), soap.IncludeMalformed, "xop:Include"},
		{"text inside", replaced(`"/></a>`, `"> </xop:Include></a>`), soap.IncludeMalformed, "xop:Include"},
		{"nested", replaced(`"/></a>`, `"><xop:Include href="cid:1@test"/></xop:Include></a>`), soap.IncludeMalformed, "xop:Include"},
		{"text before", root(`<e><a>x` + includeElement + `</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"text before that looks like a tag's end", root(`<e><a>>` + includeElement + `</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"a quote before", root(`<e><a b="">">` + includeElement + `</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"text behind", root(`<e><a>` + includeElement + `x</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"a blank before", root(`<e><a> ` + includeElement + `</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"a line end behind", root("<e><a>" + includeElement + "\n</a></e>"), soap.IncludeNotAlone, "xop:Include"},
		{"an element before", root(`<e><a><b/>` + includeElement + `</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"an element behind", root(`<e><a>` + includeElement + `<b/></a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"two side by side", root(`<e><a>` + includeElement + secondInclude + `</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"a comment before", root(`<e><a><!-- -->` + includeElement + `</a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"a section behind", root(`<e><a>` + includeElement + `<![CDATA[]]></a></e>`), soap.IncludeNotAlone, "xop:Include"},
		{"as the root", root(includeElement), soap.IncludeNotAlone, "xop:Include"},
		{"too large when put together", rootHeader + envelopeWithInclude + firstHeader + strings.Repeat("x", 8<<20) + closingDelimiter, soap.MessageTooLarge, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := unpackMessage(packageType, c.message)
			e := problem.From(err)
			if err == nil || got != "" || e.Code != c.code || e.Path != c.at || e.Kind != problem.Malformed {
				t.Fatalf("%.80q, %v, want %s at %q", got, err, c.code, c.at)
			}
		})
	}
}

// manyFields returns a header with n fields.
func manyFields(n int) string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = "X-" + strconv.Itoa(i) + ": x"
	}
	return strings.Join(lines, "\r\n")
}

// TestFifteenAttachments covers the maximum number of attachments.
func TestFifteenAttachments(t *testing.T) {
	got, err := unpackMessage(packageType, manyParts(15))
	if err != nil || strings.Count(got, "<a>") != 15 || strings.Contains(got, "Include") || !strings.HasSuffix(got, `<a>`+encodeBase64("14")+`</a></e>`) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestRefusalIsCheap checks that a package is refused without many copies of it.
func TestRefusalIsCheap(t *testing.T) {
	for name, message := range map[string]string{
		"10,000 parts":   manyParts(10_000),
		"a large header": "--b-1\r\n" + strings.Repeat("X: x\r\n", 1<<20),
		"too large":      rootHeader + envelopeWithInclude + firstHeader + strings.Repeat("x", 8<<20) + closingDelimiter,
	} {
		m, err := soap.ParseMedia(packageType)
		if err != nil {
			t.Fatal(err)
		}
		input := []byte(message)
		cost := costtest.Measure(t, func() { _, err = m.UnpackEnvelope(input, xmldoc.DefaultLimits()) })
		if err == nil || cost.Bytes > 1<<20 {
			t.Errorf("%s: %d octets allocated, %v", name, cost.Bytes, err)
		}
	}
}

func TestAcceptsMTOM(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                            false,
		"*/*":                         false,
		"text/xml":                    false,
		"text/xml, multipart/related": false,
		"application/soap+xml, application/dime, multipart/related, text/*":      false, // Axis 1.4
		"text/xml, application/xop+xml":                                          true,
		"application/xop+xml;q=0":                                                false,
		"multipart/related; type=application/xop+xml":                            true,
		"Multipart/Related":                                                      false,
		"text/xml;q=0.5, multipart/related; type=\"application/xop+xml\"; q=0.9": true,
		"multipart/related; type=\"text/xml\"":                                   false,
		"multipart/related;q=0":                                                  false,
		"multipart/related;q=0.000":                                              false,
		"multipart/*":                                                            false,
		"multipart/mixed":                                                        false,
		"text/html, ;;, *; q=.2, */*; q=.2":                                      false,
	} {
		if got := soap.AcceptsMTOM([]string{"text/plain", accept}); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

// TestPackMTOM checks that a library reads the reply and its binary data from the package.
func TestPackMTOM(t *testing.T) {
	const pdf = "%PDF-1.4\r\n--\x00\xff\n"
	content := func(s string) string { return `<c:Content xmlns:c="urn:c">` + s + `</c:Content>` }
	for _, v := range []soap.Version{soap.SOAP11, soap.SOAP12} {
		reply := string(soap.WrapBody(v, []byte(`<r><!-- > -->`+content(encodeBase64(pdf))+`<d>`+encodeBase64(pdf)+`</d>`+content(encodeBase64("two"))+`</r>`)))
		contentType, packed, err := soap.PackMTOM(v, []byte(reply), "urn:c", "Content")
		if err != nil {
			t.Fatal(err)
		}
		_, parameters, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(packed, []byte(content(encodeBase64(pdf)))) || bytes.Count(packed, []byte(pdf)) != 1 {
			t.Error("the attachment is not where it belongs")
		}
		reader := multipart.NewReader(bytes.NewReader(packed), parameters["boundary"])
		var found []string
		for {
			part, err := reader.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, part.Header.Get("Content-ID"), string(all))
		}
		if len(found) != 6 || found[0] != parameters["start"] || found[2] != "<1@ctr>" || found[3] != pdf || found[4] != "<2@ctr>" || found[5] != "two" {
			t.Errorf("parts %q", found)
		}
		if again, err := unpackMessage(contentType, string(packed)); err != nil || again != reply {
			t.Errorf("%v, %s", err, again)
		}
	}
}

// TestPackLeaves checks that content that would not survive the round trip stays inline.
func TestPackLeaves(t *testing.T) {
	for _, inside := range []string{``, `QQ`, `QR==`, `QQ== `, "QQ\n==", `Q&#x51;==`, `<![CDATA[QQ==]]>`, `Q<!-- -->Q==`, `<x/>`, `no`} {
		reply := `<r><Content>` + inside + `</Content></r>`
		contentType, packed, err := soap.PackMTOM(soap.SOAP11, []byte(reply), "", "Content")
		if err != nil || contentType != soap.SOAP11.ContentType() || string(packed) != reply {
			t.Errorf("%q: %v, %s, %s", inside, err, contentType, packed)
		}
	}
	if contentType, packed, err := soap.PackMTOM(soap.SOAP11, []byte("<r>"), "", "Content"); err == nil || contentType != "" || packed != nil {
		t.Errorf("%v, %s, %s", err, contentType, packed)
	}
}

// FuzzMultipart checks that nothing panics; that an accepted envelope is bounded, parses and contains no Include; and
// that a refusal is of the kind Malformed and returns no envelope.
func FuzzMultipart(f *testing.F) {
	for _, message := range []string{usualPackage, manyParts(3), "\r\n" + usualPackage, usualPackage[:len(usualPackage)-5], strings.Replace(usualPackage, "<1@test>", "<root@test>", 1),
		rootHeader + "<e/>" + closingDelimiter, rootHeader + `<e><a>` + includeElement + `</a><b>` + secondInclude + `</b></e>` + firstHeader + nextHeader + closingDelimiter} {
		f.Add(packageType, []byte(message))
	}
	f.Add(`multipart/related; type="application/xop+xml"; start-info="application/soap+xml"; boundary=b`, []byte("--b\r\n\r\n--b--"))
	f.Add("text/xml", []byte(envelopeWithInclude))
	f.Fuzz(func(t *testing.T, contentType string, message []byte) {
		m, err := soap.ParseMedia(contentType)
		var envelope []byte
		if err == nil {
			envelope, err = m.UnpackEnvelope(message, xmldoc.DefaultLimits())
		}
		if err != nil {
			if e := problem.From(err); envelope != nil || e.Kind != problem.Malformed {
				t.Fatalf("%q beside %v", envelope, err)
			}
			return
		}
		if !m.MTOM {
			return
		}
		if len(envelope) > 2*len(message)+16 { // UTF-16 may grow by half, base64 by a third
			t.Fatalf("%d octets from %d", len(envelope), len(message))
		}
		d, err := xmldoc.Parse(envelope, xmldoc.DefaultLimits())
		if err != nil {
			t.Fatalf("%v\n%s", err, envelope)
		}
		if hasInclude(d.Root()) {
			t.Fatalf("an Include is left in %s", envelope)
		}
	})
}

func hasInclude(e xmldoc.Element) bool {
	for child := range e.Children() {
		if hasInclude(child) {
			return true
		}
	}
	return e.Is("http://www.w3.org/2004/08/xop/include", "Include")
}
