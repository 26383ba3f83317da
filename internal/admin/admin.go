// Package admin implements the operator's tasks on a register: importing extracts of the authentic sources (with a dry
// run first), tracing recalls, and exporting statistics, evidence and the audit log.
//
// It is separate from the store so that one place defines the file formats (semicolon-separated UTF-8 with one header
// line, columns in any order, days as YYYY-MM-DD; and the published device list in XML). It is separate from the
// commands so that tests need no process. docs/imports.md describes the formats.
package admin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// fileKind describes one kind of import file and how its rows become entries.
type kind struct {
	name     string
	columns  []string
	optional []string // columns that a file may omit
	// canBeFull allows full extracts: an entry missing from a full extract has ended.
	ends    bool
	add     func(*line, *store.SourceEntries)
	compare func(*comparison, *chunk) error
	absent  func(*comparison) (more bool, err error) // nil unless canBeFull
}

const deviceKind = "devices"

var kinds = []kind{
	{name: "persons", columns: []string{"ssin", "first_name", "last_name", "birth_date", "death_date"}, optional: []string{"replaces"},
		compare: comparePersons, add: addPerson},
	{name: "professionals", columns: []string{"ssin", "nihii", "profession", "speciality", "valid_from", "valid_to"},
		compare: comparePractices, add: func(l *line, s *store.SourceEntries) {
			s.Practices = append(s.Practices, register.Practice{SSIN: l.ssin("ssin"), NIHII: l.nihii("nihii"),
				Profession: register.Profession(l.required("profession")), Speciality: l.text("speciality"), Period: l.period()})
		}},
	{name: "organisations", columns: []string{"nihii", "cbe", "type", "name"},
		compare: compareOrganisations, add: func(l *line, s *store.SourceEntries) {
			s.Organisations = append(s.Organisations, register.Organisation{NIHII: l.nihii("nihii"),
				CBE: value(l, "cbe", ident.ParseCBE, optional), Type: l.required("type"), Name: l.required("name")})
		}},
	{name: "affiliations", columns: []string{"organisation_nihii", "ssin", "role", "valid_from", "valid_to"}, ends: true,
		compare: compareAffiliations, absent: absentAffiliations, add: func(l *line, s *store.SourceEntries) {
			s.Affiliations = append(s.Affiliations, register.Affiliation{Organisation: l.nihii("organisation_nihii"),
				SSIN: l.ssin("ssin"), Role: register.Role(l.required("role")), Period: l.period()})
		}},
	{name: "mandates", columns: []string{"grantor_ssin", "grantee_ssin", "service", "valid_from", "valid_to", "accepted_on"}, ends: true,
		compare: compareMandates, absent: absentMandates, add: func(l *line, s *store.SourceEntries) {
			s.Mandates = append(s.Mandates, register.Mandate{Grantor: l.ssin("grantor_ssin"), Grantee: l.ssin("grantee_ssin"),
				Service: l.required("service"), AcceptedOn: l.date("accepted_on"), Period: l.period()})
		}},
	{name: "therapeutic-links", columns: []string{"patient_ssin", "professional_ssin", "type", "valid_from", "valid_to"}, ends: true,
		compare: compareLinks, absent: absentLinks, add: func(l *line, s *store.SourceEntries) {
			s.Links = append(s.Links, register.TherapeuticLink{Patient: l.ssin("patient_ssin"),
				Professional: l.ssin("professional_ssin"), Type: l.required("type"), Period: l.period()})
		}},
	{name: deviceKind, columns: []string{"notification_code", "name", "reference", "manufacturer", "distributor", "classification",
		"category", "udi_di", "status", "valid_from", "deleted_on"}, optional: []string{"recalled_on"}, ends: true,
		compare: compareDevices, absent: absentDevices, add: addDevice},
}

func addPerson(l *line, s *store.SourceEntries) {
	p := register.Person{SSIN: l.ssin("ssin"), FirstName: l.text("first_name"), LastName: l.required("last_name"),
		BirthDate: l.date("birth_date"), DeathDate: l.date("death_date")}
	s.Persons = append(s.Persons, p)
	former := value(l, "replaces", ident.ParseSSIN, optional)
	switch {
	case former.IsZero():
	case former == p.SSIN:
		l.fault("replaces", "is the same number")
	default:
		s.Replacements = append(s.Replacements, store.SSINReplacement{Former: former, Newer: p.SSIN})
	}
}

func addDevice(l *line, s *store.SourceEntries) {
	s.Devices = append(s.Devices, register.Device{
		Code: value(l, "notification_code", ident.ParseNotificationCode, mandatory), Name: l.required("name"),
		Reference: l.text("reference"), Manufacturer: l.text("manufacturer"), Distributor: l.text("distributor"),
		Classification: l.text("classification"), Category: l.text("category"), UDIDIs: strings.Fields(l.text("udi_di")),
		Status: l.status("status"), ValidFrom: l.date("valid_from"), DeletedOn: l.date("deleted_on"), RecalledOn: l.date("recalled_on")})
}

// Kinds returns the names of the file kinds, as used on the command line.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i := range kinds {
		names[i] = kinds[i].name
	}
	return names
}

func kindNamed(name string) (*kind, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no kind %q; the kinds are: %s", name, strings.Join(Kinds(), " "))
	}
	return &kinds[i], nil
}

// ReadCSV appends the entries of one CSV file to the sources and returns their number. The error lists every invalid
// row with line and column; a file with an invalid row adds nothing.
func Read(name string, file io.Reader, into *store.SourceEntries) (int, error) {
	k, err := kindNamed(name)
	if err != nil {
		return 0, err
	}
	result := *into
	count := 0
	var errs faults
	err = k.readCSV(file, &errs, func(c *chunk) error {
		count += len(c.lines)
		result.Append(&c.entries)
		return nil
	})
	if err == nil {
		err = errs.err()
	}
	if err != nil {
		return 0, err
	}
	*into = result
	return count, nil
}
