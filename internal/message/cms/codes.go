package cms

import (
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// The codes of sealed messages and encryption tokens.
const (
	TooLarge         problem.Code = "SEAL_TOO_LARGE"
	Unreadable       problem.Code = "SEAL_UNREADABLE"
	Unsupported      problem.Code = "SEAL_UNSUPPORTED"
	SignerMissing    problem.Code = "SEAL_SIGNER_MISSING"
	SignatureInvalid problem.Code = "SEAL_SIGNATURE_INVALID"
	NotAddressed     problem.Code = "SEAL_NOT_ADDRESSED"
	// NotOpened is the only refusal between the decryption and the verification of the inner signature.
	NotOpened    problem.Code = "SEAL_NOT_OPENED"
	TimeInFuture problem.Code = "SEAL_TIME_IN_FUTURE"
	KeyUnfit     problem.Code = "SEAL_KEY_UNFIT"
	TokenInvalid problem.Code = "ETK_INVALID"

	// Warnings.
	OtherProfile problem.Code = "SEAL_OTHER_PROFILE"
	TimeMissing  problem.Code = "SEAL_TIME_MISSING"
	ExpiredSince problem.Code = "SEAL_EXPIRED_SINCE"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Malformed}, TooLarge, Unreadable, Unsupported, SignerMissing,
		SignatureInvalid, NotAddressed, NotOpened, TimeInFuture, KeyUnfit, TokenInvalid)
	problem.Register(problem.Properties{}, OtherProfile, TimeMissing, ExpiredSince)
}

// newUnreadableError refuses a structure. What it names is the form of the message, which is public.
func newUnreadableError(what string) error { return problem.New(Unreadable, texts.Literal(what)) }

func newUnsupportedError(what string) error { return problem.New(Unsupported, texts.Literal(what)) }

func newTokenError(what string) error { return problem.New(TokenInvalid, texts.Literal(what)) }
