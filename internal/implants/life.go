package implants

import (
	"context"
	"slices"
	"strconv"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// This file holds the changes to a saved notification: revise, validate and discard. Each appends a version; none
// changes or deletes an existing one.

// changeFor returns the kind of change that a version with new content makes.
func changeFor(save State, previous *Notification) Change {
	switch {
	case save == Draft:
		return ChangeSaved
	case save == ToValidate:
		return ChangeSubmitted
	case previous != nil && previous.State == Final:
		return ChangeRevised
	}
	return ChangeNotified
}

// previousLines holds the previous version's lines; an identical new line reuses an old line's ID.
type previousLines []*Implant

func (sub *submission) previousLines() previousLines {
	var lines previousLines
	if sub.previous != nil {
		for i := range sub.previous.Implants {
			lines = append(lines, &sub.previous.Implants[i])
		}
	}
	return lines
}

func (f previousLines) reuseLineID(implant *Implant) (string, bool) {
	for i, line := range f {
		if line != nil && line.NotifiedImplant == implant.NotifiedImplant && line.UDIDI == implant.UDIDI &&
			line.Unregistered == implant.Unregistered {
			f[i] = nil
			return line.ID, true
		}
	}
	return "", false
}

// removedBefore returns how many pieces of an implant the previous final version removed. The new version may remove
// these again.
func (sub *submission) removedBefore(implantID string) int {
	removed := 0
	if sub.previous != nil && sub.previous.State == Final {
		for _, removal := range sub.previous.Removals {
			if removal.ImplantID == implantID {
				removed += removal.Quantity
			}
		}
	}
	return removed
}

func (sub *submission) previousLockKeys() []string {
	if sub.previous == nil {
		return nil
	}
	return []string{"notification " + sub.previous.Reference, "patient " + sub.previous.Patient.Digits()}
}

// ReviseNotification replaces the content of a notification. Lines that do not change keep their IDs; every other line
// is new. A draft may also move to a later state; a final notification stays final and keeps its number.
func (r *Registrar) ReviseNotification(ctx context.Context, c platform.Caller, req ReviseRequest) (Receipt, error) {
	sub := &submission{
		caller:          c,
		expectedVersion: req.Version,
		options:         SubmissionOptions{Save: req.Save, Defects: req.Defects},
	}
	surgeryType := TypeImplantation
	if req.Implantation != nil {
		sub.plan = &implantationPlan{Implantation: *req.Implantation}
	} else {
		surgeryType, sub.plan = TypeExplantation, &explantationPlan{Explantation: *req.Explantation}
	}
	return r.submitReplacement(ctx, sub, req.Notification, func(current *Notification) error {
		switch {
		case current.Type != surgeryType:
			return problem.New(OtherOperationType).WithPath("Content")
		case req.Save == "":
			sub.options.Save = current.State
		case current.State == Final && req.Save != Final:
			return problem.New(AlreadyFinal).WithPath("Save")
		}
		return nil
	})
}

// ValidateNotification makes a prepared notification final; the caller must be its specialist. All rules are checked
// again; the paths of a refusal lie in the stored content, which the caller has not sent with this request.
func (r *Registrar) ValidateNotification(ctx context.Context, c platform.Caller, req ValidateRequest) (Receipt, error) {
	sub := &submission{caller: c, expectedVersion: req.Version, options: SubmissionOptions{Save: Final}}
	return r.submitReplacement(ctx, sub, NotificationRef{Reference: req.Reference}, func(current *Notification) error {
		if current.State == Final {
			return problem.New(AlreadyFinal).WithPath("Reference")
		}
		sub.plan = planFromNotification(current)
		return nil
	})
}

// submitReplacement finds the version that the caller refers to, calls prepare with it, and submits the version that
// follows.
func (r *Registrar) submitReplacement(
	ctx context.Context, sub *submission, ref NotificationRef, prepare func(current *Notification) error,
) (Receipt, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Number: ref.Number}
	var refusal error
	err := r.runner.Store.RunReadTx(ctx, func(s Reader) error {
		var current Notification
		if current, refusal = r.findChangeable(s, sub.caller, ref, &event); refusal != nil {
			return refusal
		}
		sub.previous = &current
		refusal = prepare(&current)
		return refusal
	})
	if err != nil {
		if platform.AsRefusal(err) == nil {
			return Receipt{}, err
		}
		return Receipt{}, r.runner.RecordOutcome(ctx, sub.caller, event, refusal)
	}
	return r.submitNotification(ctx, sub)
}

// findChangeable returns the current version of a notification that the caller may change.
func (r *Registrar) findChangeable(
	s Reader, c platform.Caller, ref NotificationRef, event *platform.AuditEvent,
) (Notification, error) {
	n, err := r.findVisible(s, c, ref, emergency{}, event)
	switch {
	case err != nil:
		return n, err
	case n.State == Withdrawn:
		return n, problem.New(AlreadyWithdrawn).WithPath(notificationPath.String())
	case n.State == Final:
		return n, authorization.MayChangeFinal(c, n.Specialist.SSIN)
	}
	return n, nil
}

