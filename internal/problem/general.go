package problem

// Codes that any step of the processing may return.
const (
	InternalError Code = "INTERNAL"
	Overloaded    Code = "OVERLOADED"
	StoreDown     Code = "STORE_UNAVAILABLE"
)

var generalCodes = []Entry{
	{InternalError, Internal,
		"De dienst kon uw bericht niet verwerken door een fout aan onze kant. Stuur een melding opnieuw, opnieuw ondertekend en met dezelfde InputReference: zo wordt niets dubbel bewaard. Geef bij vragen het nummer van deze fout op.",
		"Le service n'a pas pu traiter votre message à cause d'une erreur de notre côté. Renvoyez une notification avec une nouvelle signature et la même InputReference : rien ne sera enregistré deux fois. Indiquez le numéro de cette erreur pour toute question.",
		"Der Dienst konnte Ihre Nachricht wegen eines Fehlers auf unserer Seite nicht verarbeiten. Senden Sie eine Meldung erneut, neu signiert und mit derselben InputReference: So wird nichts doppelt gespeichert. Geben Sie bei Fragen die Nummer dieses Fehlers an.",
		"The service could not process your message because of a fault on our side. Send a notification again, signed anew and with the same InputReference: nothing will be stored twice. Quote the number of this fault when you ask about it."},
	{Overloaded, Unavailable,
		"De dienst is overbelast. Er is niets bewaard. Probeer het later opnieuw, opnieuw ondertekend en met dezelfde InputReference.",
		"Le service est surchargé. Rien n'a été enregistré. Réessayez plus tard, avec une nouvelle signature et la même InputReference.",
		"Der Dienst ist überlastet. Es wurde nichts gespeichert. Versuchen Sie es später erneut, neu signiert und mit derselben InputReference.",
		"The service is overloaded. Nothing was stored. Try again later, signed anew and with the same InputReference."},
	{StoreDown, Unavailable,
		"Het register kan op dit ogenblik niets bewaren. Probeer het later opnieuw, opnieuw ondertekend en met dezelfde InputReference.",
		"Le registre ne peut rien enregistrer pour le moment. Réessayez plus tard, avec une nouvelle signature et la même InputReference.",
		"Das Register kann zurzeit nichts speichern. Versuchen Sie es später erneut, neu signiert und mit derselben InputReference.",
		"The register cannot store anything at the moment. Try again later, signed anew and with the same InputReference."},
}
