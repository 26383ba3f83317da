// Package costtest measures the work that code causes: the CPU time and the memory allocated by this process. Call
// [Measure].
//
// It is separate because tests of every layer bound the cost of hostile input. A bound on elapsed time fails on a busy
// machine; CPU time and bytes allocated do not depend on other processes. It is for tests only and imports no other
// package of this module.
package costtest

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Cost is the work of one call.
type Cost struct {
	CPU   time.Duration // user and system time of all threads
	Bytes uint64        // allocated in total, also if freed meanwhile
}

// Measure calls f once and returns its cost, including that of its goroutines. It fails in a parallel test, because
// the tests beside it would count too.
func Measure(tb testing.TB, f func()) Cost {
	tb.Helper()
	tb.Setenv("COSTTEST", "the test is not parallel") // Setenv panics in a parallel test
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := CPUTime(tb)
	f()
	ended := CPUTime(tb)
	runtime.ReadMemStats(&after)
	return Cost{CPU: ended - began, Bytes: after.TotalAlloc - before.TotalAlloc}
}

// CPUTime returns the user and system time of this process so far.
func CPUTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// CPULimit returns a limit for CPU time: the given one, or a multiple of it if the race detector slows everything down.
func CPULimit(limit time.Duration) time.Duration { return raceFactor * limit }

// ReportCPUTime reports the CPU time per operation of a benchmark since before.
func ReportCPUTime(b *testing.B, before time.Duration) {
	b.Helper()
	b.ReportMetric(float64((CPUTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
}
