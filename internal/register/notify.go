package register

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/register/udi"
)

// operation is what both kinds of notification share while they are decided.
type operation struct {
	caller     Caller
	submission Submission
	kind       OperationType
	day        ident.Date
	patient    ident.SSIN
	content    [32]byte
	specialist ProfessionalRef // resolved
	prescriber ProfessionalRef // resolved
	facts      operationFacts
	linked     bool // a therapeutic relation exists on the day; looked up where one is required
}

// NotifyImplant registers an implantation. It is durable when NotifyImplant returns without an error.
//
// Refusals: Forbidden (who may), RuleViolated (every broken rule, each with its path), Conflict (InputReference with
// other content), Unauthenticated (the message was used before). Every one is recorded.
func (r *Registrar) NotifyImplant(ctx context.Context, c Caller, s Submission, n Implantation) (Receipt, error) {
	o := operation{caller: c, submission: s, kind: TypeImplantation, day: n.OperationDate, patient: n.Patient,
		content: n.digest(), specialist: n.Specialist, prescriber: n.Prescriber}
	n.Implants = slices.Clone(n.Implants) // completed below, the caller's stay as they are
	var lines []lineFacts
	err := r.store.Read(ctx, func(s Reader) error {
		if err := r.lookUp(s, &o, n.PrescriptionDate); err != nil {
			return err
		}
		lines = make([]lineFacts, len(n.Implants))
		for i := range n.Implants {
			var err error
			if lines[i], err = lookUpLine(s, &n.Implants[i], n.OperationDate); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Receipt{}, err
	}
	f := findings{defects: s.Defects}
	checkImplantation(&f, &n, o.facts, lines)

	return r.keep(ctx, &o, func(w Writer, kept *Notification) error {
		if err := f.err(); err != nil {
			return err
		}
		kept.Warnings = slices.Clone(f.warned)
		for i := range n.Implants {
			implant := r.implant(&n.Implants[i], lines[i], kept)
			placed, err := serialPlaced(w, implant, kept.Implants)
			if err != nil {
				return err
			}
			if placed {
				at := fmt.Sprintf("Implantation/Implant[%d]", i+1)
				kept.Warnings = append(kept.Warnings, Warning{Code: problem.WarnSerialPlaced, At: at})
			}
			kept.Implants = append(kept.Implants, implant)
		}
		kept.PrescriptionDate, kept.Comment = n.PrescriptionDate, n.Comment
		return nil
	}, serialKeys(n.Implants)...)
}

// NotifyExplant registers an explantation. Refusals are those of NotifyImplant.
func (r *Registrar) NotifyExplant(ctx context.Context, c Caller, s Submission, n Explantation) (Receipt, error) {
	o := operation{caller: c, submission: s, kind: TypeExplantation, day: n.OperationDate, patient: n.Patient,
		content: n.digest(), specialist: n.Specialist}
	n.Explants = slices.Clone(n.Explants)
	lines := make([]lineFacts, len(n.Explants))
	err := r.store.Read(ctx, func(s Reader) error {
		if err := r.lookUp(s, &o, ident.Date{}); err != nil {
			return err
		}
		for i := range n.Explants {
			if n.Explants[i].Unregistered == nil {
				continue
			}
			declared := *n.Explants[i].Unregistered
			n.Explants[i].Unregistered = &declared
			var err error
			if lines[i], err = lookUpLine(s, &declared, n.OperationDate); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Receipt{}, err
	}

	// What remains of an implant is known for sure only inside the transaction that takes it away.
	return r.keep(ctx, &o, func(w Writer, kept *Notification) error {
		removals := make([]explantFacts, len(n.Explants))
		for i, x := range n.Explants {
			removals[i].line = lines[i]
			if x.Unregistered != nil {
				continue
			}
			implant, found, err := w.Implant(x.ImplantID)
			if err != nil {
				return err
			}
			if found && implant.Patient == n.Patient {
				removals[i].implant = &implant
			}
		}
		f := findings{defects: s.Defects}
		decided := checkExplantation(&f, &n, o.facts, removals)
		if err := f.err(); err != nil {
			return err
		}
		for i := range n.Explants {
			if declared := n.Explants[i].Unregistered; declared != nil {
				implant := r.implant(declared, lines[i], kept)
				implant.Unregistered = true
				decided[i].ImplantID = implant.ID
				kept.Implants = append(kept.Implants, implant)
			}
		}
		kept.Removals, kept.Warnings, kept.Comment = decided, f.warned, n.Comment
		return nil
	})
}

// lookUp gathers what the sources say about an operation.
func (r *Registrar) lookUp(s Reader, o *operation, prescribed ident.Date) error {
	o.facts.today = r.day(r.now())
	var err error
	if o.facts.patient, _, err = s.Person(o.patient); err != nil {
		return err
	}
	if o.facts.specialist, err = s.Practices(o.specialist); err != nil {
		return err
	}
	o.specialist = withPractice(o.specialist, o.facts.specialist, o.day)
	if !o.prescriber.IsZero() {
		if o.facts.prescriber, err = s.Practices(o.prescriber); err != nil {
			return err
		}
		o.prescriber = withPractice(o.prescriber, o.facts.prescriber, prescribed)
	}
	if !r.requireLink {
		return nil
	}
	links, err := s.Links(o.patient, o.specialist.SSIN)
	if err != nil {
		return err
	}
	o.linked = slices.ContainsFunc(links, func(l TherapeuticLink) bool { return l.Contains(o.day) })
	return nil
}

// withPractice completes a reference with both numbers of the practice on a day.
func withPractice(p ProfessionalRef, practices []Practice, day ident.Date) ProfessionalRef {
	for _, practice := range practices {
		if practice.Contains(day) || p.SSIN.IsZero() {
			p = ProfessionalRef{SSIN: practice.SSIN, NIHII: practice.NIHII}
		}
	}
	return p
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

// keep runs the end of every notification: spend the message, answer a repeated InputReference, decide, number, store
// and record, all in one transaction. A refusal is recorded too, and nothing else is kept then.
func (r *Registrar) keep(ctx context.Context, o *operation, content func(Writer, *Notification) error, holds ...string) (Receipt, error) {
	var receipt Receipt
	var refusal error
	err := r.store.Write(ctx, func(w Writer) error {
		receipt, refusal = Receipt{}, nil
		event := Event{Outcome: Accepted, Patient: o.patient}
		if practisesOn(o.caller.practices, o.day) {
			event.Capacity = o.caller.capacityOn(o.day)
		}
		err := spend(w, o.caller)
		if err == nil {
			receipt, err = r.decide(w, o, content, &event, holds)
		}
		if err != nil {
			if refusal = asRefusal(err); refusal == nil {
				return err
			}
		}
		event.Number = receipt.Number
		return w.Record(r.event(o.caller, event, refusal))
	})
	if err != nil {
		return Receipt{}, err
	}
	return receipt, refusal
}

// decide authorises and decides, and keeps what was decided. It writes nothing before all is decided: content applies the
// rules and completes what is kept.
func (r *Registrar) decide(w Writer, o *operation, content func(Writer, *Notification) error, event *Event, holds []string) (Receipt, error) {
	var err error
	if event.Reason, err = mayNotify(o.caller, o.specialist, o.facts.specialist, o.day, o.linked, r.requireLink); err != nil {
		return Receipt{}, err
	}
	m := o.caller.message
	holds = append(holds, "patient "+o.patient.Digits())
	if o.submission.InputReference != "" {
		holds = append(holds, "input "+m.Signer.String()+"\x00"+o.submission.InputReference)
	}
	if err = w.Hold(holds...); err != nil {
		return Receipt{}, err
	}
	first, there, err := earlier(w, o)
	if err != nil {
		return Receipt{}, err
	}
	if there {
		if first.ContentDigest != o.content {
			return Receipt{}, problem.New(problem.InputReferenceConflict).In("InputReference")
		}
		event.Reason = "repeated InputReference"
		return touched(w, first)
	}
	kept := Notification{
		Reference: r.newID(), Version: 1, State: Final, Type: o.kind,
		Specialist: o.specialist, OperationDate: o.day, Patient: o.patient, Prescriber: o.prescriber,
		RegisteredAt: r.now().UTC().Truncate(time.Microsecond), Digest: m.Digest,
		Signer: m.Signer.String(), Organisation: o.caller.organisation, Author: o.caller.person,
		InputReference: o.submission.InputReference, ContentDigest: o.content,
	}
	if err = content(w, &kept); err != nil {
		return Receipt{}, err
	}
	return r.register(w, &kept)
}

// register numbers a decided notification and keeps it with its effects.
func (r *Registrar) register(w Writer, kept *Notification) (Receipt, error) {
	day := r.day(kept.RegisteredAt)
	running, err := w.NextRunning(day)
	if err != nil {
		return Receipt{}, err
	}
	if kept.Number, err = ident.NewNotificationNumber(day, running); err != nil {
		return Receipt{}, err
	}
	for i := range kept.Implants {
		kept.Implants[i].Number = kept.Number
	}
	if err = w.Keep(*kept); err != nil {
		return Receipt{}, err
	}
	link := TherapeuticLink{Patient: kept.Patient, Professional: kept.Specialist.SSIN, Type: LinkOperation, Period: Period{From: kept.OperationDate}}
	if err = w.Link(link); err != nil {
		return Receipt{}, err
	}
	return touched(w, *kept)
}

// earlier finds the notification that the same signer sent under the same InputReference.
func earlier(w Writer, o *operation) (Notification, bool, error) {
	if o.submission.InputReference == "" || len(o.submission.Defects) > 0 {
		return Notification{}, false, nil
	}
	return w.Submission(o.caller.message.Signer.String(), o.submission.InputReference)
}

// touched makes the receipt of a notification: what it placed, or what it removed with what remained then.
func touched(w Reader, n Notification) (Receipt, error) {
	receipt := Receipt{Notification: n}
	if n.Type == TypeImplantation {
		receipt.Touched = slices.Clone(n.Implants)
		for i := range receipt.Touched {
			receipt.Touched[i].Remaining = receipt.Touched[i].Quantity
		}
		return receipt, nil
	}
	for _, removal := range n.Removals {
		implant, there, err := w.Implant(removal.ImplantID)
		if err != nil {
			return receipt, err
		}
		if !there {
			return receipt, problem.New(problem.InternalError)
		}
		implant.Remaining = removal.Remaining
		receipt.Touched = append(receipt.Touched, implant)
	}
	return receipt, nil
}

// implant makes the registered line of a notified implant.
func (r *Registrar) implant(n *NotifiedImplant, facts lineFacts, kept *Notification) Implant {
	implant := Implant{ID: r.newID(), NotifiedImplant: *n, Patient: kept.Patient, OperationDate: kept.OperationDate,
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

// serialPlaced reports whether the same serial number is in a patient already, also by an earlier line of the message.
func serialPlaced(w Reader, implant Implant, earlier []Implant) (bool, error) {
	if implant.Serial == "" {
		return false, nil
	}
	for _, e := range earlier {
		if e.Serial == implant.Serial && (e.Code == implant.Code && !e.Code.IsZero() || e.UDIDI == implant.UDIDI && e.UDIDI != "") {
			return true, nil
		}
	}
	return w.SerialInPatient(implant.Serial, implant.Code, implant.UDIDI)
}

// serialKeys are what deciders about the same serial numbers wait for.
func serialKeys(lines []NotifiedImplant) []string {
	var keys []string
	for _, n := range lines {
		if n.Serial != "" {
			keys = append(keys, "serial "+n.Serial)
		}
	}
	return keys
}
