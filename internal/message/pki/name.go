package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/problem"
)

// Bounds on names and numbers that a message writes out.
const (
	// MaxNameText bounds the octets of a distinguished name in writing.
	MaxNameText = 1024
	// maxSerialDigits are those of the 20 octets that RFC 5280 section 4.1.2.2 allows a serial number.
	maxSerialDigits = 49
	maxKeyword      = 64
)

// Name is a distinguished name, reduced to what makes two names equal: the parts in the order of the certificate, their
// attributes in any order, types by their numbers, values without difference between capital and small letters of ASCII
// and without surplus spaces (RFC 5280 section 7.1, X.520 caseIgnoreMatch). Names are equal when == says so; the zero
// Name is none.
//
// Letters beyond ASCII must be the same: folding them makes letters of different alphabets equal.
type Name struct {
	canonical string // every value quoted, so that no value can look like several
}

// attribute is the type and the value of one attribute of a name.
type attribute struct{ kind, value string }

// newName makes the Name of parts in the order of the certificate.
func newName(parts [][]attribute) (Name, error) {
	if len(parts) == 0 || len(parts) > maxRDNs {
		return Name{}, malformedName("it has no parts, or more than " + strconv.Itoa(maxRDNs))
	}
	var b strings.Builder
	for _, part := range parts {
		texts := make([]string, 0, len(part))
		for _, a := range part {
			if !isShortText(a.value) {
				return Name{}, malformedName("a value is not a short text")
			}
			texts = append(texts, a.kind+"="+strconv.Quote(folded(a.value)))
		}
		slices.Sort(texts)
		b.WriteString(strings.Join(texts, "+") + ",")
	}
	return Name{b.String()}, nil
}

// folded writes a value so that equal ones are the same text.
func folded(value string) string {
	fields := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' })
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, strings.Join(fields, " "))
}

func malformedName(fact string) error {
	return problem.New(problem.KeyReferenceMalformed, "the name:", fact)
}

// ReadName reads a name as certificates hold it, in DER.
func ReadName(der []byte) (Name, error) {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &sequence); err != nil || len(rest) > 0 {
		return Name{}, malformedName("it is not a sequence of parts")
	}
	parts := make([][]attribute, 0, len(sequence))
	for _, rdn := range sequence {
		part := make([]attribute, 0, len(rdn))
		for _, a := range rdn {
			value, ok := a.Value.(string)
			if !ok {
				return Name{}, malformedName("a value is not a text")
			}
			part = append(part, attribute{a.Type.String(), value})
		}
		parts = append(parts, part)
	}
	return newName(parts)
}

// ParseName reads a name in writing: RFC 4514, and what RFC 2253 section 4 asks readers to take as well (quoted values,
// semicolons, spaces around separators, "OID." before numbers). The last part in writing is the first in the
// certificate.
func ParseName(text string) (Name, error) {
	if len(text) > MaxNameText {
		return Name{}, malformedName("longer than " + strconv.Itoa(MaxNameText) + " octets")
	}
	p := nameParser{rest: text}
	parts := [][]attribute{nil}
	for {
		a, err := p.attribute()
		if err != nil {
			return Name{}, err
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], a)
		if p.rest == "" {
			slices.Reverse(parts)
			return newName(parts)
		}
		if p.rest[0] != '+' {
			parts = append(parts, nil)
		}
		p.rest = p.rest[1:]
	}
}

// nameParser reads a written name from its start.
type nameParser struct{ rest string }

// attribute reads TYPE=value, up to the separator.
func (p *nameParser) attribute() (attribute, error) {
	keyword, rest, found := strings.Cut(p.rest, "=")
	kind := kindOf(strings.Trim(keyword, " "))
	if !found || kind == "" {
		return attribute{}, malformedName("a part has a type that is not known")
	}
	p.rest = strings.TrimLeft(rest, " ")
	var value string
	var err error
	switch {
	case strings.HasPrefix(p.rest, "#"):
		value, err = p.encoded()
	case strings.HasPrefix(p.rest, `"`):
		p.rest = p.rest[1:]
		if value, err = p.text(`"`); err == nil && p.rest == "" {
			err = malformedName("a quotation does not end")
		}
		p.rest = strings.TrimLeft(strings.TrimPrefix(p.rest, `"`), " ")
	default:
		value, err = p.text(separators)
	}
	if err != nil {
		return attribute{}, err
	}
	if p.rest != "" && !strings.ContainsRune(separators, rune(p.rest[0])) {
		return attribute{}, malformedName("something follows a value")
	}
	return attribute{kind, value}, nil
}

const separators = ",;+"

