// Package evidence writes a file that proves, offline, who signed the versions of a notification and that the register
// accepted them, and verifies such a file.
//
// It is separate from the operator's other commands because the verifier belongs to whoever gets a file: it runs the
// code that accepted the messages and does not depend on the store. docs/evidence.md describes the file.
package evidence

import (
	"archive/zip"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// Export writes a file that proves, offline, who signed the versions of a notification and when the register
// accepted them.
type Export struct {
	Store Store
	Now   func() time.Time
	// Issuers are certificates of authorities; the file contains those in the chain of a signer's certificate.
	Issuers []*x509.Certificate
}

// Store provides the stored versions with their proofs, and the service's signature.
type Store interface {
	Proofs(context.Context, ident.NotificationNumber) ([]implants.VersionProof, error)
	Sign(context.Context, []byte) ([]byte, auditlog.PublicKey, error)
}

// File names in the archive; those of a version contain its number.
const (
	statementFileName = "statement.json"
	signatureFileName = "statement.sig"
	publicKeyFileName = "service-key.pem"
	issuersFileName   = "issuers.pem"
	readmeFileName    = "README.txt"
	statementFormat   = "ctr evidence 1"
)

func messageFileName(version int) string     { return fmt.Sprintf("message-%d.xml", version) }
func certificateFileName(version int) string { return fmt.Sprintf("certificate-%d.pem", version) }

// statement is the document that the service signs.
type statement struct {
	Format    string             `json:"form"`
	Number    string             `json:"number"`
	Reference string             `json:"reference"`
	MadeAt    string             `json:"made_at"`
	KeyID     string             `json:"key_id"`
	Versions  []versionStatement `json:"versions"`
}

type versionStatement struct {
	Version      int                   `json:"version"`
	Type         string                `json:"type"`
	State        string                `json:"state"`
	Change       string                `json:"change"`
	AcceptedAt   string                `json:"accepted_at"`
	Signer       string                `json:"signer"`
	Organisation string                `json:"organisation"`
	BodyDigest   string                `json:"body_sha256"` // of the canonical XML
	Message      *contentStatement     `json:"message"`
	Certificate  *certificateStatement `json:"certificate"`
	Verdict      *verdictStatement     `json:"verdict"`
}

type contentStatement struct {
	File   string `json:"file"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

type certificateStatement struct {
	contentStatement        // size and digest of the DER encoding
	Subject          string `json:"subject"`
	Issuer           string `json:"issuer"`
	Serial           string `json:"serial"`
	NotBefore        string `json:"not_before"`
	NotAfter         string `json:"not_after"`
}

// verdictStatement is the outcome of the request as recorded in the audit log.
type verdictStatement struct {
	Outcome     string          `json:"outcome"`
	Reason      string          `json:"reason"`
	Operation   string          `json:"operation"`
	At          string          `json:"at"`
	Correlation string          `json:"correlation"`
	Seq         int64           `json:"audit_seq"`
	Sealed      *proofStatement `json:"sealed"`
}

// proofStatement is the JSON form of an audit log proof.
type proofStatement struct {
	Columns    [][]byte            `json:"columns"`
	HeadBefore string              `json:"head_before"`
	Rows       []string            `json:"rows"`
	Checkpoint auditlog.Checkpoint `json:"checkpoint"`
}

// ErrNone reports that the register has no such notification.
var ErrNone = errors.New("the register has no notification with this number")

// Write writes the ZIP archive.
func (e Export) Write(ctx context.Context, number ident.NotificationNumber, to io.Writer) error {
	versions, err := e.Store.Proofs(ctx, number)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		return ErrNone
	}
	// The signed statement names the signing key, so the key is needed before the statement exists.
	_, key, err := e.Store.Sign(ctx, nil)
	if err != nil {
		return err
	}
	made := e.Now().UTC()
	s := statement{
		Format:    statementFormat,
		Number:    number.Digits(),
		Reference: versions[0].Reference,
		MadeAt:    made.Format(time.RFC3339Nano),
		KeyID:     key.KeyID,
	}
	b := evidenceBundle{knownIssuers: e.Issuers}
	for i := range versions {
		version, addErr := b.addVersion(&versions[i])
		if addErr != nil {
			return addErr
		}
		s.Versions = append(s.Versions, version)
	}
	if err = b.addSignedStatement(ctx, e.Store, &s, key); err != nil {
		return err
	}
	archive := zip.NewWriter(to)
	for _, f := range b.files {
		w, createErr := archive.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: made})
		if createErr == nil {
			_, createErr = w.Write(f.content)
		}
		if createErr != nil {
			return fmt.Errorf("evidence: %w", createErr)
		}
	}
	if err = archive.Close(); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	return nil
}

// evidenceBundle collects the content of the archive.
type evidenceBundle struct {
	knownIssuers   []*x509.Certificate
	files          []bundleFile
	signedMessages []signedMessage
	issuerChain    []*x509.Certificate // the known issuers that are needed
}

type bundleFile struct {
	name    string
	content []byte
}

// signedMessage is a version that the instructions show how to verify.
type signedMessage struct {
	version    int
	acceptedAt time.Time
	sha256     string
	hasIssuer  bool // a known issuer issued the certificate
	// headerIDAttributes are additional arguments of xmlsec1.
	headerIDAttributes string
}

func (b *evidenceBundle) addFile(name string, content []byte) *contentStatement {
	b.files = append(b.files, bundleFile{name, content})
	return &contentStatement{File: name, Bytes: len(content), SHA256: sha256Hex(content)}
}

func sha256Hex(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// addVersion adds the message and the certificate of a version, and returns its part of the statement.
func (b *evidenceBundle) addVersion(v *implants.VersionProof) (versionStatement, error) {
	s := versionStatement{Version: v.Version, Type: string(v.Type), State: string(v.State), Change: string(v.Change),
		AcceptedAt: v.RegisteredAt.UTC().Format(time.RFC3339Nano), Signer: v.Signer, Organisation: v.Organisation.Digits(),
		BodyDigest: hex.EncodeToString(v.Digest[:]), Verdict: newVerdictStatement(v.AuditRecord)}
	if v.Evidence == nil {
		return s, nil
	}
	s.Message = b.addFile(messageFileName(v.Version), v.Evidence.Message)
	certificate, err := x509.ParseCertificate(v.Evidence.Certificate)
	if err != nil {
		return s, fmt.Errorf("the certificate of version %d: %w", v.Version, err)
	}
	content := b.addFile(
		certificateFileName(v.Version), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}),
	)
	content.Bytes, content.SHA256 = len(certificate.Raw), sha256Hex(certificate.Raw)
	s.Certificate = &certificateStatement{
		contentStatement: *content,
		Subject:          certificate.Subject.String(),
		Issuer:           certificate.Issuer.String(),
		Serial:           certificate.SerialNumber.String(),
		NotBefore:        certificate.NotBefore.UTC().Format(time.RFC3339),
		NotAfter:         certificate.NotAfter.UTC().Format(time.RFC3339),
	}
	b.signedMessages = append(b.signedMessages, signedMessage{
		v.Version, v.RegisteredAt, s.Message.SHA256, b.addIssuerChain(certificate), headerIDAttributes(v.Evidence.Message),
	})
	return s, nil
}

func newVerdictStatement(r *platform.AuditRecord) *verdictStatement {
	if r == nil {
		return nil
	}
	v := &verdictStatement{
		Outcome:     string(r.Outcome),
		Reason:      r.Reason,
		Operation:   r.Operation,
		At:          r.OccurredAt.UTC().Format(time.RFC3339Nano),
		Correlation: r.Correlation,
		Seq:         r.Seq,
	}
	if p := r.Proof; p != nil {
		v.Sealed = &proofStatement{HeadBefore: hex.EncodeToString(p.PreviousHead[:]), Checkpoint: p.Checkpoint}
		for _, column := range p.Columns {
			v.Sealed.Columns = append(v.Sealed.Columns, append([]byte{}, column...)) // a nil slice would become null
		}
		for _, row := range p.RowHashes {
			v.Sealed.Rows = append(v.Sealed.Rows, hex.EncodeToString(row[:]))
		}
	}
	return v
}

// addIssuerChain adds the known issuers in the certificate's chain and reports whether there is any.
func (b *evidenceBundle) addIssuerChain(certificate *x509.Certificate) bool {
	found := false
	for range len(b.knownIssuers) {
		above := b.findIssuer(certificate)
		if above == nil {
			break
		}
		found = true
		if !containsCertificate(b.issuerChain, above) {
			b.issuerChain = append(b.issuerChain, above)
		}
		certificate = above
	}
	return found
}

func (b *evidenceBundle) findIssuer(of *x509.Certificate) *x509.Certificate {
	for _, c := range b.knownIssuers {
		if !c.Equal(of) && of.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

func containsCertificate(all []*x509.Certificate, one *x509.Certificate) bool {
	for _, c := range all {
		if c.Equal(one) {
			return true
		}
	}
	return false
}

// addSignedStatement signs the statement and adds it with its signature, public key, issuers and instructions.
func (b *evidenceBundle) addSignedStatement(
	ctx context.Context, signer Store, s *statement, key auditlog.PublicKey,
) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	text = append(text, '\n')
	signature, by, err := signer.Sign(ctx, text)
	if err != nil {
		return err
	}
	if !key.Key.Equal(by.Key) || !ed25519.Verify(by.Key, text, signature) {
		return errors.New("the register got another key meanwhile: ask again")
	}
	der, err := x509.MarshalPKIXPublicKey(by.Key)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	b.addFile(statementFileName, text)
	b.addFile(signatureFileName, signature)
	b.addFile(publicKeyFileName, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if len(b.issuerChain) > 0 {
		var issuers []byte
		for _, c := range b.issuerChain {
			issuers = append(issuers, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
		}
		b.addFile(issuersFileName, issuers)
	}
	b.addFile(readmeFileName, []byte(buildReadme(b.signedMessages)))
	return nil
}
