package access

import (
	"context"
	"strings"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// organisationPrefix begins the certificate types of organisations that act through an author.
const organisationPrefix = "NIHII-"

// Identify returns the caller of a message: the person whose certificate signed, or the author for whom the signing
// organisation acts.
func (s *Service) Identify(
	ctx context.Context, m platform.SignedMessage, author platform.Author,
) (platform.Caller, error) {
	person, organisation, err := parseSigner(m.Signer)
	if err != nil {
		return platform.Caller{}, err
	}
	named, err := author.ParsePerson(organisation)
	switch {
	case err != nil:
		return platform.Caller{}, err
	case named.IsZero() && !organisation.IsZero():
		return platform.Caller{}, author.NewMissingPersonError()
	}
	var c platform.Caller
	err = s.runner.Store.RunReadTx(ctx, func(reader platform.Reader) error {
		c, err = loadCaller(reader, m, person, organisation, named)
		return err
	})
	if err != nil {
		return platform.Caller{}, err
	}
	return c, nil
}

// parseSigner returns the person or the organisation that the certificate names; the other one is zero.
func parseSigner(signer platform.Signer) (person ident.SSIN, organisation ident.NIHII, err error) {
	switch {
	case signer.Type == "SSIN":
		person, err = ident.ParseSSIN(signer.ID)
	case strings.HasPrefix(signer.Type, organisationPrefix):
		organisation, err = ident.ParseNIHII(signer.ID)
	case strings.HasPrefix(signer.Type, "CBE"):
		return person, organisation, problem.New(platform.CertificateCBE)
	default:
		return person, organisation, problem.New(platform.CertificateUnfit)
	}
	if err != nil {
		err = problem.New(platform.CertificateUnfit)
	}
	return person, organisation, err
}

// loadCaller completes a caller with data from the authentic sources. The person and the organisation are those of the
// certificate, named is the author.
func loadCaller(
	reader platform.Reader, m platform.SignedMessage, person ident.SSIN, organisation ident.NIHII,
	named platform.ProfessionalRef,
) (platform.Caller, error) {
	author, err := resolvePerson(reader, named)
	if err != nil {
		return platform.Caller{}, err
	}
	if organisation.IsZero() {
		if !named.IsZero() && author != person {
			return platform.Caller{}, problem.New(platform.AuthorDisagrees).WithPath(platform.AuthorPath)
		}
	} else {
		person = author
		if err = checkOrganisationType(reader, m.Signer.Type, organisation); err != nil {
			return platform.Caller{}, err
		}
	}
	return newCaller(reader, m, person, organisation)
}

// newCaller returns the caller with what the sources say about a person, who must be affiliated with the organisation
// for which they act, if any.
func newCaller(
	reader platform.Reader, m platform.SignedMessage, person ident.SSIN, organisation ident.NIHII,
) (platform.Caller, error) {
	var affiliations []platform.Affiliation
	if !organisation.IsZero() {
		var err error
		if affiliations, err = reader.Affiliations(organisation, person); err != nil {
			return platform.Caller{}, err
		}
		if err = authorization.MayActInside(person, affiliations); err != nil {
			return platform.Caller{}, err
		}
	}
	practices, err := reader.Practices(platform.ProfessionalRef{SSIN: person})
	return platform.NewCaller(m, person, organisation, practices, affiliations), err
}

// checkOrganisationType rejects a certificate whose type is not that of the organisation with its number: a number
// alone does not say whose certificate it is. An organisation that the source does not know has no affiliations, and is
// rejected for that reason.
func checkOrganisationType(reader platform.Reader, certificate string, number ident.NIHII) error {
	o, found, err := reader.Organisation(platform.OrganisationRef{NIHII: number})
	if err == nil && found && !strings.HasPrefix(foldType(o.Type), foldType(certificate)) {
		err = problem.New(platform.CertificateUnfit)
	}
	return err
}

// foldType returns a type of organisation in the form in which both are compared: NIHII-RETIREMENT begins as
// RetirementHome does.
func foldType(text string) string {
	return foldText(strings.TrimPrefix(text, organisationPrefix))
}

// resolvePerson returns the SSIN of the person a reference names, or zero when the NIHII number is unknown. It rejects
// a reference whose two numbers belong to two people.
func resolvePerson(s platform.Reader, p platform.ProfessionalRef) (ident.SSIN, error) {
	if p.NIHII.IsZero() {
		return p.SSIN, nil
	}
	practices, err := s.Practices(platform.ProfessionalRef{NIHII: p.NIHII})
	if err != nil || len(practices) == 0 {
		return p.SSIN, err
	}
	if !p.SSIN.IsZero() && p.SSIN != practices[0].SSIN {
		return p.SSIN, problem.New(platform.AuthorAmbiguous).WithPath(platform.AuthorPath)
	}
	return practices[0].SSIN, nil
}
