package service

// maxConnections bounds the open connections.
func maxConnections() int { return mostConnections }
