package problem

// Codes of the register: authorisation, and broken rules.
const (
	CertificateUnfit  Code = "CERTIFICATE_TYPE_NOT_ACCEPTED"
	CertificateCBE    Code = "CERTIFICATE_CBE_NOT_ACCEPTED"
	AuthorRequired    Code = "AUTHOR_REQUIRED"
	AuthorAmbiguous   Code = "AUTHOR_AMBIGUOUS"
	AuthorDisagrees   Code = "AUTHOR_DISAGREES_WITH_CERTIFICATE"
	AuthorNotAttached Code = "AUTHOR_NOT_ATTACHED"
	NotYourOperation  Code = "NOT_YOUR_OPERATION"
	MayNotNotify      Code = "MAY_NOT_NOTIFY"
	MayNotPrepare     Code = "MAY_NOT_PREPARE"
	MayNotRead        Code = "MAY_NOT_READ"
	MayNotSearch      Code = "MAY_NOT_SEARCH_BY_IMPLANT"

	RulesViolated           Code = "RULES_VIOLATED"
	PrescriptionAfter       Code = "PRESCRIPTION_AFTER_OPERATION"
	DeliveryAfter           Code = "DELIVERY_AFTER_OPERATION"
	OperationInFuture       Code = "OPERATION_IN_FUTURE"
	OperationBeforeBirth    Code = "OPERATION_BEFORE_BIRTH"
	OperationTooOld         Code = "OPERATION_BEFORE_1950"
	ImplantUnidentified     Code = "IMPLANT_NOT_IDENTIFIED"
	CodeRequired            Code = "IMPLANT_CODE_REQUIRED"
	CodeUnknown             Code = "IMPLANT_CODE_UNKNOWN"
	SpecialistUnknown       Code = "SPECIALIST_UNKNOWN"
	SpecialistUnqualified   Code = "SPECIALIST_NOT_QUALIFIED"
	PrescriberUnknown       Code = "PRESCRIBER_UNKNOWN"
	PrescriberUnqualified   Code = "PRESCRIBER_NOT_QUALIFIED"
	PharmacistUnknown       Code = "PHARMACIST_UNKNOWN"
	PharmacistUnqualified   Code = "PHARMACIST_NOT_QUALIFIED"
	PharmacistNotTitular    Code = "PHARMACIST_NOT_TITULAR"
	LotContradictsUDI       Code = "LOT_CONTRADICTS_UDI"
	SerialContradictsUDI    Code = "SERIAL_CONTRADICTS_UDI"
	ExpiryContradictsUDI    Code = "EXPIRY_CONTRADICTS_UDI"
	QuantityOutOfRange      Code = "QUANTITY_OUT_OF_RANGE"
	ImplantNotOfPatient     Code = "IMPLANT_NOT_OF_PATIENT"
	ExplantExceedsRemaining Code = "EXPLANT_EXCEEDS_REMAINING"
	ExplantBeforeImplant    Code = "EXPLANT_BEFORE_IMPLANT"

	ImplantRemovedSince Code = "IMPLANT_REMOVED_SINCE"
	ReasonRequired      Code = "REASON_REQUIRED"
	VersionOutdated     Code = "VERSION_OUTDATED"
	OtherOperationType  Code = "OTHER_OPERATION_TYPE"
	AlreadyFinal        Code = "NOTIFICATION_ALREADY_FINAL"
	AlreadyWithdrawn    Code = "NOTIFICATION_WITHDRAWN"

	MayNotMandate      Code = "MAY_NOT_MANDATE"
	MandateToSelf      Code = "MANDATE_TO_SELF"
	MandateExists      Code = "MANDATE_EXISTS"
	MandateNotFound    Code = "MANDATE_NOT_FOUND"
	MayNotManageStaff  Code = "MAY_NOT_MANAGE_STAFF"
	RoleOfSource       Code = "ROLE_OF_AUTHENTIC_SOURCE"
	ManagerNotYours    Code = "MANAGER_NOT_YOURS_TO_END"
	StaffRoleExists    Code = "STAFF_ROLE_EXISTS"
	StaffRoleNotFound  Code = "STAFF_ROLE_NOT_FOUND"
	PeriodBeginsInPast Code = "PERIOD_BEGINS_IN_PAST"
	PeriodReversed     Code = "PERIOD_ENDS_BEFORE_IT_BEGINS"
	EmergencyBlank     Code = "EMERGENCY_REASON_BLANK"

	LinkRequired           Code = "THERAPEUTIC_RELATION_REQUIRED"
	InputReferenceConflict Code = "INPUT_REFERENCE_CONFLICT"
	NotificationNotFound   Code = "NOTIFICATION_NOT_FOUND"
	NotificationWithheld   Code = "NOTIFICATION_WITHHELD"
	CardNotFound           Code = "CARD_NOT_FOUND"
	CardWithheld           Code = "CARD_WITHHELD"
)

