package x509id

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
	"github.com/openctr/ctr/internal/texts"
)

// Bounds on names and numbers in messages.
const (
	// MaxNameTextBytes bounds a distinguished name in string form.
	MaxNameTextBytes = 1024
	// maxSerialDigits is the length in decimal of the 20 octets that RFC 5280 section 4.1.2.2 allows for a serial
	// number.
	maxSerialDigits = 49
	maxKeywordBytes = 64
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
type nameAttribute struct{ oid, value string }

// newName returns the Name of RDNs given in the order of the certificate.
func newName(parts [][]nameAttribute) (Name, error) {
	if len(parts) == 0 || len(parts) > maxRDNs {
		return Name{}, newMalformedNameError(wrongPartCount.With(maxRDNs))
	}
	var b strings.Builder
	for _, part := range parts {
		attributes := make([]string, 0, len(part))
		for _, a := range part {
			if !isShortText(a.value) {
				return Name{}, newMalformedNameError(valueNotShortText)
			}
			attributes = append(attributes, a.oid+"="+strconv.Quote(foldValue(a.value)))
		}
		slices.Sort(attributes)
		b.WriteString(strings.Join(attributes, "+") + ",")
	}
	return Name{b.String()}, nil
}

// foldValue returns the form of a value in which equal values are the same text.
func foldValue(value string) string {
	fields := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' })
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, strings.Join(fields, " "))
}

func newMalformedNameError(reason texts.Text) error {
	return problem.New(KeyReferenceMalformed, invalidName.With(reason))
}

// NameFromDER parses a DER-encoded name, as in certificates.
func NameFromDER(der []byte) (Name, error) {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &sequence); err != nil || len(rest) > 0 {
		return Name{}, newMalformedNameError(notParts)
	}
	parts := make([][]nameAttribute, 0, len(sequence))
	for _, rdn := range sequence {
		part := make([]nameAttribute, 0, len(rdn))
		for _, a := range rdn {
			value, ok := a.Value.(string)
			if !ok {
				return Name{}, newMalformedNameError(valueNotText)
			}
			part = append(part, nameAttribute{a.Type.String(), value})
		}
		parts = append(parts, part)
	}
	return newName(parts)
}

// ParseName parses the string form of a name: RFC 4514, and the older forms that RFC 2253 section 4 requires readers to
// accept (quoted values, semicolons, spaces around separators, "OID." before numbers). The last RDN of the string is
// the first in the certificate.
func ParseName(text string) (Name, error) {
	if len(text) > MaxNameTextBytes {
		return Name{}, newMalformedNameError(problem.DetailLongerThan.With(MaxNameTextBytes))
	}
	p := nameParser{remaining: text}
	parts := [][]nameAttribute{nil}
	for {
		a, err := p.parseAttribute()
		if err != nil {
			return Name{}, err
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], a)
		if p.remaining == "" {
			slices.Reverse(parts)
			return newName(parts)
		}
		if p.remaining[0] != '+' {
			parts = append(parts, nil)
		}
		p.remaining = p.remaining[1:]
	}
}

// nameParser parses the string form of a name from left to right.
type nameParser struct{ remaining string }

// parseAttribute parses TYPE=value up to the next separator.
func (p *nameParser) parseAttribute() (nameAttribute, error) {
	keyword, rest, found := strings.Cut(p.remaining, "=")
	kind := oidFromKeyword(strings.Trim(keyword, " "))
	if !found || kind == "" {
		return nameAttribute{}, newMalformedNameError(unknownPartType)
	}
	p.remaining = strings.TrimLeft(rest, " ")
	var value string
	var err error
	switch {
	case strings.HasPrefix(p.remaining, "#"):
		value, err = p.parseHexValue()
	case strings.HasPrefix(p.remaining, `"`):
		p.remaining = p.remaining[1:]
		if value, err = p.parseValue(`"`); err == nil && p.remaining == "" {
			err = newMalformedNameError(openQuotation)
		}
		p.remaining = strings.TrimLeft(strings.TrimPrefix(p.remaining, `"`), " ")
	default:
		value, err = p.parseValue(nameSeparators)
	}
	if err != nil {
		return nameAttribute{}, err
	}
	if p.remaining != "" && !strings.ContainsRune(nameSeparators, rune(p.remaining[0])) {
		return nameAttribute{}, newMalformedNameError(trailingText)
	}
	return nameAttribute{kind, value}, nil
}

