package x509id_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
)

// encodeRDNs encodes a name with one attribute per RDN, "TYPE=value".
func encodeRDNs(t testing.TB, parts ...string) []byte {
	t.Helper()
	types := map[string]asn1.ObjectIdentifier{
		"C": {2, 5, 4, 6}, "O": {2, 5, 4, 10}, "CN": {2, 5, 4, 3}, "ORG": {2, 5, 4, 97},
		"E": {1, 2, 840, 113549, 1, 9, 1}, "DC": {0, 9, 2342, 19200300, 100, 1, 25},
	}
	var name pkix.RDNSequence
	for _, part := range parts {
		var set pkix.RelativeDistinguishedNameSET
		for text := range strings.SplitSeq(part, " + ") {
			keyword, value, _ := strings.Cut(text, "=")
			set = append(set, pkix.AttributeTypeAndValue{Type: types[keyword], Value: value})
		}
		name = append(name, set)
	}
	octets, err := asn1.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// TestNamesAreComparedByParts: the forms in which common programs write one name are equal, lookalikes are not.
func TestNamesAreComparedByParts(t *testing.T) {
	plain := encodeRDNs(t, "C=BE", "O=Zetes, NV", "CN=Issuing CA 001")
	for _, c := range []struct {
		name string
		der  []byte
		text string
		want bool
	}{
		{"RFC 4514", plain, `CN=Issuing CA 001,O=Zetes\, NV,C=BE`, true},
		{"hexadecimal escape", plain, `CN=Issuing CA 001,O=Zetes\2c NV,C=BE`, true},
		{"quoted, as by .NET", plain, `CN=Issuing CA 001, O="Zetes, NV", C=BE`, true},
		{"spaces after the quotation", plain, `CN=Issuing CA 001, O="Zetes, NV" , C=BE`, true},
		{"escape in a quotation", plain, `CN=Issuing CA 001, O="Zetes\, NV", C=BE`, true},
		{"semicolons", plain, `CN=Issuing CA 001; O=Zetes\, NV; C=BE`, true},
		{"numbers of types", plain, `2.5.4.3=Issuing CA 001,OID.2.5.4.10=Zetes\, NV,oid.2.5.4.6=BE`, true},
		{"encoded value, as by Java", plain, `2.5.4.3=#130e49737375696e6720434120303031,O=Zetes\, NV,C=BE`, true},
		{"encoded as UTF8String", plain, `CN=#0c0e49737375696e6720434120303031 ,O=Zetes\, NV,C=BE`, true},
		{"other case and spaces", plain, `cn=  issuing   ca 001 ,o=ZETES\, nv ,c=be`, true},
		{"escaped spaces", plain, `CN=\ Issuing CA 001\ ,O=Zetes\, NV,C=BE`, true},
		{"long keywords", plain, `commonName=Issuing CA 001,organizationName=Zetes\, NV,countryName=BE`, true},
		{"e-mail", encodeRDNs(t, "E=a@b.be"), `EMAILADDRESS=a@b.be`, true},
		{"e-mail by another keyword", encodeRDNs(t, "E=a@b.be"), `E=a@b.be`, true},
		{"domain components", encodeRDNs(t, "DC=be", "DC=ehealth"), `DC=ehealth,DC=be`, true},
		{"organisation number", encodeRDNs(t, "ORG=NTRBE-1"), `organizationIdentifier=NTRBE-1`, true},
		{"several values in any order", encodeRDNs(t, "C=BE", "CN=a + O=b"), `O=b+CN=a,C=BE`, true},
		{"beyond ASCII", encodeRDNs(t, "CN=Zoë"), `CN=Zo\C3\AB`, true},
		{"beyond ASCII in clear", encodeRDNs(t, "CN=Zoë"), `CN=Zoë`, true},
		{"a plus sign in quotation marks", encodeRDNs(t, "CN=a+b"), `CN="a+b"`, true},

		{"unescaped comma", plain, `CN=Issuing CA 001,O=Zetes,C=BE`, false},
		{"the order of the certificate", plain, `C=BE,O=Zetes\, NV,CN=Issuing CA 001`, false},
		{"a part left out", plain, `CN=Issuing CA 001,C=BE`, false},
		{"a part twice", plain, `CN=Issuing CA 001,CN=Issuing CA 001,O=Zetes\, NV,C=BE`, false},
		{"a part more", plain, `CN=Issuing CA 001,O=Zetes\, NV,C=BE,C=BE`, false},
		{"one value instead of two parts", encodeRDNs(t, "C=BE", "CN=a"), `CN=a\,C=BE`, false},
		{"one value in quotation marks", encodeRDNs(t, "C=BE", "CN=a"), `CN="a,C=BE"`, false},
		{"two parts instead of one value", encodeRDNs(t, "CN=a,C=BE"), `CN=a,C=BE`, false},
		{"one part with two values instead of two parts", encodeRDNs(t, "C=BE", "CN=a"), `CN=a+C=BE`, false},
		{"quotes of the canonical form", encodeRDNs(t, `CN=a","2.5.4.6="be`), `C=BE,CN=a`, false},
		{"another type", plain, `CN=Issuing CA 001,OU=Zetes\, NV,C=BE`, false},
		{"no spaces within", plain, `CN=IssuingCA001,O=Zetes\, NV,C=BE`, false},
		{"letters that look the same", encodeRDNs(t, "CN=KA"), "CN=\u212aA", false},
		{"letters beyond ASCII in another case", encodeRDNs(t, "CN=ZOË"), `CN=zoë`, false},
		{"composed otherwise", encodeRDNs(t, "CN=Zoë"), "CN=Zoe\u0308", false},
		{"a tab", encodeRDNs(t, "CN=a b"), "CN=a\u00a0b", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			of, err := x509id.NameFromDER(c.der)
			if err != nil {
				t.Fatal(err)
			}
			written, err := x509id.ParseName(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if (of == written) != c.want {
				t.Errorf("equal: %v, want %v", of == written, c.want)
			}
		})
	}
}

// TestKeywords: the OIDs are those of X.520, RFC 4519 and PKCS #9.
func TestKeywords(t *testing.T) {
	for number, keywords := range map[string]string{
		"2.5.4.3": "CN commonName", "2.5.4.4": "SN surname", "2.5.4.5": "serialNumber SERIALNUMBER", "2.5.4.6": "C countryName",
		"2.5.4.7": "L localityName", "2.5.4.8": "ST S SP stateOrProvinceName", "2.5.4.9": "STREET streetAddress",
		"2.5.4.10": "O organizationName", "2.5.4.11": "OU organizationalUnitName", "2.5.4.12": "T title",
		"2.5.4.42": "G GN givenName", "2.5.4.46": "dnQualifier DNQ", "2.5.4.97": "organizationIdentifier",
		"0.9.2342.19200300.100.1.1": "UID userId", "0.9.2342.19200300.100.1.25": "DC domainComponent",
		"1.2.840.113549.1.9.1": "E Email emailAddress",
	} {
		want, err := x509id.ParseName(number + "=a")
		if err != nil {
			t.Fatal(err)
		}
		for _, keyword := range strings.Fields(keywords) {
			if got, err := x509id.ParseName(keyword + "=a"); err != nil || got != want {
				t.Errorf("%s: %v, want %v, %v", keyword, got, want, err)
			}
		}
	}
}

func TestParseNameRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                 ``,
		"no type":                 `a`,
		"empty type":              `=a`,
		"unknown type":            `XX=a`,
		"endless type":            strings.Repeat("C", 500) + `=a`,
		"number with a zero":      `2.5.04.3=a`,
		"one number":              `2=a`,
		"empty value":             `CN=`,
		"only spaces":             `CN=   ,C=BE`,
		"ends with a comma":       `CN=a,`,
		"begins with a comma":     `,CN=a`,
		"ends with a plus":        `CN=a+`,
		"slashes":                 `/C=BE/CN=a`,
		"unescaped quotation":     `CN=a"b`,
		"unescaped angle":         `CN=a<b`,
		"open quotation":          `CN="a`,
		"open empty quotation":    `CN="`,
		"text after a quotation":  `CN="a"b`,
		"escape at the end":       `CN=a\`,
		"escape of a letter":      `CN=a\z`,
		"half an escape":          `CN=a\4`,
		"not UTF-8":               `CN=\ff`,
		"a control character":     `CN=a\00b`,
		"a line end":              "CN=a\nb",
		"# and nothing":           `CN=#`,
		"# and no hexadecimal":    `CN=#0c01zz`,
		"# and half an octet":     `CN=#0c016`,
		"# and too short":         `CN=#0c0561`,
		"# and more":              `CN=#0c016161`,
		"# and a number":          `CN=#020101`,
		"# and a sequence":        `CN=#3003020101`,
		"value too long":          `CN=` + strings.Repeat("a", 300),
		"too many parts":          strings.TrimSuffix(strings.Repeat("C=BE,", 17), ","),
		"too long":                `CN=` + strings.Repeat(" ", x509id.MaxNameTextBytes) + `a`,
		"too long, of many parts": strings.Repeat("C=BE+", 5000) + "C=BE",
	} {
		_, err := x509id.ParseName(text)
		if err == nil || problem.From(err).Code != x509id.KeyReferenceMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, octets := range map[string][]byte{
		"nothing":     {},
		"no sequence": {2, 1, 1},
		"empty":       {0x30, 0},
		"more":        append(encodeRDNs(t, "CN=a"), 0),
		"a number":    {0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 6, 3, 0x55, 4, 3, 2, 1, 1},
	} {
		if _, err := x509id.NameFromDER(octets); err == nil || problem.From(err).Code != x509id.KeyReferenceMalformed {
			t.Errorf("DER, %s: %v", name, err)
		}
	}
}

