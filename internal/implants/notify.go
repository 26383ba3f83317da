package implants

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// submission is one attempt to store a version of a notification.
type submission struct {
	caller          platform.Caller
	options         SubmissionOptions
	plan            contentPlan
	previous        *Notification            // the version to replace; nil for a new notification
	expectedVersion int                      // the version that the caller has read
	contentDigest   [32]byte                 // of the submitted content; compared when InputReference is repeated
	specialist      platform.ProfessionalRef // resolved
	prescriber      platform.ProfessionalRef // resolved
	facts           surgeryFacts
	delegation      authorization.Delegation
	hasCareRelation bool // a care relation of the source exists on the surgery date; loaded only where it is required
}

// contentPlan is the content of a notification, which never changes, and the facts about it: an implantationPlan or an
// explantationPlan.
type contentPlan interface {
	commonFields() commonFields
	ContentDigest(save State) [32]byte
	// loadFacts loads the device list's and the authentic sources' data about each line.
	loadFacts(s Reader) error
	// decideLines applies the rules, and makes the lines to store.
	decideLines(w Writer, r *Registrar, sub *submission, results *platform.RuleResults, next *Notification) error
	// lockKeys names what concurrent submissions must not decide at the same time.
	lockKeys() []string
}

// commonFields are the fields that implantations and explantations share.
type commonFields struct {
	surgeryType      SurgeryType
	specialist       platform.ProfessionalRef
	surgeryDate      ident.Date
	patient          ident.SSIN
	prescriber       platform.ProfessionalRef
	prescriptionDate ident.Date
	comment          string
}

// NotifyImplant stores an implantation in the state that the options select. The result is durable when NotifyImplant
// returns without error.
//
// Refusals: Forbidden (authorisation), RuleViolated (all violations, each with its path), Conflict (InputReference
// with different content), Unauthenticated (replayed message). All of them are recorded in the audit log. The
// violations of a draft become warnings.
func (r *Registrar) NotifyImplant(
	ctx context.Context, c platform.Caller, s SubmissionOptions, n Implantation,
) (Receipt, error) {
	return r.submitNotification(ctx, &submission{caller: c, options: s, plan: &implantationPlan{Implantation: n}})
}

// NotifyExplant stores an explantation, in the same way as NotifyImplant stores an implantation.
func (r *Registrar) NotifyExplant(
	ctx context.Context, c platform.Caller, s SubmissionOptions, n Explantation,
) (Receipt, error) {
	return r.submitNotification(ctx, &submission{caller: c, options: s, plan: &explantationPlan{Explantation: n}})
}

// submitNotification loads the facts and submits the version.
func (r *Registrar) submitNotification(ctx context.Context, sub *submission) (Receipt, error) {
	sub.options.Save = cmp.Or(sub.options.Save, Final)
	sub.contentDigest = sub.plan.ContentDigest(sub.options.Save)
	err := r.runner.Store.RunReadTx(ctx, func(s Reader) error {
		if err := r.loadSurgeryFacts(s, sub); err != nil {
			return err
		}
		return sub.plan.loadFacts(s)
	})
	if err != nil {
		return Receipt{}, err
	}
	return r.submitVersion(ctx, sub)
}

// loadSurgeryFacts loads the authentic sources' data about a surgery.
func (r *Registrar) loadSurgeryFacts(s Reader, sub *submission) error {
	fields := sub.plan.commonFields()
	sub.specialist, sub.prescriber = fields.specialist, fields.prescriber
	sub.facts.today = r.runner.Today()
	var err error
	if sub.facts.patient, _, err = s.Person(fields.patient); err != nil {
		return err
	}
	if sub.facts.specialistPractices, err = s.Practices(sub.specialist); err != nil {
		return err
	}
	sub.specialist = withPractice(sub.specialist, sub.facts.specialistPractices, fields.surgeryDate)
	if !sub.prescriber.IsZero() {
		if sub.facts.prescriberPractices, err = s.Practices(sub.prescriber); err != nil {
			return err
		}
		sub.prescriber = withPractice(sub.prescriber, sub.facts.prescriberPractices, fields.prescriptionDate)
	}
	if sub.options.Save != Final && sub.specialist.SSIN != sub.caller.Person() {
		sub.delegation, err = access.LoadDelegation(s, sub.caller, sub.specialist.SSIN, fields.surgeryDate, sub.facts.today)
		return err
	}
	if !r.requireCareRelation {
		return nil
	}
	links, err := s.TherapeuticLinks(fields.patient, sub.specialist.SSIN)
	if err != nil {
		return err
	}
	sub.hasCareRelation = slices.ContainsFunc(
		links, func(l platform.TherapeuticLink) bool { return l.Contains(fields.surgeryDate) },
	)
	return nil
}

