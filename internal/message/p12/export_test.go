package p12

import "time"

// DecodeTime is when the tests open stores. Their certificates are valid then.
var DecodeTime = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
