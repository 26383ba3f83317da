package card

import (
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/udi"
)

// view is the content of a card as sanitised, formatted text, without positions.
type view struct {
	title      words
	cumulative bool
	letterhead string // the institution that notified
	number     string // digits, for the QR code; empty on the patient's cumulative card
	registered string
	patient    personView
	operations []operationView
	columns    columnsView
}

type personView struct{ name, number, birth string }

type operationView struct {
	removal                                          bool
	kind                                             words
	date, specialist, specialistID, hospital, number string
	lines                                            []lineView
}

// lineView is one line of implants. Unknown values are empty.
type lineView struct {
	name                                                            string
	manufacturer, reference, code, udi, lot, serial, expiry, placed string
	side                                                            words
	location, quantity, remaining                                   string
}

// columnsView selects the optional columns of the table and their titles.
type columnsView struct {
	site, quantity words
	remaining      bool
}

// instantLayout is the format of instants on the card, always in UTC.
const instantForm = "2006-01-02 15:04 UTC"

func viewOf(c *register.CardContent) view {
	v := view{
		title:      implantCardTitle,
		cumulative: c.Number.IsZero(),
		letterhead: printable(c.Organisation),
		number:     c.Number.Digits(),
		registered: instant(c.IssuedAt),
		patient: personView{
			name:   personName(&c.Patient),
			number: formatSSIN(c.Patient.SSIN.Digits()),
			birth:  c.Patient.BirthDate.String(),
		},
	}
	if v.cumulative {
		v.title = patientCardTitle
	}
	v.operations = make([]operationView, len(c.Operations))
	for i := range c.Operations {
		v.operations[i] = operationViewOf(&c.Operations[i])
	}
	v.columns = columnsOf(c)
	return v
}

func operationViewOf(o *register.CardOperation) operationView {
	v := operationView{
		removal:      o.Type == register.TypeExplantation,
		kind:         implantationWords,
		date:         o.Date.String(),
		specialist:   personName(&o.Specialist),
		specialistID: formatNIHII(o.SpecialistID.Digits()),
		hospital:     printable(o.Organisation),
		number:       formatNumber(o.Number.Digits()),
		lines:        make([]lineView, len(o.Implants)),
	}
	if v.removal {
		v.kind = explantationWords
	}
	for i := range o.Implants {
		v.lines[i] = lineViewOf(&o.Implants[i])
		if v.removal {
			v.lines[i].placed = o.Implants[i].OperationDate.String()
		}
	}
	return v
}

func lineViewOf(i *register.CardImplant) lineView {
	v := lineView{
		code:      i.Code.Digits(),
		udi:       readableUDI(i.UDI),
		lot:       printable(i.Lot),
		serial:    printable(i.Serial),
		expiry:    i.Expiry.String(),
		side:      sideWords(i.Side),
		location:  printable(i.Location),
		quantity:  strconv.Itoa(i.Quantity),
		remaining: strconv.Itoa(i.Remaining),
	}
	if i.Device != nil {
		v.name = printable(i.Device.Name)
		v.manufacturer = printable(i.Device.Manufacturer)
		v.reference = printable(i.Device.Reference)
		if v.code == "" {
			v.code = i.Device.Code.Digits()
		}
	}
	return v
}

// newColumnsView omits the column of remaining implants on the card of an implantation without removals, where it would
// only repeat the quantity.
func columnsOf(c *register.CardContent) columnsView {
	v := columnsView{site: siteColumn, quantity: quantityColumn, remaining: c.Number.IsZero()}
	for i := range c.Operations {
		o := &c.Operations[i]
		if o.Type == register.TypeExplantation {
			v.site, v.remaining = siteAndDateColumn, true
			if !c.Number.IsZero() {
				v.quantity = removedColumn
			}
		}
		for j := range o.Implants {
			v.remaining = v.remaining || o.Implants[j].Remaining != o.Implants[j].Quantity
		}
	}
	return v
}

func personName(p *register.Person) string {
	return printable(p.FirstName + " " + p.LastName)
}

func sideWords(s register.Side) words {
	switch s {
	case "Left":
		return leftSide
	case "Right":
		return rightSide
	case "Bilateral":
		return bilateralSide
	}
	return words{}
}

// formatUDI formats an identifier as printed beside the barcode on the label. An identifier copied by hand already has
// this form; one from a scanner contains separators that cannot be printed.
func readableUDI(s string) string {
	if s == "" || strings.HasPrefix(s, "(") {
		return printable(s)
	}
	if u, err := udi.Parse(s); err == nil {
		return printable(u.String())
	}
	return printable(s)
}

// formatInstant formats an instant; the zero instant gives the empty text.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(instantForm)
}
