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
)

// progressLine shows the progress of a batch: one changing line on a terminal, otherwise a new line every few
// seconds.
type progressLine struct {
	out      io.Writer
	now      func() time.Time
	silent   bool
	terminal bool
	began    time.Time

	mu   sync.Mutex // guards the fields below, which several goroutines use
	last time.Time
	open int  // width of the changing line; 0 if there is none
	away bool // whether "no answer" was already shown
}

// The intervals between two updates.
const (
	onTerminal = 200 * time.Millisecond
	elsewhere  = 10 * time.Second
)

// showProgress shows the progress if the interval has passed or the batch is complete.
func (l *progressLine) show(p batch.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = false
	now := l.now()
	every := elsewhere
	if l.terminal {
		every = onTerminal
	}
	done := p.Accepted + p.Refused
	if l.silent || done < p.Total && now.Sub(cmp.Or(l.last, l.began)) < every {
		return
	}
	l.last = now
	rate := float64(done) / max(now.Sub(l.began).Seconds(), 0.001)
	line := fmt.Sprintf("%d of %d (%d %%), %d refused, %.0f per second", done, p.Total, 100*done/p.Total, p.Refused, rate)
	if !l.terminal {
		_, _ = fmt.Fprintln(l.out, line)
		return
	}
	const width = 20
	line = fmt.Sprintf("[%-*s] %s", width, strings.Repeat("#", width*done/p.Total), line)
	_, _ = fmt.Fprintf(l.out, "\r%-*s", l.open, line) // overwrites the whole previous line
	l.open = len(line)
}

// showRetry reports a missing answer, once until the next answer.
func (l *progressLine) delayed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent || l.away {
		return
	}
	l.away = true
	l.leave()
	_, _ = fmt.Fprintf(l.out, "no answer, retrying: %v\n", err)
}

// finishLine ends the changing line.
func (l *progressLine) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave()
}

func (l *progressLine) leave() {
	if l.open > 0 {
		_, _ = fmt.Fprintln(l.out)
		l.open = 0
	}
}

// isTerminal reports whether the output is a terminal.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
