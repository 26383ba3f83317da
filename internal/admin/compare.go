package admin

import (
	"strings"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
	"github.com/openctr/ctr/internal/store"
)

// personEntry is a person with the SSIN that this entry replaces, if any.
type person struct {
	register.Person
	former ident.SSIN
}

func comparePersons(c *comparison, batch *chunk) error {
	former := map[ident.SSIN]ident.SSIN{}
	for _, r := range batch.entries.Replacements {
		former[r.Newer] = r.Former
	}
	all := make([]person, len(batch.lines))
	for i, p := range batch.entries.Persons {
		all[i] = person{p, former[p.SSIN]}
	}
	describe := func(p person) description {
		d := description{key: p.SSIN.Digits(), shown: p.SSIN.String(), private: true, fields: []detail{{"first_name", p.FirstName},
			{"last_name", p.LastName}, {"birth_date", p.BirthDate.String()}, {"death_date", p.DeathDate.String()}, {"replaces", ""}}}
		if !p.former.IsZero() {
			d.fields[len(d.fields)-1].value = p.former.Digits()
		}
		return d
	}
	find := func(p person) (person, bool, error) {
		stored, exists, err := c.known.Person(p.SSIN)
		if err != nil || !exists || p.former.IsZero() {
			return person{Person: stored}, exists, err
		}
		former, err := c.known.CurrentSSIN(p.former)
		if err != nil {
			return person{}, false, err
		}
		newer, err := c.known.CurrentSSIN(p.SSIN)
		if former != newer {
			p.former = ident.SSIN{}
		}
		return person{stored, p.former}, exists, err
	}
	return entries(c, all, batch.lines, describe, find, func(s *store.SourceEntries, p person) {
		s.Persons = append(s.Persons, p.Person)
		if !p.former.IsZero() {
			s.Replacements = append(s.Replacements, store.SSINReplacement{Former: p.former, Newer: p.SSIN})
		}
	})
}

func comparePractices(c *comparison, batch *chunk) error {
	describe := func(p register.Practice) description {
		return description{key: keyOf(p.SSIN.Digits(), p.NIHII.Digits(), string(p.Profession), p.From.String()),
			shown:  keyOf(p.SSIN.String(), string(p.Profession), p.From.String()),
			fields: []detail{{"speciality", p.Speciality}, {"valid_to", p.To.String()}}}
	}
	find := func(p register.Practice) (register.Practice, bool, error) {
		stored, err := c.known.Practices(register.ProfessionalRef{SSIN: p.SSIN})
		return first(stored, err, func(k register.Practice) bool {
			return k.NIHII == p.NIHII && k.Profession == p.Profession && k.From == p.From
		})
	}
	if err := eachNewest(c, batch.entries.Practices, func(p *register.Practice) []*ident.SSIN { return []*ident.SSIN{&p.SSIN} }); err != nil {
		return err
	}
	return entries(c, batch.entries.Practices, batch.lines, describe, find, func(s *store.SourceEntries, p register.Practice) {
		s.Practices = append(s.Practices, p)
	})
}

func compareOrganisations(c *comparison, batch *chunk) error {
	describe := func(o register.Organisation) description {
		return description{key: o.NIHII.Base().Digits(), shown: o.NIHII.Digits(), fields: []detail{{"nihii", o.NIHII.Digits()},
			{"cbe", o.CBE.Digits()}, {"type", o.Type}, {"name", o.Name}}}
	}
	find := func(o register.Organisation) (register.Organisation, bool, error) {
		return c.known.Organisation(register.PharmacyRef{NIHII: o.NIHII})
	}
	return entries(c, batch.entries.Organisations, batch.lines, describe, find, func(s *store.SourceEntries, o register.Organisation) {
		s.Organisations = append(s.Organisations, o)
	})
}

