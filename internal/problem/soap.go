package problem

// Codes of the envelope and of the way to it (SOAP 1.1 sections 4 and 6.1.1, SOAP 1.2 part 1 sections 5.1 to 5.4).
const (
	NotSOAP             Code = "NOT_SOAP"
	SOAPVersion         Code = "SOAP_VERSION_MISMATCH"
	EnvelopeMalformed   Code = "ENVELOPE_MALFORMED"
	BodyMissing         Code = "BODY_MISSING"
	BodyNotSingle       Code = "BODY_NOT_SINGLE"
	HeaderNotUnderstood Code = "HEADER_NOT_UNDERSTOOD"
	SecurityTwice       Code = "SECURITY_HEADER_TWICE"
	ContentTypeUnknown  Code = "CONTENT_TYPE_NOT_ACCEPTED"
	MessageTooLarge     Code = "MESSAGE_TOO_LARGE"
	MessageIncomplete   Code = "MESSAGE_INCOMPLETE"
	OperationUnknown    Code = "OPERATION_UNKNOWN"
	ActionMismatch      Code = "SOAP_ACTION_MISMATCH"
)

var soapCodes = []Entry{
	{NotSOAP, Malformed,
		"Dit is XML, maar geen SOAP-bericht: het buitenste element moet Envelope zijn.",
		"C'est du XML, mais pas un message SOAP : l'élément extérieur doit être Envelope.",
		"Das ist XML, aber keine SOAP-Nachricht: Das äußerste Element muss Envelope sein.",
		"This is XML, but no SOAP message: the outermost element must be Envelope."},
	{SOAPVersion, NotUnderstood,
		"De SOAP-versie van het bericht past niet bij het Content-Type, of is niet 1.1 of 1.2. Gebruik text/xml voor SOAP 1.1 en application/soap+xml voor SOAP 1.2.",
		"La version SOAP du message ne correspond pas au Content-Type, ou n'est ni 1.1 ni 1.2. Utilisez text/xml pour SOAP 1.1 et application/soap+xml pour SOAP 1.2.",
		"Die SOAP-Version der Nachricht passt nicht zum Content-Type oder ist weder 1.1 noch 1.2. Verwenden Sie text/xml für SOAP 1.1 und application/soap+xml für SOAP 1.2.",
		"The message's SOAP version does not fit its Content-Type, or is neither 1.1 nor 1.2. Use text/xml for SOAP 1.1 and application/soap+xml for SOAP 1.2."},
	{EnvelopeMalformed, Malformed,
		"De Envelope mag alleen één Header en daarna één Body bevatten.",
		"L'Envelope ne peut contenir qu'un Header suivi d'un Body.",
		"Die Envelope darf nur einen Header und danach einen Body enthalten.",
		"The Envelope may hold only one Header followed by one Body."},
	{BodyMissing, Malformed,
		"Het bericht heeft geen Body, of een lege.", "Le message n'a pas de Body, ou un Body vide.",
		"Die Nachricht hat keinen Body oder einen leeren.", "The message has no Body, or an empty one."},
	{BodyNotSingle, NotUnderstood,
		"De Body moet precies één element bevatten: het verzoek.", "Le Body doit contenir exactement un élément : la requête.",
		"Der Body muss genau ein Element enthalten: die Anfrage.", "The Body must hold exactly one element: the request."},
	{HeaderNotUnderstood, NotUnderstood,
		"Het bericht eist (mustUnderstand) dat een header wordt begrepen die deze dienst niet kent.", "Le message exige (mustUnderstand) la compréhension d'un en-tête que ce service ne connaît pas.",
		"Die Nachricht verlangt (mustUnderstand), dass ein Header verstanden wird, den dieser Dienst nicht kennt.", "The message demands (mustUnderstand) that a header be understood which this service does not know."},
	{SecurityTwice, Unauthenticated,
		"Het bericht heeft meer dan één Security-header voor deze dienst.", "Le message a plus d'un en-tête Security destiné à ce service.",
		"Die Nachricht hat mehr als einen Security-Header für diesen Dienst.", "The message has more than one Security header for this service."},
	{ContentTypeUnknown, Malformed,
		"Dit Content-Type wordt niet aanvaard. Stuur SOAP 1.1 als text/xml of SOAP 1.2 als application/soap+xml, in UTF-8 of UTF-16.",
		"Ce Content-Type n'est pas accepté. Envoyez SOAP 1.1 en text/xml ou SOAP 1.2 en application/soap+xml, en UTF-8 ou UTF-16.",
		"Dieser Content-Type wird nicht akzeptiert. Senden Sie SOAP 1.1 als text/xml oder SOAP 1.2 als application/soap+xml, in UTF-8 oder UTF-16.",
		"This Content-Type is not accepted. Send SOAP 1.1 as text/xml or SOAP 1.2 as application/soap+xml, in UTF-8 or UTF-16."},
	{MessageTooLarge, Malformed,
		"Het bericht is groter dan deze dienst aanvaardt.", "Le message dépasse la taille que ce service accepte.",
		"Die Nachricht ist größer, als dieser Dienst annimmt.", "The message is larger than this service accepts."},
	{MessageIncomplete, Malformed,
		"Het bericht is niet volledig aangekomen.", "Le message n'est pas arrivé en entier.",
		"Die Nachricht ist nicht vollständig angekommen.", "The message did not arrive completely."},
	{OperationUnknown, NotUnderstood,
		"Deze dienst kent geen operatie met dit element in de Body. De operaties staan in de WSDL.", "Ce service ne connaît pas d'opération pour cet élément du Body. Les opérations sont décrites dans le WSDL.",
		"Dieser Dienst kennt keine Operation zu diesem Element im Body. Die Operationen stehen in der WSDL.", "This service knows no operation for this element in the Body. The operations are described in the WSDL."},
	{ActionMismatch, NotUnderstood,
		"De SOAPAction noemt een andere operatie dan het element in de Body. Laat ze leeg of neem die van de WSDL.", "La SOAPAction désigne une autre opération que l'élément du Body. Laissez-la vide ou prenez celle du WSDL.",
		"Die SOAPAction nennt eine andere Operation als das Element im Body. Lassen Sie sie leer oder nehmen Sie die der WSDL.", "The SOAPAction names another operation than the element in the Body. Leave it empty or take the WSDL's."},
}
