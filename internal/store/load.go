package store

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// Sources are entries of the authentic sources.
type Sources struct {
	Persons       []register.Person
	Practices     []register.Practice
	Organisations []register.Organisation
	Affiliations  []register.Affiliation
	Mandates      []register.Mandate
	Links         []register.TherapeuticLink
	Devices       []register.Device
	Replacements  []Replacement
}

// Append adds other entries.
func (all *Sources) Append(more *Sources) {
	all.Persons = append(all.Persons, more.Persons...)
	all.Practices = append(all.Practices, more.Practices...)
	all.Organisations = append(all.Organisations, more.Organisations...)
	all.Affiliations = append(all.Affiliations, more.Affiliations...)
	all.Mandates = append(all.Mandates, more.Mandates...)
	all.Links = append(all.Links, more.Links...)
	all.Devices = append(all.Devices, more.Devices...)
	all.Replacements = append(all.Replacements, more.Replacements...)
}

// Replacement says that a person got another number.
type Replacement struct{ Former, Newer ident.SSIN }

const (
	upsertPerson = `INSERT INTO person (subject, sealed) VALUES (?, ?)
		ON CONFLICT (subject) DO UPDATE SET sealed = excluded.sealed`
	upsertPractice = `INSERT INTO practice (subject, nihii, nihii_base, profession, speciality, valid_from, valid_to)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject, nihii, profession, valid_from)
		DO UPDATE SET speciality = excluded.speciality, valid_to = excluded.valid_to`
	upsertOrganisation = `INSERT INTO organisation (id, nihii, cbe, type, name) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET nihii = excluded.nihii, cbe = excluded.cbe, type = excluded.type, name = excluded.name`
	upsertAffiliation = `INSERT INTO affiliation (organisation_base, organisation, subject, role, valid_from, valid_to)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (subject, organisation_base, role, valid_from)
		DO UPDATE SET organisation = excluded.organisation, valid_to = excluded.valid_to`
	upsertMandate = `INSERT INTO mandate (grantor, grantee, service, accepted_on, valid_from, valid_to)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (grantee, grantor, service, valid_from)
		DO UPDATE SET accepted_on = excluded.accepted_on, valid_to = excluded.valid_to`
	upsertLink = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (patient, professional, type, valid_from) DO UPDATE SET valid_to = excluded.valid_to`
	deviceFields = `code, name, reference, manufacturer, distributor, classification, category, udi_dis, status, valid_from,
		deleted_on, recalled_on, search_text`
	replaceDevice = ` ON CONFLICT (code) DO UPDATE SET name = excluded.name, reference = excluded.reference,
		manufacturer = excluded.manufacturer, distributor = excluded.distributor, classification = excluded.classification,
		category = excluded.category, udi_dis = excluded.udi_dis, status = excluded.status, valid_from = excluded.valid_from,
		deleted_on = excluded.deleted_on, recalled_on = excluded.recalled_on, search_text = excluded.search_text`
	upsertDevice    = `INSERT INTO device (` + deviceFields + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + replaceDevice
	deleteDeviceUDI = `DELETE FROM device_udi WHERE code IN`
	insertDeviceUDI = `INSERT INTO device_udi (di, code) VALUES (?, ?) ON CONFLICT (di, code) DO NOTHING`
)

// Load brings entries of the authentic sources in, all or none. An entry that is there already takes the new values;
// one that is not mentioned stays as it is, so the relations that operations established survive.
func (db *DB) Load(ctx context.Context, all Sources) error {
	mark := rand.Text()
	return db.write(ctx, func(s *session) error {
		u := update{view{s}}
		if err := u.load(&all); err != nil {
			return err
		}
		_, err := s.exec(updateMark, mark) // from here on no program takes from memory what was read before
		return err
	})
}

func (u update) load(all *Sources) error {
	for _, load := range []func(*Sources) error{u.loadPeople, u.loadOrganisations, u.loadRelations, u.loadDevices, u.loadReplacements} {
		if err := load(all); err != nil {
			return err
		}
	}
	return nil
}

func (u update) loadReplacements(all *Sources) error {
	for _, r := range all.Replacements {
		if err := u.replace(r.Former, r.Newer); err != nil {
			return err
		}
	}
	return nil
}

func (u update) loadPeople(all *Sources) error {
	for _, p := range all.Persons {
		if err := u.keepPerson(p); err != nil {
			return err
		}
	}
	for _, p := range all.Practices {
		id, err := u.colleague(p.SSIN)
		if err != nil {
			return err
		}
		_, err = u.s.exec(upsertPractice, id, p.NIHII.Digits(), p.NIHII.Base().Digits(), string(p.Profession), p.Speciality,
			p.From.String(), p.To.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func (u update) keepPerson(p register.Person) error {
	one, err := u.establish(p.SSIN, false)
	if err != nil {
		return err
	}
	return u.sealPerson(one, p)
}

func (u update) loadOrganisations(all *Sources) error {
	for _, o := range all.Organisations {
		id := o.NIHII.Base().Digits()
		if id == "" {
			id = o.CBE.Digits()
		}
		if _, err := u.s.exec(upsertOrganisation, id, o.NIHII.Digits(), o.CBE.Digits(), o.Type, o.Name); err != nil {
			return err
		}
	}
	for _, a := range all.Affiliations {
		if err := u.putAffiliation(a); err != nil {
			return err
		}
	}
	return nil
}

func (u update) loadRelations(all *Sources) error {
	for _, m := range all.Mandates {
		if err := u.putMandate(m); err != nil {
			return err
		}
	}
	for _, l := range all.Links {
		patient, professional, err := u.linked(l)
		if err != nil {
			return err
		}
		if _, err := u.s.exec(upsertLink, patient, professional, l.Type, l.From.String(), l.To.String()); err != nil {
			return err
		}
	}
	return nil
}

// devicesAtOnce are loaded together, where each statement costs a round trip.
const devicesAtOnce = 400

func (u update) loadDevices(all *Sources) error {
	for devices := range slices.Chunk(all.Devices, devicesAtOnce) {
		codes := make([]any, 0, len(devices))
		loaded := make(map[ident.NotificationCode]bool, len(devices))
		for i := range devices {
			d := &devices[i]
			if loaded[d.Code] { // the same row cannot be changed twice in one statement
				if err := u.s.flush(); err != nil {
					return err
				}
			}
			loaded[d.Code] = true
			codes = append(codes, d.Code.Digits())
			if err := u.s.insert(upsertDevice, deviceValues(d)...); err != nil {
				return err
			}
		}
		if _, err := u.s.exec(deleteDeviceUDI+` (?`+strings.Repeat(`, ?`, len(codes)-1)+`)`, codes...); err != nil {
			return err
		}
		for _, d := range lastOfEach(devices) {
			for _, di := range d.UDIDIs {
				if err := u.s.insert(insertDeviceUDI, di, d.Code.Digits()); err != nil {
					return err
				}
			}
		}
	}
	return u.s.flush()
}

// deviceValues are in the order of deviceFields.
func deviceValues(d *register.Device) []any {
	return []any{d.Code.Digits(), d.Name, d.Reference, d.Manufacturer, d.Distributor, d.Classification, d.Category,
		strings.Join(d.UDIDIs, "\n"), string(d.Status), d.ValidFrom.String(), d.DeletedOn.String(), d.RecalledOn.String(), searchText(d)}
}

// lastOfEach leaves out what a later entry with the same code replaces.
func lastOfEach(devices []register.Device) []register.Device {
	last := make(map[ident.NotificationCode]int, len(devices))
	for i, d := range devices {
		last[d.Code] = i
	}
	kept := make([]register.Device, 0, len(last))
	for i, d := range devices {
		if last[d.Code] == i {
			kept = append(kept, d)
		}
	}
	return kept
}

// Empty reports whether nothing was ever loaded or kept.
func (db *DB) Empty(ctx context.Context) (bool, error) {
	var filled bool
	err := db.read(ctx, func(s *session) error {
		_, err := s.get(&filled, `SELECT EXISTS (SELECT 1 FROM person) OR EXISTS (SELECT 1 FROM practice)
			OR EXISTS (SELECT 1 FROM organisation) OR EXISTS (SELECT 1 FROM device) OR EXISTS (SELECT 1 FROM affiliation)
			OR EXISTS (SELECT 1 FROM mandate) OR EXISTS (SELECT 1 FROM therapeutic_link) OR EXISTS (SELECT 1 FROM notification)`)
		return err
	})
	return !filled && err == nil, err
}
