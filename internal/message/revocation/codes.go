package revocation

import "github.com/openctr/ctr/internal/problem"

// The codes of revocation lists and of answers of an OCSP responder. The codes of a certificate's revocation status are
// in package x509id.
const (
	CRLUnreadable  problem.Code = "CRL_UNREADABLE"
	CRLUntrusted   problem.Code = "CRL_UNTRUSTED"
	CRLAddress     problem.Code = "CRL_ADDRESS"
	OCSPUnreadable problem.Code = "OCSP_UNREADABLE"
	OCSPUntrusted  problem.Code = "OCSP_UNTRUSTED"
)

func init() {
	problem.Register(problem.Properties{Kind: problem.Malformed}, CRLUnreadable, CRLUntrusted, CRLAddress, OCSPUnreadable,
		OCSPUntrusted)
}
