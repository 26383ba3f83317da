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
