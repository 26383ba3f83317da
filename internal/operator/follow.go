package operator

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// RecallKeeper stores the recalls that operators follow.
type RecallKeeper interface {
	StartRecall(context.Context, platform.Recall, platform.AuditEvent) error
	SetNotice(ctx context.Context, recall string, n platform.RecallNotice, e platform.AuditEvent) (bool, error)
}

// ReviewKeeper stores the marks of reviewed events.
type ReviewKeeper interface {
	MarkReviewed(ctx context.Context, seq int64, e platform.AuditEvent) (bool, error)
}

// ErrNotFound means that there is nothing to act on.
var ErrNotFound = errors.New("there is no such recall or event")

// StartRecall stores a recall to follow. The criteria are those of the query, as a form encodes them. Starting the same
// one again does nothing.
func (o Operator) StartRecall(
	ctx context.Context, in RecallKeeper, id string, q implants.RecallQuery, criteria string,
) error {
	if err := q.Validate(); err != nil {
		return err
	}
	events, err := o.newEvents(Action{Operation: ActionRecall, Detail: "start, " + describeRecallQuery(&q)})
	if err != nil {
		return err
	}
	return in.StartRecall(ctx, platform.Recall{
		ID: id, StartedAt: events[0].OccurredAt, Person: o.Person, Criteria: criteria,
	}, events[0])
}

// SetNotice records how far a specialist is informed of a recall.
func (o Operator) SetNotice(
	ctx context.Context, in RecallKeeper, recall string, specialist ident.NIHII, state platform.NoticeState,
) error {
	events, err := o.newEvents(Action{
		Operation: ActionRecall, Detail: "recall " + recall + ", specialist " + specialist.Digits() + " " + string(state),
	})
	if err != nil {
		return err
	}
	isKnown, err := in.SetNotice(ctx, recall, platform.RecallNotice{
		Specialist: specialist, State: state, ChangedAt: events[0].OccurredAt,
	}, events[0])
	if err == nil && !isKnown {
		return ErrNotFound
	}
	return err
}

// MarkReviewed records that an event of the audit log was reviewed, with a remark, which may be empty.
func (o Operator) MarkReviewed(ctx context.Context, in ReviewKeeper, seq int64, remark string) error {
	if remark = strings.TrimSpace(remark); remark != "" {
		if err := CheckReason(remark); err != nil {
			return err
		}
	}
	events, err := o.newEvents(Action{
		Operation: ActionReview, Detail: "event " + strconv.FormatInt(seq, 10), Reason: remark,
	})
	if err != nil {
		return err
	}
	isKnown, err := in.MarkReviewed(ctx, seq, events[0])
	if err == nil && !isKnown {
		return ErrNotFound
	}
	return err
}
