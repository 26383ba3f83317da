package problem

// Codes of the SOAP envelope and of its transport (SOAP 1.1 sections 4 and 6.1.1, SOAP 1.2 part 1 sections 5.1 to 5.4).
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

	// Attachments: the MIME package (RFC 2046 section 5.1, RFC 2387, XOP section 4) and xop:Include (XOP section 2.1).
	MultipartNotXOP    Code = "MULTIPART_NOT_XOP"
	MultipartParameter Code = "MULTIPART_PARAMETER"
	MultipartMalformed Code = "MULTIPART_MALFORMED"
	PartsTooMany       Code = "PARTS_TOO_MANY"
	PartHeaderTooLarge Code = "PART_HEADER_TOO_LARGE"
	PartHeader         Code = "PART_HEADER_MALFORMED"
	PartEncoding       Code = "PART_TRANSFER_ENCODING"
	PartContentID      Code = "PART_CONTENT_ID"
	PartDuplicate      Code = "PART_CONTENT_ID_DUPLICATE"
	PartNotIncluded    Code = "PART_NOT_INCLUDED"
	RootPartMissing    Code = "ROOT_PART_MISSING"
	RootPartType       Code = "ROOT_PART_TYPE"
	IncludeMalformed   Code = "XOP_INCLUDE_MALFORMED"
	IncludeNotAlone    Code = "XOP_INCLUDE_NOT_ALONE"
	IncludeExternal    Code = "XOP_INCLUDE_EXTERNAL"
	IncludeUnknown     Code = "XOP_INCLUDE_UNKNOWN"
	IncludeRepeated    Code = "XOP_INCLUDE_REPEATED"
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
		"Dit Content-Type wordt niet aanvaard. Stuur SOAP 1.1 als text/xml of SOAP 1.2 als application/soap+xml, in UTF-8 of UTF-16, met bijlagen als MTOM.",
		"Ce Content-Type n'est pas accepté. Envoyez SOAP 1.1 en text/xml ou SOAP 1.2 en application/soap+xml, en UTF-8 ou UTF-16, avec pièces jointes en MTOM.",
		"Dieser Content-Type wird nicht akzeptiert. Senden Sie SOAP 1.1 als text/xml oder SOAP 1.2 als application/soap+xml, in UTF-8 oder UTF-16, mit Anhängen als MTOM.",
		"This Content-Type is not accepted. Send SOAP 1.1 as text/xml or SOAP 1.2 as application/soap+xml, in UTF-8 or UTF-16, with attachments as MTOM."},
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
	{MultipartNotXOP, Malformed,
		"Bijlagen worden alleen als MTOM aanvaard: multipart/related met type=\"application/xop+xml\". Zet in de client MTOM aan in plaats van SOAP with Attachments (CXF: mtom-enabled; WCF: messageEncoding Mtom; Metro: MTOMFeature).",
		"Les pièces jointes ne sont acceptées qu'en MTOM : multipart/related avec type=\"application/xop+xml\". Activez MTOM dans le client au lieu de SOAP with Attachments (CXF : mtom-enabled ; WCF : messageEncoding Mtom ; Metro : MTOMFeature).",
		"Anhänge werden nur als MTOM angenommen: multipart/related mit type=\"application/xop+xml\". Schalten Sie im Client MTOM statt SOAP with Attachments ein (CXF: mtom-enabled; WCF: messageEncoding Mtom; Metro: MTOMFeature).",
		"Attachments are accepted only as MTOM: multipart/related with type=\"application/xop+xml\". Turn on MTOM in the client instead of SOAP with Attachments (CXF: mtom-enabled; WCF: messageEncoding Mtom; Metro: MTOMFeature)."},
	{MultipartParameter, Malformed,
		"In het Content-Type van het MTOM-bericht ontbreekt een parameter, of hij is onbruikbaar. Nodig zijn boundary en start-info (text/xml of application/soap+xml); start noemt het deel met de Envelope.",
		"Dans le Content-Type du message MTOM, un paramètre manque ou est inutilisable. Il faut boundary et start-info (text/xml ou application/soap+xml) ; start désigne la partie avec l'Envelope.",
		"Im Content-Type der MTOM-Nachricht fehlt ein Parameter oder ist unbrauchbar. Nötig sind boundary und start-info (text/xml oder application/soap+xml); start nennt den Teil mit der Envelope.",
		"In the MTOM message's Content-Type a parameter is missing or of no use. It takes boundary and start-info (text/xml or application/soap+xml); start names the part with the Envelope."},
	{MultipartMalformed, Malformed,
		"De delen van het MTOM-bericht zijn niet volgens RFC 2046 gescheiden. Elke scheidingslijn staat na CRLF op een eigen regel, en vóór de eerste of na de laatste staat niets.",
		"Les parties du message MTOM ne sont pas séparées selon le RFC 2046. Chaque délimiteur se trouve après CRLF sur sa propre ligne, et rien ne précède le premier ni ne suit le dernier.",
		"Die Teile der MTOM-Nachricht sind nicht nach RFC 2046 getrennt. Jede Trennzeile steht nach CRLF in einer eigenen Zeile, und vor der ersten oder nach der letzten steht nichts.",
		"The parts of the MTOM message are not separated as RFC 2046 asks. Each delimiter stands on a line of its own after CRLF, and nothing comes before the first or after the last."},
	{PartsTooMany, Malformed,
		"Het MTOM-bericht heeft te veel delen.", "Le message MTOM a trop de parties.",
		"Die MTOM-Nachricht hat zu viele Teile.", "The MTOM message has too many parts."},
	{PartHeaderTooLarge, Malformed,
		"De kop van een deel van het MTOM-bericht is te groot.", "L'en-tête d'une partie du message MTOM est trop grand.",
		"Der Kopf eines Teils der MTOM-Nachricht ist zu groß.", "The header of a part of the MTOM message is too large."},
	{PartHeader, Malformed,
		"De kop van een deel van het MTOM-bericht is niet leesbaar: regels van de vorm Naam: waarde, elke naam één keer, daarna een lege regel, gescheiden door CRLF.",
		"L'en-tête d'une partie du message MTOM n'est pas lisible : des lignes de la forme Nom: valeur, chaque nom une fois, puis une ligne vide, séparées par CRLF.",
		"Der Kopf eines Teils der MTOM-Nachricht ist nicht lesbar: Zeilen der Form Name: Wert, jeder Name einmal, dann eine leere Zeile, getrennt durch CRLF.",
		"The header of a part of the MTOM message cannot be read: lines of the form Name: value, each name once, then an empty line, separated by CRLF."},
	{PartEncoding, Malformed,
		"Een deel van het MTOM-bericht is gecodeerd. Stuur de delen als Content-Transfer-Encoding binary, 8bit of 7bit.",
		"Une partie du message MTOM est encodée. Envoyez les parties avec Content-Transfer-Encoding binary, 8bit ou 7bit.",
		"Ein Teil der MTOM-Nachricht ist codiert. Senden Sie die Teile mit Content-Transfer-Encoding binary, 8bit oder 7bit.",
		"A part of the MTOM message is encoded. Send the parts with Content-Transfer-Encoding binary, 8bit or 7bit."},
	{PartContentID, Malformed,
		"Een bijlage van het MTOM-bericht heeft geen bruikbare Content-ID. Geef elk deel er een, in de vorm <id@domein>.",
		"Une pièce jointe du message MTOM n'a pas de Content-ID utilisable. Donnez-en un à chaque partie, sous la forme <id@domaine>.",
		"Ein Anhang der MTOM-Nachricht hat keine brauchbare Content-ID. Geben Sie jedem Teil eine, in der Form <id@domain>.",
		"An attachment of the MTOM message has no usable Content-ID. Give each part one, in the form <id@domain>."},
	{PartDuplicate, Malformed,
		"Twee delen van het MTOM-bericht hebben dezelfde Content-ID.", "Deux parties du message MTOM ont le même Content-ID.",
		"Zwei Teile der MTOM-Nachricht haben dieselbe Content-ID.", "Two parts of the MTOM message have the same Content-ID."},
	{PartNotIncluded, Malformed,
		"Het MTOM-bericht heeft een bijlage waar geen xop:Include naar verwijst. Stuur alleen bijlagen die in de Envelope horen.",
		"Le message MTOM a une pièce jointe à laquelle aucun xop:Include ne renvoie. N'envoyez que des pièces jointes qui font partie de l'Envelope.",
		"Die MTOM-Nachricht hat einen Anhang, auf den kein xop:Include verweist. Senden Sie nur Anhänge, die in die Envelope gehören.",
		"The MTOM message has an attachment that no xop:Include refers to. Send only attachments that belong in the Envelope."},
	{RootPartMissing, Malformed,
		"De parameter start van het Content-Type noemt geen deel van het MTOM-bericht.", "Le paramètre start du Content-Type ne désigne aucune partie du message MTOM.",
		"Der Parameter start des Content-Type nennt keinen Teil der MTOM-Nachricht.", "The parameter start of the Content-Type names no part of the MTOM message."},
	{RootPartType, Malformed,
		"Het deel met de Envelope moet het Content-Type application/xop+xml hebben, in UTF-8 of UTF-16, met hetzelfde type als start-info.",
		"La partie avec l'Envelope doit avoir le Content-Type application/xop+xml, en UTF-8 ou UTF-16, avec le même type que start-info.",
		"Der Teil mit der Envelope muss den Content-Type application/xop+xml haben, in UTF-8 oder UTF-16, mit demselben type wie start-info.",
		"The part with the Envelope must have the Content-Type application/xop+xml, in UTF-8 or UTF-16, with the same type as start-info."},
	{IncludeMalformed, Malformed,
		"Een xop:Include moet leeg zijn en alleen het attribuut href hebben.", "Un xop:Include doit être vide et n'avoir que l'attribut href.",
		"Ein xop:Include muss leer sein und darf nur das Attribut href haben.", "An xop:Include must be empty and have only the attribute href."},
	{IncludeNotAlone, Malformed,
		"Een xop:Include moet de hele inhoud van zijn element zijn: geen tekst, witruimte of ander element ernaast.",
		"Un xop:Include doit être tout le contenu de son élément : ni texte, ni espace, ni autre élément à côté.",
		"Ein xop:Include muss der ganze Inhalt seines Elements sein: kein Text, Leerraum oder anderes Element daneben.",
		"An xop:Include must be the whole content of its element: no text, white space or other element beside it."},
	{IncludeExternal, Malformed,
		"Een xop:Include mag alleen met cid: naar een deel van hetzelfde bericht verwijzen. Deze dienst haalt niets op.",
		"Un xop:Include ne peut renvoyer que par cid: à une partie du même message. Ce service ne va rien chercher.",
		"Ein xop:Include darf nur mit cid: auf einen Teil derselben Nachricht verweisen. Dieser Dienst holt nichts ab.",
		"An xop:Include may refer only by cid: to a part of the same message. This service fetches nothing."},
	{IncludeUnknown, Malformed,
		"Een xop:Include verwijst naar een bijlage die niet in het bericht zit.", "Un xop:Include renvoie à une pièce jointe qui n'est pas dans le message.",
		"Ein xop:Include verweist auf einen Anhang, der nicht in der Nachricht ist.", "An xop:Include refers to an attachment that is not in the message."},
	{IncludeRepeated, Malformed,
		"Twee xop:Include verwijzen naar dezelfde bijlage. Stuur de bijlage twee keer, of de inhoud in het bericht zelf.",
		"Deux xop:Include renvoient à la même pièce jointe. Envoyez-la deux fois, ou son contenu dans le message même.",
		"Zwei xop:Include verweisen auf denselben Anhang. Senden Sie ihn zweimal oder seinen Inhalt in der Nachricht selbst.",
		"Two xop:Include refer to the same attachment. Send it twice, or its content in the message itself."},
}
