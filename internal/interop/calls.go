package interop

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/wire"
)

// MustNotify sends a notification and fails the test if it is not accepted.
func Notify(tb testing.TB, c *client.Client, request *wire.NotifyImplantRequest) *wire.NotifyResponse {
	tb.Helper()
	answer, err := client.Call[wire.NotifyImplantRequest, wire.NotifyResponse](tb.Context(), c, "NotifyImplant", request)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// NewSearchRequest returns a search request by the surgeon.
func SearchBy(criteria wire.SearchCriteria) *wire.SearchRequest {
	return &wire.SearchRequest{Header: Header(), MaxElements: 20, Criteria: criteria}
}

// MustSearch calls Search and fails the test if it is refused.
func Search(tb testing.TB, c *client.Client, criteria wire.SearchCriteria) *wire.SearchResponse {
	tb.Helper()
	answer, err := client.Call[wire.SearchRequest, wire.SearchResponse](tb.Context(), c, "Search", SearchBy(criteria))
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

// CriteriaByPatient selects a patient's notifications.
func ByPatient(patient string) wire.SearchCriteria {
	return wire.SearchCriteria{ByPatient: &wire.ByPatient{Patient: patient}}
}

// CriteriaByNumber selects one notification.
func ByNumber(number string) wire.SearchCriteria {
	return wire.SearchCriteria{ByNotification: &wire.ByNotification{NotificationNumber: number}}
}

// CriteriaBySerial selects the notifications of an implant.
func BySerial(serial string) wire.SearchCriteria {
	return wire.SearchCriteria{ByImplant: &wire.ByImplant{SerialNumber: serial}}
}

// SignRequest encodes and signs a request of an operation, and returns the message.
func Signed[Q any](tb testing.TB, c *client.Client, operation string, request *Q) []byte {
	tb.Helper()
	body, err := wire.Encode(operation+"Request", request)
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
func Post(tb testing.TB, c *client.Client, message []byte) []byte {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, c.URL, bytes.NewReader(message))
	if err != nil {
		tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	return do(tb, c.HTTP, request)
}

// FetchPage sends a GET request and returns the body of the response.
func Get(tb testing.TB, c *http.Client, address string) []byte {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	return do(tb, c, request)
}

func do(tb testing.TB, c *http.Client, request *http.Request) []byte {
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
