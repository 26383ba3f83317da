//go:build !linux

package engine

import "syscall"

// limitUnacknowledged does nothing: other systems have no such option, and their keep-alive must suffice.
func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }
