package durable

import "os"

// SyncDirectory does nothing: NTFS keeps directory entries in its own journal.
func SyncDirectory(string) error { return nil }

// SyncFolder does nothing, like SyncDirectory.
func SyncFolder(*os.Root) error { return nil }
