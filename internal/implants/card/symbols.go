package card

import (
	"image/color"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
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
		return c.textWidth(symbolStyle, string(s)) + 1.6
	}
}

// drawSymbol draws a symbol with its top left corner at x, y.
func (c *canvas) drawSymbol(x, y float64, s symbol) {
	c.pdf.SetDrawColor(petrol[0], petrol[1], petrol[2])
	c.pdf.SetFillColor(petrol[0], petrol[1], petrol[2])
	c.pdf.SetLineWidth(0.2)
	w, h := c.symbolWidth(s), symbolHeight
	at := func(dx, dy float64) fpdf.PointType { return fpdf.PointType{X: x + dx*w, Y: y + dy*h} }
	switch s {
	case symbolManufacturer:
		c.pdf.Polygon([]fpdf.PointType{at(0, 1), at(0, 0), at(.2, 0), at(.2, .55), at(.47, .3), at(.47, .55),
			at(.74, .3), at(.74, .55), at(1, .3), at(1, 1)}, "F")
	case symbolExpiry:
		c.pdf.Polygon([]fpdf.PointType{at(.08, 0), at(.92, 0), at(.08, 1), at(.92, 1)}, "D")
		c.pdf.Polygon([]fpdf.PointType{at(.5, .5), at(.08, 1), at(.92, 1)}, "F")
	default:
		c.pdf.RoundedRect(x, y, w, h, 0.5, "1234", "D")
		c.drawText(x+0.8, y+(h-symbolStyle.size*pointInMillimetres*leading)/2-0.05, symbolStyle, string(s))
	}
}

// newQRCode encodes a notification number as a QR code, so that a desk can scan it instead of typing. Level M survives
// a fold or a stain. The card has no barcodes of the implants' UDIs: those belong to the label and the manufacturer's
// card, and a UDI copied by hand must not look as reliable as a scanned one.
func newQRCode(digits string) (barcode.Barcode, error) {
	return qr.Encode(digits, qr.M, qr.Numeric)
}

// drawQRCode draws a QR code as rectangles.
func (c *canvas) drawQRCode(x, y, size float64, code barcode.Barcode) {
	modules := code.Bounds().Dx()
	side := size / float64(modules)
	c.pdf.SetFillColor(ink[0], ink[1], ink[2])
	for row := range modules {
		for column := 0; column < modules; column++ {
			first := column
			for column < modules && code.At(column, row) == color.Black {
				column++
			}
			if column > first { // one rectangle per run of dark modules, slightly too high so that viewers show no seams
				c.pdf.Rect(x+float64(first)*side, y+float64(row)*side, float64(column-first)*side, side*1.02, "F")
			}
		}
	}
}
