package implants

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// This file holds the rules about the content of notifications. They work on the content and on facts that were loaded
// before, without I/O, and change neither. All violations are reported together, each with the path of the wrong value.

// lateNotificationDays is the age of a surgery after which its notification gets a warning. We know of no legal
// deadline; the warning only serves statistics.
const lateNotificationDays = 30

// The first year of surgeries that the register accepts, and the surgery date from which a UDI alone identifies an
// implant.
const (
	minSurgeryYear    = 1950
	udiSufficientFrom = "2023-05-26"
)

// The paths at which the operations' requests begin: the content of a notification, and the notification to change.
const (
	implantationPath platform.Path = "Implantation"
	explantationPath platform.Path = "Explantation"
	notificationPath platform.Path = "Notification"
)

// isBeforeRegister reports whether a surgery date is before the first year that the register accepts.
func isBeforeRegister(day ident.Date) bool { return day.Year() < minSurgeryYear }

// The number of pieces on one line.
const (
	minQuantity = 1
	maxQuantity = 99
)

// IsQuantityInRange reports whether one line may have this many pieces.
func IsQuantityInRange(n int) bool { return n >= minQuantity && n <= maxQuantity }

// CheckContent returns the violations of the rules of an implantation that need only its content and the current day.
// [Registrar.NotifyImplant] applies the same rules, together with those that need the authentic sources and the
// register.
func CheckContent(n Implantation, today ident.Date) []*problem.Error {
	lines := make([]lineFacts, len(n.Implants))
	for i := range n.Implants {
		lines[i] = parseUDI(&n.Implants[i])
		lines[i].contentOnly = true
	}
	var results platform.RuleResults
	checkImplantation(&results, &n, surgeryFacts{today: today, contentOnly: true}, lines)
	return results.Violations()
}

// surgeryFacts is the authentic sources' data about a surgery.
type surgeryFacts struct {
	today               ident.Date
	contentOnly         bool            // nothing was loaded: the rules that need the data below do not apply
	patient             platform.Person // zero when the national register does not have the number
	specialistPractices []platform.Practice
	prescriberPractices []platform.Practice
}

// lineFacts is the device list's and the authentic sources' data about one line, and its parsed UDI.
type lineFacts struct {
	udi                 udi.UDI // what was understood of the UDI
	udiErr              error   // says what was not
	contentOnly         bool    // only the UDI was parsed: the rules that need the data below do not apply
	deviceByCode        *Device
	deviceByDI          *Device
	pharmacistPractices []platform.Practice
	pharmacy            platform.OrganisationRef // resolved: the given one, or the pharmacist's own
	isTitular           bool                     // of that pharmacy, on the day
}

// pharmacyDay returns the day for the facts about pharmacist and pharmacy: the delivery date if given, else the
// surgery date.
func (n NotifiedImplant) pharmacyDay(surgeryDate ident.Date) ident.Date {
	if n.DeliveryDate.IsZero() {
		return surgeryDate
	}
	return n.DeliveryDate
}

// parseUDI begins the facts about a line with its parsed UDI.
func parseUDI(n *NotifiedImplant) lineFacts {
	var facts lineFacts
	if n.UDI != "" {
		facts.udi, facts.udiErr = udi.Parse(n.UDI)
	}
	return facts
}

// withUDIValues returns a notified implant with lot, serial number and expiry date from its UDI where they are missing.
func (n NotifiedImplant) withUDIValues(u udi.UDI) NotifiedImplant {
	n.Lot, n.Serial = cmp.Or(udi.TrimNumber(n.Lot), u.Lot), cmp.Or(udi.TrimNumber(n.Serial), u.Serial)
	n.Expiry = cmp.Or(n.Expiry, u.Expiry)
	return n
}

// checkSurgery applies the rules that implantations and explantations share.
func checkSurgery(
	results *platform.RuleResults, root platform.Path, day ident.Date, patient ident.SSIN,
	specialist platform.ProfessionalRef, facts surgeryFacts,
) {
	path := root.Field("SurgeryDate")
	birth := facts.patient.BirthDate
	if birth.IsZero() {
		birth, _ = patient.BirthDate()
	}
	switch {
	case day.IsZero():
		if !results.HasDefectAt(path) {
			results.AddViolation(ident.DateInvalid, path)
		}
	case day.After(facts.today):
		results.AddViolation(OperationInFuture, path)
	case isBeforeRegister(day):
		results.AddViolation(OperationTooOld, path)
	default:
		if day.AddDays(lateNotificationDays).Before(facts.today) {
			results.AddWarning(WarnLate, path)
		}
	}
	if !birth.IsZero() && !day.IsZero() && day.Before(birth) {
		results.AddViolation(OperationBeforeBirth, path)
	}
	if !facts.contentOnly {
		checkDoctor(
			results, root.Field("Specialist"), specialist, facts.specialistPractices, day, SpecialistUnknown,
			SpecialistUnqualified,
		)
	}
}

