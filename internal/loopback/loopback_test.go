package loopback_test

import (
	"testing"

	"github.com/openctr/ctr/internal/loopback"
)

func TestIsAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:8443": true, "127.9.9.9:1": true, "[::1]:8443": true, "localhost:8443": true, "127.0.0.1": true, "[::1]": true, "::1": true, "localhost": true,
		"": false, ":8443": false, "0.0.0.0:8443": false, "[::]:8443": false, "192.0.2.1:8443": false, "example.org:8443": false, "localhost.example.org:1": false,
		"127.0.0.1.example.org:1": false, "nonsense": false,
	} {
		if got := loopback.IsAddress(address); got != want {
			t.Errorf("%q: %t", address, got)
		}
	}
}
