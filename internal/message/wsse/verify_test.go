package wsse_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func TestVerifyTellsWhoSignedWhat(t *testing.T) {
	key := testpki.Key(t, testpki.Hospital)
	envelope := openEnvelope(t, signTemplate(t, key))
	verified, err := newVerifier(t).Verify(envelope)
	if err != nil {
		t.Fatal(err)
	}
	body := envelope.UnverifiedBody()
	if verified.Body() != body.FirstChild() || !verified.Body().Is("urn:test", "Request") {
		t.Error("the verified element is not the Body's child")
	}
	if got := verified.Signer().String(); got != testpki.Hospital {
		t.Errorf("signer %s", got)
	}
	if !verified.Certificate().Equal(key.Certificate) {
		t.Error("another certificate")
	}
	if got := verified.Created(); !got.Equal(now.Add(-30 * time.Second)) {
		t.Errorf("created %v", got)
	}
	if got := verified.ValidUntil(); !got.Equal(now.Add(30 * time.Second)) {
		t.Errorf("until %v", got)
	}
	if want := sha256.Sum256(xmldoc.C14N{Exclusive: true}.Append(nil, body)); verified.Digest() != want {
		t.Error("the digest is not that of the canonical Body")
	}
}
