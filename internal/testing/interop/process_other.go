//go:build !linux

package interop

import (
	"os/exec"
	"syscall"
)

// endWithParent has no effect on this system: a test process that is killed leaves its child processes running.
func endWithParent() *syscall.SysProcAttr { return nil }

// PeakKilobytes returns 0: what a process needed is not known here.
func PeakKilobytes(*exec.Cmd) int64 { return 0 }
