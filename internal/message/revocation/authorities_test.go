package revocation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// testCA is a certification authority that puts URLs into the certificates it issues, unlike authority.Authority.
type testCA struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

var serials atomic.Int64

// newRSA4096Key generates the key once, because that takes seconds.
var newRSA4096Key = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 4096) })

func newP384Key() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }

// newCAChain returns a root and an issuing authority below it, with keys of one kind.
func newCAChain(tb testing.TB, name string, newKey func() (crypto.Signer, error), rootLists ...string) (root, issuing testCA) {
	tb.Helper()
	key, err := newKey()
	if err != nil {
		tb.Fatal(err)
	}
	root = testCA{nil, key}
	root.certificate = root.certify(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: name + " root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}, key)
	return root, root.newSubordinate(tb, name+" issuing", key, rootLists...)
}

func (a testCA) newSubordinate(tb testing.TB, name string, key crypto.Signer, lists ...string) testCA {
	tb.Helper()
	return testCA{a.certify(tb, &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, CRLDistributionPoints: lists,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}, key), key}
}

func (a testCA) certify(tb testing.TB, template *x509.Certificate, key crypto.Signer) *x509.Certificate {
	tb.Helper()
	template.BasicConstraintsValid = true
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1000 + serials.Add(1))
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1)
	}
	parent := a.certificate
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// sharedSignerKey is the key of all signers: only their certificates matter.
var sharedSignerKey = sync.OnceValues(func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })

const holder = "SSIN=78031412250"

// issueSigner issues a signer's certificate with the given URLs; empty ones are omitted.
func (a testCA) issueSigner(tb testing.TB, responder, list string, changes ...func(*x509.Certificate)) *x509.Certificate {
	tb.Helper()
	key, err := sharedSignerKey()
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: holder}, KeyUsage: x509.KeyUsageDigitalSignature}
	if responder != "" {
		template.OCSPServer = []string{"ldap://127.0.0.1/ignored", responder}
	}
	if list != "" {
		template.CRLDistributionPoints = []string{"ldap://127.0.0.1/ignored", list}
	}
	for _, change := range changes {
		change(template)
	}
	return a.certify(tb, template, key)
}

// signCRL signs a revocation list.
func (a testCA) signCRL(tb testing.TB, template x509.RevocationList, revoked ...*x509.Certificate) []byte {
	tb.Helper()
	if template.Number == nil {
		template.Number = big.NewInt(serials.Add(1))
	}
	if template.ThisUpdate.IsZero() {
		template.ThisUpdate, template.NextUpdate = testpki.Now().Add(-time.Hour), testpki.Now().Add(24*time.Hour)
	}
	for _, c := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: testpki.Now(), ReasonCode: 1})
	}
	der, err := x509.CreateRevocationList(rand.Reader, &template, a.certificate, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// signOCSPResponse signs an OCSP response about a certificate, as the responder in the template or as the authority
// itself.
func (a testCA) signOCSPResponse(tb testing.TB, template ocsp.Response, by crypto.Signer) []byte {
	tb.Helper()
	if template.ThisUpdate.IsZero() {
		template.ThisUpdate, template.NextUpdate = testpki.Now().Add(-time.Hour), testpki.Now().Add(24*time.Hour)
	}
	responder := a.certificate
	if template.Certificate != nil {
		responder = template.Certificate
	}
	der, err := ocsp.CreateResponse(a.certificate, responder, template, by)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func (a testCA) signGoodResponse(tb testing.TB, c *x509.Certificate) []byte {
	tb.Helper()
	return a.signOCSPResponse(tb, ocsp.Response{Status: ocsp.Good, SerialNumber: c.SerialNumber}, a.key)
}

func (a testCA) signRevokedResponse(tb testing.TB, c *x509.Certificate, reason int) []byte {
	tb.Helper()
	return a.signOCSPResponse(tb, ocsp.Response{Status: ocsp.Revoked, SerialNumber: c.SerialNumber, RevokedAt: testpki.Now(), RevocationReason: reason}, a.key)
}

// revocationServer is an OCSP responder and CRL server. Tests set its handler; it counts requests.
type revocationServer struct {
	*httptest.Server
	requestCount atomic.Int64
	handler      atomic.Pointer[http.HandlerFunc]
}

func newRevocationServer(tb testing.TB) *revocationServer {
	tb.Helper()
	s := &revocationServer{}
	s.setReply(nil)
	s.Server = &httptest.Server{Listener: listenInMemory(), Config: &http.Server{ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.requestCount.Add(1)
			(*s.handler.Load())(w, r)
		})}}
	s.Start()
	tb.Cleanup(s.Close)
	return s
}

