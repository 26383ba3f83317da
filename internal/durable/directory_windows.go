package durable

// SyncDirectory does nothing: NTFS keeps directory entries in its own journal.
func SyncDirectory(string) error { return nil }
