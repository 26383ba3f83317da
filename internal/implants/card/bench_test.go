package card_test

import (
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
)

func BenchmarkRender(b *testing.B) {
	for _, c := range []struct {
		name    string
		content implants.CardContent
	}{{"implant card", implantationCard()}, {"patient card", patientCard()}, {"50 lines", implantationWithLines(50)}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := card.Render(c.content); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
