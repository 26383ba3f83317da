package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/batch"
)

// TestProgressLine checks that one line changes on a terminal and leaves no remains of longer text, and that other
// outputs get new lines.
func TestProgressLine(t *testing.T) {
	for terminal, want := range map[bool]string{
		true: "\r[#####               ] 250 of 1000 (25 %), 0 refused, 1250 per second" +
			"\r[######              ] 300 of 1000 (30 %), 0 refused, 750 per second " +
			"\nno answer, retrying: lost\n" +
			"\r[####################] 1000 of 1000 (100 %), 1 refused, 100 per second\n",
		false: "no answer, retrying: lost\n1000 of 1000 (100 %), 1 refused, 100 per second\n",
	} {
		began := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
		now := began
		var out strings.Builder
		l := &progressLine{out: &out, now: func() time.Time { return now }, interactive: terminal, startedAt: began}
		after := func(d time.Duration, p batch.Progress) { now = began.Add(d); l.showProgress(p) }
		after(100*time.Millisecond, batch.Progress{Total: 1000, Accepted: 120})
		after(200*time.Millisecond, batch.Progress{Total: 1000, Accepted: 250})
		after(300*time.Millisecond, batch.Progress{Total: 1000, Accepted: 280})
		after(400*time.Millisecond, batch.Progress{Total: 1000, Accepted: 300})
		l.showRetry(errors.New("lost"))
		l.showRetry(errors.New("lost"))
		after(10*time.Second, batch.Progress{Total: 1000, Accepted: 999, Refused: 1})
		l.finishLine()
		if out.String() != want {
			t.Errorf("terminal %v: %q\nwant %q", terminal, out.String(), want)
		}
	}
	silent := &progressLine{silent: true, now: time.Now}
	silent.showProgress(batch.Progress{Total: 1, Accepted: 1})
	silent.showRetry(errors.New("lost"))
	silent.finishLine()
}
