package store

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/openctr/ctr/internal/register"
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
}

const (
	upsertPerson = `INSERT INTO person (ssin, first_name, last_name, birth_date, death_date) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (ssin) DO UPDATE SET first_name = excluded.first_name, last_name = excluded.last_name,
		birth_date = excluded.birth_date, death_date = excluded.death_date`
	upsertPractice = `INSERT INTO practice (ssin, nihii, nihii_base, profession, speciality, valid_from, valid_to)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (ssin, nihii, profession, valid_from)
		DO UPDATE SET speciality = excluded.speciality, valid_to = excluded.valid_to`
	upsertOrganisation = `INSERT INTO organisation (id, nihii, cbe, type, name) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET nihii = excluded.nihii, cbe = excluded.cbe, type = excluded.type, name = excluded.name`
	upsertAffiliation = `INSERT INTO affiliation (organisation_base, organisation, ssin, role, valid_from, valid_to)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (ssin, organisation_base, role, valid_from)
		DO UPDATE SET organisation = excluded.organisation, valid_to = excluded.valid_to`
	upsertMandate = `INSERT INTO mandate (grantor, grantee, service, accepted_on, valid_from, valid_to)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (grantee, grantor, service, valid_from)
		DO UPDATE SET accepted_on = excluded.accepted_on, valid_to = excluded.valid_to`
	upsertLink = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (patient, professional, type, valid_from) DO UPDATE SET valid_to = excluded.valid_to`
	upsertDevice = `INSERT INTO device (code, name, reference, manufacturer, distributor, classification, category, udi_dis,
		status, valid_from, deleted_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (code) DO UPDATE SET
		name = excluded.name, reference = excluded.reference, manufacturer = excluded.manufacturer,
		distributor = excluded.distributor, classification = excluded.classification, category = excluded.category,
		udi_dis = excluded.udi_dis, status = excluded.status, valid_from = excluded.valid_from,
		deleted_on = excluded.deleted_on`
	deleteDeviceUDI = `DELETE FROM device_udi WHERE code = ?`
	insertDeviceUDI = `INSERT INTO device_udi (di, code) VALUES (?, ?) ON CONFLICT (di, code) DO NOTHING`
)

// Load brings entries of the authentic sources in, all or none. An entry that is there already takes the new values;
// one that is not mentioned stays as it is, so the relations that operations established survive.
func (db *DB) Load(ctx context.Context, all Sources) error {
	mark := rand.Text()
	return db.write(ctx, func(s *session) error {
		for _, load := range []func(*session, *Sources) error{loadPeople, loadOrganisations, loadRelations, loadDevices} {
			if err := load(s, &all); err != nil {
				return err
			}
		}
		_, err := s.exec(updateMark, mark) // from here on no program takes from memory what was read before
		return err
	})
}

func loadPeople(s *session, all *Sources) error {
	for _, p := range all.Persons {
		_, err := s.exec(upsertPerson, p.SSIN.Digits(), p.FirstName, p.LastName, p.BirthDate.String(), p.DeathDate.String())
		if err != nil {
			return err
		}
	}
	for _, p := range all.Practices {
		_, err := s.exec(upsertPractice, p.SSIN.Digits(), p.NIHII.Digits(), p.NIHII.Base().Digits(), string(p.Profession),
			p.Speciality, p.From.String(), p.To.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func loadOrganisations(s *session, all *Sources) error {
	for _, o := range all.Organisations {
		id := o.NIHII.Base().Digits()
		if id == "" {
			id = o.CBE.Digits()
		}
		if _, err := s.exec(upsertOrganisation, id, o.NIHII.Digits(), o.CBE.Digits(), o.Type, o.Name); err != nil {
			return err
		}
	}
	for _, a := range all.Affiliations {
		_, err := s.exec(upsertAffiliation, a.Organisation.Base().Digits(), a.Organisation.Digits(), a.SSIN.Digits(),
			string(a.Role), a.From.String(), a.To.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func loadRelations(s *session, all *Sources) error {
	for _, m := range all.Mandates {
		_, err := s.exec(upsertMandate, m.Grantor.Digits(), m.Grantee.Digits(), m.Service, m.AcceptedOn.String(),
			m.From.String(), m.To.String())
		if err != nil {
			return err
		}
	}
	for _, l := range all.Links {
		_, err := s.exec(upsertLink, l.Patient.Digits(), l.Professional.Digits(), l.Type, l.From.String(), l.To.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func loadDevices(s *session, all *Sources) error {
	for _, d := range all.Devices {
		_, err := s.exec(upsertDevice, d.Code.Digits(), d.Name, d.Reference, d.Manufacturer, d.Distributor, d.Classification,
			d.Category, strings.Join(d.UDIDIs, "\n"), string(d.Status), d.ValidFrom.String(), d.DeletedOn.String())
		if err != nil {
			return err
		}
		if _, err := s.exec(deleteDeviceUDI, d.Code.Digits()); err != nil {
			return err
		}
		for _, di := range d.UDIDIs {
			if _, err := s.exec(insertDeviceUDI, di, d.Code.Digits()); err != nil {
				return err
			}
		}
	}
	return nil
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
