package problem

// Codes for invalid identifiers and dates.
const (
	SSINInvalid               Code = "SSIN_INVALID"
	NIHIIInvalid              Code = "NIHII_INVALID"
	CBEInvalid                Code = "CBE_INVALID"
	EHPInvalid                Code = "EHP_INVALID"
	ImplantCodeInvalid        Code = "IMPLANT_CODE_INVALID"
	NotificationNumberInvalid Code = "NOTIFICATION_NUMBER_INVALID"
	DateInvalid               Code = "DATE_INVALID"
	UDIUnparsable             Code = "UDI_UNPARSABLE"
	UDIGTINCheck              Code = "UDI_GTIN_CHECK"
)

var identCodes = []Entry{
	{SSINInvalid, RuleViolated,
		"Dit INSZ-nummer is geen geldig identificatienummer van de sociale zekerheid. Neem de 11 cijfers over van de identiteitskaart of het BIS-document, zonder punten, spaties of streepjes.",
		"Ce numéro NISS n'est pas un numéro d'identification de la sécurité sociale valable. Recopiez les 11 chiffres de la carte d'identité ou du document BIS, sans points, espaces ni tirets.",
		"Diese ENSS-Nummer ist keine gültige Erkennungsnummer der sozialen Sicherheit. Übernehmen Sie die 11 Ziffern vom Personalausweis oder BIS-Dokument, ohne Punkte, Leerzeichen oder Striche.",
		"This SSIN (INSZ/NISS) is not a valid social security identification number. Copy the 11 digits from the identity card or BIS document, without dots, spaces or dashes."},
	{NIHIIInvalid, RuleViolated,
		"Dit RIZIV-nummer is niet geldig. Geef 8 cijfers op, of 11 cijfers met de bekwaamheidscode, zonder streepjes.",
		"Ce numéro INAMI n'est pas valable. Indiquez 8 chiffres, ou 11 chiffres avec le code de compétence, sans tirets.",
		"Diese LIKIV-Nummer ist nicht gültig. Geben Sie 8 Ziffern an, oder 11 Ziffern mit dem Befähigungscode, ohne Striche.",
		"This NIHII (RIZIV/INAMI) number is not valid. Give 8 digits, or 11 digits with the qualification code, without dashes."},
	{CBEInvalid, RuleViolated,
		"Dit ondernemingsnummer (KBO) is niet geldig. Geef de 10 cijfers op, met de eerste 0 of 1, zonder punten en zonder BE.",
		"Ce numéro d'entreprise (BCE) n'est pas valable. Indiquez les 10 chiffres, y compris le 0 ou le 1 initial, sans points et sans BE.",
		"Diese Unternehmensnummer (ZDU) ist nicht gültig. Geben Sie die 10 Ziffern an, mit der führenden 0 oder 1, ohne Punkte und ohne BE.",
		"This enterprise number (CBE) is not valid. Give the 10 digits, with the leading 0 or 1, without dots and without BE."},
	{EHPInvalid, RuleViolated,
		"Dit EHP-nummer is niet geldig. Geef de 10 cijfers op die het eHealth-platform toekende.",
		"Ce numéro EHP n'est pas valable. Indiquez les 10 chiffres attribués par la plate-forme eHealth.",
		"Diese EHP-Nummer ist nicht gültig. Geben Sie die 10 Ziffern an, die die eHealth-Plattform vergeben hat.",
		"This EHP number is not valid. Give the 10 digits that the eHealth platform assigned."},
	{ImplantCodeInvalid, RuleViolated,
		"Deze notificatiecode van een implantaat is niet geldig. Geef de 12 cijfers van de lijst van genotificeerde implantaten op, met de nullen vooraan.",
		"Ce code de notification d'implant n'est pas valable. Indiquez les 12 chiffres de la liste des implants notifiés, avec les zéros du début.",
		"Dieser Notifizierungscode eines Implantats ist nicht gültig. Geben Sie die 12 Ziffern der Liste der notifizierten Implantate an, mit den führenden Nullen.",
		"This notification code of an implant is not valid. Give the 12 digits of the list of notified implants, with the leading zeros."},
	{NotificationNumberInvalid, RuleViolated,
		"Dit meldingsnummer is niet geldig. Neem alle cijfers over van het ontvangstbewijs of de implantaatkaart.",
		"Ce numéro de déclaration n'est pas valable. Recopiez tous les chiffres de l'accusé de réception ou de la carte d'implant.",
		"Diese Meldungsnummer ist nicht gültig. Übernehmen Sie alle Ziffern von der Empfangsbestätigung oder vom Implantatpass.",
		"This notification number is not valid. Copy all digits from the receipt or the implant card."},
	{DateInvalid, RuleViolated,
		"Deze datum bestaat niet of is niet geschreven als JJJJ-MM-DD. Verbeter de datum.",
		"Cette date n'existe pas ou n'est pas écrite sous la forme AAAA-MM-JJ. Corrigez la date.",
		"Dieses Datum gibt es nicht oder es ist nicht als JJJJ-MM-TT geschrieben. Berichtigen Sie das Datum.",
		"This date does not exist or is not written as YYYY-MM-DD. Correct the date."},
	{UDIUnparsable, RuleViolated,
		"Deze UDI volgt geen van de gekende vormen (GS1, HIBCC, ICCBBA). Scan de code opnieuw of neem ze volledig over van het etiket.",
		"Cet IUD (UDI) ne suit aucune des formes connues (GS1, HIBCC, ICCBBA). Scannez le code à nouveau ou recopiez-le en entier de l'étiquette.",
		"Diese UDI folgt keiner der bekannten Formen (GS1, HIBCC, ICCBBA). Scannen Sie den Code erneut oder übernehmen Sie ihn vollständig vom Etikett.",
		"This UDI follows none of the known forms (GS1, HIBCC, ICCBBA). Scan the code again, or copy it in full from the label."},
	{UDIGTINCheck, RuleViolated,
		"Het controlecijfer van de GTIN in deze UDI klopt niet. Scan de code opnieuw of vergelijk de 14 cijfers na (01) met het etiket.",
		"Le chiffre de contrôle du GTIN dans cet IUD (UDI) n'est pas correct. Scannez le code à nouveau ou comparez les 14 chiffres après (01) avec l'étiquette.",
		"Die Prüfziffer der GTIN in dieser UDI stimmt nicht. Scannen Sie den Code erneut oder vergleichen Sie die 14 Ziffern nach (01) mit dem Etikett.",
		"The check digit of the GTIN in this UDI is wrong. Scan the code again, or compare the 14 digits after (01) with the label."},
}
