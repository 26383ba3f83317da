// Package card renders the cards of the register as PDF: the implant card of one notification, and a patient's
// cumulative card of all implantations and explantations. Each is one document in Dutch, French, German and English,
// for screen readers and archives too (see package pdfua).
//
// It is separate because only this package knows the layout of the cards. It takes a domain value and returns bytes,
// independent of the caller.
//
// The cards are the register's own, as described in the manual of the Central Tracing Register (December 2021). They
// are not the implant card that a manufacturer supplies under Article 18 of Regulation (EU) 2017/745, and say so. They
// use the same symbols of ISO 15223-1 (REF, LOT, SN, UDI, the factory and the hourglass), which need no translation,
// with a legend in the four languages, and write dates as YYYY-MM-DD as that standard prescribes.
//
// The same content always gives the same bytes, signed too.
package card

import (
	"cmp"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/problem"
)

// Options are what a card shows or holds beside its content.
type Options struct {
	// Address is in the QR code of an implant card: the page that verifies it. Without one, the number is.
	Address string
	// Signature signs the card; nil for none.
	Signature *pdfua.Signature
}

// Render returns the implant card of one notification if the content has a number, and otherwise the patient's
// cumulative card. It omits comments and reasons of removal, which are free text between professionals. Long values
// wrap, and a long list continues on further pages. It fails, with an internal error, only if an embedded font is
// unusable.
func Render(c implants.CardContent, o Options) ([]byte, error) {
	fonts, err := loadFonts()
	if err != nil {
		return nil, problem.Wrap(problem.InternalError, err)
	}
	v := newView(&c)
	if v.number != "" {
		v.address = cmp.Or(o.Address, v.number)
	}
	if c.IssuedAt.IsZero() {
		c.IssuedAt = time.Unix(0, 0)
	}
	document := pdfua.New(pdfua.Info{
		Title: joinDistinct(v.title), Language: "nl-BE", Producer: "OpenCTR", CreatedAt: c.IssuedAt,
	})
	plan, err := newLayout(&canvas{document: document, fonts: fonts}, &v)
	if err != nil {
		return nil, problem.Wrap(problem.InternalError, err)
	}
	plan.drawPages()
	if o.Signature != nil {
		document.Sign(plan.pages[0], document.Root().Add(pdfua.RoleForm), o.Signature, joinDistinct(signatureLabel))
	}
	out, err := document.Encode()
	if err != nil {
		return nil, problem.Wrap(problem.InternalError, err)
	}
	return out, nil
}

// FileName returns the file name of a card. It contains the notification number but never a person's number: file names
// end up in logs, mail and download folders.
func FileName(c implants.CardContent) string {
	if c.Number.IsZero() {
		return "patient-card.pdf"
	}
	return "implant-card-" + c.Number.Digits() + ".pdf"
}
