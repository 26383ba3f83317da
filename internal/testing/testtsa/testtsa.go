// Package testtsa is a time-stamping authority (RFC 3161) for tests. It writes its tokens itself, independently of the
// code that verifies them, and can be told to write wrong ones.
package testtsa

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // RFC 2634 names certificates by it
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Authority issues tokens at URL.
type Authority struct {
	URL   string
	Roots *x509.CertPool // what a client of this authority trusts
	Now   func() time.Time

	// Key, Signer and Issuer are what it signs with; a test may exchange them.
	Key            crypto.Signer
	Signer, Issuer *x509.Certificate

	mu   sync.Mutex
	edit func(*Draft)
	// Requests counts the requests, Handler replaces the authority's answers.
	Requests atomic.Int64
	handler  atomic.Pointer[http.HandlerFunc]
}

// Draft is a response before it is signed.
type Draft struct {
	Status       int
	Version      int
	ContentType  asn1.ObjectIdentifier
	Imprint      []byte
	Algorithm    asn1.ObjectIdentifier
	Nonce        *big.Int
	Time         time.Time
	Digest       []byte // in the signed attributes; that of the content if nil
	Named        *x509.Certificate
	NamesBySHA1  bool
	Certificates []*x509.Certificate
	Signers      int
	Spoil        func(signature []byte) []byte
	Trailing     []byte
}

