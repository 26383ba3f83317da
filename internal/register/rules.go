package register

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/register/udi"
)

// This file holds the rules about the content of notifications. They work on the content and on facts that were loaded
// before, without I/O. All violations are reported together, each with its path in the message.

// lateNotificationDays is the age of a surgery after which its notification gets a warning. We know of no legal
// deadline; the warning only serves statistics.
const lateAfterDays = 30

// The first year of surgeries that the register accepts, and the surgery date from which a UDI alone identifies an
// implant.
const (
	firstYear   = 1950
	udiSuffices = "2023-05-26"
)

// ruleResults collects violations and warnings.
type findings struct {
	defects []*problem.Error // found while reading the message; the rules do not report them again
	refused []*problem.Error
	warned  []Warning
}

func (results *findings) refuse(code problem.Code, path string, public ...string) {
	results.refused = append(results.refused, problem.New(code, public...).WithPath(path))
}

func (results *findings) warn(code problem.Code, path string) {
	results.warned = append(results.warned, Warning{Code: code, At: path})
}

// hasDefectAt reports whether the message has an unreadable value at the path; the content has a zero value there.
func (results *findings) defective(path string) bool {
	return slices.ContainsFunc(results.defects, func(e *problem.Error) bool { return e.Path == path })
}

// clone returns a copy, so that a retried transaction starts with the same results.
func (results *findings) clone() findings {
	return findings{defects: slices.Clone(results.defects), refused: slices.Clone(results.refused), warned: slices.Clone(results.warned)}
}

// downgradeToWarnings turns violations into warnings: a draft may break rules until it is submitted. A violation that
// leaves a line without an implant, or has a quantity that cannot be stored, remains one.
func (results *findings) forgive() {
	results.refused = slices.DeleteFunc(results.refused, func(broken *problem.Error) bool {
		if broken.Code == problem.QuantityOutOfRange || broken.Code == problem.ImplantNotOfPatient {
			return false
		}
		results.warned = append(results.warned, Warning{Code: broken.Code, At: broken.Path, Public: broken.Detail})
		return true
	})
}

// toError returns one refusal with all defects of the message and all violations, in this order.
func (results *findings) err() error {
	return problem.List(problem.RulesViolated, slices.Concat(results.defects, results.refused))
}

// surgeryFacts is the authentic sources' data about a surgery.
type operationFacts struct {
	today      ident.Date
	patient    Person // zero when the national register does not have the number
	specialist []Practice
	prescriber []Practice
}

// lineFacts is the device list's and the authentic sources' data about one line.
type lineFacts struct {
	udi        udi.UDI
	udiErr     error
	byCode     *Device
	byDI       *Device
	pharmacist []Practice
	pharmacy   PharmacyRef // resolved: the given one, or the pharmacist's own
	titular    bool        // of that pharmacy, on the day
}

// pharmacyDay returns the day for the facts about pharmacist and pharmacy: the delivery date if given, else the
// surgery date.
func (n NotifiedImplant) pharmacyDay(surgeryDate ident.Date) ident.Date {
	if n.DeliveryDate.IsZero() {
		return surgeryDate
	}
	return n.DeliveryDate
}

// checkSurgery applies the rules that implantations and explantations share.
func checkOperation(results *findings, root string, day ident.Date, patient ident.SSIN, specialist ProfessionalRef, facts operationFacts) {
	path := root + "/OperationDate"
	birth := facts.patient.BirthDate
	if birth.IsZero() {
		birth, _ = patient.BirthDate()
	}
	switch {
	case day.IsZero():
		if !results.defective(path) {
			results.refuse(problem.DateInvalid, path)
		}
	case day.After(facts.today):
		results.refuse(problem.OperationInFuture, path)
	case day.Year() < firstYear:
		results.refuse(problem.OperationTooOld, path)
	default:
		if day.AddDays(lateAfterDays).Before(facts.today) {
			results.warn(problem.WarnLate, path)
		}
	}
	if !birth.IsZero() && !day.IsZero() && day.Before(birth) {
		results.refuse(problem.OperationBeforeBirth, path)
	}
	checkDoctor(results, root+"/Specialist", specialist, facts.specialist, day, problem.SpecialistUnknown, problem.SpecialistUnqualified)
}

