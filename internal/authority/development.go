package authority

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

	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
)

// DevelopmentPKI describes the keys and certificates of a development service and its callers.
type DevelopmentPKI struct {
	Password       string    // of all .p12 files
	IssuedAt       time.Time // the time of issue, used in file names; certificates are valid from one hour earlier
	NotAfter       time.Time // end of validity
	IncludeInvalid bool      // also make the keys that a service must reject, for tests
	Random         io.Reader // must be safe for concurrent use
}

// DevelopmentFiles lists the files that DevelopmentPKI.Write created. The directory's index holds the paths relative to
// the directory.
type DevelopmentFiles struct {
	CA             string            `json:"ca"`       // PEM: the trust anchors, for signatures and for TLS
	CRL            string            `json:"crl"`      // PEM: the revocation lists of the issuing authority and the root
	Password       string            `json:"password"` // file with the password of the .p12 files, without line end
	TLSCertificate string            `json:"tlsCertificate"`
	TLSKey         string            `json:"tlsKey"`
	P12            map[string]string `json:"p12"` // by subject, such as "NIHII-HOSPITAL=71000436", or by defect
}

const indexFileName = "index.json"

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
	EntryIsCA          = "authority"
	EntryWeakKey       = "weak key"
	EntryUntrusted     = "untrusted"
	EntrySelfSigned    = "twin"
)

// developmentEntry is one .p12 file to create.
type developmentEntry struct {
	name    string
	order   Order
	issue   func(Order) (*x509id.Key, error)
	revoked bool
}

// developmentSubjects returns the organisations and persons of the development data, the first hospital first.
func developmentSubjects() []x509id.Subject {
	return []x509id.Subject{
		{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "ZIEKENHUIS SINT-ELOOI"},
		{Type: "NIHII-HOSPITAL", ID: "71012413", Name: "CLINIQUE DU PARC LEOPOLD"},
		{Type: "NIHII-RETIREMENT", ID: "76123422", Name: "WZC DE LINDE"},
		{Type: "CBE", ID: "0403227020", Name: "ZIEKENHUIS SINT-ELOOI"},
		{Type: x509id.SubjectTypePerson, ID: "78031412250", Name: "ANNA CLAES"},
		{Type: x509id.SubjectTypePerson, ID: "69092234126", Name: "LUC DUBOIS"},
		{Type: x509id.SubjectTypePerson, ID: "85073003328", Name: "EVA PEETERS"},
		{Type: x509id.SubjectTypePerson, ID: "81050511813", Name: "CHLOE LAMBERT"},
		{Type: x509id.SubjectTypePerson, ID: "91021706490", Name: "SOFIE WOUTERS"},
		{Type: x509id.SubjectTypePerson, ID: "48022907379", Name: "JEANNE LEROY"},
	}
}

func (d DevelopmentPKI) newEntries(trusted, untrusted *Authority) []developmentEntry {
	subjects := developmentSubjects()
	hospital := subjects[0]
	from := d.IssuedAt.Add(-time.Hour)
	var all []developmentEntry
	for _, s := range subjects {
		all = append(all, developmentEntry{
			name:  s.String(),
			order: Order{Subject: s, NotBefore: from, NotAfter: d.NotAfter},
			issue: trusted.Issue,
		})
	}
	validOrder := Order{Subject: hospital, NotBefore: from, NotAfter: d.NotAfter}
	changedOrder := func(change func(*Order)) Order {
		o := validOrder
		change(&o)
		return o
	}
	all = append(all,
		developmentEntry{
			name:  EntryEC,
			order: changedOrder(func(o *Order) { o.Algorithm = KeyECP256 }),
			issue: trusted.Issue,
		},
		developmentEntry{name: EntryExpired, order: changedOrder(func(o *Order) {
			o.NotBefore, o.NotAfter = d.IssuedAt.AddDate(-4, 0, 0), d.IssuedAt.AddDate(-1, 0, 0)
		}), issue: trusted.Issue},
		developmentEntry{name: EntryRevoked, order: validOrder, issue: trusted.Issue, revoked: true},
	)
	if !d.IncludeInvalid {
		return all
	}
	return append(all,
		developmentEntry{
			name:  EntryNotYetValid,
			order: changedOrder(func(o *Order) { o.NotBefore = d.NotAfter.AddDate(-1, 0, 0) }),
			issue: trusted.Issue,
		},
		developmentEntry{
			name:  EntryWrongKeyUsage,
			order: changedOrder(func(o *Order) { o.KeyUsage = x509.KeyUsageKeyEncipherment }),
			issue: trusted.Issue,
		},
		developmentEntry{name: EntryIsCA, order: changedOrder(func(o *Order) {
			o.IsCA = true
			o.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
		}), issue: trusted.Issue},
		developmentEntry{
			name:  EntryWeakKey,
			order: changedOrder(func(o *Order) { o.Algorithm = KeyRSA1024 }),
			issue: trusted.Issue,
		},
		developmentEntry{name: EntryUntrusted, order: validOrder, issue: untrusted.Issue},
		developmentEntry{name: EntrySelfSigned, order: validOrder, issue: trusted.SelfSign},
	)
}

