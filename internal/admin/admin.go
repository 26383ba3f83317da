// Package admin is what the operator does to the register beside serving it: bringing in extracts of the authentic
// sources, a dry run first.
//
// It is separate from the store so that the form of the files (semicolon-separated UTF-8 with one header line, columns
// in any order, days as YYYY-MM-DD) is known in one place, and from the commands so that it can be tested without them.
package admin

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// maxFaults bounds what is told about one file.
const maxFaults = 50

// kind says how a line of one kind of file becomes an entry.
type kind struct {
	name    string
	columns []string
	add     func(*line, *store.Sources)
}

var kinds = []kind{
	{"persons", []string{"ssin", "first_name", "last_name", "birth_date", "death_date"}, func(l *line, s *store.Sources) {
		s.Persons = append(s.Persons, register.Person{SSIN: l.ssin("ssin"), FirstName: l.text("first_name"),
			LastName: l.required("last_name"), BirthDate: l.date("birth_date"), DeathDate: l.date("death_date")})
	}},
	{"professionals", []string{"ssin", "nihii", "profession", "speciality", "valid_from", "valid_to"}, func(l *line, s *store.Sources) {
		s.Practices = append(s.Practices, register.Practice{SSIN: l.ssin("ssin"), NIHII: l.nihii("nihii"),
			Profession: register.Profession(l.required("profession")), Speciality: l.text("speciality"), Period: l.period()})
	}},
	{"organisations", []string{"nihii", "cbe", "type", "name"}, func(l *line, s *store.Sources) {
		s.Organisations = append(s.Organisations, register.Organisation{NIHII: l.nihii("nihii"),
			CBE: value(l, "cbe", ident.ParseCBE, optional), Type: l.required("type"), Name: l.required("name")})
	}},
	{"affiliations", []string{"organisation_nihii", "ssin", "role", "valid_from", "valid_to"}, func(l *line, s *store.Sources) {
		s.Affiliations = append(s.Affiliations, register.Affiliation{Organisation: l.nihii("organisation_nihii"),
			SSIN: l.ssin("ssin"), Role: register.Role(l.required("role")), Period: l.period()})
	}},
	{"mandates", []string{"grantor_ssin", "grantee_ssin", "service", "valid_from", "valid_to", "accepted_on"}, func(l *line, s *store.Sources) {
		s.Mandates = append(s.Mandates, register.Mandate{Grantor: l.ssin("grantor_ssin"), Grantee: l.ssin("grantee_ssin"),
			Service: l.required("service"), AcceptedOn: l.date("accepted_on"), Period: l.period()})
	}},
	{"therapeutic-links", []string{"patient_ssin", "professional_ssin", "type", "valid_from", "valid_to"}, func(l *line, s *store.Sources) {
		s.Links = append(s.Links, register.TherapeuticLink{Patient: l.ssin("patient_ssin"),
			Professional: l.ssin("professional_ssin"), Type: l.required("type"), Period: l.period()})
	}},
	{"devices", []string{"notification_code", "name", "reference", "manufacturer", "distributor", "classification", "category",
		"udi_di", "status", "valid_from", "deleted_on"}, func(l *line, s *store.Sources) {
		d := register.Device{Code: value(l, "notification_code", ident.ParseNotificationCode, mandatory), Name: l.required("name"),
			Reference: l.text("reference"), Manufacturer: l.text("manufacturer"), Distributor: l.text("distributor"),
			Classification: l.text("classification"), Category: l.text("category"), UDIDIs: strings.Fields(l.text("udi_di")),
			Status: l.status("status"), ValidFrom: l.date("valid_from"), DeletedOn: l.date("deleted_on")}
		s.Devices = append(s.Devices, d)
	}},
}

// Kinds are the kinds of files, as commands name them.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// Read adds the entries of one file to the sources and returns how many there were. Every faulty line is told, with line
// and column; a file with a fault adds nothing.
func Read(name string, file io.Reader, into *store.Sources) (int, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return 0, fmt.Errorf("there is no kind %q; the kinds are: %s", name, strings.Join(Kinds(), " "))
	}
	r := csv.NewReader(file)
	r.Comma = ';'
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return 0, fmt.Errorf("no header line: %w", err)
	}
	l := &line{}
	if l.columns, err = kinds[i].order(header); err != nil {
		return 0, err
	}
	read := *into
	count := 0
	for {
		l.record, err = r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("not readable: %w", err)
		}
		l.number, _ = r.FieldPos(0)
		kinds[i].add(l, &read)
		count++
	}
	if len(l.faults) > 0 {
		return 0, errors.Join(l.faults...)
	}
	*into = read
	return count, nil
}

// order finds where each column stands; the header must name all of them and no other.
func (k kind) order(header []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, column := range header {
		column = strings.TrimPrefix(strings.TrimSpace(column), "\ufeff")
		if !slices.Contains(k.columns, column) {
			return nil, fmt.Errorf("line 1: unknown column %q; the columns are: %s", column, strings.Join(k.columns, " "))
		}
		columns[column] = i
	}
	for _, column := range k.columns {
		if _, ok := columns[column]; !ok {
			return nil, fmt.Errorf("line 1: column %q is missing", column)
		}
	}
	return columns, nil
}

// line is one line of a file.
type line struct {
	columns map[string]int
	record  []string
	number  int
	faults  []error
}

func (l *line) fault(column, what string) {
	if len(l.faults) < maxFaults {
		l.faults = append(l.faults, fmt.Errorf("line %d, column %s: %s", l.number, column, what))
	}
}

// text reads any text. Control characters are refused: no answer in XML could hold them.
func (l *line) text(column string) string {
	text := strings.TrimSpace(l.record[l.columns[column]])
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		l.fault(column, "holds a control character or is not UTF-8")
	}
	return text
}

func (l *line) required(column string) string {
	text := l.text(column)
	if text == "" {
		l.fault(column, "is empty")
	}
	return text
}

const (
	mandatory = true
	optional  = false
)

// value reads an identifier or a day. The fault repeats the refusal's words, never the value.
func value[T any](l *line, column string, parse func(string) (T, error), needed bool) T {
	var none T
	text := l.text(column)
	if text == "" {
		if needed {
			l.fault(column, "is empty")
		}
		return none
	}
	v, err := parse(text)
	if err != nil {
		e := problem.From(err)
		l.fault(column, string(e.Code)+" "+e.Public)
		return none
	}
	return v
}

func (l *line) ssin(column string) ident.SSIN   { return value(l, column, ident.ParseSSIN, mandatory) }
func (l *line) nihii(column string) ident.NIHII { return value(l, column, ident.ParseNIHII, mandatory) }
func (l *line) date(column string) ident.Date   { return value(l, column, ident.ParseDate, optional) }

func (l *line) period() register.Period {
	p := register.Period{From: value(l, "valid_from", ident.ParseDate, mandatory), To: l.date("valid_to")}
	if !p.To.IsZero() && p.To.Before(p.From) {
		l.fault("valid_to", "is before valid_from")
	}
	return p
}

func (l *line) status(column string) register.DeviceStatus {
	s := register.DeviceStatus(l.text(column))
	switch s {
	case register.DeviceActive, register.DeviceDeleted, register.DeviceRecalled:
	default:
		l.fault(column, "is not Active, Deleted or Recalled")
	}
	return s
}
