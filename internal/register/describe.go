package register

import (
	"context"

	"github.com/openctr/ctr/internal/register/udi"
)

// Notification gives one notification in full, with its history. One that the caller may not see is answered as one that
// does not exist.
func (r *Registrar) Notification(ctx context.Context, c Caller, asked NotificationAsked) (Described, error) {
	event := Event{Outcome: Accepted, Number: asked.Of.Number}
	return answer(ctx, r, c, inEmergency(asked.Defects, asked.Emergency), &event, func(s Reader) (Described, error) {
		n, err := r.find(s, c, asked.Of, asked.Emergency, &event)
		if err != nil {
			return Described{}, err
		}
		described := Described{Notification: n}
		if described.History, err = s.Versions(n.Reference); err != nil {
			return Described{}, err
		}
		if n.Type == TypeExplantation {
			receipt, err := touched(s, n)
			if err != nil {
				return Described{}, err
			}
			described.Touched = receipt.Touched
		}
		return described, nil
	})
}

// Pending lists the notifications that wait for the caller, or for those for whom he prepares them.
func (r *Registrar) Pending(ctx context.Context, c Caller, asked PendingAsked) (Found, error) {
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
		q.State, q.Offset, q.Limit = asked.State, asked.Offset, asked.Limit
		found, total, err := s.Pending(q)
		for i := range found {
			found[i].Own = found[i].Specialist.SSIN == c.person
		}
		return Found{Total: total, Notifications: found}, err
	})
}

// SearchDevice searches the list of notified implants, which is public.
func (r *Registrar) SearchDevice(ctx context.Context, c Caller, asked DeviceAsked) (Devices, error) {
	event := Event{Outcome: Accepted, Reason: "public list"}
	return answer(ctx, r, c, asked.Defects, &event, func(s Reader) (Devices, error) {
		q := DeviceQuery{Text: asked.Text, Code: asked.Code, Category: asked.Category, Offset: asked.Offset, Limit: asked.Limit}
		if asked.UDI != "" {
			q.DI = asked.UDI // what is no carrier may be a device identifier by itself
			if u, err := udi.Parse(asked.UDI); err == nil {
				q.DI = u.DI
			}
		}
		devices, total, err := s.SearchDevice(q)
		return Devices{Total: total, Devices: devices}, err
	})
}
