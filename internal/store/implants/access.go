package implants

import (
	"slices"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

// This file reads what decides who may see data. A question about data that does not exist sends the same statements as
// one about data that is withheld, so that neither their number nor the time they take tells the two apart.

// CareOf returns what opens a patient's data to a professional on a day.
func (r Reader) CareOf(patient, professional ident.SSIN, day ident.Date) (platform.Care, error) {
	ids, err := r.tx.FindIDs(identity.Patient, patient)
	if err != nil {
		return platform.Care{}, err
	}
	return r.careOf(ids[0], professional, day)
}

func (r Reader) careOf(patientID int64, professional ident.SSIN, day ident.Date) (platform.Care, error) {
	professionalIDs, err := r.tx.FindIDs(identity.Professional, professional)
	if err != nil {
		return platform.Care{}, err
	}
	on := day.String()
	// The first row has no relation; then there is one for each.
	found, err := identity.QueryAll(r.tx, "notification", careRow.toCare, `SELECT 0 AS "l.patient",
		0 AS "l.professional", '' AS "l.type", '' AS "l.valid_from", '' AS "l.valid_to", NULL AS "l.seal",
		COALESCE((SELECT MAX(n.operation_date) FROM subject a
		JOIN notification n ON n.patient = a.id WHERE a.person = ? AND n.specialist IN `+
		engine.InList(len(professionalIDs))+` AND n.operation_date <= ?`+AndInForce+`), '') AS last_surgery
		UNION ALL SELECT patient, professional, type, valid_from, valid_to, seal, '' FROM therapeutic_link
		WHERE patient = ? AND professional = ? AND valid_from <= ? AND (valid_to = '' OR valid_to >= ?)
		ORDER BY 4, 3`,
		slices.Concat([]any{patientID}, engine.ToArgs(professionalIDs), []any{on, patientID, professionalIDs[0], on, on})...)
	if err != nil {
		return platform.Care{}, err
	}
	care := found[0]
	for _, other := range found {
		if care.Relation == "" {
			care.Relation = other.Relation
		}
	}
	return care, nil
}

type careRow struct {
	Link        platformstore.TherapeuticLinkRow `db:"l"` // zero for none
	LastSurgery string                           `db:"last_surgery"`
}

func (row careRow) toCare(c *identity.Converter) platform.Care {
	care := platform.Care{LastSurgery: c.ParseDate(row.LastSurgery)}
	if row.Link.Patient != 0 && c.IsSealed(row.Link) {
		care.Relation = row.Link.Type
	}
	return care
}

type notificationFactsRow struct {
	Reference   string `db:"reference"`
	Number      string `db:"number"`
	Specialist  int64  `db:"specialist"`
	Patient     int64  `db:"patient"`
	SurgeryDate string `db:"operation_date"`
}

func (row notificationFactsRow) toFacts(c *identity.Converter) implants.NotificationFacts {
	return implants.NotificationFacts{
		Reference:   row.Reference,
		Number:      c.ParseNumber(row.Number),
		Specialist:  c.SSIN(row.Specialist),
		Patient:     c.SSIN(row.Patient),
		SurgeryDate: c.ParseDate(row.SurgeryDate),
	}
}

// NotificationFacts returns what decides who may see the newest version of a notification.
func (r Reader) NotificationFacts(ref implants.NotificationRef, reader ident.SSIN, organisation ident.NIHII,
	day ident.Date) (implants.NotificationFacts, bool, error) {
	condition, arg := `n.reference = ?`, ref.Reference
	if !ref.Number.IsZero() {
		condition, arg = `n.number = ? AND n.number <> ''`, ref.Number.Digits()
	}
	row := notificationFactsRow{Specialist: identity.Nobody, Patient: identity.Nobody}
	found, err := r.tx.SelectRow(&row, `SELECT n.reference, n.number, n.patient, n.operation_date,
		COALESCE(w.specialist, n.specialist) AS specialist
		FROM notification n LEFT JOIN pending w ON w.reference = n.reference WHERE `+condition+andNewestVersion, arg)
	if err != nil {
		return implants.NotificationFacts{}, false, err
	}
	persons, err := r.tx.LoadPseudonyms(row.Patient, row.Specialist)
	if err != nil {
		return implants.NotificationFacts{}, false, err
	}
	patient, specialist := persons[row.Patient], persons[row.Specialist]
	var facts implants.NotificationFacts
	if found {
		converted, convertErr := identity.ConvertRows(
			r.tx, []notificationFactsRow{row}, "notification", notificationFactsRow.toFacts,
		)
		if convertErr != nil {
			return facts, false, convertErr
		}
		facts = converted[0]
	}
	if facts.Care, err = r.careOf(patient.PersonID(), reader, day); err != nil {
		return facts, false, err
	}
	if !organisation.IsZero() {
		facts.SpecialistRoles, err = r.RolesOf(organisation, specialist.PersonID())
	}
	return facts, found, err
}
