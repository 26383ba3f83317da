package testmessages

import (
	"crypto"
	_ "crypto/sha1" //nolint:gosec // to generate messages with SHA-1, which services must refuse
	_ "crypto/sha256"
	_ "crypto/sha512" // a P-384 key signs with SHA-384
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

var errUnsupportedKey = errors.New("the key is neither RSA nor ECDSA")

// hashForAlgorithm returns the hash of a signature or digest algorithm; SHA-256 for an unknown one.
func hashForAlgorithm(algorithm string) crypto.Hash {
	switch algorithm {
	case dsig.SHA1, dsig.RSASHA1, dsig.ECDSASHA1:
		return crypto.SHA1
	case dsig.ECDSASHA384:
		return crypto.SHA384
	case dsig.ECDSASHA512:
		return crypto.SHA512
	}
	return crypto.SHA256
}

// fillSignature fills in the empty digest of each reference, and then the signature value. It follows the algorithms
// and references in the message, whether correct or not. A message without a signature is returned unchanged.
func fillSignature(text string, key crypto.Signer) (string, error) {
	signature, err := findSignature(text)
	if err != nil || signature.IsZero() {
		return text, err
	}
	for reference := range signature.Child(dsig.Namespace, "SignedInfo").Children() {
		if !reference.Is(dsig.Namespace, "Reference") {
			continue
		}
		address, _ := reference.Attr("", "URI")
		target, found := reference.Document().ElementByID(strings.TrimPrefix(address, "#"))
		if !found {
			return "", fmt.Errorf("sign: nothing is called %s", address)
		}
		algorithm, _ := reference.Child(dsig.Namespace, "DigestMethod").Attr("", "Algorithm")
		h := hashForAlgorithm(algorithm).New()
		h.Write(xmldoc.C14N{Exclusive: true}.Append(nil, target))
		if text, err = fillElement(text, "DigestValue", h.Sum(nil)); err != nil {
			return "", err
		}
	}
	if signature, err = findSignature(text); err != nil {
		return "", err
	}
	info := signature.Child(dsig.Namespace, "SignedInfo")
	algorithm, _ := info.Child(dsig.Namespace, "SignatureMethod").Attr("", "Algorithm")
	value, err := dsig.SignValue(key, hashForAlgorithm(algorithm), xmldoc.C14N{Exclusive: true}.Append(nil, info))
	if err != nil {
		return "", err
	}
	return fillElement(text, "SignatureValue", value)
}

// findSignature returns the Signature element, or a zero Element.
func findSignature(text string) (xmldoc.Element, error) {
	document, err := xmldoc.Parse([]byte(text), xmldoc.DefaultLimits())
	if err != nil {
		return xmldoc.Element{}, fmt.Errorf("sign: %w", err)
	}
	root := document.Root()
	security := root.Child(root.Space(), "Header").Child(soap.NamespaceSecurity, "Security")
	return security.Child(dsig.Namespace, "Signature"), nil
}

// fillElement writes value in base64 into the first empty element ds:name.
func fillElement(text, name string, value []byte) (string, error) {
	empty := "<ds:" + name + "></ds:" + name + ">"
	if !strings.Contains(text, empty) {
		return "", fmt.Errorf("sign: no empty %s", name)
	}
	return strings.Replace(text, empty, "<ds:"+name+">"+base64.StdEncoding.EncodeToString(value)+"</ds:"+name+">", 1), nil
}
