package implants

import (
	"context"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
)

// GetNotification returns one notification in full, with its history. A notification that the caller may not see gives
// the same answer as one that does not exist.
func (r *Registrar) GetNotification(
	ctx context.Context, c platform.Caller, req NotificationRequest,
) (NotificationDetail, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Number: req.Notification.Number}
	return platform.ReadAndRecord(ctx, r.runner, c, checkEmergencyReason(req.Defects, req.EmergencyReason),
		&event, func(s Reader) (NotificationDetail, error) {
			n, err := r.findVisible(s, c, req.Notification, req.EmergencyReason, &event)
			if err != nil {
				return NotificationDetail{}, err
			}
			detail := NotificationDetail{Notification: n}
			if detail.History, err = s.Versions(n.Reference); err != nil {
				return NotificationDetail{}, err
			}
			if n.Type == TypeExplantation {
				receipt, err := newReceipt(s, n)
				if err != nil {
					return NotificationDetail{}, err
				}
				detail.AffectedImplants = receipt.AffectedImplants
			}
			return detail, nil
		})
}

// ListPendingNotifications lists the pending notifications of the caller and of those for whom the caller may prepare
// them.
func (r *Registrar) ListPendingNotifications(
	ctx context.Context, c platform.Caller, req ListPendingRequest,
) (SearchResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted}
	return platform.ReadAndRecord(ctx, r.runner, c, nil, &event, func(s Reader) (SearchResult, error) {
		mandates, err := s.MandatesByGrantee(c.Person())
		if err != nil {
			return SearchResult{}, err
		}
		scope, reason, err := authorization.MayListPending(c, mandates, r.runner.Today())
		if err != nil {
			return SearchResult{}, err
		}
		event.Reason = reason
		found, total, err := s.ListPending(PendingQuery{
			Specialist: scope.Specialist, MandateGrantors: scope.MandateGrantors, Organisation: scope.Organisation,
			State: req.State, Offset: req.Offset, Limit: req.Limit,
		})
		for i := range found {
			found[i].Own = found[i].Specialist.SSIN == c.Person()
		}
		return SearchResult{Total: total, Notifications: found}, err
	})
}

// SearchDevice searches the list of notified implants, which is public.
func (r *Registrar) SearchDevice(
	ctx context.Context, c platform.Caller, req SearchDeviceRequest,
) (SearchDeviceResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Reason: "public list"}
	return platform.ReadAndRecord(ctx, r.runner, c, req.Defects, &event, func(s Reader) (SearchDeviceResult, error) {
		q := DeviceQuery{Text: req.Text, Code: req.Code, Category: req.Category, Offset: req.Offset, Limit: req.Limit}
		if req.UDI != "" {
			var err error
			if q.DIs, err = udi.ParseDI(req.UDI); err != nil {
				return SearchDeviceResult{}, newUDIRefusal(err, "UDI")
			}
		}
		devices, total, err := s.SearchDevices(q)
		return SearchDeviceResult{Total: total, Devices: devices}, err
	})
}