// New starts an authority with a root of its own and a P-256 key, which ends with the test.
func New(tb testing.TB, now func() time.Time) *Authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	a := &Authority{Now: now, Key: key, Roots: x509.NewCertPool()}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	root := &x509.Certificate{Subject: pkix.Name{CommonName: "test TSA root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	a.Issuer = issue(tb, root, root, rootKey.Public(), rootKey)
	a.Signer = issue(tb, SignerTemplate(true, x509.ExtKeyUsageTimeStamping), a.Issuer, key.Public(), rootKey)
	a.Roots.AddCert(a.Issuer)
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	tb.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// SignerTemplate is a certificate for the given purposes.
func SignerTemplate(isCritical bool, usages ...x509.ExtKeyUsage) *x509.Certificate {
	oids := map[x509.ExtKeyUsage]asn1.ObjectIdentifier{
		x509.ExtKeyUsageTimeStamping: {1, 3, 6, 1, 5, 5, 7, 3, 8}, x509.ExtKeyUsageServerAuth: {1, 3, 6, 1, 5, 5, 7, 3, 1},
	}
	var purposes []asn1.ObjectIdentifier
	for _, usage := range usages {
		purposes = append(purposes, oids[usage])
	}
	value, _ := asn1.Marshal(purposes) // always succeeds
	return &x509.Certificate{Subject: pkix.Name{CommonName: "test TSA"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: isCritical, Value: value}}}
}

// Reissue gives the authority another key and a certificate from the template, under a new root that is trusted too.
func (a *Authority) Reissue(tb testing.TB, template *x509.Certificate, key crypto.Signer) {
	tb.Helper()
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	root := &x509.Certificate{Subject: pkix.Name{CommonName: "another root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	a.Issuer = issue(tb, root, root, rootKey.Public(), rootKey)
	a.Key, a.Signer = key, issue(tb, template, a.Issuer, key.Public(), rootKey)
	a.Roots.AddCert(a.Issuer)
}

func issue(tb testing.TB, template, parent *x509.Certificate, public any, signer crypto.Signer) *x509.Certificate {
	tb.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		template.NotAfter = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TrustFile writes the root to a PEM file.
func (a *Authority) TrustFile(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "tsa.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Issuer.Raw}), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Edit changes each further response before it is signed; nil for no change.
func (a *Authority) Edit(f func(*Draft)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.edit = f
}

// Answer replaces the whole HTTP response; nil for the authority's own.
func (a *Authority) Answer(f http.HandlerFunc) {
	if f == nil {
		a.handler.Store(nil)
		return
	}
	a.handler.Store(&f)
}

func (a *Authority) serve(w http.ResponseWriter, r *http.Request) {
	a.Requests.Add(1)
	if f := a.handler.Load(); f != nil {
		(*f)(w, r)
		return
	}
	query, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	if err != nil || r.Header.Get("Content-Type") != "application/timestamp-query" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	reply, err := a.Issue(query)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(reply) // the client reports it
}

type algorithm struct {
	Algorithm asn1.ObjectIdentifier
}

type imprint struct {
	Algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	Hash []byte
}

type query struct {
	Version       int
	Imprint       imprint
	Policy        asn1.ObjectIdentifier `asn1:"optional"`
	Nonce         *big.Int              `asn1:"optional"`
	IsCertificate bool                  `asn1:"optional"`
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []any `asn1:"set"`
}

type certificateName struct{ Certificates []struct{ Hash []byte } }

var (
	oidSHA256      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidTSTInfo     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSignedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidECDSA       = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidRSA         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidContentType = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidNameSHA1    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidName        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

// Issue answers a TimeStampReq.
func (a *Authority) Issue(request []byte) ([]byte, error) {
	var q query
	if _, err := asn1.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	a.mu.Lock()
	edit := a.edit
	a.mu.Unlock()
	d := &Draft{Version: 1, ContentType: oidTSTInfo, Imprint: q.Imprint.Hash, Algorithm: q.Imprint.Algorithm.OID,
		Nonce: q.Nonce, Time: a.Now().UTC().Truncate(time.Millisecond), Named: a.Signer,
		Certificates: []*x509.Certificate{a.Signer, a.Issuer}, Signers: 1}
	if edit != nil {
		edit(d)
	}
	type status struct{ Status int }
	if d.Status > 1 {
		return asn1.Marshal(struct{ Status status }{status{d.Status}})
	}
	token, err := a.sign(d)
	if err != nil {
		return nil, err
	}
	reply, err := asn1.Marshal(struct {
		Status status
		Token  asn1.RawValue
	}{status{d.Status}, asn1.RawValue{FullBytes: token}})
	return append(reply, d.Trailing...), err
}

// sign returns the token, a CMS ContentInfo.
func (a *Authority) sign(d *Draft) ([]byte, error) {
	info := struct {
		Version int
		Policy  asn1.ObjectIdentifier
		Imprint imprint
		Serial  *big.Int
		Time    asn1.RawValue
		Limit   struct {
			Seconds int
			Millis  int `asn1:"tag:0"`
		}
		Nonce *big.Int `asn1:"optional"`
	}{Version: d.Version, Policy: asn1.ObjectIdentifier{1, 2, 3}, Serial: big.NewInt(7), Nonce: d.Nonce}
	info.Imprint.Algorithm.OID, info.Imprint.Hash = d.Algorithm, d.Imprint
	info.Time = asn1.RawValue{Tag: asn1.TagGeneralizedTime, Bytes: []byte(d.Time.Format("20060102150405.999Z"))}
	info.Limit.Seconds, info.Limit.Millis = 1, 500
	content, err := asn1.Marshal(info)
	if err != nil {
		return nil, err
	}
	attributes, err := d.attributes(content)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(attributes)
	signature, err := a.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	if d.Spoil != nil {
		signature = d.Spoil(signature)
	}
	scheme := oidECDSA
	if _, isRSA := a.Key.(*rsa.PrivateKey); isRSA {
		scheme = oidRSA
	}
	type signer struct {
		Version int
		SID     struct {
			Issuer asn1.RawValue
			Serial *big.Int
		}
		Digest     algorithm
		Attributes asn1.RawValue
		Scheme     algorithm
		Signature  []byte
	}
	one := signer{Version: 1, Digest: algorithm{oidSHA256}, Scheme: algorithm{scheme}, Signature: signature}
	one.SID.Issuer, one.SID.Serial = asn1.RawValue{FullBytes: a.Signer.RawIssuer}, a.Signer.SerialNumber
	implicit := bytes.Clone(attributes)
	implicit[0] = 0xA0
	one.Attributes = asn1.RawValue{FullBytes: implicit}
	var certificates []byte
	for _, c := range d.Certificates {
		certificates = append(certificates, c.Raw...)
	}
	data := struct {
		Version int
		Digests []algorithm `asn1:"set"`
		Content struct {
			Type    asn1.ObjectIdentifier
			Content []byte `asn1:"explicit,tag:0"`
		}
		Certificates asn1.RawValue
		Signers      []signer `asn1:"set"`
	}{Version: 3, Digests: []algorithm{{oidSHA256}}}
	data.Content.Type, data.Content.Content = d.ContentType, content
	data.Certificates = asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: certificates}
	for range d.Signers {
		data.Signers = append(data.Signers, one)
	}
	inner, err := asn1.Marshal(data)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{oidSignedData, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: inner}})
}

// attributes returns the SET OF signed attributes.
func (d *Draft) attributes(content []byte) ([]byte, error) {
	digest := d.Digest
	if digest == nil {
		sum := sha256.Sum256(content)
		digest = sum[:]
	}
	name, nameType := sha256.Sum256(d.Named.Raw), oidName
	hash := name[:]
	if d.NamesBySHA1 {
		old := sha1.Sum(d.Named.Raw)
		hash, nameType = old[:], oidNameSHA1
	}
	return asn1.MarshalWithParams([]attribute{
		{oidContentType, []any{oidTSTInfo}}, {oidDigest, []any{digest}},
		{nameType, []any{certificateName{[]struct{ Hash []byte }{{hash}}}}},
	}, "set")
}
