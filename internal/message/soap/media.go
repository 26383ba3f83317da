package soap

import (
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Media is what the Content-Type of a request declares.
type Media struct {
	// Version is the declared SOAP version.
	Version Version
	// Action is the action parameter, or empty.
	Action string
	// MTOM is true if the body is an MTOM package: an envelope with attachments.
	MTOM bool

	charset       charset // of the envelope, if it is not in a package
	boundary      string
	rootContentID string // Content-ID of the part with the envelope; if empty, it is the first part
}

// Media types of an XOP package (XOP section 4.1).
const (
	multipartRelated = "multipart/related"
	xopXML           = "application/xop+xml"
)

// ParseMedia parses a Content-Type: that of an envelope of either version, or of an XOP package (MTOM section 3, XOP
// section 4). Version is set even with an error, so that the fault can be written in it (SOAP 1.2 part 1 section 5.4).
func ParseMedia(contentType string) (Media, error) {
	media, err := parseMediaType(contentType)
	m := Media{Version: SOAP11}
	if media.name == multipartRelated {
		if strings.Contains(strings.ToLower(contentType), "application/soap+xml") {
			m.Version = SOAP12
		}
		if err != nil {
			return m, err
		}
		return m.parseXOPPackage(media.parameters)
	}
	version, known := versionFromMediaType(media.name)
	if known {
		m.Version = version
	}
	switch {
	case err != nil:
		return m, err
	case media.name == xopXML:
		return m, newMediaError(xopWithoutPackage)
	case !known:
		return m, newMediaError(mediaTypeReceived.With(texts.Excerpt(media.name)))
	}
	m.Action = media.parameters["action"]
	m.charset, err = media.checkCharset()
	return m, err
}

// parseXOPPackage parses the parameters of a multipart/related. SOAP with Attachments lacks parameters that XOP
// requires; the type parameter distinguishes the two.
func (m Media) parseXOPPackage(parameters map[string]string) (Media, error) {
	m.MTOM, m.boundary = true, parameters["boundary"]
	info, err := parseMediaType(parameters["start-info"])
	version, known := versionFromMediaType(info.name)
	if known {
		m.Version = version
	}
	if m.Action = parameters["action"]; m.Action == "" {
		m.Action = info.parameters["action"]
	}
	start, given := parameters["start"]
	m.rootContentID = parseContentID(start)
	refuse := func(name, expected string) error {
		value, ok := parameters[name]
		if !ok {
			return problem.New(MultipartParameter, parameterMissing.With(name, expected)).WithPath("Content-Type")
		}
		return problem.New(MultipartParameter, parameterReceived.With(name, texts.Excerpt(value), expected)).
			WithPath("Content-Type")
	}
	switch {
	case !strings.EqualFold(parameters["type"], xopXML):
		return m, problem.New(MultipartNotXOP, typeReceived.With(texts.Excerpt(parameters["type"]))).
			WithPath("Content-Type")
	case err != nil || !known:
		return m, refuse("start-info", `"text/xml" or "application/soap+xml"`)
	case !isBoundary(m.boundary):
		return m, refuse("boundary", "RFC 2046, 5.1.1")
	case given && m.rootContentID == "":
		return m, refuse("start", "<Content-ID>")
	}
	return m, nil
}

func versionFromMediaType(media string) (Version, bool) {
	switch media {
	case "text/xml":
		return SOAP11, true
	case "application/soap+xml":
		return SOAP12, true
	}
	return 0, false
}

// UnpackEnvelope returns the envelope. For an MTOM package it inlines the attachments, so that all further processing
// sees the one message that was signed (XOP section 3.2).
func (m Media) UnpackEnvelope(data []byte, limits xmldoc.Limits) ([]byte, error) {
	if !m.MTOM {
		return data, m.charset.checkData(data)
	}
	parts, err := readParts(data, m.boundary)
	if err != nil {
		return nil, err
	}
	root, attachments, err := m.splitRootPart(parts)
	if err != nil {
		return nil, err
	}
	return inlineAttachments(root.content, attachments, limits)
}

// splitRootPart separates the part with the envelope from the attachments (RFC 2387 section 3.2).
func (m Media) splitRootPart(parts []part) (part, map[string][]byte, error) {
	rootIndex := -1
	attachments := make(map[string][]byte, len(parts))
	for i, p := range parts {
		if rootIndex < 0 && (m.rootContentID == "" || p.contentID == m.rootContentID) {
			rootIndex = i
			continue
		}
		if p.contentID == "" {
			return part{}, nil, problem.New(PartContentID).WithPath(partPath(i))
		}
		if _, ok := attachments[p.contentID]; ok || rootIndex >= 0 && p.contentID == parts[rootIndex].contentID {
			return part{}, nil, problem.New(PartDuplicate, receivedText(p.contentID)).WithPath(partPath(i))
		}
		attachments[p.contentID] = p.content
	}
	if rootIndex < 0 {
		return part{}, nil, problem.New(RootPartMissing, receivedText("start="+m.rootContentID)).WithPath("Content-Type")
	}
	if err := m.checkRootType(parts[rootIndex]); err != nil {
		return part{}, nil, problem.From(err).WithPath(partPath(rootIndex))
	}
	return parts[rootIndex], attachments, nil
}

// checkRootType checks that the content type of the root part agrees with that of the package (XOP section 4.1).
func (m Media) checkRootType(root part) error {
	media, err := parseMediaType(root.contentType)
	refusal := problem.New(RootPartType, rootTypeReceived.With(texts.Excerpt(root.contentType), m.Version.mediaType()))
	if err != nil || media.name != xopXML {
		return refusal
	}
	found, err := media.checkCharset()
	if err != nil {
		return problem.New(RootPartType, problem.From(err).Detail)
	}
	if err = found.checkData(root.content); err != nil {
		return problem.New(RootPartType, problem.From(err).Detail)
	}
	inner, given := media.parameters["type"]
	if !given {
		return nil
	}
	declared, err := parseMediaType(inner)
	version, known := versionFromMediaType(declared.name)
	if err != nil || !known || version != m.Version {
		return refusal
	}
	return nil
}

// AcceptsMTOM reports whether an Accept header names application/xop+xml, alone or as the type of a package. Neither a
// wildcard nor multipart/related alone counts: Axis 1.4 names the latter for SOAP with Attachments, and reads no XOP.
func AcceptsMTOM(accept []string) bool {
	for _, line := range accept {
		for choice := range strings.SplitSeq(line, ",") {
			media, err := parseMediaType(choice)
			quality, weighted := media.parameters["q"]
			if err != nil || weighted && strings.Trim(quality, "0.") == "" {
				continue
			}
			if media.name == xopXML || media.name == multipartRelated && strings.EqualFold(media.parameters["type"], xopXML) {
				return true
			}
		}
	}
	return false
}

// CheckContentEncoding refuses a coded body. "identity" is no coding (RFC 9110 section 12.5.3).
func CheckContentEncoding(fields []string) error {
	for _, field := range fields {
		for coding := range strings.SplitSeq(field, ",") {
			if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
				return problem.New(CodingUnknown, codingReceived.With(texts.Excerpt(coding)))
			}
		}
	}
	return nil
}
