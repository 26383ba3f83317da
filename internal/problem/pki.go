package problem

// Codes of package message/pki: for certificates in messages, and for files of operators and callers (.p12, trusted
// certificates, revocation lists).
//
// CertUntrusted has one text for all reasons, so that an outsider cannot find out which authorities are trusted.
const (
	CertSubjectForm       Code = "CERT_SUBJECT_FORM"
	CertSubjectType       Code = "CERT_SUBJECT_TYPE"
	CertSubjectNumber     Code = "CERT_SUBJECT_NUMBER"
	CertSubjectDisagrees  Code = "CERT_SUBJECT_DISAGREES"
	CertSignatureWeak     Code = "CERT_SIGNATURE_WEAK"
	CertUntrusted         Code = "CERT_UNTRUSTED"
	CertRevoked           Code = "CERT_REVOKED"
	CertRevocationUnknown Code = "CERT_REVOCATION_UNKNOWN"
	CertNotYetValid       Code = "CERT_NOT_YET_VALID"
	CertExpired           Code = "CERT_EXPIRED"
	CertIsAuthority       Code = "CERT_IS_AUTHORITY"
	CertKeyUsage          Code = "CERT_KEY_USAGE"
	CertKeyUnsupported    Code = "CERT_KEY_UNSUPPORTED"
	TrustUnreadable       Code = "TRUST_UNREADABLE"
	TrustNotAuthority     Code = "TRUST_NOT_AUTHORITY"
	CRLUnreadable         Code = "CRL_UNREADABLE"
	CRLUntrusted          Code = "CRL_UNTRUSTED"
	CRLAddress            Code = "CRL_ADDRESS"
	OCSPUnreadable        Code = "OCSP_UNREADABLE"
	OCSPUntrusted         Code = "OCSP_UNTRUSTED"
	P12Unreadable         Code = "P12_UNREADABLE"
	P12Unsupported        Code = "P12_UNSUPPORTED"
	P12TooCostly          Code = "P12_TOO_COSTLY"
	P12Password           Code = "P12_PASSWORD"
	P12NoKey              Code = "P12_NO_KEY"
)

