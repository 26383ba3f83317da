package problem

// Codes that any step of the processing may return.
const (
	InternalError     Code = "INTERNAL"
	Overloaded        Code = "OVERLOADED"
	StoreDown         Code = "STORE_UNAVAILABLE"
	MessageIncomplete Code = "MESSAGE_INCOMPLETE"
	CallerGone        Code = "CALLER_GONE"
	// TextControls is of a value that would control what shows it; see texts.HasControls.
	TextControls Code = "TEXT_CONTROL_CHARACTERS"
)

func init() {
	Register(Properties{Kind: Internal}, InternalError)
	Register(Properties{Kind: Unavailable}, Overloaded, StoreDown, CallerGone)
	Register(Properties{Kind: Malformed}, MessageIncomplete)
	Register(Properties{Kind: SchemaInvalid}, TextControls)
}
