// Package card draws the cards of the register as PDF: the implant card of one notification, and a patient's
// cumulative card of all that was placed and removed. Each is one document in Dutch, French, German and English.
//
// It is separate because it is the only place that knows the PDF library and the look of the cards; it takes a domain
// value and gives bytes, knowing nothing of who asked.
//
// The cards are the register's own, of the manual of the Central Tracing Register (December 2021). They are not the
// implant card that a manufacturer supplies under Article 18 of Regulation (EU) 2017/745, and say so. They borrow its
// language: the signs REF, LOT, SN, UDI, the factory and the hourglass of ISO 15223-1, which need no translation, with
// a key in the four languages, and dates as YYYY-MM-DD as the same standard prescribes.
//
// The same content always gives the same bytes, so that two downloads can be compared and a digest can be kept.
package card

import (
	"bytes"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
)

// Render draws the implant card of one notification when the content has a number, and otherwise the patient's
// cumulative card. Comments and reasons of removal are not printed: they are free text from one professional to
// another. Long values wrap, and a long list continues on further pages. It fails, as an
// internal error, only when the library does.
func Render(c register.CardContent) ([]byte, error) {
	v := viewOf(&c)
	sheets := newCanvas(c.IssuedAt, v.title.joined())
	plan, err := newLayout(sheets, &v)
	if err != nil {
		return nil, problem.Wrap(problem.InternalError, err)
	}
	plan.draw()
	var out bytes.Buffer
	if err = sheets.pdf.Output(&out); err != nil {
		return nil, problem.Wrap(problem.InternalError, err)
	}
	return out.Bytes(), nil
}

// FileName names the file of a card. It holds the number of the notification but never a person's: file names end up
// in logs, mail and download folders.
func FileName(c register.CardContent) string {
	if c.Number.IsZero() {
		return "patient-card.pdf"
	}
	return "implant-card-" + c.Number.Digits() + ".pdf"
}
