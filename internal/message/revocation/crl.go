package revocation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Bounds on CRLs. A CRL of the maximum size holds a quarter of a million serial numbers.
const (
	MaxCRLBytes       = 10 << 20 // of one CRL
	MaxCRLs           = 64       // of one authority of the TrustStore: its CRL, or the partitions of it
	maxRevokedSerials = 1 << 20  // of one CRL and those that it replaced
)

// CRLStore holds the CRLs of a TrustStore's authorities. It is safe for concurrent use.
type CRLStore struct {
	authorities []*x509.Certificate

	listsMu  sync.Mutex // held while a new snapshot is made
	snapshot atomic.Pointer[crlSnapshot]
}

// NewCRLStore returns a CRLStore that is the only source of revocations of a TrustStore, and connects it, so call it
// before the TrustStore is used.
func NewCRLStore(t *x509id.TrustStore) *CRLStore {
	s := newCRLStore(t.Authorities(), nil)
	t.SetRevocationSource(s)
	return s
}

func newCRLStore(authorities []*x509.Certificate, checker *StatusChecker) *CRLStore {
	s := &CRLStore{authorities: authorities}
	s.snapshot.Store(&crlSnapshot{checker: checker})
	return s
}

// CurrentLists returns the current CRLs.
func (s *CRLStore) CurrentLists() x509id.RevocationLists { return s.snapshot.Load() }

// Offline returns the CRLStore itself, because looking into it has no side effects.
func (s *CRLStore) Offline() x509id.RevocationSource { return s }

// crlSnapshot is an immutable set of CRLs. A cached path refers to the snapshot that it was verified with, so a new CRL
// invalidates all cached paths at once.
type crlSnapshot struct {
	checker  *StatusChecker          // holds the status of single certificates; nil: only CRLs count
	byIssuer map[string][]*parsedCRL // by the key of the issuer's name
}

// parsedCRL holds the needed data of a CRL.
type parsedCRL struct {
	issuer  authorityID
	owner   authorityID // whose share of the lists it uses
	scope   crlScope
	number  *big.Int
	period  updatePeriod
	serials map[string]bool // by big-endian magnitude of the serial number; true if the revocation is final
}

// updatePeriod is the time from thisUpdate to nextUpdate. The zero updatePeriod is never current.
type updatePeriod struct{ thisUpdate, nextUpdate time.Time }

// maxClockSkew is how far an authority's clock may be ahead of ours.
const maxClockSkew = 5 * time.Minute

func (p updatePeriod) isCurrentAt(at time.Time) bool {
	return !p.nextUpdate.IsZero() && !at.Before(p.thisUpdate.Add(-maxClockSkew)) && !at.After(p.nextUpdate)
}

// authorityID identifies an authority by name and key: an authority that changed its key under the same name has two,
// and its cross-certificates share one.
type authorityID [sha256.Size]byte

func newAuthorityID(issuer *x509.Certificate) authorityID {
	return sha256.Sum256(slices.Concat(issuer.RawSubject, issuer.RawSubjectPublicKeyInfo))
}

// IsRevoked reports whether a certificate is revoked. The time does not matter: a key that is compromised today may
// have been compromised yesterday, so nothing signed with it is accepted any more.
//
// Only the issuer's name counts, because an authority that changed its key revokes old certificates with the new one
// (RFC 5280 §6.3.3).
func (r *crlSnapshot) IsRevoked(c *x509.Certificate) bool {
	for _, l := range r.byIssuer[x509id.NameKey(c.RawIssuer)] {
		if _, ok := l.serials[string(c.SerialNumber.Bytes())]; ok {
			return true
		}
	}
	return false
}

