package sandbox

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
)

// startPage is the data of the start page. The template refers to the fields by name.
type startPage struct {
	page
	Forms        []wsdlLink
	Certificates []certificateRow
	Password     string
	Own          string // file name of the first hospital's key
	World        developmentData
	Operations   []operationRow
	Groups       []mistakeGroup
	CanReset     bool
	ResetNote    string
}

type wsdlLink struct{ Address, Words string }

type certificateRow struct {
	File, TakenFor, Name, Until, Words string
	Good                               bool
}

type operationRow struct{ Name, Words string }

// mistakeGroup is a section of the list of mistakes.
type mistakeGroup struct {
	Title    string
	Mistakes []mistakeRow
}

type mistakeRow struct {
	Name, Title, How string
	Codes            []string
}

// handleStartPage shows the start page.
func (s *Sandbox) handleStartPage(w http.ResponseWriter, r *http.Request) {
	p := startPage{page: s.newPage(r), World: s.data, Own: filepath.Base(s.Files.P12[defaultKeyEntry])}
	var err error
	if p.Certificates, err = s.listCertificates(p.T); err == nil {
		p.Password, err = s.readPassword()
	}
	if err != nil {
		s.renderError(w, r, http.StatusInternalServerError, p.T.KeysUnreadable)
		return
	}
	for _, f := range []wsdlLink{
		{"?wsdl", p.T.FormPlain}, {"?wsdl=soap12", p.T.FormSOAP12}, {"?wsdl=policy", p.T.FormPolicy},
		{"?wsdl=flat", p.T.FormFlat}, {"?wsdl=zip", p.T.FormZip},
	} {
		p.Forms = append(p.Forms, wsdlLink{p.URL + f.Address, f.Words})
	}
	for _, name := range testmessages.Operations() {
		p.Operations = append(p.Operations, operationRow{name, p.T.Operations[name]})
	}
	p.Groups = buildMistakeGroups(p.T)
	switch {
	case s.Reset == nil:
		p.ResetNote = p.T.ResetImpossible
	case !s.isLocalRequest(r):
		p.ResetNote = p.T.ResetElsewhere
	default:
		p.CanReset = true
	}
	if r.URL.Query().Get("reset") == "done" {
		p.Notice = p.T.ResetDone
	}
	s.renderPage(w, http.StatusOK, "start.html", p)
}

// mistakeGroupNames assigns the mistakes to the sections of the page, in the order of the page.
var mistakeGroupNames = []struct {
	title func(*pageTexts) string
	names []string
}{
	{func(t *pageTexts) string { return t.GroupSignature },
		[]string{"no-security", "sha1-signature", "sha1-digest", "body-unsigned", "changed-after-signing",
			"signature-reformatted", "wrapped"}},
	{
		func(t *pageTexts) string { return t.GroupTime },
		[]string{"timestamp-missing", "timestamp-unsigned", "clock-slow", "clock-fast", "replayed"},
	},
	{func(t *pageTexts) string { return t.GroupCertificate },
		[]string{"certificate-expired", "certificate-revoked", "certificate-untrusted", "certificate-cbe",
			"author-missing"}},
	{
		func(t *pageTexts) string { return t.GroupContent },
		[]string{"wrong-action", "wrong-content-type", "date-form", "rules", "reference-reused"},
	},
}

func buildMistakeGroups(t *pageTexts) []mistakeGroup {
	all := make([]mistakeGroup, 0, len(mistakeGroupNames))
	for _, g := range mistakeGroupNames {
		one := mistakeGroup{Title: g.title(t)}
		for _, m := range testmessages.Mistakes() {
			if !slices.Contains(g.names, m.Name) {
				continue
			}
			row := mistakeRow{Name: m.Name, Title: t.Mistakes[m.Name].Title, How: t.Mistakes[m.Name].How}
			for _, code := range m.Codes {
				row.Codes = append(row.Codes, string(code))
			}
			one.Mistakes = append(one.Mistakes, row)
		}
		all = append(all, one)
	}
	return all
}

