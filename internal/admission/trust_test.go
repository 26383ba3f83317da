package admission

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// envelopeWithToken returns a message with a certificate, as far as findClaim reads it.
func envelopeWithToken(token string) []byte {
	return []byte(`<soap:Envelope><soap:Header><wsse:Security><wsse:BinarySecurityToken EncodingType="b">` + token +
		`</wsse:BinarySecurityToken></wsse:Security></soap:Header><soap:Body/></soap:Envelope>`)
}

func mustFindClaim(t *testing.T, message []byte) claim {
	t.Helper()
	c, ok := findClaim(message)
	if !ok {
		t.Fatalf("no claim in %s", message)
	}
	return c
}

func TestFindClaim(t *testing.T) {
	t.Parallel()
	one := mustFindClaim(t, envelopeWithToken("MIIone"))
	if one == mustFindClaim(t, envelopeWithToken("MIItwo")) || one != mustFindClaim(t, envelopeWithToken("MIIone")) {
		t.Error("a claim is not that of the certificate")
	}
	for _, text := range []string{
		`<KeyInfo><SecurityTokenReference><wsse:KeyIdentifier ValueType="v">abc=</wsse:KeyIdentifier></SecurityTokenReference></KeyInfo>`,
		`<ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName><ds:X509SerialNumber>12</ds:X509SerialNumber></ds:X509IssuerSerial>`,
	} {
		mustFindClaim(t, []byte(text))
	}
	for _, text := range []string{
		"", "<a/>", "BinarySecurityToken", "BinarySecurityToken>", "<BinarySecurityToken/>", "<BinarySecurityToken></BinarySecurityToken>",
		"<BinarySecurityToken>unfinished", "KeyIdentifier><",
	} {
		if c, ok := findClaim([]byte(text)); ok {
			t.Errorf("%q: %x", text, c)
		}
	}
}

// TestTrustedClaims checks from where and how long a claim is trusted.
func TestTrustedClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hospital, thief := sourceAt("192.0.2.1"), sourceAt("198.51.100.1")
		certificate := mustFindClaim(t, envelopeWithToken("MIIhospital"))
		s := newTrustTable(time.Now)
		want := func(when string, o owner, known bool) {
			t.Helper()
			signer, ok := s.signerOf(o, certificate)
			if ok != known || ok != (signer == "hospital") {
				t.Errorf("%s: %q, %v", when, signer, ok)
			}
		}
		want("before any message", hospital, false)
		s.recordProof(hospital, certificate, "hospital")
		want("after a message", hospital, true)
		want("from elsewhere", thief, false)
		want("from the same network", sourceAt("192.0.2.2"), false)
		for range maxClaimFailures - 1 {
			s.recordFailedClaim(hospital, certificate)
		}
		want("after a mistake or two", hospital, true)
		s.recordFailedClaim(hospital, certificate)
		want("after one too many", hospital, false)
		s.recordProof(hospital, certificate, "hospital")
		want("after another message", hospital, true)
		for range maxSourceFailures - maxClaimFailures {
			s.recordFailedClaim(hospital, claim{1})
		}
		want("while its source makes false claims", hospital, false)
		if s.isKnown(hospital) || !s.isSuspect(hospital) {
			t.Error("the source is known, or not suspect")
		}
		time.Sleep(suspicionTime)
		want("a minute later", hospital, true)
		if !s.isKnown(hospital) || s.isSuspect(hospital) {
			t.Error("the source is not known, or suspect")
		}
		time.Sleep(claimTime)
		want("the next day", hospital, false)
		if s.isKnown(hospital) {
			t.Error("the source is known")
		}
	})
}

// TestTrustIsBounded checks that neither sources nor claims can fill the memory.
func TestTrustIsBounded(t *testing.T) {
	t.Parallel()
	s := newTrustTable(time.Now)
	known := sourceAt("192.0.2.1")
	for i := range 10 * maxClaims {
		s.recordProof(known, mustFindClaim(t, envelopeWithToken(fmt.Sprint(i))), "hospital")
	}
	if n := len(s.sources[known.address].claims); n != maxClaims {
		t.Errorf("%d claims", n)
	}
	for i := range maxSources + 100 {
		s.recordFailure(sourceAt(fmt.Sprintf("10.%d.%d.1", i>>8, i&255)))
	}
	if len(s.sources) != maxSources || s.recent.Len() != maxSources {
		t.Errorf("%d sources, %d in the list", len(s.sources), s.recent.Len())
	}
}
