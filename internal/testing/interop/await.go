package interop

import (
	"testing"
	"time"
)

// awaitTimeout bounds the wait for another process. It is generous, because only a failing test waits that long.
const awaitTimeout = 2 * time.Minute

// Await waits until a condition holds that another process brings about: a file, a row of a database, an answer. The
// test fails after two minutes, with what was awaited and the text that describe returns. Within the process of a test
// use channels or testing/synctest instead.
func Await(tb testing.TB, what string, isTrue func() bool, describe func() string) {
	tb.Helper()
	deadline := time.After(awaitTimeout)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !isTrue() {
		select {
		case <-look.C:
		case <-deadline:
			tb.Fatalf("%s: not after %v\n%s", what, awaitTimeout, describe())
		}
	}
}
