package register

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/register/udi"
)

// placing is the content of an implantation while it is decided.
type placing struct {
	Implantation
	lines []lineFacts
}

// newPlacing takes a copy of the lines, which are completed; the caller's stay as they are.
func newPlacing(n Implantation) *placing {
	n.Implants = slices.Clone(n.Implants)
	return &placing{Implantation: n}
}

func (p *placing) head() heading {
	return heading{kind: TypeImplantation, specialist: p.Specialist, day: p.OperationDate, patient: p.Patient,
		prescriber: p.Prescriber, prescribed: p.PrescriptionDate, comment: p.Comment}
}

func (p *placing) lookUp(s Reader) error {
	p.lines = make([]lineFacts, len(p.Implants))
	for i := range p.Implants {
		var err error
		if p.lines[i], err = lookUpLine(s, &p.Implants[i], p.OperationDate); err != nil {
			return err
		}
	}
	return nil
}

func (p *placing) check(f *findings, facts operationFacts) {
	checkImplantation(f, &p.Implantation, facts, p.lines)
}

// decide completes the lines. Those that a former version had just so keep their ids; what was removed from the others
// since keeps them from going.
func (p *placing) decide(w Writer, r *Registrar, o *operation, f *findings, kept *Notification) error {
	former := o.former()
	for i := range p.Implants {
		implant := completed(&p.Implants[i], p.lines[i], kept)
		if id, there := former.take(&implant); there {
			implant.ID = id
		} else {
			implant.ID = r.newID()
			placed, err := serialPlaced(w, implant, kept.Implants, o.previous)
			if err != nil {
				return err
			}
			if placed {
				f.warn(problem.WarnSerialPlaced, fmt.Sprintf("Implantation/Implant[%d]", i+1))
			}
		}
		kept.Implants = append(kept.Implants, implant)
	}
	if o.previous == nil || o.previous.State != Final {
		return nil
	}
	removed, err := removedSince(w, o.previous)
	checkRemoved(f, removed, o.previous, kept)
	return err
}

// removedSince gives, for each line of an implantation from which something was removed, the first day of that.
func removedSince(s Reader, n *Notification) (map[string]ident.Date, error) {
	days := map[string]ident.Date{}
	for i := range n.Implants {
		removals, err := s.RemovalsOf(n.Implants[i].ID)
		if err != nil {
			return nil, err
		}
		if len(removals) > 0 {
			days[n.Implants[i].ID] = removals[0].OperationDate
		}
	}
	return days, nil
}

// holds are the serial numbers.
func (p *placing) holds() []string {
	var keys []string
	for _, n := range p.Implants {
		if n.Serial != "" {
			keys = append(keys, "serial "+n.Serial)
		}
	}
	return keys
}

// removing is the content of an explantation while it is decided.
type removing struct {
	Explantation
	lines []lineFacts
}

// newRemoving takes a copy of the lines, which are completed; the caller's stay as they are.
func newRemoving(n Explantation) *removing {
	n.Explants = slices.Clone(n.Explants)
	for i, x := range n.Explants {
		if x.Unregistered != nil {
			declared := *x.Unregistered
			n.Explants[i].Unregistered = &declared
		}
	}
	return &removing{Explantation: n}
}

func (p *removing) head() heading {
	return heading{kind: TypeExplantation, specialist: p.Specialist, day: p.OperationDate, patient: p.Patient, comment: p.Comment}
}

func (p *removing) lookUp(s Reader) error {
	p.lines = make([]lineFacts, len(p.Explants))
	for i, x := range p.Explants {
		if x.Unregistered == nil {
			continue
		}
		var err error
		if p.lines[i], err = lookUpLine(s, x.Unregistered, p.OperationDate); err != nil {
			return err
		}
	}
	return nil
}

// check does nothing: what remains of an implant is known for sure only inside the transaction that takes it away.
func (*removing) check(*findings, operationFacts) {}

func (*removing) holds() []string { return nil }

