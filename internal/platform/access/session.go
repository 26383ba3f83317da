package access

import (
	"context"
	"slices"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// Profile is what the sources say about a person who signed in: who they are, and for whom they may act today.
type Profile struct {
	Person        platform.Person // with the SSIN only, if the register of persons does not know them
	Practices     []platform.Practice
	Organisations []OrganisationProfile
}

// OrganisationProfile is an organisation for which a person may act today.
type OrganisationProfile struct {
	NIHII ident.NIHII
	Name  string
	Roles []platform.Role
}

// LoadProfile returns the profile of a person whose identity was proved by signing in.
func (s *Service) LoadProfile(ctx context.Context, person ident.SSIN) (Profile, error) {
	today := s.runner.Today()
	p := Profile{Person: platform.Person{SSIN: person}}
	err := s.runner.Store.RunReadTx(ctx, func(reader platform.Reader) error {
		known, exists, err := reader.Person(person)
		if err != nil {
			return err
		}
		if exists {
			p.Person = known
		}
		if p.Practices, err = reader.Practices(platform.ProfessionalRef{SSIN: person}); err != nil {
			return err
		}
		p.Organisations, err = loadOrganisationProfiles(reader, person, today)
		return err
	})
	return p, err
}

func loadOrganisationProfiles(
	reader platform.Reader, person ident.SSIN, today ident.Date,
) ([]OrganisationProfile, error) {
	affiliations, err := reader.Affiliations(ident.NIHII{}, person)
	if err != nil {
		return nil, err
	}
	var all []OrganisationProfile
	for _, a := range affiliations {
		if !a.Contains(today) {
			continue
		}
		at := slices.IndexFunc(all, func(o OrganisationProfile) bool { return o.NIHII.Base() == a.Organisation.Base() })
		if at < 0 {
			organisation, _, err := reader.Organisation(platform.OrganisationRef{NIHII: a.Organisation})
			if err != nil {
				return nil, err
			}
			at = len(all)
			all = append(all, OrganisationProfile{NIHII: a.Organisation, Name: organisation.Name})
		}
		all[at].Roles = append(all[at].Roles, a.Role)
	}
	return all, nil
}

// IdentifySession returns the caller of a request in the session of a person who signed in, acting for themselves or
// for an organisation. The message is the one that the door signed for them; it is without a replay key for a read.
func (s *Service) IdentifySession(
	ctx context.Context, m platform.SignedMessage, person ident.SSIN, organisation ident.NIHII,
) (platform.Caller, error) {
	var c platform.Caller
	err := s.runner.Store.RunReadTx(ctx, func(reader platform.Reader) error {
		var err error
		c, err = newCaller(reader, m, person, organisation)
		return err
	})
	return c, err
}
