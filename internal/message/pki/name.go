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

// Bounds on names and numbers in messages.
const (
	// MaxNameTextBytes bounds a distinguished name in string form.
	MaxNameText = 1024
	// maxSerialDigits is the length in decimal of the 20 octets that RFC 5280 section 4.1.2.2 allows for a serial
	// number.
	maxSerialDigits = 49
	maxKeyword      = 64
)

// Name is a distinguished name in canonical form, comparable with ==: RDNs in the order of the certificate, the
// attributes of an RDN in any order, types by OID, values without distinction of ASCII case and without surplus spaces
// (RFC 5280 section 7.1, X.520 caseIgnoreMatch). The zero Name matches no certificate.
//
// Letters beyond ASCII must match exactly: case folding would make letters of different alphabets equal.
type Name struct {
	canonical string // every value is quoted, so that one value cannot imitate several
}

// nameAttribute is one attribute of a name: the OID of its type, in dotted form, and its value.
type attribute struct{ kind, value string }

// newName returns the Name of RDNs given in the order of the certificate.
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

// foldValue returns the form of a value in which equal values are the same text.
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

// NameFromDER parses a DER-encoded name, as in certificates.
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

// ParseName parses the string form of a name: RFC 4514, and the older forms that RFC 2253 section 4 requires readers to
// accept (quoted values, semicolons, spaces around separators, "OID." before numbers). The last RDN of the string is
// the first in the certificate.
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

// nameParser parses the string form of a name from left to right.
type nameParser struct{ rest string }

// parseAttribute parses TYPE=value up to the next separator.
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

// parseValue parses a value up to one of the end characters and decodes its escapes. It refuses special characters that
// are not escaped.
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

// parseEscape decodes "\" followed by a special character, or by one byte of UTF-8 as two hexadecimal digits.
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

// parseHexValue decodes "#" followed by the value's DER in hexadecimal, which Java writes for types without a keyword.
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

// oidFromKeyword returns the OID of an attribute type, or "" if unknown. It accepts the keyword variants of common
// programs.
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

// IssuerSerial identifies a certificate by its issuer and serial number. It is comparable with ==; the zero value
// identifies no certificate.
type IssuerSerial struct {
	issuer Name
	serial string // decimal, without leading zeros
}

var serialForm = regexp.MustCompile(`^[0-9]+$`)

// ParseIssuerSerial parses the content of a ds:X509IssuerSerial: a name and a decimal number (XML Signature section
// 4.5.4.1).
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

// issuerSerialFromCertificate returns the IssuerSerial of a certificate, or the zero value if the issuer's name is
// malformed.
func issuerSerialOf(c *x509.Certificate) IssuerSerial {
	issuer, err := ReadName(c.RawIssuer)
	if err != nil || c.SerialNumber == nil {
		return IssuerSerial{}
	}
	return IssuerSerial{issuer, c.SerialNumber.String()}
}
