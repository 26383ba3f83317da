package engine

import (
	"strings"
	"syscall"
	"time"
)

// userTimeout is how long sent bytes may stay unacknowledged (RFC 5482). Without it the kernel gives up a host that is
// gone after a quarter of an hour.
const userTimeout = 10 * time.Second

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h, which package syscall lacks.
const tcpUserTimeout = 18

// limitUnacknowledged sets the option on a new socket.
func limitUnacknowledged(network, _ string, raw syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	controlErr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(userTimeout.Milliseconds()))
	})
	if controlErr != nil {
		return controlErr
	}
	return err
}
