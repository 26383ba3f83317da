package soapdoor

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Bounds on reading what a refused client still writes: how many at once, for how long, and how fast. The rate of all
// together is that of the messages of unverified connections, because a refusal shall not make TLS work for nothing.
const (
	maxDrains          = 4
	maxDrainTime       = 10 * time.Second
	drainBlock         = 256 << 10
	drainBlockInterval = 10 * time.Millisecond
)

// drainer reads the rest of refused bodies before the response is written, and keeps nothing. A client that writes its
// whole message before it reads would get a connection reset instead of the refusal, if the service closed while bytes
// arrive (RFC 9112 section 9.6). Whoever finds no free slot is cut off as before.
type drainer struct{ slots chan struct{} }

func newDrainer() drainer { return drainer{make(chan struct{}, maxDrains)} }

// drainBody reads at most maxBytes of the rest of the body. If there are more the connection is closed. A client that
// waits for 100 (Continue) has written nothing, and shall not begin; HTTP/2 refuses a single stream without this.
func (d drainer) drainBody(w http.ResponseWriter, r *http.Request, maxBytes int) {
	if r.ContentLength == 0 || r.ProtoMajor > 1 || r.Header.Get("Expect") != "" {
		return
	}
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	default:
		return
	}
	// The server sets the next deadline itself when the request has ended. Nothing is read where none can be set.
	controller := http.NewResponseController(w)
	if controller.SetReadDeadline(time.Time{}) != nil {
		return
	}
	timer := time.AfterFunc(maxDrainTime, func() { _ = controller.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		if !timer.Stop() {
			w.Header().Set("Connection", "close")
		}
	}()
	for rest := maxBytes; rest > 0; rest -= drainBlock {
		if _, err := io.CopyN(io.Discard, r.Body, drainBlock); err != nil {
			if !errors.Is(err, io.EOF) {
				w.Header().Set("Connection", "close")
			}
			return
		}
		pause := time.NewTimer(drainBlockInterval)
		select {
		case <-pause.C:
		case <-r.Context().Done():
			pause.Stop()
			return
		}
	}
	w.Header().Set("Connection", "close")
}
