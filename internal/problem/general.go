package problem

// Codes that any step of the processing may return.
const (
	InternalError     Code = "INTERNAL"
	Overloaded        Code = "OVERLOADED"
	StoreDown         Code = "STORE_UNAVAILABLE"
	MessageIncomplete Code = "MESSAGE_INCOMPLETE"
	CallerGone        Code = "CALLER_GONE"
)

func init() {
	Register(Properties{Kind: Internal}, InternalError)
	Register(Properties{Kind: Unavailable}, Overloaded, StoreDown, CallerGone)
	Register(Properties{Kind: Malformed}, MessageIncomplete)
}
