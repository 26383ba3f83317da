package x509id

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Subject is the identity that an eHealth certificate names. Unlike serial numbers and thumbprints, it stays the same
// over renewals.
type Subject struct {
	Type        string // "NIHII-HOSPITAL"
	ID          string // "71000436"
	Application string // name of one application of the same holder, or ""
	Name        string // the holder's name, in capitals without diacritics
}

// SubjectTypePerson is the type of natural persons. All other types are organisations and services.
const SubjectTypePerson = "SSIN"

// CountryCode is the C of every name of the platform.
const CountryCode = "BE"

const (
	platformUnitName = "eHealth-platform Belgium"
	governmentName   = "Federal Government"
)

// Bounds on names: real names have at most eight RDNs, and X.520 allows 64 characters per value.
const (
	maxRDNs       = 16
	maxValueBytes = 256
)

var (
	identifierPattern  = regexp.MustCompile(`^([A-Z0-9_-]+)=([0-9]+)$`)
	applicationPattern = regexp.MustCompile(`^[0-9A-Z_-]{1,30}$`)
)

// subjectTypeDigits returns the number of digits of an identifier of the given type, or zero for an unknown type. The
// types are those of the platform's own connector. The register verifies check digits.
func subjectTypeDigits(identifierType string) int {
	switch identifierType {
	case "SITE":
		return 4
	case "NIHII", "NIHII-PHARMACY", "NIHII-LABO", "NIHII-RETIREMENT", "NIHII-OTD_PHARMACY", "NIHII-HOSPITAL",
		"NIHII-GROUP", "NIHII-PALLIATIVE_CARE", "NIHII-OFFICE_DENTISTS", "NIHII-MEDICAL_HOUSE",
		"NIHII-OFFICE_DOCTORS", "NIHII-GROUP_DOCTORS", "NIHII-OF_BAND", "NIHII-PSYCH_HOUSE", "NIHII-PROT_ACC",
		"NIHII-HOME_SERVICES", "NIHII-OF_PHYSIOS", "NIHII-GUARD_POST", "NIHII-BELRAI", "NIHII-BELRAI_SCREEN",
		"NIHII-GROUP_MIDWIVES", "NIHII-AMBU_SERVICE", "NIHII-LEGAL_PSY", "NIHII-REEDUCATION",
		"NIHII-SORTING_CENTER":
		return 8
	case "CBE", "CBE-TREAT_CENTER", "CBE-CONSORTIUM", "EHP", "EHP-CTRL_ORGANISM", "SITESMUR", "SITEPIT":
		return 10
	case SubjectTypePerson, "NIHII11":
		return 11
	}
	return 0
}

// SubjectFromCertificate returns the identity in a certificate's name. It does not check trust: call TrustStore.Verify
// first.
//
// It walks the RDNs. The printed form of a name quotes "=" and "," inside CN, differently in each tool, and an
// attribute smuggled into a value then looks like one of the name's own. For the same reason it refuses everything
// ambiguous: RDNs with several values, a second CN, a second identifier.
func SubjectFromCertificate(c *x509.Certificate) (Subject, error) {
	parts, err := parseSubjectAttributes(c.RawSubject)
	if err != nil {
		return Subject{}, err
	}
	s, err := parseCommonName(parts.commonName)
	if err != nil {
		return Subject{}, err
	}
	if s.Name, err = s.extractHolderName(parts.organizationalUnits); err != nil {
		return Subject{}, err
	}
	return s, nil
}

// subjectAttributes are the identifying attributes of a subject.
type subjectAttributes struct {
	commonName          string
	organizationalUnits []string
}

// parseSubjectAttributes checks the outer form of a subject: one value per RDN, exactly one C, O and CN, and the
// platform's C and O.
func parseSubjectAttributes(raw []byte) (subjectAttributes, error) {
	var sequence pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &sequence); err != nil {
		return subjectAttributes{}, problem.Wrap(CertSubjectForm, err).WithPath("Subject")
	} else if len(rest) > 0 || len(sequence) > maxRDNs {
		return subjectAttributes{}, newSubjectFormError(tooManyParts)
	}
	var parts subjectAttributes
	seen := make(map[string]string)
	for _, rdn := range sequence {
		if len(rdn) != 1 {
			return subjectAttributes{}, newSubjectFormError(multiValuedPart)
		}
		label := attributeLabel(rdn[0].Type)
		if label == "" {
			continue // given names and serial numbers are not identifiers here
		}
		value, ok := rdn[0].Value.(string)
		if !ok || !isShortText(value) {
			return subjectAttributes{}, newSubjectFormError(partNotShortText.With(label))
		}
		if label == "OU" {
			parts.organizationalUnits = append(parts.organizationalUnits, value)
			continue
		}
		if _, twice := seen[label]; twice {
			return subjectAttributes{}, newSubjectFormError(partRepeated.With(label))
		}
		seen[label] = value
	}
	if seen["C"] != CountryCode || seen["O"] != governmentName {
		return subjectAttributes{}, newSubjectFormError(otherPlatform)
	}
	parts.commonName = seen["CN"]
	return parts, nil
}

