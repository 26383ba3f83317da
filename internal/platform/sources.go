package platform

import (
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Person is an entry of the national register.
type Person struct {
	SSIN      ident.SSIN
	FirstName string
	LastName  string
	BirthDate ident.Date
	DeathDate ident.Date
}

// Period is a range of days, both included; a zero end is open.
type Period struct {
	From, To ident.Date
}

// Contains reports whether the day lies in the period.
func (p Period) Contains(day ident.Date) bool {
	return !day.Before(p.From) && (p.To.IsZero() || !day.After(p.To))
}

// HasEnded reports whether the period ended before the day, or ends before it begins.
func (p Period) HasEnded(day ident.Date) bool {
	return !p.To.IsZero() && (p.To.Before(day) || p.To.Before(p.From))
}

// ProfessionalRef identifies a professional by SSIN, by NIHII number or, once resolved in the professional register,
// by both.
type ProfessionalRef struct {
	SSIN  ident.SSIN
	NIHII ident.NIHII
}

// IsZero reports whether the reference is empty.
func (p ProfessionalRef) IsZero() bool { return p.SSIN.IsZero() && p.NIHII.IsZero() }

// OrganisationRef identifies an organisation by NIHII or CBE number.
type OrganisationRef struct {
	NIHII ident.NIHII
	CBE   ident.CBE
}

// IsZero reports whether the reference is empty.
func (p OrganisationRef) IsZero() bool { return p.NIHII.IsZero() && p.CBE.IsZero() }

// Profession is a healthcare profession.
type Profession string

// The professions that the rules distinguish.
const (
	Physician  Profession = "Physician"
	Dentist    Profession = "Dentist"
	Pharmacist Profession = "Pharmacist"
)

// Practice is an entry of the professional register: a person's profession in a period.
type Practice struct {
	SSIN       ident.SSIN
	NIHII      ident.NIHII
	Profession Profession
	Speciality string
	Period
}

// Organisation is a hospital, a pharmacy or another institution.
type Organisation struct {
	NIHII ident.NIHII
	CBE   ident.CBE
	Type  string
	Name  string
}

// Role is a person's role in an organisation.
type Role string

// The roles that the rules distinguish.
const (
	RoleSpecialist        Role = "Specialist"
	RoleAdministrative    Role = "AdministrativeStaff"
	RoleTitularPharmacist Role = "TitularPharmacist"
	// RoleChiefManager is responsible for an organisation's access rights (VTE, HTB). It comes from the authentic
	// source only.
	RoleChiefManager Role = "ChiefAccessManager"
	RoleManager      Role = "AccessManager"
)

// IsAssignable reports whether an organisation assigns the role itself. All other roles come from the authentic
// source.
func (r Role) IsAssignable() bool { return r == RoleAdministrative || r == RoleManager }

// isProfessional reports whether the role makes a person a professional of the organisation.
func (r Role) isProfessional() bool { return !r.IsAssignable() && r != RoleChiefManager }

// Affiliation is a person's role in an organisation in a period.
type Affiliation struct {
	Organisation ident.NIHII
	SSIN         ident.SSIN
	Role         Role
	// EndedOn is the day on which somebody ended the role here; zero otherwise.
	EndedOn ident.Date
	Period
}

// KeepEnded returns an affiliation of the authentic source, shortened where somebody ended the role here: the source
// may not know of it yet. A period that begins later is a new one.
func (a Affiliation) KeepEnded(stored []Affiliation) Affiliation {
	for _, s := range stored {
		if s.Organisation.Base() == a.Organisation.Base() && s.SSIN == a.SSIN && s.Role == a.Role {
			a.endOn(s.EndedOn, &a.EndedOn)
		}
	}
	return a
}

// endOn makes the day before the last day of a period that covers the day, and then sets endedOn.
func (p *Period) endOn(day ident.Date, endedOn *ident.Date) {
	if !day.IsZero() && p.Contains(day) {
		p.To, *endedOn = day.AddDays(-1), day
	}
}

// TherapeuticLink is a care relation between a patient and a professional, of the authentic source.
type TherapeuticLink struct {
	Patient      ident.SSIN
	Professional ident.SSIN
	Type         string
	Period
}

// Care is what opens a patient's data to a professional on a day.
type Care struct {
	// Relation is the type of a care relation of the authentic source that is in force, empty when there is none.
	Relation string
	// LastSurgery is the newest day, up to that day, on which the professional operated on the patient, by the
	// notifications in force. It is derived from them and stored nowhere: the relation ends with the notification.
	LastSurgery ident.Date
}

// Emergency is an emergency of a professional about a patient, with the reason as it is compared.
type Emergency struct {
	Professional ident.SSIN
	Patient      ident.SSIN
	Day          ident.Date
	Reason       string
}

// PastEmergencies says what a professional claimed before on the day of a claim.
type PastEmergencies struct {
	OtherPatients int       // how many other patients
	OpensAt       time.Time // since when the patient's data is open; zero without an earlier claim
	IsReasonUsed  bool      // the same reason was given for another patient
}

// Mandate lets one person act for another in a service. It has no effect until it is accepted.
type Mandate struct {
	Grantor    ident.SSIN
	Grantee    ident.SSIN
	Service    string
	AcceptedOn ident.Date
	// EndedOn is the day on which somebody ended the mandate here; zero otherwise.
	EndedOn ident.Date
	Period
}

// MandateService is the service name in mandates for this register.
const MandateService = "CTR"

// KeepEnded returns a mandate of the authentic source, shortened where one of the two persons ended it here.
func (m Mandate) KeepEnded(stored []Mandate) Mandate {
	for _, s := range stored {
		if s.Grantor == m.Grantor && s.Grantee == m.Grantee && s.Service == m.Service {
			m.endOn(s.EndedOn, &m.EndedOn)
		}
	}
	return m
}

// IsInForceOn reports whether the grantee may act for the grantor in this register on a day.
func (m Mandate) IsInForceOn(day ident.Date) bool {
	return m.Service == MandateService && !m.AcceptedOn.IsZero() && !day.Before(m.AcceptedOn) && m.Contains(day)
}

// MandateState is the state of a mandate on a day.
type MandateState string

// The states of a mandate.
const (
	MandatePending MandateState = "Pending" // not accepted yet
	MandateFuture  MandateState = "Future"  // accepted, but not begun
	MandateActive  MandateState = "Active"
	MandateEnded   MandateState = "Ended"
)

// StateOn returns the state of the mandate on a day.
func (m Mandate) StateOn(day ident.Date) MandateState {
	switch {
	case m.HasEnded(day):
		return MandateEnded
	case m.AcceptedOn.IsZero():
		return MandatePending
	case day.Before(m.From) || day.Before(m.AcceptedOn):
		return MandateFuture
	}
	return MandateActive
}
