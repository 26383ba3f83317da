package udi

import (
	"net/url"
	"strings"
)

// isWebAddress reports whether s may be a GS1 Digital Link.
func isWebAddress(s string) bool {
	scheme, _, found := strings.Cut(s, "://")
	return found && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// readDigitalLink reads a web address that holds a GTIN (GS1 Digital Link: URI Syntax, 4): the path ends in pairs of an
// application identifier and its value, and the query can hold more.
func (r *reading) readDigitalLink(s string) {
	r.udi.Issuer = GS1
	_, address, _ := strings.Cut(s, "://")
	address, _, _ = strings.Cut(address, "#")
	path, query, _ := strings.Cut(address, "?")
	parts := strings.Split(strings.TrimRight(path, "/"), "/")
	first := 0
	for first < len(parts) && parts[first] != "01" {
		first++
	}
	for parts = parts[first:]; len(parts) >= 2; parts = parts[2:] {
		r.addLinkElement(parts[0], parts[1], url.PathUnescape)
	}
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		if identifier, value, _ := strings.Cut(pair, "="); formatByIdentifier[identifier].isKnown {
			r.addLinkElement(identifier, value, url.QueryUnescape)
		}
	}
}

func (r *reading) addLinkElement(identifier, value string, unescape func(string) (string, error)) {
	form := formatByIdentifier[identifier]
	plain, err := unescape(value)
	if err != nil {
		r.addFault(wrongCharacter.With("(" + identifier + ")"))
		return
	}
	r.addElement(identifier, form, plain)
}
