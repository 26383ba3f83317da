package platform

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// The tables of the authentic sources. An entry replaces the one with the same key.
var (
	personTable   = engine.NewTable[personRow]("person", engine.DoUpdate("subject"))
	practiceTable = engine.NewTable[practiceRow]("practice", engine.DoUpdate("subject", "nihii", "profession",
		"valid_from"))
	organisationTable = engine.NewTable[organisationRow]("organisation", engine.DoUpdate("id"))
	affiliationTable  = engine.NewTable[AffiliationRow]("affiliation",
		engine.DoUpdate("subject", "organisation_base", "role", "valid_from"))
	mandateTable = engine.NewTable[mandateRow]("mandate", engine.DoUpdate("grantee", "grantor", "service",
		"valid_from"))
	therapeuticLinkTable = engine.NewTable[TherapeuticLinkRow]("therapeutic_link",
		engine.DoUpdate("patient", "professional", "type", "valid_from"))
)

type personRow struct {
	Subject int64  `db:"subject"`
	Sealed  []byte `db:"sealed"`
}

// personAssociatedData is the associated data of a person's names and dates.
const personAssociatedData = "person"

// toPerson opens the sealed entry: a JSON array of four strings.
func (row personRow) toPerson(c *identity.Converter) platform.Person {
	p := platform.Person{SSIN: c.SSIN(row.Subject)}
	text := c.OpenText(row.Subject, row.Sealed, personAssociatedData)
	if text == "" {
		return p
	}
	var parts [4]string
	c.RecordError(json.Unmarshal([]byte(text), &parts))
	p.FirstName, p.LastName, p.BirthDate, p.DeathDate = parts[0], parts[1], c.ParseDate(parts[2]), c.ParseDate(parts[3])
	return p
}

type practiceRow struct {
	Subject    int64  `db:"subject"`
	NIHII      string `db:"nihii"`
	NIHIIBase  string `db:"nihii_base"`
	Profession string `db:"profession"`
	Speciality string `db:"speciality"`
	From       string `db:"valid_from"`
	To         string `db:"valid_to"`
	sealed
}

func (row practiceRow) toPractice(c *identity.Converter) platform.Practice {
	return platform.Practice{
		SSIN:       c.CacheableSSIN(row.Subject),
		NIHII:      c.ParseNIHII(row.NIHII),
		Profession: platform.Profession(row.Profession),
		Speciality: row.Speciality,
		Period:     newPeriod(c, row.From, row.To),
	}
}

type organisationRow struct {
	ID    string `db:"id"`
	NIHII string `db:"nihii"`
	CBE   string `db:"cbe"`
	Type  string `db:"type"`
	Name  string `db:"name"`
	sealed
}

func (row organisationRow) toOrganisation(c *identity.Converter) platform.Organisation {
	return platform.Organisation{
		NIHII: c.ParseNIHII(row.NIHII),
		CBE:   c.ParseCBE(row.CBE),
		Type:  row.Type,
		Name:  row.Name,
	}
}

// AffiliationRow is a row of affiliation.
type AffiliationRow struct {
	OrganisationBase string `db:"organisation_base"`
	Organisation     string `db:"organisation"`
	Subject          int64  `db:"subject"`
	Role             string `db:"role"`
	From             string `db:"valid_from"`
	To               string `db:"valid_to"`
	EndedOn          string `db:"ended_on"`
	sealed
}

func (row AffiliationRow) toAffiliation(c *identity.Converter) platform.Affiliation {
	a := row.toRole(c)
	a.SSIN = c.CacheableSSIN(row.Subject)
	return a
}

// toRole leaves out the person.
func (row AffiliationRow) toRole(c *identity.Converter) platform.Affiliation {
	return platform.Affiliation{
		Organisation: c.ParseNIHII(row.Organisation),
		Role:         platform.Role(row.Role),
		EndedOn:      c.ParseDate(row.EndedOn),
		Period:       newPeriod(c, row.From, row.To),
	}
}

