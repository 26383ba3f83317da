package platform

import (
	"context"
	"time"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// This file stores what operators work through: recalls that they follow, and events that they reviewed.

type recallRow struct {
	ID        string           `db:"id"`
	StartedAt engine.Timestamp `db:"started_at"`
	Person    int64            `db:"person"`
	Criteria  string           `db:"criteria"`
}

type listedRecallRow struct {
	recallRow
	Informed int `db:"informed"`
	Answered int `db:"answered"`
}

type noticeRow struct {
	Recall     string           `db:"recall"`
	Specialist string           `db:"specialist"`
	State      string           `db:"state"`
	ChangedAt  engine.Timestamp `db:"changed_at"`
}

var (
	recallTable = engine.NewTable[recallRow]("recall", engine.DoNothing("id"))
	noticeTable = engine.NewTable[noticeRow]("recall_notice", engine.DoUpdate("recall", "specialist"))
	reviewTable = engine.NewTable[reviewRow]("audit_review", engine.DoUpdate("seq"))

	selectListedRecalls = `SELECT ` + recallTable.Columns("r") +
		`, (SELECT COUNT(*) FROM recall_notice n WHERE n.recall = r.id AND n.state = 'informed') AS informed` +
		`, (SELECT COUNT(*) FROM recall_notice n WHERE n.recall = r.id AND n.state = 'answered') AS answered FROM recall r `
	selectNotices = noticeTable.Select() + ` WHERE recall = ?`
)

// StartRecall stores a recall and its event. A recall that is stored already stays as it is: the form was sent twice.
func (s Store) StartRecall(ctx context.Context, r platform.Recall, e platform.AuditEvent) error {
	return s.db.Write(ctx, func(tx *identity.Tx) error {
		person, err := tx.FindOrCreate(identity.Caller, r.Person, true)
		if err != nil {
			return err
		}
		n, err := recallTable.InsertNow(tx.Tx, recallRow{
			r.ID, engine.Timestamp(r.StartedAt), person.IDOrZero(), r.Criteria,
		})
		if err != nil || n == 0 {
			return err
		}
		return NewWriter(tx).AppendEvent(e)
	})
}

// Recalls returns a part of the recalls, the newest first, and the number of all.
func (s Store) Recalls(ctx context.Context, page platform.Page) (found []platform.Recall, total int, err error) {
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		_, failure := tx.SelectRow(&total, `SELECT COUNT(*) FROM recall`)
		if failure != nil {
			return failure
		}
		found, failure = queryRecalls(tx, selectListedRecalls+`ORDER BY r.started_at DESC, r.id LIMIT ? OFFSET ?`,
			page.Limit, page.Offset)
		return failure
	})
	return found, total, err
}

// RecallByID returns a recall with what is known of its specialists.
func (s Store) RecallByID(
	ctx context.Context, id string,
) (r platform.Recall, notices []platform.RecallNotice, isKnown bool, err error) {
	err = s.db.Read(ctx, func(tx *identity.Tx) error {
		found, failure := queryRecalls(tx, selectListedRecalls+`WHERE r.id = ?`, id)
		if isKnown = failure == nil && len(found) > 0; !isKnown {
			return failure
		}
		r = found[0]
		notices, failure = identity.QueryAll(tx, "recall_notice", noticeRow.toNotice, selectNotices, id)
		return failure
	})
	return r, notices, isKnown, err
}

func queryRecalls(tx *identity.Tx, query string, args ...any) ([]platform.Recall, error) {
	found, err := identity.QueryAll(tx, "recall", listedRecallRow.toRecall, query, args...)
	for i := range found {
		if err == nil {
			found[i].Name, err = nameOf(tx, found[i].Person)
		}
	}
	return found, err
}

// nameOf returns the name of a person, or nothing if the register of persons does not know them.
func nameOf(tx *identity.Tx, ssin ident.SSIN) (string, error) {
	if ssin.IsZero() {
		return "", nil
	}
	person, isKnown, err := NewReader(tx).Person(ssin)
	if err != nil || !isKnown {
		return "", err
	}
	return person.FirstName + " " + person.LastName, nil
}

