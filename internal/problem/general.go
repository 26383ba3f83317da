package problem

// Codes that any step of the processing may return.
const (
	InternalError Code = "INTERNAL"
	Overloaded    Code = "OVERLOADED"
	StoreDown     Code = "STORE_UNAVAILABLE"
)

var generalCodes = []Entry{
	{InternalError, Internal},
	{Overloaded, Unavailable},
	{StoreDown, Unavailable},
}
