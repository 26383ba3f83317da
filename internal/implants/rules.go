package implants

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// This file holds the rules about the content of notifications. They work on the content and on facts that were loaded
// before, without I/O. All violations are reported together, each with its path in the message.

// lateNotificationDays is the age of a surgery after which its notification gets a warning. We know of no legal
// deadline; the warning only serves statistics.
const lateNotificationDays = 30

// The first year of surgeries that the register accepts, and the surgery date from which a UDI alone identifies an
// implant.
const (
	minSurgeryYear    = 1950
	udiSufficientFrom = "2023-05-26"
)

// ruleResults collects violations and warnings.
type ruleResults struct {
	defects    []*problem.Error // found while reading the message; the rules do not report them again
	violations []*problem.Error
	warnings   []Warning
}

func (results *ruleResults) addViolation(code problem.Code, path string, detail ...texts.Text) {
	results.violations = append(results.violations, problem.New(code, detail...).WithPath(path))
}

func (results *ruleResults) addWarning(code problem.Code, path string) {
	results.warnings = append(results.warnings, Warning{Code: code, Path: path})
}

// hasDefectAt reports whether the message has an unreadable value at the path; the content has a zero value there.
func (results *ruleResults) hasDefectAt(path string) bool {
	return slices.ContainsFunc(results.defects, func(e *problem.Error) bool { return e.Path == path })
}

// clone returns a copy, so that a retried transaction starts with the same results.
func (results *ruleResults) clone() ruleResults {
	return ruleResults{defects: slices.Clone(results.defects), violations: slices.Clone(results.violations), warnings: slices.Clone(results.warnings)}
}

// downgradeToWarnings turns violations into warnings: a draft may break rules until it is submitted. A violation that
// leaves a line without an implant, or has a quantity that cannot be stored, remains one.
func (results *ruleResults) downgradeToWarnings() {
	results.violations = slices.DeleteFunc(results.violations, func(broken *problem.Error) bool {
		if broken.Code == problem.QuantityOutOfRange || broken.Code == problem.ImplantNotOfPatient {
			return false
		}
		results.warnings = append(results.warnings, Warning{Code: broken.Code, Path: broken.Path, Detail: broken.Detail})
		return true
	})
}

// toError returns one refusal with all defects of the message and all violations, in this order.
func (results *ruleResults) toError() error {
	return problem.List(problem.RulesViolated, slices.Concat(results.defects, results.violations))
}

// surgeryFacts is the authentic sources' data about a surgery.
type surgeryFacts struct {
	today               ident.Date
	patient             Person // zero when the national register does not have the number
	specialistPractices []Practice
	prescriberPractices []Practice
}

