package pdfua

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"time"
)

// Verified is a signature that is right: the bytes of the file are those that its key signed. Whether to trust the key
// is for the caller to decide, at the time of the signature.
type Verified struct {
	Certificate *x509.Certificate
	Others      []*x509.Certificate // from the file: they may lead to an authority
	SignedAt    time.Time           // claimed by the signer
}

// What may be wrong with the signature of a file.
var (
	ErrUnsigned = errors.New("the file has no signature of a register")
	ErrDamaged  = errors.New("the signature cannot be read")
	ErrChanged  = errors.New("the file was changed after it was signed")
	ErrAppended = errors.New("something was added to the file after it was signed")
)

// signatureStart begins each signature that Sign makes. Nothing else in such a file contains it: texts are compressed.
const signatureStart = "/SubFilter/ETSI.CAdES.detached/ByteRange[0 "

// VerifySignature verifies the signature of a file that Sign and Encode made. It reads no other form: every byte except
// the space of the signature must be signed, so nothing else of the file needs to be understood. The work is in
// proportion to the file, and what is decoded is bounded.
func VerifySignature(file []byte) (*Verified, error) {
	if bytes.Count(file, []byte(signatureStart)) != 1 {
		return nil, ErrUnsigned
	}
	start, end, total, ok := readByteRange(file)
	switch {
	case !ok:
		return nil, ErrDamaged
	case total < len(file):
		return nil, ErrAppended
	}
	signature := make([]byte, hex.DecodedLen(end-start-2))
	if _, err := hex.Decode(signature, file[start+1:end-1]); err != nil {
		return nil, ErrDamaged
	}
	hash := sha256.New()
	hash.Write(file[:start])
	hash.Write(file[end:])
	verified, err := verifyCMS(signature, hash.Sum(nil))
	if err != nil {
		return nil, err
	}
	const layout = "/M(D:20060102150405Z)"
	rest := file[end:]
	verified.SignedAt, err = time.Parse(layout, string(rest[:min(len(layout), len(rest))]))
	if err != nil {
		return nil, ErrDamaged
	}
	return verified, nil
}

// readByteRange returns where the space of the signature starts and ends, and the length of what is signed with it.
func readByteRange(file []byte) (start, end, total int, ok bool) {
	at := bytes.Index(file, []byte(signatureStart)) + len(signatureStart)
	const form = "0000000000 0000000000 0000000000]" + contents
	if len(file)-at < len(form) {
		return 0, 0, 0, false
	}
	numbers := [3]int{}
	for i := range numbers {
		if numbers[i], ok = readDigits(file[at+11*i : at+11*i+10]); !ok {
			return 0, 0, 0, false
		}
	}
	start, end, total = numbers[0], numbers[1], numbers[1]+numbers[2]
	ok = string(file[at+10:at+11]) == " " && string(file[at+21:at+22]) == " " &&
		string(file[at+32:at+len(form)]) == "]"+contents && start == at+len(form)-1 &&
		start+2 < end && end-start <= 2*(cmsSize+timestampSize)+2 && end <= len(file) && total <= len(file) &&
		file[end-1] == '>'
	return start, end, total, ok
}

func readDigits(text []byte) (n int, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// receivedAttribute is an attribute whose values are not read yet.
type receivedAttribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue
}

// verifyCMS verifies a detached signature over a digest, in the form that encodeCMS makes.
func verifyCMS(der, digest []byte) (*Verified, error) {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content signedData `asn1:"explicit,tag:0"`
	}
	padding, err := asn1.Unmarshal(der, &outer)
	if err != nil || len(bytes.Trim(padding, "\x00")) > 0 || len(outer.Content.SignerInfos) != 1 {
		return nil, ErrDamaged
	}
	info := &outer.Content.SignerInfos[0]
	attributes, err := readAttributes(info.SignedAttributes.Bytes)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(attributes.digest, digest) {
		return nil, ErrChanged
	}
	certificates, err := x509.ParseCertificates(outer.Content.Certificates.Bytes)
	if err != nil {
		return nil, ErrDamaged
	}
	verified := &Verified{}
	for _, c := range certificates {
		fingerprint := sha256.Sum256(c.Raw)
		if verified.Certificate == nil && bytes.Equal(fingerprint[:], attributes.certificate) {
			verified.Certificate = c
			continue
		}
		verified.Others = append(verified.Others, c)
	}
	if verified.Certificate == nil {
		return nil, ErrDamaged
	}
	if err = checkValue(info, verified.Certificate); err != nil {
		return nil, err
	}
	// What the signature does not cover has one form only.
	again, err := encodeAgain(info, certificates, verified.Certificate)
	if err != nil || !bytes.Equal(again, der[:len(der)-len(padding)]) {
		return nil, ErrDamaged
	}
	return verified, nil
}

// checkValue verifies the signature value over the signed attributes.
func checkValue(info *signerInfo, signer *x509.Certificate) error {
	algorithm := x509.ECDSAWithSHA256
	if signer.PublicKeyAlgorithm == x509.RSA {
		algorithm = x509.SHA256WithRSA
	}
	set, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: info.SignedAttributes.Bytes})
	if err != nil {
		return ErrDamaged
	}
	if signer.CheckSignature(algorithm, set, info.Signature) != nil {
		return ErrChanged
	}
	return nil
}

// encodeAgain encodes a signature as encodeCMS does.
func encodeAgain(info *signerInfo, chain []*x509.Certificate, signer *x509.Certificate) ([]byte, error) {
	algorithm, err := signatureAlgorithm(signer.PublicKey)
	if err != nil {
		return nil, err
	}
	return encodeSignedData(chain, signerInfo{
		Version:            1,
		SignerID:           issuerAndSerialNumber{asn1.RawValue{FullBytes: signer.RawIssuer}, signer.SerialNumber},
		DigestAlgorithm:    pkix.AlgorithmIdentifier{Algorithm: oidSHA256},
		SignedAttributes:   implicitTag(0, info.SignedAttributes.Bytes),
		SignatureAlgorithm: algorithm,
		Signature:          info.Signature,
		UnsignedAttributes: info.UnsignedAttributes,
	})
}

// signedValues are the values of the signed attributes.
type signedValues struct{ digest, certificate []byte }

// readAttributes reads the three attributes that encodeCMS signs, each once, and no others.
func readAttributes(der []byte) (values signedValues, err error) {
	seen := 0
	for len(der) > 0 {
		var a receivedAttribute
		if der, err = asn1.Unmarshal(der, &a); err != nil || a.Values.Tag != asn1.TagSet || seen == 3 {
			return values, ErrDamaged
		}
		seen++
		var rest []byte
		switch value := a.Values.Bytes; {
		case a.Type.Equal(oidContentType):
			var contentType asn1.ObjectIdentifier
			if rest, err = asn1.Unmarshal(value, &contentType); err == nil && !contentType.Equal(oidData) {
				return values, ErrDamaged
			}
		case a.Type.Equal(oidMessageDigest):
			rest, err = asn1.Unmarshal(value, &values.digest)
		case a.Type.Equal(oidSigningCertificateV2):
			var list signingCertificateV2
			rest, err = asn1.Unmarshal(value, &list)
			if err == nil && len(list.Certificates) > 0 {
				values.certificate = list.Certificates[0].Hash
			}
		default:
			return values, ErrDamaged
		}
		if err != nil || len(rest) > 0 {
			return values, ErrDamaged
		}
	}
	if seen != 3 || len(values.digest) == 0 || len(values.certificate) == 0 {
		return values, ErrDamaged
	}
	return values, nil
}