// checkDoctor requires a physician or dentist on a day.
func checkDoctor(results *findings, path string, professional ProfessionalRef, practices []Practice, day ident.Date, unknown, unqualified problem.Code) {
	switch {
	case professional.IsZero() || day.IsZero():
	case len(practices) == 0:
		results.refuse(unknown, path)
	case !practisesOn(practices, day, Physician, Dentist):
		results.refuse(unqualified, path)
	}
}

// checkImplantation applies the rules of an implantation.
func checkImplantation(results *findings, n *Implantation, facts operationFacts, lines []lineFacts) {
	const root = "Implantation"
	checkOperation(results, root, n.OperationDate, n.Patient, n.Specialist, facts)
	checkDoctor(results, root+"/Prescriber", n.Prescriber, facts.prescriber, n.PrescriptionDate, problem.PrescriberUnknown, problem.PrescriberUnqualified)
	if !n.OperationDate.IsZero() && n.PrescriptionDate.After(n.OperationDate) {
		results.refuse(problem.PrescriptionAfter, root+"/PrescriptionDate")
	}
	for i := range n.Implants {
		path := fmt.Sprintf("%s/Implant[%d]", root, i+1)
		checkIdentified(results, path, &n.Implants[i], n.OperationDate)
		expiryAt := path + "/ExpiryDate"
		if n.Implants[i].Expiry.IsZero() {
			expiryAt = path + "/UDI" // checkLine takes the expiry date from the UDI
		}
		checkLine(results, path, &n.Implants[i], n.OperationDate, lines[i])
		checkDevice(results, path, &n.Implants[i], n.OperationDate, lines[i])
		if expiry := n.Implants[i].Expiry; !expiry.IsZero() && expiry.Before(n.OperationDate) {
			results.warn(problem.WarnExpired, expiryAt)
		}
	}
}

// checkIdentification requires a code or a UDI, and a code before the day from which a UDI suffices.
func checkIdentified(results *findings, path string, n *NotifiedImplant, day ident.Date) {
	switch {
	case !n.Code.IsZero() || results.defective(path+"/NotificationCode"):
	case n.UDI == "":
		results.refuse(problem.ImplantUnidentified, path)
	case !day.IsZero() && day.String() < udiSuffices:
		results.refuse(problem.CodeRequired, path+"/NotificationCode")
	}
}

// checkLine applies the rules of any notified implant. It completes lot, serial number and expiry date from the UDI.
func checkLine(results *findings, path string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	if n.Quantity < 1 || n.Quantity > 99 {
		results.refuse(problem.QuantityOutOfRange, path+"/Quantity")
	}
	if !n.Code.IsZero() && facts.byCode == nil {
		results.refuse(problem.CodeUnknown, path+"/NotificationCode")
	}
	if !day.IsZero() && n.DeliveryDate.After(day) {
		results.refuse(problem.DeliveryAfter, path+"/DeliveryDate")
	}
	checkUDI(results, path, n, facts)
	checkPharmacist(results, path, n, day, facts)
}

// checkAndApplyUDI compares the given lot, serial number and expiry date with the UDI, and takes the missing ones from
// it.
func checkUDI(results *findings, path string, n *NotifiedImplant, facts lineFacts) {
	if n.UDI == "" {
		return
	}
	if facts.udiErr != nil {
		results.warn(problem.From(facts.udiErr).Code, path+"/UDI")
		return
	}
	if facts.byDI != nil && !n.Code.IsZero() && facts.byDI.Code != n.Code {
		results.warn(problem.WarnUDIOtherCode, path+"/UDI")
	}
	u := facts.udi
	switch {
	case n.Lot == "":
		n.Lot = u.Lot
	case u.Lot != "" && u.Lot != n.Lot:
		results.refuse(problem.LotContradictsUDI, path+"/LotNumber")
	}
	switch {
	case n.Serial == "":
		n.Serial = u.Serial
	case u.Serial != "" && u.Serial != n.Serial:
		results.refuse(problem.SerialContradictsUDI, path+"/SerialNumber")
	}
	switch {
	case n.Expiry.IsZero():
		n.Expiry = u.Expiry
	case !u.Expiry.IsZero() && u.Expiry != n.Expiry:
		results.refuse(problem.ExpiryContradictsUDI, path+"/ExpiryDate")
	}
}

