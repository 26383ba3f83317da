package problem

// Codes of warnings: the notification is accepted, and the warning is stored with it. A UDI that cannot be parsed
// causes a warning with a code of ident.go.
const (
	WarnDeviceDeleted  Code = "WARN_DEVICE_DELETED"
	WarnDeviceRecalled Code = "WARN_DEVICE_RECALLED"
	WarnUDIOtherCode   Code = "WARN_UDI_OF_ANOTHER_CODE"
	WarnExpired        Code = "WARN_EXPIRED_BEFORE_OPERATION"
	WarnSerialPlaced   Code = "WARN_SERIAL_ALREADY_PLACED"
	WarnLate           Code = "WARN_LATE_NOTIFICATION"
)

func init() {
	Register(Properties{}, WarnDeviceDeleted, WarnDeviceRecalled, WarnUDIOtherCode, WarnExpired, WarnSerialPlaced,
		WarnLate)
}