// checkVersion returns a refusal when the caller's version is not the current one, or another request has just
// replaced it.
func checkVersion(s Reader, previous *Notification, version int) error {
	latest, ok, err := s.NotificationByReference(previous.Reference)
	switch {
	case err != nil:
		return err
	case !ok:
		return problem.New(authorization.NotificationNotFound).WithPath(notificationPath.String())
	case latest.Version != version || latest.Version != previous.Version:
		return problem.New(
			VersionOutdated, texts.Literal(strconv.Itoa(version)+" < "+strconv.Itoa(latest.Version)),
		).WithPath("Version")
	}
	return nil
}

// DiscardNotification withdraws a notification. A draft disappears from the lists. A final notification needs a
// reason; it stays in the history as withdrawn and no longer counts.
func (r *Registrar) DiscardNotification(ctx context.Context, c platform.Caller, req DiscardRequest) (Receipt, error) {
	initial := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Number: req.Notification.Number}
	return r.storeVersion(ctx, c, initial, func(w Writer, e *platform.AuditEvent) (Receipt, error) {
		if err := problem.List(platform.RulesViolated, req.Defects); err != nil {
			return Receipt{}, err
		}
		previous, err := r.findChangeable(w, c, req.Notification, e)
		if err != nil {
			return Receipt{}, err
		}
		if err = w.Lock("notification "+previous.Reference, "patient "+previous.Patient.Digits()); err != nil {
			return Receipt{}, err
		}
		if err = checkVersion(w, &previous, req.Version); err != nil {
			return Receipt{}, err
		}
		change := ChangeDiscarded
		if previous.State == Final {
			change = ChangeWithdrawn
			if err = r.mayWithdraw(w, c, &previous, req.Reason, e); err != nil {
				return Receipt{}, err
			}
		}
		next := previous // with its lines, so that the history still shows the content
		version := r.newVersion(c.Message(), &previous)
		next.Version, next.RegisteredAt = version.Version, version.RegisteredAt
		next.Digest, next.Signer = version.Digest, version.Signer
		next.Organisation, next.Author = c.Organisation(), c.Person()
		next.State, next.Change, next.ChangeReason, next.InputReference = Withdrawn, change, req.Reason, ""
		stored, err := storeWithEvidence(w, &next, c.Message())
		return Receipt{Notification: next, stored: stored}, err
	})
}

// mayWithdraw decides whether the caller may withdraw a final notification.
func (r *Registrar) mayWithdraw(
	s Reader, c platform.Caller, n *Notification, reason string, e *platform.AuditEvent,
) error {
	practices, err := s.Practices(n.Specialist)
	if err != nil {
		return err
	}
	e.Reason, err = authorization.MayNotify(c, authorization.Submission{
		Preparation: authorization.Preparation{Specialist: n.Specialist.SSIN, SurgeryDate: n.SurgeryDate},
		IsFinal:     true, SpecialistPractices: practices,
		IsDateImplausible: isBeforeRegister(n.SurgeryDate), Today: r.runner.Today(),
	})
	if err != nil {
		return err
	}
	var removed map[string]ident.Date
	if n.Type == TypeImplantation {
		if removed, err = loadFirstRemovals(s, n); err != nil {
			return err
		}
	}
	var results platform.RuleResults
	checkWithdrawal(&results, n, reason, removed)
	return results.ToError()
}

// planFromNotification turns the content of a stored notification back into a plan, so that all rules can be checked
// again.
func planFromNotification(n *Notification) contentPlan {
	if n.Type == TypeImplantation {
		p := Implantation{Specialist: n.Specialist, SurgeryDate: n.SurgeryDate, Patient: n.Patient, Prescriber: n.Prescriber,
			PrescriptionDate: n.PrescriptionDate, Comment: n.Comment}
		for _, i := range n.Implants {
			p.Implants = append(p.Implants, i.NotifiedImplant)
		}
		return &implantationPlan{Implantation: p}
	}
	x := Explantation{Specialist: n.Specialist, SurgeryDate: n.SurgeryDate, Patient: n.Patient, Comment: n.Comment}
	for _, removal := range n.Removals {
		explant := Explant{ImplantID: removal.ImplantID, Quantity: removal.Quantity, Reason: removal.Reason}
		if i := slices.IndexFunc(n.Implants, func(i Implant) bool { return i.ID == removal.ImplantID }); i >= 0 {
			explant.ImplantID, explant.Unregistered = "", &n.Implants[i].NotifiedImplant
		}
		x.Explants = append(x.Explants, explant)
	}
	return &explantationPlan{Explantation: x}
}
