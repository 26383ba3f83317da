package problem

// Codes of package message/xmldoc, for input that is not an accepted document. Detail contains "line:column" and, for
// an exceeded limit, the limit.
const (
	XMLTooLarge             Code = "XML_TOO_LARGE"
	XMLTooDeep              Code = "XML_TOO_DEEP"
	XMLTooManyNodes         Code = "XML_TOO_MANY_NODES"
	XMLTooManyAttributes    Code = "XML_TOO_MANY_ATTRIBUTES"
	XMLTooManyNamespaces    Code = "XML_TOO_MANY_NAMESPACES"
	XMLNamespaceExpansion   Code = "XML_NAMESPACE_EXPANSION"
	XMLNameTooLong          Code = "XML_NAME_TOO_LONG"
	XMLInstruction          Code = "XML_INSTRUCTION"
	XMLEmpty                Code = "XML_EMPTY"
	XMLEncodingUnsupported  Code = "XML_ENCODING_UNSUPPORTED"
	XMLEncodingMismatch     Code = "XML_ENCODING_MISMATCH"
	XMLEncodingInvalid      Code = "XML_ENCODING_INVALID"
	XMLDeclarationMalformed Code = "XML_DECLARATION_MALFORMED"
	XMLVersionUnsupported   Code = "XML_VERSION_UNSUPPORTED"
	XMLDoctype              Code = "XML_DOCTYPE"
	XMLCharacterForbidden   Code = "XML_CHARACTER_FORBIDDEN"
	XMLReferenceMalformed   Code = "XML_REFERENCE_MALFORMED"
	XMLReferenceForbidden   Code = "XML_REFERENCE_FORBIDDEN"
	XMLEntityUnknown        Code = "XML_ENTITY_UNKNOWN"
	XMLNameMalformed        Code = "XML_NAME_MALFORMED"
	XMLTagMalformed         Code = "XML_TAG_MALFORMED"
	XMLMarkupUnknown        Code = "XML_MARKUP_UNKNOWN"
	XMLAttributeMalformed   Code = "XML_ATTRIBUTE_MALFORMED"
	XMLAttributeLessThan    Code = "XML_ATTRIBUTE_LESS_THAN"
	XMLAttributeDuplicate   Code = "XML_ATTRIBUTE_DUPLICATE"
	XMLPrefixUndeclared     Code = "XML_PREFIX_UNDECLARED"
	XMLNamespaceReserved    Code = "XML_NAMESPACE_RESERVED"
	XMLNamespaceEmpty       Code = "XML_NAMESPACE_EMPTY"
	XMLNamespaceNotAbsolute Code = "XML_NAMESPACE_NOT_ABSOLUTE"
	XMLSectionEndInText     Code = "XML_SECTION_END_IN_TEXT"
	XMLCommentMalformed     Code = "XML_COMMENT_MALFORMED"
	XMLInstructionMalformed Code = "XML_INSTRUCTION_MALFORMED"
	XMLInstructionReserved  Code = "XML_INSTRUCTION_RESERVED"
	XMLContentOutsideRoot   Code = "XML_CONTENT_OUTSIDE_ROOT"
	XMLEndTagMismatch       Code = "XML_END_TAG_MISMATCH"
	XMLUnexpectedEnd        Code = "XML_UNEXPECTED_END"
	XMLIdentifierDuplicate  Code = "XML_ID_DUPLICATE"
)

