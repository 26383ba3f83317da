package platform

import (
	"encoding/json"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/identity"
)

// Moved is a pseudonym whose place another one takes.
type Moved struct{ From, To int64 }

// ReplaceSSIN makes both SSINs refer to one person and moves the entries of the authentic sources to the newer one. It
// returns the ids of the pseudonyms for each purpose, which are equal when there is nothing to replace.
func (w Writer) ReplaceSSIN(former, newer ident.SSIN) (map[identity.Purpose]Moved, error) {
	moved := make(map[identity.Purpose]Moved)
	for _, purpose := range identity.AllPurposes() {
		var err error
		if moved[purpose], err = w.replaceFor(purpose, former, newer); err != nil {
			return nil, err
		}
	}
	return moved, w.tx.InvalidateCache()
}

func (w Writer) replaceFor(purpose identity.Purpose, former, newer ident.SSIN) (Moved, error) {
	from, err := w.tx.FindOrCreate(purpose, former, false)
	if err != nil {
		return Moved{}, err
	}
	to, err := w.tx.FindOrCreateExact(purpose, newer)
	if err != nil || from.ID == to.ID {
		return Moved{}, err
	}
	if purpose == identity.Patient {
		if err = w.movePerson(from, to); err != nil {
			return Moved{}, err
		}
	}
	for _, move := range movesFor(purpose) {
		if err = move.rows(w.tx, from.ID, to.ID); err != nil {
			return Moved{}, err
		}
	}
	return Moved{from.ID, to.ID}, w.tx.MergePersons(from, to)
}

// move moves a person's entries to the newer pseudonym. Entries that exist under the newer SSIN take precedence.
type move struct {
	table, column string
	rows          func(tx *identity.Tx, from, to int64) error
}

func movesFor(purpose identity.Purpose) []move {
	switch purpose {
	case identity.Patient:
		return []move{{`therapeutic_link`, `patient`, moveRights(therapeuticLinkTable, `patient`,
			func(row *TherapeuticLinkRow, to int64) { row.Patient = to })}}
	case identity.Professional:
		return []move{
			{`practice`, `subject`, moveRights(practiceTable, `subject`,
				func(row *practiceRow, to int64) { row.Subject = to })},
			{`affiliation`, `subject`, moveRights(affiliationTable, `subject`,
				func(row *AffiliationRow, to int64) { row.Subject = to })},
			{`therapeutic_link`, `professional`, moveRights(therapeuticLinkTable, `professional`,
				func(row *TherapeuticLinkRow, to int64) { row.Professional = to })},
			{`mandate`, `grantor`, moveRights(mandateTable, `grantor`,
				func(row *mandateRow, to int64) { row.Grantor = to })},
			{`mandate`, `grantee`, moveRights(mandateTable, `grantee`,
				func(row *mandateRow, to int64) { row.Grantee = to })},
		}
	case identity.Caller:
	}
	return nil
}

// movePerson seals the entry of the national register with the data key of the newer pseudonym, unless that one has an
// entry of its own.
func (w Writer) movePerson(from, to *identity.Pseudonym) error {
	rows := map[int64]personRow{}
	var found []personRow
	if err := w.tx.SelectRows(&found, personTable.Select()+` WHERE subject IN (?, ?)`, from.ID, to.ID); err != nil {
		return err
	}
	for _, row := range found {
		rows[row.Subject] = row
	}
	row, exists := rows[from.ID]
	if !exists {
		return nil
	}
	if _, err := w.tx.ExecStatement(`DELETE FROM person WHERE subject = ?`, from.ID); err != nil {
		return err
	}
	if _, known := rows[to.ID]; known {
		return nil
	}
	people, err := identity.ConvertRows(w.tx, []personRow{row}, "person", personRow.toPerson)
	if err != nil {
		return err
	}
	return w.upsertSealedPerson(to, people[0])
}

// upsertSealedPerson stores an entry of the national register, sealed with the pseudonym's data key.
func (w Writer) upsertSealedPerson(of *identity.Pseudonym, p platform.Person) error {
	text, err := json.Marshal([4]string{p.FirstName, p.LastName, p.BirthDate.String(), p.DeathDate.String()})
	if err != nil {
		return w.tx.RecordError(err)
	}
	sealed, err := of.SealText(string(text), personAssociatedData)
	if err != nil {
		return w.tx.RecordError(err)
	}
	_, err = personTable.InsertNow(w.tx.Tx, personRow{of.ID, sealed})
	return err
}
