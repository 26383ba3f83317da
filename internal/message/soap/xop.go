package soap

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// namespaceXOP is that of the element which stands for an attachment (XOP section 2.1).
const namespaceXOP = "http://www.w3.org/2004/08/xop/include"

const atInclude = "xop:Include"

// include writes the envelope anew with each Include replaced by the canonical base64 of the attachment that it names
// (XOP section 3.2). What was signed is that text, so this comes before any digest. The octets of the envelope are used
// as they are but for that; only its prolog, which no signature can cover, stays behind.
//
// Each attachment is included exactly once: the result is then at most the message and a third of it, and there is
// nothing in the message that nobody looks at.
func include(envelope []byte, attachments map[string][]byte, l xmldoc.Limits) ([]byte, error) {
	d, err := xmldoc.Parse(envelope, l)
	if err != nil {
		return nil, err
	}
	from, to := d.Root().Offset()
	size := to - from
	places := find(d.Root(), namespaceXOP, "Include", nil)
	used := make([]string, 0, len(attachments))
	for _, e := range places {
		escaped, refusal := reference(e)
		if refusal != nil {
			return nil, problem.From(refusal).In(atInclude)
		}
		id, ok := named(attachments, escaped)
		if !ok {
			return nil, problem.New(problem.IncludeUnknown).In(atInclude)
		}
		if slices.Contains(used, id) {
			return nil, problem.New(problem.IncludeRepeated).In(atInclude)
		}
		used = append(used, id)
		start, end := e.Offset()
		size += base64.StdEncoding.EncodedLen(len(attachments[id])) - (end - start)
	}
	switch {
	case len(used) < len(attachments):
		return nil, problem.New(problem.PartNotIncluded)
	case size > l.Bytes:
		return nil, problem.New(problem.MessageTooLarge, fmt.Sprintf("at most %d octets with attachments in base64", l.Bytes))
	}
	out := make([]byte, 0, size)
	for i, e := range places {
		start, end := e.Offset()
		out = append(out, d.Source()[from:start]...)
		out = base64.StdEncoding.AppendEncode(out, attachments[used[i]])
		from = end
	}
	return append(out, d.Source()[from:to]...), nil
}

// find appends the elements with a name, e among them, in the order of the document.
func find(e xmldoc.Element, space, local string, found []xmldoc.Element) []xmldoc.Element {
	if e.Is(space, local) {
		found = append(found, e)
	}
	for child := range e.Children() {
		found = find(child, space, local, found)
	}
	return found
}

// reference returns what an Include names, as it is written behind "cid:": its only attribute is an href with such a URL
// (XOP section 2.1), and the Include is all that its element holds.
func reference(e xmldoc.Element) (string, error) {
	for a := range e.Attrs() {
		if a.Space != "" || a.Local != "href" {
			return "", problem.New(problem.IncludeMalformed)
		}
	}
	href, ok := e.Attr("", "href")
	if inside, simple := e.Text(); !ok || !simple || inside != "" {
		return "", problem.New(problem.IncludeMalformed)
	}
	if !isAlone(e) {
		return "", problem.New(problem.IncludeNotAlone)
	}
	const scheme = "cid:"
	if len(href) < len(scheme) || !strings.EqualFold(href[:len(scheme)], scheme) {
		return "", problem.New(problem.IncludeExternal)
	}
	return href[len(scheme):], nil
}

// named returns the Content-ID of the attachment that a cid: URL names. The URL holds it escaped (RFC 2392 section 2), but
// some versions of CXF escape it in both places. Where both readings name an attachment, neither does.
func named(attachments map[string][]byte, escaped string) (string, bool) {
	_, asWritten := attachments[escaped]
	if id, err := url.PathUnescape(escaped); err == nil && id != escaped {
		if _, ok := attachments[id]; ok {
			return id, !asWritten
		}
	}
	return escaped, asWritten
}

// isAlone tells whether between the tags of e's parent there is e and nothing else, not even white space or a comment.
func isAlone(e xmldoc.Element) bool {
	parent := e.Parent()
	if parent.IsZero() {
		return false
	}
	start, end := e.Offset()
	first, last := parent.Inside()
	return start == first && end == last
}

// envelopeID is the Content-ID of the envelope in the packages that we send.
const envelopeID = "envelope@ctr"

// Pack makes the envelope of a reply ready for a caller who accepts packages: the content of each element with the given
// name goes as an attachment (MTOM section 3). An envelope without such an element goes as it is. The Content-Type that
// belongs to the octets is returned with them.
func Pack(v Version, envelope []byte, space, local string) (contentType string, octets []byte, err error) {
	d, err := xmldoc.Parse(envelope, xmldoc.DefaultLimits())
	if err != nil {
		return "", nil, fmt.Errorf("read the reply to pack: %w", err)
	}
	var root, attachments bytes.Buffer
	sum := sha256.Sum256(envelope)
	boundary := hex.EncodeToString(sum[:]) // no content can hold its own hash
	from, count := 0, 0
	for _, e := range find(d.Root(), space, local, nil) {
		encoded, content := canonicalBase64(e)
		start, end := e.Offset()
		end = start + max(0, strings.LastIndex(d.Source()[start:end], "</"))
		if encoded == "" || !strings.HasSuffix(d.Source()[start:end], encoded) {
			continue
		}
		count++
		root.WriteString(d.Source()[from : end-len(encoded)])
		id := fmt.Sprintf("%d@ctr", count)
		root.WriteString(`<xop:Include xmlns:xop="` + namespaceXOP + `" href="cid:` + id + `"/>`)
		writePart(&attachments, boundary, "application/octet-stream", id, content)
		from = end
	}
	if count == 0 {
		return v.ContentType(), envelope, nil
	}
	root.WriteString(d.Source()[from:])
	media, _, _ := strings.Cut(v.ContentType(), ";")
	var b bytes.Buffer
	writePart(&b, boundary, xopXML+`; charset=utf-8; type="`+media+`"`, envelopeID, root.Bytes())
	b.Write(attachments.Bytes())
	b.WriteString("--" + boundary + "--\r\n")
	return multipartRelated + `; type="` + xopXML + `"; start="<` + envelopeID + `>"; start-info="` + media + `"; boundary="` + boundary + `"`,
		b.Bytes(), nil
}

// canonicalBase64 returns the text of an element and the octets that it stands for, if it is the one text that a receiver
// makes of those octets (XOP section 3.1): anything else would not come back as it was, and may be signed.
func canonicalBase64(e xmldoc.Element) (encoded string, octets []byte) {
	encoded, _ = e.Text()
	octets, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || base64.StdEncoding.EncodeToString(octets) != encoded {
		return "", nil
	}
	return encoded, octets
}

func writePart(b *bytes.Buffer, boundary, contentType, id string, content []byte) {
	b.WriteString("--" + boundary + "\r\nContent-Type: " + contentType +
		"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <" + id + ">\r\n\r\n")
	b.Write(content)
	b.WriteString("\r\n")
}
