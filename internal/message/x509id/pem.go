package x509id

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// parsePEMCertificates parses a PEM file that holds certificates only, and at least one.
func parsePEMCertificates(file []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, problem.New(TrustUnreadable, texts.Literal("a PEM block of another type was found"))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, problem.Wrap(TrustUnreadable, err)
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, problem.New(TrustUnreadable)
	}
	return found, nil
}

// EncodePEM returns certificates as PEM, one after the other.
func EncodePEM(certificates ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range certificates {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out.Bytes()
}