// lineFacts is the device list's and the authentic sources' data about one line.
type lineFacts struct {
	udi                 udi.UDI
	udiErr              error
	deviceByCode        *Device
	deviceByDI          *Device
	pharmacistPractices []Practice
	pharmacy            PharmacyRef // resolved: the given one, or the pharmacist's own
	isTitular           bool        // of that pharmacy, on the day
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
func checkSurgery(results *ruleResults, root string, day ident.Date, patient ident.SSIN, specialist ProfessionalRef, facts surgeryFacts) {
	path := root + "/OperationDate"
	birth := facts.patient.BirthDate
	if birth.IsZero() {
		birth, _ = patient.BirthDate()
	}
	switch {
	case day.IsZero():
		if !results.hasDefectAt(path) {
			results.addViolation(problem.DateInvalid, path)
		}
	case day.After(facts.today):
		results.addViolation(problem.OperationInFuture, path)
	case day.Year() < minSurgeryYear:
		results.addViolation(problem.OperationTooOld, path)
	default:
		if day.AddDays(lateNotificationDays).Before(facts.today) {
			results.addWarning(problem.WarnLate, path)
		}
	}
	if !birth.IsZero() && !day.IsZero() && day.Before(birth) {
		results.addViolation(problem.OperationBeforeBirth, path)
	}
	checkDoctor(results, root+"/Specialist", specialist, facts.specialistPractices, day, problem.SpecialistUnknown, problem.SpecialistUnqualified)
}

// checkDoctor requires a physician or dentist on a day.
func checkDoctor(results *ruleResults, path string, professional ProfessionalRef, practices []Practice, day ident.Date, unknown, unqualified problem.Code) {
	switch {
	case professional.IsZero() || day.IsZero():
	case len(practices) == 0:
		results.addViolation(unknown, path)
	case !hasPracticeOn(practices, day, Physician, Dentist):
		results.addViolation(unqualified, path)
	}
}

// checkImplantation applies the rules of an implantation.
func checkImplantation(results *ruleResults, n *Implantation, facts surgeryFacts, lines []lineFacts) {
	const root = "Implantation"
	checkSurgery(results, root, n.SurgeryDate, n.Patient, n.Specialist, facts)
	checkDoctor(results, root+"/Prescriber", n.Prescriber, facts.prescriberPractices, n.PrescriptionDate, problem.PrescriberUnknown, problem.PrescriberUnqualified)
	if !n.SurgeryDate.IsZero() && n.PrescriptionDate.After(n.SurgeryDate) {
		results.addViolation(problem.PrescriptionAfter, root+"/PrescriptionDate")
	}
	for i := range n.Implants {
		path := fmt.Sprintf("%s/Implant[%d]", root, i+1)
		checkIdentification(results, path, &n.Implants[i], n.SurgeryDate)
		expiryAt := path + "/ExpiryDate"
		if n.Implants[i].Expiry.IsZero() {
			expiryAt = path + "/UDI" // checkLine takes the expiry date from the UDI
		}
		checkLine(results, path, &n.Implants[i], n.SurgeryDate, lines[i])
		checkDevice(results, path, &n.Implants[i], n.SurgeryDate, lines[i])
		if expiry := n.Implants[i].Expiry; !expiry.IsZero() && expiry.Before(n.SurgeryDate) {
			results.addWarning(problem.WarnExpired, expiryAt)
		}
	}
}

// checkIdentification requires a code or a UDI, and a code before the day from which a UDI suffices.
func checkIdentification(results *ruleResults, path string, n *NotifiedImplant, day ident.Date) {
	switch {
	case !n.Code.IsZero() || results.hasDefectAt(path+"/NotificationCode"):
	case n.UDI == "":
		results.addViolation(problem.ImplantUnidentified, path)
	case !day.IsZero() && day.String() < udiSufficientFrom:
		results.addViolation(problem.CodeRequired, path+"/NotificationCode")
	}
}

// checkLine applies the rules of any notified implant. It completes lot, serial number and expiry date from the UDI.
func checkLine(results *ruleResults, path string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	if n.Quantity < 1 || n.Quantity > 99 {
		results.addViolation(problem.QuantityOutOfRange, path+"/Quantity")
	}
	if !n.Code.IsZero() && facts.deviceByCode == nil {
		results.addViolation(problem.CodeUnknown, path+"/NotificationCode")
	}
	if !day.IsZero() && n.DeliveryDate.After(day) {
		results.addViolation(problem.DeliveryAfter, path+"/DeliveryDate")
	}
	checkAndApplyUDI(results, path, n, facts)
	checkPharmacist(results, path, n, day, facts)
}

// checkAndApplyUDI compares the given lot, serial number and expiry date with the UDI, and takes the missing ones from
// it.
func checkAndApplyUDI(results *ruleResults, path string, n *NotifiedImplant, facts lineFacts) {
	if n.UDI == "" {
		return
	}
	if facts.udiErr != nil {
		results.addWarning(problem.From(facts.udiErr).Code, path+"/UDI")
		return
	}
	if facts.deviceByDI != nil && !n.Code.IsZero() && facts.deviceByDI.Code != n.Code {
		results.addWarning(problem.WarnUDIOtherCode, path+"/UDI")
	}
	u := facts.udi
	switch {
	case n.Lot == "":
		n.Lot = u.Lot
	case u.Lot != "" && u.Lot != n.Lot:
		results.addViolation(problem.LotContradictsUDI, path+"/LotNumber")
	}
	switch {
	case n.Serial == "":
		n.Serial = u.Serial
	case u.Serial != "" && u.Serial != n.Serial:
		results.addViolation(problem.SerialContradictsUDI, path+"/SerialNumber")
	}
	switch {
	case n.Expiry.IsZero():
		n.Expiry = u.Expiry
	case !u.Expiry.IsZero() && u.Expiry != n.Expiry:
		results.addViolation(problem.ExpiryContradictsUDI, path+"/ExpiryDate")
	}
}

// checkPharmacist requires a pharmacist who is titular of the pharmacy on the day.
func checkPharmacist(results *ruleResults, path string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	path += "/Pharmacist"
	switch {
	case n.Pharmacist.IsZero():
	case len(facts.pharmacistPractices) == 0:
		results.addViolation(problem.PharmacistUnknown, path)
	case !hasPracticeOn(facts.pharmacistPractices, n.pharmacyDay(day), Pharmacist):
		results.addViolation(problem.PharmacistUnqualified, path)
	case !facts.isTitular:
		results.addViolation(problem.PharmacistNotTitular, path)
	}
}

// checkDevice warns about deleted and recalled devices.
func checkDevice(results *ruleResults, path string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	device := facts.deviceByCode
	if device == nil && n.Code.IsZero() {
		device = facts.deviceByDI
	}
	if device != nil {
		switch device.Status {
		case DeviceDeleted:
			if device.DeletedOn.IsZero() || !device.DeletedOn.After(day) {
				results.addWarning(problem.WarnDeviceDeleted, path)
			}
		case DeviceRecalled:
			if device.RecalledOn.IsZero() || !device.RecalledOn.After(day) {
				results.addWarning(problem.WarnDeviceRecalled, path)
			}
		case DeviceActive:
		}
	}
}

// removalFacts is the register's data about one removal.
type removalFacts struct {
	implant *Implant // nil when this patient has no such implant
	line    lineFacts
}

// checkExplantation applies the rules of an explantation and decides how many pieces each removal removes and leaves.
// Several removals of one implant add up.
func checkExplantation(results *ruleResults, n *Explantation, facts surgeryFacts, removals []removalFacts) []Removal {
	const root = "Explantation"
	checkSurgery(results, root, n.SurgeryDate, n.Patient, n.Specialist, facts)
	removed := map[string]int{}
	decided := make([]Removal, len(n.Explants))
	for i := range n.Explants {
		x := &n.Explants[i]
		path := fmt.Sprintf("%s/Explant[%d]", root, i+1)
		if x.Quantity < 0 || x.Quantity > 99 {
			results.addViolation(problem.QuantityOutOfRange, path+"/Quantity")
			continue
		}
		if x.Unregistered != nil {
			checkLine(results, path+"/Unregistered", x.Unregistered, n.SurgeryDate, removals[i].line)
			decided[i] = decideRemoval(results, path, x, x.Unregistered.Quantity)
			continue
		}
		implant := removals[i].implant
		if implant == nil {
			results.addViolation(problem.ImplantNotOfPatient, path+"/ImplantId")
			continue
		}
		if !n.SurgeryDate.IsZero() && n.SurgeryDate.Before(implant.SurgeryDate) {
			results.addViolation(problem.ExplantBeforeImplant, root+"/OperationDate", texts.Literal(path))
		}
		decided[i] = decideRemoval(results, path, x, implant.Remaining-removed[implant.ID])
		removed[implant.ID] += decided[i].Quantity
	}
	return decided
}

// decideRemoval decides one removal, given the quantity that is left.
func decideRemoval(results *ruleResults, path string, x *Explant, left int) Removal {
	quantity := x.Quantity
	if quantity == 0 {
		quantity = left
	} else {
		path += "/Quantity"
	}
	if quantity > left || quantity == 0 {
		results.addViolation(problem.ExplantExceedsRemaining, path, texts.Literal(fmt.Sprintf("%d > %d", max(quantity, 1), left)))
		return Removal{}
	}
	return Removal{ImplantID: x.ImplantID, Quantity: quantity, Reason: x.Reason, Remaining: left - quantity}
}

// checkRemovedLines applies the rules of an implantation that replaces another version of itself: implants removed
// since (see loadFirstRemovals) must still be implanted in the same patient, before their removal.
func checkRemovedLines(results *ruleResults, removed map[string]ident.Date, previous, next *Notification) {
	for i := range previous.Implants {
		id := previous.Implants[i].ID
		since, ok := removed[id]
		switch {
		case !ok:
		case next.Patient != previous.Patient || !slices.ContainsFunc(next.Implants, func(n Implant) bool { return n.ID == id }):
			results.addViolation(problem.ImplantRemovedSince, "Implantation", texts.Literal(id))
		case since.Before(next.SurgeryDate):
			results.addViolation(problem.ExplantBeforeImplant, "Implantation/OperationDate", texts.Literal(id))
		}
	}
}

// checkWithdrawal applies the rules of withdrawing a final notification.
func checkWithdrawal(results *ruleResults, n *Notification, reason string, removed map[string]ident.Date) {
	if strings.TrimSpace(reason) == "" {
		results.addViolation(problem.ReasonRequired, "Reason")
	}
	for i := range n.Implants {
		if _, ok := removed[n.Implants[i].ID]; ok {
			results.addViolation(problem.ImplantRemovedSince, "Of", texts.Literal(n.Implants[i].ID))
		}
	}
}
