package main_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// getPage requests a page of the service and returns its status and text.
func getPage(ctx context.Context, t *testing.T, c *http.Client, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestFindingR1SilentPostgres runs a service whose PostgreSQL becomes silent: callers get a retryable fault within
// twelve seconds, /readyz answers within two, the log and the metrics say so, and a signal ends the process.
func TestFindingR1SilentPostgres(t *testing.T) {
	t.Parallel()
	proxy := storetest.StartSilentProxy(t)
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t), "--database", proxy.URL, "--admin-listen", "127.0.0.1:0")
	hospital := service.NewClient(t, interop.HospitalKey(t))
	interop.MustNotify(t, hospital, interop.NewImplantation("SILENT-1", interop.PatientSSIN, "S-1"))
	proxy.SilenceAll(true)

	const callers = 40 // more than connections to the database
	refused := make(chan error, callers)
	limited, cancel := context.WithTimeout(t.Context(), 12*time.Second)
	defer cancel()
	for range callers {
		c := service.NewClient(t, interop.HospitalKey(t))
		go func() {
			_, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](limited, c, "Search",
				interop.NewSearchRequest(interop.CriteriaByPatient(interop.PatientSSIN)))
			refused <- err
		}()
	}
	browser := service.NewHTTPClient(t)
	interop.Await(t, "not ready", func() bool { // a probe asks each second; every answer comes at once
		ready, cancelReady := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancelReady()
		status, _ := getPage(ready, t, browser, strings.TrimSuffix(service.URL, "/ctr/v1")+"/readyz")
		return status == http.StatusServiceUnavailable
	}, service.Stderr)
	for range callers {
		err := <-refused
		refusal, isRefusal := errors.AsType[*soap.Refusal](err)
		if !isRefusal || refusal.Violations[0].Code != "STORE_UNAVAILABLE" && refusal.Violations[0].Code != "OVERLOADED" {
			t.Errorf("a caller: %v", err)
		}
	}
	_, metrics := getPage(t.Context(), t, http.DefaultClient, service.Admin)
	if !strings.Contains(metrics, "ctr_database_silent 1") || !strings.Contains(service.Stderr(), "the database does not answer in time") {
		t.Errorf("nobody is told: %s", service.Stderr())
	}
	service.Signal(t, syscall.SIGTERM)
	if code := service.AwaitEnd(t, 15*time.Second); code != 1 {
		t.Errorf("exit code %d: %s", code, service.Stderr()) // the last events are not sealed
	}
}

// TestFindingR1SecondSignal checks that a second signal ends a service that waits for a silent database.
func TestFindingR1SecondSignal(t *testing.T) {
	t.Parallel()
	for _, second := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(second.String(), func(t *testing.T) {
			t.Parallel()
			proxy := storetest.StartSilentProxy(t)
			service := interop.StartService(t, interop.NewDevelopmentDirectory(t), "--database", proxy.URL)
			hospital := service.NewClient(t, interop.HospitalKey(t))
			proxy.SilenceAll(true)
			go func() {
				_, _ = client.Call[ctr.SearchRequest, ctr.SearchResponse](t.Context(), hospital, "Search",
					interop.NewSearchRequest(interop.CriteriaByPatient(interop.PatientSSIN)))
			}()
			service.Signal(t, syscall.SIGTERM)
			interop.Await(t, "listening has ended", func() bool {
				conn, err := (&tls.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(service.URL, "https://"), "/ctr/v1"))
				if err == nil {
					_ = conn.Close()
				}
				return err != nil && strings.Contains(err.Error(), "refused")
			}, service.Stderr)
			service.Signal(t, second)
			service.AwaitEnd(t, 3*time.Second)
		})
	}
}

// TestFindingR13Drain checks what callers see between the first signal and the end of listening.
func TestFindingR13Drain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		http string // version
		args []string
	}{
		{"HTTP/1.1", "HTTP/1.1", nil},
		{"HTTP/2", "HTTP/2.0", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			service := interop.StartService(t, interop.NewDevelopmentDirectory(t), "--drain", "1m")
			home := strings.TrimSuffix(service.URL, "/ctr/v1")
			hospital := service.NewClient(t, interop.HospitalKey(t))
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: c.http == "HTTP/2.0"}
			t.Cleanup(transport.CloseIdleConnections)
			browser := &http.Client{Transport: transport}
			if status, _ := getPage(t.Context(), t, browser, home+"/readyz"); status != http.StatusOK {
				t.Fatalf("/readyz before: HTTP %d", status)
			}
			service.Signal(t, syscall.SIGTERM)
			interop.Await(t, "/readyz refuses", func() bool {
				status, _ := getPage(t.Context(), t, browser, home+"/readyz")
				return status == http.StatusServiceUnavailable
			}, service.Stderr)
			interop.MustNotify(t, hospital, interop.NewImplantation("DRAIN-1", interop.PatientSSIN, "S-1"))
			for range 3 { // each response ends its connection
				reused := true
				traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
				if status, _ := getPage(traced, t, browser, home+"/livez"); status != http.StatusOK || reused {
					t.Errorf("/livez: HTTP %d on a connection used before: %t", status, reused)
				}
			}
			if code := service.Stop(t); code != 0 { // the second signal skips the rest
				t.Errorf("exit code %d: %s", code, service.Stderr())
			}
		})
	}
}
