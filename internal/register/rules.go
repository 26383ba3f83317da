package register

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/register/udi"
)

// This file holds every rule about the content of notifications, as pure functions of the content and of what the
// sources and the register say (the facts). All broken rules are reported together, each with its path in the message.

// A notification later than this is told so: no legal term was found, so it is a statistic.
const lateAfterDays = 30

// The first operation that the register takes, and the day from which a UDI suffices to name an implant.
const (
	firstYear   = 1950
	udiSuffices = "2023-05-26"
)

// findings collects what the rules say.
type findings struct {
	defects []*problem.Error // of the message, which the rules need not tell again
	refused []*problem.Error
	warned  []Warning
}

func (f *findings) refuse(code problem.Code, at string, public ...string) {
	f.refused = append(f.refused, problem.New(code, public...).In(at))
}

func (f *findings) warn(code problem.Code, at string) {
	f.warned = append(f.warned, Warning{Code: code, At: at})
}

// defective reports whether the message holds something unreadable at a place, which is then absent from the content.
func (f *findings) defective(at string) bool {
	return slices.ContainsFunc(f.defects, func(e *problem.Error) bool { return e.At == at })
}

// clone lets a transaction that is run again begin with the same findings.
func (f *findings) clone() findings {
	return findings{defects: slices.Clone(f.defects), refused: slices.Clone(f.refused), warned: slices.Clone(f.warned)}
}

// forgive turns broken rules into warnings: a draft may break them until it is sent. What names nothing, or cannot be
// kept, stays refused.
func (f *findings) forgive() {
	f.refused = slices.DeleteFunc(f.refused, func(broken *problem.Error) bool {
		if broken.Code == problem.QuantityOutOfRange || broken.Code == problem.ImplantNotOfPatient {
			return false
		}
		f.warned = append(f.warned, Warning{Code: broken.Code, At: broken.At, Public: broken.Public})
		return true
	})
}

// err is the refusal of everything found, with the defects of the message first.
func (f *findings) err() error {
	return problem.List(problem.RulesViolated, slices.Concat(f.defects, f.refused))
}

// operationFacts is what the sources say about an operation.
type operationFacts struct {
	today      ident.Date
	patient    Person // zero when the national register does not know the number
	specialist []Practice
	prescriber []Practice
}

// lineFacts is what the sources say about one notified implant.
type lineFacts struct {
	udi        udi.UDI
	udiErr     error
	byCode     *Device
	byDI       *Device
	pharmacist []Practice
	pharmacy   PharmacyRef // resolved: the one given, or the pharmacist's own
	titular    bool        // of that pharmacy, on the day
}

// day of the facts about a line: the delivery where it is known, else the operation.
func (n NotifiedImplant) pharmacyDay(operation ident.Date) ident.Date {
	if n.DeliveryDate.IsZero() {
		return operation
	}
	return n.DeliveryDate
}

// checkOperation holds the rules that implantations and explantations share.
func checkOperation(f *findings, root string, day ident.Date, patient ident.SSIN, specialist ProfessionalRef, facts operationFacts) {
	at := root + "/OperationDate"
	birth := facts.patient.BirthDate
	if birth.IsZero() {
		birth, _ = patient.BirthDate()
	}
	switch {
	case day.IsZero():
		if !f.defective(at) {
			f.refuse(problem.DateInvalid, at)
		}
	case day.After(facts.today):
		f.refuse(problem.OperationInFuture, at)
	case day.Year() < firstYear:
		f.refuse(problem.OperationTooOld, at)
	default:
		if day.AddDays(lateAfterDays).Before(facts.today) {
			f.warn(problem.WarnLate, at)
		}
	}
	if !birth.IsZero() && !day.IsZero() && day.Before(birth) {
		f.refuse(problem.OperationBeforeBirth, at)
	}
	checkDoctor(f, root+"/Specialist", specialist, facts.specialist, day, problem.SpecialistUnknown, problem.SpecialistUnqualified)
}

// checkDoctor asks for a physician or dentist on a day.
func checkDoctor(f *findings, at string, who ProfessionalRef, practices []Practice, day ident.Date, unknown, unqualified problem.Code) {
	switch {
	case who.IsZero() || day.IsZero():
	case len(practices) == 0:
		f.refuse(unknown, at)
	case !practisesOn(practices, day, Physician, Dentist):
		f.refuse(unqualified, at)
	}
}

