package revocation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/openctr/ctr/internal/durable"
)

// keptFiles are the files with what was fetched, so that a restart forgets no revocation. A file holds two PEM blocks:
// the certificate of the authority, and the list or response as it was received. Nothing in it is believed without its
// signature; the headers only say where to ask again, and until when the file is of use.
type keptFiles struct {
	directory string // empty: nothing is kept
	writing   sync.Mutex
	hasFailed bool // the last write failed, and the log says so

	discarded []string // files to remove; guarded by StatusChecker.mu
}

const (
	listFilePrefix     = "list-"
	responseFilePrefix = "ocsp-"
	keptFileSuffix     = ".pem"

	blockList     = "X509 CRL"
	blockResponse = "OCSP RESPONSE"

	headerAddress = "Address"
	headerExpires = "Certificate-Expires"

	// maxMarkupBytes is room for the certificate and the headers beside a list or response; PEM adds half to both.
	maxMarkupBytes = 32 << 10
)

func listFileName(l *parsedCRL) string {
	sum := sha256.Sum256(append(l.issuer[:], l.scope.extension...))
	return listFilePrefix + hex.EncodeToString(sum[:]) + keptFileSuffix
}

func responseFileName(id certificateID) string {
	sum := sha256.Sum256(append(id.issuer[:], id.serial...))
	return responseFilePrefix + hex.EncodeToString(sum[:]) + keptFileSuffix
}

// discardResponse marks the file of an evicted certificate for removal. The caller holds StatusChecker.mu.
func (k *keptFiles) discardResponse(id certificateID) {
	if k.directory != "" {
		k.discarded = append(k.discarded, responseFileName(id))
	}
}

func (r *StatusChecker) keepList(accepted acceptedCRL, address string, data []byte) {
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	r.keepFile(listFileName(accepted.parsedCRL), accepted.signer, &pem.Block{
		Type: blockList, Headers: map[string]string{headerAddress: address}, Bytes: data,
	})
}

func (r *StatusChecker) keepResponse(id certificateID, issuer *x509.Certificate, notAfter time.Time, der []byte) {
	r.keepFile(responseFileName(id), issuer, &pem.Block{
		Type: blockResponse, Headers: map[string]string{headerExpires: notAfter.UTC().Format(time.RFC3339)}, Bytes: der,
	})
}

// keepFile writes a file. A failure costs nothing until the next restart, so it is logged, once until a write succeeds.
func (r *StatusChecker) keepFile(name string, issuer *x509.Certificate, block *pem.Block) {
	k := &r.kept
	if k.directory == "" {
		return
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	err := os.MkdirAll(k.directory, 0o700)
	if err == nil {
		content := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Raw})
		content = append(content, pem.EncodeToMemory(block)...)
		err = durable.Replace(filepath.Join(k.directory, name), content, 0o600)
	}
	if err != nil && !k.hasFailed {
		r.options.Log.Warn("revocation knowledge not kept on disk", slog.String("error", err.Error()))
	}
	k.hasFailed = err != nil
}

// removeDiscardedFiles removes the files of certificates that are no longer in memory, so that both have one bound.
func (r *StatusChecker) removeDiscardedFiles(ctx context.Context) {
	r.mu.Lock()
	names := r.kept.discarded
	r.kept.discarded = nil
	r.mu.Unlock()
	for _, name := range names {
		r.removeKeptFile(ctx, name)
	}
}

