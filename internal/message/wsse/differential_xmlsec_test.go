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
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
)

// differentialXmlsec is the environment variable that, set to 1, also consults xmlsec1: a third implementation, based
// on libxml2 and OpenSSL. It takes about ten milliseconds per message, so it gets a sample only.
const differentialXmlsec = "CTR_XMLSEC1"

// One in this many accepted or refused messages is given to xmlsec1.
const (
	xmlsecAccepted = 16
	xmlsecRefused  = 96
)

// xmlsec runs xmlsec1.
type xmlsec struct {
	program, directory string
}

// newXmlsec returns nil unless the environment enables it.
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

// compareAnswer verifies a sample of the messages, counts the answers, and returns a failure if xmlsec1 refuses what we
// accept.
func (x *xmlsec) compareAnswer(t *statistics, octets []byte, v *outcome, candidates []*x509.Certificate, i uint64) string {
	every := uint64(xmlsecRefused)
	if v.verified != nil {
		every, candidates = xmlsecAccepted, []*x509.Certificate{v.verified.Certificate()}
	}
	if i%every != 0 {
		return ""
	}
	at, odd := signatureXPath(octets)
	if at == "" {
		t.xmlsec["refused by us, nothing to ask about"]++
		return ""
	}
	said := ""
	good := slices.ContainsFunc(candidates, func(c *x509.Certificate) bool {
		var accepted bool
		accepted, said = x.runVerify(octets, c, at)
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

// unknownToXmlsec matches the error of version 1.2 for the algorithms that it lacks: the STR-Transform and RSA-PSS.
var unknownToXmlsec = regexp.MustCompile(`subj=xmlSecTransformIdListFindByHref:.*href=(` + regexp.QuoteMeta(dsig.STRTransform) + `|[^\n]*-rsa-MGF1)`)

// signatureXPath returns the location of the signature as a positional XPath: xmlsec1 would take the first one, which
// may be in a header for another node. odd reports whether a PrefixList has white space other than between its names.
func signatureXPath(octets []byte) (path string, odd bool) {
	read, err := readSecond(octets)
	if err != nil {
		return "", false
	}
	e := read.findParts().signature
	if e == nil {
		return "", false
	}
	for inner := range allElements(e) {
		list := inner.SelectAttrValue("PrefixList", "")
		odd = odd || list != strings.Join(strings.Fields(list), " ")
	}
	for ; e != read.root; e = e.Parent() {
		position := slices.IndexFunc(e.Parent().ChildElements(), func(c *etree.Element) bool { return c == e })
		path = "/*[" + strconv.Itoa(position+1) + "]" + path
	}
	return "/*[1]" + path, odd
}

// runVerify verifies a signature with a certificate.
func (x *xmlsec) runVerify(octets []byte, certificate *x509.Certificate, at string) (accepted bool, said string) {
	directory, err := os.MkdirTemp(x.directory, "")
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = os.RemoveAll(directory) }()
	message, key := filepath.Join(directory, "message.xml"), filepath.Join(directory, "certificate.pem")
	for name, content := range map[string][]byte{message: octets, key: x509id.EncodePEM(certificate)} {
		if err = os.WriteFile(name, content, 0o600); err != nil {
			return false, err.Error()
		}
	}
	// With only key-name as key data, xmlsec1 ignores KeyInfo and uses the given certificate.
	args := []string{"--verify", "--enabled-key-data", "key-name", "--pubkey-cert-pem", key, "--node-xpath", at}
	for _, name := range []string{
		soap.Namespace11 + ":Body", soap.Namespace12 + ":Body", wsuSpace + ":Timestamp", wsseSpace + ":BinarySecurityToken", "urn:h:Note",
	} {
		args = append(args, "--id-attr:Id", name)
	}
	out, err := exec.Command(x.program, append(args, message)...).CombinedOutput()
	return err == nil, fmt.Sprintf("%v: %s", err, out)
}
