package batch

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// The limits of the schema and the rules of the register that can be checked with the file alone.
const (
	maxImplants      = 50           // of one notification
	minOperationYear = 1950         // of an operation date
	udiSufficesFrom  = "2023-05-26" // before this day an implant needs a notification code
)

// sharedColumns are the columns that describe the notification as a whole, not one implant.
var sharedColumns = [...]column{columnSpecialistSSIN, columnSpecialistNIHII, columnOperationDate, columnPatient, columnPrescriberSSIN, columnPrescriberNIHII, columnPrescriptionDate, columnComment}

// groupRows builds notifications from the rows with the same reference, in the order of their first rows. The rows
// need not be adjacent.
func (f *File) groupRows(rows []*tableRow, o Options) {
	byReference := map[string][]*tableRow{}
	var order []string
	for _, r := range rows {
		reference := r.cells[columnInputReference]
		if reference == "" {
			if !r.invalid {
				f.addError(r.number, columnInputReference.headerName(), "it is empty, so that the row belongs to no notification")
			}
			continue
		}
		if byReference[reference] == nil {
			order = append(order, reference)
		}
		byReference[reference] = append(byReference[reference], r)
	}
	for _, reference := range order {
		before := len(f.RowErrors)
		lines := byReference[reference]
		n := f.buildNotification(reference, lines, o)
		if len(f.RowErrors) == before && !slices.ContainsFunc(lines, func(r *tableRow) bool { return r.invalid }) {
			f.Notifications = append(f.Notifications, n)
		}
	}
}

// buildNotification combines rows into a notification. A value in a shared column need not be repeated in the other
// rows.
func (f *File) buildNotification(reference string, rows []*tableRow, o Options) *Notification {
	n := &Notification{Reference: reference, Save: o.Save}
	combined := *rows[0]
	firstRow := [columnCount]int{}
	for _, r := range rows {
		n.Rows = append(n.Rows, r.number)
		combined.invalid = combined.invalid || r.invalid
		for _, c := range sharedColumns {
			switch {
			case r.cells[c] == "":
			case combined.cells[c] == "" || firstRow[c] == 0:
				combined.cells[c], firstRow[c] = r.cells[c], r.number
			case combined.cells[c] != r.cells[c]:
				f.addError(r.number, c.headerName(), fmt.Sprintf("it differs from that of row %d, which has the same input_reference", firstRow[c]))
			}
		}
	}
	if len(rows) > maxImplants {
		f.addError(rows[maxImplants].number, columnInputReference.headerName(), fmt.Sprintf("there are %d rows with this reference, and a notification has at most %d implants", len(rows), maxImplants))
	}
	f.checkSharedColumns(&combined, o)
	n.Implantation = ctr.Implantation{
		Specialist:       ctr.Professional{SSIN: combined.cells[columnSpecialistSSIN], NIHII: combined.cells[columnSpecialistNIHII]},
		OperationDate:    combined.cells[columnOperationDate],
		Patient:          combined.cells[columnPatient],
		Prescriber:       ctr.Professional{SSIN: combined.cells[columnPrescriberSSIN], NIHII: combined.cells[columnPrescriberNIHII]},
		PrescriptionDate: combined.cells[columnPrescriptionDate],
		Comment:          combined.cells[columnComment],
	}
	for _, r := range rows {
		f.checkImplantRow(r, combined.cells[columnOperationDate], o)
		n.Implantation.Implant = append(n.Implantation.Implant, r.toImplant())
	}
	return n
}

func (r *tableRow) toImplant() ctr.NotifiedImplant {
	i := ctr.NotifiedImplant{
		NotificationCode: r.cells[columnNotificationCode], UDI: r.cells[columnUDI], LotNumber: r.cells[columnLot], SerialNumber: r.cells[columnSerial],
		ExpiryDate: r.cells[columnExpiryDate], DeliveryDate: r.cells[columnDeliveryDate], Quantity: 1, Location: r.cells[columnLocation], Side: r.cells[columnSide],
	}
	if r.cells[columnQuantity] != "" {
		i.Quantity, _ = strconv.Atoi(r.cells[columnQuantity]) // parseCell has validated it
	}
	if ssin, nihii := r.cells[columnPharmacistSSIN], r.cells[columnPharmacistNIHII]; ssin+nihii != "" {
		i.Pharmacist = &ctr.Professional{SSIN: ssin, NIHII: nihii}
	}
	if nihii, cbe := r.cells[columnPharmacyNIHII], r.cells[columnPharmacyCBE]; nihii+cbe != "" {
		i.Pharmacy = &ctr.Pharmacy{NIHII: nihii, CBE: cbe}
	}
	return i
}