func (r *StatusChecker) removeKeptFile(ctx context.Context, name string) {
	r.kept.writing.Lock()
	defer r.kept.writing.Unlock()
	if err := os.Remove(filepath.Join(r.kept.directory, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.options.Log.WarnContext(ctx, "kept revocation file not removed", slog.String("file", name),
			slog.String("error", err.Error()))
	}
}

// LoadKept reads what an earlier process kept, and schedules the lists at the addresses that it had learned. Everything
// is verified again. What is damaged, of an authority that is no longer trusted, or older than what is known already is
// ignored, with a line in the log. Call it before Run, after the operator's files and addresses have been added.
func (r *StatusChecker) LoadKept(ctx context.Context) {
	if r.kept.directory == "" || r.options.Policy == PolicyOff {
		return
	}
	entries, err := os.ReadDir(r.kept.directory)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.options.Log.WarnContext(ctx, "kept revocation files not read", slog.String("error", err.Error()))
		}
		return
	}
	responses := 0
	for _, entry := range entries { // lists come first by their names, so that a revoked responder is known as such
		name := entry.Name()
		isList := strings.HasPrefix(name, listFilePrefix)
		if !strings.HasSuffix(name, keptFileSuffix) || !isList && !strings.HasPrefix(name, responseFilePrefix) {
			continue
		}
		if !isList {
			responses++
		}
		err := r.loadKeptFile(name, isList, responses)
		if err == nil {
			continue
		}
		r.options.Log.WarnContext(ctx, "kept revocation file ignored", slog.String("file", name),
			slog.String("error", err.Error()))
		if errors.Is(err, errUseless) {
			r.removeKeptFile(ctx, name)
		}
	}
}

// errUseless marks a file that will be of no use later either.
var errUseless = errors.New("it is of no use any more")

func (r *StatusChecker) loadKeptFile(name string, isList bool, responses int) error {
	limit, wanted := MaxOCSPResponseBytes, blockResponse
	if isList {
		limit, wanted = MaxCRLBytes, blockList
	}
	if !isList && responses > r.options.Capacity {
		return fmt.Errorf("%w: there are more than %d", errUseless, r.options.Capacity)
	}
	content, err := readKeptFile(filepath.Join(r.kept.directory, name), int64(limit+maxMarkupBytes)*3/2)
	if err != nil {
		return err
	}
	first, rest := pem.Decode(content)
	second, _ := pem.Decode(rest)
	if first == nil || second == nil || first.Type != "CERTIFICATE" || second.Type != wanted {
		return errors.New("it is damaged")
	}
	issuer, err := x509.ParseCertificate(first.Bytes)
	if err != nil {
		return fmt.Errorf("the certificate in it: %w", err)
	}
	path, err := r.trust.FindAuthorityPath(issuer, r.options.Now())
	if err != nil {
		return fmt.Errorf("the authority: %w", err)
	}
	if isList {
		return r.loadKeptList(second, issuer, r.findOwner(path))
	}
	return r.loadKeptResponse(second, issuer)
}

// readKeptFile reads a regular file of bounded size.
func readKeptFile(name string, limit int64) ([]byte, error) {
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(errors.New("it is no regular file"), err)
	}
	content, err := readFileBounded(name, limit)
	if err == nil && int64(len(content)) > limit {
		err = errors.New("it is too large")
	}
	return content, err
}

func (r *StatusChecker) loadKeptList(block *pem.Block, issuer, owner *x509.Certificate) error {
	accepted, err := r.addCRLOfIssuer(block.Bytes, issuer, owner)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.scheduleCRLs(filterHTTPURLs([]string{block.Headers[headerAddress]}), issuer, owner)
	r.mu.Unlock()
	if !accepted.isNew {
		return errOlder
	}
	return nil
}

// errOlder means that a file holds nothing newer than what is known.
var errOlder = errors.New("it is older than what is known")

func (r *StatusChecker) loadKeptResponse(block *pem.Block, issuer *x509.Certificate) error {
	now := r.options.Now()
	expires, err := time.Parse(time.RFC3339, block.Headers[headerExpires])
	if err != nil {
		return errors.New("it is damaged")
	}
	if now.After(expires) {
		return fmt.Errorf("%w: the certificate has expired", errUseless)
	}
	serial, a, err := parseOCSPResponse(block.Bytes, nil, issuer, now, r.CurrentLists().IsRevoked)
	if err != nil {
		return err
	}
	if !r.recordStatus(newCertificateID(issuer, serial), a, expires) {
		return errOlder
	}
	return nil
}
