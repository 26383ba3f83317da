package sandbox

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/message/check"
	"github.com/openctr/ctr/internal/message/recorded"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// checkPage shows what the service's own check says of a message.
type checkPage struct {
	page
	Report     *check.Report
	Conclusion string
}

// check looks at a message that was pasted or uploaded, as a POST to the service's address with ?check does.
func (s *Sandbox) check(w http.ResponseWriter, r *http.Request) {
	const aroundIt = 64 << 10 // of the form
	most := int64(xmldoc.DefaultLimits().Bytes) + aroundIt
	r.Body = http.MaxBytesReader(w, r.Body, most)
	p := checkPage{page: s.page(r)}
	octets, err := captured(r, most)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		s.refuse(w, r, http.StatusRequestEntityTooLarge, p.T.CheckTooLarge)
		return
	case err != nil || len(octets) == 0:
		s.refuse(w, r, http.StatusBadRequest, p.T.CheckNothing)
		return
	}
	m := recorded.Read(octets)
	header := http.Header{"Content-Type": {m.Type()}, "Accept": {"application/json"}, "Accept-Language": {string(p.Lang)}}
	if m.Action != "" {
		header.Set("SOAPAction", m.Action)
	}
	answer := s.call(r.Context(), r, s.Path+"?check", header, m.Octets)
	if p.Report, err = check.ReadJSON(answer.body.Bytes(), p.Lang); err != nil || answer.status != http.StatusOK {
		s.refuse(w, r, answer.status, p.T.CheckBusy)
		return
	}
	text := strings.TrimSpace(p.Report.Text())
	p.Conclusion = strings.TrimSpace(text[strings.LastIndex(text, "\n\n")+1:])
	s.show(w, http.StatusOK, "check.html", p)
}

// captured is the file that was chosen, or else the text that was pasted.
func captured(r *http.Request, most int64) ([]byte, error) {
	if err := r.ParseMultipartForm(most); err != nil { //nolint:gosec // the caller has bounded the body
		return nil, err
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	if file, header, err := r.FormFile("file"); err == nil {
		defer func() { _ = file.Close() }()
		if header.Size > 0 {
			return io.ReadAll(file)
		}
	}
	return []byte(strings.TrimLeft(r.PostFormValue("message"), " \t\r\n")), nil
}