func (row listedRecallRow) toRecall(c *identity.Converter) platform.Recall {
	return platform.Recall{
		ID: row.ID, StartedAt: time.Time(row.StartedAt), Person: c.SSIN(row.Person), Criteria: row.Criteria,
		Informed: row.Informed, Answered: row.Answered,
	}
}

func (row noticeRow) toNotice(c *identity.Converter) platform.RecallNotice {
	return platform.RecallNotice{
		Specialist: c.ParseNIHII(row.Specialist), State: platform.NoticeState(row.State),
		ChangedAt: time.Time(row.ChangedAt),
	}
}

// SetNotice stores how far a specialist is informed of a recall, and its event. It returns false when there is no such
// recall.
func (s Store) SetNotice(
	ctx context.Context, recall string, n platform.RecallNotice, e platform.AuditEvent,
) (isKnown bool, err error) {
	err = s.db.Write(ctx, func(tx *identity.Tx) error {
		isKnown = false
		var id string
		found, failure := tx.SelectRow(&id, `SELECT id FROM recall WHERE id = ?`, recall)
		if failure != nil || !found {
			return failure
		}
		isKnown = true
		failure = noticeTable.Insert(tx.Tx, noticeRow{
			recall, n.Specialist.Digits(), string(n.State), engine.Timestamp(n.ChangedAt),
		})
		if failure != nil {
			return failure
		}
		return NewWriter(tx).AppendEvent(e)
	})
	return isKnown, err
}

type reviewRow struct {
	Seq    int64 `db:"seq"`
	Review int64 `db:"review"`
}

// MarkReviewed appends the event that says that an event was reviewed, and marks that event by it. It returns false
// when there is no such event.
func (s Store) MarkReviewed(ctx context.Context, seq int64, e platform.AuditEvent) (isKnown bool, err error) {
	err = s.db.Write(ctx, func(tx *identity.Tx) error {
		isKnown = false
		var known int64
		found, failure := tx.SelectRow(&known, `SELECT seq FROM audit WHERE seq = ?`, seq)
		if failure != nil || !found {
			return failure
		}
		isKnown = true
		if failure = NewWriter(tx).AppendEvent(e); failure != nil {
			return failure
		}
		var review int64
		_, failure = tx.SelectRow(&review, `SELECT seq FROM audit WHERE correlation = ? ORDER BY seq DESC LIMIT 1`,
			e.Correlation)
		if failure != nil {
			return failure
		}
		return reviewTable.Insert(tx.Tx, reviewRow{seq, review})
	})
	return isKnown, err
}

// Reviews returns the newest mark of each of the events that has one.
func (s Store) Reviews(ctx context.Context, seqs []int64) ([]platform.AuditReview, error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	var reviews []platform.AuditReview
	err := s.db.Read(ctx, func(tx *identity.Tx) error {
		var rows []struct {
			eventRow

			Reviewed int64 `db:"reviewed"`
		}
		list, args := engine.PaddedInList(engine.ToArgs(seqs))
		if err := tx.SelectRows(&rows, selectReviews+list, args...); err != nil {
			return err
		}
		events := make([]eventRow, len(rows))
		for i := range rows {
			events[i] = rows[i].eventRow
		}
		converted, err := identity.ConvertRows(tx, events, "audit", eventRow.toEvent)
		if err != nil {
			return err
		}
		reviews = make([]platform.AuditReview, len(rows))
		for i, e := range converted {
			name, err := nameOf(tx, e.Person)
			if err != nil {
				return err
			}
			reviews[i] = platform.AuditReview{
				Seq: rows[i].Reviewed, ReviewedAt: e.OccurredAt, Name: name, Remark: e.EmergencyReason,
			}
		}
		return nil
	})
	return reviews, err
}

var selectReviews = `SELECT v.seq AS reviewed, a.seq, ` + eventTable.Columns("a") +
	` FROM audit_review v JOIN audit a ON a.seq = v.review WHERE v.seq IN `