var ruleCodes = []Entry{
	{CertificateUnfit, Forbidden,
		"Dit type certificaat kan hier niet optreden. Onderteken met het certificaat van een persoon (SSIN=) of van een zorginstelling (NIHII-HOSPITAL= en de andere NIHII-types).",
		"Ce type de certificat ne peut pas agir ici. Signez avec le certificat d'une personne (SSIN=) ou d'un établissement de soins (NIHII-HOSPITAL= et les autres types NIHII).",
		"Dieser Zertifikatstyp kann hier nicht handeln. Signieren Sie mit dem Zertifikat einer Person (SSIN=) oder einer Pflegeeinrichtung (NIHII-HOSPITAL= und die anderen NIHII-Typen).",
		"This type of certificate cannot act here. Sign with the certificate of a person (SSIN=) or of a care institution (NIHII-HOSPITAL= and the other NIHII types)."},
	{CertificateCBE, Forbidden,
		"Een certificaat met een KBO-nummer (CBE=) is voor een zorginstelling het verkeerde type. Vraag bij het eHealth-platform een certificaat met het RIZIV-nummer van de instelling aan, bijvoorbeeld NIHII-HOSPITAL= voor een ziekenhuis.",
		"Un certificat avec un numéro BCE (CBE=) n'est pas le bon type pour un établissement de soins. Demandez à la plate-forme eHealth un certificat au numéro INAMI de l'établissement, par exemple NIHII-HOSPITAL= pour un hôpital.",
		"Ein Zertifikat mit einer ZDU-Nummer (CBE=) ist für eine Pflegeeinrichtung der falsche Typ. Beantragen Sie bei der eHealth-Plattform ein Zertifikat mit der LIKIV-Nummer der Einrichtung, zum Beispiel NIHII-HOSPITAL= für ein Krankenhaus.",
		"A certificate with an enterprise number (CBE=) is the wrong type for a care institution. Ask the eHealth platform for one with the institution's NIHII number, for example NIHII-HOSPITAL= for a hospital."},
	{AuthorRequired, RuleViolated,
		"Een organisatie heeft ondertekend: vermeld in Author met zijn INSZ of RIZIV-nummer wie binnen de organisatie handelt.",
		"Une organisation a signé : indiquez dans Author, par son NISS ou numéro INAMI, qui agit au sein de l'organisation.",
		"Eine Organisation hat signiert: Geben Sie in Author mit ENSS oder LIKIV-Nummer an, wer innerhalb der Organisation handelt.",
		"An organisation signed: name in Author, by SSIN or NIHII number, the person who acts inside the organisation."},
	{AuthorAmbiguous, RuleViolated,
		"Author noemt meer dan één persoon. Vermeld alleen wie handelt.",
		"Author désigne plus d'une personne. Indiquez uniquement celle qui agit.",
		"Author nennt mehr als eine Person. Geben Sie nur an, wer handelt.",
		"Author names more than one person. Name only the one who acts."},
	{AuthorDisagrees, Forbidden,
		"Author komt niet overeen met het certificaat dat ondertekend heeft.",
		"Author ne correspond pas au certificat qui a signé.",
		"Author stimmt nicht mit dem signierenden Zertifikat überein.",
		"Author does not agree with the certificate that signed."},
	{AuthorNotAttached, Forbidden,
		"De persoon in Author is op die dag niet verbonden aan de organisatie die ondertekend heeft.",
		"La personne dans Author n'est pas rattachée ce jour-là à l'organisation qui a signé.",
		"Die Person in Author gehört an diesem Tag nicht zur Organisation, die signiert hat.",
		"The person in Author is not attached on that day to the organisation that signed."},
	{NotYourOperation, Forbidden,
		"Een definitieve melding kan alleen door de specialist van de operatie zelf worden ingediend.",
		"Une notification définitive ne peut être introduite que par le spécialiste de l'opération lui-même.",
		"Eine endgültige Meldung kann nur vom Facharzt der Operation selbst eingereicht werden.",
		"A final notification can be sent only by the specialist of the operation himself or herself."},
	{MayNotNotify, Forbidden,
		"Alleen een arts of tandarts kan een definitieve melding indienen.",
		"Seul un médecin ou un dentiste peut introduire une notification définitive.",
		"Nur ein Arzt oder Zahnarzt kann eine endgültige Meldung einreichen.",
		"Only a physician or a dentist can send a final notification."},
	{MayNotPrepare, Forbidden,
		"Een melding voorbereiden kan alleen de specialist van de operatie, het administratief personeel van de organisatie waaraan hij op de operatiedatum verbonden is, of wie van hem een aanvaard en geldig mandaat heeft. Laat de organisatie ondertekenen, of vraag een mandaat.",
		"Seuls le spécialiste de l'opération, le personnel administratif de l'organisation à laquelle il est rattaché à la date de l'opération, ou le titulaire d'un mandat accepté et valable de sa part peuvent préparer une notification. Faites signer l'organisation, ou demandez un mandat.",
		"Eine Meldung vorbereiten können nur der Facharzt der Operation, das Verwaltungspersonal der Organisation, der er am Operationsdatum angehört, oder wer von ihm ein angenommenes und gültiges Mandat hat. Lassen Sie die Organisation signieren, oder bitten Sie um ein Mandat.",
		"Only the specialist of the operation, administrative staff of the organisation to which he or she is attached on the operation date, or the holder of an accepted and valid mandate from him or her can prepare a notification. Let the organisation sign, or ask for a mandate."},
	{MayNotRead, Forbidden,
		"Alleen de patiënt zelf en een arts of tandarts kunnen gegevens van een patiënt raadplegen.",
		"Seuls le patient lui-même et un médecin ou un dentiste peuvent consulter les données d'un patient.",
		"Nur der Patient selbst und ein Arzt oder Zahnarzt können Patientendaten einsehen.",
		"Only the patient himself or herself and a physician or dentist can consult a patient's data."},
	{MayNotSearch, Forbidden,
		"Alleen een arts of tandarts kan op implantaat zoeken, onder de eigen patiënten.",
		"Seul un médecin ou un dentiste peut chercher par implant, parmi ses propres patients.",
		"Nur ein Arzt oder Zahnarzt kann nach Implantat suchen, unter den eigenen Patienten.",
		"Only a physician or dentist can search by implant, among his or her own patients."},
	{RulesViolated, RuleViolated,
		"De melding is geweigerd omdat regels van het register niet zijn nageleefd. Ze staan hieronder, elk met zijn plaats. Er is niets bewaard.",
		"La notification est refusée parce que des règles du registre ne sont pas respectées. Elles sont énumérées ci-dessous, chacune avec son emplacement. Rien n'a été enregistré.",
		"Die Meldung wird abgelehnt, weil Regeln des Registers verletzt sind. Sie stehen unten, jede mit ihrer Stelle. Es wurde nichts gespeichert.",
		"The notification is refused because rules of the register are broken. They are listed below, each with its place. Nothing was stored."},
	{PrescriptionAfter, RuleViolated,
		"De voorschrijfdatum ligt na de operatiedatum.", "La date de prescription est postérieure à la date de l'opération.",
		"Das Verordnungsdatum liegt nach dem Operationsdatum.", "The prescription date is after the operation date."},
	{DeliveryAfter, RuleViolated,
		"De leveringsdatum ligt na de operatiedatum.", "La date de livraison est postérieure à la date de l'opération.",
		"Das Lieferdatum liegt nach dem Operationsdatum.", "The delivery date is after the operation date."},
	{OperationInFuture, RuleViolated,
		"De operatiedatum ligt in de toekomst.", "La date de l'opération est dans le futur.",
		"Das Operationsdatum liegt in der Zukunft.", "The operation date is in the future."},
	{OperationBeforeBirth, RuleViolated,
		"De operatiedatum ligt vóór de geboorte van de patiënt.", "La date de l'opération est antérieure à la naissance du patient.",
		"Das Operationsdatum liegt vor der Geburt des Patienten.", "The operation date is before the patient's birth."},
	{OperationTooOld, RuleViolated,
		"De operatiedatum ligt vóór 1950.", "La date de l'opération est antérieure à 1950.",
		"Das Operationsdatum liegt vor 1950.", "The operation date is before 1950."},
	{ImplantUnidentified, RuleViolated,
		"Vermeld voor elk implantaat de notificatiecode of de UDI.", "Indiquez pour chaque implant le code de notification ou l'UDI.",
		"Geben Sie für jedes Implantat den Notifizierungscode oder die UDI an.", "Give the notification code or the UDI of each implant."},
	{CodeRequired, RuleViolated,
		"Voor een operatie vóór 26 mei 2023 is de notificatiecode verplicht.", "Pour une opération avant le 26 mai 2023, le code de notification est obligatoire.",
		"Für eine Operation vor dem 26. Mai 2023 ist der Notifizierungscode Pflicht.", "For an operation before 26 May 2023 the notification code is required."},
	{CodeUnknown, RuleViolated,
		"De notificatiecode staat niet in de lijst van implantaten.", "Le code de notification ne figure pas dans la liste des implants.",
		"Der Notifizierungscode steht nicht in der Liste der Implantate.", "The notification code is not in the list of implants."},
	{SpecialistUnknown, RuleViolated,
		"De specialist staat niet in het register van zorgverleners.", "Le spécialiste ne figure pas dans le registre des professionnels.",
		"Der Facharzt steht nicht im Register der Berufstätigen.", "The specialist is not in the register of professionals."},
	{SpecialistUnqualified, RuleViolated,
		"De specialist was op de operatiedatum geen arts of tandarts.", "Le spécialiste n'était ni médecin ni dentiste à la date de l'opération.",
		"Der Facharzt war am Operationsdatum kein Arzt oder Zahnarzt.", "The specialist was no physician or dentist on the operation date."},
	{PrescriberUnknown, RuleViolated,
		"De voorschrijver staat niet in het register van zorgverleners.", "Le prescripteur ne figure pas dans le registre des professionnels.",
		"Der Verordner steht nicht im Register der Berufstätigen.", "The prescriber is not in the register of professionals."},
	{PrescriberUnqualified, RuleViolated,
		"De voorschrijver was op de voorschrijfdatum geen arts of tandarts.", "Le prescripteur n'était ni médecin ni dentiste à la date de prescription.",
		"Der Verordner war am Verordnungsdatum kein Arzt oder Zahnarzt.", "The prescriber was no physician or dentist on the prescription date."},
	{PharmacistUnknown, RuleViolated,
		"De apotheker staat niet in het register van zorgverleners.", "Le pharmacien ne figure pas dans le registre des professionnels.",
		"Der Apotheker steht nicht im Register der Berufstätigen.", "The pharmacist is not in the register of professionals."},
	{PharmacistUnqualified, RuleViolated,
		"De vermelde apotheker was op die dag geen apotheker.", "Le pharmacien indiqué n'exerçait pas cette profession ce jour-là.",
		"Der angegebene Apotheker übte diesen Beruf an jenem Tag nicht aus.", "The pharmacist named did not practise that profession on that day."},
	{PharmacistNotTitular, RuleViolated,
		"De apotheker was op die dag geen titularis van een apotheek, of niet van de vermelde.", "Le pharmacien n'était pas titulaire d'une pharmacie ce jour-là, ou pas de celle indiquée.",
		"Der Apotheker war an jenem Tag nicht Titular einer Apotheke oder nicht der angegebenen.", "The pharmacist was not the titular of a pharmacy on that day, or not of the one given."},
	{LotContradictsUDI, RuleViolated,
		"Het lotnummer is een ander dan dat in de UDI.", "Le numéro de lot diffère de celui de l'UDI.",
		"Die Losnummer ist eine andere als die in der UDI.", "The lot number is another than the one in the UDI."},
	{SerialContradictsUDI, RuleViolated,
		"Het serienummer is een ander dan dat in de UDI.", "Le numéro de série diffère de celui de l'UDI.",
		"Die Seriennummer ist eine andere als die in der UDI.", "The serial number is another than the one in the UDI."},
	{ExpiryContradictsUDI, RuleViolated,
		"De vervaldatum is een andere dan die in de UDI.", "La date d'expiration diffère de celle de l'UDI.",
		"Das Verfallsdatum ist ein anderes als das in der UDI.", "The expiry date is another than the one in the UDI."},
	{QuantityOutOfRange, RuleViolated,
		"Het aantal moet tussen 1 en 99 liggen.", "La quantité doit être comprise entre 1 et 99.",
		"Die Anzahl muss zwischen 1 und 99 liegen.", "The quantity must be between 1 and 99."},
	{ImplantNotOfPatient, RuleViolated,
		"Deze patiënt heeft geen implantaat met deze ImplantId. Vraag de lijst op met listPatientImplants.", "Ce patient n'a pas d'implant avec cet ImplantId. Demandez la liste avec listPatientImplants.",
		"Dieser Patient hat kein Implantat mit dieser ImplantId. Rufen Sie die Liste mit listPatientImplants ab.", "This patient has no implant with this ImplantId. Ask for the list with listPatientImplants."},
	{ExplantExceedsRemaining, RuleViolated,
		"Er worden meer implantaten verwijderd dan er overblijven.", "Le nombre d'implants retirés dépasse ce qui reste.",
		"Es werden mehr Implantate entfernt, als übrig sind.", "More implants are removed than remain."},
	{ExplantBeforeImplant, RuleViolated,
		"De verwijdering ligt vóór de plaatsing van het implantaat.", "Le retrait est antérieur à la pose de l'implant.",
		"Die Entfernung liegt vor dem Einsetzen des Implantats.", "The removal is before the implant was placed."},
	{ImplantRemovedSince, RuleViolated,
		"Een implantaat van deze melding werd intussen verwijderd. De regel ervan moet blijven zoals ze is, bij dezelfde patiënt. Trek eerst de melding van de verwijdering in, of pas die aan.",
		"Un implant de cette notification a été retiré depuis. Sa ligne doit rester telle quelle, chez le même patient. Retirez ou modifiez d'abord la notification du retrait.",
		"Ein Implantat dieser Meldung wurde inzwischen entfernt. Seine Zeile muss bleiben, wie sie ist, beim selben Patienten. Ziehen Sie zuerst die Meldung der Entfernung zurück oder ändern Sie sie.",
		"An implant of this notification was removed since. Its line must stay as it is, with the same patient. Withdraw or revise the notification of the removal first."},
	{ReasonRequired, RuleViolated,
		"Vermeld in Reason waarom de definitieve melding wordt ingetrokken.", "Indiquez dans Reason pourquoi la notification définitive est retirée.",
		"Geben Sie in Reason an, warum die endgültige Meldung zurückgezogen wird.", "Say in Reason why the final notification is withdrawn."},
	{VersionOutdated, RuleViolated,
		"Dit is niet de huidige versie van de melding: iemand heeft ze intussen gewijzigd. Vraag ze op met getNotification en begin van die versie.",
		"Ce n'est pas la version actuelle de la notification : quelqu'un l'a modifiée entre-temps. Demandez-la avec getNotification et partez de cette version.",
		"Dies ist nicht die aktuelle Version der Meldung: Jemand hat sie inzwischen geändert. Rufen Sie sie mit getNotification ab und gehen Sie von dieser Version aus.",
		"This is not the current version of the notification: somebody changed it meanwhile. Ask for it with getNotification and start from that version."},
	{OtherOperationType, RuleViolated,
		"Een implantatie kan geen explantatie worden, en omgekeerd. Trek de melding in en maak een nieuwe.",
		"Une implantation ne peut pas devenir une explantation, ni l'inverse. Retirez la notification et faites-en une nouvelle.",
		"Eine Implantation kann keine Explantation werden und umgekehrt. Ziehen Sie die Meldung zurück und machen Sie eine neue.",
		"An implantation cannot become an explantation, nor the other way round. Withdraw the notification and make a new one."},
	{AlreadyFinal, Conflict,
		"Deze melding is al definitief. Wijzig ze met reviseNotification, of trek ze in met discardNotification.",
		"Cette notification est déjà définitive. Modifiez-la avec reviseNotification, ou retirez-la avec discardNotification.",
		"Diese Meldung ist bereits endgültig. Ändern Sie sie mit reviseNotification oder ziehen Sie sie mit discardNotification zurück.",
		"This notification is final already. Change it with reviseNotification, or withdraw it with discardNotification."},
	{AlreadyWithdrawn, Conflict,
		"Deze melding is ingetrokken. Ze blijft alleen in de geschiedenis staan.", "Cette notification a été retirée. Elle ne figure plus que dans l'historique.",
		"Diese Meldung wurde zurückgezogen. Sie steht nur noch in der Historie.", "This notification was withdrawn. Only its history remains."},
	{MayNotMandate, Forbidden,
		"Alleen een arts of tandarts kan een mandaat geven of overdragen.", "Seul un médecin ou un dentiste peut donner ou transférer un mandat.",
		"Nur ein Arzt oder Zahnarzt kann ein Mandat erteilen oder übertragen.", "Only a physician or a dentist can grant or transfer a mandate."},
	{MandateToSelf, RuleViolated,
		"U kunt uzelf geen mandaat geven. Vermeld iemand anders.", "Vous ne pouvez pas vous donner un mandat à vous-même. Indiquez une autre personne.",
		"Sie können sich selbst kein Mandat erteilen. Geben Sie jemand anderen an.", "You cannot give a mandate to yourself. Name somebody else."},
	{MandateExists, Conflict,
		"Deze persoon heeft van u al een mandaat dat niet beëindigd is. Vraag uw mandaten op met listMandates, en beëindig dat eerst als u een ander wilt geven.",
		"Cette personne a déjà de votre part un mandat qui n'a pas pris fin. Demandez vos mandats avec listMandates, et mettez d'abord fin à celui-là si vous voulez en donner un autre.",
		"Diese Person hat von Ihnen bereits ein Mandat, das nicht beendet ist. Rufen Sie Ihre Mandate mit listMandates ab, und beenden Sie dieses zuerst, wenn Sie ein anderes erteilen wollen.",
		"This person has a mandate from you already that has not ended. Ask for your mandates with listMandates, and end that one first if you want to give another."},
	{MandateNotFound, NotFound,
		"Tussen u en deze persoon is er geen mandaat waarmee dit kan. Vraag uw mandaten op met listMandates.",
		"Il n'y a entre vous et cette personne aucun mandat avec lequel cela est possible. Demandez vos mandats avec listMandates.",
		"Zwischen Ihnen und dieser Person gibt es kein Mandat, mit dem dies möglich ist. Rufen Sie Ihre Mandate mit listMandates ab.",
		"There is no mandate between you and this person with which this can be done. Ask for your mandates with listMandates."},
	{MayNotManageStaff, Forbidden,
		"Alleen een (hoofd)toegangsbeheerder kan de rollen in een organisatie zien en wijzigen. De organisatie ondertekent, en Author noemt de toegangsbeheerder, wiens rol vandaag geldt.",
		"Seul un gestionnaire d'accès (principal) peut voir et modifier les rôles dans une organisation. L'organisation signe, et Author désigne le gestionnaire d'accès, dont le rôle est valable aujourd'hui.",
		"Nur ein (Haupt-)Zugangsverwalter kann die Rollen in einer Organisation sehen und ändern. Die Organisation signiert, und Author nennt den Zugangsverwalter, dessen Rolle heute gilt.",
		"Only a (chief) access manager can see and change the roles in an organisation. The organisation signs, and Author names the access manager, whose role holds today."},
	{RoleOfSource, Forbidden,
		"Deze rol komt uit de authentieke bron en wordt hier niet toegekend of beëindigd. Toegangsbeheerders beheren AccessManager en AdministrativeStaff. Laat de bron aanpassen.",
		"Ce rôle vient de la source authentique et ne s'attribue ni ne se termine ici. Les gestionnaires d'accès gèrent AccessManager et AdministrativeStaff. Faites corriger la source.",
		"Diese Rolle kommt aus der authentischen Quelle und wird hier weder vergeben noch beendet. Zugangsverwalter verwalten AccessManager und AdministrativeStaff. Lassen Sie die Quelle ändern.",
		"This role comes from the authentic source and is neither given nor ended here. Access managers manage AccessManager and AdministrativeStaff. Have the source changed."},
	{ManagerNotYours, Forbidden,
		"Alleen de hoofdtoegangsbeheerder kan de rol van een andere toegangsbeheerder beëindigen.",
		"Seul le gestionnaire d'accès principal peut mettre fin au rôle d'un autre gestionnaire d'accès.",
		"Nur der Hauptzugangsverwalter kann die Rolle eines anderen Zugangsverwalters beenden.",
		"Only the chief access manager can end the role of another access manager."},
	{StaffRoleExists, Conflict,
		"Deze persoon heeft deze rol in uw organisatie al, of krijgt ze nog. Vraag de rollen op met listStaff.",
		"Cette personne a déjà ce rôle dans votre organisation, ou va l'avoir. Demandez les rôles avec listStaff.",
		"Diese Person hat diese Rolle in Ihrer Organisation bereits oder bekommt sie noch. Rufen Sie die Rollen mit listStaff ab.",
		"This person has this role in your organisation already, or is going to. Ask for the roles with listStaff."},
	{StaffRoleNotFound, NotFound,
		"Deze persoon heeft deze rol niet in uw organisatie. Vraag de rollen op met listStaff.",
		"Cette personne n'a pas ce rôle dans votre organisation. Demandez les rôles avec listStaff.",
		"Diese Person hat diese Rolle nicht in Ihrer Organisation. Rufen Sie die Rollen mit listStaff ab.",
		"This person does not have this role in your organisation. Ask for the roles with listStaff."},
	{PeriodBeginsInPast, RuleViolated,
		"De periode begint vóór vandaag. Laat From weg om vandaag te beginnen.", "La période commence avant aujourd'hui. Omettez From pour commencer aujourd'hui.",
		"Der Zeitraum beginnt vor heute. Lassen Sie From weg, um heute zu beginnen.", "The period begins before today. Leave From out to begin today."},
	{PeriodReversed, RuleViolated,
		"De periode eindigt vóór ze begint: To ligt vóór From, of vóór vandaag.", "La période se termine avant de commencer : To est antérieur à From, ou à aujourd'hui.",
		"Der Zeitraum endet, bevor er beginnt: To liegt vor From oder vor heute.", "The period ends before it begins: To is before From, or before today."},
	{EmergencyBlank, RuleViolated,
		"EmergencyReason zegt niet waarom: geef minstens 10 tekens, spaties aan begin en einde niet meegeteld.",
		"EmergencyReason ne dit pas pourquoi : donnez au moins 10 caractères, sans compter les espaces au début et à la fin.",
		"EmergencyReason sagt nicht warum: Geben Sie mindestens 10 Zeichen an, Leerzeichen am Anfang und Ende nicht gezählt.",
		"EmergencyReason does not say why: give at least 10 characters, not counting spaces at the beginning and the end."},
	{LinkRequired, Forbidden,
		"Deze dienst vraagt dat er al een therapeutische relatie tussen de specialist en de patiënt bestaat.", "Ce service exige qu'une relation thérapeutique existe déjà entre le spécialiste et le patient.",
		"Dieser Dienst verlangt, dass bereits eine therapeutische Beziehung zwischen Facharzt und Patient besteht.", "This service asks that a therapeutic relation between specialist and patient exists already."},
	{InputReferenceConflict, Conflict,
		"Deze InputReference is al gebruikt voor een melding met een andere inhoud. Er is niets bewaard.", "Cette InputReference a déjà servi pour une notification au contenu différent. Rien n'a été enregistré.",
		"Diese InputReference wurde bereits für eine Meldung mit anderem Inhalt verwendet. Es wurde nichts gespeichert.", "This InputReference was used already for a notification with other content. Nothing was stored."},
	{NotificationNotFound, NotFound, notificationGone.NL, notificationGone.FR, notificationGone.DE, notificationGone.EN},
	{NotificationWithheld, Withheld, notificationGone.NL, notificationGone.FR, notificationGone.DE, notificationGone.EN},
	{CardNotFound, NotFound, cardGone.NL, cardGone.FR, cardGone.DE, cardGone.EN},
	{CardWithheld, Withheld, cardGone.NL, cardGone.FR, cardGone.DE, cardGone.EN},
}

// The texts of a withheld item are identical to those of a missing item.
var (
	notificationGone = Entry{
		NL: "Er is geen melding met dit nummer die u kunt raadplegen.",
		FR: "Il n'y a pas de notification portant ce numéro que vous puissiez consulter.",
		DE: "Es gibt keine Meldung mit dieser Nummer, die Sie einsehen können.",
		EN: "There is no notification with this number that you can consult."}
	cardGone = Entry{
		NL: "Er zijn geen implantaten van deze patiënt die u kunt raadplegen.",
		FR: "Il n'y a pas d'implants de ce patient que vous puissiez consulter.",
		DE: "Es gibt keine Implantate dieses Patienten, die Sie einsehen können.",
		EN: "There are no implants of this patient that you can consult."}
)

// PublicCode returns the code that a caller may see: for a withheld item, that of a missing item.
func (c Code) PublicCode() Code {
	switch c {
	case NotificationWithheld:
		return NotificationNotFound
	case CardWithheld:
		return CardNotFound
	}
	return c
}
