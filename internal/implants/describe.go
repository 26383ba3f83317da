package implants

import (
	"context"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/access"
	"github.com/openctr/ctr/internal/platform/ident"
)

// GetNotification returns one notification in full, with its history. A notification that the caller may not see gives
// the same answer as one that does not exist.
func (r *Registrar) GetNotification(
	ctx context.Context, c platform.Caller, req NotificationRequest,
) (NotificationDetail, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Number: req.Notification.Number}
	claim := req.toEmergency(ident.SSIN{}, true)
	return readPatientData(ctx, r, c, claim, req.Defects, &event, func(s Reader, e emergency) (NotificationDetail, error) {
		n, err := r.findVisible(s, c, req.Notification, e, &event)
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
		today := r.runner.Today()
		grantors, err := access.UsableGrantors(s, c, today)
		if err != nil {
			return SearchResult{}, err
		}
		scope, reason, err := authorization.MayListPending(c, grantors, today)
		if err != nil {
			return SearchResult{}, err
		}
		event.Reason = reason
		found, total, err := s.ListPending(PendingQuery{
			Specialists: scope.Specialists, Organisation: scope.Organisation, OnlyBy: scope.OnlyBy,
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