// withPractice completes a reference with both numbers of the practice on a day.
func withPractice(p platform.ProfessionalRef, practices []platform.Practice, day ident.Date) platform.ProfessionalRef {
	for _, practice := range practices {
		if practice.Contains(day) || p.SSIN.IsZero() {
			p = platform.ProfessionalRef{SSIN: practice.SSIN, NIHII: practice.NIHII}
		}
	}
	return p
}

// submitVersion ends every submission in one transaction: consume the replay key, answer a repeated InputReference,
// decide, number, store and record. A refusal is recorded too; nothing else is stored then.
func (r *Registrar) submitVersion(ctx context.Context, sub *submission) (Receipt, error) {
	fields := sub.plan.commonFields()
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Patient: fields.patient}
	if sub.previous != nil {
		// set early, so that a refusal has them too
		event.Number, event.OtherPerson = sub.previous.Number, sub.previous.Patient
	}
	if sub.caller.HasPracticeOn(fields.surgeryDate) {
		event.Capacity = sub.caller.CapacityOn(fields.surgeryDate)
	}
	return r.storeVersion(ctx, sub.caller, event, func(w Writer, e *platform.AuditEvent) (Receipt, error) {
		return r.decideVersion(w, sub, e)
	})
}

// storeVersion runs act in a transaction (see [platform.InTransaction]) and puts the notification's number into the
// audit event.
func (r *Registrar) storeVersion(
	ctx context.Context, c platform.Caller, initial platform.AuditEvent,
	act func(Writer, *platform.AuditEvent) (Receipt, error),
) (Receipt, error) {
	return platform.InTransaction(ctx, r.runner, c, initial, func(w Writer, e *platform.AuditEvent) (Receipt, error) {
		receipt, err := act(w, e)
		if err == nil && !receipt.Number.IsZero() {
			e.Number = receipt.Number
		}
		e.Stored = receipt.stored
		return receipt, err
	})
}

// reportMalformedSpecialist reports the malformed specialist number instead of MAY_NOT_PREPARE: without the number,
// the specialist is unknown. This reveals nothing about registered data.
func reportMalformedSpecialist(sub *submission, refusal error) error {
	if sub.specialist.IsZero() && problem.From(refusal).Code == authorization.MayNotPrepare {
		if defects := problem.List(platform.RulesViolated, sub.options.Defects); defects != nil {
			return defects
		}
	}
	return refusal
}

// decideVersion authorises the request, applies the rules, and stores the version. It writes nothing before all
// decisions are made.
func (r *Registrar) decideVersion(w Writer, sub *submission, event *platform.AuditEvent) (Receipt, error) {
	fields := sub.plan.commonFields()
	save := sub.options.Save
	var err error
	event.Reason, err = authorization.MayNotify(sub.caller, authorization.Submission{
		Preparation: authorization.Preparation{
			Specialist: sub.specialist.SSIN, SurgeryDate: fields.surgeryDate, Delegation: sub.delegation,
		},
		IsFinal: save == Final, SpecialistPractices: sub.facts.specialistPractices,
		IsDateImplausible: isBeforeRegister(fields.surgeryDate), Today: sub.facts.today,
		RequireCareRelation: r.requireCareRelation, HasCareRelation: sub.hasCareRelation,
	})
	if err != nil {
		return Receipt{}, reportMalformedSpecialist(sub, err)
	}
	m := sub.caller.Message()
	keys := append(sub.plan.lockKeys(), "patient "+fields.patient.Digits())
	if sub.options.InputReference != "" {
		keys = append(keys, "input "+m.Signer.String()+"\x00"+sub.options.InputReference)
	}
	if err = w.Lock(append(keys, sub.previousLockKeys()...)...); err != nil {
		return Receipt{}, err
	}
	repeated, found, err := findRepeated(w, sub)
	if err != nil {
		return Receipt{}, err
	}
	if found {
		if repeated.ContentDigest != sub.contentDigest {
			return Receipt{}, problem.New(InputReferenceConflict).WithPath("InputReference")
		}
		event.Reason = "repeated InputReference"
		return newReceipt(w, repeated)
	}
	next := r.newVersion(sub.caller.Message(), sub.previous)
	next.State, next.Type, next.Specialist = save, fields.surgeryType, sub.specialist
	next.SurgeryDate, next.Patient = fields.surgeryDate, fields.patient
	next.Prescriber, next.PrescriptionDate, next.Comment = sub.prescriber, fields.prescriptionDate, fields.comment
	next.Organisation, next.Author = sub.caller.Organisation(), sub.caller.Person()
	next.InputReference, next.ContentDigest = sub.options.InputReference, sub.contentDigest
	next.Change = changeFor(save, sub.previous)
	if sub.previous != nil {
		if err = checkVersion(w, sub.previous, sub.expectedVersion); err != nil {
			return Receipt{}, err
		}
	}
	results := platform.NewRuleResults(sub.options.Defects)
	if err = sub.plan.decideLines(w, r, sub, &results, &next); err != nil {
		return Receipt{}, err
	}
	if save == Draft {
		results.DowngradeToWarnings(QuantityOutOfRange, ImplantNotOfPatient)
	}
	if err = results.ToError(); err != nil {
		return Receipt{}, err
	}
	next.Warnings = results.Warnings()
	return r.numberAndStore(w, &next, m)
}

