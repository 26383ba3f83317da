package problem

import (
	"strings"
	"sync"
)

// Facts returns Public in a language. A refusal writes its facts in English where it arises; what of them is a word and not
// a value is said here in the other languages. Values, names, algorithms and instants are the same in all.
func (e *Error) Facts(l Lang) string { return translate(e.Detail, l) }

// phrase is a fact, or part of one, with a % for each value: the values stand in the same order in every language.
type phrase struct{ EN, NL, FR, DE string }

func (p phrase) in(l Lang) string {
	switch l {
	case NL:
		return p.NL
	case FR:
		return p.FR
	case DE:
		return p.DE
	}
	return p.EN
}

// translate says a fact in a language. Where nothing is known of it, it is a value, and stays as it is.
func translate(fact string, l Lang) string {
	if l == EN || fact == "" {
		return fact
	}
	for _, p := range splitPhrases() {
		values, ok := match(p.english, fact)
		if !ok {
			continue
		}
		var b strings.Builder
		for i, piece := range strings.Split(p.in(l), "%") {
			if i > 0 {
				b.WriteString(translate(values[i-1], l)) // always shorter than the fact
			}
			b.WriteString(piece)
		}
		return b.String()
	}
	return fact
}

// split is a phrase, cut at its values.
type split struct {
	phrase

	english []string
}

var splitPhrases = sync.OnceValue(func() []split {
	all := make([]split, 0, len(phrases))
	for _, p := range phrases {
		all = append(all, split{p, strings.Split(p.EN, "%")})
	}
	return all
})

// match finds the values of a fact between the pieces of a phrase. None is empty.
func match(pieces []string, fact string) ([]string, bool) {
	rest, ok := strings.CutPrefix(fact, pieces[0])
	if !ok || len(pieces) == 1 {
		return nil, ok && rest == ""
	}
	values := make([]string, 0, len(pieces)-1)
	for i, piece := range pieces[1:] {
		at := len(rest) - len(piece)
		if last := i == len(pieces)-2; !last {
			at = strings.Index(rest, piece)
		} else if !strings.HasSuffix(rest, piece) {
			return nil, false
		}
		if at <= 0 {
			return nil, false
		}
		values = append(values, rest[:at])
		rest = rest[at+len(piece):]
	}
	return values, true
}

// phrases are the words of facts. The first that fits counts: what says more stands before what says less.
var phrases = joined(hintPhrases, commonPhrases, clockPhrases, signaturePhrases, packagePhrases, namePhrases, schemaPhrases, numberPhrases)

