package service

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openctr/ctr/internal/admission"
	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/store"
)

// serviceFiles is the content of the files that a service reads at startup.
type serviceFiles struct {
	development       authority.DevelopmentFiles
	trust             *x509id.TrustStore
	knownCertificates *x509id.Directory
	revocation        *revocation.StatusChecker
	tlsCertificate    tls.Certificate
	trustedProxies    admission.TrustedProxies
}

// readFiles reads the trust anchors, the revocation data and the server's certificate. A development service creates
// them if its directory is new.
func (c *Config) readFiles(registry prometheus.Registerer) (serviceFiles, error) {
	var f serviceFiles
	var err error
	if c.Development {
		if f.development, err = openDevelopmentPKI(filepath.Join(c.DataDirectory, "certs"), c.Now()); err != nil {
			return f, fmt.Errorf("the test PKI: %w", err)
		}
	}
	if f.trust, err = c.readTrust(f.development); err != nil {
		return f, err
	}
	if f.revocation, err = c.newRevocation(registry, f.trust, f.development); err != nil {
		return f, err
	}
	if f.knownCertificates, err = c.readKnownCertificates(); err != nil {
		return f, err
	}
	if f.trustedProxies, err = c.parseTrustedProxies(); err != nil {
		return f, err
	}
	f.tlsCertificate, err = c.readTLSCertificate(f.development)
	return f, err
}

func (c *Config) parseTrustedProxies() (admission.TrustedProxies, error) {
	var proxies admission.TrustedProxies
	for _, text := range c.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, &SettingError{Setting: "trusted-proxy", Err: err}
		}
		proxies = append(proxies, network)
	}
	return proxies, nil
}

// openDevelopmentPKI reads the test PKI of a development service, and creates it if the directory is new.
func openDevelopmentPKI(dir string, now time.Time) (authority.DevelopmentFiles, error) {
	existing, err := authority.ReadDevelopmentFiles(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return existing, err
	}
	return authority.DevelopmentPKI{
		Password: rand.Text(),
		IssuedAt: now,
		NotAfter: now.AddDate(3, 0, 0),
		Random:   rand.Reader,
	}.Write(dir)
}

// loadDevelopmentData loads the development data into an empty database.
func loadDevelopmentData(ctx context.Context, db *store.DB) error {
	if empty, err := db.IsEmpty(ctx); err != nil || !empty {
		return err
	}
	var all implants.SourceEntries
	for _, kind := range operator.Kinds() {
		file, err := devdata.Files.Open(kind + ".csv")
		if err != nil {
			return fmt.Errorf("development data: %w", err)
		}
		if _, err = operator.ReadCSV(kind, file, &all); err != nil {
			return fmt.Errorf("development data, %s: %w", kind, err)
		}
		if err = file.Close(); err != nil {
			return fmt.Errorf("development data: %w", err)
		}
	}
	return db.LoadSources(ctx, all)
}

// readTrust reads the trust anchors: the configured files, and the test PKI of a development service.
func (c *Config) readTrust(dev authority.DevelopmentFiles) (*x509id.TrustStore, error) {
	const cacheSize = 4096
	names := c.TrustFiles
	if c.Development {
		names = append([]string{dev.CA}, names...)
	}
	if len(names) == 0 {
		return nil, ErrNoTrust
	}
	var files [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, &SettingError{Setting: "trust", Err: err}
		}
		files = append(files, data)
	}
	trust, err := x509id.ParseTrustStore(cacheSize, files...)
	if err != nil {
		return nil, &SettingError{Setting: "trust", Err: err}
	}
	return trust, nil
}

// readKnownCertificates reads the certificates to which a message may refer instead of containing one.
func (c *Config) readKnownCertificates() (*x509id.Directory, error) {
	var files [][]byte
	for _, name := range c.KnownCertificateFiles {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, &SettingError{Setting: "known", Err: err}
		}
		files = append(files, data)
	}
	known, err := x509id.ParseDirectory(files...)
	if err != nil {
		return nil, &SettingError{Setting: "known", Err: err}
	}
	return known, nil
}

// readTLSCertificate reads the server's certificate; plain HTTP has none.
func (c *Config) readTLSCertificate(dev authority.DevelopmentFiles) (tls.Certificate, error) {
	certFile, keyFile := c.TLSCertificateFile, c.TLSKeyFile
	switch {
	case c.PlainHTTP:
		return tls.Certificate{}, nil
	case certFile == "" && c.Development:
		certFile, keyFile = dev.TLSCertificate, dev.TLSKey
	case certFile == "" || keyFile == "":
		return tls.Certificate{}, ErrNoTLSCertificate
	}
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return certificate, fmt.Errorf("TLS certificate: %w", err)
	}
	return certificate, nil
}
