package interop

import "syscall"

// endWithParent lets the kernel end a process when the tests end without a chance to do it themselves.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
