package p12_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func encodeUTF16(order binary.AppendByteOrder, text string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

func TestFieldPasswordFiles(t *testing.T) {
	const password = "Geheim é€1"
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"UTF-8":                               {[]byte(password + "\n"), password},
		"UTF-8 with a mark":                   {[]byte("\ufeff" + password + "\r\n"), password},
		"UTF-16LE with a mark":                {encodeUTF16(binary.LittleEndian, "\ufeff"+password+"\r\n"), password},
		"UTF-16BE with a mark":                {encodeUTF16(binary.BigEndian, "\ufeff"+password+"\n"), password},
		"UTF-16LE":                            {encodeUTF16(binary.LittleEndian, password+"\r\n"), password},
		"UTF-16BE":                            {encodeUTF16(binary.BigEndian, password), password},
		"Windows-1252":                        {[]byte("Geheim \xe9\x801\r\n"), password},
		"blanks belong to it":                 {[]byte(" a \n"), " a "},
		"a mark and nothing else":             {[]byte("\ufeff"), ""},
		"nothing":                             {nil, ""},
		"one letter":                          {[]byte("x"), "x"},
		"UTF-16 with a letter beyond 16 bits": {encodeUTF16(binary.LittleEndian, "\ufeffa😀"), "a😀"},
	} {
		file := filepath.Join(t.TempDir(), "password.txt")
		writeFile(t, file, tt.data)
		if got, err := p12.ReadPasswordFile(file); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
	for name, data := range map[string][]byte{
		"half a letter":            append(encodeUTF16(binary.LittleEndian, "\ufeffa"), 0x62),
		"half a pair":              {0xff, 0xfe, 0x00, 0xd8},
		"a zero byte in text":      []byte("abc\x00def"),
		"no letter of any set":     {0x81, 0x8d},
		"a workbook's zero octets": {'P', 'K', 3, 4, 0, 0, 0, 0, 0x81},
	} {
		file := filepath.Join(t.TempDir(), "password.txt")
		writeFile(t, file, data)
		if got, err := p12.ReadPasswordFile(file); err == nil {
			t.Errorf("%s: %q was taken", name, got)
		}
	}
}

// TestFieldP12OtherForms: each form in which people keep keys is named, with the command that makes a .p12 of it.
func TestFieldP12OtherForms(t *testing.T) {
	key := testpki.ECKey(t)
	store, err := p12.EncodeKeys([]*x509id.Key{key}, "x", 10, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(label string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}) }
	certificate := encode("CERTIFICATE", key.Certificate.Raw)
	base64Text := base64.StdEncoding.EncodeToString(store)
	for name, tt := range map[string]struct {
		data []byte
		want []string
	}{
		"JKS":                     {[]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"), []string{"JKS", "keytool -importkeystore"}},
		"JCEKS":                   {[]byte("\xce\xce\xce\xce\x00\x00\x00\x02"), []string{"JCEKS", "-srcstoretype JCEKS"}},
		"base64":                  {[]byte(base64Text), []string{"base64", "base64 -d FILE > NEW.p12", "certutil -decode"}},
		"base64 in lines":         {[]byte(base64Text[:64] + "\r\n" + base64Text[64:] + "\r\n"), []string{"base64 -d"}},
		"base64 in UTF-16":        {encodeUTF16(binary.LittleEndian, "\ufeff"+base64Text), []string{"base64"}},
		"base64 without padding":  {[]byte(strings.TrimRight(base64Text, "=")), []string{"base64"}},
		"PEM of a store":          {encode("PKCS12", store), []string{"as PEM", "sed /^-----/d FILE | base64 -d > NEW.p12"}},
		"key and certificate":     {append(encode("PRIVATE KEY", pkcs8), certificate...), []string{"PEM", "openssl pkcs12 -export"}},
		"certificate and key":     {append(certificate, encode("ENCRYPTED PRIVATE KEY", pkcs8)...), []string{"PEM", "openssl pkcs12 -export"}},
		"PEM with bag attributes": {append([]byte("Bag Attributes\n    friendlyName: x\n"), encode("PRIVATE KEY", pkcs8)...), []string{"openssl pkcs12 -export"}},
		"only a certificate":      {certificate, []string{"PEM (CERTIFICATE) without a private key"}},
		"PKCS #7 in PEM":          {encode("PKCS7", []byte{0x30, 0}), []string{"PEM (PKCS7) without a private key"}},
		"a certificate":           {key.Certificate.Raw, []string{"a certificate without a private key", "-inkey"}},
		"a private key":           {pkcs8, []string{"a private key without its certificate"}},
		"PKCS #7":                 {append([]byte{0x30, 11}, []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 7, 2}...), []string{"PKCS #7"}},
		"nothing":                 {nil, []string{"empty"}},
		"zero bytes":              {make([]byte, 100), []string{"empty"}},
		"a zip archive":           {[]byte("PK\x03\x04\x14\x00"), []string{"zip"}},
	} {
		_, err := p12.DecodeSigningKey(tt.data, "x", p12.DecodeTime)
		refusal := problem.From(err)
		if refusal.Code != p12.Unreadable {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(refusal.Detail.String(), want) {
				t.Errorf("%s: %q does not say %q", name, refusal.Detail, want)
			}
		}
	}
}
