package pki

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/openctr/ctr/internal/problem"
)

// Bounds of revocation lists. A list of the largest size holds a quarter of a million serial numbers.
const (
	MaxCRL     = 10 << 20 // octets of one list
	MaxCRLs    = 64       // lists kept: one for each authority, or for each part of an authority's
	maxSerials = 1 << 20  // serial numbers kept of one list and those that it replaced
)

// revocations is an immutable snapshot of what is revoked. A cached answer names the snapshot that it was made under, so
// that a new list makes all of them void at once.
type revocations struct {
	lists map[string][]*revocationList // by the raw subject of the issuer
}

// revocationList is what is kept of a list.
type revocationList struct {
	authority authorityID
	scope     scope
	number    *big.Int
	period    period
	serials   map[string]bool // by the big-endian magnitude of the serial number: whether the revocation is final
}

// period is from an update of what is known to the next (thisUpdate and nextUpdate). The zero period covers nothing.
type period struct{ from, until time.Time }

// skew is by how much the clock of an authority may be ahead of ours.
const skew = 5 * time.Minute

func (p period) covers(at time.Time) bool {
	return !p.until.IsZero() && !at.Before(p.from.Add(-skew)) && !at.After(p.until)
}

// authorityID names an authority by its name and key: one that changed its key under the same name has two, and
// cross-certificates have one.
type authorityID [sha256.Size]byte

func authorityOf(issuer *x509.Certificate) authorityID {
	return sha256.Sum256(slices.Concat(issuer.RawSubject, issuer.RawSubjectPublicKeyInfo))
}

// holds reports whether a certificate is revoked. The instant does not matter: a key that is compromised today may have
// been so yesterday, and nothing signed with it is accepted any more.
//
// The issuer counts by its name alone, because an authority that changed its key revokes old certificates with the new
// one (RFC 5280 §6.3.3).
func (r *revocations) holds(c *x509.Certificate) bool {
	for _, l := range r.lists[string(c.RawIssuer)] {
		if _, ok := l.serials[string(c.SerialNumber.Bytes())]; ok {
			return true
		}
	}
	return false
}

// clears gives the period in which a list says that a certificate, which none holds, is not revoked. The issuer's key
// counts here: of two authorities with one name neither vouches for the other's certificates.
func (r *revocations) clears(c, issuer *x509.Certificate) period {
	var longest period
	authority := authorityOf(issuer)
	for _, l := range r.lists[string(c.RawIssuer)] {
		if l.authority == authority && l.scope.covers(c) && l.period.until.After(longest.until) {
			longest = l.period
		}
	}
	return longest
}

func (r *revocations) count() int {
	n := 0
	for _, lists := range r.lists {
		n += len(lists)
	}
	return n
}

// AddCRL makes a certificate revocation list known, in DER or PEM. It must be complete and signed by an authority that
// is trusted here. It takes the place of an older list of the same issuer; an older one changes nothing. A list that is
// past its next update still counts, for what it revokes stays revoked. So does a certificate that a newer list leaves
// out, unless it was only on hold: authorities drop those that have expired.
func (t *Trust) AddCRL(data []byte) error {
	_, err := t.addCRL(data, nil)
	return err
}

// addCRL is AddCRL that also takes lists of another authority, whose path was verified; nil for none. It gives the period
// of the list.
func (t *Trust) addCRL(data []byte, other *x509.Certificate) (period, error) {
	source, l, err := readCRL(data)
	if err != nil {
		return period{}, err
	}
	signed := func(issuer *x509.Certificate) bool {
		return bytes.Equal(issuer.RawSubject, source.RawIssuer) && source.CheckSignatureFrom(issuer) == nil
	}
	switch i := slices.IndexFunc(t.authorities, signed); {
	case isWeak(source.SignatureAlgorithm):
		return period{}, problem.New(problem.CRLUntrusted, source.SignatureAlgorithm.String())
	case i >= 0:
		l.authority = authorityOf(t.authorities[i])
	case other != nil && signed(other):
		l.authority = authorityOf(other)
	default:
		return period{}, problem.New(problem.CRLUntrusted)
	}
	return l.period, t.keep(string(source.RawIssuer), l)
}

// keep makes a new snapshot with the list in it.
func (t *Trust) keep(issuer string, l *revocationList) error {
	t.loading.Lock()
	defer t.loading.Unlock()
	held := t.revoked.Load()
	present := slices.IndexFunc(held.lists[issuer], l.isAbout)
	next := &revocations{lists: make(map[string][]*revocationList, len(held.lists)+1)}
	maps.Copy(next.lists, held.lists)
	switch of := slices.Clone(held.lists[issuer]); {
	case present < 0 && held.count() >= MaxCRLs:
		return problem.New(problem.CRLUnreadable, "there are", strconv.Itoa(MaxCRLs), "lists already")
	case present < 0:
		next.lists[issuer] = append(of, l)
	case !l.isNewer(of[present]):
		return nil
	default:
		l.inherit(of[present])
		of[present] = l
		next.lists[issuer] = of
	}
	t.revoked.Store(next)
	return nil
}

func (l *revocationList) isAbout(other *revocationList) bool {
	return l.authority == other.authority && l.scope.raw == other.scope.raw
}

// isNewer compares by CRL number where both have one (RFC 5280 §5.2.3), otherwise and between equals by the time of issue.
func (l *revocationList) isNewer(than *revocationList) bool {
	if l.number != nil && than.number != nil {
		if order := l.number.Cmp(than.number); order != 0 {
			return order > 0
		}
	}
	return l.period.from.After(than.period.from)
}

