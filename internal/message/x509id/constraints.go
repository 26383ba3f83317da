package x509id

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// Name constraints (RFC 5280 section 4.2.1.10). crypto/x509 applies those on DNS names, addresses and URIs, and passes
// over those on directory names, which are the names of the platform's certificates. Whether the extension is critical
// makes no difference: it says what the authority may certify.

// The forms of a GeneralName (RFC 5280 section 4.2.1.6) that matter here, by the number of their tag.
const (
	formEmail     = 1
	formDirectory = 4
)

// formsOfGo are the forms whose constraints crypto/x509 applies to names in subjectAltName.
var formsOfGo = []int{formEmail, 2, 6, 7}

var (
	errConstraint  = errors.New("x509id: a name is outside the constraints of an authority")
	errConstraints = errors.New("x509id: the name constraints of an authority cannot be read")

	oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

// generalName is a name with its form; of a directory name the value is the DER of the Name.
type generalName struct {
	form  int
	value []byte
}

// nameConstraints are the subtrees of an authority.
type nameConstraints struct{ permitted, excluded []generalName }

// checkNameConstraints checks every certificate of a path against the constraints of the authorities above it.
func checkNameConstraints(path []*x509.Certificate) error {
	for i := 1; i < len(path); i++ {
		constraints, err := parseNameConstraints(path[i])
		if err != nil {
			return err
		}
		if constraints == nil {
			continue
		}
		for below, c := range path[:i] {
			if below > 0 && EqualNames(c.RawSubject, c.RawIssuer) {
				continue // self-issued: only a change of keys (section 6.1.3, b)
			}
			if err := constraints.checkCertificate(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkCertificate checks the names of one certificate.
func (n *nameConstraints) checkCertificate(c *x509.Certificate) error {
	names, err := parseAlternativeNames(c)
	if err != nil {
		return err
	}
	if len(c.Subject.Names) > 0 {
		names = append(names, generalName{formDirectory, c.RawSubject})
	}
	hasEmail := slices.ContainsFunc(names, func(name generalName) bool { return name.form == formEmail })
	for _, name := range names {
		if slices.Contains(formsOfGo, name.form) {
			continue
		}
		if !n.allowsName(name) {
			return errConstraint
		}
	}
	for _, a := range c.Subject.Names {
		// Old certificates have their mail address in the subject only.
		if value, ok := a.Value.(string); ok && !hasEmail && a.Type.Equal(oidEmailAddress) &&
			!n.allowsName(generalName{formEmail, []byte(value)}) {
			return errConstraint
		}
	}
	return nil
}

// allowsName reports whether a name is within one of the permitted subtrees of its form, if there are any, and in no
// excluded one. A form that is constrained and not understood here allows nothing.
func (n *nameConstraints) allowsName(name generalName) bool {
	isOfForm := func(subtree generalName) bool { return subtree.form == name.form }
	contains := func(subtree generalName) bool { return isOfForm(subtree) && subtree.containsName(name) }
	if name.form != formDirectory && name.form != formEmail {
		return !slices.ContainsFunc(n.permitted, isOfForm) && !slices.ContainsFunc(n.excluded, isOfForm)
	}
	if slices.ContainsFunc(n.excluded, contains) {
		return false
	}
	return !slices.ContainsFunc(n.permitted, isOfForm) || slices.ContainsFunc(n.permitted, contains)
}

// containsName reports whether a name of the same form is within a subtree.
func (s generalName) containsName(name generalName) bool {
	if s.form == formEmail {
		return emailWithin(strings.ToLower(string(s.value)), strings.ToLower(string(name.value)))
	}
	base, outer := canonicalParts(s.value)
	parts, inner := canonicalParts(name.value)
	if !outer || !inner {
		return false
	}
	return len(base) <= len(parts) && slices.Equal(base, parts[:len(base)])
}

// emailWithin reports whether an address is the one of a constraint, at its host, or, with a dot, in its domain.
func emailWithin(constraint, address string) bool {
	_, host, _ := strings.Cut(address, "@")
	switch {
	case strings.Contains(constraint, "@"):
		return address == constraint
	case strings.HasPrefix(constraint, "."):
		return strings.HasSuffix(host, constraint)
	}
	return host == constraint
}

// canonicalParts returns the RDNs of a name, each as in a Name. It reports false for a name that cannot be compared.
func canonicalParts(der []byte) ([]string, bool) {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &sequence); err != nil || len(rest) > 0 {
		return nil, false
	}
	parts := make([]string, 0, len(sequence))
	for _, rdn := range sequence {
		single, err := asn1.Marshal(pkix.RDNSequence{rdn})
		if err != nil {
			return nil, false
		}
		name, err := NameFromDER(single)
		if err != nil {
			return nil, false
		}
		parts = append(parts, name.canonical)
	}
	return parts, true
}

func findExtension(c *x509.Certificate, id asn1.ObjectIdentifier) (cryptobyte.String, bool) {
	i := slices.IndexFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(id) })
	if i < 0 {
		return nil, false
	}
	return c.Extensions[i].Value, true
}

// parseNameConstraints parses NameConstraints ::= SEQUENCE { [0] GeneralSubtrees OPTIONAL, [1] GeneralSubtrees OPTIONAL
// }, or returns nil if there are none.
func parseNameConstraints(c *x509.Certificate) (*nameConstraints, error) {
	value, found := findExtension(c, oidNameConstraints)
	if !found {
		return nil, nil //nolint:nilnil // most authorities have none
	}
	var content, list cryptobyte.String
	var isGiven bool
	if !value.ReadASN1(&content, tags.SEQUENCE) || !value.Empty() {
		return nil, errConstraints
	}
	n := &nameConstraints{}
	for i, subtrees := range []*[]generalName{&n.permitted, &n.excluded} {
		tag := tags.Tag(i).ContextSpecific().Constructed()
		if !content.ReadOptionalASN1(&list, &isGiven, tag) {
			return nil, errConstraints
		}
		for isGiven && !list.Empty() {
			var subtree cryptobyte.String
			if !list.ReadASN1(&subtree, tags.SEQUENCE) {
				return nil, errConstraints
			}
			name, ok := readGeneralName(&subtree)
			if !ok || !subtree.Empty() { // minimum and maximum are never used (section 4.2.1.10)
				return nil, errConstraints
			}
			*subtrees = append(*subtrees, name)
		}
	}
	if !content.Empty() {
		return nil, errConstraints
	}
	return n, nil
}

func parseAlternativeNames(c *x509.Certificate) ([]generalName, error) {
	value, found := findExtension(c, oidSubjectAltName)
	if !found {
		return nil, nil
	}
	var list cryptobyte.String
	if !value.ReadASN1(&list, tags.SEQUENCE) || !value.Empty() {
		return nil, errConstraints
	}
	var all []generalName
	for !list.Empty() {
		name, ok := readGeneralName(&list)
		if !ok {
			return nil, errConstraints
		}
		all = append(all, name)
	}
	return all, nil
}

// readGeneralName reads a GeneralName. A directoryName is tagged explicitly, because Name is a CHOICE.
func readGeneralName(from *cryptobyte.String) (generalName, bool) {
	var value cryptobyte.String
	var tag tags.Tag
	const number = 0x1f
	if !from.ReadAnyASN1(&value, &tag) || tag&0x80 == 0 {
		return generalName{}, false
	}
	return generalName{int(tag & number), value}, true
}