// findClearance returns the longest updatePeriod of a CRL that says that a certificate, which is on no CRL, is not
// revoked. Here the issuer's key counts: if two authorities share a name, neither vouches for the other's certificates.
func (r *crlSnapshot) findClearance(c, issuer *x509.Certificate) updatePeriod {
	var longest updatePeriod
	authority := newAuthorityID(issuer)
	for _, l := range r.byIssuer[x509id.NameKey(c.RawIssuer)] {
		if l.issuer == authority && l.scope.coversCertificate(c) && l.period.nextUpdate.After(longest.nextUpdate) {
			longest = l.period
		}
	}
	return longest
}

// NewStatusCheck returns the StatusCheck of a verified path. What it needs to know of the path is computed only once.
func (r *crlSnapshot) NewStatusCheck(path []*x509.Certificate) x509id.StatusCheck {
	if r.checker == nil {
		return func(time.Time) (<-chan struct{}, error) { return nil, nil }
	}
	return r.checker.newPathStatus(r, path).checkStatus
}

// countLists returns the number of lists that use the share of an authority.
func (r *crlSnapshot) countLists(owner authorityID) int {
	n := 0
	for _, lists := range r.byIssuer {
		for _, l := range lists {
			if l.owner == owner {
				n++
			}
		}
	}
	return n
}

