package main

import (
	"net/http"
	"testing"
)

// TestConnectionTrustIsEnabled checks that the server records trust per connection. Without it every request counts as
// unverified, which nothing else would reveal before an attack.
func TestConnectionsHaveStanding(t *testing.T) {
	t.Parallel()
	listener, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{failed: make(chan error, 1)}
	s.serve(listener, http.NotFoundHandler())
	if s.servers[0].ConnContext == nil {
		t.Error("connections have no standing")
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