func TestParseIssuerSerial(t *testing.T) {
	parse := func(issuer, serial string) x509id.IssuerSerial {
		t.Helper()
		is, err := x509id.ParseIssuerSerial(issuer, serial)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	if parse("CN=a", "0012") != parse("cn=A", "12") || parse("CN=a", "000") != parse("CN=a", "0") {
		t.Error("zeros in front make another number")
	}
	if parse("CN=a", "12") == parse("CN=a", "13") || parse("CN=a", "12") == parse("CN=b", "12") {
		t.Error("different ones are equal")
	}
	for _, serial := range []string{"", " 1", "+1", "-1", "0x1f", "1f", "1:2", "1.0", "١", strings.Repeat("1", 50)} {
		if _, err := x509id.ParseIssuerSerial("CN=a", serial); err == nil || problem.From(err).Code != x509id.KeyReferenceMalformed {
			t.Errorf("%q: %v", serial, err)
		}
	}
	if _, err := x509id.ParseIssuerSerial("a", "1"); problem.From(err).Code != x509id.KeyReferenceMalformed {
		t.Error(err)
	}
}

// FuzzParseName: parsing terminates, and a parsed name equals itself but no name with another number of RDNs.
func FuzzParseName(f *testing.F) {
	for _, seed := range []string{`CN=a,O="b, c"+OU=\2c\20,C=#0c0141`, `DC=x;DC=y`, `2.5.4.3= a\  b `} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		one, err := x509id.ParseName(text)
		if (err != nil) != (one == x509id.Name{}) {
			t.Fatalf("%v with %v", one, err)
		}
		if err != nil {
			return
		}
		more, err := x509id.ParseName(text + ",C=BE")
		if err == nil && more == one {
			t.Fatalf("%q is equal to itself and more", text)
		}
	})
}
