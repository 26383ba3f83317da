package wsse

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/beevik/etree"
	goxmldsig "github.com/russellhaering/goxmldsig"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// SignOptions configures Sign.
type SignOptions struct {
	// Created is the creation time of the message.
	Created time.Time
	// TTL is the time from Created to Expires; the platform's own connector uses 60 seconds.
	TTL time.Duration
	// NewID returns a new identifier at each call, of letters, digits, "-" and "_".
	NewID func() string
	// SignToken includes the token in the signature, as the platform requests.
	SignToken bool
}

// Sign adds a Security header to a SOAP envelope: a Timestamp, the key's certificate, and a Signature over the Body,
// the Timestamp and, with SignToken, the token. The envelope must then be serialized unchanged, with the same write
// settings.
//
// The digests are computed from the serialized and reparsed envelope, not from the tree in memory: a receiver sees only
// the former, and the two differ where serialization normalises. SignedInfo, which contains only generated plain
// content, is canonicalised from the tree by goxmldsig.
func Sign(envelope *etree.Document, key *x509id.Key, o SignOptions) error {
	method, hash, known := dsig.MethodForKey(key.Signer.Public())
	if !known {
		return errors.New("sign: the key is neither RSA nor ECDSA")
	}
	b, err := addUnsignedHeader(envelope, key, method, o)
	if err != nil {
		return err
	}
	written, err := reparseEnvelope(envelope)
	if err != nil {
		return err
	}
	for id, value := range b.digests {
		e, _ := written.ElementByID(id)
		sum := sha256.Sum256(xmldoc.C14N{Exclusive: true}.Append(nil, e))
		value.SetText(base64.StdEncoding.EncodeToString(sum[:]))
	}
	data, err := canonicalSignedInfo(b.signedInfo)
	if err != nil {
		return err
	}
	if data, err = dsig.SignValue(key.Signer, hash, data); err != nil {
		return err
	}
	b.signatureValue.SetText(base64.StdEncoding.EncodeToString(data))
	return nil
}

func reparseEnvelope(envelope *etree.Document) (*xmldoc.Document, error) {
	data, err := envelope.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write the envelope to sign: %w", err)
	}
	document, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("read the envelope to sign: %w", err)
	}
	return document, nil
}

// canonicalSignedInfo returns the bytes to sign. It declares the prefix in scope on a copy, because goxmldsig does not
// look outside the element.
func canonicalSignedInfo(signedInfo *etree.Element) ([]byte, error) {
	alone := signedInfo.Copy()
	alone.CreateAttr("xmlns:ds", dsig.Namespace)
	octets, err := goxmldsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(alone)
	if err != nil {
		return nil, fmt.Errorf("canonicalise SignedInfo: %w", err)
	}
	return octets, nil
}

// unsignedHeader holds the elements of a new header that still lack their values.
type unsignedHeader struct {
	digests        map[string]*etree.Element // DigestValue by the ID of the covered element
	signedInfo     *etree.Element
	signatureValue *etree.Element
}

// addUnsignedHeader adds the header without digests and signature value.
func addUnsignedHeader(
	envelope *etree.Document, key *x509id.Key, method string, o SignOptions,
) (*unsignedHeader, error) {
	header, body, err := findHeaderAndBody(envelope)
	if err != nil {
		return nil, err
	}
	security := addSecurityHeader(header)
	ids := []string{ensureID(body, "id-"+o.NewID()), addTimestamp(security, o)}
	tokenID := addToken(security, key, o)
	if o.SignToken {
		ids = append(ids, tokenID)
	}
	return addSignature(security, method, ids, tokenID), nil
}