// text reads a value up to one of the ends, and undoes its escapes. What must be escaped must be.
func (p *nameParser) text(ends string) (string, error) {
	var b strings.Builder
	for p.rest != "" {
		c := p.rest[0]
		switch {
		case strings.IndexByte(ends, c) >= 0:
			return b.String(), nil
		case c == '\\':
			if err := p.escape(&b); err != nil {
				return "", err
			}
			continue
		case ends == separators && strings.IndexByte(`"<>`, c) >= 0:
			return "", malformedName("a character that needs an escape has none")
		}
		b.WriteByte(c)
		p.rest = p.rest[1:]
	}
	return b.String(), nil
}

// escape reads "\" and a special character, or "\" and an octet of UTF-8 as two hexadecimal digits.
func (p *nameParser) escape(b *strings.Builder) error {
	const special = ` "#+,;<=>\`
	if len(p.rest) >= 2 && strings.IndexByte(special, p.rest[1]) >= 0 {
		b.WriteByte(p.rest[1])
		p.rest = p.rest[2:]
		return nil
	}
	if len(p.rest) >= 3 {
		if octet, err := hex.DecodeString(p.rest[1:3]); err == nil {
			b.Write(octet)
			p.rest = p.rest[3:]
			return nil
		}
	}
	return malformedName("an escape is not one of RFC 4514")
}

// encoded reads "#" and the DER of the value in hexadecimal: what Java writes for types that it has no keyword for.
func (p *nameParser) encoded() (string, error) {
	end := strings.IndexAny(p.rest, separators)
	if end < 0 {
		end = len(p.rest)
	}
	der, err := hex.DecodeString(strings.TrimRight(p.rest[1:end], " "))
	if err != nil {
		return "", malformedName("a value after # is not hexadecimal")
	}
	p.rest = p.rest[end:]
	var value any
	rest, err := asn1.Unmarshal(der, &value)
	text, ok := value.(string)
	if err != nil || len(rest) > 0 || !ok {
		return "", malformedName("a value after # is not a text in DER")
	}
	return text, nil
}

var dotted = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+$`)

// kindOf returns the number of an attribute type, of which the usual programs write the keyword each in their own way.
func kindOf(keyword string) string {
	if len(keyword) > maxKeyword {
		return ""
	}
	keyword = strings.ToUpper(keyword)
	if number := strings.TrimPrefix(keyword, "OID."); dotted.MatchString(number) {
		return number
	}
	switch keyword {
	case "CN", "COMMONNAME":
		return "2.5.4.3"
	case "SN", "SURNAME":
		return "2.5.4.4"
	case "SERIALNUMBER":
		return "2.5.4.5"
	case "C", "COUNTRYNAME":
		return "2.5.4.6"
	case "L", "LOCALITYNAME":
		return "2.5.4.7"
	case "ST", "S", "SP", "STATEORPROVINCENAME":
		return "2.5.4.8"
	case "STREET", "STREETADDRESS":
		return "2.5.4.9"
	case "O", "ORGANIZATIONNAME":
		return "2.5.4.10"
	case "OU", "ORGANIZATIONALUNITNAME":
		return "2.5.4.11"
	case "T", "TITLE":
		return "2.5.4.12"
	case "G", "GN", "GIVENNAME":
		return "2.5.4.42"
	case "DNQ", "DNQUALIFIER":
		return "2.5.4.46"
	case "ORGANIZATIONIDENTIFIER":
		return "2.5.4.97"
	case "UID", "USERID":
		return "0.9.2342.19200300.100.1.1"
	case "DC", "DOMAINCOMPONENT":
		return "0.9.2342.19200300.100.1.25"
	case "E", "EMAIL", "EMAILADDRESS":
		return "1.2.840.113549.1.9.1"
	}
	return ""
}

// IssuerSerial names a certificate by its issuer and the number that the issuer gave it. Two are equal when == says so;
// the zero IssuerSerial names none.
type IssuerSerial struct {
	issuer Name
	serial string // decimal, without zeros in front
}

var serialForm = regexp.MustCompile(`^[0-9]+$`)

// ParseIssuerSerial reads what a ds:X509IssuerSerial holds: a name and a decimal number (XML Signature section 4.5.4.1).
func ParseIssuerSerial(issuer, serial string) (IssuerSerial, error) {
	name, err := ParseName(issuer)
	if err != nil {
		return IssuerSerial{}, err
	}
	if len(serial) > maxSerialDigits || !serialForm.MatchString(serial) {
		return IssuerSerial{}, problem.New(problem.KeyReferenceMalformed, "the serial number is not a decimal number of at most",
			strconv.Itoa(maxSerialDigits), "digits")
	}
	if serial = strings.TrimLeft(serial, "0"); serial == "" {
		serial = "0"
	}
	return IssuerSerial{name, serial}, nil
}

// issuerSerialOf returns how a certificate is named, or the zero IssuerSerial if its issuer's name cannot be written.
func issuerSerialOf(c *x509.Certificate) IssuerSerial {
	issuer, err := ReadName(c.RawIssuer)
	if err != nil || c.SerialNumber == nil {
		return IssuerSerial{}
	}
	return IssuerSerial{issuer, c.SerialNumber.String()}
}
