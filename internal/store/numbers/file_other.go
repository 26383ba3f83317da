//go:build !linux

package numbers

import "io/fs"

// inodeOf is not known on other systems.
func inodeOf(fs.FileInfo) uint64 { return 0 }

// isCopied is not known on other systems.
func isCopied(fs.FileInfo) bool { return false }
