package soapdoor

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestReadyRemark checks who learns what the operator has to mend.
func TestReadyRemark(t *testing.T) {
	t.Parallel()
	s := &Service{readyRemark: func() string { return "degraded: sealing" }}
	const bare, whole = "ok\n", "ok\ndegraded: sealing\n"
	for _, c := range []struct{ address, header, value, want string }{
		{"127.0.0.1:4711", "", "", whole},
		{"[::1]:4711", "", "", whole},
		{"[::ffff:127.0.0.1]:4711", "", "", whole},
		{"192.0.2.1:4711", "", "", bare},
		{"[2001:db8::1]:4711", "", "", bare},
		{"", "", "", bare},
		{"127.0.0.1:4711", "X-Forwarded-For", "192.0.2.1", bare},
		{"127.0.0.1:4711", "X-Forwarded-For", "127.0.0.1", bare}, // whoever sends it is believed to be far away
		{"127.0.0.1:4711", "Forwarded", "for=192.0.2.1", bare},
		{"127.0.0.1:4711", "X-Real-IP", "192.0.2.1", bare},
		{"127.0.0.1:4711", "X-Forwarded-Host", "ctr.example.org", bare},
		{"127.0.0.1:4711", "Via", "1.1 proxy", bare},
		{"192.0.2.1:4711", "X-Forwarded-For", "127.0.0.1", bare},
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody)
		request.RemoteAddr = c.address
		if c.header != "" {
			request.Header.Set(c.header, c.value)
		}
		recorder := httptest.NewRecorder()
		s.serveReadiness(recorder, request)
		if got := recorder.Body.String(); recorder.Code != http.StatusOK || got != c.want {
			t.Errorf("%s, %s: %s: %d %q", c.address, c.header, c.value, recorder.Code, got)
		}
	}
}
