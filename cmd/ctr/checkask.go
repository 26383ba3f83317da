package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/devkit/capture"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
)

// askService lets a service check the message. The bytes are sent unchanged, with the recorded Content-Type if there
// is one.
func (c *checkCommand) askService(t *commandContext, m capture.Message) (*diagnosis.Report, error) {
	if m.Err != nil {
		return nil, fmt.Errorf("the message: %w", m.Err)
	}
	httpClient, err := t.newHTTPClient()
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(t.ctx, http.MethodPost, t.url+"?check", bytes.NewReader(m.Body))
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	request.Header.Set("Content-Type", m.EffectiveContentType())
	if m.SOAPAction != "" {
		request.Header.Set("SOAPAction", m.SOAPAction)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Accept-Language", string(c.Lang))
	response, err := httpClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrUnreachable, err)
	}
	const maxAnswerBytes = 1 << 20
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", client.ErrUnreachable, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf(
			"the service does not check messages (HTTP %d); omit --url to check the message here", response.StatusCode,
		)
	}
	return diagnosis.ReadJSON(data, c.Lang)
}
