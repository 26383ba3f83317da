package implants

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// Signer is the subject of the signing certificate. It stays the same when the certificate is renewed.
type Signer struct {
	Type        string // "SSIN", "NIHII-HOSPITAL", …
	ID          string
	Application string
}

// String formats the subject as in the certificate's common name.
func (s Signer) String() string {
	if s.Application != "" {
		return s.Type + "=" + s.ID + ", " + s.Application
	}
	return s.Type + "=" + s.ID
}

// SignedMessage holds the facts about a signed message that the register needs besides its content.
type SignedMessage struct {
	Correlation string
	Operation   string // the operation's name in the contract; empty until it is read
	ReceivedAt  time.Time
	Signer      Signer // zero when the signature is not verified
	Digest      [32]byte
	ReplayKey   ReplayKey
	Envelope    []byte // the signed envelope as received, stored as evidence
	Certificate []byte // the signing certificate, in DER
}

// Author identifies the person an organisation acts for, as the message names them.
type Author []AuthorID

// AuthorID is one identifier of the author: cc:Id with its Type.
type AuthorID struct {
	Type  string
	Value string
}

// Capacity is the role in which a caller acts.
type Capacity string

// The capacities.
const (
	CapacityDoctor       Capacity = "doctor" // physician or dentist: may operate and may read
	CapacityProfessional Capacity = "other professional"
	CapacityManager      Capacity = "access manager"
	CapacityStaff        Capacity = "administrative staff"
	CapacityPatient      Capacity = "patient"
)

// Caller is the person behind a signed message. Only Identify creates one.
type Caller struct {
	message      SignedMessage
	person       ident.SSIN
	organisation ident.NIHII // zero when the person signed for themselves
	practices    []Practice
	affiliations []Affiliation // of the person, to the organisation
}

// Identify returns the caller of a message: the person whose certificate signed, or the author for whom the signing
// organisation acts.
func (r *Registrar) Identify(ctx context.Context, m SignedMessage, author Author) (Caller, error) {
	c := Caller{message: m}
	var err error
	switch {
	case m.Signer.Type == "SSIN":
		if c.person, err = ident.ParseSSIN(m.Signer.ID); err != nil {
			return Caller{}, problem.New(problem.CertificateUnfit)
		}
	case strings.HasPrefix(m.Signer.Type, "NIHII-"):
		if c.organisation, err = ident.ParseNIHII(m.Signer.ID); err != nil {
			return Caller{}, problem.New(problem.CertificateUnfit)
		}
	case strings.HasPrefix(m.Signer.Type, "CBE"):
		return Caller{}, problem.New(problem.CertificateCBE)
	default:
		return Caller{}, problem.New(problem.CertificateUnfit)
	}
	named, err := author.parsePerson(c.organisation)
	switch {
	case err != nil:
		return Caller{}, err
	case named.IsZero() && !c.organisation.IsZero():
		return Caller{}, author.newMissingPersonError()
	}
	if err := r.loadCallerFacts(ctx, &c, named); err != nil {
		return Caller{}, err
	}
	return c, nil
}

const authorPath = "Author"

// loadCallerFacts completes the caller with data from the authentic sources.
func (r *Registrar) loadCallerFacts(ctx context.Context, c *Caller, named ProfessionalRef) error {
	return r.store.RunReadTx(ctx, func(s Reader) error {
		author, err := resolvePerson(s, named)
		if err != nil {
			return err
		}
		switch {
		case c.organisation.IsZero():
			if !named.IsZero() && author != c.person {
				return problem.New(problem.AuthorDisagrees).WithPath(authorPath)
			}
		default:
			c.person = author
			if c.affiliations, err = s.Affiliations(c.organisation, author); err != nil {
				return err
			}
			if author.IsZero() || len(c.affiliations) == 0 {
				return problem.New(problem.AuthorNotAttached).WithPath(authorPath)
			}
		}
		c.practices, err = s.Practices(ProfessionalRef{SSIN: c.person})
		return err
	})
}

