package card_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/implants/card/pdfua"
)

func BenchmarkRender(b *testing.B) {
	for _, c := range []struct {
		name    string
		content implants.CardContent
	}{{"implant card", implantationCard()}, {"patient card", patientCard()}, {"50 lines", implantationWithLines(50)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := card.Render(c.content, card.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSign renders a card with and without a signature by turns, so that both see the same machine, and reports
// the quotient of their times.
func BenchmarkSign(b *testing.B) {
	signed := card.Options{Signature: newSignature(b)}
	var with, without time.Duration
	for b.Loop() {
		for _, turn := range []struct {
			options card.Options
			total   *time.Duration
		}{{card.Options{}, &without}, {signed, &with}} {
			begun := time.Now()
			if _, err := card.Render(implantationCard(), turn.options); err != nil {
				b.Fatal(err)
			}
			*turn.total += time.Since(begun)
		}
	}
	b.ReportMetric(float64(with)/float64(without), "signed/unsigned")
}

// newSignature returns a signature with a new P-256 key.
func newSignature(tb testing.TB) *pdfua.Signature {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	at := time.Date(2026, 11, 4, 13, 20, 9, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Register of the test"}, NotBefore: at.AddDate(-1, 0, 0),
		NotAfter: at.AddDate(2, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &pdfua.Signature{
		Key: key, Chain: []*x509.Certificate{certificate}, Name: "Register of the test", Reason: "test", SignedAt: at,
	}
}