const nameSeparators = ",;+"

// parseValue parses a value up to one of the end characters and decodes its escapes. It refuses special characters that
// are not escaped.
func (p *nameParser) parseValue(ends string) (string, error) {
	var b strings.Builder
	for p.remaining != "" {
		c := p.remaining[0]
		switch {
		case strings.IndexByte(ends, c) >= 0:
			return b.String(), nil
		case c == '\\':
			if err := p.parseEscape(&b); err != nil {
				return "", err
			}
			continue
		case ends == nameSeparators && strings.IndexByte(`"<>`, c) >= 0:
			return "", newMalformedNameError(unescapedCharacter)
		}
		b.WriteByte(c)
		p.remaining = p.remaining[1:]
	}
	return b.String(), nil
}

// parseEscape decodes "\" followed by a special character, or by one byte of UTF-8 as two hexadecimal digits.
func (p *nameParser) parseEscape(b *strings.Builder) error {
	const special = ` "#+,;<=>\`
	if len(p.remaining) >= 2 && strings.IndexByte(special, p.remaining[1]) >= 0 {
		b.WriteByte(p.remaining[1])
		p.remaining = p.remaining[2:]
		return nil
	}
	if len(p.remaining) >= 3 {
		if octet, err := hex.DecodeString(p.remaining[1:3]); err == nil {
			b.Write(octet)
			p.remaining = p.remaining[3:]
			return nil
		}
	}
	return newMalformedNameError(unknownEscape)
}

// parseHexValue decodes "#" followed by the value's DER in hexadecimal, which Java writes for types without a keyword.
func (p *nameParser) parseHexValue() (string, error) {
	end := strings.IndexAny(p.remaining, nameSeparators)
	if end < 0 {
		end = len(p.remaining)
	}
	der, err := hex.DecodeString(strings.TrimRight(p.remaining[1:end], " "))
	if err != nil {
		return "", newMalformedNameError(notHexadecimal)
	}
	p.remaining = p.remaining[end:]
	var value any
	rest, err := asn1.Unmarshal(der, &value)
	text, ok := value.(string)
	if err != nil || len(rest) > 0 || !ok {
		return "", newMalformedNameError(notDERText)
	}
	return text, nil
}

var dottedOIDPattern = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+$`)

// oidFromKeyword returns the OID of an attribute type, or "" if unknown. It accepts the keyword variants of common
// programs.
func oidFromKeyword(keyword string) string {
	if len(keyword) > maxKeywordBytes {
		return ""
	}
	keyword = strings.ToUpper(keyword)
	if number := strings.TrimPrefix(keyword, "OID."); dottedOIDPattern.MatchString(number) {
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

var serialPattern = regexp.MustCompile(`^[0-9]+$`)

// ParseIssuerSerial parses the content of a ds:X509IssuerSerial: a name and a decimal number (XML Signature section
// 4.5.4.1).
func ParseIssuerSerial(issuer, serial string) (IssuerSerial, error) {
	name, err := ParseName(issuer)
	if err != nil {
		return IssuerSerial{}, err
	}
	if len(serial) > maxSerialDigits || !serialPattern.MatchString(serial) {
		return IssuerSerial{}, problem.New(KeyReferenceMalformed, serialNotDecimal.With(maxSerialDigits))
	}
	if serial = strings.TrimLeft(serial, "0"); serial == "" {
		serial = "0"
	}
	return IssuerSerial{name, serial}, nil
}

// issuerSerialFromCertificate returns the IssuerSerial of a certificate, or the zero value if the issuer's name is
// malformed.
func issuerSerialFromCertificate(c *x509.Certificate) IssuerSerial {
	issuer, err := NameFromDER(c.RawIssuer)
	if err != nil || c.SerialNumber == nil {
		return IssuerSerial{}
	}
	return IssuerSerial{issuer, c.SerialNumber.String()}
}
