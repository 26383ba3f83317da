package card

import (
	"image/color"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/datamatrix"
	"rsc.io/qr"

	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/texts"
)

// symbol precedes a value: a word in a box, or one of two drawn shapes.
type symbol string

// The symbols of ISO 15223-1 (5.1.1, 5.1.4, 5.1.5, 5.1.6, 5.1.7, 5.7.10), and our own for the notification code.
const (
	symbolManufacturer symbol = "factory"
	symbolExpiry       symbol = "hourglass"
	symbolReference    symbol = "REF"
	symbolLot          symbol = "LOT"
	symbolSerial       symbol = "SN"
	symbolUDI          symbol = "UDI"
	symbolCode         symbol = "CODE"
)

// legend explains each symbol, in the order of the footer.
var legend = [...]struct {
	sign symbol
	text texts.Text
}{
	{symbolManufacturer, manufacturerLegend}, {symbolReference, referenceLegend}, {symbolUDI, udiLegend},
	{symbolCode, codeLegend},
	{symbolLot, lotLegend}, {symbolSerial, serialLegend}, {symbolExpiry, expiryLegend},
}

// spokenText returns what is read out for a symbol: its name in the main language of the document.
func (s symbol) spokenText() string {
	for _, e := range legend {
		if e.sign == s {
			return e.text.Translate(texts.Langs()[0]) + ": "
		}
	}
	return string(s)
}

const (
	symbolHeight = 2.7
	symbolGap    = 1.3 // between a symbol and its value
)

var symbolStyle = style{bold: true, size: 5.4, colour: petrol}

// symbolWidth returns the width of a symbol in millimetres.
func (c *canvas) symbolWidth(s symbol) float64 {
	switch s {
	case symbolManufacturer:
		return 3.4
	case symbolExpiry:
		return 2.2
	default:
		return textWidth(symbolStyle, c.shapeLabel(symbolStyle, "en", string(s))) + 1.6
	}
}

// drawSymbol draws a symbol with its top left corner at x, y.
func (c *canvas) drawSymbol(parent *pdfua.Element, x, y float64, s symbol) {
	e := addElement(parent, pdfua.RoleSpan)
	if e != nil {
		e.Language, e.ActualText = string(texts.Langs()[0]), s.spokenText()
	}
	w, h := c.symbolWidth(s), symbolHeight
	at := func(dx, dy float64) pdfua.Point { return pdfua.Point{X: points(x + dx*w), Y: points(y + dy*h)} }
	const lineWidth = 0.2
	c.tagContent(e, func(to pdfua.Canvas) {
		switch s {
		case symbolManufacturer:
			to.FillPolygon(petrol, at(0, 1), at(0, 0), at(.2, 0), at(.2, .55), at(.47, .3), at(.47, .55),
				at(.74, .3), at(.74, .55), at(1, .3), at(1, 1))
		case symbolExpiry:
			to.StrokePolygon(points(lineWidth), petrol, at(.08, 0), at(.92, 0), at(.08, 1), at(.92, 1))
			to.FillPolygon(petrol, at(.5, .5), at(.08, 1), at(.92, 1))
		default:
			to.StrokeRoundedRect(points(x), points(y), points(w), points(h), points(0.5), points(lineWidth), petrol)
			bottom := y + (h-symbolStyle.linesHeight(1))/2 - 0.05 + symbolStyle.size*pointInMillimetres*baseline
			to.DrawText(points(x+0.8), points(bottom), symbolStyle.size, petrol, c.shapeLabel(symbolStyle, "en", string(s)))
		}
	})
}

// newQRCode encodes a text as a QR code. Level M survives a fold or a stain.
func newQRCode(text string) (*qr.Code, error) { return qr.Encode(text, qr.M) }

// dataMatrix is the DataMatrix of a UDI (ISO/IEC 16022), as on the label of the device.
type dataMatrix struct{ code barcode.Barcode }

// moduleSize is the size of a module in millimetres: readable by phones, and above the GS1 minimum for small items.
const moduleSize = 0.36

// newDataMatrix encodes the carrier of a UDI, with FNC1 as the control character GS; nil without a carrier, or for one
// that does not fit.
func newDataMatrix(carrier string) *dataMatrix {
	if carrier == "" {
		return nil
	}
	code, err := datamatrix.Encode(strings.ReplaceAll(carrier, "\x1d", string([]byte{datamatrix.FNC1})))
	if err != nil {
		return nil
	}
	return &dataMatrix{code}
}

// size returns the width and height in millimetres.
func (m *dataMatrix) size() float64 { return float64(m.code.Bounds().Dx()) * moduleSize }

func (l *layout) drawDataMatrix(parent *pdfua.Element, x, y float64, m *dataMatrix, spoken string) {
	figure := parent.Add(pdfua.RoleFigure)
	figure.Alternative = "DataMatrix: " + spoken
	l.page.SetBox(figure, points(x), points(y), points(m.size()), points(m.size()))
	l.page.Tag(figure, func(to pdfua.Canvas) {
		to.FillModules(points(x), points(y), points(moduleSize), m.code.Bounds().Dx(), ink, func(column, row int) bool {
			return m.code.At(column, row) == color.Black
		})
	})
}