func isShortText(value string) bool {
	return value != "" && len(value) <= maxValueBytes && utf8.ValidString(value) &&
		!strings.ContainsFunc(value, unicode.IsControl)
}

func attributeLabel(attribute asn1.ObjectIdentifier) string {
	// X.520: id-at is 2.5.4.
	if len(attribute) != 4 || attribute[0] != 2 || attribute[1] != 5 || attribute[2] != 4 {
		return ""
	}
	switch attribute[3] {
	case 3:
		return "CN"
	case 6:
		return "C"
	case 10:
		return "O"
	case 11:
		return "OU"
	}
	return ""
}

// parseCommonName parses TYPE=id[, APPLICATION].
func parseCommonName(value string) (Subject, error) {
	identifier, application, hasApplication := strings.Cut(value, ", ")
	match := identifierPattern.FindStringSubmatch(identifier)
	if match == nil {
		return Subject{}, newSubjectFormError(wrongCN)
	}
	if hasApplication && !applicationPattern.MatchString(application) {
		return Subject{}, newSubjectFormError(wrongApplication)
	}
	s := Subject{Type: match[1], ID: match[2], Application: application}
	switch digits := subjectTypeDigits(s.Type); {
	case digits == 0:
		return Subject{}, problem.New(CertSubjectType,
			problem.DetailReceived.With(texts.Excerpt(s.Type))).WithPath("Subject")
	case digits != len(s.ID):
		return Subject{}, problem.New(CertSubjectNumber,
			digitCount.With(s.Type, len(s.ID), digits)).WithPath("Subject")
	}
	return s, nil
}

// extractHolderName checks that the OUs repeat the CN (the identifier, the platform, the application if any) and
// returns the only remaining OU: the holder's name.
func (s Subject) extractHolderName(units []string) (string, error) {
	required := []string{platformUnitName, s.Type + "=" + s.ID}
	if s.Application != "" {
		required = append(required, s.Application)
	}
	var remaining []string
	for _, unit := range units {
		if i := slices.Index(required, unit); i >= 0 {
			required = slices.Delete(required, i, i+1)
			continue
		}
		if identifierPattern.MatchString(unit) {
			return "", problem.New(CertSubjectDisagrees, unitDiffersCN).WithPath("Subject")
		}
		remaining = append(remaining, unit)
	}
	switch {
	case len(required) > 0 && required[0] == platformUnitName:
		return "", newSubjectFormError(noPlatformUnit)
	case len(required) > 0:
		return "", problem.New(CertSubjectDisagrees, unitRepeatsNotCN).WithPath("Subject")
	case len(remaining) != 1:
		return "", newSubjectFormError(wrongHolderUnit)
	}
	return remaining[0], nil
}

func newSubjectFormError(detail texts.Text) error {
	return problem.New(CertSubjectForm, detail).WithPath("Subject")
}

// IsPerson reports whether the holder is a natural person.
func (s Subject) IsPerson() bool { return s.Type == SubjectTypePerson }

// String returns the canonical form, TYPE=id[, APPLICATION], as in CN.
func (s Subject) String() string {
	text := s.Type + "=" + s.ID
	if s.Application != "" {
		text += ", " + s.Application
	}
	return text
}

// LogValue omits a person's number and name.
func (s Subject) LogValue() slog.Value {
	if s.IsPerson() {
		return slog.StringValue(s.Type + "=***")
	}
	return slog.StringValue(s.String())
}

// EncodeDER encodes the name of a certificate in the platform's order: C, O, OU=TYPE=id, OU=NAME, OU=the platform,
// OU=application, CN.
func (s Subject) EncodeDER() ([]byte, error) {
	var name pkix.RDNSequence
	add := func(attribute int, value string) {
		name = append(name, pkix.RelativeDistinguishedNameSET{
			{Type: asn1.ObjectIdentifier{2, 5, 4, attribute}, Value: value},
		})
	}
	add(6, CountryCode)
	add(10, governmentName)
	add(11, s.Type+"="+s.ID)
	add(11, s.Name)
	add(11, platformUnitName)
	if s.Application != "" {
		add(11, s.Application)
	}
	add(3, s.String())
	raw, err := asn1.Marshal(name)
	if err != nil {
		return nil, fmt.Errorf("x509id: writing a name: %w", err)
	}
	return raw, nil
}