func joined(parts ...[]phrase) []phrase {
	var all []phrase
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// hintPhrases name, behind what was found, the setting of a client that brings about that and nothing else.
var hintPhrases = []phrase{
	{"% - CXF, WSS4J with MTOM: %", "% - CXF, WSS4J met MTOM: %", "% - CXF, WSS4J avec MTOM : %", "% - CXF, WSS4J mit MTOM: %"},
	{"% - WSS4J: % before %", "% - WSS4J: % vóór %", "% - WSS4J : % avant %", "% - WSS4J: % vor %"},
	{"% - gSOAP: without %", "% - gSOAP: zonder %", "% - gSOAP : sans %", "% - gSOAP: ohne %"},
	{"it has no KeyInfo - wse-php: %, not %; node-soap: % of % or later", "het heeft geen KeyInfo - wse-php: %, niet %; node-soap: % van % of later",
		"il n'a pas de KeyInfo - wse-php : %, non % ; node-soap : % de % ou plus", "es hat kein KeyInfo - wse-php: %, nicht %; node-soap: % ab %"},
	{"cc:Id has an unknown Type, % - known are %", "cc:Id heeft een onbekend Type, % - bekend zijn %", "cc:Id a un Type inconnu, % - sont connus %",
		"cc:Id hat einen unbekannten Type, % - bekannt sind %"},
}

var commonPhrases = []phrase{
	{"element % in namespace %", "element % in naamruimte %", "élément % dans l'espace de noms %", "Element % im Namensraum %"},
	{"element % is too long", "element % is te lang", "l'élément % est trop long", "Element % ist zu lang"},
	{"element % holds elements", "element % bevat elementen", "l'élément % contient des éléments", "Element % enthält Elemente"},
	{"element %", "element %", "élément %", "Element %"},
	{"attribute %", "attribuut %", "attribut %", "Attribut %"},
	{"parameter %", "parameter %", "paramètre %", "Parameter %"},
	{"% limit %", "% grens %", "% limite %", "% Grenze %"},
	{"limit %", "grens %", "limite %", "Grenze %"},
	{"at most % octets with attachments in base64", "hoogstens % bytes, met de bijlagen in base64", "au plus % octets, pièces jointes en base64 comprises", "höchstens % Bytes, mit den Anlagen in Base64"},
	{"at most % octets", "hoogstens % bytes", "au plus % octets", "höchstens % Bytes"},
	{"at most % fields", "hoogstens % velden", "au plus % champs", "höchstens % Felder"},
	{"at most %", "hoogstens %", "au plus %", "höchstens %"},
	{"longer than % octets", "langer dan % bytes", "plus de % octets", "länger als % Bytes"},
	{"it holds elements", "het bevat elementen", "il contient des éléments", "es enthält Elemente"},
	{"it is not base64", "het is geen base64", "ce n'est pas du base64", "es ist kein Base64"},
	{"it is not there", "het staat er niet", "il n'y est pas", "es ist nicht da"},
	{"it is empty", "het is leeg", "il est vide", "es ist leer"},
	{"expected %", "verwacht %", "attendu %", "erwartet %"},
}

var clockPhrases = []phrase{
	{"Created % - good until % - service time %", "Created % - geldig tot % - tijd van de dienst %", "Created % - valable jusqu'à % - heure du service %", "Created % - gültig bis % - Uhrzeit des Dienstes %"},
	{"% - service time %", "% - tijd van de dienst %", "% - heure du service %", "% - Uhrzeit des Dienstes %"},
	{"service time %", "tijd van de dienst %", "heure du service %", "Uhrzeit des Dienstes %"},
	{"valid from %", "geldig vanaf %", "valable à partir du %", "gültig ab %"},
	{"valid until %", "geldig tot %", "valable jusqu'au %", "gültig bis %"},
}

var signaturePhrases = []phrase{
	{"it must hold SignedInfo, SignatureValue and KeyInfo, in this order, and nothing else",
		"er horen SignedInfo, SignatureValue en KeyInfo in te staan, in die volgorde, en niets anders",
		"il doit contenir SignedInfo, SignatureValue et KeyInfo, dans cet ordre, et rien d'autre",
		"es muss SignedInfo, SignatureValue und KeyInfo enthalten, in dieser Reihenfolge, und nichts anderes"},
	{"it must begin with CanonicalizationMethod and SignatureMethod", "het moet beginnen met CanonicalizationMethod en SignatureMethod",
		"il doit commencer par CanonicalizationMethod et SignatureMethod", "es muss mit CanonicalizationMethod und SignatureMethod beginnen"},
	{"after SignatureMethod it must hold References only, and at least one", "na SignatureMethod horen er alleen References te staan, minstens één",
		"après SignatureMethod il ne doit contenir que des Reference, au moins une", "nach SignatureMethod dürfen nur References stehen, mindestens eine"},
	{"it must hold Transforms, DigestMethod and DigestValue, in this order, and nothing else",
		"er horen Transforms, DigestMethod en DigestValue in te staan, in die volgorde, en niets anders",
		"il doit contenir Transforms, DigestMethod et DigestValue, dans cet ordre, et rien d'autre",
		"es muss Transforms, DigestMethod und DigestValue enthalten, in dieser Reihenfolge, und nichts anderes"},
	{"Transforms must hold Transform elements only", "in Transforms horen alleen Transform-elementen", "Transforms ne doit contenir que des éléments Transform",
		"Transforms darf nur Transform-Elemente enthalten"},
	{"its only parameter is one InclusiveNamespaces", "de enige parameter is één InclusiveNamespaces", "son seul paramètre est un InclusiveNamespaces",
		"der einzige Parameter ist ein InclusiveNamespaces"},
	{"this algorithm has no parameters", "dit algoritme heeft geen parameters", "cet algorithme n'a pas de paramètres", "dieser Algorithmus hat keine Parameter"},
	{"% octets where the algorithm gives %", "% bytes waar het algoritme er % geeft", "% octets là où l'algorithme en donne %", "% Bytes, wo der Algorithmus % ergibt"},
	{"% octets where the key needs %", "% bytes waar de sleutel er % vraagt", "% octets là où la clé en demande %", "% Bytes, wo der Schlüssel % verlangt"},
	{"the key is RSA, the algorithm %", "de sleutel is RSA, het algoritme %", "la clé est RSA, l'algorithme %", "der Schlüssel ist RSA, der Algorithmus %"},
	{"the key is ECDSA, the algorithm %", "de sleutel is ECDSA, het algoritme %", "la clé est ECDSA, l'algorithme %", "der Schlüssel ist ECDSA, der Algorithmus %"},
	{"RSA with % bits", "RSA met % bits", "RSA de % bits", "RSA mit % Bit"},
	{"an elliptic curve other than P-256, P-384 and P-521", "een andere elliptische kromme dan P-256, P-384 en P-521",
		"une courbe elliptique autre que P-256, P-384 et P-521", "eine andere elliptische Kurve als P-256, P-384 und P-521"},
	{"curve %", "kromme %", "courbe %", "Kurve %"},
}

var packagePhrases = []phrase{
	{"no closing delimiter", "geen afsluitende scheiding", "pas de délimiteur final", "keine abschließende Trennzeile"},
	{"before the first delimiter", "vóór de eerste scheiding", "avant le premier délimiteur", "vor der ersten Trennzeile"},
	{"after the last delimiter", "na de laatste scheiding", "après le dernier délimiteur", "nach der letzten Trennzeile"},
	{"a delimiter without CRLF before it", "een scheiding zonder CRLF ervoor", "un délimiteur sans CRLF devant", "eine Trennzeile ohne CRLF davor"},
	{"a line that only begins like a delimiter", "een regel die alleen begint als een scheiding", "une ligne qui commence seulement comme un délimiteur",
		"eine Zeile, die nur wie eine Trennzeile beginnt"},
	{"a field stands twice", "een veld staat er twee keer", "un champ figure deux fois", "ein Feld steht zweimal da"},
	{"no empty line after the fields of the request", "geen lege regel na de velden van het verzoek", "pas de ligne vide après les champs de la requête",
		"keine Leerzeile nach den Feldern der Anfrage"},
}

// namePhrases are about the names of issuers that a message writes out, of the holders of certificates, and about paths.
var namePhrases = []phrase{
	{"the name: %", "de naam: %", "le nom : %", "der Name: %"},
	{"it has no parts, or more than %", "zonder delen, of met meer dan %", "sans parties, ou avec plus de %", "ohne Teile, oder mit mehr als %"},
	{"a value is not a short text", "een waarde is geen korte tekst", "une valeur n'est pas un texte court", "ein Wert ist kein kurzer Text"},
	{"it is not a sequence of parts", "geen reeks van delen", "pas une suite de parties", "keine Folge von Teilen"},
	{"a value is not a text", "een waarde is geen tekst", "une valeur n'est pas un texte", "ein Wert ist kein Text"},
	{"a part has a type that is not known", "een deel heeft een onbekend type", "une partie a un type inconnu", "ein Teil hat einen unbekannten Typ"},
	{"a quotation does not end", "een aanhaling houdt niet op", "une citation ne se termine pas", "eine Anführung endet nicht"},
	{"something follows a value", "er volgt iets op een waarde", "quelque chose suit une valeur", "einem Wert folgt etwas"},
	{"a character that needs an escape has none", "een teken dat een \\ vraagt heeft er geen", "un caractère qui demande un \\ n'en a pas",
		"ein Zeichen, das ein \\ braucht, hat keines"},
	{"an escape is not one of RFC 4514", "een \\ die RFC 4514 niet kent", "un \\ que RFC 4514 ne connaît pas", "ein \\, das RFC 4514 nicht kennt"},
	{"a value after # is not hexadecimal", "een waarde na # is niet hexadecimaal", "une valeur après # n'est pas hexadécimale", "ein Wert nach # ist nicht hexadezimal"},
	{"a value after # is not a text in DER", "een waarde na # is geen tekst in DER", "une valeur après # n'est pas un texte en DER", "ein Wert nach # ist kein Text in DER"},
	{"the serial number is not a decimal number of at most % digits", "het serienummer is geen decimaal getal van hoogstens % cijfers",
		"le numéro de série n'est pas un nombre décimal d'au plus % chiffres", "die Seriennummer ist keine Dezimalzahl von höchstens % Ziffern"},
	{"too many parts", "te veel delen", "trop de parties", "zu viele Teile"},
	{"a part with several values", "een deel met verscheidene waarden", "une partie avec plusieurs valeurs", "ein Teil mit mehreren Werten"},
	{"% is not a short text", "% is geen korte tekst", "% n'est pas un texte court", "% ist kein kurzer Text"},
	{"% stands twice", "% staat er twee keer", "% figure deux fois", "% steht zweimal da"},
	{"C or O is not the platform's", "C of O is niet die van het platform", "C ou O n'est pas celui de la plateforme", "C oder O ist nicht das der Plattform"},
	{"CN is not TYPE=number", "CN is niet TYPE=nummer", "CN n'est pas TYPE=numéro", "CN ist nicht TYPE=Nummer"},
	{"the application in CN is not 1 to 30 of A-Z, 0-9, - and _", "de toepassing in CN is niet 1 tot 30 van A-Z, 0-9, - en _",
		"l'application dans CN n'est pas 1 à 30 de A-Z, 0-9, - et _", "die Anwendung in CN ist nicht 1 bis 30 aus A-Z, 0-9, - und _"},
	{"no OU names the platform", "geen OU noemt het platform", "aucun OU ne nomme la plateforme", "kein OU nennt die Plattform"},
	{"not exactly one OU is left for the holder's name", "er blijft niet precies één OU over voor de naam van de houder",
		"il ne reste pas exactement un OU pour le nom du titulaire", "es bleibt nicht genau ein OU für den Namen des Inhabers"},
	{"CN and OU name different identifiers", "CN en OU noemen verschillende nummers", "CN et OU indiquent des numéros différents", "CN und OU nennen verschiedene Nummern"},
	{"no OU repeats what CN says", "geen OU herhaalt wat CN zegt", "aucun OU ne répète ce que dit CN", "kein OU wiederholt, was CN sagt"},
	{"it is not a sequence of certificates", "het is geen reeks van certificaten", "ce n'est pas une suite de certificats", "es ist keine Folge von Zertifikaten"},
	{"it is not a sequence", "het is geen reeks", "ce n'est pas une suite", "es ist keine Folge"},
}

var schemaPhrases = []phrase{
	{"missing: %; expected content: %", "ontbreekt: %; verwachte inhoud: %", "manque : % ; contenu attendu : %", "fehlt: %; erwarteter Inhalt: %"},
	{"expected content: %", "verwachte inhoud: %", "contenu attendu : %", "erwarteter Inhalt: %"},
	{"% and no elements", "% en geen elementen", "% et pas d'éléments", "% und keine Elemente"},
	{"expected: %", "verwacht: %", "attendu : %", "erwartet: %"},
	{"one of %", "een van %", "l'une des valeurs %", "einer von %"},
	{"no attributes", "geen attributen", "pas d'attributs", "keine Attribute"},
	{"no content", "geen inhoud", "pas de contenu", "kein Inhalt"},
	{"only %", "alleen %", "seulement %", "nur %"},
	{"no xsi:type, or one that names %", "geen xsi:type, of een dat % noemt", "pas de xsi:type, ou un qui nomme %", "kein xsi:type, oder eines, das % nennt"},
	{"pairs of a namespace and an address; it is not looked at, better leave it out", "paren van een naamruimte en een adres; er wordt niet naar gekeken, laat het liever weg",
		"des paires d'un espace de noms et d'une adresse ; il n'est pas lu, mieux vaut l'omettre", "Paare aus Namensraum und Adresse; es wird nicht gelesen, lassen Sie es besser weg"},
	{"% of % to % characters", "% van % tot % tekens", "% de % à % caractères", "% von % bis % Zeichen"},
	{"% of at least % characters", "% van minstens % tekens", "% d'au moins % caractères", "% von mindestens % Zeichen"},
	{"% of at most % characters", "% van hoogstens % tekens", "% d'au plus % caractères", "% von höchstens % Zeichen"},
	{"% of % characters", "% van % tekens", "% de % caractères", "% von % Zeichen"},
	{"% of % to % octets", "% van % tot % bytes", "% de % à % octets", "% von % bis % Bytes"},
	{"% of at least % octets", "% van minstens % bytes", "% d'au moins % octets", "% von mindestens % Bytes"},
	{"% of at most % octets", "% van hoogstens % bytes", "% d'au plus % octets", "% von höchstens % Bytes"},
	{"% of % octets", "% van % bytes", "% de % octets", "% von % Bytes"},
	{"% from % to %", "% van % tot %", "% de % à %", "% von % bis %"},
	{"% of % or more", "% van % of meer", "% de % ou plus", "% von % oder mehr"},
	{"% of % or less", "% van % of minder", "% de % ou moins", "% von % oder weniger"},
	{"% that matches %", "% volgens %", "% conforme à %", "% nach %"},
	{"a text", "een tekst", "un texte", "ein Text"},
	{"a URI", "een URI", "un URI", "ein URI"},
	{"a language tag such as nl", "een taalcode zoals nl", "un code de langue comme nl", "ein Sprachkürzel wie nl"},
	{"an XML name that begins with a letter or _ and has no colon", "een XML-naam die met een letter of _ begint en geen dubbele punt heeft",
		"un nom XML qui commence par une lettre ou _ et n'a pas de deux-points", "ein XML-Name, der mit einem Buchstaben oder _ beginnt und keinen Doppelpunkt hat"},
	{"true or false", "true of false", "true ou false", "true oder false"},
	{"a whole number", "een geheel getal", "un nombre entier", "eine ganze Zahl"},
	{"a date as YYYY-MM-DD", "een datum als YYYY-MM-DD", "une date comme YYYY-MM-DD", "ein Datum als YYYY-MM-DD"},
	{"an instant as YYYY-MM-DDThh:mm:ssZ", "een tijdstip als YYYY-MM-DDThh:mm:ssZ", "un instant comme YYYY-MM-DDThh:mm:ssZ", "ein Zeitpunkt als YYYY-MM-DDThh:mm:ssZ"},
	{"octets in base64", "bytes in base64", "des octets en base64", "Bytes in Base64"},
}

// numberPhrases say what is wrong with a number or a UDI, never which one it was.
var numberPhrases = []phrase{
	{"It has % characters instead of % or %.", "Het telt % tekens in plaats van % of %.", "Il compte % caractères au lieu de % ou %.", "Sie hat % Zeichen statt % oder %."},
	{"It has % characters instead of % to %.", "Het telt % tekens in plaats van % tot %.", "Il compte % caractères au lieu de % à %.", "Sie hat % Zeichen statt % bis %."},
	{"It has % characters instead of %.", "Het telt % tekens in plaats van %.", "Il compte % caractères au lieu de %.", "Sie hat % Zeichen statt %."},
	{"It holds something other than digits.", "Er staat iets anders in dan cijfers.", "Il contient autre chose que des chiffres.", "Sie enthält etwas anderes als Ziffern."},
	{"Its check digits do not match.", "De controlecijfers kloppen niet.", "Les chiffres de contrôle ne correspondent pas.", "Die Prüfziffern stimmen nicht."},
	{"Its check digits (the seventh and eighth) match neither modulo 97 nor modulo 89.", "De controlecijfers (het zevende en achtste) kloppen niet met modulo 97 en niet met modulo 89.",
		"Les chiffres de contrôle (septième et huitième) ne correspondent ni au modulo 97 ni au modulo 89.", "Die Prüfziffern (siebte und achte) passen weder zu Modulo 97 noch zu Modulo 89."},
	{"Its first digit is neither 0 nor 1.", "Het eerste cijfer is geen 0 en geen 1.", "Le premier chiffre n'est ni 0 ni 1.", "Die erste Ziffer ist weder 0 noch 1."},
	{"It does not begin with a day that exists.", "Het begint niet met een dag die bestaat.", "Il ne commence pas par un jour qui existe.", "Sie beginnt nicht mit einem Tag, den es gibt."},
	{"Its running number is padded with zeros beyond five digits.", "Het volgnummer is met nullen aangevuld tot meer dan vijf cijfers.",
		"Le numéro d'ordre est complété de zéros au-delà de cinq chiffres.", "Die laufende Nummer ist über fünf Ziffern hinaus mit Nullen aufgefüllt."},
	{"Its first six digits are not a date of birth.", "De eerste zes cijfers zijn geen geboortedatum.", "Les six premiers chiffres ne sont pas une date de naissance.",
		"Die ersten sechs Ziffern sind kein Geburtsdatum."},
	{"Its first six digits are a day that does not exist.", "De eerste zes cijfers zijn een dag die niet bestaat.", "Les six premiers chiffres sont un jour qui n'existe pas.",
		"Die ersten sechs Ziffern sind ein Tag, den es nicht gibt."},
	{"Its sequence number (the seventh to ninth digit) is not between 001 and 997.", "Het volgnummer (zevende tot negende cijfer) ligt niet tussen 001 en 997.",
		"Le numéro d'ordre (du septième au neuvième chiffre) n'est pas entre 001 et 997.", "Die laufende Nummer (siebte bis neunte Ziffer) liegt nicht zwischen 001 und 997."},

	{"It is longer than % bytes.", "Ze is langer dan % bytes.", "Il dépasse % octets.", "Sie ist länger als % Bytes."},
	{"It is empty.", "Ze is leeg.", "Il est vide.", "Sie ist leer."},
	{"It begins with none of the signs of GS1, HIBCC or ICCBBA.", "Ze begint met geen enkel teken van GS1, HIBCC of ICCBBA.", "Il ne commence par aucun signe de GS1, HIBCC ou ICCBBA.",
		"Sie beginnt mit keinem Zeichen von GS1, HIBCC oder ICCBBA."},
	{"It holds no device identifier: scan the first code of the label too.", "Er staat geen device identifier in: scan ook de eerste code van het etiket.",
		"Il ne contient pas d'identifiant de dispositif : lisez aussi le premier code de l'étiquette.", "Sie enthält keine Produktkennung: Scannen Sie auch den ersten Code des Etiketts."},
	{"It does not begin as a HIBC code does.", "Ze begint niet zoals een HIBC-code.", "Il ne commence pas comme un code HIBC.", "Sie beginnt nicht wie ein HIBC-Code."},
	{"It holds a character that HIBC does not have.", "Er staat een teken in dat HIBC niet kent.", "Il contient un caractère que HIBC ne connaît pas.", "Sie enthält ein Zeichen, das HIBC nicht kennt."},
	{"The HIBC check character does not match.", "Het HIBC-controleteken klopt niet.", "Le caractère de contrôle HIBC ne correspond pas.", "Das HIBC-Prüfzeichen stimmt nicht."},
	{"It is a secondary HIBC code, which names no device: scan the primary code too.", "Het is een secundaire HIBC-code, die geen hulpmiddel noemt: scan ook de primaire code.",
		"C'est un code HIBC secondaire, qui ne désigne aucun dispositif : lisez aussi le code primaire.", "Es ist ein sekundärer HIBC-Code, der kein Produkt nennt: Scannen Sie auch den primären Code."},
	{"Its HIBC primary data are not labeler, product and unit of measure.", "De primaire HIBC-gegevens zijn niet fabrikant, product en eenheid.",
		"Les données HIBC primaires ne sont pas étiqueteur, produit et unité.", "Die primären HIBC-Daten sind nicht Hersteller, Produkt und Maßeinheit."},
	{"Its HIBC secondary data cannot be read.", "De secundaire HIBC-gegevens zijn niet te lezen.", "Les données HIBC secondaires sont illisibles.", "Die sekundären HIBC-Daten sind nicht lesbar."},
	{"It holds an ISBT 128 structure that cannot be read.", "Er staat een ISBT 128-structuur in die niet te lezen is.", "Il contient une structure ISBT 128 illisible.",
		"Sie enthält eine ISBT-128-Struktur, die nicht lesbar ist."},
	{"It holds an application identifier that this register does not know, or lacks a separator.", "Er staat een application identifier in die dit register niet kent, of er ontbreekt een scheidingsteken.",
		"Il contient un identifiant d'application que ce registre ne connaît pas, ou il manque un séparateur.", "Sie enthält einen Datenbezeichner, den dieses Register nicht kennt, oder es fehlt ein Trennzeichen."},
	{"It holds an application identifier that this register does not know.", "Er staat een application identifier in die dit register niet kent.",
		"Il contient un identifiant d'application que ce registre ne connaît pas.", "Sie enthält einen Datenbezeichner, den dieses Register nicht kennt."},
	{"It gives two different values for %.", "Ze geeft twee verschillende waarden voor %.", "Il donne deux valeurs différentes pour %.", "Sie gibt zwei verschiedene Werte für % an."},
	{"The value of % does not have the right length.", "De waarde van % heeft niet de juiste lengte.", "La valeur de % n'a pas la bonne longueur.", "Der Wert von % hat nicht die richtige Länge."},
	{"The value of % holds a character that does not belong there.", "In de waarde van % staat een teken dat er niet hoort.", "La valeur de % contient un caractère qui n'y a pas sa place.",
		"Der Wert von % enthält ein Zeichen, das nicht dorthin gehört."},
	{"The value of % is not a day that exists.", "De waarde van % is geen dag die bestaat.", "La valeur de % n'est pas un jour qui existe.", "Der Wert von % ist kein Tag, den es gibt."},
}