// resolvePerson returns the SSIN of the person a reference names, or zero when the NIHII number is unknown. It rejects
// a reference whose two numbers belong to two people.
func resolvePerson(s Reader, p ProfessionalRef) (ident.SSIN, error) {
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

// Types of cc:Id: the short forms, and the ones that the eHealth platform certifies.
const (
	idTypeSSIN              = "urn:be:fgov:person:ssin"
	idTypeCertificateHolder = "urn:be:fgov:ehealth:1.0:certificateholder:person:ssin"
	idTypePersonPrefix      = "urn:be:fgov:person:ssin:"
	idTypeEHealthPrefix     = "urn:be:fgov:ehealth:1.0:"
	knownIDTypes            = "SSIN, NIHII, " + idTypeSSIN + ", " + idTypeCertificateHolder + ", " + idTypePersonPrefix + "…:nihii11"
)

// parsePerson returns the one person that the author names. Identifiers of the signing organisation are allowed too;
// those of another organisation are rejected.
func (a Author) parsePerson(organisation ident.NIHII) (ProfessionalRef, error) {
	var found ProfessionalRef
	for _, id := range a {
		var p ProfessionalRef
		var err error
		switch {
		case id.Type == "SSIN" || id.Type == idTypeSSIN || id.Type == idTypeCertificateHolder:
			p.SSIN, err = ident.ParseSSIN(id.Value)
		case id.isOrganisationID():
			if organisation.IsZero() || !strings.HasPrefix(id.Value, organisation.Base().Digits()) {
				err = problem.New(problem.AuthorDisagrees)
			}
		case id.Type == "NIHII" || strings.HasPrefix(id.Type, idTypePersonPrefix) && strings.HasSuffix(id.Type, ":nihii11"):
			p.NIHII, err = ident.ParseNIHII(id.Value)
		}
		if err != nil {
			return ProfessionalRef{}, problem.From(err).WithPath(authorPath)
		}
		if isContradiction(p.SSIN, found.SSIN) || isContradiction(p.NIHII, found.NIHII) {
			return ProfessionalRef{}, problem.New(problem.AuthorAmbiguous).WithPath(authorPath)
		}
		found.SSIN, found.NIHII = cmp.Or(found.SSIN, p.SSIN), cmp.Or(found.NIHII, p.NIHII)
	}
	return found, nil
}

// newMissingPersonError returns the refusal for an author without a person. It names the first identifier type that is
// unknown.
func (a Author) newMissingPersonError() error {
	for _, id := range a {
		if !id.isOrganisationID() {
			return problem.New(problem.AuthorRequired, unknownIDType.With(id.printableType(), knownIDTypes)).WithPath(authorPath)
		}
	}
	return problem.New(problem.AuthorRequired).WithPath(authorPath)
}

// printableType returns the type as a refusal may repeat it. A type with enough digits to contain a person's number is
// hidden.
func (id AuthorID) printableType() string {
	const fewest, most = 8, 128 // digits of a person's number; bytes to show
	digits := 0
	for _, r := range id.Type {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if id.Type == "" || digits >= fewest || len(id.Type) > most {
		return "…"
	}
	return id.Type
}

// isContradiction reports whether both identifiers are given and differ.
func isContradiction[T interface {
	comparable
	IsZero() bool
}](a, b T) bool {
	return !a.IsZero() && !b.IsZero() && a != b
}

// isOrganisationID reports whether the identifier belongs to an organisation: by its certified type, or, for a plain
// NIHII number, by its first digit, which is 7, 8 or 9 for institutions.
func (id AuthorID) isOrganisationID() bool {
	return id.Type == "NIHII" && id.Value != "" && strings.ContainsAny(id.Value[:1], "789") ||
		strings.HasPrefix(id.Type, idTypeEHealthPrefix) && strings.Contains(id.Type, ":nihii-number") && !strings.HasSuffix(id.Type, ":boolean")
}

// isAttachedOn reports whether the person may act inside the organisation on that day. A person signing for themselves
// needs no affiliation.
func (c Caller) isAttachedOn(day ident.Date) bool {
	return c.organisation.IsZero() || slices.ContainsFunc(c.affiliations, func(a Affiliation) bool { return a.Contains(day) })
}

// hasRole reports whether the person has a role in the organisation on that day.
func (c Caller) hasRole(role Role, day ident.Date) bool {
	return !c.organisation.IsZero() && slices.ContainsFunc(c.affiliations, func(a Affiliation) bool {
		return a.Role == role && a.Contains(day)
	})
}

// isStaffOn reports whether the person is administrative staff of the organisation on that day.
func (c Caller) isStaffOn(day ident.Date) bool { return c.hasRole(RoleAdministrative, day) }

// isAccessManagerOn reports whether the person is an access manager of the organisation on that day.
func (c Caller) isAccessManagerOn(day ident.Date) bool {
	return c.hasRole(RoleManager, day) || c.hasRole(RoleChiefManager, day)
}

// canPractiseOn reports whether the person may act as a professional inside the organisation on that day. It ignores
// the roles that the organisation itself assigns: otherwise an organisation could make any doctor its own by assigning
// a role, and act in that doctor's name.
func (c Caller) canPractiseOn(day ident.Date) bool {
	return c.organisation.IsZero() || hasProfessionalRoleOn(c.affiliations, day)
}

func hasProfessionalRoleOn(affiliations []Affiliation, day ident.Date) bool {
	return slices.ContainsFunc(affiliations, func(a Affiliation) bool { return a.Role.isProfessional() && a.Contains(day) })
}

// capacityOn returns the capacity of the caller on a day.
func (c Caller) capacityOn(day ident.Date) Capacity {
	practises := c.canPractiseOn(day) || !c.isAttachedOn(day) // an unattached caller is rejected for that reason anyway
	switch {
	case practises && hasPracticeOn(c.practices, day, Physician, Dentist):
		return CapacityDoctor
	case practises && hasPracticeOn(c.practices, day):
		return CapacityProfessional
	case c.organisation.IsZero():
		return CapacityPatient
	case c.isAccessManagerOn(day) && !c.isStaffOn(day):
		return CapacityManager
	}
	return CapacityStaff
}

// hasPracticeOn reports whether one of the practices covers the day and, if professions are given, has one of them.
func hasPracticeOn(practices []Practice, day ident.Date, of ...Profession) bool {
	return slices.ContainsFunc(practices, func(p Practice) bool {
		return p.Contains(day) && (len(of) == 0 || slices.Contains(of, p.Profession))
	})
}
