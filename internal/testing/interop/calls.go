package interop

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// MustNotify sends a notification and fails the test if it is not accepted.
func MustNotify(tb testing.TB, c *client.Client, request *ctr.NotifyImplantRequest) *ctr.NotifyResponse {
	tb.Helper()
	answer, err := client.Call[ctr.NotifyImplantRequest, ctr.NotifyResponse](tb.Context(), c, "NotifyImplant", request)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// NewSearchRequest returns a search request by the surgeon.
func NewSearchRequest(criteria ctr.SearchCriteria) *ctr.SearchRequest {
	return &ctr.SearchRequest{Header: NewHeader(), MaxElements: 20, Criteria: criteria}
}

// MustSearch calls Search and fails the test if it is refused.
func MustSearch(tb testing.TB, c *client.Client, criteria ctr.SearchCriteria) *ctr.SearchResponse {
	tb.Helper()
	answer, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](tb.Context(), c, "Search", NewSearchRequest(criteria))
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// CriteriaByPatient selects a patient's notifications.
func CriteriaByPatient(patient string) ctr.SearchCriteria {
	return ctr.SearchCriteria{ByPatient: &ctr.ByPatient{Patient: patient}}
}

// CriteriaByNumber selects one notification.
func CriteriaByNumber(number string) ctr.SearchCriteria {
	return ctr.SearchCriteria{ByNotification: &ctr.ByNotification{NotificationNumber: number}}
}

// CriteriaBySerial selects the notifications of an implant.
func CriteriaBySerial(serial string) ctr.SearchCriteria {
	return ctr.SearchCriteria{ByImplant: &ctr.ByImplant{SerialNumber: serial}}
}

// SignRequest encodes and signs a request of an operation, and returns the message.
func SignRequest[Q any](tb testing.TB, c *client.Client, operation string, request *Q) []byte {
	tb.Helper()
	body, err := ctr.Encode(operation+"Request", request)
	if err != nil {
		tb.Fatal(err)
	}
	message, err := c.Sign(body)
	if err != nil {
		tb.Fatal(err)
	}
	return message
}

// PostMessage sends a message unchanged and returns the body of the response, whatever its status.
func PostMessage(tb testing.TB, c *client.Client, message []byte) []byte {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, c.URL, bytes.NewReader(message))
	if err != nil {
		tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	return doRequest(tb, c.HTTP, request)
}

// FetchPage sends a GET request and returns the body of the response.
func FetchPage(tb testing.TB, c *http.Client, address string) []byte {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	return doRequest(tb, c, request)
}

func doRequest(tb testing.TB, c *http.Client, request *http.Request) []byte {
	tb.Helper()
	response, err := c.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		tb.Fatal(err)
	}
	return answer
}
