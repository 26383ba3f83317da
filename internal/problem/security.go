package problem

// Codes of message security (SOAP Message Security 1.1.1, X.509 Certificate Token Profile 1.1.1, XML Signature 1.1).
// Detail contains the algorithm, the time or the limit; Path names the element. The texts name the client setting that
// usually causes the error (WSS4J and CXF, .NET, zeep, wse-php, node-soap, gSOAP, xmlsec, curl).
const (
	// Header.
	SecurityMissing    Code = "SECURITY_HEADER_MISSING"
	SecurityUnexpected Code = "SECURITY_PART_UNEXPECTED"
	SecurityRepeated   Code = "SECURITY_PART_REPEATED"
	TimestampMissing   Code = "TIMESTAMP_MISSING"
	TokenMissing       Code = "SECURITY_TOKEN_MISSING"
	SignatureMissing   Code = "SIGNATURE_MISSING"

	// Timestamp.
	TimestampMalformed Code = "TIMESTAMP_MALFORMED"
	TimestampInstant   Code = "TIMESTAMP_INSTANT_MALFORMED"
	TimestampOrder     Code = "TIMESTAMP_EXPIRES_BEFORE_CREATED"
	TimestampFuture    Code = "TIMESTAMP_IN_FUTURE"
	TimestampExpired   Code = "TIMESTAMP_EXPIRED"

	// Token, and the signature's reference to it.
	TokenUnsupported        Code = "SECURITY_TOKEN_UNSUPPORTED"
	TokenEncoding           Code = "SECURITY_TOKEN_ENCODING"
	TokenMalformed          Code = "SECURITY_TOKEN_MALFORMED"
	TokenUnreadable         Code = "SECURITY_TOKEN_NOT_A_CERTIFICATE"
	TokenPathTooLong        Code = "SECURITY_TOKEN_PATH_TOO_LONG"
	TokenPathOrder          Code = "SECURITY_TOKEN_PATH_ORDER"
	KeyReferenceMissing     Code = "KEY_REFERENCE_MISSING"
	KeyReferenceUnsupported Code = "KEY_REFERENCE_UNSUPPORTED"
	KeyReferenceWrong       Code = "KEY_REFERENCE_NOT_THE_TOKEN"
	KeyReferenceAmbiguous   Code = "KEY_REFERENCE_AMBIGUOUS"
	KeyReferenceMalformed   Code = "KEY_REFERENCE_MALFORMED"
	KeyReferenceDisagrees   Code = "KEY_REFERENCE_DISAGREES"
	KeyUnregistered         Code = "KEY_NOT_REGISTERED"

	// Structure and algorithms of the signature.
	SignatureStructure          Code = "SIGNATURE_STRUCTURE"
	CanonicalizationUnsupported Code = "CANONICALIZATION_UNSUPPORTED"
	SignatureUnsupported        Code = "SIGNATURE_ALGORITHM_UNSUPPORTED"
	SignatureHMAC               Code = "SIGNATURE_HMAC_REFUSED"
	SignatureSHA1               Code = "SIGNATURE_SHA1_REFUSED"
	DigestUnsupported           Code = "DIGEST_ALGORITHM_UNSUPPORTED"
	DigestSHA1                  Code = "DIGEST_SHA1_REFUSED"
	TransformUnsupported        Code = "TRANSFORM_UNSUPPORTED"
	TransformSTRParameters      Code = "TRANSFORM_STR_PARAMETERS"
	TransformSTRTarget          Code = "TRANSFORM_STR_TARGET"
	TransformMissing            Code = "TRANSFORM_MISSING"
	TransformsTooMany           Code = "TRANSFORMS_TOO_MANY"
	ReferencesTooMany           Code = "REFERENCES_TOO_MANY"
	PrefixesTooMany             Code = "PREFIX_LIST_TOO_LONG"
	DigestValueMalformed        Code = "DIGEST_VALUE_MALFORMED"
	SignatureValueMalformed     Code = "SIGNATURE_VALUE_MALFORMED"

	// References of the signature.
	ReferenceEmpty    Code = "REFERENCE_EMPTY"
	ReferenceExternal Code = "REFERENCE_EXTERNAL"
	ReferencePointer  Code = "REFERENCE_POINTER"
	ReferenceUnknown  Code = "REFERENCE_NOT_FOUND"
	ReferenceIDKind   Code = "REFERENCE_ID_ATTRIBUTE"
	ReferenceTarget   Code = "REFERENCE_TARGET_REFUSED"
	ReferenceTwice    Code = "REFERENCE_REPEATED"
	BodyUnsigned      Code = "BODY_NOT_SIGNED"
	TimestampUnsigned Code = "TIMESTAMP_NOT_SIGNED"
	TokenUnsigned     Code = "SECURITY_TOKEN_NOT_SIGNED"

	// Cryptographic verification.
	SignatureKeyUnsupported Code = "SIGNATURE_KEY_UNSUPPORTED"
	SignatureKeyMismatch    Code = "SIGNATURE_KEY_MISMATCH"
	SignatureInvalid        Code = "SIGNATURE_INVALID"
	DigestMismatch          Code = "DIGEST_MISMATCH"
	MessageReplayed         Code = "MESSAGE_REPLAYED"
)

// WSSFault returns the local name of the WS-Security fault code for a code (SOAP Message Security 1.1.1 section 12),
// and whether there is one.
func WSSFault(c Code) (string, bool) {
	switch c {
	case SecurityMissing, SecurityTwice, SecurityUnexpected, SecurityRepeated, TimestampMissing, SignatureMissing,
		TimestampMalformed, TimestampInstant, TimestampOrder, KeyReferenceMissing, KeyReferenceUnsupported,
		KeyReferenceAmbiguous, KeyReferenceMalformed, TransformSTRTarget,
		SignatureStructure, TransformsTooMany, ReferencesTooMany, PrefixesTooMany, MessageReplayed,
		ReferenceEmpty, ReferenceExternal, ReferencePointer, ReferenceIDKind, ReferenceTarget, ReferenceTwice:
		return "InvalidSecurity", true
	case TimestampFuture, TimestampExpired:
		return "MessageExpired", true
	case TokenMissing, KeyReferenceWrong, KeyUnregistered:
		return "SecurityTokenUnavailable", true
	case TokenUnsupported, TokenEncoding, TokenMalformed, TokenUnreadable, TokenPathTooLong, TokenPathOrder,
		KeyReferenceDisagrees, SignatureKeyUnsupported,
		CertSubjectForm, CertSubjectType, CertSubjectNumber, CertSubjectDisagrees, CertSignatureWeak, CertRevoked,
		CertNotYetValid, CertExpired, CertIsAuthority, CertKeyUsage, CertKeyUnsupported:
		return "InvalidSecurityToken", true
	case CertUntrusted, CertRevocationUnknown:
		return "FailedAuthentication", true
	case CanonicalizationUnsupported, SignatureUnsupported, SignatureHMAC, SignatureSHA1, DigestUnsupported,
		DigestSHA1, TransformUnsupported, TransformSTRParameters, TransformMissing:
		return "UnsupportedAlgorithm", true
	case ReferenceUnknown, BodyUnsigned, TimestampUnsigned, TokenUnsigned, SignatureKeyMismatch, DigestValueMalformed,
		SignatureValueMalformed, SignatureInvalid, DigestMismatch:
		return "FailedCheck", true
	}
	return "", false
}

