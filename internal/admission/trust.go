package admission

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxSources bounds the remembered sources, and maxClaims the claims of each.
	maxSources = 16384
	maxClaims  = 32
	// claimTime is how long a claim is trusted after a message with it verified: callers who open a connection for each
	// message keep it through a night.
	claimTime = 12 * time.Hour
	// maxClaimFailures is how many messages in a row may fail on a trusted claim. An honest caller makes a mistake
	// now and then; one who copies a certificate has these few, and only from the holder's own address.
	maxClaimFailures = 3
	// maxSourceFailures is how many failed claims a source may have before all of its claims count for nothing, for
	// suspicionTime.
	maxSourceFailures = 8
	// suspicionTime is how long a source is served after the others once a message of it was refused unverified.
	suspicionTime = time.Minute
)

// claim is what an unverified message says about its signer: the hash of the certificate in it, or of its name.
// Anybody can copy it, so it is trusted only from the source from which a message with it verified, and few failures
// end that.
type claim [sha256.Size]byte

// claimScanBytes bounds the search for a claim. A Security header comes first in a message.
const claimScanBytes = 64 << 10

// findClaim finds the claim of a message without parsing it: the text of its first BinarySecurityToken, KeyIdentifier
// or X509SerialNumber. It returns false if there is none.
func findClaim(message []byte) (claim, bool) {
	message = message[:min(len(message), claimScanBytes)]
	for _, name := range []string{"BinarySecurityToken", "KeyIdentifier", "X509SerialNumber"} {
		_, rest, _ := bytes.Cut(message, []byte(name))
		_, rest, _ = bytes.Cut(rest, []byte(">"))
		if text, _, found := bytes.Cut(rest, []byte("<")); found && len(text) > 0 {
			return sha256.Sum256(text), true
		}
	}
	return claim{}, false
}

// trustTable remembers which claims are trusted from which source, and which sources are suspect. Claims outlive the
// process, in kept.go; without them all sources are equal, and fairness among them carries the first messages.
type trustTable struct {
	now func() time.Time

	mutex   sync.Mutex
	sources map[netip.Addr]*sourceRecord
	recent  *list.List // of *sourceRecord, the most recently used first
}

type sourceRecord struct {
	address      netip.Addr
	place        *list.Element
	claims       map[claim]*trustedClaim
	suspectUntil time.Time
	failedClaims int
	blockedUntil time.Time // claims count for nothing
}

type trustedClaim struct {
	signer   string
	expires  time.Time
	failures int
}

func newTrustTable(now func() time.Time) *trustTable {
	return &trustTable{now: now, sources: map[netip.Addr]*sourceRecord{}, recent: list.New()}
}

// isSuspect reports whether a message of the source was refused unverified lately.
func (s *trustTable) isSuspect(o owner) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r := s.sources[o.address]
	return r != nil && s.now().Before(r.suspectUntil)
}

// isKnown reports whether any claim of the source is trusted.
func (s *trustTable) isKnown(o owner) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r, now := s.sources[o.address], s.now()
	if r == nil || now.Before(r.blockedUntil) {
		return false
	}
	for _, c := range r.claims {
		if now.Before(c.expires) {
			return true
		}
	}
	return false
}

// signerOf returns the signer whose message with this claim verified, if it is trusted from the source.
func (s *trustTable) signerOf(o owner, c claim) (signer string, ok bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r, now := s.sources[o.address], s.now()
	if r == nil || now.Before(r.blockedUntil) {
		return "", false
	}
	known := r.claims[c]
	if known == nil || !now.Before(known.expires) {
		return "", false
	}
	return known.signer, true
}

// recordProof makes a claim trusted from the source.
func (s *trustTable) recordProof(o owner, c claim, signer string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r, now := s.recordOf(o.address), s.now()
	if r.claims[c] == nil && len(r.claims) >= maxClaims {
		r.forgetOldestClaim()
	}
	if r.claims == nil {
		r.claims = map[claim]*trustedClaim{}
	}
	r.claims[c] = &trustedClaim{signer: signer, expires: now.Add(claimTime)}
}

// recordFailure makes the source suspect.
func (s *trustTable) recordFailure(o owner) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.recordOf(o.address).suspectUntil = s.now().Add(suspicionTime)
}

// recordFailedClaim holds a failed message against the claim that it made and against its source.
func (s *trustTable) recordFailedClaim(o owner, c claim) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r, now := s.recordOf(o.address), s.now()
	if known := r.claims[c]; known != nil {
		if known.failures++; known.failures >= maxClaimFailures {
			delete(r.claims, c)
		}
	}
	if !now.Before(r.suspectUntil) {
		r.failedClaims = 0
	}
	r.suspectUntil = now.Add(suspicionTime)
	if r.failedClaims++; r.failedClaims >= maxSourceFailures {
		r.failedClaims, r.blockedUntil = 0, now.Add(suspicionTime)
	}
}

// recordOf returns the record of a source, now the most recently used. A full table forgets the least recently used.
func (s *trustTable) recordOf(address netip.Addr) *sourceRecord {
	if r := s.sources[address]; r != nil {
		s.recent.MoveToFront(r.place)
		return r
	}
	if len(s.sources) >= maxSources {
		if oldest, ok := s.recent.Remove(s.recent.Back()).(*sourceRecord); ok {
			delete(s.sources, oldest.address)
		}
	}
	r := &sourceRecord{address: address}
	r.place = s.recent.PushFront(r)
	s.sources[address] = r
	return r
}

func (r *sourceRecord) forgetOldestClaim() {
	var oldest claim
	first := true
	for c, known := range r.claims {
		if first || known.expires.Before(r.claims[oldest].expires) {
			oldest, first = c, false
		}
	}
	delete(r.claims, oldest)
}
