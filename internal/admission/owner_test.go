package admission

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestSourceOfRequest checks whose share a request counts against, behind proxies and without.
func TestSourceOfRequest(t *testing.T) {
	t.Parallel()
	proxies := TrustedProxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, peer string
		header     http.Header
		want       string
		forwarded  bool
	}{
		{"no proxy", "192.0.2.1:5", nil, "192.0.2.1", false},
		{"no proxy, an invented header", "192.0.2.1:5", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "192.0.2.1", false},
		{"an IPv4 address as IPv6", "[::ffff:192.0.2.1]:5", nil, "192.0.2.1", false},
		{"an IPv6 host has a /64", "[2001:db8::1234:5678]:5", nil, "2001:db8::", false},
		{"a zone", "[fe80::1%eth0]:5", nil, "fe80::", false},
		{"a proxy", "10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1", true},
		{"a proxy, and an invented address before", "10.0.0.1:5", http.Header{"X-Forwarded-For": {"203.0.113.9, 198.51.100.1"}}, "198.51.100.1", true},
		{"two lines", "10.0.0.1:5", http.Header{"X-Forwarded-For": {"203.0.113.9", "198.51.100.1"}}, "198.51.100.1", true},
		{"two proxies", "10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.1, 10.9.9.9"}}, "198.51.100.1", true},
		{"only proxies", "10.0.0.1:5", http.Header{"X-Forwarded-For": {"10.9.9.8, 10.9.9.9"}}, "10.9.9.8", true},
		{"nonsense beyond a proxy", "10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.1, unknown, 10.9.9.9"}}, "10.9.9.9", true},
		{"no header", "10.0.0.1:5", nil, "10.0.0.1", true},
		{"with a port", "10.0.0.1:5", http.Header{"X-Forwarded-For": {"198.51.100.1:443"}}, "198.51.100.1", true},
		{"Forwarded", "10.0.0.1:5", http.Header{"Forwarded": {`for=203.0.113.9, For="198.51.100.1:80";proto=https`}}, "198.51.100.1", true},
		{"Forwarded with IPv6", "[fd00::1]:5", http.Header{"Forwarded": {`by=x;for="[2001:db8::17]:4711"`}}, "2001:db8::", true},
		{"Forwarded, obscured", "10.0.0.1:5", http.Header{"Forwarded": {"for=198.51.100.1, for=_hidden"}}, "10.0.0.1", true},
		{"X-Forwarded-For wins", "10.0.0.1:5", http.Header{"Forwarded": {"for=203.0.113.9"}, "X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1", true},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		r.RemoteAddr = c.peer
		if c.header != nil {
			r.Header = c.header
		}
		source, forwarded := proxies.sourceOf(r)
		if source.address.String() != c.want || forwarded != c.forwarded {
			t.Errorf("%s: %v, %v", c.name, source.address, forwarded)
		}
	}
}
