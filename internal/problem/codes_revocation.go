package problem

// The codes of revocation lists and of answers of an OCSP responder. The codes of a certificate's revocation status are
// in package x509id.
const (
	CRLUnreadable  Code = "CRL_UNREADABLE"
	CRLUntrusted   Code = "CRL_UNTRUSTED"
	CRLAddress     Code = "CRL_ADDRESS"
	OCSPUnreadable Code = "OCSP_UNREADABLE"
	OCSPUntrusted  Code = "OCSP_UNTRUSTED"
)

func init() {
	Register(Properties{Kind: Malformed}, CRLUnreadable, CRLUntrusted, CRLAddress, OCSPUnreadable,
		OCSPUntrusted)
}
