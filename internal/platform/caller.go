package platform

import (
	"slices"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
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

// NewCaller creates a caller. Only the identification of a verified message may call it: every decision relies on
// its signature.
func NewCaller(
	m SignedMessage, person ident.SSIN, organisation ident.NIHII, practices []Practice, affiliations []Affiliation,
) Caller {
	return Caller{message: m, person: person, organisation: organisation, practices: practices, affiliations: affiliations}
}

// Message returns the signed message.
func (c Caller) Message() SignedMessage { return c.message }

// Person returns the person's SSIN.
func (c Caller) Person() ident.SSIN { return c.person }

// Organisation returns the signing organisation, or zero when the person signed for themselves.
func (c Caller) Organisation() ident.NIHII { return c.organisation }

// WithAffiliations returns the caller with other affiliations to the organisation.
func (c Caller) WithAffiliations(affiliations []Affiliation) Caller {
	c.affiliations = affiliations
	return c
}

// IsAttachedOn reports whether the person may act inside the organisation on that day. A person signing for themselves
// needs no affiliation.
func (c Caller) IsAttachedOn(day ident.Date) bool {
	return c.organisation.IsZero() ||
		slices.ContainsFunc(c.affiliations, func(a Affiliation) bool { return a.Contains(day) })
}

// HasRole reports whether the person has a role in the organisation on that day.
func (c Caller) HasRole(role Role, day ident.Date) bool {
	return !c.organisation.IsZero() && slices.ContainsFunc(c.affiliations, func(a Affiliation) bool {
		return a.Role == role && a.Contains(day)
	})
}

// IsStaffOn reports whether the person is administrative staff of the organisation on that day.
func (c Caller) IsStaffOn(day ident.Date) bool { return c.HasRole(RoleAdministrative, day) }

// isAccessManagerOn reports whether the person is an access manager of the organisation on that day.
func (c Caller) isAccessManagerOn(day ident.Date) bool {
	return c.HasRole(RoleManager, day) || c.HasRole(RoleChiefManager, day)
}

// CanPractiseOn reports whether the person may act as a professional inside the organisation on that day. It ignores
// the roles that the organisation itself assigns: otherwise an organisation could make any doctor its own by assigning
// a role, and act in that doctor's name.
func (c Caller) CanPractiseOn(day ident.Date) bool {
	return c.organisation.IsZero() || HasProfessionalRoleOn(c.affiliations, day)
}

// HasProfessionalRoleOn reports whether one of the affiliations makes its holder a professional on that day.
func HasProfessionalRoleOn(affiliations []Affiliation, day ident.Date) bool {
	return slices.ContainsFunc(
		affiliations, func(a Affiliation) bool { return a.Role.isProfessional() && a.Contains(day) },
	)
}

// IsDoctor reports whether the person is or was a physician or dentist, on any day.
func (c Caller) IsDoctor() bool {
	return slices.ContainsFunc(
		c.practices, func(p Practice) bool { return p.Profession == Physician || p.Profession == Dentist },
	)
}

// HasPracticeOn reports whether the person practises any profession on that day.
func (c Caller) HasPracticeOn(day ident.Date) bool { return HasPracticeOn(c.practices, day) }

// CapacityOn returns the capacity of the caller on a day.
func (c Caller) CapacityOn(day ident.Date) Capacity {
	practises := c.CanPractiseOn(day) || !c.IsAttachedOn(day) // an unattached caller is rejected for that reason anyway
	switch {
	case practises && HasPracticeOn(c.practices, day, Physician, Dentist):
		return CapacityDoctor
	case practises && HasPracticeOn(c.practices, day):
		return CapacityProfessional
	case c.organisation.IsZero():
		return CapacityPatient
	case c.isAccessManagerOn(day) && !c.IsStaffOn(day):
		return CapacityManager
	}
	return CapacityStaff
}

// HasPracticeOn reports whether one of the practices covers the day and, if professions are given, has one of them.
func HasPracticeOn(practices []Practice, day ident.Date, of ...Profession) bool {
	return slices.ContainsFunc(practices, func(p Practice) bool {
		return p.Contains(day) && (len(of) == 0 || slices.Contains(of, p.Profession))
	})
}