func describeAffiliation(a register.Affiliation) description {
	return description{key: keyOf(a.Organisation.Base().Digits(), a.SSIN.Digits(), string(a.Role), a.From.String()),
		shown:  keyOf(a.Organisation.Digits(), a.SSIN.String(), string(a.Role), a.From.String()),
		fields: []detail{{"organisation_nihii", a.Organisation.Digits()}, {"valid_to", a.To.String()}}}
}

func keepAffiliation(s *store.SourceEntries, a register.Affiliation) {
	s.Affiliations = append(s.Affiliations, a)
}

func compareAffiliations(c *comparison, batch *chunk) error {
	find := func(a register.Affiliation) (register.Affiliation, bool, error) {
		stored, err := c.known.Affiliations(a.Organisation, a.SSIN)
		return first(stored, err, func(k register.Affiliation) bool { return k.Role == a.Role && k.From == a.From })
	}
	if err := eachNewest(c, batch.entries.Affiliations, func(a *register.Affiliation) []*ident.SSIN { return []*ident.SSIN{&a.SSIN} }); err != nil {
		return err
	}
	return entries(c, batch.entries.Affiliations, batch.lines, describeAffiliation, find, keepAffiliation)
}

func absentAffiliations(c *comparison) (bool, error) {
	open, err := c.known.UnexpiredAffiliations(c.day)
	endAbsent(c, open, describeAffiliation, func(a register.Affiliation) register.Affiliation {
		a.To = c.day.AddDays(-1)
		return a
	}, keepAffiliation)
	return false, err
}

func describeMandate(m register.Mandate) description {
	return description{key: keyOf(m.Grantor.Digits(), m.Grantee.Digits(), m.Service, m.From.String()),
		shown:  keyOf(m.Grantor.String(), m.Grantee.String(), m.Service, m.From.String()),
		fields: []detail{{"accepted_on", m.AcceptedOn.String()}, {"valid_to", m.To.String()}}}
}

func keepMandate(s *store.SourceEntries, m register.Mandate) { s.Mandates = append(s.Mandates, m) }

func compareMandates(c *comparison, batch *chunk) error {
	find := func(m register.Mandate) (register.Mandate, bool, error) {
		stored, err := c.known.MandatesByGrantee(m.Grantee)
		key := describeMandate(m).key
		return first(stored, err, func(k register.Mandate) bool { return describeMandate(k).key == key })
	}
	if err := eachNewest(c, batch.entries.Mandates, func(m *register.Mandate) []*ident.SSIN { return []*ident.SSIN{&m.Grantor, &m.Grantee} }); err != nil {
		return err
	}
	return entries(c, batch.entries.Mandates, batch.lines, describeMandate, find, keepMandate)
}

func absentMandates(c *comparison) (bool, error) {
	open, err := c.known.UnexpiredMandates(c.day)
	endAbsent(c, open, describeMandate, func(m register.Mandate) register.Mandate {
		m.To = c.day.AddDays(-1)
		return m
	}, keepMandate)
	return false, err
}

func describeLink(l register.TherapeuticLink) description {
	return description{key: keyOf(l.Patient.Digits(), l.Professional.Digits(), l.Type, l.From.String()),
		shown:  keyOf(l.Patient.String(), l.Professional.String(), l.Type, l.From.String()),
		fields: []detail{{"valid_to", l.To.String()}}}
}

func keepLink(s *store.SourceEntries, l register.TherapeuticLink) { s.Links = append(s.Links, l) }

func compareLinks(c *comparison, batch *chunk) error {
	find := func(l register.TherapeuticLink) (register.TherapeuticLink, bool, error) {
		stored, err := c.known.TherapeuticLinks(l.Patient, l.Professional)
		return first(stored, err, func(k register.TherapeuticLink) bool { return k.Type == l.Type && k.From == l.From })
	}
	if err := eachNewest(c, batch.entries.Links, func(l *register.TherapeuticLink) []*ident.SSIN {
		return []*ident.SSIN{&l.Patient, &l.Professional}
	}); err != nil {
		return err
	}
	return entries(c, batch.entries.Links, batch.lines, describeLink, find, keepLink)
}

