package admission

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxKeptClaims bounds the claims that are written, those of the most recent sources first.
const maxKeptClaims = 16384

// keptClaim is a trusted claim, written as a line: the address of the source, the claim in hexadecimal, and when the
// trust ends, in seconds since 1970. Who signs is not written: a claim is known again by its hash, until a message
// with it verifies.
type keptClaim struct {
	address netip.Addr
	claim   claim
	expires time.Time
}

func (k keptClaim) String() string {
	return fmt.Sprintf("%s %x %d", k.address, k.claim[:], k.expires.Unix())
}

func parseKeptClaim(line string) (k keptClaim, ok bool) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return k, false
	}
	address, err := netip.ParseAddr(fields[0])
	if err != nil || hex.DecodedLen(len(fields[1])) != len(k.claim) {
		return k, false
	}
	if _, err = hex.Decode(k.claim[:], []byte(fields[1])); err != nil {
		return k, false
	}
	seconds, err := strconv.ParseInt(fields[2], 10, 64)
	k.address, k.expires = address, time.Unix(seconds, 0)
	return k, err == nil
}

// WriteTrust writes which callers are known, so that a restart does not make strangers of them.
func (c *Controller) WriteTrust(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	for _, k := range c.trust.listClaims() {
		if _, err := fmt.Fprintln(buffered, k); err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// ReadTrust reads what WriteTrust wrote, and returns the number of claims that are trusted. It ignores lines that it
// does not understand, what has expired, and what is above the bounds.
func (c *Controller) ReadTrust(r io.Reader) int {
	scanner := bufio.NewScanner(r)
	var all []keptClaim
	for len(all) < maxKeptClaims && scanner.Scan() {
		if k, ok := parseKeptClaim(scanner.Text()); ok {
			all = append(all, k)
		}
	}
	return c.trust.restoreClaims(all)
}

// listClaims returns the trusted claims, those of the most recently used source first.
func (s *trustTable) listClaims() []keptClaim {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []keptClaim
	now := s.now()
	for place := s.recent.Front(); place != nil; place = place.Next() {
		r, ok := place.Value.(*sourceRecord)
		if !ok || now.Before(r.blockedUntil) {
			continue
		}
		// In one order, so that the same callers are written as the same bytes.
		for _, c := range slices.SortedFunc(maps.Keys(r.claims), compareClaims) {
			if len(all) == maxKeptClaims {
				return all
			}
			if expires := r.claims[c].expires; now.Before(expires) {
				all = append(all, keptClaim{r.address, c, expires})
			}
		}
	}
	return all
}

func compareClaims(a, b claim) int { return bytes.Compare(a[:], b[:]) }

// restoreClaims trusts claims again, for as long as they were, and returns their number.
func (s *trustTable) restoreClaims(all []keptClaim) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now, restored := s.now(), 0
	for i := range all {
		k := &all[len(all)-1-i] // the most recent source last, so that it is the last to be forgotten
		if !now.Before(k.expires) || len(s.sources) >= maxSources && s.sources[k.address] == nil {
			continue
		}
		r := s.recordOf(k.address)
		if r.claims[k.claim] != nil || len(r.claims) >= maxClaims {
			continue
		}
		if r.claims == nil {
			r.claims = map[claim]*trustedClaim{}
		}
		expires := k.expires
		if latest := now.Add(claimTime); expires.After(latest) {
			expires = latest // the clock was set back
		}
		r.claims[k.claim] = &trustedClaim{signer: hex.EncodeToString(k.claim[:]), expires: expires}
		restored++
	}
	return restored
}
