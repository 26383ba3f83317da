// Package ctrdoor binds the contract of the register of implants to its registrar: NewContract returns the value that
// soapdoor mounts.
//
// It is a package of its own because it is the only place that has both the messages of the contract and the operations
// of the register. It contains no rule and no right: it decodes, identifies the caller, calls the registrar and
// encodes.
package ctrdoor

import (
	"context"
	"fmt"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/soapdoor"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// newHandlers returns the handlers of the operations of ctr.Contract.
func newHandlers( //nolint:funlen // a table, an entry per operation
	r *implants.Registrar, renderCard RenderCard,
) map[string]soapdoor.Handler {
	return map[string]soapdoor.Handler{
		"NotifyImplant": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.NotifyImplantRequest,
		) (*ctr.NotifyResponse, error) {
			submission, content := m.ToDomain()
			receipt, err := r.NotifyImplant(ctx, caller, submission, content)
			return ctr.NewNotifyResponse(stamp, "NotifyImplantRequest", receipt), err
		}),
		"NotifyExplant": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.NotifyExplantRequest,
		) (*ctr.NotifyResponse, error) {
			submission, content := m.ToDomain()
			receipt, err := r.NotifyExplant(ctx, caller, submission, content)
			return ctr.NewNotifyResponse(stamp, "NotifyExplantRequest", receipt), err
		}),
		"Search": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.SearchRequest,
		) (*ctr.SearchResponse, error) {
			criteria := m.ToDomain()
			found, err := r.Search(ctx, caller, criteria)
			return ctr.NewSearchResponse(stamp, criteria.Page, found), err
		}),
		"GetImplantCard": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.GetImplantCardRequest,
		) (*ctr.GetImplantCardResponse, error) {
			content, err := r.GetImplantCard(ctx, caller, m.ToDomain())
			if err != nil {
				return nil, err
			}
			pdf, err := renderCard(ctx, content)
			return ctr.NewCardResponse(stamp, card.FileName(content), pdf), err
		}),
		"ListPatientImplants": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ListPatientImplantsRequest,
		) (*ctr.ListPatientImplantsResponse, error) {
			query := m.ToDomain()
			list, err := r.ListPatientImplants(ctx, caller, query)
			return ctr.NewListPatientImplantsResponse(stamp, query.Page, list), err
		}),
		"GetNotification": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.GetNotificationRequest,
		) (*ctr.GetNotificationResponse, error) {
			described, err := r.GetNotification(ctx, caller, m.ToDomain())
			return ctr.NewGetNotificationResponse(stamp, "GetNotificationRequest", described), err
		}),
		"ReviseNotification": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ReviseNotificationRequest,
		) (*ctr.ReviseNotificationResponse, error) {
			receipt, err := r.ReviseNotification(ctx, caller, m.ToDomain())
			return ctr.NewReviseResponse(stamp, "ReviseNotificationRequest", receipt), err
		}),
		"ValidateNotification": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ValidateNotificationRequest,
		) (*ctr.ValidateNotificationResponse, error) {
			receipt, err := r.ValidateNotification(ctx, caller, m.ToDomain())
			return ctr.NewValidateResponse(stamp, "ValidateNotificationRequest", receipt), err
		}),
		"DiscardNotification": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.DiscardNotificationRequest,
		) (*ctr.DiscardNotificationResponse, error) {
			receipt, err := r.DiscardNotification(ctx, caller, m.ToDomain())
			return ctr.NewDiscardResponse(stamp, receipt), err
		}),
		"ListPendingNotifications": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ListPendingNotificationsRequest,
		) (*ctr.ListPendingNotificationsResponse, error) {
			query := m.ToDomain()
			found, err := r.ListPendingNotifications(ctx, caller, query)
			return ctr.NewListPendingNotificationsResponse(stamp, query.Page, found), err
		}),
		"SearchDevice": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.SearchDeviceRequest,
		) (*ctr.SearchDeviceResponse, error) {
			query := m.ToDomain()
			found, err := r.SearchDevice(ctx, caller, query)
			return ctr.NewSearchDeviceResponse(stamp, query.Page, found), err
		}),
		"ManageMandate": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ManageMandateRequest,
		) (*ctr.ManageMandateResponse, error) {
			changed, err := r.ManageMandate(ctx, caller, m.ToDomain())
			return ctr.NewManageMandateResponse(stamp, changed), err
		}),
		"ListMandates": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ListMandatesRequest,
		) (*ctr.ListMandatesResponse, error) {
			page := m.ToDomain()
			found, err := r.ListMandates(ctx, caller, page)
			return ctr.NewListMandatesResponse(stamp, page, found), err
		}),
		"ManageStaff": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ManageStaffRequest,
		) (*ctr.ManageStaffResponse, error) {
			changed, err := r.ManageStaff(ctx, caller, m.ToDomain())
			return ctr.NewManageStaffResponse(stamp, changed), err
		}),
		"ListStaff": newHandler(r, func(
			ctx context.Context, caller platform.Caller, stamp ctr.ResponseInfo, m *ctr.ListStaffRequest,
		) (*ctr.ListStaffResponse, error) {
			page := m.ToDomain()
			found, err := r.ListStaff(ctx, caller, page)
			return ctr.NewListStaffResponse(stamp, page, found), err
		}),
	}
}

// requestMessage is implemented by every request struct of the contract.
type requestMessage[M any] interface {
	*M
	AuthorIDs() platform.Author
	RequestID() string
}

// newHandler builds an operation's handler: decode, identify the caller, act, encode. It maps the paths in the
// registrar's refusals to XPaths into the request.
func newHandler[M, R any, P requestMessage[M]](
	r *implants.Registrar, act func(context.Context, platform.Caller, ctr.ResponseInfo, P) (*R, error),
) soapdoor.Handler {
	return func(ctx context.Context, call *soapdoor.Call, e xmldoc.Element) ([]byte, error) {
		decoded, err := ctr.Decode[M](e)
		if err != nil {
			return nil, fmt.Errorf("decode what the schema accepted: %w", err)
		}
		m := P(decoded)
		caller, err := r.Identify(ctx, call.Message, m.AuthorIDs())
		if err != nil {
			return nil, withRequestPaths(call, m, err)
		}
		call.MarkAudited()
		stamp := ctr.ResponseInfo{ID: "_" + call.Message.Correlation, InResponseTo: m.RequestID(), IssuedAt: call.Now()}
		response, err := act(ctx, caller, stamp, m)
		if err != nil {
			return nil, withRequestPaths(call, m, err)
		}
		data, err := ctr.Encode(call.Message.Operation+"Response", response)
		if err != nil {
			return nil, fmt.Errorf("encode the response to a request that was performed: %w", err)
		}
		return data, nil
	}
}

func withRequestPaths(call *soapdoor.Call, request any, err error) error {
	return ctr.WithRequestPaths(call.Message.Operation+"Request", request, problem.From(err))
}