var xmlCodes = []Entry{
	{XMLTooLarge, Malformed,
		"Het bericht is te groot. Verdeel het over meerdere berichten.",
		"Le message est trop volumineux. Répartissez-le sur plusieurs messages.",
		"Die Nachricht ist zu groß. Verteilen Sie sie auf mehrere Nachrichten.",
		"The message is too large. Spread it over several messages."},
	{XMLTooDeep, Malformed,
		"De elementen van het bericht zijn te diep genest. Stuur een bericht volgens het XSD-schema.",
		"Les éléments du message sont imbriqués trop profondément. Envoyez un message conforme au schéma XSD.",
		"Die Elemente der Nachricht sind zu tief verschachtelt. Senden Sie eine Nachricht nach dem XSD-Schema.",
		"The elements of the message are nested too deeply. Send a message that follows the XSD."},
	{XMLTooManyNodes, Malformed,
		"Het bericht bevat te veel elementen, attributen en andere onderdelen. Verdeel het over meerdere berichten.",
		"Le message contient trop d'éléments, d'attributs et d'autres composants. Répartissez-le sur plusieurs messages.",
		"Die Nachricht enthält zu viele Elemente, Attribute und andere Bestandteile. Verteilen Sie sie auf mehrere Nachrichten.",
		"The message holds too many elements, attributes and other parts. Spread it over several messages."},
	{XMLTooManyAttributes, Malformed,
		"Een element van het bericht heeft te veel attributen. Stuur een bericht volgens het XSD-schema.",
		"Un élément du message a trop d'attributs. Envoyez un message conforme au schéma XSD.",
		"Ein Element der Nachricht hat zu viele Attribute. Senden Sie eine Nachricht nach dem XSD-Schema.",
		"An element of the message has too many attributes. Send a message that follows the XSD."},
	{XMLTooManyNamespaces, Malformed,
		"Een element van het bericht declareert te veel naamruimten, of er gelden er te veel tegelijk. Declareer alleen wat gebruikt wordt.",
		"Un élément du message déclare trop d'espaces de noms, ou trop d'entre eux sont actifs en même temps. Ne déclarez que ceux qui sont utilisés.",
		"Ein Element der Nachricht deklariert zu viele Namensräume, oder es gelten zu viele gleichzeitig. Deklarieren Sie nur, was benutzt wird.",
		"An element of the message declares too many namespaces, or too many are in force at once. Declare only those in use."},
	{XMLNamespaceExpansion, Malformed,
		"Het bericht wisselt te vaak van naamruimte. Gebruik een standaardnaamruimte of verdeel het bericht.",
		"Le message change trop souvent d'espace de noms. Utilisez un espace de noms par défaut ou répartissez le message.",
		"Die Nachricht wechselt zu oft den Namensraum. Verwenden Sie einen Standardnamensraum oder teilen Sie die Nachricht auf.",
		"The message changes namespace too often. Use a default namespace or spread the message over several."},
	{XMLNameTooLong, Malformed,
		"Een naam of een naamruimte in het bericht is te lang. Stuur een bericht volgens het XSD-schema.",
		"Un nom ou un espace de noms du message est trop long. Envoyez un message conforme au schéma XSD.",
		"Ein Name oder ein Namensraum in der Nachricht ist zu lang. Senden Sie eine Nachricht nach dem XSD-Schema.",
		"A name or a namespace in the message is too long. Send a message that follows the XSD."},
	{XMLInstruction, Malformed,
		"Het bericht bevat verwerkingsinstructies (<?…?>) die hier niet toegelaten zijn, of te veel ervan. Laat ze weg.",
		"Le message contient des instructions de traitement (<?…?>) qui ne sont pas admises ici, ou en trop grand nombre. Supprimez-les.",
		"Die Nachricht enthält Verarbeitungsanweisungen (<?…?>), die hier nicht zugelassen sind, oder zu viele davon. Lassen Sie sie weg.",
		"The message holds processing instructions (<?…?>) that are not allowed here, or too many of them. Leave them out."},
	{XMLEmpty, Malformed,
		"Het bericht is leeg of bevat geen enkel element. Stuur een SOAP-bericht.",
		"Le message est vide ou ne contient aucun élément. Envoyez un message SOAP.",
		"Die Nachricht ist leer oder enthält kein einziges Element. Senden Sie eine SOAP-Nachricht.",
		"The message is empty or holds no element at all. Send a SOAP message."},
	{XMLEncodingUnsupported, Malformed,
		"De tekencodering van het bericht wordt niet aanvaard. Gebruik UTF-8 of UTF-16.",
		"L'encodage de caractères du message n'est pas accepté. Utilisez UTF-8 ou UTF-16.",
		"Die Zeichenkodierung der Nachricht wird nicht angenommen. Verwenden Sie UTF-8 oder UTF-16.",
		"The character encoding of the message is not accepted. Use UTF-8 or UTF-16."},
	{XMLEncodingMismatch, Malformed,
		"De XML-declaratie noemt een andere tekencodering dan die van het bericht. Laat beide overeenkomen.",
		"La déclaration XML indique un autre encodage de caractères que celui du message. Faites-les correspondre.",
		"Die XML-Deklaration nennt eine andere Zeichenkodierung als die der Nachricht. Bringen Sie beide in Übereinstimmung.",
		"The XML declaration names another character encoding than that of the message. Make the two agree."},
	{XMLEncodingInvalid, Malformed,
		"Het bericht bevat bytes die geen geldige UTF-8 of UTF-16 zijn. Codeer het hele bericht in één tekencodering.",
		"Le message contient des octets qui ne forment pas de l'UTF-8 ou de l'UTF-16 valide. Encodez tout le message dans un seul encodage.",
		"Die Nachricht enthält Bytes, die kein gültiges UTF-8 oder UTF-16 sind. Kodieren Sie die ganze Nachricht einheitlich.",
		"The message holds bytes that are not valid UTF-8 or UTF-16. Encode the whole message in one encoding."},
	{XMLDeclarationMalformed, Malformed,
		"De XML-declaratie is fout geschreven. Gebruik <?xml version=\"1.0\" encoding=\"UTF-8\"?>, als allereerste teken van het bericht.",
		"La déclaration XML est mal écrite. Utilisez <?xml version=\"1.0\" encoding=\"UTF-8\"?>, tout au début du message.",
		"Die XML-Deklaration ist falsch geschrieben. Verwenden Sie <?xml version=\"1.0\" encoding=\"UTF-8\"?> ganz am Anfang der Nachricht.",
		"The XML declaration is written wrongly. Use <?xml version=\"1.0\" encoding=\"UTF-8\"?> at the very start of the message."},
	{XMLVersionUnsupported, Malformed,
		"Alleen XML-versie 1.0 wordt aanvaard. Pas de XML-declaratie aan.",
		"Seule la version 1.0 de XML est acceptée. Adaptez la déclaration XML.",
		"Nur die XML-Version 1.0 wird angenommen. Passen Sie die XML-Deklaration an.",
		"Only XML version 1.0 is accepted. Change the XML declaration."},
	{XMLDoctype, Malformed,
		"Het bericht bevat een DOCTYPE. SOAP laat dat niet toe; verwijder het.",
		"Le message contient un DOCTYPE. SOAP ne l'admet pas; supprimez-le.",
		"Die Nachricht enthält einen DOCTYPE. SOAP lässt das nicht zu; entfernen Sie ihn.",
		"The message holds a DOCTYPE. SOAP does not allow it; remove it."},
	{XMLCharacterForbidden, Malformed,
		"Het bericht bevat een teken dat in XML niet mag voorkomen, zoals een stuurteken. Verwijder het.",
		"Le message contient un caractère interdit en XML, par exemple un caractère de contrôle. Supprimez-le.",
		"Die Nachricht enthält ein Zeichen, das in XML nicht vorkommen darf, etwa ein Steuerzeichen. Entfernen Sie es.",
		"The message holds a character that XML forbids, such as a control character. Remove it."},
	{XMLReferenceMalformed, Malformed,
		"Een teken & staat los of begint een onvolledige verwijzing. Schrijf &amp; voor het teken zelf.",
		"Un caractère & est isolé ou commence une référence incomplète. Écrivez &amp; pour le caractère lui-même.",
		"Ein Zeichen & steht allein oder beginnt einen unvollständigen Verweis. Schreiben Sie &amp; für das Zeichen selbst.",
		"A character & stands alone or starts an incomplete reference. Write &amp; for the character itself."},
	{XMLReferenceForbidden, Malformed,
		"Een verwijzing (&#…;) duidt een teken aan dat in XML niet mag voorkomen. Verwijder ze.",
		"Une référence (&#…;) désigne un caractère interdit en XML. Supprimez-la.",
		"Ein Verweis (&#…;) bezeichnet ein Zeichen, das in XML nicht vorkommen darf. Entfernen Sie ihn.",
		"A reference (&#…;) denotes a character that XML forbids. Remove it."},
	{XMLEntityUnknown, Malformed,
		"Het bericht gebruikt een andere entiteit dan &lt; &gt; &amp; &apos; en &quot;. Schrijf het teken zelf of gebruik &#…;.",
		"Le message utilise une entité autre que &lt; &gt; &amp; &apos; et &quot;. Écrivez le caractère lui-même ou utilisez &#…;.",
		"Die Nachricht benutzt eine andere Entität als &lt; &gt; &amp; &apos; und &quot;. Schreiben Sie das Zeichen selbst oder verwenden Sie &#…;.",
		"The message uses an entity other than &lt; &gt; &amp; &apos; and &quot;. Write the character itself or use &#…;."},
	{XMLNameMalformed, Malformed,
		"Een naam van een element, attribuut, prefix of instructie is geen geldige XML-naam. Verbeter de naam.",
		"Un nom d'élément, d'attribut, de préfixe ou d'instruction n'est pas un nom XML valide. Corrigez ce nom.",
		"Ein Name eines Elements, Attributs, Präfixes oder einer Anweisung ist kein gültiger XML-Name. Berichtigen Sie ihn.",
		"A name of an element, attribute, prefix or instruction is not a valid XML name. Correct it."},
	{XMLTagMalformed, Malformed,
		"Een begin- of eindtag is fout geschreven. Laat het bericht door een XML-bibliotheek schrijven.",
		"Une balise ouvrante ou fermante est mal écrite. Faites écrire le message par une bibliothèque XML.",
		"Ein Start- oder End-Tag ist falsch geschrieben. Lassen Sie die Nachricht von einer XML-Bibliothek schreiben.",
		"A start tag or end tag is written wrongly. Let an XML library write the message."},
	{XMLMarkupUnknown, Malformed,
		"Na <! staat iets anders dan een commentaar of een CDATA-sectie. Verwijder het.",
		"Après <! se trouve autre chose qu'un commentaire ou une section CDATA. Supprimez-le.",
		"Nach <! steht etwas anderes als ein Kommentar oder ein CDATA-Abschnitt. Entfernen Sie es.",
		"Something other than a comment or a CDATA section follows <!. Remove it."},
	{XMLAttributeMalformed, Malformed,
		"Een attribuut is fout geschreven. Schrijf naam=\"waarde\", met een spatie ervoor.",
		"Un attribut est mal écrit. Écrivez nom=\"valeur\", précédé d'un espace.",
		"Ein Attribut ist falsch geschrieben. Schreiben Sie Name=\"Wert\" mit einem Leerzeichen davor.",
		"An attribute is written wrongly. Write name=\"value\" with a space before it."},
	{XMLAttributeLessThan, Malformed,
		"Een attribuutwaarde bevat het teken <. Schrijf &lt;.",
		"Une valeur d'attribut contient le caractère <. Écrivez &lt;.",
		"Ein Attributwert enthält das Zeichen <. Schreiben Sie &lt;.",
		"An attribute value holds the character <. Write &lt;."},
	{XMLAttributeDuplicate, Malformed,
		"Een element heeft tweemaal hetzelfde attribuut. Behoud er één.",
		"Un élément porte deux fois le même attribut. N'en gardez qu'un.",
		"Ein Element hat dasselbe Attribut zweimal. Behalten Sie eines.",
		"An element has the same attribute twice. Keep one."},
	{XMLPrefixUndeclared, Malformed,
		"Een prefix wordt gebruikt zonder dat zijn naamruimte gedeclareerd is. Voeg xmlns:prefix toe.",
		"Un préfixe est utilisé sans que son espace de noms soit déclaré. Ajoutez xmlns:préfixe.",
		"Ein Präfix wird benutzt, ohne dass sein Namensraum deklariert ist. Fügen Sie xmlns:Präfix hinzu.",
		"A prefix is used whose namespace is not declared. Add xmlns:prefix."},
	{XMLNamespaceReserved, Malformed,
		"De prefixen xml en xmlns en hun naamruimten mogen niet anders gebonden of gebruikt worden. Kies een andere prefix.",
		"Les préfixes xml et xmlns et leurs espaces de noms ne peuvent être ni liés ni utilisés autrement. Choisissez un autre préfixe.",
		"Die Präfixe xml und xmlns und ihre Namensräume dürfen nicht anders gebunden oder benutzt werden. Wählen Sie ein anderes Präfix.",
		"The prefixes xml and xmlns and their namespaces must not be bound or used otherwise. Choose another prefix."},
	{XMLNamespaceEmpty, Malformed,
		"Een prefix wordt aan een lege naamruimte gebonden. Verwijder die declaratie of geef de naamruimte op.",
		"Un préfixe est lié à un espace de noms vide. Supprimez cette déclaration ou indiquez l'espace de noms.",
		"Ein Präfix wird an einen leeren Namensraum gebunden. Entfernen Sie die Deklaration oder geben Sie den Namensraum an.",
		"A prefix is bound to an empty namespace. Remove that declaration or give the namespace."},
	{XMLNamespaceNotAbsolute, Malformed,
		"Een naamruimte is geen absolute URI. Gebruik de naamruimte zoals ze in de WSDL staat.",
		"Un espace de noms n'est pas un URI absolu. Utilisez l'espace de noms tel qu'il figure dans le WSDL.",
		"Ein Namensraum ist keine absolute URI. Verwenden Sie den Namensraum, wie er in der WSDL steht.",
		"A namespace is not an absolute URI. Use the namespace as the WSDL has it."},
	{XMLSectionEndInText, Malformed,
		"De tekst bevat ]]>. Schrijf ]]&gt;.",
		"Le texte contient ]]>. Écrivez ]]&gt;.",
		"Der Text enthält ]]>. Schreiben Sie ]]&gt;.",
		"The text holds ]]>. Write ]]&gt;."},
	{XMLCommentMalformed, Malformed,
		"Een commentaar bevat -- of eindigt op --->. Verwijder het commentaar.",
		"Un commentaire contient -- ou se termine par --->. Supprimez le commentaire.",
		"Ein Kommentar enthält -- oder endet auf --->. Entfernen Sie den Kommentar.",
		"A comment holds -- or ends in --->. Remove the comment."},
	{XMLInstructionMalformed, Malformed,
		"Een verwerkingsinstructie is fout geschreven. Laat ze weg.",
		"Une instruction de traitement est mal écrite. Supprimez-la.",
		"Eine Verarbeitungsanweisung ist falsch geschrieben. Lassen Sie sie weg.",
		"A processing instruction is written wrongly. Leave it out."},
	{XMLInstructionReserved, Malformed,
		"Een XML-declaratie staat niet helemaal vooraan, of een instructie heet xml. Zet de declaratie op de eerste positie of laat ze weg.",
		"Une déclaration XML n'est pas tout au début, ou une instruction s'appelle xml. Placez la déclaration en première position ou supprimez-la.",
		"Eine XML-Deklaration steht nicht ganz am Anfang, oder eine Anweisung heißt xml. Setzen Sie die Deklaration an die erste Stelle oder lassen Sie sie weg.",
		"An XML declaration is not at the very start, or an instruction is named xml. Put the declaration first or leave it out."},
	{XMLContentOutsideRoot, Malformed,
		"Buiten het buitenste element staat tekst of een tweede element. Stuur één document per bericht.",
		"En dehors de l'élément racine se trouve du texte ou un second élément. Envoyez un seul document par message.",
		"Außerhalb des Wurzelelements steht Text oder ein zweites Element. Senden Sie ein Dokument je Nachricht.",
		"There is text or a second element outside the root element. Send one document per message."},
	{XMLEndTagMismatch, Malformed,
		"Een eindtag hoort niet bij het element dat open is. Laat het bericht door een XML-bibliotheek schrijven.",
		"Une balise fermante ne correspond pas à l'élément ouvert. Faites écrire le message par une bibliothèque XML.",
		"Ein End-Tag gehört nicht zum offenen Element. Lassen Sie die Nachricht von einer XML-Bibliothek schreiben.",
		"An end tag does not belong to the element that is open. Let an XML library write the message."},
	{XMLUnexpectedEnd, Malformed,
		"Het bericht breekt af voor het einde. Stuur het volledig, met de juiste Content-Length.",
		"Le message s'interrompt avant la fin. Envoyez-le en entier, avec le Content-Length exact.",
		"Die Nachricht bricht vor dem Ende ab. Senden Sie sie vollständig, mit der richtigen Content-Length.",
		"The message breaks off before its end. Send all of it, with the right Content-Length."},
	{XMLIdentifierDuplicate, Malformed,
		"Twee attributen wsu:Id, xml:id, Id, ID of id hebben dezelfde waarde. Geef elk element een eigen waarde.",
		"Deux attributs wsu:Id, xml:id, Id, ID ou id ont la même valeur. Donnez à chaque élément une valeur propre.",
		"Zwei Attribute wsu:Id, xml:id, Id, ID oder id haben denselben Wert. Geben Sie jedem Element einen eigenen Wert.",
		"Two attributes wsu:Id, xml:id, Id, ID or id have the same value. Give each element its own value."},
}
