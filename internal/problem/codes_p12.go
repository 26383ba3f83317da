package problem

// The codes of .p12 files.
const (
	P12Unreadable  Code = "P12_UNREADABLE"
	P12Unsupported Code = "P12_UNSUPPORTED"
	P12TooCostly   Code = "P12_TOO_COSTLY"
	P12Password    Code = "P12_PASSWORD"
	P12NoKey       Code = "P12_NO_KEY"
)

func init() {
	Register(Properties{Kind: Malformed}, P12Unreadable, P12Unsupported, P12TooCostly, P12Password,
		P12NoKey)
}
