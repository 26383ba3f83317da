package interop

import "syscall"

// endWithParent makes the kernel kill a child process when the test process dies without cleaning up.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
