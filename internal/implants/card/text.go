package card

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// translations is one text in the four languages of the card, in this order: Dutch, French, German, English.
type translations [4]string

// distinctTexts returns the texts without duplicates: the card prints a text once if two languages share it.
func (w translations) distinctTexts() []string {
	var out []string
	for _, s := range w {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// joinDistinct returns the distinct texts on one line.
func (w translations) joinDistinct() string { return strings.Join(w.distinctTexts(), separator) }

const (
	separator   = " · "
	ellipsis    = "…"
	unknownMark = "–" // replaces an unknown value, so that it is visibly missing and not forgotten
)

// The texts of the card.
var (
	implantCardTitle = translations{"Implantaatkaart", "Carte d’implant", "Implantatkarte", "Implant card"}
	patientCardTitle = translations{"Patiëntkaart", "Carte patient", "Patientenkarte", "Patient card"}
	registerName     = translations{"Centraal traceringsregister", "Registre central de traçabilité",
		"Zentrales Rückverfolgungsregister", "Central tracing register"}

	implantationKind = translations{"Implantatie", "Implantation", "Implantation", "Implantation"}
	explantationKind = translations{"Explantatie", "Explantation", "Explantation", "Explantation"}

	patientLabel    = translations{"Patiënt", "Patient", "Patient", "Patient"}
	ssinLabel       = translations{"INSZ", "NISS", "ENSS", "SSIN"}
	birthLabel      = translations{"Geboren", "Né(e) le", "Geboren", "Born"}
	dateLabel       = translations{"Datum", "Date", "Datum", "Date"}
	specialistLabel = translations{"Specialist", "Spécialiste", "Facharzt", "Specialist"}
	hospitalLabel   = translations{"Ziekenhuis", "Hôpital", "Krankenhaus", "Hospital"}
	numberLabel     = translations{"Melding", "Notification", "Meldung", "Notification"}
	registeredLabel = translations{"Geregistreerd", "Enregistré", "Registriert", "Registered"}

	deviceColumn         = translations{"Implantaat", "Implant", "Implantat", "Implant"}
	identificationColumn = translations{"Identificatie", "Identification", "Identifikation", "Identification"}
	siteColumn           = translations{"Plaats", "Localisation", "Stelle", "Site"}
	siteAndDateColumn    = translations{"Plaats, geplaatst op", "Localisation, posé le", "Stelle, eingesetzt am", "Site, placed on"}
	quantityColumn       = translations{"Aantal", "Nombre", "Anzahl", "Quantity"}
	removedColumn        = translations{"Verwijderd", "Retiré", "Entfernt", "Removed"}
	remainingColumn      = translations{"Resterend", "Restant", "Verbleibend", "Remaining"}

	leftSide      = translations{"Links", "Gauche", "Links", "Left"}
	rightSide     = translations{"Rechts", "Droite", "Rechts", "Right"}
	bilateralSide = translations{"Beiderzijds", "Bilatéral", "Beidseitig", "Bilateral"}

	deviceNotListed = translations{"Niet in de lijst van implantaten", "Absent de la liste des implants",
		"Nicht in der Implantatliste", "Not on the list of implants"}
	noOperations = translations{"Geen implantaten in het register", "Aucun implant dans le registre",
		"Keine Implantate im Register", "No implants in the register"}

	manufacturerLegend = translations{"Fabrikant", "Fabricant", "Hersteller", "Manufacturer"}
	referenceLegend    = translations{"Referentie", "Référence", "Referenz", "Reference"}
	codeLegend         = translations{"Meldingscode", "Code de notification", "Notifizierungscode", "Notification code"}
	udiLegend          = translations{"Unieke hulpmiddelidentificatie", "Identifiant unique du dispositif",
		"Produktidentifizierung", "Unique device identifier"}
	lotLegend    = translations{"Lotnummer", "Numéro de lot", "Chargennummer", "Lot number"}
	serialLegend = translations{"Serienummer", "Numéro de série", "Seriennummer", "Serial number"}
	expiryLegend = translations{"Vervaldatum", "Date de péremption", "Verfallsdatum", "Use-by date"}
)

// disclaimer states that this is not the manufacturer's card of Article 18 of Regulation (EU) 2017/745: the patient
// needs both.
var disclaimer = translations{
	"Deze kaart komt uit het register. Ze vervangt niet de implantaatkaart van de fabrikant (artikel 18 van Verordening " +
		"(EU) 2017/745): bewaar beide. Een vraag of een fout? Neem contact op met het ziekenhuis of de specialist op " +
		"deze kaart en vermeld het meldingsnummer.",
	"Cette carte provient du registre. Elle ne remplace pas la carte d’implant du fabricant (article 18 du règlement " +
		"(UE) 2017/745)\u00a0: conservez les deux. Une question ou une erreur\u00a0? Adressez-vous à l’hôpital ou au spécialiste " +
		"indiqué sur cette carte et citez le numéro de notification.",
	"Diese Karte stammt aus dem Register. Sie ersetzt nicht den Implantationsausweis des Herstellers (Artikel 18 der " +
		"Verordnung (EU) 2017/745): Bewahren Sie beide auf. Eine Frage oder ein Fehler? Wenden Sie sich an das " +
		"Krankenhaus oder den Facharzt auf dieser Karte und nennen Sie die Meldungsnummer.",
	"This card comes from the register. It does not replace the manufacturer’s implant card (Article 18 of Regulation " +
		"(EU) 2017/745): keep both. A question, or a mistake? Contact the hospital or the specialist named on this card " +
		"and quote the notification number.",
}

// maxValueLength bounds one printed value, in characters. No field of the contract is longer, but names from the
// authentic sources have no limit, and one name must not fill the card.
const maxValueLength = 250

// sanitizeText makes a value safe to print: one line, no control or invisible formatting characters (a bidirectional
// override could make a number read backwards), no invalid UTF-8, and no character beyond the Basic Multilingual Plane,
// which the tables of the PDF library cannot hold. A character that the font lacks is printed as the font's empty box,
// and copying from the PDF still gives the character.
func sanitizeText(s string) string {
	var b strings.Builder
	count, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = b.Len() > 0
			continue
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Variation_Selector, r):
			continue
		case r > 0xFFFF || r == 0xFFFE || r == 0xFFFF:
			r = utf8.RuneError
		}
		if count >= maxValueLength {
			return b.String() + ellipsis
		}
		if space {
			b.WriteByte(' ')
			space = false
			count++
		}
		b.WriteRune(r)
		count++
	}
	return b.String()
}

// orUnknown returns the value, or unknownMark if it is empty.
func orUnknown(s string) string {
	if s == "" {
		return unknownMark
	}
	return s
}

// groupDigits splits digits into groups of the given sizes; the last group has the remaining digits.
func groupDigits(digits, between string, sizes ...int) string {
	var b strings.Builder
	for _, size := range sizes {
		if size <= 0 || len(digits) <= size {
			break
		}
		b.WriteString(digits[:size] + between)
		digits = digits[size:]
	}
	return b.String() + digits
}

// formatSSIN formats a person's number as on identity cards: 48.02.29-073.79.
func formatSSIN(digits string) string {
	if len(digits) != 11 {
		return digits
	}
	return groupDigits(digits[:6], ".", 2, 2) + "-" + groupDigits(digits[6:], ".", 3)
}

// formatNIHII formats a professional's number as on prescriptions: 1-78003-89-480, or 1-78003-89 without qualification.
func formatNIHII(digits string) string { return groupDigits(digits, "-", 1, 5, 2) }

// formatNotificationNumber separates the day, the sequence number and the check digits of a notification number.
func formatNotificationNumber(digits string) string {
	return groupDigits(digits, "\u00a0", 8, len(digits)-10)
}
