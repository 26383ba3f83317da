package implants

import (
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
	RoleAdministrative    Role = "AdministrativeStaff"
	RoleTitularPharmacist Role = "TitularPharmacist"
	// RoleChiefManager is responsible for an organisation's access rights (VTE, HTB). It comes from the authentic
	// source only.
	RoleChiefManager Role = "ChiefAccessManager"
	RoleManager      Role = "AccessManager"
)

// isAssignable reports whether an organisation assigns the role itself. All other roles come from the authentic
// source.
func (r Role) isAssignable() bool { return r == RoleAdministrative || r == RoleManager }

// isProfessional reports whether the role makes a person a professional of the organisation.
func (r Role) isProfessional() bool { return !r.isAssignable() && r != RoleChiefManager }

// Affiliation is a person's role in an organisation in a period.
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

// LinkTypeSurgery is the type of care relation that a notified surgery creates.
const LinkTypeSurgery = "operation"

// Mandate lets one person act for another in a service. It has no effect until it is accepted.
type Mandate struct {
	Grantor    ident.SSIN
	Grantee    ident.SSIN
	Service    string
	AcceptedOn ident.Date
	Period
}

// MandateService is the service name in mandates for this register.
const MandateService = "CTR"

// isInForceOn reports whether the grantee may act for the grantor in this register on a day.
func (m Mandate) isInForceOn(day ident.Date) bool {
	return m.Service == MandateService && !m.AcceptedOn.IsZero() && !day.Before(m.AcceptedOn) && m.Contains(day)
}

// DeviceStatus is the status of a device on the device list.
type DeviceStatus string

// The statuses.
const (
	DeviceActive   DeviceStatus = "Active"
	DeviceDeleted  DeviceStatus = "Deleted"
	DeviceRecalled DeviceStatus = "Recalled"
)

// Device is an entry of the device list.
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
