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

var warningCodes = []Entry{
	{WarnDeviceDeleted, 0,
		"Dit implantaat was op de operatiedatum uit de lijst geschrapt.", "Cet implant était supprimé de la liste à la date de l'opération.",
		"Dieses Implantat war am Operationsdatum aus der Liste gestrichen.", "This implant was deleted from the list on the operation date."},
	{WarnDeviceRecalled, 0,
		"Dit implantaat is teruggeroepen. Neem contact op met de fabrikant of de verdeler.", "Cet implant fait l'objet d'un rappel. Prenez contact avec le fabricant ou le distributeur.",
		"Dieses Implantat ist zurückgerufen. Wenden Sie sich an den Hersteller oder den Vertreiber.", "This implant is recalled. Contact the manufacturer or the distributor."},
	{WarnUDIOtherCode, 0,
		"De UDI hoort bij een andere notificatiecode dan de opgegeven code.", "L'UDI appartient à un autre code de notification que le code indiqué.",
		"Die UDI gehört zu einem anderen Notifizierungscode als dem angegebenen.", "The UDI belongs to another notification code than the one given."},
	{WarnExpired, 0,
		"De vervaldatum van het implantaat ligt vóór de operatie.", "La date d'expiration de l'implant est antérieure à l'opération.",
		"Das Verfallsdatum des Implantats liegt vor der Operation.", "The implant's expiry date is before the operation."},
	{WarnSerialPlaced, 0,
		"Een implantaat met dit serienummer is al geplaatst en niet verwijderd.", "Un implant portant ce numéro de série est déjà posé et n'a pas été retiré.",
		"Ein Implantat mit dieser Seriennummer ist bereits eingesetzt und nicht entfernt.", "An implant with this serial number was placed already and not removed."},
	{WarnLate, 0,
		"De melding komt meer dan 30 dagen na de operatie.", "La notification arrive plus de 30 jours après l'opération.",
		"Die Meldung erfolgt mehr als 30 Tage nach der Operation.", "The notification comes later than 30 days after the operation."},
}
