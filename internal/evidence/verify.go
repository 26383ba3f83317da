package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
)

// Verifier verifies an evidence file offline, with the code that accepted the messages.
type Verifier struct {
	// Trust holds the authorities that the verifier trusts. The issuers in the file prove nothing.
	Trust *x509id.TrustStore
	// PublicKeys are the service's keys as the verifier knows them. Without any, the key in the file is used.
	PublicKeys []ed25519.PublicKey
	// Anchor is a copy of the anchor file. If there is one, it must contain the checkpoints of the evidence.
	Anchor []byte
	// AllowSHA1 accepts messages of a service that allowed SHA-1 when it accepted them.
	AllowSHA1 bool
}

// Report is the result of a verification.
type Report struct {
	Number   string
	Versions int
	Facts    []string // what was shown
	Remarks  []string // what the file cannot show by itself
	Findings []string // what is wrong
}

// Text returns the report as text.
func (r *Report) Text() string {
	var b strings.Builder
	for _, fact := range r.Facts {
		b.WriteString(fact + "\n")
	}
	for _, remark := range r.Remarks {
		b.WriteString("REMARK: " + remark + "\n")
	}
	for _, finding := range r.Findings {
		b.WriteString("FINDING: " + finding + "\n")
	}
	if len(r.Findings) == 0 {
		fmt.Fprintf(&b, "the evidence of notification %s is genuine, versions: %d\n", r.Number, r.Versions)
	}
	return b.String()
}

func (r *Report) addFact(format string, args ...any) {
	r.Facts = append(r.Facts, fmt.Sprintf(format, args...))
}
func (r *Report) addFinding(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// Bounds of an archive that is read.
const (
	maxFiles       = 4096
	maxFileBytes   = 16 << 20
	maxArchiveSize = 512 << 20
	// maxAcceptDelay bounds the time between the verification of a message and its acceptance, and between acceptance
	// and its record in the audit log, which has the same instant or a later one.
	maxAcceptDelay = time.Minute
)

// ErrNotEvidence reports a file that is not an evidence file.
var ErrNotEvidence = errors.New("not an evidence file")

// Verify verifies an archive. The error is ErrNotEvidence if it cannot be read; everything else is in the report.
func (v Verifier) Verify(r io.ReaderAt, size int64) (*Report, error) {
	files, err := readArchive(r, size)
	if err != nil {
		return nil, err
	}
	c := check{Verifier: v, report: &Report{}, files: files}
	c.verifyFiles()
	return c.report, nil
}

func readArchive(r io.ReaderAt, size int64) (map[string][]byte, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotEvidence, err)
	}
	if len(archive.File) > maxFiles {
		return nil, fmt.Errorf("%w: too many files", ErrNotEvidence)
	}
	files, total := make(map[string][]byte), 0
	for _, f := range archive.File {
		if _, twice := files[f.Name]; twice {
			return nil, fmt.Errorf("%w: %q is in it twice", ErrNotEvidence, f.Name)
		}
		content, err := readArchivedFile(f)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotEvidence, err)
		}
		if total += len(content); len(content) > maxFileBytes || total > maxArchiveSize {
			return nil, fmt.Errorf("%w: too large", ErrNotEvidence)
		}
		files[f.Name] = content
	}
	return files, nil
}

