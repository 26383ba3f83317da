package sandbox

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/devkit/capture"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// checkPage is the data of the page that shows a diagnosis by the service.
type checkPage struct {
	page
	Report     *diagnosis.Report
	Conclusion string
}

// handleCheck diagnoses a pasted or uploaded message. It forwards the message to the service's own ?check address.
func (s *Sandbox) handleCheck(w http.ResponseWriter, r *http.Request) {
	const formOverhead = 64 << 10 // bytes of multipart framing around the message
	maxBytes := int64(xmldoc.DefaultLimits().Bytes) + formOverhead
	r.Body = http.MaxBytesReader(w, r.Body, maxBytes)
	p := checkPage{page: s.newPage(r)}
	data, err := readSubmittedMessage(r, maxBytes)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		s.renderError(w, r, http.StatusRequestEntityTooLarge, p.T.CheckTooLarge)
		return
	case err != nil || len(data) == 0:
		s.renderError(w, r, http.StatusBadRequest, p.T.CheckNothing)
		return
	}
	m := capture.Parse(data)
	header := http.Header{
		"Content-Type":    {m.EffectiveContentType()},
		"Accept":          {"application/json"},
		"Accept-Language": {string(p.Lang)},
	}
	if m.SOAPAction != "" {
		header.Set("SOAPAction", m.SOAPAction)
	}
	answer := s.postToService(r.Context(), r, s.Path+"?check", header, m.Body)
	if p.Report, err = diagnosis.ReadJSON(answer.body.Bytes(), p.Lang); err != nil || answer.status != http.StatusOK {
		s.renderError(w, r, answer.status, p.T.CheckBusy)
		return
	}
	text := strings.TrimSpace(p.Report.Text())
	p.Conclusion = strings.TrimSpace(text[strings.LastIndex(text, "\n\n")+1:])
	s.renderPage(w, http.StatusOK, "check.html", p)
}

// readSubmittedMessage returns the uploaded file, or the pasted text if no file was chosen.
func readSubmittedMessage(r *http.Request, maxBytes int64) ([]byte, error) {
	err := r.ParseMultipartForm(maxBytes) //nolint:gosec // the caller bounds the body with MaxBytesReader
	if err != nil {
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