// listCertificates lists the test certificates: organisations first, then persons, then certificates that the service
// rejects.
func (s *Sandbox) listCertificates(t *pageTexts) ([]certificateRow, error) {
	order := func(a, b string) int {
		kindA, kindB := s.classifyCertificate(a), s.classifyCertificate(b)
		return cmp.Or(
			cmp.Compare(slices.Index(certificateKinds, kindA), slices.Index(certificateKinds, kindB)), strings.Compare(a, b),
		)
	}
	entries := make([]string, 0, len(s.Files.P12))
	for entry := range s.Files.P12 {
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, order)
	all := make([]certificateRow, 0, len(entries))
	for _, entry := range entries {
		key, err := s.loadKey(entry)
		if err != nil {
			return nil, err
		}
		subject, err := x509id.SubjectFromCertificate(key.Certificate)
		if err != nil {
			return nil, err
		}
		kind := s.classifyCertificate(entry)
		all = append(all, certificateRow{
			File:     filepath.Base(s.Files.P12[entry]),
			TakenFor: subject.String(),
			Name:     subject.Name,
			Until:    key.Certificate.NotAfter.UTC().Format("2006-01-02"),
			Words:    t.Certificates[kind],
			Good:     slices.Index(certificateKinds, kind) < slices.Index(certificateKinds, "cbe"),
		})
	}
	return all, nil
}

// certificateKinds are the kinds of test certificates in the order of the page. The service rejects "cbe" and all that
// follow.
var certificateKinds = []string{
	"hospital", "ec", "organisation", "professional", "staff", "patient", "cbe", "expired", "revoked", "other",
}

func (s *Sandbox) classifyCertificate(entry string) string {
	switch {
	case entry == authority.EntryEC:
		return "ec"
	case entry == authority.EntryExpired:
		return "expired"
	case entry == authority.EntryRevoked:
		return "revoked"
	case strings.HasPrefix(entry, "NIHII-HOSPITAL="):
		return "hospital"
	case strings.HasPrefix(entry, "NIHII-"):
		return "organisation"
	case strings.HasPrefix(entry, "CBE="):
		return "cbe"
	case strings.HasPrefix(entry, "SSIN="):
		for _, p := range s.data.People {
			if entry != "SSIN="+p.SSIN {
				continue
			}
			switch {
			case p.NIHII != "":
				return "professional"
			case len(p.Roles) > 0:
				return "staff"
			}
		}
		return "patient"
	}
	return "other"
}

// handleCertificate serves a file of the test PKI. It serves the files that a caller needs, never the server's
// private key.
func (s *Sandbox) handleCertificate(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	types := map[string]string{
		s.Files.CA:       "application/x-pem-file",
		s.Files.CRL:      "application/x-pem-file",
		s.Files.Password: "text/plain; charset=utf-8",
	}
	for _, path := range s.Files.P12 {
		types[path] = "application/x-pkcs12"
	}
	for path, contentType := range types {
		if filepath.Base(path) != name {
			continue
		}
		data, err := os.ReadFile(path) //nolint:gosec // a file of the test PKI; the requested name is only compared
		if err != nil {
			s.renderError(w, r, http.StatusInternalServerError, textsFor(languageFromRequest(r)).KeysUnreadable)
			return
		}
		writeDownload(w, contentType, name, data)
		return
	}
	s.renderError(w, r, http.StatusNotFound, textsFor(languageFromRequest(r)).NoSuchFile)
}

func (s *Sandbox) readPassword() (string, error) {
	data, err := os.ReadFile(s.Files.Password)
	return strings.TrimRight(string(data), "\r\n"), err
}

// defaultKeyEntry is the PKI entry of the key that signs by default.
const defaultKeyEntry = "NIHII-HOSPITAL=71000436"

// loadKey returns a key of the test PKI and caches it. An empty entry means defaultKeyEntry.
func (s *Sandbox) loadKey(entry string) (*x509id.Key, error) {
	if entry == "" {
		entry = defaultKeyEntry
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := s.keyCache[entry]; key != nil {
		return key, nil
	}
	file, found := s.Files.P12[entry]
	if !found {
		return nil, testmessages.ErrNoKey
	}
	data, err := os.ReadFile(file) //nolint:gosec // a path from the index of the test PKI
	if err != nil {
		return nil, err
	}
	password, err := s.readPassword()
	if err != nil {
		return nil, err
	}
	key, err := p12.DecodeSigningKey(data, password, s.Now())
	if err != nil {
		return nil, err
	}
	s.keyCache[entry] = key
	return key, nil
}
