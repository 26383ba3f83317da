package platform

import (
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/identity"
)

// LoadSources adds entries of the authentic sources, or replaces those with the same keys. It leaves out the devices
// and the replacements of SSINs.
func (w Writer) LoadSources(entries *implants.SourceEntries) error {
	for _, load := range []func(*implants.SourceEntries) error{w.loadPeople, w.loadOrganisations, w.loadRelations} {
		if err := load(entries); err != nil {
			return err
		}
	}
	return nil
}

func (w Writer) loadPeople(entries *implants.SourceEntries) error {
	for _, p := range entries.Persons {
		if err := w.upsertPersonEntry(p); err != nil {
			return err
		}
	}
	for _, p := range entries.Practices {
		id, err := w.tx.ProfessionalID(p.SSIN)
		if err != nil {
			return err
		}
		err = saveRight(w.tx, practiceTable, practiceRow{
			Subject:    id,
			NIHII:      p.NIHII.Digits(),
			NIHIIBase:  p.NIHII.Base().Digits(),
			Profession: string(p.Profession),
			Speciality: p.Speciality,
			From:       p.From.String(),
			To:         p.To.String(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w Writer) upsertPersonEntry(p platform.Person) error {
	pseudonym, err := w.tx.FindOrCreate(identity.Patient, p.SSIN, false)
	if err != nil {
		return err
	}
	return w.upsertSealedPerson(pseudonym, p)
}

func (w Writer) loadOrganisations(entries *implants.SourceEntries) error {
	for _, o := range entries.Organisations {
		id := o.NIHII.Base().Digits()
		if id == "" {
			id = o.CBE.Digits()
		}
		row := organisationRow{ID: id, NIHII: o.NIHII.Digits(), CBE: o.CBE.Digits(), Type: o.Type, Name: o.Name}
		if err := saveRight(w.tx, organisationTable, row); err != nil {
			return err
		}
	}
	reader := NewReader(w.tx)
	for _, a := range entries.Affiliations {
		stored, err := reader.Affiliations(a.Organisation, a.SSIN)
		if err != nil {
			return err
		}
		if err = w.putAffiliation(a.KeepEnded(stored)); err != nil {
			return err
		}
	}
	return nil
}

func (w Writer) loadRelations(entries *implants.SourceEntries) error {
	reader := NewReader(w.tx)
	for _, m := range entries.Mandates {
		stored, err := reader.MandatesByGrantee(m.Grantee)
		if err != nil {
			return err
		}
		if err = w.putMandate(m.KeepEnded(stored)); err != nil {
			return err
		}
	}
	for _, l := range entries.Links {
		row, err := w.newTherapeuticLinkRow(l)
		if err != nil {
			return err
		}
		if err := saveRight(w.tx, therapeuticLinkTable, row); err != nil {
			return err
		}
	}
	return nil
}

// IsEmpty reports whether there are no entries of authentic sources, devices left out.
func (r Reader) IsEmpty() (bool, error) {
	var filled bool
	_, err := r.tx.SelectRow(&filled, `SELECT EXISTS (SELECT 1 FROM person) OR EXISTS (SELECT 1 FROM practice)
		OR EXISTS (SELECT 1 FROM organisation) OR EXISTS (SELECT 1 FROM affiliation) OR EXISTS (SELECT 1 FROM mandate)
		OR EXISTS (SELECT 1 FROM therapeutic_link)`)
	return !filled && err == nil, err
}
