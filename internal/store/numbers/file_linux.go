package numbers

import (
	"io/fs"
	"syscall"
	"time"
)

// inodeOf returns the number of the file on its disk, which a copy does not have.
func inodeOf(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino
	}
	return 0
}

// isCopied reports whether the file came from a backup that kept its time of change: writing sets both times.
func isCopied(info fs.FileInfo) bool {
	const tolerance = 2 * time.Second
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && time.Unix(stat.Ctim.Unix()).Sub(info.ModTime()) > tolerance
}
