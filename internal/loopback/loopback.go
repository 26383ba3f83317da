// Package loopback tells addresses that reach only this machine from all others. Two promises depend on it: plain HTTP
// is served on such an address only, and so are the keys of a development service. It is separate so that both have one
// definition.
package loopback

import (
	"net"
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
