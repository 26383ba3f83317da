package udi

import "github.com/openctr/ctr/internal/problem"

// The codes of this package.
const (
	UDIUnparsable problem.Code = "UDI_UNPARSABLE"
	UDIGTINCheck  problem.Code = "UDI_GTIN_CHECK"
	UDIPartlyRead problem.Code = "UDI_PARTLY_READ"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.RuleViolated}, UDIUnparsable, UDIGTINCheck, UDIPartlyRead)
}
