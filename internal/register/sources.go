package register

import "github.com/openctr/ctr/internal/register/ident"

// Person is an entry of the national register.
type Person struct {
	SSIN      ident.SSIN
	FirstName string
	LastName  string
	BirthDate ident.Date
	DeathDate ident.Date
}

// Period is a span of days, both ends included; a zero end is open.
type Period struct {
	From, To ident.Date
}

// Contains reports whether the day lies in the period.
func (p Period) Contains(day ident.Date) bool {
	return !day.Before(p.From) && (p.To.IsZero() || !day.After(p.To))
}

// Profession is what somebody practises.
type Profession string

// The professions that the register tells apart.
const (
	Physician  Profession = "Physician"
	Dentist    Profession = "Dentist"
	Pharmacist Profession = "Pharmacist"
)

// Practice is an entry of the professional register: who practised what, when.
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

// Role is what somebody is in an organisation.
type Role string

// The roles that the rules tell apart.
const (
	RoleAdministrative    Role = "AdministrativeStaff"
	RoleTitularPharmacist Role = "TitularPharmacist"
	// RoleChiefManager answers for an organisation's accesses (VTE, HTB). It comes from the authentic source only.
	RoleChiefManager Role = "ChiefAccessManager"
	RoleManager      Role = "AccessManager"
)

// assignable reports whether an organisation gives the role itself. Every other role is the authentic source's.
func (r Role) assignable() bool { return r == RoleAdministrative || r == RoleManager }

// ofProfession reports whether the role makes its holder a professional of the organisation.
func (r Role) ofProfession() bool { return !r.assignable() && r != RoleChiefManager }

// Affiliation says who works where, in which role, when.
type Affiliation struct {
	Organisation ident.NIHII
	SSIN         ident.SSIN
	Role         Role
	Period
}

// TherapeuticLink is a care relation between a patient and a professional.
type TherapeuticLink struct {
	Patient      ident.SSIN
	Professional ident.SSIN
	Type         string
	Period
}

// LinkOperation is the type of the relation that an operation itself establishes.
const LinkOperation = "operation"

// Mandate lets one person act for another in a service. It holds once accepted.
type Mandate struct {
	Grantor    ident.SSIN
	Grantee    ident.SSIN
	Service    string
	AcceptedOn ident.Date
	Period
}

// MandateService is the service that a mandate for this register names.
const MandateService = "CTR"

// holdsOn reports whether the grantee may act for the grantor in this register on a day.
func (m Mandate) holdsOn(day ident.Date) bool {
	return m.Service == MandateService && !m.AcceptedOn.IsZero() && !day.Before(m.AcceptedOn) && m.Contains(day)
}

// DeviceStatus is the standing of a device on the list.
type DeviceStatus string

// The statuses.
const (
	DeviceActive   DeviceStatus = "Active"
	DeviceDeleted  DeviceStatus = "Deleted"
	DeviceRecalled DeviceStatus = "Recalled"
)

// Device is an entry of the list of notified implants.
type Device struct {
	Code           ident.NotificationCode
	Name           string
	Reference      string
	Manufacturer   string
	Distributor    string
	Classification string
	Category       string
	UDIDIs         []string
	Status         DeviceStatus
	ValidFrom      ident.Date
	DeletedOn      ident.Date
	RecalledOn     ident.Date
}
