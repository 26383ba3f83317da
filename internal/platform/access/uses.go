package access

import (
	"context"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
)

// DataUse is one use of a patient's data, as the patient may know it: who by name, never by number.
type DataUse struct {
	platform.AuditEvent

	PersonName       string // empty for nobody, and for those whom the national register does not have
	OrganisationName string
}

// ListDataUsesResult is a page of the uses of a patient's data.
type ListDataUsesResult struct {
	Total int
	Uses  []DataUse
}

// ListDataUses lists who used the data of the caller as a patient, newest first, without the caller's own reads. Nobody
// else may read it, and nothing is read before that is decided.
func (s *Service) ListDataUses(
	ctx context.Context, c platform.Caller, page platform.Page,
) (ListDataUsesResult, error) {
	event := platform.AuditEvent{Outcome: platform.OutcomeAccepted, Patient: c.Person()}
	return platform.ReadAndRecord(ctx, s.runner, c, nil, &event, func(r platform.Reader) (ListDataUsesResult, error) {
		if err := authorization.MayActPersonally(c); err != nil {
			return ListDataUsesResult{}, err
		}
		event.Reason = platform.ReasonOwnData
		events, total, err := r.EventsByPatient(c.Person(), page.Offset, page.Limit)
		if err != nil {
			return ListDataUsesResult{}, err
		}
		result := ListDataUsesResult{Total: total, Uses: make([]DataUse, len(events))}
		for i, e := range events {
			if result.Uses[i], err = newDataUse(r, e); err != nil {
				return ListDataUsesResult{}, err
			}
		}
		return result, nil
	})
}

func newDataUse(r platform.Reader, e platform.AuditEvent) (DataUse, error) {
	use := DataUse{AuditEvent: e}
	if !e.Person.IsZero() {
		person, isKnown, err := r.Person(e.Person)
		if err != nil {
			return use, err
		}
		if isKnown {
			use.PersonName = person.FirstName + " " + person.LastName
		}
	}
	if !e.Organisation.IsZero() {
		organisation, isKnown, err := r.Organisation(platform.OrganisationRef{NIHII: e.Organisation})
		if err != nil {
			return use, err
		}
		if isKnown {
			use.OrganisationName = organisation.Name
		}
	}
	return use, nil
}
