package sandbox

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/samples"
)

// sample hands out a request: NAME.xml as it is before it is signed, NAME.signed.xml and NAME.soap12.xml signed just now.
func (s *Sandbox) sample(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	operation, form, _ := strings.Cut(file, ".")
	if !slices.Contains(samples.Operations(), operation) || !slices.Contains([]string{"xml", "signed.xml", "soap12.xml"}, form) {
		s.refuse(w, r, http.StatusNotFound, textsOf(langOf(r)).NoSuchFile)
		return
	}
	version := soap.SOAP11
	if form == "soap12.xml" {
		version = soap.SOAP12
	}
	text, err := s.maker.Request(operation, samples.Values{})
	if err == nil && form == "xml" {
		text = samples.Unsigned(version, text)
	} else if err == nil {
		text, err = s.signed(version, text)
	}
	if err != nil {
		s.refuse(w, r, http.StatusInternalServerError, textsOf(langOf(r)).KeysUnreadable)
		return
	}
	media, _, _ := strings.Cut(version.ContentType(), ";")
	download(w, media+"; charset=utf-8", file, []byte(text))
}

func (s *Sandbox) signed(version soap.Version, request string) (string, error) {
	key, err := s.key(own)
	if err != nil {
		return "", err
	}
	return s.maker.Sign(version, key, request)
}

// mistake hands out the message of a mistake, made just now.
func (s *Sandbox) mistake(w http.ResponseWriter, r *http.Request) {
	name, isXML := strings.CutSuffix(r.PathValue("file"), ".xml")
	for _, m := range samples.Mistakes() {
		if m.Name != name || !isXML {
			continue
		}
		sent, err := s.maker.Make(m, s.key)
		if err != nil {
			s.refuse(w, r, http.StatusInternalServerError, textsOf(langOf(r)).KeysUnreadable)
			return
		}
		download(w, "text/xml; charset=utf-8", name+".xml", []byte(sent[len(sent)-1].Octets))
		return
	}
	s.refuse(w, r, http.StatusNotFound, textsOf(langOf(r)).NoSuchFile)
}

// tryPage shows what was sent, and what the service answered.
type tryPage struct {
	page
	Name, Title, How string
	Exchanges        []exchange
	Mistake          bool
}

// exchange is a message and its answer.
type exchange struct {
	Sent    samples.Sent
	Status  int
	Answer  string
	Refusal *soap.Refusal // nil for an answer
	Text    string        // of a refusal as a whole
	Broken  []violation
}

type violation struct{ Code, Path, Text string }

// Last reports whether this is the exchange that matters: the last.
func (p *tryPage) Last(i int) bool { return i == len(p.Exchanges)-1 }

// try makes a sample or a mistake, sends it through the service's own door, and shows the answer.
func (s *Sandbox) try(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostOfAForm)
	name := r.PathValue("name")
	p := &tryPage{page: s.page(r), Name: name}
	all, err := s.toSend(p, name)
	switch {
	case err != nil:
		s.refuse(w, r, http.StatusInternalServerError, p.T.KeysUnreadable)
		return
	case all == nil:
		s.refuse(w, r, http.StatusNotFound, p.T.NoSuchFile)
		return
	}
	for _, sent := range all {
		header := http.Header{"Content-Type": {sent.ContentType}}
		if sent.Action != "" {
			header.Set("SOAPAction", `"`+sent.Action+`"`)
		}
		answer := s.call(r.Context(), r, s.Path, header, []byte(sent.Octets))
		p.Exchanges = append(p.Exchanges, read(sent, answer, p.Lang))
	}
	s.show(w, http.StatusOK, "try.html", p)
}

// toSend makes the messages, and nothing for a name that is none.
func (s *Sandbox) toSend(p *tryPage, name string) ([]samples.Sent, error) {
	for _, m := range samples.Mistakes() {
		if m.Name == name {
			p.Title, p.How, p.Mistake = p.T.Mistakes[name].Title, p.T.Mistakes[name].How, true
			return s.maker.Make(m, s.key)
		}
	}
	if !slices.Contains(samples.Operations(), name) {
		return nil, nil
	}
	p.Title, p.How = name, p.T.Operations[name]
	request, err := s.maker.Request(name, samples.Values{})
	if err == nil {
		request, err = s.signed(soap.SOAP11, request)
	}
	return []samples.Sent{samples.Post(soap.SOAP11, name, request)}, err
}

// read reads an answer.
func read(sent samples.Sent, answer *recorder, l problem.Lang) exchange {
	e := exchange{Sent: sent, Status: answer.status, Answer: lines(answer.body.String())}
	document, err := xmldoc.Parse(answer.body.Bytes(), xmldoc.DefaultLimits())
	if err != nil {
		return e
	}
	_, refusal, err := soap.ReadReply(document)
	if err != nil || refusal == nil {
		return e
	}
	e.Refusal, e.Text = refusal, said(refusal.Messages, l)
	for _, v := range refusal.Violations {
		text := said(v.Messages, l)
		if text == "" {
			text = e.Text
		}
		e.Broken = append(e.Broken, violation{v.Code, v.Path, text})
	}
	return e
}

// said is what is said in a language, or else in English.
func said(messages map[problem.Lang]string, l problem.Lang) string {
	if text := messages[l]; text != "" {
		return text
	}
	return messages[problem.EN]
}

// lines puts the elements of an answer on lines of their own, for reading. An answer is not signed unless somebody asked for it,
// and this one goes no further.
func lines(text string) string {
	const long = 20_000 // a card in base64
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

// call gives a message to the service's own door, on the connection of whoever asked for it.
func (s *Sandbox) call(ctx context.Context, r *http.Request, path string, header http.Header, octets []byte) *recorder {
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	inner, err := http.NewRequestWithContext(ctx, http.MethodPost, origin(r)+path, bytes.NewReader(octets)) //nolint:gosec // goes to our own handler, and not out
	if err != nil {
		answer.status = http.StatusInternalServerError
		return answer
	}
	inner.Header, inner.RemoteAddr, inner.TLS, inner.Host = header, r.RemoteAddr, r.TLS, r.Host
	s.Service.ServeHTTP(answer, inner)
	return answer
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's header.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write keeps octets.
func (r *recorder) Write(octets []byte) (int, error) { return r.body.Write(octets) }
