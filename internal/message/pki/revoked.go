package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/problem"
)

// revocations is an immutable snapshot of what is revoked. A cached answer names the snapshot that it was made under, so
// that a new list makes all of them void at once.
type revocations struct {
	lists map[string]revocationList // by the raw subject of the issuer
}

type revocationList struct {
	source  *x509.RevocationList
	serials map[string]struct{} // the big-endian magnitude of each serial number
}

// holds reports whether a certificate is revoked. The instant does not matter: a key that is compromised today may have
// been so yesterday, and nothing signed with it is accepted any more.
func (r *revocations) holds(c *x509.Certificate) bool {
	l, ok := r.lists[string(c.RawIssuer)]
	if !ok {
		return false
	}
	_, ok = l.serials[string(c.SerialNumber.Bytes())]
	return ok
}

// AddCRL makes a certificate revocation list known, in DER or PEM. It must be complete and signed by an authority that
// is trusted here. It takes the place of an older list of the same issuer; an older one changes nothing. A list that is
// past its next update still counts, for what it revokes stays revoked.
func (t *Trust) AddCRL(data []byte) error {
	l, err := readCRL(data)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(t.authorities, func(issuer *x509.Certificate) bool {
		return bytes.Equal(issuer.RawSubject, l.source.RawIssuer) && l.source.CheckSignatureFrom(issuer) == nil
	}) {
		return problem.New(problem.CRLUntrusted)
	}
	t.loading.Lock()
	defer t.loading.Unlock()
	held := t.revoked.Load().lists
	issuer := string(l.source.RawIssuer)
	if present, ok := held[issuer]; ok && !l.isNewer(present) {
		return nil
	}
	lists := make(map[string]revocationList, len(held)+1)
	maps.Copy(lists, held)
	lists[issuer] = l
	t.revoked.Store(&revocations{lists: lists})
	return nil
}

// isNewer compares by CRL number where both have one (RFC 5280 §5.2.3), otherwise by the time of issue.
func (l revocationList) isNewer(than revocationList) bool {
	if l.source.Number != nil && than.source.Number != nil {
		return l.source.Number.Cmp(than.source.Number) > 0
	}
	return l.source.ThisUpdate.After(than.source.ThisUpdate)
}

// Extensions that make a list mean something else than "this issuer revoked these serial numbers".
var (
	oidDeltaCRL          = asn1.ObjectIdentifier{2, 5, 29, 27} // RFC 5280 §5.2.4: only the changes
	oidCertificateIssuer = asn1.ObjectIdentifier{2, 5, 29, 29} // RFC 5280 §5.3.3: entries of other issuers
)

func readCRL(data []byte) (revocationList, error) {
	if block, _ := pem.Decode(data); block != nil && block.Type == "X509 CRL" {
		data = block.Bytes
	}
	source, err := x509.ParseRevocationList(data)
	if err != nil {
		return revocationList{}, problem.Wrap(problem.CRLUnreadable, err)
	}
	for _, extension := range source.Extensions {
		if extension.Id.Equal(oidDeltaCRL) {
			return revocationList{}, problem.New(problem.CRLUnreadable, "it is a delta CRL")
		}
	}
	l := revocationList{source: source, serials: make(map[string]struct{}, len(source.RevokedCertificateEntries))}
	for _, entry := range source.RevokedCertificateEntries {
		for _, extension := range entry.Extensions {
			if extension.Id.Equal(oidCertificateIssuer) {
				return revocationList{}, problem.New(problem.CRLUnreadable, "it is an indirect CRL")
			}
		}
		l.serials[string(entry.SerialNumber.Bytes())] = struct{}{}
	}
	return l, nil
}
