package pki

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Development says how to make the keys and certificates of a development service and its callers.
type Development struct {
	Password string    // of every .p12 file
	At       time.Time // the instant of issue, in the file names; certificates are valid from an hour before
	Until    time.Time // the end of their validity
	Hostile  bool      // also make the keys that a service must refuse, for tests
	Random   io.Reader // must be safe for concurrent use
}

// DevelopmentFiles names what Write wrote. The paths stand in the directory's index as names within it.
type DevelopmentFiles struct {
	CA             string            `json:"ca"`       // PEM: whom to trust, for signatures and for TLS
	CRL            string            `json:"crl"`      // PEM: what is revoked
	Password       string            `json:"password"` // the password of the .p12 files, without a line end
	TLSCertificate string            `json:"tlsCertificate"`
	TLSKey         string            `json:"tlsKey"`
	P12            map[string]string `json:"p12"` // by subject, as in "NIHII-HOSPITAL=71000436", or by what is wrong
}

const indexFile = "index.json"

// developmentIterations is what OpenSSL takes. The files' password stands beside them; more would only cost time.
const developmentIterations = 2048

// Names of the entries that are not called after their subject.
const (
	EntryEC            = "NIHII-HOSPITAL=71000436 (EC)"
	EntryExpired       = "expired"
	EntryRevoked       = "revoked"
	EntryNotYetValid   = "not yet valid"
	EntryWrongKeyUsage = "wrong key usage"
	EntryIsAuthority   = "authority"
	EntryWeakKey       = "weak key"
	EntryUntrusted     = "untrusted"
	EntryTwin          = "twin"
)

// entry is one .p12 file to make.
type entry struct {
	key     string
	order   Order
	issue   func(Order) (*Key, error)
	revoked bool
}

// developmentSubjects are the organisations and persons of the development data, the first hospital first.
func developmentSubjects() []Subject {
	return []Subject{
		{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"},
		{Type: "NIHII-HOSPITAL", ID: "71012413", Name: "CLINIQUE DU PARC LEOPOLD"},
		{Type: "NIHII-RETIREMENT", ID: "76123422", Name: "WZC DE LINDE"},
		{Type: "CBE", ID: "0403227020", Name: "ZIEKENHUIS SINT-ELOOI"},
		{Type: TypePerson, ID: "78031412250", Name: "ANNA CLAES"},
		{Type: TypePerson, ID: "69092234126", Name: "LUC DUBOIS"},
		{Type: TypePerson, ID: "85073003328", Name: "EVA PEETERS"},
		{Type: TypePerson, ID: "81050511813", Name: "CHLOE LAMBERT"},
		{Type: TypePerson, ID: "91021706490", Name: "SOFIE WOUTERS"},
		{Type: TypePerson, ID: "48022907379", Name: "JEANNE LEROY"},
	}
}

func (d Development) entries(trusted, foreign *Authority) []entry {
	subjects := developmentSubjects()
	hospital := subjects[0]
	from := d.At.Add(-time.Hour)
	var all []entry
	for _, s := range subjects {
		all = append(all, entry{key: s.String(), order: Order{Subject: s, From: from, Until: d.Until}, issue: trusted.Issue})
	}
	good := Order{Subject: hospital, From: from, Until: d.Until}
	with := func(change func(*Order)) Order {
		o := good
		change(&o)
		return o
	}
	all = append(all,
		entry{key: EntryEC, order: with(func(o *Order) { o.Algorithm = NewECP256 }), issue: trusted.Issue},
		entry{key: EntryExpired, order: with(func(o *Order) {
			o.From, o.Until = d.At.AddDate(-4, 0, 0), d.At.AddDate(-1, 0, 0)
		}), issue: trusted.Issue},
		entry{key: EntryRevoked, order: good, issue: trusted.Issue, revoked: true},
	)
	if !d.Hostile {
		return all
	}
	return append(all,
		entry{key: EntryNotYetValid, order: with(func(o *Order) { o.From = d.Until.AddDate(-1, 0, 0) }), issue: trusted.Issue},
		entry{key: EntryWrongKeyUsage, order: with(func(o *Order) { o.Usage = x509.KeyUsageKeyEncipherment }), issue: trusted.Issue},
		entry{key: EntryIsAuthority, order: with(func(o *Order) {
			o.IsAuthority = true
			o.Usage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
		}), issue: trusted.Issue},
		entry{key: EntryWeakKey, order: with(func(o *Order) { o.Algorithm = NewRSA1024 }), issue: trusted.Issue},
		entry{key: EntryUntrusted, order: good, issue: foreign.Issue},
		entry{key: EntryTwin, order: good, issue: trusted.SelfSign},
	)
}

// Write makes everything anew in a directory, which it makes too. The index goes last: where it stands, all the rest
// stands. The files are readable by their owner only.
func (d Development) Write(dir string) (DevelopmentFiles, error) {
	// The foreign authority has the same names as the trusted one: only its keys are others.
	options := AuthorityOptions{Name: "CTR test", From: d.At.AddDate(-5, 0, 0), Until: d.Until, Random: d.Random}
	trusted, err := NewAuthority(options)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	foreign, err := NewAuthority(options)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	entries := d.entries(trusted, foreign)
	keys, err := issueAll(entries)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	files := DevelopmentFiles{
		CA: "ca.pem", CRL: "crl.pem", Password: "password.txt", TLSCertificate: "server.pem", TLSKey: "server-key.pem",
		P12: make(map[string]string, len(entries)),
	}
	content := map[string][]byte{
		files.CA:       EncodePEM(trusted.Certificates()...),
		files.Password: []byte(d.Password),
	}
	var revoked []*x509.Certificate
	for i, e := range entries {
		// Files of one subject are told apart by their second, as the platform's are.
		name := fileName(e.order.Subject, d.At.Add(time.Duration(i)*time.Second))
		if content[name], err = d.store(keys[i], e, trusted); err != nil {
			return DevelopmentFiles{}, err
		}
		files.P12[e.key] = name
		if e.revoked {
			revoked = append(revoked, keys[i].Certificate)
		}
	}
	crl, err := trusted.RevocationList(1, d.At, d.Until, revoked...)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	content[files.CRL] = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl})
	if err := d.server(trusted, files, content); err != nil {
		return DevelopmentFiles{}, err
	}
	return writeAll(dir, files, content)
}

