//go:build !windows

package service

import "syscall"

// maxConnections bounds the open connections: a quarter of the descriptors is for the database and for everything else.
func maxConnections() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return mostConnections
	}
	return int(min(mostConnections, limit.Cur/4*3))
}
