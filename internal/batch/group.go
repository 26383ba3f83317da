package batch

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/register/udi"
	"github.com/openctr/ctr/internal/wire"
)

// The limits of the schema and the rules of the register that can be checked with the file alone.
const (
	maxLines    = 50           // of one notification
	firstYear   = 1950         // of an operation date
	udiSuffices = "2023-05-26" // before this day an implant needs a notification code
)

// sharedColumns are the columns that describe the notification as a whole, not one implant.
var ofOperation = [...]column{specialistSSIN, specialistNIHII, operationDate, patient, prescriberSSIN, prescriberNIHII, prescriptionDate, comment}

// groupRows builds notifications from the rows with the same reference, in the order of their first rows. The rows
// need not be adjacent.
func (f *File) group(rows []*row, o Options) {
	byReference := map[string][]*row{}
	var order []string
	for _, r := range rows {
		reference := r.cells[input]
		if reference == "" {
			if !r.faulty {
				f.fault(r.number, input.name(), "it is empty, so that the row belongs to no notification")
			}
			continue
		}
		if byReference[reference] == nil {
			order = append(order, reference)
		}
		byReference[reference] = append(byReference[reference], r)
	}
	for _, reference := range order {
		before := len(f.Faults)
		lines := byReference[reference]
		n := f.notification(reference, lines, o)
		if len(f.Faults) == before && !slices.ContainsFunc(lines, func(r *row) bool { return r.faulty }) {
			f.Notifications = append(f.Notifications, n)
		}
	}
}

// buildNotification combines rows into a notification. A value in a shared column need not be repeated in the other
// rows.
func (f *File) notification(reference string, rows []*row, o Options) *Notification {
	n := &Notification{Reference: reference, Save: o.Save}
	combined := *rows[0]
	firstRow := [columnCount]int{}
	for _, r := range rows {
		n.Rows = append(n.Rows, r.number)
		combined.faulty = combined.faulty || r.faulty
		for _, c := range ofOperation {
			switch {
			case r.cells[c] == "":
			case combined.cells[c] == "" || firstRow[c] == 0:
				combined.cells[c], firstRow[c] = r.cells[c], r.number
			case combined.cells[c] != r.cells[c]:
				f.fault(r.number, c.name(), fmt.Sprintf("it differs from that of row %d, which has the same input_reference", firstRow[c]))
			}
		}
	}
	if len(rows) > maxLines {
		f.fault(rows[maxLines].number, input.name(), fmt.Sprintf("there are %d rows with this reference, and a notification has at most %d implants", len(rows), maxLines))
	}
	f.checkOperation(&combined, o)
	n.Implantation = wire.Implantation{
		Specialist:       wire.Professional{SSIN: combined.cells[specialistSSIN], NIHII: combined.cells[specialistNIHII]},
		OperationDate:    combined.cells[operationDate],
		Patient:          combined.cells[patient],
		Prescriber:       wire.Professional{SSIN: combined.cells[prescriberSSIN], NIHII: combined.cells[prescriberNIHII]},
		PrescriptionDate: combined.cells[prescriptionDate],
		Comment:          combined.cells[comment],
	}
	for _, r := range rows {
		f.checkLine(r, combined.cells[operationDate], o)
		n.Implantation.Implant = append(n.Implantation.Implant, r.implant())
	}
	return n
}

func (r *row) implant() wire.NotifiedImplant {
	i := wire.NotifiedImplant{
		NotificationCode: r.cells[code], UDI: r.cells[udiColumn], LotNumber: r.cells[lot], SerialNumber: r.cells[serial],
		ExpiryDate: r.cells[expiry], DeliveryDate: r.cells[delivery], Quantity: 1, Location: r.cells[location], Side: r.cells[side],
	}
	if r.cells[quantity] != "" {
		i.Quantity, _ = strconv.Atoi(r.cells[quantity]) // parseCell has validated it
	}
	if ssin, nihii := r.cells[pharmacistSSIN], r.cells[pharmacistNIHII]; ssin+nihii != "" {
		i.Pharmacist = &wire.Professional{SSIN: ssin, NIHII: nihii}
	}
	if nihii, cbe := r.cells[pharmacyNIHII], r.cells[pharmacyCBE]; nihii+cbe != "" {
		i.Pharmacy = &wire.Pharmacy{NIHII: nihii, CBE: cbe}
	}
	return i
}

