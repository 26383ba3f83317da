package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/batch"
	"github.com/openctr/ctr/internal/terminal"
)

// progressLine shows the progress of a batch: one changing line on a terminal, otherwise a new line every few
// seconds.
type progressLine struct {
	out         io.Writer
	now         func() time.Time
	silent      bool
	interactive bool
	startedAt   time.Time

	mu         sync.Mutex // guards the fields below, which several goroutines use
	lastShown  time.Time
	openWidth  int  // width of the changing line; 0 if there is none
	retryShown bool // whether "no answer" was already shown
}

// The intervals between two updates.
const (
	terminalInterval = 200 * time.Millisecond
	logInterval      = 10 * time.Second
)

// showProgress shows the progress if the interval has passed or the batch is complete.
func (l *progressLine) showProgress(p batch.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retryShown = false
	now := l.now()
	every := logInterval
	if l.interactive {
		every = terminalInterval
	}
	done := p.Accepted + p.Refused
	if l.silent || done < p.Total && now.Sub(cmp.Or(l.lastShown, l.startedAt)) < every {
		return
	}
	l.lastShown = now
	rate := float64(done) / max(now.Sub(l.startedAt).Seconds(), 0.001)
	line := fmt.Sprintf(
		"%d of %d (%d %%), %d refused, %.0f per second",
		done,
		p.Total,
		100*done/p.Total,
		p.Refused,
		rate,
	)
	if !l.interactive {
		_ = terminal.Printf(l.out, "%s\n", line)
		return
	}
	const width = 20
	line = fmt.Sprintf("[%-*s] %s", width, strings.Repeat("#", width*done/p.Total), line)
	_ = terminal.Printf(l.out, "\r%-*s", l.openWidth, line) // overwrites the whole previous line
	l.openWidth = len(line)
}

// showRetry reports a missing answer, once until the next answer.
func (l *progressLine) showRetry(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent || l.retryShown {
		return
	}
	l.retryShown = true
	l.endOpenLine()
	_ = terminal.Printf(l.out, "no answer, retrying: %v\n", err)
}

// finishLine ends the changing line.
func (l *progressLine) finishLine() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endOpenLine()
}

func (l *progressLine) endOpenLine() {
	if l.openWidth > 0 {
		_ = terminal.Printf(l.out, "\n")
		l.openWidth = 0
	}
}

// isTerminal reports whether the output is a terminal.
func isTerminal(w io.Writer) bool {
	if cleaning, ok := w.(*terminal.Writer); ok {
		w = cleaning.Unwrap()
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