// issueAll makes the keys side by side, for RSA keys take time to find.
func issueAll(entries []entry) ([]*Key, error) {
	keys := make([]*Key, len(entries))
	problems := make([]error, len(entries))
	var group sync.WaitGroup
	for i, e := range entries {
		group.Go(func() { keys[i], problems[i] = e.issue(e.order) })
	}
	group.Wait()
	return keys, errors.Join(problems...)
}

// store makes a .p12 file in the form of the platform's: beside the key that signs one for decryption, under its serial
// number in decimal.
func (d Development) store(key *Key, e entry, trusted *Authority) ([]byte, error) {
	order := e.order
	order.Algorithm, order.Usage, order.IsAuthority = NewECP256, x509.KeyUsageKeyAgreement, false
	decryption, err := trusted.Issue(order)
	if err != nil {
		return nil, err
	}
	decryption.Name = decryption.Certificate.SerialNumber.String()
	return WriteP12([]*Key{key, decryption}, d.Password, developmentIterations, d.Random)
}

func (d Development) server(trusted *Authority, files DevelopmentFiles, content map[string][]byte) error {
	key, err := trusted.IssueServer(d.At.Add(-time.Hour), d.Until)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		return fmt.Errorf("pki: writing a key: %w", err)
	}
	content[files.TLSKey] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	content[files.TLSCertificate] = EncodePEM(append([]*x509.Certificate{key.Certificate}, key.Chain[0])...)
	return nil
}

// fileName is what the platform's certificate manager calls a store: TYPE=id[,APPLICATION] yyyyMMdd-HHmmss.p12.
func fileName(s Subject, at time.Time) string {
	return strings.ReplaceAll(s.String(), ", ", ",") + " " + at.UTC().Format("20060102-150405") + ".p12"
}

func writeAll(dir string, files DevelopmentFiles, content map[string][]byte) (DevelopmentFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return DevelopmentFiles{}, fmt.Errorf("pki: %w", err)
	}
	for name, data := range content {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return DevelopmentFiles{}, fmt.Errorf("pki: %w", err)
		}
	}
	index, err := json.MarshalIndent(files, "", "  ") //nolint:gosec // Password is the name of a file
	if err != nil {
		return DevelopmentFiles{}, fmt.Errorf("pki: writing the index: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexFile), append(index, '\n'), 0o600); err != nil {
		return DevelopmentFiles{}, fmt.Errorf("pki: %w", err)
	}
	return files.within(dir), nil
}

// ReadDevelopment finds what Write left in a directory, with paths that start with dir. Where nothing was written the
// error is fs.ErrNotExist.
func ReadDevelopment(dir string) (DevelopmentFiles, error) {
	files, err := ReadDevelopmentIndex(os.DirFS(dir))
	if err != nil {
		return DevelopmentFiles{}, err
	}
	return files.within(dir), nil
}

// ReadDevelopmentIndex is ReadDevelopment for a file system, with paths in it.
func ReadDevelopmentIndex(dir fs.FS) (DevelopmentFiles, error) {
	index, err := fs.ReadFile(dir, indexFile)
	if err != nil {
		return DevelopmentFiles{}, fmt.Errorf("pki: %w", err)
	}
	var files DevelopmentFiles
	if err := json.Unmarshal(index, &files); err != nil {
		return DevelopmentFiles{}, fmt.Errorf("pki: reading %s: %w", indexFile, err)
	}
	return files, nil
}

func (f DevelopmentFiles) within(dir string) DevelopmentFiles {
	g := f
	for _, path := range []*string{&g.CA, &g.CRL, &g.Password, &g.TLSCertificate, &g.TLSKey} {
		*path = filepath.Join(dir, *path)
	}
	g.P12 = make(map[string]string, len(f.P12))
	for key, name := range f.P12 {
		g.P12[key] = filepath.Join(dir, name)
	}
	return g
}