// checkSharedColumns checks the columns that the schema requires and the rules about dates. A value that is missing
// from a row with errors is not reported, because it may be the one that was invalid.
func (f *File) checkOperation(r *row, o Options) {
	for _, c := range []column{operationDate, patient, prescriptionDate} {
		if r.cells[c] == "" && !r.faulty {
			f.fault(r.number, c.name(), "it is empty")
		}
	}
	f.checkOneOf(r, specialistSSIN, specialistNIHII, true)
	f.checkOneOf(r, prescriberSSIN, prescriberNIHII, true)
	if o.Save == "Draft" || r.cells[operationDate] == "" {
		return
	}
	day := dayOf(r, operationDate)
	switch {
	case day.After(o.Today):
		f.refuse(r.number, operationDate.name(), problem.OperationInFuture)
	case day.Year() < firstYear:
		f.refuse(r.number, operationDate.name(), problem.OperationTooOld)
	}
	if r.cells[patient] != "" {
		person, _ := ident.ParseSSIN(r.cells[patient]) // parseCell has validated it
		if birth, known := person.BirthDate(); known && day.Before(birth) {
			f.refuse(r.number, operationDate.name(), problem.OperationBeforeBirth)
		}
	}
	if dayOf(r, prescriptionDate).After(day) {
		f.refuse(r.number, prescriptionDate.name(), problem.PrescriptionAfter)
	}
}

// dateInCell returns the date in a cell, or the zero date, which is not after any other.
func dayOf(r *row, c column) ident.Date {
	day, _ := ident.ParseDate(r.cells[c]) // parseCell has validated it
	return day
}

func (f *File) checkOneOf(r *row, a, b column, required bool) {
	switch {
	case r.cells[a] != "" && r.cells[b] != "":
		f.fault(r.number, b.name(), "give "+a.name()+" or "+b.name()+", not both")
	case required && r.cells[a]+r.cells[b] == "" && !r.faulty:
		f.fault(r.number, a.name(), a.name()+" and "+b.name()+" are both empty")
	}
}

func (f *File) checkLine(r *row, operation string, o Options) {
	f.checkOneOf(r, pharmacistSSIN, pharmacistNIHII, false)
	f.checkOneOf(r, pharmacyNIHII, pharmacyCBE, false)
	if o.Save == "Draft" || r.faulty {
		return
	}
	switch {
	case r.cells[code] != "":
	case r.cells[udiColumn] == "":
		f.refuse(r.number, code.name(), problem.ImplantUnidentified)
	case operation != "" && operation < udiSuffices:
		f.refuse(r.number, code.name(), problem.CodeRequired)
	}
	if operation != "" && r.cells[delivery] > operation { // both are YYYY-MM-DD
		f.refuse(r.number, delivery.name(), problem.DeliveryAfter)
	}
	parsed, err := udi.Parse(r.cells[udiColumn])
	if err != nil { // the register stores an unreadable UDI as given, with a warning
		return
	}
	for _, pair := range []struct {
		c    column
		udi  string
		code problem.Code
	}{
		{lot, parsed.Lot, problem.LotContradictsUDI},
		{serial, parsed.Serial, problem.SerialContradictsUDI},
		{expiry, dayText(parsed.Expiry), problem.ExpiryContradictsUDI},
	} {
		if pair.udi != "" && r.cells[pair.c] != "" && pair.udi != r.cells[pair.c] {
			f.refuse(r.number, pair.c.name(), pair.code)
		}
	}
}

func dayText(d ident.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