// checkImplantation holds the rules of an implantation.
func checkImplantation(f *findings, n *Implantation, facts operationFacts, lines []lineFacts) {
	const root = "Implantation"
	checkOperation(f, root, n.OperationDate, n.Patient, n.Specialist, facts)
	checkDoctor(f, root+"/Prescriber", n.Prescriber, facts.prescriber, n.PrescriptionDate, problem.PrescriberUnknown, problem.PrescriberUnqualified)
	if !n.OperationDate.IsZero() && n.PrescriptionDate.After(n.OperationDate) {
		f.refuse(problem.PrescriptionAfter, root+"/PrescriptionDate")
	}
	for i := range n.Implants {
		at := fmt.Sprintf("%s/Implant[%d]", root, i+1)
		checkIdentified(f, at, &n.Implants[i], n.OperationDate)
		expiryAt := at + "/ExpiryDate"
		if n.Implants[i].Expiry.IsZero() {
			expiryAt = at + "/UDI" // from which checkLine takes it
		}
		checkLine(f, at, &n.Implants[i], n.OperationDate, lines[i])
		checkDevice(f, at, &n.Implants[i], n.OperationDate, lines[i])
		if expiry := n.Implants[i].Expiry; !expiry.IsZero() && expiry.Before(n.OperationDate) {
			f.warn(problem.WarnExpired, expiryAt)
		}
	}
}

// checkIdentified asks for the code or the UDI, and for the code before the day from which a UDI suffices.
func checkIdentified(f *findings, at string, n *NotifiedImplant, day ident.Date) {
	switch {
	case !n.Code.IsZero() || f.defective(at+"/NotificationCode"):
	case n.UDI == "":
		f.refuse(problem.ImplantUnidentified, at)
	case !day.IsZero() && day.String() < udiSuffices:
		f.refuse(problem.CodeRequired, at+"/NotificationCode")
	}
}

// checkLine holds the rules of any notified implant. It completes lot, serial number and expiry from the UDI.
func checkLine(f *findings, at string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	if n.Quantity < 1 || n.Quantity > 99 {
		f.refuse(problem.QuantityOutOfRange, at+"/Quantity")
	}
	if !n.Code.IsZero() && facts.byCode == nil {
		f.refuse(problem.CodeUnknown, at+"/NotificationCode")
	}
	if !day.IsZero() && n.DeliveryDate.After(day) {
		f.refuse(problem.DeliveryAfter, at+"/DeliveryDate")
	}
	checkUDI(f, at, n, facts)
	checkPharmacist(f, at, n, day, facts)
}

// checkUDI compares the UDI with what the caller gave beside it and takes from it what he did not give.
func checkUDI(f *findings, at string, n *NotifiedImplant, facts lineFacts) {
	if n.UDI == "" {
		return
	}
	if facts.udiErr != nil {
		f.warn(problem.From(facts.udiErr).Code, at+"/UDI")
		return
	}
	if facts.byDI != nil && !n.Code.IsZero() && facts.byDI.Code != n.Code {
		f.warn(problem.WarnUDIOtherCode, at+"/UDI")
	}
	u := facts.udi
	switch {
	case n.Lot == "":
		n.Lot = u.Lot
	case u.Lot != "" && u.Lot != n.Lot:
		f.refuse(problem.LotContradictsUDI, at+"/LotNumber")
	}
	switch {
	case n.Serial == "":
		n.Serial = u.Serial
	case u.Serial != "" && u.Serial != n.Serial:
		f.refuse(problem.SerialContradictsUDI, at+"/SerialNumber")
	}
	switch {
	case n.Expiry.IsZero():
		n.Expiry = u.Expiry
	case !u.Expiry.IsZero() && u.Expiry != n.Expiry:
		f.refuse(problem.ExpiryContradictsUDI, at+"/ExpiryDate")
	}
}

// checkPharmacist asks for a pharmacist, titular of the pharmacy, on the day.
func checkPharmacist(f *findings, at string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	at += "/Pharmacist"
	switch {
	case n.Pharmacist.IsZero():
	case len(facts.pharmacist) == 0:
		f.refuse(problem.PharmacistUnknown, at)
	case !practisesOn(facts.pharmacist, n.pharmacyDay(day), Pharmacist):
		f.refuse(problem.PharmacistUnqualified, at)
	case !facts.titular:
		f.refuse(problem.PharmacistNotTitular, at)
	}
}