// checkDoctor requires a physician or dentist on a day.
func checkDoctor(
	results *platform.RuleResults, path platform.Path, professional platform.ProfessionalRef,
	practices []platform.Practice, day ident.Date, unknown, unqualified problem.Code,
) {
	switch {
	case professional.IsZero() || day.IsZero():
	case len(practices) == 0:
		results.AddViolation(unknown, path)
	case !platform.HasPracticeOn(practices, day, platform.Physician, platform.Dentist):
		results.AddViolation(unqualified, path)
	}
}

// checkImplantation applies the rules of an implantation.
func checkImplantation(results *platform.RuleResults, n *Implantation, facts surgeryFacts, lines []lineFacts) {
	const root = implantationPath
	checkText(results, root.Field("Comment"), n.Comment)
	checkSurgery(results, root, n.SurgeryDate, n.Patient, n.Specialist, facts)
	if !facts.contentOnly {
		checkDoctor(
			results, root.Field("Prescriber"), n.Prescriber, facts.prescriberPractices, n.PrescriptionDate, PrescriberUnknown,
			PrescriberUnqualified,
		)
	}
	if !n.SurgeryDate.IsZero() && n.PrescriptionDate.After(n.SurgeryDate) {
		results.AddViolation(PrescriptionAfter, root.Field("PrescriptionDate"))
	}
	for i := range n.Implants {
		path := root.Item("Implants", i)
		checkIdentification(results, path, &n.Implants[i], n.SurgeryDate)
		checkLine(results, path, &n.Implants[i], n.SurgeryDate, lines[i])
		checkDevice(results, path, &n.Implants[i], n.SurgeryDate, lines[i])
		checkExpiry(results, path, &n.Implants[i], n.SurgeryDate, lines[i])
	}
}

// checkText refuses text that controls what shows it. The SOAP door refuses it for every value of every request, with
// the same code; a file of ctr batch and other doors meet it here.
func checkText(results *platform.RuleResults, path platform.Path, text string) {
	if texts.HasControls(text) {
		results.AddViolation(problem.TextControls, path)
	}
}

// checkIdentification requires a code or a UDI, and a code before the day from which a UDI suffices.
func checkIdentification(results *platform.RuleResults, path platform.Path, n *NotifiedImplant, day ident.Date) {
	switch {
	case !n.Code.IsZero() || results.HasDefectAt(path.Field("Code")):
	case n.UDI == "":
		results.AddViolation(ImplantUnidentified, path)
	case !day.IsZero() && day.String() < udiSufficientFrom:
		results.AddViolation(CodeRequired, path.Field("Code"))
	}
}

// checkLine applies the rules of any notified implant.
func checkLine(results *platform.RuleResults, path platform.Path, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	checkText(results, path.Field("UDI"), n.UDI)
	checkText(results, path.Field("Lot"), n.Lot)
	checkText(results, path.Field("Serial"), n.Serial)
	checkText(results, path.Field("Location"), n.Location)
	if !IsQuantityInRange(n.Quantity) {
		results.AddViolation(QuantityOutOfRange, path.Field("Quantity"))
	}
	if !facts.contentOnly && !n.Code.IsZero() && facts.deviceByCode == nil {
		results.AddViolation(CodeUnknown, path.Field("Code"))
	}
	if !day.IsZero() && n.DeliveryDate.After(day) {
		results.AddViolation(DeliveryAfter, path.Field("DeliveryDate"))
	}
	checkUDI(results, path, n, facts)
	if !facts.contentOnly {
		checkPharmacist(results, path, n, day, facts)
	}
}

// checkUDI compares the code, lot, serial number and expiry date with the UDI.
func checkUDI(results *platform.RuleResults, path platform.Path, n *NotifiedImplant, facts lineFacts) {
	if n.UDI == "" {
		return
	}
	if facts.udiErr != nil {
		unread := problem.From(facts.udiErr)
		results.AddWarning(unread.Code, path.Field("UDI"), unread.Detail)
	}
	if facts.deviceByDI != nil && !n.Code.IsZero() && facts.deviceByDI.Code != n.Code {
		results.AddWarning(WarnUDIOtherCode, path.Field("UDI"))
	}
	u := facts.udi
	if udi.AreDifferentNumbers(n.Lot, u.Lot) {
		results.AddViolation(LotContradictsUDI, path.Field("Lot"))
	}
	if udi.AreDifferentNumbers(n.Serial, u.Serial) {
		results.AddViolation(SerialContradictsUDI, path.Field("Serial"))
	}
	if !n.Expiry.IsZero() && !u.Expiry.IsZero() && u.Expiry != n.Expiry {
		results.AddViolation(ExpiryContradictsUDI, path.Field("Expiry"))
	}
}

// checkExpiry warns about an implant that had expired on the day, by its own expiry date or that of its UDI.
func checkExpiry(
	results *platform.RuleResults, path platform.Path, n *NotifiedImplant, day ident.Date, facts lineFacts,
) {
	expiry := n.withUDIValues(facts.udi).Expiry
	if expiry.IsZero() || !expiry.Before(day) {
		return
	}
	if n.Expiry.IsZero() {
		results.AddWarning(WarnExpired, path.Field("UDI"))
	} else {
		results.AddWarning(WarnExpired, path.Field("Expiry"))
	}
}