func absentLinks(c *comparison) (bool, error) {
	open, err := c.known.UnexpiredLinks(c.day)
	endAbsent(c, open, describeLink, func(l register.TherapeuticLink) register.TherapeuticLink {
		l.To = c.day.AddDays(-1)
		return l
	}, keepLink)
	return false, err
}

func describeDevice(d register.Device) description {
	return description{key: d.Code.Digits(), shown: d.Code.Digits(), fields: []detail{{"name", d.Name}, {"reference", d.Reference},
		{"manufacturer", d.Manufacturer}, {"distributor", d.Distributor}, {"classification", d.Classification},
		{"category", d.Category}, {"udi_di", strings.Join(d.UDIDIs, " ")}, {"status", string(d.Status)},
		{"valid_from", d.ValidFrom.String()}, {"deleted_on", d.DeletedOn.String()}, {"recalled_on", d.RecalledOn.String()}}}
}

func keepDevice(s *store.SourceEntries, d register.Device) { s.Devices = append(s.Devices, d) }

func compareDevices(c *comparison, batch *chunk) error {
	codes := make([]ident.NotificationCode, len(batch.entries.Devices))
	for i := range codes {
		codes[i] = batch.entries.Devices[i].Code
	}
	stored, err := c.known.DevicesByCode(codes)
	if err != nil {
		return err
	}
	if batch.listed {
		for i := range batch.entries.Devices {
			d := &batch.entries.Devices[i]
			if former, exists := stored[d.Code]; exists {
				complete(d, &former)
			}
		}
	}
	find := func(d register.Device) (register.Device, bool, error) {
		former, exists := stored[d.Code]
		return former, exists, nil
	}
	return entries(c, batch.entries.Devices, batch.lines, describeDevice, find, keepDevice)
}

// completeListedDevice copies into d what the published list may omit: it need not contain device identifiers or the
// categories of the Royal Decree, and a recall remains until a source with recall data ends it.
func complete(d, former *register.Device) {
	if d.Category == "" {
		d.Category = former.Category
	}
	if len(d.UDIDIs) == 0 {
		d.UDIDIs = former.UDIDIs
	}
	if former.Status == register.DeviceRecalled && d.RecalledOn.IsZero() {
		d.Status, d.RecalledOn = former.Status, former.RecalledOn
		if d.DeletedOn.IsZero() {
			d.DeletedOn = former.DeletedOn
		}
	}
}

// endAbsentDevices ends one page of the devices that a full list omits. A recalled product stays recalled.
func absentDevices(c *comparison) (bool, error) {
	page, err := c.known.ListedDevices(c.after, chunkSize)
	if err != nil || len(page) == 0 {
		return false, err
	}
	c.after = page[len(page)-1].Code.Digits()
	endAbsent(c, page, describeDevice, func(d register.Device) register.Device {
		if d.Status != register.DeviceRecalled {
			d.Status = register.DeviceDeleted
		}
		d.DeletedOn = c.day
		return d
	}, keepDevice)
	return true, nil
}

// replaceWithNewestSSINs replaces each SSIN by the person's newest one: a source may still use a number that was
// replaced.
func eachNewest[T any](c *comparison, all []T, numbers func(*T) []*ident.SSIN) error {
	for i := range all {
		for _, number := range numbers(&all[i]) {
			newest, err := c.known.CurrentSSIN(*number)
			if err != nil {
				return err
			}
			*number = newest
		}
	}
	return nil
}

// findFirst returns the first stored entry that satisfies the predicate.
func first[T any](stored []T, err error, matches func(T) bool) (found T, exists bool, failed error) {
	if err != nil {
		return found, false, err
	}
	for _, k := range stored {
		if matches(k) {
			return k, true, nil
		}
	}
	return found, false, nil
}

func keyOf(parts ...string) string { return strings.Join(parts, " ") }