// TherapeuticLinkRow is a row of therapeutic_link.
type TherapeuticLinkRow struct {
	Patient      int64  `db:"patient"`
	Professional int64  `db:"professional"`
	Type         string `db:"type"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
	sealed
}

func (row TherapeuticLinkRow) toTherapeuticLink(c *identity.Converter) platform.TherapeuticLink {
	return platform.TherapeuticLink{
		Patient:      c.SSIN(row.Patient),
		Professional: c.CacheableSSIN(row.Professional),
		Type:         row.Type,
		Period:       newPeriod(c, row.From, row.To),
	}
}

type mandateRow struct {
	Grantor    int64  `db:"grantor"`
	Grantee    int64  `db:"grantee"`
	Service    string `db:"service"`
	AcceptedOn string `db:"accepted_on"`
	From       string `db:"valid_from"`
	To         string `db:"valid_to"`
	EndedOn    string `db:"ended_on"`
	sealed
}

func (row mandateRow) toMandate(c *identity.Converter) platform.Mandate {
	return platform.Mandate{
		Grantor:    c.CacheableSSIN(row.Grantor),
		Grantee:    c.CacheableSSIN(row.Grantee),
		Service:    row.Service,
		AcceptedOn: c.ParseDate(row.AcceptedOn),
		EndedOn:    c.ParseDate(row.EndedOn),
		Period:     newPeriod(c, row.From, row.To),
	}
}

func newPeriod(c *identity.Converter, from, to string) platform.Period {
	return platform.Period{From: c.ParseDate(from), To: c.ParseDate(to)}
}

// FoundProfessional is who a pseudonym id of a professional stands for.
type FoundProfessional struct {
	// Key is the lowest of the ids that were asked for and stand for this person. In a register from before there were
	// purposes they may be two.
	Key    int64
	Person platform.Person // zero without an entry in the national register
}

// LoadProfessionals returns the professionals with pseudonym ids, of which 0 stands for nobody.
func LoadProfessionals(tx *identity.Tx, ids map[int64]bool) (map[int64]FoundProfessional, error) {
	found := make(map[int64]FoundProfessional, len(ids))
	entries := make(map[int64]int64, len(ids)) // the id as a patient, under which the entry is stored
	wanted := make(map[int64]bool, len(ids))
	keys := make(map[ident.SSIN]int64, len(ids))
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if id == 0 {
			continue
		}
		professional, err := tx.LoadPseudonym(id)
		if err != nil {
			return nil, err
		}
		ssin := professional.CurrentSSIN
		if _, exists := keys[ssin]; !exists {
			keys[ssin] = id
		}
		found[id] = FoundProfessional{Key: keys[ssin]}
		person, err := tx.FindPerson(identity.Patient, ssin)
		if err != nil {
			return nil, err
		}
		if person != nil {
			entries[id], wanted[person.Current.ID] = person.Current.ID, true
		}
	}
	persons, err := LoadPersons(tx, wanted)
	if err != nil {
		return nil, err
	}
	for id, entry := range entries {
		found[id] = FoundProfessional{Key: found[id].Key, Person: persons[entry]}
	}
	return found, nil
}

// LoadPersons returns the entries of the national register for the pseudonym ids of patients that have one.
func LoadPersons(tx *identity.Tx, ids map[int64]bool) (map[int64]platform.Person, error) {
	found := make(map[int64]platform.Person, len(ids))
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(ids)), engine.MaxListParameters) {
		list, args := engine.PaddedInList(engine.ToArgs(chunk))
		var rows []personRow
		if err := tx.SelectRows(&rows, personTable.Select()+` WHERE subject IN `+list, args...); err != nil {
			return nil, err
		}
		persons, err := identity.ConvertRows(tx, rows, "person", personRow.toPerson)
		if err != nil {
			return nil, err
		}
		for i, p := range persons {
			found[rows[i].Subject] = p
		}
	}
	return found, nil
}
