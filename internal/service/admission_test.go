package service_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
)

// TestFindingR2SilentSockets opens more sockets than the service ever served at once, with the head of a request each
// and no body: a caller with a new connection for each message is served.
func TestFindingR2SilentSockets(t *testing.T) {
	t.Parallel()
	const sockets = 600
	for _, c := range []struct{ name, length, body string }{
		{"silence", "6000", ""},
		{"a first octet", "6000", "<"},
		{"half of a large body", "140000", strings.Repeat("x", 70000)},
		{"a chunked body", "", "1\r\n<\r\n"},
		{"a chunk that does not come", "", "1000\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			running := startService(t, service.Config{Development: true, PlainHTTP: true})
			address, err := url.Parse(running.URL)
			if err != nil {
				t.Fatal(err)
			}
			length := "Content-Length: " + c.length
			if c.length == "" {
				length = "Transfer-Encoding: chunked"
			}
			var group sync.WaitGroup
			for range sockets {
				group.Go(func() {
					conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.Host)
					if err != nil {
						t.Error(err)
						return
					}
					t.Cleanup(func() { _ = conn.Close() })
					_, _ = io.WriteString(conn, "POST /ctr/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n"+length+"\r\n\r\n"+c.body)
				})
			}
			group.Wait()
			honest := running.NewClient(t, interop.HospitalKey(t))
			for n := range 5 {
				interop.MustNotify(t, honest, interop.NewImplantation(fmt.Sprint("SILENT-", n), interop.PatientSSIN, "S-1"))
				honest.HTTP.CloseIdleConnections()
			}
		})
	}
}

// TestFindingR2UnfinishedStreams opens as many streams as the service allows on three HTTP/2 connections, and leaves
// their bodies unfinished: that is no more than 32 on each, and a caller with a new connection is served.
func TestFindingR2UnfinishedStreams(t *testing.T) {
	t.Parallel()
	const connections, tried, allowed = 3, 250, 32
	running := startService(t, service.Config{Development: true})
	opened := make(chan struct{}, connections*tried)
	ctx, cancel := context.WithCancel(t.Context())
	var streams sync.WaitGroup
	defer streams.Wait()
	defer cancel()
	for range connections {
		one := running.NewHTTPClient(t)
		transport, ok := one.Transport.(*http.Transport)
		if !ok {
			t.Fatal("no transport")
		}
		transport.ForceAttemptHTTP2 = true
		transport.HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true}
		mustGet(t, one, running.URL) // the connection, which the others use
		for range tried {
			streams.Go(func() {
				body := &unfinishedBody{ctx: ctx, opened: opened}
				request, err := http.NewRequestWithContext(ctx, http.MethodPost, running.URL, body)
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Content-Type", "text/xml")
				request.ContentLength = 6000
				if response, err := one.Do(request); err == nil {
					_ = response.Body.Close()
				}
			})
		}
	}
	enough, giveUp := context.WithTimeout(t.Context(), 5*time.Second)
	defer giveUp()
	for range connections * allowed {
		select {
		case <-opened:
		case <-enough.Done(): // the slow machine has some fewer open
		}
	}
	honest := running.NewClient(t, interop.HospitalKey(t))
	for n := range 5 {
		interop.MustNotify(t, honest, interop.NewImplantation(fmt.Sprint("STREAMS-", n), interop.PatientSSIN, "S-1"))
		honest.HTTP.CloseIdleConnections()
	}
}

// unfinishedBody sends nothing until ctx ends.
type unfinishedBody struct {
	ctx    context.Context //nolint:containedctx // a body has no other way to end
	opened chan<- struct{}
	once   sync.Once
}

func (b *unfinishedBody) Read([]byte) (int, error) {
	b.once.Do(func() { b.opened <- struct{}{} })
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

// TestTrustedProxies checks the setting.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	startService(t, service.Config{Development: true, TrustedProxies: []string{"10.0.0.0/8", "fd00::/8"}})
	for _, network := range []string{"10.0.0.1", "10.0.0.0/33", "proxy.example", ""} {
		_, err := service.Start(t.Context(), service.Config{
			Now: time.Now, DataDirectory: interop.NewDevelopmentDirectory(t), Development: true, TrustedProxies: []string{network},
		})
		if setting, ok := errors.AsType[*service.SettingError](err); !ok || setting.Setting != "trusted-proxy" {
			t.Errorf("%q: %v", network, err)
		}
	}
}

// TestSessionsAreResumed checks that the certificate for each connection does not prevent the resumption of sessions.
func TestSessionsAreResumed(t *testing.T) {
	t.Parallel()
	running := startService(t, service.Config{Development: true})
	caller := running.NewHTTPClient(t)
	transport, ok := caller.Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, resumed := range []bool{false, true} {
		if didResume := mustGet(t, caller, running.URL); didResume != resumed {
			t.Errorf("resumed: %v", didResume)
		}
		caller.CloseIdleConnections()
	}
}

// mustGet reads a page, and reports whether the TLS session was resumed.
func mustGet(t *testing.T, caller *http.Client, address string) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := caller.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.TLS.DidResume
}
