package wsse_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// ordinarySize is the size in bytes of a signed notification of one implant.
const ordinarySize = 6500

// envelopeOfSize signs a message of about size bytes, with elements like those of a notification.
func envelopeOfSize(tb testing.TB, size int) string {
	tb.Helper()
	var b strings.Builder
	b.WriteString(`<m:Request xmlns:m="urn:test" xmlns:c="urn:core" Id="_1">`)
	for i := 0; len(template)+2200+b.Len() < size; i++ {
		b.WriteString(`<c:Implant><c:NotificationCode>000071200176</c:NotificationCode><c:Quantity>` + strconv.Itoa(i%99+1) +
			`</c:Quantity><c:Location>left knee</c:Location></c:Implant>`)
	}
	b.WriteString(`</m:Request>`)
	return signTemplate(tb, testpki.Key(tb, testpki.Hospital), edit{content, b.String()})
}

// BenchmarkVerify verifies an ordinary, already parsed message; BenchmarkReadAndVerify includes the parsing.
func BenchmarkVerify(b *testing.B)     { benchmarkVerify(b, ordinarySize) }
func BenchmarkVerify64k(b *testing.B)  { benchmarkVerify(b, 64<<10) }
func BenchmarkVerify4MiB(b *testing.B) { benchmarkVerify(b, 4<<20) }

func benchmarkVerify(b *testing.B, size int) {
	b.Helper()
	message := envelopeOfSize(b, size)
	envelope, v := openEnvelope(b, message), newVerifier(b)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(envelope); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAndVerify(b *testing.B) {
	message := []byte(envelopeOfSize(b, ordinarySize))
	v := newVerifier(b)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		readAndVerify(b, v, message)
	}
}

func readAndVerify(b *testing.B, v *wsse.Verifier, message []byte) {
	b.Helper()
	d, err := xmldoc.Parse(message, xmldoc.DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	envelope, err := soap.Open(d)
	if err != nil {
		b.Fatal(err)
	}
	if _, err = v.Verify(envelope); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBareCrypto is the floor: one RSA-2048 verification and the SHA-256 of the bytes of the ordinary message.
func BenchmarkBareCrypto(b *testing.B) {
	message := []byte(envelopeOfSize(b, ordinarySize))
	floor := bareCrypto(b, message)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		floor()
	}
}

func bareCrypto(b *testing.B, message []byte) func() {
	b.Helper()
	key := testpki.Key(b, testpki.Hospital)
	sum := sha256.Sum256(message)
	value, err := key.Signer.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	public, ok := key.Certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		b.Fatal("the hospital's key is not RSA")
	}
	return func() {
		hashed := sha256.Sum256(message)
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, hashed[:], value); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRatio reports the cost of verification, without and with parsing, as a multiple of the bare cryptography. It
// alternates between them and compares the fastest rounds, which cancels out other work on the machine.
func BenchmarkRatio(b *testing.B) {
	message := []byte(envelopeOfSize(b, ordinarySize))
	envelope, v, floor := openEnvelope(b, string(message)), newVerifier(b), bareCrypto(b, message)
	works := []func(){
		floor,
		func() {
			if _, err := v.Verify(envelope); err != nil {
				b.Fatal(err)
			}
		},
		func() { readAndVerify(b, v, message) },
	}
	best := []time.Duration{time.Hour, time.Hour, time.Hour}
	for b.Loop() {
		for i, work := range works {
			before := b.Elapsed()
			work()
			best[i] = min(best[i], b.Elapsed()-before)
		}
	}
	b.ReportMetric(float64(best[1])/float64(best[0]), "verify/bare")
	b.ReportMetric(float64(best[2])/float64(best[0]), "read+verify/bare")
}

func BenchmarkSign(b *testing.B) {
	for name, key := range signingKeys(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := wsse.Sign(parseTree(b, sampleEnvelopes()["SOAP 1.1"]), key, signOptions()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuseUntrusted measures the cost of a message without a trusted certificate.
func BenchmarkRefuseUntrusted(b *testing.B) {
	envelope, v := openEnvelope(b, signTemplate(b, testpki.SelfSignedKey(b))), newVerifier(b)
	for b.Loop() {
		if _, err := v.Verify(envelope); err == nil {
			b.Fatal("accepted")
		}
	}
}
