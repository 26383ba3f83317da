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

// What the schema and the rules of the register say, so far as a file alone can tell.
const (
	maxLines    = 50           // of one notification
	firstYear   = 1950         // of an operation
	udiSuffices = "2023-05-26" // before, an implant has a notification code
)

// ofOperation are the columns that say something about the operation, and not about one implant.
var ofOperation = [...]column{specialistSSIN, specialistNIHII, operationDate, patient, prescriberSSIN, prescriberNIHII, prescriptionDate, comment}

// group makes notifications of the rows with one reference, wherever they stand, in the order of their first rows.
func (f *File) group(rows []*row, o Options) {
	together := map[string][]*row{}
	var order []string
	for _, r := range rows {
		reference := r.cells[input]
		if reference == "" {
			if !r.faulty {
				f.fault(r.number, input.name(), "it is empty, so that the row belongs to no notification")
			}
			continue
		}
		if together[reference] == nil {
			order = append(order, reference)
		}
		together[reference] = append(together[reference], r)
	}
	for _, reference := range order {
		before := len(f.Faults)
		lines := together[reference]
		n := f.notification(reference, lines, o)
		if len(f.Faults) == before && !slices.ContainsFunc(lines, func(r *row) bool { return r.faulty }) {
			f.Notifications = append(f.Notifications, n)
		}
	}
}

// notification puts rows together. What a row says of the operation may be left out in the others of its notification.
func (f *File) notification(reference string, rows []*row, o Options) *Notification {
	n := &Notification{Reference: reference, Save: o.Save}
	whole := *rows[0]
	stated := [columnCount]int{}
	for _, r := range rows {
		n.Rows = append(n.Rows, r.number)
		whole.faulty = whole.faulty || r.faulty
		for _, c := range ofOperation {
			switch {
			case r.cells[c] == "":
			case whole.cells[c] == "" || stated[c] == 0:
				whole.cells[c], stated[c] = r.cells[c], r.number
			case whole.cells[c] != r.cells[c]:
				f.fault(r.number, c.name(), fmt.Sprintf("it differs from that of row %d, which has the same input_reference", stated[c]))
			}
		}
	}
	if len(rows) > maxLines {
		f.fault(rows[maxLines].number, input.name(), fmt.Sprintf("there are %d rows with this reference, and a notification has at most %d implants", len(rows), maxLines))
	}
	f.checkOperation(&whole, o)
	n.Implantation = wire.Implantation{
		Specialist:       wire.Professional{SSIN: whole.cells[specialistSSIN], NIHII: whole.cells[specialistNIHII]},
		OperationDate:    whole.cells[operationDate],
		Patient:          whole.cells[patient],
		Prescriber:       wire.Professional{SSIN: whole.cells[prescriberSSIN], NIHII: whole.cells[prescriberNIHII]},
		PrescriptionDate: whole.cells[prescriptionDate],
		Comment:          whole.cells[comment],
	}
	for _, r := range rows {
		f.checkLine(r, whole.cells[operationDate], o)
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
		i.Quantity, _ = strconv.Atoi(r.cells[quantity]) // as parse has seen
	}
	if ssin, nihii := r.cells[pharmacistSSIN], r.cells[pharmacistNIHII]; ssin+nihii != "" {
		i.Pharmacist = &wire.Professional{SSIN: ssin, NIHII: nihii}
	}
	if nihii, cbe := r.cells[pharmacyNIHII], r.cells[pharmacyCBE]; nihii+cbe != "" {
		i.Pharmacy = &wire.Pharmacy{NIHII: nihii, CBE: cbe}
	}
	return i
}

// checkOperation tells what the schema asks of an operation, and the rules about its days. What is missing in a row with
// a fault may be what was faulty, and is not told.
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
		person, _ := ident.ParseSSIN(r.cells[patient]) // as parse has seen
		if birth, known := person.BirthDate(); known && day.Before(birth) {
			f.refuse(r.number, operationDate.name(), problem.OperationBeforeBirth)
		}
	}
	if dayOf(r, prescriptionDate).After(day) {
		f.refuse(r.number, prescriptionDate.name(), problem.PrescriptionAfter)
	}
}

// dayOf is the day in a cell; the zero one, which is after none, when there is none.
func dayOf(r *row, c column) ident.Date {
	day, _ := ident.ParseDate(r.cells[c]) // as parse has seen
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
	if operation != "" && r.cells[delivery] > operation { // both as YYYY-MM-DD
		f.refuse(r.number, delivery.name(), problem.DeliveryAfter)
	}
	read, err := udi.Parse(r.cells[udiColumn])
	if err != nil { // which the register keeps as it is, with a warning
		return
	}
	for _, pair := range []struct {
		c    column
		udi  string
		code problem.Code
	}{
		{lot, read.Lot, problem.LotContradictsUDI},
		{serial, read.Serial, problem.SerialContradictsUDI},
		{expiry, dayText(read.Expiry), problem.ExpiryContradictsUDI},
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
