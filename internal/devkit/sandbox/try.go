package sandbox

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// handleTestMessage serves a newly generated request: NAME.xml is unsigned; NAME.signed.xml (SOAP 1.1) and
// NAME.soap12.xml (SOAP 1.2) are signed.
func (s *Sandbox) handleTestMessage(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	operation, form, _ := strings.Cut(file, ".")
	if !slices.Contains(testmessages.Operations(), operation) ||
		!slices.Contains([]string{"xml", "signed.xml", "soap12.xml"}, form) {
		s.renderError(w, r, http.StatusNotFound, textsFor(languageFromRequest(r)).NoSuchFile)
		return
	}
	version := soap.SOAP11
	if form == "soap12.xml" {
		version = soap.SOAP12
	}
	text, err := s.generator.BuildRequest(operation, testmessages.RequestValues{})
	if err == nil && form == "xml" {
		text = testmessages.WrapUnsigned(version, text)
	} else if err == nil {
		text, err = s.signRequest(version, text)
	}
	if err != nil {
		s.renderError(w, r, http.StatusInternalServerError, textsFor(languageFromRequest(r)).KeysUnreadable)
		return
	}
	media, _, _ := strings.Cut(version.ContentType(), ";")
	writeDownload(w, media+"; charset=utf-8", file, []byte(text))
}

func (s *Sandbox) signRequest(version soap.Version, request string) (string, error) {
	key, err := s.loadKey(defaultKeyEntry)
	if err != nil {
		return "", err
	}
	return s.generator.Sign(version, key, request)
}

// handleMistake serves a newly generated message with a mistake.
func (s *Sandbox) handleMistake(w http.ResponseWriter, r *http.Request) {
	name, isXML := strings.CutSuffix(r.PathValue("file"), ".xml")
	for _, m := range testmessages.Mistakes() {
		if m.Name != name || !isXML {
			continue
		}
		sent, err := s.generator.BuildMistake(m, s.loadKey)
		if err != nil {
			s.renderError(w, r, http.StatusInternalServerError, textsFor(languageFromRequest(r)).KeysUnreadable)
			return
		}
		writeDownload(w, "text/xml; charset=utf-8", name+".xml", []byte(sent[len(sent)-1].Octets))
		return
	}
	s.renderError(w, r, http.StatusNotFound, textsFor(languageFromRequest(r)).NoSuchFile)
}

// tryPage is the data of the page that shows the messages sent and the responses.
type tryPage struct {
	page
	Name, Title, How string
	Exchanges        []exchange
	Mistake          bool
}

// exchange is a message with its response.
type exchange struct {
	Sent    testmessages.Message
	Status  int
	Answer  string
	Refusal *soap.Refusal // nil if the service accepted the message
	Text    string        // of the refusal, in the language of the page
	Broken  []violation
}

type violation struct{ Code, Path, Text string }

// Last reports whether exchange i is the last one, which shows the result. The template calls it.
func (p *tryPage) Last(i int) bool { return i == len(p.Exchanges)-1 }

// handleTry generates a test message or a mistake, sends it to the SOAP endpoint, and shows the response.
func (s *Sandbox) handleTry(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	name := r.PathValue("name")
	p := &tryPage{page: s.newPage(r), Name: name}
	all, err := s.buildMessages(p, name)
	switch {
	case err != nil:
		s.renderError(w, r, http.StatusInternalServerError, p.T.KeysUnreadable)
		return
	case all == nil:
		s.renderError(w, r, http.StatusNotFound, p.T.NoSuchFile)
		return
	}
	for _, sent := range all {
		header := http.Header{"Content-Type": {sent.ContentType}}
		if sent.Action != "" {
			header.Set("SOAPAction", `"`+sent.Action+`"`)
		}
		answer := s.postToService(r.Context(), r, s.Path, header, []byte(sent.Octets))
		p.Exchanges = append(p.Exchanges, newExchange(sent, answer, p.Lang))
	}
	s.renderPage(w, http.StatusOK, "try.html", p)
}

// buildMessages generates the messages for an operation or a mistake. It returns nil for an unknown name.
func (s *Sandbox) buildMessages(p *tryPage, name string) ([]testmessages.Message, error) {
	for _, m := range testmessages.Mistakes() {
		if m.Name == name {
			p.Title, p.How, p.Mistake = p.T.Mistakes[name].Title, p.T.Mistakes[name].How, true
			return s.generator.BuildMistake(m, s.loadKey)
		}
	}
	if !slices.Contains(testmessages.Operations(), name) {
		return nil, nil
	}
	p.Title, p.How = name, p.T.Operations[name]
	request, err := s.generator.BuildRequest(name, testmessages.RequestValues{})
	if err == nil {
		request, err = s.signRequest(soap.SOAP11, request)
	}
	return []testmessages.Message{testmessages.NewMessage(soap.SOAP11, name, request)}, err
}

// newExchange parses a response and its fault, if any.
func newExchange(sent testmessages.Message, answer *responseRecorder, lang texts.Lang) exchange {
	e := exchange{Sent: sent, Status: answer.status, Answer: indentXML(answer.body.String())}
	document, err := xmldoc.Parse(answer.body.Bytes(), xmldoc.DefaultLimits())
	if err != nil {
		return e
	}
	_, refusal, err := soap.ReadReply(document, ctr.NamespaceCore)
	if err != nil || refusal == nil {
		return e
	}
	e.Refusal, e.Text = refusal, selectText(refusal.Messages, lang)
	for _, v := range refusal.Violations {
		text := selectText(v.Messages, lang)
		if text == "" {
			text = e.Text
		}
		e.Broken = append(e.Broken, violation{v.Code, v.Path, text})
	}
	return e
}

// selectText returns the text in a language, or in English if that is missing.
func selectText(messages map[texts.Lang]string, lang texts.Lang) string {
	if text := messages[lang]; text != "" {
		return text
	}
	return messages[texts.English]
}

// indentXML puts the elements of a response on separate indented lines, for display only: this would break a signature.
func indentXML(text string) string {
	const long = 20_000 // bytes; a card in base64 is longer
	var b strings.Builder
	depth := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "><", ">\n<"), "\n") {
		closes := strings.HasPrefix(line, "</")
		if closes {
			depth--
		}
		b.WriteString(strings.Repeat("  ", max(0, depth)) + line + "\n")
		if strings.HasPrefix(line, "<") && !closes && !strings.Contains(line, "</") && !strings.HasSuffix(line, "/>") {
			depth++
		}
	}
	text = strings.TrimSpace(b.String())
	if len(text) > long {
		text = strings.ToValidUTF8(text[:long], "") + "\n…"
	}
	return text
}

// postToService passes a message to the SOAP endpoint as if it had arrived on the connection of request r.
func (s *Sandbox) postToService(
	ctx context.Context, r *http.Request, path string, header http.Header, data []byte,
) *responseRecorder {
	answer := &responseRecorder{header: http.Header{}, status: http.StatusOK}
	//nolint:gosec // handled in this process, not sent over the network
	inner, err := http.NewRequestWithContext(ctx, http.MethodPost, originFromRequest(r)+path, bytes.NewReader(data))
	if err != nil {
		answer.status = http.StatusInternalServerError
		return answer
	}
	inner.Header, inner.RemoteAddr, inner.TLS, inner.Host = header, r.RemoteAddr, r.TLS, r.Host
	s.Service.ServeHTTP(answer, inner)
	return answer
}

// responseRecorder is an http.ResponseWriter that stores the response.
type responseRecorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *responseRecorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *responseRecorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *responseRecorder) Write(data []byte) (int, error) { return r.body.Write(data) }