// Write generates all keys and files in dir, creating it if necessary and replacing existing files. It writes the index
// last: an index implies that all other files are complete. Only the owner can read the files.
func (d DevelopmentPKI) Write(dir string) (DevelopmentFiles, error) {
	// The untrusted authority has the same names as the trusted one and differs only in its keys.
	options := Options{Name: "CTR test", NotBefore: d.IssuedAt.AddDate(-5, 0, 0), NotAfter: d.NotAfter, Random: d.Random}
	trusted, err := New(options)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	untrusted, err := New(options)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	entries := d.newEntries(trusted, untrusted)
	keys, err := issueKeys(entries)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	files := DevelopmentFiles{
		CA: "ca.pem", CRL: "crl.pem", Password: "password.txt", TLSCertificate: "server.pem", TLSKey: "server-key.pem",
		P12: make(map[string]string, len(entries)),
	}
	content := map[string][]byte{
		files.CA:       x509id.EncodePEM(trusted.Certificates()...),
		files.Password: []byte(d.Password),
	}
	var revoked []*x509.Certificate
	for i, e := range entries {
		// Like the platform's files, those of one subject differ in the seconds of their timestamp.
		name := keyFileName(e.order.Subject, d.IssuedAt.Add(time.Duration(i)*time.Second))
		if content[name], err = d.encodeKeyFile(keys[i], e, trusted); err != nil {
			return DevelopmentFiles{}, err
		}
		files.P12[e.name] = name
		if e.revoked {
			revoked = append(revoked, keys[i].Certificate)
		}
	}
	crl, err := trusted.SignCRL(1, d.IssuedAt, d.NotAfter, revoked...)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	rootCRL, err := trusted.SignRootCRL(1, d.IssuedAt, d.NotAfter)
	if err != nil {
		return DevelopmentFiles{}, err
	}
	for _, list := range [][]byte{crl, rootCRL} {
		content[files.CRL] = append(content[files.CRL], pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list})...)
	}
	if err := d.addServerFiles(trusted, files, content); err != nil {
		return DevelopmentFiles{}, err
	}
	return writeFiles(dir, files, content)
}

// issueKeys generates the keys concurrently, because RSA key generation is slow.
func issueKeys(entries []developmentEntry) ([]*x509id.Key, error) {
	keys := make([]*x509id.Key, len(entries))
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
func (d DevelopmentPKI) encodeKeyFile(key *x509id.Key, e developmentEntry, trusted *Authority) ([]byte, error) {
	order := e.order
	order.Algorithm, order.KeyUsage, order.IsCA = KeyECP256, x509.KeyUsageKeyAgreement, false
	decryption, err := trusted.Issue(order)
	if err != nil {
		return nil, err
	}
	decryption.Name = decryption.Certificate.SerialNumber.String()
	return p12.EncodeKeys([]*x509id.Key{key, decryption}, d.Password, developmentIterations, d.Random)
}

func (d DevelopmentPKI) addServerFiles(trusted *Authority, files DevelopmentFiles, content map[string][]byte) error {
	key, err := trusted.IssueServerCertificate(d.IssuedAt.Add(-time.Hour), d.NotAfter)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		return fmt.Errorf("authority: writing a key: %w", err)
	}
	content[files.TLSKey] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	content[files.TLSCertificate] = x509id.EncodePEM(append([]*x509.Certificate{key.Certificate}, key.Chain[0])...)
	return nil
}

// keyFileName returns the file name that the platform's certificate manager uses: TYPE=id[,APPLICATION]
// yyyyMMdd-HHmmss.p12.
func keyFileName(s x509id.Subject, at time.Time) string {
	return strings.ReplaceAll(s.String(), ", ", ",") + " " + at.UTC().Format("20060102-150405") + ".p12"
}

func writeFiles(dir string, files DevelopmentFiles, content map[string][]byte) (DevelopmentFiles, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return DevelopmentFiles{}, fmt.Errorf("authority: %w", err)
	}
	for name, data := range content {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return DevelopmentFiles{}, fmt.Errorf("authority: %w", err)
		}
	}
	index, err := json.MarshalIndent(files, "", "  ") //nolint:gosec // Password is the name of a file
	if err != nil {
		return DevelopmentFiles{}, fmt.Errorf("authority: writing the index: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexFileName), append(index, '\n'), 0o600); err != nil {
		return DevelopmentFiles{}, fmt.Errorf("authority: %w", err)
	}
	return files.joinPaths(dir), nil
}

// ReadDevelopmentFiles reads the index that DevelopmentPKI.Write left in dir; the paths it returns start with dir. The
// error is fs.ErrNotExist if there is none.
func ReadDevelopmentFiles(dir string) (DevelopmentFiles, error) {
	files, err := ReadDevelopmentIndex(os.DirFS(dir))
	if err != nil {
		return DevelopmentFiles{}, err
	}
	return files.joinPaths(dir), nil
}

// ReadDevelopmentIndex is ReadDevelopmentFiles for a file system; the paths are relative to its root.
func ReadDevelopmentIndex(dir fs.FS) (DevelopmentFiles, error) {
	index, err := fs.ReadFile(dir, indexFileName)
	if err != nil {
		return DevelopmentFiles{}, fmt.Errorf("authority: %w", err)
	}
	var files DevelopmentFiles
	if err := json.Unmarshal(index, &files); err != nil {
		return DevelopmentFiles{}, fmt.Errorf("authority: reading %s: %w", indexFileName, err)
	}
	return files, nil
}

func (f DevelopmentFiles) joinPaths(dir string) DevelopmentFiles {
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
