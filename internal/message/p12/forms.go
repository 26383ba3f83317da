package p12

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/ber"
)

// describeOtherForm says what a file is that is no PKCS #12, and which command makes one of it; "" if it is unknown.
// People keep keys in many forms, and "not a .p12 file" alone sends them looking for damage.
func describeOtherForm(data []byte) string {
	const (
		fromJKS    = "convert it: keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype PKCS12"
		fromPEM    = "convert it: openssl pkcs12 -export -in FILE -name authentication -out NEW.p12"
		fromBase64 = "convert it: base64 -d FILE > NEW.p12, or on Windows: certutil -decode FILE NEW.p12"
	)
	text, _ := decodeText(data)
	block, _ := pem.Decode([]byte(text))
	switch {
	case len(bytes.Trim(data, "\x00\r\n\t ")) == 0:
		return "it is empty"
	case bytes.HasPrefix(data, []byte("\xfe\xed\xfe\xed")):
		return "it is a Java key store (JKS); " + fromJKS
	case bytes.HasPrefix(data, []byte("\xce\xce\xce\xce")):
		return "it is a Java key store (JCEKS); " + fromJKS + " -srcstoretype JCEKS"
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return "it is a zip archive; unpack it"
	case block != nil && isPKCS12(block.Bytes):
		return "it is a .p12 file as PEM; convert it: sed /^-----/d FILE | base64 -d > NEW.p12, or on Windows: " +
			"certutil -decode FILE NEW.p12"
	case strings.Contains(text, "PRIVATE KEY-----"):
		return "it is PEM; " + fromPEM
	case block != nil:
		return "it is PEM (" + block.Type + ") without a private key; join it with the key and " + fromPEM
	case isBase64PKCS12(text):
		return "it is a .p12 file in base64; " + fromBase64
	}
	return describeDER(data)
}

// describeDER recognises what is often renamed to .p12: certificates, with or without an envelope, and bare keys.
func describeDER(data []byte) string {
	der, ok := ber.ToDER(data)
	if !ok {
		return ""
	}
	if _, err := x509.ParseCertificate(der); err == nil {
		return "it is a certificate without a private key; join the two with openssl pkcs12 -export -inkey KEY.pem " +
			"-in CERTIFICATE.pem -out NEW.p12"
	}
	var body, second cryptobyte.String
	var version int
	input := cryptobyte.String(der)
	if !input.ReadASN1(&body, tags.SEQUENCE) {
		return ""
	}
	switch rest := body; {
	case rest.PeekASN1Tag(tags.OBJECT_IDENTIFIER):
		return "it is PKCS #7, which holds certificates but no private key; export the certificate with its private key"
	case rest.PeekASN1Tag(tags.SEQUENCE):
		if rest.ReadASN1(&second, tags.SEQUENCE) && second.PeekASN1Tag(tags.OBJECT_IDENTIFIER) {
			return "it is an encrypted private key (PKCS #8) without its certificate; join the two with openssl pkcs12 " +
				"-export -inkey FILE -in CERTIFICATE.pem -out NEW.p12"
		}
	case rest.ReadASN1Integer(&version) && (rest.PeekASN1Tag(tags.INTEGER) || rest.PeekASN1Tag(tags.OCTET_STRING) ||
		version == 0):
		return "it is a private key without its certificate; join the two with openssl pkcs12 -export -inkey FILE " +
			"-in CERTIFICATE.pem -out NEW.p12"
	}
	return ""
}

// isPKCS12 reports whether data begins as a PFX does: a SEQUENCE with the version 3 and a SEQUENCE.
func isPKCS12(data []byte) bool {
	der, ok := ber.ToDER(data)
	if !ok {
		return false
	}
	var body cryptobyte.String
	var version int
	input := cryptobyte.String(der)
	return input.ReadASN1(&body, tags.SEQUENCE) && body.ReadASN1Integer(&version) && version == 3 &&
		body.PeekASN1Tag(tags.SEQUENCE)
}

func isBase64PKCS12(text string) bool {
	packed := strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	data, err := base64.RawStdEncoding.DecodeString(packed)
	return err == nil && isPKCS12(data)
}
