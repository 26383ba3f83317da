package card

import (
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/texts"
)

// view is the content of a card as sanitised, formatted text, without positions.
type view struct {
	title        texts.Text
	cumulative   bool
	letterhead   string // the institution that notified
	number       string // digits; empty on the patient's cumulative card
	address      string // in the QR code; empty for none
	registeredAt string
	patient      personView
	operations   []operationView
	columns      columnsView
}

type personView struct{ name, number, birth string }

type operationView struct {
	isRemoval                                        bool
	kind                                             texts.Text
	date, specialist, specialistID, hospital, number string
	lines                                            []lineView
}

// lineView is one line of implants. Unknown values are empty.
type lineView struct {
	name                                                              string
	manufacturer, reference, code, udi, lot, serial, expiry, placedOn string
	side                                                              texts.Text
	location, quantity, remaining                                     string
	carrier                                                           string // see udi.Carrier
}

// columnsView selects the optional columns of the table and their titles.
type columnsView struct {
	site, quantity texts.Text
	hasRemaining   bool
}

// instantLayout is the format of instants on the card, always in UTC.
const instantLayout = "2006-01-02 15:04 UTC"

func newView(c *implants.CardContent) view {
	v := view{
		title:        implantCardTitle,
		cumulative:   c.Number.IsZero(),
		letterhead:   sanitizeText(c.Organisation),
		number:       c.Number.Digits(),
		registeredAt: formatInstant(c.IssuedAt),
		patient: personView{
			name:   formatPersonName(&c.Patient),
			number: formatSSIN(c.Patient.SSIN.Digits()),
			birth:  c.Patient.BirthDate.String(),
		},
	}
	if v.cumulative {
		v.title = patientCardTitle
	}
	v.operations = make([]operationView, len(c.Surgeries))
	for i := range c.Surgeries {
		v.operations[i] = newOperationView(&c.Surgeries[i])
	}
	v.columns = newColumnsView(c)
	return v
}

func newOperationView(o *implants.CardSurgery) operationView {
	v := operationView{
		isRemoval:    o.Type == implants.TypeExplantation,
		kind:         implantationKind,
		date:         o.Date.String(),
		specialist:   formatPersonName(&o.Specialist),
		specialistID: formatNIHII(o.SpecialistID.Digits()),
		hospital:     sanitizeText(o.Organisation),
		number:       formatNotificationNumber(o.Number.Digits()),
		lines:        make([]lineView, len(o.Implants)),
	}
	if v.isRemoval {
		v.kind = explantationKind
	}
	for i := range o.Implants {
		v.lines[i] = newLineView(&o.Implants[i])
		if v.isRemoval {
			v.lines[i].placedOn = o.Implants[i].SurgeryDate.String()
		}
	}
	return v
}

func newLineView(i *implants.CardImplant) lineView {
	v := lineView{
		code:      i.Code.Digits(),
		udi:       formatUDI(i.UDI),
		carrier:   udi.Carrier(i.UDI),
		lot:       sanitizeText(i.Lot),
		serial:    sanitizeText(i.Serial),
		expiry:    i.Expiry.String(),
		side:      sideTranslations(i.Side),
		location:  sanitizeText(i.Location),
		quantity:  strconv.Itoa(i.Quantity),
		remaining: strconv.Itoa(i.Remaining),
	}
	if i.Device != nil {
		v.name = sanitizeText(i.Device.Name)
		v.manufacturer = sanitizeText(i.Device.Manufacturer)
		v.reference = sanitizeText(i.Device.Reference)
		if v.code == "" {
			v.code = i.Device.Code.Digits()
		}
	}
	return v
}

// newColumnsView omits the column of remaining implants on the card of an implantation without removals, where it would
// only repeat the quantity.
func newColumnsView(c *implants.CardContent) columnsView {
	v := columnsView{site: siteColumn, quantity: quantityColumn, hasRemaining: c.Number.IsZero()}
	for i := range c.Surgeries {
		o := &c.Surgeries[i]
		if o.Type == implants.TypeExplantation {
			v.site, v.hasRemaining = siteAndDateColumn, true
			if !c.Number.IsZero() {
				v.quantity = removedColumn
			}
		}
		for j := range o.Implants {
			v.hasRemaining = v.hasRemaining || o.Implants[j].Remaining != o.Implants[j].Quantity
		}
	}
	return v
}

func formatPersonName(p *platform.Person) string {
	return sanitizeText(p.FirstName + " " + p.LastName)
}

func sideTranslations(s implants.Side) texts.Text {
	switch s {
	case "Left":
		return leftSide
	case "Right":
		return rightSide
	case "Bilateral":
		return bilateralSide
	}
	return texts.Text{}
}

// formatUDI formats an identifier as printed beside the barcode on the label. An identifier copied by hand already has
// this form; one from a scanner contains separators that cannot be printed.
func formatUDI(s string) string {
	if s == "" || strings.HasPrefix(s, "(") {
		return sanitizeText(s)
	}
	if u, err := udi.Parse(s); err == nil {
		return sanitizeText(u.String())
	}
	return sanitizeText(s)
}

// formatInstant formats an instant; the zero instant gives the empty text.
func formatInstant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(instantLayout)
}
