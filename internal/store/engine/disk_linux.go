package engine

import "syscall"

// minFreeBytes is what SQLite needs to open a database: its shared memory and the first pages of its log.
const minFreeBytes = 128 << 10

// isDiskFull reports whether the disk of a directory has no space for this user.
func isDiskFull(directory string) bool {
	var disk syscall.Statfs_t
	if syscall.Statfs(directory, &disk) != nil {
		return false
	}
	return disk.Bavail*uint64(disk.Bsize) < minFreeBytes //nolint:gosec // the size of a block is positive
}
