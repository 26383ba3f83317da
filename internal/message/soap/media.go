package soap

import (
	"mime"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Media is what the Content-Type of a request says of its octets.
type Media struct {
	// Version is the version of SOAP that the type promises.
	Version Version
	// Action is the action parameter, empty where there is none.
	Action string
	// Packed says that the envelope comes with attachments, as MTOM sends them.
	Packed bool

	boundary string
	start    string // the Content-ID of the part with the envelope, empty for the first
}

// The types of a package (XOP section 4.1).
const (
	multipartRelated = "multipart/related"
	xopXML           = "application/xop+xml"
)

// ParseMedia reads a Content-Type: that of an envelope of either version, or of a package with one (MTOM section 3, XOP
// section 4). Version holds also beside an error, so that a refusal can be answered in it.
func ParseMedia(contentType string) (Media, error) {
	m := Media{Version: SOAP11}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return m, problem.Wrap(problem.ContentTypeUnknown, err)
	}
	if media == multipartRelated {
		return parsePackage(parameters)
	}
	version, ok := versionOf(media)
	if !ok {
		return m, problem.New(problem.ContentTypeUnknown)
	}
	m.Version, m.Action = version, parameters["action"]
	if !isUnicode(parameters["charset"]) {
		return m, problem.New(problem.ContentTypeUnknown)
	}
	return m, nil
}

// parsePackage reads the parameters of a multipart/related. Where SOAP with Attachments leaves out what XOP demands, the
// type tells the two apart.
func parsePackage(parameters map[string]string) (Media, error) {
	m := Media{Version: SOAP11, Packed: true, boundary: parameters["boundary"]}
	info, inner, err := mime.ParseMediaType(parameters["start-info"])
	version, known := versionOf(info)
	if known {
		m.Version = version
	}
	if m.Action = parameters["action"]; m.Action == "" {
		m.Action = inner["action"]
	}
	start, given := parameters["start"]
	m.start = contentID(start)
	switch {
	case !strings.EqualFold(parameters["type"], xopXML):
		return m, problem.New(problem.MultipartNotXOP).In("Content-Type")
	case err != nil || !known:
		return m, problem.New(problem.MultipartParameter, "parameter start-info").In("Content-Type")
	case !isBoundary(m.boundary):
		return m, problem.New(problem.MultipartParameter, "parameter boundary").In("Content-Type")
	case given && m.start == "":
		return m, problem.New(problem.MultipartParameter, "parameter start").In("Content-Type")
	}
	return m, nil
}

func versionOf(media string) (Version, bool) {
	switch media {
	case "text/xml":
		return SOAP11, true
	case "application/soap+xml":
		return SOAP12, true
	}
	return 0, false
}

// isUnicode tells whether a charset parameter names, if anything, an encoding that package xmldoc reads. Which of them
// it is, the octets say.
func isUnicode(charset string) bool {
	charset = strings.ToLower(charset)
	return charset == "" || strings.HasPrefix(charset, "utf-8") || strings.HasPrefix(charset, "utf-16")
}

// Unpack returns the octets of the envelope. Where they come in a package, the attachments are put back into the
// envelope, so that everything after it sees the one message that was signed (XOP section 3.2).
func (m Media) Unpack(octets []byte, l xmldoc.Limits) ([]byte, error) {
	if !m.Packed {
		return octets, nil
	}
	parts, err := readParts(octets, m.boundary)
	if err != nil {
		return nil, err
	}
	root, attachments, err := m.divide(parts)
	if err != nil {
		return nil, err
	}
	return include(root.content, attachments, l)
}

// divide tells the part with the envelope from the attachments (RFC 2387 section 3.2).
func (m Media) divide(parts []part) (part, map[string][]byte, error) {
	at := -1
	attachments := make(map[string][]byte, len(parts))
	for i, p := range parts {
		if at < 0 && (m.start == "" || p.id == m.start) {
			at = i
			continue
		}
		if p.id == "" {
			return part{}, nil, problem.New(problem.PartContentID).In(place(i))
		}
		if _, ok := attachments[p.id]; ok || at >= 0 && p.id == parts[at].id {
			return part{}, nil, problem.New(problem.PartDuplicate).In(place(i))
		}
		attachments[p.id] = p.content
	}
	if at < 0 {
		return part{}, nil, problem.New(problem.RootPartMissing).In("Content-Type")
	}
	if !m.agrees(parts[at].contentType) {
		return part{}, nil, problem.New(problem.RootPartType).In(place(at))
	}
	return parts[at], attachments, nil
}

// agrees tells whether the type of the part with the envelope is the one that the package promises (XOP section 4.1).
func (m Media) agrees(contentType string) bool {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || media != xopXML || !isUnicode(parameters["charset"]) {
		return false
	}
	inner, given := parameters["type"]
	if !given {
		return true
	}
	media, _, err = mime.ParseMediaType(inner)
	version, known := versionOf(media)
	return err == nil && known && version == m.Version
}

// AcceptsPackage tells whether a request's Accept header names the type of a package. A wildcard does not: whoever sends
// one does not say that he can read attachments.
func AcceptsPackage(accept []string) bool {
	for _, line := range accept {
		for choice := range strings.SplitSeq(line, ",") {
			media, parameters, err := mime.ParseMediaType(choice)
			if err != nil || media != multipartRelated || strings.Trim(parameters["q"], "0.") == "" && parameters["q"] != "" {
				continue
			}
			if inner, given := parameters["type"]; !given || strings.EqualFold(inner, xopXML) {
				return true
			}
		}
	}
	return false
}
