package admission

import (
	"net/http"
	"net/netip"
	"strings"
)

// owner is who has a share of something: a verified signer, or the address of an unverified caller with its network.
// Shares are fair among networks, and within a network among addresses: an address may be a whole hospital, so none is
// ever refused for what it is.
type owner struct {
	signer  string
	network netip.Prefix
	address netip.Addr
}

// group returns what an owner shares its turns with: its network, or nothing in the case of a signer.
func (o owner) group() owner { return owner{signer: o.signer, network: o.network} }

func newSigner(signer string) owner { return owner{signer: signer} }

// newSource returns the owner of an address: an IPv4 address in its /24, or an IPv6 /64 in its /56, because an IPv6
// host usually has a /64 of addresses, and a customer of a provider a /56.
func newSource(address netip.Addr) owner {
	address = address.Unmap().WithZone("")
	bits := 24
	if address.Is6() {
		bits = 56
		if wide, err := address.Prefix(64); err == nil {
			address = wide.Addr()
		}
	}
	network, _ := address.Prefix(bits) // the zero value of an address that is none
	return owner{network: network, address: address}
}

// sourceOfAddress returns the owner of "host:port", as in RemoteAddr.
func sourceOfAddress(remote string) owner {
	parsed, err := netip.ParseAddrPort(remote)
	if err != nil {
		return owner{}
	}
	return newSource(parsed.Addr())
}

// TrustedProxies are the networks of proxies whose forwarding headers are believed.
type TrustedProxies []netip.Prefix

func (p TrustedProxies) contains(address netip.Addr) bool {
	for _, network := range p {
		if network.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}

// sourceOf returns the source of a request, and whether a trusted proxy forwarded it. Of the addresses that the proxies
// appended, the last one that is not a proxy's counts: a caller can write the ones before.
func (p TrustedProxies) sourceOf(r *http.Request) (source owner, forwarded bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !p.contains(peer.Addr()) {
		return sourceOfAddress(r.RemoteAddr), false
	}
	address := peer.Addr()
	hops := forwardedFor(r.Header)
	for i := len(hops) - 1; i >= 0 && p.contains(address); i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break // obscured or invalid: what is left of it is anybody's word
		}
		address = hop
	}
	return newSource(address), true
}

// forwardedFor returns the hops in X-Forwarded-For or, without it, in Forwarded (RFC 7239), the nearest last.
func forwardedFor(header http.Header) (hops []string) {
	for _, line := range header.Values("X-Forwarded-For") {
		hops = append(hops, strings.Split(line, ",")...)
	}
	if hops != nil {
		return hops
	}
	for _, line := range header.Values("Forwarded") {
		for element := range strings.SplitSeq(line, ",") {
			hop := ""
			for pair := range strings.SplitSeq(element, ";") {
				if name, value, _ := strings.Cut(pair, "="); strings.EqualFold(strings.TrimSpace(name), "for") {
					hop = strings.Trim(strings.TrimSpace(value), `"`)
				}
			}
			hops = append(hops, hop)
		}
	}
	return hops
}

// parseHop parses an address with or without port and brackets.
func parseHop(hop string) (netip.Addr, bool) {
	hop = strings.TrimSpace(hop)
	if parsed, err := netip.ParseAddrPort(hop); err == nil {
		return parsed.Addr(), true
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	return address, err == nil
}
