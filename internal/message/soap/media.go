package soap

import (
	"mime"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Media is what the Content-Type of a request declares.
type Media struct {
	// Version is the declared SOAP version.
	Version Version
	// Action is the action parameter, or empty.
	Action string
	// MTOM is true if the body is an MTOM package: an envelope with attachments.
	MTOM bool

	boundary      string
	rootContentID string // Content-ID of the part with the envelope; if empty, it is the first part
}

// Media types of an XOP package (XOP section 4.1).
const (
	multipartRelated = "multipart/related"
	xopXML           = "application/xop+xml"
)

// ParseMedia parses a Content-Type: that of an envelope of either version, or of an XOP package (MTOM section 3, XOP
// section 4). Version is set even with an error, so that the fault can be written in it.
func ParseMedia(contentType string) (Media, error) {
	m := Media{Version: SOAP11}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return m, problem.Wrap(ContentTypeUnknown, err)
	}
	if media == multipartRelated {
		return parseXOPPackage(parameters)
	}
	version, ok := versionFromMediaType(media)
	if !ok {
		return m, problem.New(ContentTypeUnknown)
	}
	m.Version, m.Action = version, parameters["action"]
	if !isSupportedCharset(parameters["charset"]) {
		return m, problem.New(ContentTypeUnknown)
	}
	return m, nil
}

// parseXOPPackage parses the parameters of a multipart/related. SOAP with Attachments lacks parameters that XOP
// requires; the type parameter distinguishes the two.
func parseXOPPackage(parameters map[string]string) (Media, error) {
	m := Media{Version: SOAP11, MTOM: true, boundary: parameters["boundary"]}
	info, inner, err := mime.ParseMediaType(parameters["start-info"])
	version, known := versionFromMediaType(info)
	if known {
		m.Version = version
	}
	if m.Action = parameters["action"]; m.Action == "" {
		m.Action = inner["action"]
	}
	start, given := parameters["start"]
	m.rootContentID = parseContentID(start)
	switch {
	case !strings.EqualFold(parameters["type"], xopXML):
		return m, problem.New(MultipartNotXOP).WithPath("Content-Type")
	case err != nil || !known:
		return m, problem.New(MultipartParameter, parameter.With("start-info")).WithPath("Content-Type")
	case !isBoundary(m.boundary):
		return m, problem.New(MultipartParameter, parameter.With("boundary")).WithPath("Content-Type")
	case given && m.rootContentID == "":
		return m, problem.New(MultipartParameter, parameter.With("start")).WithPath("Content-Type")
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

// isSupportedCharset reports whether a charset parameter is absent or names an encoding that package xmldoc reads. The
// actual encoding is detected from the data.
func isSupportedCharset(charset string) bool {
	charset = strings.ToLower(charset)
	return charset == "" || strings.HasPrefix(charset, "utf-8") || strings.HasPrefix(charset, "utf-16")
}

// UnpackEnvelope returns the envelope. For an MTOM package it inlines the attachments, so that all further processing
// sees the one message that was signed (XOP section 3.2).
func (m Media) UnpackEnvelope(data []byte, limits xmldoc.Limits) ([]byte, error) {
	if !m.MTOM {
		return data, nil
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
			return part{}, nil, problem.New(PartDuplicate).WithPath(partPath(i))
		}
		attachments[p.contentID] = p.content
	}
	if rootIndex < 0 {
		return part{}, nil, problem.New(RootPartMissing).WithPath("Content-Type")
	}
	if !m.matchesRootType(parts[rootIndex].contentType) {
		return part{}, nil, problem.New(RootPartType).WithPath(partPath(rootIndex))
	}
	return parts[rootIndex], attachments, nil
}

// matchesRootType reports whether the content type of the root part agrees with that of the package (XOP section 4.1).
func (m Media) matchesRootType(contentType string) bool {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || media != xopXML || !isSupportedCharset(parameters["charset"]) {
		return false
	}
	inner, given := parameters["type"]
	if !given {
		return true
	}
	media, _, err = mime.ParseMediaType(inner)
	version, known := versionFromMediaType(media)
	return err == nil && known && version == m.Version
}

// AcceptsMTOM reports whether an Accept header names the media type of an XOP package. A wildcard does not count: a
// client that sends one does not thereby declare that it can read attachments.
func AcceptsMTOM(accept []string) bool {
	for _, line := range accept {
		for choice := range strings.SplitSeq(line, ",") {
			media, parameters, err := mime.ParseMediaType(choice)
			if err != nil || media != multipartRelated ||
				strings.Trim(parameters["q"], "0.") == "" && parameters["q"] != "" {
				continue
			}
			if inner, given := parameters["type"]; !given || strings.EqualFold(inner, xopXML) {
				return true
			}
		}
	}
	return false
}
