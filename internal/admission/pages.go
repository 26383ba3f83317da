package admission

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/openctr/ctr/internal/problem"
)

const (
	// maxPagesPerCPU bounds the pages that are made at once, of which one address may have half.
	maxPagesPerCPU  = 4
	maxPagesWaiting = 512
	// maxSignIns bounds the requests that wait for the provider at which people sign in, of which one address may have
	// half. They have slots of their own: a provider that does not answer delays other sign-ins only.
	maxSignIns        = 8
	maxSignInsWaiting = 128
	// maxKeptPage bounds the bytes of a page that wait for the end of its turn. A longer one ends it early.
	maxKeptPage = 256 << 10
)

// errFormTooLarge is a body that is larger than a form can be.
var errFormTooLarge = errors.New("the form is too large")

// PageDoor is a door of web pages.
type PageDoor struct {
	Handler http.Handler
	// MaxBody bounds the body of a form, in bytes.
	MaxBody int
	// IsSignIn reports whether a request waits for the provider at which people sign in.
	IsSignIn func(*http.Request) bool
	// Refuse answers a request that is turned away.
	Refuse func(w http.ResponseWriter, r *http.Request, status int)
}

// GuardPages returns the handler of a door of pages within the limits of the other doors: a few requests of a
// connection at a time; bodies read under a deadline into bounded memory; a bounded number of pages made at once, in
// turn for each network and address. A page is sent after its turn ended, so that a slow reader delays nobody.
func (c *Controller) GuardPages(door PageDoor) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := c.Admit(r)
		if err != nil {
			c.refusePage(door, w, r, err)
			return
		}
		defer a.Finish(Undecided)
		if err = a.readForm(w, r, door.MaxBody); err != nil {
			c.refusePage(door, w, r, err)
			return
		}
		queue := c.pages
		if door.IsSignIn(r) {
			queue = c.signIns
		}
		if err = queue.acquire(r.Context(), a.source, 0, c.trust.isSuspect(a.source)); err != nil {
			a.noteRefusal(err)
			c.refusePage(door, w, r, err)
			return
		}
		page := &turnWriter{ResponseWriter: w, release: func() { queue.release(a.source) }}
		defer page.endTurn() // also when the handler panics
		door.Handler.ServeHTTP(page, r)
		_ = page.send() // the reader may be gone
	})
}

// readForm replaces the body of a request by what was read of it.
func (a *Admission) readForm(w http.ResponseWriter, r *http.Request, maxBody int) error {
	if r.Body == nil || r.ContentLength == 0 {
		r.Body = http.NoBody
		return nil
	}
	if r.ContentLength > int64(maxBody) {
		return errFormTooLarge
	}
	data, err := a.ReadBody(w, r, maxBody+1)
	if err != nil {
		return err
	}
	if len(data) > maxBody {
		return errFormTooLarge
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// refusePage turns a request away. The connection ends if the rest of a body may still arrive on it.
func (c *Controller) refusePage(door PageDoor, w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, errFormTooLarge):
		status = http.StatusRequestEntityTooLarge
	case problem.From(err).Code == problem.MessageIncomplete:
		status = http.StatusRequestTimeout
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(c.RetryAfter().Seconds())))
	} else {
		w.Header().Set("Connection", "close")
	}
	door.Refuse(w, r, status)
}

// turnWriter keeps a page until its turn ends: when it is complete, or longer than pages are.
type turnWriter struct {
	http.ResponseWriter

	release func() // nil once the turn has ended
	status  int
	kept    bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (t *turnWriter) WriteHeader(status int) {
	if t.status == 0 {
		t.status = status
	}
}

// Write implements http.ResponseWriter.
func (t *turnWriter) Write(p []byte) (int, error) {
	if t.release != nil && t.kept.Len()+len(p) <= maxKeptPage {
		return t.kept.Write(p)
	}
	if err := t.send(); err != nil {
		return 0, err
	}
	return t.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (t *turnWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *turnWriter) endTurn() {
	if t.release != nil {
		t.release()
		t.release = nil
	}
}

// send ends the turn, once, and sends what was kept.
func (t *turnWriter) send() error {
	if t.release == nil {
		return nil
	}
	t.endTurn()
	if t.status != 0 {
		t.ResponseWriter.WriteHeader(t.status)
	}
	if t.kept.Len() == 0 {
		return nil
	}
	_, err := t.ResponseWriter.Write(t.kept.Bytes())
	t.kept = bytes.Buffer{}
	return err
}
