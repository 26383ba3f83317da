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
	"github.com/openctr/ctr/internal/texts"
)

// namespaceXOP is the namespace of the Include element (XOP section 2.1).
const namespaceXOP = "http://www.w3.org/2004/08/xop/include"

const includePath = "xop:Include"

// inlineAttachments replaces each Include in the envelope by the canonical base64 of the attachment that it references
// (XOP section 3.2). The signature is over that text, so this precedes all digests. Otherwise the envelope is copied
// unchanged, without its prolog, which no signature can cover.
//
// Each attachment must be included exactly once. The result is therefore at most a third larger than the message, and
// no part of the message remains unchecked.
func inlineAttachments(envelope []byte, attachments map[string][]byte, limits xmldoc.Limits) ([]byte, error) {
	d, err := xmldoc.Parse(envelope, limits)
	if err != nil {
		return nil, err
	}
	from, to := d.Root().Offset()
	size := to - from
	includes := appendElementsNamed(d.Root(), namespaceXOP, "Include", nil)
	usedIDs := make([]string, 0, len(attachments))
	for _, e := range includes {
		escaped, refusal := parseIncludeReference(e)
		if refusal != nil {
			return nil, problem.From(refusal).WithPath(includePath)
		}
		id, ok := findAttachmentID(attachments, escaped)
		if !ok {
			return nil, problem.New(IncludeUnknown, receivedText("cid:"+escaped)).WithPath(includePath)
		}
		if slices.Contains(usedIDs, id) {
			return nil, problem.New(IncludeRepeated, receivedText("cid:"+escaped)).WithPath(includePath)
		}
		usedIDs = append(usedIDs, id)
		start, end := e.Offset()
		size += base64.StdEncoding.EncodedLen(len(attachments[id])) - (end - start)
	}
	switch {
	case len(usedIDs) < len(attachments):
		return nil, problem.New(PartNotIncluded, receivedText(findUnusedID(attachments, usedIDs)))
	case size > limits.Bytes:
		return nil, problem.New(MessageTooLarge, atMostBytesWithAttachments.With(limits.Bytes))
	}
	out := make([]byte, 0, size)
	for i, e := range includes {
		start, end := e.Offset()
		out = append(out, d.Source()[from:start]...)
		out = base64.StdEncoding.AppendEncode(out, attachments[usedIDs[i]])
		from = end
	}
	return append(out, d.Source()[from:to]...), nil
}

// findUnusedID returns the first Content-ID, in alphabetical order, to which no Include refers.
func findUnusedID(attachments map[string][]byte, usedIDs []string) string {
	first := ""
	for id := range attachments {
		if !slices.Contains(usedIDs, id) && (first == "" || id < first) {
			first = id
		}
	}
	return first
}

// receivedText says what was received.
func receivedText(value string) texts.Text { return problem.DetailReceived.With(texts.Excerpt(value)) }

// appendElementsNamed appends the elements with a name, e itself included, in document order.
func appendElementsNamed(e xmldoc.Element, space, local string, found []xmldoc.Element) []xmldoc.Element {
	if e.Is(space, local) {
		found = append(found, e)
	}
	for child := range e.Children() {
		found = appendElementsNamed(child, space, local, found)
	}
	return found
}

// parseIncludeReference returns the part of an Include's href after "cid:". The href must be the only attribute (XOP
// section 2.1), and the Include the only content of its parent.
func parseIncludeReference(e xmldoc.Element) (string, error) {
	for a := range e.Attrs() {
		if a.Space != "" || a.Local != "href" {
			return "", problem.New(IncludeMalformed)
		}
	}
	href, ok := e.Attr("", "href")
	if inside, simple := e.Text(); !ok || !simple || inside != "" {
		return "", problem.New(IncludeMalformed)
	}
	if !isOnlyContent(e) {
		return "", problem.New(IncludeNotAlone)
	}
	const scheme = "cid:"
	if len(href) < len(scheme) || !strings.EqualFold(href[:len(scheme)], scheme) {
		return "", problem.New(IncludeExternal, problem.DetailReceivedExpected.With(texts.Excerpt(href), scheme+"…"))
	}
	return href[len(scheme):], nil
}

// findAttachmentID returns the Content-ID of the attachment that a cid: URL references. The URL escapes it (RFC 2392
// section 2), but some versions of CXF escape the Content-ID header as well. If both readings match an attachment, the
// reference is ambiguous and neither is accepted.
func findAttachmentID(attachments map[string][]byte, escaped string) (string, bool) {
	_, asWritten := attachments[escaped]
	if id, err := url.PathUnescape(escaped); err == nil && id != escaped {
		if _, ok := attachments[id]; ok {
			return id, !asWritten
		}
	}
	return escaped, asWritten
}

// isOnlyContent reports whether e is the only content of its parent; even white space or a comment beside it counts.
func isOnlyContent(e xmldoc.Element) bool {
	parent := e.Parent()
	if parent.IsZero() {
		return false
	}
	start, end := e.Offset()
	first, last := parent.ContentOffset()
	return start == first && end == last
}

// rootPartID is the Content-ID of the envelope in packages that the service sends.
const rootPartID = "envelope@ctr"

// PackMTOM turns the envelope of a reply into an MTOM package: the content of each element with the given name becomes
// an attachment (MTOM section 3). An envelope without such an element is returned unchanged. The Content-Type matches
// the returned data.
func PackMTOM(v Version, envelope []byte, space, local string) (contentType string, data []byte, err error) {
	d, err := xmldoc.Parse(envelope, xmldoc.DefaultLimits())
	if err != nil {
		return "", nil, fmt.Errorf("read the reply to pack: %w", err)
	}
	var root, attachments bytes.Buffer
	sum := sha256.Sum256(envelope)
	boundary := hex.EncodeToString(sum[:]) // no content can contain its own hash
	from, count := 0, 0
	for _, e := range appendElementsNamed(d.Root(), space, local, nil) {
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
	media := v.mediaType()
	var b bytes.Buffer
	writePart(&b, boundary, xopXML+`; charset=utf-8; type="`+media+`"`, rootPartID, root.Bytes())
	b.Write(attachments.Bytes())
	b.WriteString("--" + boundary + "--\r\n")
	return multipartRelated + `; type="` + xopXML + `"; start="<` + rootPartID + `>"; start-info="` +
			media + `"; boundary="` + boundary + `"`,
		b.Bytes(), nil
}

// canonicalBase64 returns the text of an element and the data that it encodes, if the text is the canonical encoding
// that a receiver reproduces (XOP section 3.1). Any other text would not survive the round trip, and it may be signed.
func canonicalBase64(e xmldoc.Element) (encoded string, data []byte) {
	encoded, _ = e.Text()
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || base64.StdEncoding.EncodeToString(data) != encoded {
		return "", nil
	}
	return encoded, data
}

func writePart(b *bytes.Buffer, boundary, contentType, id string, content []byte) {
	b.WriteString("--" + boundary + "\r\nContent-Type: " + contentType +
		"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <" + id + ">\r\n\r\n")
	b.Write(content)
	b.WriteString("\r\n")
}
