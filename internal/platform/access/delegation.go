package access

import (
	"slices"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// LoadDelegation finds out on which grounds a caller may prepare notifications for a specialist.
func LoadDelegation(
	s platform.Reader, c platform.Caller, specialist ident.SSIN, day, today ident.Date,
) (authorization.Delegation, error) {
	var found authorization.Delegation
	mandates, err := s.MandatesByGrantee(c.Person())
	if err != nil {
		return found, err
	}
	found.IsMandated = slices.ContainsFunc(
		mandates, func(m platform.Mandate) bool { return m.Grantor == specialist && m.IsInForceOn(today) },
	)
	if c.Organisation().IsZero() {
		return found, nil
	}
	affiliations, err := s.Affiliations(c.Organisation(), specialist)
	found.IsColleague = platform.HasProfessionalRoleOn(affiliations, day)
	return found, err
}