// AddCRL adds a certificate revocation list in DER, or one or several in PEM. Each must be complete and signed by an
// authority of the TrustStore. It replaces an older CRL of the same issuer and scope; an older one changes nothing. A
// CRL past its next update still counts, because a revoked certificate stays revoked. A revoked certificate that a
// newer CRL omits also stays revoked, unless it was only on hold: authorities drop expired certificates from their
// CRLs.
func (s *CRLStore) AddCRL(data []byte) error {
	for _, list := range splitPEMLists(data) {
		if _, err := s.addCRLOfIssuer(list, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// splitPEMLists returns the content of each list in a PEM file, or the data itself if it is no PEM file with lists.
func splitPEMLists(data []byte) [][]byte {
	var lists [][]byte
	for rest := data; len(data) <= MaxCRLBytes; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == blockList {
			lists = append(lists, block.Bytes)
		}
	}
	if lists == nil {
		return [][]byte{data}
	}
	return lists
}

// acceptedCRL is a CRL whose signature was verified.
type acceptedCRL struct {
	*parsedCRL

	signer *x509.Certificate
	isNew  bool // it changed what is known
}

// addCRLOfIssuer is AddCRL, but also accepts a CRL of another authority whose path was verified, if not nil. The CRL
// uses the share of the owner, or that of the authority that signed it if nil.
func (s *CRLStore) addCRLOfIssuer(data []byte, other, owner *x509.Certificate) (acceptedCRL, error) {
	source, l, err := parseCRL(data)
	if err != nil {
		return acceptedCRL{}, err
	}
	isSignedBy := func(issuer *x509.Certificate) bool {
		return x509id.EqualNames(issuer.RawSubject, source.RawIssuer) && source.CheckSignatureFrom(issuer) == nil
	}
	accepted := acceptedCRL{parsedCRL: l}
	switch i := slices.IndexFunc(s.authorities, isSignedBy); {
	case x509id.IsWeakSignatureAlgorithm(source.SignatureAlgorithm):
		return acceptedCRL{}, problem.New(CRLUntrusted, texts.Literal(source.SignatureAlgorithm.String()))
	case i >= 0:
		accepted.signer = s.authorities[i]
	case other != nil && isSignedBy(other):
		accepted.signer = other
	default:
		return acceptedCRL{}, problem.New(CRLUntrusted)
	}
	if owner == nil {
		owner = accepted.signer
	}
	l.issuer, l.owner = newAuthorityID(accepted.signer), newAuthorityID(owner)
	accepted.isNew, err = s.storeCRL(x509id.NameKey(source.RawIssuer), l)
	return accepted, err
}

// isOwnAuthority reports whether a certificate is one of the TrustStore's authorities.
func (s *CRLStore) isOwnAuthority(c *x509.Certificate) bool {
	return slices.ContainsFunc(s.authorities, c.Equal)
}

// storeCRL installs a new snapshot that contains the CRL, unless a newer one is known.
func (s *CRLStore) storeCRL(issuer string, l *parsedCRL) (isNew bool, err error) {
	s.listsMu.Lock()
	defer s.listsMu.Unlock()
	current := s.snapshot.Load()
	index := slices.IndexFunc(current.byIssuer[issuer], l.hasSameScope)
	next := &crlSnapshot{checker: current.checker, byIssuer: make(map[string][]*parsedCRL, len(current.byIssuer)+1)}
	maps.Copy(next.byIssuer, current.byIssuer)
	switch lists := slices.Clone(current.byIssuer[issuer]); {
	case index < 0 && current.countLists(l.owner) >= MaxCRLs:
		return false, problem.New(CRLUnreadable, texts.Literal(fmt.Sprintf("there are %d lists already", MaxCRLs)))
	case index < 0:
		next.byIssuer[issuer] = append(lists, l)
	case !l.isNewerThan(lists[index]):
		return false, nil
	default:
		l.inheritRevocations(lists[index])
		lists[index] = l
		next.byIssuer[issuer] = lists
	}
	s.snapshot.Store(next)
	return true, nil
}

func (l *parsedCRL) hasSameScope(other *parsedCRL) bool {
	return l.issuer == other.issuer && l.scope.extension == other.scope.extension
}

// isNewerThan compares CRL numbers if both CRLs have one (RFC 5280 §5.2.3), otherwise, and if they are equal,
// thisUpdate.
func (l *parsedCRL) isNewerThan(than *parsedCRL) bool {
	if l.number != nil && than.number != nil {
		if order := l.number.Cmp(than.number); order != 0 {
			return order > 0
		}
	}
	return l.period.thisUpdate.After(than.period.thisUpdate)
}

// inheritRevocations copies the final revocations of an older CRL.
func (l *parsedCRL) inheritRevocations(older *parsedCRL) {
	for serial, final := range older.serials {
		if len(l.serials) >= maxRevokedSerials {
			return
		}
		if final && !l.serials[serial] {
			l.serials[serial] = true
		}
	}
}

// reasonCertificateHold is the only reason code that an authority may revert (RFC 5280 §5.3.1).
const reasonCertificateHold = 6

// Extensions that change the meaning of a CRL from "this issuer revoked these serial numbers".
var (
	oidDeltaCRL          = asn1.ObjectIdentifier{2, 5, 29, 27} // RFC 5280 §5.2.4: only the changes
	oidDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28} // RFC 5280 §5.2.5: only some certificates
	oidCertificateIssuer = asn1.ObjectIdentifier{2, 5, 29, 29} // RFC 5280 §5.3.3: entries of other issuers
)

func parseCRL(data []byte) (*x509.RevocationList, *parsedCRL, error) {
	if len(data) > MaxCRLBytes {
		return nil, nil, problem.New(CRLUnreadable, texts.Literal(fmt.Sprintf("it has more than %d octets", MaxCRLBytes)))
	}
	if block, _ := pem.Decode(data); block != nil && block.Type == "X509 CRL" {
		data = block.Bytes
	}
	source, err := x509.ParseRevocationList(data)
	if err != nil {
		return nil, nil, problem.Wrap(CRLUnreadable, err)
	}
	l := &parsedCRL{
		number: source.Number, period: updatePeriod{source.ThisUpdate, source.NextUpdate},
		serials: make(map[string]bool, len(source.RevokedCertificateEntries)),
	}
	for _, extension := range source.Extensions {
		switch {
		case extension.Id.Equal(oidDeltaCRL):
			return nil, nil, problem.New(CRLUnreadable, texts.Literal("it is a delta CRL"))
		case extension.Id.Equal(oidDistributionPoint):
			if l.scope, err = parseCRLScope(extension.Value); err != nil {
				return nil, nil, err
			}
		case extension.Critical:
			return nil, nil, problem.New(CRLUnreadable, texts.Literal("of its extension "+extension.Id.String()))
		}
	}
	for _, entry := range source.RevokedCertificateEntries {
		for _, extension := range entry.Extensions {
			if extension.Id.Equal(oidCertificateIssuer) {
				return nil, nil, problem.New(CRLUnreadable, texts.Literal("it is an indirect CRL"))
			}
		}
		l.serials[string(entry.SerialNumber.Bytes())] = entry.ReasonCode != reasonCertificateHold
	}
	return source, l, nil
}

// crlScope is the set of certificates that a CRL covers. The zero crlScope covers all certificates of its issuer.
type crlScope struct {
	extension             string // the whole extension: CRLs of different scope do not replace each other
	onlyUserCertificates  bool
	onlyCACertificates    bool
	hasDistributionPoint  bool     // covers only certificates that name one of the URLs
	distributionPointURLs []string // http, https, ldap…
}

// coversCertificate reports whether a certificate would be on this CRL if it were revoked (RFC 5280 §6.3.3 step b).
func (s crlScope) coversCertificate(c *x509.Certificate) bool {
	if c.IsCA && s.onlyUserCertificates || !c.IsCA && s.onlyCACertificates {
		return false
	}
	return !s.hasDistributionPoint || slices.ContainsFunc(c.CRLDistributionPoints, func(address string) bool {
		return slices.Contains(s.distributionPointURLs, address)
	})
}

// Fields of an IssuingDistributionPoint, in order, and the only name form that contains a URL.
const (
	fieldDistributionPoint = tags.Tag(0xa0) // [0], constructed
	fieldOnlyUserCerts     = tags.Tag(0x81) // [1]
	fieldOnlyCACerts       = tags.Tag(0x82) // [2]
	tagFullName            = tags.Tag(0xa0) // [0] of DistributionPointName
	tagURI                 = tags.Tag(0x86) // [6] of GeneralName
)

// parseCRLScope parses an IssuingDistributionPoint. It refuses CRLs for certain reasons only, of attribute certificates
// or of several issuers: no authority of the platform issues them, and a partial answer is worthless.
func parseCRLScope(der []byte) (crlScope, error) {
	s := crlScope{extension: string(der)}
	errUnreadable := problem.New(CRLUnreadable, texts.Literal("of its issuing distribution point"))
	input := cryptobyte.String(der)
	var fields cryptobyte.String
	if !input.ReadASN1(&fields, tags.SEQUENCE) || !input.Empty() {
		return crlScope{}, errUnreadable
	}
	for !fields.Empty() {
		var value cryptobyte.String
		var field tags.Tag
		if !fields.ReadAnyASN1(&value, &field) {
			return crlScope{}, errUnreadable
		}
		switch field {
		case fieldDistributionPoint:
			s.hasDistributionPoint = true
			var ok bool
			if s.distributionPointURLs, ok = parseDistributionPoint(value); !ok {
				return crlScope{}, errUnreadable
			}
		case fieldOnlyUserCerts:
			s.onlyUserCertificates = len(value) == 1 && value[0] != 0
		case fieldOnlyCACerts:
			s.onlyCACertificates = len(value) == 1 && value[0] != 0
		default:
			return crlScope{}, errUnreadable
		}
	}
	return s, nil
}

func parseDistributionPoint(point cryptobyte.String) (addresses []string, ok bool) {
	var names cryptobyte.String
	var form tags.Tag
	if !point.ReadAnyASN1(&names, &form) || !point.Empty() {
		return nil, false
	}
	for form == tagFullName && !names.Empty() {
		var name cryptobyte.String
		var kind tags.Tag
		if !names.ReadAnyASN1(&name, &kind) {
			return nil, false
		}
		if kind == tagURI {
			addresses = append(addresses, string(name))
		}
	}
	return addresses, true
}
