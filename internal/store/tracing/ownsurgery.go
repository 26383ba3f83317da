package tracing

import (
	"context"
	"slices"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

// ReviewOwnSurgeries derives, for reads that only the reader's own surgery opened, what the notifications of that
// surgery say. The care function returns the days on which a surgery opens the patient's data.
func (s Reports) ReviewOwnSurgeries(
	ctx context.Context, reads []platform.AuditEntry, care func(surgery ident.Date) platform.Period,
) ([]platform.OwnSurgeryReview, error) {
	var reviews []platform.OwnSurgeryReview
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		reviews = nil
		reviewer := surgeryReviewer{tx: tx, care: care, opened: make(map[ident.Date]map[int64]int)}
		for i := range reads {
			review, err := reviewer.reviewRead(&reads[i])
			if err != nil {
				return err
			}
			reviews = append(reviews, review)
		}
		return nil
	})
	return reviews, err
}

// surgeryReviewer reviews reads in one transaction.
type surgeryReviewer struct {
	tx     *identity.Tx
	care   func(surgery ident.Date) platform.Period
	opened map[ident.Date]map[int64]int // per day and reader, the number of patients; filled as needed
}

// reviewRead reviews one read. The review is zero when its persons are not known any more.
func (r *surgeryReviewer) reviewRead(read *platform.AuditEntry) (platform.OwnSurgeryReview, error) {
	var review platform.OwnSurgeryReview
	persons, err := r.tx.LoadPseudonyms(read.PersonPseudonym, read.PatientPseudonym)
	reader, patient := persons[read.PersonPseudonym], persons[read.PatientPseudonym]
	if err != nil || reader == nil || patient == nil {
		return review, err
	}
	at := read.Event.OccurredAt
	day := ident.DateOf(at.In(ident.BelgianTime()))
	if r.opened[day] == nil {
		if r.opened[day], err = countOpenedPatients(r.tx, day); err != nil {
			return review, err
		}
	}
	review.PatientsThatDay = r.opened[day][reader.PersonID()]
	specialistIDs, err := r.tx.FindIDs(identity.Professional, reader.CurrentSSIN)
	if err != nil {
		return review, err
	}
	patientIDs, err := r.tx.FindIDs(identity.Patient, patient.CurrentSSIN)
	if err != nil {
		return review, err
	}
	versions, err := selectSurgeryVersions(r.tx, specialistIDs, patientIDs)
	for len(versions) > 0 {
		next := slices.IndexFunc(versions, func(v surgeryVersion) bool { return v.Reference != versions[0].Reference })
		if next < 0 {
			next = len(versions)
		}
		history := surgeryHistory{versions: versions[:next], patientIDs: patientIDs, opens: func(v *surgeryVersion) bool {
			surgery, dateErr := ident.ParseDate(v.SurgeryDate)
			return dateErr == nil && v.State == string(implants.Final) && slices.Contains(specialistIDs, v.Specialist) &&
				slices.Contains(patientIDs, v.Patient) && r.care(surgery).Contains(day)
		}}
		history.addTo(&review, at)
		versions = versions[next:]
	}
	return review, err
}

// surgeryVersion is a version of a notification that named the reader and the patient in some version.
type surgeryVersion struct {
	Reference    string           `db:"reference"`
	State        string           `db:"state"`
	SurgeryDate  string           `db:"operation_date"`
	RegisteredAt engine.Timestamp `db:"registered_at"`
	Specialist   int64            `db:"specialist"`
	Patient      int64            `db:"patient"`
}

// selectSurgeryVersions returns all versions of the notifications that, in some final version, were about a surgery of
// the specialist on the patient.
func selectSurgeryVersions(tx *identity.Tx, specialistIDs, patientIDs []int64) ([]surgeryVersion, error) {
	var versions []surgeryVersion
	err := tx.SelectRows(&versions, `SELECT n.reference, n.state, n.operation_date, n.registered_at, n.specialist,
		n.patient FROM notification n WHERE n.reference IN (SELECT own.reference FROM notification own WHERE own.patient IN `+
		engine.InList(len(patientIDs))+` AND own.specialist IN `+engine.InList(len(specialistIDs))+
		` AND own.state = 'Final') ORDER BY n.reference, n.version`,
		slices.Concat(engine.ToArgs(patientIDs), engine.ToArgs(specialistIDs))...)
	return versions, err
}

// surgeryHistory is the versions of one notification; opens reports whether one of them opens the patient's data on the
// day of the read.
type surgeryHistory struct {
	versions   []surgeryVersion
	patientIDs []int64
	opens      func(*surgeryVersion) bool
}

// addTo adds a notification to the review if it opened the data at the time of the read.
func (h surgeryHistory) addTo(review *platform.OwnSurgeryReview, at time.Time) {
	current := -1
	for i := range h.versions {
		if !time.Time(h.versions[i].RegisteredAt).After(at) {
			current = i
		}
	}
	if current < 0 || !h.opens(&h.versions[current]) {
		return
	}
	first := current
	for first > 0 && h.opens(&h.versions[first-1]) {
		first--
	}
	since := time.Time(h.versions[first].RegisteredAt)
	if review.OpenSince.IsZero() || since.Before(review.OpenSince) {
		review.OpenSince = since
	}
	for _, later := range h.versions[current+1:] {
		if later.State == string(implants.Withdrawn) {
			review.IsWithdrawnLater = true
		}
		if !slices.Contains(h.patientIDs, later.Patient) {
			review.IsMovedLater = true
		}
	}
}

// countOpenedPatients returns, for each reader, the number of patients whose data only their own surgery opened to them
// on a day, in Belgian time.
func countOpenedPatients(tx *identity.Tx, day ident.Date) (map[int64]int, error) {
	from := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, ident.BelgianTime())
	to := from.AddDate(0, 0, 1)
	first, last, err := platformstore.FindSeqsBetween(tx, from, to)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Reader   int64 `db:"person"`
		Patients int   `db:"patients"`
	}
	err = tx.SelectRows(&rows, `SELECT r.person, COUNT(DISTINCT p.person) AS patients FROM audit a
		JOIN subject r ON r.id = a.person JOIN subject p ON p.id = a.patient WHERE a.reason = ? AND a.seq >= ?
		AND a.seq <= ? AND a.at >= ? AND a.at < ?
		GROUP BY r.person`,
		platform.ReasonOwnSurgery, first, last, engine.Timestamp(from), engine.Timestamp(to))
	if err != nil {
		return nil, err
	}
	counts := make(map[int64]int, len(rows))
	for _, row := range rows {
		counts[row.Reader] = row.Patients
	}
	return counts, nil
}
