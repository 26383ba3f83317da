package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/check"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// recordedMessage is a message as it was recorded: its octets, and the fields of its request that were recorded with them.
type recordedMessage struct {
	contentType, action string
	octets              []byte
	err                 error
}

// readRecorded reads a recorded message. Fields are recognised by the Content-Type at their beginning, as it stands in mail and
// in what proxies record of a request.
func readRecorded(octets []byte) recordedMessage {
	const field = "content-type:"
	if len(octets) < len(field) || !strings.EqualFold(string(octets[:len(field)]), field) {
		return recordedMessage{octets: octets}
	}
	text := string(octets)
	end, content := -1, ""
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if at := strings.Index(text, blank); at >= 0 && (end < 0 || at < end) {
			end, content = at, text[at+len(blank):]
		}
	}
	if end < 0 {
		return recordedMessage{err: problem.New(problem.MultipartMalformed, "no empty line after the Content-Type")}
	}
	header := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(text[:end])
	s := recordedMessage{octets: []byte(content)}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "content-type":
			s.contentType = strings.TrimSpace(value)
		case "soapaction":
			s.action = strings.TrimSpace(value)
		}
	}
	return s
}

// message takes the envelope out of its package.
func (s recordedMessage) message() check.Message {
	if s.err != nil || s.contentType == "" {
		return check.Message{Octets: s.octets, Err: s.err}
	}
	media, err := soap.ParseMedia(s.contentType)
	m := check.Message{Version: media.Version, Packed: media.Packed, Err: err}
	if err == nil {
		m.Octets, m.Err = media.Unpack(s.octets, xmldoc.DefaultLimits())
	}
	return m
}

// ask has a service look at the message. It gets the octets as they are; the Content-Type too, if it was recorded.
func (c *checkCommand) ask(t *terminal, s recordedMessage) (*check.Report, error) {
	if s.err != nil {
		return nil, fmt.Errorf("the message: %w", s.err)
	}
	caller, err := t.http()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(t.ctx, http.MethodPost, t.url+"?check", bytes.NewReader(s.octets))
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	if s.contentType == "" {
		s.contentType = soap.SOAP11.ContentType()
		if bytes.Contains(s.octets, []byte(soap.SOAP12.Namespace())) && !bytes.Contains(s.octets, []byte(soap.SOAP11.Namespace())) {
			s.contentType = soap.SOAP12.ContentType()
		}
	}
	request.Header.Set("Content-Type", s.contentType)
	if s.action != "" {
		request.Header.Set("SOAPAction", s.action)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Accept-Language", string(c.Lang))
	response, err := caller.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrUnreachable, err)
	}
	const longest = 1 << 20
	octets, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrUnreachable, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the service does not check messages (HTTP %d); leave --url out to check it here", response.StatusCode)
	}
	return check.ReadJSON(octets, c.Lang)
}
