package implants

import (
	"github.com/openctr/ctr/internal/platform/ident"
)

// DeviceStatus is the status of a device on the device list.
type DeviceStatus string

// The statuses.
const (
	DeviceActive   DeviceStatus = "Active"
	DeviceDeleted  DeviceStatus = "Deleted"
	DeviceRecalled DeviceStatus = "Recalled"
)

// Categories returns the ten categories of implants whose notification the Royal Decree of 27 September 2020 requires.
func Categories() []string {
	return []string{
		"Stent", "Neurostimulator", "Cochlear", "HydrocephalusShunt", "Orthopaedic", "AestheticOrReconstructive",
		"ElectrodeOrBiosensor", "MechanicalHeart", "ElectronicHeart", "Ophthalmic",
	}
}

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