// checkSharedColumns checks the columns that the schema requires and the rules about dates. A value that is missing
// from a row with errors is not reported, because it may be the one that was invalid.
func (f *File) checkSharedColumns(r *tableRow, o Options) {
	for _, c := range []column{columnOperationDate, columnPatient, columnPrescriptionDate} {
		if r.cells[c] == "" && !r.invalid {
			f.addError(r.number, c.headerName(), "it is empty")
		}
	}
	f.checkAtMostOne(r, columnSpecialistSSIN, columnSpecialistNIHII, true)
	f.checkAtMostOne(r, columnPrescriberSSIN, columnPrescriberNIHII, true)
	if o.Save == "Draft" || r.cells[columnOperationDate] == "" {
		return
	}
	day := dateInCell(r, columnOperationDate)
	switch {
	case day.After(o.Today):
		f.addErrorWithCode(r.number, columnOperationDate.headerName(), implants.OperationInFuture)
	case day.Year() < minOperationYear:
		f.addErrorWithCode(r.number, columnOperationDate.headerName(), implants.OperationTooOld)
	}
	if r.cells[columnPatient] != "" {
		person, _ := ident.ParseSSIN(r.cells[columnPatient]) // parseCell has validated it
		if birth, known := person.BirthDate(); known && day.Before(birth) {
			f.addErrorWithCode(r.number, columnOperationDate.headerName(), implants.OperationBeforeBirth)
		}
	}
	if dateInCell(r, columnPrescriptionDate).After(day) {
		f.addErrorWithCode(r.number, columnPrescriptionDate.headerName(), implants.PrescriptionAfter)
	}
}

// dateInCell returns the date in a cell, or the zero date, which is not after any other.
func dateInCell(r *tableRow, c column) ident.Date {
	day, _ := ident.ParseDate(r.cells[c]) // parseCell has validated it
	return day
}

func (f *File) checkAtMostOne(r *tableRow, a, b column, required bool) {
	switch {
	case r.cells[a] != "" && r.cells[b] != "":
		f.addError(r.number, b.headerName(), "give "+a.headerName()+" or "+b.headerName()+", not both")
	case required && r.cells[a]+r.cells[b] == "" && !r.invalid:
		f.addError(r.number, a.headerName(), a.headerName()+" and "+b.headerName()+" are both empty")
	}
}

func (f *File) checkImplantRow(r *tableRow, operation string, o Options) {
	f.checkAtMostOne(r, columnPharmacistSSIN, columnPharmacistNIHII, false)
	f.checkAtMostOne(r, columnPharmacyNIHII, columnPharmacyCBE, false)
	if o.Save == "Draft" || r.invalid {
		return
	}
	switch {
	case r.cells[columnNotificationCode] != "":
	case r.cells[columnUDI] == "":
		f.addErrorWithCode(r.number, columnNotificationCode.headerName(), implants.ImplantUnidentified)
	case operation != "" && operation < udiSufficesFrom:
		f.addErrorWithCode(r.number, columnNotificationCode.headerName(), implants.CodeRequired)
	}
	if operation != "" && r.cells[columnDeliveryDate] > operation { // both are YYYY-MM-DD
		f.addErrorWithCode(r.number, columnDeliveryDate.headerName(), implants.DeliveryAfter)
	}
	parsed, err := udi.Parse(r.cells[columnUDI])
	if err != nil { // the register stores an unreadable UDI as given, with a warning
		return
	}
	for _, pair := range []struct {
		c    column
		udi  string
		code problem.Code
	}{
		{columnLot, parsed.Lot, implants.LotContradictsUDI},
		{columnSerial, parsed.Serial, implants.SerialContradictsUDI},
		{columnExpiryDate, formatDate(parsed.Expiry), implants.ExpiryContradictsUDI},
	} {
		if pair.udi != "" && r.cells[pair.c] != "" && pair.udi != r.cells[pair.c] {
			f.addErrorWithCode(r.number, pair.c.headerName(), pair.code)
		}
	}
}

func formatDate(d ident.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
