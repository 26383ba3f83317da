package main

import (
	"net/http"
	"testing"
)

// TestConnectionTrustIsEnabled checks that the server records trust per connection. Without it every request counts as
// unverified, which nothing else would reveal before an attack.
func TestConnectionTrustIsEnabled(t *testing.T) {
	t.Parallel()
	listener, err := listenTCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{failures: make(chan error, 1)}
	s.startServer(listener, http.NotFoundHandler())
	if s.servers[0].ConnContext == nil {
		t.Error("connections have no standing")
	}
	if err := s.shutDown(); err != nil {
		t.Error(err)
	}
}
