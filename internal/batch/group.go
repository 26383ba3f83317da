package batch

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// maxImplants is the limit of the schema for one notification.
const maxImplants = 50

// sharedColumns are the columns that describe the notification as a whole, not one implant.
var sharedColumns = [...]column{
	columnSpecialistSSIN, columnSpecialistNIHII, columnOperationDate, columnPatient, columnPrescriberSSIN,
	columnPrescriberNIHII, columnPrescriptionDate, columnComment,
}

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
				f.addError(
					r.number, c.headerName(),
					fmt.Sprintf("it differs from that of row %d, which has the same input_reference", firstRow[c]),
				)
			}
		}
	}
	if len(rows) > maxImplants {
		f.addError(rows[maxImplants].number, columnInputReference.headerName(), fmt.Sprintf(
			"there are %d rows with this reference, and a notification has at most %d implants", len(rows), maxImplants,
		))
	}
	f.checkSharedColumns(&combined)
	n.Implantation = ctr.Implantation{
		Specialist: ctr.Professional{
			SSIN:  combined.cells[columnSpecialistSSIN],
			NIHII: combined.cells[columnSpecialistNIHII],
		},
		OperationDate: combined.cells[columnOperationDate],
		Patient:       combined.cells[columnPatient],
		Prescriber: ctr.Professional{
			SSIN:  combined.cells[columnPrescriberSSIN],
			NIHII: combined.cells[columnPrescriberNIHII],
		},
		PrescriptionDate: combined.cells[columnPrescriptionDate],
		Comment:          combined.cells[columnComment],
	}
	for _, r := range rows {
		n.Implantation.Implant = append(n.Implantation.Implant, r.toImplant())
	}
	violations := checkRules(n, o)
	f.addViolations(combined.number, violations[0])
	for i, r := range rows {
		f.checkAtMostOne(r, columnPharmacistSSIN, columnPharmacistNIHII, false)
		f.checkAtMostOne(r, columnPharmacyNIHII, columnPharmacyCBE, false)
		if !r.invalid { // otherwise a missing value may be the invalid one
			f.addViolations(r.number, violations[i+1])
		}
	}
	return n
}

func (r *tableRow) toImplant() ctr.NotifiedImplant {
	i := ctr.NotifiedImplant{
		NotificationCode: r.cells[columnNotificationCode],
		UDI:              r.cells[columnUDI],
		LotNumber:        r.cells[columnLot],
		SerialNumber:     r.cells[columnSerial],
		ExpiryDate:       r.cells[columnExpiryDate],
		DeliveryDate:     r.cells[columnDeliveryDate],
		Quantity:         1,
		Location:         r.cells[columnLocation],
		Side:             r.cells[columnSide],
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

// checkSharedColumns checks the columns that the schema requires. A value that is missing from a row with errors is not
// reported, because it may be the one that was invalid.
func (f *File) checkSharedColumns(r *tableRow) {
	for _, c := range []column{columnOperationDate, columnPatient, columnPrescriptionDate} {
		if r.cells[c] == "" && !r.invalid {
			f.addError(r.number, c.headerName(), "it is empty")
		}
	}
	f.checkAtMostOne(r, columnSpecialistSSIN, columnSpecialistNIHII, true)
	f.checkAtMostOne(r, columnPrescriberSSIN, columnPrescriberNIHII, true)
}

func (f *File) checkAtMostOne(r *tableRow, a, b column, required bool) {
	switch {
	case r.cells[a] != "" && r.cells[b] != "":
		f.addError(r.number, b.headerName(), "give "+a.headerName()+" or "+b.headerName()+", not both")
	case required && r.cells[a]+r.cells[b] == "" && !r.invalid:
		f.addError(r.number, a.headerName(), a.headerName()+" and "+b.headerName()+" are both empty")
	}
}

// ruleViolation is a broken rule of the register and the column of the value that breaks it.
type ruleViolation struct {
	column column
	code   problem.Code
}

// checkRules applies the register's rules that need only the content. It returns the violations by implant, counted
// from 1; those of the whole notification are under 0.
func checkRules(n *Notification, o Options) map[int][]ruleViolation {
	if o.Save == "Draft" {
		return nil
	}
	_, content := n.NewRequest().ToDomain() // without defects, because parseCell has validated the cells
	violations := map[int][]ruleViolation{}
	for _, v := range implants.CheckContent(content, o.Today) {
		if v.Code == ident.DateInvalid {
			continue // the cell is empty, which checkSharedColumns reports
		}
		implant, c := locateContent(v.Path)
		violations[implant] = append(violations[implant], ruleViolation{c, v.Code})
	}
	return violations
}

func (f *File) addViolations(row int, violations []ruleViolation) {
	for _, v := range violations {
		f.addErrorWithCode(row, v.column.headerName(), v.code)
	}
}

// columnByPath maps paths of the register's rules, without the implant, to columns.
var columnByPath = map[string]column{
	"Implantation.SurgeryDate":      columnOperationDate,
	"Implantation.PrescriptionDate": columnPrescriptionDate,
	"Implantation.Comment":          columnComment,
	"":                              columnNotificationCode, // an implant with neither code nor UDI
	".Code":                         columnNotificationCode,
	".Quantity":                     columnQuantity,
	".DeliveryDate":                 columnDeliveryDate,
	".Lot":                          columnLot,
	".UDI":                          columnUDI,
	".Location":                     columnLocation,
	".Serial":                       columnSerial,
	".Expiry":                       columnExpiryDate,
}

var contentPathPattern = regexp.MustCompile(`^Implantation\.Implants\[([0-9]+)\]`)

// locateContent returns the implant, counted from 1, or 0 for none, and the column to which a path belongs.
func locateContent(path string) (implant int, c column) {
	if match := contentPathPattern.FindStringSubmatch(path); match != nil {
		implant, _ = strconv.Atoi(match[1]) // it counts implants, so no error
		path = strings.TrimPrefix(path, match[0])
	}
	c, known := columnByPath[path]
	if !known {
		c = columnUnnamed
	}
	return implant, c
}
