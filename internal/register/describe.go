package register

import (
	"context"

	"github.com/openctr/ctr/internal/register/udi"
)

// GetNotification returns one notification in full, with its history. A notification that the caller may not see gives
// the same answer as one that does not exist.
func (r *Registrar) Notification(ctx context.Context, c Caller, req NotificationAsked) (Described, error) {
	event := Event{Outcome: Accepted, Number: req.Of.Number}
	return answer(ctx, r, c, inEmergency(req.Defects, req.Emergency), &event, func(s Reader) (Described, error) {
		n, err := r.find(s, c, req.Of, req.Emergency, &event)
		if err != nil {
			return Described{}, err
		}
		detail := Described{Notification: n}
		if detail.History, err = s.Versions(n.Reference); err != nil {
			return Described{}, err
		}
		if n.Type == TypeExplantation {
			receipt, err := touched(s, n)
			if err != nil {
				return Described{}, err
			}
			detail.Touched = receipt.Touched
		}
		return detail, nil
	})
}

// ListPendingNotifications lists the pending notifications of the caller and of those for whom the caller may prepare
// them.
func (r *Registrar) Pending(ctx context.Context, c Caller, req PendingAsked) (Found, error) {
	event := Event{Outcome: Accepted}
	return answer(ctx, r, c, nil, &event, func(s Reader) (Found, error) {
		mandates, err := s.MandatesTo(c.person)
		if err != nil {
			return Found{}, err
		}
		q, reason, err := mayListPending(c, mandates, r.day(r.now()))
		if err != nil {
			return Found{}, err
		}
		event.Reason = reason
		q.State, q.Offset, q.Limit = req.State, req.Offset, req.Limit
		found, total, err := s.Pending(q)
		for i := range found {
			found[i].Own = found[i].Specialist.SSIN == c.person
		}
		return Found{Total: total, Notifications: found}, err
	})
}

// SearchDevice searches the list of notified implants, which is public.
func (r *Registrar) SearchDevice(ctx context.Context, c Caller, req DeviceAsked) (Devices, error) {
	event := Event{Outcome: Accepted, Reason: "public list"}
	return answer(ctx, r, c, req.Defects, &event, func(s Reader) (Devices, error) {
		q := DeviceQuery{Text: req.Text, Code: req.Code, Category: req.Category, Offset: req.Offset, Limit: req.Limit}
		if req.UDI != "" {
			q.DI = req.UDI // the text may be a bare device identifier instead of a full UDI
			if u, err := udi.Parse(req.UDI); err == nil {
				q.DI = u.DI
			}
		}
		devices, total, err := s.SearchDevice(q)
		return Devices{Total: total, Devices: devices}, err
	})
}