var securityCodes = []Entry{
	{SecurityMissing, Unauthenticated,
		"Het bericht heeft geen wsse:Security-header voor deze dienst. Onderteken het bericht met uw eHealth-certificaat (WSS4J: acties Timestamp en Signature), zonder actor of role.",
		"Le message n'a pas d'en-tête wsse:Security pour ce service. Signez le message avec votre certificat eHealth (WSS4J : actions Timestamp et Signature), sans actor ni role.",
		"Die Nachricht hat keinen wsse:Security-Header für diesen Dienst. Signieren Sie die Nachricht mit Ihrem eHealth-Zertifikat (WSS4J: Aktionen Timestamp und Signature), ohne actor oder role.",
		"The message has no wsse:Security header for this service. Sign the message with your eHealth certificate (WSS4J: actions Timestamp and Signature), without actor or role."},
	{SecurityUnexpected, Unauthenticated,
		"De wsse:Security-header bevat een element dat deze dienst niet aanvaardt. Laat er alleen Timestamp, BinarySecurityToken en Signature in staan; versleutel niets (WSS4J: geen actie Encrypt).",
		"L'en-tête wsse:Security contient un élément que ce service n'accepte pas. N'y laissez que Timestamp, BinarySecurityToken et Signature ; ne chiffrez rien (WSS4J : pas d'action Encrypt).",
		"Der wsse:Security-Header enthält ein Element, das dieser Dienst nicht annimmt. Lassen Sie nur Timestamp, BinarySecurityToken und Signature darin; verschlüsseln Sie nichts (WSS4J: keine Aktion Encrypt).",
		"The wsse:Security header holds an element that this service does not accept. Leave only Timestamp, BinarySecurityToken and Signature in it; encrypt nothing (WSS4J: no action Encrypt)."},
	{SecurityRepeated, Unauthenticated,
		"Een onderdeel van de wsse:Security-header staat er twee keer. Onderteken één keer, met één Timestamp, één BinarySecurityToken en één Signature (CXF: gebruik niet tegelijk een policy en een WSS4J-interceptor).",
		"Une partie de l'en-tête wsse:Security y figure deux fois. Signez une seule fois, avec un Timestamp, un BinarySecurityToken et une Signature (CXF : n'utilisez pas à la fois une policy et un intercepteur WSS4J).",
		"Ein Teil des wsse:Security-Headers steht zweimal darin. Signieren Sie einmal, mit einem Timestamp, einem BinarySecurityToken und einer Signature (CXF: nicht zugleich eine Policy und einen WSS4J-Interceptor verwenden).",
		"A part of the wsse:Security header stands in it twice. Sign once, with one Timestamp, one BinarySecurityToken and one Signature (CXF: do not use a policy and a WSS4J interceptor together)."},
	{TimestampMissing, Unauthenticated,
		"De wsse:Security-header heeft geen wsu:Timestamp. Voeg er een toe, met Created en hoogstens 5 minuten later Expires, in UTC zoals 2026-11-21T10:00:00Z, en onderteken hem mee (WSS4J: actie Timestamp vóór Signature; zeep heeft er zelf geen: zet in Compose vóór de handtekening een eigen klasse waarvan apply hem toevoegt; wse-php: addTimestamp vóór signSoapDoc; node-soap: hasTimeStamp true).",
		"L'en-tête wsse:Security n'a pas de wsu:Timestamp. Ajoutez-en un, avec Created et, au plus 5 minutes plus tard, Expires, en UTC comme 2026-11-21T10:00:00Z, et signez-le aussi (WSS4J : action Timestamp avant Signature ; zeep n'en a pas : mettez dans Compose, avant la signature, une classe à vous dont apply l'ajoute ; wse-php : addTimestamp avant signSoapDoc ; node-soap : hasTimeStamp true).",
		"Der wsse:Security-Header hat keinen wsu:Timestamp. Fügen Sie einen hinzu, mit Created und höchstens 5 Minuten später Expires, in UTC wie 2026-11-21T10:00:00Z, und signieren Sie ihn mit (WSS4J: Aktion Timestamp vor Signature; zeep hat keinen: setzen Sie in Compose vor die Signatur eine eigene Klasse, deren apply ihn hinzufügt; wse-php: addTimestamp vor signSoapDoc; node-soap: hasTimeStamp true).",
		"The wsse:Security header has no wsu:Timestamp. Add one, with Created and at most 5 minutes later Expires, in UTC like 2026-11-21T10:00:00Z, and sign it too (WSS4J: action Timestamp before Signature; zeep has none: in Compose, put before the signature a class of your own whose apply adds it; wse-php: addTimestamp before signSoapDoc; node-soap: hasTimeStamp true)."},
	{TokenMissing, Unauthenticated,
		"De ds:KeyInfo verwijst naar een wsse:BinarySecurityToken, maar de wsse:Security-header heeft er geen. Stuur het certificaat mee (WSS4J: signatureKeyIdentifier DirectReference; zeep: BinarySignature; WCF: AlwaysToRecipient).",
		"Le ds:KeyInfo désigne un wsse:BinarySecurityToken, mais l'en-tête wsse:Security n'en a pas. Envoyez le certificat (WSS4J : signatureKeyIdentifier DirectReference ; zeep : BinarySignature ; WCF : AlwaysToRecipient).",
		"Die ds:KeyInfo verweist auf ein wsse:BinarySecurityToken, aber der wsse:Security-Header hat keines. Senden Sie das Zertifikat mit (WSS4J: signatureKeyIdentifier DirectReference; zeep: BinarySignature; WCF: AlwaysToRecipient).",
		"The ds:KeyInfo refers to a wsse:BinarySecurityToken, but the wsse:Security header has none. Send the certificate along (WSS4J: signatureKeyIdentifier DirectReference; zeep: BinarySignature; WCF: AlwaysToRecipient)."},
	{SignatureMissing, Unauthenticated,
		"De wsse:Security-header heeft geen ds:Signature. Onderteken Body en Timestamp (WSS4J: actie Signature).",
		"L'en-tête wsse:Security n'a pas de ds:Signature. Signez le Body et le Timestamp (WSS4J : action Signature).",
		"Der wsse:Security-Header hat keine ds:Signature. Signieren Sie Body und Timestamp (WSS4J: Aktion Signature).",
		"The wsse:Security header has no ds:Signature. Sign Body and Timestamp (WSS4J: action Signature)."},

	{TimestampMalformed, Unauthenticated,
		"De wsu:Timestamp moet één wsu:Created bevatten, daarna hoogstens één wsu:Expires, en niets anders. Laat hem door uw WS-Security-bibliotheek schrijven.",
		"Le wsu:Timestamp doit contenir un wsu:Created, puis au plus un wsu:Expires, et rien d'autre. Laissez votre bibliothèque WS-Security l'écrire.",
		"Der wsu:Timestamp muss ein wsu:Created enthalten, danach höchstens ein wsu:Expires, und nichts sonst. Lassen Sie ihn von Ihrer WS-Security-Bibliothek schreiben.",
		"The wsu:Timestamp must hold one wsu:Created, then at most one wsu:Expires, and nothing else. Let your WS-Security library write it."},
	{TimestampInstant, Unauthenticated,
		"Een tijdstip in de wsu:Timestamp is geen xs:dateTime met tijdzone. Schrijf het in UTC, zoals 2026-11-21T10:00:00Z (Java: Instant.now(); Python: strftime(\"%Y-%m-%dT%H:%M:%SZ\"), UTC; PHP: gmdate(\"Y-m-d\\TH:i:s\\Z\")).",
		"Un instant du wsu:Timestamp n'est pas un xs:dateTime avec fuseau horaire. Écrivez-le en UTC, comme 2026-11-21T10:00:00Z (Java : Instant.now() ; Python : strftime(\"%Y-%m-%dT%H:%M:%SZ\"), UTC ; PHP : gmdate(\"Y-m-d\\TH:i:s\\Z\")).",
		"Ein Zeitpunkt im wsu:Timestamp ist kein xs:dateTime mit Zeitzone. Schreiben Sie ihn in UTC, wie 2026-11-21T10:00:00Z (Java: Instant.now(); Python: strftime(\"%Y-%m-%dT%H:%M:%SZ\"), UTC; PHP: gmdate(\"Y-m-d\\TH:i:s\\Z\")).",
		"An instant in the wsu:Timestamp is not an xs:dateTime with a time zone. Write it in UTC, like 2026-11-21T10:00:00Z (Java: Instant.now(); Python: strftime(\"%Y-%m-%dT%H:%M:%SZ\"), UTC; PHP: gmdate(\"Y-m-d\\TH:i:s\\Z\"))."},
	{TimestampOrder, Unauthenticated,
		"In de wsu:Timestamp ligt Expires niet na Created. Geef een positieve geldigheidsduur op (WSS4J: timeToLive 60).",
		"Dans le wsu:Timestamp, Expires n'est pas postérieur à Created. Indiquez une durée de validité positive (WSS4J : timeToLive 60).",
		"Im wsu:Timestamp liegt Expires nicht nach Created. Geben Sie eine positive Gültigkeitsdauer an (WSS4J: timeToLive 60).",
		"In the wsu:Timestamp, Expires is not after Created. Set a positive time to live (WSS4J: timeToLive 60)."},
	{TimestampFuture, Unauthenticated,
		"Het bericht is volgens zijn Timestamp in de toekomst gemaakt. Zet de klok van uw systeem gelijk (NTP), schrijf de tijd in UTC en niet als lokale tijd met Z.",
		"Selon son Timestamp, le message a été créé dans le futur. Mettez l'horloge de votre système à l'heure (NTP), écrivez l'heure en UTC et non l'heure locale avec Z.",
		"Die Nachricht wurde laut ihrem Timestamp in der Zukunft erstellt. Stellen Sie die Uhr Ihres Systems (NTP), schreiben Sie die Zeit in UTC und nicht als Ortszeit mit Z.",
		"By its Timestamp the message was made in the future. Set your system's clock (NTP), and write the time in UTC, not local time with a Z."},
	{TimestampExpired, Unauthenticated,
		"Het bericht is verlopen: het is geldig tot Expires, en hoogstens 5 minuten na Created. Zet de klok van uw systeem gelijk (NTP), schrijf de tijd in UTC, en onderteken pas vlak voor het versturen.",
		"Le message a expiré : il est valable jusqu'à Expires, et au plus 5 minutes après Created. Mettez l'horloge de votre système à l'heure (NTP), écrivez l'heure en UTC, et signez juste avant l'envoi.",
		"Die Nachricht ist abgelaufen: Sie gilt bis Expires, und höchstens 5 Minuten nach Created. Stellen Sie die Uhr Ihres Systems (NTP), schreiben Sie die Zeit in UTC, und signieren Sie erst kurz vor dem Senden.",
		"The message has expired: it is good until Expires, and at most 5 minutes after Created. Set your system's clock (NTP), write the time in UTC, and sign just before sending."},

	{TokenUnsupported, Unauthenticated,
		"Deze dienst aanvaardt dit soort token niet. Stuur één BinarySecurityToken met ValueType …#X509v3 of …#X509PKIPathv1; geen UsernameToken, SAML-bewering, EncryptedKey of PKCS #7 (WSS4J: actie Signature, useSingleCertificate true).",
		"Ce service n'accepte pas ce type de jeton. Envoyez un BinarySecurityToken avec ValueType …#X509v3 ou …#X509PKIPathv1 ; pas de UsernameToken, d'assertion SAML, d'EncryptedKey ni de PKCS #7 (WSS4J : action Signature, useSingleCertificate true).",
		"Dieser Dienst nimmt diese Art von Token nicht an. Senden Sie ein BinarySecurityToken mit ValueType …#X509v3 oder …#X509PKIPathv1; kein UsernameToken, keine SAML-Assertion, keinen EncryptedKey und kein PKCS #7 (WSS4J: Aktion Signature, useSingleCertificate true).",
		"This service does not accept this kind of token. Send one BinarySecurityToken with ValueType …#X509v3 or …#X509PKIPathv1; no UsernameToken, SAML assertion, EncryptedKey or PKCS #7 (WSS4J: action Signature, useSingleCertificate true)."},
	{TokenEncoding, Unauthenticated,
		"De EncodingType van het BinarySecurityToken of de KeyIdentifier wordt niet aanvaard. Gebruik …wss-soap-message-security-1.0#Base64Binary of laat het attribuut weg.",
		"L'EncodingType du BinarySecurityToken ou du KeyIdentifier n'est pas accepté. Utilisez …wss-soap-message-security-1.0#Base64Binary ou omettez l'attribut.",
		"Der EncodingType des BinarySecurityToken oder des KeyIdentifier wird nicht angenommen. Verwenden Sie …wss-soap-message-security-1.0#Base64Binary oder lassen Sie das Attribut weg.",
		"The EncodingType of the BinarySecurityToken or KeyIdentifier is not accepted. Use …wss-soap-message-security-1.0#Base64Binary, or leave the attribute out."},
	{TokenMalformed, Unauthenticated,
		"Het element met het certificaat bevat geen leesbare base64 van een aanvaarde lengte. Zet er het certificaat in DER-vorm in, als base64, zonder de regels -----BEGIN en -----END.",
		"L'élément qui porte le certificat ne contient pas de base64 lisible d'une longueur acceptée. Mettez-y le certificat sous forme DER, en base64, sans les lignes -----BEGIN et -----END.",
		"Das Element mit dem Zertifikat enthält kein lesbares Base64 von angenommener Länge. Setzen Sie das Zertifikat in DER-Form als Base64 ein, ohne die Zeilen -----BEGIN und -----END.",
		"The element with the certificate holds no readable base64 of an accepted length. Put the certificate into it in DER form, as base64, without the lines -----BEGIN and -----END."},
	{TokenUnreadable, Unauthenticated,
		"Het element met het certificaat bevat geen X.509-certificaat, of bij ValueType …#X509PKIPathv1 geen PKIPath. Zet er alleen uw eigen certificaat in, niet het .p12-bestand en geen PKCS #7.",
		"L'élément qui porte le certificat ne contient pas de certificat X.509, ou pas de PKIPath avec ValueType …#X509PKIPathv1. N'y mettez que votre propre certificat, ni le fichier .p12 ni un PKCS #7.",
		"Das Element mit dem Zertifikat enthält kein X.509-Zertifikat, oder bei ValueType …#X509PKIPathv1 keinen PKIPath. Setzen Sie nur Ihr eigenes Zertifikat ein, weder die .p12-Datei noch ein PKCS #7.",
		"The element with the certificate holds no X.509 certificate, or with ValueType …#X509PKIPathv1 no PKIPath. Put only your own certificate into it, neither the .p12 file nor a PKCS #7."},
	{TokenPathTooLong, Unauthenticated,
		"De PKIPath in het BinarySecurityToken heeft te veel certificaten. Stuur alleen uw eigen certificaat (WSS4J: useSingleCertificate true).",
		"Le PKIPath du BinarySecurityToken compte trop de certificats. N'envoyez que votre propre certificat (WSS4J : useSingleCertificate true).",
		"Der PKIPath im BinarySecurityToken hat zu viele Zertifikate. Senden Sie nur Ihr eigenes Zertifikat (WSS4J: useSingleCertificate true).",
		"The PKIPath in the BinarySecurityToken has too many certificates. Send only your own certificate (WSS4J: useSingleCertificate true)."},
	{TokenPathOrder, Unauthenticated,
		"De certificaten van de PKIPath staan niet in volgorde. Elk moet uitgegeven zijn door het vorige, zodat uw eigen certificaat het laatste is; of stuur alleen dat (WSS4J: useSingleCertificate true).",
		"Les certificats du PKIPath ne sont pas dans l'ordre. Chacun doit être émis par le précédent, de sorte que le vôtre soit le dernier ; ou n'envoyez que celui-ci (WSS4J : useSingleCertificate true).",
		"Die Zertifikate des PKIPath stehen nicht in der richtigen Reihenfolge. Jedes muss vom vorigen ausgestellt sein, sodass Ihr eigenes das letzte ist; oder senden Sie nur dieses (WSS4J: useSingleCertificate true).",
		"The certificates of the PKIPath are not in order. Each must be issued by the one before it, so that your own is the last; or send only that one (WSS4J: useSingleCertificate true)."},
	{KeyReferenceMissing, Unauthenticated,
		"De ds:KeyInfo van de handtekening noemt geen sleutel. Zet er één wsse:SecurityTokenReference in met één verwijzing naar het BinarySecurityToken (WSS4J: signatureKeyIdentifier DirectReference).",
		"Le ds:KeyInfo de la signature ne désigne pas de clé. Mettez-y un wsse:SecurityTokenReference avec une seule référence au BinarySecurityToken (WSS4J : signatureKeyIdentifier DirectReference).",
		"Die ds:KeyInfo der Signatur nennt keinen Schlüssel. Setzen Sie eine wsse:SecurityTokenReference mit einem Verweis auf das BinarySecurityToken ein (WSS4J: signatureKeyIdentifier DirectReference).",
		"The ds:KeyInfo of the signature names no key. Put one wsse:SecurityTokenReference into it with one reference to the BinarySecurityToken (WSS4J: signatureKeyIdentifier DirectReference)."},
	{KeyReferenceUnsupported, Unauthenticated,
		"De handtekening noemt haar sleutel op een manier die deze dienst niet aanvaardt. Verwijs met wsse:Reference naar het BinarySecurityToken, of stuur het certificaat in een KeyIdentifier …#X509v3 of in X509Data; een losse KeyValue of KeyName bewijst niets (WSS4J: signatureKeyIdentifier DirectReference; wse-php: attachTokentoSig).",
		"La signature désigne sa clé d'une manière que ce service n'accepte pas. Référez au BinarySecurityToken par wsse:Reference, ou envoyez le certificat dans un KeyIdentifier …#X509v3 ou dans X509Data ; une KeyValue ou un KeyName seuls ne prouvent rien (WSS4J : signatureKeyIdentifier DirectReference ; wse-php : attachTokentoSig).",
		"Die Signatur nennt ihren Schlüssel auf eine Weise, die dieser Dienst nicht annimmt. Verweisen Sie mit wsse:Reference auf das BinarySecurityToken, oder senden Sie das Zertifikat in einem KeyIdentifier …#X509v3 oder in X509Data; ein bloßer KeyValue oder KeyName beweist nichts (WSS4J: signatureKeyIdentifier DirectReference; wse-php: attachTokentoSig).",
		"The signature names its key in a way that this service does not accept. Refer to the BinarySecurityToken by wsse:Reference, or send the certificate in a KeyIdentifier …#X509v3 or in X509Data; a bare KeyValue or KeyName proves nothing (WSS4J: signatureKeyIdentifier DirectReference; wse-php: attachTokentoSig)."},
	{KeyReferenceWrong, Unauthenticated,
		"De verwijzing in ds:KeyInfo wijst niet naar het BinarySecurityToken van deze header. Zet in URI een # gevolgd door de wsu:Id van het token, en als ValueType dat van het token, …#X509v3 (WSS4J: signatureKeyIdentifier DirectReference; wse-php: attachTokentoSig).",
		"La référence dans ds:KeyInfo ne désigne pas le BinarySecurityToken de cet en-tête. Mettez dans URI un # suivi du wsu:Id du jeton, et comme ValueType celui du jeton, …#X509v3 (WSS4J : signatureKeyIdentifier DirectReference ; wse-php : attachTokentoSig).",
		"Der Verweis in ds:KeyInfo zeigt nicht auf das BinarySecurityToken dieses Headers. Setzen Sie in URI ein # und die wsu:Id des Tokens, und als ValueType den des Tokens, …#X509v3 (WSS4J: signatureKeyIdentifier DirectReference; wse-php: attachTokentoSig).",
		"The reference in ds:KeyInfo does not point to the BinarySecurityToken of this header. Set URI to # and the token's wsu:Id, and ValueType to the token's own, …#X509v3 (WSS4J: signatureKeyIdentifier DirectReference; wse-php: attachTokentoSig)."},
	{KeyReferenceAmbiguous, Unauthenticated,
		"De ds:KeyInfo noemt meer dan één sleutel of certificaat. Laat er één verwijzing in staan, met alleen uw eigen certificaat en niet de keten (WSS4J: useSingleCertificate true; xmlsec: geef alleen uw eigen certificaat bij de sleutel).",
		"Le ds:KeyInfo désigne plus d'une clé ou d'un certificat. N'y laissez qu'une référence, avec votre seul certificat et non la chaîne (WSS4J : useSingleCertificate true ; xmlsec : ne donnez que votre certificat avec la clé).",
		"Die ds:KeyInfo nennt mehr als einen Schlüssel oder ein Zertifikat. Lassen Sie nur einen Verweis darin, mit Ihrem eigenen Zertifikat und nicht der Kette (WSS4J: useSingleCertificate true; xmlsec: nur das eigene Zertifikat zum Schlüssel angeben).",
		"The ds:KeyInfo names more than one key or certificate. Leave one reference in it, with your own certificate alone and not the chain (WSS4J: useSingleCertificate true; xmlsec: give only your own certificate with the key)."},
	{KeyReferenceMalformed, Unauthenticated,
		"De verwijzing in ds:KeyInfo is niet te lezen. Schrijf X509IssuerName volgens RFC 4514 en X509SerialNumber decimaal, en een KeyIdentifier als base64; of stuur het certificaat zelf mee (WSS4J: signatureKeyIdentifier DirectReference).",
		"La référence dans ds:KeyInfo est illisible. Écrivez X509IssuerName selon RFC 4514 et X509SerialNumber en décimal, et un KeyIdentifier en base64 ; ou envoyez le certificat même (WSS4J : signatureKeyIdentifier DirectReference).",
		"Der Verweis in ds:KeyInfo ist nicht lesbar. Schreiben Sie X509IssuerName nach RFC 4514 und X509SerialNumber dezimal, und einen KeyIdentifier als Base64; oder senden Sie das Zertifikat selbst mit (WSS4J: signatureKeyIdentifier DirectReference).",
		"The reference in ds:KeyInfo cannot be read. Write X509IssuerName by RFC 4514 and X509SerialNumber in decimal, and a KeyIdentifier as base64; or send the certificate itself (WSS4J: signatureKeyIdentifier DirectReference)."},
	{KeyReferenceDisagrees, Unauthenticated,
		"De ds:KeyInfo noemt een ander certificaat dan het meegestuurde. Haal beide uit dezelfde sleutel van uw .p12, en stuur na een vernieuwing nergens het oude certificaat.",
		"Le ds:KeyInfo désigne un autre certificat que celui envoyé. Tirez les deux de la même clé de votre .p12, et après un renouvellement n'envoyez plus nulle part l'ancien certificat.",
		"Die ds:KeyInfo nennt ein anderes Zertifikat als das mitgesandte. Nehmen Sie beide vom selben Schlüssel Ihrer .p12, und senden Sie nach einer Erneuerung nirgends mehr das alte Zertifikat.",
		"The ds:KeyInfo names another certificate than the one sent along. Take both from the same key of your .p12, and after a renewal send the old certificate nowhere any more."},
	{KeyUnregistered, Unauthenticated,
		"De handtekening noemt een certificaat zonder het mee te sturen, en komt niet overeen met een certificaat dat bij deze dienst geregistreerd is. Stuur het certificaat mee (WSS4J: signatureKeyIdentifier DirectReference in plaats van IssuerSerial, SKIKeyIdentifier of Thumbprint; WCF: AlwaysToRecipient).",
		"La signature désigne un certificat sans l'envoyer, et ne correspond pas à un certificat enregistré auprès de ce service. Envoyez le certificat (WSS4J : signatureKeyIdentifier DirectReference au lieu de IssuerSerial, SKIKeyIdentifier ou Thumbprint ; WCF : AlwaysToRecipient).",
		"Die Signatur nennt ein Zertifikat, ohne es mitzusenden, und passt zu keinem Zertifikat, das bei diesem Dienst registriert ist. Senden Sie das Zertifikat mit (WSS4J: signatureKeyIdentifier DirectReference statt IssuerSerial, SKIKeyIdentifier oder Thumbprint; WCF: AlwaysToRecipient).",
		"The signature names a certificate without sending it, and does not match a certificate that is registered with this service. Send the certificate along (WSS4J: signatureKeyIdentifier DirectReference instead of IssuerSerial, SKIKeyIdentifier or Thumbprint; WCF: AlwaysToRecipient)."},

	{SignatureStructure, Unauthenticated,
		"De ds:Signature is niet opgebouwd zoals XML Signature het voorschrijft. Laat ze door uw WS-Security-bibliotheek maken, en wijzig ze daarna niet.",
		"La ds:Signature n'est pas construite comme XML Signature le prescrit. Laissez votre bibliothèque WS-Security la produire, et ne la modifiez pas ensuite.",
		"Die ds:Signature ist nicht aufgebaut, wie XML Signature es vorschreibt. Lassen Sie sie von Ihrer WS-Security-Bibliothek erstellen und ändern Sie sie danach nicht.",
		"The ds:Signature is not built as XML Signature prescribes. Let your WS-Security library make it, and do not change it afterwards."},
	{CanonicalizationUnsupported, Unauthenticated,
		"Deze canonicalisatie van SignedInfo wordt niet aanvaard. Gebruik http://www.w3.org/2001/10/xml-exc-c14n#, zonder commentaar (WSS4J: signatureC14nAlgorithm; xmlsec: EXCL_C14N; Java: CanonicalizationMethod.EXCLUSIVE; gSOAP: SOAP_XML_CANONICAL).",
		"Cette canonicalisation de SignedInfo n'est pas acceptée. Utilisez http://www.w3.org/2001/10/xml-exc-c14n#, sans commentaires (WSS4J : signatureC14nAlgorithm ; xmlsec : EXCL_C14N ; Java : CanonicalizationMethod.EXCLUSIVE ; gSOAP : SOAP_XML_CANONICAL).",
		"Diese Kanonisierung von SignedInfo wird nicht angenommen. Verwenden Sie http://www.w3.org/2001/10/xml-exc-c14n#, ohne Kommentare (WSS4J: signatureC14nAlgorithm; xmlsec: EXCL_C14N; Java: CanonicalizationMethod.EXCLUSIVE; gSOAP: SOAP_XML_CANONICAL).",
		"This canonicalisation of SignedInfo is not accepted. Use http://www.w3.org/2001/10/xml-exc-c14n#, without comments (WSS4J: signatureC14nAlgorithm; xmlsec: EXCL_C14N; Java: CanonicalizationMethod.EXCLUSIVE; gSOAP: SOAP_XML_CANONICAL)."},
	{SignatureUnsupported, Unauthenticated,
		"Dit handtekeningalgoritme wordt niet aanvaard. Gebruik rsa-sha256, of ecdsa-sha256 met een EC-sleutel (WSS4J: signatureAlgorithm; xmlsec: RSA_SHA256 of ECDSA_SHA256; wse-php: XMLSecurityKey::RSA_SHA256).",
		"Cet algorithme de signature n'est pas accepté. Utilisez rsa-sha256, ou ecdsa-sha256 avec une clé EC (WSS4J : signatureAlgorithm ; xmlsec : RSA_SHA256 ou ECDSA_SHA256 ; wse-php : XMLSecurityKey::RSA_SHA256).",
		"Dieser Signaturalgorithmus wird nicht angenommen. Verwenden Sie rsa-sha256, oder ecdsa-sha256 mit einem EC-Schlüssel (WSS4J: signatureAlgorithm; xmlsec: RSA_SHA256 oder ECDSA_SHA256; wse-php: XMLSecurityKey::RSA_SHA256).",
		"This signature algorithm is not accepted. Use rsa-sha256, or ecdsa-sha256 with an EC key (WSS4J: signatureAlgorithm; xmlsec: RSA_SHA256 or ECDSA_SHA256; wse-php: XMLSecurityKey::RSA_SHA256)."},
	{SignatureHMAC, Unauthenticated,
		"HMAC bewijst niet wie ondertekende en wordt nooit aanvaard. Onderteken met de private sleutel van uw certificaat: rsa-sha256 of ecdsa-sha256 (WSS4J: signatureAlgorithm; xmlsec: RSA_SHA256).",
		"HMAC ne prouve pas qui a signé et n'est jamais accepté. Signez avec la clé privée de votre certificat : rsa-sha256 ou ecdsa-sha256 (WSS4J : signatureAlgorithm ; xmlsec : RSA_SHA256).",
		"HMAC beweist nicht, wer signiert hat, und wird nie angenommen. Signieren Sie mit dem privaten Schlüssel Ihres Zertifikats: rsa-sha256 oder ecdsa-sha256 (WSS4J: signatureAlgorithm; xmlsec: RSA_SHA256).",
		"HMAC does not prove who signed and is never accepted. Sign with the private key of your certificate: rsa-sha256 or ecdsa-sha256 (WSS4J: signatureAlgorithm; xmlsec: RSA_SHA256)."},
	{SignatureSHA1, Unauthenticated,
		"Handtekeningen met SHA-1 worden niet aanvaard. Gebruik http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 (WSS4J: signatureAlgorithm, of setSignatureAlgorithm; CXF-policy: ws-security.asymmetric.signature.algorithm; zeep: signature_method=xmlsec.Transform.RSA_SHA256; wse-php: XMLSecurityKey::RSA_SHA256; node-soap: signatureAlgorithm; .NET: SignedInfo.SignatureMethod; Metro: sp:AlgorithmSuite signatureAlgorithm=\"SHA256withRSA\").",
		"Les signatures avec SHA-1 ne sont pas acceptées. Utilisez http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 (WSS4J : signatureAlgorithm, ou setSignatureAlgorithm ; policy CXF : ws-security.asymmetric.signature.algorithm ; zeep : signature_method=xmlsec.Transform.RSA_SHA256 ; wse-php : XMLSecurityKey::RSA_SHA256 ; node-soap : signatureAlgorithm ; .NET : SignedInfo.SignatureMethod ; Metro : sp:AlgorithmSuite signatureAlgorithm=\"SHA256withRSA\").",
		"Signaturen mit SHA-1 werden nicht angenommen. Verwenden Sie http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 (WSS4J: signatureAlgorithm, oder setSignatureAlgorithm; CXF-Policy: ws-security.asymmetric.signature.algorithm; zeep: signature_method=xmlsec.Transform.RSA_SHA256; wse-php: XMLSecurityKey::RSA_SHA256; node-soap: signatureAlgorithm; .NET: SignedInfo.SignatureMethod; Metro: sp:AlgorithmSuite signatureAlgorithm=\"SHA256withRSA\").",
		"Signatures with SHA-1 are not accepted. Use http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 (WSS4J: signatureAlgorithm, or setSignatureAlgorithm; CXF policy: ws-security.asymmetric.signature.algorithm; zeep: signature_method=xmlsec.Transform.RSA_SHA256; wse-php: XMLSecurityKey::RSA_SHA256; node-soap: signatureAlgorithm; .NET: SignedInfo.SignatureMethod; Metro: sp:AlgorithmSuite signatureAlgorithm=\"SHA256withRSA\")."},
	{DigestUnsupported, Unauthenticated,
		"Dit digestalgoritme wordt niet aanvaard. Gebruik http://www.w3.org/2001/04/xmlenc#sha256 (WSS4J: signatureDigestAlgorithm).",
		"Cet algorithme de digest n'est pas accepté. Utilisez http://www.w3.org/2001/04/xmlenc#sha256 (WSS4J : signatureDigestAlgorithm).",
		"Dieser Digest-Algorithmus wird nicht angenommen. Verwenden Sie http://www.w3.org/2001/04/xmlenc#sha256 (WSS4J: signatureDigestAlgorithm).",
		"This digest algorithm is not accepted. Use http://www.w3.org/2001/04/xmlenc#sha256 (WSS4J: signatureDigestAlgorithm)."},
	{DigestSHA1, Unauthenticated,
		"Digest SHA-1 wordt niet aanvaard. Gebruik SHA-256 (WSS4J: signatureDigestAlgorithm, of setDigestAlgo; CXF: AlgorithmSuite Basic256Sha256; zeep: digest_method=xmlsec.Transform.SHA256; wse-php: signSoapDoc met optie algorithm XMLSecurityDSig::SHA256; node-soap: 1.2 of later, zonder digestAlgorithm; .NET: Reference.DigestMethod).",
		"Le digest SHA-1 n'est pas accepté. Utilisez SHA-256 (WSS4J : signatureDigestAlgorithm, ou setDigestAlgo ; CXF : AlgorithmSuite Basic256Sha256 ; zeep : digest_method=xmlsec.Transform.SHA256 ; wse-php : signSoapDoc avec l'option algorithm XMLSecurityDSig::SHA256 ; node-soap : 1.2 ou plus, sans digestAlgorithm ; .NET : Reference.DigestMethod).",
		"Der Digest SHA-1 wird nicht angenommen. Verwenden Sie SHA-256 (WSS4J: signatureDigestAlgorithm, oder setDigestAlgo; CXF: AlgorithmSuite Basic256Sha256; zeep: digest_method=xmlsec.Transform.SHA256; wse-php: signSoapDoc mit Option algorithm XMLSecurityDSig::SHA256; node-soap: ab 1.2, ohne digestAlgorithm; .NET: Reference.DigestMethod).",
		"Digest SHA-1 is not accepted. Use SHA-256 (WSS4J: signatureDigestAlgorithm, or setDigestAlgo; CXF: AlgorithmSuite Basic256Sha256; zeep: digest_method=xmlsec.Transform.SHA256; wse-php: signSoapDoc with the option algorithm XMLSecurityDSig::SHA256; node-soap: 1.2 or later, without digestAlgorithm; .NET: Reference.DigestMethod)."},
	{TransformUnsupported, Unauthenticated,
		"Deze transformatie wordt niet aanvaard. Gebruik voor elke Reference alleen http://www.w3.org/2001/10/xml-exc-c14n#; geen XPath, XSLT, base64 of inclusieve canonicalisatie (.NET: XmlDsigExcC14NTransform; xmlsec: EXCL_C14N; Java: CanonicalizationMethod.EXCLUSIVE).",
		"Cette transformation n'est pas acceptée. Utilisez pour chaque Reference seulement http://www.w3.org/2001/10/xml-exc-c14n# ; pas de XPath, XSLT, base64 ni canonicalisation inclusive (.NET : XmlDsigExcC14NTransform ; xmlsec : EXCL_C14N ; Java : CanonicalizationMethod.EXCLUSIVE).",
		"Diese Transformation wird nicht angenommen. Verwenden Sie für jede Reference nur http://www.w3.org/2001/10/xml-exc-c14n#; kein XPath, XSLT, Base64 und keine inklusive Kanonisierung (.NET: XmlDsigExcC14NTransform; xmlsec: EXCL_C14N; Java: CanonicalizationMethod.EXCLUSIVE).",
		"This transform is not accepted. Use only http://www.w3.org/2001/10/xml-exc-c14n# for each Reference; no XPath, XSLT, base64 or inclusive canonicalisation (.NET: XmlDsigExcC14NTransform; xmlsec: EXCL_C14N; Java: CanonicalizationMethod.EXCLUSIVE)."},
	{TransformSTRParameters, Unauthenticated,
		"De STR-Transform zegt niet hoe het token gecanonicaliseerd is. Zet er wsse:TransformationParameters in met een ds:CanonicalizationMethod http://www.w3.org/2001/10/xml-exc-c14n#, of onderteken het BinarySecurityToken zelf (WSS4J: signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken in plaats van STRTransform).",
		"La STR-Transform ne dit pas comment le jeton est canonicalisé. Mettez-y wsse:TransformationParameters avec une ds:CanonicalizationMethod http://www.w3.org/2001/10/xml-exc-c14n#, ou signez le BinarySecurityToken lui-même (WSS4J : signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken au lieu de STRTransform).",
		"Die STR-Transform sagt nicht, wie das Token kanonisiert ist. Setzen Sie wsse:TransformationParameters mit einer ds:CanonicalizationMethod http://www.w3.org/2001/10/xml-exc-c14n# ein, oder signieren Sie das BinarySecurityToken selbst (WSS4J: signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken statt STRTransform).",
		"The STR-Transform does not say how the token is canonicalised. Put wsse:TransformationParameters into it with a ds:CanonicalizationMethod http://www.w3.org/2001/10/xml-exc-c14n#, or sign the BinarySecurityToken itself (WSS4J: signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken instead of STRTransform)."},
	{TransformSTRTarget, Unauthenticated,
		"Een Reference met STR-Transform wijst niet naar de wsse:SecurityTokenReference in de ds:KeyInfo van deze handtekening. Zet in URI een # gevolgd door de wsu:Id daarvan, of onderteken het BinarySecurityToken zelf (WSS4J: signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken in plaats van STRTransform).",
		"Une Reference avec STR-Transform ne désigne pas le wsse:SecurityTokenReference du ds:KeyInfo de cette signature. Mettez dans URI un # suivi de son wsu:Id, ou signez le BinarySecurityToken lui-même (WSS4J : signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken au lieu de STRTransform).",
		"Eine Reference mit STR-Transform zeigt nicht auf die wsse:SecurityTokenReference in der ds:KeyInfo dieser Signatur. Setzen Sie in URI ein # und deren wsu:Id, oder signieren Sie das BinarySecurityToken selbst (WSS4J: signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken statt STRTransform).",
		"A Reference with an STR-Transform does not point to the wsse:SecurityTokenReference in the ds:KeyInfo of this signature. Set URI to # and its wsu:Id, or sign the BinarySecurityToken itself (WSS4J: signatureParts {Element}{…secext-1.0.xsd}BinarySecurityToken instead of STRTransform)."},
	{TransformMissing, Unauthenticated,
		"Een Reference heeft geen exclusieve canonicalisatie. Voeg er de Transform http://www.w3.org/2001/10/xml-exc-c14n# aan toe (.NET: AddTransform(new XmlDsigExcC14NTransform()); xmlsec: add_transform(…, EXCL_C14N)).",
		"Une Reference n'a pas de canonicalisation exclusive. Ajoutez-y la Transform http://www.w3.org/2001/10/xml-exc-c14n# (.NET : AddTransform(new XmlDsigExcC14NTransform()) ; xmlsec : add_transform(…, EXCL_C14N)).",
		"Eine Reference hat keine exklusive Kanonisierung. Fügen Sie die Transform http://www.w3.org/2001/10/xml-exc-c14n# hinzu (.NET: AddTransform(new XmlDsigExcC14NTransform()); xmlsec: add_transform(…, EXCL_C14N)).",
		"A Reference has no exclusive canonicalisation. Add the Transform http://www.w3.org/2001/10/xml-exc-c14n# to it (.NET: AddTransform(new XmlDsigExcC14NTransform()); xmlsec: add_transform(…, EXCL_C14N))."},
	{TransformsTooMany, Unauthenticated,
		"Een Reference heeft te veel transformaties. Laat alleen de exclusieve canonicalisatie staan.",
		"Une Reference a trop de transformations. Ne laissez que la canonicalisation exclusive.",
		"Eine Reference hat zu viele Transformationen. Lassen Sie nur die exklusive Kanonisierung stehen.",
		"A Reference has too many transforms. Leave only the exclusive canonicalisation."},
	{ReferencesTooMany, Unauthenticated,
		"De handtekening heeft te veel References. Onderteken alleen Body, Timestamp en BinarySecurityToken (WSS4J: signatureParts).",
		"La signature a trop de References. Ne signez que Body, Timestamp et BinarySecurityToken (WSS4J : signatureParts).",
		"Die Signatur hat zu viele References. Signieren Sie nur Body, Timestamp und BinarySecurityToken (WSS4J: signatureParts).",
		"The signature has too many References. Sign only Body, Timestamp and BinarySecurityToken (WSS4J: signatureParts)."},
	{PrefixesTooMany, Unauthenticated,
		"Een InclusiveNamespaces PrefixList is te lang. Laat ze weg (WSS4J: addInclusivePrefixes false) of declareer minder naamruimten op de Envelope.",
		"Une PrefixList d'InclusiveNamespaces est trop longue. Omettez-la (WSS4J : addInclusivePrefixes false) ou déclarez moins d'espaces de noms sur l'Envelope.",
		"Eine PrefixList von InclusiveNamespaces ist zu lang. Lassen Sie sie weg (WSS4J: addInclusivePrefixes false) oder deklarieren Sie weniger Namensräume am Envelope.",
		"An InclusiveNamespaces PrefixList is too long. Leave it out (WSS4J: addInclusivePrefixes false), or declare fewer namespaces on the Envelope."},
	{DigestValueMalformed, Unauthenticated,
		"Een DigestValue is geen base64 van de juiste lengte voor haar algoritme. Schrijf de octetten van de digest als base64, niet hexadecimaal.",
		"Une DigestValue n'est pas du base64 de la longueur propre à son algorithme. Écrivez les octets du digest en base64, non en hexadécimal.",
		"Ein DigestValue ist kein Base64 der Länge, die zu seinem Algorithmus gehört. Schreiben Sie die Oktette des Digests als Base64, nicht hexadezimal.",
		"A DigestValue is not base64 of the length that its algorithm gives. Write the octets of the digest as base64, not in hexadecimal."},
	{SignatureValueMalformed, Unauthenticated,
		"De SignatureValue is geen base64 van de juiste lengte voor uw sleutel. Schrijf bij ECDSA r en s na elkaar, elk met vaste lengte, en niet in ASN.1 (DER) (.NET: DSASignatureFormat.IeeeP1363FixedFieldConcatenation; Java: SHA256withECDSAinP1363Format; Node: dsaEncoding 'ieee-p1363'; OpenSSL: d2i_ECDSA_SIG, daarna BN_bn2binpad).",
		"La SignatureValue n'est pas du base64 de la longueur propre à votre clé. Pour ECDSA, écrivez r et s à la suite, chacun de longueur fixe, et non en ASN.1 (DER) (.NET : DSASignatureFormat.IeeeP1363FixedFieldConcatenation ; Java : SHA256withECDSAinP1363Format ; Node : dsaEncoding 'ieee-p1363' ; OpenSSL : d2i_ECDSA_SIG, puis BN_bn2binpad).",
		"Der SignatureValue ist kein Base64 der Länge, die zu Ihrem Schlüssel gehört. Schreiben Sie bei ECDSA r und s hintereinander, beide mit fester Länge, und nicht in ASN.1 (DER) (.NET: DSASignatureFormat.IeeeP1363FixedFieldConcatenation; Java: SHA256withECDSAinP1363Format; Node: dsaEncoding 'ieee-p1363'; OpenSSL: d2i_ECDSA_SIG, danach BN_bn2binpad).",
		"The SignatureValue is not base64 of the length that your key gives. For ECDSA write r and s one after the other, each of fixed length, and not in ASN.1 (DER) (.NET: DSASignatureFormat.IeeeP1363FixedFieldConcatenation; Java: SHA256withECDSAinP1363Format; Node: dsaEncoding 'ieee-p1363'; OpenSSL: d2i_ECDSA_SIG, then BN_bn2binpad)."},

	{ReferenceEmpty, Unauthenticated,
		"Een Reference heeft een lege URI of geen. Onderteken de delen van het bericht afzonderlijk: URI is een # gevolgd door de wsu:Id van Body, Timestamp of token (.NET: Reference.Uri; xmlsec: add_reference(…, uri=\"#…\")).",
		"Une Reference a une URI vide ou n'en a pas. Signez séparément les parties du message : URI est un # suivi du wsu:Id du Body, du Timestamp ou du jeton (.NET : Reference.Uri ; xmlsec : add_reference(…, uri=\"#…\")).",
		"Eine Reference hat eine leere URI oder keine. Signieren Sie die Teile der Nachricht einzeln: URI ist ein # und die wsu:Id von Body, Timestamp oder Token (.NET: Reference.Uri; xmlsec: add_reference(…, uri=\"#…\")).",
		"A Reference has an empty URI or none. Sign the parts of the message one by one: URI is # and the wsu:Id of Body, Timestamp or token (.NET: Reference.Uri; xmlsec: add_reference(…, uri=\"#…\"))."},
	{ReferenceExternal, Unauthenticated,
		"Een Reference wijst naar iets buiten het bericht. Deze dienst haalt niets op: verwijs alleen naar delen van het bericht zelf (# gevolgd door een wsu:Id).",
		"Une Reference désigne quelque chose hors du message. Ce service ne va rien chercher : ne référez qu'aux parties du message lui-même (# suivi d'un wsu:Id).",
		"Eine Reference zeigt auf etwas außerhalb der Nachricht. Dieser Dienst holt nichts: Verweisen Sie nur auf Teile der Nachricht selbst (# und eine wsu:Id).",
		"A Reference points to something outside the message. This service fetches nothing: refer only to parts of the message itself (# and a wsu:Id)."},
	{ReferencePointer, Unauthenticated,
		"Een Reference gebruikt XPointer of een onvolledige verwijzing. Zet in URI een # gevolgd door een wsu:Id.",
		"Une Reference utilise XPointer ou une référence incomplète. Mettez dans URI un # suivi d'un wsu:Id.",
		"Eine Reference verwendet XPointer oder einen unvollständigen Verweis. Setzen Sie in URI ein # und eine wsu:Id.",
		"A Reference uses XPointer or is incomplete. Set URI to # and a wsu:Id."},
	{ReferenceUnknown, Unauthenticated,
		"Een Reference wijst naar een Id die in het bericht niet voorkomt. Wijzig of verwijder na het ondertekenen geen elementen of Id's.",
		"Une Reference désigne un Id qui ne figure pas dans le message. Ne modifiez ni ne supprimez d'éléments ou d'Id après la signature.",
		"Eine Reference zeigt auf eine Id, die in der Nachricht nicht vorkommt. Ändern oder entfernen Sie nach dem Signieren keine Elemente oder Ids.",
		"A Reference points to an Id that the message does not have. Do not change or remove elements or Ids after signing."},
	{ReferenceIDKind, Unauthenticated,
		"Een Reference wijst naar een element met een Id-attribuut dat hier niet telt. Geef het element een wsu:Id (xmlns:wsu=\"…oasis-200401-wss-wssecurity-utility-1.0.xsd\") (node-soap, xml-crypto: idMode wssecurity).",
		"Une Reference désigne un élément par un attribut Id qui ne compte pas ici. Donnez à l'élément un wsu:Id (xmlns:wsu=\"…oasis-200401-wss-wssecurity-utility-1.0.xsd\") (node-soap, xml-crypto : idMode wssecurity).",
		"Eine Reference zeigt auf ein Element mit einem Id-Attribut, das hier nicht zählt. Geben Sie dem Element eine wsu:Id (xmlns:wsu=\"…oasis-200401-wss-wssecurity-utility-1.0.xsd\") (node-soap, xml-crypto: idMode wssecurity).",
		"A Reference points to an element by an Id attribute that does not count here. Give the element a wsu:Id (xmlns:wsu=\"…oasis-200401-wss-wssecurity-utility-1.0.xsd\") (node-soap, xml-crypto: idMode wssecurity)."},
	{ReferenceTarget, Unauthenticated,
		"Een Reference wijst naar een element dat niet ondertekend mag worden. Onderteken het Body-element zelf, de Timestamp, het token en eventueel hele SOAP-headers; geen deel daarvan (WSS4J: signatureParts {Element}{…}Body).",
		"Une Reference désigne un élément qui ne peut pas être signé. Signez l'élément Body lui-même, le Timestamp, le jeton et éventuellement des en-têtes SOAP entiers ; pas une partie de ceux-ci (WSS4J : signatureParts {Element}{…}Body).",
		"Eine Reference zeigt auf ein Element, das nicht signiert werden darf. Signieren Sie das Body-Element selbst, den Timestamp, das Token und gegebenenfalls ganze SOAP-Header; keinen Teil davon (WSS4J: signatureParts {Element}{…}Body).",
		"A Reference points to an element that must not be signed. Sign the Body element itself, the Timestamp, the token and, if you like, whole SOAP headers; no part of them (WSS4J: signatureParts {Element}{…}Body)."},
	{ReferenceTwice, Unauthenticated,
		"Twee References wijzen naar hetzelfde element. Onderteken elk deel één keer (WSS4J: kijk signatureParts na op herhalingen).",
		"Deux References désignent le même élément. Signez chaque partie une seule fois (WSS4J : cherchez les répétitions dans signatureParts).",
		"Zwei References zeigen auf dasselbe Element. Signieren Sie jeden Teil einmal (WSS4J: signatureParts auf Wiederholungen prüfen).",
		"Two References point to the same element. Sign each part once (WSS4J: look for repetitions in signatureParts)."},
	{BodyUnsigned, Unauthenticated,
		"De handtekening dekt niet het Body-element van dit bericht. Onderteken het soap:Body zelf, en niet alleen zijn inhoud (WSS4J: signatureParts {Element}{…}Body; zeep tekent de Body vanzelf; gSOAP: soap_wsse_sign_body; node-soap: zonder excludeReferencesFromSigning; xmlsec, .NET (AddReference): Reference naar # en zijn wsu:Id).",
		"La signature ne couvre pas l'élément Body de ce message. Signez le soap:Body lui-même, et non seulement son contenu (WSS4J : signatureParts {Element}{…}Body ; zeep signe le Body de lui-même ; gSOAP : soap_wsse_sign_body ; node-soap : sans excludeReferencesFromSigning ; xmlsec, .NET (AddReference) : Reference à # et son wsu:Id).",
		"Die Signatur deckt nicht das Body-Element dieser Nachricht. Signieren Sie den soap:Body selbst, und nicht nur seinen Inhalt (WSS4J: signatureParts {Element}{…}Body; zeep signiert den Body von selbst; gSOAP: soap_wsse_sign_body; node-soap: ohne excludeReferencesFromSigning; xmlsec, .NET (AddReference): Reference auf # und seine wsu:Id).",
		"The signature does not cover the Body element of this message. Sign soap:Body itself, and not only its content (WSS4J: signatureParts {Element}{…}Body; zeep signs the Body by itself; gSOAP: soap_wsse_sign_body; node-soap: without excludeReferencesFromSigning; xmlsec, .NET (AddReference): a Reference to # and its wsu:Id)."},
	{TimestampUnsigned, Unauthenticated,
		"De handtekening dekt de Timestamp niet. Onderteken hem mee (WSS4J: voeg {Element}{…utility-1.0.xsd}Timestamp toe aan signatureParts; zeep: in Compose moet hij vóór de handtekening staan; wse-php: addTimestamp vóór signSoapDoc; node-soap: zonder excludeReferencesFromSigning; .NET: AddReference van # en zijn wsu:Id).",
		"La signature ne couvre pas le Timestamp. Signez-le aussi (WSS4J : ajoutez {Element}{…utility-1.0.xsd}Timestamp à signatureParts ; zeep : dans Compose, il doit précéder la signature ; wse-php : addTimestamp avant signSoapDoc ; node-soap : sans excludeReferencesFromSigning ; .NET : AddReference de # et son wsu:Id).",
		"Die Signatur deckt den Timestamp nicht. Signieren Sie ihn mit (WSS4J: {Element}{…utility-1.0.xsd}Timestamp zu signatureParts hinzufügen; zeep: in Compose muss er vor der Signatur stehen; wse-php: addTimestamp vor signSoapDoc; node-soap: ohne excludeReferencesFromSigning; .NET: AddReference von # und seiner wsu:Id).",
		"The signature does not cover the Timestamp. Sign it too (WSS4J: add {Element}{…utility-1.0.xsd}Timestamp to signatureParts; zeep: in Compose it must stand before the signature; wse-php: addTimestamp before signSoapDoc; node-soap: without excludeReferencesFromSigning; .NET: AddReference of # and its wsu:Id)."},
	{TokenUnsigned, Unauthenticated,
		"De handtekening dekt het certificaat niet, en deze omgeving eist dat. Stuur het in een BinarySecurityToken en onderteken dat mee (WSS4J: voeg {Element}{…secext-1.0.xsd}BinarySecurityToken toe aan signatureParts; CXF-policy: sp:ProtectTokens; wse-php: addBinaryToken vóór signSoapDoc; node-soap: additionalReferences ['wsse:BinarySecurityToken']; xmlsec, .NET: Reference naar zijn wsu:Id; zeep kan het niet).",
		"La signature ne couvre pas le certificat, et cet environnement l'exige. Envoyez-le dans un BinarySecurityToken et signez celui-ci aussi (WSS4J : ajoutez {Element}{…secext-1.0.xsd}BinarySecurityToken à signatureParts ; policy CXF : sp:ProtectTokens ; wse-php : addBinaryToken avant signSoapDoc ; node-soap : additionalReferences ['wsse:BinarySecurityToken'] ; xmlsec, .NET : Reference à son wsu:Id ; zeep ne le peut pas).",
		"Die Signatur deckt das Zertifikat nicht, und diese Umgebung verlangt es. Senden Sie es in einem BinarySecurityToken und signieren Sie dieses mit (WSS4J: {Element}{…secext-1.0.xsd}BinarySecurityToken zu signatureParts hinzufügen; CXF-Policy: sp:ProtectTokens; wse-php: addBinaryToken vor signSoapDoc; node-soap: additionalReferences ['wsse:BinarySecurityToken']; xmlsec, .NET: Reference auf seine wsu:Id; zeep kann es nicht).",
		"The signature does not cover the certificate, and this environment demands it. Send it in a BinarySecurityToken and sign that too (WSS4J: add {Element}{…secext-1.0.xsd}BinarySecurityToken to signatureParts; CXF policy: sp:ProtectTokens; wse-php: addBinaryToken before signSoapDoc; node-soap: additionalReferences ['wsse:BinarySecurityToken']; xmlsec, .NET: a Reference to its wsu:Id; zeep cannot)."},

	{SignatureKeyUnsupported, Unauthenticated,
		"De sleutel van de handtekening wordt niet aanvaard. Gebruik RSA van 2048 tot 4096 bits, of ECDSA P-256, P-384 of P-521.",
		"La clé de la signature n'est pas acceptée. Utilisez RSA de 2048 à 4096 bits, ou ECDSA P-256, P-384 ou P-521.",
		"Der Schlüssel der Signatur wird nicht angenommen. Verwenden Sie RSA von 2048 bis 4096 Bit oder ECDSA P-256, P-384 oder P-521.",
		"The key of the signature is not accepted. Use RSA of 2048 to 4096 bits, or ECDSA P-256, P-384 or P-521."},
	{SignatureKeyMismatch, Unauthenticated,
		"Het handtekeningalgoritme past niet bij de sleutel van het certificaat. Gebruik rsa-sha256 met een RSA-sleutel en ecdsa-sha256 met een EC-sleutel (WSS4J: signatureAlgorithm).",
		"L'algorithme de signature ne correspond pas à la clé du certificat. Utilisez rsa-sha256 avec une clé RSA et ecdsa-sha256 avec une clé EC (WSS4J : signatureAlgorithm).",
		"Der Signaturalgorithmus passt nicht zum Schlüssel des Zertifikats. Verwenden Sie rsa-sha256 mit einem RSA-Schlüssel und ecdsa-sha256 mit einem EC-Schlüssel (WSS4J: signatureAlgorithm).",
		"The signature algorithm does not fit the certificate's key. Use rsa-sha256 with an RSA key and ecdsa-sha256 with an EC key (WSS4J: signatureAlgorithm)."},
	{SignatureInvalid, Unauthenticated,
		"De handtekening klopt niet met SignedInfo en het certificaat. Ofwel is het bericht na het ondertekenen opnieuw opgemaakt, met de handtekening erbij: verstuur precies wat ondertekend is, zonder in te springen (let op proxy, logging en plug-ins; curl: --data-binary, niet --data). Ofwel hoort de sleutel niet bij het meegestuurde certificaat: neem beide uit dezelfde .p12 (alias \"authentication\"). gSOAP kondigt SHA-384 aan als SHA-512: gebruik SHA-256.",
		"La signature ne correspond pas à SignedInfo et au certificat. Ou bien le message a été reformaté après la signature, signature comprise : envoyez exactement ce qui a été signé, sans indenter (voyez proxy, journal et plug-ins ; curl : --data-binary, non --data). Ou bien la clé n'est pas celle du certificat envoyé : prenez les deux dans le même .p12 (alias \"authentication\"). gSOAP annonce SHA-384 comme SHA-512 : utilisez SHA-256.",
		"Die Signatur passt nicht zu SignedInfo und Zertifikat. Entweder wurde die Nachricht nach dem Signieren samt Signatur neu formatiert: Senden Sie genau, was signiert wurde, ohne einzurücken (achten Sie auf Proxy, Protokoll und Plug-ins; curl: --data-binary, nicht --data). Oder der Schlüssel gehört nicht zum mitgesandten Zertifikat: Nehmen Sie beide aus derselben .p12 (Alias \"authentication\"). gSOAP gibt SHA-384 als SHA-512 an: Verwenden Sie SHA-256.",
		"The signature does not match SignedInfo and the certificate. Either the message was reformatted after signing, signature included: send exactly what was signed, without indenting (look at proxies, logging and plug-ins; curl: --data-binary, not --data). Or the key is not that of the certificate you send: take both from the same .p12 (alias \"authentication\"). gSOAP announces SHA-384 as SHA-512: use SHA-256."},
	{DigestMismatch, Unauthenticated,
		"Een ondertekend element is na het ondertekenen gewijzigd. Verstuur precies wat ondertekend is: niet opnieuw opmaken, inspringen of naamruimten verplaatsen (zeep: geen plug-in na de handtekening; log- en proxystappen kijken alleen mee; gSOAP: SOAP_C_UTFSTRING; Java DOM: declareer elk prefix in de boom vóór het ondertekenen; SAAJ: wsu:Id met addAttribute(QName), niet setAttributeNS).",
		"Un élément signé a été modifié après la signature. Envoyez exactement ce qui a été signé : ne pas reformater, indenter ni déplacer d'espaces de noms (zeep : pas de plug-in après la signature ; journaux et proxys ne font que lire ; gSOAP : SOAP_C_UTFSTRING ; DOM de Java : déclarez chaque préfixe dans l'arbre avant de signer ; SAAJ : wsu:Id par addAttribute(QName), non setAttributeNS).",
		"Ein signiertes Element wurde nach dem Signieren geändert. Senden Sie genau, was signiert wurde: nicht neu formatieren, einrücken oder Namensräume verschieben (zeep: kein Plug-in nach der Signatur; Protokoll- und Proxy-Schritte lesen nur mit; gSOAP: SOAP_C_UTFSTRING; Java DOM: jedes Präfix vor dem Signieren im Baum deklarieren; SAAJ: wsu:Id mit addAttribute(QName), nicht setAttributeNS).",
		"A signed element was changed after signing. Send exactly what was signed: do not reformat, indent or move namespaces (zeep: no plug-in after the signature; logging and proxy steps must only read; gSOAP: SOAP_C_UTFSTRING; Java DOM: declare every prefix in the tree before signing; SAAJ: wsu:Id by addAttribute(QName), not setAttributeNS)."},
	{MessageReplayed, Unauthenticated,
		"Dit ondertekende bericht is al eens ontvangen. Onderteken elke poging opnieuw, met een nieuwe Timestamp; behoud bij een melding de InputReference. Laat uw HTTP-bibliotheek of proxy een verzoek niet zelf herhalen: ze stuurt dezelfde bytes (Java: HttpURLConnection doet het bij een verbroken verbinding; gebruik java.net.http, of -Dsun.net.http.retryPost=false).",
		"Ce message signé a déjà été reçu. Signez chaque tentative à nouveau, avec un nouveau Timestamp ; gardez l'InputReference d'une notification. Ne laissez pas votre bibliothèque HTTP ou un proxy répéter elle-même une requête : elle envoie les mêmes octets (Java : HttpURLConnection le fait quand la connexion est rompue ; utilisez java.net.http, ou -Dsun.net.http.retryPost=false).",
		"Diese signierte Nachricht wurde bereits empfangen. Signieren Sie jeden Versuch neu, mit neuem Timestamp; behalten Sie bei einer Meldung die InputReference. Lassen Sie Ihre HTTP-Bibliothek oder einen Proxy keine Anfrage selbst wiederholen: Sie senden dieselben Bytes (Java: HttpURLConnection tut es, wenn die Verbindung abbricht; verwenden Sie java.net.http, oder -Dsun.net.http.retryPost=false).",
		"This signed message was received before. Sign every attempt anew, with a new Timestamp; keep the InputReference of a notification. Do not let your HTTP library or a proxy repeat a request by itself: it sends the same octets (Java: HttpURLConnection does when the connection breaks; use java.net.http, or -Dsun.net.http.retryPost=false)."},
}
