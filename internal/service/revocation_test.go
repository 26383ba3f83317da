package service_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// TestRevocationIsFetched runs a service that rejects certificates of unknown revocation status. The revocation list
// arrives late; it contains one of two certificates of a hospital.
func TestRevocationIsFetched(t *testing.T) {
	t.Parallel()
	from, until := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	issuer, err := authority.New(authority.Options{Name: "revoking", NotBefore: from, NotAfter: until, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	issue := func() *x509id.Key {
		key, issueErr := issuer.Issue(authority.Order{
			Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"}, NotBefore: from, NotAfter: until, Algorithm: authority.KeyECP256,
		})
		if issueErr != nil {
			t.Fatal(issueErr)
		}
		return key
	}
	good, revoked := issue(), issue()
	list, err := issuer.SignCRL(1, from, until, revoked.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	release := make(chan struct{})
	lists := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		select {
		case <-release:
			_, _ = w.Write(list)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(lists.Close)
	trust := filepath.Join(t.TempDir(), "trust.pem")
	interop.WriteFile(t, trust, x509id.EncodePEM(issuer.Certificates()...))
	var log logBuffer
	service := startService(t, service.Config{
		Development: true, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		TrustFiles: []string{trust}, RevocationPolicy: revocation.PolicyHardFail, RevocationLists: []string{lists.URL + "/list.crl"},
	})

	search := func(key *x509id.Key) string {
		_, err := client.Call[ctr.SearchRequest, ctr.SearchResponse](t.Context(), service.NewClient(t, key), "Search",
			interop.NewSearchRequest(interop.CriteriaByPatient(interop.PatientSSIN)))
		if refusal, ok := errors.AsType[*soap.Refusal](err); ok {
			return refusal.Violations[0].Code
		}
		if err != nil {
			t.Fatal(err)
		}
		return ""
	}
	if got := search(good); got != string(x509id.CertRevocationUnknown) {
		t.Errorf("before the list: %q", got)
	}
	close(release)
	interop.Await(t, "the good certificate accepted", func() bool { return search(good) == "" }, service.Stderr)
	if got := search(revoked); got != string(x509id.CertRevoked) {
		t.Errorf("revoked: %q", got)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("the list was requested %d times", n)
	}
	if strings.Contains(log.String(), lists.URL) {
		t.Errorf("the address is told: %s", log.String())
	}
}
