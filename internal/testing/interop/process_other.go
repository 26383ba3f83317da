//go:build !linux

package interop

import "syscall"

// endWithParent has no effect on this system: a test process that is killed leaves its child processes running.
func endWithParent() *syscall.SysProcAttr { return nil }
