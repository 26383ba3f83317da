// Package operator implements the operator's tasks on a register: importing extracts of the authentic sources (with a
// dry run first), tracing recalls, and exporting statistics, evidence and the audit log.
//
// It is separate from the store so that one place defines the file formats (semicolon-separated UTF-8 with one header
// line, columns in any order, days as YYYY-MM-DD; and the XML form of the
// reimbursement list). It is separate from the
// commands so that tests need no process. docs/imports.md describes the formats.
package operator

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// fileKind describes one kind of import file and how its rows become entries.
type fileKind struct {
	name            string
	columns         []string
	optionalColumns []string // columns that a file may omit
	// canBeFull allows full extracts: an entry missing from a full extract has ended.
	canBeFull   bool
	appendEntry func(*sourceRow, *implants.SourceEntries)
	compare     func(*comparison, *chunk) error
	endAbsent   func(*comparison) (more bool, err error) // nil unless canBeFull
}

const deviceKind = "devices"

var fileKinds = []fileKind{
	{
		name:            "persons",
		columns:         []string{"ssin", "first_name", "last_name", "birth_date", "death_date"},
		optionalColumns: []string{"replaces"},
		compare:         comparePersons,
		appendEntry:     addPerson,
	},
	{name: "professionals", columns: []string{"ssin", "nihii", "profession", "speciality", "valid_from", "valid_to"},
		compare: comparePractices, appendEntry: func(l *sourceRow, s *implants.SourceEntries) {
			s.Practices = append(s.Practices, platform.Practice{
				SSIN:       l.parseSSIN("ssin"),
				NIHII:      l.parseNIHII("nihii"),
				Profession: parseWord(l, "profession", professions),
				Speciality: l.parseText("speciality"),
				Period:     l.parsePeriod(),
			})
		}},
	{name: "organisations", columns: []string{"nihii", "cbe", "type", "name"},
		compare: compareOrganisations, appendEntry: func(l *sourceRow, s *implants.SourceEntries) {
			s.Organisations = append(s.Organisations, platform.Organisation{
				NIHII: l.parseNIHII("nihii"),
				CBE:   parseNumber(l, "cbe", ident.ParseCBE, optional),
				Type:  l.parseRequiredText("type"),
				Name:  l.parseRequiredText("name"),
			})
		}},
	{
		name:      "affiliations",
		columns:   []string{"organisation_nihii", "ssin", "role", "valid_from", "valid_to"},
		canBeFull: true,
		compare:   compareAffiliations,
		endAbsent: endAbsentAffiliations,
		appendEntry: func(l *sourceRow, s *implants.SourceEntries) {
			s.Affiliations = append(s.Affiliations, platform.Affiliation{Organisation: l.parseNIHII("organisation_nihii"),
				SSIN: l.parseSSIN("ssin"), Role: parseWord(l, "role", roles), Period: l.parsePeriod()})
		},
	},
	{
		name:      "mandates",
		columns:   []string{"grantor_ssin", "grantee_ssin", "service", "valid_from", "valid_to", "accepted_on"},
		canBeFull: true,
		compare:   compareMandates,
		endAbsent: endAbsentMandates,
		appendEntry: func(l *sourceRow, s *implants.SourceEntries) {
			s.Mandates = append(s.Mandates, platform.Mandate{
				Grantor:    l.parseSSIN("grantor_ssin"),
				Grantee:    l.parseSSIN("grantee_ssin"),
				Service:    l.parseService("service"),
				AcceptedOn: l.parseDate("accepted_on"),
				Period:     l.parsePeriod(),
			})
		},
	},
	{
		name:      "therapeutic-links",
		columns:   []string{"patient_ssin", "professional_ssin", "type", "valid_from", "valid_to"},
		canBeFull: true,
		compare:   compareLinks,
		endAbsent: endAbsentLinks,
		appendEntry: func(l *sourceRow, s *implants.SourceEntries) {
			s.Links = append(s.Links, platform.TherapeuticLink{Patient: l.parseSSIN("patient_ssin"),
				Professional: l.parseSSIN("professional_ssin"), Type: l.parseRequiredText("type"), Period: l.parsePeriod()})
		},
	},
	{
		name: deviceKind,
		columns: []string{"notification_code", "name", "reference", "manufacturer", "distributor", "classification",
			"category", "udi_di", "status", "valid_from", "deleted_on"},
		optionalColumns: []string{"recalled_on"},
		canBeFull:       true,
		compare:         compareDevices,
		endAbsent:       endAbsentDevices,
		appendEntry:     addDevice,
	},
}

func addPerson(l *sourceRow, s *implants.SourceEntries) {
	p := platform.Person{
		SSIN:      l.parseSSIN("ssin"),
		FirstName: l.parseText("first_name"),
		LastName:  l.parseRequiredText("last_name"),
		BirthDate: l.parseDate("birth_date"),
		DeathDate: l.parseDate("death_date"),
	}
	if !p.DeathDate.IsZero() && p.DeathDate.Before(p.BirthDate) {
		l.appendError("death_date", "is before birth_date")
	}
	s.Persons = append(s.Persons, p)
	former := parseNumber(l, "replaces", ident.ParseSSIN, optional)
	switch {
	case former.IsZero():
	case former == p.SSIN:
		l.appendError("replaces", "is the same number")
	default:
		s.Replacements = append(s.Replacements, platform.SSINReplacement{Former: former, Newer: p.SSIN})
	}
}

func addDevice(l *sourceRow, s *implants.SourceEntries) {
	s.Devices = append(s.Devices, implants.Device{
		Code:           parseNumber(l, "notification_code", ident.ParseNotificationCode, mandatory),
		Name:           l.parseRequiredText("name"),
		Reference:      l.parseText("reference"),
		Manufacturer:   l.parseText("manufacturer"),
		Distributor:    l.parseText("distributor"),
		Classification: l.parseText("classification"),
		Category:       l.parseCategory("category"),
		UDIDIs:         l.parseDIs("udi_di"),
		Status:         parseWord(l, "status", deviceStatuses),
		ValidFrom:      l.parseDate("valid_from"),
		DeletedOn:      l.parseDate("deleted_on"),
		RecalledOn:     l.parseDate("recalled_on"),
	})
}

// Kinds returns the names of the file kinds, as used on the command line.
func Kinds() []string {
	names := make([]string, len(fileKinds))
	for i := range fileKinds {
		names[i] = fileKinds[i].name
	}
	return names
}

func fileKindByName(name string) (*fileKind, error) {
	i := slices.IndexFunc(fileKinds, func(k fileKind) bool { return k.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no kind %q; the kinds are: %s", name, strings.Join(Kinds(), " "))
	}
	return &fileKinds[i], nil
}

// ReadCSV appends the entries of one CSV file to the sources and returns their number. The error lists every invalid
// row with line and column; a file with an invalid row adds nothing.
func ReadCSV(name string, file io.Reader, into *implants.SourceEntries) (int, error) {
	k, err := fileKindByName(name)
	if err != nil {
		return 0, err
	}
	result := *into
	count := 0
	var errs fileErrors
	err = k.readCSV(file, &errs, func(c *chunk) error {
		count += len(c.lineNumbers)
		result.Append(&c.entries)
		return nil
	})
	if err == nil {
		err = errs.joinErrors()
	}
	if err != nil {
		return 0, err
	}
	*into = result
	return count, nil
}
