//go:build !linux

package interop

import "syscall"

// endWithParent has nothing to offer here: a test that is killed leaves its processes behind.
func endWithParent() *syscall.SysProcAttr { return nil }