var pkiCodes = []Entry{
	{CertSubjectForm, Unauthenticated,
		"De naam in uw certificaat is niet opgebouwd zoals in een eHealth-certificaat. Onderteken met het eHealth-certificaat van uw organisatie of van uzelf.",
		"Le nom dans votre certificat n'est pas construit comme dans un certificat eHealth. Signez avec le certificat eHealth de votre organisation ou le vôtre.",
		"Der Name in Ihrem Zertifikat ist nicht wie in einem eHealth-Zertifikat aufgebaut. Signieren Sie mit dem eHealth-Zertifikat Ihrer Organisation oder Ihrem eigenen.",
		"The name in your certificate is not built as in an eHealth certificate. Sign with the eHealth certificate of your organisation or your own."},
	{CertSubjectType, Unauthenticated,
		"Uw certificaat noemt een soort identificatienummer dat deze dienst niet kent. Onderteken met een eHealth-certificaat van een bekende soort, zoals SSIN of NIHII-HOSPITAL.",
		"Votre certificat indique un type de numéro d'identification que ce service ne connaît pas. Signez avec un certificat eHealth d'un type connu, par exemple SSIN ou NIHII-HOSPITAL.",
		"Ihr Zertifikat nennt eine Art von Identifikationsnummer, die dieser Dienst nicht kennt. Signieren Sie mit einem eHealth-Zertifikat einer bekannten Art, etwa SSIN oder NIHII-HOSPITAL.",
		"Your certificate names a type of identification number that this service does not know. Sign with an eHealth certificate of a known type, such as SSIN or NIHII-HOSPITAL."},
	{CertSubjectNumber, Unauthenticated,
		"Het identificatienummer in uw certificaat heeft niet het aantal cijfers dat bij zijn soort hoort. Vraag een nieuw eHealth-certificaat aan.",
		"Le numéro d'identification dans votre certificat n'a pas le nombre de chiffres de son type. Demandez un nouveau certificat eHealth.",
		"Die Identifikationsnummer in Ihrem Zertifikat hat nicht die Ziffernzahl ihrer Art. Beantragen Sie ein neues eHealth-Zertifikat.",
		"The identification number in your certificate does not have the number of digits of its type. Apply for a new eHealth certificate."},
	{CertSubjectDisagrees, Unauthenticated,
		"De delen van de naam in uw certificaat spreken elkaar tegen. Vraag een nieuw eHealth-certificaat aan.",
		"Les parties du nom dans votre certificat se contredisent. Demandez un nouveau certificat eHealth.",
		"Die Teile des Namens in Ihrem Zertifikat widersprechen einander. Beantragen Sie ein neues eHealth-Zertifikat.",
		"The parts of the name in your certificate contradict each other. Apply for a new eHealth certificate."},
	{CertSignatureWeak, Unauthenticated,
		"Uw certificaat is zelf ondertekend met een verouderd algoritme (MD5 of SHA-1). Vraag een nieuw eHealth-certificaat aan.",
		"Votre certificat est lui-même signé avec un algorithme dépassé (MD5 ou SHA-1). Demandez un nouveau certificat eHealth.",
		"Ihr Zertifikat ist selbst mit einem veralteten Algorithmus (MD5 oder SHA-1) signiert. Beantragen Sie ein neues eHealth-Zertifikat.",
		"Your certificate is itself signed with an outdated algorithm (MD5 or SHA-1). Apply for a new eHealth certificate."},
	{CertUntrusted, Unauthenticated,
		"Deze dienst vertrouwt uw certificaat niet. Onderteken met het eHealth-certificaat (.p12) dat voor deze omgeving is uitgegeven: een test- en een productiecertificaat gelden elk alleen in hun eigen omgeving.",
		"Ce service ne fait pas confiance à votre certificat. Signez avec le certificat eHealth (.p12) délivré pour cet environnement : un certificat de test et un certificat de production ne valent chacun que dans le leur.",
		"Dieser Dienst vertraut Ihrem Zertifikat nicht. Signieren Sie mit dem eHealth-Zertifikat (.p12), das für diese Umgebung ausgestellt ist: Ein Test- und ein Produktionszertifikat gelten jeweils nur in der eigenen.",
		"This service does not trust your certificate. Sign with the eHealth certificate (.p12) that was issued for this environment: a test and a production certificate are each good in their own only."},
	{CertRevoked, Unauthenticated,
		"Uw certificaat is ingetrokken. Vraag een nieuw eHealth-certificaat aan.",
		"Votre certificat a été révoqué. Demandez un nouveau certificat eHealth.",
		"Ihr Zertifikat wurde widerrufen. Beantragen Sie ein neues eHealth-Zertifikat.",
		"Your certificate has been revoked. Apply for a new eHealth certificate."},
	{CertRevocationUnknown, Unauthenticated,
		"Deze dienst vraagt nog na of uw certificaat ingetrokken is. Probeer het over een minuut opnieuw, met een nieuw ondertekend bericht.",
		"Ce service vérifie encore si votre certificat a été révoqué. Réessayez dans une minute, avec un message signé à nouveau.",
		"Dieser Dienst fragt noch nach, ob Ihr Zertifikat widerrufen wurde. Versuchen Sie es in einer Minute erneut, mit einer neu signierten Nachricht.",
		"This service is still asking whether your certificate has been revoked. Try again in a minute, with a message that you sign anew."},
	{CertNotYetValid, Unauthenticated,
		"Uw certificaat is nog niet geldig. Controleer de klok van uw systeem, of gebruik voorlopig uw vorige certificaat.",
		"Votre certificat n'est pas encore valable. Vérifiez l'horloge de votre système, ou utilisez provisoirement votre certificat précédent.",
		"Ihr Zertifikat ist noch nicht gültig. Prüfen Sie die Uhr Ihres Systems, oder verwenden Sie vorläufig Ihr voriges Zertifikat.",
		"Your certificate is not valid yet. Check your system's clock, or use your previous certificate for now."},
	{CertExpired, Unauthenticated,
		"Uw certificaat is vervallen. Vernieuw uw eHealth-certificaat en laat uw programma het nieuwe .p12-bestand gebruiken; is het al vernieuwd, dan gebruikt het nog het oude.",
		"Votre certificat est expiré. Renouvelez votre certificat eHealth et faites utiliser le nouveau fichier .p12 par votre programme ; s'il est déjà renouvelé, votre programme utilise encore l'ancien.",
		"Ihr Zertifikat ist abgelaufen. Erneuern Sie Ihr eHealth-Zertifikat und lassen Sie Ihr Programm die neue .p12-Datei verwenden; ist es schon erneuert, verwendet Ihr Programm noch die alte.",
		"Your certificate has expired. Renew your eHealth certificate and have your program use the new .p12 file; if it has been renewed already, your program still uses the old one."},
	{CertIsAuthority, Unauthenticated,
		"Dit certificaat is dat van een certificaatautoriteit en mag geen berichten ondertekenen. Onderteken met uw eigen eHealth-certificaat.",
		"Ce certificat est celui d'une autorité de certification et ne peut pas signer de messages. Signez avec votre propre certificat eHealth.",
		"Dieses Zertifikat gehört einer Zertifizierungsstelle und darf keine Nachrichten signieren. Signieren Sie mit Ihrem eigenen eHealth-Zertifikat.",
		"This certificate is that of a certification authority and must not sign messages. Sign with your own eHealth certificate."},
	{CertKeyUsage, Unauthenticated,
		"Uw certificaat dient niet om te ondertekenen. Gebruik in uw .p12-bestand de sleutel met de naam \"authentication\" (neemt een programma de eerste sleutel van het bestand, zoals cryptography van Python: ctr cert convert zet de sleutel die ondertekent vooraan).",
		"Votre certificat ne sert pas à signer. Utilisez dans votre fichier .p12 la clé nommée \"authentication\" (si un programme prend la première clé du fichier, comme cryptography de Python : ctr cert convert met en tête la clé qui signe).",
		"Ihr Zertifikat dient nicht zum Signieren. Verwenden Sie in Ihrer .p12-Datei den Schlüssel mit dem Namen \"authentication\" (nimmt ein Programm den ersten Schlüssel der Datei, wie cryptography in Python: ctr cert convert stellt den signierenden Schlüssel voran).",
		"Your certificate is not meant for signing. Use the key named \"authentication\" in your .p12 file (if a program takes the first key of the file, like Python's cryptography: ctr cert convert puts the signing key in front)."},
	{CertKeyUnsupported, Unauthenticated,
		"De sleutel in uw certificaat wordt niet aanvaard. Vraag een eHealth-certificaat aan met RSA van 2048 tot 4096 bits, of ECDSA P-256, P-384 of P-521.",
		"La clé dans votre certificat n'est pas acceptée. Demandez un certificat eHealth avec RSA de 2048 à 4096 bits, ou ECDSA P-256, P-384 ou P-521.",
		"Der Schlüssel in Ihrem Zertifikat wird nicht angenommen. Beantragen Sie ein eHealth-Zertifikat mit RSA von 2048 bis 4096 Bit oder ECDSA P-256, P-384 oder P-521.",
		"The key in your certificate is not accepted. Apply for an eHealth certificate with RSA of 2048 to 4096 bits, or ECDSA P-256, P-384 or P-521."},
	{TrustUnreadable, Malformed,
		"Het bestand met vertrouwde certificaten is niet te lezen. Geef een PEM-bestand met minstens één CERTIFICATE-blok en niets anders.",
		"Le fichier de certificats de confiance est illisible. Donnez un fichier PEM avec au moins un bloc CERTIFICATE et rien d'autre.",
		"Die Datei mit vertrauenswürdigen Zertifikaten ist nicht lesbar. Geben Sie eine PEM-Datei mit mindestens einem CERTIFICATE-Block und nichts anderem an.",
		"The file of trusted certificates cannot be read. Give a PEM file with at least one CERTIFICATE block and nothing else."},
	{TrustNotAuthority, Malformed,
		"Een certificaat in het bestand met vertrouwde certificaten is niet van een certificaatautoriteit. Vermeld alleen certificaten van autoriteiten.",
		"Un certificat du fichier de certificats de confiance n'est pas celui d'une autorité de certification. N'y mettez que des certificats d'autorités.",
		"Ein Zertifikat in der Datei mit vertrauenswürdigen Zertifikaten gehört keiner Zertifizierungsstelle. Führen Sie dort nur Zertifikate von Zertifizierungsstellen auf.",
		"A certificate in the file of trusted certificates is not that of a certification authority. List certificates of authorities only."},
	{CRLUnreadable, Malformed,
		"De lijst van ingetrokken certificaten is niet te lezen. Geef een volledige X.509-CRL, in DER of PEM.",
		"La liste des certificats révoqués est illisible. Donnez une CRL X.509 complète, en DER ou PEM.",
		"Die Liste widerrufener Zertifikate ist nicht lesbar. Geben Sie eine vollständige X.509-CRL in DER oder PEM an.",
		"The list of revoked certificates cannot be read. Give a complete X.509 CRL, in DER or PEM."},
	{CRLUntrusted, Malformed,
		"De lijst van ingetrokken certificaten is niet ondertekend door een vertrouwde autoriteit. Voeg eerst het certificaat van haar uitgever toe aan de vertrouwde certificaten.",
		"La liste des certificats révoqués n'est pas signée par une autorité de confiance. Ajoutez d'abord le certificat de son émetteur aux certificats de confiance.",
		"Die Liste widerrufener Zertifikate ist nicht von einer vertrauenswürdigen Stelle signiert. Fügen Sie zuerst das Zertifikat ihres Ausstellers zu den vertrauenswürdigen Zertifikaten hinzu.",
		"The list of revoked certificates is not signed by a trusted authority. Add its issuer's certificate to the trusted certificates first."},
	{CRLAddress, Malformed,
		"Het adres van een lijst van ingetrokken certificaten is niet bruikbaar. Geef een http- of https-adres zonder gebruikersnaam.",
		"L'adresse d'une liste de certificats révoqués n'est pas utilisable. Donnez une adresse http ou https sans nom d'utilisateur.",
		"Die Adresse einer Liste widerrufener Zertifikate ist nicht brauchbar. Geben Sie eine http- oder https-Adresse ohne Benutzernamen an.",
		"The address of a list of revoked certificates is of no use. Give an http or https address without a user name."},
	{OCSPUnreadable, Malformed,
		"Het OCSP-antwoord is niet te lezen. Geef een geslaagd antwoord over één certificaat, in DER (openssl ocsp -respout).",
		"La réponse OCSP est illisible. Donnez une réponse réussie sur un seul certificat, en DER (openssl ocsp -respout).",
		"Die OCSP-Antwort ist nicht lesbar. Geben Sie eine erfolgreiche Antwort zu einem Zertifikat in DER an (openssl ocsp -respout).",
		"The OCSP response cannot be read. Give a successful response about one certificate, in DER (openssl ocsp -respout)."},
	{OCSPUntrusted, Malformed,
		"Het OCSP-antwoord komt niet van een vertrouwde autoriteit, of niet van wie namens haar mag antwoorden. Voeg het certificaat van de autoriteit toe aan de vertrouwde certificaten, of haal het antwoord op bij haar eigen dienst.",
		"La réponse OCSP ne vient pas d'une autorité de confiance, ni de qui peut répondre en son nom. Ajoutez le certificat de l'autorité aux certificats de confiance, ou demandez la réponse à son propre service.",
		"Die OCSP-Antwort kommt nicht von einer vertrauenswürdigen Stelle und nicht von jemandem, der in ihrem Namen antworten darf. Fügen Sie das Zertifikat der Stelle zu den vertrauenswürdigen Zertifikaten hinzu, oder holen Sie die Antwort bei ihrem eigenen Dienst.",
		"The OCSP response does not come from a trusted authority, nor from one who may answer for it. Add the authority's certificate to the trusted certificates, or fetch the response from its own service."},
	{P12Unreadable, Malformed,
		"Dit is geen geldig .p12-bestand. Controleer of het volledig gekopieerd is, of exporteer het opnieuw.",
		"Ceci n'est pas un fichier .p12 valable. Vérifiez qu'il a été copié en entier, ou exportez-le à nouveau.",
		"Das ist keine gültige .p12-Datei. Prüfen Sie, ob sie vollständig kopiert wurde, oder exportieren Sie sie neu.",
		"This is not a valid .p12 file. Check that it was copied completely, or export it again."},
	{P12Unsupported, Malformed,
		"Dit .p12-bestand gebruikt een vorm of algoritme dat niet ondersteund wordt. Exporteer het opnieuw met een wachtwoord, met AES-256 en SHA-256.",
		"Ce fichier .p12 utilise une forme ou un algorithme non pris en charge. Exportez-le à nouveau avec un mot de passe, avec AES-256 et SHA-256.",
		"Diese .p12-Datei verwendet eine nicht unterstützte Form oder einen nicht unterstützten Algorithmus. Exportieren Sie sie neu mit einem Passwort, mit AES-256 und SHA-256.",
		"This .p12 file uses a form or an algorithm that is not supported. Export it again with a password, with AES-256 and SHA-256."},
	{P12TooCostly, Malformed,
		"Dit .p12-bestand vraagt meer rekenwerk of plaats dan toegelaten. Exporteer het opnieuw met minder iteraties.",
		"Ce fichier .p12 demande plus de calcul ou de place que permis. Exportez-le à nouveau avec moins d'itérations.",
		"Diese .p12-Datei verlangt mehr Rechenarbeit oder Platz als erlaubt. Exportieren Sie sie neu mit weniger Iterationen.",
		"This .p12 file asks for more computation or space than allowed. Export it again with fewer iterations."},
	{P12Password, Malformed,
		"Het wachtwoord van het .p12-bestand is fout, of het bestand is beschadigd.",
		"Le mot de passe du fichier .p12 est faux, ou le fichier est endommagé.",
		"Das Passwort der .p12-Datei ist falsch, oder die Datei ist beschädigt.",
		"The password of the .p12 file is wrong, or the file is damaged."},
	{P12NoKey, Malformed,
		"Het .p12-bestand bevat geen sleutel om mee te ondertekenen, of het certificaat ervan ontbreekt. Gebruik het volledige bestand van de eHealth Certificate Manager.",
		"Le fichier .p12 ne contient pas de clé de signature, ou son certificat manque. Utilisez le fichier complet de l'eHealth Certificate Manager.",
		"Die .p12-Datei enthält keinen Schlüssel zum Signieren, oder dessen Zertifikat fehlt. Verwenden Sie die vollständige Datei des eHealth Certificate Manager.",
		"The .p12 file holds no key to sign with, or its certificate is missing. Use the complete file of the eHealth Certificate Manager."},
}
