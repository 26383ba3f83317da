package store

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// Each statement takes the subject that a person's entries move to, and the one that they move from. What is there already
// under the newer number stands.
const (
	movePractices = `INSERT INTO practice (subject, nihii, nihii_base, profession, speciality, valid_from, valid_to)
		SELECT CAST(? AS bigint), nihii, nihii_base, profession, speciality, valid_from, valid_to FROM practice WHERE subject = ?
		ON CONFLICT DO NOTHING`
	moveAffiliations = `INSERT INTO affiliation (organisation_base, organisation, subject, role, valid_from, valid_to)
		SELECT organisation_base, organisation, CAST(? AS bigint), role, valid_from, valid_to FROM affiliation WHERE subject = ?
		ON CONFLICT DO NOTHING`
	movePatients = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to)
		SELECT CAST(? AS bigint), professional, type, valid_from, valid_to FROM therapeutic_link WHERE patient = ?
		ON CONFLICT DO NOTHING`
	moveProfessionals = `INSERT INTO therapeutic_link (patient, professional, type, valid_from, valid_to)
		SELECT patient, CAST(? AS bigint), type, valid_from, valid_to FROM therapeutic_link WHERE professional = ?
		ON CONFLICT DO NOTHING`
	moveGrantors = `INSERT INTO mandate (grantor, grantee, service, accepted_on, valid_from, valid_to)
		SELECT CAST(? AS bigint), grantee, service, accepted_on, valid_from, valid_to FROM mandate WHERE grantor = ?
		ON CONFLICT DO NOTHING`
	moveGrantees = `INSERT INTO mandate (grantor, grantee, service, accepted_on, valid_from, valid_to)
		SELECT grantor, CAST(? AS bigint), service, accepted_on, valid_from, valid_to FROM mandate WHERE grantee = ?
		ON CONFLICT DO NOTHING`
)

// Replace tells the register that a person has another number. From then on everything about the person is found by both,
// and shows the newer one. What was registered stays as it is; what the authentic sources say moves to the newer number.
func (db *DB) Replace(ctx context.Context, former, newer ident.SSIN) error {
	mark := rand.Text()
	return db.write(ctx, func(s *session) error {
		if err := (update{view{s}}).replace(former, newer); err != nil {
			return err
		}
		_, err := s.exec(updateMark, mark) // whoever remembers the person must ask again
		return err
	})
}

func (u update) replace(former, newer ident.SSIN) error {
	from, err := u.establish(former, false)
	if err != nil {
		return err
	}
	to, err := u.subjectOf(newer)
	if err != nil {
		return err
	}
	if from.id == to.id {
		return nil
	}
	if err = u.movePerson(from, to); err != nil {
		return err
	}
	for _, move := range []struct{ table, column, statement string }{
		{`practice`, `subject`, movePractices}, {`affiliation`, `subject`, moveAffiliations},
		{`therapeutic_link`, `patient`, movePatients}, {`therapeutic_link`, `professional`, moveProfessionals},
		{`mandate`, `grantor`, moveGrantors}, {`mandate`, `grantee`, moveGrantees},
	} {
		for _, statement := range []string{move.statement, `DELETE FROM ` + move.table + ` WHERE ` + move.column + ` = ?`} {
			args := []any{to.id, from.id}
			if statement != move.statement {
				args = args[1:]
			}
			if _, err = u.s.exec(statement, args...); err != nil {
				return err
			}
		}
	}
	for _, statement := range []string{
		`UPDATE pending SET specialist = ? WHERE specialist = ?`, `UPDATE pending SET author = ? WHERE author = ?`,
	} {
		if _, err = u.s.exec(statement, to.id, from.id); err != nil {
			return err
		}
	}
	if _, err = u.s.exec(`UPDATE subject SET person = ? WHERE person IN (?, ?)`, to.id, from.person, to.person); err != nil {
		return err
	}
	u.s.known = known{} // what the transaction knew of either number
	return nil
}

// subjectOf is the subject of a number itself, whoever the person is by now.
func (u update) subjectOf(number ident.SSIN) (*subject, error) {
	one, err := u.establish(number, false)
	if err != nil || one.number == number {
		return one, err
	}
	for _, other := range u.s.parties[number].all {
		if other.number == number {
			return other, nil
		}
	}
	return one, nil
}

// movePerson seals what the national register says with the key of the newer number, unless it has said it of that one.
func (u update) movePerson(from, to *subject) error {
	rows := map[int64]personRow{}
	var found []personRow
	if err := u.s.all(&found, `SELECT subject, sealed FROM person WHERE subject IN (?, ?)`, from.id, to.id); err != nil {
		return err
	}
	for _, row := range found {
		rows[row.Subject] = row
	}
	row, there := rows[from.id]
	if !there {
		return nil
	}
	if _, err := u.s.exec(`DELETE FROM person WHERE subject = ?`, from.id); err != nil {
		return err
	}
	if _, known := rows[to.id]; known {
		return nil
	}
	people, err := each(u.s, []personRow{row}, "person", personRow.person)
	if err != nil {
		return err
	}
	return u.sealPerson(to, people[0])
}

// sealPerson keeps what the national register says of a subject.
func (u update) sealPerson(of *subject, p register.Person) error {
	text, err := json.Marshal([4]string{p.FirstName, p.LastName, p.BirthDate.String(), p.DeathDate.String()})
	if err != nil {
		return u.s.fail(err)
	}
	sealed, err := of.sealText(string(text), personPlace)
	if err != nil {
		return u.s.fail(err)
	}
	_, err = u.s.exec(upsertPerson, of.id, sealed)
	return err
}