// inherit takes over what an older list revoked for good.
func (l *revocationList) inherit(older *revocationList) {
	for serial, final := range older.serials {
		if len(l.serials) >= maxSerials {
			return
		}
		if final && !l.serials[serial] {
			l.serials[serial] = true
		}
	}
}

// onHold is the one reason that an authority may take back (RFC 5280 §5.3.1).
const onHold = 6

// Extensions that make a list mean something else than "this issuer revoked these serial numbers".
var (
	oidDeltaCRL          = asn1.ObjectIdentifier{2, 5, 29, 27} // RFC 5280 §5.2.4: only the changes
	oidDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28} // RFC 5280 §5.2.5: only some certificates
	oidCertificateIssuer = asn1.ObjectIdentifier{2, 5, 29, 29} // RFC 5280 §5.3.3: entries of other issuers
)

func readCRL(data []byte) (*x509.RevocationList, *revocationList, error) {
	if len(data) > MaxCRL {
		return nil, nil, problem.New(problem.CRLUnreadable, "it has more than", strconv.Itoa(MaxCRL), "octets")
	}
	if block, _ := pem.Decode(data); block != nil && block.Type == "X509 CRL" {
		data = block.Bytes
	}
	source, err := x509.ParseRevocationList(data)
	if err != nil {
		return nil, nil, problem.Wrap(problem.CRLUnreadable, err)
	}
	l := &revocationList{
		number: source.Number, period: period{source.ThisUpdate, source.NextUpdate},
		serials: make(map[string]bool, len(source.RevokedCertificateEntries)),
	}
	for _, extension := range source.Extensions {
		switch {
		case extension.Id.Equal(oidDeltaCRL):
			return nil, nil, problem.New(problem.CRLUnreadable, "it is a delta CRL")
		case extension.Id.Equal(oidDistributionPoint):
			if l.scope, err = readScope(extension.Value); err != nil {
				return nil, nil, err
			}
		case extension.Critical:
			return nil, nil, problem.New(problem.CRLUnreadable, "of its extension", extension.Id.String())
		}
	}
	for _, entry := range source.RevokedCertificateEntries {
		for _, extension := range entry.Extensions {
			if extension.Id.Equal(oidCertificateIssuer) {
				return nil, nil, problem.New(problem.CRLUnreadable, "it is an indirect CRL")
			}
		}
		l.serials[string(entry.SerialNumber.Bytes())] = entry.ReasonCode != onHold
	}
	return source, l, nil
}

// scope says of which certificates of its issuer a list speaks. The zero scope is all of them.
type scope struct {
	raw             string // the whole extension: lists of different scope do not replace each other
	authoritiesOnly bool
	partial         bool     // only of the certificates that name one of the addresses
	addresses       []string // http, https, ldap…
}

// covers reports whether the absence of a signer's certificate from the list means anything (RFC 5280 §6.3.3 step b).
func (s scope) covers(c *x509.Certificate) bool {
	if s.authoritiesOnly {
		return false
	}
	return !s.partial || slices.ContainsFunc(c.CRLDistributionPoints, func(address string) bool {
		return slices.Contains(s.addresses, address)
	})
}

// The fields of an IssuingDistributionPoint, in its sequence, and the one form of a name of which we know an address.
const (
	fieldPoint           = tags.Tag(0xa0) // [0], constructed
	fieldUsersOnly       = tags.Tag(0x81) // [1]
	fieldAuthoritiesOnly = tags.Tag(0x82) // [2]
	nameFull             = tags.Tag(0xa0) // [0] of DistributionPointName
	nameAddress          = tags.Tag(0x86) // [6] of GeneralName
)

// readScope reads an IssuingDistributionPoint. Lists of only some reasons, of attribute certificates or of several
// issuers are refused: no authority of the platform makes them, and half an answer is none.
func readScope(der []byte) (scope, error) {
	s := scope{raw: string(der)}
	unreadable := problem.New(problem.CRLUnreadable, "of its issuing distribution point")
	input := cryptobyte.String(der)
	var fields cryptobyte.String
	if !input.ReadASN1(&fields, tags.SEQUENCE) || !input.Empty() {
		return scope{}, unreadable
	}
	for !fields.Empty() {
		var value cryptobyte.String
		var field tags.Tag
		if !fields.ReadAnyASN1(&value, &field) {
			return scope{}, unreadable
		}
		switch field {
		case fieldPoint:
			s.partial = true
			var ok bool
			if s.addresses, ok = readAddresses(value); !ok {
				return scope{}, unreadable
			}
		case fieldUsersOnly: // our signers are users
		case fieldAuthoritiesOnly:
			s.authoritiesOnly = len(value) == 1 && value[0] != 0
		default:
			return scope{}, unreadable
		}
	}
	return s, nil
}

func readAddresses(point cryptobyte.String) (addresses []string, ok bool) {
	var names cryptobyte.String
	var form tags.Tag
	if !point.ReadAnyASN1(&names, &form) || !point.Empty() {
		return nil, false
	}
	for form == nameFull && !names.Empty() {
		var name cryptobyte.String
		var kind tags.Tag
		if !names.ReadAnyASN1(&name, &kind) {
			return nil, false
		}
		if kind == nameAddress {
			addresses = append(addresses, string(name))
		}
	}
	return addresses, true
}
