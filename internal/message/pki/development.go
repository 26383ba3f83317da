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

// DevelopmentPKI describes the keys and certificates of a development service and its callers.
type Development struct {
	Password string    // of all .p12 files
	At       time.Time // the time of issue, used in file names; certificates are valid from one hour earlier
	Until    time.Time // end of validity
	Hostile  bool      // also make the keys that a service must reject, for tests
	Random   io.Reader // must be safe for concurrent use
}

// DevelopmentFiles lists the files that DevelopmentPKI.Write created. The directory's index holds the paths relative to
// the directory.
type DevelopmentFiles struct {
	CA             string            `json:"ca"`       // PEM: the trust anchors, for signatures and for TLS
	CRL            string            `json:"crl"`      // PEM: the revocation list
	Password       string            `json:"password"` // file with the password of the .p12 files, without line end
	TLSCertificate string            `json:"tlsCertificate"`
	TLSKey         string            `json:"tlsKey"`
	P12            map[string]string `json:"p12"` // by subject, such as "NIHII-HOSPITAL=71000436", or by defect
}

const indexFile = "index.json"

// developmentIterations is OpenSSL's default. The password is stored beside the files; more iterations would only cost
// time.
const developmentIterations = 2048

// Names of the entries that are not named after their subject.
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

// developmentEntry is one .p12 file to create.
type entry struct {
	key     string
	order   Order
	issue   func(Order) (*Key, error)
	revoked bool
}

// developmentSubjects returns the organisations and persons of the development data, the first hospital first.
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

func (d Development) entries(trusted, untrusted *Authority) []entry {
	subjects := developmentSubjects()
	hospital := subjects[0]
	from := d.At.Add(-time.Hour)
	var all []entry
	for _, s := range subjects {
		all = append(all, entry{key: s.String(), order: Order{Subject: s, From: from, Until: d.Until}, issue: trusted.Issue})
	}
	validOrder := Order{Subject: hospital, From: from, Until: d.Until}
	changedOrder := func(change func(*Order)) Order {
		o := validOrder
		change(&o)
		return o
	}
	all = append(all,
		entry{key: EntryEC, order: changedOrder(func(o *Order) { o.Algorithm = NewECP256 }), issue: trusted.Issue},
		entry{key: EntryExpired, order: changedOrder(func(o *Order) {
			o.From, o.Until = d.At.AddDate(-4, 0, 0), d.At.AddDate(-1, 0, 0)
		}), issue: trusted.Issue},
		entry{key: EntryRevoked, order: validOrder, issue: trusted.Issue, revoked: true},
	)
	if !d.Hostile {
		return all
	}
	return append(all,
		entry{key: EntryNotYetValid, order: changedOrder(func(o *Order) { o.From = d.Until.AddDate(-1, 0, 0) }), issue: trusted.Issue},
		entry{key: EntryWrongKeyUsage, order: changedOrder(func(o *Order) { o.Usage = x509.KeyUsageKeyEncipherment }), issue: trusted.Issue},
		entry{key: EntryIsAuthority, order: changedOrder(func(o *Order) {
			o.IsAuthority = true
			o.Usage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
		}), issue: trusted.Issue},
		entry{key: EntryWeakKey, order: changedOrder(func(o *Order) { o.Algorithm = NewRSA1024 }), issue: trusted.Issue},
		entry{key: EntryUntrusted, order: validOrder, issue: untrusted.Issue},
		entry{key: EntryTwin, order: validOrder, issue: trusted.SelfSign},
	)
}

// Write generates all keys and files in dir, creating it if necessary and replacing existing files. It writes the index
// last: an index implies that all other files are complete. Only the owner can read the files.
func (d Development) Write(dir string) (DevelopmentFiles, error) {
	// The untrusted authority has the same names as the trusted one and differs only in its keys.
	options := AuthorityOptions{Name: "CTR test", From: d.At.AddDate(-5, 0, 0), Until: d.Until, Random: d.Random}
	trusted, err := NewAuthority(options)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	untrusted, err := NewAuthority(options)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	entries := d.entries(trusted, untrusted)
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
		// Like the platform's files, those of one subject differ in the seconds of their timestamp.
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

// issueKeys generates the keys concurrently, because RSA key generation is slow.
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

// encodeKeyFile returns a .p12 file in the platform's form: the signing key, and a decryption key whose friendly name
// is its serial number in decimal.
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

// keyFileName returns the file name that the platform's certificate manager uses: TYPE=id[,APPLICATION]
// yyyyMMdd-HHmmss.p12.
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

// ReadDevelopmentFiles reads the index that DevelopmentPKI.Write left in dir; the paths it returns start with dir. The
// error is fs.ErrNotExist if there is none.
func ReadDevelopment(dir string) (DevelopmentFiles, error) {
	files, err := ReadDevelopmentIndex(os.DirFS(dir))
	if err != nil {
		return DevelopmentFiles{}, err
	}
	return files.within(dir), nil
}

// ReadDevelopmentIndex is ReadDevelopmentFiles for a file system; the paths are relative to its root.
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
	joined := f
	for _, path := range []*string{&joined.CA, &joined.CRL, &joined.Password, &joined.TLSCertificate, &joined.TLSKey} {
		*path = filepath.Join(dir, *path)
	}
	joined.P12 = make(map[string]string, len(f.P12))
	for key, name := range f.P12 {
		joined.P12[key] = filepath.Join(dir, name)
	}
	return joined
}
