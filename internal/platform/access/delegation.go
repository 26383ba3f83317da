package access

import (
	"slices"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// LoadDelegation finds out on which grounds a caller may prepare notifications of a specialist's surgery on a day.
func LoadDelegation(
	s platform.Reader, c platform.Caller, specialist ident.SSIN, day, today ident.Date,
) (authorization.Delegation, error) {
	mandates, err := s.MandatesByGrantee(c.Person())
	if err != nil {
		return authorization.Delegation{}, err
	}
	var roles []platform.Affiliation
	if !c.Organisation().IsZero() {
		if roles, err = s.Affiliations(c.Organisation(), specialist); err != nil {
			return authorization.Delegation{}, err
		}
	}
	return authorization.NewDelegation(c, specialist, mandates, roles, day, today), nil
}

// UsableGrantors returns those whose mandate the caller may use today.
func UsableGrantors(s platform.Reader, c platform.Caller, today ident.Date) ([]ident.SSIN, error) {
	mandates, err := s.MandatesByGrantee(c.Person())
	if err != nil {
		return nil, err
	}
	var grantors []ident.SSIN
	for _, m := range mandates {
		if slices.Contains(grantors, m.Grantor) {
			continue
		}
		d, err := LoadDelegation(s, c, m.Grantor, today, today)
		if err != nil {
			return nil, err
		}
		if d.IsMandated {
			grantors = append(grantors, m.Grantor)
		}
	}
	return grantors, nil
}