// memoryListener accepts connections within the process, so that the servers and the checker of a test run on the
// virtual clock of testing/synctest.
type memoryListener struct {
	address string
	dialled chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

var memoryListeners sync.Map // *memoryListener by address

func listenInMemory() *memoryListener {
	l := &memoryListener{address: fmt.Sprintf("127.0.0.1:%d", 1000+serials.Add(1)), dialled: make(chan net.Conn), closed: make(chan struct{})}
	memoryListeners.Store(l.address, l)
	return l
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialled:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return memoryAddress(l.address) }

type memoryAddress string

func (memoryAddress) Network() string  { return "tcp" }
func (a memoryAddress) String() string { return string(a) }

var errConnectionRefused = errors.New("connection refused")

func dialMemory(_ context.Context, _, address string) (net.Conn, error) {
	found, ok := memoryListeners.Load(address)
	if !ok {
		return nil, errConnectionRefused
	}
	l, ok := found.(*memoryListener)
	if !ok {
		return nil, errConnectionRefused
	}
	client, server := net.Pipe()
	select {
	case l.dialled <- server:
		return client, nil
	case <-l.closed:
		return nil, errConnectionRefused
	}
}

// newMemoryClient returns a client of the servers of a test.
func newMemoryClient(tb testing.TB) *http.Client {
	tb.Helper()
	transport := &http.Transport{DialContext: dialMemory}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (s *revocationServer) setHandler(f http.HandlerFunc) { s.handler.Store(&f) }

func (s *revocationServer) setReply(octets []byte) {
	s.setHandler(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(octets) })
}

// parseOCSPRequest reads an OCSP request.
func parseOCSPRequest(tb testing.TB, r *http.Request) *ocsp.Request {
	tb.Helper()
	octets, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Error(err)
	}
	question, err := ocsp.ParseRequest(octets)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/ocsp-request" {
		tb.Errorf("%s %s: %v", r.Method, r.Header.Get("Content-Type"), err)
		return &ocsp.Request{SerialNumber: new(big.Int)}
	}
	return question
}

// testClock is a clock that tests control.
type testClock struct{ offset atomic.Int64 }

func (c *testClock) now() time.Time          { return testpki.Now().Add(time.Duration(c.offset.Load())) }
func (c *testClock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// logBuffer is a log that tests can read.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// runningChecker is a TrustStore with a running StatusChecker.
type runningChecker struct {
	*x509id.TrustStore
	*revocation.StatusChecker
	clock *testClock
	log   *logBuffer
}

// startChecker, in a bubble of testing/synctest, trusts the authorities and starts a StatusChecker for them. The function before may add files and URLs.
func startChecker(tb testing.TB, o revocation.StatusCheckerOptions, trusted []testCA, before func(*revocation.StatusChecker)) *runningChecker {
	tb.Helper()
	var file []byte
	for _, a := range trusted {
		file = append(file, x509id.EncodePEM(a.certificate)...)
	}
	trust, err := x509id.ParseTrustStore(64, file)
	if err != nil {
		tb.Fatal(err)
	}
	s := &runningChecker{TrustStore: trust, clock: &testClock{}, log: &logBuffer{}}
	o.Now, o.Interval = s.clock.now, 3*time.Millisecond
	o.HTTPClient = newMemoryClient(tb)
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	s.StatusChecker = revocation.NewStatusChecker(trust, o)
	if before != nil {
		before(s.StatusChecker)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	tb.Cleanup(func() {
		cancel()
		<-ended
	})
	return s
}

func (s *runningChecker) verifyNow(c *x509.Certificate) problem.Code {
	return testpki.Code(s.Verify(c, s.clock.now()))
}

// waitForCode waits until verifying the certificate gives the wanted code.
func (s *runningChecker) waitForCode(tb testing.TB, c *x509.Certificate, want problem.Code) {
	tb.Helper()
	waitUntil(tb, "the answer "+string(want), func() bool { return s.verifyNow(c) == want })
}

// waitUntil lets sweeps pass on the virtual clock until a condition holds.
func waitUntil(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for range 5000 {
		if holds() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	tb.Fatalf("%s does not come", what)
}

// waitSeveralSweeps lets many sweeps pass on the virtual clock, and waits until all that they started has ended or
// waits.
func waitSeveralSweeps() {
	time.Sleep(60 * time.Millisecond)
	synctest.Wait()
}
