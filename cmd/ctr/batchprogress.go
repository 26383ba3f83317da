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

// progressLine shows how far a batch is: on a terminal a line that changes, elsewhere one every few seconds.
type progressLine struct {
	out      io.Writer
	now      func() time.Time
	silent   bool
	terminal bool
	began    time.Time

	mu   sync.Mutex // what follows is written by several senders
	last time.Time
	open int  // characters of the line that changes
	away bool // nobody answers, and that has been said
}

// The times between two showings.
const (
	onTerminal = 200 * time.Millisecond
	elsewhere  = 10 * time.Second
)

// show shows what is done, when it is time to.
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
	line := fmt.Sprintf("%d of %d (%d %%), %d refused, %.0f a second", done, p.Total, 100*done/p.Total, p.Refused, rate)
	if !l.terminal {
		_, _ = fmt.Fprintln(l.out, line)
		return
	}
	const width = 20
	line = fmt.Sprintf("[%-*s] %s", width, strings.Repeat("#", width*done/p.Total), line)
	_, _ = fmt.Fprintf(l.out, "\r%-*s", l.open, line) // over all of the line before
	l.open = len(line)
}

// delayed says, once until somebody answers, that nobody does.
func (l *progressLine) delayed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent || l.away {
		return
	}
	l.away = true
	l.leave()
	_, _ = fmt.Fprintf(l.out, "no answer, trying again: %v\n", err)
}

// end leaves the line that changes.
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

// isTerminal tells whether somebody looks at the output while it is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
