package p12

import "github.com/openctr/ctr/internal/problem"

// The codes of .p12 files.
const (
	Unreadable    problem.Code = "P12_UNREADABLE"
	Unsupported   problem.Code = "P12_UNSUPPORTED"
	TooCostly     problem.Code = "P12_TOO_COSTLY"
	PasswordWrong problem.Code = "P12_PASSWORD"
	KeyMissing    problem.Code = "P12_NO_KEY"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Malformed}, Unreadable, Unsupported, TooCostly, PasswordWrong,
		KeyMissing)
}
