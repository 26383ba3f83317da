package problem

// Codes of schema validation. Detail says what was expected.
const (
	SchemaRefused   Code = "SCHEMA_INVALID"
	SchemaRoot      Code = "SCHEMA_ROOT"
	SchemaElement   Code = "SCHEMA_ELEMENT"
	SchemaMissing   Code = "SCHEMA_MISSING"
	SchemaText      Code = "SCHEMA_TEXT"
	SchemaValue     Code = "SCHEMA_VALUE"
	SchemaAttribute Code = "SCHEMA_ATTRIBUTE"
	SchemaXSIType   Code = "SCHEMA_XSI_TYPE"
	SchemaXSIPrefix Code = "SCHEMA_XSI_PREFIX"
)

var schemaCodes = []Entry{
	{SchemaRefused, SchemaInvalid,
		"Het bericht volgt het schema (XSD) niet. Verbeter elke genoemde plaats en verstuur het opnieuw ondertekend.",
		"Le message ne suit pas le schéma (XSD). Corrigez chaque endroit indiqué et renvoyez-le avec une nouvelle signature.",
		"Die Nachricht folgt dem Schema (XSD) nicht. Berichtigen Sie jede genannte Stelle und senden Sie sie neu signiert.",
		"The message does not follow the schema (XSD). Correct every place named and send it again, signed anew."},
	{SchemaRoot, SchemaInvalid,
		"Het element in de Body is geen bericht van deze dienst. Controleer de naam en de namespace met de WSDL.",
		"L'élément dans le Body n'est pas un message de ce service. Comparez son nom et son espace de noms avec le WSDL.",
		"Das Element im Body ist keine Nachricht dieses Dienstes. Vergleichen Sie Name und Namensraum mit der WSDL.",
		"The element in the Body is not a message of this service. Compare its name and namespace with the WSDL."},
	{SchemaElement, SchemaInvalid,
		"Dit element hoort hier niet. Controleer de naam, de namespace, de volgorde en het aantal met het schema.",
		"Cet élément n'a pas sa place ici. Vérifiez son nom, son espace de noms, l'ordre et le nombre avec le schéma.",
		"Dieses Element gehört nicht hierher. Prüfen Sie Name, Namensraum, Reihenfolge und Anzahl anhand des Schemas.",
		"This element does not belong here. Check its name, its namespace, the order and the number against the schema."},
	{SchemaMissing, SchemaInvalid,
		"Hier ontbreekt een verplicht element of attribuut. Voeg het toe.",
		"Il manque ici un élément ou un attribut obligatoire. Ajoutez-le.",
		"Hier fehlt ein vorgeschriebenes Element oder Attribut. Fügen Sie es hinzu.",
		"A required element or attribute is missing here. Add it."},
	{SchemaText, SchemaInvalid,
		"Dit element bevat tekst, maar mag alleen elementen bevatten. Verwijder de tekst.",
		"Cet élément contient du texte mais ne peut contenir que des éléments. Supprimez le texte.",
		"Dieses Element enthält Text, darf aber nur Elemente enthalten. Entfernen Sie den Text.",
		"This element holds text but may hold elements only. Remove the text."},
	{SchemaValue, SchemaInvalid,
		"De waarde is hier niet toegelaten. Gebruik een waarde die het schema toelaat.",
		"La valeur n'est pas admise ici. Utilisez une valeur que le schéma admet.",
		"Der Wert ist hier nicht zugelassen. Verwenden Sie einen Wert, den das Schema zulässt.",
		"The value is not allowed here. Use one that the schema allows."},
	{SchemaAttribute, SchemaInvalid,
		"Dit attribuut hoort hier niet. Verwijder het of controleer de naam met het schema.",
		"Cet attribut n'a pas sa place ici. Supprimez-le ou vérifiez son nom avec le schéma.",
		"Dieses Attribut gehört nicht hierher. Entfernen Sie es oder prüfen Sie den Namen anhand des Schemas.",
		"This attribute does not belong here. Remove it or check its name against the schema."},
	{SchemaXSIType, SchemaInvalid,
		"Het type in xsi:type past hier niet. Laat xsi:type weg of noem het type uit het schema.",
		"Le type dans xsi:type ne convient pas ici. Supprimez xsi:type ou indiquez le type du schéma.",
		"Der Typ in xsi:type passt hier nicht. Lassen Sie xsi:type weg oder nennen Sie den Typ aus dem Schema.",
		"The type in xsi:type does not fit here. Leave xsi:type out or name the type of the schema."},
	{SchemaXSIPrefix, SchemaInvalid,
		"De prefix in xsi:type is niet door de handtekening gedekt. Laat xsi:type weg, of gebruik een prefix die ook in de naam van dit element of een element erboven in het bericht staat.",
		"Le préfixe dans xsi:type n'est pas couvert par la signature. Supprimez xsi:type, ou utilisez un préfixe qui figure aussi dans le nom de cet élément ou d'un élément du message qui le contient.",
		"Das Präfix in xsi:type ist nicht von der Signatur abgedeckt. Lassen Sie xsi:type weg, oder verwenden Sie ein Präfix, das auch im Namen dieses oder eines umgebenden Elements der Nachricht steht.",
		"The prefix in xsi:type is not covered by the signature. Leave xsi:type out, or use a prefix that also stands in the name of this element or of one around it in the message."},
}
