package xmldoc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// newSignedMessage returns a signed SOAP message as clients write it, of about the given size in bytes.
func newSignedMessage(size int) string {
	const (
		head = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ctrp="urn:be:fgov:ehealth:ctr:protocol:v1" xmlns:ctr="urn:be:fgov:ehealth:ctr:core:v1">
  <soapenv:Header>
    <wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" soapenv:mustUnderstand="1">
      <wsse:BinarySecurityToken EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary" ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3" wsu:Id="X509-1">%s</wsse:BinarySecurityToken>
      <wsu:Timestamp wsu:Id="TS-1"><wsu:Created>2026-11-21T10:00:00.000Z</wsu:Created><wsu:Expires>2026-11-21T10:05:00.000Z</wsu:Expires></wsu:Timestamp>
      <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="SIG-1"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>`
		reference = `<ds:Reference URI="#%s"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ds:DigestValue></ds:Reference>`
		middle    = `</ds:SignedInfo><ds:SignatureValue>%s</ds:SignatureValue><ds:KeyInfo><wsse:SecurityTokenReference><wsse:Reference URI="#X509-1"/></wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>
    </wsse:Security>
  </soapenv:Header>
  <soapenv:Body wsu:Id="id-1" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">
    <ctrp:NotifyImplantRequest Id="_8f0c" IssueInstant="2026-11-21T10:00:00Z">
      <ctrp:Author><cc:HcParty xmlns:cc="urn:be:fgov:ehealth:commons:core:v2"><cc:Id Type="urn:be:fgov:person:ssin">78031412250</cc:Id><cc:FirstName>Anna</cc:FirstName><cc:Name>Claes</cc:Name></cc:HcParty></ctrp:Author>
      <ctrp:Save>Final</ctrp:Save>
      <ctrp:Implantation>
        <ctr:Comment>`
		implant = `</ctr:Comment>
        <ctr:Implant>
          <ctr:NotificationCode>000071200176</ctr:NotificationCode>
          <ctr:UDI>(01)05410000001047(17)291231(10)L2201(21)S-000917</ctr:UDI>
          <ctr:Quantity>1</ctr:Quantity>
          <ctr:Location>left knee</ctr:Location>
          <ctr:Side>Left</ctr:Side>
        </ctr:Implant>
        <ctr:Comment>`
		tail = `</ctr:Comment>
      </ctrp:Implantation>
    </ctrp:NotifyImplantRequest>
  </soapenv:Body>
</soapenv:Envelope>
`
	)
	var b strings.Builder
	fmt.Fprintf(&b, head, strings.Repeat("MIIC", 400))
	for _, id := range []string{"X509-1", "TS-1", "id-1"} {
		fmt.Fprintf(&b, reference, id)
	}
	fmt.Fprintf(&b, middle, strings.Repeat("q83v", 86))
	for b.Len() < size-len(tail)-len(implant) {
		b.WriteString(implant)
	}
	b.WriteString(tail)
	return b.String()
}

// benchmarkInputs returns the inputs of the benchmarks.
func benchmarkInputs() map[string]string {
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	var attributes, declarations strings.Builder
	for i := range 250 {
		fmt.Fprintf(&attributes, ` attribute%d="value %d"`, 250-i, i)
	}
	for i := range 60 {
		fmt.Fprintf(&declarations, ` xmlns:p%d="urn:example:%d" p%d:a="1"`, i, i, i)
	}
	return map[string]string{
		"6.5kB":      newSignedMessage(6500),
		"64kB":       newSignedMessage(64 << 10),
		"4MiB":       newSignedMessage(4 << 20),
		"base64":     "<a>" + strings.Repeat("QUJDREVG", 512<<10) + "</a>",
		"deep":       "<r>" + strings.Repeat(deep, 100) + "</r>",
		"attributes": "<r>" + strings.Repeat("<a"+attributes.String()+"/>", 100) + "</r>",
		"namespaces": "<r>" + strings.Repeat("<a"+declarations.String()+"/>", 100) + "</r>",
	}
}

var benchmarkNames = []string{"6.5kB", "64kB", "4MiB", "base64", "deep", "attributes", "namespaces"}

func benchmarkLimits() xmldoc.Limits {
	l := xmldoc.DefaultLimits()
	l.Depth = 200
	return l
}

func BenchmarkParse(b *testing.B) {
	all := benchmarkInputs()
	for _, name := range benchmarkNames {
		b.Run(name, func(b *testing.B) {
			input := []byte(all[name])
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := xmldoc.Parse(input, benchmarkLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExclusive(b *testing.B) {
	all := benchmarkInputs()
	all["Body"] = all["6.5kB"]
	for _, name := range append([]string{"Body"}, benchmarkNames...) {
		b.Run(name, func(b *testing.B) {
			d, err := xmldoc.Parse([]byte(all[name]), benchmarkLimits())
			if err != nil {
				b.Fatal(err)
			}
			top := d.Root()
			if name == "Body" {
				top, _ = d.ElementByID("id-1")
			}
			c := xmldoc.C14N{Exclusive: true}
			buffer := c.Append(nil, top)
			b.SetBytes(int64(len(buffer)))
			b.ReportAllocs()
			for b.Loop() {
				buffer = c.Append(buffer[:0], top)
			}
		})
	}
}
