package platform

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Author identifies the person an organisation acts for, as the message names them.
type Author []AuthorID

// AuthorID is one identifier of the author: cc:Id with its Type.
type AuthorID struct {
	Type  string
	Value string
}

var unknownIDType = texts.Declare2[string, string]("detail.id_type_unknown", "found", "known")

// AuthorPath is the path of the author in every request.
const AuthorPath = "Author"

// Types of cc:Id: the short forms, and the ones that the eHealth platform certifies.
const (
	idTypeSSIN              = "urn:be:fgov:person:ssin"
	idTypeCertificateHolder = "urn:be:fgov:ehealth:1.0:certificateholder:person:ssin"
	idTypePersonPrefix      = "urn:be:fgov:person:ssin:"
	idTypeEHealthPrefix     = "urn:be:fgov:ehealth:1.0:"
	knownIDTypes            = "SSIN, NIHII, " + idTypeSSIN + ", " + idTypeCertificateHolder + ", " +
		idTypePersonPrefix + "…:nihii11"
)

// ParsePerson returns the one person that the author names. Identifiers of the signing organisation are allowed too;
// those of another organisation are rejected.
func (a Author) ParsePerson(organisation ident.NIHII) (ProfessionalRef, error) {
	var found ProfessionalRef
	for _, id := range a {
		var p ProfessionalRef
		var err error
		switch {
		case id.Type == "SSIN" || id.Type == idTypeSSIN || id.Type == idTypeCertificateHolder:
			p.SSIN, err = ident.ParseSSIN(id.Value)
		case id.isOrganisationID():
			if organisation.IsZero() || !strings.HasPrefix(id.Value, organisation.Base().Digits()) {
				err = problem.New(AuthorDisagrees)
			}
		case id.Type == "NIHII" || strings.HasPrefix(id.Type, idTypePersonPrefix) && strings.HasSuffix(id.Type, ":nihii11"):
			p.NIHII, err = ident.ParseNIHII(id.Value)
		}
		if err != nil {
			return ProfessionalRef{}, problem.From(err).WithPath(AuthorPath)
		}
		if isContradiction(p.SSIN, found.SSIN) || isContradiction(p.NIHII, found.NIHII) {
			return ProfessionalRef{}, problem.New(AuthorAmbiguous).WithPath(AuthorPath)
		}
		found.SSIN, found.NIHII = cmp.Or(found.SSIN, p.SSIN), cmp.Or(found.NIHII, p.NIHII)
	}
	return found, nil
}

// NewMissingPersonError returns the refusal for an author without a person. It names the first identifier type that is
// unknown.
func (a Author) NewMissingPersonError() error {
	for _, id := range a {
		if !id.isOrganisationID() {
			return problem.New(AuthorRequired, unknownIDType.With(id.printableType(), knownIDTypes)).WithPath(AuthorPath)
		}
	}
	return problem.New(AuthorRequired).WithPath(AuthorPath)
}

// printableType returns the type as a refusal may repeat it. A type with enough digits to contain a person's number is
// hidden.
func (id AuthorID) printableType() string {
	const fewest, most = 8, 128 // digits of a person's number; bytes to show
	digits := 0
	for _, r := range id.Type {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if id.Type == "" || digits >= fewest || len(id.Type) > most {
		return "…"
	}
	return id.Type
}

// isContradiction reports whether both identifiers are given and differ.
func isContradiction[T interface {
	comparable
	IsZero() bool
}](a, b T) bool {
	return !a.IsZero() && !b.IsZero() && a != b
}

// isOrganisationID reports whether the identifier belongs to an organisation: by its certified type, or, for a plain
// NIHII number, by its first digit, which is 7, 8 or 9 for institutions.
func (id AuthorID) isOrganisationID() bool {
	return id.Type == "NIHII" && id.Value != "" && strings.ContainsAny(id.Value[:1], "789") ||
		strings.HasPrefix(id.Type, idTypeEHealthPrefix) && strings.Contains(id.Type, ":nihii-number") &&
			!strings.HasSuffix(id.Type, ":boolean")
}
