// Package loopback tells addresses that reach only this machine from all others. Three promises depend on it: plain
// HTTP is served on such an address only, so are the keys of a development service, and what the operator has to mend
// is told to this machine only. It is separate so that all have one definition.
package loopback

import (
	"net"
	"net/http"
	"strings"
)

// IsAddress reports whether an address, with or without a port, is a loopback IP address or the name localhost. It
// resolves no other name: what a name means can change after the check.
func IsAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// forwardingHeaders are those by which a proxy says that it passes a request on.
var forwardingHeaders = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"}

// IsSource reports whether a request comes from this machine, and no proxy on it says that it passes on somebody
// else's.
func IsSource(r *http.Request) bool {
	for _, name := range forwardingHeaders {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return IsAddress(r.RemoteAddr)
}
