package implants

import (
	"slices"

	"github.com/openctr/ctr/internal/platform/ident"
)

// LoadDelegation finds out on which grounds a caller may prepare notifications for a specialist.
func LoadDelegation(s platformReader, c Caller, specialist ident.SSIN, day, today ident.Date) (Delegation, error) {
	var found Delegation
	mandates, err := s.MandatesByGrantee(c.Person())
	if err != nil {
		return found, err
	}
	found.IsMandated = slices.ContainsFunc(mandates, func(m Mandate) bool { return m.Grantor == specialist && m.isInForceOn(today) })
	if c.Organisation().IsZero() {
		return found, nil
	}
	affiliations, err := s.Affiliations(c.Organisation(), specialist)
	found.IsColleague = hasProfessionalRoleOn(affiliations, day)
	return found, err
}
