// Package testpki provides the frozen keys of certs-testdata to tests: of callers that a service must accept, and of
// those that it must refuse. It is for tests only; production code never imports it.
package testpki

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	certstestdata "github.com/openctr/ctr/certs-testdata"
	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
)

// Hospital is the organisation in whose name most tests sign, with an RSA key.
const Hospital = "NIHII-HOSPITAL=71000436"

// frozenKeys parses each file once, whatever the number of tests.
type frozenKeys struct {
	index    authority.DevelopmentFiles
	password string

	mu   sync.Mutex
	keys map[string]*x509id.Key
}

var loadFrozenKeys = sync.OnceValues(func() (*frozenKeys, error) {
	index, err := authority.ReadDevelopmentIndex(certstestdata.Files)
	if err != nil {
		return nil, err
	}
	password, err := fs.ReadFile(certstestdata.Files, index.Password)
	if err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	return &frozenKeys{index: index, password: string(password), keys: make(map[string]*x509id.Key)}, nil
})

func (f *frozenKeys) loadKey(name string) (*x509id.Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if key, ok := f.keys[name]; ok {
		return key, nil
	}
	file, ok := f.index.P12[name]
	if !ok {
		return nil, fmt.Errorf("testpki: there is no key %q", name)
	}
	data, err := fs.ReadFile(certstestdata.Files, file)
	if err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	key, err := p12.DecodeSigningKey(data, f.password, time.Time{})
	if err != nil {
		return nil, fmt.Errorf("testpki: %q: %w", name, err)
	}
	f.keys[name] = key
	return key, nil
}

func mustLoad(tb testing.TB) *frozenKeys {
	tb.Helper()
	f, err := loadFrozenKeys()
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// Key returns the key of a subject, such as "NIHII-HOSPITAL=71000436" or "SSIN=78031412250", or of one of pki's Entry
// constants. Tests share it: do not change it.
func Key(tb testing.TB, name string) *x509id.Key {
	tb.Helper()
	key, err := mustLoad(tb).loadKey(name)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// ECKey returns the hospital's P-256 key.
func ECKey(tb testing.TB) *x509id.Key { tb.Helper(); return Key(tb, authority.EntryEC) }

// ExpiredKey returns a key of the hospital whose certificate expired in 2019.
func ExpiredKey(tb testing.TB) *x509id.Key { tb.Helper(); return Key(tb, authority.EntryExpired) }

// NotYetValidKey returns a key of the hospital whose certificate is valid from 2119.
func NotYetValidKey(tb testing.TB) *x509id.Key {
	tb.Helper()
	return Key(tb, authority.EntryNotYetValid)
}

// RevokedKey returns a key of the hospital whose certificate is on the CRL.
func RevokedKey(tb testing.TB) *x509id.Key { tb.Helper(); return Key(tb, authority.EntryRevoked) }

// WrongUsageKey returns a key of the hospital whose certificate is only for encryption.
func WrongUsageKey(tb testing.TB) *x509id.Key {
	tb.Helper()
	return Key(tb, authority.EntryWrongKeyUsage)
}

// CAKey returns a key whose certificate, in the hospital's name, is a CA certificate.
func CAKey(tb testing.TB) *x509id.Key { tb.Helper(); return Key(tb, authority.EntryIsCA) }

// WeakKey returns an RSA key of the hospital with 1,024 bits.
func WeakKey(tb testing.TB) *x509id.Key { tb.Helper(); return Key(tb, authority.EntryWeakKey) }

// UntrustedKey returns a key in the hospital's name from an authority with the trusted one's name but different keys.
func UntrustedKey(tb testing.TB) *x509id.Key { tb.Helper(); return Key(tb, authority.EntryUntrusted) }

// SelfSignedKey returns a key in the hospital's name with a self-signed certificate.
func SelfSignedKey(tb testing.TB) *x509id.Key { tb.Helper(); return Key(tb, authority.EntrySelfSigned) }

// P12File returns the .p12 file of an entry, and its password.
func P12File(tb testing.TB, name string) (data []byte, password string) {
	tb.Helper()
	f := mustLoad(tb)
	file, ok := f.index.P12[name]
	if !ok {
		tb.Fatalf("there is no key %q", name)
	}
	return readEmbeddedFile(tb, file), f.password
}

// CAFile returns the PEM file of the trusted authorities.
func CAFile(tb testing.TB) []byte { tb.Helper(); return readEmbeddedFile(tb, mustLoad(tb).index.CA) }

// CRLFile returns the PEM file of the trusted authorities' CRL.
func CRLFile(tb testing.TB) []byte { tb.Helper(); return readEmbeddedFile(tb, mustLoad(tb).index.CRL) }

func readEmbeddedFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := fs.ReadFile(certstestdata.Files, name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// NewTrustStore returns a new TrustStore with the test authorities and their CRL.
func NewTrustStore(tb testing.TB) *x509id.TrustStore {
	tb.Helper()
	trust, err := x509id.ParseTrustStore(64, CAFile(tb))
	if err != nil {
		tb.Fatal(err)
	}
	if err := revocation.NewCRLStore(trust).AddCRL(CRLFile(tb)); err != nil {
		tb.Fatal(err)
	}
	return trust
}

// AuthorityCertificates returns the certificates of the test authorities, the issuing one first.
func AuthorityCertificates(tb testing.TB) []*x509.Certificate {
	tb.Helper()
	var all []*x509.Certificate
	for rest := CAFile(tb); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, c)
	}
}
