package operator

import (
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// personEntry is a person with the SSIN that this entry replaces, if any.
type personEntry struct {
	platform.Person
	replaced ident.SSIN
}

func comparePersons(c *comparison, batch *chunk) error {
	former := map[ident.SSIN]ident.SSIN{}
	for _, r := range batch.entries.Replacements {
		former[r.Newer] = r.Former
	}
	all := make([]personEntry, len(batch.lineNumbers))
	for i, p := range batch.entries.Persons {
		all[i] = personEntry{p, former[p.SSIN]}
	}
	describe := func(p personEntry) entryDescription {
		d := entryDescription{
			key:         p.SSIN.Digits(),
			displayKey:  p.SSIN.String(),
			hidesValues: true,
			fields: []describedField{{"first_name", p.FirstName},
				{"last_name", p.LastName}, {"birth_date", p.BirthDate.String()}, {"death_date", p.DeathDate.String()},
				{"replaces", ""}},
		}
		if !p.replaced.IsZero() {
			d.fields[len(d.fields)-1].value = p.replaced.Digits()
		}
		return d
	}
	for i, p := range all {
		if err := c.checkReplacement(p, batch.lineNumbers[i]); err != nil {
			return err
		}
	}
	find := func(p personEntry) (personEntry, bool, error) {
		stored, exists, err := c.stored.Person(p.SSIN)
		if err != nil || !exists || p.replaced.IsZero() {
			return personEntry{Person: stored}, exists, err
		}
		former, err := c.stored.CurrentSSIN(p.replaced)
		if err != nil {
			return personEntry{}, false, err
		}
		newer, err := c.stored.CurrentSSIN(p.SSIN)
		if former != newer {
			p.replaced = ident.SSIN{}
		}
		return personEntry{stored, p.replaced}, exists, err
	}
	return compareEntries(c, all, batch.lineNumbers, describe, find, func(s *implants.SourceEntries, p personEntry) {
		s.Persons = append(s.Persons, p.Person)
		if !p.replaced.IsZero() {
			s.Replacements = append(s.Replacements, platform.SSINReplacement{Former: p.replaced, Newer: p.SSIN})
		}
	})
}

// checkReplacement refuses replacements that lead back to the number they begin with, and two numbers in place of one:
// the person would have no newest number, or two.
func (c *comparison) checkReplacement(p personEntry, line int) error {
	if p.replaced.IsZero() {
		return nil
	}
	if newer, known := c.newerBySSIN[p.replaced]; known && newer != p.SSIN {
		c.fileErrors.appendError(line, ", column replaces: another line replaces this number too, by another one")
		return nil
	}
	c.newerBySSIN[p.replaced] = p.SSIN
	for steps, at := 0, p.SSIN; !at.IsZero() && steps <= len(c.newerBySSIN); steps++ {
		if at == p.replaced {
			c.fileErrors.appendError(line, ", column replaces: the replacements of this file go in a circle")
			return nil
		}
		at = c.newerBySSIN[at]
	}
	current, err := c.stored.CurrentSSIN(p.SSIN)
	if err == nil && current == p.replaced {
		c.fileErrors.appendError(line, ", column replaces: in the register this number replaces the one in column ssin")
	}
	return err
}

// checkOwner refuses a number of a professional that is another person's: a notification that names only the number
// would be of either of them.
func (c *comparison) checkOwner(p *platform.Practice, line int) error {
	if owner, known := c.ownerByNIHII[p.NIHII.Base()]; known && owner != p.SSIN {
		c.fileErrors.appendError(line, ", column nihii: on another line it is the number of another person")
		return nil
	}
	c.ownerByNIHII[p.NIHII.Base()] = p.SSIN
	stored, err := c.stored.Practices(platform.ProfessionalRef{NIHII: p.NIHII})
	if err != nil {
		return err
	}
	for _, k := range stored {
		owner, err := c.stored.CurrentSSIN(k.SSIN)
		if err != nil {
			return err
		}
		if owner != p.SSIN {
			c.fileErrors.appendError(line, ", column nihii: in the register it is the number of another person")
			return nil
		}
	}
	return nil
}

func comparePractices(c *comparison, batch *chunk) error {
	describe := func(p platform.Practice) entryDescription {
		return entryDescription{key: joinKey(p.SSIN.Digits(), p.NIHII.Digits(), string(p.Profession), p.From.String()),
			displayKey: joinKey(p.SSIN.String(), string(p.Profession), p.From.String()),
			fields:     []describedField{{"speciality", p.Speciality}, {"valid_to", p.To.String()}}}
	}
	find := func(p platform.Practice) (platform.Practice, bool, error) {
		stored, err := c.stored.Practices(platform.ProfessionalRef{SSIN: p.SSIN})
		return findFirst(stored, err, func(k platform.Practice) bool {
			return k.NIHII == p.NIHII && k.Profession == p.Profession && k.From == p.From
		})
	}
	if err := replaceWithNewestSSINs(
		c, batch.entries.Practices, func(p *platform.Practice) []*ident.SSIN { return []*ident.SSIN{&p.SSIN} },
	); err != nil {
		return err
	}
	for i := range batch.entries.Practices {
		if err := c.checkOwner(&batch.entries.Practices[i], batch.lineNumbers[i]); err != nil {
			return err
		}
	}
	return compareEntries(c, batch.entries.Practices, batch.lineNumbers,
		describe, find, func(s *implants.SourceEntries, p platform.Practice) {
			s.Practices = append(s.Practices, p)
		})
}

func compareOrganisations(c *comparison, batch *chunk) error {
	describe := func(o platform.Organisation) entryDescription {
		return entryDescription{
			key:        o.NIHII.Base().Digits(),
			displayKey: o.NIHII.Digits(),
			fields: []describedField{{"nihii", o.NIHII.Digits()},
				{"cbe", o.CBE.Digits()}, {"type", o.Type}, {"name", o.Name}},
		}
	}
	find := func(o platform.Organisation) (platform.Organisation, bool, error) {
		return c.stored.Organisation(platform.OrganisationRef{NIHII: o.NIHII})
	}
	return compareEntries(c, batch.entries.Organisations, batch.lineNumbers,
		describe, find, func(s *implants.SourceEntries, o platform.Organisation) {
			s.Organisations = append(s.Organisations, o)
		})
}

func describeAffiliation(a platform.Affiliation) entryDescription {
	return entryDescription{key: joinKey(a.Organisation.Base().Digits(), a.SSIN.Digits(), string(a.Role), a.From.String()),
		displayKey: joinKey(a.Organisation.Digits(), a.SSIN.String(), string(a.Role), a.From.String()),
		fields:     []describedField{{"organisation_nihii", a.Organisation.Digits()}, {"valid_to", a.To.String()}}}
}

func appendAffiliation(s *implants.SourceEntries, a platform.Affiliation) {
	s.Affiliations = append(s.Affiliations, a)
}

func compareAffiliations(c *comparison, batch *chunk) error {
	find := func(a platform.Affiliation) (platform.Affiliation, bool, error) {
		stored, err := c.stored.Affiliations(a.Organisation, a.SSIN)
		return findFirst(stored, err, func(k platform.Affiliation) bool { return k.Role == a.Role && k.From == a.From })
	}
	if err := replaceWithNewestSSINs(
		c, batch.entries.Affiliations, func(a *platform.Affiliation) []*ident.SSIN { return []*ident.SSIN{&a.SSIN} },
	); err != nil {
		return err
	}
	for i, a := range batch.entries.Affiliations {
		stored, err := c.stored.Affiliations(a.Organisation, a.SSIN)
		if err != nil {
			return err
		}
		batch.entries.Affiliations[i] = a.KeepEnded(stored)
	}
	return compareEntries(c, batch.entries.Affiliations, batch.lineNumbers, describeAffiliation, find, appendAffiliation)
}

func endAbsentAffiliations(c *comparison) (bool, error) {
	open, err := c.stored.UnexpiredAffiliations(c.effectiveDay)
	endAbsentEntries(c, open, describeAffiliation, func(a platform.Affiliation) platform.Affiliation {
		a.To = c.effectiveDay.AddDays(-1)
		return a
	}, appendAffiliation)
	return false, err
}

func describeMandate(m platform.Mandate) entryDescription {
	return entryDescription{key: joinKey(m.Grantor.Digits(), m.Grantee.Digits(), m.Service, m.From.String()),
		displayKey: joinKey(m.Grantor.String(), m.Grantee.String(), m.Service, m.From.String()),
		fields:     []describedField{{"accepted_on", m.AcceptedOn.String()}, {"valid_to", m.To.String()}}}
}

func appendMandate(s *implants.SourceEntries, m platform.Mandate) { s.Mandates = append(s.Mandates, m) }

func compareMandates(c *comparison, batch *chunk) error {
	find := func(m platform.Mandate) (platform.Mandate, bool, error) {
		stored, err := c.stored.MandatesByGrantee(m.Grantee)
		key := describeMandate(m).key
		return findFirst(stored, err, func(k platform.Mandate) bool { return describeMandate(k).key == key })
	}
	if err := replaceWithNewestSSINs(
		c, batch.entries.Mandates, func(m *platform.Mandate) []*ident.SSIN { return []*ident.SSIN{&m.Grantor, &m.Grantee} },
	); err != nil {
		return err
	}
	for i, m := range batch.entries.Mandates {
		stored, err := c.stored.MandatesByGrantee(m.Grantee)
		if err != nil {
			return err
		}
		batch.entries.Mandates[i] = m.KeepEnded(stored)
	}
	return compareEntries(c, batch.entries.Mandates, batch.lineNumbers, describeMandate, find, appendMandate)
}

func endAbsentMandates(c *comparison) (bool, error) {
	open, err := c.stored.UnexpiredMandates(c.effectiveDay)
	endAbsentEntries(c, open, describeMandate, func(m platform.Mandate) platform.Mandate {
		m.To = c.effectiveDay.AddDays(-1)
		return m
	}, appendMandate)
	return false, err
}

func describeLink(l platform.TherapeuticLink) entryDescription {
	return entryDescription{key: joinKey(l.Patient.Digits(), l.Professional.Digits(), l.Type, l.From.String()),
		displayKey: joinKey(l.Patient.String(), l.Professional.String(), l.Type, l.From.String()),
		fields:     []describedField{{"valid_to", l.To.String()}}}
}

func appendLink(s *implants.SourceEntries, l platform.TherapeuticLink) { s.Links = append(s.Links, l) }

func compareLinks(c *comparison, batch *chunk) error {
	find := func(l platform.TherapeuticLink) (platform.TherapeuticLink, bool, error) {
		stored, err := c.stored.TherapeuticLinks(l.Patient, l.Professional)
		return findFirst(stored, err, func(k platform.TherapeuticLink) bool { return k.Type == l.Type && k.From == l.From })
	}
	if err := replaceWithNewestSSINs(c, batch.entries.Links, func(l *platform.TherapeuticLink) []*ident.SSIN {
		return []*ident.SSIN{&l.Patient, &l.Professional}
	}); err != nil {
		return err
	}
	return compareEntries(c, batch.entries.Links, batch.lineNumbers, describeLink, find, appendLink)
}

func endAbsentLinks(c *comparison) (bool, error) {
	open, err := c.stored.UnexpiredLinks(c.effectiveDay)
	endAbsentEntries(c, open, describeLink, func(l platform.TherapeuticLink) platform.TherapeuticLink {
		l.To = c.effectiveDay.AddDays(-1)
		return l
	}, appendLink)
	return false, err
}

func describeDevice(d implants.Device) entryDescription {
	return entryDescription{
		key:        d.Code.Digits(),
		displayKey: d.Code.Digits(),
		fields: []describedField{{"name", d.Name}, {"reference", d.Reference},
			{"manufacturer", d.Manufacturer}, {"distributor", d.Distributor}, {"classification", d.Classification},
			{"category", d.Category}, {"udi_di", strings.Join(d.UDIDIs, " ")}, {"status", string(d.Status)},
			{"valid_from", d.ValidFrom.String()}, {"deleted_on", d.DeletedOn.String()}, {"recalled_on", d.RecalledOn.String()}},
	}
}

func appendDevice(s *implants.SourceEntries, d implants.Device) { s.Devices = append(s.Devices, d) }

func compareDevices(c *comparison, batch *chunk) error {
	codes := make([]ident.NotificationCode, len(batch.entries.Devices))
	for i := range codes {
		codes[i] = batch.entries.Devices[i].Code
	}
	stored, err := c.stored.DevicesByCode(codes)
	if err != nil {
		return err
	}
	if batch.fromXML {
		for i := range batch.entries.Devices {
			d := &batch.entries.Devices[i]
			if former, exists := stored[d.Code]; exists {
				completeListedDevice(d, &former)
			}
		}
	}
	find := func(d implants.Device) (implants.Device, bool, error) {
		former, exists := stored[d.Code]
		return former, exists, nil
	}
	return compareEntries(c, batch.entries.Devices, batch.lineNumbers, describeDevice, find, appendDevice)
}

// completeListedDevice copies into d what the XML form may omit: it need not contain device identifiers or the
// categories of the Royal Decree, and a recall remains until a source with recall data ends it.
func completeListedDevice(d, former *implants.Device) {
	if d.Category == "" {
		d.Category = former.Category
	}
	if len(d.UDIDIs) == 0 {
		d.UDIDIs = former.UDIDIs
	}
	if former.Status == implants.DeviceRecalled && d.RecalledOn.IsZero() {
		d.Status, d.RecalledOn = former.Status, former.RecalledOn
		if d.DeletedOn.IsZero() {
			d.DeletedOn = former.DeletedOn
		}
	}
}

// endAbsentDevices ends one page of the devices that a full list omits. A recalled product stays recalled.
func endAbsentDevices(c *comparison) (bool, error) {
	page, err := c.stored.ListedDevices(c.lastDevice, chunkSize)
	if err != nil || len(page) == 0 {
		return false, err
	}
	c.lastDevice = page[len(page)-1].Code.Digits()
	endAbsentEntries(c, page, describeDevice, func(d implants.Device) implants.Device {
		if d.Status != implants.DeviceRecalled {
			d.Status = implants.DeviceDeleted
		}
		d.DeletedOn = c.effectiveDay
		return d
	}, appendDevice)
	return true, nil
}

// replaceWithNewestSSINs replaces each SSIN by the person's newest one: a source may still use a number that was
// replaced.
func replaceWithNewestSSINs[T any](c *comparison, all []T, numbers func(*T) []*ident.SSIN) error {
	for i := range all {
		for _, number := range numbers(&all[i]) {
			newest, err := c.stored.CurrentSSIN(*number)
			if err != nil {
				return err
			}
			*number = newest
		}
	}
	return nil
}

// findFirst returns the first stored entry that satisfies the predicate.
func findFirst[T any](stored []T, err error, matches func(T) bool) (found T, exists bool, failed error) {
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

func joinKey(parts ...string) string { return strings.Join(parts, " ") }
