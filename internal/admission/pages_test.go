package admission

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const testMaxBody = 64 << 10

// newPageDoor returns a controller with a door whose pages are made by make.
func newPageDoor(makePage http.HandlerFunc) (*Controller, http.Handler) {
	c := NewController(time.Now, nil)
	door := c.GuardPages(PageDoor{
		Handler: makePage, MaxBody: testMaxBody,
		IsSignIn: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/sign-in/") },
		Refuse:   func(w http.ResponseWriter, _ *http.Request, status int) { w.WriteHeader(status) },
	})
	return c, door
}

// sender is a slow body whose reads fail once the server sets a deadline.
type sender struct {
	*httptest.ResponseRecorder
	*slowBody
}

func (s sender) SetReadDeadline(time.Time) error { s.cutOff(); return nil }
func (sender) Close() error                      { return nil }

func TestPageBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		chunk, chunks int
		pause         time.Duration
		declared      int64
		status        int
		ends          time.Duration
	}{
		{"a form", 4 << 10, 2, time.Second, 8 << 10, http.StatusOK, 2 * time.Second},
		{"of unknown length", 4 << 10, 2, time.Second, -1, http.StatusOK, 2 * time.Second},
		{"one octet a second", 1, 600, time.Second, 600, http.StatusRequestTimeout, blockTime},
		{"declared too large", 4 << 10, 100, time.Second, testMaxBody + 1, http.StatusRequestEntityTooLarge, 0},
		{"too large", 8 << 10, 100, time.Second / 10, -1, http.StatusRequestEntityTooLarge, 9 * time.Second / 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				made, read := 0, 0
				controller, door := newPageDoor(func(_ http.ResponseWriter, r *http.Request) {
					made++
					data, err := io.ReadAll(r.Body)
					if read = len(data); err != nil {
						t.Error(err)
					}
				})
				w := sender{httptest.NewRecorder(), newSlowBody(c.chunk, c.chunks, c.pause)}
				r := newCaller(t, "192.0.2.1").request(t.Context(), nil)
				r.Body, r.ContentLength = w, c.declared
				began := time.Now()
				door.ServeHTTP(w, r)
				if w.Code != c.status || time.Since(began) != c.ends {
					t.Errorf("%d after %v", w.Code, time.Since(began))
				}
				if isMade := made == 1; isMade != (c.status == http.StatusOK) || isMade && read != c.chunk*c.chunks {
					t.Errorf("%d pages made, %d bytes read", made, read)
				}
				wantAllIdle(t, controller)
			})
		})
	}
}

// TestPagesAreMadeInTurn has one address ask for a thousand pages: a few are made at once, and a caller from elsewhere
// gets a page without waiting for them.
func TestPagesAreMadeInTurn(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"pages": "/", "sign-ins": "/sign-in/start"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var making, most, refused atomic.Int32
				controller, door := newPageDoor(func(_ http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Slow") == "" {
						return
					}
					for now := making.Add(1); ; {
						seen := most.Load()
						if now <= seen || most.CompareAndSwap(seen, now) {
							break
						}
					}
					time.Sleep(time.Minute)
					making.Add(-1)
				})
				limit := int32(controller.pages.perOwner)
				if name != "pages" {
					limit = maxSignIns / 2
				}
				var all sync.WaitGroup
				for range 1000 {
					all.Go(func() {
						r := newCaller(t, "192.0.2.1").request(t.Context(), nil)
						r.URL.Path = path
						r.Header.Set("Slow", "yes")
						w := httptest.NewRecorder()
						if door.ServeHTTP(w, r); w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") != "" {
							refused.Add(1)
						}
					})
				}
				synctest.Wait()
				began := time.Now()
				r := newCaller(t, "198.51.100.1").request(t.Context(), nil)
				r.URL.Path = path
				w := httptest.NewRecorder()
				if door.ServeHTTP(w, r); w.Code != http.StatusOK || time.Since(began) != 0 {
					t.Errorf("another address: %d after %v", w.Code, time.Since(began))
				}
				all.Wait()
				if most.Load() != limit || refused.Load() != 1000-limit {
					t.Errorf("%d at once, want %d; %d refused", most.Load(), limit, refused.Load())
				}
				wantAllIdle(t, controller)
			})
		})
	}
}

// slowReader takes a minute to receive anything.
type slowReader struct{ *httptest.ResponseRecorder }

func (s slowReader) Write(p []byte) (int, error) {
	time.Sleep(time.Minute)
	return s.ResponseRecorder.Write(p)
}

// TestSlowReaderOfPages checks that a page is sent after its turn ended, whatever its size, and complete.
func TestSlowReaderOfPages(t *testing.T) {
	t.Parallel()
	for _, chunks := range []int{1, 100} {
		t.Run(fmt.Sprintf("%d KiB", 8*chunks), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				controller, door := newPageDoor(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusTeapot)
					for range chunks {
						_, _ = w.Write(make([]byte, 8<<10))
					}
				})
				w := httptest.NewRecorder()
				var sent sync.WaitGroup
				sent.Go(func() { door.ServeHTTP(slowReader{w}, newCaller(t, "192.0.2.1").request(t.Context(), nil)) })
				synctest.Wait()
				wantIdle(t, controller.pages)
				sent.Wait()
				if w.Code != http.StatusTeapot || w.Body.Len() != chunks*8<<10 {
					t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
				}
				wantAllIdle(t, controller)
			})
		})
	}
}

func TestPageThatPanics(t *testing.T) {
	t.Parallel()
	controller, door := newPageDoor(func(http.ResponseWriter, *http.Request) { panic("a defect") })
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is hidden")
			}
		}()
		door.ServeHTTP(w, newCaller(t, "192.0.2.1").request(context.Background(), nil))
	}()
	if w.Body.Len() != 0 {
		t.Errorf("%q is sent", w.Body)
	}
	wantAllIdle(t, controller)
}