// checkDevice warns about the standing of what is placed.
func checkDevice(f *findings, at string, n *NotifiedImplant, day ident.Date, facts lineFacts) {
	device := facts.byCode
	if device == nil && n.Code.IsZero() {
		device = facts.byDI
	}
	if device != nil {
		switch device.Status {
		case DeviceDeleted:
			if device.DeletedOn.IsZero() || !device.DeletedOn.After(day) {
				f.warn(problem.WarnDeviceDeleted, at)
			}
		case DeviceRecalled:
			if device.RecalledOn.IsZero() || !device.RecalledOn.After(day) {
				f.warn(problem.WarnDeviceRecalled, at)
			}
		case DeviceActive:
		}
	}
}

// explantFacts is what the register says about one removal.
type explantFacts struct {
	implant *Implant // nil when this patient has no such implant
	line    lineFacts
}

// checkExplantation holds the rules of an explantation and decides what each removal takes away and leaves. Several
// removals of one implant add up.
func checkExplantation(f *findings, n *Explantation, facts operationFacts, removals []explantFacts) []Removal {
	const root = "Explantation"
	checkOperation(f, root, n.OperationDate, n.Patient, n.Specialist, facts)
	taken := map[string]int{}
	decided := make([]Removal, len(n.Explants))
	for i := range n.Explants {
		x := &n.Explants[i]
		at := fmt.Sprintf("%s/Explant[%d]", root, i+1)
		if x.Quantity < 0 || x.Quantity > 99 {
			f.refuse(problem.QuantityOutOfRange, at+"/Quantity")
			continue
		}
		if x.Unregistered != nil {
			checkLine(f, at+"/Unregistered", x.Unregistered, n.OperationDate, removals[i].line)
			decided[i] = takeAway(f, at, x, x.Unregistered.Quantity)
			continue
		}
		implant := removals[i].implant
		if implant == nil {
			f.refuse(problem.ImplantNotOfPatient, at+"/ImplantId")
			continue
		}
		if !n.OperationDate.IsZero() && n.OperationDate.Before(implant.OperationDate) {
			f.refuse(problem.ExplantBeforeImplant, root+"/OperationDate", at)
		}
		decided[i] = takeAway(f, at, x, implant.Remaining-taken[implant.ID])
		taken[implant.ID] += decided[i].Quantity
	}
	return decided
}

// takeAway decides one removal from what is left.
func takeAway(f *findings, at string, x *Explant, left int) Removal {
	quantity := x.Quantity
	if quantity == 0 {
		quantity = left
	} else {
		at += "/Quantity"
	}
	if quantity > left || quantity == 0 {
		f.refuse(problem.ExplantExceedsRemaining, at, fmt.Sprintf("%d > %d", max(quantity, 1), left))
		return Removal{}
	}
	return Removal{ImplantID: x.ImplantID, Quantity: quantity, Reason: x.Reason, Remaining: left - quantity}
}

// checkRemoved holds the rules of an implantation that replaces another version of itself: what was removed since (see
// removedSince) was placed, in this patient, before.
func checkRemoved(f *findings, removed map[string]ident.Date, previous, next *Notification) {
	for i := range previous.Implants {
		id := previous.Implants[i].ID
		since, there := removed[id]
		switch {
		case !there:
		case next.Patient != previous.Patient || !slices.ContainsFunc(next.Implants, func(n Implant) bool { return n.ID == id }):
			f.refuse(problem.ImplantRemovedSince, "Implantation", id)
		case since.Before(next.OperationDate):
			f.refuse(problem.ExplantBeforeImplant, "Implantation/OperationDate", id)
		}
	}
}

// checkWithdrawal holds the rules of taking back a final notification.
func checkWithdrawal(f *findings, n *Notification, reason string, removed map[string]ident.Date) {
	if strings.TrimSpace(reason) == "" {
		f.refuse(problem.ReasonRequired, "Reason")
	}
	for i := range n.Implants {
		if _, there := removed[n.Implants[i].ID]; there {
			f.refuse(problem.ImplantRemovedSince, "Of", n.Implants[i].ID)
		}
	}
}
