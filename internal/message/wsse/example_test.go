package wsse_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
)

// newExampleKey returns a key of a hospital and the trust in its issuer.
func newExampleKey(at time.Time) (*x509id.Key, *x509id.TrustStore, error) {
	from, until := at.Add(-time.Hour), at.Add(time.Hour)
	issuer, err := authority.New(authority.Options{Name: "example", NotBefore: from, NotAfter: until, Random: rand.Reader})
	if err != nil {
		return nil, nil, err
	}
	key, err := issuer.Issue(authority.Order{
		Subject: x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "EXAMPLE"}, NotBefore: from, NotAfter: until, Algorithm: authority.KeyECP256,
	})
	if err != nil {
		return nil, nil, err
	}
	trust, err := x509id.ParseTrustStore(0, x509id.EncodePEM(issuer.Certificates()...))
	return key, trust, err
}

// openReceived parses a message.
func openReceived(message string) (*soap.Envelope, error) {
	document, err := xmldoc.Parse([]byte(message), xmldoc.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return soap.Open(document)
}

// A client signs a message, and a service verifies it: only then it has the signer and the content.
func ExampleVerifier_Verify() {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	key, trust, err := newExampleKey(at)
	if err != nil {
		fmt.Println(err)
		return
	}

	message := etree.NewDocument()
	if err = message.ReadFromBytes(soap.WrapBody(soap.SOAP11, []byte(`<r:Request xmlns:r="urn:example">hello</r:Request>`))); err != nil {
		fmt.Println(err)
		return
	}
	ids := 0
	newID := func() string { ids++; return fmt.Sprintf("id-%d", ids) }
	if err = wsse.Sign(message, key, wsse.SignOptions{Created: at, TTL: time.Minute, NewID: newID, SignToken: true}); err != nil {
		fmt.Println(err)
		return
	}
	signed, err := message.WriteToString()
	if err != nil {
		fmt.Println(err)
		return
	}

	verifier := &wsse.Verifier{Trust: trust, Now: func() time.Time { return at.Add(time.Second) }}
	for _, received := range []string{signed, strings.Replace(signed, "hello", "jello", 1)} {
		envelope, err := openReceived(received)
		if err != nil {
			fmt.Println(err)
			return
		}
		verified, err := verifier.Verify(envelope)
		if err != nil {
			fmt.Println("refused:", strings.TrimSuffix(strings.Fields(err.Error())[0], ":"))
			continue
		}
		text, _ := verified.Body().Text()
		fmt.Println(verified.Signer(), "says", text)
	}
	// Output:
	// NIHII-HOSPITAL=71000436 says hello
	// refused: DIGEST_MISMATCH
}
