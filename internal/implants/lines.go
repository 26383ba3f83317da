package implants

import (
	"cmp"
	"slices"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// implantationPlan is the content of an implantation and the facts about its lines.
type implantationPlan struct {
	Implantation
	lines []lineFacts
}

func (p *implantationPlan) commonFields() commonFields {
	return commonFields{
		surgeryType:      TypeImplantation,
		specialist:       p.Specialist,
		surgeryDate:      p.SurgeryDate,
		patient:          p.Patient,
		prescriber:       p.Prescriber,
		prescriptionDate: p.PrescriptionDate,
		comment:          p.Comment,
	}
}

func (p *implantationPlan) loadFacts(s Reader) error {
	p.lines = make([]lineFacts, len(p.Implants))
	for i := range p.Implants {
		var err error
		if p.lines[i], err = loadLineFacts(s, &p.Implants[i], p.SurgeryDate); err != nil {
			return err
		}
	}
	return nil
}

// decideLines gives a line that is identical to one of the previous version its ID. A line from which something was
// removed since then must stay.
func (p *implantationPlan) decideLines(
	w Writer, r *Registrar, sub *submission, results *platform.RuleResults, next *Notification,
) error {
	checkImplantation(results, &p.Implantation, sub.facts, p.lines)
	former := sub.previousLines()
	for i := range p.Implants {
		implant := newImplant(&p.Implants[i], p.lines[i], next)
		if id, ok := former.reuseLineID(&implant); ok {
			implant.ID = id
		} else {
			implant.ID = r.newID()
			placed, err := isSerialInUse(w, implant, next.Implants, sub.previous)
			if err != nil {
				return err
			}
			if placed {
				results.AddWarning(WarnSerialPlaced, implantationPath.Item("Implants", i))
			}
		}
		next.Implants = append(next.Implants, implant)
	}
	if sub.previous == nil || sub.previous.State != Final {
		return nil
	}
	removed, err := loadFirstRemovals(w, sub.previous)
	checkRemovedLines(results, removed, sub.previous, next)
	return err
}

// loadFirstRemovals returns, for each line of an implantation with removals, the date of the first one.
func loadFirstRemovals(s Reader, n *Notification) (map[string]ident.Date, error) {
	days := map[string]ident.Date{}
	for i := range n.Implants {
		removals, err := s.RemovalsByImplant(n.Implants[i].ID)
		if err != nil {
			return nil, err
		}
		if len(removals) > 0 {
			days[n.Implants[i].ID] = removals[0].SurgeryDate
		}
	}
	return days, nil
}

// lockKeys returns the serial numbers.
func (p *implantationPlan) lockKeys() []string {
	var keys []string
	for i, n := range p.Implants {
		if serial := n.withUDIValues(p.lines[i].udi).Serial; serial != "" {
			keys = append(keys, "serial "+serial)
		}
	}
	return keys
}

// explantationPlan is the content of an explantation and the facts about its lines.
type explantationPlan struct {
	Explantation
	lines []lineFacts
}

func (p *explantationPlan) commonFields() commonFields {
	return commonFields{
		surgeryType: TypeExplantation,
		specialist:  p.Specialist,
		surgeryDate: p.SurgeryDate,
		patient:     p.Patient,
		comment:     p.Comment,
	}
}

func (p *explantationPlan) loadFacts(s Reader) error {
	p.lines = make([]lineFacts, len(p.Explants))
	for i, x := range p.Explants {
		if x.Unregistered == nil {
			continue
		}
		var err error
		if p.lines[i], err = loadLineFacts(s, x.Unregistered, p.SurgeryDate); err != nil {
			return err
		}
	}
	return nil
}

func (*explantationPlan) lockKeys() []string { return nil }

func (p *explantationPlan) decideLines(
	w Writer, r *Registrar, sub *submission, results *platform.RuleResults, next *Notification,
) error {
	removals := make([]removalFacts, len(p.Explants))
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
			implant.Remaining += sub.removedBefore(implant.ID)
			removals[i].implant = &implant
		}
	}
	decided := checkExplantation(results, &p.Explantation, sub.facts, removals)
	former := sub.previousLines()
	for i, x := range p.Explants {
		if x.Unregistered != nil {
			implant := newImplant(x.Unregistered, p.lines[i], next)
			implant.Unregistered = true
			if id, ok := former.reuseLineID(&implant); ok {
				implant.ID = id
			} else {
				implant.ID = r.newID()
			}
			decided[i].ImplantID = implant.ID
			next.Implants = append(next.Implants, implant)
		}
		if next.State != Final { // quantities are decided when the notification becomes final
			decided[i] = Removal{ImplantID: cmp.Or(decided[i].ImplantID, x.ImplantID), Quantity: x.Quantity, Reason: x.Reason}
		}
	}
	next.Removals = decided
	return nil
}