// checkPharmacist requires a pharmacist who is titular of the pharmacy on the day.
func checkPharmacist(
	results *platform.RuleResults, path platform.Path, n *NotifiedImplant, day ident.Date, facts lineFacts,
) {
	path = path.Field("Pharmacist")
	switch {
	case n.Pharmacist.IsZero():
	case len(facts.pharmacistPractices) == 0:
		results.AddViolation(PharmacistUnknown, path)
	case !platform.HasPracticeOn(facts.pharmacistPractices, n.pharmacyDay(day), platform.Pharmacist):
		results.AddViolation(PharmacistUnqualified, path)
	case !facts.isTitular:
		results.AddViolation(PharmacistNotTitular, path)
	}
}

// checkDevice warns about deleted and recalled devices.
func checkDevice(
	results *platform.RuleResults, path platform.Path, n *NotifiedImplant, day ident.Date, facts lineFacts,
) {
	device := facts.deviceByCode
	if device == nil && n.Code.IsZero() {
		device = facts.deviceByDI
	}
	if device != nil {
		switch device.Status {
		case DeviceDeleted:
			if device.DeletedOn.IsZero() || !device.DeletedOn.After(day) {
				results.AddWarning(WarnDeviceDeleted, path)
			}
		case DeviceRecalled:
			if device.RecalledOn.IsZero() || !device.RecalledOn.After(day) {
				results.AddWarning(WarnDeviceRecalled, path)
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
func checkExplantation(
	results *platform.RuleResults, n *Explantation, facts surgeryFacts, removals []removalFacts,
) []Removal {
	const root = explantationPath
	checkText(results, root.Field("Comment"), n.Comment)
	checkSurgery(results, root, n.SurgeryDate, n.Patient, n.Specialist, facts)
	removed := map[string]int{}
	decided := make([]Removal, len(n.Explants))
	for i := range n.Explants {
		x := &n.Explants[i]
		path := root.Item("Explants", i)
		checkText(results, path.Field("Reason"), x.Reason)
		if x.Quantity != 0 && !IsQuantityInRange(x.Quantity) {
			results.AddViolation(QuantityOutOfRange, path.Field("Quantity"))
			continue
		}
		if x.Unregistered != nil {
			checkLine(results, path.Field("Unregistered"), x.Unregistered, n.SurgeryDate, removals[i].line)
			decided[i] = decideRemoval(results, path, x, x.Unregistered.Quantity)
			continue
		}
		implant := removals[i].implant
		if implant == nil {
			results.AddViolation(ImplantNotOfPatient, path.Field("ImplantID"))
			continue
		}
		if !n.SurgeryDate.IsZero() && n.SurgeryDate.Before(implant.SurgeryDate) {
			results.AddViolationBetween(ExplantBeforeImplant, root.Field("SurgeryDate"), path)
		}
		decided[i] = decideRemoval(results, path, x, implant.Remaining-removed[implant.ID])
		removed[implant.ID] += decided[i].Quantity
	}
	return decided
}

// decideRemoval decides one removal, given the quantity that is left.
func decideRemoval(results *platform.RuleResults, path platform.Path, x *Explant, left int) Removal {
	quantity := x.Quantity
	if quantity == 0 {
		quantity = left
	} else {
		path = path.Field("Quantity")
	}
	if quantity > left || quantity == 0 {
		results.AddViolation(ExplantExceedsRemaining, path, texts.Literal(fmt.Sprintf("%d > %d", max(quantity, 1), left)))
		return Removal{}
	}
	return Removal{ImplantID: x.ImplantID, Quantity: quantity, Reason: x.Reason, Remaining: left - quantity}
}

// checkRemovedLines applies the rules of an implantation that replaces another version of itself: implants removed
// since (see loadFirstRemovals) must still be implanted in the same patient, before their removal.
func checkRemovedLines(results *platform.RuleResults, removed map[string]ident.Date, previous, next *Notification) {
	for i := range previous.Implants {
		id := previous.Implants[i].ID
		since, ok := removed[id]
		switch {
		case !ok:
		case next.Patient != previous.Patient ||
			!slices.ContainsFunc(next.Implants, func(n Implant) bool { return n.ID == id }):
			results.AddViolation(ImplantRemovedSince, implantationPath, texts.Literal(id))
		case since.Before(next.SurgeryDate):
			results.AddViolation(ExplantBeforeImplant, implantationPath.Field("SurgeryDate"), texts.Literal(id))
		}
	}
}

// checkWithdrawal applies the rules of withdrawing a final notification.
func checkWithdrawal(results *platform.RuleResults, n *Notification, reason string, removed map[string]ident.Date) {
	if strings.TrimSpace(reason) == "" {
		results.AddViolation(ReasonRequired, "Reason")
	}
	for i := range n.Implants {
		if _, ok := removed[n.Implants[i].ID]; ok {
			results.AddViolation(ImplantRemovedSince, notificationPath, texts.Literal(n.Implants[i].ID))
		}
	}
}
