package store

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// SourceEntries are entries of the authentic sources.
type SourceEntries struct {
	Persons       []implants.Person
	Practices     []implants.Practice
	Organisations []implants.Organisation
	Affiliations  []implants.Affiliation
	Mandates      []implants.Mandate
	Links         []implants.TherapeuticLink
	Devices       []implants.Device
	Replacements  []SSINReplacement
}

// Append appends the entries of more.
func (entries *SourceEntries) Append(more *SourceEntries) {
	entries.Persons = append(entries.Persons, more.Persons...)
	entries.Practices = append(entries.Practices, more.Practices...)
	entries.Organisations = append(entries.Organisations, more.Organisations...)
	entries.Affiliations = append(entries.Affiliations, more.Affiliations...)
	entries.Mandates = append(entries.Mandates, more.Mandates...)
	entries.Links = append(entries.Links, more.Links...)
	entries.Devices = append(entries.Devices, more.Devices...)
	entries.Replacements = append(entries.Replacements, more.Replacements...)
}

// SSINReplacement is the replacement of a person's SSIN by another one.
type SSINReplacement struct{ Former, Newer ident.SSIN }

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
	upsertTherapeuticLink = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (patient, professional, type, valid_from) DO UPDATE SET valid_to = excluded.valid_to`
	deviceInsertColumns = `code, name, reference, manufacturer, distributor, classification, category, udi_dis, status, valid_from,
		deleted_on, recalled_on, search_text`
	onDeviceConflict = ` ON CONFLICT (code) DO UPDATE SET name = excluded.name, reference = excluded.reference,
		manufacturer = excluded.manufacturer, distributor = excluded.distributor, classification = excluded.classification,
		category = excluded.category, udi_dis = excluded.udi_dis, status = excluded.status, valid_from = excluded.valid_from,
		deleted_on = excluded.deleted_on, recalled_on = excluded.recalled_on, search_text = excluded.search_text`
	upsertDevice    = `INSERT INTO device (` + deviceInsertColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + onDeviceConflict
	deleteDeviceUDI = `DELETE FROM device_udi WHERE code IN`
	insertDeviceUDI = `INSERT INTO device_udi (di, code) VALUES (?, ?) ON CONFLICT (di, code) DO NOTHING`
)

// LoadSources stores entries of the authentic sources, all or nothing. It updates entries that exist already and leaves
// all others unchanged, so the therapeutic links that surgery created survive.
func (db *DB) LoadSources(ctx context.Context, entries SourceEntries) error {
	epoch := rand.Text()
	return db.writeTx(ctx, func(tx *tx) error {
		w := txWriter{txReader{tx}}
		if err := w.loadEntries(&entries); err != nil {
			return err
		}
		_, err := tx.execStatement(updateCacheEpoch, epoch) // invalidates the source cache of every program
		return err
	})
}

func (w txWriter) loadEntries(entries *SourceEntries) error {
	for _, load := range []func(*SourceEntries) error{w.loadPeople, w.loadOrganisations, w.loadRelations, w.loadDevices, w.loadReplacements} {
		if err := load(entries); err != nil {
			return err
		}
	}
	return nil
}

func (w txWriter) loadReplacements(entries *SourceEntries) error {
	for _, r := range entries.Replacements {
		if err := w.replaceSSIN(r.Former, r.Newer); err != nil {
			return err
		}
	}
	return nil
}

func (w txWriter) loadPeople(entries *SourceEntries) error {
	for _, p := range entries.Persons {
		if err := w.upsertPersonEntry(p); err != nil {
			return err
		}
	}
	for _, p := range entries.Practices {
		id, err := w.professionalID(p.SSIN)
		if err != nil {
			return err
		}
		_, err = w.tx.execStatement(upsertPractice, id, p.NIHII.Digits(), p.NIHII.Base().Digits(), string(p.Profession), p.Speciality,
			p.From.String(), p.To.String())
		if err != nil {
			return err
		}
	}
	return nil
}

func (w txWriter) upsertPersonEntry(p implants.Person) error {
	pseudonym, err := w.findOrCreate(p.SSIN, false)
	if err != nil {
		return err
	}
	return w.upsertSealedPerson(pseudonym, p)
}

func (w txWriter) loadOrganisations(entries *SourceEntries) error {
	for _, o := range entries.Organisations {
		id := o.NIHII.Base().Digits()
		if id == "" {
			id = o.CBE.Digits()
		}
		if _, err := w.tx.execStatement(upsertOrganisation, id, o.NIHII.Digits(), o.CBE.Digits(), o.Type, o.Name); err != nil {
			return err
		}
	}
	for _, a := range entries.Affiliations {
		if err := w.putAffiliation(a); err != nil {
			return err
		}
	}
	return nil
}

func (w txWriter) loadRelations(entries *SourceEntries) error {
	for _, m := range entries.Mandates {
		if err := w.putMandate(m); err != nil {
			return err
		}
	}
	for _, l := range entries.Links {
		patient, professional, err := w.therapeuticLinkIDs(l)
		if err != nil {
			return err
		}
		if _, err := w.tx.execStatement(upsertTherapeuticLink, patient, professional, l.Type, l.From.String(), l.To.String()); err != nil {
			return err
		}
	}
	return nil
}

// deviceBatchSize is the number of devices per statement, because each statement costs a round trip.
const deviceBatchSize = 400

func (w txWriter) loadDevices(entries *SourceEntries) error {
	for devices := range slices.Chunk(entries.Devices, deviceBatchSize) {
		codes := make([]any, 0, len(devices))
		loaded := make(map[ident.NotificationCode]bool, len(devices))
		for i := range devices {
			d := &devices[i]
			if loaded[d.Code] { // one statement cannot change the same row twice
				if err := w.tx.flushInserts(); err != nil {
					return err
				}
			}
			loaded[d.Code] = true
			codes = append(codes, d.Code.Digits())
			if err := w.tx.insertRow(upsertDevice, deviceValues(d)...); err != nil {
				return err
			}
		}
		if _, err := w.tx.execStatement(deleteDeviceUDI+` (?`+strings.Repeat(`, ?`, len(codes)-1)+`)`, codes...); err != nil {
			return err
		}
		for _, d := range lastPerCode(devices) {
			for _, di := range d.UDIDIs {
				if err := w.tx.insertRow(insertDeviceUDI, di, d.Code.Digits()); err != nil {
					return err
				}
			}
		}
	}
	return w.tx.flushInserts()
}

// deviceValues returns the values in the order of deviceInsertColumns.
func deviceValues(d *implants.Device) []any {
	return []any{d.Code.Digits(), d.Name, d.Reference, d.Manufacturer, d.Distributor, d.Classification, d.Category,
		strings.Join(d.UDIDIs, "\n"), string(d.Status), d.ValidFrom.String(), d.DeletedOn.String(), d.RecalledOn.String(), deviceSearchText(d)}
}

// lastPerCode drops each device that a later one with the same code replaces.
func lastPerCode(devices []implants.Device) []implants.Device {
	last := make(map[ident.NotificationCode]int, len(devices))
	for i, d := range devices {
		last[d.Code] = i
	}
	remaining := make([]implants.Device, 0, len(last))
	for i, d := range devices {
		if last[d.Code] == i {
			remaining = append(remaining, d)
		}
	}
	return remaining
}

// IsEmpty reports whether the register has no entries of authentic sources and no notifications.
func (db *DB) IsEmpty(ctx context.Context) (bool, error) {
	var filled bool
	err := db.readTx(ctx, func(tx *tx) error {
		_, err := tx.selectRow(&filled, `SELECT EXISTS (SELECT 1 FROM person) OR EXISTS (SELECT 1 FROM practice)
			OR EXISTS (SELECT 1 FROM organisation) OR EXISTS (SELECT 1 FROM device) OR EXISTS (SELECT 1 FROM affiliation)
			OR EXISTS (SELECT 1 FROM mandate) OR EXISTS (SELECT 1 FROM therapeutic_link) OR EXISTS (SELECT 1 FROM notification)`)
		return err
	})
	return !filled && err == nil, err
}