func readArchivedFile(f *zip.File) (content []byte, err error) {
	r, err := f.Open()
	if err != nil {
		return nil, err //nolint:wrapcheck // readArchive wraps it
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(io.LimitReader(r, maxFileBytes+1)) //nolint:wrapcheck // readArchive wraps it
}

// check is one verification.
type check struct {
	Verifier

	report     *Report
	files      map[string][]byte
	serviceKey ed25519.PublicKey
}

func (c *check) verifyFiles() {
	s, ok := c.verifyStatement()
	if !ok {
		return
	}
	c.report.Number, c.report.Versions = s.Number, len(s.Versions)
	known := map[string]bool{statementFileName: true, signatureFileName: true, publicKeyFileName: true,
		issuersFileName: true, readmeFileName: true}
	for i := range s.Versions {
		version := &s.Versions[i]
		if version.Version != i+1 {
			c.report.addFinding("version %d is the statement's number %d", version.Version, i+1)
		}
		known[messageFileName(version.Version)], known[certificateFileName(version.Version)] = true, true
		c.verifyVersion(version)
	}
	for name := range c.files {
		if !known[name] {
			c.report.addFinding("%q is no part of the evidence", name)
		}
	}
	if len(s.Versions) == 0 {
		c.report.addFinding("the statement has no version")
	}
}

// verifyStatement verifies the signature of the statement and parses it. A statement has exactly one encoding.
func (c *check) verifyStatement() (*statement, bool) {
	text := c.files[statementFileName]
	block, _ := pem.Decode(c.files[publicKeyFileName])
	if block == nil {
		c.report.addFinding("%s is missing or is not a PEM file", publicKeyFileName)
		return nil, false
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, isEd25519 := parsed.(ed25519.PublicKey)
	if err != nil || !isEd25519 || !ed25519.Verify(key, text, c.files[signatureFileName]) {
		c.report.addFinding("%s is not as the service signed it", statementFileName)
		return nil, false
	}
	c.serviceKey = key
	switch {
	case len(c.PublicKeys) == 0:
		c.report.Remarks = append(c.report.Remarks,
			"the key of the service is the one in the file: compare it with a key that you have from the service")
	case !c.isServiceKey(key):
		c.report.addFinding("%s is none of the given public keys", publicKeyFileName)
	}
	var s statement
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&s); err == nil {
		var again []byte
		if again, err = json.MarshalIndent(s, "", "  "); err == nil && !bytes.Equal(append(again, '\n'), text) {
			err = errors.New("it has another form than the service writes")
		}
	}
	if err != nil || s.Format != statementFormat {
		c.report.addFinding("%s cannot be read", statementFileName)
		return nil, false
	}
	return &s, true
}

func (c *check) isServiceKey(key ed25519.PublicKey) bool {
	if len(c.PublicKeys) == 0 {
		return key.Equal(c.serviceKey)
	}
	return slices.ContainsFunc(c.PublicKeys, func(known ed25519.PublicKey) bool { return known.Equal(key) })
}

// verifyVersion verifies a version: the message was signed by the certificate, and the audit log has its acceptance.
func (c *check) verifyVersion(s *versionStatement) {
	acceptedAt, err := time.Parse(time.RFC3339Nano, s.AcceptedAt)
	if err != nil {
		c.report.addFinding("version %d: accepted_at cannot be read", s.Version)
		return
	}
	if s.Message == nil || s.Certificate == nil {
		c.report.addFinding("version %d: there is no signed message", s.Version)
	} else if verified := c.verifyMessage(s, acceptedAt); verified != nil {
		c.compareMessage(s, verified)
	}
	c.verifyVerdict(s, acceptedAt)
}

// verifyMessage authenticates the signer of the message, as the service did when it accepted it.
func (c *check) verifyMessage(s *versionStatement, acceptedAt time.Time) *wsse.Verified {
	message := c.files[messageFileName(s.Version)]
	if s.Message.File != messageFileName(s.Version) || s.Message.SHA256 != sha256Hex(message) {
		c.report.addFinding("version %d: %s is not the message of the statement", s.Version, messageFileName(s.Version))
		return nil
	}
	block, _ := pem.Decode(c.files[certificateFileName(s.Version)])
	if block == nil || s.Certificate.File != certificateFileName(s.Version) ||
		s.Certificate.SHA256 != sha256Hex(block.Bytes) {
		c.report.addFinding("version %d: %s is not the certificate of the statement", s.Version,
			certificateFileName(s.Version))
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		c.report.addFinding("version %d: the certificate cannot be read", s.Version)
		return nil
	}
	verified, err := c.authenticate(message, certificate, acceptedAt)
	if err != nil {
		c.report.addFinding("version %d: the service's own check refuses the message: %s", s.Version, describe(err))
		return nil
	}
	if !bytes.Equal(verified.Certificate().Raw, certificate.Raw) {
		c.report.addFinding("version %d: another certificate signed the message", s.Version)
	}
	return verified
}

func (c *check) authenticate(message []byte, certificate *x509.Certificate, at time.Time) (*wsse.Verified, error) {
	document, err := xmldoc.Parse(message, xmldoc.DefaultLimits())
	if err != nil {
		return nil, err //nolint:wrapcheck // a problem, which describe reads
	}
	envelope, err := soap.Open(document)
	if err != nil {
		return nil, err //nolint:wrapcheck // a problem
	}
	verifyAt := func(at time.Time) (*wsse.Verified, error) {
		verifier := &wsse.Verifier{
			Trust:      c.Trust,
			Registered: x509id.NewDirectory([]*x509.Certificate{certificate}),
			Now:        func() time.Time { return at },
		}
		if c.AllowSHA1 {
			verifier.AllowSHA1Until = at.Add(time.Second)
		}
		return verifier.Verify(envelope)
	}
	verified, err := verifyAt(at)
	if err == nil {
		return verified, nil
	}
	// The service verified the message a moment before it accepted it, and it may have expired in between.
	if code := problem.From(err).Code; code == wsse.TimestampExpired || code == x509id.CertExpired {
		return verifyAt(at.Add(-maxAcceptDelay))
	}
	return nil, err //nolint:wrapcheck // a problem
}

func describe(err error) string {
	e := problem.From(err)
	if e.Path == "" {
		return string(e.Code)
	}
	return string(e.Code) + " at " + e.Path
}

// compareMessage compares what the message says of itself with the statement.
func (c *check) compareMessage(s *versionStatement, verified *wsse.Verified) {
	digest := verified.Digest()
	if hex.EncodeToString(digest[:]) != s.BodyDigest {
		c.report.addFinding("version %d: the statement has the digest of another Body", s.Version)
	}
	if signer := verified.Signer().String(); signer != s.Signer {
		c.report.addFinding("version %d: %s signed the message, not %s", s.Version, signer, s.Signer)
	}
	operation := strings.TrimSuffix(verified.Body().Local(), "Request")
	if s.Verdict != nil && s.Verdict.Operation != operation {
		c.report.addFinding("version %d: the message asks for %s, not %s", s.Version, operation, s.Verdict.Operation)
	}
	c.report.addFact("version %d: %s by %s, signed %s, accepted %s", s.Version, operation, s.Signer,
		verified.Created().Format(time.RFC3339), s.AcceptedAt)
}

// verifyVerdict verifies that the audit log has the acceptance, and that a checkpoint of the service covers it.
func (c *check) verifyVerdict(s *versionStatement, acceptedAt time.Time) {
	if s.Verdict == nil || s.Verdict.Sealed == nil {
		c.report.addFinding("version %d: no row of the audit log, or no checkpoint that covers it", s.Version)
		return
	}
	sealed := s.Verdict.Sealed
	proof, ok := sealed.toProof()
	if !ok || !proof.IsValid() {
		c.report.addFinding("version %d: the checkpoint does not cover the row of the audit log", s.Version)
		return
	}
	if difference := s.compareColumns(proof.Columns, acceptedAt); difference != "" {
		c.report.addFinding("version %d: the row of the audit log has another %s", s.Version, difference)
	}
	checkpoint := &proof.Checkpoint
	if at, err := time.Parse(time.RFC3339Nano, s.Verdict.At); err != nil ||
		checkpoint.SealedAt.Before(at.Add(-maxAcceptDelay)) {
		c.report.addFinding("version %d: checkpoint %d is older than the row that it covers", s.Version, checkpoint.Number)
	}
	if !c.isServiceKey(checkpoint.PublicKey) && !checkpoint.PublicKey.Equal(c.serviceKey) {
		c.report.addFinding("version %d: checkpoint %d is under another key (%s): give that key with --public-key",
			s.Version, checkpoint.Number, checkpoint.KeyID)
	}
	c.findInAnchor(s.Version, checkpoint)
	c.report.addFact("version %d: row %d of the audit log, in checkpoint %d of %s", s.Version, s.Verdict.Seq,
		checkpoint.Number, checkpoint.SealedAt.Format(time.RFC3339))
}

func (c *check) findInAnchor(version int, checkpoint *auditlog.Checkpoint) {
	if c.Anchor == nil {
		return
	}
	for line := range bytes.Lines(c.Anchor) {
		known, err := auditlog.ParseCheckpoint(bytes.TrimSuffix(line, []byte("\n")))
		if err == nil && known.Number == checkpoint.Number && known.Link() == checkpoint.Link() {
			return
		}
	}
	c.report.addFinding("version %d: the anchor file does not have checkpoint %d", version, checkpoint.Number)
}

// toProof is the reverse of newVerdictStatement.
func (p *proofStatement) toProof() (*auditlog.Proof, bool) {
	proof := &auditlog.Proof{Columns: p.Columns, Checkpoint: p.Checkpoint}
	ok := decodeHash(&proof.PreviousHead, p.HeadBefore)
	for _, text := range p.Rows {
		var hash auditlog.Hash
		ok = decodeHash(&hash, text) && ok
		proof.RowHashes = append(proof.RowHashes, hash)
	}
	return proof, ok
}

func decodeHash(hash *auditlog.Hash, text string) bool {
	decoded, err := hex.DecodeString(text)
	return err == nil && len(decoded) == len(hash) && copy(hash[:], decoded) == len(hash)
}

// oldColumns are the columns of a row that does not commit to what its request stored.
const oldColumns = 14

// compareColumns returns the name of a column of the audit row that says something else than the statement, or "".
func (s *versionStatement) compareColumns(columns [][]byte, acceptedAt time.Time) string {
	column := func(i int) string {
		if i < len(columns) {
			return string(columns[i])
		}
		return ""
	}
	at, err := time.Parse(auditlog.TimestampLayout, column(1))
	for _, compared := range []struct {
		name string
		same bool
	}{
		{"seq", column(0) == fmt.Sprint(s.Verdict.Seq)},
		{"at", err == nil && at.UTC().Format(time.RFC3339Nano) == s.Verdict.At},
		{"accepted_at", err == nil && !at.Before(acceptedAt) && !at.After(acceptedAt.Add(maxAcceptDelay))},
		{"correlation", column(2) == s.Verdict.Correlation},
		{"operation", column(3) == s.Verdict.Operation},
		{"outcome", column(4) == s.Verdict.Outcome && s.Verdict.Outcome == "accepted"},
		{"reason", column(6) == s.Verdict.Reason},
		{"organisation", column(9) == s.Organisation},
		// Rows from before these columns do not name the message.
		{"body_digest", len(columns) == oldColumns || hex.EncodeToString([]byte(column(oldColumns))) == s.BodyDigest},
	} {
		if !compared.same {
			return compared.name
		}
	}
	return ""
}
