package register

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register/ident"
)

// Signer is the subject of the certificate that signed, the same on any renewal of it.
type Signer struct {
	Type        string // "SSIN", "NIHII-HOSPITAL", …
	ID          string
	Application string
}

// String is the subject as the certificate's common name writes it.
func (s Signer) String() string {
	if s.Application != "" {
		return s.Type + "=" + s.ID + ", " + s.Application
	}
	return s.Type + "=" + s.ID
}

// Message is what the register remembers of a signed message beside its content.
type Message struct {
	Correlation string
	Operation   string // the operation's name in the contract, empty before it is known
	Received    time.Time
	Signer      Signer // empty when nobody proved to have signed
	Digest      [32]byte
	Mark        ReplayMark
	Original    []byte // the signed envelope as it came, kept as evidence of what it changes
	Certificate []byte // that signed it, in DER
}

// Author is who acts inside the organisation whose certificate signs, as the message names him.
type Author []PartyID

// PartyID is one identifier of a party: cc:Id with its Type.
type PartyID struct {
	Type  string
	Value string
}

// Capacity is what a caller acts as.
type Capacity string

// The capacities.
const (
	CapacityDoctor       Capacity = "doctor" // physician or dentist: who may operate and who may read
	CapacityProfessional Capacity = "other professional"
	CapacityManager      Capacity = "access manager"
	CapacityStaff        Capacity = "administrative staff"
	CapacityPatient      Capacity = "patient"
)

// Caller is a person on whose behalf a signed message asks something. It is made by Identify only.
type Caller struct {
	message      Message
	person       ident.SSIN
	organisation ident.NIHII // zero when the person signed himself
	practices    []Practice
	affiliations []Affiliation // of the person to the organisation
}

// Identify makes the caller of a message: the person whose certificate signed, or the author who acts inside the
// organisation whose certificate signed.
func (r *Registrar) Identify(ctx context.Context, m Message, author Author) (Caller, error) {
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
	named, err := author.person(c.organisation)
	switch {
	case err != nil:
		return Caller{}, err
	case named.IsZero() && !c.organisation.IsZero():
		return Caller{}, author.required()
	}
	if err := r.complete(ctx, &c, named); err != nil {
		return Caller{}, err
	}
	return c, nil
}

const authorPath = "Author"

// complete looks up what the sources know about the caller.
func (r *Registrar) complete(ctx context.Context, c *Caller, named ProfessionalRef) error {
	return r.store.Read(ctx, func(s Reader) error {
		author, err := resolve(s, named)
		if err != nil {
			return err
		}
		switch {
		case c.organisation.IsZero():
			if !named.IsZero() && author != c.person {
				return problem.New(problem.AuthorDisagrees).In(authorPath)
			}
		default:
			c.person = author
			if c.affiliations, err = s.Affiliations(c.organisation, author); err != nil {
				return err
			}
			if author.IsZero() || len(c.affiliations) == 0 {
				return problem.New(problem.AuthorNotAttached).In(authorPath)
			}
		}
		c.practices, err = s.Practices(ProfessionalRef{SSIN: c.person})
		return err
	})
}

// resolve finds the person whom a reference names, none when nobody has the NIHII number. Two numbers of two people
// are refused.
func resolve(s Reader, p ProfessionalRef) (ident.SSIN, error) {
	if p.NIHII.IsZero() {
		return p.SSIN, nil
	}
	practices, err := s.Practices(ProfessionalRef{NIHII: p.NIHII})
	if err != nil || len(practices) == 0 {
		return p.SSIN, err
	}
	if !p.SSIN.IsZero() && p.SSIN != practices[0].SSIN {
		return p.SSIN, problem.New(problem.AuthorAmbiguous).In(authorPath)
	}
	return practices[0].SSIN, nil
}

// identifier types of cc:Id, in short and as the platform certifies them.
const (
	typeSSIN     = "urn:be:fgov:person:ssin"
	typeHolder   = "urn:be:fgov:ehealth:1.0:certificateholder:person:ssin"
	prefixPerson = "urn:be:fgov:person:ssin:"
	prefixEH     = "urn:be:fgov:ehealth:1.0:"
	knownTypes   = "SSIN, NIHII, " + typeSSIN + ", " + typeHolder + ", " + prefixPerson + "…:nihii11"
)

