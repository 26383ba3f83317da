package wsse_test

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
)

// differentialXmlsec, set to 1, asks xmlsec1 as well: a third implementation, over libxml2 and OpenSSL. It takes some ten
// milliseconds an answer, so that it gets a sample only.
const differentialXmlsec = "CTR_XMLSEC1"

// One in so many of the accepted and of the refused messages is put to xmlsec1.
const (
	xmlsecAccepted = 16
	xmlsecRefused  = 96
)

// xmlsec asks xmlsec1.
type xmlsec struct {
	program, directory string
}

// newXmlsec returns nil unless the environment asks for it.
func newXmlsec(t *testing.T) *xmlsec {
	t.Helper()
	if os.Getenv(differentialXmlsec) != "1" {
		return nil
	}
	program, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Fatal("xmlsec1 is missing: apt-get install xmlsec1")
	}
	return &xmlsec{program, t.TempDir()}
}

// compare asks about some messages, counts the answers, and says what must not be: that we accept what xmlsec1 refuses.
func (x *xmlsec) compare(t *tally, octets []byte, v *verdict, candidates []*x509.Certificate, i uint64) string {
	every := uint64(xmlsecRefused)
	if v.verified != nil {
		every, candidates = xmlsecAccepted, []*x509.Certificate{v.verified.Certificate()}
	}
	if i%every != 0 {
		return ""
	}
	at, odd := signatureAt(octets)
	if at == "" {
		t.xmlsec["refused by us, nothing to ask about"]++
		return ""
	}
	said := ""
	good := slices.ContainsFunc(candidates, func(c *x509.Certificate) bool {
		var accepted bool
		accepted, said = x.ask(octets, c, at)
		return accepted
	})
	unknown := unknownToXmlsec.FindStringSubmatch(said)
	switch {
	case v.verified != nil && good:
		t.xmlsec["accepted by both"]++
	case v.verified != nil && unknown != nil:
		t.xmlsec["accepted by us; exception: xmlsec1 does not know "+unknown[1]]++
	case v.verified != nil && odd:
		t.xmlsec["accepted by us; exception: xmlsec1 takes the empty name between two spaces of a PrefixList for #default"]++
	case v.verified != nil:
		return "xmlsec1 refuses what we accept: " + said
	case good:
		t.xmlsec["refused by us with "+string(v.code)+", the signature accepted by xmlsec1"]++
	default:
		t.xmlsec["refused by both"]++
	}
	return ""
}

// unknownToXmlsec is what its version 1.2 says of algorithms that it lacks: the STR-Transform and RSA-PSS.
var unknownToXmlsec = regexp.MustCompile(`subj=xmlSecTransformIdListFindByHref:.*href=(` + regexp.QuoteMeta(dsig.STRTransform) + `|[^\n]*-rsa-MGF1)`)

// signatureAt says where the signature stands, as an XPath of positions: xmlsec1 would take the first it finds, which may
// be in a header for somebody else. It also says whether a PrefixList holds more white space than between its names.
func signatureAt(octets []byte) (path string, odd bool) {
	read, err := readSecond(octets)
	if err != nil {
		return "", false
	}
	e := read.parts().signature
	if e == nil {
		return "", false
	}
	for inner := range elementsOf(e) {
		list := inner.SelectAttrValue("PrefixList", "")
		odd = odd || list != strings.Join(strings.Fields(list), " ")
	}
	for ; e != read.root; e = e.Parent() {
		position := slices.IndexFunc(e.Parent().ChildElements(), func(c *etree.Element) bool { return c == e })
		path = "/*[" + strconv.Itoa(position+1) + "]" + path
	}
	return "/*[1]" + path, odd
}

// ask verifies a signature with a certificate.
func (x *xmlsec) ask(octets []byte, certificate *x509.Certificate, at string) (accepted bool, said string) {
	directory, err := os.MkdirTemp(x.directory, "")
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = os.RemoveAll(directory) }()
	message, key := filepath.Join(directory, "message.xml"), filepath.Join(directory, "certificate.pem")
	for name, content := range map[string][]byte{message: octets, key: pki.EncodePEM(certificate)} {
		if err = os.WriteFile(name, content, 0o600); err != nil {
			return false, err.Error()
		}
	}
	// Without any kind of key data it looks at nothing in KeyInfo, and takes the certificate that we name.
	args := []string{"--verify", "--enabled-key-data", "key-name", "--pubkey-cert-pem", key, "--node-xpath", at}
	for _, name := range []string{
		soap.Namespace11 + ":Body", soap.Namespace12 + ":Body", wsuSpace + ":Timestamp", wsseSpace + ":BinarySecurityToken", "urn:h:Note",
	} {
		args = append(args, "--id-attr:Id", name)
	}
	out, err := exec.Command(x.program, append(args, message)...).CombinedOutput()
	return err == nil, fmt.Sprintf("%v: %s", err, out)
}