// findHeaderAndBody returns the Header and Body of an envelope, and creates a missing Header.
func findHeaderAndBody(envelope *etree.Document) (header, body *etree.Element, err error) {
	root := envelope.Root()
	if root == nil || root.Tag != "Envelope" {
		return nil, nil, errors.New("sign: this is no SOAP envelope")
	}
	space := root.NamespaceURI()
	if space != soap.Namespace11 && space != soap.Namespace12 {
		return nil, nil, errors.New("sign: the envelope is neither SOAP 1.1 nor 1.2")
	}
	for _, child := range root.ChildElements() {
		switch {
		case child.NamespaceURI() != space:
		case child.Tag == "Header":
			header = child
		case child.Tag == "Body":
			body = child
		}
	}
	if body == nil {
		return nil, nil, errors.New("sign: the envelope has no Body")
	}
	if header == nil {
		header = etree.NewElement("Header")
		header.Space = root.Space
		root.InsertChildAt(body.Index(), header)
	}
	for _, child := range header.ChildElements() {
		if child.Tag == "Security" && child.NamespaceURI() == namespaceWSSE {
			return nil, nil, errors.New("sign: the envelope has a Security header already")
		}
	}
	return header, body, nil
}

func addSecurityHeader(header *etree.Element) *etree.Element {
	security := header.CreateElement("wsse:Security")
	security.CreateAttr("xmlns:wsse", namespaceWSSE)
	prefix := header.Space
	if prefix == "" { // the default namespace does not apply to attributes
		prefix = "soap"
		security.CreateAttr("xmlns:soap", header.NamespaceURI())
	}
	security.CreateAttr(prefix+":mustUnderstand", "1")
	return security
}

// ensureID returns the wsu:Id of an element, after setting it to id if it has none.
func ensureID(e *etree.Element, id string) string {
	for _, a := range e.Attr {
		if a.Key == "Id" && a.NamespaceURI() == namespaceWSU {
			return a.Value
		}
	}
	e.CreateAttr("xmlns:wsu", namespaceWSU)
	e.CreateAttr("wsu:Id", id)
	return id
}

func addTimestamp(security *etree.Element, o SignOptions) string {
	const form = "2006-01-02T15:04:05.000Z"
	timestamp := security.CreateElement("wsu:Timestamp")
	id := ensureID(timestamp, "TS-"+o.NewID())
	timestamp.CreateElement("wsu:Created").SetText(o.Created.UTC().Format(form))
	timestamp.CreateElement("wsu:Expires").SetText(o.Created.UTC().Add(o.TTL).Format(form))
	return id
}

func addToken(security *etree.Element, key *x509id.Key, o SignOptions) string {
	token := security.CreateElement("wsse:BinarySecurityToken")
	token.CreateAttr("EncodingType", encodingBase64Binary)
	token.CreateAttr("ValueType", tokenTypeX509v3)
	id := ensureID(token, "X509-"+o.NewID())
	token.SetText(base64.StdEncoding.EncodeToString(key.Certificate.Raw))
	return id
}

func addSignature(security *etree.Element, method string, ids []string, tokenID string) *unsignedHeader {
	b := &unsignedHeader{digests: make(map[string]*etree.Element, len(ids))}
	signature := security.CreateElement("ds:Signature")
	signature.CreateAttr("xmlns:ds", dsig.Namespace)
	signedInfo := signature.CreateElement("ds:SignedInfo")
	b.signedInfo = signedInfo
	signedInfo.CreateElement("ds:CanonicalizationMethod").CreateAttr("Algorithm", dsig.ExclusiveC14N)
	signedInfo.CreateElement("ds:SignatureMethod").CreateAttr("Algorithm", method)
	for _, id := range ids {
		reference := signedInfo.CreateElement("ds:Reference")
		reference.CreateAttr("URI", "#"+id)
		reference.CreateElement("ds:Transforms").CreateElement("ds:Transform").CreateAttr("Algorithm", dsig.ExclusiveC14N)
		reference.CreateElement("ds:DigestMethod").CreateAttr("Algorithm", dsig.SHA256)
		b.digests[id] = reference.CreateElement("ds:DigestValue")
	}
	b.signatureValue = signature.CreateElement("ds:SignatureValue")
	tokenReference := signature.CreateElement("ds:KeyInfo").CreateElement("wsse:SecurityTokenReference")
	reference := tokenReference.CreateElement("wsse:Reference")
	reference.CreateAttr("URI", "#"+tokenID)
	reference.CreateAttr("ValueType", tokenTypeX509v3)
	return b
}