func (p *removing) decide(w Writer, r *Registrar, o *operation, f *findings, kept *Notification) error {
	removals := make([]explantFacts, len(p.Explants))
	for i, x := range p.Explants {
		removals[i].line = p.lines[i]
		if x.Unregistered != nil {
			continue
		}
		implant, found, err := w.Implant(x.ImplantID)
		if err != nil {
			return err
		}
		if found && implant.InForce && !implant.Unregistered && implant.Patient == p.Patient {
			implant.Remaining += o.tookBefore(implant.ID)
			removals[i].implant = &implant
		}
	}
	decided := checkExplantation(f, &p.Explantation, o.facts, removals)
	former := o.former()
	for i, x := range p.Explants {
		if x.Unregistered != nil {
			implant := completed(x.Unregistered, p.lines[i], kept)
			implant.Unregistered = true
			if id, there := former.take(&implant); there {
				implant.ID = id
			} else {
				implant.ID = r.newID()
			}
			decided[i].ImplantID = implant.ID
			kept.Implants = append(kept.Implants, implant)
		}
		if kept.State != Final { // how many and what then remains is decided when it becomes final
			decided[i] = Removal{ImplantID: cmp.Or(decided[i].ImplantID, x.ImplantID), Quantity: x.Quantity, Reason: x.Reason}
		}
	}
	kept.Removals = decided
	return nil
}

// lookUpLine gathers what the sources say about a notified implant.
func lookUpLine(s Reader, n *NotifiedImplant, day ident.Date) (lineFacts, error) {
	var facts lineFacts
	var err error
	if n.UDI != "" {
		if facts.udi, facts.udiErr = udi.Parse(n.UDI); facts.udiErr == nil {
			if facts.byDI, err = found(s.DeviceByDI(facts.udi.DI)); err != nil {
				return facts, err
			}
		}
	}
	if !n.Code.IsZero() {
		if facts.byCode, err = found(s.DeviceByCode(n.Code)); err != nil {
			return facts, err
		}
	}
	if n.Pharmacist.IsZero() {
		return facts, nil
	}
	if facts.pharmacist, err = s.Practices(n.Pharmacist); err != nil || len(facts.pharmacist) == 0 {
		return facts, err
	}
	err = lookUpPharmacy(s, n, day, &facts)
	return facts, err
}

// lookUpPharmacy asks whether the pharmacist was titular of the pharmacy on the day, or, when none is named, of any.
func lookUpPharmacy(s Reader, n *NotifiedImplant, day ident.Date, facts *lineFacts) error {
	var pharmacy Organisation
	if !n.Pharmacy.IsZero() {
		var known bool
		var err error
		if pharmacy, known, err = s.Organisation(n.Pharmacy); err != nil || !known {
			return err
		}
	}
	affiliations, err := s.Affiliations(pharmacy.NIHII, facts.pharmacist[0].SSIN)
	if err != nil {
		return err
	}
	for _, a := range affiliations {
		if a.Role == RoleTitularPharmacist && a.Contains(n.pharmacyDay(day)) {
			facts.titular = true
			facts.pharmacy = PharmacyRef{NIHII: a.Organisation}
		}
	}
	return nil
}

// found turns "there or not" into a pointer.
func found(d Device, there bool, err error) (*Device, error) {
	if err != nil || !there {
		return nil, err
	}
	return &d, nil
}

// completed makes the registered line of a notified implant, without its id.
func completed(n *NotifiedImplant, facts lineFacts, kept *Notification) Implant {
	implant := Implant{NotifiedImplant: *n, Patient: kept.Patient, OperationDate: kept.OperationDate,
		Remaining: n.Quantity, Device: facts.byCode}
	if facts.udiErr == nil {
		implant.UDIDI = facts.udi.DI
	}
	if implant.Device == nil && n.Code.IsZero() && facts.byDI != nil {
		implant.Device = facts.byDI
		implant.Code = facts.byDI.Code
	}
	if !n.Pharmacist.IsZero() {
		implant.Pharmacist = withPractice(n.Pharmacist, facts.pharmacist, n.pharmacyDay(kept.OperationDate))
		if n.Pharmacy.IsZero() {
			implant.Pharmacy = facts.pharmacy
		}
	}
	return implant
}

// serialPlaced reports whether the same serial number is in a patient already, also by an earlier line of the message. One
// that the version before placed was looked at then.
func serialPlaced(w Reader, implant Implant, earlier []Implant, previous *Notification) (bool, error) {
	same := func(e Implant) bool {
		return e.Serial == implant.Serial && (e.Code == implant.Code && !e.Code.IsZero() || e.UDIDI == implant.UDIDI && e.UDIDI != "")
	}
	switch {
	case implant.Serial == "":
		return false, nil
	case slices.ContainsFunc(earlier, same):
		return true, nil
	case previous != nil && previous.State == Final && slices.ContainsFunc(previous.Implants, same):
		return false, nil
	}
	return w.SerialInPatient(implant.Serial, implant.Code, implant.UDIDI)
}
