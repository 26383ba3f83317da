package interop

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel kill a child process when the test process dies without cleaning up.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// PeakKilobytes returns how much memory a process that has ended needed at most.
func PeakKilobytes(ended *exec.Cmd) int64 {
	usage, ok := ended.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss
}
