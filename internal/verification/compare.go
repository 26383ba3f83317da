package verification

import (
	"context"
	"fmt"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// comparison compares a version with its message and with the version before it.
type comparison struct {
	store    Store
	report   *Report
	stored   *implants.StoredVersion
	previous *implants.StoredVersion
	read     readEvidence
	err      error // of the store
}

func (c *comparison) add(table, column, format string, args ...any) {
	c.report.add(Finding{Table: table, Column: column, Reference: c.stored.Notification.Reference,
		Version: c.stored.Notification.Version, Text: fmt.Sprintf(format, args...)})
}

const notWhatWasSigned = "it is not what the signed message says"

// expect adds a finding unless a column is what the message says.
func (c *comparison) expect(table, column string, same bool) {
	if !same {
		c.add(table, column, notWhatWasSigned)
	}
}

// compare verifies the signature of the message again and compares what it says with what is stored.
func (c *comparison) compare(ctx context.Context) error {
	evidence := c.stored.Evidence
	if evidence == nil {
		c.add("evidence", "", "the signed message of the version is missing")
		return nil
	}
	kept := c.read.kept
	if refusal := problem.From(c.read.err); refusal != nil {
		c.add("evidence", "message", "it does not verify: %s", refusal.Code)
		return nil //nolint:nilerr // it is a finding
	}
	n := &c.stored.Notification
	c.expect("notification", "digest", kept.Digest == n.Digest)
	c.expect("notification", "signer", c.isSigner(ctx, kept.Signer.String(), n.Signer))
	if err := c.compareContent(ctx, kept.Body); err != nil {
		c.add("evidence", "message", "it cannot be read")
	}
	return c.err
}

// compareContent compares what the request asked for.
func (c *comparison) compareContent(ctx context.Context, body xmldoc.Element) error {
	n := &c.stored.Notification
	switch operation := strings.TrimSuffix(body.Local(), "Request"); operation {
	case "NotifyImplant":
		m, err := ctr.Decode[ctr.NotifyImplantRequest](body)
		if err != nil {
			return err //nolint:wrapcheck // reported without its text
		}
		options, content := m.ToDomain()
		c.expectFirst(options)
		c.compareImplantation(ctx, &content, options.Save)
	case "NotifyExplant":
		m, err := ctr.Decode[ctr.NotifyExplantRequest](body)
		if err != nil {
			return err //nolint:wrapcheck // reported without its text
		}
		options, content := m.ToDomain()
		c.expectFirst(options)
		c.compareExplantation(ctx, &content, options.Save)
	case "ReviseNotification":
		m, err := ctr.Decode[ctr.ReviseNotificationRequest](body)
		if err != nil {
			return err //nolint:wrapcheck // reported without its text
		}
		request := m.ToDomain()
		c.expectNext(request.Notification, request.Version)
		save := request.Save
		if save == "" && c.previous != nil {
			save = c.previous.Notification.State
		}
		if request.Implantation != nil {
			c.compareImplantation(ctx, request.Implantation, save)
		} else if request.Explantation != nil {
			c.compareExplantation(ctx, request.Explantation, save)
		}
	case "ValidateNotification":
		m, err := ctr.Decode[ctr.ValidateNotificationRequest](body)
		if err != nil {
			return err //nolint:wrapcheck // reported without its text
		}
		request := m.ToDomain()
		c.expectNext(implants.NotificationRef{Reference: request.Reference}, request.Version)
		c.expectState(implants.Final)
		c.comparePrevious()
	case "DiscardNotification":
		m, err := ctr.Decode[ctr.DiscardNotificationRequest](body)
		if err != nil {
			return err //nolint:wrapcheck // reported without its text
		}
		request := m.ToDomain()
		c.expectNext(request.Notification, request.Version)
		c.expectState(implants.Withdrawn)
		c.expect("notification", "change_reason", request.Reason == n.ChangeReason)
		c.comparePrevious()
	default:
		c.add("evidence", "message", "it asks for %q, which stores no version", operation)
	}
	return nil
}

// expectFirst expects the first version of a notification.
func (c *comparison) expectFirst(options implants.SubmissionOptions) {
	c.expect("notification", "version", c.stored.Notification.Version == 1)
	c.expect("notification", "input_reference", options.InputReference == c.stored.Notification.InputReference)
}

// expectNext expects the version after the one that the message names.
func (c *comparison) expectNext(ref implants.NotificationRef, version int) {
	n := &c.stored.Notification
	c.expect("notification", "version", n.Version == version+1)
	c.expect("notification", "reference", ref.Reference == "" || ref.Reference == n.Reference)
	c.expect("notification", "number", ref.Number.IsZero() || ref.Number == n.Number)
	c.expect("notification", "input_reference", n.InputReference == "")
}

// expectState expects the state that the message asks for, and the change that leads to it.
func (c *comparison) expectState(state implants.State) {
	n := &c.stored.Notification
	c.expect("notification", "state", n.State == state)
	wasFinal := c.previous != nil && c.previous.Notification.State == implants.Final
	change := map[implants.State]implants.Change{
		implants.Draft: implants.ChangeSaved, implants.ToValidate: implants.ChangeSubmitted,
		implants.Final: implants.ChangeNotified, implants.Withdrawn: implants.ChangeDiscarded,
	}[state]
	switch {
	case wasFinal && state == implants.Final:
		change = implants.ChangeRevised
	case wasFinal && state == implants.Withdrawn:
		change = implants.ChangeWithdrawn
	}
	c.expect("notification", "change", n.Change == change)
	c.expect("notification", "change_reason", state == implants.Withdrawn || n.ChangeReason == "")
	if c.previous != nil && !c.previous.Notification.Number.IsZero() {
		c.expect("notification", "number", n.Number == c.previous.Notification.Number)
	} else {
		c.expect("notification", "number", n.Number.IsZero() == (n.State != implants.Final))
	}
}

// compareSurgery compares the fields that implantations and explantations share.
func (c *comparison) compareSurgery(
	ctx context.Context, kind implants.SurgeryType, specialist platform.ProfessionalRef, day ident.Date,
	patient ident.SSIN, comment string,
) {
	n := &c.stored.Notification
	c.expect("notification", "type", n.Type == kind)
	c.expectProfessional(ctx, "notification", "specialist", specialist, n.Specialist)
	c.expect("notification", "operation_date", n.SurgeryDate == day)
	c.expect("notification", "patient", c.isSame(ctx, patient, n.Patient))
	c.expect("notification", "comment", n.Comment == comment)
}

func (c *comparison) compareImplantation(ctx context.Context, m *implants.Implantation, save implants.State) {
	n := &c.stored.Notification
	c.expectState(save)
	c.expect("notification", "content_digest", m.ContentDigest(save) == n.ContentDigest)
	c.compareSurgery(ctx, implants.TypeImplantation, m.Specialist, m.SurgeryDate, m.Patient, m.Comment)
	c.expectProfessional(ctx, "notification", "prescriber", m.Prescriber, n.Prescriber)
	c.expect("notification", "prescription_date", m.PrescriptionDate == n.PrescriptionDate)
	if len(m.Implants) != len(n.Implants) {
		c.add("implant", "", "the message has %d lines, not %d", len(m.Implants), len(n.Implants))
		return
	}
	for i := range m.Implants {
		c.compareImplant(ctx, &m.Implants[i], &n.Implants[i])
	}
}

// compareImplant compares a line. What the message leaves out may come from the UDI or from the authentic sources.
func (c *comparison) compareImplant(ctx context.Context, m *implants.NotifiedImplant, stored *implants.Implant) {
	c.expect("implant", "code", m.Code.IsZero() || m.Code == stored.Code)
	c.expect("implant", "udi", m.UDI == stored.UDI)
	c.expect("implant", "lot", m.Lot == "" || m.Lot == stored.Lot)
	c.expect("implant", "serial", m.Serial == "" || m.Serial == stored.Serial)
	c.expect("implant", "expiry", m.Expiry.IsZero() || m.Expiry == stored.Expiry)
	c.expectProfessional(ctx, "implant", "pharmacist", m.Pharmacist, stored.Pharmacist)
	c.expect("implant", "pharmacy_nihii", m.Pharmacy.NIHII.IsZero() || m.Pharmacy.NIHII == stored.Pharmacy.NIHII)
	c.expect("implant", "pharmacy_cbe", m.Pharmacy.CBE.IsZero() || m.Pharmacy.CBE == stored.Pharmacy.CBE)
	c.expect("implant", "delivery_date", m.DeliveryDate == stored.DeliveryDate)
	c.expect("implant", "quantity", m.Quantity == stored.Quantity)
	c.expect("implant", "location", m.Location == stored.Location)
	c.expect("implant", "side", m.Side == stored.Side)
}

func (c *comparison) compareExplantation(ctx context.Context, m *implants.Explantation, save implants.State) {
	n := &c.stored.Notification
	c.expectState(save)
	c.expect("notification", "content_digest", m.ContentDigest(save) == n.ContentDigest)
	c.compareSurgery(ctx, implants.TypeExplantation, m.Specialist, m.SurgeryDate, m.Patient, m.Comment)
	if len(m.Explants) != len(n.Removals) {
		c.add("removal", "", "the message has %d lines, not %d", len(m.Explants), len(n.Removals))
		return
	}
	unregistered := n.Implants
	for i := range m.Explants {
		x, removal := &m.Explants[i], &n.Removals[i]
		c.expect("removal", "reason", x.Reason == removal.Reason)
		c.expect("removal", "quantity", x.Quantity == 0 || x.Quantity == removal.Quantity)
		if x.Unregistered == nil {
			c.expect("removal", "implant_id", x.ImplantID == removal.ImplantID)
			continue
		}
		if len(unregistered) == 0 {
			c.add("implant", "", "a line that the message declares is missing")
			return
		}
		c.expect("removal", "implant_id", unregistered[0].ID == removal.ImplantID)
		c.expect("implant", "unregistered", unregistered[0].Unregistered)
		c.compareImplant(ctx, x.Unregistered, &unregistered[0])
		unregistered = unregistered[1:]
	}
}

// comparePrevious expects the content of the version before: the message names it and says nothing of it.
func (c *comparison) comparePrevious() {
	if c.previous == nil {
		return
	}
	n, before := &c.stored.Notification, &c.previous.Notification
	c.expect("notification", "type", n.Type == before.Type)
	c.expect("notification", "operation_date", n.SurgeryDate == before.SurgeryDate)
	c.expect("notification", "patient", n.Patient == before.Patient)
	c.expect("notification", "comment", n.Comment == before.Comment)
	c.expect("notification", "prescription_date", n.PrescriptionDate == before.PrescriptionDate)
	c.expect("implant", "", len(n.Implants) == len(before.Implants))
	c.expect("removal", "", len(n.Removals) == len(before.Removals))
	for i := range min(len(n.Implants), len(before.Implants)) {
		one, other := n.Implants[i], before.Implants[i]
		c.expect("implant", "lot", one.Lot == other.Lot)
		c.expect("implant", "serial", one.Serial == other.Serial)
		c.expect("implant", "udi", one.UDI == other.UDI)
		c.expect("implant", "quantity", one.Quantity == other.Quantity)
		c.expect("implant", "location", one.Location == other.Location)
		c.expect("implant", "side", one.Side == other.Side)
	}
	for i := range min(len(n.Removals), len(before.Removals)) {
		c.expect("removal", "implant_id", n.Removals[i].ImplantID == before.Removals[i].ImplantID)
		c.expect("removal", "reason", n.Removals[i].Reason == before.Removals[i].Reason)
	}
}

// expectProfessional expects the professional that the message names by either number; the register completes the
// other.
func (c *comparison) expectProfessional(
	ctx context.Context, table, column string, m, stored platform.ProfessionalRef,
) {
	c.expect(table, column, m.SSIN.IsZero() || c.isSame(ctx, m.SSIN, stored.SSIN))
	c.expect(table, column+"_nihii", m.NIHII.IsZero() || !m.SSIN.IsZero() || m.NIHII.Base() == stored.NIHII.Base())
	c.expect(table, column, !m.IsZero() || stored.IsZero())
}

// isSame reports whether two numbers are of the same person, who may have got another one.
func (c *comparison) isSame(ctx context.Context, one, other ident.SSIN) bool {
	if one == other || c.err != nil {
		return true
	}
	same, err := c.store.IsSamePerson(ctx, one, other)
	c.err = err
	return same || err != nil
}

// isSigner compares signers, of whom a person may have got another number.
func (c *comparison) isSigner(ctx context.Context, one, other string) bool {
	if one == other {
		return true
	}
	const personal, digits = "SSIN=", 11
	if !strings.HasPrefix(one, personal) || !strings.HasPrefix(other, personal) ||
		min(len(one), len(other)) < len(personal)+digits {
		return false
	}
	first, firstErr := ident.ParseSSIN(one[len(personal):][:digits])
	second, secondErr := ident.ParseSSIN(other[len(personal):][:digits])
	return firstErr == nil && secondErr == nil && one[len(personal)+digits:] == other[len(personal)+digits:] &&
		c.isSame(ctx, first, second)
}
