package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
)

// newRevocation reads the revocation files and prepares the requests to the authorities.
func (c *Config) newRevocation(
	registry prometheus.Registerer, trust *x509id.TrustStore, dev authority.DevelopmentFiles,
) (*revocation.StatusChecker, error) {
	if c.RevocationPolicy == revocation.PolicyOff && slices.ContainsFunc(c.RevocationLists, isURL) {
		return nil, ErrListURLWithoutRequests
	}
	skipped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ctr_revocation_lists_skipped_total",
		Help: "Addresses of revocation lists that are not fetched because their authority names too many.",
	}, []string{"authority"})
	if err := registry.Register(skipped); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	r := revocation.NewStatusChecker(trust, revocation.StatusCheckerOptions{
		Policy: c.RevocationPolicy,
		Now:    c.Now,
		Log:    c.Log,

		Directory:      filepath.Join(c.DataDirectory, "revocation"),
		OnSkippedLists: func(name string, count int) { skipped.WithLabelValues(name).Add(float64(count)) },
		HTTPClient: &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns: 8, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}},
	})
	lists := c.RevocationLists
	if c.Development {
		lists = append([]string{dev.CRL}, lists...)
	}
	for _, name := range lists {
		if isURL(name) {
			if err := r.AddCRLURL(name); err != nil {
				return nil, &SettingError{Setting: "crl", Err: err} // without the URL, which may contain a password
			}
		} else if err := r.AddCRLFile(name); err != nil {
			return nil, &SettingError{Setting: "crl", File: name, Err: err}
		}
	}
	for _, name := range c.OCSPResponseFiles {
		if err := r.AddOCSPFile(name); err != nil {
			return nil, &SettingError{Setting: "ocsp", File: name, Err: err}
		}
	}
	return r, nil
}

// startRevocation reads what an earlier process kept, starts the queries, and waits for the lists whose addresses are
// known, so that the first message already meets them. An authority that does not answer must not stop the start: it is
// asked again in the background.
func (s *Service) startRevocation(ctx, background context.Context, r *revocation.StatusChecker) {
	r.LoadKept(ctx)
	s.jobs.Go(func() { r.Run(background) })
	ctx, cancel := context.WithTimeout(ctx, s.config.ListFetchTimeout)
	defer cancel()
	if missing := r.AwaitLists(ctx); missing > 0 {
		s.config.Log.WarnContext(ctx, "started without all revocation lists", slog.Int("missing", missing))
	}
}

func isURL(name string) bool { return strings.Contains(name, "://") }