// newVersion begins the version after previous, or version 1 when previous is nil.
func (r *Registrar) newVersion(m platform.SignedMessage, previous *Notification) Notification {
	next := Notification{
		Version:      1,
		RegisteredAt: r.runner.Now().UTC().Truncate(time.Microsecond),
		Digest:       m.Digest,
		Signer:       m.Signer.String(),
	}
	if previous == nil {
		next.Reference = r.newID()
		return next
	}
	next.Reference, next.Version, next.Number = previous.Reference, previous.Version+1, previous.Number
	return next
}

// numberAndStore assigns a number to a notification that becomes final, and stores the version with its effects.
func (r *Registrar) numberAndStore(w Writer, next *Notification, m platform.SignedMessage) (Receipt, error) {
	if next.State == Final && next.Number.IsZero() {
		day := r.runner.DateOf(next.RegisteredAt)
		sequence, err := w.NextSequenceNumber(day)
		if err != nil {
			return Receipt{}, err
		}
		if next.Number, err = ident.NewNotificationNumber(day, sequence); err != nil {
			return Receipt{}, err
		}
	}
	for i := range next.Implants {
		next.Implants[i].Number = next.Number
	}
	stored, err := storeWithEvidence(w, next, m)
	if err != nil {
		return Receipt{}, err
	}
	receipt, err := newReceipt(w, *next)
	receipt.stored = stored
	return receipt, err
}

// storeWithEvidence stores a version together with the signed message that made it.
func storeWithEvidence(w Writer, version *Notification, m platform.SignedMessage) (platform.StoredDigests, error) {
	if err := w.AppendVersion(*version); err != nil {
		return platform.StoredDigests{}, err
	}
	evidence := Evidence{Reference: version.Reference, Version: version.Version, AcceptedAt: version.RegisteredAt}
	if len(m.Envelope) > 0 {
		evidence.Message, evidence.Certificate = m.Envelope, m.Certificate
		if err := w.AppendEvidence(evidence); err != nil {
			return platform.StoredDigests{}, err
		}
	}
	digest, err := w.StoredDigest(evidence)
	return platform.StoredDigests{Body: version.Digest, Version: digest}, err
}

// findRepeated returns the notification that the same signer already submitted under the same InputReference.
func findRepeated(w Writer, sub *submission) (Notification, bool, error) {
	if sub.options.InputReference == "" || len(sub.options.Defects) > 0 {
		return Notification{}, false, nil
	}
	return w.NotificationByInputReference(sub.caller.Message().Signer.String(), sub.options.InputReference)
}

// newReceipt returns the receipt of a notification, with the affected implants. A removed implant has the quantity
// that remained after that removal.
func newReceipt(reader Reader, n Notification) (Receipt, error) {
	receipt := Receipt{Notification: n}
	if n.Type == TypeImplantation {
		receipt.AffectedImplants = slices.Clone(n.Implants)
		for i := range receipt.AffectedImplants {
			receipt.AffectedImplants[i].Remaining = receipt.AffectedImplants[i].Quantity
		}
		return receipt, nil
	}
	for _, removal := range n.Removals {
		implant, ok, err := reader.Implant(removal.ImplantID)
		if err != nil {
			return receipt, err
		}
		if !ok {
			return receipt, problem.New(problem.InternalError)
		}
		if n.State == Final {
			implant.Remaining = removal.Remaining
		}
		receipt.AffectedImplants = append(receipt.AffectedImplants, implant)
	}
	return receipt, nil
}
