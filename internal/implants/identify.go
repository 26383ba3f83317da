package implants

import (
	"context"
	"strings"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Identify returns the caller of a message: the person whose certificate signed, or the author for whom the signing
// organisation acts.
func (s *AccessService) Identify(ctx context.Context, m SignedMessage, author Author) (Caller, error) {
	person, organisation, err := parseSigner(m.Signer)
	if err != nil {
		return Caller{}, err
	}
	named, err := author.parsePerson(organisation)
	switch {
	case err != nil:
		return Caller{}, err
	case named.IsZero() && !organisation.IsZero():
		return Caller{}, author.newMissingPersonError()
	}
	var c Caller
	err = s.runner.Store.RunReadTx(ctx, func(reader platformReader) error {
		c, err = loadCaller(reader, m, person, organisation, named)
		return err
	})
	if err != nil {
		return Caller{}, err
	}
	return c, nil
}

// parseSigner returns the person or the organisation that the certificate names; the other one is zero.
func parseSigner(signer Signer) (person ident.SSIN, organisation ident.NIHII, err error) {
	switch {
	case signer.Type == "SSIN":
		person, err = ident.ParseSSIN(signer.ID)
	case strings.HasPrefix(signer.Type, "NIHII-"):
		organisation, err = ident.ParseNIHII(signer.ID)
	case strings.HasPrefix(signer.Type, "CBE"):
		return person, organisation, problem.New(problem.CertificateCBE)
	default:
		return person, organisation, problem.New(problem.CertificateUnfit)
	}
	if err != nil {
		err = problem.New(problem.CertificateUnfit)
	}
	return person, organisation, err
}

// loadCaller completes a caller with data from the authentic sources. The person and the organisation are those of the
// certificate, named is the author.
func loadCaller(reader platformReader, m SignedMessage, person ident.SSIN, organisation ident.NIHII, named ProfessionalRef) (Caller, error) {
	author, err := resolvePerson(reader, named)
	if err != nil {
		return Caller{}, err
	}
	var affiliations []Affiliation
	if organisation.IsZero() {
		if !named.IsZero() && author != person {
			return Caller{}, problem.New(problem.AuthorDisagrees).WithPath(authorPath)
		}
	} else {
		person = author
		if affiliations, err = reader.Affiliations(organisation, person); err != nil {
			return Caller{}, err
		}
		if err = MayActInside(person, affiliations); err != nil {
			return Caller{}, err
		}
	}
	practices, err := reader.Practices(ProfessionalRef{SSIN: person})
	return NewCaller(m, person, organisation, practices, affiliations), err
}

// resolvePerson returns the SSIN of the person a reference names, or zero when the NIHII number is unknown. It rejects
// a reference whose two numbers belong to two people.
func resolvePerson(s platformReader, p ProfessionalRef) (ident.SSIN, error) {
	if p.NIHII.IsZero() {
		return p.SSIN, nil
	}
	practices, err := s.Practices(ProfessionalRef{NIHII: p.NIHII})
	if err != nil || len(practices) == 0 {
		return p.SSIN, err
	}
	if !p.SSIN.IsZero() && p.SSIN != practices[0].SSIN {
		return p.SSIN, problem.New(problem.AuthorAmbiguous).WithPath(authorPath)
	}
	return practices[0].SSIN, nil
}
