package store

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

// Each statement has two parameters: the pseudonym that a person's entries move to, and the one that they move from.
// Entries that exist under the newer SSIN take precedence.
const (
	movePractices = `INSERT INTO practice (subject, nihii, nihii_base, profession, speciality, valid_from, valid_to)
		SELECT CAST(? AS bigint), nihii, nihii_base, profession, speciality, valid_from, valid_to FROM practice WHERE subject = ?
		ON CONFLICT DO NOTHING`
	moveAffiliations = `INSERT INTO affiliation (organisation_base, organisation, subject, role, valid_from, valid_to)
		SELECT organisation_base, organisation, CAST(? AS bigint), role, valid_from, valid_to FROM affiliation WHERE subject = ?
		ON CONFLICT DO NOTHING`
	movePatientLinks = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to)
		SELECT CAST(? AS bigint), professional, type, valid_from, valid_to FROM therapeutic_link WHERE patient = ?
		ON CONFLICT DO NOTHING`
	moveProfessionalLinks = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to)
		SELECT patient, CAST(? AS bigint), type, valid_from, valid_to FROM therapeutic_link WHERE professional = ?
		ON CONFLICT DO NOTHING`
	moveGrantorMandates = `INSERT INTO mandate (grantor, grantee, service, accepted_on, valid_from, valid_to)
		SELECT CAST(? AS bigint), grantee, service, accepted_on, valid_from, valid_to FROM mandate WHERE grantor = ?
		ON CONFLICT DO NOTHING`
	moveGranteeMandates = `INSERT INTO mandate (grantor, grantee, service, accepted_on, valid_from, valid_to)
		SELECT grantor, CAST(? AS bigint), service, accepted_on, valid_from, valid_to FROM mandate WHERE grantee = ?
		ON CONFLICT DO NOTHING`
)

// ReplaceSSIN replaces a person's SSIN. From then on all data about the person is found by both SSINs and shows the
// newer one. Registered notifications stay unchanged; the entries of the authentic sources move to the newer SSIN.
func (db *DB) ReplaceSSIN(ctx context.Context, former, newer ident.SSIN) error {
	epoch := rand.Text()
	return db.writeTx(ctx, func(tx *tx) error {
		if err := (txWriter{txReader{tx}}).replaceSSIN(former, newer); err != nil {
			return err
		}
		_, err := tx.execStatement(updateCacheEpoch, epoch) // invalidates cached identities of the person
		return err
	})
}

func (w txWriter) replaceSSIN(former, newer ident.SSIN) error {
	from, err := w.findOrCreate(former, false)
	if err != nil {
		return err
	}
	to, err := w.findOrCreateExact(newer)
	if err != nil {
		return err
	}
	if from.id == to.id {
		return nil
	}
	if err = w.movePerson(from, to); err != nil {
		return err
	}
	for _, move := range []struct{ table, column, statement string }{
		{`practice`, `subject`, movePractices}, {`affiliation`, `subject`, moveAffiliations},
		{`therapeutic_link`, `patient`, movePatientLinks}, {`therapeutic_link`, `professional`, moveProfessionalLinks},
		{`mandate`, `grantor`, moveGrantorMandates}, {`mandate`, `grantee`, moveGranteeMandates},
	} {
		for _, statement := range []string{move.statement, `DELETE FROM ` + move.table + ` WHERE ` + move.column + ` = ?`} {
			args := []any{to.id, from.id}
			if statement != move.statement {
				args = args[1:]
			}
			if _, err = w.tx.execStatement(statement, args...); err != nil {
				return err
			}
		}
	}
	for _, statement := range []string{
		`UPDATE pending SET specialist = ? WHERE specialist = ?`, `UPDATE pending SET author = ? WHERE author = ?`,
	} {
		if _, err = w.tx.execStatement(statement, to.id, from.id); err != nil {
			return err
		}
	}
	if _, err = w.tx.execStatement(`UPDATE subject SET person = ? WHERE person IN (?, ?)`, to.id, from.personID, to.personID); err != nil {
		return err
	}
	w.tx.txIdentities = txIdentities{} // the cached identities of both SSINs are out of date
	return nil
}

// findOrCreateExact returns the pseudonym of this very SSIN, even when the person has a newer one.
func (w txWriter) findOrCreateExact(ssin ident.SSIN) (*pseudonym, error) {
	pseudonym, err := w.findOrCreate(ssin, false)
	if err != nil || pseudonym.ssin == ssin {
		return pseudonym, err
	}
	for _, other := range w.tx.persons[ssin].pseudonyms {
		if other.ssin == ssin {
			return other, nil
		}
	}
	return pseudonym, nil
}

// movePerson seals the entry of the national register with the data key of the newer pseudonym, unless that one has an
// entry of its own.
func (w txWriter) movePerson(from, to *pseudonym) error {
	rows := map[int64]personRow{}
	var found []personRow
	if err := w.tx.selectRows(&found, `SELECT subject, sealed FROM person WHERE subject IN (?, ?)`, from.id, to.id); err != nil {
		return err
	}
	for _, row := range found {
		rows[row.PseudonymID] = row
	}
	row, exists := rows[from.id]
	if !exists {
		return nil
	}
	if _, err := w.tx.execStatement(`DELETE FROM person WHERE subject = ?`, from.id); err != nil {
		return err
	}
	if _, known := rows[to.id]; known {
		return nil
	}
	people, err := convertRows(w.tx, []personRow{row}, "person", personRow.toPerson)
	if err != nil {
		return err
	}
	return w.upsertSealedPerson(to, people[0])
}

// upsertSealedPerson stores an entry of the national register, sealed with the pseudonym's data key.
func (w txWriter) upsertSealedPerson(of *pseudonym, p implants.Person) error {
	text, err := json.Marshal([4]string{p.FirstName, p.LastName, p.BirthDate.String(), p.DeathDate.String()})
	if err != nil {
		return w.tx.recordError(err)
	}
	sealed, err := of.sealText(string(text), personAssociatedData)
	if err != nil {
		return w.tx.recordError(err)
	}
	_, err = w.tx.execStatement(upsertPerson, of.id, sealed)
	return err
}
