package verification

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// readEvidence is a signed message that was verified again, or why it was not.
type readEvidence struct {
	kept *wsse.KeptMessage
	err  error
}

// evidenceReader verifies the signed messages of versions, several at once: it is most of the work.
type evidenceReader struct {
	workers      int
	mu           sync.Mutex
	certificates map[[sha256.Size]byte]*x509.Certificate // few callers sign most messages
}

// maxCertificates bounds the memory.
const maxCertificates = 2000

func newEvidenceReader(workers int) *evidenceReader {
	return &evidenceReader{workers: max(workers, 1), certificates: make(map[[sha256.Size]byte]*x509.Certificate)}
}

// readAll verifies the messages of a page, each on its own.
func (r *evidenceReader) readAll(page []implants.StoredVersion) []readEvidence {
	read := make([]readEvidence, len(page))
	var workers sync.WaitGroup
	for worker := range r.workers {
		workers.Go(func() {
			for i := worker; i < len(page); i += r.workers {
				if page[i].Evidence != nil {
					read[i].kept, read[i].err = r.verifyMessage(page[i].Evidence)
				}
			}
		})
	}
	workers.Wait()
	return read
}

func (r *evidenceReader) verifyMessage(evidence *implants.Evidence) (*wsse.KeptMessage, error) {
	certificate, err := r.parseCertificate(evidence.Certificate)
	if err != nil {
		return nil, err
	}
	document, err := xmldoc.Parse(evidence.Message, xmldoc.DefaultLimits())
	if err != nil {
		return nil, err //nolint:wrapcheck // a problem
	}
	envelope, err := soap.Open(document)
	if err != nil {
		return nil, err //nolint:wrapcheck // a problem
	}
	return wsse.VerifyKept(envelope, certificate)
}

func (r *evidenceReader) parseCertificate(der []byte) (*x509.Certificate, error) {
	sum := sha256.Sum256(der)
	r.mu.Lock()
	known := r.certificates[sum]
	r.mu.Unlock()
	if known != nil {
		return known, nil
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err //nolint:wrapcheck // reported by its code
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.certificates) >= maxCertificates {
		clear(r.certificates)
	}
	r.certificates[sum] = certificate
	return certificate, nil
}