// person returns the one person that the author names. Identifiers of the organisation that signed may stand beside;
// those of another are refused.
func (a Author) person(organisation ident.NIHII) (ProfessionalRef, error) {
	var found ProfessionalRef
	for _, id := range a {
		var p ProfessionalRef
		var err error
		switch {
		case id.Type == "SSIN" || id.Type == typeSSIN || id.Type == typeHolder:
			p.SSIN, err = ident.ParseSSIN(id.Value)
		case id.ofOrganisation():
			if organisation.IsZero() || !strings.HasPrefix(id.Value, organisation.Base().Digits()) {
				err = problem.New(problem.AuthorDisagrees)
			}
		case id.Type == "NIHII" || strings.HasPrefix(id.Type, prefixPerson) && strings.HasSuffix(id.Type, ":nihii11"):
			p.NIHII, err = ident.ParseNIHII(id.Value)
		}
		if err != nil {
			return ProfessionalRef{}, problem.From(err).In(authorPath)
		}
		if differ(p.SSIN, found.SSIN) || differ(p.NIHII, found.NIHII) {
			return ProfessionalRef{}, problem.New(problem.AuthorAmbiguous).In(authorPath)
		}
		found.SSIN, found.NIHII = cmp.Or(found.SSIN, p.SSIN), cmp.Or(found.NIHII, p.NIHII)
	}
	return found, nil
}

// required refuses an author in whom no person was found, and says so where an identifier is of a type that is not known.
func (a Author) required() error {
	for _, id := range a {
		if !id.ofOrganisation() {
			return problem.New(problem.AuthorRequired, "cc:Id has an unknown Type, "+id.shownType()+" - known are "+knownTypes).In(authorPath)
		}
	}
	return problem.New(problem.AuthorRequired).In(authorPath)
}

// shownType is the type as a refusal may repeat it: not one that has digits enough for anybody's number.
func (id PartyID) shownType() string {
	const fewest, most = 8, 128 // digits of a number, octets that can be shown
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

// differ reports whether two identifiers are given and not the same.
func differ[T interface {
	comparable
	IsZero() bool
}](a, b T) bool {
	return !a.IsZero() && !b.IsZero() && a != b
}

// ofOrganisation tells the numbers of organisations: by their certified name, or, as a bare NIHII number, by the first
// digit, which is 7, 8 or 9 for institutions.
func (id PartyID) ofOrganisation() bool {
	return id.Type == "NIHII" && id.Value != "" && strings.ContainsAny(id.Value[:1], "789") ||
		strings.HasPrefix(id.Type, prefixEH) && strings.Contains(id.Type, ":nihii-number") && !strings.HasSuffix(id.Type, ":boolean")
}

// attachedOn reports whether the person may act inside the organisation on that day. Who signs himself needs nobody.
func (c Caller) attachedOn(day ident.Date) bool {
	return c.organisation.IsZero() || slices.ContainsFunc(c.affiliations, func(a Affiliation) bool { return a.Contains(day) })
}

// hasRole reports whether the person has a role in the organisation on that day.
func (c Caller) hasRole(role Role, day ident.Date) bool {
	return !c.organisation.IsZero() && slices.ContainsFunc(c.affiliations, func(a Affiliation) bool {
		return a.Role == role && a.Contains(day)
	})
}

// staffOn reports whether the person is administrative staff of the organisation on that day.
func (c Caller) staffOn(day ident.Date) bool { return c.hasRole(RoleAdministrative, day) }

// managesOn reports whether the person manages the roles in the organisation on that day.
func (c Caller) managesOn(day ident.Date) bool {
	return c.hasRole(RoleManager, day) || c.hasRole(RoleChiefManager, day)
}

// practisesInside reports whether the person may act as a professional inside the organisation on that day: an organisation
// cannot make anybody one of its doctors by giving him a role, and so speak in the name of any doctor.
func (c Caller) practisesInside(day ident.Date) bool {
	return c.organisation.IsZero() || professionalOn(c.affiliations, day)
}

func professionalOn(affiliations []Affiliation, day ident.Date) bool {
	return slices.ContainsFunc(affiliations, func(a Affiliation) bool { return a.Role.ofProfession() && a.Contains(day) })
}

// capacityOn is what the caller acts as on a day.
func (c Caller) capacityOn(day ident.Date) Capacity {
	practises := c.practisesInside(day) || !c.attachedOn(day) // who is not attached is refused for that, whatever he is
	switch {
	case practises && practisesOn(c.practices, day, Physician, Dentist):
		return CapacityDoctor
	case practises && practisesOn(c.practices, day):
		return CapacityProfessional
	case c.organisation.IsZero():
		return CapacityPatient
	case c.managesOn(day) && !c.staffOn(day):
		return CapacityManager
	}
	return CapacityStaff
}

// practisesOn reports whether one of the practices covers the day and, where professions are named, is one of them.
func practisesOn(practices []Practice, day ident.Date, of ...Profession) bool {
	return slices.ContainsFunc(practices, func(p Practice) bool {
		return p.Contains(day) && (len(of) == 0 || slices.Contains(of, p.Profession))
	})
}
