package service_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// requestPage requests a page of a service and returns the status and the body.
func requestPage(t *testing.T, c *http.Client, method, address string, form url.Values) (int, string) {
	t.Helper()
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err = response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

var confirmedForm = url.Values{"confirm": {"yes"}}

// sandboxPages lists requests that only a development service handles.
var sandboxPages = []struct{ method, path string }{
	{http.MethodGet, "/sandbox/"}, {http.MethodGet, "/sandbox/sandbox.css"}, {http.MethodGet, "/sandbox/certs/ca.pem"}, {http.MethodGet, "/sandbox/certs/password.txt"},
	{http.MethodGet, "/sandbox/samples/NotifyImplant.signed.xml"}, {http.MethodGet, "/sandbox/mistakes/rules.xml"}, {http.MethodPost, "/sandbox/try/Search"},
	{http.MethodPost, "/sandbox/check"}, {http.MethodPost, "/sandbox/reset"},
}

// TestSandboxOnlyForDevelopment checks that no sandbox page exists outside development or in production.
func TestSandboxOnlyForDevelopment(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	certs := filepath.Join(directory, "certs")
	ca := filepath.Join(certs, "ca.pem")
	for name, config := range map[string]service.Config{
		"not for development": newOperationalConfig(t, certs),
		"in production":       {DataDirectory: directory, Development: true, Environment: "Production"},
	} {
		service := startService(t, config)
		service.CA = ca
		for _, page := range sandboxPages {
			if status, body := requestPage(t, service.NewHTTPClient(t), page.method, strings.TrimSuffix(service.URL, "/ctr/v1")+page.path, confirmedForm); status != http.StatusNotFound {
				t.Errorf("%s: %s %s: HTTP %d %s", name, page.method, page.path, status, body)
			}
		}
	}
	development := startService(t, service.Config{Development: true})
	for _, page := range sandboxPages[:7] {
		if status, body := requestPage(t, development.NewHTTPClient(t), page.method, strings.TrimSuffix(development.URL, "/ctr/v1")+page.path, nil); status != http.StatusOK {
			t.Errorf("%s %s: HTTP %d %s", page.method, page.path, status, body)
		}
	}
}

// TestSandboxReset resets the register three times while callers send requests. Each request gets a response or HTTP
// 503, the certificates stay valid, and the old notifications are gone, also after a restart.
func TestSandboxReset(t *testing.T) {
	t.Parallel()
	config := service.Config{DataDirectory: interop.NewDevelopmentDirectory(t), Development: true}
	service := startService(t, config)
	home := strings.TrimSuffix(service.URL, "/ctr/v1")
	hospital := service.NewClient(t, interop.HospitalKey(t))
	number := interop.MustNotify(t, hospital, interop.NewImplantation("RESET-1", interop.PatientSSIN, "S-1")).Receipt.NotificationNumber

	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var answered atomic.Int32
	for range 3 {
		c := service.NewClient(t, testpki.ECKey(t))
		callers.Go(func() {
			for ctx.Err() == nil {
				_, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](ctx, c, "Search", interop.NewSearchRequest(interop.CriteriaByPatient(interop.PatientSSIN)))
				switch {
				case err == nil:
					answered.Add(1)
				case ctx.Err() == nil && !strings.Contains(err.Error(), "HTTP 503"):
					t.Errorf("a caller is told: %v", err)
				}
			}
		})
	}
	browser := service.NewHTTPClient(t)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for range 3 {
		for before := answered.Load(); answered.Load() == before && t.Context().Err() == nil; {
			runtime.Gosched() // until a caller is answered
		}
		if status, body := requestPage(t, browser, http.MethodPost, home+"/sandbox/reset", confirmedForm); status != http.StatusSeeOther {
			t.Fatalf("HTTP %d %s", status, body)
		}
	}
	stop()
	callers.Wait()
	if found := interop.MustSearch(t, hospital, interop.CriteriaByPatient(interop.PatientSSIN)); found.Total != 0 {
		t.Errorf("%d notifications are left", found.Total)
	}
	again := interop.MustNotify(t, hospital, interop.NewImplantation("RESET-1", interop.PatientSSIN, "S-2")).Receipt.NotificationNumber
	if again != number {
		t.Errorf("the first notification of the day is %s, and was %s", again, number)
	}
	service.close()
	restarted := startService(t, config)
	if found := interop.MustSearch(t, restarted.NewClient(t, interop.HospitalKey(t)), interop.CriteriaByNumber(again)); found.Total != 1 {
		t.Errorf("%d notifications after a restart", found.Total)
	}
	restarted.close()
	verifyAuditLog(t, config.DataDirectory)
}

// TestSandboxKeepsNamedDatabases checks that a database given with --database, which may be shared, is never deleted.
func TestSandboxKeepsNamedDatabases(t *testing.T) {
	t.Parallel()
	database := storetest.NewPostgresDatabase(t)
	service := startService(t, service.Config{Development: true, DatabaseURL: database})
	hospital := service.NewClient(t, interop.HospitalKey(t))
	interop.MustNotify(t, hospital, interop.NewImplantation("SPARED-1", interop.PatientSSIN, "S-1"))
	if status, body := requestPage(t, service.NewHTTPClient(t), http.MethodPost, strings.TrimSuffix(service.URL, "/ctr/v1")+"/sandbox/reset", confirmedForm); status != http.StatusConflict || !strings.Contains(body, "--database") {
		t.Errorf("HTTP %d %s", status, body)
	}
	if found := interop.MustSearch(t, hospital, interop.CriteriaByPatient(interop.PatientSSIN)); found.Total != 1 {
		t.Errorf("%d notifications", found.Total)
	}
}
