package cms

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"time"

	"github.com/openctr/ctr/internal/message/x509id"
)

// The tests seal messages that a Sealer would not.

// WrapKey is wrapKey.
var WrapKey = wrapKey

// UnwrapKey is unwrapKey.
var UnwrapKey = unwrapKey

// MaxRecipients is maxRecipients.
const MaxRecipients = maxRecipients

// SignLayer signs any content as the outer or inner layer.
func SignLayer(key *x509id.Key, withCertificate bool, content []byte, at time.Time, random io.Reader) []byte {
	signer := messageSigner{key: key.Signer.(*rsa.PrivateKey), random: random, at: at} //nolint:errcheck,forcetypeassert // of a test
	signer.name, _ = encodeCertificateName(key.Certificate)
	var out bytes.Buffer
	chain := append([]*x509.Certificate{key.Certificate}, key.Chain...)
	if !withCertificate {
		chain = nil
	}
	w := newSigningWriter(&signer, chain, int64(len(content)))
	for _, err := range []error{w.begin(&out), writeAll(w, content), w.end()} {
		if err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}

// SignLayerWithoutAttributes signs as version 1 of the platform's format: directly over the content.
func SignLayerWithoutAttributes(key *x509id.Key, withCertificate bool, content []byte, random io.Reader) []byte {
	private := key.Signer.(*rsa.PrivateKey) //nolint:errcheck,forcetypeassert // of a test
	signer := messageSigner{}
	signer.name, _ = encodeCertificateName(key.Certificate)
	digest := sha256.Sum256(content)
	signature, err := rsa.SignPSS(random, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256})
	if err != nil {
		panic(err)
	}
	var trailer []byte
	if withCertificate {
		trailer = encodeCertificates([]*x509.Certificate{key.Certificate})
	}
	trailer = append(trailer, encodeTLV(derSet, signer.encode(nil, encodePSS(), signature))...)
	layers := encodeLayers(int64(len(content)), signedLayers(len(trailer))...)
	return append(append(layers, content...), trailer...)
}

// EncryptLayer encrypts any content.
func (s *Sealer) EncryptLayer(content []byte) []byte {
	e, err := s.newEncrypter()
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	for _, err := range []error{e.begin(&out, int64(len(content))), writeAll(e, content), e.end()} {
		if err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}

// OuterContent returns what the outer signature of a sealed message covers: the EnvelopedData.
func OuterContent(sealed []byte) []byte {
	s, err := parseSignedData(bytes.Clone(sealed), "")
	if err != nil {
		panic(err)
	}
	return s.content
}

// ReadLayers reads data as a SignedData, and as an EnvelopedData with its recipients.
func (o *Opener) ReadLayers(data []byte) []byte {
	if s, err := parseSignedData(bytes.Clone(data), ""); err == nil {
		return s.content
	}
	e, err := parseEnvelopedData(data)
	if err != nil {
		return nil
	}
	if r, err := o.findRecipient(e.recipients); err == nil {
		return append(bytes.Clone(r.encryptedKey), e.ciphertext...)
	}
	return e.ciphertext
}