// loadLineFacts loads the device list's and the authentic sources' data about one line.
func loadLineFacts(s Reader, n *NotifiedImplant, day ident.Date) (lineFacts, error) {
	facts := parseUDI(n)
	var err error
	if facts.udi.DI != "" {
		if facts.deviceByDI, err = deviceOrNil(s.DeviceByDI(facts.udi.DI)); err != nil {
			return facts, err
		}
	}
	if !n.Code.IsZero() {
		if facts.deviceByCode, err = deviceOrNil(s.DeviceByCode(n.Code)); err != nil {
			return facts, err
		}
	}
	if n.Pharmacist.IsZero() {
		return facts, nil
	}
	if facts.pharmacistPractices, err = s.Practices(n.Pharmacist); err != nil || len(facts.pharmacistPractices) == 0 {
		return facts, err
	}
	err = loadPharmacyFacts(s, n, day, &facts)
	return facts, err
}

// loadPharmacyFacts finds out whether the pharmacist was titular of the pharmacy on the day or, when no pharmacy is
// named, of any pharmacy.
func loadPharmacyFacts(s Reader, n *NotifiedImplant, day ident.Date, facts *lineFacts) error {
	var pharmacy platform.Organisation
	if !n.Pharmacy.IsZero() {
		var ok bool
		var err error
		if pharmacy, ok, err = s.Organisation(n.Pharmacy); err != nil || !ok {
			return err
		}
	}
	affiliations, err := s.Affiliations(pharmacy.NIHII, facts.pharmacistPractices[0].SSIN)
	if err != nil {
		return err
	}
	for _, a := range affiliations {
		if a.Role == platform.RoleTitularPharmacist && a.Contains(n.pharmacyDay(day)) {
			facts.isTitular = true
			facts.pharmacy = platform.OrganisationRef{NIHII: a.Organisation}
		}
	}
	return nil
}

// deviceOrNil returns a found device as a pointer, and nil otherwise.
func deviceOrNil(d Device, ok bool, err error) (*Device, error) {
	if err != nil || !ok {
		return nil, err
	}
	return &d, nil
}

// newImplant makes the registered line of a notified implant, without its ID. It completes the line from its UDI, the
// device list and the authentic sources.
func newImplant(n *NotifiedImplant, facts lineFacts, next *Notification) Implant {
	implant := Implant{NotifiedImplant: n.withUDIValues(facts.udi), UDIDI: facts.udi.DI, Patient: next.Patient,
		SurgeryDate: next.SurgeryDate, Remaining: n.Quantity, Device: facts.deviceByCode}
	if implant.Device == nil && n.Code.IsZero() && facts.deviceByDI != nil {
		implant.Device = facts.deviceByDI
		implant.Code = facts.deviceByDI.Code
	}
	if !n.Pharmacist.IsZero() {
		implant.Pharmacist = withPractice(n.Pharmacist, facts.pharmacistPractices, n.pharmacyDay(next.SurgeryDate))
		if n.Pharmacy.IsZero() {
			implant.Pharmacy = facts.pharmacy
		}
	}
	return implant
}

// isSerialInUse reports whether the serial number is already implanted in a patient, or occurs on an earlier line of
// the message. A serial number of the previous version was checked at that time.
func isSerialInUse(w Reader, implant Implant, earlier []Implant, previous *Notification) (bool, error) {
	isSame := func(other Implant) bool {
		return other.Serial == implant.Serial &&
			(other.Code == implant.Code && !other.Code.IsZero() || other.UDIDI == implant.UDIDI && other.UDIDI != "")
	}
	switch {
	case implant.Serial == "":
		return false, nil
	case slices.ContainsFunc(earlier, isSame):
		return true, nil
	case previous != nil && previous.State == Final && slices.ContainsFunc(previous.Implants, isSame):
		return false, nil
	}
	return w.IsSerialImplanted(implant.Serial, implant.Code, implant.UDIDI)
}