// checkPharmacist requires a pharmacist who is titular of the pharmacy on the day.
func checkPharmacist(results *findings, path string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	path += "/Pharmacist"
	switch {
	case n.Pharmacist.IsZero():
	case len(facts.pharmacist) == 0:
		results.refuse(problem.PharmacistUnknown, path)
	case !practisesOn(facts.pharmacist, n.pharmacyDay(day), Pharmacist):
		results.refuse(problem.PharmacistUnqualified, path)
	case !facts.titular:
		results.refuse(problem.PharmacistNotTitular, path)
	}
}

// checkDevice warns about deleted and recalled devices.
func checkDevice(results *findings, path string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	device := facts.byCode
	if device == nil && n.Code.IsZero() {
		device = facts.byDI
	}
	if device != nil {
		switch device.Status {
		case DeviceDeleted:
			if device.DeletedOn.IsZero() || !device.DeletedOn.After(day) {
				results.warn(problem.WarnDeviceDeleted, path)
			}
		case DeviceRecalled:
			if device.RecalledOn.IsZero() || !device.RecalledOn.After(day) {
				results.warn(problem.WarnDeviceRecalled, path)
			}
		case DeviceActive:
		}
	}
}

// removalFacts is the register's data about one removal.
type explantFacts struct {
	implant *Implant // nil when this patient has no such implant
	line    lineFacts
}

// checkExplantation applies the rules of an explantation and decides how many pieces each removal removes and leaves.
// Several removals of one implant add up.
func checkExplantation(results *findings, n *Explantation, facts operationFacts, removals []explantFacts) []Removal {
	const root = "Explantation"
	checkOperation(results, root, n.OperationDate, n.Patient, n.Specialist, facts)
	removed := map[string]int{}
	decided := make([]Removal, len(n.Explants))
	for i := range n.Explants {
		x := &n.Explants[i]
		path := fmt.Sprintf("%s/Explant[%d]", root, i+1)
		if x.Quantity < 0 || x.Quantity > 99 {
			results.refuse(problem.QuantityOutOfRange, path+"/Quantity")
			continue
		}
		if x.Unregistered != nil {
			checkLine(results, path+"/Unregistered", x.Unregistered, n.OperationDate, removals[i].line)
			decided[i] = takeAway(results, path, x, x.Unregistered.Quantity)
			continue
		}
		implant := removals[i].implant
		if implant == nil {
			results.refuse(problem.ImplantNotOfPatient, path+"/ImplantId")
			continue
		}
		if !n.OperationDate.IsZero() && n.OperationDate.Before(implant.OperationDate) {
			results.refuse(problem.ExplantBeforeImplant, root+"/OperationDate", path)
		}
		decided[i] = takeAway(results, path, x, implant.Remaining-removed[implant.ID])
		removed[implant.ID] += decided[i].Quantity
	}
	return decided
}

// decideRemoval decides one removal, given the quantity that is left.
func takeAway(results *findings, path string, x *Explant, left int) Removal {
	quantity := x.Quantity
	if quantity == 0 {
		quantity = left
	} else {
		path += "/Quantity"
	}
	if quantity > left || quantity == 0 {
		results.refuse(problem.ExplantExceedsRemaining, path, fmt.Sprintf("%d > %d", max(quantity, 1), left))
		return Removal{}
	}
	return Removal{ImplantID: x.ImplantID, Quantity: quantity, Reason: x.Reason, Remaining: left - quantity}
}

// checkRemovedLines applies the rules of an implantation that replaces another version of itself: implants removed
// since (see loadFirstRemovals) must still be implanted in the same patient, before their removal.
func checkRemoved(results *findings, removed map[string]ident.Date, previous, next *Notification) {
	for i := range previous.Implants {
		id := previous.Implants[i].ID
		since, ok := removed[id]
		switch {
		case !ok:
		case next.Patient != previous.Patient || !slices.ContainsFunc(next.Implants, func(n Implant) bool { return n.ID == id }):
			results.refuse(problem.ImplantRemovedSince, "Implantation", id)
		case since.Before(next.OperationDate):
			results.refuse(problem.ExplantBeforeImplant, "Implantation/OperationDate", id)
		}
	}
}

// checkWithdrawal applies the rules of withdrawing a final notification.
func checkWithdrawal(results *findings, n *Notification, reason string, removed map[string]ident.Date) {
	if strings.TrimSpace(reason) == "" {
		results.refuse(problem.ReasonRequired, "Reason")
	}
	for i := range n.Implants {
		if _, ok := removed[n.Implants[i].ID]; ok {
			results.refuse(problem.ImplantRemovedSince, "Of", n.Implants[i].ID)
		}
	}
}
