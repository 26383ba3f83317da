package pdfua

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Signature signs a document: PAdES baseline B-B (EN 319 142-1), with Timestamp B-T, and with RevocationLists too B-LT.
type Signature struct {
	Key      crypto.Signer       // RSA or ECDSA; P-256 is ten times faster than RSA
	Chain    []*x509.Certificate // the signer's certificate first
	Name     string
	Reason   string
	SignedAt time.Time // claimed by the signer; a time-stamp proves it
	// Timestamp returns a time-stamp token over the signature value (RFC 3161); nil for none.
	Timestamp func(signature []byte) ([]byte, error)
	// Certificates and RevocationLists, in DER, let a verifier check the signature and the time-stamp in later years.
	Certificates    [][]byte
	RevocationLists [][]byte
}

// signatureField is the place of a signature in a document.
type signatureField struct {
	*Signature
	value, field reference
	offset       int // of value in the file
	size         int // of the space for the CMS, in bytes
}

const (
	// byteRange is replaced when the length of the file is known; it has a fixed width.
	byteRange = "/ByteRange[0 0000000000 0000000000 0000000000]"
	contents  = "/Contents<"

	cmsSize       = 4096 // a signature with two or three certificates
	timestampSize = 6144 // a time-stamp token with its certificates
)

var errSignatureTooLarge = errors.New("the signature is larger than its space in the file")

// Sign makes Encode sign the document. The field is invisible: it belongs to an element with RoleForm and is read out
// as its description.
func (d *Document) Sign(p *Page, e *Element, s *Signature, description string) {
	f := &signatureField{Signature: s, size: cmsSize}
	if s.Timestamp != nil {
		f.size += timestampSize
	}
	b := []byte("<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached" + byteRange + contents)
	b = append(b, bytes.Repeat([]byte("0"), 2*f.size)...)
	b = append(b, ">/M(D:"+s.SignedAt.UTC().Format("20060102150405")+"Z)/Name"...)
	b = appendText(append(appendText(b, s.Name), "/Reason"...), s.Reason)
	d.objects = append(d.objects, object{body: append(b, ">>"...), isTopLevel: true})
	f.value = reference(len(d.objects))
	b = appendText([]byte("<</Type/Annot/Subtype/Widget/FT/Sig/T(register)/Rect[0 0 0 0]/F 132/TU"), description)
	b = appendReference(append(b, "/P "...), p.ref)
	b = appendReference(append(b, "/V "...), f.value)
	f.field = p.addAnnotation(e, b)
	d.signature = f
}

// fillSignature hashes the file around the space for the signature and fills that space.
func (f *signatureField) fillSignature(data []byte) error {
	value := data[f.offset:]
	before, _, _ := bytes.Cut(value, []byte(byteRange))
	start := f.offset + len(before) + len(byteRange) + len(contents) - 1
	end := start + 2*f.size + 2
	copy(value[len(before):], fmt.Sprintf("/ByteRange[0 %010d %010d %010d]", start, end, len(data)-end))
	hash := sha256.New()
	hash.Write(data[:start])
	hash.Write(data[end:])
	cms, err := f.encodeCMS(hash.Sum(nil))
	if err != nil {
		return err
	}
	if len(cms) > f.size {
		return errSignatureTooLarge
	}
	hex.Encode(data[start+1:], cms)
	return nil
}

// appendValidationData appends a second revision with the Document Security Store (EN 319 142-1, 5.4.2): a verifier
// ignores one that the signature covers, because its author could not know then that the certificates were not revoked.
func (d *Document) appendValidationData(f *file, catalog reference) []byte {
	s := d.signature
	if len(s.RevocationLists) == 0 {
		return f.bytes
	}
	b := f.bytes
	next := f.lastObject
	index := "/Index[" + strconv.Itoa(int(catalog)) + " 1 " + strconv.Itoa(int(next)+1)
	var places []crossReference
	addAll := func(all [][]byte) []reference {
		refs := make([]reference, len(all))
		for i, der := range all {
			next++
			places = append(places, crossReference{kind: kindOffset, place: len(b)})
			b = appendObject(b, int(next), d.encodeStream("", der))
			refs[i] = next
		}
		return refs
	}
	body := d.objects[catalog-1].body
	body = append(bytes.TrimSuffix(body, []byte(">>")), "/DSS<</Certs"...)
	body = appendReferences(body, addAll(s.Certificates))
	body = append(appendReferences(append(body, "/CRLs"...), addAll(s.RevocationLists)), ">>>>"...)
	places = append([]crossReference{{kind: kindOffset, place: len(b)}}, places...)
	b = appendObject(b, int(catalog), body)
	next++
	places = append(places, crossReference{kind: kindOffset, place: len(b)})
	second := file{id: f.id, lastObject: next}
	entries := index + " " + strconv.Itoa(len(places)-1) + "]/Prev " + strconv.Itoa(f.xref)
	return d.appendXref(b, &second, catalog, entries, places)
}
